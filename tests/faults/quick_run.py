"""`septimus run` itself, with shorter waits than a machine in use has. Run by its path, in a copy of the program."""

from __future__ import annotations

import sys

from bot.cli import main
from bot.stack import processes

processes.CHECK_SECONDS = 0.3
processes.CHECK_TIMEOUT_SECONDS = 1.0
processes.HUNG_AFTER_SECONDS = 4.0
processes.RESTART_PAUSE_SECONDS = 0.3
processes.LONGEST_PAUSE_SECONDS = 0.6

if __name__ == "__main__":
    sys.argv = ["septimus", "run"]
    main()
