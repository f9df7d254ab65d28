"""SQLite's driver: rows, counts and errors as SQLAlchemy expects them, and no transaction left open behind its back."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.store.sqlite_driver import OneStep, connect


@pytest.fixture
async def connection(tmp_path: Path) -> AsyncIterator[OneStep]:
    made = await connect(str(tmp_path / "some.db"), isolation_level=None)
    await run(made, "CREATE TABLE words (id INTEGER PRIMARY KEY, word TEXT UNIQUE)")
    yield made
    await made.close()


async def run(connection: OneStep, sql: str, parameters: tuple[Any, ...] = ()) -> Any:
    return await connection.cursor().execute(sql, parameters)


async def test_a_statement_gives_its_rows_once(connection: OneStep) -> None:
    cursor = await run(connection, "INSERT INTO words (word) VALUES (?), (?) RETURNING id, word", ("one", "two"))
    assert await cursor.fetchall() == [(1, "one"), (2, "two")]
    assert await cursor.fetchall() == []
    assert [column[0] for column in cursor.description] == ["id", "word"]


async def test_a_change_tells_how_many_rows_it_met_and_the_last_ones_number(connection: OneStep) -> None:
    await connection.cursor().executemany("INSERT INTO words (word) VALUES (?)", [("one",), ("two",)])
    added = await run(connection, "INSERT INTO words (word) VALUES ('three')")
    assert (added.lastrowid, added.description, await added.fetchall()) == (3, None, [])
    assert (await run(connection, "UPDATE words SET word = word || '!'")).rowcount == 3


async def test_a_statement_that_fails_says_so_and_the_next_one_works(connection: OneStep) -> None:
    await run(connection, "INSERT INTO words (word) VALUES ('one')")
    with pytest.raises(sqlite3.IntegrityError):
        await run(connection, "INSERT INTO words (word) VALUES ('one')")
    assert await (await run(connection, "SELECT word FROM words")).fetchall() == [("one",)]


async def test_what_is_open_is_rolled_back_and_what_is_not_needs_none(connection: OneStep) -> None:
    await connection.rollback()
    await run(connection, "BEGIN IMMEDIATE")
    await run(connection, "INSERT INTO words (word) VALUES ('one')")
    await connection.rollback()
    assert await (await run(connection, "SELECT word FROM words")).fetchall() == []


async def test_a_begin_that_nobody_waits_for_any_more_is_rolled_back_too(connection: OneStep, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "some.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    begin = asyncio.create_task(run(connection, "BEGIN IMMEDIATE"))
    await asyncio.sleep(0.1)
    begin.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await begin
    rolled_back = asyncio.create_task(connection.rollback())
    await asyncio.sleep(0)
    other.execute("ROLLBACK")
    await rolled_back
    await run(connection, "SELECT 1")  # after whatever the thread was still at
    assert not connection.in_transaction
    other.close()


async def test_who_is_turned_away_while_another_prepares_the_file_tries_again(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "new.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    opening = asyncio.ensure_future(connect(str(tmp_path / "new.db"), isolation_level=None, timeout=0))
    await asyncio.sleep(0.1)
    assert not opening.done()
    other.execute("COMMIT")
    opened = await opening
    assert await (await run(opened, "PRAGMA journal_mode")).fetchall() == [("wal",)]
    await opened.close()
    other.close()


async def test_what_is_no_database_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "letter.db").write_bytes(b"a letter, not a database " * 100)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        await connect(str(tmp_path / "letter.db"))
