"""Progress: each session in its own week, nothing below zero, and never a word of blame. All data are invented."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.programme.progress import (
    CAPTIONS,
    WEEKS,
    Measured,
    Milestone,
    Practised,
    Prescription,
    Progress,
    progress_of,
)
from bot.settings import CONTENT
from bot.words import Words

LONDON, AUCKLAND, HONOLULU, SAMOA = "Europe/London", "Pacific/Auckland", "Pacific/Honolulu", "Pacific/Apia"
ZONES = [LONDON, AUCKLAND, HONOLULU, SAMOA, "America/New_York", "Australia/Lord_Howe", "Pacific/Kiritimati", "UTC"]
DAY = timedelta(days=1)
WORDS = Words.load(CONTENT / "words.yml")
ASKED = {"P-S0": Prescription(3), "P-S3": Prescription(2), "P-S4": Prescription(1, days_a_week=4)}

# A progress picture tells what was done. Whoever reads one of these words in it reads a reproach.
BLAME = """miss missed missing fail failed failure only just should must lazy behind lost lose poor poorly bad worse worst
less least disappoint disappointed disappointing unfortunately sadly shame guilt fault blame skipped neglected forgot
forgotten broke broken streak gap late overdue incomplete insufficient enough harder effortless slack stopped gave
excuse weak""".split()


def at(local: str, zone: str = LONDON, **fields) -> Practised:
    """A session at a time on the wall."""
    began = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    given_ = {"programme": "P-S0", "stage": "S0", "ended": "finished", "done": ("EX-01",)} | fields
    return Practised(began, zone, **given_)


def told(
    sessions: Iterable[Practised], now: str = "2026-11-22 18:00", zone: str = LONDON, scores=(), milestones=(), **fields
) -> Progress:
    moment = datetime.fromisoformat(now).replace(tzinfo=ZoneInfo(zone))
    fields = {"prescribed": ASKED} | fields
    return progress_of(sessions, scores, milestones, now=moment, zone=zone, words=WORDS, **fields)


def every_day(first: str, days: int, hour: int = 9, zone: str = LONDON, **fields) -> list[Practised]:
    start = datetime.fromisoformat(first)
    return [at(f"{start + number * DAY:%Y-%m-%d} {hour:02}:30", zone, **fields) for number in range(days)]


# weeks


def test_a_week_is_monday_to_sunday_of_the_person() -> None:
    sunday, monday = at("2026-11-15 23:59"), at("2026-11-16 00:00")
    weeks = told([sunday, monday]).weeks
    assert [(week.first, week.done) for week in weeks] == [(date(2026, 11, 9), 1), (date(2026, 11, 16), 1)]


@pytest.mark.parametrize(
    ("zone", "first", "now"),
    [
        (LONDON, "2026-03-16", "2026-04-12 23:59"),
        (LONDON, "2026-10-12", "2026-11-08 23:59"),
        ("America/New_York", "2026-02-23", "2026-03-22 23:59"),
        ("America/New_York", "2026-10-19", "2026-11-15 23:59"),
        ("Australia/Lord_Howe", "2026-03-23", "2026-04-19 23:59"),
    ],
)
@pytest.mark.parametrize("hour", [0, 1, 2, 3, 23])
def test_summer_time_neither_loses_nor_doubles_a_day(zone: str, first: str, now: str, hour: int) -> None:
    progress = told(every_day(first, 28, hour, zone), now, zone)
    assert [(week.done, week.days) for week in progress.weeks] == [(7, 7)] * 4


def test_who_travels_practises_on_the_days_of_where_they_are() -> None:
    # Sunday evening in Auckland; on arrival in Honolulu it is Saturday night.
    sunday, saturday = at("2026-11-15 20:00", AUCKLAND), at("2026-11-14 23:30", HONOLULU)
    assert sunday.began < saturday.began
    (week, now) = told([saturday, sunday], "2026-11-16 10:00", HONOLULU).weeks
    assert (week.done, week.days, now.done) == (2, 2, 0)


def test_nothing_is_planned_for_a_day_that_was_never_lived() -> None:
    lived = every_day("2011-12-26", 4, zone=SAMOA)  # Monday to Thursday; Friday 30 December was left out there
    (week, _) = told([*lived, at("2011-12-31 09:30", SAMOA)], "2012-01-02 00:10", SAMOA).weeks
    assert (week.done, week.planned) == (5, 1 + 3 * 5)


def test_a_session_of_tomorrow_counts_after_flying_back_to_yesterday() -> None:
    monday = at("2026-11-16 08:00", "Pacific/Kiritimati")
    progress = told([monday], "2026-11-15 12:00", HONOLULU)
    assert [(week.first, week.done) for week in progress.weeks] == [(date(2026, 11, 16), 1)]
    assert progress.until == date(2026, 11, 16)


def test_an_empty_diary_is_this_week_without_figures() -> None:
    progress = told([])
    (week,) = progress.weeks
    assert week.first == progress.since == date(2026, 11, 16)
    assert (week.done, week.planned, week.days, week.comfort, week.effort, week.stages) == (0, 0, 0, None, None, ())
    assert (progress.scores, progress.milestones) == ((), ())
    assert progress.summary == "Your diary is open. Each session you do will show here."


def test_one_session() -> None:
    (week,) = told([at("2026-11-20 09:00", comfort=6, effort=2)]).weeks
    assert (week.done, week.days, week.comfort, week.effort, week.stages) == (1, 1, 6, 2, ("S0",))


def test_of_thirty_weeks_the_last_twelve_are_told() -> None:
    progress = told(every_day("2026-04-27", 30 * 7))
    assert len(progress.weeks) == WEEKS == 12
    assert progress.weeks[-1].first == date(2026, 11, 16)
    assert progress.since == date(2026, 8, 31)
    assert progress.until == date(2026, 11, 22)
    assert {(week.done, week.days) for week in progress.weeks} == {(7, 7)}
    assert {week.planned for week in progress.weeks[:-1]} == {21}


# what counts


@pytest.mark.parametrize(("ended", "done", "counts"), [
    ("finished", ("EX-01",), 1), ("stopped", ("EX-01",), 1), ("hurt", ("EX-01",), 1), ("stopped", (), 0), ("hurt", (), 0),
])  # fmt: skip
def test_a_session_counts_when_something_of_it_was_done(ended: str, done: tuple[str, ...], counts: int) -> None:
    assert told([at("2026-11-20 09:00", ended=ended, done=done)]).weeks[-1].done == counts


def test_a_session_that_began_later_than_now_is_left_out() -> None:
    assert told([at("2026-11-22 18:01")]).weeks[-1].done == 0


def test_comfort_and_effort_are_means_of_those_that_were_told() -> None:
    sessions = [at("2026-11-17 09:00", comfort=4), at("2026-11-18 09:00", comfort=7, effort=3), at("2026-11-19 09:00")]
    (week,) = told(sessions).weeks
    assert (week.comfort, week.effort) == (5.5, 3)


def test_the_stages_of_a_week_stand_in_order() -> None:
    sessions = [
        at("2026-11-19 09:00", stage="S0"),
        at("2026-11-17 09:00", stage="S1"),
        at("2026-11-18 09:00", stage="S1"),
    ]
    assert told(sessions).weeks[-1].stages == ("S1", "S0")


# what was planned


@pytest.mark.parametrize(("sessions", "fields", "planned"), [
    # The first day plans no more than was done, and today counts only as far as it is done.
    ([at("2026-11-16 09:00")], {}, 1 + 3 * 5),
    ([at("2026-11-16 09:00"), at("2026-11-22 09:00")], {}, 1 + 3 * 5 + 1),
    ([at("2026-11-22 09:00"), at("2026-11-22 12:00")], {}, 2),
    # A new programme plans from the day on which it was first practised.
    ([at("2026-11-16 09:00"), at("2026-11-19 09:00", programme="P-S3")], {}, 1 + 3 + 3 + 2 * 3),
    # Four days a week are enough, whichever they are.
    (every_day("2026-11-09", 13, programme="P-S4"), {}, 4),
    # Nothing is known of this programme.
    ([at("2026-11-16 09:00", programme="P-GONE")], {}, 0),
    ([at("2026-11-16 09:00")], {"prescribed": {}}, 0),
    ([at("2026-11-16 09:00")], {"rest_days": frozenset({date(2026, 11, 18), date(2026, 11, 19)})}, 1 + 3 * 3),
    ([], {}, 0),
])  # fmt: skip
def test_what_is_planned_is_what_the_programme_asks_for_by_now(sessions, fields, planned: int) -> None:
    assert told(sessions, **fields).weeks[-1].planned == planned


def test_a_week_without_practice_still_plans() -> None:
    progress = told([at("2026-11-02 09:00"), at("2026-11-16 09:00")])
    assert [(week.done, week.planned) for week in progress.weeks] == [(1, 1 + 18), (0, 21), (1, 18)]


def test_more_than_planned_is_told_as_it_was() -> None:
    (week,) = told([at(f"2026-11-20 {hour:02}:00") for hour in range(8, 13)]).weeks
    assert (week.done, week.planned) == (5, 3 + 3)


# scores and milestones


def measured(day: str, value: float, name: str = "Eating", best: float = 100, worst: float = 0) -> Measured:
    return Measured(name, date.fromisoformat(day), value, best, worst)


@pytest.mark.parametrize(("values", "first", "latest", "change"), [
    ([("2026-09-01", 40)], 40, 40, None),
    ([("2026-09-01", 40), ("2026-10-01", 50), ("2026-11-01", 61.25)], 40, 61.25, 21.2),
    ([("2026-11-01", 30), ("2026-09-01", 45)], 45, 30, -15),
    ([("2026-09-01", 40), ("2026-11-01", 40)], 40, 40, 0),
    ([("2026-09-01", 40), ("2026-09-01", 44)], 44, 44, None),
    ([("2019-01-01", 33.34), ("2026-11-01", 66.66)], 33.34, 66.66, 33.4),
])  # fmt: skip
def test_a_score_is_told_first_and_latest(values, first: float, latest: float, change: float | None) -> None:
    (trend,) = told([], scores=[measured(*each) for each in values]).scores
    assert (trend.first.value, trend.latest.value, trend.change) == (first, latest, change)


def test_scores_keep_their_order_and_the_way_their_scale_runs() -> None:
    scores = [measured("2026-11-01", 50), measured("2026-11-01", 44, "Linked", 20, 100), measured("2026-09-01", 40)]
    found = told([], scores=scores).scores
    assert [(each.name, each.higher_is_better) for each in found] == [("Eating", True), ("Linked", False)]


def test_milestones_of_these_weeks_stand_in_order() -> None:
    days = ["2026-11-01", "2020-01-01", "2026-10-01", "2026-11-23"]
    progress = told([], milestones=[Milestone(date.fromisoformat(day), day) for day in days])
    assert [each.words for each in progress.milestones] == ["2026-10-01", "2026-11-01"]
    assert len(progress.weeks) == WEEKS


def test_the_weeks_begin_with_the_first_session_or_milestone() -> None:
    noted = Milestone(date(2026, 11, 4), "First flicker")
    assert told([at("2026-11-10 09:00")], milestones=[noted]).since == date(2026, 11, 2)


# words


@pytest.mark.parametrize(("sessions", "summary"), [
    ([at("2026-11-20 09:00")], "You did one session. It is in your diary."),
    ([at("2026-11-20 09:00"), at("2026-11-20 12:00")], "You did 2 sessions on one day."),
    (every_day("2026-11-17", 3), "You did 3 sessions on 3 days this week."),
    (every_day("2026-11-09", 9) + every_day("2026-11-09", 2, 15), "You did 11 sessions on 9 days in 2 weeks."),
    (every_day("2026-01-01", 3), "Your diary is open. Each session you do will show here."),
])  # fmt: skip
def test_the_summary_counts_what_was_done(sessions: list[Practised], summary: str) -> None:
    assert told(sessions).summary == summary


def test_every_caption_has_its_words() -> None:
    captions = told([]).captions
    assert set(captions) == set(CAPTIONS)
    assert all(captions.values())


moments = st.integers(0, 40 * 24 * 60).map(
    lambda minutes: datetime(2026, 9, 20, tzinfo=UTC) + timedelta(minutes=minutes)
)
sessions_ = st.builds(
    Practised,
    moments,
    st.sampled_from(ZONES),
    st.sampled_from([*ASKED, "P-GONE"]),
    st.sampled_from(["S0", "S3", "S4"]),
    st.sampled_from(["finished", "stopped", "hurt"]),
    st.sampled_from([(), ("EX-01",), ("EX-01", "EX-02")]),
    st.none() | st.integers(0, 10),
    st.none() | st.integers(0, 10),
)
rests = st.sets(st.dates(date(2026, 9, 18), date(2026, 11, 2)), max_size=10)


@settings(deadline=None, max_examples=150)
@given(st.lists(sessions_, max_size=25), moments, st.sampled_from(ZONES), rests)
def test_wherever_one_goes_every_session_is_told_once_and_nothing_is_negative(kept, now, zone, rest) -> None:
    progress = progress_of(kept, (), (), prescribed=ASKED, now=now, zone=zone, words=WORDS, rest_days=rest)
    assert sum(week.done for week in progress.weeks) == sum(bool(each.done) and each.began <= now for each in kept)
    for number, week in enumerate(progress.weeks):
        assert week.first == progress.since + 7 * number * DAY
        assert week.first.weekday() == 0
        assert 0 <= week.days <= min(7, week.done)
        assert 0 <= week.planned <= 21
        assert all(mean is None or 0 <= mean <= 10 for mean in (week.comfort, week.effort))
        assert (week.done > 0) == bool(week.stages)
    assert progress.weeks[-1].first <= progress.until < progress.weeks[-1].first + 7 * DAY
    words = " ".join((progress.summary, *progress.captions.values())).lower()
    assert not set(re.findall(r"[a-z']+", words)) & set(BLAME)
    assert not re.search(r"[-−]\d", progress.summary)


@pytest.mark.parametrize("wrong", [{"now": datetime(2026, 11, 22)}, {"zone": "Europe"}])  # noqa: DTZ001
def test_a_moment_or_a_zone_that_says_nothing_is_refused(wrong) -> None:
    fields = {"now": datetime(2026, 11, 22, tzinfo=UTC), "zone": LONDON} | wrong
    with pytest.raises(ValueError):
        progress_of((), (), (), prescribed={}, words=WORDS, **fields)
