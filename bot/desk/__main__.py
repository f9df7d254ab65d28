"""`python -m bot.desk`."""

import sys

from bot.desk.app import main

sys.exit(main())
