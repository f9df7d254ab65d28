"""Ends a process whose event loop stands still, so that whoever started it starts it again: systemd, or Docker.

The clock is faulthandler's, which runs beside Python: it rings even while one call, of a pattern or of a library in C,
lets nothing else run. What it writes are places in the code, and no values.
"""

import asyncio
import faulthandler

_STANDARD_ERROR = 2
HUNG_AFTER_S = 60
"""Longer than `septimus run` waits, which asks from outside and ends what does not answer."""


async def end_when_hung() -> None:
    """Run beside all else until cancelled. When this loop stands still the process says where, and ends with code 1."""
    try:
        while True:
            faulthandler.dump_traceback_later(HUNG_AFTER_S, exit=True, file=_STANDARD_ERROR)
            await asyncio.sleep(HUNG_AFTER_S / 6)
    finally:
        faulthandler.cancel_dump_traceback_later()
