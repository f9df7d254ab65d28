"""Times as letters write them."""

from datetime import date

import pytest

from bot.referral.when import times

BASE = date(2026, 11, 19)  # a Thursday


@pytest.mark.parametrize(
    ("text", "day", "exact"),
    [
        ("Onset: 12/09/2026", date(2026, 9, 12), True),
        ("on 14.10.26", date(2026, 10, 14), True),
        ("2026-11-03", date(2026, 11, 3), True),
        ("3rd of November 2026", date(2026, 11, 3), True),
        ("November 3rd, 2026", date(2026, 11, 3), True),
        ("12 Sept", date(2026, 9, 12), True),
        ("24 December", date(2025, 12, 24), True),
        ("since 2/11", date(2026, 11, 2), True),
        ("3/52", date(2026, 10, 29), False),
        ("2/7 ago", date(2026, 11, 17), True),
        ("4/12 ago", date(2026, 7, 20), False),
        ("three weeks ago", date(2026, 10, 29), False),
        ("a six-month history", date(2026, 5, 20), False),
        ("for 36 hours", date(2026, 11, 17), True),
        ("since last Tuesday", date(2026, 11, 17), True),
        ("since last Thursday", date(2026, 11, 12), True),
        ("on Sunday", date(2026, 11, 15), True),
        ("yesterday", date(2026, 11, 18), True),
        ("this morning", BASE, True),
        ("in March 2025", date(2025, 3, 15), False),
        ("since September", date(2026, 9, 15), False),
        ("in 2019", date(2019, 7, 1), False),
        ("day 5", date(2026, 11, 14), True),
        ("3rd day of", date(2026, 11, 16), True),
        ("wk 5", date(2026, 10, 15), False),
        ("week six of a left palsy", date(2026, 10, 8), False),
        ("now in her sixth week", date(2026, 10, 8), False),
        ("the 5th week", date(2026, 10, 15), False),
        ("month four", date(2026, 7, 20), False),
    ],
)
def test_a_time_is_read(text: str, day: date, exact: bool) -> None:
    found = list(times(text, BASE))
    assert [(each.day, each.exact) for each in found] == [(day, exact)]


@pytest.mark.parametrize(
    "text",
    [
        "HB 5/6",
        "BP 120/80",
        "power 5/5",
        "45M",
        "45 year old",
        "30/40 pregnant",
        "may have weakness",
        "31/02/2026",
        "Hb 13.5",
        "week two of treatment",
        "his 2nd week of prednisolone",
        "the second week of the month",
        "third month of pregnancy",
    ],
)
def test_what_is_no_time_is_left_alone(text: str) -> None:
    assert list(times(text, BASE)) == []
