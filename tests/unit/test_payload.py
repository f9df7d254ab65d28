"""A button says one of a closed list of things, and nothing else is obeyed."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.knowledge import Library
from bot.payload import Press, parse, payload
from bot.triage.screen import Screen

SLUG = string.ascii_lowercase + string.digits
ids = st.builds(
    lambda first, rest: first + rest,
    st.sampled_from(SLUG),
    st.text(SLUG + "-", max_size=47),
)
families = st.text(string.ascii_lowercase + "_", min_size=1, max_size=32)
ARGUMENTS = {
    "open": ids,
    "more": ids,
    "good": ids,
    "bad": ids,
    "flag": st.builds("{}:{}".format, st.sampled_from(["yes", "no"]), families),
    "consent": st.sampled_from(["yes", "no", "more"]),
    "whom": st.sampled_from(["self", "other"]),
    "age": st.sampled_from(["child", "adult", "older"]),
    "country": st.text(string.ascii_uppercase, min_size=2, max_size=2) | st.just("other"),
    "onset": st.sampled_from(["today", "days", "weeks", "months", "skip"]),
    "stage": st.sampled_from(["flaccid", "recovery", "synkinesis", "surgery", "skip"]),
    "stop": st.sampled_from(["yes", "no"]),
    "none": st.just("of_these"),
}
buttons = st.sampled_from(sorted(ARGUMENTS)).flatmap(lambda verb: st.tuples(st.just(verb), ARGUMENTS[verb]))


@given(buttons)
def test_what_a_button_says_is_read_back_as_it_was_made(button: tuple[str, str]) -> None:
    made = payload(*button)
    press = parse(made)
    assert press == Press(*button)
    assert press.payload == made


@given(buttons)
def test_a_payload_fits_into_telegrams_64_bytes(button: tuple[str, str]) -> None:
    assert len(payload(*button).encode()) <= 64


NOTHING_OF_OURS = [
    "",
    ":",
    "open",
    "open:",
    ":eating",
    "open:Eating",
    "open: eating",
    "open:eating ",
    "open:eating\n",
    "\nopen:eating",
    "OPEN:eating",
    "open:-eating",
    "open:eat_ing",
    "open:eating:more",
    "open:" + "a" * 49,
    "open:éating",
    "open:٣",
    "flag:maybe:stroke",
    "flag:no",
    "flag:no:",
    "flag:no:Stroke",
    "flag:no:" + "a" * 33,
    "consent:YES",
    "consent:yes:no",
    "country:gb",
    "country:GBR",
    "country:G1",
    "age:17",
    "stop:ask",
    "restart:ask",
    "none:of_those",
    "erase:yes",
    '/open_article{"article_id": "eating"}',
    "open:eating\x00",
]


@pytest.mark.parametrize("data", NOTHING_OF_OURS)
def test_nothing_else_is_obeyed(data: str) -> None:
    assert parse(data) is None


@pytest.mark.parametrize("data", [data for data in NOTHING_OF_OURS if ":" in data])
def test_nothing_else_can_be_made(data: str) -> None:
    verb, _, argument = data.partition(":")
    with pytest.raises(ValueError, match="no button may say"):
        payload(verb, argument)


@given(st.one_of(st.text(max_size=70), st.builds("{}:{}".format, st.sampled_from(sorted(ARGUMENTS)), st.text())))
def test_whatever_is_obeyed_is_something_that_we_could_have_made(data: str) -> None:
    press = parse(data)
    if press is not None:
        assert payload(press.verb, press.argument) == data


def test_every_article_can_stand_on_a_button(library: Library) -> None:
    for article in library.articles:
        assert parse(payload("open", article)) == Press("open", article)


def test_every_question_of_the_screen_can_be_answered_by_button(screen: Screen) -> None:
    for family in (*screen.messages.emergency, "crisis_danger", "crisis_unclear"):
        for answer in ("yes", "no"):
            assert parse(payload("flag", f"{answer}:{family}")) == Press("flag", f"{answer}:{family}")


@pytest.mark.parametrize("mark", ["", "!"])
def test_every_open_question_fits_into_its_column(screen: Screen, mark: str) -> None:
    for family in (*screen.messages.emergency, "crisis_danger", "crisis_unclear"):
        assert len(family + mark) <= 32
