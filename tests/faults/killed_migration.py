"""Brings a database to the newest version, and ends itself by SIGKILL at one statement of it. Run by its path.

Arguments: the database's address, and the number of the statement that changes tables at which to end (0: never).
Without an end it prints how many there were.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Any

from sqlalchemy import Engine, event

from bot.store import Store

CHANGES = ("CREATE", "ALTER", "DROP", "INSERT", "UPDATE", "DELETE")
seen = 0


@event.listens_for(Engine, "before_cursor_execute")
def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
    global seen
    if statement.lstrip().upper().startswith(CHANGES):
        seen += 1
        if seen == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)


async def migrate() -> None:
    store = Store(sys.argv[1])
    await store.migrate()
    await store.close()


if __name__ == "__main__":
    asyncio.run(migrate())
    print(seen)
