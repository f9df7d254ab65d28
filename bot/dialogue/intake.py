"""The triage intake in chat: one question a message, answered by button or in words, led by the evaluator.

No engine takes part: whoever asks "how urgent is this?" must get an answer while the engine is away too. What is not an
answer goes its usual way, and the open question is put again after it.
"""

import dataclasses
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from bot.dialogue.said import Said
from bot.dialogue.yes_no import read
from bot.outcome import Button, Kind, Outcome, Reply
from bot.patient import Patient
from bot.payload import payload
from bot.triage import intake as state
from bot.triage.assess import UNKNOWN, Assessment, assess
from bot.triage.condition import Value
from bot.triage.countries import Country
from bot.triage.intake import Intake, Source
from bot.triage.interview import Answer, Interview, Question, load_interview, read_answer
from bot.triage.messages import Messages
from bot.triage.results import Results, finding_words
from bot.triage.rules import Disposition, load_rules
from bot.triage.since import hours_since
from bot.words import Words

_AFTER_AN_EMERGENCY = timedelta(days=1)
"""For so long a told emergency keeps a later check at "today" or above (evidence pack, section 1.5, point 6)."""

RESUMABLE = timedelta(hours=2)
"""An intake left open for longer begins anew: its first questions are about right now."""

_SHORT = 5
"""A text of so many words at most is read as an attempt at an answer."""

_REVISION = 10
"""A text of so many words at most may add to an earlier answer, or take it back."""

_WHICH = "which"
"""In place of a question's id, on the buttons that ask which of two things said is right."""

_WHY = frozenset({"why", "why do you ask", "why do you want to know", "why are you asking"})
_BACK = frozenset({"back", "go back", "previous", "undo"})
_THATS_ALL = frozenset({"that's all", "thats all", "that is all", "nothing else", "no", "no more", "done", "none"})
_STOP = frozenset({"stop", "cancel", "quit", "later", "not now", "stop for now", "enough"})


_ASIDES = {"back": "intake.back_button", "why": "intake.why_button", "stop": "intake.stop_button"}
_AGAIN = {24: "intake.again_tomorrow", 72: "intake.again_in_three_days", 168: "intake.again_in_a_week"}


@dataclasses.dataclass(frozen=True, slots=True)
class Assessed:
    """A finished or broken-off assessment, to be kept: what was found and how, and what was told.

    `again_after` is after how many hours it should be made anew.
    """

    assessment: Assessment
    sources: tuple[tuple[str, Source], ...]
    started_at: str
    told: str
    ended: Literal["result", "emergency", "stopped"]
    again_after: int


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """The person as they now stand, what to say, and what is to be kept of it."""

    patient: Patient
    outcome: Outcome
    assessed: Assessed | None = None


class Intakes:
    """Leads intakes."""

    def __init__(self, interview: Interview, results: Results, messages: Messages, words: Words) -> None:
        self._interview, self._results, self._messages, self._words = interview, results, messages, words

    @classmethod
    def load(cls, content: Path, messages: Messages, words: Words) -> "Intakes":
        """Load the rules, the questions and the words of results.

        Raises:
            ContentError: content is broken, each problem named.
        """
        folder = content / "triage"
        return cls(load_interview(folder, load_rules(folder)), Results.load(folder / "results.yml"), messages, words)

    def begin(self, patient: Patient, country: Country, now: datetime, known: dict[str, Value]) -> Step:
        """Begin, or go on with one that was left open not long ago."""
        open_ = self._open(patient)
        if open_ is not None and _is_fresh(open_, now) and not _ended_by_an_emergency(open_, patient):
            resumed = dataclasses.replace(open_, stopped=False)
            return self._ask(patient, resumed, self._interview[open_.current], lead=self._words("intake.resumed"))
        fresh = Intake(started_at=now.isoformat(), known={**_known_of(patient, now), **known})
        return self._go_on(patient, fresh, country, now, lead=self._words("intake.begin"))

    def is_open(self, patient: Patient, now: datetime) -> bool:
        """Whether a question of an intake stands open: not one left for later, nor one grown old."""
        return self._asking(patient, now) is not None

    def understands(self, patient: Patient, text: str, now: datetime) -> bool:
        """Whether typed words answer the open question."""
        open_ = self._asking(patient, now)
        if open_ is None:
            return False
        if open_.doubt:
            return read(text) != "unclear"
        question = self._interview[open_.current]
        return bool(read_answer(question, text)) or (question.reads is not None and hours_since(text, now) is not None)

    def hear(self, patient: Patient, said: Said, country: Country, now: datetime) -> Step | None:
        """Take an answer, or one of "back", "why" and "stop"; None when the words are something else."""
        if said.press is not None:
            return self._pressed(patient, self._open(patient), said, country, now)
        open_ = self._asking(patient, now)
        if open_ is None or not said.text:
            return None
        text = " ".join(said.text.lower().strip(" .!?").split())
        if text in _WHY:
            return self._why(patient, open_)
        if text in _BACK:
            return self._back(patient, open_)
        if text in _STOP:
            return self._stop(patient, open_)
        if open_.doubt:
            return self._settled(patient, open_, said.text, country, now)
        question = self._interview[open_.current]
        if open_.picked and text.replace("’", "'") in _THATS_ALL:
            return self._go_on(patient, state.take(open_, self._interview, (), "text"), country, now)
        if question.reads == "time_since" and (hours := hours_since(said.text, now)) is not None:
            return self._go_on(patient, state.take_hours(open_, hours), country, now)
        answers = read_answer(question, said.text)
        if answers:
            return self._answered(patient, open_, question, answers, "text", country, now)
        if revised := self._revised(open_, said.text):
            return self._go_on(patient, revised, country, now)
        if len(text.split()) <= _SHORT and "?" not in said.text:
            return self._unclear(patient, open_, question, country, now)
        return None

    def again(self, patient: Patient, outcome: Outcome, now: datetime) -> Outcome:
        """An outcome of something else, with the open question put once more after it."""
        open_ = self._asking(patient, now)
        if open_ is None:
            return outcome
        question = self._question(open_, self._interview[open_.current], lead=self._words("intake.back_to"))
        return outcome.model_copy(update={"replies": (*outcome.replies, question)})

    def note(self, patient: Patient, found: Mapping[str, str]) -> Patient:
        """The person with what the screen found added to the open intake."""
        open_ = self._open(patient)
        if open_ is None or not found:
            return patient
        findings = self._interview.rules.findings
        known = {name: value for name, value in found.items() if name in findings and value != UNKNOWN}
        return dataclasses.replace(patient, intake=dataclasses.replace(open_, known={**open_.known, **known}).dumps())

    def break_off(self, patient: Patient, outcome: Outcome, now: datetime) -> Step:
        """End the open intake because an emergency was told; what was known by then is kept."""
        open_ = self._open(patient)
        if open_ is None:
            return Step(patient, outcome)
        stands = state.standing(open_, self._interview)
        kept = self._kept(open_, stands, outcome.replies[0].text, "emergency")
        summary = self._summary(open_, stands, now)
        return Step(dataclasses.replace(patient, intake=None, summary=summary), outcome, kept)

    def summary(self, patient: Patient, form: str) -> Outcome:
        """The last finished check, as a message or (`pdf`) as a file."""
        if patient.summary is None:
            return Outcome(kind=Kind.TRIAGE, replies=(Reply(text=self._words("intake.summary_none")),))
        if form == "pdf":
            file = Reply(text=patient.summary, document=self._words("intake.summary_file"))
            return Outcome(kind=Kind.TRIAGE, replies=(file,))
        as_file = Button(title=self._words("intake.summary_pdf_button"), payload=payload("summary", "pdf"))
        return Outcome(kind=Kind.TRIAGE, replies=(Reply(text=patient.summary, buttons=(as_file,)),))

    def headline(self, disposition: str) -> str:
        """A result in one line."""
        return self._results.dispositions[Disposition(disposition)].headline

    def _open(self, patient: Patient) -> Intake | None:
        """The intake that is not over, be it left for later or old."""
        return Intake.loads(patient.intake) if patient.intake else None

    def _asking(self, patient: Patient, now: datetime) -> Intake | None:
        """The intake whose question stands open. A typed "yes" answers no question of hours ago."""
        open_ = self._open(patient)
        if open_ is None or open_.stopped or not _is_fresh(open_, now):
            return None
        return open_

    def _pressed(
        self, patient: Patient, open_: Intake | None, said: Said, country: Country, now: datetime
    ) -> Step | None:
        press = said.press
        if press is None or press.verb not in ("ans", "intake"):
            return None
        if press.verb == "intake" and press.argument == "start":
            return self.begin(patient, country, now, {})
        if open_ is None:
            return Step(patient, Outcome(kind=Kind.TRIAGE, replies=(Reply(text=self._words("intake.over")),)))
        if not _is_fresh(open_, now):
            return self.begin(patient, country, now, {})
        open_ = dataclasses.replace(open_, stopped=False)  # a tap names its own question
        if press.verb == "intake":
            do = {"why": self._why, "back": self._back, "stop": self._stop}[press.argument]
            return do(patient, open_)
        question_id, _, index = press.argument.partition(":")
        question = self._interview[open_.current]
        if question_id == _WHICH and open_.doubt:
            step = self._go_on(patient, state.settled(open_, self._interview, so=index != "1"), country, now)
            return dataclasses.replace(step, outcome=step.outcome.model_copy(update={"retired": ("ans",)}))
        if open_.doubt or question_id != question.id or int(index) > len(question.answers):
            return self._ask(patient, open_, question, lead=self._words("intake.old_question"))
        if int(index) == len(question.answers):  # "that's all"
            step = self._go_on(patient, state.take(open_, self._interview, (), "button"), country, now)
        else:
            step = self._answered(patient, open_, question, (question.answers[int(index)],), "button", country, now)
        return dataclasses.replace(step, outcome=step.outcome.model_copy(update={"retired": ("ans",)}))

    def _answered(
        self,
        patient: Patient,
        open_: Intake,
        question: Question,
        answers: tuple[Answer, ...],
        source: Source,
        country: Country,
        now: datetime,
    ) -> Step:
        if any(answer.rest == UNKNOWN for answer in answers):
            if question.key and not open_.asked_again:
                asked = dataclasses.replace(open_, asked_again=True)
                return self._ask(patient, asked, question)
            return self._go_on(patient, state.take(open_, self._interview, answers, source), country, now)
        closing = any(answer.rest for answer in answers) or not question.several
        if closing:
            return self._go_on(patient, state.take(open_, self._interview, answers, source), country, now)
        picked = state.pick(open_, self._interview, answers)
        if state.would_settle(picked, self._interview).disposition is Disposition.EMERGENCY:
            taken = state.take(open_, self._interview, answers, source, cut_short=True)
            return self._go_on(patient, taken, country, now)
        return self._ask(patient, picked, question, lead=self._words("intake.anything_else"))

    def _unclear(self, patient: Patient, open_: Intake, question: Question, country: Country, now: datetime) -> Step:
        """Ask once more in other words; an answer that stays unclear counts as "not sure", never as a no."""
        if not open_.asked_again:
            return self._ask(patient, dataclasses.replace(open_, asked_again=True), question)
        doubt = next(answer for answer in question.answers if answer.rest == UNKNOWN)
        return self._go_on(patient, state.take(open_, self._interview, (doubt,), "unclear"), country, now)

    def _go_on(self, patient: Patient, intake: Intake, country: Country, now: datetime, lead: str = "") -> Step:
        moved, question = state.step(intake, self._interview)
        # The worse stands meanwhile; an emergency is told at once and nothing is asked before it.
        if state.standing(intake, self._interview).disposition is not Disposition.EMERGENCY and (
            names := state.in_doubt(intake, self._interview)
        ):
            return self._ask(patient, state.doubting(intake, names), self._interview[intake.current])
        if question is not None:
            return self._ask(patient, moved, question, lead=lead)
        return self._result(patient, moved, country, now)

    def _settled(self, patient: Patient, open_: Intake, text: str, country: Country, now: datetime) -> Step | None:
        """Take what was typed to "which is right?". It is asked once: what stays unclear leaves the worse standing."""
        answer = read(text)
        if answer == "unclear" and (len(text.split()) > _SHORT or "?" in text):
            return None
        return self._go_on(patient, state.settled(open_, self._interview, so=answer != "no"), country, now)

    def _revised(self, open_: Intake, text: str) -> Intake | None:
        """The intake with a sign added that an earlier list was asked about; None when the words name none."""
        if len(text.split()) > _REVISION:
            return None
        added: dict[str, Value] = {}
        for each in open_.taken:
            question = self._interview[each.question]
            if question.several or question is self._interview.questions[0]:
                for answer in read_answer(question, text):
                    added |= {name: value for name, value in answer.sets.items() if value == "yes"}
        findings = self._interview.rules.findings
        added = {name: value for name, value in added.items() if findings[name].worse == value}
        return dataclasses.replace(open_, known={**open_.known, **added}) if added else None

    def _ask(self, patient: Patient, intake: Intake, question: Question, lead: str = "") -> Step:
        stands = state.standing(intake, self._interview)
        asked = dataclasses.replace(patient, intake=intake.dumps())
        outcome = Outcome(
            kind=Kind.TRIAGE,
            disposition=stands.disposition.value if stands.fired else None,
            provisional=True,
            out_of_scope=stands.out_of_scope,
            findings=finding_words(stands.findings),
            rules=stands.rules,
            ruleset=stands.ruleset,
            asks_red_flags=question.id == self._interview.questions[0].id,
            replies=(self._question(intake, question, lead=lead),),
        )
        return Step(asked, outcome)

    def _which(self, intake: Intake) -> Reply:
        """The question which of two things that the person said is right."""
        named = " / ".join(dict.fromkeys(self._label(name) for name in intake.doubt))
        yes, no = self._messages.answers
        unsure = next(each.label for each in self._interview.questions[0].answers if each.rest == UNKNOWN)
        buttons = [
            Button(title=title, payload=payload("ans", f"{_WHICH}:{index}"))
            for index, title in enumerate((yes, no, unsure))
        ]
        buttons.append(Button(title=self._words(_ASIDES["stop"]), payload=payload("intake", "stop")))
        return Reply(text=self._words("intake.worse_stands", name=named), buttons=tuple(buttons))

    def _label(self, name: str) -> str:
        """What a finding is called on a button; the name of its question when no button says it alone."""
        worse = self._interview.rules.findings[name].worse
        asking = [each for each in self._interview.questions if name in each.fills]
        for question in asking:
            for answer in question.answers:
                # Elsewhere an answer says more than one thing: "Weak, and not checked yet".
                is_list = question.several or question is self._interview.questions[0]
                if is_list and answer.sets.get(name) == worse:
                    return answer.label
        return asking[0].name

    def _question(self, intake: Intake, question: Question, lead: str = "") -> Reply:
        if intake.doubt:
            which = self._which(intake)
            return which.model_copy(update={"text": f"{lead}\n\n{which.text}"}) if lead else which
        text = question.again if intake.asked_again else question.text
        buttons = [
            Button(title=answer.label, payload=payload("ans", f"{question.id}:{index}"))
            for index, answer in enumerate(question.answers)
            if index not in intake.picked and not (intake.picked and answer.rest)
        ]
        if intake.picked:
            done = payload("ans", f"{question.id}:{len(question.answers)}")
            buttons.append(Button(title=self._words("intake.thats_all"), payload=done))
        asides = [aside for aside in _ASIDES if aside != "back" or intake.taken]
        buttons += [Button(title=self._words(_ASIDES[aside]), payload=payload("intake", aside)) for aside in asides]
        return Reply(text=f"{lead}\n\n{text}" if lead else text, buttons=tuple(buttons))

    def _why(self, patient: Patient, open_: Intake) -> Step:
        question = self._interview[open_.current]
        return self._ask(patient, open_, question, lead="" if open_.doubt else question.why)

    def _back(self, patient: Patient, open_: Intake) -> Step:
        before = state.back(open_)
        return self._ask(patient, before, self._interview[before.current])

    def _stop(self, patient: Patient, open_: Intake) -> Step:
        """Leave the intake open for a while, and say what is known so far never sounds like an all-clear."""
        outcome = Outcome(
            kind=Kind.TRIAGE,
            provisional=True,
            asks_red_flags=True,
            replies=(
                Reply(
                    text=self._words("intake.stopped"),
                    buttons=(Button(title=self._words("intake.resume_button"), payload=payload("intake", "start")),),
                ),
            ),
        )
        kept = self._kept(open_, state.standing(open_, self._interview), outcome.replies[0].text, "stopped")
        left = dataclasses.replace(open_, stopped=True)
        return Step(dataclasses.replace(patient, intake=left.dumps()), outcome, kept)

    def _result(self, patient: Patient, intake: Intake, country: Country, now: datetime) -> Step:
        assessment = assess(state.findings(intake, self._interview), self._interview.rules)
        assessment = _floored(assessment, patient, now)
        text = self._results.text(assessment, country)
        if assessment.disposition is Disposition.EMERGENCY:
            text = self._emergency(assessment, country)
        reasons = self._because(intake)
        if reasons:
            text += "\n\n" + self._words("intake.because", reasons=reasons)
        again = self._words(_AGAIN[self._results.again_after(assessment.disposition)])
        closing = self._words("intake.not_a_diagnosis", ruleset=assessment.ruleset.partition("+")[0])
        start = Button(title=self._words("intake.check_again_button"), payload=payload("intake", "start"))
        show = Button(title=self._words("intake.summary_button"), payload=payload("summary", "latest"))
        replies = [Reply(text=text)]
        if assessment.disposition is not Disposition.EMERGENCY:
            replies.append(Reply(text=f"{again}\n\n{closing}", buttons=(show, start)))
        if {"D29", "E20"} & set(assessment.rules):
            # Said last, so that it stands at the bottom with its question; the next message is read as the answer.
            yes, no = self._messages.answers
            asks = tuple(
                Button(title=title, payload=payload("flag", f"{answer}:crisis_danger"))
                for title, answer in ((yes, "yes"), (no, "no"))
            )
            replies.append(Reply(text=self._messages.fill(self._messages.crisis.thoughts, country), buttons=asks))
            patient = dataclasses.replace(patient, awaiting="crisis_danger", held_question=None)
        outcome = Outcome(
            kind=Kind.EMERGENCY if assessment.disposition is Disposition.EMERGENCY else Kind.TRIAGE,
            disposition=assessment.disposition.value,
            out_of_scope=assessment.out_of_scope,
            findings=finding_words(assessment.findings),
            rules=assessment.rules,
            ruleset=assessment.ruleset,
            asks_red_flags=True,
            replies=tuple(replies),
        )
        ended: Literal["result", "emergency"] = "result"
        if assessment.disposition is Disposition.EMERGENCY:
            ended = "emergency"
        kept = self._kept(intake, assessment, text, ended)
        summary = self._summary(intake, assessment, now)
        return Step(dataclasses.replace(patient, intake=None, summary=summary), outcome, kept)

    def _summary(self, intake: Intake, assessment: Assessment, now: datetime) -> str:
        """What a clinician wants to see: result, rules, every answer, what was not known."""
        answers = []
        for each in intake.taken:
            question = self._interview[each.question]
            said = "; ".join(question.answers[index].label for index in each.answers)
            said = said or (f"{each.hours:g} hours before" if each.hours is not None else "")
            mark = " (unclear twice, taken as not sure)" if each.source == "unclear" else ""
            answers.append(f"- {question.name}: {said}{mark}")
        known = [f"- {name}: {value}" for name, value in finding_words(intake.known).items()]
        fired = [f"- {each.rule.id}: {each.rule.why}" for each in assessment.fired]
        parts = [
            self._words("intake.summary_head", moment=f"{now:%d %b %Y, %H:%M} UTC", ruleset=assessment.ruleset),
            f"**{assessment.disposition.value}**: {', '.join(assessment.routes) or '-'}",
            "\n".join([self._words("intake.summary_answers"), *answers]),
            "\n".join([self._words("intake.summary_known"), *known]) if known else "",
            "\n".join([self._words("intake.summary_rules"), *fired]) if fired else "",
            self._words("intake.summary_foot"),
        ]
        return "\n\n".join(part for part in parts if part)

    def _emergency(self, assessment: Assessment, country: Country) -> str:
        """One clear message: of the family of the first rule that has one, else the rule's own words."""
        for rule_id in assessment.rules:
            family = self._results.families.get(rule_id, "")
            if family in self._messages.emergency:
                words = self._messages.emergency[family]
                return self._messages.fill(f"**{words.headline}**\n\n{words.message}", country)
        return self._results.text(assessment, country)

    def _because(self, intake: Intake) -> str:
        """What the person told that mattered, in the words of the buttons."""
        told = []
        for each in intake.taken:
            question = self._interview[each.question]
            told += [question.answers[index].label for index in each.answers if question.answers[index].rest is None]
        return "; ".join(dict.fromkeys(told))

    def _kept(
        self, intake: Intake, assessment: Assessment, told: str, ended: Literal["result", "emergency", "stopped"]
    ) -> Assessed:
        sources = dict.fromkeys(intake.known, "screen")
        for each in intake.taken:
            sources |= dict.fromkeys(self._interview[each.question].fills, each.source)
        again = self._results.again_after(assessment.disposition)
        return Assessed(assessment, tuple(sources.items()), intake.started_at, told, ended, again)


def _is_fresh(open_: Intake, now: datetime) -> bool:
    return now - datetime.fromisoformat(open_.started_at) < RESUMABLE


def _ended_by_an_emergency(open_: Intake, patient: Patient) -> bool:
    """Whether an emergency was told after it began: what it asked before then is asked anew."""
    return patient.emergency_at is not None and patient.emergency_at > datetime.fromisoformat(open_.started_at)


def _floored(assessment: Assessment, patient: Patient, now: datetime) -> Assessment:
    """A new check soon after an emergency was told never falls below "today": it may only correct it so far."""
    soon = patient.emergency_at is not None and now - patient.emergency_at < _AFTER_AN_EMERGENCY
    if not soon or assessment.disposition.rank >= Disposition.SAME_DAY.rank:
        return assessment
    return dataclasses.replace(
        assessment,
        disposition=Disposition.SAME_DAY,
        routes=("ED", "GP_OR_111"),
        raised=(*assessment.raised, "emergency_before"),
    )


def _known_of(patient: Patient, now: datetime) -> dict[str, Value]:
    """What first contact told: a child, an older person, a beginning some weeks ago."""
    known: dict[str, Value] = {}
    if patient.age_band == "child":
        known["age"] = 10.0
    if patient.age_band == "older":
        known["age"] = 65.0
    if patient.onset_on is not None and (days := (now.date() - patient.onset_on).days) > 14:
        known["weeks_since_onset"] = days / 7
    return known
