"""The database: opening it, its transactions, and its migrations."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, event, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

_MIGRATIONS = Path(__file__).parent / "migrations"
_ANSWERS_WITHIN_S = 2.0
# secure_delete: what is deleted or dropped is overwritten with zeros, not only unlinked.
_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=10000", "secure_delete=ON")
REBUILT_AT_ONCE = 128_000_000
"""Bytes. A larger SQLite file is rebuilt by the nightly job alone: writers wait meanwhile."""


class Store:
    """The database of one process: short transactions, one for reading and one for writing."""

    def __init__(self, url: str) -> None:
        self._engine = _open(url)
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """Open a transaction that only reads."""
        async with self._sessions() as session:
            yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """Open a transaction that writes: all of it is kept, or none when the block raises.

        On SQLite it takes the write lock at once, so that two writers wait for each other and never deadlock half-way.
        """
        async with self._sessions() as session:
            await session.connection(execution_options={"septimus_writes": True})
            async with _committed(session):
                yield session

    async def migrate(self) -> None:
        """Bring the tables to the newest version; harmless when they are."""
        async with self._engine.connect() as connection:
            await connection.run_sync(_upgrade)

    async def scrub(self, *, thoroughly: bool = False) -> bool:
        """Leave no byte of what was deleted in SQLite's files: rebuild the database, and empty its journal.

        A large file is only rebuilt `thoroughly`; what was deleted is overwritten in it all the same. On PostgreSQL
        there is nothing to do from here: see docs/privacy.md.

        Returns:
            False when somebody was reading meanwhile, so that the journal still holds something: try again.
        """
        if self._engine.url.get_backend_name() != "sqlite":
            return True
        async with self._engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            if driver is None:
                return False
            ((size,),) = await driver.execute_fetchall(
                "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
            )
            if thoroughly or size < REBUILT_AT_ONCE:
                await driver.execute_fetchall("PRAGMA temp_store=MEMORY")
                await driver.execute_fetchall("VACUUM")
            ((in_use, *_),) = await driver.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
        return not in_use

    async def answers(self) -> bool:
        """Say whether the database answers within two seconds, and has our tables."""
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN_S), self._engine.connect() as connection:
                await connection.execute(text("SELECT version_num FROM alembic_version"))
        except (SQLAlchemyError, OSError, TimeoutError):
            return False
        return True

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


@asynccontextmanager
async def _committed(session: AsyncSession) -> AsyncIterator[None]:
    try:
        yield
    except BaseException:
        await session.rollback()
        raise
    await session.commit()


def _open(url: str) -> AsyncEngine:
    if make_url(url).get_backend_name() != "sqlite":
        return create_async_engine(url, pool_pre_ping=True, hide_parameters=True)
    database = make_url(url).database
    if database and database != ":memory:":
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    # Errors would print the parameters: people's words.
    engine = create_async_engine(url, hide_parameters=True)

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves, below
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("septimus_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()
