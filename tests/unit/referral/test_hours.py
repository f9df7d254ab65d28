"""When somebody at a clinic reads messages next, also over the nights in which the clocks change."""

from datetime import UTC, datetime, time

import pytest

from bot.referral.hours import Hours, next_read

WEEKDAYS = Hours((0, 1, 2, 3, 4), time(9), time(16), "Europe/London")
DAILY_ONE = Hours(tuple(range(7)), time(1, 30), time(3), "Europe/London")


def at(day: int, hour: int, minute: int = 0, *, month: int = 11, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "first"),
    [
        (at(22, 10), "2026-11-23T09:00:00+00:00"),  # a Sunday
        (at(23, 8, 59), "2026-11-23T09:00:00+00:00"),
        (at(23, 9), "2026-11-23T09:00:00+00:00"),
        (at(23, 12, 5), "2026-11-23T12:05:00+00:00"),  # somebody reads now
        (at(23, 16), "2026-11-24T09:00:00+00:00"),  # the end itself is over
        (at(27, 16), "2026-11-30T09:00:00+00:00"),  # a Friday evening
    ],
)
def test_the_next_moment_in_winter(now: datetime, first: str) -> None:
    assert next_read(WEEKDAYS, now)[0].isoformat() == first


def test_the_clinics_clock_counts_and_not_the_readers() -> None:
    sydney = Hours((0,), time(9), time(12), "Australia/Sydney")
    # Sunday evening in London is Monday morning in Sydney.
    assert next_read(sydney, at(22, 22, 30)) == (at(22, 22, 30), at(23, 1))


@pytest.mark.parametrize(
    ("now", "first"),
    [
        (at(27, 17, month=3), "2026-03-30T09:00:00+01:00"),  # Friday evening; the clocks go forward on Sunday
        (at(30, 8, month=3), "2026-03-30T09:00:00+01:00"),  # exactly 9 on the summer clock
        (at(30, 7, 59, month=3), "2026-03-30T09:00:00+01:00"),
        (at(30, 15, month=3), "2026-03-31T09:00:00+01:00"),  # 16:00 there
        (at(23, 16, month=10), "2026-10-26T09:00:00+00:00"),  # the clocks go back on Sunday the 25th
        (at(26, 8, month=10), "2026-10-26T09:00:00+00:00"),
    ],
)
def test_the_clinics_nine_oclock_stays_nine_oclock_over_summer_time(now: datetime, first: str) -> None:
    assert next_read(WEEKDAYS, now)[0].isoformat() == first


def test_an_hour_that_a_spring_night_leaves_out_begins_where_the_clock_goes_on() -> None:
    # On 29 March 2026 the clock goes from 0:59 to 2:00: there is no 1:30.
    first, last = next_read(DAILY_ONE, at(28, 23, month=3))
    assert first.isoformat() == "2026-03-29T02:30:00+01:00"
    assert last.isoformat() == "2026-03-29T03:00:00+01:00"


def test_a_window_that_a_spring_night_leaves_out_waits_for_the_next_day() -> None:
    short = Hours(tuple(range(7)), time(1), time(2), "Europe/London")
    assert next_read(short, at(29, 0, 30, month=3))[0].isoformat() == "2026-03-30T01:00:00+01:00"


def test_an_hour_that_an_autumn_night_has_twice_begins_with_the_first() -> None:
    # On 25 October 2026 there are two 1:30: at 0:30 and at 1:30 UTC.
    assert next_read(DAILY_ONE, at(25, 0, 15, month=10))[0].astimezone(UTC) == at(25, 0, 30, month=10)
    assert next_read(DAILY_ONE, at(25, 1, 15, month=10))[0].astimezone(UTC) == at(25, 1, 15, month=10)


def test_one_day_a_week_after_its_end_is_a_week_ahead() -> None:
    mondays = Hours((0,), time(9), time(16), "Europe/London")
    assert next_read(mondays, at(23, 17))[0].isoformat() == "2026-11-30T09:00:00+00:00"


@pytest.mark.parametrize(
    ("days", "text", "words"),
    [
        ((0, 1, 2, 3, 4), "Mon-Fri", "Monday to Friday"),
        ((0, 2), "Mon,Wed", "Monday, Wednesday"),
        ((5, 6), "Sat-Sun", "Saturday and Sunday"),
        ((0, 1, 2, 4), "Mon-Wed,Fri", "Monday to Wednesday, Friday"),
    ],
)
def test_they_are_kept_and_told_as_text(days: tuple[int, ...], text: str, words: str) -> None:
    hours = Hours(days, time(9), time(16, 30), "Europe/London")
    assert hours.dumps() == f"{text} 09:00-16:30 Europe/London"
    assert Hours.loads(hours.dumps()) == hours
    assert hours.in_words() == f"{words}, 9:00 to 16:30 (Europe/London)"


@pytest.mark.parametrize(
    "text",
    [
        None, "", "Monday to Friday, 9 to 16", "Mon-Fri 16:00-09:00 Europe/London", "Mon-Fri 09:00-16:00 Mars/Olympus",
        "Mon-Abc 09:00-16:00 Europe/London", "Fri-Mon 09:00-16:00 Europe/London", "Mon 25:00-26:00 Europe/London",
    ],
)  # fmt: skip
def test_any_other_text_is_none(text: str | None) -> None:
    assert Hours.loads(text) is None


@pytest.mark.parametrize(("days", "start", "end"), [((), 9, 16), ((7,), 9, 16), ((0,), 16, 9), ((0,), 9, 9)])
def test_hours_that_never_come_are_refused(days: tuple[int, ...], start: int, end: int) -> None:
    with pytest.raises(ValueError, match="day"):
        Hours(days, time(start), time(end), "Europe/London")
