"""Of the readings that are left open, the one that the whole letter makes likeliest; and never against the rules."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.referral.reconciled import Doubt, reconciled
from bot.referral.record import Referral

READ = Referral(received=date(2026, 11, 19))
BANDS = ("P0", "P1", "P3")


def also(name: str, referral: Referral) -> Referral:
    return replace(referral, text=referral.text + name)


def doubt(name: str, cost: float, of: str | None = None) -> Doubt:
    return Doubt(of or name, cost, partial(also, name))


def rules(**by_text: str) -> Callable[[Referral], str]:
    """What the rules make of a reading, by the doubts read otherwise; P3 of all others."""
    return lambda referral: by_text.get(referral.text, "P3")


def chosen(doubts: list[Doubt], expected: Mapping[str, float], band_of: Callable[[Referral], str]) -> str:
    return reconciled(READ, doubts, expected, band_of).text


URGENT = {"P0": 0.9, "P1": 0.07, "P3": 0.03}


def test_a_doubt_is_read_the_way_that_the_whole_letter_speaks_for() -> None:
    assert chosen([doubt("a", 0.3), doubt("b", 0.3)], URGENT, rules(b="P0")) == "b"


def test_the_cheaper_of_two_ways_to_a_band_is_taken() -> None:
    assert chosen([doubt("a", 0.3), doubt("b", 0.2)], URGENT, rules(a="P0", b="P0")) == "b"


def test_two_doubts_are_read_otherwise_together_where_one_does_not_do() -> None:
    assert chosen([doubt("a", 0.2), doubt("b", 0.2)], URGENT, rules(ab="P0")) == "ab"


def test_one_thing_is_not_read_two_ways_at_once() -> None:
    assert chosen([doubt("a", 0.1, "eye"), doubt("b", 0.1, "eye")], URGENT, rules(ab="P0")) == ""


def test_a_band_that_is_a_little_likelier_is_worth_a_small_doubt_only() -> None:
    expected = {"P0": 0.5, "P3": 0.3}

    assert chosen([doubt("a", 0.1)], expected, rules(a="P0")) == "a"
    assert chosen([doubt("a", 0.2)], expected, rules(a="P0")) == ""


def test_what_the_sentences_say_clearly_stands_whatever_the_letter_sounds_like() -> None:
    assert chosen([doubt("a", 1.01)], {"P0": 1.0}, rules(a="P0")) == ""


def test_where_nobody_knows_the_band_nothing_is_read_otherwise() -> None:
    assert chosen([doubt("a", 0.0)], {}, rules(a="P0")) == ""


def test_the_rules_are_asked_no_more_when_the_likeliest_band_is_reached() -> None:
    asked = []

    def band_of(referral: Referral) -> str:
        asked.append(referral.text)
        return "P0"

    chosen([doubt(name, 0.01) for name in "abcdefgh"], URGENT, band_of)
    assert asked == [""]


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.floats(0, 1.5)), max_size=6),
    st.dictionaries(st.sampled_from(BANDS), st.floats(0, 1), min_size=1).filter(lambda each: max(each.values()) > 0),
    st.dictionaries(st.text("abcd", max_size=2), st.sampled_from(BANDS)),
)
def test_a_change_is_made_only_for_a_likelier_band(
    given_: list[tuple[str, float]], expected: Mapping[str, float], bands: Mapping[str, str]
) -> None:
    band_of = rules(**bands)
    read = reconciled(READ, [doubt(*each) for each in given_], expected, band_of)

    if read != READ:
        assert expected.get(band_of(read), 0.0) > expected.get(band_of(READ), 0.0)


@pytest.mark.parametrize("expected", [{"P3": 1.0}, {"P0": 1e-9, "P3": 1.0}])
def test_a_band_without_probability_is_never_reached(expected: Mapping[str, float]) -> None:
    assert chosen([doubt("a", 0.0)], expected, rules(a="P0")) == ""
