"""The store: tables, migrations and repositories.

The one place that knows SQL, and beside the gateway the only one that knows a Telegram id. Everything above it asks by
a person's pseudonym.
"""

from bot.store.database import Store

__all__ = ["Store"]
