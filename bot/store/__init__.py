"""The store: tables, migrations and repositories.

The one place that knows SQL, and beside the gateway the only one that knows a Telegram id. Everything above it asks by
a person's pseudonym.
"""

from bot.store import clinic_tables as clinic_tables  # so that the metadata is whole for whoever asks
from bot.store.database import Store
from bot.store.tables import MAIN_BOT

__all__ = ["MAIN_BOT", "Store"]
