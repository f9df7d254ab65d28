"""Reminders: what claiming, writing and waiting cost, and how long they hold others up, beside the JobQueue."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from bench.measure import Json
from bench.reminders import _fill, measure_schedules
from bench.stall import handled, in_an_environment, rss_mb
from bench.system import postgres
from bot.clock import system_clock
from bot.gateway.remind import MORE_SECONDS, Reminding
from bot.settings import CONTENT
from bot.store import Store
from bot.words import Words

COUNTS = (10_000, 50_000)
LOOKS_A_SECOND = 1


async def measure(*, counts: Sequence[int] = COUNTS, seconds: float = 8.0) -> Json:
    """Measure the rates on both databases, then the stall at each count, ours and the JobQueue's."""
    found: Json = {"rates": {}, "stall": {}}
    with tempfile.TemporaryDirectory(prefix="septimus-bench-") as name:
        folder = Path(name)
        found["rates"]["sqlite"] = await _rates(f"sqlite+aiosqlite:///{folder / 'rates.db'}", counts[-1])
        with postgres() as server:
            if server is not None:
                found["rates"]["postgresql"] = await _rates(server, counts[-1])
        for count in counts:
            url = f"sqlite+aiosqlite:///{folder / f'stall-{count}.db'}"
            found["stall"][str(count)] = {"septimus": await _ours(url, count, seconds), "job_queue": None}
            try:
                library = version("python-telegram-bot")
                environment = str(folder / "environment")
                found["stall"][str(count)]["job_queue"] = in_an_environment(environment, library, count)
                if count == counts[0]:
                    patient = in_an_environment(environment, library, count, patient=True)
                    found["stall"][str(count)]["job_queue_however_late"] = patient
            except subprocess.CalledProcessError as error:
                found["stall"][str(count)]["no_job_queue_because"] = f"exit code {error.returncode}"
    return found


async def _rates(url: str, count: int) -> Json:
    found = await measure_schedules(url, count)
    return {
        **found,
        "claims_a_second": round(1000 / max(0.001, found["claim_ms_a_row"])),
        "handled_a_second": round(1000 / max(0.001, found["claimed_worded_and_written_ms_a_row"])),
        "idle_share_of_a_core": round(found["idle_look_ms"]["p50"] / 1000 * LOOKS_A_SECOND, 5),
    }


async def _ours(url: str, count: int, seconds: float) -> Json:
    """So many due at one instant; our dispatcher at its own pace, which the rate that Telegram allows sets."""
    store = Store(url)
    now = system_clock()
    try:
        await store.migrate()
        await _fill(store, now, count, count)
        before = rss_mb()
        begun = time.perf_counter()
        words = Words.load(CONTENT / "words.yml")
        reminding = Reminding(store, words, system_clock, lambda: None)
        ready_s = time.perf_counter() - begun
        found = await handled(reminding.once, MORE_SECONDS, seconds)
        return {"count": count, "added_s": round(ready_s, 2), **found, "rss_grew_mb": rss_mb() - before}
    finally:
        await store.close()
