"""What a person wishes of their exercises: a region, what their answers speak for, as before, dark pictures."""

import dataclasses

import pytest

from bot.dialogue.check_in import CheckIns
from bot.dialogue.exercise import Exercises
from bot.outcome import PROGRESS
from bot.programme.exercise import WHOLE_FACE
from bot.words import Words
from tests.unit.dialogue.conftest import FakeEngine, Person
from tests.unit.dialogue.test_exercise import (
    FLOPPY,
    MOVING,
    TIGHT,
    checked,
    clock,
    head,
    offered,
    practice_of,
    session_of,
    started,
    tap,
    titles,
    to_practice,
)

__all__ = ["clock"]  # a fixture of the other module


# ---- a region that is named ----
@pytest.mark.parametrize(
    ("said", "region"),
    [
        ("my mouth", "mouth"),
        ("mouth please", "mouth"),
        ("work on my eye", "eye"),
        ("Can we work on the brow?", "forehead"),
    ],
)
async def test_a_region_named_at_the_offer_is_chosen_where_there_is_a_choice(
    person: Person, exercises: Exercises, words: Words, said: str, region: str
) -> None:
    library = exercises._library
    await offered(person)
    await person.types(said)
    assert person.heard.startswith(words("exercise.region_first", name=library.regions[region].name))
    await tap(person, "Start now")
    assert region in [library.exercises[each].region for each in session_of(person).items]
    assert practice_of(person).region is None


async def test_every_movement_is_of_the_region_while_there_are_enough_of_it(
    person: Person, exercises: Exercises
) -> None:
    library = exercises._library
    for _ in range(5):
        await offered(person)
        await person.types("my mouth")
        await tap(person, "Start now")
        moved = [library.exercises[each] for each in session_of(person).items]
        assert {each.region for each in moved if each.kind == "active"} == {"mouth"}
        await tap(person, "Stop")


async def test_work_on_my_eye_begins_with_the_self_check_when_it_is_due(person: Person, words: Words) -> None:
    await person.types("work on my eye")
    assert person.heard.startswith(words("exercise.check_begin"))
    await checked(person, MOVING)
    assert person.heard.startswith(words("exercise.region_first", name="eye"))


async def test_a_region_opens_nothing(person: Person, words: Words, exercises: Exercises) -> None:
    await offered(person, FLOPPY)
    for region in exercises._library.regions.values():
        await person.types(f"work on my {region.name}")
        session = practice_of(person)
        assert session.region == region.id
        await tap(person, "Start now")
        held = [exercises._library.exercises[each] for each in session_of(person).items]
        assert all("S0" in each.allowed and each.kind != "active" for each in held)
        await tap(person, "Stop")


async def test_where_nothing_is_open_for_a_region_that_is_said(person: Person, words: Words) -> None:
    await offered(person, FLOPPY)
    await person.types("my chin")
    assert person.heard.startswith(words("exercise.region_none", name="chin"))
    await tap(person, "Start now")
    assert head(person).startswith("1 of ")


async def test_a_region_named_during_a_session_is_for_the_next_one(person: Person, words: Words) -> None:
    await started(person)
    before = session_of(person)
    await person.types("work on my mouth")
    assert person.heard == words("exercise.region_noted", name="mouth")
    assert session_of(person) == before
    assert practice_of(person).region == "mouth"


@pytest.mark.parametrize("said", ["my eye", "eye", "can i exercise my eye?", "my eye hurts", "work on my taxes"])
async def test_what_only_mentions_a_region_is_left_to_the_articles(
    person: Person, fake_engine: FakeEngine, said: str
) -> None:
    await person.types(said)
    assert practice_of(person).region is None


# ---- what the answers about linked movement speak for ----
async def answer_linked(person: Person, **answers: str) -> None:
    person.patient = dataclasses.replace(person.patient, form=None)
    items = [
        "eye_when_smiling", "eye_when_speaking", "eye_when_pursing", "neck_when_smiling", "face_when_closing_eyes",
        "mouth_when_closing_eyes", "neck_when_closing_eyes", "tears_when_eating", "chin",
    ]  # fmt: skip
    await person.types("/checkin")
    for _ in range(6):
        await person.types("skip")
    await person.taps("form:synkinesis-assessment")
    for item in items:
        await person.types(answers.get(item, "Seldom, or not at all"))


async def test_the_highest_answers_choose_what_is_unlinked_and_loosened(person: Person) -> None:
    await offered(person, TIGHT)
    await answer_linked(person, neck_when_smiling="5", chin="4", eye_when_pursing="3", neck_when_closing_eyes="2")
    assert practice_of(person).weights == {"EX-28": 5, "neck": 5, "EX-29": 4, "chin": 4, "EX-26": 3, "eye": 3}
    for _ in range(4):
        await person.types("/exercise")
        await tap(person, "Start now")
        items = set(session_of(person).items)
        assert not items & {"EX-24", "EX-25", "EX-26", "EX-27", "EX-30", "EX-31", "EX-32", "EX-34"}
        assert items & {"EX-28", "EX-29", "EX-33"}
        await tap(person, "Stop")


async def test_answers_alike_take_turns(person: Person) -> None:
    await offered(person, TIGHT)
    await answer_linked(person, neck_when_smiling="4", chin="4", eye_when_smiling="4")
    seen = set()
    for _ in range(8):
        await person.types("/exercise")
        await tap(person, "Start now")
        seen |= set(session_of(person).items) & {f"EX-{number}" for number in range(24, 30)}
        await tap(person, "Stop")
    assert seen == {"EX-24", "EX-28", "EX-29"}


async def test_the_last_answers_count_and_a_skipped_one_speaks_for_nothing(person: Person) -> None:
    await offered(person, TIGHT)
    await answer_linked(person, chin="5")
    await answer_linked(person, eye_when_smiling="4", chin="skip")
    assert practice_of(person).weights == {"EX-24": 4, "eye": 4}


async def test_answers_open_nothing(person: Person) -> None:
    await offered(person, TIGHT)
    await answer_linked(person, chin="5", eye_when_smiling="5")
    practice = practice_of(person)
    recheck = dataclasses.replace(practice, asked=(), checked_at=None, began_on=None)
    person.patient = dataclasses.replace(person.patient, practice=recheck.dumps())
    await person.types("/exercise")
    await checked(person, FLOPPY)
    await tap(person, "Start now")
    assert not set(session_of(person).items) & {f"EX-{number}" for number in range(12, 48)}


def test_every_item_names_exercises_and_regions_that_there_are(check_ins: CheckIns, exercises: Exercises) -> None:
    library = exercises._library
    items = [item for each in check_ins._all.values() for item in each.items]
    assert {id_ for item in items for id_ in item.exercises} <= library.exercises.keys()
    assert {item.region for item in items if item.region} <= library.regions.keys()
    picked = {each.region for each in library.exercises.values()} - {WHOLE_FACE}
    assert picked <= library.regions.keys()


# ---- easier, taken back ----
async def test_as_before_is_there_once_it_was_made_easier(person: Person) -> None:
    await started(person)
    await to_practice(person)
    full = person.heard
    assert "As before" not in titles(person)
    await tap(person, "Easier")
    assert person.heard != full
    assert titles(person) == ["Done", "Again", "Easier", "As before", "Skip", "It hurts", "Stop"]
    await tap(person, "As before")
    assert person.heard == full
    assert "As before" not in titles(person)
    assert session_of(person).eased == ()


@pytest.mark.parametrize("said", ["harder", "Back to normal", "as before", "too easy"])
async def test_it_is_taken_back_in_words_too(person: Person, said: str) -> None:
    await started(person)
    await to_practice(person)
    full = person.heard
    await tap(person, "Easier")
    await person.types(said)
    assert person.heard == full


async def test_the_programme_s_own_amount_is_never_exceeded(person: Person, words: Words) -> None:
    await started(person)
    await to_practice(person)
    full, before = person.heard, session_of(person)
    await person.types("harder")
    assert person.heard == f"{words('exercise.own_dose')}\n\n{full}"
    assert session_of(person) == before


async def test_what_was_taken_back_does_not_come_smaller_next_time(person: Person) -> None:
    await started(person, TIGHT)
    await to_practice(person)
    await tap(person, "Easier")
    await tap(person, "As before")
    await tap(person, "Stop")
    assert practice_of(person).smaller == ()


async def test_what_comes_smaller_from_last_time_can_be_taken_back_from_its_first_instruction(person: Person) -> None:
    await started(person, TIGHT)
    await to_practice(person)
    await tap(person, "Easier")
    await tap(person, "Stop")
    await person.types("/exercise")
    await tap(person, "Start now")
    while not session_of(person).is_smaller:
        await tap(person, "Skip")
    assert titles(person) == ["Next", "As before", "Skip", "It hurts", "Stop"]
    await tap(person, "As before")
    assert titles(person) == ["Next", "Skip", "It hurts", "Stop"]
    assert not session_of(person).is_smaller


# ---- dark pictures ----
def image(person: Person) -> str | None:
    assert person.turn is not None
    return person.turn.outcome.replies[0].image


async def test_pictures_turn_dark_and_light_again(person: Person, words: Words, fake_engine: FakeEngine) -> None:
    await started(person)
    assert image(person) == f"{session_of(person).items[0]}/left"
    await person.types("Dark pictures please")
    assert person.heard == words("exercise.dark")
    await tap_of_before(person, "skip")
    assert image(person) == f"{session_of(person).items[1]}/left/dark"
    await person.types("/progress")
    assert image(person) == f"{PROGRESS}/dark"
    await person.types("light pictures")
    assert person.heard == words("exercise.light")
    await tap_of_before(person, "stop")
    await person.types("/exercise")
    await tap(person, "Start now")
    assert image(person) == f"{session_of(person).items[0]}/left"
    assert fake_engine.messages == []


async def tap_of_before(person: Person, move: str) -> None:
    session = session_of(person)
    await person.taps(f"ex:{move}:{session.id}:{session.turn}")


async def test_dark_stays_from_session_to_session(person: Person) -> None:
    await person.types("dark pictures")
    await started(person)
    assert str(image(person)).endswith("/left/dark")
    await tap(person, "Stop")
    await person.types("/exercise")
    await tap(person, "Start now")
    assert str(image(person)).endswith("/left/dark")
