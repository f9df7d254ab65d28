"""`Dialogue.reply`: the way of a message, in order.

1. screen        red flags and crisis, deterministic, before anything else and without any consent
2. commands      /start, /help, /stop
   own data      a copy of everything, or everything erased: in any state, by command, tap or words
   the clinic    an invitation, a message to the clinic, "stop sharing"; a request for an assessment
3. first contact until consent and the few questions are done
4. intake        an answer to the open question of a triage intake
5. exercises     a tap or a word that belongs to the self-check, the session or the questionnaire under way
6. progress      how practice went, and reminders: what is asked of them in words or by a tap
7. engine        intent, rules, actions
8. plain answer  when the engine is away
"""

import dataclasses
import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from bot.clock import Clock
from bot.dialogue import plain, progress
from bot.dialogue.check_in import WEEKLY, CheckIns, CheckInStep, Scored
from bot.dialogue.clinic import Clinics, ClinicStep, Lines
from bot.dialogue.engine import Engine
from bot.dialogue.exercise import Exercises, ExerciseStep, SessionEnd
from bot.dialogue.first_contact import FirstContact, Welcome, is_step
from bot.dialogue.intake import Assessed, Intakes
from bot.dialogue.intake import Step as IntakeStep
from bot.dialogue.language import Language, Languages
from bot.dialogue.own_data import OwnData
from bot.dialogue.questions import leans_on_before, split
from bot.dialogue.reminder import Reminders, ReminderStep
from bot.dialogue.safety import Safety, Verdict
from bot.dialogue.said import Said, words_of
from bot.dialogue.scrub import scrub
from bot.dialogue.self_referral import ReferStep, SelfReferrals, Takers
from bot.knowledge import Shelf
from bot.outcome import Button, Kind, Outcome, Reply
from bot.patient import Patient, Step
from bot.payload import Press, payload
from bot.programme.gate import LOCKING_RULES
from bot.reminders.places import Places
from bot.store.lines import hash_of
from bot.store.self_referrals import Request
from bot.triage.countries import Countries, Country
from bot.triage.screen import Level, Screen
from bot.words import Words

# Beyond this a message holds more than one thing to answer; the screen has read all of it by then.
MAX_QUESTION = 1500
# What "and at night?" may be taken for without what was said before it.
_NOT_UNDERSTOOD = (Kind.FALLBACK, Kind.OUT_OF_SCOPE, Kind.SMALLTALK)
# So many words say when and of what; more may say why.
_BARE_REQUEST = 8
# After so many misses in a row, asking again in the same way would be a loop.
MISSES_BEFORE_OTHER_HELP = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Feedback:
    """Whether an article helped."""

    article: str
    version: int
    helpful: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Turn:
    """What one message led to: the person as they now stand, what to say, and what to keep.

    `missed` is what was not surely understood, scrubbed of names, numbers and links. `forget` says that the person
    asked to be forgotten, by the engine too. `stand_in` is the throw-away name under which the engine was asked before
    consent: it is to forget that one. `assessed` is a triage assessment to keep, `practised` a session of exercises
    that is over, `scored` an answered questionnaire, `snoozed` a reminder's name and when it comes once more. `joined`
    is the hash of a clinic's invitation that they said yes to, `left` that they stopped sharing, `to_clinic` what they
    wrote to it. `referred` is a request for an assessment that they said yes to. `erase` says that they asked to be
    erased and confirmed it: nothing of the turn is kept but that, and its reply goes out when all is gone.
    """

    patient: Patient
    outcome: Outcome
    feedback: Feedback | None = None
    missed: str | None = None
    forget: bool = False
    stand_in: str | None = None
    assessed: Assessed | None = None
    practised: SessionEnd | None = None
    scored: Scored | None = None
    snoozed: tuple[str, datetime] | None = None
    joined: str | None = None
    left: bool = False
    to_clinic: str | None = None
    referred: Request | None = None
    erase: bool = False


class Dialogue:
    """The one door through which every channel talks."""

    def __init__(
        self,
        shelf: Shelf,
        screen: Screen,
        countries: Countries,
        words: Words,
        languages: Languages,
        intakes: Intakes,
        exercises: Exercises,
        check_ins: CheckIns,
        reminders: Reminders,
        engine: Engine,
        clock: Clock,
        lines: Lines | None = None,
        refers: SelfReferrals | None = None,
    ) -> None:
        self._shelf = shelf
        self._safety = Safety(screen)
        self._countries = countries
        self.words = words
        self._languages = languages
        self._intakes = intakes
        self._exercises = exercises
        self._check_ins = check_ins
        self._reminders = reminders
        self._engine = engine
        self._clock = clock
        self._first_contact = FirstContact(words, countries)
        self._clinics = Clinics(words, lines)
        self._own_data = OwnData(words)
        self._refers = refers or SelfReferrals(words, intakes, None, None)

    @classmethod
    def load(
        cls,
        content: Path,
        shelf: Shelf,
        engine: Engine,
        clock: Clock,
        lines: Lines | None = None,
        takers: Takers | None = None,
    ) -> "Dialogue":
        """Load what the way of a message needs.

        Without `lines` nobody can share with a clinic, without `takers` nobody can ask one for an assessment.

        Raises:
            ContentError: content is broken, each problem named.
        """
        screen, words = Screen.load(content), Words.load(content / "words.yml")
        intakes = Intakes.load(content, screen.messages, words)
        return cls(
            shelf=shelf,
            screen=screen,
            countries=Countries.load(content / "countries.yml"),
            words=words,
            languages=Languages.load(content),
            intakes=intakes,
            exercises=Exercises.load(content, frozenset(shelf.library.sources), words),
            check_ins=CheckIns.load(content, shelf.library, screen.messages, words),
            reminders=Reminders(Places.load(content / "places.yml"), words),
            engine=engine,
            clock=clock,
            lines=lines,
            refers=SelfReferrals.load(content, words, intakes, takers),
        )

    async def reply(self, patient: Patient, said: Said) -> Turn:
        """Answer one message of one person. Nothing is written here: see `record`."""
        country = self._countries.get(patient.country)
        turn = self._screened(patient, said, country)
        if turn is not None:  # what is typed next may be about that, and no answer to a question about a request
            turn = dataclasses.replace(turn, patient=self._own_data.aside(self._refers.aside(turn.patient)))
        if turn is None:
            turn = await self._answered(patient, said, country)
        elif turn.outcome.kind is Kind.TRIAGE and not turn.outcome.provisional and turn.patient.held_question:
            # The alarm was false: what they had asked is answered now.
            turn = await self._after_false_alarm(turn, country)
        elif turn.outcome.kind in (Kind.EMERGENCY, Kind.CRISIS) and self._is_asked(turn.patient):
            turn = _turn(self._intakes.break_off(turn.patient, turn.outcome, self._clock()))
        if turn.outcome.kind is Kind.EMERGENCY and turn.patient.has_consented:
            told = dataclasses.replace(turn.patient, emergency_at=self._clock())
            turn = dataclasses.replace(turn, patient=told)
        if self._clinics.is_writing(patient, self._clock()) and self.alarms(said):
            # It was meant for the clinic, and goes there too: whoever reads it there should know.
            turn = _with(turn, await self._clinics.passed_on(turn.patient, str(said.text), turn.outcome))
        return turn if turn.erase else self._planned(self._gated(self._going_on(turn)))

    def _going_on(self, turn: Turn) -> Turn:
        """The turn with a way back to the request for an assessment, when the check for it is over."""
        if turn.assessed is None or turn.assessed.ended == "emergency" or turn.outcome.kind is Kind.EMERGENCY:
            return turn
        return dataclasses.replace(turn, outcome=self._refers.going_on(turn.patient, turn.outcome, self._clock()))

    def _planned(self, turn: Turn) -> Turn:
        """The turn with the care plan's points, and with a reminder of the re-check that a triage asked for."""
        if not turn.patient.has_consented or turn.forget:
            return turn
        now = self._clock()
        patient = self._reminders.care(turn.patient, now)
        if turn.assessed is not None and turn.assessed.ended == "result":
            patient = self._reminders.recheck(patient, now + timedelta(hours=turn.assessed.again_after))
        return dataclasses.replace(turn, patient=patient)

    def _gated(self, turn: Turn) -> Turn:
        """The turn with the exercises shut by what must be seen to, or open again after a check that found none."""
        patient, outcome = turn.patient, turn.outcome
        if not patient.has_consented:
            return turn
        told_to_go = outcome.disposition == "SAME_DAY" or (
            outcome.disposition == "EMERGENCY" and not outcome.provisional
        )
        if told_to_go or (outcome.disposition is not None and LOCKING_RULES & set(outcome.rules)):
            shut, left = self._exercises.shut(patient, self._clock(), must_be_seen=not outcome.provisional)
            return dataclasses.replace(turn, patient=shut, practised=turn.practised or left)
        if turn.assessed is not None and turn.assessed.ended == "result":
            learnt = self._exercises.learn(patient, turn.assessed.assessment.findings, self._clock())
            return dataclasses.replace(turn, patient=self._exercises.reopen(learnt, self._clock()))
        return turn

    def alarms(self, said: Said) -> bool:
        """Whether a text holds a red flag that can't wait."""
        return bool(said.text) and self._safety.check(str(said.text)).level is not Level.NONE

    def number_for(self, patient: Patient) -> str:
        """Return the emergency number of a person's country."""
        return self._countries.get(patient.country).emergency_number

    def _screened(self, patient: Patient, said: Said, country: Country) -> Turn | None:
        verdict: Verdict | None = None
        if said.press is not None and said.press.verb == "flag":
            answer, _, family = said.press.argument.partition(":")
            verdict = self._safety.answered(patient, answer, family, country)
            outcome = verdict.outcome if verdict.outcome.replies else self._say(Kind.FALLBACK, "other.old_button")
            verdict = dataclasses.replace(verdict, outcome=outcome.model_copy(update={"retired": ("flag",)}))
        elif said.text:
            # A certain alarm goes before everything; a plain yes to the open question before a mere possibility;
            # and a new possibility before any other reply to the open question: it may be worse.
            found = self._safety.check(said.text)
            if found.level is not Level.CERTAIN and self._intakes.understands(patient, said.text, self._clock()):
                return None  # the open question of an intake asks about the same, and asks on
            if found.level is not Level.CERTAIN and self._safety.says_yes(patient, said.text):
                verdict = self._safety.hear(patient, said.text, country)
            else:
                verdict = self._safety.interrupt(patient, said.text, found, country)
                verdict = verdict or self._safety.hear(patient, said.text, country)
        if verdict is None:
            return None
        verdict = dataclasses.replace(verdict, patient=self._intakes.note(verdict.patient, verdict.outcome.findings))
        kept = dataclasses.replace(verdict.patient, held_question=verdict.go_on) if verdict.go_on else verdict.patient
        return Turn(kept, verdict.outcome)

    async def _after_false_alarm(self, turn: Turn, country: Country) -> Turn:
        if not turn.patient.has_consented:
            return turn  # answered after consent, as every held question
        held = str(turn.patient.held_question)
        if self._is_asked(turn.patient):
            patient = dataclasses.replace(turn.patient, held_question=None)
            return Turn(patient, self._intakes.again(patient, turn.outcome, self._clock()))
        patient = dataclasses.replace(turn.patient, held_question=None)
        outcome = await self._understood(patient, Said(text=held), country, calm=True)
        replies = turn.outcome.replies + outcome.replies
        update: Mapping[str, object] = {
            "replies": replies,
            "asks_red_flags": True,
            "retired": turn.outcome.retired,
        }
        return Turn(patient, outcome.model_copy(update=update))

    async def _answered(self, patient: Patient, said: Said, country: Country) -> Turn:
        if said.zone is not None:
            return self._placed(patient, said, country) or await self._answered(patient, Said(text=""), country)
        press = said.press
        if patient.writing_at is not None and (said.command or (press is not None and press.verb != "line")):
            patient = dataclasses.replace(patient, writing_at=None)  # they went on to something else
        if said.command or (press is not None and press.verb != "refer"):
            patient = self._refers.aside(patient)
        own = self._own_data.hear(patient, said, self._clock())
        if own is not None:
            return Turn(own.patient, own.outcome, erase=own.erase)
        patient = self._own_data.aside(patient)
        if said.token is not None:
            return await self._invited(patient, said.token, country)
        if said.command == "refer" and patient.step is Step.DONE and patient.has_consented:
            asked = self._safety.again(patient, country)
            if asked is not None:
                return Turn(asked.patient, asked.outcome)
            return self._at_request(await self._refers.begin(patient, country, self._clock()), said, country)
        if said.command is not None or (press is not None and press.verb == "stop"):
            turn = self._command(patient, said, country)
            if turn.forget:
                await self._engine.forget(patient.id)  # at once, where it can; what is left is in the turn
            return turn
        if patient.step is not Step.DONE or not patient.has_consented:
            return await self._welcomed(patient, said, country)
        if press is not None and is_step(press):
            return Turn(patient, self._say(Kind.ACCOUNT, "other.old_button"))
        to_clinic = await self._clinics.hear(patient, said, country.emergency_number, self._clock())
        if to_clinic is not None:
            return self._at_clinic(to_clinic, said, country)
        if (press is not None and press.verb == "refer") or (said.text and not self._is_asked(patient)):
            request = await self._refers.hear(patient, said, country, self._clock())
            if request is not None:
                asked = self._safety.again(patient, country)
                return Turn(asked.patient, asked.outcome) if asked else self._at_request(request, said, country)
            patient = self._refers.aside(patient)
        if press is not None and press.verb in ("good", "bad"):
            return self._fed_back(patient, press)
        if press is not None and press.verb == "none":
            missed = dataclasses.replace(patient, misses=patient.misses + 1)
            return self._counted(missed, self._say(Kind.FALLBACK, "clarify.none_reply"))
        if press is not None and press.verb == "summary":
            return Turn(patient, self._intakes.summary(patient, press.argument))
        if said.text and self._is_asked(patient):
            # What the screen finds in words that answer something else counts all the same.
            patient = self._intakes.note(patient, self._safety.check(said.text).findings)
        step = self._intakes.hear(patient, said, country, self._clock())
        if step is not None:
            return _turn(step)
        # A tap says what it is for, also while a question of the intake stands open that was left for later.
        if press is not None or not self._is_asked(patient):
            asked_again = self._asked_again(patient, press, country)
            if asked_again is not None:
                return asked_again
            # What must be seen today is told at once, and shuts them all the same: no questions first.
            be_seen = said.text and self._safety.check(said.text).disposition == "SAME_DAY"
            exercise = None if be_seen else self._exercises.hear(patient, said, self._clock())
            if exercise is not None:
                return self._exercised(exercise, country)
        if not self._is_asked(patient):
            check_in = self._check_ins.hear(patient, said, country, self._clock())
            if check_in is not None:
                return _checked_in(check_in)
        if press is not None or not self._is_asked(patient):
            wanted = progress.wanted(said)
            if wanted is not None:
                return self._progressed(patient, wanted, country)
        if press is not None or not self._is_asked(patient):
            reminder = self._reminders.hear(patient, said, country, self._clock())
            if reminder is not None and not await self._raises(patient, said):
                return self._reminded(reminder)
        if not self._is_asked(patient):
            agreed = await self._clinics.hear_yes(patient, said, country.emergency_number, self._clock())
            if agreed is not None:
                return self._at_clinic(agreed, said, country)
        outcome = self._addressed(patient, await self._understood(patient, said, country))
        if outcome.kind is Kind.ACCOUNT and outcome.replies and not self._is_asked(patient):
            *before, last = outcome.replies
            last = last.model_copy(update={"buttons": (*last.buttons, *self._own_data.buttons())})
            outcome = outcome.model_copy(update={"replies": (*before, last)})
        if outcome.kind is Kind.HANDOFF and not self._is_asked(patient):
            line = await self._clinics.line_of(patient)
            if line is not None:
                handed = self._clinics.handoff(patient, line, country.emergency_number, self._clock())
                return self._at_clinic(handed, said, country)
            instead = await self._refers.person(patient, country)
            if instead is not None:
                return Turn(instead.patient, instead.outcome)
        if outcome.begins_intake and outcome.disposition != "EMERGENCY":
            return self._intake_begun(patient, said, outcome, country)
        if outcome.kind is Kind.REMINDER and not self._is_asked(patient):
            return self._reminded(self._reminders.offer(patient, self._clock()))
        if outcome.kind is Kind.EXERCISE and not self._is_asked(patient):
            return self._begun(patient, country)
        if self._is_asked(patient):
            if outcome.kind is Kind.FALLBACK:
                outcome = outcome.model_copy(update={"replies": ()})
            return Turn(_asked(patient, outcome, said.text), self._intakes.again(patient, outcome, self._clock()))
        reports = outcome.kind is Kind.TRIAGE and outcome.disposition is not None
        warns = outcome.kind is Kind.ANSWER and outcome.asks_red_flags  # the article names emergency signs
        if (reports or warns) and outcome.replies:
            outcome = self._offer_intake(outcome)
        outcome = await self._refers.offered(patient, outcome)
        misses = patient.misses + 1 if outcome.kind is Kind.FALLBACK else 0
        after = dataclasses.replace(patient, misses=misses, last_article=outcome.article or patient.last_article)
        turn = self._counted(_asked(after, outcome, said.text), outcome)
        if said.text and outcome.kind in (Kind.FALLBACK, Kind.CLARIFY):
            return dataclasses.replace(turn, missed=scrub(said.text, self._shelf.library.vocabulary))
        return turn

    async def _invited(self, patient: Patient, token: str, country: Country) -> Turn:
        """What an opened invitation leads to: first contact first, for whoever has not been through it."""
        now, token_hash = self._clock(), hash_of(token)
        if patient.step is Step.DONE and patient.has_consented:
            step = await self._clinics.invited(patient, token_hash, country.emergency_number, now)
            return _with(Turn(patient, step.outcome), step)
        held, lead = await self._clinics.hold(patient, token_hash, now)
        welcome = self._first_contact.begin(held)
        replies = ((lead,) if lead is not None else ()) + welcome.outcome.replies
        return Turn(welcome.patient, welcome.outcome.model_copy(update={"replies": replies}))

    async def _invited_after(self, turn: Turn, country: Country) -> Turn:
        """First contact is over: now the invitation that the person came with is put to them."""
        patient = turn.patient
        if patient.step is not Step.DONE or patient.invite is None or turn.forget:
            return turn
        step = await self._clinics.invited(patient, patient.invite, country.emergency_number, self._clock())
        replies = (*turn.outcome.replies, *step.outcome.replies)
        return dataclasses.replace(
            turn, patient=step.patient, outcome=turn.outcome.model_copy(update={"replies": replies})
        )

    def _at_clinic(self, step: ClinicStep, said: Said, country: Country) -> Turn:
        """What a step of the line led to; what the screen finds in words for the clinic is told first."""
        found = self._safety.check(said.text or "")
        outcome = self._safety.same_day(found, step.outcome, country) if step.to_clinic else step.outcome
        return _with(Turn(step.patient, outcome), dataclasses.replace(step, outcome=outcome))

    def _at_request(self, step: ReferStep, said: Said, country: Country) -> Turn:
        """What a step of a request led to; what the screen finds in words for the clinic is told first."""
        if step.begins_check:
            return _turn(self._intakes.begin(step.patient, country, self._clock(), {}))
        outcome = step.outcome
        if step.wrote:
            outcome = self._safety.same_day(self._safety.check(said.text or ""), outcome, country)
        return Turn(step.patient, outcome, referred=step.request)

    async def _raises(self, patient: Patient, said: Said) -> bool:
        """Whether the engine hears a red flag in a request that says more than when: that goes before the request."""
        if not said.text or len(said.text.split()) <= _BARE_REQUEST:
            return False
        outcome = await self._engine.ask(patient, words_of(said.text))
        return outcome is not None and outcome.asks is not None

    def _is_asked(self, patient: Patient) -> bool:
        """Whether a question of the triage intake stands open."""
        return self._intakes.is_open(patient, self._clock())

    def _addressed(self, patient: Patient, outcome: Outcome) -> Outcome:
        """An article with a line on whom its "you" means, for who asks about another person."""
        if patient.for_whom != "other" or outcome.kind is not Kind.ANSWER or not outcome.replies:
            return outcome
        first, *rest = outcome.replies
        lead = self.words("answer.for_a_child" if patient.age_band == "child" else "answer.for_someone")
        buttons = first.buttons
        child = self._shelf.library.about("children") if patient.age_band == "child" else None
        if child is not None and child.id != outcome.article:
            buttons = (*buttons, Button(title=child.label, payload=payload("open", child.id)))
        addressed = first.model_copy(update={"text": f"{lead}\n\n{first.text}", "buttons": buttons})
        return outcome.model_copy(update={"replies": (addressed, *rest)})

    def _command(self, patient: Patient, said: Said, country: Country) -> Turn:
        number = country.emergency_number
        name = said.command or (said.press.payload if said.press else "")
        match name:
            case "start":
                welcome = self._first_contact.begin(patient)
                return Turn(welcome.patient, welcome.outcome)
            case "stop":
                return Turn(patient, self._ask_stop())
            case "stop:yes":
                kept = Patient(id=patient.id, stopped_at=self._clock())
                return Turn(kept, self._say(Kind.ACCOUNT, "stop.stopped", retired=("stop",)), forget=True)
            case "stop:no":
                return Turn(patient, self._say(Kind.ACCOUNT, "stop.kept", retired=("stop",)))
            case "exercise" | "exercises" if patient.has_consented and patient.step is Step.DONE:
                return self._begun(patient, country)
            case "reminders" if patient.has_consented and patient.step is Step.DONE:
                return self._reminded(self._reminders.show(patient, self._clock()))
            case "progress" if patient.has_consented and patient.step is Step.DONE:
                return self._progressed(patient, progress.Wanted(as_page=False), country)
            case "checkin" if patient.has_consented and patient.step is Step.DONE:
                return _checked_in(self._check_ins.begin(patient, WEEKLY, self._clock()))
            case "check" if patient.has_consented and patient.step is Step.DONE:
                return _turn(self._intakes.begin(patient, country, self._clock(), {}))
            case _:
                return Turn(patient, self._say(Kind.SMALLTALK, "about.help", number=number))

    def _progressed(self, patient: Patient, wanted: progress.Wanted, country: Country) -> Turn:
        """How practice went; an open question about an emergency comes first."""
        asked = self._safety.again(patient, country)
        if asked is not None:
            return Turn(asked.patient, asked.outcome)
        return Turn(patient, progress.show(patient, wanted, self.words))

    def _begun(self, patient: Patient, country: Country) -> Turn:
        """What exercises begin with; an open question about an emergency comes first."""
        asked = self._safety.again(patient, country)
        if asked is not None:
            return Turn(asked.patient, asked.outcome)
        return self._exercised(self._exercises.begin(patient, self._clock()), country)

    def _asked_again(self, patient: Patient, press: Press | None, country: Country) -> Turn | None:
        """The open question about an emergency once more, in place of what a tap would go on with; None otherwise.

        Pain is heard all the same, and so is a stop.
        """
        if press is None or press.verb not in ("ex", "exa", "exs"):
            return None
        if press.verb == "ex" and press.argument.partition(":")[0] in ("hurts", "wrong", "stop", "later"):
            return None
        asked = self._safety.again(patient, country)
        return Turn(asked.patient, asked.outcome) if asked is not None else None

    def _placed(self, patient: Patient, said: Said, country: Country) -> Turn | None:
        """What a shared place leads to: its clock counts from now on. None before consent."""
        if patient.step is not Step.DONE or not patient.has_consented:
            return None
        step = self._reminders.hear(patient, said, country, self._clock())
        return self._reminded(step) if step is not None else None

    def _reminded(self, step: ReminderStep) -> Turn:
        """What was said of reminders; who won't practise today may say what got in the way, for a tip."""
        outcome = step.outcome
        if step.asks_why:
            why = self._check_ins.ask_why("reminders.why")
            outcome = outcome.model_copy(update={"replies": (*outcome.replies, why)})
        return Turn(step.patient, outcome, snoozed=step.snoozed)

    def _exercised(self, step: ExerciseStep, country: Country) -> Turn:
        """What a step of the exercises led to; when it hurts, the triage intake follows at once."""
        if not step.begins_check:
            return Turn(step.patient, self._offer_week(step), practised=step.ended)
        asked = self._intakes.begin(step.patient, country, self._clock(), {})
        update: Mapping[str, object] = {
            "kind": Kind.TRIAGE,
            "replies": step.outcome.replies + asked.outcome.replies,
            "retired": step.outcome.retired,
        }
        told = asked.outcome.model_copy(update=update)
        return Turn(asked.patient, told, assessed=asked.assessed, practised=step.ended)

    def _offer_week(self, step: ExerciseStep) -> Outcome:
        """The outcome with the weekly check-in offered at a session's end, when it is due."""
        now = self._clock()
        is_over = step.ended is not None and not self._exercises.is_open(step.patient, now)
        if not is_over or not self._check_ins.is_week_due(step.patient, now):
            return step.outcome
        *before, last = step.outcome.replies
        week = Button(title=self.words("week.offer"), payload=payload("form", WEEKLY))
        with_button = last.model_copy(update={"buttons": (*last.buttons, week)})
        return step.outcome.model_copy(update={"replies": (*before, with_button)})

    def _intake_begun(self, patient: Patient, said: Said, outcome: Outcome, country: Country) -> Turn:
        """Say what is known at once, then begin to ask; what the screen found in the words is not asked again."""
        found = {name: value for name, value in self._safety.check(said.text or "").findings.items() if value == "yes"}
        step = self._intakes.begin(patient, country, self._clock(), {**found, "droop": "yes"})
        update: Mapping[str, object] = {
            "replies": outcome.replies + step.outcome.replies,
            "findings": {**step.outcome.findings, **outcome.findings},
            "asks_red_flags": True,
        }
        if step.assessed is not None:  # what they wrote was enough for a result
            return _turn(dataclasses.replace(step, outcome=step.outcome.model_copy(update=update)))
        return Turn(step.patient, outcome.model_copy(update=update))

    def _offer_intake(self, outcome: Outcome) -> Outcome:
        """The outcome with a button that finds out how urgent it is."""
        start = Button(title=self.words("intake.start_button"), payload=payload("intake", "start"))
        *before, last = outcome.replies
        with_button = last.model_copy(update={"buttons": (*last.buttons, start)})
        return outcome.model_copy(update={"replies": (*before, with_button)})

    def _ask_stop(self) -> Outcome:
        yes = Button(title=self.words("stop.confirm"), payload=payload("stop", "yes"))
        no = Button(title=self.words("stop.cancel"), payload=payload("stop", "no"))
        return Outcome(kind=Kind.ACCOUNT, replies=(Reply(text=self.words("stop.ask"), buttons=(yes, no)),))

    async def _welcomed(self, patient: Patient, said: Said, country: Country) -> Turn:
        if patient.step is Step.DONE:  # they had stopped: consent is asked anew
            patient = dataclasses.replace(patient, step=Step.NEW)
        language = self._languages.of(said.text or "")
        if language is not None:
            return Turn(patient, self._in(language, country))
        if said.press is not None and not is_step(said.press):
            return Turn(patient, self._pressed_before_consent(said.press))
        welcome: Welcome = self._first_contact.go_on(patient, said, self._clock())
        outcome = welcome.outcome
        if patient.step is Step.NEW and welcome.patient.held_question:
            # Whoever begins with a question may be frightened: it is answered first, and nothing of it is kept.
            return await self._answered_unkept(welcome, country)
        if said.text and not welcome.answer_now:
            outcome = self._safety.same_day(self._safety.check(said.text), outcome, country)
        if welcome.answer_now:
            patient, answer = await self._answered_held(welcome.patient, welcome.answer_now, country)
            replies = outcome.replies + answer.replies
            outcome = answer.model_copy(update={"replies": replies, "retired": outcome.retired})
            welcome = dataclasses.replace(welcome, patient=patient)
        if welcome.forget:
            await self._engine.forget(patient.id)
        return await self._invited_after(Turn(welcome.patient, outcome, forget=welcome.forget), country)

    async def _answered_held(self, patient: Patient, question: str, country: Country) -> tuple[Patient, Outcome]:
        """Answer what was asked before first contact was over; what asked for a reminder sets one."""
        now, said = self._clock(), Said(text=question)
        if self._reminders.is_asked_for(patient, question, now) and not await self._raises(patient, said):
            reminder = self._reminders.hear(patient, said, country, now)
            if reminder is not None:
                return reminder.patient, reminder.outcome
        answer = await self._understood(patient, said, country)
        after = _asked(patient, answer, question)
        if answer.kind is Kind.REMINDER:
            offered = self._reminders.offer(after, now)
            return offered.patient, offered.outcome
        return after, answer

    async def _answered_unkept(self, welcome: Welcome, country: Country) -> Turn:
        """Answer a newcomer's first question under a throw-away name that is to be wiped, then ask for consent.

        Nothing of it is kept but a request for a reminder, which is held as any question that is asked before consent.
        """
        nobody = Patient(id=stand_in(welcome.patient.id), country=welcome.patient.country)
        question = str(welcome.patient.held_question)
        answer = await self._understood(nobody, Said(text=question), country)
        await self._engine.forget(nobody.id)
        replies = answer.replies
        held = None
        if answer.kind is Kind.REMINDER or self._reminders.is_asked_for(welcome.patient, question, self._clock()):
            held = question  # a reminder can be set only when it is known for whom
            if answer.kind is not Kind.REMINDER:
                known = () if answer.kind in _NOT_UNDERSTOOD and not answer.asks else replies
                replies = (*known, Reply(text=self.words("consent.held")))
        patient = _asked(dataclasses.replace(welcome.patient, held_question=held), answer, question)
        outcome = answer.model_copy(update={"replies": replies + welcome.outcome.replies})
        return Turn(patient, outcome, stand_in=nobody.id)

    def _pressed_before_consent(self, press: Press) -> Outcome:
        """Meet a tapped button of an answer given before consent: nothing is kept of it."""
        if press.verb in ("open", "more"):
            return plain.open_article(press, self._shelf.library, self.words)
        if press.verb in ("good", "bad"):
            return self._thanks(press)
        return self._say(Kind.FALLBACK, "clarify.none_reply" if press.verb == "none" else "other.old_button")

    def _thanks(self, press: Press) -> Outcome:
        key = "answer.thanks_good" if press.verb == "good" else "answer.thanks_bad"
        return Outcome(kind=Kind.SMALLTALK, notice=self.words(key), retired=("good", "bad"))

    def _fed_back(self, patient: Patient, press: Press) -> Turn:
        article = self._shelf.library.articles.get(press.argument)
        if article is None:
            return Turn(patient, self._thanks(press))
        return Turn(patient, self._thanks(press), Feedback(article.id, article.version, press.verb == "good"))

    async def _understood(self, patient: Patient, said: Said, country: Country, *, calm: bool = False) -> Outcome:
        """Answer a question or a tapped article: by the engine, or plainly when it is away."""
        library = self._shelf.library
        if said.press is not None:
            if said.press.verb not in ("open", "more"):
                return self._say(Kind.FALLBACK, "other.old_button")
            return await self._engine.ask(patient, said.press) or plain.open_article(said.press, library, self.words)
        text = words_of(said.text or "")
        found = self._safety.check(said.text or "")
        language = self._languages.of(said.text or "")
        if language is None and not text:
            return self._say(Kind.FALLBACK, "other.emoji" if said.text else "other.empty")
        if language is not None:
            return self._safety.same_day(found, self._in(language, country), country)
        if len(text) > MAX_QUESTION:
            return self._safety.same_day(found, self._say(Kind.FALLBACK, "other.too_long"), country)
        outcome = await self._each_question(patient, text, calm) or await self._in_context(patient, text, calm)
        return outcome if found.level is not Level.NONE else self._safety.same_day(found, outcome, country)

    async def _each_question(self, patient: Patient, text: str, calm: bool) -> Outcome | None:
        """Answer each of several questions, the most urgent first; None unless at least two get their own answer."""
        questions = split(text)
        if len(questions) < 2:
            return None
        asked = [await self._engine.ask(patient, question, calm=calm) for question in questions]
        raised = next((each for each in asked if each is not None and each.asks), None)
        if raised is not None:
            return raised
        answered = [each for each in asked if each is not None and each.kind is Kind.ANSWER and each.article]
        answers = {each.article: each for each in answered}
        if len(answers) < 2:
            return None
        articles = self._shelf.library.articles
        first, *rest = sorted(answers.values(), key=lambda each: articles[str(each.article)].urgency)
        others = tuple(str(each.topic) for each in rest)
        update: Mapping[str, object] = {
            "replies": tuple(reply for each in (first, *rest) for reply in each.replies),
            "alternatives": (*others, *(topic for topic in first.alternatives if topic not in others)),
            "asks_red_flags": any(each.asks_red_flags for each in (first, *rest)),
        }
        return first.model_copy(update=update)

    async def _in_context(self, patient: Patient, text: str, calm: bool) -> Outcome:
        """Answer a message; one that means nothing by itself is asked again together with what was told last."""
        outcome = await self._engine.ask(patient, text, calm=calm)
        if outcome is None:
            return plain.answer(text, self._shelf.library, self.words)
        last = self._shelf.library.articles.get(patient.last_article or "")
        if last is None or outcome.kind not in _NOT_UNDERSTOOD or not leans_on_before(text):
            return outcome
        together = await self._engine.ask(patient, f"{last.label}: {text}")
        return together if together is not None and together.kind not in _NOT_UNDERSTOOD else outcome

    def _counted(self, patient: Patient, outcome: Outcome) -> Turn:
        """After the third miss in a row, help differently instead of asking again."""
        if outcome.kind is Kind.FALLBACK and patient.misses >= MISSES_BEFORE_OTHER_HELP:
            other = self._say(Kind.FALLBACK, "clarify.miss_again").replies
            buttons = outcome.replies[-1].buttons if outcome.replies else ()
            outcome = outcome.model_copy(update={"replies": (other[0].model_copy(update={"buttons": buttons}),)})
            return Turn(dataclasses.replace(patient, misses=0), outcome)
        return Turn(patient, outcome)

    def _in(self, language: Language, country: Country) -> Outcome:
        """Say in a language, with the emergency line, that it isn't one the bot can answer in."""
        reply = language.reply.replace("{number}", country.emergency_number)
        return Outcome(kind=Kind.LANGUAGE, asks_red_flags=True, replies=(Reply(text=reply),))

    def _say(self, kind: Kind, key: str, *, retired: tuple[str, ...] = (), **values: object) -> Outcome:
        return Outcome(kind=kind, replies=(Reply(text=self.words(key, **values)),), retired=retired)


def stand_in(patient_id: str) -> str:
    """Return the throw-away name under which the engine is asked for somebody who has not agreed.

    It is the same for the same person, so that one who was asked for and then lost to a kill is wiped all the same.
    """
    return hashlib.blake2b(patient_id.encode(), digest_size=16, person=b"before consent").hexdigest()


def _turn(step: IntakeStep) -> Turn:
    return Turn(step.patient, step.outcome, assessed=step.assessed)


def _with(turn: Turn, step: ClinicStep | None) -> Turn:
    """The turn with what a step of the clinic's line adds to it."""
    if step is None:
        return turn
    return dataclasses.replace(
        turn, patient=step.patient, outcome=step.outcome, joined=step.joined, left=step.left, to_clinic=step.to_clinic
    )


def _checked_in(step: CheckInStep) -> Turn:
    return Turn(step.patient, step.outcome, scored=step.scored)


def _asked(patient: Patient, outcome: Outcome, text: str | None) -> Patient:
    """The person with the direct safety question open that an outcome puts, and what they had asked kept for after."""
    return dataclasses.replace(patient, awaiting=outcome.asks, held_question=text) if outcome.asks else patient
