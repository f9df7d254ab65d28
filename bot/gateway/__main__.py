"""`python -m bot.gateway`."""

import gc
import sys

# What a start loads, stays. To look through it again and again for what may go costs a tenth of the start; `main` turns
# this on again.
gc.disable()

from bot.gateway.main import main  # noqa: E402

sys.exit(main())
