"""The engine's scratch paper, `tracker.db` in the data folder: read for an export, erased, and emptied of what is old.

The engine owns it (engine/components/tracker_store.py) and erases when it is asked over HTTP. This is the other door,
for when it is away: SQLite lets a second process in. Calls block for a moment; use them in a thread.
"""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

FILE = "tracker.db"
_WAIT_SECONDS = 10.0
_TOLD = ("user", "bot")
"""The events that hold what was said; the others hold the engine's own bookkeeping of them."""


def conversation(path: Path, patient_id: str) -> list[dict[str, Any]]:
    """What the engine keeps of a person's last turns: when, who, and the words.

    Raises:
        sqlite3.Error: the file can't be read.
    """
    with _opened(path) as database:
        if database is None:
            return []
        row = database.execute("SELECT tracker FROM conversations WHERE sender_id = ?", (patient_id,)).fetchone()
    events = json.loads(row[0])["events"] if row else []
    return [
        {"at": each.get("timestamp"), "by": each["event"], "text": each.get("text")}
        for each in events
        if each.get("event") in _TOLD
    ]


def forget(path: Path, patient_id: str) -> None:
    """Delete a person's conversation and leave no byte of it in the file.

    Raises:
        sqlite3.Error: the file is in use for longer than ten seconds, or can't be written.
    """
    with _opened(path) as database:
        if database is not None:
            database.execute("DELETE FROM conversations WHERE sender_id = ?", (patient_id,))
            _scrub(database)


def expire(path: Path, before: datetime) -> int:
    """Delete what was not touched since a moment; return how many conversations that were.

    Raises:
        sqlite3.Error: the file is in use for longer than ten seconds, or can't be written.
    """
    with _opened(path) as database:
        if database is None:
            return 0
        gone = database.execute("DELETE FROM conversations WHERE updated_at < ?", (before.timestamp(),)).rowcount
        if gone:
            _scrub(database)
        return gone


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection | None]:
    """The database, each statement its own transaction; None where there is none, or nothing in it yet."""
    if not path.exists():
        yield None
        return
    database = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)
    try:
        database.execute("PRAGMA secure_delete=ON")
        known = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'conversations'").fetchone()
        yield database if known else None
    finally:
        database.close()


def _scrub(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA temp_store=MEMORY")
    database.execute("VACUUM")
    in_use, _, _ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if in_use:
        raise sqlite3.OperationalError("the engine's file is being read")
