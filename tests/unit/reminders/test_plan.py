"""A person's plan: it comes back from JSON as it was, asking anew changes and doesn't pile up, the care plan looks ahead."""

import dataclasses
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.reminders.plan import CARE_HOUR, CARE_POINTS, Plan, Reminder
from bot.reminders.schedule import EVERY_DAY, Kind, Schedule, next_due, upcoming
from bot.reminders.wording import Span

LONDON, NEW_YORK = "Europe/London", "America/New_York"
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
TODAY = NOW.date()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
KINDS: tuple[Kind, ...] = ("exercises", "eye_drops", "check_in", "appointment", "recheck", "care_point")
MORNING: Span = (time(5), time(11, 59))


def rule(*hours: int, kind: Kind = "exercises", on: date | None = None) -> Schedule:
    return Schedule(kind=kind, zone=LONDON, times=tuple(time(hour) for hour in hours), on=on)


def named(**rules: Schedule) -> Plan:
    return Plan(tuple(Reminder(name, each) for name, each in rules.items()))


def names(plan: Plan) -> list[str]:
    return [each.name for each in plan.reminders]


def looks(plan: Plan) -> list[date | None]:
    return [each.rule.on for each in plan.of("care_point")]


minutes = st.times().map(lambda at: at.replace(second=0, microsecond=0, fold=0))
rules = st.builds(
    Schedule,
    kind=st.sampled_from(KINDS),
    zone=st.sampled_from([LONDON, NEW_YORK, "Asia/Kathmandu"]),
    times=st.lists(minutes, min_size=1, max_size=3).map(tuple),
    days=st.frozensets(st.integers(0, 6), min_size=1),
    on=st.none() | st.dates(),
    paused_until=st.none() | st.dates(),
)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds
plans = st.builds(
    Plan,
    reminders=st.lists(st.builds(Reminder, name=st.from_regex(r"[0-9a-f]{6}", fullmatch=True), rule=rules)).map(tuple),
    asked=st.text(),
    asked_at=st.none() | moments,
    onset=st.none() | st.dates(),
    without_care=st.booleans(),
    quiet=st.none() | st.tuples(minutes, minutes),
    days_off=st.lists(st.dates(), max_size=3).map(tuple),
    sent=st.lists(st.tuples(st.text(max_size=6), moments), max_size=2).map(tuple),
)


def test_without_a_text_the_plan_is_empty() -> None:
    assert Plan.loads(None) == Plan()


# ---- asking and changing ----
def test_asking_anew_takes_the_place_of_those_of_its_kind() -> None:
    plan = named(aaaaaa=rule(9), bbbbbb=rule(8, kind="eye_drops")).with_rule("cccccc", rule(18))
    assert names(plan) == ["bbbbbb", "cccccc"]


def test_one_for_a_single_day_stands_beside_the_daily_ones() -> None:
    plan = named(aaaaaa=rule(9)).with_rule("bbbbbb", rule(18, on=TODAY))
    assert names(plan) == ["aaaaaa", "bbbbbb"]


def test_one_for_the_same_day_takes_the_place_of_that_days() -> None:
    plan = named(aaaaaa=rule(9, on=TODAY)).with_rule("bbbbbb", rule(18, on=TODAY))
    assert names(plan) == ["bbbbbb"]


@pytest.mark.parametrize(("after", "words"), [(0 * HOUR, "remind me"), (HOUR, "")])
def test_what_was_asked_back_stands_open_for_an_hour(after: timedelta, words: str) -> None:
    assert Plan().asking("remind me", NOW).open_request(NOW + after) == words


def test_dropping_a_kind_leaves_the_others() -> None:
    plan = named(aaaaaa=rule(9), bbbbbb=rule(9, kind="eye_drops")).without("eye_drops")
    assert names(plan) == ["aaaaaa"]


def test_dropping_a_part_of_the_day_leaves_the_other_times() -> None:
    (kept,) = named(aaaaaa=rule(8, 9, 18)).without(None, MORNING).reminders
    assert kept.rule.times == (time(18),)


def test_dropping_all_times_of_one_drops_it() -> None:
    assert names(named(aaaaaa=rule(8), bbbbbb=rule(18)).without(None, MORNING)) == ["bbbbbb"]


def test_dropping_the_morning_leaves_the_care_plan_and_the_check_that_was_promised() -> None:
    plan = named(aaaaaa=rule(9), c00168=rule(10, kind="care_point", on=TODAY), bbbbbb=rule(9, kind="recheck", on=TODAY))
    assert names(plan.without(None, MORNING)) == ["c00168", "bbbbbb"]


def test_dropping_a_part_of_the_day_of_one_kind_leaves_other_kinds() -> None:
    plan = named(aaaaaa=rule(9), bbbbbb=rule(9, kind="eye_drops")).without("eye_drops", MORNING)
    assert names(plan) == ["aaaaaa"]


def test_an_interval_is_no_part_of_the_day() -> None:
    every = Schedule(kind="eye_drops", zone=LONDON, every_minutes=120, first=time(8), last=time(11))
    assert names(named(aaaaaa=every).without(None, MORNING)) == ["aaaaaa"]


def test_a_pause_of_a_kind_leaves_the_others() -> None:
    plan = named(aaaaaa=rule(9), bbbbbb=rule(9, kind="eye_drops")).paused(TODAY + DAY, "exercises")
    assert [each.rule.paused_until for each in plan.reminders] == [TODAY + DAY, None]


def test_a_pause_of_everything_leaves_the_re_check_of_a_triage() -> None:
    plan = named(aaaaaa=rule(9)).with_recheck("bbbbbb", NOW + 3 * DAY, LONDON).paused(TODAY + 7 * DAY)
    assert [each.rule.paused_until for each in plan.reminders] == [TODAY + 7 * DAY, None]


def test_a_move_leaves_what_was_asked_back_open() -> None:
    assert Plan().asking("remind me", NOW).moved(NEW_YORK, NOW).open_request(NOW) == "remind me"


def test_what_lies_behind_is_not_ahead() -> None:
    plan = named(aaaaaa=rule(9, on=TODAY - DAY), bbbbbb=rule(9, on=TODAY + DAY), cccccc=rule(9))
    assert [each.name for each in plan.ahead(NOW)] == ["bbbbbb", "cccccc"]


# ---- the re-check ----
@pytest.mark.parametrize(
    ("at", "comes"),
    [
        ("2026-11-23 14:30", "2026-11-23 14:30"),
        ("2026-11-23 03:00", "2026-11-23 09:00"),
        ("2026-11-23 20:59", "2026-11-23 20:59"),
        ("2026-11-23 23:30", "2026-11-23 20:00"),
    ],
)
def test_a_re_check_comes_on_its_day_and_wakes_nobody(at: str, comes: str) -> None:
    moment = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(LONDON))
    (one,) = Plan().with_recheck("aaaaaa", moment, LONDON).reminders
    assert [f"{due:%Y-%m-%d %H:%M}" for due in upcoming(one.rule, NOW)] == [comes]


@given(st.integers(0, 24 * 60), st.sampled_from([24, 72, 168]), st.sampled_from([LONDON, NEW_YORK, "Asia/Tokyo"]))
def test_a_re_check_is_never_lost_however_late_it_was_asked_for(minute: int, hours: int, zone: str) -> None:
    asked = NOW + timedelta(minutes=minute)
    (one,) = Plan().with_recheck("aaaaaa", asked + timedelta(hours=hours), zone).reminders
    due = next_due(one.rule, asked)
    assert due is not None and abs(due - asked - timedelta(hours=hours)) <= timedelta(hours=9)


def test_there_is_one_re_check_at_a_time() -> None:
    plan = named(aaaaaa=rule(9)).with_recheck("bbbbbb", NOW + DAY, LONDON).with_recheck("cccccc", NOW + 3 * DAY, LONDON)
    assert names(plan) == ["aaaaaa", "cccccc"]


# ---- the care plan ----
def test_the_care_plan_looks_again_the_next_day_and_at_every_point_that_the_evidence_names() -> None:
    assert [after.days for after in CARE_POINTS.values()] == [1, 3, 7, 21, 49, 84, 183]


def test_every_point_has_a_name_that_a_button_can_carry() -> None:
    assert all(int(name[1:]) == after / HOUR for name, after in CARE_POINTS.items())


@given(st.integers(-30, 400))
def test_no_point_lies_in_the_past(days_ago: int) -> None:
    plan = Plan().with_care_points(TODAY - days_ago * DAY, LONDON, NOW)
    assert all(next_due(each.rule, NOW) is not None for each in plan.reminders)


@given(st.integers(-30, 400))
def test_every_point_ahead_is_there(days_ago: int) -> None:
    onset = TODAY - days_ago * DAY
    plan = Plan().with_care_points(onset, LONDON, NOW)
    assert looks(plan) == [day for day in (onset + after for after in CARE_POINTS.values()) if day > TODAY]


def test_a_point_comes_once_at_its_hour_where_the_person_is() -> None:
    plan = Plan().with_care_points(TODAY, NEW_YORK, NOW)
    (moment,) = upcoming(plan.reminders[0].rule, NOW)
    assert (moment.time(), str(moment.tzinfo), moment.date()) == (CARE_HOUR, NEW_YORK, TODAY + DAY)


def test_a_changed_onset_is_counted_anew() -> None:
    plan = Plan().with_care_points(TODAY, LONDON, NOW).with_care_points(TODAY - 10 * DAY, LONDON, NOW)
    assert looks(plan) == [TODAY + days * DAY for days in (11, 39, 74, 173)]


def test_the_same_onset_changes_nothing() -> None:
    plan = Plan().with_care_points(TODAY, LONDON, NOW)
    assert plan.with_care_points(TODAY, LONDON, NOW + 30 * DAY) is plan


@pytest.mark.parametrize("drop", ["its name", "its kind", "everything"])
@pytest.mark.parametrize("onset", [TODAY, TODAY - DAY])
def test_points_that_were_dropped_do_not_come_back(drop: str, onset: date) -> None:
    plan = named(aaaaaa=rule(9)).with_care_points(TODAY, LONDON, NOW)
    dropped = {
        "its name": plan.without_named("c00168"),
        "its kind": plan.without("care_point"),
        "everything": plan.without(None),
    }[drop]
    assert looks(dropped.with_care_points(onset, LONDON, NOW)) == []


def test_dropping_something_else_leaves_the_points() -> None:
    plan = named(aaaaaa=rule(9)).with_care_points(TODAY, LONDON, NOW).without("exercises").without_named("aaaaaa")
    assert len(looks(plan)) == len(CARE_POINTS)


def test_the_care_plan_leaves_what_the_person_set() -> None:
    plan = named(aaaaaa=rule(9)).with_care_points(TODAY, LONDON, NOW)
    assert plan.of("exercises") == named(aaaaaa=rule(9)).reminders
    assert dataclasses.replace(plan.reminders[0].rule).days == EVERY_DAY


# ---- quiet hours and days off ----
NIGHT: Span = (time(22), time(7))


def test_quiet_hours_hold_for_all_that_is_set_and_all_that_will_be() -> None:
    quiet = (
        named(a=rule(9, 23), b=rule(6, 12, kind="eye_drops")).hushed(NIGHT).with_rule("c", rule(5, 10, kind="check_in"))
    )
    assert {each.name: each.rule.quiet for each in quiet.reminders} == {"a": NIGHT, "b": NIGHT, "c": NIGHT}
    coming = [upcoming(each.rule, NOW, 1)[0].time() for each in quiet.reminders]
    assert coming == [time(9), time(12), time(10)]


def test_a_rule_that_would_never_come_any_more_is_left_out_and_no_other_is() -> None:
    assert names(named(a=rule(23), b=rule(9, 23)).hushed(NIGHT)) == ["b"]


def test_whatever_the_hours_every_rule_that_is_left_can_be_read_again() -> None:
    for begin in range(24):
        for end in range(24):
            quiet = named(a=rule(9, 20), b=rule(23), c=rule(10, kind="care_point", on=TODAY + DAY)).hushed(
                (time(begin), time(end))
            )
            for each in quiet.reminders:
                assert Schedule.loads(each.rule.dumps()) == each.rule


def test_quiet_hours_of_one_kind_are_of_no_other() -> None:
    quiet = named(a=rule(9), b=rule(9, 23, kind="eye_drops")).hushed(NIGHT, "eye_drops")
    assert [each.rule.quiet for each in quiet.reminders] == [None, NIGHT]
    assert quiet.quiet is None


def test_without_quiet_hours_all_times_come_again() -> None:
    loud = named(a=rule(9, 23)).hushed(NIGHT).hushed(None)
    assert (loud.quiet, loud.reminders[0].rule.quiet) == (None, None)


@pytest.mark.parametrize(
    ("hour", "hours", "comes"),
    [
        (20, (time(19), time(8)), datetime(2026, 11, 26, 8)),  # noqa: DTZ001 - on the wall
        (10, (time(22), time(11)), datetime(2026, 11, 25, 11)),  # noqa: DTZ001
        (10, (time(9), time(17)), datetime(2026, 11, 25, 17)),  # noqa: DTZ001
        (10, NIGHT, datetime(2026, 11, 25, 10)),  # noqa: DTZ001
    ],
)
def test_a_check_that_falls_into_quiet_hours_comes_when_they_are_over(hour: int, hours: Span, comes: datetime) -> None:
    quiet = named(a=rule(hour, kind="recheck", on=date(2026, 11, 25))).hushed(hours)
    assert [each.replace(tzinfo=None) for each in upcoming(quiet.reminders[0].rule, NOW)] == [comes]


def test_a_check_asked_for_later_respects_them_too() -> None:
    plan = Plan().hushed((time(19), time(8))).with_recheck("a", NOW + timedelta(hours=12), LONDON)
    assert plan.reminders[0].rule.times == (time(8),)


def test_days_off_are_of_all_that_repeats_and_of_nothing_asked_for_one_day() -> None:
    days = [TODAY + DAY, TODAY + 2 * DAY]
    plan = named(a=rule(9), b=rule(9, kind="appointment", on=TODAY + DAY)).without_days(days, TODAY)
    coming = [upcoming(each.rule, NOW, 1)[0].date() for each in plan.reminders]
    assert coming == [TODAY + 3 * DAY, TODAY + DAY]
    assert upcoming(plan.with_rule("c", rule(8, kind="eye_drops")).reminders[-1].rule, NOW, 1)[0].date() == coming[0]


def test_days_off_that_are_past_are_forgotten() -> None:
    plan = named(a=rule(9)).without_days([TODAY], TODAY).without_days([TODAY + 2 * DAY], TODAY + DAY)
    assert plan.days_off == (TODAY + 2 * DAY,)
    assert plan.reminders[0].rule.days_off == {TODAY + 2 * DAY}


def test_who_is_back_early_is_reminded_and_keeps_the_days_off_of_later() -> None:
    later = TODAY + 9 * DAY
    plan = named(a=rule(9)).without_days([TODAY, TODAY + DAY, later], TODAY).back(TODAY)
    assert (plan.days_off, plan.reminders[0].rule.days_off) == ((later,), {later})


def test_weekdays_off_leave_the_others_and_move_what_had_no_other() -> None:
    weekly = dataclasses.replace(rule(10, kind="check_in"), days=frozenset({5}))
    some = dataclasses.replace(rule(9), days=frozenset({0, 2, 6}))
    plan = named(a=some, b=weekly, c=rule(8, kind="appointment", on=TODAY)).without_weekdays(frozenset({5, 6}))
    assert [each.rule.days for each in plan.reminders] == [{0, 2}, {0}, EVERY_DAY]


# ---- what was sent before a journey ----
def test_what_was_sent_before_a_journey_west_is_not_told_again() -> None:
    plan = named(a=rule(8, 20)).moved(NEW_YORK, NOW)
    known = plan.with_sent({"a": datetime(2026, 11, 22, 8, tzinfo=UTC), "gone": NOW})
    assert known.sent == (("a", datetime(2026, 11, 22, 8, tzinfo=UTC)),)
    told = upcoming(known.reminders[0].rule, NOW, 2, known.sent_of("a"))
    assert [(each.day, each.hour) for each in told] == [(22, 20), (23, 8)]
    assert [each.hour for each in upcoming(plan.reminders[0].rule, NOW, 1)] == [8]


def test_what_was_sent_counts_only_for_who_went_somewhere() -> None:
    assert named(a=rule(8)).with_sent({"a": NOW}).sent == ()
