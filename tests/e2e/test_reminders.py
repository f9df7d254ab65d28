"""Reminders under fire: the real gateway killed, doubled, cut off and crowded, with no engine beside it.

`bench/reminders.py` does the same at full size, and measures what depends on the machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from bench.reminders import killed_at_random
from bot.clock import system_clock
from tests import postgres
from tests.e2e.gateway_process import Gateway, Person, Telegram, free_port, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

_ids = count(20_001)


@pytest.fixture
def alone(telegram: Telegram, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway that doesn't run yet, with nothing due."""
    gateway = Gateway(tmp_path, telegram)
    yield gateway
    gateway.kill()
    telegram.post("/sandbox/fault", clear=True)


@pytest.fixture
def postgres_url() -> Iterator[str]:
    with postgres.server() as url:
        yield url


def crowd(gateway: Gateway, telegram: Telegram, size: int) -> list[Person]:
    """New people who have been through first contact."""
    people = [Person(next(_ids), telegram) for _ in range(size)]
    gateway.onboard(each.id for each in people)
    for each in people:
        telegram.post("/sandbox/users", user=each.id, name=f"Invented {each.id}", language_code="en")
    return people


def ids(people: Collection[Person]) -> list[int]:
    return [each.id for each in people]


def came(telegram: Telegram, people: Collection[Person]) -> Counter[int]:
    """How often Telegram took something for each."""
    calls = telegram.sends({each.id for each in people})
    return Counter(call["params"]["chat_id"] for call in calls if call["code"] == 200)


def finished(gateway: Gateway, telegram: Telegram, people: Collection[Person], seconds: float = 60) -> None:
    """Wait until each has got something and nothing is left to be sent."""
    until(lambda: len(came(telegram, people)) == len(people), "each has got a reminder", seconds, every=0.5)
    until(lambda: gateway.is_idle(ids(people)), "nothing is left to do", every=0.3)


def states(gateway: Gateway, people: Collection[Person]) -> Counter[tuple[str, str | None]]:
    return Counter((row.state, row.fault) for _, row in gateway.outbox(ids(people)))


def test_kills_at_random_moments_lose_none_and_double_one_each_at_most(alone: Gateway, telegram: Telegram) -> None:
    """15 kills during 300 due. The bench does 100 during 1,000, which takes too long for every day."""
    people = crowd(alone, telegram, 300)
    alone.promise(ids(people), system_clock())
    telegram.fault("sendMessage", delay=0.01, times=100_000)  # as if it were not on this machine: kills fall into it
    found = killed_at_random(alone, telegram, ids(people), kills=15, longest=0.8, seed=6)
    print(found.told)  # seen with -rP
    assert found.lost == 0
    assert max(found.doubled) <= 1
    assert found.came_again == sum(found.doubled), "a double only where a kill fell between acceptance and record"
    assert states(alone, people) == {("sent", None): 300}


def test_a_kill_between_acceptance_and_record_doubles_that_one_reminder(alone: Gateway, telegram: Telegram) -> None:
    people = crowd(alone, telegram, 20)
    first, *others = people
    alone.promise(ids(people), system_clock())
    telegram.fault("sendMessage", delay=0.2, user=first.id)
    alone.begin()
    until(lambda: telegram.sends({first.id}), "the first is on its way", 60)
    with alone.frozen():  # so that the gateway never sees that Telegram took it
        until(lambda: came(telegram, [first]), "Telegram has taken it")
        alone.kill()
    assert not came(telegram, others), "one at a time: nothing else was on its way"
    alone.start()
    finished(alone, telegram, people)
    assert came(telegram, people) == {first.id: 2} | {each.id: 1 for each in others}


@pytest.mark.postgres
def test_two_gateways_on_one_postgresql_double_and_lose_none(
    telegram: Telegram, tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both machines have the same keys, and so has this process.
    monkeypatch.setenv("SEPTIMUS_KEYS_FILE", str(tmp_path / "keys"))
    # By webhook: of two that poll with one token, Telegram would refuse one. They carry one name, as two machines with
    # the same settings do, and the second starts while the first is sending.
    gateways = [
        Gateway(
            tmp_path / name,
            telegram,
            SEPTIMUS_INSTANCE="gateway-1",
            SEPTIMUS_DATABASE_URL=postgres_url,
            SEPTIMUS_KEYS_FILE=str(tmp_path / "keys"),
            SEPTIMUS_WEBHOOK_URL=f"http://127.0.0.1:{(port := free_port())}",
            SEPTIMUS_WEBHOOK_PORT=str(port),
            SEPTIMUS_WEBHOOK_SECRET="invented",
        )
        for name in ("one", "two")
    ]
    try:
        people = crowd(gateways[0], telegram, 500)
        gateways[0].start()
        gateways[0].promise(ids(people), system_clock())
        until(lambda: came(telegram, people), "the first has begun")
        gateways[1].start()
        finished(gateways[0], telegram, people)
    finally:
        for each in gateways:
            each.kill()
        telegram.method("deleteWebhook")
    assert came(telegram, people) == dict.fromkeys(ids(people), 1)
    by = Counter(row.key.partition(":")[0] for _, row in gateways[0].outbox(ids(people)))
    assert by == {"reminder": 500}


def test_a_thousand_to_come_hold_up_no_answer(alone: Gateway, telegram: Telegram, questions: list[str]) -> None:
    """By counts: while 1,000 are due, whoever asks is answered before fifty of them are sent."""
    people = crowd(alone, telegram, 1_000)
    asker = crowd(alone, telegram, 1)[0]
    alone.promise(ids(people), system_clock())
    alone.start()
    until(lambda: len(came(telegram, people)) >= 30, "they go out", every=0.3)
    for number, question in enumerate(questions[:5], 1):
        before = came(telegram, people).total()
        asker.says(question)
        asker.gets(number)
        assert came(telegram, people).total() - before < 50
    assert came(telegram, people).total() < 1_000, "there were some to come all the while"
    sent = sorted(call["time"] for call in telegram.sends(set(ids(people))))
    most = max(sum(start <= each < start + 1 for each in sent) for start in sent)
    assert most <= 39, "30 a second, and what a quarter of a second's stall may be made up for"


def test_reminders_go_out_with_engine_and_action_server_down(alone: Gateway, telegram: Telegram) -> None:
    people = crowd(alone, telegram, 10)
    alone.start()  # nobody listens where it looks for the engine
    alone.promise(ids(people), system_clock())
    finished(alone, telegram, people)
    assert came(telegram, people) == dict.fromkeys(ids(people), 1)
    (message,) = people[0].chat()
    assert message["buttons"], "to begin, or put it off"


def test_telegram_down_for_a_while_costs_what_is_too_late_and_nothing_else(alone: Gateway, telegram: Telegram) -> None:
    late, in_time, over = (crowd(alone, telegram, 10) for _ in range(3))
    telegram.fault("sendMessage", code=502, times=100_000)
    alone.start()
    of_use_until = system_clock() + timedelta(seconds=10)  # drops may be 30 minutes late, and practice two hours
    alone.promise(ids(over), system_clock() - timedelta(minutes=31), "eye_drops")
    alone.promise(ids(late), of_use_until - timedelta(minutes=30), "eye_drops")
    alone.promise(ids(in_time), system_clock())
    until(lambda: len(alone.outbox(ids(late))) == len(late), "all were still due when Telegram was down")
    until(lambda: system_clock() > of_use_until, "drops are of no use any more")
    telegram.post("/sandbox/fault", clear=True)
    finished(alone, telegram, in_time)
    until(lambda: alone.is_idle(ids(late)), "nothing waits")
    assert came(telegram, in_time) == dict.fromkeys(ids(in_time), 1)
    assert not came(telegram, late) and not came(telegram, over)
    assert states(alone, late) == {("failed", "too late"): len(late)}
    assert not alone.outbox(ids(over))


def test_who_has_blocked_the_bot_is_left_alone_and_nobody_else_misses_theirs(
    alone: Gateway, telegram: Telegram
) -> None:
    people = crowd(alone, telegram, 30)
    known, unknown, *others = people
    alone.start()
    known.blocks()
    until(lambda: alone.is_blocked(known.id), "the gateway has heard of the one")
    telegram.fault("sendMessage", code=403, user=unknown.id)  # of the other it has not heard
    before = telegram.last_call()
    alone.promise(ids(people), system_clock())
    finished(alone, telegram, others)
    until(lambda: alone.is_blocked(unknown.id), "now it has")
    assert came(telegram, people) == dict.fromkeys(ids(others), 1)
    assert not telegram.sends({known.id}, before)
    assert [call["code"] for call in telegram.sends({unknown.id}, before)] == [403]


def test_a_429_holds_all_reminders_up_and_no_answer(alone: Gateway, telegram: Telegram, questions: list[str]) -> None:
    people = crowd(alone, telegram, 30)
    asker = crowd(alone, telegram, 1)[0]
    telegram.fault("sendMessage", code=429, retry_after=3, user=people[10].id)
    alone.start()
    alone.promise(ids(people), system_clock())
    until(lambda: telegram.sends({people[10].id}), "the send that is refused")
    asker.says(questions[0])
    asker.gets()
    finished(alone, telegram, people)
    calls = telegram.sends(set(ids(people)))
    (refused,) = (call["time"] for call in calls if call["code"] == 429)
    assert not [call for call in calls if refused < call["time"] < refused + 2.9]
    (answered,) = (call["time"] for call in telegram.sends({asker.id}))
    assert answered < refused + 2.9
    assert came(telegram, people) == dict.fromkeys(ids(people), 1)
