"""Filling a store with many rows in seconds: one row is written by the store's own functions and copied by SQL.

So whatever columns a table has, the copies have what the program itself writes there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase

from bot.clock import system_clock
from bot.patient import Step
from bot.store import Store, inbox, outbox, patients
from bot.store.tables import Base, InboxRow, OutboxRow, PatientRow, TelegramChatRow

FIRST_CHAT = 1_000_000_000
"""The chats of the many are numbered from here."""
PATTERN = 987_654_321
"""The chat of the person who is copied."""


async def many_people(store: Store, count: int) -> None:
    """Write so many people down, each with a chat, who have agreed and been through first contact."""
    async with store.writing() as session:
        pattern = await known(session, PATTERN)
        someone = {"id": pseudonym(store, "n.i")}
        await copied(store, session, PatientRow, f"id = '{pattern}'", count, someone)
        chat = {"chat_id": f"{FIRST_CHAT} + n.i", "patient_id": pseudonym(store, "n.i")}
        await copied(store, session, TelegramChatRow, f"patient_id = '{pattern}'", count, chat)
    await look_over(store)


async def many_messages(store: Store, chat: int, count: int) -> None:
    """Write down that so many messages of a chat came and were answered."""
    now = system_clock()
    async with store.writing() as session:
        person = await known(session, chat)
        await inbox.write(session, [(-1 - chat, chat, {"update_id": -1 - chat})], now)
        (row,) = await inbox.claim(session, "filling", now, 1)
        await inbox.finish(session, row.id, now)
        await outbox.add(session, f"filled:{chat}", person, "send", {"html": "", "buttons": []}, now)
        (sent,) = await outbox.claim(session, "filling", now, 1)
        await outbox.sent(session, sent.id, 1, now)
        numbered = {"id": f"{_next(InboxRow)} + n.i", "update_id": f"{-10_000_000_000 - chat * 100_000} - n.i"}
        await copied(store, session, InboxRow, f"id = {row.id}", count, numbered)
        keyed = {"id": f"{_next(OutboxRow)} + n.i", "key": f"'filled:{chat}:' || n.i"}
        await copied(store, session, OutboxRow, f"id = {sent.id}", count, keyed)
        if not store_is_sqlite(store):
            for table in (InboxRow, OutboxRow):
                name = table.__tablename__
                sequence = f"pg_get_serial_sequence('{name}', 'id')"
                await session.execute(text(f"SELECT setval({sequence}, (SELECT max(id) FROM {name}))"))
    await look_over(store)


async def known(session: AsyncSession, chat: int) -> str:
    """Write a person down who has agreed and been through first contact; return their pseudonym."""
    now = system_clock()
    new = await patients.of_chat(session, chat, now)
    agreed = dataclasses.replace(
        new, step=Step.DONE, consented_at=now, consent_version="invented", for_whom="self", country="GB"
    )
    await patients.save(session, agreed)
    await session.flush()
    return new.id


async def copied(
    store: Store,
    session: AsyncSession,
    table: type[Base],
    which: str,
    count: int,
    changed: Mapping[str, str],
    start: int = 1,
) -> None:
    """Copy one row so many times, with some columns as SQL says, in which `n.i` counts from `start`."""
    names = [
        column.name
        for column in table.__table__.columns
        if column.name in changed or not _is_counted(table, column.name)
    ]
    quoted = ", ".join(f'"{name}"' for name in names)
    values = ", ".join(changed.get(name, f'"{name}"') for name in names)
    last = start + count - 1
    if store_is_sqlite(store):
        series = f"WITH RECURSIVE n(i) AS (SELECT {start} UNION ALL SELECT i + 1 FROM n WHERE i < {last})"
        source = f"{series} SELECT {values} FROM n, {table.__tablename__} AS pattern WHERE {which}"
    else:
        series = f"generate_series({start}, {last}) AS n(i)"
        source = f"SELECT {values} FROM {series}, {table.__tablename__} AS pattern WHERE {which}"
    if count > 0:
        await session.execute(text(f"INSERT INTO {table.__tablename__} ({quoted}) {source}"))


def store_is_sqlite(store: Store) -> bool:
    """Say whether a store is on SQLite."""
    return store._engine.dialect.name == "sqlite"


def pseudonym(store: Store, number: str) -> str:
    """Return SQL for a pseudonym made from a number: in no order, as the real ones are."""
    if store_is_sqlite(store):  # a multiplication by a large odd number, so that neighbours lie far apart
        return f"printf('%016x%016x', ({number}) * 7046029254386353131, {number})"
    return f"md5(({number})::text)"


async def look_over(store: Store) -> None:
    """Let PostgreSQL count what it holds, as it does by itself before long. SQLite never does unless it is told to."""
    if not store_is_sqlite(store):
        async with store.writing() as session:
            await session.execute(text("ANALYZE"))


def _is_counted(table: type[DeclarativeBase], name: str) -> bool:
    """Whether the database numbers a column itself."""
    column = table.__table__.columns[name]
    return bool(column.primary_key) and column.autoincrement is not False and str(column.type) in ("BIGINT", "INTEGER")


def _next(table: type[Base]) -> str:
    return f"(SELECT max(id) FROM {table.__tablename__})"
