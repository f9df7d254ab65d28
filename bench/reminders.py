"""Measure reminders under fire: `python -m bench.reminders` prints JSON and writes docs/reminders.md.

The real gateway process runs against the local Bot API, with no engine and no action server beside it. Quote ratios and
counts; single times depend on the machine. It takes about twenty minutes; `python -m bench.reminders answers` measures
one part and writes nothing.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

from bot.clock import system_clock
from bot.gateway.remind import Reminding
from bot.patient import Step, new_pseudonym
from bot.reminders.schedule import Schedule
from bot.settings import CONTENT, ROOT
from bot.store import Store, reminders
from bot.store.tables import PatientRow, ReminderRow
from bot.words import Words

if TYPE_CHECKING:
    from tests.e2e.gateway_process import Gateway, Person, Telegram

TABLE = ROOT / "docs" / "reminders.md"
QUESTION = "What is Bell's palsy?"
ALLOWED = 30
"""Messages a second that Telegram allows a bot."""
ENOUGH = 0.98
_IN_CHAT = 4500  # the sandbox knows no more people than 5,000

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Killed:
    """What many kills did. `doubled` is, for each kill, how many reminders it let come twice."""

    due: int
    lost: int
    doubled: tuple[int, ...]
    came_again: int

    @property
    def told(self) -> str:
        """In one line."""
        return (
            f"{self.due} due, {len(self.doubled)} kills: {self.lost} lost, {self.came_again} came twice, "
            f"at most {max(self.doubled)} for one kill"
        )


def killed_at_random(
    gateway: Gateway, telegram: Telegram, people: Collection[int], *, kills: int, longest: float, seed: int
) -> Killed:
    """Kill the gateway so often, each time up to `longest` seconds after it was ready; then let it finish.

    A kill lets a reminder come twice when Telegram took it during that life, and it isn't marked as sent.
    """
    moments = random.Random(seed)
    taken: Counter[int] = Counter()
    doubled = []
    for _ in range(kills):
        gateway.start()
        time.sleep(moments.uniform(0, longest))
        gateway.kill()
        by_now = _taken(telegram, people)
        marked = {chat for chat, row in gateway.outbox(people) if row.state == "sent"}
        doubled.append(sum(by_now[chat] > taken[chat] for chat in by_now if chat not in marked))
        taken = by_now
    gateway.start()
    _until(lambda: set(_accepted(telegram, people)) >= set(people) and gateway.is_idle(people), 300)
    came = _accepted(telegram, people)
    return Killed(len(people), len(set(people) - set(came)), tuple(doubled), came.total() - len(came))


def _taken(telegram: Telegram, people: Collection[int]) -> Counter[int]:
    """Whom Telegram took something for, once it has worked off what the dead process had sent."""
    before = None
    while True:
        calls = telegram.sends(people)
        now = len(calls), sum(call["ms"] is not None for call in calls)
        if now == before and now[0] == now[1]:
            return Counter(call["params"]["chat_id"] for call in calls if call["code"] == 200)
        before = now
        time.sleep(0.05)


def _accepted(telegram: Telegram, people: Collection[int]) -> Counter[int]:
    return Counter(call["params"]["chat_id"] for call in telegram.sends(people) if call["code"] == 200)


def _until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not in {seconds:g} s")
        time.sleep(0.3)


# ---- the parts


def measure_kills(process: ModuleType, folder: Path, due: int = 1000, kills: int = 100) -> Json:
    """1,000 due, and 100 kills at random moments while they are sent."""
    with _Sandbox(process) as telegram:
        people = range(10_001, 10_001 + due)
        gateway = _gateway(process, folder, telegram, people)
        try:
            gateway.promise(people, system_clock())
            found = killed_at_random(gateway, telegram, people, kills=kills, longest=0.6, seed=6)
        finally:
            gateway.kill()
    return {
        "due": found.due,
        "kills": kills,
        "lost": found.lost,
        "came_twice": found.came_again,
        "most_for_one_kill": max(found.doubled),
        "told_by_kill": sum(found.doubled),
    }


def measure_answers(process: ModuleType, folder: Path, due: int = 10_000, questions: int = 80) -> Json:
    """10,000 due at one instant: how fast the bot answers meanwhile beside idle, and how many reminders a second."""
    with _Sandbox(process) as telegram:
        people = range(10_001, 10_001 + due)
        askers = [process.Person(1101 + number, telegram) for number in range(20)]
        gateway = _gateway(process, folder, telegram, people, askers)
        try:
            gateway.start()
            _ask(telegram, askers, 20)
            idle = _ask(telegram, askers, questions)
            gateway.kill()
            gateway.promise(people, system_clock())
            gateway.start()
            _ask(telegram, askers, 20)  # what the first messages after a start take is not the reminders' doing
            busy = _ask(telegram, askers, questions)
            began = telegram.last_call()
            time.sleep(38)
            sent = _times(telegram, people, began)
        finally:
            gateway.kill()
    return {
        "due": due,
        "idle_ms": _spread(idle),
        "busy_ms": _spread(busy),
        "p95_busy_to_idle": round(_p95(busy) / _p95(idle), 2),
        "stretch": len(sent),
        "sent_a_second": round(_rate(sent), 2),
        "share_of_allowed": round(_rate(sent) / ALLOWED, 3),
    }


def measure_slow_telegram(process: ModuleType, folder: Path, stretch: int = 600) -> Json:
    """The rate, and how many are on their way at once, when Telegram takes its time to answer."""
    found = {}
    for number, delay in enumerate((0.0, 0.025, 0.05, 0.1, 0.2)):
        with _Sandbox(process) as telegram:
            people = range(10_001, 10_001 + stretch + 200)
            gateway = _gateway(process, folder / str(number), telegram, people)
            try:
                if delay:
                    telegram.fault("sendMessage", delay=delay, times=100_000)
                gateway.promise(people, system_clock())
                gateway.start()
                _until(lambda: len(_times(telegram, people, 0)) >= stretch, 120)  # noqa: B023 (called at once)
                calls = telegram.sends(people)
            finally:
                gateway.kill()
        begun = [call["time"] for call in calls][30:stretch]
        through = [call["time"] + call["ms"] / 1000 for call in calls if call["ms"] is not None]
        side_by_side = [sum(start <= at for start in begun) - sum(end <= at for end in through[30:]) for at in begun]
        found[f"{delay * 1000:g}"] = {
            "share_of_allowed": round(_rate(begun) / ALLOWED, 3),
            "usually_on_their_way": statistics.median_high(side_by_side),
            "most_on_their_way": max(side_by_side),
        }
    return found


async def measure_schedules(url: str, count: int = 50_000, due: int = 2_000) -> Json:
    """What claiming what is due costs a row, and an idle look, with so many schedules."""
    store = Store(url)
    now = system_clock()
    try:
        await store.migrate()
        await _fill(store, now, count, due)
        claims = []
        for _ in range(5):
            began = time.perf_counter()
            async with store.writing() as session:
                claimed = len(await reminders.claim(session, now, 200))
            claims.append((time.perf_counter() - began) * 1000 / claimed)
        reminding = Reminding(store, Words.load(CONTENT / "words.yml"), lambda: now, lambda: None)
        began, handled = time.perf_counter(), 0
        while found := await reminding.once():
            handled += found
        whole = (time.perf_counter() - began) * 1000 / handled
        idle = []
        for _ in range(200):
            began = time.perf_counter()
            await reminding.once()
            idle.append((time.perf_counter() - began) * 1000)
    finally:
        await store.close()
    return {
        "schedules": count,
        "due": handled,
        "claim_ms_a_row": round(statistics.median(claims), 3),
        "claimed_worded_and_written_ms_a_row": round(whole, 3),
        "idle_look_ms": _spread(idle),
    }


async def _fill(store: Store, now: datetime, count: int, due: int) -> None:
    rule = Schedule(kind="exercises", zone="Europe/London", times=(now.time().replace(second=0, microsecond=0),))
    spread = random.Random(6)
    for some in batched(range(count), 1000):
        people = [
            {"id": new_pseudonym(), "created_at": now, "step": Step.DONE.value, "consented_at": now, "misses": 0}
            for _ in some
        ]
        rows = [
            {
                "patient_id": person["id"],
                "name": "abc123",
                "rule": rule.dumps(),
                "state": "active",
                "due_at": (at := now if number < due else now + timedelta(seconds=spread.uniform(60, 86_000))),
                "look_at": at,
            }
            for number, person in zip(some, people, strict=True)
        ]
        async with store.writing() as session:
            await session.execute(insert(PatientRow), people)
            await session.execute(insert(ReminderRow), rows)


# ---- what they need


class _Sandbox:
    """A sandbox's process, ended with the block."""

    def __init__(self, process: ModuleType) -> None:
        self._telegram: Telegram = process.Telegram()

    def __enter__(self) -> Telegram:
        return self._telegram

    def __exit__(self, *_: object) -> None:
        self._telegram.close()


def _gateway(
    process: ModuleType, folder: Path, telegram: Telegram, people: Sequence[int], askers: Sequence[Person] = ()
) -> Gateway:
    gateway: Gateway = process.Gateway(folder, telegram)
    gateway.onboard([*people, *(each.id for each in askers)])
    for person in (*people[:_IN_CHAT], *(each.id for each in askers)):
        telegram.post("/sandbox/users", user=person, name=f"Invented {person}", language_code="en")
    return gateway


def _ask(telegram: Telegram, askers: Sequence[Person], questions: int) -> list[float]:
    """Ask two questions a second, and return the milliseconds until Telegram had each answer."""
    apart, after, asked = random.Random(6), telegram.last_call(), []
    for number in range(questions):
        asker = askers[number % len(askers)]
        asked.append((asker.id, time.time()))
        asker.says(QUESTION)
        time.sleep(apart.uniform(0.3, 0.7))
    ids = {each.id for each in askers}
    _until(lambda: len(telegram.sends(ids, after)) >= questions, 60)
    answers = [(call["params"]["chat_id"], call["time"]) for call in telegram.sends(ids, after)]
    return [(min(at for who, at in answers if who == asker and at >= said) - said) * 1000 for asker, said in asked]


def _times(telegram: Telegram, people: Collection[int], after: int) -> list[float]:
    return sorted(call["time"] for call in telegram.sends(people, after))


def _rate(times: Sequence[float]) -> float:
    return (len(times) - 1) / (times[-1] - times[0])


def _p95(taken: Sequence[float]) -> float:
    return sorted(taken)[int(len(taken) * 0.95)]


def _spread(taken: Sequence[float]) -> Json:
    return {"p50": round(statistics.median(taken), 1), "p95": round(_p95(taken), 1), "count": len(taken)}


def _beside(name: str, path: Path) -> ModuleType:
    """A module of the tests. By its path: a package that others installed by mistake is called `tests`, too."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _table(found: Json) -> str:
    """The figures as a page."""
    killed, answers, slow = found["kills"], found["answers"], found["slow_telegram"]
    lines = [
        "# Reminders under fire: what was measured",
        "",
        "Written by `python -m bench.reminders`: the real gateway process against the local Bot API, with no engine",
        f"and no action server. {found['machine']['cores']} cores, Python {found['machine']['python']}.",
        "Ratios and counts carry over to other machines, single times don't. A ratio below 1 is no gain: the idle part",
        "was slower, by other work or for a reason not known.",
        "",
        "| what | measured | promised |",
        "|---|---|---|",
        f"| {killed['due']:,} due, killed (SIGKILL) {killed['kills']} times at random moments: lost | {killed['lost']} "
        "| 0 |",
        f"| ... came twice, in all | {killed['came_twice']} | counted |",
        f"| ... came twice, for one kill | at most {killed['most_for_one_kill']} | at most 1 |",
        f"| {answers['due']:,} due at one instant: p95 of an answer, beside idle "
        f"| {answers['p95_busy_to_idle']}-fold ({answers['busy_ms']['p95']} and {answers['idle_ms']['p95']} ms) "
        "| under 2-fold |",
        f"| sent, as a share of the {ALLOWED} a second that Telegram allows, over {answers['stretch']:,} "
        f"| {answers['share_of_allowed']:.1%} | at least {ENOUGH:.0%} |",
    ]
    for name, each in found["schedules"].items():
        lines += [
            f"| {each['schedules']:,} schedules, {name}: claiming a due one | {each['claim_ms_a_row']} ms | < 1 ms |",
            f"| ... claimed, worded, moved on and written to the outbox "
            f"| {each['claimed_worded_and_written_ms_a_row']} ms | |",
            f"| ... a look when nothing is due, p50 | {each['idle_look_ms']['p50']} ms | < 5 ms |",
        ]
    lines += [
        "",
        "## When Telegram is slow",
        "",
        "Telegram has no key by which to ask whether it took a message. What it took and we had not yet written down",
        "when the process was killed comes twice: as many as were on their way. So reminders go out one at a time.",
        "Where Telegram takes longer than the 34 ms that its own rate leaves for each, one at a time would be slower",
        "than the rate, and the next starts beside it. What one kill can double is counted here at Telegram's end,",
        "where one may still seem on its way when its answer has arrived.",
        "",
        "| Telegram takes so much longer | share of the allowed rate | on their way at once, usually | at most |",
        "|---|---|---|---|",
        *(
            f"| {ms} ms | {each['share_of_allowed']:.1%} "
            f"| {each['usually_on_their_way']} | {each['most_on_their_way']} |"
            for ms, each in slow.items()
        ),
        "",
    ]
    return "\n".join(lines)


def main(parts: Sequence[str]) -> int:
    """Measure all, or the parts named: kills, answers, slow_telegram, schedules."""
    process = _beside("gateway_process", ROOT / "tests" / "e2e" / "gateway_process.py")
    postgres = _beside("postgres", ROOT / "tests" / "postgres.py")
    found: Json = {"machine": {"cores": os.cpu_count(), "python": platform.python_version()}}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not parts or "schedules" in parts:
            found["schedules"] = {}
            sqlite = nullcontext(f"sqlite+aiosqlite:///{folder / 'schedules.db'}")
            for database, opened in (("SQLite", sqlite), ("PostgreSQL", postgres.server())):
                with opened as url:
                    found["schedules"][database] = asyncio.run(measure_schedules(url))
        for part, measure in (
            ("answers", measure_answers),
            ("slow_telegram", measure_slow_telegram),
            ("kills", measure_kills),
        ):
            if not parts or part in parts:
                found[part] = measure(process, folder / part)
                print(json.dumps({part: found[part]}), file=sys.stderr, flush=True)
    print(json.dumps(found, indent=2))
    if not parts:
        TABLE.write_text(_table(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
