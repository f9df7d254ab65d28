"""The Sunnybrook composite against examples worked by hand (evidence pack, section 3.2)."""

from datetime import date

import pytest

from bot.referral.sunnybrook import MOVEMENTS, REST, Sunnybrook, sunnybrook

TODAY = date(2026, 11, 22)


def given(rest: str, voluntary: str, synkinesis: str) -> Sunnybrook:
    """A Sunnybrook from its items in order, a digit each."""
    return sunnybrook(
        dict(zip(REST, map(int, rest), strict=True)),
        dict(zip(MOVEMENTS, map(int, voluntary), strict=True)),
        dict(zip(MOVEMENTS, map(int, synkinesis), strict=True)),
    )


@pytest.mark.parametrize(
    ("items", "parts", "composite"),
    [
        (("000", "55555", "00000"), (0, 100, 0), 100),  # normal: 4 x 25
        (("121", "11111", "00000"), (20, 20, 0), 0),  # complete: 4 x 5 less 5 x 4
        (("121", "24323", "01201"), (20, 56, 4), 32),  # 4 x 14 less 5 x 4 less 4
        (("010", "34433", "11211"), (5, 68, 6), 57),  # 4 x 17 less 5 x 1 less 6
        (("100", "55444", "00100"), (5, 88, 1), 82),  # 4 x 22 less 5 less 1
        (("121", "11111", "33333"), (20, 20, 15), 0),  # -15, and never below 0
    ],
)
def test_worked_examples(items: tuple[str, str, str], parts: tuple[int, int, int], composite: int) -> None:
    reckoned = given(*items)
    assert (reckoned.rest, reckoned.voluntary, reckoned.synkinesis) == parts
    assert reckoned.composite == composite


@pytest.mark.parametrize(
    "items",
    [("200", "11111", "00000"), ("030", "11111", "00000"), ("002", "11111", "00000"), ("000", "01111", "00000"),
     ("000", "61111", "00000"), ("000", "11111", "40000")],
)  # fmt: skip
def test_what_is_off_its_scale_is_refused(items: tuple[str, str, str]) -> None:
    with pytest.raises(ValueError, match=r"^[a-z]+$"):
        given(*items)


def test_a_missing_item_is_refused_and_so_is_one_too_many() -> None:
    whole = dict.fromkeys(MOVEMENTS, 1)
    for wrong in (dict.fromkeys(MOVEMENTS[1:], 1), {**whole, "chin": 1}):
        with pytest.raises(ValueError, match=r"brow|chin"):
            sunnybrook(dict.fromkeys(REST, 0), wrong, dict.fromkeys(MOVEMENTS, 0))
