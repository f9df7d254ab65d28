"""Words of one's own during a session: what is not right, a move, a pause, a score; and what is none of them."""

import pytest

from bot.dialogue.in_session import bare, is_pause, move, score, trouble

PAIN = (
    "my cheek hurts", "it's hurting", "it stings", "ouch that hurts", "it hurts when i do this", "that was painful",
    "it hurts a little but i can go on", "is it normal that it hurts", "why does it hurt", "my eye stings",
    "my neck aches", "i can't do it, it hurts", "done, but it hurt", "no, it's sore",
)  # fmt: skip
OTHER = (
    "i have a headache", "i've got a headache now", "i'm feeling dizzy", "a bit dizzy", "i feel sick", "my eye is sore",
    "my eye is watering", "my weak eye feels gritty", "my eyes are dry", "i see double", "my sight is blurred",
    "it's spreading", "the movement is spreading to my neck", "more parts move together now", "new movements",
    "my chin now moves", "i feel weaker", "it's getting worse", "my lip has gone numb", "it doesn't hurt but i'm dizzy",
)  # fmt: skip
LINKED = (
    "my eye closes when i smile", "my mouth moves when i close my eye", "my eye twitches", "my neck pulls along",
    "my chin dimples", "my cheek joins in", "my eye and mouth are moving together",
)  # fmt: skip
NOTHING = (
    "no pain", "it doesn't hurt", "i have no pain", "it isn't painful", "no, it doesn't hurt", "i did it without pain",
    "pain free", "stop when it hurts", "my therapist said to stop if it hurts", "does it hurt", "should it hurt",
    "how do i stop the pain behind my ear", "what is synkinesis", "my eye waters when i eat", "is it spreading",
    "i'm not dizzy", "my eye isn't red", "done", "my face feels soft", "how do i tape my eye shut at night", "",
)  # fmt: skip


@pytest.mark.parametrize(
    ("said", "found"),
    [(each, "pain") for each in PAIN]
    + [(each, "other") for each in OTHER]
    + [(each, "linked") for each in LINKED]
    + [(each, None) for each in NOTHING],
)
def test_what_is_not_right_is_heard_and_its_denial_too(said: str, found: str | None) -> None:
    assert trouble(said) == found


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        *((each, "done") for each in ("i'm done", "all done", "i did it", "ok done", "i've finished this one", "complete")),
        *((each, "next") for each in ("ok next", "next one please", "carry on", "i'm ready", "go on then", "got it")),
        *((each, "again") for each in ("do it again", "again please", "one more time", "can you repeat that")),
        *((each, "easier") for each in ("that's too hard", "make it easier please", "i can't do it", "a bit easier")),
        *((each, "skip") for each in ("can i skip this", "skip this one please", "not this one", "let's leave it out")),
        *((each, "stop") for each in ("please stop", "i want to stop", "that's enough for today", "let's stop here")),
        *((each, None) for each in ("not done", "don't stop", "no", "what is next for me at the clinic", "", "please")),
    ],
)  # fmt: skip
def test_moves_in_words(said: str, wanted: str | None) -> None:
    assert move(said) == wanted


@pytest.mark.parametrize("said", ["i need a break", "can we pause", "wait a minute", "hold on", "back soon", "later"])
def test_a_pause_in_words(said: str) -> None:
    assert is_pause(said)
    assert move(said) is None


@pytest.mark.parametrize("said", ["no", "stop", "done", "please", "a break would have been nice yesterday"])
def test_what_is_no_pause(said: str) -> None:
    assert not is_pause(said)


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("3", 3), ("three", 3), ("about 3", 3), ("i'd say 4", 4), ("it was a 5", 5), ("7 out of 10", 7), ("7/10", 7),
        ("ten", 10), ("zero", 0), ("maybe two i think", 2), ("11", None), ("99", None), ("-1", None), ("3.5", None),
        ("2 or 3", None), ("none", None), ("3 times a day", None), ("", None),
    ],
)  # fmt: skip
def test_scores_in_words(said: str, value: int | None) -> None:
    assert score(said) == value


@pytest.mark.parametrize(("said", "left"), [("yes please", "yes"), ("ok, next please", "next"), ("please", "please")])
def test_politeness_is_left_off_but_never_everything(said: str, left: str) -> None:
    assert bare(said) == left


@pytest.mark.parametrize("hostile", ["it " * 2000, "eye " * 1500 + "x", "my eye " + "is " * 1500, "a" * 4000])
def test_long_text_is_read_in_good_time(hostile: str) -> None:
    assert trouble(hostile) is None
    assert move(hostile) is None
    assert score(hostile) is None
