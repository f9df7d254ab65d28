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
    `stopped`: the person left it for later, so no question of it stands open. `doubt` are findings of which they said
    two different things and are being asked which is right, `doubted` those they have been asked about: once each.
    `corrected` is what they then said to be so; it counts above all else.
    """

    started_at: str
    known: Mapping[str, Value] = field(default_factory=dict)
    taken: tuple[Taken, ...] = ()
    current: str = ""
    picked: tuple[int, ...] = ()
    asked_again: bool = False
    stopped: bool = False
    doubt: tuple[str, ...] = ()
    doubted: tuple[str, ...] = ()
    corrected: Mapping[str, Value] = field(default_factory=dict)

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
        lists = {name: tuple(data.get(name, ())) for name in ("picked", "doubt", "doubted")}
        return cls(**{**data, **lists, "taken": taken})


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
        _add(merged, said, interview, latest_counts=True)
    _add(merged, intake.known, interview, latest_counts=False)
    return {**merged, **intake.corrected}


def _add(merged: dict[str, Value], said: Mapping[str, Value], interview: Interview, *, latest_counts: bool) -> None:
    """Add what was said. A worse answer is never undone by a better one, nor a clear one by "not sure"."""
    for name, value in said.items():
        before = merged.get(name, UNKNOWN)
        worse = interview.rules.findings[name].worse
        if before == UNKNOWN or value == worse or (latest_counts and before != worse and value != UNKNOWN):
            merged[name] = value


def contradicted(intake: Intake, interview: Interview) -> tuple[str, ...]:
    """Findings that the person denied in the intake although the screen or an earlier answer said otherwise."""
    answered = findings(dataclasses.replace(intake, known={}, corrected={}), interview)
    return tuple(
        name for name, value in intake.known.items() if name in answered and {value, answered[name]} == {"yes", "no"}
    )


def in_doubt(intake: Intake, interview: Interview) -> tuple[str, ...]:
    """Contradicted findings that the person has not been asked about yet."""
    return tuple(name for name in contradicted(intake, interview) if name not in intake.doubted)


def doubting(intake: Intake, names: tuple[str, ...]) -> Intake:
    """The intake asking which of two things that the person said is right."""
    return dataclasses.replace(intake, doubt=names, doubted=(*intake.doubted, *names))


def settled(intake: Intake, interview: Interview, *, so: bool) -> Intake:
    """The intake with its open doubt answered: it is so, and the worse stands, or it was a slip."""
    slips: dict[str, Value] = {}
    if not so:
        slips = {name: "yes" if interview.rules.findings[name].worse == "no" else "no" for name in intake.doubt}
    return dataclasses.replace(intake, doubt=(), corrected={**intake.corrected, **slips})


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
