"""What is sealed in a database: which keys it needs, whether every row opens, and sealing all of it anew.

The fact `keys` names the fingerprints of all keys that something may be sealed with. A start that lacks one of them is
refused before anything is read or written. What is sealed says itself by which key, so that SQL can count and find it.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Table,
    Text,
    and_,
    cast,
    delete,
    func,
    insert,
    inspect,
    not_,
    or_,
    select,
    text,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from bot.store import keys as key_file
from bot.store import schema
from bot.store.keys import Keyring, KeysUnusable, NotOpened, fingerprint_of, mark_of
from bot.store.sealed import SealedJson, columns_of
from bot.store.tables import Base, FactRow

if TYPE_CHECKING:
    from bot.store.database import Store

FACT = "keys"
SINCE = "0013"
"""The first version of the tables in which anything is sealed."""
BATCH = 200
"""Rows in one transaction: so few that whoever writes something meanwhile is not kept waiting."""
SETTLED = timedelta(minutes=10)
"""No transaction takes so long: after it none uses the key that was the newest before the file changed."""
_PAUSE_SECONDS = 0.01
_FINGERPRINT = 8


@dataclass(frozen=True, slots=True)
class Shut:
    """A row that can't be opened: where it is, and by which key it was sealed."""

    table: str
    column: str
    id: str
    key: str


# at a start


def check(connection: Connection, ring: Keyring, *, may_make: bool) -> bool:
    """See that the keys fit an open database.

    Args:
        connection: of the database.
        ring: the keys.
        may_make: whether a key file is made where there is none and nothing is sealed yet.

    Returns:
        whether there are keys now.

    Raises:
        KeysUnusable: the file is missing, broken, or lacks a key that the database needs.
    """
    needed = _needed(connection)
    if not ring.is_there():
        if needed is not None and _holds_sealed(connection):
            raise KeysUnusable(
                f"There is no key file at {ring.path}, but the database holds what people wrote, sealed with the key "
                f"{_listed(needed)}. Nobody can read it without the file, and nothing was changed. Put it back from "
                "your copy, or name the right file in SEPTIMUS_KEYS_FILE."
            )
        if may_make:
            key_file.make(ring.path)
        return may_make
    missing = [each for each in needed or () if each not in ring.fingerprints()]
    if missing and _holds_sealed(connection, missing):
        raise KeysUnusable(
            f"The key file {ring.path} is not this database's: what people wrote is sealed with the key "
            f"{_listed(missing)}, which is not in it. Nothing was changed. Put the right file there, or name it in "
            "SEPTIMUS_KEYS_FILE."
        )
    return True


def note(connection: Connection, ring: Keyring) -> None:
    """Write down that the newest key is in use, beside those that are."""
    needed, newest = _needed(connection) or (), ring.fingerprints()[0]
    known = ring.fingerprints()
    if newest not in needed or set(needed) - set(known):
        told = [each for each in known if each == newest or each in needed]
        kind = sqlite if connection.dialect.name == "sqlite" else postgresql
        noted = kind.insert(FactRow).values(name=FACT, value=",".join(told))
        # Of several processes that start at once each may find it missing.
        connection.execute(noted.on_conflict_do_update(index_elements=["name"], set_={"value": noted.excluded.value}))


def _needed(connection: Connection) -> Sequence[str] | None:
    """The fingerprints of the keys in use; None for a database in which nothing can be sealed yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    known = schema.revisions()
    if version is None or (version in known and known.index(version) < known.index(SINCE)):
        return None
    told = connection.execute(select(FactRow.value).where(FactRow.name == FACT)).scalar()
    return told.split(",") if told else ()


def _holds_sealed(connection: Connection, by: Sequence[str] | None = None) -> bool:
    """Whether anything is sealed at all, or by one of these keys."""
    for table in sealed_tables():
        for column in _raw(table).values():
            here = column.is_not(None) if by is None else or_(*(column.startswith(mark_of(each)) for each in by))
            if connection.execute(select(1).select_from(table).where(here).limit(1)).scalar():
                return True
    return False


# while everything runs


async def in_use(session: AsyncSession) -> dict[str, int]:
    """Return how many fields are sealed by each key, by its fingerprint."""
    found: dict[str, int] = {}
    for table in sealed_tables():
        for column in _raw(table).values():
            key = func.substr(column, 1, _FINGERPRINT)
            rows = await session.execute(select(key, func.count()).where(column.is_not(None)).group_by(key))
            for name, number in rows:
                found[name] = found.get(name, 0) + number
    return found


async def shut(store: "Store") -> AsyncIterator[Shut]:
    """Open every sealed field of the database, and give those that can't be."""
    for table in sealed_tables():
        raw, key = _raw(table), _key(table)
        last: Any = None
        while True:
            query = select(key, *(column.label(name) for name, column in raw.items())).order_by(key).limit(BATCH)
            async with store.reading() as session:
                rows = (await session.execute(query if last is None else query.where(key > last))).all()
            for number, *values in rows:
                for name, value in zip(raw, values, strict=True):
                    try:
                        if value is not None:
                            store.keys.open(value)
                    except NotOpened:
                        yield Shut(table.name, name, str(number), fingerprint_of(value)[:_FINGERPRINT])
            if len(rows) < BATCH:
                break
            last = rows[-1][0]
            await asyncio.sleep(0)


async def rotate(store: "Store") -> AsyncGenerator[tuple[str, int]]:
    """Seal anew, under the newest key, whatever another key has sealed: 200 rows a transaction.

    Everything may run meanwhile; who is killed half-way starts again and goes on. A row that somebody writes at this
    very moment is passed by and comes in the next round, so that nobody waits for nobody.

    Yields:
        a table, and how many rows of it one transaction sealed anew.

    Raises:
        NotOpened: a row can't be opened. All others are as they were, or sealed anew.
    """
    async with store.writing() as session:
        await (await session.connection()).run_sync(note, store.keys)
    newest = store.keys.fingerprints()[0]
    for table in sealed_tables():
        while True:
            some_were_held = False
            async for number, held in _round(store, table, newest):
                some_were_held |= held
                yield table.name, number
            if not some_were_held:
                break


async def _round(store: "Store", table: Table, newest: str) -> AsyncIterator[tuple[int, bool]]:
    """Go through a table once; give for each transaction how many rows were sealed anew, and whether some were held."""
    raw, key, last = _raw(table), _key(table), None
    old = or_(*(and_(column.is_not(None), not_(column.startswith(mark_of(newest)))) for column in raw.values()))
    while True:
        here = old if last is None else and_(old, key > last)
        async with store.writing() as session:
            top = list(await session.scalars(select(key).where(here).order_by(key).limit(BATCH)))
            if not top:
                return
            query = select(key, *(column.label(name) for name, column in raw.items())).where(key.in_(top), old)
            rows = (await session.execute(query.with_for_update(skip_locked=True))).all()
            for number, *values in rows:
                anew = {
                    name: store.keys.rotate(value)
                    for name, value in zip(raw, values, strict=True)
                    if value is not None and fingerprint_of(value) != newest
                }
                await session.execute(
                    update(table)
                    .where(key == number)
                    .values({name: _as_stored(table, name, value) for name, value in anew.items()})
                )
        yield len(rows), len(rows) < len(top)
        last = top[-1]
        await asyncio.sleep(_PAUSE_SECONDS)


async def new_key(store: "Store") -> str:
    """Put a new key in front of the others, note that it is in use, and return its fingerprint.

    Raises:
        KeysUnusable: there is no key file, or it can't be read or written.
    """
    async with store.writing() as session:
        added = key_file.add(store.keys.path)
        await (await session.connection()).run_sync(note, store.keys)
    return added


async def drop_old(store: "Store") -> tuple[str, ...]:
    """Take all keys but the newest out of the file, when nothing is sealed by them any more; return what went.

    Raises:
        KeysUnusable: there is no key file, something is sealed by an older key, or the newest is so new that a
            transaction may be under way which uses the one before it.
    """
    newest, *old = store.keys.fingerprints()
    if not old:
        return ()
    wait = SETTLED - timedelta(seconds=time.time() - store.keys.path.stat().st_mtime)
    if wait > timedelta():
        raise KeysUnusable(
            f"The key file has changed within the last {SETTLED.seconds // 60} minutes, so something may still be "
            f"sealed with an older key. Nothing was dropped. Try again in {wait.seconds // 60 + 1} minutes."
        )
    async with store.writing() as session:
        left = {each: number for each, number in (await in_use(session)).items() if each != newest}
        if left:
            told = ", ".join(f"{number} with {each}" for each, number in sorted(left.items()))
            raise KeysUnusable(
                f"Fields are still sealed with older keys ({told}); without these they could not be read. "
                "Nothing was dropped. Run: septimus keys rotate"
            )
        await session.execute(delete(FactRow).where(FactRow.name == FACT))
        await session.execute(insert(FactRow).values(name=FACT, value=newest))
    return key_file.drop_all_but_newest(store.keys.path)


def sealed_tables() -> Iterator[Table]:
    """Give the tables that have a sealed column."""
    return (table for table in Base.metadata.sorted_tables if list(columns_of(table)))


def _key(table: Table) -> ColumnElement[Any]:
    (key,) = table.primary_key.columns
    return key


def _raw(table: Table) -> dict[str, ColumnElement[Any]]:
    """A table's sealed columns by name, as the text that was sealed: a JSON column holds it as a JSON string."""
    return {column.name: _as_text(column) for column in columns_of(table)}


def _as_text(column: Any) -> ColumnElement[Any]:
    if not isinstance(column.type, SealedJson):
        return type_coerce(column, Text)
    # No sealed text needs a backslash in JSON, so that what stands between the quotes is it.
    return func.trim(cast(type_coerce(column, JSON), Text), '"')


def _as_stored(table: Table, name: str, sealed: str) -> ColumnElement[Any]:
    """What was sealed as the value of a column, so that it is not sealed once more."""
    return type_coerce(sealed, JSON if isinstance(table.c[name].type, SealedJson) else Text)


def _listed(names: Sequence[str]) -> str:
    return " and ".join(names) if names else "of another file"
