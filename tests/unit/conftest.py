"""What the unit tests share: the real content, loaded once, and a store on SQLite and on PostgreSQL."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from bot.knowledge import Library, Shelf
from bot.settings import CONTENT
from bot.store import Store
from bot.store.keys import make as make_keys
from bot.store.tables import Base
from bot.triage.countries import Countries
from bot.triage.screen import Screen
from bot.words import Words
from tests import postgres


@pytest.fixture(scope="package", autouse=True)
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One file of keys for all databases of the tests, so that none is made in the project's own data folder."""
    path = tmp_path_factory.mktemp("keys") / "keys"
    make_keys(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEPTIMUS_KEYS_FILE", str(path))
        yield path


@pytest.fixture(scope="session")
def content() -> Path:
    """The real content folder. Nothing may write there."""
    return CONTENT


@pytest.fixture(scope="session")
def shelf(content: Path) -> Shelf:
    return Shelf(content, reload=False, must_be_reviewed=False, clock=time.monotonic)


@pytest.fixture(scope="session")
def library(shelf: Shelf) -> Library:
    return shelf.library


@pytest.fixture(scope="session")
def words(content: Path) -> Words:
    return Words.load(content / "words.yml")


@pytest.fixture(scope="session")
def countries(content: Path) -> Countries:
    return Countries.load(content / "countries.yml")


@pytest.fixture(scope="session")
def screen(content: Path) -> Screen:
    return Screen.load(content)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database with all tables, on each of the two that are supported."""
    if request.param == "postgresql":
        url: str = request.getfixturevalue("postgres_url")
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            for table in reversed(
                Base.metadata.sorted_tables
            ):  # far quicker than TRUNCATE while there is little in them
                connection.execute(str(table.delete()))  # type: ignore[call-overload]
        return url
    shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "septimus.db")
    return f"sqlite+aiosqlite:///{tmp_path / 'septimus.db'}"


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """A store on an empty database, once for each database that is supported."""
    opened = Store(database_url)
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file that the migrations have brought from nothing to the newest version; copied for each test."""
    path = tmp_path_factory.mktemp("sqlite") / "septimus.db"
    migrate(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of the tests' own: a temporary data folder, and a Unix socket in it as the only door."""
    try:
        with postgres.server() as url:
            migrate(url)
            yield url
    except postgres.NoServer as reason:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(reason))


def migrate(url: str) -> None:
    async def up() -> None:
        store = Store(url)
        await store.migrate()
        await store.close()

    # In a thread, because the event loop of this one belongs to the tests.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(up())).result()
