"""What to ask next: questions from `content/triage/questions.yml`, led by the evaluator. Pure.

The next question is the first, in the file's order, whose answer could still change the result: raise it, or name
another reason that is as urgent. It ends when there is none, and at once on an emergency. Source: evidence pack,
section 1.7.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from bot.content_file import Strict, read
from bot.triage.assess import UNKNOWN, Assessment, assess
from bot.triage.condition import FAILS, Condition, NotACondition, Value, parse
from bot.triage.rules import Disposition, Finding, Rules

NEVER = math.inf
"""How long ago something was that never was: longer than any rule asks for."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SHORT = 6
"""A "maybe" among more words than this is no answer by itself."""

_DENIALS = frozenset("no not none never without isn't don't doesn't didn't haven't hasn't aren't cant can't".split())


class Answer(Strict):
    """One answer to a question: its button, what it means, and other words for it.

    `rest` is what it says of all that the question asks and the answer doesn't name: an answer like "none of these".
    """

    label: Annotated[str, Field(min_length=1, max_length=40)]
    also: tuple[str, ...] = ()
    sets: dict[str, str | int] = Field(default_factory=dict)
    rest: Literal["no", "unknown"] | None = None


class Question(Strict):
    """One question of the intake, `name` it for a clinician. `fills` are all findings that an answer to it settles.

    A `key` question is put a second time, in other words, before "not sure" is taken for an answer.
    """

    id: Annotated[str, Field(pattern=r"^[a-z_]{2,16}$")]
    name: Annotated[str, Field(min_length=3, max_length=40)]
    text: Annotated[str, Field(min_length=10)]
    again: Annotated[str, Field(min_length=10)]
    why: Annotated[str, Field(min_length=10)]
    when: str | None = None
    reads: Literal["time_since"] | None = None
    several: bool = False
    key: bool = False
    answers: Annotated[tuple[Answer, ...], Field(min_length=2)]
    fills: Annotated[tuple[str, ...], Field(min_length=1)]


class _QuestionsFile(Strict):
    reviewed_by: str | None
    review_due: date | None
    questions: Annotated[tuple[Question, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Interview:
    """The questions with the rules that they serve."""

    questions: tuple[Question, ...]
    rules: Rules
    _when: Mapping[str, Condition]

    def __getitem__(self, question_id: str) -> Question:
        """The question of an id.

        Raises:
            KeyError: there is none.
        """
        return next(each for each in self.questions if each.id == question_id)

    def open_findings(self, given: Mapping[str, Value], asked: frozenset[str]) -> frozenset[str]:
        """Findings that a question not yet asked could still settle."""
        every = frozenset(name for each in self.questions if each.id not in asked for name in each.fills)
        reachable = (each for each in self.questions if each.id not in asked and self._applies(each, given, every))
        return frozenset(name for each in reachable for name in each.fills if name not in given)

    def assess(self, given: Mapping[str, Value], asked: frozenset[str]) -> Assessment:
        """Where it stands while these questions have been asked."""
        return assess(given, self.rules, self.open_findings(given, asked))

    def next_question(self, given: Mapping[str, Value], asked: frozenset[str]) -> Question | None:
        """The question to ask now; None when nothing that can still be asked would change the result."""
        opened = self.open_findings(given, asked)
        now = assess(given, self.rules, opened)
        if now.disposition is Disposition.EMERGENCY:
            return None
        for question in self.questions:
            if question.id in asked or not opened & set(question.fills) or not self._applies(question, given, opened):
                continue
            reach = self._could_reach(question, given, now)
            # Where it is urgent, a second reason of the same rank can still change where to go.
            if reach > now.disposition.rank or reach == now.disposition.rank >= Disposition.URGENT.rank:
                return question
        return None

    def report(self, given: Mapping[str, Value]) -> dict[str, object]:
        """What the rules alone say of some findings, as plain JSON values (the contract's `septimus triage`).

        `unanswered` are the findings that could still change the result, `next_question` is what to ask first.
        """
        final = assess(given, self.rules)
        everything = frozenset(self.rules.findings) - given.keys()
        opened = assess(given, self.rules, everything)
        could = [rule for rule in opened.open_rules if rule.disposition.rank > final.disposition.rank]
        names = dict.fromkeys(name for rule in could for name in self.rules.conditions[rule.id].names)
        asked = frozenset(each.id for each in self.questions if set(each.fills) <= given.keys())
        question = self.next_question(given, asked) if could else None
        return {
            "disposition": final.disposition.value,
            "out_of_scope": final.out_of_scope,
            "rules": final.rules,
            "route": final.routes[0] if final.routes else None,
            "routes": final.routes,
            "raised": final.raised,
            "unanswered": [name for name in names if name not in final.findings and name in everything],
            "next_question": question.id if question else None,
            "ruleset": final.ruleset,
        }

    def _could_reach(self, question: Question, given: Mapping[str, Value], now: Assessment) -> int:
        """The highest rank of a rule that this question's answers help to decide."""
        names = {name for name in question.fills if name not in given}
        names |= {other for name in names for other in _FOLLOW.get(name, ())}
        ranks = [rule.disposition.rank for rule in now.open_rules if names & set(self.rules.conditions[rule.id].names)]
        return max(ranks, default=0)

    def _applies(self, question: Question, given: Mapping[str, Value], opened: frozenset[str]) -> bool:
        condition = self._when.get(question.id)
        if condition is None:
            return True
        known = assess(given, self.rules).findings
        return condition.on(known, opened - known.keys()) != FAILS or _is_in_doubt(condition, known, opened)


_FOLLOW: Mapping[str, tuple[str, ...]] = {
    "onset_hours": ("weeks_since_onset",),
    "weeks_since_onset": ("onset_hours",),
    "droop_new": ("droop",),
    "droop_worse": ("droop",),
}
"""Findings that follow from another one (see `assess`)."""


def _is_in_doubt(condition: Condition, known: Mapping[str, Value], opened: frozenset[str]) -> bool:
    """Whether the condition fails only because something that it speaks of could not be told."""
    unknown = frozenset(name for name in condition.names if name not in known)
    return bool(unknown) and condition.on(known, unknown | opened) != FAILS


def findings_of(question: Question, answers: tuple[Answer, ...], findings: Mapping[str, Finding]) -> dict[str, Value]:
    """What the answers say, as findings. "None of these" says no only of what the question names.

    Args:
        question: what was asked.
        answers: what was picked; several only when the question allows it.
        findings: the dictionary, to tell numbers from yes and no.
    """
    said: dict[str, Value] = {}
    for answer in answers:
        for name, value in answer.sets.items():
            said[name] = float(value) if isinstance(value, int) else value
    rest = next((answer.rest for answer in answers if answer.rest), "no" if answers and question.several else None)
    for name in question.fills if rest else ():
        if name in said:
            continue
        if rest == UNKNOWN:
            said[name] = UNKNOWN
        elif findings[name].kind == "yes_no":
            said[name] = "no"
        elif findings[name].kind == "number":
            said[name] = NEVER
    return said


def read_answer(question: Question, text: str) -> tuple[Answer, ...]:
    """Which answers typed words mean; none when that is unclear.

    A label or one of its other words must stand in the text as it is; two answers are taken only where several may be
    picked. "No" alone is the answer that denies everything.
    """
    words = [word.lower().replace("’", "'") for word in _WORD.findall(text)]
    if not words:
        return ()
    said = " ".join(words)
    exact = [each for each in question.answers if said in {_plain(form) for form in _forms(each)}]
    if exact:
        return (exact[0],)
    if "?" in text:
        return ()  # a question of the person's own
    found = [
        each
        for each in question.answers
        if each.rest is None and any(f" {_plain(form)} " in f" {said} " for form in _forms(each))
    ]
    if _DENIALS & set(words) and not question.several:
        found = [each for each in found if any(_DENIALS & set(_plain(form).split()) for form in _forms(each))]
    elif _DENIALS & set(words):
        return ()
    doubt = [each for each in question.answers if each.rest == UNKNOWN]
    if (
        not found
        and doubt
        and len(words) <= _SHORT
        and any(f" {_plain(form)} " in f" {said} " for form in doubt[0].also)
    ):
        return (doubt[0],)
    if len(found) > 1 and not question.several:
        return ()
    return tuple(found)


def _forms(answer: Answer) -> tuple[str, ...]:
    return (answer.label, *answer.also)


def _plain(form: str) -> str:
    return " ".join(word.lower().replace("’", "'") for word in _WORD.findall(form))


def load_interview(folder: Path, rules: Rules) -> Interview:
    """The questions of `content/triage/questions.yml`.

    Raises:
        ContentError: the file is malformed; an id stands twice; a question names an unknown finding or value, sets one
            that it doesn't fill, can't change any result, or can't be answered with doubt.
    """
    path = folder / "questions.yml"
    file, lines = read(path, _QuestionsFile)
    when: dict[str, Condition] = {}
    decisive = {name for condition in rules.conditions.values() for name in condition.names}
    seen: set[str] = set()
    for index, question in enumerate(file.questions):
        place = ("questions", index)
        if question.id in seen:
            raise lines.error(f"the question id '{question.id}' is used twice. Give one another id.", *place)
        seen.add(question.id)
        for name in question.fills:
            if name not in rules.findings:
                raise lines.error(f"there is no finding '{name}'. Add it to findings.yml, or mend the name.", *place)
        if not decisive & {*question.fills, *(other for name in question.fills for other in _FOLLOW.get(name, ()))}:
            raise lines.error(f"no answer to '{question.id}' can change a result. Take the question out.", *place)
        for number, answer in enumerate(question.answers):
            for name, value in answer.sets.items():
                if name not in question.fills:
                    raise lines.error(
                        f"'{answer.label}' sets '{name}', which `fills` doesn't name. Add it there.",
                        *place, "answers", number,
                    )  # fmt: skip
                if not rules.findings[name].allows(str(value)):
                    raise lines.error(f"'{name}' can't be '{value}'; see findings.yml.", *place, "answers", number)
        if not any(answer.rest == UNKNOWN for answer in question.answers):
            raise lines.error(
                f"'{question.id}' can't be answered with \"not sure\". Add an answer with `rest: unknown`.", *place
            )
        if question.when:
            try:
                when[question.id] = parse(question.when, rules.findings)
            except NotACondition as problem:
                raise lines.error(f"`when` of '{question.id}': {problem}", *place, "when") from None
    return Interview(file.questions, rules, when)
