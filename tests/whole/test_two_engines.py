"""Two real engines, two gateways, one PostgreSQL, one Redis: people are spread, and go on when an engine dies."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator

import psycopg
import pytest

from bench.scale import Installation, Traffic, installation
from bot.stack.model import current_model
from tests import postgres
from tests.whole.conftest import ROOT, needed

PEOPLE = range(1001, 1013)

pytestmark = [pytest.mark.e2e, pytest.mark.engine, pytest.mark.postgres, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    needed((ROOT / "engine/.venv/bin/python").exists(), "the engine's environment (make setup)")
    needed(shutil.which("redis-server") is not None, "redis-server")
    needed(any(postgres.BINARIES.glob("*/bin/initdb")), "PostgreSQL's server binaries")
    model = current_model()
    needed(model is not None, "a trained model (make train)")
    assert model is not None
    with installation(2, tmp_path_factory.mktemp("two"), model, held=False) as both:
        yield both


def answered(whole: Installation) -> list[int]:
    """How many messages each engine has answered."""
    return [each.log("engine").count('"event": "engine.answered"') for each in whole.sets]


def kinds(whole: Installation) -> list[int]:
    """How many answers each gateway has written down."""
    return [each.log("gateway").count('"event": "message.answered"') for each in whole.sets]


def test_people_are_spread_over_both_and_stay_in_order_when_one_dies(whole: Installation) -> None:
    traffic = Traffic(whole, PEOPLE)

    async def ask(messages: int) -> None:
        await traffic.say(messages)
        await traffic.quiet(200)

    asyncio.run(traffic.prepare())
    asyncio.run(ask(2))
    before = answered(whole)
    assert sum(before) == 2 * len(PEOPLE), "the engines answered all of them, and no plain answer was given"
    assert all(before), before
    assert all(kinds(whole)), "both gateways had a part in it"

    # Where the scratch paper and the locks are: in the schema of the engines, and in Redis no longer than needed.
    with psycopg.connect(whole.database.replace("+psycopg", "")) as connection:
        kept = connection.execute("SELECT count(*) FROM engine.conversations").fetchone()
        in_ours = connection.execute("SELECT to_regclass('public.conversations')").fetchone()
    assert kept == (len(PEOPLE),)
    assert in_ours == (None,)
    for each in whole.sets:
        assert not (each.home / "tracker.db").exists()

    whole.sets[0].kill("engine")
    asyncio.run(ask(2))
    after = answered(whole)
    assert after[1] - before[1] == 2 * len(PEOPLE), "the one that is left answered everybody"
    checked = asyncio.run(traffic.check(warm=0))
    assert (checked["lost"], checked["doubled"], checked["order_kept"]) == (0, 0, True)
