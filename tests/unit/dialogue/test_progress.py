"""How practice went, asked for in chat: what asks for it, what doesn't, and what is shown while there is nothing."""

import dataclasses
from datetime import date

import pytest

from bot.dialogue import said
from bot.dialogue.check_in import WEEKLY, Form
from bot.dialogue.progress import wanted
from bot.outcome import PROGRESS, Kind
from bot.programme.practice import Practice
from bot.words import Words
from tests.unit.dialogue.conftest import FakeEngine, Person

ASKS = [
    "how am i doing", "How am I doing?", "how am I getting on with my exercises?", "show my progress",
    "Please show me my progress.", "can you show me my progress", "my progress picture", "my progress", "progress",
    "progress report", "how is my practice going?", "how are my exercises going", "tell me how i'm doing",
    "something to take to my appointment", "I need something to take to my appointment", "I’d like to see my progress",
]  # fmt: skip
ASKS_FOR_THE_PAGE = [
    "a pdf for my appointment", "send me my progress pdf", "i want a page for my doctor",
    "a printout to take to my appointment",
]  # fmt: skip
OTHERS = [
    "is my progress normal?", "my progress stopped", "how am i doing compared to others", "what progress can i expect",
    "how do i track my progress", "will i lose my progress if i miss a week", "how are you doing",
    "what should i take to my appointment", "how am i doing this wrong", "my progress photos",
    "i made progress but my eye is dry", "how is it going",
]  # fmt: skip


@pytest.mark.parametrize("text", [*ASKS, *ASKS_FOR_THE_PAGE])
def test_words_that_ask_for_it(text: str) -> None:
    found = wanted(said(text))
    assert found is not None
    assert found.as_page is (text in ASKS_FOR_THE_PAGE)


@pytest.mark.parametrize("text", OTHERS)
def test_questions_about_progress_are_left_to_the_articles(text: str) -> None:
    assert wanted(said(text)) is None


def practised(person: Person) -> Person:
    person.patient = dataclasses.replace(person.patient, practice=Practice(count=1).dumps())
    return person


@pytest.mark.parametrize("text", ["/progress", "how am i doing?"])
async def test_it_is_named_and_whoever_sends_it_draws_it(person: Person, fake_engine: FakeEngine, text: str) -> None:
    outcome = await practised(person).types(text)
    assert outcome.kind is Kind.ACCOUNT
    (reply,) = outcome.replies
    assert (reply.image, reply.document) == (PROGRESS, None)
    assert person.offered == ["progress:pdf"]
    assert fake_engine.messages == []


@pytest.mark.parametrize("way", ["tap", "a pdf for my appointment"])
async def test_the_page_is_a_document(person: Person, words: Words, way: str) -> None:
    await practised(person).types("/progress")
    outcome = await (person.taps("progress:pdf") if way == "tap" else person.types(way))
    (reply,) = outcome.replies
    assert (reply.image, reply.document, reply.text) == (None, PROGRESS, words("progress.page_lead"))


async def test_who_only_answered_questions_has_something_to_see_too(person: Person) -> None:
    form = Form(answered_on={WEEKLY: date(2026, 11, 20)})
    person.patient = dataclasses.replace(person.patient, form=form.dumps())
    outcome = await person.types("/progress")
    assert outcome.replies[0].image == PROGRESS


@pytest.mark.parametrize("text", ["/progress", "show my progress", "a pdf for my appointment"])
async def test_with_nothing_yet_no_empty_chart_is_shown(person: Person, words: Words, text: str) -> None:
    outcome = await person.types(text)
    (reply,) = outcome.replies
    assert (reply.text, reply.image, reply.document) == (words("progress.nothing"), None, None)
    assert person.offered == ["ex:begin", f"form:{WEEKLY}"]
    await person.taps("ex:begin")
    assert person.heard.startswith(words("exercise.check_begin"))


async def test_a_finished_week_offers_it(person: Person) -> None:
    await person.types("/checkin")
    for answer in ("5", "5", "5", "no", "no", "no"):
        assert "progress:picture" not in person.offered
        await person.types(answer)
    assert person.offered[-1] == "progress:picture"
    outcome = await person.taps("progress:picture")
    assert outcome.replies[0].image == PROGRESS


async def test_an_open_question_about_an_emergency_comes_first(person: Person) -> None:
    practised(person)
    await person.types("my hand feels funny")
    assert person.patient.awaiting is not None
    outcome = await person.types("/progress")
    assert outcome.replies[0].image is None
    assert person.patient.awaiting is not None


async def test_before_consent_it_is_not_shown(newcomer: Person) -> None:
    outcome = await newcomer.types("/progress")
    assert all(reply.image is None and reply.document is None for reply in outcome.replies)


async def test_a_session_goes_on_after_it(person: Person) -> None:
    await practised(person).types("/exercise")
    before = person.patient.practice
    outcome = await person.types("how am i doing")
    assert outcome.replies[0].image == PROGRESS
    assert person.patient.practice == before
