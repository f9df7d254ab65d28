"""`python -m bot`: the same as `septimus`."""

from bot.cli import main

main()
