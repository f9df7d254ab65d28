"""What was asked more than a day ago takes no bare answer: it is told kindly, and asked anew."""

import pytest

from bot.dialogue.check_in import Form
from bot.programme.practice import ASKED_LONG_AGO
from bot.words import Words
from tests.unit.dialogue.conftest import NOW, FakeEngine, Person
from tests.unit.dialogue.test_exercise import (
    MOVING,
    Moving,
    asked,
    button,
    checked,
    clock,
    head,
    offered,
    practice_of,
    session_of,
    tap,
    titles,
)

__all__ = ["clock"]  # a fixture of the other module


@pytest.mark.parametrize("said", ["yes", "Ready!", "start now", "go on"])
async def test_an_offer_of_yesterday_takes_no_yes(person: Person, clock: Moving, words: Words, said: str) -> None:
    await offered(person)
    clock.goes_on(hours=25)
    await person.types(said)
    assert person.heard.startswith(f"{words('exercise.asked_long_ago')}\n\n**Small and even**")
    assert practice_of(person).session is None
    assert titles(person) == ["Start now", "Something is wrong", "Not now"]
    await person.types(said)
    assert head(person).startswith("1 of ")


async def test_an_offer_of_a_day_still_takes_it(person: Person, clock: Moving) -> None:
    await offered(person)
    clock.now += ASKED_LONG_AGO
    await person.types("yes")
    assert head(person).startswith("1 of ")


async def test_its_button_says_what_it_is_for_and_is_still_taken(person: Person, clock: Moving) -> None:
    await offered(person)
    clock.goes_on(hours=30)
    await person.taps("ex:start")
    assert head(person).startswith("1 of ")


@pytest.mark.parametrize(("said", "key"), [("not now", "exercise.later"), ("something is wrong", "exercise.wrong")])
async def test_no_and_a_warning_are_taken_however_old(
    person: Person, clock: Moving, words: Words, said: str, key: str
) -> None:
    await offered(person)
    clock.goes_on(days=3)
    await person.types(said)
    assert person.heard.startswith(words(key))


async def test_an_offer_older_than_the_check_leads_back_to_its_questions(
    person: Person, clock: Moving, words: Words
) -> None:
    await offered(person)
    clock.goes_on(days=8)
    await person.types("yes")
    assert person.heard.startswith(words("exercise.asked_long_ago"))
    assert await checked(person) == ["movement", "linked"]


async def test_a_question_of_the_self_check_takes_no_old_answer(person: Person, clock: Moving, words: Words) -> None:
    await person.types("/exercise")
    clock.goes_on(hours=25)
    await person.types("yes")
    assert person.heard.startswith(words("exercise.asked_long_ago"))
    assert asked(person) == "assessed"
    assert practice_of(person).standing.assessed is None
    await person.types("yes")
    assert practice_of(person).standing.assessed is True
    assert asked(person) == "cause"


async def half_done(person: Person) -> None:
    """Everything asked but the last two; the movement was answered."""
    await person.types("/exercise")
    while asked(person) != "linked":
        question = str(asked(person))
        await tap(person, MOVING[question])


@pytest.mark.parametrize("how", ["typed", "tapped", "/exercise"])
async def test_a_half_done_check_keeps_no_movement_of_another_day(
    person: Person, clock: Moving, words: Words, how: str
) -> None:
    await half_done(person)
    linked = button(person, "No")
    assert practice_of(person).standing.movement == "several"
    clock.goes_on(hours=25)
    if how == "tapped":
        await person.taps(linked)
    else:
        await person.types("no" if how == "typed" else how)
    assert person.heard.startswith(words("exercise.check_begin" if how == "/exercise" else "exercise.asked_long_ago"))
    assert asked(person) == "movement"
    assert await checked(person, {**MOVING, "movement": "Nothing moves"}) == ["movement", "side"]
    assert practice_of(person).standing.movement == "none"
    await tap(person, "Start now")
    assert session_of(person).stage == "S0"


async def test_a_half_done_check_of_today_goes_on_where_it_was(person: Person, clock: Moving) -> None:
    await half_done(person)
    clock.goes_on(hours=23)
    await person.types("no")
    assert asked(person) == "side"


async def test_what_was_never_open_is_not_asked_anew(person: Person, clock: Moving, fake_engine: FakeEngine) -> None:
    clock.goes_on(days=30)
    await person.types("yes")
    assert fake_engine.messages == ["yes"]


async def test_a_weekly_check_in_left_for_a_day_begins_anew(person: Person, clock: Moving, words: Words) -> None:
    await person.types("/checkin")
    for answer in ("7", "8"):
        await person.types(answer)
    clock.goes_on(hours=25)
    await person.types("3")
    assert person.heard.startswith(words("week.long_ago"))
    assert "**1 of 6.**" in person.heard
    assert Form.loads(person.patient.form).answers == {}
    await person.types("4")
    assert Form.loads(person.patient.form).answers == {"comfort": 4}


async def test_other_words_do_not_wake_an_old_check_in(person: Person, clock: Moving, fake_engine: FakeEngine) -> None:
    await person.types("/checkin")
    clock.goes_on(hours=25)
    await person.types("how do i tape my eye shut at night?")
    assert len(fake_engine.messages) == 1
    assert Form.loads(person.patient.form).moved == NOW
