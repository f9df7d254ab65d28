"""Short typed answers: a clear yes, a clear no, and everything else unclear. What is unclear is never a "no"."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dialogue.yes_no import read

YES = """yes|Yes|YES!|yes.|y|yep|yeah|yup|yes please|ok|okay|Sure|Yes, that's fine|yes it does|yes my arm|correct|si|oui|ja"""
NO = (
    """no|No|NO!|no.|n|nope|nah|no thanks|no thank you|no, not at all|none|none of these|neither|no nothing like that"""
)
UNCLEAR = [
    "",
    "   ",
    "?",
    "👍",
    "👎",
    "maybe",
    "perhaps",
    "not sure",
    "no not sure",
    "no idea",
    "no clue",
    "i don't know",
    "I don’t know",
    "dunno",
    "idk",
    "no i don't know",
    "no, i dont know",
    "no idk",
    "a bit",
    "yes a bit",
    "no, maybe a little",
    "yes and no",
    "no yes",
    "no wait yes",
    "yes no",
    "no but my arm feels odd",
    "no, just my arm",
    "no only my leg",
    "nope only the left hand",
    "nothing except my arm",
    "nothing like that, just my arm",
    "no can't move my arm",
    "no way to tell",
    "never mind",
    "no?",
    "none that i can tell, maybe",
    "sometimes",
    "i think no",
    "no i think",
    "kind of",
    "what do you mean",
    "how would i know",
    "my arm",
    "it started yesterday and i have been to the doctor who said no",
    "нет",
]


@pytest.mark.parametrize("text", YES.split("|"))
def test_a_clear_yes(text: str) -> None:
    assert read(text) == "yes"


@pytest.mark.parametrize("text", NO.split("|"))
def test_a_clear_no(text: str) -> None:
    assert read(text) == "no"


@pytest.mark.parametrize("text", UNCLEAR)
def test_what_is_unclear_is_not_a_no(text: str) -> None:
    assert read(text) != "no"


@pytest.mark.parametrize(
    "text",
    [
        "ok but who reads this?",
        "sure, why do you need it",
        "ok what do you keep",
        "fine and who sees my data?",
        "right, what is this",
        "yes or no?",
        "yes?",
        "please help",
    ],
)
def test_a_question_back_is_not_a_yes(text: str) -> None:
    assert read(text) == "unclear"


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    assert read(text) in ("yes", "no", "unclear")


@given(st.text("abcdefghijklmnopqrstuvwxyz ,.", max_size=60), st.sampled_from(["maybe", "unsure", "perhaps", "dunno"]))
def test_with_doubt_in_it_nothing_is_a_no(text: str, doubt: str) -> None:
    assert read(f"{text} {doubt}") != "no"


@given(st.lists(st.sampled_from(["no", "not", "my", "the", "arm", "is", "it"]), min_size=7, max_size=30))
def test_a_long_text_is_never_a_no(words: list[str]) -> None:
    assert read(" ".join(words)) == "unclear"
