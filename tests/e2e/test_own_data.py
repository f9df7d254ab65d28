"""All that is kept of a person, through the real gateway, desk and sandbox: sent to them, and erased to the last byte."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.clock import system_clock
from bot.settings import Settings
from bot.stack.backup import backup, restore
from bot.store import Store, kept
from bot.store.tables import Base
from bot.words import Words
from tests.e2e.gateway_process import Gateway, Json, Person, Telegram, until
from tests.e2e.test_clinic_line import Desk
from tests.e2e.test_exercise_session import Talk

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

CHAT = 90010010019
MARK = "zqmarkone"
CLINICS = "zqmarktwo"
"""Stands in words for a clinic alone: they stay in the clinic's record, and nowhere else."""
OTHERS = "zqmarkthree"


@pytest.fixture
def gateway(tmp_path: Path, telegram: Telegram) -> Iterator[Gateway]:
    """A gateway of this test's own: its folder is searched byte by byte."""
    made = Gateway(tmp_path / "home", telegram, SEPTIMUS_LOG_LEVEL="DEBUG")
    made.start()
    yield made
    made.kill()


@pytest.fixture
def desk(gateway: Gateway) -> Iterator[Desk]:
    started = Desk(gateway.home)
    yield started
    started.http.close()
    started.process.kill()
    started.process.wait()
    if started.process.stdout is not None:
        started.process.stdout.close()


@pytest.fixture
def engines_file(gateway: Gateway) -> Iterator[sqlite3.Connection]:
    """The engine's scratch paper as the engine holds it open: two conversations, in the journal still."""
    database = sqlite3.connect(gateway.home / "tracker.db", isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE conversations (sender_id VARCHAR(64) PRIMARY KEY, updated_at FLOAT, tracker TEXT)")
    yield database
    database.close()


def pseudonym(gateway: Gateway) -> str:
    with sqlite3.connect(gateway.home / "septimus.db") as database:
        return str(database.execute("SELECT patient_id FROM telegram_chats WHERE chat_id = ?", (CHAT,)).fetchone()[0])


def keep_turn(database: sqlite3.Connection, patient_id: str, text: str) -> None:
    events = [{"event": "user", "timestamp": 1.5, "text": text}, {"event": "action", "name": "action_listen"}]
    row = (patient_id, 4e9, json.dumps({"events": events}))
    database.execute("INSERT INTO conversations VALUES (?, ?, ?)", row)


class Quiet(Talk):
    """A person who waits until all has come that there is to come."""

    def __init__(self, person: Person, gateway: Gateway) -> None:
        super().__init__(person)
        self._gateway = gateway

    def _answered(self, act: Callable[[], object]) -> Json:
        last = super()._answered(act)
        until(lambda: self._gateway.is_idle([self.person.id]), "all answers are there", every=0.1)
        return self.last or last


def pour(talk: Talk, desk: Desk) -> None:
    """Marked words on every way that a chat has."""
    for text in (
        f"my name is {MARK} how do i tape my eye at night",
        f"{MARK} {MARK} what about football",
        f"remind me of my exercises at 9 {MARK}",
        "remind me of my exercises at 9 and 18",
    ):
        talk.says(text)
    talk.person.sends(photo=[{"file_id": "f", "file_unique_id": "u", "width": 9, "height": 9}], caption=f"is it {MARK}")
    talk.says("/exercise")
    for answer in ("Yes", "Bell's palsy", "No", "3 to 12 months", "Two or more things move", "No", "Left", "Start now"):
        talk.taps(answer)
    for text in (f"{MARK} it went well", "stop", "5", "5", "/checkin", f"{MARK} it was hard", "stop"):
        talk.says(text)
    setting = {"way": "both", "name": "Face clinic", "offer": "Facial therapy for adults."}
    assert desk.send("/staff/self-referral", page="/staff", **setting).status_code == 303
    for text in ("/refer", "go on without it", "by video", CLINICS, f"I would like to smile again {CLINICS}"):
        talk.says(text)
    assert talk.last["text"].startswith("If you agree, I send this to Face clinic")
    talk.says("yes")
    until(lambda: CLINICS in desk.text("/"), "the request is in the queue")
    talk.says("write to my clinic")
    talk.says(f"when may i come {CLINICS}")
    for text in ("/check", f"since yesterday {MARK}", f"an arm is weak {MARK}", "no"):
        talk.says(text)


def files(home: Path) -> dict[str, bytes]:
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in home.rglob("*") if path.is_file()}


def rows_opened(home: Path) -> dict[str, str]:
    """All rows by table as text, with what is sealed opened."""

    async def read() -> dict[str, str]:
        store = Store(f"sqlite+aiosqlite:///{home / 'septimus.db'}")
        try:
            async with store.reading() as session:
                return {
                    name: "\n".join(str(tuple(row)) for row in await session.execute(select(table)))
                    for name, table in Base.metadata.tables.items()
                }
        finally:
            await store.close()

    return asyncio.run(read())


def test_a_copy_of_everything_then_not_a_byte_of_it(
    gateway: Gateway, desk: Desk, telegram: Telegram, engines_file: sqlite3.Connection, words: Words
) -> None:
    talk, other = (Quiet(Person(number, telegram), gateway) for number in (CHAT, 2002))
    for each in (talk, other):
        gateway.onboard([each.person.id])
        telegram.post("/sandbox/users", user=each.person.id, name=f"{MARK} person", language_code="en")
    other.says(f"{OTHERS} what about football")
    pour(talk, desk)
    until(lambda: gateway.is_idle([CHAT, 2002]), "nothing waits")
    name = pseudonym(gateway)
    keep_turn(engines_file, name, f"{MARK} as the engine heard it")
    keep_turn(engines_file, "another", f"{OTHERS} as the engine heard it")

    before = len(talk.person.replies())
    talk.says("/export")
    talk.person.gets(before + 2)
    sent = telegram.calls("sendDocument")[-2:]
    assert {call["code"] for call in sent} == {200}
    shown = [each["text"] for each in talk.person.chat() if each["from"] == "bot"][-2:]
    assert any(words("own.page_lead") in each for each in shown)
    found = {**files(gateway.home)}
    assert any(MARK.encode() in content for content in found.values()), "the test pours nothing"

    asked = talk.says("please delete all my data")
    assert "erases all I keep" in asked["text"]
    assert words("own.be_sure") in talk.says("yes")["text"]
    assert talk.says("yes, delete everything")["text"] == words("own.erased")

    def is_done() -> bool:
        with sqlite3.connect(gateway.home / "septimus.db") as database:
            return database.execute("SELECT state FROM erasures").fetchall() == [("done",)]

    until(is_done, "the erasure is done", 60, every=0.5)
    assert talk.person.replies()[-1] == words("own.erased")
    assert "zqmark" not in gateway.log
    gateway.signal(signal.SIGTERM)
    assert gateway.ends() == 0
    patterns = [each.pattern for each in kept.FILES]
    for path, content in files(gateway.home).items():
        assert any(Path(path).match(pattern) for pattern in patterns), f"{path} is not in bot/store/kept.py"
        for mark in (MARK, str(CHAT)):
            assert mark.encode() not in content, f"{mark} in {path}"
        assert CHAT.to_bytes(6, "big") not in content, f"the chat's number in {path}"
        if path.startswith(("septimus.db", "tracker.db")):
            assert name.encode() not in content, f"the pseudonym in {path}"
        if not path.startswith("septimus.db"):
            assert CLINICS.encode() not in content, f"words for the clinic in {path}"
    kept_rows = rows_opened(gateway.home)
    assert not [table for table, text in kept_rows.items() if MARK in text]
    holding = {table for table, text in kept_rows.items() if CLINICS in text}
    assert holding <= {each.table.__tablename__ for each in kept.REGISTER if each.whose == "clinic"}
    assert "line_messages" in holding
    assert engines_file.execute("SELECT sender_id FROM conversations").fetchall() == [("another",)]

    # afterwards the person is new, and the clinic's record is there, unlinked
    gateway.start()
    talk.says("hello")
    until(
        lambda: any("May I keep this" in each for each in talk.person.replies()[-3:]), "they are asked like anyone new"
    )
    page = re.search(r'href="(/referrals/\d+)"', desk.http.get("/").text)
    assert page is not None
    assert "The patient stopped sharing." in desk.text(page[1])


def test_whom_an_older_backup_brings_back_is_erased_again_before_anybody_is_answered(
    gateway: Gateway, telegram: Telegram, words: Words, tmp_path: Path
) -> None:
    talk = Quiet(Person(CHAT, telegram), gateway)
    gateway.onboard([CHAT, 2002])
    telegram.post("/sandbox/users", user=CHAT, name="Invented", language_code="en")
    settings = Settings().model_copy(update={"home": gateway.home, "database_url": None, "keys_file": None})
    backup(settings, tmp_path / "older.backup", system_clock())

    def people() -> int:
        with sqlite3.connect(gateway.home / "septimus.db") as database:
            return int(database.execute("SELECT count(*) FROM patients").fetchone()[0])

    talk.says("/delete")
    assert talk.says("yes, delete everything")["text"] == words("own.erased")
    until(lambda: (gateway.home / "erased").exists() and people() == 1, "the erasure is done", 60, every=0.5)
    gateway.signal(signal.SIGTERM)
    assert gateway.ends() == 0
    restore(settings, tmp_path / "older.backup", overwrite=True)
    assert people() == 2
    gateway.start()
    until(lambda: not (gateway.home / "restored").exists(), "it has looked")
    assert people() == 1
    until(lambda: '"event": "erased.again"' in gateway.log, "it says so")


def test_an_erasure_that_a_kill_cut_short_is_finished_by_the_next_start(
    gateway: Gateway, telegram: Telegram, words: Words
) -> None:
    talk = Talk(Person(CHAT, telegram))
    gateway.onboard([CHAT])
    telegram.post("/sandbox/users", user=CHAT, name="Invented", language_code="en")
    talk.says(f"{MARK} what about football")
    talk.says("/delete")
    # Telegram takes nothing, so the erasure can't come to its end before the kill.
    telegram.fault("sendMessage", code=500, times=1000)
    talk.person.taps(words("own.confirm"))

    def rows(table: str) -> list[tuple[object, ...]]:
        with sqlite3.connect(gateway.home / "septimus.db") as database:
            return database.execute(f"SELECT * FROM {table}").fetchall()

    until(lambda: rows("erasures"), "the erasure has begun")
    gateway.kill()
    assert rows("patients") == []
    assert rows("erasures")[0][1] == "erasing"
    telegram.post("/sandbox/fault", clear=True)
    gateway.start()
    until(lambda: talk.person.replies()[-1] == words("own.erased"), "they are told")
    until(lambda: rows("erasures")[0][1] == "done", "it is done", 60, every=0.5)
    gateway.kill()
    for path, content in files(gateway.home).items():
        if path != "gateway.log":
            assert str(CHAT).encode() not in content, path
        assert MARK.encode() not in content, path
        assert CHAT.to_bytes(6, "big") not in content, path
