"""Ends a process whose event loop stands still, so that whoever started it starts it again: systemd, or Docker.

The clock is the kernel's, and who answers it is faulthandler, beside Python: also while one call, of a pattern or of a
library in C, lets nothing else run. What it writes are places in the code, and no values.
"""

import asyncio
import faulthandler
import signal

HUNG_AFTER_S = 60
"""Longer than `septimus run` waits, which asks from outside and ends what does not answer."""
_STANDARD_ERROR = 2


async def end_when_hung() -> None:
    """Run beside all else until cancelled. When this loop stands still the process says where, and ends by SIGALRM."""
    faulthandler.register(signal.SIGALRM, file=_STANDARD_ERROR, chain=True)
    try:
        while True:
            # A clock that is set, or a laptop that slept, moves this timer as little as the loop's own.
            signal.setitimer(signal.ITIMER_REAL, HUNG_AFTER_S)
            await asyncio.sleep(HUNG_AFTER_S / 6)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
