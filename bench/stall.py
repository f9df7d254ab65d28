"""Many reminders due at one instant: how long everything else stands still, ours beside the library's JobQueue.

The JobQueue needs APScheduler, which the project does not use: it is put into an environment of its own for the run.
`python stall.py COUNT [patient]` measures the JobQueue alone and prints JSON; that is how the bench calls it in there.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

TICK_S = 0.005


class Stall:
    """Ticks beside other work, and knows by how much a tick came late at most, in milliseconds."""

    def __init__(self) -> None:
        self.longest_ms = 0.0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Stall:
        self._task = asyncio.create_task(self._tick())
        await asyncio.sleep(TICK_S * 4)
        self.longest_ms = 0.0
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        await asyncio.sleep(TICK_S * 2)
        self._task.cancel()

    async def _tick(self) -> None:
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(TICK_S)
            self.longest_ms = max(self.longest_ms, (time.perf_counter() - begun - TICK_S) * 1000)


def rss_mb() -> int:
    """The memory that this process holds now, in megabytes."""
    with open("/proc/self/statm", encoding="ascii") as opened:  # noqa: PTH123 - runs in an environment without ours
        return round(int(opened.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6)


async def job_queue(count: int, *, patient: bool = False) -> dict[str, Any]:
    """So many daily jobs of python-telegram-bot's JobQueue, all due at one instant; each only notes that it ran.

    As it comes, a job that can't begin within a second of its time is skipped until tomorrow. `patient` lets it run
    however late, as its documentation says how.
    """
    lead_s = 10 + count / 1000
    while (found := await _job_queue(count, lead_s, {"misfire_grace_time": None} if patient else None)) is None:
        lead_s *= 2  # they were due before all had been added
    return found


async def _job_queue(count: int, lead_s: float, options: dict[str, Any] | None) -> dict[str, Any] | None:
    from telegram.ext import Application, ContextTypes, JobQueue

    ran: list[float] = []

    async def remind(_context: ContextTypes.DEFAULT_TYPE) -> None:
        ran.append(time.perf_counter())

    application = Application.builder().token("1:invented").updater(None).job_queue(JobQueue()).build()
    queue = application.job_queue
    assert queue is not None
    before = rss_mb()
    # The scheduler runs: jobs are added as they are when a bot starts that has its wishes in a database of its own.
    await queue.start()
    due = datetime.now(UTC) + timedelta(seconds=lead_s)
    begun = time.perf_counter()
    async with Stall() as adding:
        for number in range(count):
            queue.run_daily(remind, due.timetz(), name=str(number), job_kwargs=options)
            if number % 50 == 49:
                await asyncio.sleep(0)
    added_s = time.perf_counter() - begun
    if datetime.now(UTC) + timedelta(seconds=4) > due:
        await queue.stop(wait=False)
        return None
    cpu = time.process_time()
    await asyncio.sleep(3)
    idle = (time.process_time() - cpu) / 3
    held = rss_mb()
    async with Stall() as dispatching:
        await asyncio.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()) + 1)
        before_last, patience = -1, 0
        while patience < 3:
            patience = patience + 1 if len(ran) == before_last else 0
            before_last = len(ran)
            await asyncio.sleep(1)
    await queue.stop(wait=False)
    return {
        "count": count,
        "added_s": round(added_s, 1),
        "stall_while_adding_ms": round(adding.longest_ms),
        "stall_when_due_ms": round(dispatching.longest_ms),
        "ran": len(ran),
        "never_ran": count - len(ran),
        "idle_cpu_share": round(idle, 4),
        "rss_mb": held,
        "rss_grew_mb": held - before,
    }


async def handled(once: Callable[[], Awaitable[int]], pause_s: float, seconds: float) -> dict[str, Any]:
    """Our dispatcher for some seconds, with its own pauses: how many it handled, and by how much ticks came late."""
    count, begun = 0, time.perf_counter()
    async with Stall() as dispatching:
        while time.perf_counter() - begun < seconds:
            count += await once()
            await asyncio.sleep(pause_s)
    return {"stall_when_due_ms": round(dispatching.longest_ms), "handled": count}


def in_an_environment(folder: str, version: str, count: int, *, patient: bool = False) -> dict[str, Any]:
    """Measure the JobQueue in an environment of its own below a folder, made with the first call.

    Raises:
        subprocess.CalledProcessError: it could not be made (no package registry), or the measuring failed.
    """
    python = f"{folder}/bin/python"
    if not os.path.exists(python):  # noqa: PTH110 - runs in an environment without ours
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        wanted = f"python-telegram-bot[job-queue]=={version}"
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wanted]
        subprocess.run(pip, check=True, stdout=sys.stderr)
    done = subprocess.run(
        [python, __file__, str(count), *(["patient"] if patient else [])], check=True, capture_output=True, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    print(json.dumps(asyncio.run(job_queue(int(sys.argv[1]), patient="patient" in sys.argv))))
