"""With the real engine: what it keeps of a person is in their copy, and not a byte of it is left once they are erased."""

import sqlite3
import time

import pytest

from bot.settings import CONTENT
from bot.words import Words
from tests.whole.conftest import System, until

pytestmark = [pytest.mark.e2e, pytest.mark.engine, pytest.mark.timeout(300)]

MARK = "zqmarkwhole"
CHAT = 90010010021


def holding(system: System, mark: bytes) -> list[str]:
    files = [path for path in system.home.rglob("*") if path.is_file()]
    return [path.relative_to(system.home).as_posix() for path in files if mark in path.read_bytes()]


def test_what_the_engine_keeps_goes_with_the_person_and_no_log_held_it(system: System) -> None:
    words = Words.load(CONTENT / "words.yml")
    system.meet(CHAT)
    for text in (
        f"how do i tape my eye shut {MARK}",
        f"{MARK} which drops are best",
        f"{MARK} what about a football match",
    ):
        system.say(CHAT, text)
    until(lambda: holding(system, MARK.encode()), "the engine has written it down")
    assert any(path.startswith("tracker.db") for path in holding(system, MARK.encode()))
    before = len(system.said(CHAT))
    system.say(CHAT, "/export")
    until(lambda: len(system.said(CHAT)) >= before + 2, "both files")
    system.say(CHAT, "delete everything you have on me")
    system.say(CHAT, "yes, delete everything")
    assert system.said(CHAT)[-1] == words("own.erased")

    def is_done() -> bool:
        with sqlite3.connect(system.home / "septimus.db") as database:
            return database.execute("SELECT DISTINCT state FROM erasures").fetchall() == [("done",)]

    until(is_done, "the erasure is done", 60)
    time.sleep(1)
    for mark in (MARK.encode(), str(CHAT).encode(), CHAT.to_bytes(6, "big")):
        assert holding(system, mark) == []
    # the engine goes on with whoever writes next
    answers = system.say(CHAT, "how do i tape my eye shut")
    assert answers
