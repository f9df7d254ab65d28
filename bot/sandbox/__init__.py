"""A local server that speaks the Telegram Bot API, with a chat page, for trying and testing the bot.

Everything lives in memory and nothing leaves this machine. Start it with
``python -m bot.sandbox --port 8081`` or build the ASGI application with :func:`create_app`.
"""

from bot.sandbox.server import DEFAULT_TOKEN, create_app, main

__all__ = ["DEFAULT_TOKEN", "create_app", "main"]
