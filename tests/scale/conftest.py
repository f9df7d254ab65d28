"""One PostgreSQL, one Redis and one key file for several processes, as several machines would share them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from bot.clock import system_clock
from bot.dialogue import Dialogue, said
from bot.dialogue.engine import Engine
from bot.gateway.render import to_html
from bot.knowledge import Shelf
from bot.outcome import Kind
from bot.patient import Patient, Step
from bot.settings import CONTENT
from bot.store import Store
from tests import postgres, redis
from tests.e2e.gateway_process import title


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Never skipped: what is here is about PostgreSQL alone."""
    try:
        with postgres.server() as url:
            yield url
    except postgres.NoServer as reason:
        pytest.fail(str(reason))


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    try:
        with redis.server() as url:
            yield url
    except redis.NoServer as reason:
        pytest.fail(str(reason))


@pytest.fixture(scope="session")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys"


@pytest.fixture(scope="module", autouse=True)
def _one_key_file(keys_file: Path) -> Iterator[None]:
    """The machines share it by their operator's means; this process opens what they sealed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEPTIMUS_KEYS_FILE", str(keys_file))
        yield


_numbers = count(1)


@pytest.fixture(scope="module")
def database_url(postgres_server: str, _one_key_file: None) -> str:
    """The address of a database of a module's own, with all tables."""
    name = f"scale_{next(_numbers)}"
    with psycopg.connect(postgres_server.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    url = postgres_server.replace("/postgres?", f"/{name}?")

    async def migrate() -> None:
        store = Store(url)
        await store.migrate()
        await store.close()

    asyncio.run(migrate())
    return url


@pytest.fixture(scope="session")
def questions() -> list[str]:
    """Questions that each get exactly one reply without an engine: the article of that very title."""

    async def choose() -> list[str]:
        shelf = Shelf(CONTENT, reload=False, must_be_reviewed=False, clock=time.monotonic)
        engine = Engine([], "invented", 1.0)
        dialogue = Dialogue.load(CONTENT, shelf, engine, system_clock)
        asker = Patient(id="0" * 32, step=Step.DONE, consented_at=system_clock(), country="GB")
        chosen = []
        for article in shelf.library.articles.values():
            outcome = (await dialogue.reply(asker, said(article.title))).outcome
            shown = [title(to_html(reply.text)) for reply in outcome.replies]
            if outcome.kind is Kind.ANSWER and shown == [article.title]:
                chosen.append(article.title)
            if len(chosen) == 12:
                break
        await engine.close()
        return chosen

    return asyncio.run(choose())
