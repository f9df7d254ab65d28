"""Telegram away for an hour, then back with all that people wrote meanwhile: every message is answered, in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.clock import system_clock
from tests.e2e.gateway_process import Telegram
from tests.faults.conftest import NewPeople
from tests.faults.system import Steered, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

MINUTE = timedelta(minutes=1)


@pytest.fixture
def gateway(telegram: Telegram, tmp_path: Path) -> Iterator[Steered]:
    made = Steered(tmp_path, telegram)
    yield made
    made.kill()
    telegram.post("/sandbox/fault", clear=True)


def test_an_hour_without_telegram_and_then_a_flood(
    gateway: Steered, telegram: Telegram, people: NewPeople, questions: list[str]
) -> None:
    """1,000 updates at once. The hour passes by the gateway's own clock, minute after minute, within seconds."""
    crowd = people(gateway, telegram, 100)
    ids = {each.id for each in crowd}
    waiting, drops, practice = (people(gateway, telegram, 5) for _ in range(3))
    reminded = {each.id for each in [*drops, *practice]}
    in_hand = {each.id for each in waiting}
    gateway.start()
    before = telegram.last_call()

    telegram.fault("sendMessage", code=502, times=1_000_000)
    for each in waiting:  # answers in hand when it goes away
        each.says(questions[0])
    until(lambda: len(telegram.sends({each.id for each in waiting}, before)) >= len(waiting), "their sends fail")
    telegram.fault("*", code=502, times=1_000_000)
    start = system_clock()
    gateway.promise([each.id for each in drops], start + 10 * MINUTE, "eye_drops")  # of use for half an hour
    gateway.promise([each.id for each in practice], start + 10 * MINUTE)  # of use for two
    for minute in range(0, 61, 5):
        gateway.set_clock(minute * MINUTE)
        sends = len(telegram.sends({each.id for each in waiting}, before))
        until(
            lambda sends=sends: len(telegram.sends({each.id for each in waiting}, before)) > sends,  # type: ignore[misc]
            "it is tried again",
        )
        # Until the failure is written down: a pause that is reckoned after the next step would outlast it.
        until(lambda: not any(row.claimed_by for _, row in gateway.outbox(in_hand)), "the failures are written down")
        if minute == 15:  # due five minutes ago, by the gateway's clock
            until(lambda: len(list(gateway.outbox(reminded))) == len(reminded), "the reminders are handed over")
    for question in questions[:10]:
        for each in crowd:
            each.says(question)
    assert telegram.accepted(ids, before) == []
    telegram.post("/sandbox/fault", clear=True)

    gateway.set_clock(66 * MINUTE)  # the longest pause between two tries
    until(lambda: len(telegram.accepted(ids, before)) >= 1000, "all are answered", 150, every=0.5)
    everybody = [*ids, *reminded, *(each.id for each in waiting)]
    until(lambda: telegram.waiting() == 0 and gateway.is_idle(everybody), "nothing waits", 60, every=0.5)
    came = telegram.accepted(ids, before)
    assert Counter(came) == Counter((each.id, question) for each in crowd for question in questions[:10])
    for each in crowd:
        assert [found for chat, found in came if chat == each.id] == questions[:10], "each in order"
    for each in waiting:
        assert telegram.accepted({each.id}, before) == [(each.id, questions[0])], "an hour later, and once"
    sent = Counter(call["params"]["chat_id"] for call in telegram.sends(reminded, before) if call["code"] == 200)
    assert sent == {each.id: 1 for each in practice}
    states = {chat: (row.state, row.fault) for chat, row in gateway.outbox([each.id for each in drops])}
    assert states == {each.id: ("failed", "too late") for each in drops}, "left out, and noted"
