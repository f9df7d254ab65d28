"""The database: opening it, its transactions, and its migrations."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, ExceptionContext, event, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as TurnTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from bot.store import schema, sealed, seals, sqlite_driver
from bot.store.keys import Keyring, place_of
from bot.store.sqlite_driver import LOCK_WITHIN_S

_MIGRATIONS = Path(__file__).parent / "migrations"
_ANSWERS_WITHIN_S = 2.0
_ONE_AT_A_TIME = 7_368_468
"""The number of PostgreSQL's lock that whoever migrates holds; ours alone in this database."""
# secure_delete: what is deleted or dropped is overwritten with zeros, not only unlinked.
_PRAGMAS = (
    "synchronous=NORMAL",
    "foreign_keys=ON",
    f"busy_timeout={LOCK_WITHIN_S}000",
    "secure_delete=ON",
)
# A server that never answers counts as away: libpq would wait for minutes to connect, and for ever on a dead line.
_POSTGRES = {
    "connect_timeout": 5,
    "tcp_user_timeout": 30_000,  # milliseconds; the others are seconds
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
"""libpq's own settings; what the address says goes before."""
REBUILT_AT_ONCE = 128_000_000
"""Bytes. A larger SQLite file is rebuilt by the nightly job alone: writers wait meanwhile."""


class NewerTables(Exception):
    """A newer program made the tables; the message says what to do."""


class Store:
    """The database of one process: short transactions, one for reading and one for writing.

    Args:
        url: its address.
        keys: the file of the keys that personal fields are sealed with; by default see `keys.place_of`. Before the
            first transaction it is made where nothing is sealed yet, and otherwise looked at: `KeysUnusable` tells
            that it does not fit the database.
    """

    def __init__(self, url: str, keys: Path | None = None) -> None:
        self.keys = Keyring(keys or place_of(url))
        self._keys_fit = False
        self._engine = _open(url)
        sealed.hand_to(self._engine.sync_engine.dialect, self.keys)
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        # SQLite's own lock is nobody's turn: of many that wait one may wait for seconds. Here they take turns.
        is_file = make_url(url).get_backend_name() == "sqlite"
        self._turns = asyncio.Lock() if is_file else None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """Open a transaction that only reads."""
        await self._check_keys(may_make=False)
        async with self._sessions() as session:
            yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """Open a transaction that writes: all of it is kept, or none when the block raises.

        On SQLite it takes the write lock at once, so that two writers wait for each other and never deadlock half-way.
        """
        await self._check_keys(may_make=True)
        async with self._turn(), self._sessions() as session:
            await session.connection(execution_options={"septimus_writes": True})
            async with _committed(session):
                yield session

    async def migrate(self) -> None:
        """Bring the tables to the newest version, all of it or nothing; harmless when they are.

        Of several processes that start at once one does it, and the others wait for it. Killed half-way it leaves the
        tables as they were, and the next start does it.

        Raises:
            NewerTables: a newer program made the tables.
            KeysUnusable: the key file is missing or broken, or is not this database's. Nothing was changed.
        """
        await self._check_keys(may_make=True)
        async with self._engine.connect() as connection:
            await connection.run_sync(_upgrade)
            await connection.run_sync(seals.note, self.keys)
            await connection.commit()

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
    async def _turn(self) -> AsyncIterator[None]:
        """Wait for this writer's turn, no longer than for SQLite's lock.

        Where that is held for good, those who queue would else wait for it one after the other, each anew.
        """
        if self._turns is None:
            yield
            return
        try:
            async with asyncio.timeout(LOCK_WITHIN_S):
                await self._turns.acquire()
        except TimeoutError:
            raise TurnTimeout("the database is locked: those before did not come through either") from None
        try:
            yield
        finally:
            self._turns.release()

    async def _check_keys(self, *, may_make: bool) -> None:
        """See, before the first transaction, that the keys fit the database."""
        if not self._keys_fit:
            async with self._engine.connect() as connection:
                self._keys_fit = await connection.run_sync(seals.check, self.keys, may_make=may_make)


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
        own = {name: value for name, value in _POSTGRES.items() if name not in make_url(url).query}
        return create_async_engine(url, pool_pre_ping=True, hide_parameters=True, connect_args=own)
    database = make_url(url).database
    if database and database != ":memory:":
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    # Errors would print the parameters: people's words.
    engine = create_async_engine(url, hide_parameters=True, connect_args={"async_creator_fn": sqlite_driver.connect})

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

    @event.listens_for(engine.sync_engine, "handle_error")
    def open_anew(context: ExceptionContext) -> None:
        # A connection that was opened while the file could not be written stays like that for good.
        if getattr(context.original_exception, "sqlite_errorname", "").startswith("SQLITE_READONLY"):
            context.is_disconnect = True

    return engine


def _upgrade(connection: Connection) -> None:
    if _is_newest(connection):
        return
    connection.rollback()  # ends what only read
    connection.execution_options(septimus_writes=True)
    # One transaction around all, begun before Alembic, which would else commit after each migration.
    with connection.begin():
        if connection.dialect.name == "postgresql":  # SQLite's own write lock is held since the transaction began
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_ONE_AT_A_TIME})"))
        if _is_newest(connection):  # another process was first
            return
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _is_newest(connection: Connection) -> bool:
    found = MigrationContext.configure(connection).get_current_heads()
    if unknown := set(found) - set(schema.revisions()):
        raise NewerTables(
            f"The tables of the database (version {', '.join(sorted(unknown))}) were made by a newer program than this "
            "one. Nothing was changed. Upgrade the program, or restore a backup that was made with this one."
        )
    return found == (schema.revisions()[-1],)
