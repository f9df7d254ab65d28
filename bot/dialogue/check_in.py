"""Questionnaires in chat: one item a message, by button or in words, each of which may be skipped.

No engine takes part. The red-flag screen has read every message before it comes here, so words of despair are met
first; whoever scores high on the two questions about mood is answered at once, with the crisis lines.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter

from bot.content_file import Strict, read
from bot.dialogue.exercise import practice_of, standing_of, zone_of
from bot.dialogue.said import Said
from bot.knowledge import Library
from bot.knowledge.answer import article_buttons
from bot.outcome import Button, Kind, Outcome, Reply
from bot.patient import Patient
from bot.payload import payload
from bot.programme.diary import local_day
from bot.programme.gate import earliest
from bot.programme.practice import Practice
from bot.programme.questionnaire import Answer, Item, Questionnaire, Score, load_questionnaires, score, speaks_for
from bot.triage.countries import Country
from bot.triage.messages import Messages
from bot.triage.rules import Provenance
from bot.words import Words

WEEKLY = "weekly-check-in"
MOOD = "phq-2"
LOW_MOOD = 3
"""From this sum of the two questions on (rule U14) help is offered."""
LITTLE = 0.5
"""Of the days that the programme asks for: practised on fewer than so many, and what got in the way is asked."""
RESUMABLE = timedelta(hours=20)
_SKIP = frozenset({"skip", "skip it", "skip this", "pass", "next", "rather not say"})
_STOP = frozenset({"stop", "cancel", "quit", "later", "not now", "enough"})


class Barrier(Strict):
    """Something that gets in the way of practice, a tip for it, and the article to read."""

    id: Annotated[str, Field(pattern=r"^[a-z]{3,12}$")]
    label: str
    tip: str
    article: str
    sources: tuple[str, ...]
    provenance: Annotated[tuple[Provenance, ...], Field(min_length=1)]


class _BarriersFile(Strict):
    reviewed_by: str | None
    review_due: str | None
    barriers: Annotated[tuple[Barrier, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Form:
    """The questionnaires of a person: the open one with its answers so far, and when each was last answered."""

    open: str = ""
    answers: Mapping[str, int | str | None] = field(default_factory=dict)
    moved: datetime | None = None
    answered_on: Mapping[str, date] = field(default_factory=dict)

    def dumps(self) -> str:
        """As JSON."""
        return _JSON.dump_json(self).decode()

    @classmethod
    def loads(cls, text: str | None) -> "Form":
        """From JSON; an empty one when there is none."""
        return cls() if text is None else _JSON.validate_json(text)


_JSON = TypeAdapter(Form)


@dataclass(frozen=True, slots=True)
class Scored:
    """An answered questionnaire, to be kept."""

    questionnaire: str
    answers: Mapping[str, int | str | None]
    score: Score


@dataclass(frozen=True, slots=True)
class CheckInStep:
    """The person as they now stand, what to say, and what is to be kept."""

    patient: Patient
    outcome: Outcome
    scored: Scored | None = None


class CheckIns:
    """Leads questionnaires."""

    def __init__(
        self,
        all_: Mapping[str, Questionnaire],
        barriers: tuple[Barrier, ...],
        library: Library,
        messages: Messages,
        words: Words,
    ) -> None:
        self._all, self._barriers, self._library = all_, barriers, library
        self._messages, self._words = messages, words

    @classmethod
    def load(cls, content: Path, library: Library, messages: Messages, words: Words) -> "CheckIns":
        """Load the questionnaires and the barriers.

        Raises:
            ContentError: one is malformed, or a barrier names an article or a source that isn't there.
        """
        file, lines = read(content / "exercises" / "barriers.yml", _BarriersFile)
        for index, barrier in enumerate(file.barriers):
            if barrier.article not in library.articles:
                raise lines.error(f"there is no article '{barrier.article}'. Mend the name.", "barriers", index)
            if unknown := set(barrier.sources) - library.sources.keys():
                raise lines.error(f"source {min(unknown)} is not in content/sources.yml. Add it.", "barriers", index)
        return cls(load_questionnaires(content / "questionnaires"), file.barriers, library, messages, words)

    def begin(self, patient: Patient, id_: str, now: datetime) -> CheckInStep:
        """Begin a questionnaire, or go on with it when it was left open not long ago."""
        form = Form.loads(patient.form)
        if form.open == id_ and form.moved is not None and now - form.moved < RESUMABLE:
            return self._ask(patient, form, self._words("week.resumed"), now)
        questionnaire = self._all[id_]
        lead = f"**{questionnaire.name}**\n\n{questionnaire.intro}"
        if questionnaire.status.awaiting_permission:
            lead += "\n\n" + self._words("week.own_words")
        return self._ask(patient, dataclasses.replace(form, open=id_, answers={}), lead, now)

    def hear(self, patient: Patient, said: Said, country: Country, now: datetime) -> CheckInStep | None:
        """Take a tap, or words that answer the open item; None when they are something else."""
        form = Form.loads(patient.form)
        if said.press is not None:
            return self._pressed(patient, form, said.press.verb, said.press.argument, country, now)
        text = " ".join((said.text or "").lower().strip(" .!?").split())
        if not form.open or not text or form.moved is None:
            return None
        item = self._item(form)
        if now - form.moved >= RESUMABLE:
            return self._begun_anew(patient, form, now) if _answer_in(text, item) is not None else None
        if text in _STOP:
            stopped = dataclasses.replace(form, open="", answers={})
            return CheckInStep(_keep(patient, stopped), _outcome(Reply(text=self._words("week.stopped"))))
        if text in _SKIP:
            return self._answered(patient, form, item, None, country, now)
        answer = _answer_in(text, item)
        return self._answered(patient, form, item, answer.value, country, now) if answer is not None else None

    def _begun_anew(self, patient: Patient, form: Form, now: datetime) -> CheckInStep:
        """From the first question: what was answered so long ago told of another time."""
        fresh = dataclasses.replace(form, answers={})
        return self._ask(patient, fresh, self._words("week.long_ago"), now)

    def is_week_due(self, patient: Patient, now: datetime) -> bool:
        """Whether the weekly check-in is due."""
        last = Form.loads(patient.form).answered_on.get(WEEKLY)
        return last is None or local_day(now, zone_of(patient)) - last >= timedelta(weeks=1)

    def due(self, patient: Patient, now: datetime) -> tuple[Questionnaire, ...]:
        """What is due beside the weekly check-in, for the person's stage and time; what waits for permission last."""
        form = Form.loads(patient.form)
        stage = earliest(standing_of(practice_of(patient), now))
        zone = zone_of(patient)
        joined, today = local_day(patient.consented_at or now, zone), local_day(now, zone)
        return tuple(
            each
            for each in sorted(self._all.values(), key=lambda each: each.status.awaiting_permission)
            if each.id != WEEKLY
            and (set(each.ask.stages) & {"any", stage})
            and _is_due(each, joined, form.answered_on.get(each.id), today)
        )

    def _pressed(
        self, patient: Patient, form: Form, verb: str, argument: str, country: Country, now: datetime
    ) -> CheckInStep | None:
        if verb == "bar":
            return self._tip(patient, argument)
        if verb == "form":
            return self.begin(patient, argument, now) if argument in self._all else None
        if verb != "fa":
            return None
        id_, place, index = argument.split(":")
        stale = form.open != id_ or form.moved is None or now - form.moved >= RESUMABLE
        if stale or int(place) != len(form.answers):
            return CheckInStep(patient, _outcome(Reply(text=self._words("week.moved_on")), retired=("fa",)))
        item = self._item(form)
        if int(index) > len(item.answers):
            return CheckInStep(patient, _outcome(Reply(text=self._words("week.moved_on")), retired=("fa",)))
        value = None if int(index) == len(item.answers) else item.answers[int(index)].value
        return self._answered(patient, form, item, value, country, now)

    def _item(self, form: Form) -> Item:
        return self._all[form.open].items[len(form.answers)]

    def _ask(self, patient: Patient, form: Form, lead: str, now: datetime) -> CheckInStep:
        questionnaire, item, place = self._all[form.open], self._item(form), len(form.answers)
        buttons = [
            Button(title=answer.label, payload=payload("fa", f"{form.open}:{place}:{index}"))
            for index, answer in enumerate(item.answers)
        ]
        buttons.append(
            Button(title=questionnaire.skip, payload=payload("fa", f"{form.open}:{place}:{len(item.answers)}"))
        )
        head = self._words("week.head", number=place + 1, count=len(questionnaire.items))
        parts = [lead, f"{head} {item.text}"]
        if questionnaire.crisis_first:
            parts.append(self._words("week.not_safe"))
        reply = Reply(text="\n\n".join(part for part in parts if part), buttons=tuple(buttons))
        asked = _keep(patient, dataclasses.replace(form, moved=now))
        return CheckInStep(asked, _outcome(reply, retired=("fa", "form")))

    def _answered(
        self, patient: Patient, form: Form, item: Item, value: int | str | None, country: Country, now: datetime
    ) -> CheckInStep:
        answers = {**form.answers, item.id: value}
        moved = dataclasses.replace(form, answers=answers)
        questionnaire = self._all[form.open]
        if len(answers) < len(questionnaire.items):
            return self._ask(patient, moved, "", now)
        scored = Scored(questionnaire.id, answers, score(questionnaire, answers))
        today = local_day(now, zone_of(patient))
        done = dataclasses.replace(form, open="", answers={}, answered_on={**form.answered_on, questionnaire.id: today})
        patient = _led_by(_keep(patient, done), questionnaire, answers)
        if questionnaire.id == MOOD and scored.score.value is not None and scored.score.value >= LOW_MOOD:
            return self._low(patient, scored, country)
        buttons = tuple(Button(title=each.name, payload=payload("form", each.id)) for each in self.due(patient, now))
        text = self._words("week.thanks")
        if buttons:
            text += "\n\n" + self._words("week.more_due")
        if questionnaire.id == WEEKLY:
            buttons = (*buttons, Button(title=self._words("progress.button"), payload=payload("progress", "picture")))
        replies = [Reply(text=text, buttons=buttons)]
        if questionnaire.id == WEEKLY and _practised_little(patient, now):
            replies.append(self.ask_why("week.barrier"))
        outcome = Outcome(kind=Kind.EXERCISE, replies=tuple(replies), retired=("fa",))
        return CheckInStep(patient, outcome, scored)

    def ask_why(self, key: str) -> Reply:
        """Ask with these words what got in the way of practice, with the usual ones to tap."""
        ways = tuple(Button(title=each.label, payload=payload("bar", each.id)) for each in self._barriers)
        return Reply(text=self._words(key), buttons=ways)

    def _tip(self, patient: Patient, id_: str) -> CheckInStep | None:
        barrier = next((each for each in self._barriers if each.id == id_), None)
        if barrier is None:
            return None
        buttons = tuple(article_buttons([self._library.articles[barrier.article]]))
        return CheckInStep(patient, _outcome(Reply(text=barrier.tip, buttons=buttons), retired=("bar",)))

    def _low(self, patient: Patient, scored: Scored, country: Country) -> CheckInStep:
        """Offer help, and ask at once whether the person is safe: the next message is read as the answer."""
        yes, no = self._messages.answers
        asks = tuple(
            Button(title=title, payload=payload("flag", f"{answer}:crisis_danger"))
            for title, answer in ((yes, "yes"), (no, "no"))
        )
        replies = (
            Reply(text=self._words("week.low")),
            Reply(text=self._messages.fill(self._messages.crisis.thoughts, country), buttons=asks),
        )
        outcome = Outcome(
            kind=Kind.CRISIS, disposition="URGENT", provisional=True, rules=("U14",), asks_red_flags=True,
            replies=replies, retired=("fa",),
        )  # fmt: skip
        waiting = dataclasses.replace(patient, awaiting="crisis_danger", held_question=None)
        return CheckInStep(waiting, outcome, scored)


def _answer_in(text: str, item: Item) -> Answer | None:
    """The answer that typed words mean, in lower case; None when they are none of the item's."""
    value = text.removesuffix("/10").removesuffix(" out of 10").strip()
    return next((each for each in item.answers if value in (each.label.lower(), str(each.value))), None)


def _practised_little(patient: Patient, now: datetime) -> bool:
    """Whether somebody who practises did so on fewer than half of the days that their programme asks for in a week.

    Only whole days since they began count, and none on which exercises were shut.
    """
    practice = Practice.loads(patient.practice)
    done = practice.days_practised()
    if not done:
        return False
    zone = zone_of(patient)
    today = local_day(now, zone)
    week = {today - timedelta(days=day) for day in range(1, 8)}
    could = {day for day in week if day >= min(done)} - practice.shut_days(now, zone)
    return len(done & (could | {today})) < len(could) * practice.days_a_week / 7 * LITTLE


def _is_due(questionnaire: Questionnaire, joined: date, last: date | None, today: date) -> bool:
    """Whether it should be asked: every so many weeks, or in the weeks after joining that it names."""
    if questionnaire.ask.every_weeks is not None:
        return last is None or today - last >= timedelta(weeks=questionnaire.ask.every_weeks)
    reached = [joined + timedelta(weeks=week) for week in questionnaire.ask.weeks]
    latest = max((each for each in reached if each <= today), default=None)
    return latest is not None and (last is None or last < latest)


def _led_by(patient: Patient, questionnaire: Questionnaire, answers: Mapping[str, int | str | None]) -> Patient:
    """The person with what the answers speak for kept for their next sessions, when it is such a questionnaire."""
    if not any(item.region or item.exercises for item in questionnaire.items):
        return patient
    weights = speaks_for(questionnaire, answers)
    practice = dataclasses.replace(Practice.loads(patient.practice), weights=weights)
    return dataclasses.replace(patient, practice=practice.dumps())


def _outcome(reply: Reply, retired: tuple[str, ...] = ()) -> Outcome:
    return Outcome(kind=Kind.EXERCISE, replies=(reply,), retired=retired)


def _keep(patient: Patient, form: Form) -> Patient:
    return dataclasses.replace(patient, form=form.dumps())
