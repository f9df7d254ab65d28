"""The way of a message asks the database the same few things, however many people and messages it holds.

Every statement is counted, and SQLite is asked how it would run each: none may read through a table that grows.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import sqlite3
from pathlib import Path

import pytest

from bench.filling import FIRST_CHAT, known, many_messages, many_people
from bench.way import Statements, Way, counted, without_engine
from bot.dialogue import Dialogue
from bot.store import Store

CHAT = 42
MOST = 25
"""So many statements make the dearest of these messages, at most; a plain question makes about half."""
# Read as a whole they stay small: a handful of rows for each installation, whoever and however many use it.
SMALL = frozenset({"facts", "clinics", "alembic_version"})
_WITH = re.compile(r"\bWITH (\w+)")
_SCAN = re.compile(r"\bSCAN (\w+)")
_NAMED = re.compile(r"\b(?:FROM|JOIN|UPDATE|INTO)\s+(\w+)(?:\s+AS\s+(\w+))?")

TALK = (
    ("a question", "how do I protect my eye at night?"),
    ("a follow-up", "and in the day?"),
    ("an emergency", "my arm is weak and my face has dropped"),
    ("a possible emergency", "my face is getting weaker"),
    ("its answer", "no"),
    ("a command", "/help"),
    ("nonsense", "qwertz zuiop"),
    ("a reminder", "remind me to do my exercises every day at 08:00"),
    ("the check-in", "/checkin"),
    ("exercises", "/exercise"),
    ("progress", "/progress"),
    ("a request for an assessment", "/refer"),
    ("a tap", "good:eye-care-night"),
    ("an article", "open:eye-care-night"),
)


@pytest.fixture(scope="module")
def dialogue() -> Dialogue:
    return without_engine()


async def _talk(store: Store, dialogue: Dialogue) -> dict[str, Statements]:
    """Lead each kind of message all the way, each twice: the first time may make what the second finds."""
    way = Way(store, dialogue)
    found: dict[str, Statements] = {}
    for name, text in TALK:
        lead = way.tap if re.fullmatch(r"[a-z]+:[a-z-]+", text) else way.message
        await lead(CHAT, text)
        with counted() as made:
            await lead(CHAT, text)
        found[name] = made
    return found


async def _with_one(store: Store) -> None:
    async with store.writing() as session:
        await known(session, CHAT)


async def test_a_message_costs_the_same_statements_with_many_as_with_one_and_each_has_an_index(
    migrated_sqlite: Path, tmp_path: Path, dialogue: Dialogue
) -> None:
    paths = {size: shutil.copy(migrated_sqlite, tmp_path / f"{size}.db") for size in ("small", "large")}
    stores = {size: Store(f"sqlite+aiosqlite:///{path}") for size, path in paths.items()}
    for store in stores.values():
        await _with_one(store)
    await many_people(stores["large"], 5_000)
    for chat in (CHAT, FIRST_CHAT + 1):
        await many_messages(stores["large"], chat, 1_000)

    made = {size: await _talk(store, dialogue) for size, store in stores.items()}
    for store in stores.values():
        await store.close()

    few, many = ({name: each.texts for name, each in made[size].items()} for size in ("small", "large"))
    assert many == few
    counts = {name: len(texts) for name, texts in many.items()}
    assert max(counts.values()) <= MOST, counts
    scans = {
        f"{size}, {name}: {statement}\n    {step}"
        for size, path in paths.items()
        for name, each in made[size].items()
        for statement, step in _all_scans(path, each)
    }
    assert not scans, "\n".join(sorted(scans))


def _all_scans(path: Path, made: Statements) -> list[tuple[str, str]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return [(text, step) for text, given in made.queries for step in _scans(connection, text, given)]


def _scans(connection: sqlite3.Connection, statement: str, parameters: object) -> list[str]:
    """How SQLite would read through a table that grows, in its own words."""
    plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)  # type: ignore[arg-type]
    steps = [str(row[3]) for row in plan]
    own = SMALL | set(_WITH.findall(statement))
    tables = {alias or table: table for table, alias in _NAMED.findall(statement)}
    return [step for step in steps for name in _SCAN.findall(step) if tables.get(name, name) not in own]


def test_a_scan_is_seen(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "one.db")
    connection.execute("CREATE TABLE letters (id INTEGER PRIMARY KEY, words TEXT)")
    assert _scans(connection, "SELECT id FROM letters AS mine WHERE words = ?", ("a",))
    assert not _scans(connection, "SELECT words FROM letters WHERE id = ?", (1,))
    connection.close()
