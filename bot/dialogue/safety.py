"""What the red-flag screen leads to: the emergency or crisis message, one direct question, or a word to be seen today.

An open question is held on the person (`awaiting`), so that their next message is read as its answer first. An answer
that stays unclear counts as a yes: unknown is never "no".
"""

import dataclasses
from typing import Literal

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
_CRISIS_DANGER, _CRISIS_UNCLEAR = "crisis_danger", "crisis_unclear"


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
        self._messages = screen.messages

    def check(self, text: str) -> Screening:
        """Return what the screen finds in a text."""
        return self._screen(text)

    def interrupt(self, patient: Patient, text: str, found: Screening, country: Country) -> Verdict | None:
        """Return what must be said before anything else, or None when the message can go its usual way."""
        if found.level is Level.NONE:
            return None
        if found.kind == "crisis":
            return self._crisis(patient, found, country)
        family = str(found.family)
        if found.level is Level.CERTAIN:
            return Verdict(_asked(patient, None), self._emergency(family, found, country))
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
        return family in self._messages.emergency or family in (_CRISIS_DANGER, _CRISIS_UNCLEAR)

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
        if family in (_CRISIS_DANGER, _CRISIS_UNCLEAR):
            return self._crisis_answer(rest, answer, family, country)
        if family not in self._messages.emergency:
            return Verdict(patient, Outcome(kind=Kind.FALLBACK))
        if answer == "yes":
            return Verdict(rest, self._emergency(family, None, country))
        if family != awaiting:
            # An older message's "no" says nothing of what was asked since: that is asked again.
            return self._ask(patient, awaiting, country)
        text = self._fill(self._messages.emergency[family].if_no, country)
        calm = Outcome(kind=Kind.TRIAGE, asks_red_flags=True, ruleset=self._screen.ruleset, replies=(Reply(text=text),))
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

    def _crisis(self, patient: Patient, found: Screening, country: Country) -> Verdict:
        which = str(found.crisis_family or found.family)
        text = self._fill(str(getattr(self._messages.crisis, which)), country)
        awaiting = _CRISIS_UNCLEAR if which == "unclear" else _CRISIS_DANGER
        urgent = found.emergency is Level.CERTAIN and found.family in self._messages.emergency
        replies = [Reply(text=text, buttons=self._yes_no(awaiting))]
        if urgent:
            replies.insert(0, Reply(text=self._fill(self._messages.emergency[str(found.family)].message, country)))
        disposition = None if which == "unclear" else "EMERGENCY" if which == "act" or urgent else "SAME_DAY"
        outcome = _outcome(Kind.CRISIS, found, "", (), disposition=disposition, provisional=which != "act").model_copy(
            update={"replies": tuple(replies)}
        )
        return Verdict(_asked(patient, awaiting), outcome)

    def _crisis_answer(self, patient: Patient, answer: str, family: str, country: Country) -> Verdict:
        crisis = self._messages.crisis
        buttons: tuple[Button, ...] = ()
        if family == _CRISIS_UNCLEAR and answer == "yes":
            # Its words ask about danger, so the next message is read as the answer to that.
            text, disposition, buttons = crisis.thoughts, "SAME_DAY", self._yes_no(_CRISIS_DANGER)
            patient = _asked(patient, _CRISIS_DANGER)
        elif family == _CRISIS_UNCLEAR:
            text, disposition = crisis.unclear_no, None
        elif answer == "yes":
            text, disposition = crisis.danger_yes, "EMERGENCY"
        else:
            text, disposition = crisis.danger_no, "SAME_DAY"
        outcome = Outcome(
            kind=Kind.CRISIS,
            disposition=disposition,
            provisional=bool(buttons),
            rules={"EMERGENCY": ("E20",), "SAME_DAY": ("D29",)}.get(disposition or "", ()),
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
            text = crisis.unclear if family == _CRISIS_UNCLEAR else crisis.thoughts
        outcome = Outcome(
            kind=Kind.TRIAGE if is_emergency else Kind.CRISIS,
            provisional=True,
            disposition="EMERGENCY" if is_emergency else None,
            asks_red_flags=True,
            ruleset=self._screen.ruleset,
            replies=(Reply(text=self._fill(text, country), buttons=self._yes_no(family)),),
        )
        return Verdict(patient, outcome)

    def _emergency(self, family: str, found: Screening | None, country: Country) -> Outcome:
        words = self._messages.emergency[family]
        text = self._fill(f"**{words.headline}**\n\n{words.message}", country)
        if found is not None and found.crisis is not Level.NONE:
            text += "\n\n" + self._fill(self._messages.crisis.lines_with_emergency, country)
        return _outcome(Kind.EMERGENCY, found, text, (), disposition="EMERGENCY", ruleset=self._screen.ruleset)

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
