"""A desk on a temporary SQLite database, with two clinics and a person of each role in both."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from starlette.applications import Starlette

from bot.desk.app import create_app
from bot.desk.desk import Desk
from bot.desk.passwords import Passwords
from bot.desk.sorting import Sorter
from bot.knowledge import Shelf
from bot.settings import CONTENT
from bot.store import Store, staff
from tests.desk.browser import ADDRESS, PASSWORD, Browser, Clinic, Clock

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(scope="session")
def sorter() -> Sorter:
    return Sorter.load(CONTENT)


@pytest.fixture(scope="session")
def shelf() -> Shelf:
    return Shelf(CONTENT, reload=False, must_be_reviewed=False, clock=time.monotonic)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("desk") / "septimus.db"

    async def up() -> None:
        store = Store(f"sqlite+aiosqlite:///{path}")
        await store.migrate()
        await store.close()

    with ThreadPoolExecutor(1) as thread:  # the event loop of this one belongs to the tests
        thread.submit(lambda: asyncio.run(up())).result()
    return path


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


@pytest.fixture
async def desk(migrated: Path, tmp_path: Path, sorter: Sorter, shelf: Shelf, clock: Clock) -> AsyncIterator[Desk]:
    shutil.copy(migrated, tmp_path / "septimus.db")
    store = Store(f"sqlite+aiosqlite:///{tmp_path / 'septimus.db'}")
    yield Desk(store, clock, shelf, sorter, ADDRESS, passwords=Passwords(CHEAP))
    await store.close()


@pytest.fixture
def app(desk: Desk) -> Starlette:
    return create_app(desk)


@pytest.fixture
def found(desk: Desk, app: Starlette, clock: Clock) -> Callable[[str], Awaitable[Clinic]]:
    """Founds a clinic with a viewer, a clinician and an admin."""

    async def make(name: str) -> Clinic:
        people = {}
        kept = CHEAP.hash(PASSWORD)
        async with desk.store.writing() as session:
            clinic = await staff.new_clinic(session, name, "Europe/London", clock())
            for role in ("viewer", "clinician", "admin"):
                email = f"{role}{clinic.id}@example.org"
                made = await staff.new_member(session, clinic.id, email, f"Invented {role}", role, kept, clock())
                people[role] = made.id
        return Clinic(desk, app, clinic.id, people)

    return make


@pytest.fixture
async def clinic(found: Callable[[str], Awaitable[Clinic]]) -> Clinic:
    return await found("Invented clinic")


@pytest.fixture
async def other_clinic(clinic: Clinic, found: Callable[[str], Awaitable[Clinic]]) -> Clinic:
    return await found("Other clinic")


@pytest.fixture
async def viewer(clinic: Clinic) -> Browser:
    return await clinic.browser("viewer")


@pytest.fixture
async def clinician(clinic: Clinic) -> Browser:
    return await clinic.browser("clinician")


@pytest.fixture
async def admin(clinic: Clinic) -> Browser:
    return await clinic.browser("admin")
