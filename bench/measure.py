"""What every bench needs: spreads, the machine, and what processes use of it (from /proc, so on Linux alone)."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bot.settings import ROOT

type Json = dict[str, Any]

_OURS = ("python-telegram-bot", "sqlalchemy", "rasa-sdk", "spacy", "pydantic", "starlette")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_KNOWN = {
    "rasa run": "engine",
    "actions.server": "actions",
    "bot.gateway": "gateway",
    "bot.desk": "desk",
    "bot.sandbox": "sandbox",
}
"""A part of a command line, and what we call the process."""


def spread(milliseconds: Sequence[float], digits: int = 1) -> Json:
    """Return median, p95, p99 and the longest of some times in milliseconds, and how many they are."""
    ordered = sorted(milliseconds)
    return {
        "p50": round(statistics.median(ordered), digits),
        "p95": round(_at(ordered, 0.95), digits),
        "p99": round(_at(ordered, 0.99), digits),
        "max": round(ordered[-1], digits),
        "count": len(ordered),
    }


def ratio(one: float, other: float, digits: int = 2) -> float | None:
    """Return how often `other` goes into `one`; None when `other` is nothing."""
    return round(one / other, digits) if other else None


def _at(ordered: Sequence[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def machine() -> Json:
    """Return what the figures were measured on, and with which versions."""
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * _PAGE / 1e9, 1),
        "system": platform.platform(),
        "load_before": [round(each, 2) for each in os.getloadavg()],
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{name: version(name) for name in _OURS},
        "rasa": _engines("rasa"),
        "tensorflow": _engines("tensorflow"),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _engines(name: str) -> str | None:
    """A package's version in the engine's environment, which is another Python's."""
    found = sorted((ROOT / "engine" / ".venv" / "lib").glob(f"python*/site-packages/{name}-*.dist-info"))
    return found[0].name.removeprefix(f"{name}-").removesuffix(".dist-info") if found else None


@dataclass(frozen=True, slots=True)
class Used:
    """What a process has used: seconds of a core since it was started, and bytes of memory now (resident)."""

    cpu_s: float
    rss: int


def below(root: int) -> Mapping[str, Used]:
    """Return what the processes below one have used, by our name of each; of several with one name the sum."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:  # it has ended meanwhile
                continue
    found: dict[str, Used] = {}
    family, grown = {root}, True
    while grown:
        more = {child for child, parent in parents.items() if parent in family} - family
        family, grown = family | more, bool(more)
    for process in family - {root}:
        try:
            command = Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            used = of(process)
        except OSError:
            continue
        name = next((name for part, name in _KNOWN.items() if part in command), None)
        if name is not None:
            before = found.get(name, Used(0.0, 0))
            found[name] = Used(before.cpu_s + used.cpu_s, before.rss + used.rss)
    return found


def of(process: int) -> Used:
    """Return what one process has used, to the nanosecond where the kernel tells it.

    Raises:
        OSError: there is no such process any more.
    """
    folder = Path(f"/proc/{process}")
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    ticks = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    # Threads that have ended stand in the ticks alone, so the larger of the two is nearer.
    threads = sum(int((each / "schedstat").read_text().split()[0]) for each in (folder / "task").iterdir()) / 1e9
    return Used(max(ticks, threads), int(fields[21]) * _PAGE)


def used_between(before: Mapping[str, Used], after: Mapping[str, Used]) -> dict[str, float]:
    """Return the seconds of a core that each process used between two looks."""
    return {name: used.cpu_s - before[name].cpu_s for name, used in after.items() if name in before}
