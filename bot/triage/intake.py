"""An intake in progress: what was asked, what was answered, what comes next. Pure; its state travels as JSON."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.triage.assess import UNKNOWN, Assessment
from bot.triage.condition import Value
from bot.triage.interview import Answer, Interview, Question, findings_of

type Source = str
"""Where an answer came from: `button`, `text`, `unclear` (asked in vain) or `screen`."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One answered question: which of its answers, or (for a time) how many hours.

    `cut_short`: an emergency among the answers ended it, so nobody has denied the rest of the list.
    """

    question: str
    answers: tuple[int, ...] = ()
    hours: float | None = None
    source: Source = "button"
    cut_short: bool = False


@dataclass(frozen=True, slots=True)
class Intake:
    """An intake that is under way.

    `known` is what was known before it began, or came from the screen meanwhile. `picked` are the answers picked so far
    to the open question, where several may be. `asked_again` says that the open question was put a second time.
    """

    started_at: str
    known: Mapping[str, Value] = field(default_factory=dict)
    taken: tuple[Taken, ...] = ()
    current: str = ""
    picked: tuple[int, ...] = ()
    asked_again: bool = False

    @property
    def asked(self) -> frozenset[str]:
        """The questions that are settled."""
        return frozenset(each.question for each in self.taken)

    def dumps(self) -> str:
        """The intake as JSON."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def loads(cls, text: str) -> "Intake":
        """The intake from its JSON."""
        data = json.loads(text)
        taken = tuple(Taken(**{**each, "answers": tuple(each["answers"])}) for each in data["taken"])
        return cls(**{**data, "taken": taken, "picked": tuple(data["picked"])})


def findings(intake: Intake, interview: Interview) -> dict[str, Value]:
    """All that is known: from before, from the screen, and from the answers. Of two that differ the worse stands."""
    merged: dict[str, Value] = {}
    for each in intake.taken:
        question = interview[each.question]
        said = findings_of(question, tuple(question.answers[index] for index in each.answers), interview.rules.findings)
        if each.cut_short:
            said = {name: UNKNOWN if value == "no" else value for name, value in said.items()}
        if each.hours is not None:
            said = {"onset_hours": each.hours}
        merged.update(said)
    for name, value in intake.known.items():
        kind = interview.rules.findings[name]
        if name not in merged or merged[name] == UNKNOWN or value == kind.worse:
            merged[name] = value
    return merged


def contradicted(intake: Intake, interview: Interview) -> tuple[str, ...]:
    """Findings that the person denied in the intake although the screen or an earlier answer said otherwise."""
    answered = findings(dataclasses.replace(intake, known={}), interview)
    return tuple(
        name for name, value in intake.known.items() if name in answered and {value, answered[name]} == {"yes", "no"}
    )


def standing(intake: Intake, interview: Interview) -> Assessment:
    """Where it stands now."""
    return interview.assess(findings(intake, interview), intake.asked)


def step(intake: Intake, interview: Interview) -> tuple[Intake, Question | None]:
    """The intake with its next question open; None when it is over."""
    question = interview.next_question(findings(intake, interview), intake.asked)
    opened = dataclasses.replace(intake, current=question.id if question else "", picked=(), asked_again=False)
    return opened, question


def take(
    intake: Intake, interview: Interview, answers: tuple[Answer, ...], source: Source, *, cut_short: bool = False
) -> Intake:
    """The intake with the open question answered."""
    question = interview[intake.current]
    chosen = tuple(dict.fromkeys((*intake.picked, *(question.answers.index(answer) for answer in answers))))
    taken = Taken(question.id, chosen, source=source, cut_short=cut_short)
    return dataclasses.replace(intake, taken=(*intake.taken, taken), picked=())


def take_hours(intake: Intake, hours: float) -> Intake:
    """The intake with the open question about a time answered in words."""
    taken = Taken(intake.current, hours=round(hours, 1), source="text")
    return dataclasses.replace(intake, taken=(*intake.taken, taken), picked=())


def pick(intake: Intake, interview: Interview, answers: tuple[Answer, ...]) -> Intake:
    """The intake with answers picked from a question that allows several; the question stays open."""
    question = interview[intake.current]
    indices = (question.answers.index(answer) for answer in answers)
    return dataclasses.replace(intake, picked=tuple(dict.fromkeys((*intake.picked, *indices))))


def would_settle(intake: Intake, interview: Interview) -> Assessment:
    """Where it would stand with the answers picked so far: an emergency among them ends it at once."""
    question = interview[intake.current]
    said = findings(intake, interview)
    for index in intake.picked:
        said.update(question.answers[index].sets)
    return interview.assess(said, intake.asked)


def back(intake: Intake) -> Intake:
    """The intake with its last answer taken back; unchanged when there is none."""
    if not intake.taken:
        return intake
    return dataclasses.replace(
        intake, taken=intake.taken[:-1], current=intake.taken[-1].question, picked=(), asked_again=False
    )
