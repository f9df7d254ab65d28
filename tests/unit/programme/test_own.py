"""A clinician's own programme: what may be chosen, how much, and that it opens nothing."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.programme.exercise import STAGES, Stage
from bot.programme.gate import Movement, Operation, Standing, locked_by
from bot.programme.own import (
    CLINICS,
    Fault,
    OwnItem,
    OwnProgramme,
    bounds,
    choosable,
    dose_in_words,
    faults,
    minutes,
    planned,
    with_own,
)
from bot.programme.prescribed import Prescribed
from bot.programme.session import begin
from tests.unit import loaded

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
LIBRARY = loaded.exercise_library()
MOVING = Standing(
    assessed=True,
    cause="bells",
    weeks=20,
    movement="several",
    linked=False,
    operation="none",
    settled=False,
    stage="S2",
)


def own(*items: OwnItem, times: int = 2) -> OwnProgramme:
    return OwnProgramme(items, times, "Slowly.", "Invented clinic", "Ada", NOW)


standings = st.builds(
    Standing,
    assessed=st.sampled_from([True, False, None]),
    cause=st.sampled_from(["bells", "stroke", "none", None]),
    weeks=st.sampled_from([0.0, 20.0, 60.0, None]),
    movement=st.sampled_from([*get_args(Movement.__value__), None]),
    linked=st.sampled_from([True, False, None]),
    operation=st.sampled_from([*get_args(Operation.__value__), None]),
    code=st.booleans(),
    red_flag=st.booleans(),
    once_linked=st.booleans(),
    stage=st.sampled_from([*STAGES, None]),
    locked=st.sampled_from([(), ("EX-01",)]),
)


def test_it_comes_back_whole_from_json() -> None:
    kept = Prescribed("S2", own=own(OwnItem("EX-13", 3), OwnItem("EX-01", minutes=1)))
    assert Prescribed.loads(kept.dumps()) == kept
    assert Prescribed.loads('{"stage":"S2","code":false,"opened":[],"locked":[]}').own is None


def test_nothing_is_chosen_before_a_stage_is_set() -> None:
    assert choosable(dataclasses.replace(MOVING, stage=None), LIBRARY, NOW.date()) == []


@given(standings)
def test_what_may_be_chosen_is_open_as_planned_and_allowed_in_the_stage(standing: Standing) -> None:
    for each in choosable(standing, LIBRARY, NOW.date()):
        assert standing.stage in each.allowed
        assert each.id not in standing.locked
        assert each.kind not in ("check", "habit")
        assert locked_by(each, planned(standing), NOW.date()) is None


@given(standings)
def test_a_palsy_from_the_brain_leaves_nothing_to_choose(standing: Standing) -> None:
    assert choosable(dataclasses.replace(standing, cause="stroke"), LIBRARY, NOW.date()) == []


@given(standings, st.sampled_from(sorted(LIBRARY.exercises)))
def test_a_session_holds_nothing_that_a_gate_shuts(standing: Standing, other: str) -> None:
    chosen = own(OwnItem("EX-13"), OwnItem("EX-01"), OwnItem("EX-24"), OwnItem(other))
    stage: Stage = standing.stage or "S0"
    library, programme = with_own(LIBRARY, chosen, stage)
    session = begin(programme, library, standing, id_="a", now=NOW, count=3, smaller=("EX-13",), as_it_stands=True)
    open_ = [each for each in programme.reachable if locked_by(LIBRARY.exercises[each], standing, NOW.date()) is None]
    assert list(session.items if session else ()) == open_


def test_the_order_stays_also_when_one_was_hard_and_all_of_it_is_there() -> None:
    order = [each.id for each in choosable(MOVING, LIBRARY, NOW.date())][::-1]
    library, programme = with_own(LIBRARY, own(*map(OwnItem, order)), "S2")
    session = begin(programme, library, MOVING, id_="a", now=NOW, count=0, smaller=(order[0],), as_it_stands=True)
    assert session is not None
    assert list(session.items) == order
    assert session.eased == (order[0],)


@pytest.mark.parametrize("name", sorted(LIBRARY.exercises))
def test_the_librarys_own_dose_is_within_the_bounds(name: str) -> None:
    exercise = LIBRARY.exercises[name]
    for figure, most in bounds(exercise, LIBRARY).items():
        assert 1 <= getattr(exercise.dose, figure) <= most


def test_a_dose_is_changed_within_its_cap_and_never_over() -> None:
    library, programme = with_own(LIBRARY, own(OwnItem("EX-13", repetitions=3, hold_s=99)), "S2")
    dose = library.exercises["EX-13"].dose
    assert (dose.repetitions, dose.hold_s) == (3, LIBRARY.caps["hold_s_active"].of("EX-13"))
    assert library.exercises["EX-13"].dose_note is None
    assert dose_in_words(library.exercises["EX-13"]) == "3 times, hold 5 s"
    assert programme.id == CLINICS
    assert CLINICS not in library.programmes
    assert LIBRARY.exercises["EX-13"].dose.repetitions == 5, "the library itself stays"


def test_an_exercise_that_the_library_has_no_more_is_left_out() -> None:
    _, programme = with_own(LIBRARY, own(OwnItem("EX-99"), OwnItem("EX-01")), "S2")
    assert programme.reachable == ("EX-01",)


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        (own(), [Fault("empty")]),
        (own(OwnItem("EX-99")), [Fault("locked", "EX-99")]),
        (own(OwnItem("EX-24")), [Fault("locked", "EX-24")]),
        (own(OwnItem("EX-13", repetitions=6)), [Fault("repetitions", "EX-13", 5)]),
        (own(OwnItem("EX-13", repetitions=0)), [Fault("repetitions", "EX-13", 5)]),
        (own(OwnItem("EX-13", hold_s=6)), [Fault("hold_s", "EX-13", 5)]),
        (own(OwnItem("EX-13", minutes=1)), [Fault("minutes", "EX-13", 0)]),
        (own(OwnItem("EX-13"), times=6), [Fault("times", most=5)]),
        (own(OwnItem("EX-13"), times=0), [Fault("times", most=5)]),
        (own(OwnItem("EX-01", minutes=20)), [Fault("minutes a day", most=30)]),
        (own(OwnItem("EX-13", 3), OwnItem("EX-01")), []),
    ],
)
def test_what_cannot_be_set_is_named(chosen: OwnProgramme, found: list[Fault]) -> None:
    assert faults(chosen, MOVING, LIBRARY, NOW.date()) == found


def test_a_session_takes_a_minute_at_least() -> None:
    assert minutes(own(OwnItem("EX-13", 1, 1)), LIBRARY) == 1
