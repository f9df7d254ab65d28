"""The clock set under a running gateway: no reminder comes twice, none is lost, no claim hangs."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from bot.clock import system_clock
from bot.store import Store, inbox, outbox, patients, set_back
from bot.store.tables import ReminderRow, TelegramChatRow
from tests import postgres
from tests.e2e.gateway_process import Gateway, Person, Telegram
from tests.faults.conftest import NewPeople
from tests.faults.system import Steered, patience, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

DAYS, HOUR = timedelta(days=2), timedelta(hours=1)


@pytest.fixture
def gateway(telegram: Telegram, tmp_path: Path) -> Iterator[Steered]:
    made = Steered(tmp_path, telegram)
    yield made
    made.kill()
    telegram.post("/sandbox/fault", clear=True)


def came(telegram: Telegram, people: Collection[Person]) -> Counter[int]:
    calls = telegram.sends({each.id for each in people})
    return Counter(call["params"]["chat_id"] for call in calls if call["code"] == 200)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'septimus.db'}"
        return
    try:
        with postgres.server() as address:
            yield address
    except postgres.NoServer as reason:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(reason))


def kept(gateway: Gateway, people: Collection[Person]) -> list[ReminderRow]:
    """The rows of these people's reminders."""

    async def read(store: Store) -> list[ReminderRow]:
        async with store.reading() as session:
            found = await session.scalars(
                select(ReminderRow)
                .join(TelegramChatRow, TelegramChatRow.patient_id == ReminderRow.patient_id)
                .where(TelegramChatRow.chat_id.in_([each.id for each in people]))
            )
            return list(found)

    return gateway._with_store(read)


def test_set_forward_by_two_days_while_reminders_go_out_none_comes_twice_and_none_is_lost(
    gateway: Steered, telegram: Telegram, people: NewPeople, questions: list[str]
) -> None:
    now = system_clock()
    due_now = people(gateway, telegram, 20)
    meanwhile = people(gateway, telegram, 5)
    asker, *_ = people(gateway, telegram, 1)
    gateway.promise([each.id for each in due_now], now)
    gateway.promise([each.id for each in meanwhile], now + timedelta(hours=20))
    telegram.fault("sendMessage", delay=0.2, times=8)  # so that some are on their way when it happens
    gateway.start()
    until(lambda: telegram.sends({each.id for each in due_now}), "the first is on its way")
    asker.says(questions[0])
    gateway.set_clock(DAYS)
    asker.gets(seconds=30 * patience())
    until(lambda: gateway.is_idle([each.id for each in [*due_now, asker]]), "nothing waits", 60, every=0.2)
    until(lambda: all(row.due_at and row.due_at > now + DAYS for row in kept(gateway, meanwhile)), "all moved on")
    sent = came(telegram, due_now)
    states = Counter((row.state, row.fault) for _, row in gateway.outbox([each.id for each in due_now]))
    assert max(sent.values()) == 1
    assert states[("sent", None)] == len(sent), "each that is marked as sent came once"
    assert states.total() == len(due_now), "each of the others is noted as too late"
    assert set(states) <= {("sent", None), ("failed", "too late")}
    assert not came(telegram, meanwhile), "a reminder of the day before yesterday is of no use"
    assert [row.late for row in kept(gateway, meanwhile)] == [1] * len(meanwhile), "and that is noted"
    assert came(telegram, [asker]) == {asker.id: 1}


def test_set_back_by_an_hour_no_reminder_comes_twice_and_no_claim_hangs(
    gateway: Steered, telegram: Telegram, people: NewPeople, questions: list[str]
) -> None:
    gateway.set_clock(HOUR)
    reminded = people(gateway, telegram, 5)
    asker, failing = people(gateway, telegram, 2)
    due = system_clock() + HOUR
    gateway.promise([each.id for each in reminded], due)
    gateway.start()
    until(lambda: len(came(telegram, reminded)) == len(reminded), "all are reminded")
    until(lambda: gateway.is_idle([each.id for each in reminded]), "and that is written down")
    telegram.fault("sendMessage", code=502, times=4, user=failing.id)
    failing.says(questions[0])
    until(lambda: len(telegram.sends({failing.id})) >= 3, "it is put off, by the clock that is ahead")
    with gateway.frozen():
        asker.says(questions[0])
        gateway.set_clock(timedelta())
    until(lambda: "clock.brought_back" in gateway.log, "it has noticed")
    asker.gets(seconds=30 * patience())
    failing.gets(seconds=30 * patience())
    # The promised moment comes again: it is one that was kept.
    gateway.set_clock(HOUR - timedelta(minutes=1))
    gateway.set_clock(HOUR + timedelta(seconds=30))
    until(lambda: all(row.due_at and row.due_at > due + HOUR for row in kept(gateway, reminded)), "it has passed again")
    until(lambda: gateway.is_idle([each.id for each in [*reminded, asker, failing]]), "nothing waits")
    assert came(telegram, reminded) == {each.id: 1 for each in reminded}
    assert came(telegram, [asker, failing]) == {asker.id: 1, failing.id: 1}


def test_a_clock_that_was_wrong_by_two_days_and_is_put_right_costs_no_reminder(
    gateway: Steered, telegram: Telegram, people: NewPeople
) -> None:
    """What was passed over while the clock was ahead is promised again, and comes at its hour."""
    crowd = people(gateway, telegram, 5)
    due = system_clock() + timedelta(hours=3)
    gateway.promise([each.id for each in crowd], due)
    gateway.start()
    gateway.set_clock(DAYS)
    until(lambda: all(row.due_at and row.due_at > due + HOUR for row in kept(gateway, crowd)), "they are passed over")
    gateway.set_clock(timedelta())
    until(lambda: all(row.due_at and row.due_at <= due for row in kept(gateway, crowd)), "they are promised again")
    gateway.set_clock(timedelta(hours=3, seconds=30))
    until(lambda: came(telegram, crowd) == {each.id: 1 for each in crowd}, "each comes once")


def test_a_claim_of_a_clock_that_was_ahead_does_not_outlive_a_restart(
    gateway: Steered, telegram: Telegram, people: NewPeople, questions: list[str]
) -> None:
    gateway.set_clock(DAYS)
    (someone,) = people(gateway, telegram, 1)
    gateway.start()
    telegram.fault("sendMessage", code=502, times=3, user=someone.id)
    someone.says(questions[0])
    until(lambda: len(telegram.sends({someone.id})) >= 2, "it is put off, by the clock that is ahead")
    gateway.kill()
    gateway.set_clock(timedelta())
    gateway.start()
    someone.gets(seconds=30 * patience())


async def test_on_each_database_a_claim_in_hand_keeps_its_lease_and_what_is_due_at_once_is(url: str) -> None:
    """Another zone of the server's changes nothing: a claim is brought back to the very moment."""
    ahead, now = system_clock() + DAYS, system_clock()
    store = Store(url)
    await store.migrate()
    async with store.writing() as session:
        if not url.startswith("sqlite"):
            await session.execute(text("ALTER DATABASE postgres SET timezone TO 'Asia/Tokyo'"))
        someone = await patients.of_chat(session, 1, ahead)
        await outbox.add(session, "due at once", someone.id, "send", {}, ahead)
        await inbox.write(session, [(1, 1, {}), (2, 2, {})], ahead)
        (held,) = await inbox.claim(session, "one", ahead, 1)
        (put_off,) = await inbox.claim(session, "one", ahead, 1)
        await inbox.put_back(session, put_off.id, ahead)
    await store.close()
    async with store.writing() as session:
        assert await set_back.bring_back(session, now) == 3
    async with store.writing() as session:
        assert [row.id for row in await inbox.claim(session, "two", now + timedelta(seconds=1), 9)] == [put_off.id]
        assert len(await outbox.claim(session, "two", now + timedelta(seconds=1), 9)) == 1
        after = now + inbox.LEASE + timedelta(seconds=1)
        assert held.id in [row.id for row in await inbox.claim(session, "two", after, 9)]
    async with store.writing() as session:
        assert await set_back.bring_back(session, after) == 0, "harmless where nothing is ahead"
    await store.close()
