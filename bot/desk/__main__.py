"""`python -m bot.desk`."""

import gc
import sys

# What a start loads, stays: see the gateway's.
gc.disable()

from bot.desk.app import main  # noqa: E402

sys.exit(main())
