"""How things are shown: the clock against the target, the marked letter, days and figures."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.desk.shown import day, figure, marked, since, waiting

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("left", "state", "words"),
    [
        (-2, "over", "2 days over target"),
        (-1, "over", "1 day over target"),
        (0, "today", "due today"),
        (1, "soon", "due in 1 day"),
        (3, "soon", "due in 3 days"),
        (4, "within", "4 days left"),
    ],
)
def test_the_clock_is_told_in_words_and_in_a_state(left: int, state: str, words: str) -> None:
    told = waiting(TODAY - timedelta(days=5), TODAY + timedelta(days=left), TODAY)
    assert (told.days, told.left, told.state, told.words) == (5, left, state, words)


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (0, "0 days"),
        (1, "1 day"),
        (27, "27 days"),
        (28, "4 weeks"),
        (364, "52 weeks"),
        (365, "12 months"),
        (-3, "0 days"),
    ],
)
def test_the_time_since_onset_is_told_in_the_unit_that_fits(days: int, words: str) -> None:
    assert since(TODAY - timedelta(days=days), TODAY) == words


def test_a_day_and_a_figure_are_written_as_people_read_them() -> None:
    assert day(date(2026, 11, 5)) == "5 Nov 2026"
    assert [figure(each) for each in ("4.857142", "45", "45.0", "same_day", "HB 5")] == [
        "4.9",
        "45",
        "45",
        "same day",
        "HB 5",
    ]


def test_a_quote_is_marked_with_what_it_says() -> None:
    pieces = marked("No fever. Eye red.", {"fever": "No fever", "eye_red": "Eye red"})
    assert [(piece.text, piece.names) for piece in pieces] == [
        ("No fever", ("fever",)),
        (". ", ()),
        ("Eye red", ("eye_red",)),
        (".", ()),
    ]


def test_quotes_may_hold_each_other_and_each_begins_once() -> None:
    pieces = marked("cannot close the red eye", {"cannot_close_eye": "cannot close the red eye", "eye_red": "red eye"})
    assert [(piece.text, piece.names, piece.first) for piece in pieces] == [
        ("cannot close the ", ("cannot_close_eye",), ("cannot_close_eye",)),
        ("red eye", ("cannot_close_eye", "eye_red"), ("eye_red",)),
    ]


@given(st.text(), st.dictionaries(st.sampled_from("abcdef"), st.text(max_size=5)))
def test_the_parts_together_are_the_letter(letter: str, quotes: dict[str, str]) -> None:
    pieces = marked(letter, quotes)
    assert "".join(piece.text for piece in pieces) == letter
    begun = [name for piece in pieces for name in piece.first]
    assert len(begun) == len(set(begun))
    assert set(begun) == {name for name, quote in quotes.items() if quote and quote in letter}


@given(st.text(alphabet="ab c", min_size=1), st.data())
def test_a_quotes_parts_together_are_the_quote(letter: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(letter) - 1))
    end = data.draw(st.integers(start + 1, len(letter)))
    pieces = marked(letter, {"name": letter[start:end], "other": letter[:end]})
    assert "".join(piece.text for piece in pieces if "name" in piece.names) == letter[start:end]
