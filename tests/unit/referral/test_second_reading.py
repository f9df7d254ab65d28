"""The second reading of a letter: which sentences are put to the alarm, and what becomes of what it hears."""

from collections.abc import Sequence
from datetime import date

import pytest

from bot.referral.record import Proposed, Referral
from bot.referral.second_reading import (
    BOTH_RAISE_AT,
    ENOUGH_HEARD,
    FINDING,
    LEAST_HEARD,
    RAISES_AT,
    second_reading,
    sentences,
)

DAY = date(2026, 11, 19)
LETTER = "Right Bell's since October. She keeps letting go of cups on that side. Kind regards."


def letter(text: str = LETTER) -> Referral:
    return Referral(received=DAY, text=text)


def test_the_loudest_sentence_becomes_a_finding_with_its_words() -> None:
    def hear(asked: Sequence[str]) -> list[float]:
        return [RAISES_AT + 1 if "cups" in each else RAISES_AT for each in asked]

    assert second_reading(letter(), hear).findings[FINDING] == Proposed(
        "yes", "She keeps letting go of cups on that side."
    )


def test_what_is_just_not_loud_enough_raises_nothing() -> None:
    assert FINDING not in second_reading(letter(), lambda asked: [RAISES_AT - 0.01] * len(asked)).findings


@pytest.mark.parametrize(
    ("heard", "whole", "raised"),
    [
        (RAISES_AT + 1, -3.0, False),
        (ENOUGH_HEARD - 0.01, -9.0, False),
        (ENOUGH_HEARD, -9.0, True),
        (BOTH_RAISE_AT - 2 + 0.01, 2.0, True),
        (BOTH_RAISE_AT - 2 - 0.01, 2.0, False),
        (LEAST_HEARD - 0.01, 9.0, False),
    ],
)
def test_what_is_heard_is_weighed_with_the_letter_as_a_whole_where_that_is_known(
    heard: float, whole: float, raised: bool
) -> None:
    assert (FINDING in second_reading(letter(), lambda asked: [heard] * len(asked), whole).findings) == raised


def test_an_alarm_that_is_away_changes_nothing() -> None:
    assert second_reading(letter(), lambda asked: None) == letter()


def test_what_a_person_said_is_not_asked_again() -> None:
    denied = letter().stating(FINDING, "no")

    assert second_reading(denied, lambda asked: [9.0] * len(asked)) == denied


@pytest.mark.parametrize(
    "left_out",
    [
        "There is no weakness of the arm or leg.",
        "She denies any thoughts of harming herself.",
        "New arm weakness, trouble speaking or fits?",
        "His mother had a stroke at the age of eighty.",
        "In 2019 he had a stroke with weakness of the left arm.",
        "He fell down the stairs years ago and was knocked out.",
        "Told to ring at once if she can't lift the arm.",
        "Arm or leg weakness today [ ]",
        "Too short this.",
    ],
)
def test_denials_warnings_questions_relatives_and_the_past_are_left_out(left_out: str) -> None:
    assert list(sentences(left_out, DAY)) == []


@pytest.mark.parametrize(
    "asked",
    [
        "Her daughter says she cannot find her words since breakfast.",
        "By the way, the wife rang: overnight he became muddled.",
        "Since 17 November 2026 the left foot catches on the step.",
    ],
)
def test_what_is_stated_of_the_patient_now_is_asked(asked: str) -> None:
    assert list(sentences(asked, DAY)) == [asked]


def test_each_sentence_is_an_exact_part_of_the_letter() -> None:
    text = "Thank you for seeing him.\nHPC: woke with a droop;  speech went this morning too! He works nights."

    assert all(each in text for each in sentences(text, DAY))
