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
)


@given(plans)
def test_a_plan_comes_back_from_json_as_it_was(plan: Plan) -> None:
    assert Plan.loads(plan.dumps()) == plan


@given(plans)
def test_equal_plans_are_one_text(plan: Plan) -> None:
    assert Plan.loads(plan.dumps()).dumps() == plan.dumps()


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


@given(plans, rules)
def test_a_new_rule_settles_what_was_asked_back(plan: Plan, wanted: Schedule) -> None:
    assert plan.with_rule("ffffff", wanted).open_request(NOW) == ""


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


@given(plans)
def test_a_pause_ends_as_if_it_had_not_been(plan: Plan) -> None:
    never = plan.paused(None)
    assert plan.paused(TODAY).paused(None) == never


@given(plans)
def test_the_same_promises_hold_in_another_zone(plan: Plan) -> None:
    moved = plan.moved("Asia/Tokyo", NOW)
    assert [each.rule.times for each in moved.reminders] == [each.rule.times for each in plan.reminders]
    assert {each.rule.zone for each in moved.reminders} <= {"Asia/Tokyo"}


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
