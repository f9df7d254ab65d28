"""The gates of the exercises, for everybody there could be."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.programme.exercise import Exercise
from bot.programme.gate import Standing, locked_by, stages_of
from tests.unit.programme.gates_again import permitted
from tests.unit.programme.test_gate import (
    ALL,
    EXTENT,
    NAMES,
    OPENABLE,
    TODAY,
    TOMORROW,
    but,
    exercises_,
    numbers,
    seen,
    standings,
)


@pytest.fixture(scope="module")
def opened() -> dict[Standing, frozenset[int]]:
    """What is open to everybody to whom anything can be."""
    return {each: numbers(each) for fixed in OPENABLE for each in standings(**fixed)}


def test_nothing_that_the_rules_permit_is_kept_back(opened: dict[Standing, frozenset[int]]) -> None:
    kept = {
        each: sorted(permitted(each, TODAY) - open_)
        for each, open_ in opened.items()
        if not permitted(each, TODAY) <= open_
    }
    assert not kept, list(kept.items())[:5]


def test_a_code_or_a_day_more_never_locks_what_was_open(opened: dict[Standing, frozenset[int]]) -> None:
    for standing, open_ in opened.items():
        if not standing.code and standing.operation in (None, "none") and not standing.linked:
            assert open_ <= opened[but(standing, code=True)], standing
        if standing.cleared_on == TOMORROW:
            assert open_ <= opened[but(standing, cleared_on=TODAY)], standing


def test_nobody_whose_stage_may_forbid_it_is_shown_an_exercise(opened: dict[Standing, frozenset[int]]) -> None:
    wrong = {
        each: sorted(open_ - permitted(each, TODAY))
        for each, open_ in opened.items()
        if not open_ <= permitted(each, TODAY)
    }
    assert not wrong, list(wrong.items())[:5]
    assert len(opened) > 15_000


def test_everybody_else_finds_everything_locked(opened: dict[Standing, frozenset[int]]) -> None:
    seen = 0
    exercises = tuple(ALL.values())
    for standing in standings():
        if standing not in opened:
            seen += 1
            assert all(locked_by(each, standing, TODAY) in ("G0", "G1") for each in exercises), standing
    assert seen + len(opened) == 3 * 5 * 5 * 4 * 3 * 8 * 3 * 2 * 3 * 2


def test_what_is_unknown_never_opens_more_than_any_answer_would(opened: dict[Standing, frozenset[int]]) -> None:
    """But for the cause of whoever has a therapist's code: the therapist knows it."""
    nothing: frozenset[int] = frozenset()
    for name in ("weeks", "movement", "linked", "operation", "settled", "cleared_on", "assessed", "cause"):
        for standing, open_ in opened.items():
            if getattr(standing, name) is not None or (name == "cause" and standing.code):
                continue
            for value in EXTENT[name][1:]:
                known = but(standing, **{name: value})
                assert open_ <= opened.get(known, nothing), (name, standing, value)


@settings(max_examples=400)
@given(exercises_, seen, st.sampled_from([name for name in NAMES if name not in ("code", "red_flag")]))
def test_an_unknown_never_unlocks_any_exercise_that_could_be_written(
    exercise: Exercise, standing: Standing, name: str
) -> None:
    unknown = but(standing, **{name: None})
    if name == "cause" and standing.code:
        return
    if locked_by(exercise, unknown, TODAY) is None:
        assert locked_by(exercise, standing, TODAY) is None


@settings(max_examples=400)
@given(exercises_, seen)
def test_an_open_exercise_is_forbidden_in_no_stage_the_person_may_be_in(exercise: Exercise, standing: Standing) -> None:
    if locked_by(exercise, standing, TODAY) is None:
        assert stages_of(standing) <= set(exercise.allowed)
        assert standing.assessed
        assert not standing.red_flag


@settings(max_examples=400)
@given(exercises_, seen)
def test_each_gate_asks_for_what_it_is_named_after(exercise: Exercise, standing: Standing) -> None:
    if locked_by(exercise, standing, TODAY) is not None:
        return
    if exercise.gate == "surgery":
        assert standing.cleared_on is not None
        assert standing.cleared_on <= TODAY
    elif exercise.gate != "everyday":
        assert standing.code or (standing.weeks is not None and standing.weeks >= 12)
    if exercise.gate == "synkinesis":
        assert standing.linked is True


@settings(max_examples=400)
@given(exercises_, seen)
def test_a_strength_drill_opens_to_nobody_who_was_ever_linked(exercise: Exercise, standing: Standing) -> None:
    drill = exercise.model_copy(update={"strength": True})
    if locked_by(drill, standing, TODAY) is None:
        assert standing.linked is False
    assert locked_by(drill, but(standing, linked=True), TODAY) is not None
    assert locked_by(drill, but(standing, linked=None), TODAY) is not None
    assert locked_by(drill, but(standing, linked=False, once_linked=True), TODAY) is not None
