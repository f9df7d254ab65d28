"""An excuse of a cue counts only where its words touch the cue's: what another clause says excuses nothing."""

import pytest

from bot.triage.screen import Level, Screen

# Each holds the words of an excuse of the very cue that it raises, but in another clause.
EXCUSED_ELSEWHERE = (
    "my friend had a stroke last year and now my arm is weak",
    "my nose is blocked too but now i cannot breathe",
    "my nose is blocked, i am gasping and can't breathe",
    "my hands are full with the kids and my left leg has gone numb",
    "i wear the mask at work, now i can't breathe at home",
    "he laughed, then he could not breathe",
    "i had my nerve graft from the leg, and my arm has gone numb",
    "they say use my spare hand, i can't lift my right arm",
    "i passed out leaflets today and then i passed out on the floor",
)


@pytest.mark.parametrize("message", EXCUSED_ELSEWHERE)
def test_an_excuse_in_another_clause_excuses_nothing(screen: Screen, message: str) -> None:
    assert screen(message).level is Level.CERTAIN


@pytest.mark.parametrize(
    "message",
    [
        "the mask makes it hard to breathe",
        "my nose feels blocked and can't breathe through it at night",
        "the nerve graft from the leg, how long is the leg numb",
        "i passed out leaflets today",
        "poked my eye with the tape",
        "is it possible to overdose on b vitamins",
    ],
)
def test_an_excuse_that_touches_the_cue_still_excuses(screen: Screen, message: str) -> None:
    assert screen(message).level is Level.NONE


@pytest.mark.parametrize("who", ["i am", "mum is", "papa is", "my 70 year old father is"])
@pytest.mark.parametrize(
    "what",
    [
        "not able to lift the left arm",
        "unable to get any words out",
        "no longer able to see out of the right eye",
        "not lifting the left arm",
        "not breathing properly",
    ],
)
def test_who_is_not_able_to_can_not(screen: Screen, who: str, what: str) -> None:
    assert screen(f"{who} {what}").level is Level.CERTAIN


@pytest.mark.parametrize(
    "message",
    ["i can no longer lift my arm", "she can no longer breathe properly", "he was unable to move his leg today"],
)
def test_can_no_longer_is_can_not(screen: Screen, message: str) -> None:
    assert screen(message).level is Level.CERTAIN


def test_the_words_of_a_phrase_stay_the_persons_own(screen: Screen) -> None:
    assert any(
        hit.words == "is not able to lift her left arm" for hit in screen("mum is not able to lift her left arm").hits
    )


def test_weeks_of_pregnancy_are_not_long_ago(screen: Screen) -> None:
    assert screen("8 months pregnant and she had a seizure").level is Level.CERTAIN


@pytest.mark.parametrize(
    "message",
    [
        "my husband hit me and now my face droops",
        "he punched me in the face",
        "i was attacked last night",
        "a man punched me in the jaw",
        "i'm scared of my husband",
    ],
)
def test_violence_has_a_family_of_its_own(screen: Screen, message: str) -> None:
    result = screen(message)
    assert (result.kind, result.crisis_family, result.findings["safeguarding_disclosure"]) == (
        "crisis",
        "violence",
        "yes",
    )
    assert "D30" in result.rules
