"""The engine's scratch paper: read for an export, erased, and emptied of what is old.

The engine owns it (engine/filed_tracker.py) and erases when it is asked over HTTP. This is the other door, for when it
is away: `tracker.db` in the data folder, where SQLite lets a second process in, or the table that several engines
share in the schema `engine` of a PostgreSQL. Calls block for a moment; use them in a thread.
"""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

FILE = "tracker.db"


class Unavailable(Exception):
    """The scratch paper can't be read or written just now: it is away, broken, or in use for ten seconds."""


type Where = Path | str
"""The file, or the address as the engine has it: sqlite:////file or postgresql://user@host/name."""

_WAIT_SECONDS = 10
_TOLD = ("user", "bot")
"""The events that hold what was said; the others hold the engine's own bookkeeping of them."""


def conversation(where: Where, patient_id: str) -> list[dict[str, Any]]:
    """What the engine keeps of a person's last turns: when, who, and the words.

    Raises:
        Unavailable: it can't be read.
    """
    with _opened(where) as paper:
        kept = paper.tracker(patient_id) if paper is not None else None
    events = json.loads(kept)["events"] if kept is not None else []
    return [
        {"at": each.get("timestamp"), "by": each["event"], "text": each.get("text")}
        for each in events
        if each.get("event") in _TOLD
    ]


def forget(where: Where, patient_id: str) -> None:
    """Delete a person's conversation, and leave no byte of it in a file.

    Raises:
        Unavailable: it can't be written.
    """
    with _opened(where) as paper:
        if paper is not None:
            paper.delete("sender_id", patient_id)
            paper.scrub()


def expire(where: Where, before: datetime) -> int:
    """Delete what was not touched since a moment; return how many conversations that were.

    Raises:
        Unavailable: it can't be written.
    """
    with _opened(where) as paper:
        gone = paper.delete("updated_at", before.timestamp()) if paper is not None else 0
        if gone and paper is not None:
            paper.scrub()
        return gone


_DELETE = {
    "sender_id": "DELETE FROM {table} WHERE sender_id = {value}",
    "updated_at": "DELETE FROM {table} WHERE updated_at < {value}",
}


class _File:
    """The engine's file, each statement its own transaction."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def tracker(self, patient_id: str) -> str | None:
        found = self._database.execute("SELECT tracker FROM conversations WHERE sender_id = ?", (patient_id,))
        row = found.fetchone()
        return str(row[0]) if row else None

    def delete(self, by: str, value: str | float) -> int:
        return self._database.execute(_DELETE[by].format(table="conversations", value="?"), (value,)).rowcount

    def scrub(self) -> None:
        self._database.execute("PRAGMA temp_store=MEMORY")
        self._database.execute("VACUUM")
        in_use, _, _ = self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if in_use:
            raise sqlite3.OperationalError("the engine's file is being read")


class _Table:
    """The table that several engines share, each statement its own transaction."""

    def __init__(self, database: "psycopg.Connection[Any]") -> None:
        self._database = database

    def tracker(self, patient_id: str) -> str | None:
        found = self._database.execute("SELECT tracker FROM engine.conversations WHERE sender_id = %s", (patient_id,))
        row = found.fetchone()
        return str(row[0]) if row else None

    def delete(self, by: str, value: str | float) -> int:
        statement = _DELETE[by].format(table="engine.conversations", value="%s")
        return self._database.execute(statement.encode(), (value,)).rowcount

    def scrub(self) -> None:
        """Nothing: what PostgreSQL's files hold of deleted rows is its vacuum's, see docs/privacy.md."""


@contextlib.contextmanager
def _opened(where: Where) -> Iterator[_File | _Table | None]:
    """The scratch paper; None where there is none, or nothing on it yet."""
    if isinstance(where, str) and where.startswith("postgresql:"):
        with _shared(where) as table:
            yield table
    else:
        with _file(Path(str(where).removeprefix("sqlite:///"))) as file:
            yield file


@contextlib.contextmanager
def _file(path: Path) -> Iterator[_File | None]:
    if not path.exists():
        yield None
        return
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)) as database:
            database.execute("PRAGMA secure_delete=ON")
            known = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'conversations'").fetchone()
            yield _File(database) if known else None
    except sqlite3.Error as error:
        raise Unavailable(type(error).__name__) from error


@contextlib.contextmanager
def _shared(address: str) -> Iterator[_Table | None]:
    import psycopg  # here: it takes long, and most have no PostgreSQL

    options = f"-c lock_timeout={_WAIT_SECONDS * 1000} -c statement_timeout={_WAIT_SECONDS * 1000}"
    try:
        with psycopg.connect(address, autocommit=True, connect_timeout=_WAIT_SECONDS, options=options) as database:
            known = database.execute("SELECT to_regclass('engine.conversations')").fetchone()
            yield _Table(database) if known is not None and known[0] is not None else None
    except psycopg.Error as error:
        raise Unavailable(type(error).__name__) from error
