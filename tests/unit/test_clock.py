"""The one clock: aware, in UTC, and movable to a start of one's choice."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from bot.clock import clock_starting_at, system_clock


def test_the_system_clock_is_aware_and_in_utc() -> None:
    assert system_clock().tzinfo is UTC


def test_without_a_start_it_is_the_system_clock() -> None:
    assert clock_starting_at(None) is system_clock


@pytest.mark.parametrize("shift", [timedelta(days=-400), timedelta(0), timedelta(days=400)])
def test_it_starts_at_the_given_moment_and_ticks_at_normal_speed(shift: timedelta) -> None:
    before = system_clock()
    start = before + shift
    clock = clock_starting_at(start)
    first, second = clock(), clock()
    passed = system_clock() - before
    assert start <= first <= second <= start + passed


def test_a_start_in_another_zone_means_the_same_moment_in_utc() -> None:
    start = datetime(2026, 11, 22, 12, 0, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    before = system_clock()
    now = clock_starting_at(start)()
    assert start <= now <= start + (system_clock() - before)
    assert now.utcoffset() == timedelta(0)


def test_a_start_without_a_zone_is_refused_and_the_remedy_is_named() -> None:
    with pytest.raises(ValueError, match=r"2026-11-22T10:00:00 has no zone; write it as 2026-11-22T10:00:00\+00:00"):
        clock_starting_at(datetime(2026, 11, 22, 10, 0))  # noqa: DTZ001 - a naive moment is what is tested
