"""Who holds a claim: one start of one process. On SQLite and on PostgreSQL."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from bot.gateway.owner import new_owner, take_over
from bot.patient import Patient
from bot.store import Store, inbox, outbox, patients

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
AFTER_LEASE = NOW + inbox.LEASE + timedelta(seconds=1)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    opened = Store(database_url)
    yield opened
    await opened.close()


async def hold(store: Store, owner: str) -> None:
    """Let an owner claim an update and a message."""
    async with store.writing() as session:
        await inbox.write(session, [(1, 1001, {"update_id": 1})], NOW)
        await patients.create(session, Patient(id="a"), NOW)
        await outbox.add(session, "1", "a", "send", {}, NOW)
    assert await claims(store, owner) == (1, 1)


async def claims(store: Store, owner: str, now: datetime = NOW) -> tuple[int, int]:
    """How many updates and messages an owner gets when it asks for some."""
    async with store.writing() as session:
        came = await inbox.claim(session, owner, now, 10)
        goes = await outbox.claim(session, owner, now, 10)
        return len(came), len(goes)


async def start(store: Store, home: Path, instance: str = "gateway-1") -> str:
    owner = new_owner(instance)
    await take_over(store, home, instance, owner)
    return owner


async def test_a_gateway_that_starts_again_takes_over_what_it_had_claimed(store: Store, tmp_path: Path) -> None:
    await hold(store, await start(store, tmp_path))
    assert await claims(store, await start(store, tmp_path)) == (1, 1)


async def test_two_of_one_name_leave_each_others_claims_alone(store: Store, tmp_path: Path) -> None:
    first = await start(store, tmp_path / "one")
    await hold(store, first)
    second = await start(store, tmp_path / "two")
    assert await claims(store, second) == (0, 0)
    again = await start(store, tmp_path / "two")
    assert await claims(store, again) == (0, 0)


async def test_what_another_claimed_is_free_when_its_lease_has_run_out(store: Store, tmp_path: Path) -> None:
    await hold(store, await start(store, tmp_path / "one"))
    second = await start(store, tmp_path / "two")
    assert await claims(store, second, NOW + inbox.LEASE - timedelta(seconds=1)) == (0, 0)
    assert await claims(store, second, AFTER_LEASE) == (1, 1)


async def test_two_names_in_one_home_are_two_gateways(store: Store, tmp_path: Path) -> None:
    await hold(store, await start(store, tmp_path, "gateway-1"))
    assert await claims(store, await start(store, tmp_path, "gateway-2")) == (0, 0)


async def test_what_could_not_be_freed_is_freed_by_the_next_try(store: Store, tmp_path: Path) -> None:
    class Locked(Store):
        def writing(self):  # type: ignore[no-untyped-def]
            raise OperationalError("BEGIN IMMEDIATE", {}, Exception("database is locked"))

    dead = await start(store, tmp_path)
    await hold(store, dead)
    locked = Locked(f"sqlite+aiosqlite:///{tmp_path / 'other.db'}")
    new = new_owner("gateway-1")
    assert not await take_over(locked, tmp_path, "gateway-1", new)
    assert (tmp_path / "gateway-1.owner").read_text() == dead
    assert await take_over(store, tmp_path, "gateway-1", new)
    assert await claims(store, new) == (1, 1)
    await locked.close()


def test_a_long_name_fits_its_column_and_no_two_owners_are_one() -> None:
    owners = {new_owner("g" * 80) for _ in range(100)}
    assert len(owners) == 100
    assert all(len(owner) <= 64 for owner in owners)
