"""SIGKILL in the middle of 40 queued updates: nothing is lost, and what comes twice is what had to.

The gateway is killed at several points, started again, and left until it has nothing more to do. Then the sandbox's
log of calls says what Telegram took. An answer may come twice only where Telegram had taken it and the gateway had
not yet written that down.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Collection
from itertools import count

import pytest

from tests.e2e.gateway_process import Gateway, Json, Person, Telegram, title, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

PEOPLE, EACH = 5, 8
_ids = count(1301)

Answer = tuple[int, str]


def crowd(gateway: Gateway, telegram: Telegram) -> list[Person]:
    """Some new people who have been through first contact."""
    people = [Person(next(_ids), telegram) for _ in range(PEOPLE)]
    gateway.onboard(each.id for each in people)
    return people


def ask(people: list[Person], questions: list[str]) -> list[int]:
    """Each asks each question, all mixed; returns the ids of the updates."""
    return [each.says(question) for question in questions for each in people]


def quiet(gateway: Gateway, telegram: Telegram, ids: Collection[int]) -> None:
    until(lambda: telegram.waiting() == 0 and gateway.is_idle(ids), "nothing is left to do", 60)


def taken_after_the_kill(telegram: Telegram, ids: Collection[int], after: int) -> list[Answer]:
    """What Telegram had taken, once it has worked off what the dead process had already sent."""
    seen: list[list[Json]] = []

    def at_rest() -> bool:
        seen.append(telegram.sends(ids, after))
        return len(seen) > 1 and seen[-1] == seen[-2] and all(call["ms"] is not None for call in seen[-1])

    until(at_rest, "the sandbox is at rest")
    return telegram.accepted(ids, after)


def in_flight(gateway: Gateway, ids: Collection[int]) -> set[Answer]:
    """What the dead gateway was sending: claimed, and not marked as sent."""
    return {
        (chat, title(row.body["html"]))
        for chat, row in gateway.outbox(ids)
        if row.state == "waiting" and row.claimed_by is not None and row.body
    }


def after_the_fetch(telegram: Telegram, _ids: Collection[int], after: int) -> bool:
    return any((call["result"] or {}).get("count", 0) > 30 for call in telegram.calls("getUpdates", after))


def after_sends(number: int) -> Callable[[Telegram, Collection[int], int], bool]:
    def reached(telegram: Telegram, ids: Collection[int], after: int) -> bool:
        return len(telegram.accepted(ids, after)) >= number

    return reached


def after_the_first_call(telegram: Telegram, ids: Collection[int], after: int) -> bool:
    return bool(telegram.sends(ids, after))


@pytest.mark.parametrize(
    "reached",
    [
        pytest.param(after_the_fetch, id="right after the fetch"),
        pytest.param(after_the_first_call, id="with the first answer on its way"),
        pytest.param(after_sends(1), id="after 1 send"),
        pytest.param(after_sends(7), id="after 7 sends"),
        pytest.param(after_sends(20), id="after 20 sends"),
        pytest.param(after_sends(35), id="after 35 sends"),
    ],
)
def test_a_kill_loses_no_update_and_doubles_only_what_it_could_not_know(
    gateway: Gateway,
    telegram: Telegram,
    questions: list[str],
    reached: Callable[[Telegram, Collection[int], int], bool],
) -> None:
    people = crowd(gateway, telegram)
    ids = {each.id for each in people}
    before = telegram.last_call()
    with gateway.frozen():
        updates = ask(people, questions[:EACH])
    until(lambda: reached(telegram, ids, before), "the point of the kill")
    gateway.kill()
    taken = taken_after_the_kill(telegram, ids, before)
    unmarked = in_flight(gateway, ids)
    gateway.start()
    quiet(gateway, telegram, ids)

    came = Counter(telegram.accepted(ids))
    asked = {(each.id, question) for each in people for question in questions[:EACH]}
    doubled = {answer for answer, times in came.items() if times > 1}
    print(f"taken at the kill: {len(taken)}, came twice: {len(doubled)}")  # seen with -rP
    assert asked - set(came) == set(), "lost"
    assert unmarked & set(taken) <= doubled <= unmarked
    assert max(came.values()) <= 2
    assert max(Counter(chat for chat, _ in doubled).values(), default=0) <= 1, "one person has one send at a time"
    assert [row.state for row in map(gateway.inbox, updates) if row] == ["done"] * len(updates)
    assert_in_order(telegram, people, questions[:EACH])


def assert_in_order(telegram: Telegram, people: list[Person], questions: list[str]) -> None:
    """Each person's answers came in the order of their questions, a double right after its first."""
    for each in people:
        got = [found for _, found in telegram.accepted({each.id})]
        assert list(dict.fromkeys(got)) == questions
        assert got == sorted(got, key=questions.index)


def test_a_kill_between_acceptance_and_record_doubles_that_one_answer(
    gateway: Gateway, telegram: Telegram, questions: list[str]
) -> None:
    someone, other = crowd(gateway, telegram)[:2]
    telegram.fault("sendMessage", delay=0.5, user=someone.id)
    someone.says(questions[0])
    until(lambda: telegram.sends({someone.id}), "the send has begun")
    gateway.signal(signal.SIGSTOP)  # so that the gateway never sees that Telegram took it
    until(lambda: telegram.accepted({someone.id}), "Telegram has taken it")
    someone.says(questions[1])
    other.says(questions[2])
    gateway.kill()
    gateway.start()
    quiet(gateway, telegram, {someone.id, other.id})
    assert telegram.accepted({someone.id}) == [
        (someone.id, questions[0]),
        (someone.id, questions[0]),
        (someone.id, questions[1]),
    ]
    assert telegram.accepted({other.id}) == [(other.id, questions[2])]


def test_a_kill_with_nothing_in_hand_doubles_nothing(
    gateway: Gateway, telegram: Telegram, questions: list[str]
) -> None:
    people = crowd(gateway, telegram)
    ids = {each.id for each in people}
    ask(people, questions[:2])
    until(lambda: len(telegram.accepted(ids)) == 2 * PEOPLE and gateway.is_idle(ids), "all is answered and marked")
    gateway.kill()
    gateway.start()
    quiet(gateway, telegram, ids)
    assert len(telegram.accepted(ids)) == 2 * PEOPLE


def test_a_kill_during_a_send_that_never_arrived_sends_it_after_all(
    gateway: Gateway, telegram: Telegram, questions: list[str]
) -> None:
    someone = crowd(gateway, telegram)[0]
    telegram.fault("sendMessage", delay=0.5, drop=True, user=someone.id)
    someone.says(questions[0])
    until(lambda: telegram.sends({someone.id}), "the send has begun")
    gateway.kill()
    gateway.start()
    quiet(gateway, telegram, {someone.id})
    assert telegram.accepted({someone.id}) == [(someone.id, questions[0])]
