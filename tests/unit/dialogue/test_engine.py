"""The client of the engine: Rasa's shapes over HTTP, and None whenever they do not come."""

import json
import socket

import pytest
import structlog

from bot.dialogue.engine import Engine
from bot.outcome import Kind, Outcome, Reply
from bot.patient import Patient
from bot.payload import Press
from tests.unit.dialogue.conftest import TOKEN, FakeEngine, known, parts

SOMEONE = known()


async def test_a_message_is_asked_as_rasas_rest_channel_takes_it(engine: Engine, fake_engine: FakeEngine) -> None:
    outcome = await engine.ask(SOMEONE, "dry eye")
    assert outcome is not None and outcome.replies[0].text == "[dry eye]"
    assert fake_engine.asked == [
        {"sender": SOMEONE.id, "message": "dry eye", "metadata": {"country": "GB", "stage": None, "calm": False}}
    ]
    assert fake_engine.headers[0]["authorization"] == f"Bearer {TOKEN}"


async def test_the_number_of_the_message_goes_along(engine: Engine, fake_engine: FakeEngine) -> None:
    with structlog.contextvars.bound_contextvars(message="17"):
        await engine.ask(SOMEONE, "dry eye")
    assert fake_engine.asked[0]["metadata"]["message"] == "17"


@pytest.mark.parametrize(("verb", "part"), [("open", "short"), ("more", "whole")])
async def test_a_tapped_article_is_the_engines_own_command(
    engine: Engine, fake_engine: FakeEngine, verb: str, part: str
) -> None:
    await engine.ask(SOMEONE, Press(verb, "eye-taping"))
    name, _, entities = fake_engine.messages[0].partition("{")
    assert name == "/open_article"
    assert json.loads("{" + entities) == {"article_id": "eye-taping", "part": part}


async def test_several_messages_are_one_outcome_with_all_replies(engine: Engine, fake_engine: FakeEngine) -> None:
    one = Outcome(kind=Kind.NO_DOSING, topic="steroids", replies=(Reply(text="one"),))
    fake_engine.says(one, Outcome(kind=Kind.ANSWER, replies=(Reply(text="two"), Reply(text="three"))))
    outcome = await engine.ask(SOMEONE, "dose")
    assert outcome is not None
    assert (outcome.kind, outcome.topic) == (Kind.NO_DOSING, "steroids")
    assert [reply.text for reply in outcome.replies] == ["one", "two", "three"]


NONSENSE = [
    (500, b'{"error": "x"}'),
    (401, b"{}"),
    (200, b"<html>"),
    (200, b""),
    (200, b"null"),
    (200, b"5"),
    (200, b'{"status": "ok"}'),
    (200, b'["text"]'),
    (200, b'[{"recipient_id": "x", "text": "not ours"}]'),
    (200, b'[{"custom": null}]'),
    (200, b'[{"custom": {"outcome": {"kind": "unheard-of"}}}]'),
    (200, b'[{"custom": {"outcome": {"kind": "answer", "replies": [{"no": "text"}]}}}]'),
    (200, b"\xff\xfe"),
]


@pytest.mark.parametrize(("status", "body"), NONSENSE)
async def test_what_makes_no_sense_is_no_answer(
    engine: Engine, fake_engine: FakeEngine, status: int, body: bytes
) -> None:
    fake_engine.answer = lambda _: (status, body)
    assert await engine.ask(SOMEONE, "dry eye") is None


async def test_silence_is_no_answer(engine: Engine, fake_engine: FakeEngine) -> None:
    fake_engine.says()
    assert await engine.ask(SOMEONE, "dry eye") is None


async def test_a_dropped_connection_is_no_answer(engine: Engine, fake_engine: FakeEngine) -> None:
    fake_engine.is_up = False
    assert await engine.ask(SOMEONE, "dry eye") is None


async def test_a_closed_port_is_no_answer() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        engine = Engine([f"http://127.0.0.1:{probe.getsockname()[1]}"], TOKEN, 5.0)
        assert await engine.ask(SOMEONE, "dry eye") is None
        await engine.close()


async def test_an_engine_that_hangs_is_waited_for_no_longer_than_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the call and says nothing
        engine = Engine([f"http://127.0.0.1:{silent.getsockname()[1]}"], TOKEN, 0.1)
        assert await engine.ask(SOMEONE, "dry eye") is None
        await engine.close()


async def test_after_a_failure_it_is_left_alone_for_a_while(engine: Engine, fake_engine: FakeEngine) -> None:
    fake_engine.answer = lambda _: (500, b"{}")
    for _ in range(3):
        assert await engine.ask(SOMEONE, "dry eye") is None
    assert len(fake_engine.asked) == 1


async def test_it_is_asked_again_after_that(
    engine: Engine, fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.dialogue.engine.REST_SECONDS", 0.0)
    fake_engine.is_up = False
    assert await engine.ask(SOMEONE, "dry eye") is None
    fake_engine.is_up = True
    assert await engine.ask(SOMEONE, "dry eye") is not None


async def test_no_country_is_told_as_none(engine: Engine, fake_engine: FakeEngine) -> None:
    await engine.ask(Patient(id="x"), "dry eye")
    assert fake_engine.asked[0]["metadata"] == {"country": None, "stage": None, "calm": False}


async def test_a_conversation_is_forgotten_by_overwriting_its_events(engine: Engine, fake_engine: FakeEngine) -> None:
    assert await engine.forget(SOMEONE.id)
    path = f"/conversations/{SOMEONE.id}/tracker/events?token={TOKEN}"
    assert fake_engine.forgotten == [(path, [{"event": "restart"}])]


async def test_an_engine_that_is_away_is_told_of_as_not_having_forgotten(
    engine: Engine, fake_engine: FakeEngine
) -> None:
    fake_engine.is_up = False
    assert not await engine.forget(SOMEONE.id)


def test_what_actions_say_survives_the_way() -> None:
    outcome = Outcome(kind=Kind.ANSWER, topic="eating", findings={"droop_new": "yes"}, rules=("D00",))
    assert Outcome.model_validate(json.loads(parts(outcome))[0]["custom"]["outcome"]) == outcome


# several engines


def closed() -> str:
    """An address where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


async def test_whoevers_engine_is_down_is_answered_by_the_next(fake_engine: FakeEngine) -> None:
    engine = Engine([closed(), fake_engine.url, closed()], TOKEN, 5.0)
    for number in range(20):
        assert await engine.ask(Patient(id=f"{number:032}"), "dry eye") is not None
    assert len(fake_engine.asked) == 20
    assert await engine.forget(SOMEONE.id)
    await engine.close()


@pytest.mark.parametrize("status", [409, 502, 503])
async def test_an_engine_that_has_not_heard_the_message_is_left_for_the_next(
    fake_engine: FakeEngine, status: int
) -> None:
    refusals = iter([(status, b"{}")])
    usual = fake_engine.answer
    fake_engine.answer = lambda body: next(refusals, None) or usual(body)
    engine = Engine([fake_engine.url, fake_engine.url.replace("127.0.0.1", "localhost")], TOKEN, 5.0)
    assert await engine.ask(SOMEONE, "dry eye") is not None
    assert len(fake_engine.asked) == 2
    await engine.close()


async def test_what_one_engine_may_have_done_no_other_does_again(fake_engine: FakeEngine) -> None:
    fake_engine.answer = lambda _: (500, b"{}")
    engine = Engine([fake_engine.url, fake_engine.url.replace("127.0.0.1", "localhost")], TOKEN, 5.0)
    assert await engine.ask(SOMEONE, "dry eye") is None
    assert len(fake_engine.asked) == 1
    await engine.close()


async def test_all_down_is_no_answer() -> None:
    engine = Engine([closed(), closed()], TOKEN, 5.0)
    assert await engine.ask(SOMEONE, "dry eye") is None
    assert not await engine.forget(SOMEONE.id)
    await engine.close()


def test_people_are_spread_evenly_and_stay_when_an_engine_comes() -> None:
    urls = [f"http://10.0.0.{number}:5005" for number in range(1, 5)]
    three, four = Engine(urls[:3], TOKEN, 1.0), Engine(urls, TOKEN, 1.0)
    people = [f"{number:032x}" for number in range(3000)]
    before = {person: three._in_turn(person)[0] for person in people}
    after = {person: four._in_turn(person)[0] for person in people}
    for url in urls[:3]:
        assert 850 < sum(each == url for each in before.values()) < 1150
    assert {after[person] for person in people if after[person] != before[person]} == {urls[3]}
