"""The inbox: each update written down once, each chat's in order, each claimed by one gateway at a time."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from bot.store import Store, inbox
from bot.store.tables import InboxRow

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
AFTER_LEASE = NOW + inbox.LEASE + timedelta(seconds=1)


async def put(store: Store, *updates: tuple[int, int]) -> int:
    """Write down updates, each an update id and a chat id."""
    async with store.writing() as session:
        return await inbox.write(session, [(update, chat, {"update_id": update}) for update, chat in updates], NOW)


async def claim(store: Store, gateway: str = "one", now: datetime = NOW, limit: int = 10) -> list[inbox.Incoming]:
    async with store.writing() as session:
        return await inbox.claim(session, gateway, now, limit)


async def finish(store: Store, inbox_id: int) -> bool:
    async with store.writing() as session:
        return await inbox.finish(session, inbox_id, NOW)


async def rows(store: Store) -> list[InboxRow]:
    async with store.reading() as session:
        return list(await session.scalars(select(InboxRow).order_by(InboxRow.id)))


def ids(claimed: list[inbox.Incoming]) -> list[int]:
    return [each.update_id for each in claimed]


async def test_an_update_is_written_down_once(store: Store) -> None:
    assert await put(store, (5, 1001), (6, 1001)) == 2
    assert await put(store, (6, 1001), (7, 1001)) == 1
    assert [row.update_id for row in await rows(store)] == [5, 6, 7]


async def test_nothing_to_write_down_is_nothing_written_down(store: Store) -> None:
    assert await put(store) == 0


async def test_an_update_comes_back_as_it_was_sent(store: Store) -> None:
    raw: dict[str, Any] = {"update_id": 5, "message": {"text": "ça va? 👁 \u202e", "n": 1.5, "none": None}}
    async with store.writing() as session:
        await inbox.write(session, [(5, 1001, raw)], NOW)
    assert [each.update for each in await claim(store)] == [raw]


async def test_a_chat_gives_its_oldest_update_only(store: Store) -> None:
    await put(store, (1, 1001), (2, 1001), (3, 1002))
    assert ids(await claim(store)) == [1, 3]
    assert await claim(store) == []


async def test_the_next_of_a_chat_follows_when_the_one_before_is_finished(store: Store) -> None:
    await put(store, (1, 1001), (2, 1001))
    [first] = await claim(store)
    assert await finish(store, first.id)
    assert ids(await claim(store)) == [2]


@pytest.mark.parametrize("limit", [1, 2, 7])
@pytest.mark.parametrize("analysed", [False, True])
async def test_no_more_are_claimed_than_asked_for(store: Store, limit: int, analysed: bool) -> None:
    await put(store, *((number, 1000 + number) for number in range(60)))
    if analysed:
        async with store.writing() as session:
            await session.execute(text("ANALYZE inbox"))
    assert ids(await claim(store, limit=limit)) == list(range(limit))


async def test_an_update_is_not_claimed_a_second_time_while_the_lease_holds(store: Store) -> None:
    await put(store, (1, 1001))
    assert ids(await claim(store, "one")) == [1]
    assert await claim(store, "two", NOW + inbox.LEASE - timedelta(seconds=1)) == []


async def test_a_claim_runs_out_with_its_lease(store: Store) -> None:
    await put(store, (1, 1001))
    [first] = await claim(store, "one")
    [again] = await claim(store, "two", AFTER_LEASE)
    assert (first.attempts, again.attempts) == (1, 2)


async def test_of_two_that_answered_only_the_first_finishes(store: Store) -> None:
    await put(store, (1, 1001))
    [first] = await claim(store, "one")
    await claim(store, "two", AFTER_LEASE)
    assert await finish(store, first.id)
    assert not await finish(store, first.id)


async def test_a_gateway_frees_its_own_claims_and_no_others(store: Store) -> None:
    await put(store, (1, 1001), (2, 1002))
    await claim(store, "one", limit=1)
    await claim(store, "two", limit=1)
    async with store.writing() as session:
        await inbox.free_claims(session, "one")
    assert ids(await claim(store, "three")) == [1]


async def test_the_text_of_an_answered_update_is_dropped(store: Store) -> None:
    await put(store, (1, 1001))
    [first] = await claim(store)
    await finish(store, first.id)
    [row] = await rows(store)
    assert (row.state, row.update, row.finished_at, row.claimed_by) == ("done", None, NOW, None)


async def test_an_update_put_back_waits_for_its_moment_and_holds_its_chat(store: Store) -> None:
    await put(store, (1, 1001), (2, 1001))
    [first] = await claim(store)
    async with store.writing() as session:
        await inbox.put_back(session, first.id, NOW + timedelta(seconds=30))
    assert await claim(store, now=NOW + timedelta(seconds=30)) == []
    assert ids(await claim(store, now=NOW + timedelta(seconds=31))) == [1]


async def test_a_parked_update_lets_its_chat_go_on_and_keeps_the_kind_of_fault_only(store: Store) -> None:
    await put(store, (1, 1001), (2, 1001))
    [first] = await claim(store)
    async with store.writing() as session:
        await inbox.park(session, first.id, "ValueError" * 20, NOW)
    row, _ = await rows(store)
    assert (row.state, row.update, row.fault) == ("parked", None, ("ValueError" * 20)[:64])
    assert ids(await claim(store)) == [2]


async def test_what_was_answered_meanwhile_is_not_parked(store: Store) -> None:
    await put(store, (1, 1001))
    [first] = await claim(store)
    await finish(store, first.id)
    async with store.writing() as session:
        await inbox.park(session, first.id, "TimeoutError", AFTER_LEASE)
    [row] = await rows(store)
    assert (row.state, row.fault) == ("done", None)


async def test_only_what_waits_is_counted_as_waiting(store: Store) -> None:
    await put(store, (1, 1001), (2, 1002), (3, 1003))
    first, second, _ = await claim(store)
    await finish(store, first.id)
    async with store.writing() as session:
        await inbox.park(session, second.id, "KeyError", NOW)
    async with store.reading() as session:
        assert await inbox.waiting(session) == 1


async def test_gateways_that_share_the_work_answer_each_update_once_and_each_chat_in_order(
    store: Store, database_url: str
) -> None:
    await put(store, *((number, 1001 + number % 7) for number in range(28)))
    answered: list[tuple[int, int]] = []

    async def gateway(name: str) -> None:
        mine = Store(database_url)
        while await waiting(mine):
            for row in await claim(mine, name, limit=3):
                answered.append((row.chat_id, row.update_id))
                await asyncio.sleep(0)
                assert await finish(mine, row.id)
        await mine.close()

    await asyncio.gather(*(gateway(name) for name in ("one", "two", "three")))
    assert sorted(update for _, update in answered) == list(range(28))
    for chat in range(1001, 1008):
        of_chat = [update for each, update in answered if each == chat]
        assert of_chat == sorted(of_chat)


async def test_claims_at_one_moment_never_meet(store: Store, database_url: str) -> None:
    await put(store, *((number, 1001 + number) for number in range(12)))
    stores = [Store(database_url) for _ in range(4)]
    claimed = await asyncio.gather(*(claim(each, f"g{number}", limit=6) for number, each in enumerate(stores)))
    for each in stores:
        await each.close()
    every = [update for mine in claimed for update in ids(mine)]
    assert len(every) == len(set(every))


async def waiting(store: Store) -> int:
    async with store.reading() as session:
        return await inbox.waiting(session)
