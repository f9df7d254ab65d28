"""Reminders come at the promised time on the wall, each once: whatever the clocks do, and wherever the person goes."""

import dataclasses
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import strategies as st

from bot.reminders.schedule import (
    EVERY_DAY,
    TOLERANCE,
    RuleCorrupted,
    Schedule,
    due_between,
    is_quiet,
    moved,
    next_due,
    problem,
    upcoming,
)

LONDON, NEW_YORK, TOKYO, HONOLULU = "Europe/London", "America/New_York", "Asia/Tokyo", "Pacific/Honolulu"
DAY, MINUTE, QUARTER = timedelta(days=1), timedelta(minutes=1), timedelta(minutes=15)
ZONES = sorted(available_timezones() - {"Factory", "localtime"})
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TWO_YEARS = 2 * 365 * DAY
DAYS_OF_WEEK = {"mon": 0, "tue": 1, "wed": 2, "thu": 3, "fri": 4, "sat": 5, "sun": 6}


def at(*told: str) -> tuple[time, ...]:
    return tuple(map(time.fromisoformat, told))


def rule(*told: str, zone: str = LONDON, **more: Any) -> Schedule:
    return Schedule(**{"kind": "exercises", "zone": zone, "times": at(*told), **more})


def drops(every: int, first: str, last: str, **more: Any) -> Schedule:
    return rule(kind="eye_drops", every_minutes=every, first=at(first)[0], last=at(last)[0], **more)


def days(told: str) -> frozenset[int]:
    return frozenset(DAYS_OF_WEEK[each] for each in told.split())


def moment(local: str, zone: str = LONDON) -> datetime:
    return datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def in_utc(schedule: Schedule) -> list[str]:
    """What is due of one local date, all of it, in UTC, as `29 07:30`."""
    start = datetime.combine(schedule.on or date.min, time(), UTC)
    return [f"{each:%d %H:%M}" for each in due_between(schedule, start - 3 * DAY, start + 4 * DAY)]


def on_the_wall(schedule: Schedule, first: str, last: str) -> list[str]:
    """What is due from one local date to another, both whole, as `29 07:30`, by the clock there."""
    start, end = (datetime.combine(date.fromisoformat(each), time(), ZoneInfo(schedule.zone)) for each in (first, last))
    found = due_between(schedule, start - MINUTE / 60, end + DAY - MINUTE / 60)
    return [f"{each.astimezone(start.tzinfo):%d %H:%M}" for each in found]


# the edges


@pytest.mark.parametrize(("zone", "told", "day", "due"), [
    # spring: a time that is skipped comes at the first moment after the gap, once
    (LONDON, "08:00", "2027-03-27", ["27 08:00"]),
    (LONDON, "00:59", "2027-03-28", ["28 00:59"]),
    (LONDON, "01:00", "2027-03-28", ["28 01:00"]),
    (LONDON, "01:30", "2027-03-28", ["28 01:00"]),
    (LONDON, "02:00", "2027-03-28", ["28 01:00"]),
    (LONDON, "02:01", "2027-03-28", ["28 01:01"]),
    (LONDON, "01:10 01:59", "2027-03-28", ["28 01:00"]),
    (LONDON, "01:10 01:59 02:00", "2027-03-28", ["28 01:00"]),
    (LONDON, "00:30 01:10 02:30", "2027-03-28", ["28 00:30", "28 01:00", "28 01:30"]),
    (LONDON, "08:00", "2027-03-28", ["28 07:00"]),
    (NEW_YORK, "02:30", "2027-03-14", ["14 07:00"]),
    (NEW_YORK, "03:00 02:30", "2027-03-14", ["14 07:00"]),
    # autumn: a time that comes twice comes when it is first reached
    (LONDON, "00:30", "2027-10-31", ["30 23:30"]),
    (LONDON, "01:00", "2027-10-31", ["31 00:00"]),
    (LONDON, "01:30", "2027-10-31", ["31 00:30"]),
    (LONDON, "02:00", "2027-10-31", ["31 02:00"]),
    (LONDON, "08:00", "2027-10-31", ["31 08:00"]),
    (NEW_YORK, "01:30", "2027-11-07", ["07 05:30"]),
    (NEW_YORK, "02:00", "2027-11-07", ["07 07:00"]),
    # Ireland counts its winter as the exception, Morocco the month of Ramadan
    ("Europe/Dublin", "01:30", "2027-03-28", ["28 01:00"]),
    ("Europe/Dublin", "01:30", "2027-10-31", ["31 00:30"]),
    ("Africa/Casablanca", "08:00", "2027-02-06", ["06 07:00"]),
    ("Africa/Casablanca", "02:30", "2027-02-07", ["07 01:30"]),
    ("Africa/Casablanca", "08:00", "2027-02-07", ["07 08:00"]),
    ("Africa/Casablanca", "02:30", "2027-03-14", ["14 02:00"]),
    ("Africa/Casablanca", "08:00", "2027-03-14", ["14 07:00"]),
    # half an hour of summer time, and two hours of it
    ("Australia/Lord_Howe", "02:15", "2027-10-03", ["02 15:30"]),
    ("Australia/Lord_Howe", "02:30 02:15", "2027-10-03", ["02 15:30"]),
    ("Australia/Lord_Howe", "02:31", "2027-10-03", ["02 15:31"]),
    ("Australia/Lord_Howe", "01:45", "2027-04-04", ["03 14:45"]),
    ("Australia/Lord_Howe", "02:00", "2027-04-04", ["03 15:30"]),
    ("Antarctica/Troll", "01:30 02:30", "2027-03-28", ["28 01:00"]),
    ("Antarctica/Troll", "01:30 02:30 03:30", "2027-10-31", ["30 23:30", "31 00:30", "31 03:30"]),
    # quarters of an hour, and a place that has given summer time up
    ("Asia/Kathmandu", "08:00", "2027-03-28", ["28 02:15"]),
    ("Pacific/Chatham", "03:00", "2027-09-26", ["25 14:00"]),
    ("Pacific/Chatham", "03:00", "2027-04-04", ["03 13:15"]),
    ("Asia/Tehran", "00:30", "2027-03-22", ["21 21:00"]),
    ("Asia/Tehran", "08:00", "2027-03-22", ["22 04:30"]),
    # midnight itself is left out, or comes twice
    ("America/Havana", "00:00", "2027-03-14", ["14 05:00"]),
    ("America/Havana", "00:30", "2027-03-14", ["14 05:00"]),
    ("America/Havana", "00:30", "2027-11-07", ["07 04:30"]),
    ("Africa/Cairo", "00:30", "2027-04-30", ["29 22:00"]),
    ("Africa/Cairo", "23:30", "2027-10-28", ["28 20:30"]),
    # the last hour of the day is left out, or comes twice
    ("America/Scoresbysund", "23:30", "2027-03-27", ["28 01:00"]),
    ("America/Scoresbysund", "00:00", "2027-03-28", ["28 01:00"]),
    ("America/Scoresbysund", "23:30", "2027-10-30", ["31 00:30"]),
    ("America/Scoresbysund", "00:00", "2027-10-31", ["31 02:00"]),
    ("America/Nuuk", "23:30", "2027-03-27", ["28 01:00"]),
    # a date is left out
    ("Pacific/Apia", "08:00 20:00", "2011-12-29", ["29 18:00", "30 06:00"]),
    ("Pacific/Apia", "00:00 08:00 20:00", "2011-12-30", []),
    ("Pacific/Apia", "00:00 08:00", "2011-12-31", ["30 10:00", "30 18:00"]),
    ("Pacific/Kwajalein", "08:00", "1993-08-22", ["21 20:00"]),
])  # fmt: skip
def test_edges(zone: str, told: str, day: str, due: list[str]) -> None:
    """`day` is the local date that the times are promised for; what is due is in UTC."""
    assert in_utc(rule(*told.split(), zone=zone, on=date.fromisoformat(day))) == due


@pytest.mark.parametrize(("zone", "left_out"), [
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Pacific/Fakaofo", date(2011, 12, 30)),
    ("Pacific/Kwajalein", date(1993, 8, 21)),
    ("Pacific/Kiritimati", date(1994, 12, 31)),
])  # fmt: skip
def test_a_date_that_a_place_left_out_has_none(zone: str, left_out: date) -> None:
    every_hour = drops(60, "00:00", "23:00", zone=zone)
    start = moment(f"{left_out - DAY} 00:00", zone)
    found = [each.astimezone(ZoneInfo(zone)) for each in due_between(every_hour, start - MINUTE, start + 2 * DAY)]
    assert [each.date() for each in found] == [left_out - DAY] * 24 + [left_out + DAY] * 24 + [left_out + 2 * DAY]
    assert [each.hour for each in found] == [*range(24), *range(24), 0]
    assert next_due(rule("08:00", zone=zone, on=left_out), start) is None
    assert problem(rule("08:00", zone=zone, on=left_out), start) == "reminders.never"


def test_what_a_gap_pushes_past_midnight_counts_for_the_date_it_was_promised_for() -> None:
    """In Scoresbysund the clock goes from 23:00 of a Saturday to 00:00 of the Sunday."""
    of_saturday = rule("23:30", zone="America/Scoresbysund", days=days("sat"), ends=date(2027, 3, 27))
    assert on_the_wall(of_saturday, "2027-03-26", "2027-03-29") == ["28 00:00"]
    of_sunday = dataclasses.replace(of_saturday, days=days("sun"), ends=None)
    assert on_the_wall(of_sunday, "2027-03-26", "2027-03-29") == ["28 23:30"]


# every zone whose clocks change


@cache
def changes() -> tuple[tuple[str, datetime, timedelta], ...]:
    """Every change of the clocks in two years: the zone, a UTC midnight less than a day before it, and by how much."""
    found = []
    midnights = [NOW.replace(hour=0) + offset * DAY for offset in range(TWO_YEARS // DAY + 1)]
    for zone in ZONES:
        clock = ZoneInfo(zone)
        offsets = [midnight.astimezone(clock).utcoffset() or timedelta() for midnight in midnights]
        for midnight, (before, after) in zip(midnights, pairwise(offsets), strict=False):
            if before != after:
                found.append((zone, midnight, after - before))
    return tuple(found)


def one_of_each() -> list[str]:
    """Of the zones that change on the same days by the same, one; the others are links to it, or its neighbours."""
    alike: dict[object, str] = {}
    for zone in ZONES:
        if of_zone := tuple(change[1:] for change in changes() if change[0] == zone):
            alike.setdefault((NOW.astimezone(ZoneInfo(zone)).utcoffset(), of_zone), zone)
    return list(alike.values())


def walked(zone: str, start: datetime, end: datetime, step: timedelta) -> Iterator[tuple[datetime, datetime]]:
    """Somebody who looks at the clock on the wall each few minutes: the moment, and what it shows."""
    clock = ZoneInfo(zone)
    while start <= end:
        yield start, start.astimezone(clock).replace(tzinfo=None, fold=0)
        start += step


def test_where_no_clock_changes_each_day_is_like_the_others() -> None:
    changing = {zone for zone, _, _ in changes()}
    for zone in set(ZONES) - changing:
        found = due_between(rule("08:00", zone=zone), NOW, NOW + 60 * DAY)
        assert {later - earlier for earlier, later in pairwise(found)} == {DAY}


# any rule against a slow reading of what it promises

LONGEST_FOLD = timedelta(hours=3)
NOTHING_TOLD = datetime.min  # noqa: DTZ901 - a time on the wall


def slowly(schedule: Schedule, after: datetime, until: datetime, told_until: datetime = NOTHING_TOLD) -> list[datetime]:
    """What is due, found by looking at the wall each minute: a promised time is when the wall first shows it or more."""
    spaced = set()
    if schedule.every_minutes and schedule.first and schedule.last:
        minute, last = (each.hour * 60 + each.minute for each in (schedule.first, schedule.last))
        while minute <= last:
            spaced.add(time(minute // 60, minute % 60))
            minute += schedule.every_minutes
    found = []
    reached = None
    for now, wall in walked(schedule.zone, after - LONGEST_FOLD, until, MINUTE):
        if reached is None:
            reached = wall
        if wall <= reached:
            continue
        passed = [
            datetime.combine(reached.date() + n * DAY, each)
            for n in range((wall.date() - reached.date()).days + 1)
            for each in {*schedule.times, *spaced}
        ]
        due = [
            each
            for each in passed
            if reached < each <= wall
            and holds(schedule, each.date())
            and not quiet(schedule, each)
            and not quiet(schedule, wall)
            and not reached.date() < each.date() < wall.date()
            and (each > told_until or each.time() in spaced)
        ]
        if due and after < now <= until:
            found.append(now)
        reached = wall
    return found


def holds(schedule: Schedule, day: date) -> bool:
    if schedule.paused_until and day < schedule.paused_until:
        return False
    if schedule.on:
        return day == schedule.on
    return (
        day.weekday() in schedule.days
        and day not in schedule.days_off
        and (schedule.starts or day) <= day <= (schedule.ends or day)
    )


def quiet(schedule: Schedule, wall: datetime) -> bool:
    if schedule.quiet is None:
        return False
    begin, hour = schedule.quiet[0], timedelta(hours=schedule.quiet[0].hour, minutes=schedule.quiet[0].minute)
    length = (datetime.combine(wall, schedule.quiet[1]) - datetime.combine(wall, begin)) % DAY
    return (wall - hour - datetime.combine(wall, time())) % DAY < length


minutes_of_day = st.builds(time, st.integers(0, 23), st.integers(0, 59))
near_the_change = st.builds(time, st.sampled_from([0, 1, 2, 3, 22, 23]), st.sampled_from([0, 1, 15, 30, 45, 59]))
wall_times = st.one_of(minutes_of_day, near_the_change)


@st.composite
def rules(draw: st.DrawFn, near: date | None = None, zone: str | None = None) -> Schedule:
    """Any rule, of one that a person may ask for or not, whose dates are near one."""
    near = near or NOW.date()
    dates = st.integers(-5, 5).map(lambda n: near + n * DAY)
    hours = st.tuples(wall_times, wall_times)
    every = draw(st.none() | st.integers(10, 300))
    first, last = sorted(draw(hours))
    return Schedule(
        kind=draw(st.sampled_from(sorted(TOLERANCE))),
        zone=zone or draw(st.sampled_from(ZONES)),
        times=tuple(draw(st.lists(wall_times, max_size=6))),
        every_minutes=every,
        first=first if every else None,
        last=last if every else None,
        days=draw(st.just(EVERY_DAY) | st.frozensets(st.integers(0, 6))),
        starts=draw(st.none() | dates),
        ends=draw(st.none() | dates.map(lambda day: day + 3 * DAY)),
        on=draw(st.none() | st.none() | dates),
        quiet=draw(st.none() | hours),
        days_off=draw(st.frozensets(dates, max_size=2)),
        paused_until=draw(st.none() | st.none() | dates),
    )


def test_up_to_a_moment_includes_it_and_after_does_not() -> None:
    eight = moment("2026-11-23 08:00")
    assert due_between(rule("08:00"), eight - MINUTE, eight) == (eight,)
    assert due_between(rule("08:00"), eight, eight + MINUTE) == ()
    assert next_due(rule("08:00"), eight - MINUTE / 60) == eight
    assert next_due(rule("08:00"), eight) == eight + DAY
    assert next_due(rule("08:00"), eight.astimezone(ZoneInfo(TOKYO))) == eight + DAY


def test_after_the_second_of_two_equal_times_the_next_day_is_next() -> None:
    second = datetime(2027, 10, 31, 1, 10, tzinfo=UTC)  # 01:10 in London, for the second time
    assert next_due(rule("01:30"), second.astimezone(ZoneInfo(LONDON))) == datetime(2027, 11, 1, 1, 30, tzinfo=UTC)
    assert next_due(rule("01:30"), second - timedelta(hours=1)) == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)


def test_of_two_equal_times_the_first_even_when_the_rule_names_the_second() -> None:
    named = rule(times=(time(1, 30, fold=1),), on=date(2027, 10, 31))
    assert in_utc(named) == ["31 00:30"]


# dates


@pytest.mark.parametrize(("what", "schedule", "due"), [
    ("every day", rule("08:00"), ["23", "24", "25", "26", "27", "28", "29", "30"]),
    ("not on sundays", rule("08:00", days=EVERY_DAY - days("sun")), ["23", "24", "25", "26", "27", "28", "30"]),
    ("some days", rule("08:00", days=days("mon thu")), ["23", "26", "30"]),
    ("no day", rule("08:00", days=frozenset()), []),
    ("no such day", rule("08:00", days=frozenset({7})), []),
    ("no time", rule(), []),
    ("from a date", rule("08:00", starts=date(2026, 11, 28)), ["28", "29", "30"]),
    ("until a date, itself included", rule("08:00", ends=date(2026, 11, 25)), ["23", "24", "25"]),
    ("from and until", rule("08:00", starts=date(2026, 11, 25), ends=date(2026, 11, 25)), ["25"]),
    ("it ends before it begins", rule("08:00", starts=date(2026, 11, 26), ends=date(2026, 11, 25)), []),
    ("holidays", rule("08:00", days_off=frozenset({date(2026, 11, 24), date(2026, 11, 29)})), ["23", "25", "26", "27", "28", "30"]),
    ("a pause, until a day when it goes on", rule("08:00", paused_until=date(2026, 11, 29)), ["29", "30"]),
    ("a pause that is over", rule("08:00", paused_until=date(2026, 11, 1), days=days("wed")), ["25"]),
    ("a pause beyond the end", rule("08:00", paused_until=date(2026, 11, 29), ends=date(2026, 11, 28)), []),
    ("a single day", rule("08:00", on=date(2026, 11, 27)), ["27"]),
    ("whatever else is said", rule("08:00", on=date(2026, 11, 27), days=days("mon"), ends=date(2026, 11, 1), days_off=frozenset({date(2026, 11, 27)})), ["27"]),
    ("a single day in a pause", rule("08:00", on=date(2026, 11, 27), paused_until=date(2026, 11, 28)), []),
    ("a single day that is over", rule("08:00", on=date(2026, 11, 22)), []),
    ("the end of the calendar", rule("08:00", starts=date.max, on=date.max), []),
])  # fmt: skip
def test_dates(what: str, schedule: Schedule, due: list[str]) -> None:
    assert on_the_wall(schedule, "2026-11-23", "2026-11-30") == [f"{day} 08:00" for day in due]


@pytest.mark.parametrize("year", [2027, 2028, 2100])
def test_the_29th_to_the_31st_are_days_like_others(year: int) -> None:
    start, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    found = due_between(rule("08:00", zone="Asia/Kolkata"), start, end)
    whole = [date(year, 1, 1) + n * DAY for n in range((end - start).days)]
    assert [each.date() for each in found] == whole
    weekly = due_between(rule("08:00", zone="Asia/Kolkata", days=days("fri")), start, end)
    assert [each.date() for each in weekly] == [day for day in whole if day.weekday() == 4]
    last = rule("08:00", zone="Asia/Kolkata", starts=date(year, 1, 29), ends=date(year, 1, 31))
    assert [each.day for each in due_between(last, start, end)] == [29, 30, 31]


def test_a_day_that_only_some_years_have() -> None:
    assert in_utc(rule("08:00", on=date(2028, 2, 29))) == ["29 08:00"]
    assert on_the_wall(rule("08:00", starts=date(2028, 2, 28), ends=date(2028, 3, 1)), "2028-02-20", "2028-03-09") == [
        "28 08:00", "29 08:00", "01 08:00",
    ]  # fmt: skip


def test_a_date_is_that_of_the_place() -> None:
    """At 20:00 UTC of the 22nd it is the 23rd in Auckland."""
    evening = datetime(2026, 11, 22, 20, tzinfo=UTC)
    assert upcoming(rule("09:30", zone="Pacific/Auckland", on=date(2026, 11, 23)), evening)[0].day == 23
    assert next_due(rule("08:30", zone="Pacific/Auckland", on=date(2026, 11, 23)), evening) is None


# quiet hours, and every so many minutes


@pytest.mark.parametrize(("what", "schedule", "due"), [
    ("over midnight", rule("06:59", "07:00", "21:59", "22:00", "23:00", "00:00", quiet=at("22:00", "07:00")), ["07:00", "21:59"]),
    ("at noon", rule("11:59", "12:00", "12:59", "13:00", quiet=at("12:00", "13:00")), ["11:59", "13:00"]),
    ("from midnight", rule("00:00", "06:00", "23:59", quiet=at("00:00", "06:00")), ["06:00", "23:59"]),
    ("none", rule("00:00", "12:00", quiet=at("12:00", "12:00")), ["00:00", "12:00"]),
    ("all of them", rule("23:00", quiet=at("22:00", "07:00")), []),
    ("any order, each once", rule("20:00", "08:00", "20:00"), ["08:00", "20:00"]),
    ("every 2 hours", drops(120, "07:00", "22:00"), ["07:00", "09:00", "11:00", "13:00", "15:00", "17:00", "19:00", "21:00"]),
    ("to the minute", drops(90, "07:10", "11:40"), ["07:10", "08:40", "10:10", "11:40"]),
    ("a minute too short", drops(90, "07:10", "11:39"), ["07:10", "08:40", "10:10"]),
    ("longer than the day", drops(1440, "07:00", "22:00"), ["07:00"]),
    ("first is last", drops(60, "07:00", "07:00"), ["07:00"]),
    ("never", drops(60, "22:00", "07:00"), []),
    ("without its hours", rule(every_minutes=60), []),
    ("quiet in between", drops(120, "07:00", "22:00", quiet=at("12:00", "16:00")), ["07:00", "09:00", "11:00", "17:00", "19:00", "21:00"]),
    ("beside times", drops(120, "08:00", "12:00", times=at("10:00", "22:30")), ["08:00", "10:00", "12:00", "22:30"]),
])  # fmt: skip
def test_times_of_a_day(what: str, schedule: Schedule, due: list[str]) -> None:
    assert on_the_wall(schedule, "2026-11-23", "2026-11-23") == [f"23 {each}" for each in due]


def test_what_a_gap_would_push_into_quiet_hours_is_not_due() -> None:
    early = rule("01:30", quiet=at("02:00", "07:00"))
    assert on_the_wall(early, "2027-03-27", "2027-03-29") == ["27 01:30", "29 01:30"]
    ends_there = rule("01:30", quiet=at("22:00", "02:00"))
    assert on_the_wall(ends_there, "2027-03-27", "2027-03-29") == []


def test_every_two_hours_is_counted_on_the_wall_on_the_days_of_change_too() -> None:
    day_and_night = drops(120, "00:00", "22:00")
    for last in ("2027-03-28", "2027-10-31"):
        assert on_the_wall(day_and_night, last, last) == [f"{last[-2:]} {hour:02}:00" for hour in range(0, 24, 2)]
    odd = drops(120, "01:00", "23:00")
    assert on_the_wall(odd, "2027-03-28", "2027-03-28")[:2] == ["28 02:00", "28 03:00"], "01:00 is skipped that day"


def test_quiet_now() -> None:
    night = rule("08:00", quiet=at("22:00", "07:00"), zone=NEW_YORK)
    assert is_quiet(night, moment("2026-11-22 22:00", NEW_YORK))
    assert is_quiet(night, moment("2026-11-22 06:59", NEW_YORK).astimezone(ZoneInfo(TOKYO)))
    assert not is_quiet(night, moment("2026-11-22 07:00", NEW_YORK))
    assert not is_quiet(rule("08:00"), NOW)


def test_each_kind_has_its_tolerance() -> None:
    assert {kind: rule(kind=kind).tolerance for kind in TOLERANCE} == TOLERANCE
    assert min(TOLERANCE.values()) > timedelta()


# another zone


def test_the_new_clock_counts() -> None:
    there = moved(rule("08:00", "20:00"), NEW_YORK, NOW)
    assert there.zone == NEW_YORK
    assert [f"{each:%d %H:%M %z}" for each in upcoming(there, NOW)] == [
        "22 08:00 -0500",
        "22 20:00 -0500",
        "23 08:00 -0500",
    ]


@pytest.mark.parametrize(("what", "schedule", "sent", "to", "now", "due"), [
    ("westward, sent this morning", rule("08:00", "20:00"), "22 08:00", NEW_YORK, "22 12:00", "22 20:00"),
    ("westward, all of today sent", rule("08:00", "20:00"), "22 20:00", NEW_YORK, "22 21:00", "23 08:00"),
    ("westward, not yet sent today", rule("08:00", "20:00"), "21 20:00", NEW_YORK, "22 07:00", "22 08:00"),
    ("westward, never sent", rule("08:00", "20:00"), None, NEW_YORK, "22 12:00", "22 08:00"),
    ("westward, sent late", rule("08:00", "08:30"), "22 08:20", NEW_YORK, "22 08:25", "22 08:30"),
    ("westward, sent as they moved", rule("08:00", "20:00"), "22 08:00", NEW_YORK, "22 08:00", "22 20:00"),
    ("westward, past midnight", rule("20:00", "23:30", "00:30"), "23 00:30", NEW_YORK, "23 00:40", "23 20:00"),
    ("westward, an evening told already", rule("20:00", "23:30", "00:30"), "22 23:30", NEW_YORK, "23 00:10", "23 00:30"),
    ("westward, every two hours goes on at once", drops(120, "07:00", "22:00"), "22 15:00", NEW_YORK, "22 15:30", "22 11:00"),
    ("westward, the single day", rule("08:00", on=date(2026, 11, 22)), "22 08:00", NEW_YORK, "22 12:00", None),
    ("westward, the single day is to come", rule("08:00", on=date(2026, 11, 23)), None, NEW_YORK, "22 12:00", "23 08:00"),
    ("westward, once a week", rule("08:00", days=days("sun")), "22 08:00", NEW_YORK, "22 12:00", "29 08:00"),
    ("eastward", rule("08:00", "20:00"), "22 08:00", TOKYO, "22 10:00", "22 20:00"),
    ("eastward, a time is passed over", rule("08:00", "20:00"), "22 08:00", TOKYO, "22 12:00", "23 08:00"),
    ("over the date line eastward", rule("08:00", zone="Pacific/Auckland"), "22 08:00", HONOLULU, "22 12:00", "23 08:00"),
    ("over it, every two hours", drops(120, "07:00", "22:00", zone="Pacific/Auckland"), "22 11:00", HONOLULU, "22 12:00", "21 15:00"),
    ("over it westward", rule("08:00", zone=HONOLULU), "22 08:00", "Pacific/Auckland", "22 12:00", "24 08:00"),
])  # fmt: skip
def test_a_time_that_was_sent_by_the_former_clock_is_not_sent_again_that_day(
    what: str, schedule: Schedule, sent: str | None, to: str, now: str, due: str | None
) -> None:
    """`sent` and `now` are of the former clock, `due` is of the new one; all of November 2026."""
    sent_at = moment(f"2026-11-{sent}", schedule.zone) if sent else None
    at_the_move = moment(f"2026-11-{now}", schedule.zone)
    found = next_due(moved(schedule, to, at_the_move), at_the_move, sent_at)
    assert found == (moment(f"2026-11-{due}", to) if due else None)


def test_a_stop_on_the_way_changes_nothing() -> None:
    sent, home = moment("2026-11-22 08:00"), rule("08:00", "08:30", "09:00", "20:00")
    in_paris = moved(home, "Europe/Paris", moment("2026-11-22 08:10"))
    there = moved(in_paris, NEW_YORK, moment("2026-11-22 10:00"))
    now = moment("2026-11-22 12:00")
    assert next_due(there, now, sent) == moment("2026-11-22 08:30", NEW_YORK), (
        "08:30 and 09:00 were passed over in Paris"
    )
    sent_in_paris = moment("2026-11-22 10:00", "Europe/Paris")
    assert next_due(there, now, sent_in_paris) == moment("2026-11-22 20:00", NEW_YORK)


def test_who_comes_back_goes_on_as_before() -> None:
    sent = moment("2026-11-22 08:00")
    there = moved(rule("08:00", "20:00"), NEW_YORK, sent + MINUTE)
    back = moved(there, LONDON, sent + timedelta(hours=5))
    assert next_due(back, sent + timedelta(hours=5), sent) == moment("2026-11-22 20:00")


def test_what_was_sent_here_holds_nothing_back() -> None:
    there = moved(rule("08:00", "20:00"), NEW_YORK, NOW)
    sent = moment("2026-11-22 20:00", NEW_YORK)
    assert next_due(there, sent, sent) == moment("2026-11-23 08:00", NEW_YORK)
    assert next_due(rule("08:00"), NOW, moment("2026-11-22 08:00")) == moment("2026-11-23 08:00")


def test_what_was_due_before_the_last_was_sent_is_not_rewritten() -> None:
    there = moved(rule("08:00", "20:00"), NEW_YORK, moment("2026-11-22 21:00"))
    sent = moment("2026-11-22 20:00")
    assert due_between(there, sent - DAY, sent, sent) == (
        moment("2026-11-21 20:00", NEW_YORK),
        moment("2026-11-22 08:00", NEW_YORK),
    )


def test_zones_that_were_left_long_ago_are_forgotten() -> None:
    home = rule("08:00")
    assert moved(home, LONDON, NOW) is home
    there = moved(home, NEW_YORK, NOW)
    assert there.left == ((LONDON, NOW),)
    assert moved(there, TOKYO, NOW + DAY).left == ((LONDON, NOW), (NEW_YORK, NOW + DAY))
    assert moved(there, TOKYO, NOW + 3 * DAY).left == ((NEW_YORK, NOW + 3 * DAY),)


# what is refused


def test_a_moment_without_a_zone_is_refused() -> None:
    bare = datetime(2026, 11, 22, 10)  # noqa: DTZ001 - the fault itself
    for call in (
        lambda: next_due(rule("08:00"), bare),
        lambda: next_due(rule("08:00"), NOW, bare),
        lambda: due_between(rule("08:00"), NOW, bare),
        lambda: upcoming(rule("08:00"), bare),
        lambda: is_quiet(rule("08:00"), bare),
        lambda: moved(rule("08:00"), NEW_YORK, bare),
        lambda: problem(rule("08:00"), bare),
    ):
        with pytest.raises(ValueError, match="give it in UTC"):
            call()


NO_ZONES = ["", "Europe", "Mars/Olympus", "../etc/passwd", "/etc/localtime", "Europe/London\0"]


@pytest.mark.parametrize("zone", NO_ZONES)
def test_what_is_no_zone_is_refused(zone: str) -> None:
    for call in (lambda: next_due(rule("08:00", zone=zone), NOW), lambda: moved(rule("08:00"), zone, NOW)):
        with pytest.raises(ValueError, match="is no IANA zone; use a name such as Europe/London"):
            call()


@pytest.mark.parametrize("every", [0, -5])
def test_less_than_a_minute_is_refused(every: int) -> None:
    with pytest.raises(ValueError, match="it is a number of minutes, 1 or more"):
        next_due(drops(every, "07:00", "22:00"), NOW)


YESTERDAY, TODAY, TOMORROW = date(2026, 11, 21), date(2026, 11, 22), date(2026, 11, 23)


@pytest.mark.parametrize(("schedule", "key"), [
    (rule("08:00"), None),
    (rule("08:00", starts=YESTERDAY), None),
    (rule("20:00", on=TODAY), None),
    (rule("20:00", ends=TODAY), None),
    (rule("08:00", paused_until=date(2027, 1, 1)), None),
    (drops(120, "07:00", "22:00"), None),
    (drops(120, "07:00", "07:00"), None),
    (rule("08:00", starts=TOMORROW, ends=TOMORROW), None),
    (rule(*[f"{hour:02}:00" for hour in range(7, 19)]), None),
    (drops(60, "00:00", "23:00", quiet=at("20:00", "08:00")), None),
    (rule(), "reminders.no_time"),
    (rule(every_minutes=60), "reminders.no_time"),
    (rule(every_minutes=60, first=time(7)), "reminders.no_time"),
    (rule("08:00", every_minutes=60, last=time(7)), "reminders.no_time"),
    (rule(first=time(7), last=time(9)), "reminders.no_time"),
    (drops(60, "22:00", "07:00"), "reminders.hours_reversed"),
    (drops(0, "07:00", "22:00"), "reminders.too_often"),
    (drops(1, "07:00", "22:00"), "reminders.too_often"),
    (rule(*[f"{hour:02}:00" for hour in range(7, 20)]), "reminders.too_often"),
    (drops(120, "00:00", "23:00", times=at("07:30")), "reminders.too_often"),
    (rule("23:00", "06:00", quiet=at("22:00", "07:00")), "reminders.only_quiet"),
    (rule("08:00", days=frozenset()), "reminders.no_day"),
    (rule("08:00", days=frozenset({7})), "reminders.no_day"),
    (rule("08:00", starts=TOMORROW, ends=TODAY), "reminders.ends_first"),
    (rule("08:00", ends=YESTERDAY), "reminders.past"),
    (rule("08:00", on=YESTERDAY), "reminders.past"),
    (rule("08:00", on=TODAY), "reminders.past"),
    (rule("08:00", on=date(1926, 11, 22)), "reminders.past"),
    (rule("08:00", ends=TODAY), "reminders.never"),
    (rule("08:00", days=days("fri"), ends=TOMORROW), "reminders.never"),
    (rule("08:00", on=TOMORROW, paused_until=date(2026, 11, 29)), "reminders.never"),
    (rule("08:00", on=date.max), "reminders.never"),
    *[(rule("08:00", zone=zone), "reminders.unknown_zone") for zone in [*NO_ZONES, "localtime", "Factory", "europe/london"]],
])  # fmt: skip
def test_problems(schedule: Schedule, key: str | None) -> None:
    assert problem(schedule, NOW) == key


# as JSON


def test_how_a_rule_is_written() -> None:
    schedule = drops(120, "07:00", "22:00", days=days("sun mon"), quiet=at("22:00", "07:00"), ends=date(2026, 12, 4),
                     days_off=frozenset({date(2026, 11, 26), date(2026, 11, 25)}))  # fmt: skip
    assert json.loads(moved(schedule, NEW_YORK, NOW).dumps()) == {
        "kind": "eye_drops", "zone": "America/New_York", "times": [], "every_minutes": 120, "first": "07:00:00", "last": "22:00:00",
        "days": [0, 6], "starts": None, "ends": "2026-12-04", "on": None, "quiet": ["22:00:00", "07:00:00"],
        "days_off": ["2026-11-25", "2026-11-26"], "paused_until": None, "left": [["Europe/London", "2026-11-22T12:00:00Z"]],
    }  # fmt: skip
    assert Schedule.loads('{"kind": "exercises", "zone": "Europe/London", "times": ["08:00"]}') == rule("08:00")


SOUND = {
    "kind": "eye_drops",
    "zone": LONDON,
    "times": ["08:00:00"],
    "every_minutes": 120,
    "first": "09:00:00",
    "last": "22:00:00",
}


@pytest.mark.parametrize(("part", "value", "told"), [
    ("kind", "medicine", r"`kind`: Input should be 'exercises'"),
    ("kind", None, r"`kind`"),
    ("zone", "Mars/Olympus", "unknown_zone"),
    ("zone", 5, r"`zone`: Input should be a valid string"),
    ("times", ["25:00"], r"`times\.0`: Input should be in a valid time format"),
    ("times", ["08:00Z"], r"`times\.0`: .*has no offset"),
    ("times", [28800], r"`times\.0`"),
    ("times", "08:00", r"`times`: Input should be a valid array"),
    ("every_minutes", 0, r"`every_minutes`: Input should be greater than or equal to 1"),
    ("every_minutes", 10**40, r"`every_minutes`"),
    ("every_minutes", "120", r"`every_minutes`: Input should be a valid integer"),
    ("every_minutes", True, r"`every_minutes`"),
    ("every_minutes", 1, "too_often"),
    ("first", None, "no_time"),
    ("last", "08:59:00", "hours_reversed"),
    ("days", [7], r"`days\.0`: Input should be less than or equal to 6"),
    ("days", [], "no_day"),
    ("starts", "2026-02-30", r"`starts`"),
    ("on", "2027-02-29", r"`on`"),
    ("ends", 20260101, r"`ends`"),
    ("quiet", ["22:00"], r"`quiet\.1`: Field required"),
    ("quiet", ["07:00", "06:59"], "only_quiet"),
    ("days_off", {"2026-12-25": 1}, r"`days_off`"),
    ("left", [["Mars/Olympus", "2026-11-22T12:00:00Z"]], "'Mars/Olympus' is no IANA zone"),
    ("left", [["Europe/London", "2026-11-22T12:00:00"]], r"`left\.0\.1`: Input should have timezone info"),
    ("time", "08:00", r"`time`: Unexpected keyword argument"),
])  # fmt: skip
def test_a_corrupted_rule_is_refused_with_what_is_wrong(part: str, value: object, told: str) -> None:
    Schedule.loads(json.dumps(SOUND))
    with pytest.raises(RuleCorrupted, match=told) as refused:
        Schedule.loads(json.dumps({**SOUND, part: value}))
    assert str(refused.value).endswith("set the reminder anew")


@pytest.mark.parametrize(
    "text",
    ["", "{", "null", "[]", "5", '"08:00"', "{}", '{"kind": "exercises"}', "\0", "{'kind': 1}", json.dumps(SOUND)[:-9]],
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(RuleCorrupted, match="this is no rule of a reminder"):
        Schedule.loads(text)


def plain(values: Iterable[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        st.sampled_from(list(values)),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    )


junk = plain(
    [None, True, -1, 0, 10**20, 1.5, "", "08:00", "24:00", "2026-11-22", "Europe/London", "exercises", "\ud800", "٣"]
)
