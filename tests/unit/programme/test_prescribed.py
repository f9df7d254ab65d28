"""What a therapist opens and locks, and what no therapist opens from afar."""

from dataclasses import replace
from datetime import date

import pytest

from bot.programme.exercise import ExerciseLibrary
from bot.programme.gate import Standing, locked_by, stages_of
from bot.programme.prescribed import Prescribed
from tests.unit import loaded

TODAY = date(2026, 11, 22)
EARLY = Standing(
    assessed=True, cause="bells", weeks=5, movement="flicker", linked=False, operation="none", settled=False
)


@pytest.fixture(scope="session")
def exercises() -> ExerciseLibrary:
    return loaded.exercise_library()


def test_it_travels_as_json() -> None:
    settings = Prescribed("S2", True, ("EX-13",), ("EX-01",))
    assert Prescribed.loads(settings.dumps()) == settings
    assert Prescribed.loads(None) == Prescribed()


def test_a_lock_shuts_what_everybody_may_do(exercises: ExerciseLibrary) -> None:
    exercise = exercises.exercises["EX-01"]
    assert locked_by(exercise, EARLY, TODAY) is None
    assert locked_by(exercise, Prescribed(locked=("EX-01",)).applied(EARLY), TODAY) == "G8"


def test_opening_one_opens_that_one(exercises: ExerciseLibrary) -> None:
    standing = Prescribed(opened=("EX-13",)).applied(EARLY)
    assert locked_by(exercises.exercises["EX-13"], EARLY, TODAY) is not None
    assert locked_by(exercises.exercises["EX-13"], standing, TODAY) is None
    assert locked_by(exercises.exercises["EX-14"], standing, TODAY) is not None


def test_the_code_opens_the_early_ones(exercises: ExerciseLibrary) -> None:
    assert locked_by(exercises.exercises["EX-13"], Prescribed(code=True).applied(EARLY), TODAY) is None


def test_a_stage_counts_in_place_of_the_answers() -> None:
    assert stages_of(Prescribed(stage="S3").applied(EARLY)) == {"S3"}


@pytest.mark.parametrize(
    ("standing", "gate"),
    [
        (replace(EARLY, red_flag=True), "G0"),
        (replace(EARLY, cause="stroke"), "G1"),
        (replace(EARLY, assessed=None), "G1"),
    ],
)
def test_a_red_flag_and_who_it_is_not_for_stay_shut(exercises: ExerciseLibrary, standing: Standing, gate: str) -> None:
    everything = Prescribed("S2", True, tuple(exercises.exercises))
    assert {locked_by(each, everything.applied(standing), TODAY) for each in exercises.exercises.values()} == {gate}


def test_strength_drills_stay_shut_where_movements_are_linked(exercises: ExerciseLibrary) -> None:
    drill = exercises.exercises["EX-13"].model_copy(update={"strength": True})  # the library holds none today
    everything = Prescribed("S2", True, ("EX-13",))
    assert locked_by(drill, everything.applied(replace(EARLY, linked=True)), TODAY) == "G5"
    assert locked_by(drill, everything.applied(replace(EARLY, linked=False)), TODAY) is None
