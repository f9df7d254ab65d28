"""The exercise library: exercises, programmes, stages and gates, read strictly from `content/exercises/`.

What is read is checked as a whole: a dose over its cap, an exercise in a programme of a stage that forbids it, one
without a source or a provenance, a word that means nothing, are each named with their file and line.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field

from bot.content_file import ContentError, Lines, Place, Problem, Strict, name_of, read
from bot.pictures.face import Arrow, Hand, Picture

type Stage = Literal["S0", "S1", "S2", "S3", "S4", "S5"]
type Kind = Literal["active", "passive", "massage", "stretch", "relaxation", "check", "habit"]
type Opening = Literal["everyday", "early", "paresis", "synkinesis", "surgery"]

STAGES: tuple[Stage, ...] = get_args(Stage.__value__)
GATES = tuple(f"G{number}" for number in range(9))
_CAPPED = frozenset({"effort", "hold_s_active", "hold_s_stretch", "repetitions", "minutes_a_day", "pain"})
FAMILIES = ("flaccid", "paresis", "synkinesis", "surgery")
WHOLE_FACE = "whole face"
"""The region of an exercise that belongs to all of them."""
_Name = Annotated[str, Field(min_length=2)]
_Id = Annotated[str, Field(pattern=r"^EX-\d{2}$")]


class Dose(Strict):
    """How much: seconds for holds and rests, minutes, effort out of 10. None: not counted."""

    hold_s: Annotated[int, Field(gt=0)] | None
    repetitions: Annotated[int, Field(gt=0)] | None
    sets: Annotated[int, Field(gt=0)] | None
    times_a_day: Annotated[int, Field(gt=0)] | None
    effort: Annotated[int, Field(ge=1, le=10)] | None
    minutes: Annotated[int, Field(gt=0)] | None
    rest_s: Annotated[int, Field(ge=0)] | None


class ArrowWords(Strict):
    """An arrow of a picture."""

    at: str
    towards: str


class HandWords(Strict):
    """A hand in a picture."""

    at: str
    kind: str


class PictureWords(Strict):
    """What an exercise's picture shows, in the words of `bot.pictures`."""

    pose: str
    side: Literal["weak", "strong", "both"]
    lit: tuple[str, ...]
    arrows: tuple[ArrowWords, ...]
    hand: HandWords | None


class Exercise(Strict):
    """One exercise.

    `hold_step` is the step (from 0) at which the hold is counted. `allowed` and `forbidden` are stages, all six
    together. `gate` is what must be open beside the stage. `strength` marks a strength-type drill.
    """

    id: _Id
    name: _Name
    kind: Kind
    region: _Name
    muscles: tuple[str, ...]
    goal: _Name
    steps: Annotated[tuple[_Name, ...], Field(min_length=1)]
    hold_step: int | None
    dose: Dose
    dose_note: str | None
    cautions: tuple[str, ...]
    never_with: tuple[str, ...]
    allowed: tuple[Stage, ...]
    forbidden: tuple[Stage, ...]
    gate: Opening
    strength: bool
    stop: _Name
    easier: _Name
    easier_id: _Id | None
    picture: PictureWords
    alt: _Name
    sources: tuple[str, ...]
    provenance: Annotated[tuple[Literal["sourced", "GMK", "DES", "DAGGER"], ...], Field(min_length=1)]


class Pick(Strict):
    """Some of several exercises: of the region that feels tight, by synkinesis answers, or in turn."""

    of: Annotated[tuple[_Id, ...], Field(min_length=1)]
    count: Annotated[int, Field(gt=0)]
    by: Literal["region", "saq", "turn"]


class PickItem(Strict):
    """A place in a session that is filled by a pick."""

    pick: Pick


class Programme(Strict):
    """What is done in a stage: `session` in order, `habits` told but not practised in it, `weekly` checks."""

    id: _Name
    stage: Stage
    name: _Name
    intro: _Name
    minutes: Annotated[int, Field(ge=0)]
    session: tuple[_Id | PickItem, ...]
    habits: tuple[_Id, ...]
    weekly: tuple[_Id, ...]
    times_a_day: Annotated[int, Field(ge=0)]
    days_a_week: Annotated[int, Field(ge=1, le=7)] = 7

    @property
    def reachable(self) -> tuple[str, ...]:
        """Every exercise that a session of it may hold."""
        return tuple(id_ for item in self.session for id_ in (item.pick.of if isinstance(item, PickItem) else (item,)))


class StageWords(Strict):
    """A stage: its plain name, and what puts a person there."""

    id: Stage
    name: _Name
    entry: _Name
    typical_time: _Name
    core: _Name
    sources: tuple[str, ...]


class Gate(Strict):
    """A gate: its rule for the clinician, and `locked`, what a person reads when it is shut."""

    id: Annotated[str, Field(pattern=r"^G[0-8]$")]
    rule: _Name
    locked: _Name
    sources: tuple[str, ...]
    provenance: tuple[str, ...]


class _Exception(Strict):
    id: _Id
    max: int
    sources: tuple[str, ...]
    provenance: tuple[str, ...]


class Cap(Strict):
    """The most of something, with the exercises that may have more."""

    max: int
    exceptions: tuple[_Exception, ...]
    sources: tuple[str, ...]
    provenance: tuple[str, ...]

    def of(self, exercise: str) -> int:
        """The most that one exercise may have."""
        return next((each.max for each in self.exceptions if each.id == exercise), self.max)


class DoNot(Strict):
    """Something to leave alone, in which stages, and why."""

    what: _Name
    why: _Name
    stages: tuple[Stage, ...]
    sources: tuple[str, ...]
    provenance: tuple[str, ...]


class Region(Strict):
    """A region of the face that a person may name, with more words that people type for it."""

    id: _Name
    name: _Name
    also: tuple[str, ...]


class _Reviewed(Strict):
    reviewed_by: str | None
    review_due: str | None


class _FamilyFile(_Reviewed):
    exercises: tuple[Exercise, ...]


class _ProgrammesFile(_Reviewed):
    programmes: tuple[Programme, ...]


class _RegionsFile(_Reviewed):
    regions: Annotated[tuple[Region, ...], Field(min_length=1)]


class _StagesFile(_Reviewed):
    stages: tuple[StageWords, ...]
    gates: tuple[Gate, ...]
    caps: Mapping[str, Cap]
    do_not: tuple[DoNot, ...]
    never_with: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ExerciseLibrary:
    """All of it, by id."""

    exercises: Mapping[str, Exercise]
    programmes: Mapping[str, Programme]
    stages: Mapping[str, StageWords]
    gates: Mapping[str, Gate]
    caps: Mapping[str, Cap]
    do_not: tuple[DoNot, ...]
    never_with: Mapping[str, str]
    regions: Mapping[str, Region]

    def region_named(self, words: str) -> Region | None:
        """The region that a word or two name, in lower case."""
        return next((each for each in self.regions.values() if words in (each.id, each.name, *each.also)), None)

    def programmes_of(self, stage: Stage) -> tuple[Programme, ...]:
        """The programmes of a stage; after an operation there are several."""
        return tuple(each for each in self.programmes.values() if each.stage == stage)


def load_exercises(content: Path, sources: frozenset[str]) -> ExerciseLibrary:
    """Read `content/exercises/`.

    Args:
        content: the content folder.
        sources: the keys of `sources.yml`.

    Raises:
        ContentError: with every problem found.
    """
    folder = content / "exercises"
    regions, region_lines = read(folder / "regions.yml", _RegionsFile)
    names: dict[str, str] = {}
    for index, region in enumerate(regions.regions):
        for name in dict.fromkeys((region.id, region.name, *region.also)):
            if names.setdefault(name, region.id) != region.id:
                raise region_lines.error(f"'{name}' names {names[name]} too. Leave it to one.", "regions", index)
    exercises: dict[str, Exercise] = {}
    stands: dict[str, tuple[Lines, int]] = {}
    problems: list[Problem] = []
    stages, stage_lines = read(folder / "stages.yml", _StagesFile)
    uncapped = sorted(_CAPPED - stages.caps.keys())
    if uncapped:
        raise stage_lines.error(f"there is no cap for {', '.join(uncapped)}. Add it.", "caps")
    for family in FAMILIES:
        file, lines = read(folder / f"{family}.yml", _FamilyFile)
        for index, exercise in enumerate(file.exercises):
            place = ("exercises", index)
            if exercise.id in exercises:
                problems.append(_problem(lines, f"{exercise.id} stands twice. Give one another id.", *place))
            exercises[exercise.id] = exercise
            stands[exercise.id] = (lines, index)
            problems += [_problem(lines, fault, *place) for fault in _faults(exercise, stages, sources)]
            if exercise.region not in (*(each.id for each in regions.regions), WHOLE_FACE):
                fault = (
                    f"{exercise.id}: the region '{exercise.region}' is not in regions.yml. Add it there, or mend it."
                )
                problems.append(_problem(lines, fault, *place))
    programmes, lines = read(folder / "programmes.yml", _ProgrammesFile)
    for index, programme in enumerate(programmes.programmes):
        place = ("programmes", index)
        if programme.id in [each.id for each in programmes.programmes[:index]]:
            problems.append(_problem(lines, f"{programme.id} stands twice. Give one another id.", *place))
        problems += [_problem(lines, fault, *place) for fault in _unfit(programme, exercises, stages)]
    problems += _faults_of_stages(stages, stage_lines, sources, exercises)
    for exercise in exercises.values():
        lines, index = stands[exercise.id]
        problems += [_problem(lines, fault, "exercises", index) for fault in _not_smaller(exercise, exercises)]
    if problems:
        raise ContentError(problems)
    return ExerciseLibrary(
        exercises,
        {each.id: each for each in programmes.programmes},
        {each.id: each for each in stages.stages},
        {each.id: each for each in stages.gates},
        dict(stages.caps),
        stages.do_not,
        dict(stages.never_with),
        {each.id: each for each in regions.regions},
    )


_NO_SOURCE = "source {} is not in content/sources.yml. Add it there, or mend the key."


def _problem(lines: Lines, fault: str, *place: str | int) -> Problem:
    return Problem(name_of(lines.path), lines.of(*place), fault)


def _faults_of_stages(
    stages: _StagesFile, lines: Lines, sources: frozenset[str], exercises: Mapping[str, Exercise]
) -> list[Problem]:
    """What is missing from `stages.yml`, and what it names that there isn't."""
    problems = []
    named: dict[str, tuple[StageWords | Gate, ...]] = {"stages": stages.stages, "gates": stages.gates}
    for part, all_ in (("stages", STAGES), ("gates", GATES)):
        missing = sorted(set(all_) - {each.id for each in named[part]})
        problems += [_problem(lines, f"{part[:-1]} {each} is missing. Add it.", part) for each in missing]
    cited: list[tuple[Place, tuple[str, ...]]] = [
        *(((part, index), each.sources) for part, words in named.items() for index, each in enumerate(words)),
        *((("caps", name), cap.sources) for name, cap in stages.caps.items()),
        *((("do_not", index), each.sources) for index, each in enumerate(stages.do_not)),
    ]
    for name, cap in stages.caps.items():
        for index, exception in enumerate(cap.exceptions):
            place: Place = ("caps", name, "exceptions", index)
            cited.append((place, exception.sources))
            if exception.id not in exercises:
                problems.append(_problem(lines, f"there is no exercise {exception.id}. Mend the id.", *place))
    for place, keys in cited:
        problems += [_problem(lines, _NO_SOURCE.format(key), *place) for key in keys if key not in sources]
    return problems


def _not_smaller(exercise: Exercise, exercises: Mapping[str, Exercise]) -> list[str]:
    """Why an exercise's `easier_id` can't stand in for it: it must be open to whoever the exercise is open to."""
    if exercise.easier_id is None:
        return []
    smaller = exercises.get(exercise.easier_id)
    if smaller is None:
        return [f"{exercise.id}: `easier_id`: there is no exercise {exercise.easier_id}. Add it, or mend the id."]
    faults = []
    barred = [stage for stage in exercise.allowed if stage not in smaller.allowed]
    if barred:
        faults.append(
            f"{exercise.id}: `easier_id`: {smaller.id} is forbidden in {', '.join(barred)}, where {exercise.id} is"
            " allowed. Name another, or none."
        )
    if smaller.gate not in ("everyday", exercise.gate):
        faults.append(f"{exercise.id}: `easier_id`: {smaller.id} has another gate. Name another, or none.")
    return faults


def _undrawable(picture: PictureWords) -> list[str]:
    """The words of a picture that `bot.pictures` can't draw."""
    faults = []
    hand = picture.hand
    parts: list[Callable[[], object]] = [
        lambda: Picture(picture.pose, picture.side, picture.lit),
        *(partial(Arrow, each.at, each.towards) for each in picture.arrows),
        *([partial(Hand, hand.at, hand.kind)] if hand is not None else []),
    ]
    for part in parts:
        try:
            part()
        except ValueError as error:
            faults.append(f"`picture`: {error}")
    return faults


def _faults(exercise: Exercise, stages: _StagesFile, sources: frozenset[str]) -> list[str]:
    """What is wrong with one exercise, each with its remedy."""
    faults = [_NO_SOURCE.format(key) for key in exercise.sources if key not in sources]
    if "sourced" in exercise.provenance and not exercise.sources:
        faults.append(f"{exercise.id} is marked as sourced and names no source. Name one, or mark it GMK or DES.")
    if sorted([*exercise.allowed, *exercise.forbidden]) != list(STAGES):
        faults.append(f"{exercise.id}: `allowed` and `forbidden` must hold each of S0 to S5 once, between them.")
    if exercise.hold_step is not None and not 0 <= exercise.hold_step < len(exercise.steps):
        faults.append(
            f"{exercise.id}: `hold_step` is {exercise.hold_step}; it has {len(exercise.steps)} steps, from 0."
        )
    if (exercise.hold_step is None) is not (exercise.dose.hold_s is None):
        faults.append(f"{exercise.id}: `hold_step` and `hold_s` go together. Give both, or neither.")
    if exercise.kind in ("active", "check") and ("S0" in exercise.allowed or exercise.gate == "everyday"):
        faults.append(
            f"{exercise.id} asks the weak side to move: it needs a gate other than everyday, and S0 forbids it (G2)."
        )
    if exercise.kind == "active" and exercise.dose.effort is None:
        faults.append(f"{exercise.id}: `effort` is null, but it asks for a movement. Say how much, out of 10.")
    faults += [f"{exercise.id}: {fault}" for fault in _undrawable(exercise.picture)]
    if exercise.picture.pose == "rest" and not (
        exercise.picture.lit or exercise.picture.arrows or exercise.picture.hand
    ):
        faults.append(f"{exercise.id}: `picture` shows nothing but a face at rest. Mark a muscle, an arrow or a hand.")
    faults += [
        f"{exercise.id}: 'never_with' names '{each}', which stages.yml doesn't explain. Add it there."
        for each in exercise.never_with
        if each not in stages.never_with
    ]
    hold = "hold_s_active" if exercise.kind == "active" else "hold_s_stretch"
    capped = {"effort": exercise.dose.effort, hold: exercise.dose.hold_s}
    if exercise.kind == "active":
        capped["repetitions"] = exercise.dose.repetitions
    for name, value in capped.items():
        most = stages.caps[name].of(exercise.id)
        if value is not None and value > most:
            faults.append(f"{exercise.id}: {name} is {value}, over its cap of {most} in stages.yml. Lower it.")
    dose = exercise.dose
    holds = (dose.repetitions or 0) * (dose.sets or 1) * ((dose.hold_s or 3) + 3) / 60
    minutes = round((dose.minutes or holds) * (dose.times_a_day or 1), 1)
    most = stages.caps["minutes_a_day"].of(exercise.id)
    if minutes > most:
        faults.append(f"{exercise.id}: {minutes:g} minutes a day, over the cap of {most} in stages.yml. Lower it.")
    return faults


def _unfit(programme: Programme, exercises: Mapping[str, Exercise], stages: _StagesFile) -> list[str]:
    """What is wrong with one programme."""
    faults = []
    minutes, most = programme.minutes * programme.times_a_day, stages.caps["minutes_a_day"].max
    if minutes > most:
        faults.append(f"{programme.id}: {minutes} minutes a day, over the cap of {most} in stages.yml. Lower it.")
    for id_ in (*programme.reachable, *programme.habits, *programme.weekly):
        exercise = exercises.get(id_)
        if exercise is None:
            faults.append(f"{programme.id}: there is no exercise {id_}. Add it, or mend the id.")
        elif programme.stage not in exercise.allowed:
            faults.append(f"{programme.id}: {id_} is forbidden in {programme.stage}. Take it out.")
        elif id_ in programme.reachable and exercise.kind in ("check", "habit"):
            faults.append(f"{programme.id}: {id_} is a {exercise.kind}; it belongs under `habits` or `weekly`.")
    faults += [
        f"{programme.id}: a pick asks for {item.pick.count} of {len(item.pick.of)}. Ask for fewer."
        for item in programme.session
        if isinstance(item, PickItem) and item.pick.count > len(item.pick.of)
    ]
    return faults
