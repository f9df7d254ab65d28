"""One of our processes, with a guard that has three seconds and not a minute: `hung.py HOW GUARD MODULE [ARGUMENT ...]`.

HOW is `hung`, for one whose loop soon stands still for good, or `well`. Run by its path, in the engine's Python too.
"""

import importlib
import re
import runpy
import signal
import sys
import threading
import time


def stand_still():
    while not signal.getitimer(signal.ITIMER_REAL)[0]:
        time.sleep(0.1)
    re.match(r"(a+)+$", "a" * 60 + " said by nobody")  # holds Python's one lock for longer than anybody lives


_, how, guard, *sys.argv = sys.argv
vars(importlib.import_module(guard))["HUNG_AFTER_S"] = 3
if how == "hung":
    threading.Thread(target=stand_still, daemon=True).start()
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
