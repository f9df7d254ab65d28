"""The diary: no zone, no change of the clocks and no flight loses a day or makes one twice."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.programme.diary import Session, adherence, days_done, local_day, streak, unlived_days

ZONES = sorted(available_timezones())
HONOLULU, AUCKLAND, LONDON, NEW_YORK = "Pacific/Honolulu", "Pacific/Auckland", "Europe/London", "America/New_York"
DAY, HALF_HOUR = timedelta(days=1), timedelta(minutes=30)

# Three times since 1980 a place left a date out: Kwajalein, the east of Kiribati, and Samoa with Tokelau.
LEFT_OUT = {
    "Pacific/Kwajalein": date(1993, 8, 21), "Pacific/Kiritimati": date(1994, 12, 31), "Pacific/Apia": date(2011, 12, 30),
}  # fmt: skip

zones = st.one_of(st.sampled_from(ZONES), st.sampled_from([*LEFT_OUT, HONOLULU, AUCKLAND]))
_from_1980_to_2037 = st.integers(315532800, 2143238400).map(lambda second: datetime.fromtimestamp(second, UTC))
_around_one_left_out = st.builds(
    lambda day, hours: datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hours),
    st.sampled_from(list(LEFT_OUT.values())),
    st.integers(-120, 48),
)
moments = st.one_of(_from_1980_to_2037, _around_one_left_out)


def at(local: str, zone: str) -> Session:
    """A session at a time on the wall."""
    return Session(datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC), zone)


def days(*spans: str) -> frozenset[date]:
    """The days of November 2026: "1", or "3-5"."""
    found: set[date] = set()
    for span in spans:
        first, _, last = span.partition("-")
        found.update(date(2026, 11, day) for day in range(int(first), int(last or first) + 1))
    return frozenset(found)


# which day it is


@pytest.mark.parametrize(("local", "zone", "day"), [
    ("2026-11-22 23:59:59", LONDON, date(2026, 11, 22)),
    ("2026-11-22 00:00:00", LONDON, date(2026, 11, 22)),
    ("2026-11-22 00:30:00", "Pacific/Kiritimati", date(2026, 11, 22)),
    ("2026-11-22 23:30:00", "Pacific/Pago_Pago", date(2026, 11, 22)),
    ("2026-11-22 00:10:00", "Asia/Kathmandu", date(2026, 11, 22)),
    ("2026-03-29 00:59:00", LONDON, date(2026, 3, 29)),
    ("2026-10-25 01:30:00", LONDON, date(2026, 10, 25)),
])  # fmt: skip
def test_a_session_counts_for_the_date_on_the_wall(local: str, zone: str, day: date) -> None:
    assert at(local, zone).day == day


def test_one_moment_is_two_dates_in_two_places() -> None:
    moment = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
    assert local_day(moment, "Pacific/Kiritimati") - local_day(moment, "Etc/GMT+12") == 2 * DAY


@settings(deadline=None)
@given(moments, zones)
def test_every_zone_gives_the_date_of_its_clock(moment: datetime, zone: str) -> None:
    offset = moment.astimezone(ZoneInfo(zone)).utcoffset()
    assert offset is not None
    assert Session(moment, zone).day == (moment + offset).date()
    assert Session(moment.astimezone(ZoneInfo(AUCKLAND)), zone).day == Session(moment, zone).day


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="give it in UTC"):
        Session(datetime(2026, 11, 22, 10), LONDON)  # noqa: DTZ001 - the fault itself
    with pytest.raises(ValueError, match="give it in UTC"):
        unlived_days([], datetime(2026, 11, 22, 10), LONDON)  # noqa: DTZ001


@pytest.mark.parametrize("zone", ["", "Europe", "Mars/Olympus", "../etc/passwd", "/etc/localtime", "Europe/London\0"])
def test_what_is_no_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="is no IANA zone; use a name such as Europe/London"):
        Session(datetime(2026, 11, 22, 10, tzinfo=UTC), zone)


# both ends of summer time


@cache
def changes() -> list[tuple[str, datetime]]:
    """Every change of the clocks in 2026, in every zone: the zone, and a UTC midnight less than a day before it."""
    found = []
    for zone in ZONES:
        clock = ZoneInfo(zone)
        midnights = [datetime(2026, 1, 1, tzinfo=UTC) + offset * DAY for offset in range(366)]
        offsets = [midnight.astimezone(clock).utcoffset() for midnight in midnights]
        found += [(zone, midnights[i]) for i in range(365) if offsets[i] != offsets[i + 1]]
    return found


def half_hours(zone: str, around: datetime) -> Iterator[Session]:
    """A session each half hour, from two days before to three after."""
    moment = around - 2 * DAY
    while moment < around + 3 * DAY:
        yield Session(moment, zone)
        moment += HALF_HOUR


@pytest.mark.parametrize(("zone", "before", "after"), [
    (LONDON, "2026-03-28 23:50", "2026-03-29 23:50"),
    (LONDON, "2026-10-24 23:50", "2026-10-25 23:50"),
    ("America/Havana", "2026-03-07 23:50", "2026-03-08 01:00"),  # midnight itself is left out
    ("Africa/Cairo", "2026-04-23 23:50", "2026-04-24 01:00"),
    ("America/Asuncion", "2023-10-01 01:00", "2023-10-02 00:00"),
    ("Australia/Lord_Howe", "2026-10-04 01:59", "2026-10-05 00:01"),  # half an hour of summer time
    ("Antarctica/Troll", "2026-03-28 12:00", "2026-03-29 12:00"),  # two hours of it
])  # fmt: skip
def test_two_evenings_around_the_change_are_two_days(zone: str, before: str, after: str) -> None:
    sessions = [at(before, zone), at(after, zone)]
    assert streak(days_done(sessions).keys(), frozenset(), sessions[1].day, grace=0) == 2
    assert not unlived_days(sessions, sessions[1].began, zone)


def test_the_hour_that_comes_twice_is_one_day() -> None:
    first, second = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert days_done([Session(first, LONDON), Session(second, LONDON)]) == {date(2026, 10, 25): 2}


# staying and travelling


@settings(deadline=None)
@given(moments, zones, st.lists(st.integers(1, 60), max_size=12))
def test_who_stays_lives_every_date_that_the_place_has(start: datetime, zone: str, gaps: list[int]) -> None:
    sessions = [Session(start, zone)]
    for hours in gaps:
        sessions.append(Session(sessions[-1].began + timedelta(hours=hours), zone))
    now = sessions[-1].began
    walked, moment = set(), start
    while moment <= now:
        walked.add(local_day(moment, zone))
        moment += timedelta(hours=1)
    whole = {sessions[0].day + n * DAY for n in range((sessions[-1].day - sessions[0].day).days + 1)}
    assert unlived_days(sessions, now, zone) == whole - walked - {sessions[-1].day}


# No local day after 1980 is shorter than 21 hours: sessions closer than that miss none, in any zone.
trips = st.lists(st.tuples(st.integers(0, 20 * 60), zones), min_size=1, max_size=12)


def travelled(start: datetime, trip: list[tuple[int, str]]) -> list[Session]:
    sessions: list[Session] = []
    for minutes, zone in trip:
        start += timedelta(minutes=minutes)
        sessions.append(Session(start, zone))
    return sessions


@settings(deadline=None)
@given(moments, trips)
def test_no_journey_breaks_a_row_that_was_kept(start: datetime, trip: list[tuple[int, str]]) -> None:
    sessions = travelled(start, trip)
    last = sessions[-1]
    done = days_done(sessions)
    unlived = unlived_days(sessions, last.began, last.zone)
    assert not unlived & done.keys()
    assert streak(done.keys(), unlived, last.day, grace=0) == len(done) <= len(sessions)


@settings(deadline=None)
@given(moments, trips, zones, st.integers(0, 20 * 60))
def test_nor_does_an_arrival_before_the_next_session(
    start: datetime, trip: list[tuple[int, str]], zone: str, minutes: int
) -> None:
    sessions = travelled(start, trip)
    now = sessions[-1].began + timedelta(minutes=minutes)
    done = days_done(sessions)
    assert streak(done.keys(), unlived_days(sessions, now, zone), local_day(now, zone), grace=0) == len(done)


@settings(deadline=None)
@given(moments, trips, zones, st.lists(st.integers(0, 24 * 60 * 20), min_size=2, max_size=2))
def test_a_day_once_found_unlived_stays_so(
    start: datetime, trip: list[tuple[int, str]], zone: str, waits: list[int]
) -> None:
    sessions = travelled(start, trip)
    sooner, later = (sessions[-1].began + timedelta(minutes=wait) for wait in sorted(waits))
    assert unlived_days(sessions, sooner, zone) <= unlived_days(sessions, later, zone)


@settings(deadline=None)
@given(moments, trips, st.randoms(use_true_random=False))
def test_the_order_in_which_sessions_are_read_is_nothing(
    start: datetime, trip: list[tuple[int, str]], random: object
) -> None:
    sessions = travelled(start, trip)
    shuffled = sorted(sessions, key=lambda _: random.random())  # type: ignore[attr-defined]
    last = sessions[-1]
    # Two sessions at one moment in two zones can't be put in order; everything else can.
    if len({session.began for session in sessions}) == len(sessions):
        assert unlived_days(shuffled, last.began, last.zone) == unlived_days(sessions, last.began, last.zone)
    assert days_done(shuffled) == days_done(sessions)


@pytest.mark.parametrize(("what", "sessions", "now", "unlived", "row"), [
    ("westward: the 6th is left out", [at("2026-11-04 09:00", HONOLULU), at("2026-11-05 09:00", HONOLULU)],
     at("2026-11-07 20:00", AUCKLAND), days("6"), 2),
    ("westward, practised on arrival", [at("2026-11-05 09:00", HONOLULU), at("2026-11-07 07:00", AUCKLAND)],
     at("2026-11-07 20:00", AUCKLAND), days("6"), 2),
    ("westward, then two days of nothing", [at("2026-11-05 09:00", HONOLULU)],
     at("2026-11-09 20:00", AUCKLAND), days("6"), 0),
    ("and back into the date left out", [at("2026-11-05 21:00", HONOLULU), at("2026-11-07 07:00", AUCKLAND),
     at("2026-11-06 20:00", HONOLULU)], at("2026-11-06 21:00", HONOLULU), days(), 3),
    ("eastward: the 5th comes twice", [at("2026-11-04 08:00", AUCKLAND), at("2026-11-05 08:00", AUCKLAND),
     at("2026-11-05 09:00", HONOLULU)], at("2026-11-05 10:00", HONOLULU), days(), 2),
    ("eastward, back to yesterday", [at("2026-11-05 08:00", AUCKLAND), at("2026-11-06 08:00", AUCKLAND)],
     at("2026-11-05 15:00", HONOLULU), days(), 2),
    ("a night flight to London", [at("2026-11-01 22:00", NEW_YORK), at("2026-11-03 08:00", LONDON)],
     at("2026-11-03 09:00", LONDON), days("2"), 2),
    ("a flight in the morning", [at("2026-11-01 08:00", NEW_YORK), at("2026-11-03 08:00", LONDON)],
     at("2026-11-03 09:00", LONDON), days(), 1),
    ("back into the date left out, nothing done there yet", [at("2026-11-05 21:00", HONOLULU),
     at("2026-11-07 07:00", AUCKLAND)], at("2026-11-06 20:00", HONOLULU), days(), 2),
    ("Kiritimati and Pago Pago, a date and more apart", [at("2026-11-05 00:30", "Pacific/Kiritimati"),
     at("2026-11-04 01:00", "Pacific/Pago_Pago")], at("2026-11-04 02:00", "Pacific/Pago_Pago"), days(), 2),
])  # fmt: skip
def test_journeys(what: str, sessions: list[Session], now: Session, unlived: frozenset[date], row: int) -> None:
    found = unlived_days(sessions, now.began, now.zone)
    assert found == unlived
    assert streak(days_done(sessions).keys(), found, now.day, grace=0) == row


@pytest.mark.parametrize(("zone", "day"), LEFT_OUT.items())
def test_a_date_that_the_place_left_out_is_nobodys_fault(zone: str, day: date) -> None:
    sessions = [at(f"{day - DAY} 09:00", zone), at(f"{day + DAY} 09:00", zone)]
    unlived = unlived_days(sessions, sessions[1].began, zone)
    assert unlived == {day}
    assert streak(days_done(sessions).keys(), unlived, day + DAY, grace=0) == 2
    assert unlived_days(sessions[:1], sessions[1].began + DAY, zone) == {day}


def test_the_calendar_of_the_place_of_arrival_is_the_one_that_counts() -> None:
    to_samoa = [at("2011-12-28 09:00", HONOLULU), at("2011-12-31 09:00", "Pacific/Apia")]
    assert unlived_days(to_samoa, to_samoa[1].began, "Pacific/Apia") == {date(2011, 12, 30)}
    from_samoa = [at("2011-12-28 09:00", "Pacific/Apia"), at("2011-12-31 09:00", AUCKLAND)]
    assert unlived_days(from_samoa, from_samoa[1].began, AUCKLAND) == {date(2011, 12, 29)}


def test_sessions_after_now_are_left_out() -> None:
    sessions = [at("2026-11-05 09:00", HONOLULU), at("2026-11-08 09:00", AUCKLAND)]
    assert unlived_days(sessions, sessions[0].began, HONOLULU) == frozenset()
    assert unlived_days([], sessions[0].began, HONOLULU) == frozenset()


# days in a row


@pytest.mark.parametrize(("what", "done", "rest", "today", "grace", "row"), [
    ("nothing yet", days(), days(), 22, 1, 0),
    ("today only", days("22"), days(), 22, 1, 1),
    ("today is not over", days("20-21"), days(), 22, 1, 2),
    ("today is not over, without grace", days("20-21"), days(), 22, 0, 2),
    ("yesterday missed", days("15-20"), days(), 22, 1, 6),
    ("yesterday missed, without grace", days("15-20"), days(), 22, 0, 0),
    ("yesterday missed, today done", days("15-20", "22"), days(), 22, 1, 7),
    ("two missed together", days("15-19", "22"), days(), 22, 1, 1),
    ("two missed together, two forgiven", days("15-19", "22"), days(), 22, 2, 6),
    ("two missed six days apart", days("10-13", "15-19", "21-22"), days(), 22, 1, 7),
    ("two missed seven days apart", days("10-12", "14-19", "21-22"), days(), 22, 1, 11),
    ("one missed every seven days", days("2-7", "9-14", "16-21"), days(), 22, 1, 18),
    ("a day of rest adds nothing", days("19", "21-22"), days("20"), 22, 0, 3),
    ("nor when it was practised on", days("19-22"), days("20"), 22, 0, 3),
    ("a week of rest breaks nothing", days("10-14", "22"), days("15-21"), 22, 0, 6),
    ("today is a day of rest", days("20-21"), days("22"), 22, 0, 2),
    ("rest takes none of the grace", days("10-17", "20-22"), days("18"), 22, 1, 11),
    ("every second day, as planned", days("16", "18", "20", "22"), days("17", "19", "21"), 22, 0, 4),
    ("long ago", days("1-9"), days(), 22, 1, 0),
    ("long ago, all rest since", days("1-9"), days("10-21"), 22, 0, 9),
    ("a later day, after flying back", days("20-21", "23"), days(), 22, 0, 3),
    ("two later days", days("21", "24"), days(), 22, 0, 2),
])  # fmt: skip
def test_rows(what: str, done: AbstractSet[date], rest: AbstractSet[date], today: int, grace: int, row: int) -> None:
    assert streak(done, rest, date(2026, 11, today), grace) == row


some_days = st.frozensets(st.dates(date(2026, 9, 20), date(2026, 11, 24)), max_size=60)
todays = st.dates(date(2026, 11, 1), date(2026, 11, 24))


@settings(deadline=None)
@given(some_days, some_days, todays, st.integers(0, 3))
def test_a_row_is_never_below_zero_nor_longer_than_what_was_done(
    done: frozenset[date], rest: frozenset[date], today: date, grace: int
) -> None:
    row = streak(done, rest, today, grace)
    assert 0 <= row <= len(done - rest)
    assert row <= streak(done, rest, today, grace + 1), "more grace"
    assert row <= streak(done | {today}, rest, today, grace) <= row + 1, "practising today"
    assert row >= streak(done, rest, today + DAY, grace), "tomorrow, with nothing more done"
    assert streak(done | rest, rest, today, grace) == row, "practising on days of rest"
    if today not in done | rest:
        assert row == streak(done, rest | {today}, today, grace), "today counts for nothing until it is done"


@settings(deadline=None)
@given(some_days, todays, st.data())
def test_one_missed_day_in_a_full_month_breaks_nothing(rest: frozenset[date], today: date, data: st.DataObject) -> None:
    month = frozenset(today - n * DAY for n in range(30))
    missed = data.draw(st.sampled_from(sorted(month - {today, min(month)})))
    assert streak(month - {missed}, rest, today) == len(month - {missed} - rest)


@settings(deadline=None)
@given(some_days, some_days, todays, st.integers(0, 3))
def test_a_row_is_what_a_slow_reading_of_the_rule_says(
    done: frozenset[date], rest: frozenset[date], today: date, grace: int
) -> None:
    span = [min(done, default=today) + n * DAY for n in range(90)]
    missed = [day for day in span if day < today and day not in done | rest]
    # The row begins after the latest missed day that, with those after it, makes more than `grace` in seven days.
    breaks = [day for day in missed if sum(day <= other < day + 7 * DAY for other in missed) > grace]
    expected = [day for day in done - rest if not breaks or day > max(breaks)]
    assert streak(done, rest, today, grace) == len(expected)


def test_a_grace_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        streak(days("1"), days(), date(2026, 11, 2), grace=-1)


# a week

MONDAY = date(2026, 11, 16)
WEEK = [MONDAY + n * DAY for n in range(7)]
AFTER = MONDAY + 7 * DAY


def tallied(counts: list[int]) -> dict[date, int]:
    return dict(zip(WEEK, counts, strict=False))


@pytest.mark.parametrize(("what", "done", "asked", "rest", "today", "share"), [
    ("all of it", [3] * 7, [3] * 7, [], AFTER, (21, 21, 1)),
    ("none of it", [], [3] * 7, [], AFTER, (0, 21, 0)),
    ("a third", [1] * 7, [3] * 7, [], AFTER, (7, 21, 1 / 3)),
    ("more than asked is capped, day by day", [6, 0, 3, 3, 3, 3, 3], [3] * 7, [], AFTER, (18, 21, 6 / 7)),
    ("days of rest don't count", [3, 0, 3, 0, 3, 0, 3], [3] * 7, [1, 3, 5], AFTER, (12, 12, 1)),
    ("nor does practice on them", [3, 3, 0, 0, 0, 0, 0], [3] * 7, [1], AFTER, (3, 18, 1 / 6)),
    ("days that ask for none don't count", [3, 5, 3], [3, 0, 3], [], AFTER, (6, 6, 1)),
    ("a programme that changes midweek", [1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 2, 2, 2, 2], [], AFTER, (7, 11, 7 / 11)),
    ("nothing asked", [3] * 7, [], [], AFTER, (0, 0, None)),
    ("all rest", [3] * 7, [3] * 7, range(7), AFTER, (0, 0, None)),
    ("today lowers nothing", [3, 3, 1], [3] * 7, [], WEEK[2], (7, 7, 1)),
    ("yesterday does", [3, 1, 0], [3] * 7, [], WEEK[2], (4, 6, 2 / 3)),
    ("the first day, nothing done yet", [], [3] * 7, [], WEEK[0], (0, 0, None)),
    ("a later day, after flying back", [3, 3, 3, 3], [3] * 7, [], WEEK[2], (12, 12, 1)),
    ("a week still to come", [], [3] * 7, [], MONDAY - DAY, (0, 0, None)),
])  # fmt: skip
def test_weeks(
    what: str, done: list[int], asked: list[int], rest: list[int], today: date, share: tuple[int, int, float | None]
) -> None:
    found = adherence(tallied(done), tallied(asked), {WEEK[n] for n in rest}, MONDAY, today)
    assert (found.done, found.prescribed, found.share) == share
    assert [tally.day for tally in found.days] == WEEK


counts = st.dictionaries(st.sampled_from([MONDAY - DAY, *WEEK, AFTER]), st.integers(0, 9))
rests = st.frozensets(st.sampled_from([MONDAY - DAY, *WEEK, AFTER]))


@settings(deadline=None)
@given(counts, counts, rests, st.sampled_from([MONDAY - DAY, *WEEK, AFTER]))
def test_a_share_is_between_none_and_all(
    done: dict[date, int], asked: dict[date, int], rest: frozenset[date], today: date
) -> None:
    found = adherence(done, asked, rest, MONDAY, today)
    assert found.share is None or 0 <= found.share <= 1
    assert (found.share is None) == (found.prescribed == 0)
    for tally in found.days:
        assert 0 <= tally.done <= tally.prescribed
    more = adherence({**done, WEEK[3]: done.get(WEEK[3], 0) + 1}, asked, rest, MONDAY, today)
    assert (more.share or 0) >= (found.share or 0), "practising more lowers nothing"


@settings(deadline=None)
@given(moments, trips, st.integers(1, 3))
def test_no_journey_makes_more_of_a_day_than_was_asked(
    start: datetime, trip: list[tuple[int, str]], asked: int
) -> None:
    sessions = travelled(start, trip)
    last, done = sessions[-1], days_done(sessions)
    span = [min(done) + n * DAY for n in range(7)]
    found = adherence(
        done, dict.fromkeys(span, asked), unlived_days(sessions, last.began, last.zone), min(done), last.day
    )
    assert all(tally.done == min(done.get(tally.day, 0), asked) for tally in found.days)
    if asked == 1:
        assert found.share == 1.0, "who practised at least once a day of their own did all of it"


@pytest.mark.parametrize(("done", "asked"), [({MONDAY: -1}, {}), ({}, {MONDAY: -1})])
def test_fewer_than_no_sessions_are_refused(done: dict[date, int], asked: dict[date, int]) -> None:
    with pytest.raises(ValueError, match="fewer than 0 sessions"):
        adherence(done, asked, frozenset(), MONDAY, AFTER)
