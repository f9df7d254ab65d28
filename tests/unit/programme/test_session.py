"""A session: every move from every place, smaller ones, turns of picks, scores, and the way through JSON."""

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import get_args
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.programme.exercise import PickItem, Programme
from bot.programme.gate import Standing, locked_by
from bot.programme.practice import CHECK_AGAIN, Practice
from bot.programme.session import (
    LONGEST_S,
    RESUMABLE,
    Lead,
    Move,
    Moved,
    Session,
    begin,
    move,
    repetitions,
    score,
    seconds,
)
from tests.unit import loaded

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
LIBRARY = loaded.exercise_library()
LATE = Standing(
    assessed=True, cause="bells", weeks=20, movement="several", linked=False, operation="none", settled=False
)
TIGHT = dataclasses.replace(LATE, linked=True)
MOVES: tuple[Move, ...] = get_args(Move.__value__)
OPEN: dict[str, Standing] = {
    "P-S0": dataclasses.replace(LATE, weeks=2, movement="none"),
    "P-S1": dataclasses.replace(LATE, weeks=6, movement="flicker", code=True),
    "P-S2": LATE,
    "P-S3": TIGHT,
    "P-S4": dataclasses.replace(TIGHT, weeks=60, settled=True),
    **{
        name: dataclasses.replace(LATE, operation=operation, cleared_on=NOW.date())  # type: ignore[arg-type]
        for name, operation in {
            "P-S5-SCAR": "other",
            "P-S5-BITE": "masseter",
            "P-S5-BITE-LATER": "masseter",
            "P-S5-TONGUE": "hypoglossal",
            "P-S5-CROSS-FACE": "cross_face",
            "P-S5-LID": "lid_weight",
            "P-S5-HALF": "toxin_or_nerve",
        }.items()
    },
}


def begun(name: str = "P-S3", count: int = 0, smaller: tuple[str, ...] = ()) -> Session:
    session = begin(LIBRARY.programmes[name], LIBRARY, OPEN[name], id_="abc123", now=NOW, count=count, smaller=smaller)
    assert session is not None
    return session


def at_practice(session: Session) -> Session:
    return dataclasses.replace(session, step=len(session.exercise(LIBRARY).steps))


def moved(session: Session, *events: Move) -> Moved:
    result = Moved(session)
    for event in events:
        result = move(result.session, event, LIBRARY, LATER)
    return result


# ---- how it begins ----
def test_it_begins_with_the_first_instruction_of_the_first_exercise() -> None:
    session = begun()
    assert (session.items[0], session.at, session.step, session.turn) == ("EX-01", 0, 0, 0)
    assert (session.done, session.skipped, session.eased, session.asking) == ((), (), (), "")
    assert (session.programme, session.stage, session.began, session.moved) == (
        "P-S3",
        "S3",
        NOW.isoformat(),
        NOW.isoformat(),
    )


def test_nothing_open_is_no_session() -> None:
    shut = dataclasses.replace(LATE, red_flag=True)
    assert begin(LIBRARY.programmes["P-S2"], LIBRARY, shut, id_="abc123", now=NOW, count=0) is None
    assert begin(LIBRARY.programmes["P-S5-PROTECT"], LIBRARY, LATE, id_="abc123", now=NOW, count=0) is None


@pytest.mark.parametrize("name", OPEN)
@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_it_holds_only_what_is_open_each_once_and_is_short(name: str, count: int) -> None:
    session = begun(name, count)
    assert all(locked_by(LIBRARY.exercises[each], OPEN[name], NOW.date()) is None for each in session.items)
    assert set(session.items) <= set(LIBRARY.programmes[name].reachable)
    assert len(set(session.items)) == len(session.items)
    whole = sum(seconds(LIBRARY.exercises[each], eased=False) for each in session.items)
    assert whole <= LONGEST_S or len(session.items) <= 2


@pytest.mark.parametrize("name", OPEN)
def test_over_some_sessions_everything_open_has_its_turn(name: str) -> None:
    programme = LIBRARY.programmes[name]
    opened = {
        each for each in programme.reachable if locked_by(LIBRARY.exercises[each], OPEN[name], NOW.date()) is None
    }
    shown = {each for count in range(30) for each in begun(name, count).items}
    assert shown == opened


def test_a_pick_takes_the_next_ones_each_time() -> None:
    of = ["EX-24", "EX-25", "EX-26", "EX-27", "EX-28", "EX-29"]
    programme = only_pick(LIBRARY.programmes["P-S3"])
    sessions_ = [begin(programme, LIBRARY, TIGHT, id_="abc123", now=NOW, count=count) for count in range(4)]
    assert [each.items for each in sessions_ if each] == [
        tuple(of[0:2]),
        tuple(of[2:4]),
        tuple(of[4:6]),
        tuple(of[0:2]),
    ]


def only_pick(programme: Programme) -> Programme:
    """The programme with nothing but its pick of two."""
    pick = next(item for item in programme.session if isinstance(item, PickItem) and item.pick.count == 2)
    return programme.model_copy(update={"session": (pick,)})


def test_what_is_locked_takes_no_turn() -> None:
    """With linked movement not known, only closing the eye is open of the symmetry set: it comes each time, once."""
    unsure = dataclasses.replace(LATE, linked=None)
    for count in range(5):
        session = begin(LIBRARY.programmes["P-S2"], LIBRARY, unsure, id_="abc123", now=NOW, count=count)
        assert session is not None
        assert session.items.count("EX-13") == 1
        assert not {"EX-14", "EX-16"} & set(session.items)


def test_what_was_hard_comes_smaller_and_last() -> None:
    session = begun("P-S3", smaller=("EX-01",))
    assert session.items[-1] == "EX-01"
    assert session.eased == ("EX-01",)
    assert set(session.items[:-1]).isdisjoint(session.eased)


def test_what_was_hard_but_is_not_in_turn_changes_nothing() -> None:
    assert begun("P-S3", smaller=("EX-13", "EX-99")) == begun("P-S3")


# ---- every move ----
def test_next_gives_one_instruction_after_the_other_and_then_the_practice() -> None:
    session = begun()
    steps = len(session.exercise(LIBRARY).steps)
    for step in range(steps):
        assert not session.is_practice(LIBRARY)
        assert session.step == step
        session = moved(session, "next").session
    assert session.is_practice(LIBRARY)
    assert (session.at, session.done, session.turn) == (0, (), steps)


@pytest.mark.parametrize("event", ["next", "done"])
def test_a_practice_that_is_done_leads_to_the_next_exercise(event: Move) -> None:
    after = moved(at_practice(begun()), event).session
    assert (after.at, after.step, after.done, after.skipped) == (1, 0, ("EX-01",), ())


def test_done_with_an_instruction_is_not_done_with_the_exercise() -> None:
    """Who types "done" after an instruction has done that; the exercise is yet to be practised."""
    after = moved(begun(), "done").session
    assert (after.at, after.step, after.done) == (0, 1, ())


@pytest.mark.parametrize("practising", [False, True])
def test_skip_leads_on_and_is_remembered(practising: bool) -> None:
    session = at_practice(begun()) if practising else begun()
    after = moved(session, "skip").session
    assert (after.at, after.step, after.done, after.skipped) == (1, 0, (), ("EX-01",))


def test_again_gives_the_instructions_from_the_first_or_the_practice_once_more() -> None:
    session = begun()
    assert moved(session, "next", "next", "again").session.step == 0
    practising = at_practice(session)
    after = moved(practising, "again").session
    assert after.is_practice(LIBRARY)
    assert after == dataclasses.replace(practising, turn=1, moved=LATER.isoformat())


@pytest.mark.parametrize(("event", "ended"), [("stop", "stopped"), ("hurts", "hurt")])
@pytest.mark.parametrize("practising", [False, True])
def test_stop_and_pain_end_it_at_once(event: Move, ended: str, practising: bool) -> None:
    session = at_practice(begun()) if practising else begun()
    over = moved(moved(session, "skip").session, event)
    assert over.ended == ended
    assert over.session.skipped == ("EX-01",)


def test_easier_makes_it_smaller_where_it_is() -> None:
    after = moved(at_practice(begun()), "easier").session
    assert after.eased == ("EX-01",)
    assert after.is_practice(LIBRARY)
    assert after.items == begun().items


def test_easier_once_more_takes_the_smaller_exercise_in_its_place() -> None:
    session = dataclasses.replace(begun("P-S2"), items=("EX-14", "EX-13"))
    once = moved(at_practice(session), "easier").session
    twice = moved(once, "easier").session
    assert once.items == ("EX-14", "EX-13")
    assert twice.items == ("EX-20", "EX-13")
    assert (twice.at, twice.step, twice.eased) == (0, 0, ("EX-14",))


def test_easier_once_more_changes_nothing_when_there_is_no_smaller_one() -> None:
    session = at_practice(dataclasses.replace(begun("P-S2"), items=("EX-13",)))
    once = moved(session, "easier").session
    assert dataclasses.replace(moved(once, "easier").session, turn=1) == once


def test_easier_does_not_put_the_same_exercise_in_twice() -> None:
    session = dataclasses.replace(begun("P-S2"), items=("EX-14", "EX-20"))
    assert moved(session, "easier", "easier").session.items == ("EX-14", "EX-20")


def test_as_before_goes_back_one_step_at_a_time_and_never_beyond_the_programme_s_own() -> None:
    own = dataclasses.replace(begun("P-S2"), items=("EX-14", "EX-13"))
    once = moved(at_practice(own), "easier").session
    twice = moved(once, "easier").session
    assert [each.is_smaller for each in (own, once, twice)] == [False, True, True]
    back = moved(twice, "harder").session
    assert (back.items, back.eased, back.replaced, back.step) == (("EX-14", "EX-13"), ("EX-14",), (), 0)
    whole = moved(back, "harder").session
    assert (whole.items, whole.eased, whole.replaced) == (own.items, (), ())
    assert not whole.is_smaller
    again = moved(whole, "harder").session
    assert dataclasses.replace(again, turn=whole.turn) == whole


def test_as_before_leaves_another_exercise_alone() -> None:
    session = moved(dataclasses.replace(begun("P-S2"), items=("EX-14", "EX-13")), "easier", "skip", "harder").session
    assert session.eased == ("EX-14",)


# ---- what leads ----
def led(lead: Lead, name: str = "P-S3", count: int = 0, standing: Standing | None = None) -> tuple[str, ...]:
    session = begin(
        only_pick(LIBRARY.programmes[name]),
        LIBRARY,
        standing or OPEN[name],
        id_="abc123",
        now=NOW,
        count=count,
        lead=lead,
    )
    assert session is not None
    return session.items


def test_the_highest_weights_are_picked_whatever_the_turn() -> None:
    lead = Lead(weights={"EX-29": 5, "EX-26": 3, "EX-24": 2})
    assert {led(lead, count=count) for count in range(6)} == {("EX-29", "EX-26")}


def test_of_equal_weights_each_has_its_turn() -> None:
    lead = Lead(weights={"EX-24": 4, "EX-26": 4, "EX-28": 4})
    assert {each for count in range(3) for each in led(lead, count=count)} == {"EX-24", "EX-26", "EX-28"}


def test_what_is_fewer_than_the_pick_is_filled_up_in_turn() -> None:
    assert [led(Lead(weights={"EX-29": 5}), count=count) for count in (0, 1)] == [
        ("EX-29", "EX-24"),
        ("EX-29", "EX-26"),
    ]


def test_a_named_region_goes_before_the_weights() -> None:
    assert led(Lead("forehead", {"EX-29": 5, "EX-24": 4})) == ("EX-27", "EX-29")


@given(
    st.sampled_from(sorted(OPEN)),
    st.one_of(st.none(), st.sampled_from(sorted(LIBRARY.regions))),
    st.dictionaries(st.sampled_from([*LIBRARY.exercises, *LIBRARY.regions]), st.integers(2, 5)),
    st.integers(0, 40),
)
def test_nothing_that_leads_opens_anything(name: str, region: str | None, weights: dict[str, int], count: int) -> None:
    programme = LIBRARY.programmes[name]
    session = begin(programme, LIBRARY, OPEN[name], id_="abc123", now=NOW, count=count, lead=Lead(region, weights))
    assert session is not None
    assert set(session.items) <= set(programme.reachable)
    assert all(locked_by(LIBRARY.exercises[each], OPEN[name], NOW.date()) is None for each in session.items)
    assert len(set(session.items)) == len(session.items)


@pytest.mark.parametrize("last", ["done", "skip"])
def test_after_the_last_exercise_the_effort_is_asked(last: Move) -> None:
    session = at_practice(dataclasses.replace(begun(), at=len(begun().items) - 1))
    over = moved(session, last)
    assert over.ended is None
    assert over.session.asking == "effort"


def scoring() -> Session:
    return dataclasses.replace(begun(), asking="effort")


@pytest.mark.parametrize("event", ["next", "done", "again", "easier", "skip"])
def test_once_a_score_is_asked_nothing_more_is_practised(event: Move) -> None:
    with pytest.raises(ValueError, match="score"):
        move(scoring(), event, LIBRARY, LATER)


@pytest.mark.parametrize(("event", "ended"), [("stop", "stopped"), ("hurts", "hurt")])
def test_pain_is_heard_while_a_score_is_asked_too(event: Move, ended: str) -> None:
    assert moved(scoring(), event).ended == ended


# ---- scores ----
def test_effort_is_asked_then_comfort_then_it_is_over() -> None:
    first = score(scoring(), 2, LATER)
    assert (first.ended, first.session.asking, first.session.effort, first.session.turn) == (None, "comfort", 2, 1)
    last = score(first.session, 0, LATER)
    assert (last.ended, last.session.asking, last.session.effort, last.session.comfort) == ("finished", "", 2, 0)


@pytest.mark.parametrize("value", [0, 10])
def test_a_score_reaches_from_0_to_10(value: int) -> None:
    assert score(scoring(), value, LATER).session.effort == value


@pytest.mark.parametrize("value", [-1, 11, 100])
def test_a_score_beyond_that_is_refused(value: int) -> None:
    with pytest.raises(ValueError, match="0 to 10"):
        score(scoring(), value, LATER)


def test_a_score_that_nobody_asked_for_is_refused() -> None:
    with pytest.raises(ValueError, match="only when one was asked"):
        score(begun(), 3, LATER)


# ---- how long it stays, and how much there is ----
def test_it_can_be_gone_on_with_hours_later_but_not_the_next_day() -> None:
    session = begun()
    assert session.is_open(NOW + RESUMABLE - timedelta(seconds=1))
    assert not session.is_open(NOW + RESUMABLE)
    later = NOW + timedelta(hours=19)
    kept = move(session, "next", LIBRARY, later).session
    assert kept.is_open(later + timedelta(hours=19))


@pytest.mark.parametrize(
    ("id_", "whole", "half"),
    [("EX-13", 5, 2), ("EX-16", 3, 1), ("EX-46", 10, 5), ("EX-33", 6, 3), ("EX-01", 1, 1), ("EX-11", 8, 4)],
)
def test_smaller_is_half_as_often_and_at_least_once(id_: str, whole: int, half: int) -> None:
    exercise = LIBRARY.exercises[id_]
    assert (repetitions(exercise, eased=False), repetitions(exercise, eased=True)) == (whole, half)


def test_smaller_never_takes_longer() -> None:
    for exercise in LIBRARY.exercises.values():
        assert 0 < seconds(exercise, eased=True) <= seconds(exercise, eased=False), exercise.id


# ---- whatever is done, in any order ----
def walked(names: list[Move | int]) -> Iterator[Moved]:
    now = NOW
    result = Moved(begun("P-S3"))
    for name in names:
        now += timedelta(minutes=1)
        session = result.session
        if isinstance(name, int):
            if not session.asking:
                continue
            result = score(session, name, now)
        elif session.asking and name not in ("stop", "hurts"):
            continue
        else:
            result = move(session, name, LIBRARY, now)
        yield result
        if result.ended:
            return


@given(st.lists(st.one_of(st.sampled_from(MOVES), st.integers(0, 10)), max_size=60))
def test_any_moves_in_any_order_leave_a_session_that_holds_together(names: list[Move | int]) -> None:
    turns = [0]
    for each in walked(names):
        session = each.session
        turns.append(session.turn)
        assert 0 <= session.at < len(session.items)
        assert 0 <= session.step <= len(session.exercise(LIBRARY).steps)
        assert len(set(session.items)) == len(session.items)
        assert len(session.done) + len(session.skipped) <= len(session.items)
        assert set(session.done).isdisjoint(session.skipped)
        if each.ended == "finished":
            assert set(session.done) | set(session.skipped) == set(session.items)
        assert round_trip(session) == session
    assert turns == list(range(len(turns)))


def test_a_turn_always_fits_a_button() -> None:
    """Nobody taps "Again" a thousand times; but if they do, the button still fits its form."""
    session = dataclasses.replace(begun(), turn=999)
    assert moved(session, "again").session.turn == 0
    assert score(dataclasses.replace(session, asking="effort"), 1, LATER).session.turn == 0


# ---- JSON ----
def round_trip(session: Session) -> Session | None:
    return Practice.loads(Practice(session=session).dumps()).session


def test_a_practice_comes_back_from_json_as_it_was() -> None:
    practice = Practice(
        standing=dataclasses.replace(TIGHT, cleared_on=NOW.date(), code=True, once_linked=True),
        session=moved(dataclasses.replace(begun(), items=("EX-24", "EX-25")), "easier", "easier", "next").session,
        asked=("assessed", "cause"),
        asking="movement",
        checked_at=NOW,
        weak_side="left",
        smaller=("EX-24",),
        count=7,
        closed_at=LATER,
        recent=((NOW, "Europe/London"), (LATER, "Pacific/Apia")),
        asked_at=NOW,
        region="eye",
        weights={"EX-24": 5, "eye": 5},
        is_dark=True,
    )
    assert Practice.loads(practice.dumps()) == practice


def test_nothing_kept_is_an_empty_practice() -> None:
    assert Practice.loads(None) == Practice()
    assert Practice.loads(Practice().dumps()) == Practice()
    assert Practice.loads("{}") == Practice()


def test_what_an_older_version_kept_can_still_be_read() -> None:
    kept = (
        '{"standing":{"assessed":true,"cause":"bells","weeks":20.0,"movement":"several","linked":false,'
        '"operation":"none","settled":null,"code":false,"cleared_on":null,"red_flag":false},"session":null,'
        '"asked":["assessed"],"asking":"","checked_at":"2026-11-20T10:00:00Z","weak_side":"left","smaller":[],"count":3,'
        '"closed_at":null,"recent":[["2026-11-20T10:00:00Z","Europe/London"]]}'
    )
    practice = Practice.loads(kept)
    assert (practice.count, practice.weak_side, practice.standing.movement) == (3, "left", "several")


def test_a_check_holds_for_a_week() -> None:
    practice = Practice(checked_at=NOW)
    assert practice.is_fresh(NOW + CHECK_AGAIN - timedelta(seconds=1))
    assert not practice.is_fresh(NOW + CHECK_AGAIN)
    assert not Practice().is_fresh(NOW)


# ---- days that were shut, and the row ----
def days_ago(*days: float, zone: str = "Europe/London") -> tuple[tuple[datetime, str], ...]:
    return tuple((NOW - timedelta(days=each), zone) for each in sorted(days, reverse=True))


def test_for_how_long_exercises_were_shut_is_kept_when_they_open() -> None:
    shut = Practice(closed_at=NOW - timedelta(days=3), must_be_seen=True)
    opened = shut.opened(NOW)
    assert (opened.closed_at, opened.must_be_seen) == (None, False)
    assert opened.opened(NOW) == opened
    today = NOW.date()
    days = {today - timedelta(days=each) for each in (1, 2, 3)}
    assert opened.shut_days(NOW, "UTC") == days
    assert shut.shut_days(NOW, "UTC") == days | {today}
    assert Practice.loads(opened.dumps()) == opened


def test_only_the_last_spans_are_kept() -> None:
    practice = Practice()
    for day in range(30):
        closed = NOW + timedelta(days=day)
        practice = dataclasses.replace(practice, closed_at=closed).opened(closed + timedelta(hours=1))
    assert len(practice.was_shut) == 20
    assert practice.was_shut[-1][0] == NOW + timedelta(days=29)
    assert not practice.shut_days(NOW, "UTC"), "an hour shuts no day"


@pytest.mark.parametrize(
    ("what", "practice", "row"),
    [
        ("nothing", Practice(), 0),
        ("three days", Practice(recent=days_ago(0, 1, 2)), 3),
        ("one missed is forgiven", Practice(recent=days_ago(0, 1, 3, 4)), 4),
        ("two missed are not", Practice(recent=days_ago(0, 1, 4, 5)), 2),
        ("unless they were shut", Practice(recent=days_ago(0, 1, 4, 5), was_shut=((NOW - timedelta(days=3), NOW - timedelta(days=1)),)), 4),
        ("shut after practice on that day", Practice(recent=days_ago(0, 3, 4), was_shut=((NOW - timedelta(days=3), NOW),)), 3),
        ("three days a week leave the others for rest", Practice(recent=days_ago(0, 2, 4, 7, 9, 11), days_a_week=3), 6),
        ("but not two weeks", Practice(recent=days_ago(0, 2, 18, 20), days_a_week=3), 2),
        ("a date that was never lived", Practice(recent=((NOW - timedelta(days=2), "Pacific/Honolulu"), (NOW, "Pacific/Auckland"))), 2),
    ],
)  # fmt: skip
def test_a_row_of_days(what: str, practice: Practice, row: int) -> None:
    zone = practice.recent[-1][1] if practice.recent else "Europe/London"
    assert practice.row(NOW, zone) == row, what


@given(
    st.lists(
        st.tuples(st.integers(0, 20 * 60), st.sampled_from(sorted(available_timezones()))), min_size=1, max_size=12
    )
)
def test_no_journey_breaks_the_row_that_is_told(trip: list[tuple[int, str]]) -> None:
    """Sessions less than a day apart, in any zones."""
    now, recent = NOW, []
    for minutes, zone in trip:
        now += timedelta(minutes=minutes)
        recent.append((now, zone))
    practice = Practice(recent=tuple(recent))
    assert practice.row(now, recent[-1][1]) == len(practice.days_practised())
