"""The outbox: written once by key, sent in order for each person, the most urgent people first."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from bot.patient import Patient
from bot.store import Store, outbox, patients
from bot.store.tables import OutboxRow

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
AFTER_LEASE = NOW + outbox.LEASE + timedelta(seconds=1)


@pytest.fixture(autouse=True)
async def people(store: Store) -> None:
    async with store.writing() as session:
        for name in "abcdefgh":
            await patients.create(session, Patient(id=name), NOW)


async def add(store: Store, key: str, person: str = "a", *, due_at: datetime | None = None, priority: int = 5) -> None:
    async with store.writing() as session:
        await outbox.add(session, key, person, "send", {"html": key}, NOW, due_at=due_at, priority=priority)


async def claim(store: Store, gateway: str = "one", now: datetime = NOW, limit: int = 10) -> list[outbox.Outgoing]:
    async with store.writing() as session:
        return await outbox.claim(session, gateway, now, limit)


async def rows(store: Store) -> list[OutboxRow]:
    async with store.reading() as session:
        return list(await session.scalars(select(OutboxRow).order_by(OutboxRow.id)))


def keys(claimed: list[outbox.Outgoing]) -> list[str]:
    return [str(each.body["html"]) for each in claimed]


async def test_a_second_row_of_the_same_key_changes_nothing(store: Store) -> None:
    await add(store, "update:1:0", "a")
    await add(store, "update:1:0", "b", priority=0)
    [row] = await rows(store)
    assert (row.patient_id, row.priority) == ("a", 5)


async def test_each_person_gets_theirs_in_order(store: Store) -> None:
    for key, person in (("1", "a"), ("2", "a"), ("3", "b")):
        await add(store, key, person)
    first = await claim(store)
    assert keys(first) == ["1", "3"]
    async with store.writing() as session:
        await outbox.sent(session, first[0].id, 77, NOW)
    assert keys(await claim(store)) == ["2"]


async def test_the_most_urgent_people_come_first(store: Store) -> None:
    await add(store, "usual", "a")
    await add(store, "urgent", "b", priority=0)
    assert keys(await claim(store, limit=1)) == ["urgent"]


async def test_what_is_not_due_waits_and_holds_nobody_up(store: Store) -> None:
    await add(store, "later", "a", due_at=NOW + timedelta(hours=1))
    await add(store, "now", "a")
    assert keys(await claim(store)) == ["now"]
    assert keys(await claim(store, now=NOW + timedelta(hours=1))) == ["later"]


@pytest.mark.parametrize("analysed", [False, True])
async def test_no_more_are_claimed_than_asked_for(store: Store, analysed: bool) -> None:
    for name in "abcdefgh":
        await add(store, name, name)
    if analysed:
        async with store.writing() as session:
            await session.execute(text("ANALYZE outbox"))
    assert len(await claim(store, limit=3)) == 3


async def test_a_claim_holds_for_its_lease_and_no_longer(store: Store) -> None:
    await add(store, "1")
    await claim(store, "one")
    assert await claim(store, "two", NOW + outbox.LEASE - timedelta(seconds=1)) == []
    [again] = await claim(store, "two", AFTER_LEASE)
    assert again.attempts == 2


async def test_a_gateway_frees_its_own_claims_and_no_others(store: Store) -> None:
    await add(store, "1", "a")
    await add(store, "2", "b")
    await claim(store, "one", limit=1)
    await claim(store, "two", limit=1)
    async with store.writing() as session:
        await outbox.free_claims(session, "one")
    assert keys(await claim(store, "three")) == ["1"]


async def test_the_text_of_what_was_sent_is_dropped(store: Store) -> None:
    await add(store, "1")
    [row] = await claim(store)
    async with store.writing() as session:
        await outbox.sent(session, row.id, 2**40, NOW)
    [kept] = await rows(store)
    assert (kept.state, kept.body, kept.message_id, kept.claimed_by) == ("sent", None, 2**40, None)


async def test_a_row_to_be_tried_again_waits_for_its_moment_and_holds_its_person(store: Store) -> None:
    await add(store, "1")
    await add(store, "2")
    [row] = await claim(store)
    async with store.writing() as session:
        await outbox.retry(session, row.id, NOW + timedelta(seconds=4), "TimedOut")
    assert await claim(store, now=NOW + timedelta(seconds=4)) == []
    assert keys(await claim(store, now=NOW + timedelta(seconds=5))) == ["1"]


async def test_a_row_given_up_lets_its_person_go_on_and_keeps_no_text(store: Store) -> None:
    await add(store, "1")
    await add(store, "2")
    [row] = await claim(store)
    async with store.writing() as session:
        await outbox.failed(session, row.id, "BadRequest", NOW)
    first, _ = await rows(store)
    assert (first.state, first.body, first.fault) == ("failed", None, "BadRequest")
    assert keys(await claim(store)) == ["2"]


async def test_who_blocked_the_bot_is_sent_nothing_more_and_others_are(store: Store) -> None:
    for key, person in (("1", "a"), ("2", "a"), ("3", "b")):
        await add(store, key, person)
    async with store.writing() as session:
        await outbox.give_up_on(session, "a", "Forbidden", NOW)
    assert keys(await claim(store)) == ["3"]
    async with store.reading() as session:
        assert await outbox.waiting(session) == 1


async def test_gateways_that_share_the_work_send_each_row_once_and_in_order(store: Store, database_url: str) -> None:
    for number in range(24):
        await add(store, str(number), "abcdefgh"[number % 8])
    sent: list[tuple[str, int]] = []

    async def gateway(name: str) -> None:
        mine = Store(database_url)
        while await waiting(mine):
            for row in await claim(mine, name, limit=3):
                sent.append((row.patient_id, int(str(row.body["html"]))))
                await asyncio.sleep(0)
                async with mine.writing() as session:
                    await outbox.sent(session, row.id, None, NOW)
        await mine.close()

    await asyncio.gather(*(gateway(name) for name in ("one", "two", "three")))
    assert sorted(number for _, number in sent) == list(range(24))
    for person in "abcdefgh":
        theirs = [number for each, number in sent if each == person]
        assert theirs == sorted(theirs)


async def waiting(store: Store) -> int:
    async with store.reading() as session:
        return await outbox.waiting(session)
