"""One of our processes whose loop soon stands still for good: `hung.py MODULE [ARGUMENT ...]`. Run by its path.

It has two seconds and not a minute; all else is as it is. Runs in the engine's Python too.
"""

import faulthandler
import re
import runpy
import sys
import threading
import time

looked_at = threading.Event()
dump_traceback_later = faulthandler.dump_traceback_later


def two_seconds(_timeout, **named):
    looked_at.set()
    dump_traceback_later(2, **named)


def stand_still():
    looked_at.wait()
    time.sleep(0.5)
    re.match(r"(a+)+$", "a" * 60 + " said by nobody")  # holds Python's one lock for longer than anybody lives


faulthandler.dump_traceback_later = two_seconds
threading.Thread(target=stand_still, daemon=True).start()
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
