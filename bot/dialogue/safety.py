"""What the red-flag screen leads to: the emergency or crisis message, one direct question, or a word to be seen today.

An open question is held on the person (`awaiting`), so that their next message is read as its answer first. An answer
that stays unclear counts as a yes: unknown is never "no".
"""

import dataclasses
from functools import lru_cache
from typing import Literal

from bot import metrics
from bot.dialogue.yes_no import read
from bot.outcome import Button, Kind, Outcome, Reply
from bot.patient import Patient
from bot.payload import payload
from bot.triage.countries import Country
from bot.triage.screen import Level, Screen, Screening

# `awaiting` is the family of the open question, with this mark once it has been asked a second time.
_ASKED_AGAIN = "!"
# A reply of so many words at most is read as an attempt at an answer.
_SHORT = 6
_CRISIS_DANGER, _CRISIS_UNCLEAR, _VIOLENCE_DANGER = "crisis_danger", "crisis_unclear", "violence_danger"
_CRISES = (_CRISIS_DANGER, _CRISIS_UNCLEAR, _VIOLENCE_DANGER)
# So many messages may be at work at once; what the screen found in them is kept in memory, no longer than others come.
_AT_WORK = 64
# What is asked of who is hurt by somebody has words of its own: it is no thought of dying.
_VIOLENCE = "violence"


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """The person as they now stand, and what to say; `go_on` is a question that may now be answered as usual."""

    patient: Patient
    outcome: Outcome
    go_on: str | None = None


class Safety:
    """Turns screenings, and answers to the screen's questions, into what is said."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        # A message is looked at from several sides, and what the screen finds depends on its words alone.
        self._look = lru_cache(maxsize=_AT_WORK)(screen)
        self._messages = screen.messages

    def check(self, text: str) -> Screening:
        """Return what the screen finds in a text."""
        return self._look(text)

    def interrupt(self, patient: Patient, text: str, found: Screening, country: Country) -> Verdict | None:
        """Return what must be said before anything else, or None when the message can go its usual way."""
        if found.level is Level.NONE:
            return None
        metrics.red_flag(str(found.family), found.level.value)
        if found.kind == "crisis":
            return self._crisis(patient, found, country)
        family = str(found.family)
        if found.level is Level.CERTAIN:
            return self._told(_asked(patient, None), family, found, country)
        if patient.awaiting is not None and patient.awaiting.removesuffix(_ASKED_AGAIN) == family:
            # The same once more, in place of an answer: it is unclear, and asked again only once.
            return self._unclear(patient, country)
        words = self._messages.emergency[family]
        outcome = _outcome(
            Kind.TRIAGE,
            found,
            self._fill(f"{words.line}\n\n{words.question}", country),
            self._yes_no(family),
            disposition="EMERGENCY",
            provisional=True,
        )
        return Verdict(_asked(patient, family, held=text), outcome)

    def hear(self, patient: Patient, text: str, country: Country) -> Verdict | None:
        """Read a typed reply to the open question; None when none is open or the text reads as something else."""
        if patient.awaiting is None or not self._is_known(patient.awaiting.removesuffix(_ASKED_AGAIN)):
            return None
        answer = read(text)
        if answer != "unclear":
            return self.answered(patient, answer, patient.awaiting.removesuffix(_ASKED_AGAIN), country)
        # A longer text is a message of its own: it is answered, and the question stays open.
        return self._unclear(patient, country) if len(text.split()) <= _SHORT else None

    def _is_known(self, family: str) -> bool:
        return family in self._messages.emergency or family in _CRISES

    def again(self, patient: Patient, country: Country) -> Verdict | None:
        """Return the open direct question put once more; None when none is open."""
        family = (patient.awaiting or "").removesuffix(_ASKED_AGAIN)
        return self._ask(patient, family, country) if self._is_known(family) else None

    def says_yes(self, patient: Patient, text: str) -> bool:
        """Whether a text is a plain yes to the open question."""
        return (
            patient.awaiting is not None
            and self._is_known(patient.awaiting.removesuffix(_ASKED_AGAIN))
            and read(text) == "yes"
        )

    def answered(self, patient: Patient, answer: str, family: str, country: Country) -> Verdict:
        """Return what a yes or a no (typed or tapped) to a family's question leads to."""
        rest, held = _asked(patient, None), patient.held_question
        awaiting = (patient.awaiting or family).removesuffix(_ASKED_AGAIN)
        if family in _CRISES:
            return self._crisis_answer(rest, answer, family, country)
        if family not in self._messages.emergency:
            return Verdict(patient, Outcome(kind=Kind.FALLBACK))
        # What they had written may have held a possible crisis too; whatever the answer, that is asked now.
        crisis = self._screen(held) if held and family == awaiting else None
        crisis = crisis if crisis is not None and crisis.crisis is not Level.NONE else None
        if answer == "yes":
            return self._told(rest, family, crisis, country, answers=True)
        if family != awaiting:
            # An older message's "no" says nothing of what was asked since: that is asked again.
            return self._ask(patient, awaiting, country)
        text = self._fill(self._messages.emergency[family].if_no, country)
        calm = Outcome(kind=Kind.TRIAGE, asks_red_flags=True, ruleset=self._screen.ruleset, replies=(Reply(text=text),))
        if crisis is not None:
            then = self._crisis(rest, crisis, country, emergency_asked=True)
            replies = (Reply(text=text), *then.outcome.replies)
            return Verdict(then.patient, then.outcome.model_copy(update={"replies": replies}))
        return Verdict(rest, calm, go_on=held)

    def same_day(self, found: Screening, outcome: Outcome, country: Country) -> Outcome:
        """Put "be seen today" before an outcome when the screen found a reason for it."""
        if found.disposition not in ("SAME_DAY", "URGENT") or outcome.disposition is not None:
            return outcome
        family = next((family for family in found.families if family in self._messages.same_day), None)
        lead = (Reply(text=self._fill(self._messages.same_day[family].message, country)),) if family else ()
        return outcome.model_copy(
            update={
                "kind": Kind.TRIAGE,
                "disposition": found.disposition,
                "provisional": True,
                "findings": dict(found.findings),
                "rules": found.rules,
                "ruleset": found.ruleset,
                "asks_red_flags": outcome.asks_red_flags or bool(lead),
                "replies": (*lead, *outcome.replies),
            }
        )

    def _crisis(
        self, patient: Patient, found: Screening, country: Country, *, emergency_asked: bool = False
    ) -> Verdict:
        which = str(found.crisis_family or found.family)
        families = list(dict.fromkeys(hit.family for hit in found.hits if hit.kind == "crisis"))
        texts: list[str] = []
        maybe = next(
            (hit.family for hit in found.hits if hit.kind == "emergency" and hit.level is not Level.NONE), None
        )
        if maybe is not None and not emergency_asked:
            # A crisis that is certain is asked about first; what may be an emergency beside it is not left out.
            texts.append(self._messages.emergency[maybe].line)
        disposition = {"unclear": None, "act": "EMERGENCY"}.get(which, "SAME_DAY")
        if _VIOLENCE in families:
            texts += [*self._injury(found), self._messages.crisis.violence]
            disposition = disposition or "SAME_DAY"
        own = next((family for family in families if family != _VIOLENCE), None)
        # One question at a time: that about dying is put when both are there, since its words ask about danger too.
        texts.append(str(getattr(self._messages.crisis, own)) if own else self._messages.crisis.violence_question)
        awaiting = {None: _VIOLENCE_DANGER, "unclear": _CRISIS_UNCLEAR}.get(own, _CRISIS_DANGER)
        *before, last = (self._fill(text, country) for text in texts)
        replies = (*(Reply(text=text) for text in before), Reply(text=last, buttons=self._yes_no(awaiting)))
        outcome = _outcome(Kind.CRISIS, found, "", (), disposition=disposition, provisional=which != "act").model_copy(
            update={"replies": replies}
        )
        return Verdict(_asked(patient, awaiting), outcome)

    def _injury(self, found: Screening) -> tuple[str, ...]:
        """What to do about an injury that the message tells of beside the violence."""
        if "injury" in found.families:
            return (self._messages.same_day["injury"].message,)
        hurt = any(hit.finding == "head_or_face_injury_days" for hit in found.hits)
        return (self._messages.emergency["head"].line,) if hurt else ()

    def _crisis_answer(self, patient: Patient, answer: str, family: str, country: Country) -> Verdict:
        crisis = self._messages.crisis
        buttons: tuple[Button, ...] = ()
        if family == _CRISIS_UNCLEAR and answer == "yes":
            # Its words ask about danger, so the next message is read as the answer to that.
            text, disposition, buttons = crisis.thoughts, "SAME_DAY", self._yes_no(_CRISIS_DANGER)
            patient = _asked(patient, _CRISIS_DANGER)
        elif family == _CRISIS_UNCLEAR:
            text, disposition = crisis.unclear_no, None
        elif family == _VIOLENCE_DANGER and answer == "yes":
            text, disposition = crisis.violence_yes, "EMERGENCY"
        elif family == _VIOLENCE_DANGER:
            text, disposition = crisis.violence_no, "SAME_DAY"
        elif answer == "yes":
            text, disposition = crisis.danger_yes, "EMERGENCY"
        else:
            text, disposition = crisis.danger_no, "SAME_DAY"
        outcome = Outcome(
            kind=Kind.CRISIS,
            disposition=disposition,
            provisional=bool(buttons),
            rules=("D30",)
            if family == _VIOLENCE_DANGER
            else {"EMERGENCY": ("E20",), "SAME_DAY": ("D29",)}.get(disposition or "", ()),
            ruleset=self._screen.ruleset,
            replies=(Reply(text=self._fill(text, country), buttons=buttons),),
        )
        return Verdict(patient, outcome)

    def _unclear(self, patient: Patient, country: Country) -> Verdict:
        """Ask the open question once more; after that an unclear answer counts as a yes."""
        awaiting = str(patient.awaiting)
        family = awaiting.removesuffix(_ASKED_AGAIN)
        if awaiting.endswith(_ASKED_AGAIN):
            return self.answered(patient, "yes", family, country)
        return self._ask(dataclasses.replace(patient, awaiting=family + _ASKED_AGAIN), family, country)

    def _ask(self, patient: Patient, family: str, country: Country) -> Verdict:
        """Put a family's direct question."""
        crisis, is_emergency = self._messages.crisis, family in self._messages.emergency
        if is_emergency:
            words = self._messages.emergency[family]
            text = f"{words.line}\n\n{words.question}"
        else:
            questions = {_CRISIS_UNCLEAR: crisis.unclear, _VIOLENCE_DANGER: crisis.violence_question}
            text = questions.get(family, crisis.thoughts)
        outcome = Outcome(
            kind=Kind.TRIAGE if is_emergency else Kind.CRISIS,
            provisional=True,
            disposition="EMERGENCY" if is_emergency else None,
            asks_red_flags=True,
            ruleset=self._screen.ruleset,
            replies=(Reply(text=self._fill(text, country), buttons=self._yes_no(family)),),
        )
        return Verdict(patient, outcome)

    def _told(
        self, patient: Patient, family: str, found: Screening | None, country: Country, *, answers: bool = False
    ) -> Verdict:
        """Tell an emergency, and after it what a crisis beside it needs: help when it is certain, else the question.

        `answers`: it was told in answer to a question, and only the crisis in `found` is news.
        """
        words = self._messages.emergency[family]
        text = self._fill(f"**{words.headline}**\n\n{words.message}", country)
        asked: tuple[Reply, ...] = ()
        if found is not None and found.crisis is Level.CERTAIN:
            families = dict.fromkeys(
                hit.family for hit in found.hits if hit.kind == "crisis" and hit.level is Level.CERTAIN
            )
            crisis = self._messages.crisis
            for each in families:
                line = crisis.violence_with_emergency if each == _VIOLENCE else crisis.lines_with_emergency
                filled = self._fill(line, country)
                text += f"\n\n{filled}" if filled not in text else ""
        elif found is not None and found.crisis is Level.POSSIBLE:
            # Unknown is never "no": the gentle question comes last, and the next message is read as its answer.
            then = self._crisis(patient, found, country)
            patient, asked = then.patient, then.outcome.replies[-1:]
        told = _outcome(
            Kind.EMERGENCY,
            None if answers else found,
            text,
            (),
            disposition="EMERGENCY",
            ruleset=self._screen.ruleset,
        )
        return Verdict(patient, told.model_copy(update={"replies": (*told.replies, *asked)}))

    def _yes_no(self, family: str) -> tuple[Button, ...]:
        yes, no = self._messages.answers
        return (
            Button(title=yes, payload=payload("flag", f"yes:{family}")),
            Button(title=no, payload=payload("flag", f"no:{family}")),
        )

    def _fill(self, words: str, country: Country) -> str:
        return self._messages.fill(words, country)


def _asked(patient: Patient, family: str | None, held: str | None = None) -> Patient:
    """The person with another question open (or none), and what they had asked kept until it is answered."""
    return dataclasses.replace(patient, awaiting=family, held_question=held)


def _outcome(
    kind: Kind,
    found: Screening | None,
    text: str,
    buttons: tuple[Button, ...],
    *,
    disposition: Literal["EMERGENCY", "SAME_DAY"] | str | None,
    provisional: bool = False,
    ruleset: str | None = None,
) -> Outcome:
    return Outcome(
        kind=kind,
        disposition=disposition,
        provisional=provisional,
        findings=dict(found.findings) if found else {},
        rules=found.rules if found else (),
        ruleset=found.ruleset if found else ruleset,
        asks_red_flags=True,
        replies=(Reply(text=text, buttons=buttons),),
    )
