"""What a killed `septimus run` leaves behind: its processes, which go on without anybody who starts them again.

People are still answered by them, so nothing ends them before the next start does; then their ports are needed.
"""

import json
import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import structlog

log = structlog.get_logger()

FILE = "processes.json"
"""In the folder `run`: who started which processes, each with when the kernel says it began."""
_LOOK_SECONDS = 0.1


def note(run: Path, processes: Mapping[str, int]) -> None:
    """Write down the processes of this one, by name, in place of what stood there."""
    begun = {name: [pid, found[1]] for name, pid in processes.items() if (found := _parent_and_begin(pid)) is not None}
    new = run / f"{FILE}.new"
    new.write_text(json.dumps({"of": os.getpid(), "processes": begun}), encoding="utf-8")
    new.replace(run / FILE)


def end_left_over(run: Path, patience: float) -> list[str]:
    """End what a killed `septimus run` left behind; return the names. Asked first, made to after `patience` seconds.

    Processes whose own `septimus run` still lives are left alone, and so is a process that only has the number of one.
    """
    try:
        told = json.loads((run / FILE).read_text(encoding="utf-8"))
        left = {
            name: int(pid)
            for name, (pid, begun) in told["processes"].items()
            if (found := _parent_and_begin(int(pid))) is not None and found[1] == begun and found[0] != told["of"]
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError):  # none was noted, or by half
        return []
    deadline = time.monotonic() + patience
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in left.values():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, number)
        while any(map(_runs, left.values())) and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
        deadline = time.monotonic() + patience
    if left:
        log.warning("processes.left_over", names=sorted(left), remedy="ended; the last run was killed")
    return sorted(left)


def _runs(pid: int) -> bool:
    return _parent_and_begin(pid) is not None


def _parent_and_begin(pid: int) -> tuple[int, int] | None:
    """The parent of a process, and when it began in the kernel's ticks; None when it has ended, or nobody can say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[1]), int(fields[19])) if fields[0] != "Z" else None
