"""What several engines share: the scratch paper in PostgreSQL and the locks in Redis, read by their own environment."""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bot.clock import system_clock
from bot.store import tracker
from tests import redis

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / "engine" / ".venv" / "bin" / "python"
MARK = "marked-words-of-a-patient"
_PREPARED = """
import asyncio, json, os, sys, time
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, Restarted, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import EndpointConfig
from engine.filed_tracker import FiledTrackerStore
from engine.shared_locks import SharedLockStore

domain = Domain.from_yaml('''
version: "3.1"
intents: [a]
slots: {kept: {type: text, mappings: [{type: custom}]}}
''')

async def says(store, who, text):
    tracker = await store.get_or_create_tracker(who)
    tracker.update(UserUttered(text, {"name": "a"}))
    tracker.update(ActionExecuted("action_listen"))
    await store.save(tracker)
    return tracker
"""

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]


@pytest.fixture(scope="module", autouse=True)
def _engine_is_there() -> None:
    if not PYTHON.exists():
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs the engine's environment")
        pytest.skip("the engine's environment is not installed (make setup)")


@pytest.fixture
def engines_own(database_url: str) -> Iterator[str]:
    """The address by which the engine's own role comes in: it may do anything in the schema `engine`, and no more."""
    address = database_url.replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS engine CASCADE")
        connection.execute("DROP ROLE IF EXISTS septimus_engine")
        connection.execute("CREATE ROLE septimus_engine LOGIN")
        connection.execute("CREATE SCHEMA engine AUTHORIZATION septimus_engine")
        yield address.replace("//postgres@", "//septimus_engine@").replace(
            f"//{connection.info.user}@", "//septimus_engine@"
        )
        connection.execute("DROP SCHEMA engine CASCADE")
        connection.execute("DROP ROLE septimus_engine")


def begun(code: str, **environment: str) -> subprocess.Popen[str]:
    """Begin code in the engine's Python."""
    known = {"RASA_TELEMETRY_ENABLED": "false", "PYTHONWARNINGS": "ignore", "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.Popen(
        [str(PYTHON), "-c", _PREPARED + textwrap.dedent(code)],
        cwd=ROOT,
        env={**os.environ, **known, "SQLALCHEMY_SILENCE_UBER_WARNING": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> Any:
    """What it printed last, as JSON."""
    told, errors = process.communicate(timeout=250)
    assert process.returncode == 0, errors[-2000:]
    return json.loads(told.strip().splitlines()[-1])


TALK = """
async def talk():
    store = FiledTrackerStore(domain, host=os.environ["ADDRESS"], turns=6, expire_hours=72)
    for number in range(20):
        await says(store, os.environ["WHO"], os.environ["WORDS"])
    other = FiledTrackerStore(domain, host=os.environ["ADDRESS"], turns=6, expire_hours=72)
    found = await other.retrieve(os.environ["WHO"])
    left = "left-by-" + os.environ["WHO"]
    await says(store, left, os.environ["WORDS"])
    await other.save(DialogueStateTracker.from_events(left, [Restarted()], domain.slots))
    try:
        with other._engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1 FROM public.patients")
        refused = "not at all"
    except Exception as error:
        refused = type(error.orig).__name__
    print(json.dumps({
        "turns": sum(isinstance(e, UserUttered) for e in found.events),
        "kept": sorted(await other.keys()),
        "left": await other.retrieve(left) is not None,
        "refused": refused,
    }))
asyncio.run(talk())
"""


def test_the_scratch_paper_keeps_its_promises_on_postgresql(engines_own: str) -> None:
    both = [begun(TALK, ADDRESS=engines_own, WHO=who, WORDS=MARK) for who in ("one", "two")]
    for found in [ended(each) for each in both]:
        assert found["turns"] <= 6, "as long as before, however long the conversation"
        assert {"one", "two", "left-by-one", "left-by-two"} >= set(found["kept"])
        assert not found["left"], "a restart alone asks to forget"
        assert found["refused"] == "InsufficientPrivilege", "the engine reads no patient"

    # the gateway's own door to it
    assert [each["text"] for each in tracker.conversation(engines_own, "one") if each["by"] == "user"] == [MARK] * 5
    tracker.forget(engines_own, "one")
    assert tracker.conversation(engines_own, "one") == []
    assert tracker.expire(engines_own, system_clock() - timedelta(hours=1)) == 0
    with psycopg.connect(engines_own) as connection:
        left = connection.execute("SELECT sender_id FROM engine.conversations ORDER BY 1").fetchall()
        logged = connection.execute(
            "SELECT relpersistence FROM pg_class WHERE oid = 'engine.conversations'::regclass"
        ).fetchone()
    assert left == [("two",)]
    assert logged == ("u",), "no word of it is in the write-ahead log"
    assert tracker.expire(engines_own, system_clock() + timedelta(hours=1)) == 1


def test_a_scratch_paper_that_nobody_has_begun_holds_nothing(database_url: str) -> None:
    address = database_url.replace("+psycopg", "")
    assert tracker.conversation(address, "one") == []
    tracker.forget(address, "one")
    assert tracker.expire(address, system_clock()) == 0


def test_a_scratch_paper_that_is_away_is_told_by_one_kind_of_fault() -> None:
    with pytest.raises(tracker.Unavailable):
        tracker.conversation("postgresql://nobody@127.0.0.1:9/none", "one")


LOCK = """
async def hold():
    store = SharedLockStore(EndpointConfig(os.environ["ADDRESS"]))
    store.red.incr("ready")
    while int(store.red.get("ready")) < int(os.environ["ENGINES"]):
        await asyncio.sleep(0.01)
    held = []
    for _ in range(60):
        async with store.lock("conversation", lock_lifetime=20, wait_time_in_seconds=0.001):
            came = time.monotonic()
            await asyncio.sleep(0.002)
            held.append((came, time.monotonic()))
    print(json.dumps({"held": held, "left": [key.decode() for key in store.red.keys("lock:*")]}))
asyncio.run(hold())
"""


def test_of_several_engines_one_at_a_time_holds_a_conversation(redis_url: str) -> None:
    """Rasa's own store loses tickets here: it reads a lock and writes it back in two steps."""
    told = [ended(each) for each in [begun(LOCK, ADDRESS=redis_url, ENGINES="3") for _ in range(3)]]
    held = sorted(tuple(each) for one in told for each in one["held"])
    assert len(held) == 3 * 60
    assert [later for earlier, later in pairwise(held) if later[0] < earlier[1]] == []
    assert any(one["left"] == [] for one in told), "the last who leaves takes the lock away"


KILLED = """
store = SharedLockStore(EndpointConfig(os.environ["ADDRESS"]))
store.issue_ticket("of-a-killed-engine")
print(json.dumps(store.red.ttl("lock:of-a-killed-engine")))
"""


def test_the_lock_of_a_killed_engine_goes_by_itself(redis_url: str) -> None:
    ttl = ended(begun(KILLED, ADDRESS=redis_url, TICKET_LOCK_LIFETIME="12"))
    assert 0 < ttl <= 24
    port = int(redis_url.rpartition(":")[2].partition("/")[0])
    assert b"of-a-killed-engine" in redis.ask(port, b"KEYS *\r\n")
