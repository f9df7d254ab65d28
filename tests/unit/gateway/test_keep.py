"""Erasures are brought to their end, whatever is away meanwhile; what is old goes once a day, by the clock."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader
from sqlalchemy import select
from telegram.ext import ExtBot

from bot.dialogue.engine import Engine
from bot.gateway import keep
from bot.gateway.export import Exports
from bot.gateway.keep import Keeper
from bot.outcome import EXPORT_JSON, EXPORT_PDF, Kind, Outcome
from bot.store import Store, kept, patients, records, retention, tracker
from bot.store.tables import ErasureRow, MissRow
from bot.words import Words
from tests.unit.gateway.moved_clock import MovedClock
from tests.unit.sandbox.sandbox_server import Sandbox

CHAT = 1001


class FakeEngine(Engine):
    """An engine that forgets, or is away."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:9", "invented", 1.0)
        self.is_up, self.asked = True, 0

    async def forget(self, patient_id: str) -> bool:
        self.asked += 1
        return self.is_up


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    made = FakeEngine()
    yield made
    await made.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tracker.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE conversations (sender_id TEXT PRIMARY KEY, updated_at FLOAT, tracker TEXT)")
    return path


@pytest.fixture
def keeper(
    store: Store, engine: FakeEngine, sending_bot: ExtBot[None], words: Words, clock: MovedClock, file: Path
) -> Keeper:
    return Keeper(store, engine, sending_bot, words, clock, file, retention.load())


async def known(store: Store, clock: MovedClock, file: Path) -> str:
    async with store.writing() as session:
        person = await patients.of_chat(session, CHAT, clock())
        await records.note_feedback(session, person.id, "eating", 1, True, clock())
    events = [{"event": "user", "timestamp": 1.0, "text": "heard <b>it</b>"}, {"event": "slot", "name": "x"}]
    with sqlite3.connect(file) as database:
        row = (person.id, datetime.now(UTC).timestamp(), json.dumps({"events": events}))
        database.execute("INSERT INTO conversations VALUES (?, ?, ?)", row)
    return person.id


async def state(store: Store) -> list[tuple[str, str | None, int | None]]:
    async with store.reading() as session:
        rows = await session.scalars(select(ErasureRow).order_by(ErasureRow.id))
        return [(row.state, row.patient_id, row.chat_id) for row in rows]


async def told(sandbox: Sandbox) -> int:
    return len([call for call in await sandbox.get("/sandbox/calls", method="sendMessage") if call["code"] == 200])


def remembered(file: Path) -> int:
    with sqlite3.connect(file) as database:
        return int(database.execute("SELECT count(*) FROM conversations").fetchone()[0])


async def test_an_erasure_comes_to_its_end_at_once(
    keeper: Keeper, store: Store, sandbox: Sandbox, clock: MovedClock, file: Path
) -> None:
    await sandbox.say("hello", CHAT)
    gone = await known(store, clock, file)
    async with store.writing() as session:
        await kept.erase(session, gone, clock())
    assert await keeper.erase() is False
    assert await state(store) == [("done", None, None)]
    assert remembered(file) == 0
    assert await told(sandbox) == 1
    assert await keeper.erase() is False
    assert await told(sandbox) == 1


async def test_an_engine_that_is_away_is_wiped_once_more_when_it_can_write_no_more(
    keeper: Keeper, engine: FakeEngine, store: Store, sandbox: Sandbox, clock: MovedClock, file: Path
) -> None:
    await sandbox.say("hello", CHAT)
    engine.is_up = False
    gone = await known(store, clock, file)
    async with store.writing() as session:
        await kept.erase(session, gone, clock())
    assert await keeper.erase() is True
    assert await state(store) == [("erasing", gone, None)]
    assert await told(sandbox) == 1
    with sqlite3.connect(file) as database:  # it was at work on a message still
        database.execute("INSERT INTO conversations VALUES (?, 1, '{}')", (gone,))
    clock.move(keep.ENGINE_MAY_WRITE)
    assert await keeper.erase() is False
    assert (await state(store), remembered(file)) == ([("done", None, None)], 0)
    assert await told(sandbox) == 1


async def test_a_file_of_the_engine_that_is_locked_is_tried_again(
    keeper: Keeper, store: Store, sandbox: Sandbox, clock: MovedClock, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracker, "_WAIT_SECONDS", 0.05)
    await sandbox.say("hello", CHAT)
    gone = await known(store, clock, file)
    async with store.writing() as session:
        await kept.erase(session, gone, clock())
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert await keeper.erase() is True
    other.execute("ROLLBACK")
    other.close()
    assert await keeper.erase() is False
    assert remembered(file) == 0


@pytest.mark.parametrize(
    "fault", [{"code": 500}, {"code": 403, "description": "Forbidden: bot was blocked by the user"}]
)
async def test_whom_telegram_cant_tell_is_erased_all_the_same(
    keeper: Keeper, store: Store, sandbox: Sandbox, clock: MovedClock, file: Path, fault: dict[str, object]
) -> None:
    await sandbox.say("hello", CHAT)
    gone = await known(store, clock, file)
    async with store.writing() as session:
        await kept.erase(session, gone, clock())
    await sandbox.post("/sandbox/fault", {"method": "sendMessage", "times": 99, **fault})
    is_left = await keeper.erase()
    assert is_left is (fault["code"] == 500)
    clock.move(keep.TELL_WITHIN)
    assert await keeper.erase() is False
    assert await state(store) == [("done", None, None)]


async def test_another_gateways_erasure_is_left_to_it_for_a_while(
    keeper: Keeper, store: Store, sandbox: Sandbox, clock: MovedClock, file: Path
) -> None:
    await sandbox.say("hello", CHAT)
    await keeper.erase()  # nothing is left from before
    gone = await known(store, clock, file)
    async with store.writing() as session:
        await kept.erase(session, gone, clock())
    await keeper.erase()
    assert (await state(store))[0][0] == "erasing"
    clock.move(keep.TAKEN_OVER_AFTER)
    await keeper.erase()
    assert (await state(store))[0][0] == "done"


async def test_what_is_old_goes_once_a_day_and_only_at_night(
    keeper: Keeper, store: Store, clock: MovedClock, file: Path
) -> None:
    stop = asyncio.Event()
    gone = await known(store, clock, file)
    async with store.writing() as session:
        await records.note_miss(session, "m", gone, Outcome(kind=Kind.FALLBACK), "x", clock())
    first = await keeper.retain(stop)
    assert first is not None
    assert first["misses"] == 0
    assert await keeper.retain(stop) is None
    clock.move(timedelta(days=retention.load().misses, hours=15))  # one o'clock at night
    assert await keeper.retain(stop) is None
    clock.move(timedelta(hours=1))
    ran = await keeper.retain(stop)
    assert ran is not None
    assert ran["misses"] == 1
    async with store.reading() as session:
        assert await session.scalar(select(MissRow.id)) is None
    assert await keeper.retain(stop) is None


async def test_the_engines_old_turns_go_too(keeper: Keeper, store: Store, clock: MovedClock, file: Path) -> None:
    await known(store, clock, file)
    with sqlite3.connect(file) as database:
        database.execute("INSERT INTO conversations VALUES ('old', 1, '{}')")
    ran = await keeper.retain(asyncio.Event())
    assert ran is not None
    assert (ran["tracker"], remembered(file)) == (1, 1)


async def test_the_two_files_hold_the_same(store: Store, words: Words, clock: MovedClock, file: Path) -> None:
    person = await known(store, clock, file)
    exports = Exports(store, words, file)
    whole = await exports.file(person, EXPORT_JSON, clock())
    assert whole is not None
    name, content = whole
    told = json.loads(content)
    assert name == "septimus-my-data.json"
    assert told["kept"]["feedback"][0]["article"] == "eating"
    assert told["kept"]["conversations"] == [{"at": 1.0, "by": "user", "text": "heard <b>it</b>"}]
    page = await exports.file(person, EXPORT_PDF, clock())
    assert page is not None
    assert page[0] == "septimus-my-data.pdf"
    text = "\n".join(each.extract_text() for each in PdfReader(BytesIO(page[1])).pages)
    for part in (words("own.head"), words("own.feedback"), "Article: eating", "Helpful: yes", "heard <b>it</b>"):
        assert part in text


async def test_of_nobody_there_is_no_file(store: Store, words: Words, clock: MovedClock, tmp_path: Path) -> None:
    assert await Exports(store, words, tmp_path / "none.db").file("nobody", EXPORT_PDF, clock()) is None
