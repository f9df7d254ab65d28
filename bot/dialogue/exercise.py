"""Guided exercises in chat: the self-check, what today holds, one instruction at a time, and the end of a session.

No engine takes part. The gates (`bot.programme.gate`) are asked again whenever a session begins or is gone on with.
"""

import dataclasses
import re
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

from bot.dialogue import in_session
from bot.dialogue.said import Said
from bot.outcome import Button, Count, Kind, Outcome, Reply
from bot.patient import Patient
from bot.payload import Press, payload
from bot.programme import diary
from bot.programme import session as sessions
from bot.programme.exercise import Exercise, ExerciseLibrary, Programme, Region, load_exercises
from bot.programme.gate import SETTLED, Standing, earliest, locked_by, programme_for, why_locked
from bot.programme.known import learnt
from bot.programme.own import OwnProgramme, with_own
from bot.programme.practice import Practice
from bot.programme.practice import standing_of as standing_of
from bot.programme.prescribed import Prescribed
from bot.programme.self_check import CheckAnswer, CheckQuestion, due, load_self_check, take
from bot.programme.session import Ending, Lead, Move, Moved, Session
from bot.words import Words

RECENT = 100
"""Of so many of the last days with practice a session is kept at hand for the count; the diary keeps all."""

_HURTS = (
    "it hurts", "hurts", "this hurts", "that hurts", "that hurt", "it hurt", "it really hurts", "it hurts a lot",
    "ouch", "ow", "pain", "painful", "it's painful", "that's painful", "too painful", "sore",
)  # fmt: skip
"""What ends a session in words however long ago it was gone on with."""
_LATE = 18
"""From this hour on the next session is for tomorrow."""
_AT_IT = timedelta(hours=2)
"""For so long after a move, whatever is told of not being well is taken to come from the exercise (G7)."""
_MOVES: dict[str, Move] = {
    **dict.fromkeys(("next", "ok", "okay", "go on", "continue", "ready", "yes"), "next"),
    **dict.fromkeys(("done", "finished", "did it", "i did it", "done it", "did that", "complete"), "done"),
    **dict.fromkeys(("again", "repeat", "once more", "one more time"), "again"),
    **dict.fromkeys(("easier", "too hard", "too much", "smaller", "make it easier"), "easier"),
    **dict.fromkeys(("harder", "make it harder", "as before", "back to normal", "normal again", "too easy"), "harder"),
    **dict.fromkeys(("skip", "skip it", "skip this", "pass", "not this one"), "skip"),
    **dict.fromkeys(("stop", "quit", "cancel", "end", "enough", "no more"), "stop"),
}
_NAMED: dict[str, Move] = {each: each for each in get_args(Move.__value__)}
_START = frozenset({"start", "start now", "begin", "let's go", "lets go", "go", "yes", "ok", "okay", "ready", "go on"})
_ASKED = {"effort": "exercise.ask_effort", "comfort": "exercise.ask_comfort"}
_GO_ON = _START | {"continue", "resume", "i'm back", "im back", "back"}
_LATER = frozenset({"not now", "later", "pause", "no", "another time", "stop"})
_WRONG = frozenset({"something is wrong", "something's wrong", "something's not right", "not well"})
_GROUNDS = {
    **dict.fromkeys(("dark pictures", "dark pictures please", "make the pictures dark", "darker pictures"), True),
    **dict.fromkeys(("light pictures", "light pictures please", "make the pictures light", "lighter pictures"), False),
}
_REGION = r"(?:my |the |on my |for my )*(?:weak )?(?P<region>[a-z]+(?: [a-z]+){0,3}?)"
_WORK_ON = re.compile(
    r"(?:(?:can|could) we |let's |lets |let me |i want to |i'd like to |i would like to |please )?"
    rf"(?:work on|focus on|practise|practice|train|exercise) {_REGION}"
    r"(?: (?:today|now|first|please|a bit|a little|this time))*"
)
_ONLY_A_REGION = re.compile(rf"(?:exercises? |something )?{_REGION}(?: (?:please|first|today))*")
_PAUSED = "paused"
"""What a practice is `asking` while its session waits for "go on"."""
_STEP_BUTTONS: tuple[Move, ...] = ("next", "harder", "skip", "hurts", "stop")
_PRACTICE_BUTTONS: tuple[Move, ...] = ("done", "again", "easier", "harder", "skip", "hurts", "stop")


@dataclasses.dataclass(frozen=True, slots=True)
class SessionEnd:
    """A session that is over, to be kept in the diary."""

    session: Session
    ended: Ending
    zone: str


@dataclasses.dataclass(frozen=True, slots=True)
class ExerciseStep:
    """The person as they now stand, what to say, and what is to be kept. `begins_check`: a triage intake follows."""

    patient: Patient
    outcome: Outcome
    ended: SessionEnd | None = None
    begins_check: bool = False


class Exercises:
    """Leads self-checks and sessions."""

    def __init__(self, library: ExerciseLibrary, questions: tuple[CheckQuestion, ...], words: Words) -> None:
        self._library, self._questions, self._words = library, questions, words
        self._own: OwnProgramme | None = None
        self._clinics: Programme | None = None

    def _for(self, patient: Patient, now: datetime) -> "Exercises":
        """These exercises with the doses and the programme that the person's clinic chose, when it did."""
        own = Prescribed.loads(patient.prescribed).own
        if own is None or self._own is not None:
            return self
        stage = earliest(standing_of(practice_of(patient), now))
        library, programme = with_own(self._library, own, stage)
        theirs = Exercises(library, self._questions, self._words)
        theirs._own, theirs._clinics = own, programme
        return theirs

    @classmethod
    def load(cls, content: Path, sources: frozenset[str], words: Words) -> "Exercises":
        """Load exercises, programmes, gates and the self-check.

        Raises:
            ContentError: content is broken, each problem named.
        """
        return cls(load_exercises(content, sources), load_self_check(content), words)

    def begin(self, patient: Patient, now: datetime) -> ExerciseStep:
        """Begin: go on with an open session, ask the self-check when it is due, or show what today holds."""
        if (theirs := self._for(patient, now)) is not self:
            return theirs.begin(patient, now)
        practice = self._of(patient)
        if practice.closed_at is not None:
            return self._closed(patient, practice)
        if practice.session is not None and practice.session.is_open(now):
            return self._resumed(patient, practice, now)
        return self._dropped(patient, dataclasses.replace(practice, asking=""), now)

    def start(self, patient: Patient, now: datetime) -> ExerciseStep:
        """Start at once, when nothing needs to be asked first (a reminder's "Start now")."""
        if (theirs := self._for(patient, now)) is not self:
            return theirs.start(patient, now)
        practice = self._of(patient)
        standing = standing_of(practice, now)
        known = dataclasses.replace(practice, standing=standing)
        if practice.closed_at is not None or due(known, self._questions, fresh=practice.is_fresh(now)):
            return self.begin(patient, now)
        if practice.session is not None and practice.session.is_open(now):
            return self._resumed(patient, practice, now)
        programme = self._programme(standing, now)
        session = self._session(programme, practice, standing, now)
        if session is None:
            return self._locked(patient, practice, standing, now)
        days_a_week = programme.days_a_week if programme is not None else 7
        begun = dataclasses.replace(
            practice, session=session, count=practice.count + 1, recent=_with_today(practice, now, zone_of(patient)),
            asking="", region=None, days_a_week=days_a_week,
        )  # fmt: skip
        return dataclasses.replace(
            self._show(patient, begun, session, retired=("ex",)), ended=_left(patient, practice.session)
        )

    def hear(self, patient: Patient, said: Said, now: datetime) -> ExerciseStep | None:
        """Take a tap, or words that belong to what is open; None when they are something else."""
        if (theirs := self._for(patient, now)) is not self:
            return theirs.hear(patient, said, now)
        practice = self._of(patient)
        if said.press is not None:
            return self._pressed(patient, practice, said.press, now)
        text = " ".join((said.text or "").lower().replace("’", "'").strip(" .!?").split())
        if not text:
            return None
        if text in _GROUNDS:
            return self._on_ground(patient, practice, is_dark=_GROUNDS[text])
        question = next((each for each in self._questions if each.id == practice.asking), None)
        if question is not None:
            answer = question.reading(text)
            if answer is not None and practice.is_old(now):
                return self._asked_anew(patient, practice, now)
            if answer is not None:
                return self._answered(patient, practice, question, answer, now)
            return self._later(patient, practice) if text in _LATER else None
        named = self._region_in(text, is_offered=practice.asking == "start")
        if practice.session is not None and practice.session.is_open(now):
            if named is not None:
                return self._noted(patient, practice, named)
            return self._typed(patient, practice, practice.session, text, now)
        if named is not None:
            return self.begin(_keep(patient, dataclasses.replace(practice, region=named.id)), now)
        if practice.asking == "start":
            says = {text, in_session.bare(text)}
            if says & _START and practice.is_old(now):
                return self._asked_anew(patient, practice, now)
            if says & _START:
                return self.start(patient, now)
            if text in _WRONG or (_is_recent(practice.asked_at, now) and in_session.trouble(text) in ("pain", "other")):
                return self._shut(patient, self._unasked(practice), now, "exercise.wrong")
            if says & _LATER or in_session.is_pause(text):
                return self._later(patient, practice)
        return None

    def is_open(self, patient: Patient, now: datetime) -> bool:
        """Whether a session is under way."""
        session = self._of(patient).session
        return session is not None and session.is_open(now)

    def shut(self, patient: Patient, now: datetime, *, must_be_seen: bool) -> tuple[Patient, SessionEnd | None]:
        """The person with their exercises shut: something told must be seen to first (G0); and the session that ends.

        Args:
            patient: the person.
            now: the present moment.
            must_be_seen: whether they were told for certain to be seen. Then no later check opens the exercises, for
                nothing that reassures cancels a rule that held (evidence pack, section 1.5): they say they were seen.
        """
        practice = self._of(patient)
        shut = dataclasses.replace(
            practice, closed_at=now, session=None, asking="", must_be_seen=practice.must_be_seen or must_be_seen
        )
        return _keep(patient, shut), _left(patient, practice.session)

    def reopen(self, patient: Patient, now: datetime) -> Patient:
        """The person with their exercises open again: a check found nothing that keeps them shut."""
        practice = self._of(patient)
        if practice.closed_at is None or practice.must_be_seen:
            return patient
        return _keep(patient, practice.opened(now))

    def learn(self, patient: Patient, findings: Mapping[str, object], now: datetime) -> Patient:
        """The person with what a finished triage check found out, so that it is not asked again.

        A stage moves up only by the self-check (section 4.1): of movement and linkage no more is taken than what bars.
        """
        practice = self._of(patient)
        before, found = practice.standing, learnt(practice.standing, findings, now.date())
        standing = dataclasses.replace(
            found,
            movement="none" if found.movement == "none" else before.movement,
            linked=True if found.linked else before.linked,
        )
        told = {"assessed": standing.assessed, "cause": standing.cause}
        asked = tuple(dict.fromkeys((*practice.asked, *(name for name, value in told.items() if value is not None))))
        return _keep(patient, dataclasses.replace(practice, standing=standing, asked=asked))

    def _on_ground(self, patient: Patient, practice: Practice, *, is_dark: bool) -> ExerciseStep:
        kept = _keep(patient, dataclasses.replace(practice, is_dark=is_dark))
        return ExerciseStep(kept, _outcome(Reply(text=self._words("exercise.dark" if is_dark else "exercise.light"))))

    def _region_in(self, text: str, *, is_offered: bool) -> Region | None:
        """The region that somebody wants to work on; one alone is enough when a session has just been offered."""
        found = _WORK_ON.fullmatch(text) or (_ONLY_A_REGION.fullmatch(text) if is_offered else None)
        return self._library.region_named(found["region"]) if found is not None else None

    def _noted(self, patient: Patient, practice: Practice, region: Region) -> ExerciseStep:
        kept = _keep(patient, dataclasses.replace(practice, region=region.id))
        return ExerciseStep(kept, _outcome(Reply(text=self._words("exercise.region_noted", name=region.name))))

    # ---- the self-check ----
    def _asked_anew(self, patient: Patient, practice: Practice, now: datetime) -> ExerciseStep:
        """What stands open, once more: an answer to something so old may be meant for something else."""
        lead = self._words("exercise.asked_long_ago")
        step = self._ask_or_offer(patient, practice, now, lead=lead)
        *before, last = step.outcome.replies
        told = last if last.text.startswith(lead) else _led(last, lead)
        return dataclasses.replace(step, outcome=step.outcome.model_copy(update={"replies": (*before, told)}))

    def _ask_or_offer(self, patient: Patient, practice: Practice, now: datetime, lead: str = "") -> ExerciseStep:
        fresh = practice.is_fresh(now)
        if not fresh and (practice.checked_at is not None or practice.is_old(now)):  # done long ago, or left half-done
            practice = self._unasked(practice)
        known = dataclasses.replace(practice, standing=standing_of(practice, now))
        still = due(known, self._questions, fresh=True)
        if still:
            return self._ask(patient, practice, still[0], lead or self._words("exercise.check_begin"), now)
        checked = practice if practice.checked_at is not None else dataclasses.replace(practice, checked_at=now)
        return self._offer(patient, checked, now)

    def _unasked(self, practice: Practice) -> Practice:
        """The practice with the weekly questions to be asked anew."""
        weekly = {each.id for each in self._questions if each.weekly}
        asked = tuple(each for each in practice.asked if each not in weekly)
        return dataclasses.replace(practice, asked=asked, checked_at=None)

    def _dropped(self, patient: Patient, practice: Practice, now: datetime) -> ExerciseStep:
        """Without the session that was left open: what is to be asked, or what today holds. The diary keeps it."""
        step = self._ask_or_offer(patient, dataclasses.replace(practice, session=None), now)
        return dataclasses.replace(step, ended=_left(patient, practice.session))

    def _ask(
        self, patient: Patient, practice: Practice, question: CheckQuestion, lead: str, now: datetime
    ) -> ExerciseStep:
        buttons = tuple(
            Button(title=answer.label, payload=payload("exa", f"{question.id}:{index}"))
            for index, answer in enumerate(question.answers)
        )
        text = f"{lead}\n\n{question.text}" if lead else question.text
        asked = _keep(patient, dataclasses.replace(practice, asking=question.id, asked_at=now))
        return ExerciseStep(asked, _outcome(Reply(text=text, buttons=buttons), retired=("exa",)))

    def _answered(
        self, patient: Patient, practice: Practice, question: CheckQuestion, answer: CheckAnswer, now: datetime
    ) -> ExerciseStep:
        taken = take(practice, question, answer)
        weeks = answer.sets.get("weeks")
        if weeks is not None:  # kept as a date, so that it grows older by itself
            taken = dataclasses.replace(taken, began_on=(now - timedelta(weeks=float(weeks))).date())
        return self._ask_or_offer(patient, taken, now, lead=self._words("exercise.noted"))

    # ---- what today holds ----
    def _offer(self, patient: Patient, practice: Practice, now: datetime) -> ExerciseStep:
        standing = standing_of(practice, now)
        programme = self._programme(standing, now)
        session = self._session(programme, practice, standing, now)
        if programme is None or session is None:
            return self._locked(patient, practice, standing, now)
        names = ", ".join(self._library.exercises[each].name.lower() for each in session.items)
        text = self._today(programme, session, names, standing, now)
        told_of = (self._library.exercises[each] for each in programme.habits)
        habits = [each for each in told_of if locked_by(each, standing, now.date()) is None]
        if habits:
            told = "\n".join(f"- {each.name}: {each.goal}" for each in habits)
            text += "\n\n" + self._words("exercise.habits", habits=told)
        barred = self._barred(programme, standing, now)
        if barred:
            text += "\n\n" + barred
        text += "\n\n" + self._words("exercise.only_if")
        buttons = (
            Button(title=self._words("exercise.start_button"), payload=payload("ex", "start")),
            Button(title=self._words("exercise.wrong_button"), payload=payload("ex", "wrong")),
            Button(title=self._words("exercise.later_button"), payload=payload("ex", "later")),
        )
        if practice.region is not None:
            text = f"{self._region_words(practice.region, session)}\n\n{text}"
        kept = _keep(patient, dataclasses.replace(practice, asking="start", asked_at=now))
        return ExerciseStep(kept, _outcome(Reply(text=text, buttons=buttons), retired=("exa", "ex")))

    def _programme(self, standing: Standing, now: datetime) -> Programme | None:
        """The clinic's own programme while something of it is open, else the one of the person's stage."""
        if self._clinics is not None and any(
            not locked_by(self._library.exercises[each], standing, now.date()) for each in self._clinics.reachable
        ):
            return self._clinics
        return programme_for(standing, self._library, now.date())

    def _today(self, programme: Programme, session: Session, names: str, standing: Standing, now: datetime) -> str:
        """What today holds; of the clinic's own programme also what is left out, and why."""
        if self._own is not None and programme is self._clinics:
            times = self._own.times_a_day
            return self._words(
                "exercise.clinic_today",
                clinic=self._own.clinic,
                text=self._own.words or self._words("exercise.clinic_chose"),
                names=names,
                minutes=self._minutes(session),
                how=self._words("exercise.clinic_once" if times == 1 else "exercise.clinic_often", count=times),
            )
        text = self._words(
            "exercise.today",
            name=programme.name,
            intro=programme.intro,
            count=len(session.items),
            names=names,
            minutes=self._minutes(session),
        )
        if self._clinics is None:
            return text
        reasons = [locked_by(self._library.exercises[each], standing, now.date()) for each in self._clinics.reachable]
        gate = next((reason for reason in reasons if reason), None)
        reason = self._library.gates[gate].locked if gate is not None else ""
        return f"{self._words('exercise.clinic_waits', reason=reason)}\n\n{text}"

    def _left_out(self, programme: Programme, standing: Standing, now: datetime) -> str:
        """What of the clinic's own programme the gates keep shut today, by reason."""
        shut: dict[str, list[str]] = {}
        for each in programme.reachable:
            exercise = self._library.exercises[each]
            gate = locked_by(exercise, standing, now.date())
            if gate is not None:
                shut.setdefault(gate, []).append(exercise.name.lower())
        return "\n\n".join(
            self._words("exercise.clinic_left_out", names=", ".join(names), reason=self._library.gates[gate].locked)
            for gate, names in shut.items()
        )

    def _session(
        self, programme: Programme | None, practice: Practice, standing: Standing, now: datetime
    ) -> Session | None:
        if programme is None:
            return None
        return sessions.begin(
            programme, self._library, standing,
            id_=uuid.uuid4().hex[:6], now=now, count=practice.count, smaller=practice.smaller,
            lead=Lead(practice.region, practice.weights), as_it_stands=programme is self._clinics,
        )  # fmt: skip

    def _region_words(self, region: str, session: Session) -> str:
        """Whether the session has something for the region that was named."""
        has_some = any(self._library.exercises[each].region == region for each in session.items)
        name = self._library.regions[region].name
        return self._words("exercise.region_first" if has_some else "exercise.region_none", name=name)

    def _minutes(self, session: Session) -> int:
        whole = sum(
            sessions.seconds(self._library.exercises[each], eased=each in session.eased) for each in session.items
        )
        return max(2, round(whole / 60))

    def _barred(self, programme: Programme, standing: Standing, now: datetime) -> str:
        """What the programme holds besides and stays locked, with the reason."""
        if programme is self._clinics:
            return self._left_out(programme, standing, now)
        own = self._library.programmes_of(earliest(standing))
        reachable = dict.fromkeys((*programme.reachable, *(each for one in own[:1] for each in one.reachable)))
        reasons = [locked_by(self._library.exercises[each], standing, now.date()) for each in reachable]
        gates = dict.fromkeys(reason for reason in reasons if reason)
        return "\n\n".join(
            self._words("exercise.some_locked", reason=self._library.gates[gate].locked) for gate in gates
        )

    def _locked(self, patient: Patient, practice: Practice, standing: Standing, now: datetime) -> ExerciseStep:
        gate = self._library.gates[why_locked(standing, self._library, now.date())]
        text = self._words("exercise.locked", reason=gate.locked)
        again = Button(title=self._words("exercise.check_button"), payload=payload("ex", "recheck"))
        kept = _keep(patient, dataclasses.replace(practice, asking=""))
        return ExerciseStep(kept, _outcome(Reply(text=text, buttons=(again,)), retired=("exa", "ex")))

    def _closed(self, patient: Patient, practice: Practice) -> ExerciseStep:
        reason = self._library.gates["G0"].locked
        buttons = (
            Button(title=self._words("exercise.seen_button"), payload=payload("ex", "seen")),
            Button(title=self._words("intake.start_button"), payload=payload("intake", "start")),
        )
        text = self._words("exercise.locked", reason=reason)
        return ExerciseStep(_keep(patient, practice), _outcome(Reply(text=text, buttons=buttons), retired=("ex",)))

    def _later(self, patient: Patient, practice: Practice) -> ExerciseStep:
        kept = _keep(patient, dataclasses.replace(practice, asking=""))
        return ExerciseStep(kept, _outcome(Reply(text=self._words("exercise.later")), retired=("ex",)))

    def _shut(self, patient: Patient, practice: Practice, now: datetime, key: str) -> ExerciseStep:
        shut = _keep(patient, dataclasses.replace(practice, closed_at=now, session=None, asking=""))
        outcome = _outcome(Reply(text=self._words(key)), retired=("ex", "exs"))
        return ExerciseStep(shut, outcome, _left(patient, practice.session), begins_check=True)

    # ---- the session ----
    def _pressed(self, patient: Patient, practice: Practice, press: Press, now: datetime) -> ExerciseStep | None:
        if press.verb == "exa":
            return self._pressed_answer(patient, practice, press.argument, now)
        if press.verb == "exs":
            return self._pressed_score(patient, practice, press.argument, now)
        if press.verb != "ex":
            return None
        match press.argument:
            case "start":
                return self.start(patient, now)
            case "begin":
                return self.begin(patient, now)
            case "later":
                return self._later(patient, practice)
            case "wrong":
                return self._shut(patient, practice, now, "exercise.wrong")
            case "seen":
                seen = dataclasses.replace(self._unasked(practice).opened(now), must_be_seen=False)
                return self.begin(_keep(patient, seen), now)
            case "recheck":
                return self.begin(
                    _keep(patient, dataclasses.replace(practice, asked=(), checked_at=None, began_on=None)), now
                )
            case argument:
                name, id_, turn = argument.split(":")
                session = practice.session
                if session is None or not session.is_open(now) or session.id != id_:
                    return self._stale(patient, "exercise.over")
                if session.turn != int(turn) or session.asking:
                    return self._stale(patient, "exercise.moved_on")
                return self._moved(patient, practice, session, _NAMED[name], now)

    def _pressed_answer(
        self, patient: Patient, practice: Practice, argument: str, now: datetime
    ) -> ExerciseStep | None:
        name, _, index = argument.partition(":")
        question = next((each for each in self._questions if each.id == name), None)
        if question is None or practice.asking != name or int(index) >= len(question.answers):
            return self._stale(patient, "exercise.moved_on")
        if question.weekly and practice.is_old(now):
            return self._asked_anew(patient, practice, now)
        return self._answered(patient, practice, question, question.answers[int(index)], now)

    def _pressed_score(self, patient: Patient, practice: Practice, argument: str, now: datetime) -> ExerciseStep:
        id_, turn, value = argument.split(":")
        session = practice.session
        if session is None or session.id != id_ or not session.is_open(now):
            return self._stale(patient, "exercise.over")
        if session.turn != int(turn) or not session.asking:
            return self._stale(patient, "exercise.moved_on")
        return self._scored(patient, practice, session, int(value), now)

    def _typed(
        self, patient: Patient, practice: Practice, session: Session, text: str, now: datetime
    ) -> ExerciseStep | None:
        event = _MOVES.get(text) or _MOVES.get(in_session.bare(text)) or in_session.move(text)
        if text in _HURTS:
            return self._moved(patient, practice, session, "hurts", now)
        if _is_recent(datetime.fromisoformat(session.moved), now) and (told := in_session.trouble(text)) is not None:
            if told == "linked" and practice.standing.linked:  # no news: the movement is to stay short of that
                return None if session.asking else self._moved(patient, practice, session, "easier", now)
            if told == "pain":
                return self._moved(patient, practice, session, "hurts", now)
            return self._over(
                patient, self._unasked(practice), sessions.move(session, "hurts", self._library, now), now,
                "exercise.noticed",
            )  # fmt: skip
        if session.asking:
            number = in_session.score(text)
            if number is not None:
                return self._scored(patient, practice, session, number, now)
            if event in ("skip", "stop") or text in _LATER or in_session.is_pause(text):
                return self._over(patient, practice, Moved(session, "finished"), now)
            return None
        if in_session.is_pause(text):
            paused = _keep(patient, dataclasses.replace(practice, asking=_PAUSED))
            return ExerciseStep(paused, _outcome(Reply(text=self._words("exercise.paused"))))
        if practice.asking == _PAUSED and (in_session.bare(text) in _GO_ON or event == "next"):
            return self._resumed(patient, practice, now)
        return None if event is None else self._moved(patient, practice, session, event, now)

    def _moved(
        self, patient: Patient, practice: Practice, session: Session, event: Move, now: datetime
    ) -> ExerciseStep:
        if event == "harder" and not session.is_smaller:
            step = self._show(patient, practice, session)
            told = _led(step.outcome.replies[0], self._words("exercise.own_dose"))
            return dataclasses.replace(step, outcome=step.outcome.model_copy(update={"replies": (told,)}))
        moved = sessions.move(session, event, self._library, now)
        if moved.ended is not None:
            return self._over(patient, practice, moved, now)
        kept = dataclasses.replace(practice, session=moved.session, asking="")
        if self._is_locked(moved.session, standing_of(practice, now), now):
            return self._dropped(patient, kept, now)
        return self._show(patient, kept, moved.session, retired=("ex",))

    def _is_locked(self, session: Session, standing: Standing, now: datetime) -> bool:
        """Whether what it would show next is locked by what has been told since it began."""
        return not session.asking and locked_by(session.exercise(self._library), standing, now.date()) is not None

    def _scored(
        self, patient: Patient, practice: Practice, session: Session, value: int, now: datetime
    ) -> ExerciseStep:
        moved = sessions.score(session, value, now)
        if moved.ended is not None:
            return self._over(patient, practice, moved, now)
        kept = dataclasses.replace(practice, session=moved.session)
        return ExerciseStep(_keep(patient, kept), _outcome(self._score_question(moved.session), retired=("exs",)))

    def _show(
        self, patient: Patient, practice: Practice, session: Session, retired: tuple[str, ...] = ()
    ) -> ExerciseStep:
        reply = self._score_question(session) if session.asking else self._instruction(practice, session)
        return ExerciseStep(_keep(patient, practice), _outcome(reply, retired=retired))

    def _instruction(self, practice: Practice, session: Session) -> Reply:
        exercise = session.exercise(self._library)
        eased = exercise.id in session.eased
        head = self._words("exercise.head", number=session.at + 1, count=len(session.items), name=exercise.name)
        if session.is_practice(self._library):
            return self._practice(exercise, session, head, eased=eased)
        first = session.step == 0
        parts = [head]
        if first:
            parts.append(exercise.goal)
            parts += [self._words("exercise.smaller", how=exercise.easier)] if eased else []
            parts += [self._words("exercise.care", caution=caution) for caution in exercise.cautions]
            situations = [self._library.never_with[each] for each in exercise.never_with if each not in SETTLED]
            if situations:
                parts.append(self._words("exercise.not_if", reasons="\n".join(f"- {each}" for each in situations)))
        parts.append(exercise.steps[session.step])
        image = f"{exercise.id}/{practice.weak_side or 'right'}{'/dark' if practice.is_dark else ''}" if first else None
        return Reply(text="\n\n".join(parts), buttons=self._buttons(_STEP_BUTTONS, session), image=image)

    def _practice(self, exercise: Exercise, session: Session, head: str, *, eased: bool) -> Reply:
        dose, often = exercise.dose, sessions.repetitions(exercise, eased=eased)
        count: Count | None = None
        if dose.minutes is not None:
            minutes = dose.minutes / 2 if eased else float(dose.minutes)
            how = self._words("exercise.for_minutes", minutes=f"{minutes:g}")
            how = self._words("exercise.for_a_minute") if minutes == 1 else how
            count = Count(hold_s=round(minutes * 60), rest_s=0, repetitions=1, after_s=dose.rest_s or 0)
        elif dose.hold_s is not None:
            how = self._words("exercise.hold", count=often, seconds=dose.hold_s)
            how = self._words("exercise.hold_once", seconds=dose.hold_s) if often == 1 else how
            count = Count(hold_s=dose.hold_s, rest_s=3, repetitions=often, after_s=dose.rest_s or 0)
        else:
            how = self._words("exercise.once") if often == 1 else self._words("exercise.times", count=often)
        smaller = self._words("exercise.smaller", how=exercise.easier) if eased else None
        rest = self._words("exercise.rest_after", seconds=dose.rest_s) if dose.rest_s else None
        parts = [part for part in (head, smaller, how, rest, exercise.dose_note, exercise.stop) if part]
        return Reply(text="\n\n".join(parts), buttons=self._buttons(_PRACTICE_BUTTONS, session), count=count)

    def _buttons(self, moves: tuple[Move, ...], session: Session) -> tuple[Button, ...]:
        return tuple(
            Button(
                title=self._words(f"move.{each}"),
                payload=payload("ex", f"{each}:{session.id}:{session.turn}"),
            )
            for each in moves
            if each != "harder" or session.is_smaller
        )

    def _score_question(self, session: Session) -> Reply:
        buttons = tuple(
            Button(title=str(value), payload=payload("exs", f"{session.id}:{session.turn}:{value}"))
            for value in range(11)
        )
        return Reply(text=self._words(_ASKED[session.asking]), buttons=buttons)

    def _over(
        self, patient: Patient, practice: Practice, moved: Moved, now: datetime, why: str = "exercise.hurt"
    ) -> ExerciseStep:
        session = moved.session
        ended: Ending = moved.ended or "finished"
        hurt = (session.items[session.at],) if ended == "hurt" else ()
        waiting = (each for each in practice.smaller if each not in session.items)  # their turn is yet to come
        smaller = tuple(dict.fromkeys((*waiting, *session.skipped, *session.eased, *hurt)))
        kept = dataclasses.replace(practice, session=None, asking="", smaller=smaller)
        end = SessionEnd(session, ended, zone_of(patient))
        if ended == "hurt":
            shut = self._shut(patient, kept, now, why)
            return dataclasses.replace(shut, ended=end)
        done, whole = len(session.done), len(session.items)
        key = "exercise.finished" if ended == "finished" and done else "exercise.stopped"
        text = self._words(key, done=done, count=whole)
        if done:
            days = practice.row(now, zone_of(patient))
            text += "\n\n" + self._words("exercise.days", days=days) if 1 < days < RECENT else ""
        text += "\n\n" + self._next_time(session, practice, smaller, now, zone_of(patient))
        return ExerciseStep(_keep(patient, kept), _outcome(Reply(text=text), retired=("ex", "exs")), end)

    def _next_time(
        self, session: Session, practice: Practice, smaller: tuple[str, ...], now: datetime, zone: str
    ) -> str:
        """When the programme would have the next session, and that what was hard comes smaller. No promise is kept."""
        programme = self._clinics if self._clinics is not None and session.programme == self._clinics.id else None
        programme = programme or self._library.programmes.get(session.programme)
        here = now.astimezone(ZoneInfo(zone))
        todays = sum(diary.local_day(*each) == here.date() for each in practice.recent)
        if programme is None or programme.days_a_week < 7:
            when = "exercise.next_some_day"
        elif todays < programme.times_a_day and here.hour < _LATE:
            when = "exercise.next_today"
        else:
            when = "exercise.next_tomorrow"
        eased = set(smaller) & {*session.skipped, *session.eased}
        hard = " " + self._words("exercise.next_smaller") if eased else ""
        return self._words(when) + hard

    def _resumed(self, patient: Patient, practice: Practice, now: datetime) -> ExerciseStep:
        session = practice.session
        practice = dataclasses.replace(practice, asking="")
        if session is None or self._is_locked(session, standing_of(practice, now), now):
            return self._dropped(patient, practice, now)
        step = self._show(patient, practice, session)
        reply = step.outcome.replies[0]
        told = _led(reply, self._words("exercise.resumed"))
        return dataclasses.replace(step, outcome=step.outcome.model_copy(update={"replies": (told,)}))

    def _of(self, patient: Patient) -> Practice:
        """What is kept of the person; a session of exercises that the library holds no longer is over."""
        practice = practice_of(patient)
        session = practice.session
        if session is None or all(each in self._library.exercises for each in session.items):
            return practice
        return dataclasses.replace(practice, session=None)

    def _stale(self, patient: Patient, key: str) -> ExerciseStep:
        return ExerciseStep(patient, _outcome(Reply(text=self._words(key)), retired=("ex", "exs", "exa")))


def practice_of(patient: Patient) -> Practice:
    """What is kept of the person's practice, with what their therapist has set."""
    practice = Practice.loads(patient.practice)
    if patient.prescribed is None:
        return practice
    return dataclasses.replace(practice, standing=Prescribed.loads(patient.prescribed).applied(practice.standing))


def zone_of(patient: Patient) -> str:
    """The person's zone; UTC while it is not known."""
    return patient.zone or "UTC"


def _is_recent(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and now - moment < _AT_IT


def _with_today(practice: Practice, now: datetime, zone: str) -> tuple[tuple[datetime, str], ...]:
    """The sessions at hand with the one that begins now: today's all, and one for each day before."""
    today = diary.local_day(now, zone)
    earlier = {diary.local_day(*each): each for each in practice.recent}
    earlier.pop(today, None)
    todays = (each for each in practice.recent if diary.local_day(*each) == today)
    return (*earlier.values(), *todays, (now, zone))[-RECENT:]


def _outcome(reply: Reply, retired: tuple[str, ...] = ()) -> Outcome:
    return Outcome(kind=Kind.EXERCISE, replies=(reply,), retired=retired)


def _led(reply: Reply, lead: str) -> Reply:
    """The reply with some words before it."""
    return reply.model_copy(update={"text": f"{lead}\n\n{reply.text}"})


def _left(patient: Patient, session: Session | None) -> SessionEnd | None:
    """The end of a session that is left as it is, for the diary."""
    return SessionEnd(session, "stopped", zone_of(patient)) if session is not None else None


def _keep(patient: Patient, practice: Practice) -> Patient:
    return dataclasses.replace(patient, practice=practice.dumps())
