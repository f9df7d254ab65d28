"""Schedules around every change of the clocks, and what holds of any rule at all."""

import dataclasses
import json
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.reminders.schedule import (
    MOST_A_DAY,
    RuleCorrupted,
    Schedule,
    due_between,
    is_quiet,
    moved,
    next_due,
    problem,
    upcoming,
)
from tests.unit.reminders.test_schedule import (
    DAY,
    MINUTE,
    NOTHING_TOLD,
    NOW,
    QUARTER,
    TWO_YEARS,
    ZONES,
    at,
    changes,
    drops,
    junk,
    one_of_each,
    rule,
    rules,
    slowly,
    walked,
    wall_times,
)


def test_two_years_have_changes_in_both_directions() -> None:
    forward, back = ({zone for zone, _, by in changes() if sign * by > timedelta()} for sign in (1, -1))
    assert forward == back
    assert len(forward) > 200
    assert len(changes()) > 4 * len(forward) - 10
    assert {abs(by) for _, _, by in changes()} == {timedelta(minutes=30), timedelta(hours=1), timedelta(hours=2)}


def test_every_quarter_of_an_hour_around_every_change_comes_once() -> None:
    """Of each zone and change: a reminder each quarter of an hour, for three days, against a slow reading of the wall."""
    all_day = drops(15, "00:00", "23:45")
    for zone, around, by in changes():
        start, end = around - DAY, around + 2 * DAY
        expected: list[datetime] = []
        reached = None
        for now, wall in walked(zone, start, end, QUARTER):
            if reached is None or wall > reached:  # the second time round shows nothing new
                expected.append(now)
                reached = wall
        found = due_between(dataclasses.replace(all_day, zone=zone), start - MINUTE, end)
        assert list(found) == expected, (zone, around)
        # Each skipped quarter is made up for by the one at the gap's end, which is promised too; a doubled one is once.
        assert len(found) == 3 * DAY // QUARTER + 1 - (max(-by, timedelta()) // QUARTER)


def test_everyday_times_for_two_years_in_a_zone_of_each_kind() -> None:
    """Exactly the promised times on the wall, and of a skipped one the end of the gap: none twice, none lost."""
    told = at("01:30", "08:00", "23:30")
    dates = [NOW.date() + n * DAY for n in range(1, TWO_YEARS // DAY)]
    promised = [datetime.combine(day, each) for day in dates for each in told]
    for zone in one_of_each():
        clock = ZoneInfo(zone)
        start = datetime.combine(dates[0], time(), clock).astimezone(UTC) - MINUTE
        end = datetime.combine(dates[-1] + DAY, time(), clock).astimezone(UTC) - MINUTE
        found = [
            each.astimezone(clock).replace(tzinfo=None)
            for each in due_between(rule(*map(str, told), zone=zone), start, end)
        ]
        assert len(found) == len(set(found)) == len(promised), zone
        late = [(due, wall) for due, wall in zip(promised, found, strict=True) if due != wall]
        assert len(late) <= 3, zone
        for due, wall in late:
            assert timedelta() < wall - due <= timedelta(minutes=90), zone
            assert (
                datetime.combine(due.date(), due.time(), clock).astimezone(UTC).astimezone(clock).replace(tzinfo=None)
                != due
            )


@settings(deadline=None, max_examples=80)
@given(st.data())
def test_any_rule_around_any_change_promises_what_a_slow_reading_says(data: st.DataObject) -> None:
    zone, around, _ = data.draw(st.sampled_from(changes()))
    schedule = data.draw(rules(around.date(), zone))
    after = around + data.draw(st.integers(-600, 1440)) * MINUTE
    until = after + data.draw(st.integers(0, 1440)) * MINUTE
    assert list(due_between(schedule, after, until)) == slowly(schedule, after, until)


@settings(deadline=None, max_examples=20)
@given(st.sampled_from(["Pacific/Apia", "Pacific/Fakaofo"]), st.data(), st.integers(-900, 900))
def test_any_rule_around_a_date_left_out_does_so_too(zone: str, data: st.DataObject, minutes: int) -> None:
    around = datetime(2011, 12, 30, 10, tzinfo=UTC)
    schedule = data.draw(rules(around.date(), zone))
    after = around + minutes * MINUTE
    assert list(due_between(schedule, after, after + DAY)) == slowly(schedule, after, after + DAY)


@settings(deadline=None)
@given(rules(), st.integers(-4 * 1440, 4 * 1440), st.integers(0, 3 * 1440))
def test_the_next_one_is_later_and_they_make_up_what_is_due_between(
    schedule: Schedule, minutes: int, length: int
) -> None:
    after = NOW + minutes * MINUTE
    until = after + length * MINUTE
    one_by_one = []
    latest = after
    while (found := next_due(schedule, latest)) is not None and found <= until:
        assert found > latest
        assert found.tzinfo is UTC
        one_by_one.append(found)
        latest = found
    assert tuple(one_by_one) == due_between(schedule, after, until)
    half = after + (until - after) / 2
    assert due_between(schedule, after, half) + due_between(schedule, half, until) == tuple(one_by_one)
    assert not due_between(schedule, until, after)
    told = upcoming(schedule, after)
    assert told[: len(one_by_one)] == tuple(one_by_one[:3])
    assert all(each.tzinfo == ZoneInfo(schedule.zone) and not is_quiet(schedule, each) for each in told)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(wall_times, min_size=1, max_size=5),
    st.lists(st.tuples(st.sampled_from(ZONES), st.integers(1, 30)), max_size=6),
    st.sampled_from(ZONES),
    st.booleans(),
)
def test_no_journey_sends_a_time_of_a_date_twice_or_loses_one(
    told: list[time], trip: list[tuple[str, int]], home: str, every_one_is_sent: bool
) -> None:
    schedule, now, sent = rule(zone=home, times=tuple(told)), NOW, None
    walls: list[datetime] = []
    for zone, hours in [*trip, (home, 30)]:
        until = now + timedelta(hours=hours)
        here = ZoneInfo(schedule.zone)
        due = due_between(schedule, now, until, sent)
        assert list(due) == slowly(schedule, now, until, walls[-1] if walls else NOTHING_TOLD)
        for each in due[: None if every_one_is_sent else 1]:
            walls.append(each.astimezone(here).replace(tzinfo=None))
            sent = each
        now, schedule = until, moved(schedule, zone, until)
    assert all(earlier < later for earlier, later in pairwise(walls))


@settings(deadline=None)
@given(rules())
def test_a_rule_without_a_problem_is_due_some_day_and_not_too_often(schedule: Schedule) -> None:
    due = next_due(schedule, NOW)
    if problem(schedule, NOW) is None:
        assert due is not None
        assert len(due_between(schedule, due - MINUTE, due + DAY - 2 * MINUTE)) <= MOST_A_DAY + 1
        assert Schedule.loads(schedule.dumps()) == schedule


@settings(deadline=None, max_examples=80)
@given(rules(), st.sampled_from(sorted(field.name for field in dataclasses.fields(Schedule))), junk)
def test_a_rule_with_anything_in_it_is_read_and_works_or_is_refused(schedule: Schedule, part: str, value: Any) -> None:
    text = json.dumps({**json.loads(schedule.dumps()), part: value})
    try:
        found = Schedule.loads(text)
    except RuleCorrupted:
        return
    assert Schedule.loads(found.dumps()) == found
    assert Schedule.loads(found.dumps()).dumps() == found.dumps()
    next_due(found, NOW, NOW)
    assert problem(found, NOW) in {None, "reminders.past", "reminders.never"}
