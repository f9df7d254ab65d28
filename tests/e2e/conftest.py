"""Processes, people and questions for the tests of the gateway."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from bot.clock import system_clock
from bot.dialogue import Dialogue, said
from bot.dialogue.engine import Engine
from bot.gateway.render import to_html
from bot.knowledge import Shelf
from bot.outcome import Kind
from bot.patient import Patient, Step
from bot.settings import CONTENT
from bot.words import Words
from tests.e2e.gateway_process import Gateway, Person, Telegram, free_port, title

CHROMIUM = Path("/usr/bin/chromium")
CHROMEDRIVER = Path("/usr/bin/chromedriver")


@pytest.fixture(scope="session")
def questions() -> list[str]:
    """Questions that each get exactly one reply without an engine: the article of that very title."""

    async def choose() -> list[str]:
        shelf = Shelf(CONTENT, reload=False, must_be_reviewed=False, clock=time.monotonic)
        engine = Engine([f"http://127.0.0.1:{free_port()}"], "invented", 1.0)
        dialogue = Dialogue.load(CONTENT, shelf, engine, system_clock)
        asker = Patient(id="0" * 32, step=Step.DONE, consented_at=system_clock(), country="GB")
        chosen = []
        for article in shelf.library.articles.values():
            outcome = (await dialogue.reply(asker, said(article.title))).outcome
            shown = [title(to_html(reply.text)) for reply in outcome.replies]
            if outcome.kind is Kind.ANSWER and shown == [article.title]:
                chosen.append(article.title)
        await engine.close()
        return chosen

    return asyncio.run(choose())


@pytest.fixture(scope="session")
def words() -> Words:
    return Words.load(CONTENT / "words.yml")


@pytest.fixture(scope="module")
def telegram() -> Iterator[Telegram]:
    sandbox = Telegram()
    yield sandbox
    sandbox.close()


@pytest.fixture(scope="module")
def _new_ids() -> Callable[[], int]:
    ids = count(1101)
    return lambda: next(ids)


@pytest.fixture(scope="module")
def _started(telegram: Telegram, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    gateway = Gateway(tmp_path_factory.mktemp("gateway"), telegram)
    gateway.start()
    yield gateway
    gateway.kill()


@pytest.fixture
def gateway(_started: Gateway, telegram: Telegram) -> Iterator[Gateway]:
    """The module's gateway, running and with nothing to do; started again when a test has ended it."""
    if not _started.runs:
        _started.start()
    yield _started
    telegram.post("/sandbox/fault", clear=True)


@pytest.fixture
def person(telegram: Telegram, _new_ids: Callable[[], int], gateway: Gateway) -> Callable[[], Person]:
    """Makes a new person who has been through first contact."""

    def make() -> Person:
        made = Person(_new_ids(), telegram)
        gateway.onboard([made.id])
        telegram.post("/sandbox/users", user=made.id, name=f"Invented {made.id}", language_code="en")
        return made

    return make


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    if not (CHROMIUM.exists() and CHROMEDRIVER.exists()):
        reason = "Chromium and its driver are missing; apt-get install chromium chromium-driver"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--lang=en-GB"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options=options, service=Service(str(CHROMEDRIVER)))
    yield started
    started.quit()
