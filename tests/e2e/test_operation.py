"""The gateway's process as whoever runs it sees it: alive, ready or not, its figures, and a message's way in its log."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import httpx
import pytest

from tests.e2e.gateway_process import Gateway, Person, Telegram, free_port, until

pytestmark = pytest.mark.e2e
MARK = "marked-5b1d"


@cache
def port() -> int:
    return free_port()  # at the last moment: a port that is found long before may be somebody else's by then


@pytest.fixture(scope="module")
def watched(telegram: Telegram, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    made = Gateway(tmp_path_factory.mktemp("watched"), telegram, SEPTIMUS_GATEWAY_WATCH_PORT=str(port()))
    made.start()
    yield made
    made.kill()


@pytest.fixture(scope="module")
def answered(watched: Gateway, telegram: Telegram) -> int:
    """The number of an update that was answered; its text is marked."""
    watched.onboard([90010010041])
    person = Person(90010010041, telegram)
    update = person.says(f"how do i tape my eye at night {MARK}")
    person.gets(1)
    until(lambda: watched.is_idle([person.id]), "all is sent")
    return update


def asked(path: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{port()}{path}", timeout=10, trust_env=False)


def test_it_is_alive_and_not_ready_while_its_engine_is_away(watched: Gateway) -> None:
    assert asked("/health").json()["status"] == "ok"
    ready = asked("/ready")
    assert ready.status_code == 503
    told = ready.json()
    assert (told["database"], told["engine"], told["actions"]) == ("ok", "away", "away")


def test_its_figures_count_the_message_and_each_step_and_tell_of_nobody(answered: int) -> None:
    told = asked("/metrics").text
    assert re.search(r'septimus_messages_total\{kind="\w+"\} 1\.0', told)
    for step in ("inbox", "dialogue", "outbox"):
        assert f'septimus_step_seconds_count{{step="{step}"}} 1.0' in told
    assert 'septimus_waiting{box="inbox"} 0.0' in told
    assert 'septimus_ready{part="engine"} 0.0' in told
    assert MARK not in told
    assert "90010010041" not in told


def test_its_log_follows_one_message_by_its_number(watched: Gateway, answered: int) -> None:
    events = [json.loads(line) for line in watched.log.splitlines() if line.startswith("{")]
    way = [event["event"] for event in events if event.get("message") == str(answered)]
    assert [each for each in way if each.startswith("message.")] == ["message.answered", "message.sent"]
    assert MARK not in watched.log
    assert "90010010041" not in watched.log


def test_a_second_gateway_whose_port_is_taken_answers_all_the_same(
    watched: Gateway, telegram: Telegram, tmp_path: Path
) -> None:
    second = Gateway(tmp_path, telegram, SEPTIMUS_GATEWAY_WATCH_PORT=str(port()), SEPTIMUS_INSTANCE="gateway-2")
    second.start()
    try:
        assert "watch.no_port" in second.log
    finally:
        second.kill()
    assert asked("/health").status_code == 200


def test_it_ends_at_once_although_somebody_holds_a_connection(watched: Gateway, answered: int) -> None:
    with httpx.Client(trust_env=False) as held:
        held.get(f"http://127.0.0.1:{port()}/health")
        watched.signal(signal.SIGTERM)
        assert watched.ends(15) == 0
