"""Which stage a person is in, and which exercises stay locked: gates G0 to G7 of the evidence pack, section 5.1.

G8 is the therapist's own lock.

The stage is a door to content, never a diagnosis. What is not known is never taken for "no": a person may be in
several stages as far as is known, and an exercise opens only when it is allowed in every one of them.
"""

from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import Literal

from bot.programme.exercise import STAGES, Exercise, ExerciseLibrary, PickItem, Programme, Stage

WEEKS_BEFORE_ACTIVE = 12.0
"""Before that active exercise needs a therapist's code (G3, G4): the strict reading where sources differ."""
LOCKING_RULES = frozenset({"U02", "U08", "U09", "U10"})
"""Urgent rules that shut exercises like a same-day result: a weakness that grows, an eye at risk (section 1.5)."""
_A_YEAR = 52.0
_CENTRAL = frozenset({"stroke", "brain_injury"})
_UNDIAGNOSED = frozenset({None, "none"})
# Which `never_with` each operation settles; the pack names the operations by what an exercise is *not* for.
_BELONGS = {
    "masseter": "not_masseter_nerve_operation",
    "hypoglossal": "not_tongue_nerve_operation",
    "cross_face": "not_cross_face_graft",
    "lid_weight": "not_lid_weight",
    "toxin_or_nerve": "not_toxin_or_nerve_operation",
}
SETTLED = frozenset({"not_cleared_by_surgeon", "no_flicker_yet", "only_a_flicker", *_BELONGS.values()})
"""The `never_with` that G6 sees to; of all others only the person knows."""

type Movement = Literal["none", "flicker", "several"]
type Operation = Literal["none", "masseter", "hypoglossal", "cross_face", "lid_weight", "toxin_or_nerve", "other"]
type GateId = Literal["G0", "G1", "G2", "G3", "G4", "G5", "G6", "G7", "G8"]


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of where a person is. None: not known.

    `cause` is a value of the finding `known_cause`. `weeks` since onset. `linked`: parts move together, or it is tight.
    `settled`: unchanged for more than a year. `code`: a therapist has opened exercises. `cleared_on`: the surgeon's
    date. `red_flag`: something told must be seen today or sooner, and nobody has said that it was. `once_linked`: parts
    were told to move together at some time; that locks strength drills for good.
    What a therapist has set (see `prescribed`): `stage` counts in place of what the answers speak for, `opened` are
    exercises that they opened and `locked` those that they shut, by id.
    """

    assessed: bool | None = None
    cause: str | None = None
    weeks: float | None = None
    movement: Movement | None = None
    linked: bool | None = None
    operation: Operation | None = None
    settled: bool | None = None
    code: bool = False
    cleared_on: date | None = None
    red_flag: bool = False
    once_linked: bool = False
    stage: Stage | None = None
    opened: tuple[str, ...] = ()
    locked: tuple[str, ...] = ()


def stages_of(standing: Standing) -> frozenset[Stage]:
    """Every stage that the person may be in, as far as is known (section 4.1)."""
    if standing.stage is not None:
        return frozenset({standing.stage})
    if standing.operation not in (None, "none"):
        return frozenset({"S5"})
    possible: set[Stage] = {"S5"} if standing.operation is None else set()
    movements: tuple[Movement, ...] = (standing.movement,) if standing.movement else ("none", "flicker", "several")
    linked = (standing.linked,) if standing.linked is not None else (True, False)
    settled = (standing.settled,) if standing.settled is not None else (True, False)
    weeks = (standing.weeks,) if standing.weeks is not None else (0.0, WEEKS_BEFORE_ACTIVE, _A_YEAR + 1)
    for movement, is_linked, is_settled, since in product(movements, linked, settled, weeks):
        stage = _stage(movement, since, is_linked=is_linked, is_settled=is_settled, has_code=standing.code)
        possible.add(stage)
    return frozenset(possible)


def earliest(standing: Standing) -> Stage:
    """The earliest stage that the person may be in; after an operation the stage that belongs to it."""
    possible = stages_of(standing)
    return next((each for each in STAGES if each in possible and each != "S5"), "S5")


def _stage(movement: Movement, weeks: float, *, is_linked: bool, is_settled: bool, has_code: bool) -> Stage:
    late = weeks >= WEEKS_BEFORE_ACTIVE
    if movement == "none":
        return "S0"
    if not (late or has_code):
        return "S1"
    if is_linked:
        return "S4" if is_settled and weeks > _A_YEAR else "S3"
    # Past the weeks, "some movement" is enough for small even movements (G4); before, a code opens no more than S1.
    return "S2" if late or movement == "several" else "S1"


def locked_by(exercise: Exercise, standing: Standing, today: date) -> GateId | None:
    """The gate that keeps an exercise shut for a person today; None when it is open."""
    if standing.red_flag:
        return "G0"
    if standing.cause in _CENTRAL or standing.assessed is not True:
        return "G1"
    if standing.cause in _UNDIAGNOSED and not standing.code:
        return "G1"
    if exercise.id in standing.locked:
        return "G8"
    stages = stages_of(standing)
    if exercise.strength and (standing.linked is not False or standing.once_linked):
        return "G5"
    if exercise.id in standing.opened:
        return None
    # Whoever may have been operated on needs the surgeon first; what everybody may do at any stage stays open.
    if not set(exercise.allowed) >= set(STAGES) and "S5" in stages and "S5" not in exercise.allowed:
        return "G6"
    if not stages <= set(exercise.allowed):
        return "G6" if exercise.gate == "surgery" else _reason(stages - set(exercise.allowed))
    if exercise.gate == "surgery" and not _cleared(exercise, standing, today):
        return "G6"
    ready = standing.code or (standing.weeks is not None and standing.weeks >= WEEKS_BEFORE_ACTIVE)
    if exercise.gate == "early" and not ready:
        return "G3"
    if exercise.gate == "paresis" and not ready:
        return "G4"
    if exercise.gate == "synkinesis" and not (ready and standing.linked):
        return "G5"
    return None


def _reason(barred: frozenset[Stage]) -> GateId:
    """The gate that explains best why a stage bars an exercise: of several the most cautious."""
    if "S0" in barred:
        return "G2"
    if "S1" in barred:
        return "G3"
    return "G5"


def _cleared(exercise: Exercise, standing: Standing, today: date) -> bool:
    if standing.cleared_on is None or standing.cleared_on > today:
        return False
    if "no_flicker_yet" in exercise.never_with and standing.movement in (None, "none"):
        return False
    if "only_a_flicker" in exercise.never_with and standing.movement != "several":
        return False
    ours = _BELONGS.get(standing.operation or "")
    return all(each == ours or each not in _BELONGS.values() for each in exercise.never_with)


def programme_for(standing: Standing, library: ExerciseLibrary, today: date) -> Programme | None:
    """The programme of the earliest stage the person may be in, when it fits; None when nothing in any is open.

    One whose gated places can't all be filled doesn't fit: it would promise what stays locked. Care goes on in its
    stead (first movements, say, are practised only when a therapist opens them: G3). After an operation it is the one
    with the most open exercises.
    """
    stage = earliest(standing)
    fitting = [each for each in library.programmes_of(stage) if _fits(each, standing, library, today)]
    if not fitting and stage != "S5":
        fitting = [each for each in library.programmes_of("S0") if _fits(each, standing, library, today)]
    best: Programme | None = None
    most = 1
    for programme in fitting:
        opened = sum(not locked_by(library.exercises[each], standing, today) for each in programme.reachable)
        if opened >= most:  # of two the later: it is for one operation alone
            best, most = programme, opened
    return best


def _fits(programme: Programme, standing: Standing, library: ExerciseLibrary, today: date) -> bool:
    """Whether each place of its session that needs a gate can be filled with something open."""
    places = (item.pick.of if isinstance(item, PickItem) else (item,) for item in programme.session)
    gated = (of for of in places if all(library.exercises[each].gate != "everyday" for each in of))
    return all(any(not locked_by(library.exercises[each], standing, today) for each in of) for of in gated)


def why_locked(standing: Standing, library: ExerciseLibrary, today: date) -> GateId:
    """The gate to name when nothing is open: that of the programme's first exercise."""
    stage = earliest(standing)
    reachable = [each for programme in library.programmes_of(stage) for each in programme.reachable]
    reasons = [locked_by(library.exercises[each], standing, today) for each in reachable]
    return next((reason for reason in reasons if reason), "G1")
