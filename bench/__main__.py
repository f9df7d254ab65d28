"""`make bench`: measures, writes bench/results.json, a line of bench/history.jsonl, and docs/performance.md.

`python -m bench NAME...` measures some parts anew and keeps the others' figures; `--small` shows quickly that all runs,
prints its figures and writes nothing. Everything is measured beside what people would use instead, in one run. Quote
the ratios; single times depend on the machine. The machine should be quiet.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from bench import desk, growth, message, reminder_rates, rest, triage, understanding
from bench.measure import Json, machine
from bench.page import HISTORY, PAGE, RESULTS, key_figures, page
from bench.system import System, plain_rasa, running
from bot.stack.model import train

type Options = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """What can be measured: how, how much of it for a quick look, and what it is given: the model, or both systems."""

    measure: Callable[..., Any]
    small: Options
    needs: str = "nothing"


PARTS: Mapping[str, Part] = {
    "start": Part(rest.measure_start, {"starts": 1}, "model"),
    "rest": Part(rest.measure_rest, {"seconds": 5.0}, "model"),
    "message": Part(message.measure, {"rounds": 10, "seconds": 4.0, "people": (1, 8), "burst": 2}, "both"),
    "conversation": Part(growth.measure_conversation, {"messages": (10, 100, 1_000), "each": 3}, "both"),
    "articles": Part(growth.measure_articles, {"articles": (100, 300), "searches": 40}),
    "people": Part(growth.measure_people, {"people": (1_000, 20_000), "messages": 15, "earlier": 500}),
    "triage": Part(triage.measure, {"seconds": 0.5}),
    "reminders": Part(reminder_rates.measure, {"counts": (1_000, 2_000), "seconds": 2.0}),
    "desk": Part(desk.measure, {"referrals": (500, 2_000), "requests": 10}),
    "size": Part(rest.measure_size, {}),
    "understanding": Part(understanding.measure, {}),
}


async def measure(names: Sequence[str], *, small: bool) -> dict[str, Json]:
    """Measure some parts, those that need no running system first; return the figures by part."""
    found: dict[str, Json] = {}

    async def one(name: str, *given: object) -> None:
        part, begun = PARTS[name], time.monotonic()
        result = part.measure(*given, **(part.small if small else {}))
        found[name] = await result if isinstance(result, Awaitable) else result
        found[name]["took_s"] = round(time.monotonic() - begun, 1)
        print(f"{name}: {found[name]['took_s']:.0f} s", file=sys.stderr, flush=True)

    wanted = {need: [name for name in PARTS if name in names and PARTS[name].needs == need] for need in _NEEDS}
    for name in wanted["nothing"]:
        await one(name)
    if any(wanted[need] for need in _NEEDS[1:]):
        model = train()
        for name in wanted["model"]:
            await one(name, model)
        if wanted["both"]:
            async with _both(model) as (system, plain):
                for name in wanted["both"]:
                    await one(name, system, plain)
    return found


_NEEDS = ("nothing", "model", "both")


@asynccontextmanager
async def _both(model: Path) -> AsyncIterator[tuple[System, str]]:
    """Run the system, and the same model as Rasa comes beside it."""
    with tempfile.TemporaryDirectory(prefix="septimus-bench-") as name:
        home, plain_home = Path(name) / "home", Path(name) / "plain-rasa"
        for folder in (home, plain_home):
            folder.mkdir()
        async with (
            running(home, model) as system,
            plain_rasa(plain_home, model, system.actions_port, system.token) as (plain, _),
        ):
            yield system, plain


def write(found: Mapping[str, Json]) -> None:
    """Write the results, with the figures of what was not measured now as they were; a line of history; the page."""
    results: Json = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    results = {name: part for name, part in results.items() if name in PARTS}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    for name, part in found.items():
        results[name] = {**part, "made_at": now}
    results = {"made_at": now, "machine": machine(), **{name: results[name] for name in PARTS if name in results}}
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    line = {"made_at": now, "measured": sorted(found), **key_figures(results)}
    with HISTORY.open("a", encoding="utf-8") as history:
        history.write(json.dumps(line) + "\n")
    PAGE.write_text(page(results), encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *PARTS], metavar="NAME", help=f"one of {', '.join(PARTS)}")
    parser.add_argument("--small", action="store_true", help="quickly, to see that all runs; write nothing")
    parser.add_argument("--page", action="store_true", help="only write docs/performance.md anew from the results")
    given = parser.parse_args(arguments)
    if given.page:
        PAGE.write_text(page(json.loads(RESULTS.read_text(encoding="utf-8"))), encoding="utf-8")
        return 0
    # The gateway's parts that run in this process would log every message.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    found = asyncio.run(measure(given.names or list(PARTS), small=given.small))
    print(json.dumps(found, indent=2))
    if not given.small:
        write(found)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
