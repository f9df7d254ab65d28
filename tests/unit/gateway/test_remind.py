"""The dispatcher of reminders: what is due becomes a row of the outbox once, engine or no engine, fault or no fault."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import time, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.dialogue import Turn, record
from bot.gateway import remind
from bot.gateway.remind import Reminding
from bot.outcome import Kind, Outcome
from bot.patient import Step
from bot.reminders.plan import Plan, Reminder
from bot.reminders.schedule import TOLERANCE, Schedule
from bot.store import Store, outbox, patients
from bot.store.tables import OutboxRow
from bot.words import Words
from tests.unit.gateway.moved_clock import MovedClock, until

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
NINE = Schedule(kind="exercises", zone="UTC", times=(time(10),))
FAULTS = [OperationalError("select 1", {}, Exception("database is locked")), ValueError("an invented fault")]


async def set_for(store: Store, clock: MovedClock, chat: int = 1001, **rules: Schedule) -> str:
    """Somebody invented sets reminders a minute before the clock."""
    async with store.writing() as session:
        patient = await patients.of_chat(session, chat, clock())
        ready = dataclasses.replace(patient, step=Step.DONE, consented_at=clock(), consent_version="1")
        plan = Plan(tuple(Reminder(name, rule) for name, rule in rules.items()))
        after = dataclasses.replace(ready, reminders=plan.dumps())
        turn = Turn(after, Outcome(kind=Kind.REMINDER))
        await record(session, f"set:{chat}", ready, turn, clock() - MINUTE)
    return patient.id


async def written(store: Store) -> list[OutboxRow]:
    async with store.reading() as session:
        return list(await session.scalars(select(OutboxRow).order_by(OutboxRow.id)))


class Nudged:
    """How often the sender was woken."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


@pytest.fixture
def nudged() -> Nudged:
    return Nudged()


@pytest.fixture
def reminding(store: Store, words: Words, clock: MovedClock, nudged: Nudged) -> Reminding:
    return Reminding(store, words, clock, nudged)


async def test_what_is_due_is_written_to_the_outbox_behind_all_answers(
    reminding: Reminding, store: Store, clock: MovedClock
) -> None:
    patient = await set_for(store, clock, aaaaaa=NINE)
    assert await reminding.once() == 1
    [row] = await written(store)
    assert (row.patient_id, row.act, row.state, row.priority) == (patient, "send", "waiting", outbox.CAN_WAIT)


async def test_until_when_it_is_of_use_is_written_with_it(
    reminding: Reminding, store: Store, clock: MovedClock
) -> None:
    await set_for(store, clock, aaaaaa=NINE)
    await reminding.once()
    [row] = await written(store)
    assert row.not_after == clock() + TOLERANCE["exercises"]


async def test_its_buttons_are_written_with_it(reminding: Reminding, store: Store, clock: MovedClock) -> None:
    await set_for(store, clock, aaaaaa=NINE)
    await reminding.once()
    [row] = await written(store)
    assert row.body is not None
    assert next(data for line in row.body["buttons"] for _, data in line) == "ex:start"


async def test_the_sender_is_woken_once_for_a_batch(
    reminding: Reminding, store: Store, clock: MovedClock, nudged: Nudged
) -> None:
    for chat in (1001, 1002):
        await set_for(store, clock, chat, aaaaaa=NINE)
    await reminding.once()
    assert nudged.times == 1


async def test_with_nothing_due_nobody_is_woken(
    reminding: Reminding, store: Store, clock: MovedClock, nudged: Nudged
) -> None:
    await set_for(store, clock, aaaaaa=NINE)
    clock.move(-MINUTE)
    assert (await reminding.once(), nudged.times, await written(store)) == (0, 0, [])


async def test_the_same_moment_is_written_once(reminding: Reminding, store: Store, clock: MovedClock) -> None:
    await set_for(store, clock, aaaaaa=NINE)
    for _ in range(3):
        await reminding.once()
    assert len(await written(store)) == 1


async def test_the_next_day_is_written_again(reminding: Reminding, store: Store, clock: MovedClock) -> None:
    await set_for(store, clock, aaaaaa=NINE)
    await reminding.once()
    clock.move(DAY)
    await reminding.once()
    assert len({row.key for row in await written(store)}) == 2


async def test_when_writing_fails_nothing_of_it_is_done_and_it_is_done_later(
    reminding: Reminding, store: Store, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_for(store, clock, aaaaaa=NINE)

    async def broken(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(outbox, "add_unasked", broken)
        with pytest.raises(RuntimeError):
            await reminding.once()
    assert await written(store) == []
    await reminding.once()
    assert len(await written(store)) == 1


async def test_two_dispatchers_write_each_once(store: Store, words: Words, clock: MovedClock) -> None:
    for chat in range(1001, 1021):
        await set_for(store, clock, chat, aaaaaa=NINE)
    both = [Reminding(store, words, clock, Nudged()) for _ in range(2)]
    await asyncio.gather(*(each.once() for each in both))
    assert len(await written(store)) == 20


class Faulty(Store):
    """A store whose first transactions fail."""

    faults: list[Exception]

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        if self.faults:
            raise self.faults.pop()
        async with super().writing() as session:
            yield session


@pytest.mark.parametrize("fault", FAULTS, ids=["a locked database", "anything else"])
async def test_whatever_fails_is_tried_again(
    store: Store,
    words: Words,
    clock: MovedClock,
    fault: Exception,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(remind, "_AFTER_A_FAULT", 0.01)
    await set_for(store, clock, aaaaaa=NINE)
    faulty = Faulty(str(store._engine.url))
    faulty.faults = [fault, fault]
    stop = asyncio.Event()
    working = asyncio.create_task(Reminding(faulty, words, clock, Nudged()).run(stop))
    await until(lambda: written(store))
    stop.set()
    await working
    await faulty.close()
    assert capsys.readouterr().out.count("reminders.failed") == 2


async def test_more_than_a_batch_is_written_without_a_pause(
    reminding: Reminding, store: Store, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remind, "BATCH", 3)
    monkeypatch.setattr(remind, "IDLE_SECONDS", 3600.0)
    for chat in range(1001, 1009):
        await set_for(store, clock, chat, aaaaaa=NINE)
    stop = asyncio.Event()
    working = asyncio.create_task(reminding.run(stop))

    async def all_written() -> bool:
        return len(await written(store)) == 8

    await until(all_written)
    stop.set()
    await working


async def test_it_stops_when_told_to(reminding: Reminding) -> None:
    stop = asyncio.Event()
    working = asyncio.create_task(reminding.run(stop))
    stop.set()
    await asyncio.wait_for(working, 5)
