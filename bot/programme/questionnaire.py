"""Questionnaires from `content/questionnaires/`: what is asked, when, and what the answers come to."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, StrictInt, model_validator

from bot.content_file import ContentError, Lines, Strict, read
from bot.triage.rules import Provenance

type Value = int | str
"""What an answer stands for: a number, or `yes`, `no` and `not_sure` for a sign that is seen or not."""

type Stage = Literal["any", "S0", "S1", "S2", "S3", "S4", "S5"]
type FormulaName = Literal["facial_disability_index", "synkinesis_assessment", "phq_2", "weekly_check_in"]

type Line = Annotated[str, Field(min_length=1)]
type Label = Annotated[str, Field(min_length=1, max_length=34)]
"""The words of a button."""

type Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


def _whole_number_or_word(value: object) -> object:
    # YAML reads a bare yes as true, and true would pass for 1.
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("it must be a whole number, or a word; yes and no need quotes")
    return value


class Answer(Strict):
    """One answer that may be given: the button's words, and what it stands for."""

    label: Label
    value: Annotated[Value, BeforeValidator(_whole_number_or_word)]


class Status(Strict):
    """Whether the official words still need their owner's permission, and what stands here meanwhile."""

    awaiting_permission: bool
    note: Line


class Cadence(Strict):
    """When it is asked: in given `weeks` counted from joining (0 is the start), or again `every_weeks`.

    `stages` are the stages in which it is asked; `any` stands for all.
    """

    weeks: tuple[Annotated[StrictInt, Field(ge=0)], ...] = ()
    every_weeks: Annotated[StrictInt, Field(ge=1)] | None = None
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if bool(self.weeks) == (self.every_weeks is not None):
            raise ValueError("give either `weeks` or `every_weeks`")
        if list(self.weeks) != sorted(set(self.weeks)):
            raise ValueError("`weeks` must rise")
        return self


class Figure(Strict):
    """A figure that is told of progress: the part of the score, its short plain name, and the ends of its scale."""

    part: Name
    name: Line
    best: StrictInt
    worst: StrictInt


class Scoring(Strict):
    """The program's formula, in words for a clinician how its figures read, and which are told of progress."""

    formula: FormulaName
    meaning: Line
    figures: tuple[Figure, ...] = ()


class _Item(Strict):
    id: Name
    part: Name
    text: Annotated[str, Field(min_length=10)]
    answers: Name
    milestone: Line | None = None
    region: Name | None = None
    exercises: tuple[str, ...] = ()


class _File(Strict):
    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    name: Line
    intro: Line
    skip: Label
    status: Status
    crisis_first: bool
    ask: Cadence
    scoring: Scoring
    answers: Annotated[dict[Name, Annotated[tuple[Answer, ...], Field(min_length=2)]], Field(min_length=1)]
    items: Annotated[tuple[_Item, ...], Field(min_length=1)]
    sources: tuple[str, ...]
    provenance: Annotated[tuple[Provenance, ...], Field(min_length=1)]
    reviewed_by: str | None
    review_due: date | None


@dataclass(frozen=True, slots=True)
class Item:
    """One question of a questionnaire. `part` is the part of the score that it counts for.

    `milestone` is what the first "yes" is called among the milestones of progress. `region` and `exercises` say what a
    high answer speaks for: a region of the face, by its name in the exercise library, and ids of exercises.
    """

    id: str
    part: str
    text: str
    answers: tuple[Answer, ...]
    milestone: str | None = None
    region: str | None = None
    exercises: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """A questionnaire. Each item may be skipped; `skip` is the button's words for that.

    `crisis_first`: the line for somebody who is not safe stands with each question.
    """

    id: str
    name: str
    intro: str
    skip: str
    status: Status
    crisis_first: bool
    ask: Cadence
    scoring: Scoring
    items: tuple[Item, ...]
    sources: tuple[str, ...]
    provenance: tuple[Provenance, ...]
    reviewed_by: str | None
    review_due: date | None


@dataclass(frozen=True, slots=True)
class Score:
    """What the answers to a questionnaire come to.

    `value` is the one figure; None where there is none: it may have parts only, or too little was answered.
    `parts` are the figures by name; None where too little was answered, never 0 instead. Figures are not rounded.
    `answered` and `skipped` are the ids of items, in their order; together they are all of them.
    `flagged` tells a clinician why the figures need a second look: too little answered, a scaled or a clamped figure.
    """

    value: float | None
    parts: Mapping[str, float | None]
    answered: tuple[str, ...]
    skipped: tuple[str, ...]
    flagged: str | None


def load_questionnaires(folder: Path) -> Mapping[str, Questionnaire]:
    """The questionnaires of `content/questionnaires/`, by id.

    Raises:
        ContentError: a file cannot be used; all problems of all files are named.
    """
    loaded: dict[str, Questionnaire] = {}
    problems = []
    for path in sorted(folder.glob("*.yml")):
        try:
            loaded[path.stem] = load_questionnaire(path)
        except ContentError as error:
            problems += error.problems
    if problems:
        raise ContentError(problems)
    if not loaded:
        raise ContentError.at(folder, None, "no questionnaire stands in this folder. Restore it from the repository.")
    return loaded


def load_questionnaire(path: Path) -> Questionnaire:
    """The questionnaire of one file.

    Raises:
        ContentError: the file is malformed, bears another name than its id, uses a name of an item, an answer or a list
            of answers twice or without its meaning, or does not have the items and values that its formula is made for.
    """
    file, lines = read(path, _File)
    if file.id != path.stem:
        raise lines.error(f"the id is '{file.id}' and the file's name '{path.stem}'. Make them the same.", "id")
    for name, answers in file.answers.items():
        _check_answers(name, answers, lines)
    items: dict[str, Item] = {}
    for index, item in enumerate(file.items):
        if item.id in items:
            raise lines.error(f"the item '{item.id}' stands here a second time. Rename one.", "items", index, "id")
        if item.answers not in file.answers:
            problem = f"the item '{item.id}' has the answers '{item.answers}', which `answers` doesn't. Add them there."
            raise lines.error(problem, "items", index, "answers")
        items[item.id] = Item(
            item.id, item.part, item.text, file.answers[item.answers], item.milestone, item.region, item.exercises
        )
    if unused := sorted(set(file.answers) - {item.answers for item in file.items}):
        raise lines.error(f"no item has the answers '{unused[0]}'. Use them or take them out.", "answers", unused[0])
    _check_formula(file, tuple(items.values()), lines)
    return Questionnaire(
        file.id, file.name, file.intro, file.skip, file.status, file.crisis_first, file.ask, file.scoring,
        tuple(items.values()), file.sources, file.provenance, file.reviewed_by, file.review_due,
    )  # fmt: skip


def score(questionnaire: Questionnaire, answers: Mapping[str, Value | None]) -> Score:
    """What the answers come to, by the questionnaire's formula.

    Args:
        questionnaire: what was asked.
        answers: the value of the answer by item id. None, or no entry, means skipped: it is missing, and never a zero.

    Raises:
        ValueError: an answer to an item that the questionnaire doesn't have, or one that the item doesn't offer. The
            text names the item, never what was answered.
    """
    if unknown := sorted(set(answers) - {item.id for item in questionnaire.items}):
        known = ", ".join(item.id for item in questionnaire.items)
        raise ValueError(f"{questionnaire.id} has no item '{unknown[0]}'. Its items are: {known}.")
    given: dict[str, Value] = {}
    for item in questionnaire.items:
        if (answer := answers.get(item.id)) is None:
            continue
        # True equals 1 and 1.0 does too; neither is an answer that was offered.
        if not any(type(answer) is type(each.value) and answer == each.value for each in item.answers):
            offered = ", ".join(str(each.value) for each in item.answers)
            raise ValueError(f"'{item.id}' of {questionnaire.id} was answered with a value other than {offered}.")
        given[item.id] = answer
    value, parts, flags = _FORMULAS[questionnaire.scoring.formula].of(questionnaire.items, given)
    return Score(
        value,
        parts,
        tuple(item.id for item in questionnaire.items if item.id in given),
        tuple(item.id for item in questionnaire.items if item.id not in given),
        " ".join(flags) or None,
    )


NOTICED = 2
"""From this answer on ("now and then") an item speaks for its region and its exercises."""


def speaks_for(questionnaire: Questionnaire, answers: Mapping[str, Value | None]) -> Mapping[str, int]:
    """What the answers speak for, by region and by exercise: of several items that name the same the highest answer."""
    weights: dict[str, int] = {}
    for item in questionnaire.items:
        answer = answers.get(item.id)
        if isinstance(answer, int) and answer >= NOTICED:
            for each in (*item.exercises, *((item.region,) if item.region is not None else ())):
                weights[each] = max(answer, weights.get(each, 0))
    return weights


type _Figures = tuple[float | None, dict[str, float | None], list[str]]


def _facial_disability_index(items: Sequence[Item], given: Mapping[str, Value]) -> _Figures:
    """Two figures from 0 to 100, higher is better; no figure over both.

    A part of N answered items is (sum - N) / N x 100 / 4 (physical) or / 5 (social). A part with fewer than half of its
    items answered has none. An answer of 0 ("did not, for another reason") lowers the physical part for a reason that
    is not the face, and can take it below zero: it is flagged, and the figure is kept at 0 or above.
    """
    parts: dict[str, float | None] = {}
    flags: list[str] = []
    for part, span in (("physical", 4), ("social", 5)):
        asked = [item for item in items if item.part == part]
        values = _numbers(asked, given)
        if 2 * len(values) < len(asked):
            parts[part] = None
            flags.append(f"No {part} figure: {len(values)} of {len(asked)} answered, and at least half are needed.")
            continue
        figure = 100 * (sum(values) - len(values)) / (span * len(values))
        parts[part] = max(figure, 0.0)
        if zeros := values.count(0):
            below = " The formula gives less than 0; it is shown as 0." if figure < 0 else ""
            flags.append(f"The {part} figure holds {zeros} of 'did not, for another reason', which lowers it.{below}")
    return None, parts, flags


def _synkinesis_assessment(items: Sequence[Item], given: Mapping[str, Value]) -> _Figures:
    """The sum as a share of the most it could be, 20 to 100, higher is worse.

    All nine answered: sum / 45 x 100. With seven or eight, it is scaled by the N answered, sum / (5 N) x 100, and
    flagged; with fewer there is none. Scaling so is a design decision [DES]: no rule of the authors for skipped items
    was found. Beware: the scaled figure is the one that filling each gap with the person's own mean would give.
    So it is told apart by its flag, and never shown as if all nine had been answered.
    """
    values = _numbers(items, given)
    if len(values) < _SAQ_LEAST:
        flag = f"No figure: {len(values)} of {len(items)} answered, and at least {_SAQ_LEAST} are needed."
        return None, {"synkinesis": None}, [flag]
    figure = 100 * sum(values) / (5 * len(values))
    few = len(values) < len(items)
    flags = [f"Scaled: {len(values)} of {len(items)} answered."] if few else []
    return figure, {"synkinesis": figure}, flags


def _phq_2(items: Sequence[Item], given: Mapping[str, Value]) -> _Figures:
    """The sum of both items, 0 to 6, higher is worse. With one skipped there is none."""
    values = _numbers(items, given)
    if len(values) < len(items):
        return None, {"mood": None}, [f"No figure: {len(values)} of {len(items)} answered, and both are needed."]
    return float(sum(values)), {"mood": float(sum(values))}, []


def _weekly_check_in(items: Sequence[Item], given: Mapping[str, Value]) -> _Figures:
    """Each item by itself, under its id: the scales as answered (0 to 10), a sign of movement 1 for yes and 0 for no.

    "Not sure" has no figure: it must not count as "no".
    """
    parts: dict[str, float | None] = {}
    for item in items:
        value = given.get(item.id)
        parts[item.id] = float(value) if isinstance(value, int) else {"yes": 1.0, "no": 0.0}.get(value or "")
    return None, parts, []


def _numbers(items: Iterable[Item], given: Mapping[str, Value]) -> list[int]:
    return [value for item in items if isinstance(value := given.get(item.id), int)]


_SAQ_LEAST = 7
_SEEN: Sequence[Value] = ("yes", "no", "not_sure")


@dataclass(frozen=True, slots=True)
class _Formula:
    """A formula: how it is reckoned, and for each part how many items it is made for, with which values."""

    of: Callable[[Sequence[Item], Mapping[str, Value]], _Figures]
    made_for: Mapping[str, tuple[int, Sequence[Value]]]
    needs_crisis_line: bool = False


_FORMULAS: Mapping[FormulaName, _Formula] = {
    "facial_disability_index": _Formula(
        _facial_disability_index,
        {"physical": (5, range(6)), "social": (5, range(1, 7))},
    ),
    "synkinesis_assessment": _Formula(_synkinesis_assessment, {"synkinesis": (9, range(1, 6))}),
    "phq_2": _Formula(_phq_2, {"mood": (2, range(4))}, needs_crisis_line=True),
    "weekly_check_in": _Formula(
        _weekly_check_in,
        {
            "comfort": (1, range(11)),
            "eye_comfort": (1, range(11)),
            "burden": (1, range(11)),
            "movement": (3, _SEEN),
        },
    ),
}


def _check_answers(name: str, answers: Sequence[Answer], lines: Lines) -> None:
    for what in ("label", "value"):
        seen: set[object] = set()
        for index, answer in enumerate(answers):
            if (given := getattr(answer, what)) in seen:
                problem = f"the {what} '{given}' stands twice in the answers '{name}'. Change one of the two."
                raise lines.error(problem, "answers", name, index, what)
            seen.add(given)


def _check_formula(file: _File, items: Sequence[Item], lines: Lines) -> None:
    name = file.scoring.formula
    formula = _FORMULAS[name]
    for index, item in enumerate(items):
        if item.part not in formula.made_for:
            parts = ", ".join(formula.made_for)
            problem = f"the item '{item.id}' counts for '{item.part}'. The parts of {name} are: {parts}. Use one."
            raise lines.error(problem, "items", index, "part")
        values = formula.made_for[item.part][1]
        if {answer.value for answer in item.answers} != set(values):
            shown = ", ".join(str(value) for value in values)
            problem = f"the item '{item.id}' needs one answer for each of these values: {shown}. Correct its answers."
            raise lines.error(problem, "items", index, "answers")
    for index, figure in enumerate(file.scoring.figures):
        if figure.part not in formula.made_for or formula.made_for[figure.part][1] == _SEEN:
            problem = f"'{figure.part}' is no figure of {name}. Mend the part, or take it out."
            raise lines.error(problem, "scoring", "figures", index, "part")
    for index, item in enumerate(items):
        if item.milestone is not None and formula.made_for[item.part][1] != _SEEN:
            problem = f"the item '{item.id}' isn't answered by yes or no, so it has no milestone. Take that out."
            raise lines.error(problem, "items", index, "milestone")
    for part, (count, _) in formula.made_for.items():
        if (found := sum(item.part == part for item in items)) != count:
            problem = f"'{part}' has {found} items; {name} is made for {count}. Add or take out items."
            raise lines.error(problem, "items")
    if formula.needs_crisis_line and not file.crisis_first:
        raise lines.error("a questionnaire about mood needs `crisis_first: true`. Set it.", "crisis_first")
