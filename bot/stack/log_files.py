"""Keeps the log files of the processes small: what is too large becomes `.1`, the older ones move up, the oldest goes.

A process holds its file open and adds to its end, so the file is copied and emptied, not renamed. A line that comes
between the two is lost.
"""

import shutil
from pathlib import Path

LARGEST = 20_000_000
"""Bytes of one file. With those kept beside it, six times as much for each process."""
KEPT = 5


def rotate(folder: Path, largest: int = LARGEST, kept: int = KEPT) -> list[str]:
    """Rotate the logs of a folder that have grown too large; return the names of their processes.

    Raises:
        OSError: a file can't be copied (a full disk): it stays as it is, and is tried again the next time.
    """
    rotated = []
    for path in sorted(folder.glob("*.log")):
        if path.stat().st_size <= largest:
            continue
        for number in range(kept - 1, 0, -1):
            older = path.with_name(f"{path.name}.{number}")
            if older.exists():
                older.replace(path.with_name(f"{path.name}.{number + 1}"))
        copied = path.with_name(f"{path.name}.part")
        try:
            shutil.copyfile(path, copied)
        except OSError:
            copied.unlink(missing_ok=True)
            raise
        copied.replace(path.with_name(f"{path.name}.1"))
        with path.open("r+b") as file:
            file.truncate()
        rotated.append(path.stem)
    return rotated
