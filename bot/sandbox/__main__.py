"""``python -m bot.sandbox``."""

from bot.sandbox.server import command_line

if __name__ == "__main__":
    raise SystemExit(command_line())
