"""Two gateways by webhook behind one address, on one PostgreSQL: each person's answers in order, each of them once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

import pytest

from tests.e2e.gateway_process import Gateway, Telegram, free_port, until
from tests.scale.balancer import Balancer, balancer

SECRET = "invented-secret"
PEOPLE = range(2001, 2201)
MESSAGES = 3

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture
def telegram() -> Iterator[Telegram]:
    sandbox = Telegram()
    yield sandbox
    sandbox.close()


@pytest.fixture
def front() -> Iterator[Balancer]:
    with balancer([f"http://127.0.0.1:{free_port()}" for _ in range(2)]) as before:
        yield before


@pytest.fixture
def gateways(
    tmp_path: Path, telegram: Telegram, front: Balancer, database_url: str, keys_file: Path
) -> Iterator[list[Gateway]]:
    made = [
        Gateway(
            tmp_path / f"machine-{number}",
            telegram,
            SEPTIMUS_DATABASE_URL=database_url,
            SEPTIMUS_KEYS_FILE=str(keys_file),
            SEPTIMUS_INSTANCE=f"gateway-{number}",
            SEPTIMUS_WEBHOOK_URL=front.url,
            SEPTIMUS_WEBHOOK_SECRET=SECRET,
            SEPTIMUS_WEBHOOK_PORT=url.rpartition(":")[2],
        )
        for number, url in enumerate(front.taken, 1)
    ]
    for each in made:
        each.begin()
    for each in made:
        each.wait(150)
    yield made
    for each in made:
        each.kill()


def test_each_persons_answers_come_in_order_and_once_also_while_one_gateway_is_restarted(
    telegram: Telegram, front: Balancer, gateways: list[Gateway], questions: list[str]
) -> None:
    gateways[0].onboard(PEOPLE)
    asked = {
        person: list(islice(cycle(questions), person % len(questions), person % len(questions) + MESSAGES))
        for person in PEOPLE
    }
    for turn in range(MESSAGES):
        for person in PEOPLE:
            telegram.post("/sandbox/say", user=person, text=asked[person][turn])
        if turn == 0:  # a new version is rolled out: the first goes, and comes back
            gateways[0].signal(signal.SIGTERM)
        if turn == 1:
            assert gateways[0].ends() == 0
            gateways[0].begin()
            gateways[0].wait(150)

    def answers() -> int:
        return len(telegram.accepted(PEOPLE))

    until(lambda: answers() >= len(PEOPLE) * MESSAGES, "every message is answered", 500, every=2.0)
    until(lambda: gateways[1].is_idle(PEOPLE), "nothing is left to do", 30, every=0.5)
    told: dict[int, list[str]] = {person: [] for person in PEOPLE}
    for person, article in telegram.accepted(PEOPLE):
        told[person].append(article)
    assert told == asked
    assert all(taken > len(PEOPLE) * MESSAGES / 10 for taken in front.taken.values()), front.taken
    senders = [each.log.count('"event": "message.sent"') for each in gateways]
    assert all(sent > len(PEOPLE) * MESSAGES / 10 for sent in senders), senders
