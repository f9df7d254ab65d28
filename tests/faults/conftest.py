"""What the tests of faults share: the local Bot API, people, questions, and the whole system with a stand-in engine."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from bot.clock import system_clock
from bot.dialogue import Dialogue, said
from bot.dialogue.engine import Engine
from bot.gateway.render import to_html
from bot.knowledge import Shelf
from bot.outcome import Kind
from bot.patient import Patient, Step
from bot.settings import CONTENT
from tests.e2e.conftest import telegram as telegram
from tests.e2e.conftest import words as words
from tests.e2e.gateway_process import Gateway, Person, Telegram, title
from tests.faults.system import System, copy_program

_ids = count(30_001)
ENOUGH = 20

NewPeople = Callable[[Gateway, Telegram, int], list[Person]]


@pytest.fixture(scope="session")
def questions() -> list[str]:
    """A few questions that each get exactly one reply without an engine: the article of that very title."""

    async def choose() -> list[str]:
        shelf = Shelf(CONTENT, reload=False, must_be_reviewed=False, clock=time.monotonic)
        engine = Engine(["http://127.0.0.1:9"], "invented", 1.0)
        dialogue = Dialogue.load(CONTENT, shelf, engine, system_clock)
        asker = Patient(id="0" * 32, step=Step.DONE, consented_at=system_clock(), country="GB")
        chosen: list[str] = []
        for article in shelf.library.articles.values():
            outcome = (await dialogue.reply(asker, said(article.title))).outcome
            shown = [title(to_html(reply.text)) for reply in outcome.replies]
            if outcome.kind is Kind.ANSWER and shown == [article.title]:
                chosen.append(article.title)
            if len(chosen) == ENOUGH:
                break
        await engine.close()
        return chosen

    return asyncio.run(choose())


@pytest.fixture(scope="session")
def people() -> NewPeople:
    """Makes new people who have been through first contact."""

    def make(gateway: Gateway, telegram: Telegram, number: int) -> list[Person]:
        made = [Person(next(_ids), telegram) for _ in range(number)]
        gateway.onboard(each.id for each in made)
        for each in made:
            telegram.post("/sandbox/users", user=each.id, name=f"Invented {each.id}", language_code="en")
        return made

    return make


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the program with a stand-in engine and no model: the first start makes one."""
    return copy_program(tmp_path_factory.mktemp("program"))


@pytest.fixture(scope="module")
def system(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    if sys.platform != "linux":
        pytest.skip("needs /proc, to find the processes")
    made = System(program, tmp_path_factory.mktemp("home"))
    made.start()
    yield made
    made.stop()
