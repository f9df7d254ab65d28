"""`python -m bot.gateway`."""

import sys

from bot.gateway.main import main

sys.exit(main())
