"""What people may do with what is kept of them: have it all as files, and have it all erased. No engine takes part.

Both work in every state of first contact, because something is kept from the first message on.
"""

import dataclasses
import re
from datetime import datetime, timedelta

from bot.dialogue.clinic import folded
from bot.dialogue.said import Said
from bot.outcome import EXPORT_JSON, EXPORT_PDF, Button, Kind, Outcome, Reply
from bot.patient import Patient
from bot.payload import payload
from bot.words import Words

ASKED_FOR = timedelta(hours=1)
"""So long the question whether to erase everything can be answered."""

_OPENING = r"(?:(?:hi|hello|hey|please|ok|okay|septimus)[, ]+)*"
_WISH = (
    r"(?:(?:(?:can|could|would|will) you(?: please)?|(?:can|could|may) i(?: please)?(?: have| get| see)?|"
    r"(?:i want|i'd like|i would like|i wish)(?: you)? to(?: have| get| see)?|i want|i'd like|i would like|i need) )?"
)
_END = r"(?:,? (?:please|now|thanks|thank you))*"
_ALL = r"(?:everything|all|it all|all of it|all that)"
_DATA = r"(?:personal )?(?:data|information|info|details|records?|stuff|account)"
_MINE = rf"(?:(?:all )?(?:of )?my (?:own )?{_DATA}|(?:all )?(?:the )?{_DATA} (?:about|on|of) me)"
_HELD = rf"(?:all )?(?:of )?the {_DATA}"
_KEPT = (
    r"(?: (?:that )?(?:you|you've|you have)(?: (?:got|have|hold|keep|kept|store|stored|know))?(?: (?:about|on|of) me)?"
    r"| (?:about|on|of) me)"
)
_GIVE = r"(?:give me|send me|show me|email me|export|download|let me (?:see|have|download)|get|see|have)"
_ERASE = r"(?:delete|erase|wipe|remove|destroy|clear|get rid of)"
_SAID = r"(?:my (?:answers|messages|chat|profile|history))"
_EXPORTS = re.compile(
    rf"{_OPENING}{_WISH}(?:{_GIVE} )?(?:a copy of )?(?:{_MINE}{_KEPT}?|(?:{_ALL}|{_HELD}){_KEPT}){_END}"
)
_ASKS = re.compile(rf"\b(?:{_GIVE}|copy of|want|like|need)\b")
_ERASES = re.compile(
    rf"{_OPENING}{_WISH}(?:{_ERASE} (?:(?:{_MINE}|{_SAID}|{_ALL}|me){_KEPT}?|{_HELD}{_KEPT})"
    r"|forget (?:me|everything(?: about me)?|all about me|all (?:of )?my data)(?: completely| entirely)?)"
    rf"{_END}"
)
_YES = frozenset({"yes delete everything", "yes erase everything", "yes delete it all", "yes erase it all"})
_NO = frozenset({"no", "no thanks", "no thank you", "keep it", "keep everything", "no keep it", "cancel", "stop"})
_NOD = re.compile(r"(?:yes|yeah|yep|ok|okay|sure|do it|go ahead)(?: please| do it| go ahead)?")


@dataclasses.dataclass(frozen=True, slots=True)
class OwnDataStep:
    """The person as they now stand, and what to say. `erase`: they have said yes to the question."""

    patient: Patient
    outcome: Outcome
    erase: bool = False


class OwnData:
    """Takes requests for a copy of everything, and for erasing everything."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def hear(self, patient: Patient, said: Said, now: datetime) -> OwnDataStep | None:
        """Take a command, a tap or words that ask for a copy or for erasing; None when they are something else.

        Anything else also closes the question whether to erase: the caller goes on with `aside`.
        """
        asked = patient.deleting_at is not None and now - patient.deleting_at <= ASKED_FOR
        match said.command or (said.press.payload if said.press else ""):
            case "export" | "data:export":
                return self._export(self.aside(patient))
            case "delete" | "data:delete":
                return self._ask(patient, now)
            case "data:yes":
                return self._erase(patient) if asked else self._ask(patient, now)
            case "data:no":
                return self._keep(patient)
        text = folded(said.text).replace(",", "")
        if not text:
            return None
        if asked:
            if text in _YES or text == folded(self._words("own.confirm")).replace(",", ""):
                return self._erase(patient)
            if text in _NO or text == folded(self._words("own.cancel")).replace(",", ""):
                return self._keep(patient)
            if _NOD.fullmatch(text):
                reply = Reply(text=self._words("own.be_sure"), buttons=self._choices())
                return OwnDataStep(patient, _outcome(reply))
        if _ERASES.fullmatch(text):
            return self._ask(patient, now)
        if _EXPORTS.fullmatch(text) and _ASKS.search(text):
            return self._export(self.aside(patient))
        return None

    def aside(self, patient: Patient) -> Patient:
        """The person without the open question: they went on to something else."""
        return dataclasses.replace(patient, deleting_at=None) if patient.deleting_at is not None else patient

    def buttons(self) -> tuple[Button, ...]:
        """Under an answer about what is kept: have it, or have it erased."""
        return (
            Button(title=self._words("own.export_button"), payload=payload("data", "export")),
            Button(title=self._words("own.delete_button"), payload=payload("data", "delete")),
        )

    def _export(self, patient: Patient) -> OwnDataStep:
        page = Reply(text=self._words("own.page_lead"), document=EXPORT_PDF)
        whole = Reply(text=self._words("own.whole_lead"), document=EXPORT_JSON)
        return OwnDataStep(patient, _outcome(page, whole))

    def _ask(self, patient: Patient, now: datetime) -> OwnDataStep:
        reply = Reply(text=self._words("own.ask"), buttons=self._choices())
        return OwnDataStep(dataclasses.replace(patient, deleting_at=now), _outcome(reply))

    def _erase(self, patient: Patient) -> OwnDataStep:
        # What is said now is said after the erasure, by whoever finishes it: see `bot.gateway.keep`.
        return OwnDataStep(patient, _outcome(Reply(text=self._words("own.erased"))), erase=True)

    def _keep(self, patient: Patient) -> OwnDataStep:
        return OwnDataStep(self.aside(patient), _outcome(Reply(text=self._words("own.kept")), retired=("data",)))

    def _choices(self) -> tuple[Button, ...]:
        return (
            Button(title=self._words("own.confirm"), payload=payload("data", "yes")),
            Button(title=self._words("own.cancel"), payload=payload("data", "no")),
        )


def _outcome(*replies: Reply, retired: tuple[str, ...] = ()) -> Outcome:
    return Outcome(kind=Kind.ACCOUNT, replies=replies, retired=retired)
