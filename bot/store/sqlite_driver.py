"""aiosqlite with one step for a statement.

aiosqlite runs SQLite in a thread of its own, so that a lock or a slow disk holds nobody else up. Each of its calls goes
to that thread and back, and SQLAlchemy makes four for a statement: to make a cursor, to run it, to fetch its rows, to
close it. The way there and back costs more than SQLite does. Here the thread does all four at once, and is not asked
to roll back what is committed. See docs/adr/0025.
"""

import asyncio
import sqlite3
import time
from collections.abc import Iterable, Sequence
from typing import Any, Self

from aiosqlite.core import Connection

LOCK_WITHIN_S = 10
"""How long somebody waits for the file while another has it."""
_AGAIN_AFTER_S = 0.01


class _Cursor:
    """As much of a cursor as SQLAlchemy uses. All rows are fetched as the statement runs."""

    def __init__(self, connection: "OneStep") -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Iterable[Any] = ()) -> Self:
        """Run a statement and fetch what it gives."""
        await self._connection.in_thread(self._run, sqlite3.Cursor.execute, sql, parameters)
        return self

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> Self:
        """Run a statement for each of several sets of parameters."""
        await self._connection.in_thread(self._run, sqlite3.Cursor.executemany, sql, parameters)
        return self

    def _run(self, connection: sqlite3.Connection, run: Any, sql: str, parameters: Any) -> None:
        cursor = connection.cursor()
        try:
            run(cursor, sql, parameters)
            self.description = cursor.description
            self._rows = cursor.fetchall() if cursor.description else []
            self.rowcount, self.lastrowid = cursor.rowcount, cursor.lastrowid
        finally:
            cursor.close()

    async def fetchall(self) -> Sequence[Any]:
        """Return the rows that are left."""
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """Nothing is open."""


class OneStep(Connection):
    """A connection whose cursors take one step for a statement."""

    _given_up = False
    """Whether somebody stopped waiting for something that the thread may still be doing: a BEGIN, above all."""

    def cursor(self) -> Any:  # aiosqlite's own is a coroutine that can be entered, too
        """Return a new cursor."""
        return _Cursor(self)

    async def in_thread(self, run: Any, *given: Any) -> Any:
        """Call something with SQLite's connection in its thread."""
        return await self._execute(run, self._conn, *given)

    async def _execute(self, fn: Any, *given: Any, **named: Any) -> Any:
        try:
            return await super()._execute(fn, *given, **named)  # type: ignore[no-untyped-call] # it has no types
        except asyncio.CancelledError:
            self._given_up = True
            raise

    async def rollback(self) -> None:
        """Roll back what is open, if anything is or may be by the time the thread gets to it."""
        if self._given_up or self._conn.in_transaction:
            self._given_up = False
            await super().rollback()


def connect(database: str, **options: Any) -> OneStep:
    """Return a connection to a file, to be awaited: one with a write-ahead log. Its thread ends with the program."""
    connection = OneStep(lambda: _open(database, **options), iter_chunk_size=64)
    connection._thread.daemon = True  # as SQLAlchemy makes aiosqlite's own
    return connection


def _open(database: str, **options: Any) -> sqlite3.Connection:
    opened: sqlite3.Connection = sqlite3.connect(database, **options)
    try:
        _log_ahead(opened, time.monotonic() + LOCK_WITHIN_S)
    except BaseException:
        opened.close()
        raise
    return opened


def _log_ahead(opened: sqlite3.Connection, until: float) -> None:
    """Give a file its write-ahead log, for good; nothing where it has one.

    Of several who do it to a new file at once SQLite turns all but one away, and does not wait for its own timeout:
    each would wait for the other.
    """
    while True:
        try:
            opened.execute("PRAGMA journal_mode=WAL").close()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(_AGAIN_AFTER_S)
