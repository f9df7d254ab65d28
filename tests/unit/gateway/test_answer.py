"""Updates that cannot be answered: tried again, then parked and owned up to. With a clock that the test moves."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs
from telegram.ext import ExtBot

from bot.dialogue import Dialogue
from bot.dialogue.check_in import CheckIns
from bot.dialogue.engine import Engine
from bot.dialogue.exercise import Exercises
from bot.dialogue.intake import Intakes
from bot.dialogue.language import Languages
from bot.dialogue.reminder import Reminders
from bot.dialogue.reply import stand_in
from bot.gateway.answer import Answerer
from bot.gateway.receive import chat_of
from bot.knowledge import Shelf
from bot.knowledge.library import load_library
from bot.reminders.places import Places
from bot.settings import CONTENT
from bot.store import Store, erasures, inbox, reminders
from bot.store.tables import InboxRow, OutboxRow, PatientRow, ReminderRow, TelegramChatRow
from bot.triage.countries import Countries
from bot.triage.screen import Screen
from bot.words import Words
from tests.unit.gateway.moved_clock import MovedClock, until
from tests.unit.gateway.updates import FILE, PICTURE, Json, membership, message, tap, update
from tests.unit.sandbox.sandbox_server import Sandbox

STICKER = {"sticker": {**PICTURE, "type": "regular", "is_animated": False, "is_video": False}}
VOICE = {"voice": {**FILE, "duration": 1}}


@pytest.fixture(scope="module")
def screen() -> Screen:
    return Screen.load(CONTENT)


class Desk:
    """An inbox with an answerer at work on it, whose words lack the line for stickers: a fault of our own."""

    def __init__(self, store: Store, clock: MovedClock, answerer: Answerer) -> None:
        self.store, self.clock, self.answerer = store, clock, answerer

    async def receive(self, raw: Json) -> None:
        async with self.store.writing() as session:
            await inbox.write(session, [(raw["update_id"], chat_of(raw), raw)], self.clock())
        self.answerer.nudge()

    async def row(self, update_id: int) -> InboxRow:
        async with self.store.reading() as session:
            found = await session.scalar(select(InboxRow).where(InboxRow.update_id == update_id))
            assert found is not None
            return found

    async def has_tried(self, update_id: int, attempts: int) -> InboxRow:
        """Wait for an attempt to end, however it ends."""

        async def ended() -> InboxRow | None:
            row = await self.row(update_id)
            return row if row.attempts == attempts and row.claimed_by is None else None

        return await until(ended)

    async def written(self) -> list[tuple[str, Any]]:
        """What is to be sent, by key."""
        async with self.store.reading() as session:
            rows = await session.scalars(select(OutboxRow).order_by(OutboxRow.id))
            return [(row.key, row.body["html"] if row.body else None) for row in rows]

    def move(self, by: timedelta) -> None:
        self.clock.move(by)
        self.answerer.nudge()


@pytest.fixture(scope="module")
def words() -> Words:
    whole = Words.load(CONTENT / "words.yml")
    return Words({key: whole(key) for key in whole.keys() - {"other.sticker"}})


@pytest.fixture(scope="module")
def parts(screen: Screen, words: Words) -> dict[str, Any]:
    """What a dialogue is made of, read from the content once."""
    library = load_library(CONTENT)
    return {
        "shelf": Shelf(CONTENT, reload=False, must_be_reviewed=False, clock=time.monotonic),
        "screen": screen,
        "countries": Countries.load(CONTENT / "countries.yml"),
        "words": words,
        "languages": Languages.load(CONTENT),
        "intakes": Intakes.load(CONTENT, screen.messages, words),
        "exercises": Exercises.load(CONTENT, frozenset(library.sources), words),
        "check_ins": CheckIns.load(CONTENT, library, screen.messages, words),
        "reminders": Reminders(Places.load(CONTENT / "places.yml"), words),
    }


@pytest.fixture
async def desk(
    store: Store, sandbox: Sandbox, sending_bot: ExtBot[None], clock: MovedClock, parts: dict[str, Any]
) -> AsyncIterator[Desk]:
    engine = Engine(["http://127.0.0.1:9"], "invented", 1.0)
    dialogue = Dialogue(**parts, engine=engine, clock=clock)
    answerer = Answerer(store, dialogue, sending_bot, clock, "gateway-1", 8, lambda: None)
    stop = asyncio.Event()
    working = asyncio.create_task(answerer.run(stop))
    yield Desk(store, clock, answerer)
    stop.set()
    answerer.nudge()
    await working
    await engine.close()


async def fail(desk: Desk, update_id: int) -> InboxRow:
    """Let an update be tried as often as it is, and return what became of it."""
    for attempt in range(1, inbox.MAX_ATTEMPTS):
        row = await desk.has_tried(update_id, attempt)
        assert row.state == "waiting" and row.claimed_until is not None
        assert row.claimed_until == desk.clock() + timedelta(seconds=2**attempt)
        desk.move(row.claimed_until - desk.clock() + timedelta(milliseconds=1))
    return await desk.has_tried(update_id, inbox.MAX_ATTEMPTS)


async def onboard(desk: Desk) -> None:
    """Make person 1001 one who need not be welcomed."""
    await desk.receive(update("my_chat_member", None, 1) | {"message": message(text="hello")})
    await desk.has_tried(1, 1)
    async with desk.store.writing() as session:
        person = await session.scalar(select(PatientRow))
        assert person is not None
        person.step, person.consented_at = "done", desk.clock()


async def test_what_our_own_fault_keeps_from_an_answer_is_tried_again_then_parked_and_owned_up_to(
    desk: Desk, words: Words
) -> None:
    await onboard(desk)
    before = len(await desk.written())
    await desk.receive(update("message", message(**STICKER), 5))
    row = await fail(desk, 5)
    assert (row.state, row.update, row.fault) == ("parked", None, "KeyError")
    ((key, html),) = (await desk.written())[before:]
    assert key == "update:5:0"
    assert html == words("other.error", number="112")


async def test_one_persons_failing_message_keeps_the_order_and_holds_nobody_else_up(desk: Desk) -> None:
    await onboard(desk)
    await desk.receive(update("message", message(**STICKER), 5))
    await desk.has_tried(5, 1)
    await desk.receive(update("message", message(**VOICE), 6))
    other = message(text="hello") | {"chat": {"id": 1002, "type": "private"}}
    await desk.receive(update("message", other, 7))
    assert (await desk.has_tried(7, 1)).state == "done"
    assert (await desk.row(6)).attempts == 0
    await fail(desk, 5)
    assert (await desk.has_tried(6, 1)).state == "done"


async def test_a_chat_that_cannot_be_written_down_is_parked_all_the_same(desk: Desk) -> None:
    nobody = message(text="hello") | {"chat": {"id": ["no number"], "type": "private"}}
    await desk.receive(update("message", nobody, 5))

    async def parked() -> InboxRow | None:
        desk.move(timedelta(seconds=30))  # whatever it waits for
        row = await desk.row(5)
        return row if row.state == "parked" else None

    assert (await until(parked)).update is None


async def test_an_update_that_cannot_be_read_is_parked_at_once_and_writes_nobody_down(desk: Desk) -> None:
    await desk.receive(update("message", {"message_id": 1, "chat": {"id": 1001}}, 5))
    row = await desk.has_tried(5, 1)
    assert (row.state, row.update) == ("parked", None)
    assert row.fault
    async with desk.store.reading() as session:
        assert await session.scalar(select(TelegramChatRow)) is None
    assert await desk.written() == []


@pytest.mark.parametrize("status", ["kicked", "member"])
async def test_who_only_blocks_the_bot_or_comes_back_is_not_written_down(desk: Desk, status: str) -> None:
    await desk.receive(membership(status) | {"update_id": 5})
    assert (await desk.has_tried(5, 1)).state == "done"
    async with desk.store.reading() as session:
        assert await session.scalar(select(PatientRow)) is None
        assert await session.scalar(select(TelegramChatRow)) is None


async def left_to_wipe(store: Store) -> list[str]:
    async with store.reading() as session:
        return [each.patient_id for each in await erasures.under_way(session) if each.is_wipe]


async def test_what_a_newcomer_asked_is_to_be_wiped_though_the_engine_did_not_answer(desk: Desk) -> None:
    await desk.receive(update("message", message(text="how do i tape my eye at night?"), 5))
    await desk.has_tried(5, 1)
    async with desk.store.reading() as session:
        person = await session.scalar(select(PatientRow.id))
    assert await left_to_wipe(desk.store) == [stand_in(str(person))]


async def test_what_a_newcomer_asked_is_to_be_wiped_though_no_answer_could_be_made(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(Dialogue, "reply", fails)
    await desk.receive(update("message", message(text="how do i tape my eye at night?"), 5))
    assert (await fail(desk, 5)).state == "parked"
    assert len(await left_to_wipe(desk.store)) == 1


async def test_stopping_while_the_engine_is_away_leaves_a_wipe_and_says_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await onboard(desk)
    nudged = asyncio.Event()
    monkeypatch.setattr(desk.answerer, "_on_erased", nudged.set)
    await desk.receive(tap("stop:yes") | {"update_id": 5})
    await desk.has_tried(5, 1)
    async with desk.store.reading() as session:
        person = await session.scalar(select(PatientRow.id))
    assert await left_to_wipe(desk.store) == [person]
    await asyncio.wait_for(nudged.wait(), 10)


async def test_the_words_of_an_answered_update_are_dropped(desk: Desk) -> None:
    await desk.receive(update("message", message(text="hello"), 5))
    row = await desk.has_tried(5, 1)
    assert (row.state, row.update) == ("done", None)
    assert [key for key, _ in await desk.written()] == ["update:5:0", "update:5:1", "update:5:2"]


async def test_a_typing_sign_is_shown_while_an_answer_takes_long(
    desk: Desk, sending_bot: ExtBot[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    signs: list[tuple[int, str]] = []
    shown = asyncio.Event()

    async def sign(_bot: object, chat_id: int, action: str) -> bool:
        signs.append((chat_id, action))
        shown.set()
        return True

    reply = Dialogue.reply

    async def slowly(*given: Any) -> Any:
        await shown.wait()
        return await reply(*given)

    monkeypatch.setattr(type(sending_bot), "send_chat_action", sign)
    monkeypatch.setattr(Dialogue, "reply", slowly)
    await desk.receive(update("message", message(text="hello"), 5))
    assert (await desk.has_tried(5, 1)).state == "done"
    assert signs == [(1001, "typing")]


async def test_half_a_character_is_answered_like_any_text(desk: Desk) -> None:
    await desk.receive(update("message", message(text="what about \ud83d my eye"), 5))
    assert (await desk.has_tried(5, 1)).state == "done"


async def test_a_database_locked_for_longer_than_is_waited_ends_nothing(
    store: Store, desk: Desk, tmp_path: Path
) -> None:
    """The lock is SQLite's own, held by another connection until the answerer has run into it twice."""
    async with store.reading() as session:  # every connection of the pool waits as long as this, once it is open
        await session.execute(text("SELECT 1"))
    waits = 0.1

    def waits_shortly(connection: Any, _record: Any, _proxy: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={int(waits * 1000)}")
        cursor.close()

    event.listen(store._engine.sync_engine.pool, "checkout", waits_shortly)
    other = sqlite3.connect(tmp_path / "septimus.db", isolation_level=None, check_same_thread=False)
    with capture_logs() as logged:
        # In a thread: the answerer's first claim may hold the lock, and can't give it back while its loop stands still.
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
        desk.answerer.nudge()

        async def ran_into_it() -> bool | None:
            desk.answerer.nudge()  # a look without one reads first, and needs no lock
            return len([each for each in logged if each["event"] == "answer.no_claim"]) >= 2 or None

        await until(ran_into_it)
        other.execute("COMMIT")
        other.close()
    await desk.receive(update("message", message(text="hello"), 1))
    row = await desk.has_tried(1, 1)
    assert row.state == "done"


async def test_what_could_not_even_be_written_down_ends_nothing(
    store: Store, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes away between an update's claim and its end: the claim runs out, and it is answered then."""

    async def gone(*_: object, **__: object) -> None:
        raise OperationalError("BEGIN IMMEDIATE", {}, Exception("database is locked"))

    with monkeypatch.context() as patch, capture_logs() as logged:
        patch.setattr(desk.answerer, "_handle", gone)
        patch.setattr(desk.answerer, "_failed", gone)
        await desk.receive(update("message", message(text="hello"), 1))

        async def is_told() -> bool | None:
            return any(each["event"] == "update.not_recorded" for each in logged) or None

        await until(is_told)
    desk.move(inbox.LEASE + timedelta(seconds=1))
    row = await desk.has_tried(1, 2)
    assert row.state == "done"


async def test_who_blocked_the_bot_is_noted_once_with_the_time_until_they_are_back(desk: Desk) -> None:
    """The reminders rest meanwhile; the desk reads the same moment (see `bot.store.followed`)."""
    await onboard(desk)
    async with desk.store.writing() as session:
        chat = await session.scalar(select(TelegramChatRow))
        assert chat is not None
        person = chat.patient_id
        await reminders.sync(session, person, {"aaaaaa": "{}"}, lambda _name, _sent: desk.clock() + timedelta(days=9))

    async def stands() -> tuple[object, str]:
        async with desk.store.reading() as session:
            blocked = await session.scalar(select(TelegramChatRow.blocked_at))
            return blocked, str(await session.scalar(select(ReminderRow.state)))

    began = desk.clock()
    for number in (10, 11):
        await desk.receive(membership("kicked") | {"update_id": number})
        await desk.has_tried(number, 1)
        assert await stands() == (began, "blocked")
        desk.move(timedelta(days=1))
    await desk.receive(membership("member") | {"update_id": 12})
    await desk.has_tried(12, 1)
    assert await stands() == (None, "active")
    await desk.receive(membership("kicked") | {"update_id": 13})
    await desk.has_tried(13, 1)
    await desk.receive(update("message", message(text="hello"), 14))
    await desk.has_tried(14, 1)
    assert await stands() == (None, "active")
