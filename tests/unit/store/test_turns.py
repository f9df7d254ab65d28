"""SQLite's writers take turns, and none waits for its turn longer than for the lock itself."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as TurnTimeout

from bot.store import Store, database


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite+aiosqlite:///{tmp_path / 'septimus.db'}")


async def test_a_writer_behind_one_that_does_not_come_through_gives_up(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.migrate()
    monkeypatch.setattr(database, "LOCK_WITHIN_S", 0.05)
    async with store.writing():
        with pytest.raises(TurnTimeout):
            async with store.writing():
                pytest.fail("two write at once")
    await store.close()


async def test_a_turn_is_handed_on_when_its_writer_fails(store: Store) -> None:
    await store.migrate()
    with pytest.raises(ZeroDivisionError):
        async with store.writing():
            raise ZeroDivisionError
    async with asyncio.timeout(5), store.writing() as session:
        assert await session.scalar(text("SELECT 1")) == 1
    await store.close()
