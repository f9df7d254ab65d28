"""The gateway itself, with a clock that a file moves. Run by its path.

The file `clock` in its data folder holds by how many seconds its clock is ahead.
"""

from __future__ import annotations

import os
import sys
from datetime import datetime, timedelta
from pathlib import Path

from bot.clock import Clock, system_clock
from bot.gateway import main

FILE = "clock"


def steered(_start: datetime | None) -> Clock:
    path = Path(os.environ["SEPTIMUS_HOME"]) / FILE

    def now() -> datetime:
        ahead = float(path.read_text()) if path.exists() else 0.0
        return system_clock() + timedelta(seconds=ahead)

    return now


if __name__ == "__main__":
    vars(main)["clock_starting_at"] = steered
    sys.exit(main.main())
