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
from structlog.testing import capture_logs
from telegram.ext import ExtBot

from bot.dialogue.engine import Engine
from bot.gateway import keep
from bot.gateway.export import Exports
from bot.gateway.keep import Keeper
from bot.outcome import EXPORT_JSON, EXPORT_PDF, Kind, Outcome
from bot.store import Store, erasures, kept, patients, records, retention, tracker
from bot.store.erased import Erased
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
    return Keeper(store, engine, sending_bot, words, clock, file, retention.load(), Erased(file.parent))


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
    assert len((file.parent / "erased").read_text().splitlines()) == 1, "for after a restore"


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
    other = lock(file)
    assert await keeper.erase() is True
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
    await keeper.erase()
    assert len((file.parent / "erased").read_text().splitlines()) == 1, "written down once, however long it takes"
    clock.move(keep.TELL_WITHIN)
    assert await keeper.erase() is False
    assert await state(store) == [("done", None, None)]


def lock(file: Path) -> sqlite3.Connection:
    """Hold the engine's file, so that nobody else reads or writes it."""
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    return other


async def test_who_waits_on_scratch_paper_that_cant_be_read_is_told_what_is_left(
    keeper: Keeper,
    store: Store,
    sandbox: Sandbox,
    clock: MovedClock,
    file: Path,
    words: Words,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tracker, "_WAIT_SECONDS", 0.05)
    await sandbox.say("hello", CHAT)
    gone = await known(store, clock, file)
    async with store.writing() as session:
        await kept.erase(session, gone, clock())
    other = lock(file)
    for _ in range(3):
        assert await keeper.erase() is True
        assert (await state(store), await told(sandbox)) == ([("erasing", gone, CHAT)], 0), "not all is gone"
    clock.move(keep.TELLS_MEANWHILE_AFTER)
    for _ in range(3):
        assert await keeper.erase() is True
        assert (await state(store), await told(sandbox)) == ([("erasing", gone, None)], 1)
    (call,) = [each for each in await sandbox.get("/sandbox/calls", method="sendMessage") if each["code"] == 200]
    assert call["params"]["text"] == words("own.erased_but")
    other.close()
    assert await keeper.erase() is False
    assert (await state(store), remembered(file)) == ([("done", None, None)], 0)
    assert await told(sandbox) == 1


async def test_the_chats_number_is_given_up_after_an_hour_though_nothing_can_be_wiped(
    keeper: Keeper, store: Store, sandbox: Sandbox, clock: MovedClock, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracker, "_WAIT_SECONDS", 0.05)
    await sandbox.say("hello", CHAT)
    gone = await known(store, clock, file)
    async with store.writing() as session:
        await kept.erase(session, gone, clock())
    await sandbox.post("/sandbox/fault", {"method": "sendMessage", "times": 99, "code": 500})
    other = lock(file)
    assert await keeper.erase() is True
    assert await state(store) == [("erasing", gone, CHAT)]
    clock.move(keep.TELL_WITHIN)
    assert await keeper.erase() is True
    assert await state(store) == [("erasing", gone, None)]
    other.close()
    assert await keeper.erase() is False
    assert (await state(store), remembered(file)) == ([("done", None, None)], 0)


async def test_who_cant_be_noted_is_not_told_that_all_is_done_and_others_do_not_wait(
    keeper: Keeper, store: Store, sandbox: Sandbox, clock: MovedClock, file: Path
) -> None:
    await sandbox.say("hello", CHAT)
    gone = await known(store, clock, file)
    (file.parent / "erased").mkdir()  # nothing can be written there
    async with store.writing() as session:
        await kept.erase(session, gone, clock())
    assert await keeper.erase() is True
    assert (remembered(file), await told(sandbox)) == (0, 0)
    (file.parent / "erased").rmdir()
    assert await keeper.erase() is False
    assert (await state(store), await told(sandbox)) == ([("done", None, None)], 1)


async def test_that_nothing_can_be_wiped_is_said_seldom(
    keeper: Keeper, store: Store, clock: MovedClock, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[object] = []

    def broken(_where: object, patient_id: object) -> None:
        tried.append(patient_id)
        raise tracker.Unavailable("OperationalError")

    monkeypatch.setattr(tracker, "forget", broken)
    async with store.writing() as session:
        for number in range(3):
            await erasures.begin(session, f"{number}", None, clock())
    with capture_logs() as logged:
        for _ in range(60):
            assert await keeper.erase() is True
            clock.move(timedelta(seconds=1))
        assert [each["event"] for each in logged].count("erase.tracker") == 1
        assert len(tried) == 60  # one that was just away is not waited for by the next behind it
        clock.move(keep.COMPLAINS_EVERY)
        await keeper.erase()
        assert [each["event"] for each in logged].count("erase.tracker") == 2


async def test_who_wrote_to_a_bot_that_has_no_gateway_any_more_is_erased_and_their_number_given_up(
    keeper: Keeper, store: Store, sandbox: Sandbox, clock: MovedClock, file: Path
) -> None:
    await sandbox.say("hello", CHAT)
    gone = await known(store, clock, file)
    async with store.writing() as session:
        await erasures.begin(session, gone, CHAT, clock(), "north")
    assert await keeper.erase() is False
    assert remembered(file) == 1
    clock.move(keep.TAKEN_OVER_AFTER)
    assert await keeper.erase() is True
    assert (remembered(file), await state(store)) == (0, [("erasing", gone, CHAT)])
    clock.move(keep.TELL_WITHIN)
    assert await keeper.erase() is False
    assert await state(store) == [("done", None, None)]
    assert await told(sandbox) == 0


async def test_what_the_engine_itself_has_wiped_is_done_and_no_file_is_rebuilt(
    keeper: Keeper, engine: FakeEngine, store: Store, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object, **__: object) -> None:
        raise AssertionError("a file is rebuilt for each newcomer's question")

    monkeypatch.setattr(Store, "scrub", never)
    monkeypatch.setattr(tracker, "forget", never)
    async with store.writing() as session:
        await erasures.wipe(session, "nobody", clock())
    assert await keeper.erase() is False
    assert (await state(store), engine.asked) == ([], 1)


async def test_what_an_engine_did_not_wipe_that_is_away_is_wiped_without_it_until_it_can_write_no_more(
    keeper: Keeper, engine: FakeEngine, store: Store, sandbox: Sandbox, clock: MovedClock, file: Path
) -> None:
    engine.is_up = False
    stopped = await known(store, clock, file)
    async with store.writing() as session:
        await erasures.wipe(session, stopped, clock())
    assert await keeper.erase() is True
    assert remembered(file) == 0
    with sqlite3.connect(file) as database:  # it was at work on a message still
        database.execute("INSERT INTO conversations VALUES (?, 1, '{}')", (stopped,))
    clock.move(keep.ENGINE_MAY_WRITE)
    assert await keeper.erase() is False
    assert (await state(store), remembered(file), await told(sandbox)) == ([], 0, 0)
    async with store.reading() as session:
        assert await patients.get(session, stopped) is not None


async def test_an_engine_that_hangs_is_waited_for_once_and_not_for_each(
    keeper: Keeper, engine: FakeEngine, store: Store, clock: MovedClock
) -> None:
    engine.is_up = False
    async with store.writing() as session:
        for number in range(5):
            await erasures.wipe(session, f"{number}", clock())
    await keeper.erase()
    assert engine.asked == 1
    engine.is_up = True
    assert await keeper.erase() is False
    assert (await state(store), engine.asked) == ([], 6)


async def test_a_number_that_is_given_out_again_is_another_wipe(
    keeper: Keeper, engine: FakeEngine, store: Store, clock: MovedClock
) -> None:
    for asked in (1, 2):
        async with store.writing() as session:
            await erasures.wipe(session, f"nobody-{asked}", clock())
        keeper.nudge()
        assert await keeper.erase() is False
        assert engine.asked == asked


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
