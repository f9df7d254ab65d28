"""A sandbox, a store and a clock for each test, in the test's own event loop."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from telegram.ext import Defaults, ExtBot
from telegram.request import HTTPXRequest

from bot.gateway.live_count import LiveCounts
from bot.gateway.picture import Diaries, Pictures
from bot.programme.exercise import ExerciseLibrary
from bot.sandbox.server import DEFAULT_TOKEN, create_app
from bot.settings import CONTENT
from bot.store import Store
from bot.words import Words
from tests.unit import loaded
from tests.unit.gateway.moved_clock import MovedClock
from tests.unit.sandbox.sandbox_server import Sandbox, serving


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    app = create_app()
    async with serving(app) as base:
        async with httpx.AsyncClient(base_url=base, trust_env=False, verify=False) as client:
            yield Sandbox(base, app.state.world, client)
        app.state.world.close()


@pytest.fixture
async def sending_bot(sandbox: Sandbox) -> AsyncIterator[ExtBot[None]]:
    one, two = (HTTPXRequest(connection_pool_size=32, httpx_kwargs={"verify": False}) for _ in range(2))
    made: ExtBot[None] = ExtBot(
        DEFAULT_TOKEN,
        base_url=f"{sandbox.base}/bot",
        request=one,
        get_updates_request=two,
        defaults=Defaults(parse_mode="HTML"),
    )
    async with made:
        yield made


@pytest.fixture
async def store(migrated_sqlite: Path, tmp_path: Path) -> AsyncIterator[Store]:
    shutil.copy(migrated_sqlite, tmp_path / "septimus.db")
    made = Store(f"sqlite+aiosqlite:///{tmp_path / 'septimus.db'}")
    yield made
    await made.close()


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock(datetime(2026, 11, 22, 10, 0, tzinfo=UTC), timedelta())


@pytest.fixture(scope="session")
def exercises() -> ExerciseLibrary:
    return loaded.exercise_library()


@pytest.fixture
def pictures(exercises: ExerciseLibrary, words: Words) -> Pictures:
    return Pictures(exercises, words)


@pytest.fixture
def diaries(store: Store, exercises: ExerciseLibrary, words: Words) -> Diaries:
    return Diaries.load(store, CONTENT, exercises, words)


@pytest.fixture
def counts(sending_bot: ExtBot[None], store: Store, clock: MovedClock, words: Words) -> LiveCounts:
    return LiveCounts(sending_bot, store, clock, words)
