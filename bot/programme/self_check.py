"""The self-check: the few questions that say where a person is, from `content/exercises/self-check.yml`."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypedDict

from pydantic import Field, TypeAdapter, ValidationError

from bot.content_file import Strict, read
from bot.programme.gate import Movement, Operation
from bot.programme.practice import Practice


class _Settable(TypedDict, total=False):
    """What an answer may say: the fields of `Standing` that a person can tell, and the weak side."""

    assessed: bool
    cause: str
    weeks: float
    movement: Movement
    linked: bool
    operation: Operation
    settled: bool
    weak_side: Literal["left", "right"]


_SETTABLE = TypeAdapter(_Settable)


class CheckAnswer(Strict):
    """A button, what people type for it, and what it says of the person (nothing when they are not sure)."""

    label: str
    also: tuple[str, ...] = ()
    sets: Mapping[str, str | bool | int]


class CheckQuestion(Strict):
    """A question. `weekly`: asked again every week."""

    id: Annotated[str, Field(pattern=r"^[a-z]{3,12}$")]
    weekly: bool
    text: str
    answers: Annotated[tuple[CheckAnswer, ...], Field(min_length=2)]

    def reading(self, text: str) -> CheckAnswer | None:
        """The answer that typed words mean; None when that is unclear."""
        said = " ".join(text.lower().replace("’", "'").strip(" .!").split())
        return next((each for each in self.answers if said in (each.label.lower(), *each.also)), None)


class _File(Strict):
    reviewed_by: str | None
    review_due: str | None
    questions: Annotated[tuple[CheckQuestion, ...], Field(min_length=1)]


def load_self_check(content: Path) -> tuple[CheckQuestion, ...]:
    """Read the questions.

    Raises:
        ContentError: the file is malformed, an id stands twice, or an answer sets what nobody knows.
    """
    file, lines = read(content / "exercises" / "self-check.yml", _File)
    seen: set[str] = set()
    for index, question in enumerate(file.questions):
        if question.id in seen:
            raise lines.error(f"the question '{question.id}' stands twice. Give one another id.", "questions", index)
        seen.add(question.id)
        unknown = {name for answer in question.answers for name in answer.sets} - _Settable.__annotations__.keys()
        if unknown:
            problem = f"'{question.id}' sets '{min(unknown)}'. It may set: {', '.join(_Settable.__annotations__)}."
            raise lines.error(problem, "questions", index)
        for place, answer in enumerate(question.answers):
            try:
                _SETTABLE.validate_python(dict(answer.sets), strict=True)
            except ValidationError as error:
                fault = error.errors(include_url=False, include_input=False)[0]
                problem = f"'{answer.label}' sets {fault['loc'][0]} to what nobody can be: {fault['msg']}. Correct it."
                raise lines.error(problem, "questions", index, "answers", place) from None
    return file.questions


def due(practice: Practice, questions: tuple[CheckQuestion, ...], *, fresh: bool) -> tuple[CheckQuestion, ...]:
    """The questions to ask now: what was never asked, and what is asked every week when the last check is old.

    What the answers so far have settled is left out: nothing that moves can't be linked, and nobody without a weak
    side asked about is shown a side.
    """
    return tuple(
        each
        for each in questions
        if (each.id not in practice.asked or (each.weekly and not fresh)) and not _is_settled(each, practice)
    )


def _is_settled(question: CheckQuestion, practice: Practice) -> bool:
    match question.id:
        case "cause":
            return practice.standing.assessed is False
        case "linked":
            return practice.standing.movement == "none"
        case "weeks":
            return practice.standing.weeks is not None  # told before, and no day older than it was
        case _:
            return False


def take(practice: Practice, question: CheckQuestion, answer: CheckAnswer) -> Practice:
    """The practice with an answer taken in; "not sure" unsets what was known before: it is not known any more."""
    fields = {name for each in question.answers for name in each.sets}
    said: dict[str, object] = {name: answer.sets.get(name) for name in fields}
    if question.id == "movement" and said.get("movement") == "none":
        said["linked"] = False
    if said.get("linked"):
        said["once_linked"] = True
    side = said.pop("weak_side", practice.weak_side)
    if "weeks" in said and said["weeks"] is not None:
        said["weeks"] = float(str(said["weeks"]))
    standing = dataclasses.replace(practice.standing, **said)  # type: ignore[arg-type]
    weak: Literal["left", "right"] | None = "left" if side == "left" else "right" if side == "right" else None
    asked = tuple(dict.fromkeys((*practice.asked, question.id)))
    return dataclasses.replace(practice, standing=standing, weak_side=weak, asked=asked, asking="")
