"""Several questions in one message are each answered, the most urgent first; a follow-up leans on what was told last."""

from typing import Any

import pytest

from bot.dialogue.questions import leans_on_before, split
from bot.outcome import Kind, Outcome, Reply
from tests.unit.dialogue.conftest import FakeEngine, Person, parts

SPLIT = [
    ("how do i tape my eye?", ["how do i tape my eye?"]),
    ("how do i tape my eye? and can i drive like this?", ["how do i tape my eye?", "and can i drive like this?"]),
    (
        "3 weeks in. no movement. is that normal? also which drops should i use?",
        ["3 weeks in. no movement. is that normal?", "also which drops should i use?"],
    ),
    ("what now? why?", ["what now? why?"]),
    ("my eye is dry. which drops should i get? thanks", ["my eye is dry. which drops should i get? thanks"]),
    ("can i swim? can i fly far? can i drive home? can i drink wine?", None),
    ("", [""]),
]


@pytest.mark.parametrize(("text", "questions"), SPLIT)
def test_a_message_is_split_at_its_questions(text: str, questions: list[str] | None) -> None:
    if questions is None:
        assert len(split(text)) == 3
    else:
        assert split(text) == questions


@pytest.mark.parametrize("text", ["and at night?", "what about drops", "or tape?", "how about for kids"])
def test_a_short_message_that_begins_so_leans_on_what_was_said(text: str) -> None:
    assert leans_on_before(text)


@pytest.mark.parametrize(
    "text", ["how do i tape my eye", "organs", "and then there is the matter of my neck which pulls"]
)
def test_others_do_not(text: str) -> None:
    assert not leans_on_before(text)


def told(topic: str, kind: Kind = Kind.ANSWER) -> Outcome:
    return Outcome(kind=kind, topic=topic, article=topic, replies=(Reply(text=f"about {topic}"),))


async def test_each_of_two_questions_is_answered_the_most_urgent_first(person: Person, fake_engine: FakeEngine) -> None:
    def answer(body: dict[str, Any]) -> tuple[int, bytes]:
        return 200, parts(told("eating" if "soup" not in body["message"] else "sleep"))

    fake_engine.answer = answer
    outcome = await person.types("which side is best for sleep and soup? how do i chew without biting my cheek?")
    assert [reply.text for reply in outcome.replies] == ["about eating", "about sleep"]
    assert (outcome.topic, outcome.alternatives) == ("eating", ("sleep",))


async def test_two_questions_with_one_answer_are_asked_as_one(person: Person, fake_engine: FakeEngine) -> None:
    fake_engine.says(told("eating"))
    outcome = await person.types("how do i eat soup? what about steak then?")
    assert [reply.text for reply in outcome.replies] == ["about eating"]
    assert fake_engine.messages[-1] == "how do i eat soup? what about steak then?"


async def test_a_follow_up_that_means_nothing_alone_is_asked_with_what_was_told_last(
    person: Person, fake_engine: FakeEngine
) -> None:
    fake_engine.says(told("eye-care-day"))
    await person.types("how do i look after my eye")
    fake_engine.answer = lambda body: (
        200,
        parts(told("eye-care-night") if ":" in body["message"] else told("x", Kind.OUT_OF_SCOPE)),
    )
    outcome = await person.types("and at night?")
    assert outcome.topic == "eye-care-night"
    assert person.patient.last_article == "eye-care-night"


async def test_a_red_flag_that_the_engine_hears_is_asked_about_and_a_no_leads_on_to_the_answer(
    person: Person, fake_engine: FakeEngine
) -> None:
    asks = Outcome(kind=Kind.TRIAGE, provisional=True, asks="any_sign", replies=(Reply(text="Is any of this new?"),))
    fake_engine.answer = lambda body: (200, parts(told("sleep") if body["metadata"]["calm"] else asks))
    await person.types("my spoon keeps dodging me")
    assert person.patient.awaiting == "any_sign"
    outcome = await person.types("no")
    assert outcome.topic == "sleep"
    assert (person.patient.awaiting, person.patient.held_question) == (None, None)


async def test_a_red_flag_in_one_of_several_questions_goes_before_the_others(
    person: Person, fake_engine: FakeEngine
) -> None:
    asks = Outcome(kind=Kind.TRIAGE, provisional=True, asks="any_sign", replies=(Reply(text="Is any of this new?"),))
    fake_engine.answer = lambda body: (200, parts(asks if "spoon" in body["message"] else told("sleep")))
    outcome = await person.types("how should i sleep tonight? why does my spoon keep dodging me?")
    assert outcome.asks == "any_sign"
