"""An answer for somebody else says whom its "you" means."""

import dataclasses

import pytest

from bot.outcome import Kind, Outcome, Reply
from tests.unit.dialogue.conftest import FakeEngine, Person

ANSWER = Outcome(kind=Kind.ANSWER, topic="eating", article="eating", replies=(Reply(text="Take small bites."),))


def asks_for(person: Person, whom: str, age: str) -> Person:
    person.patient = dataclasses.replace(person.patient, for_whom=whom, age_band=age)
    return person


@pytest.mark.parametrize(
    ("whom", "age", "begins"),
    [
        ("self", "adult", "Take small bites"),
        ("other", "adult", "“You” here means the person you look after"),
        ("other", "older", "“You” here means the person you look after"),
        ("other", "child", "“You” here means the child you look after"),
    ],
)
async def test_whom_you_means_is_said_to_a_carer_alone(
    person: Person, fake_engine: FakeEngine, whom: str, age: str, begins: str
) -> None:
    fake_engine.says(ANSWER)
    outcome = await asks_for(person, whom, age).types("how should she eat")
    assert outcome.replies[0].text.startswith(begins)
    assert "Take small bites" in outcome.replies[0].text


@pytest.mark.parametrize(("age", "offered"), [("child", True), ("adult", False)])
async def test_for_a_child_the_article_on_children_is_offered(
    person: Person, fake_engine: FakeEngine, age: str, offered: bool
) -> None:
    fake_engine.says(ANSWER)
    await asks_for(person, "other", age).types("how should she eat")
    assert ("open:children" in [button.payload for button in person.shown]) is offered
