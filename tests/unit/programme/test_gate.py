"""Gates: cases by hand for each, and every value of a standing against the rules written down a second time.

The second writing is `gates_again`.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.programme.exercise import STAGES, Exercise, PickItem
from bot.programme.gate import Standing, earliest, locked_by, programme_for, stages_of, why_locked
from bot.programme.known import learnt
from tests.unit import loaded
from tests.unit.programme.gates_again import OPERATIONS, permitted

TODAY = date(2026, 11, 22)
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
LIBRARY = loaded.exercise_library()
ALL = LIBRARY.exercises
UNKNOWN = Standing()
LATE = Standing(
    assessed=True, cause="bells", weeks=20, movement="several", linked=False, operation="none", settled=False
)
"""Twenty weeks after Bell's palsy, two or more things move, nothing is linked, no operation: stage S2."""
FLOPPY = dataclasses.replace(LATE, weeks=2, movement="none")
EARLY = dataclasses.replace(LATE, weeks=6, movement="flicker")
TIGHT = dataclasses.replace(LATE, linked=True)
OPERATED = dataclasses.replace(LATE, operation="masseter", cleared_on=YESTERDAY)

EXTENT: Mapping[str, tuple[Any, ...]] = {
    "assessed": (None, False, True),
    "cause": (None, "none", "bells", "stroke", "brain_injury"),
    "weeks": (None, 11.99, 12.0, 52.0, 52.01),
    "movement": (None, "none", "flicker", "several"),
    "linked": (None, True, False),
    "operation": (None, *OPERATIONS),
    "settled": (None, True, False),
    "code": (False, True),
    "cleared_on": (None, TODAY, TOMORROW),
    "red_flag": (False, True),
}
NAMES = tuple(EXTENT)


def but(standing: Standing, **changed: object) -> Standing:
    return dataclasses.replace(standing, **changed)  # type: ignore[arg-type]


def numbers(standing: Standing) -> frozenset[int]:
    """The numbers of what the program opens."""
    return frozenset(int(id_[3:]) for id_, each in ALL.items() if locked_by(each, standing, TODAY) is None)


def standings(**fixed: object) -> Iterator[Standing]:
    """Every standing, with some fields held."""
    values = [(fixed[name],) if name in fixed else EXTENT[name] for name in NAMES]
    for told in itertools.product(*values):
        yield Standing(**dict(zip(NAMES, told, strict=True)))


OPENABLE: tuple[Mapping[str, object], ...] = (
    {"red_flag": False, "assessed": True, "cause": "bells"},
    {"red_flag": False, "assessed": True, "cause": None, "code": True},
    {"red_flag": False, "assessed": True, "cause": "none", "code": True},
)


# ---- the same for exercises that nobody has thought of yet ----
def made_up(**changed: object) -> Exercise:
    return ALL["EX-13"].model_copy(update={"never_with": (), **changed})


exercises_ = st.builds(
    made_up,
    allowed=st.sets(st.sampled_from(STAGES), min_size=1).map(lambda stages: tuple(sorted(stages))),
    gate=st.sampled_from(["everyday", "early", "paresis", "synkinesis", "surgery"]),
    strength=st.booleans(),
    never_with=st.sampled_from([(), ("not_lid_weight",), ("no_flicker_yet",), ("not_masseter_nerve_operation",)]),
)
anybody = st.fixed_dictionaries({name: st.sampled_from(EXTENT[name]) for name in NAMES}).map(
    lambda told: Standing(**told)
)
seen = anybody.map(lambda standing: but(standing, assessed=True, cause="bells", red_flag=False))
"""Those to whom anything can be open at all."""


@given(anybody)
def test_there_is_always_a_stage_and_the_earliest_is_one_of_them(standing: Standing) -> None:
    assert stages_of(standing)
    assert earliest(standing) in stages_of(standing)


@given(anybody)
def test_a_programme_holds_nothing_but_its_gated_places_filled(standing: Standing) -> None:
    programme = programme_for(standing, LIBRARY, TODAY)
    if programme is None:
        assert why_locked(standing, LIBRARY, TODAY) in LIBRARY.gates
        return
    may = permitted(standing, TODAY)
    assert may & {int(each[3:]) for each in programme.reachable}
    for item in programme.session:
        of = item.pick.of if isinstance(item, PickItem) else (item,)
        if all(ALL[each].gate != "everyday" for each in of):
            assert may & {int(each[3:]) for each in of}, (programme.id, standing)


# ---- by hand ----
@pytest.mark.parametrize(
    ("standing", "stages"),
    [
        (UNKNOWN, "S0 S1 S2 S3 S4 S5"),
        (but(UNKNOWN, operation="none"), "S0 S1 S2 S3 S4"),
        (but(UNKNOWN, operation="none", movement="none"), "S0"),
        (but(UNKNOWN, operation="lid_weight"), "S5"),
        (but(UNKNOWN, operation="other", movement="none"), "S5"),
        (but(UNKNOWN, movement="none"), "S0 S5"),
        (FLOPPY, "S0"),
        (but(FLOPPY, weeks=200), "S0"),
        (but(FLOPPY, linked=True), "S0"),
        (but(FLOPPY, code=True), "S0"),
        (EARLY, "S1"),
        (but(EARLY, movement="several"), "S1"),
        (but(EARLY, linked=True), "S1"),
        (but(EARLY, weeks=11.99), "S1"),
        (but(EARLY, weeks=12), "S2"),
        (but(EARLY, code=True), "S1"),
        (but(EARLY, code=True, movement="several"), "S2"),
        (but(EARLY, code=True, linked=True), "S3"),
        (but(EARLY, movement=None), "S0 S1"),
        (but(EARLY, weeks=None), "S1 S2"),
        (LATE, "S2"),
        (but(LATE, movement="flicker"), "S2"),
        (but(LATE, movement=None), "S0 S2"),
        (but(LATE, linked=None), "S2 S3"),
        (but(LATE, weeks=60, linked=None), "S2 S3"),
        (but(LATE, weeks=60, linked=None, settled=None), "S2 S3 S4"),
        (but(LATE, operation=None), "S2 S5"),
        (TIGHT, "S3"),
        (but(TIGHT, settled=True), "S3"),
        (but(TIGHT, settled=True, weeks=52), "S3"),
        (but(TIGHT, settled=True, weeks=52.01), "S4"),
        (but(TIGHT, settled=None, weeks=60), "S3 S4"),
        (but(TIGHT, weeks=None), "S1 S3"),
        (but(TIGHT, weeks=None, settled=True), "S1 S3 S4"),
        (OPERATED, "S5"),
    ],
)
def test_stages(standing: Standing, stages: str) -> None:
    assert stages_of(standing) == set(stages.split())


# An exercise, who it is, and the gate that keeps it shut (None: open)
CASES = [
    # G0
    ("EX-01", but(LATE, red_flag=True), "G0"),
    ("EX-01", LATE, None),
    ("EX-13", but(LATE, red_flag=True, assessed=None), "G0"),
    # G1
    ("EX-01", but(LATE, assessed=False), "G1"),
    ("EX-01", but(LATE, assessed=None), "G1"),
    ("EX-01", but(LATE, cause="stroke"), "G1"),
    ("EX-01", but(LATE, cause="stroke", code=True), "G1"),
    ("EX-01", but(LATE, cause="brain_injury"), "G1"),
    ("EX-01", but(LATE, cause="none"), "G1"),
    ("EX-01", but(LATE, cause=None), "G1"),
    ("EX-01", but(LATE, cause=None, assessed=False, code=True), "G1"),
    ("EX-01", but(LATE, cause="other"), None),
    # G2
    ("EX-13", FLOPPY, "G2"),
    ("EX-13", but(FLOPPY, weeks=100), "G2"),
    ("EX-13", but(FLOPPY, code=True), "G2"),
    ("EX-24", but(FLOPPY, weeks=100, linked=True), "G2"),
    ("EX-12", FLOPPY, "G2"),
    ("EX-03", FLOPPY, None),
    ("EX-13", but(LATE, movement=None), "G2"),
    ("EX-13", but(LATE, movement="flicker"), None),
    # G3
    ("EX-12", EARLY, "G3"),
    ("EX-12", but(EARLY, code=True), None),
    ("EX-12", but(EARLY, weeks=12), None),
    ("EX-16", EARLY, "G3"),
    ("EX-16", but(EARLY, code=True), "G3"),
    ("EX-03", EARLY, None),
    ("EX-36", EARLY, None),
    # G4
    ("EX-13", EARLY, "G4"),
    ("EX-13", but(EARLY, weeks=11.99), "G4"),
    ("EX-13", but(EARLY, weeks=12), None),
    ("EX-13", but(EARLY, weeks=None), "G4"),
    ("EX-13", but(EARLY, code=True), None),
    ("EX-13", but(EARLY, weeks=None, code=True), None),
    ("EX-16", LATE, None),
    ("EX-16", but(EARLY, code=True, movement="several"), None),
    # G5
    ("EX-24", LATE, "G5"),
    ("EX-24", but(LATE, linked=None), "G5"),
    ("EX-24", TIGHT, None),
    ("EX-24", but(TIGHT, settled=True, weeks=60), None),
    ("EX-24", but(TIGHT, weeks=11.99), "G3"),
    ("EX-24", but(TIGHT, weeks=5, code=True), None),
    ("EX-14", TIGHT, "G5"),
    ("EX-14", but(LATE, linked=None), "G5"),
    ("EX-13", TIGHT, None),
    # G6
    ("EX-02", but(LATE, operation=None), "G6"),
    ("EX-01", but(LATE, operation=None), None),
    ("EX-02", OPERATED, "G6"),
    ("EX-01", but(OPERATED, cleared_on=None), None),
    ("EX-39", but(OPERATED, cleared_on=None), None),
    ("EX-40", but(OPERATED, cleared_on=None), "G6"),
    ("EX-40", but(OPERATED, cleared_on=TOMORROW), "G6"),
    ("EX-40", but(OPERATED, cleared_on=TODAY), None),
    ("EX-41", OPERATED, None),
    ("EX-41", but(OPERATED, cleared_on=None), "G6"),
    ("EX-41", but(OPERATED, movement="none"), "G6"),
    ("EX-41", but(OPERATED, movement=None), "G6"),
    ("EX-41", but(OPERATED, movement="flicker"), None),
    ("EX-41", but(OPERATED, operation="hypoglossal"), "G6"),
    ("EX-41", but(OPERATED, operation="other"), "G6"),
    ("EX-42", but(OPERATED, movement="flicker"), "G6"),
    ("EX-42", OPERATED, None),
    ("EX-43", but(OPERATED, operation="hypoglossal"), None),
    ("EX-44", but(OPERATED, operation="cross_face", movement="none"), None),
    ("EX-45", but(OPERATED, operation="other"), None),
    ("EX-46", but(OPERATED, operation="lid_weight"), None),
    ("EX-46", OPERATED, "G6"),
    ("EX-47", but(OPERATED, operation="toxin_or_nerve"), None),
    ("EX-13", OPERATED, "G6"),
    ("EX-40", LATE, "G6"),
]


@pytest.mark.parametrize(("id_", "standing", "gate"), CASES)
def test_gates(id_: str, standing: Standing, gate: str | None) -> None:
    assert locked_by(ALL[id_], standing, TODAY) == gate


@pytest.mark.parametrize(
    ("standing", "gate"),
    [(LATE, None), (TIGHT, "G5"), (but(LATE, linked=None), "G5"), (but(LATE, once_linked=True), "G5")],
)
def test_a_strength_drill_is_locked_for_good_once_parts_move_together(standing: Standing, gate: str | None) -> None:
    drill = made_up(strength=True, allowed=STAGES, gate="paresis")
    assert locked_by(drill, standing, TODAY) == gate


@pytest.mark.parametrize(
    ("standing", "programme"),
    [
        (UNKNOWN, None),
        (but(LATE, assessed=None), None),
        (but(LATE, red_flag=True), None),
        (but(LATE, cause="stroke"), None),
        (FLOPPY, "P-S0"),
        (but(FLOPPY, weeks=None, linked=None, settled=None), "P-S0"),
        (but(LATE, movement=None), "P-S0"),
        (EARLY, "P-S0"),  # its own programme says that a therapist has opened it
        (but(EARLY, weeks=None), "P-S0"),
        (but(EARLY, linked=True), "P-S0"),
        (but(EARLY, code=True), "P-S1"),
        (but(EARLY, code=True, movement="several"), "P-S2"),
        (LATE, "P-S2"),
        (but(LATE, movement="flicker"), "P-S2"),
        (but(LATE, linked=None), "P-S2"),
        (but(LATE, operation=None), "P-S0"),
        (TIGHT, "P-S3"),
        (but(TIGHT, weeks=60, settled=None), "P-S3"),
        (but(TIGHT, weeks=60, settled=True), "P-S4"),
        (but(TIGHT, weeks=None), "P-S0"),
        (but(OPERATED, cleared_on=None), None),  # no exercise yet, and nothing that says so would be one
        (but(OPERATED, cleared_on=TOMORROW), None),
        (but(OPERATED, operation="lid_weight", cleared_on=None), None),
        (but(OPERATED, movement="none"), "P-S5-SCAR"),
        (but(OPERATED, movement=None), "P-S5-SCAR"),
        (but(OPERATED, movement="flicker"), "P-S5-BITE"),
        (OPERATED, "P-S5-BITE-LATER"),
        (but(OPERATED, operation="hypoglossal"), "P-S5-TONGUE"),
        (but(OPERATED, operation="hypoglossal", movement="none"), "P-S5-SCAR"),
        (but(OPERATED, operation="cross_face"), "P-S5-CROSS-FACE"),
        (but(OPERATED, operation="cross_face", movement="none"), "P-S5-CROSS-FACE"),
        (but(OPERATED, operation="lid_weight"), "P-S5-LID"),
        (but(OPERATED, operation="lid_weight", movement="none"), "P-S5-LID"),
        (but(OPERATED, operation="toxin_or_nerve"), "P-S5-HALF"),
        (but(OPERATED, operation="other"), "P-S5-SCAR"),
    ],
)
def test_programmes(standing: Standing, programme: str | None) -> None:
    found = programme_for(standing, LIBRARY, TODAY)
    assert (found.id if found else None) == programme


@pytest.mark.parametrize(
    ("standing", "gate"),
    [
        (UNKNOWN, "G1"),
        (but(LATE, red_flag=True), "G0"),
        (but(LATE, cause="none"), "G1"),
        (but(OPERATED, cleared_on=None), "G6"),
        (but(OPERATED, operation="lid_weight", cleared_on=TOMORROW), "G6"),
        (but(OPERATED, assessed=None), "G1"),
    ],
)
def test_why_nothing_is_open(standing: Standing, gate: str) -> None:
    assert programme_for(standing, LIBRARY, TODAY) is None
    assert why_locked(standing, LIBRARY, TODAY) == gate


# ---- what a triage check finds out ----
@pytest.mark.parametrize(
    ("before", "findings", "after"),
    [
        (UNKNOWN, {}, UNKNOWN),
        (UNKNOWN, {"assessed_by_clinician": "unknown", "known_cause": "unknown"}, UNKNOWN),
        (UNKNOWN, {"assessed_by_clinician": "no"}, Standing(assessed=False)),
        (UNKNOWN, {"known_cause": "rhs"}, Standing(cause="rhs")),
        (LATE, {"any_movement_back": "no"}, but(LATE, movement="none")),
        (LATE, {"any_movement_back": "yes"}, LATE),
        (LATE, {"synkinesis": "yes"}, but(LATE, linked=True, once_linked=True)),
        (LATE, {"eye_waters_when_eating": "yes"}, but(LATE, linked=True, once_linked=True)),
        (UNKNOWN, {"reanimation_surgery_days": 9999.0}, UNKNOWN),  # nobody has denied an operation by that
        (LATE, {"reanimation_surgery_days": 90.0}, but(LATE, operation="other")),
        (OPERATED, {"reanimation_surgery_days": 90.0}, OPERATED),
        (but(LATE, operation="lid_weight"), {"reanimation_surgery_days": 9999.0}, but(LATE, operation="lid_weight")),
        (but(OPERATED, cleared_on=None), {"surgeon_cleared": "yes"}, but(OPERATED, cleared_on=TODAY)),
        (but(OPERATED, cleared_on=None), {"surgeon_cleared": "no"}, but(OPERATED, cleared_on=None)),
    ],
)
def test_what_a_check_finds_out(before: Standing, findings: Mapping[str, object], after: Standing) -> None:
    assert learnt(before, findings, TODAY) == after
