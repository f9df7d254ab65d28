"""A programme that a clinician chose for one person: which exercises, in which order, how much, and a few words. Pure.

It opens nothing. It is made of what the gates allow for the stage that the clinician set, within the library's caps;
and at each session the gates are asked again, of what is then known.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from bot.programme.exercise import Dose, Exercise, ExerciseLibrary, Programme, Stage
from bot.programme.gate import Standing, locked_by
from bot.programme.session import seconds

CLINICS = "P-CLINIC"
"""The id of such a programme, in the diary."""

MOST_TIMES = 5
"""Sessions a day."""

_TO_SET = ("repetitions", "hold_s", "minutes")


@dataclass(frozen=True, slots=True)
class OwnItem:
    """One exercise of it, by id. A figure of the dose that is None is the library's."""

    exercise: str
    repetitions: int | None = None
    hold_s: int | None = None
    minutes: int | None = None


@dataclass(frozen=True, slots=True)
class OwnProgramme:
    """What a clinician chose, with who did and when (aware). `words` are theirs, to the person."""

    items: tuple[OwnItem, ...]
    times_a_day: int
    words: str
    clinic: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a programme can't be taken: `what` is wrong, with which exercise (its id), and how much is allowed."""

    what: str
    exercise: str = ""
    most: int = 0


def bounds(exercise: Exercise, library: ExerciseLibrary) -> Mapping[str, int]:
    """The most of each figure of a dose that may be set. One that the library doesn't count can't be set.

    Where no cap speaks of an exercise's repetitions, the larger of the cap and its own dose is the most.
    """
    hold = library.caps["hold_s_active" if exercise.kind == "active" else "hold_s_stretch"].of(exercise.id)
    repetitions = library.caps["repetitions"].of(exercise.id)
    if exercise.kind != "active":
        repetitions = max(repetitions, exercise.dose.repetitions or 0)
    most = {
        "repetitions": repetitions,
        "hold_s": max(hold, exercise.dose.hold_s or 0),
        "minutes": library.caps["minutes_a_day"].of(exercise.id),
    }
    return {name: most[name] for name in _TO_SET if getattr(exercise.dose, name) is not None}


def planned(standing: Standing) -> Standing:
    """The standing that a clinician chooses for, who has set a stage and has the person before them.

    Something told that must be seen to, and what the person has not answered yet, shut a session and not the choosing.
    """
    linked = True if standing.linked is None and standing.stage in ("S3", "S4") else standing.linked
    return dataclasses.replace(
        standing,
        red_flag=False,
        assessed=True if standing.assessed is None else standing.assessed,
        cause="other" if standing.cause in (None, "none") else standing.cause,
        linked=linked,
    )


def choosable(standing: Standing, library: ExerciseLibrary, today: date) -> list[Exercise]:
    """The exercises that may be in a programme for a person whose stage is set; none while it isn't."""
    if standing.stage is None:
        return []
    seen = planned(standing)
    return [
        each
        for each in library.exercises.values()
        if each.kind not in ("check", "habit") and locked_by(each, seen, today) is None
    ]


def faults(own: OwnProgramme, standing: Standing, library: ExerciseLibrary, today: date) -> list[Fault]:
    """What is wrong with a programme; empty when it may be set."""
    if not own.items:
        return [Fault("empty")]
    found = []
    allowed = {each.id: each for each in choosable(standing, library, today)}
    for item in own.items:
        exercise = allowed.get(item.exercise)
        if exercise is None:
            found.append(Fault("locked", item.exercise))
            continue
        most = bounds(exercise, library)
        for name in _TO_SET:
            value = getattr(item, name)
            if value is not None and not 1 <= value <= most.get(name, 0):
                found.append(Fault(name, item.exercise, most.get(name, 0)))
    if not 1 <= own.times_a_day <= MOST_TIMES:
        found.append(Fault("times", most=MOST_TIMES))
    most_minutes = library.caps["minutes_a_day"].max
    if not found and minutes(own, library) * own.times_a_day > most_minutes:
        found.append(Fault("minutes a day", most=most_minutes))
    return found


def minutes(own: OwnProgramme, library: ExerciseLibrary) -> int:
    """About how long one session of it takes, reading included; one at least."""
    dosed, programme = with_own(library, own, "S0")
    whole = sum(seconds(dosed.exercises[each], eased=False) for each in programme.reachable)
    return max(1, round(whole / 60))


def with_own(library: ExerciseLibrary, own: OwnProgramme, stage: Stage) -> tuple[ExerciseLibrary, Programme]:
    """The library with the doses that a clinician set, never over their caps, and their programme.

    An exercise that the library doesn't have any more is left out. Where a figure differs, the library's own remark on
    the dose no longer fits and is not told.
    """
    exercises = dict(library.exercises)
    for item in own.items:
        if item.exercise in exercises:
            exercises[item.exercise] = _dosed(exercises[item.exercise], item, library)
    programme = Programme.model_construct(
        id=CLINICS,
        stage=stage,
        name=own.clinic,
        intro=own.words,
        minutes=0,
        session=tuple(dict.fromkeys(item.exercise for item in own.items if item.exercise in exercises)),
        habits=(),
        weekly=(),
        times_a_day=own.times_a_day,
        days_a_week=7,
    )
    return dataclasses.replace(library, exercises=exercises), programme


def dose_in_words(exercise: Exercise) -> str:
    """How much of an exercise, short: "5 times, 3 s each"."""
    dose = exercise.dose
    parts: Sequence[str] = (
        f"{dose.minutes} min" if dose.minutes is not None else "",
        f"{(dose.sets or 1)} x {dose.repetitions}"
        if dose.repetitions and (dose.sets or 1) > 1
        else f"{dose.repetitions} times"
        if dose.repetitions
        else "",
        f"hold {dose.hold_s} s" if dose.hold_s is not None else "",
    )
    return ", ".join(part for part in parts if part)


def _dosed(exercise: Exercise, item: OwnItem, library: ExerciseLibrary) -> Exercise:
    most = bounds(exercise, library)
    given = {name: getattr(item, name) for name in most if getattr(item, name) is not None}
    changed = {name: min(value, most[name]) for name, value in given.items()}
    changed = {name: value for name, value in changed.items() if value != getattr(exercise.dose, name)}
    if not changed:
        return exercise
    dose: Dose = exercise.dose.model_copy(update=changed)
    return exercise.model_copy(update={"dose": dose, "dose_note": None})
