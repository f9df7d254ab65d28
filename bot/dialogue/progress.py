"""How practice went, in chat: who asks for it, and what they get. No engine takes part.

The diary is not read here: the outcome names the person's progress, and whoever sends it reads and draws it then.
"""

import re
from dataclasses import dataclass

from bot.dialogue.check_in import WEEKLY, Form
from bot.dialogue.said import Said
from bot.outcome import PROGRESS, Button, Kind, Outcome, Reply
from bot.patient import Patient
from bot.payload import payload
from bot.programme.practice import Practice
from bot.words import Words

_OPENING = r"(?:(?:hi|hello|hey|ok|okay|so|now|and|please|septimus)[, ]+)*"
_WISH = (
    r"(?:(?:(?:can|could|would|will) (?:you|i)|(?:i'd|i would) like(?: you)? to|i want(?: you)? to|i need to|let me)"
    r"(?: please)? )?"
)
_GIVE = r"(?:(?:show|send|give|tell|see|have|get|view|make|open)(?: me)? )?"
_HOW = (
    r"how (?:(?:am i|i am|i'm|im) (?:doing|getting on)|have i (?:been doing|done|got on|been getting on)|did i do|"
    r"(?:is|are) my (?:practice|exercises?|training|progress) (?:going|coming along|doing))"
    r"(?: (?:so far|overall|lately|recently|this (?:week|month)|these (?:days|weeks)|"
    r"with (?:my|the) (?:exercises|practice)))*"
)
_MINE = (
    r"(?:all )?(?:my |the )?(?:exercise |practice )?(?:progress|diary)"
    r"(?: (?:so far|picture|chart|graph|report|page|pdf|summary|diary|over time))*"
)
_APPOINTMENT = (
    r"(?:(?:i need|i want|i'd like|is there|do you have|have you got|have you) )?"
    r"(?:something|anything|a (?:page|pdf|print-?out))"
    r" (?:to (?:take|bring|show)(?: with me)?(?: (?:to|at|for))?|for) (?:my|the|an) (?:next )?"
    r"(?:appointment|visit|check-?up|doctor|gp|therapist|physio|consultant|clinician|clinic)(?:'s)?"
    r"(?: appointment| visit)?"
)
_PDF = re.compile(r"\b(?:pdf|page|print-?out)\b")
_ASKS = re.compile(rf"{_OPENING}{_WISH}(?:{_HOW}|{_GIVE}(?:{_MINE}|{_HOW})|{_GIVE}{_APPOINTMENT})(?:,? please)?")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: the picture, or (`as_page`) the page for an appointment."""

    as_page: bool


def wanted(said: Said) -> Wanted | None:
    """What somebody asks for, by a tap or in words that say nearly nothing else; None when it is not their progress.

    A question about progress, such as whether it is normal, is none of this: an article answers it.
    """
    if said.press is not None:
        return Wanted(said.press.argument == "pdf") if said.press.verb == "progress" else None
    text = " ".join((said.text or "").lower().replace("’", "'").strip(" .!?").split())
    if not text or _ASKS.fullmatch(text) is None:
        return None
    return Wanted(_PDF.search(text) is not None)


def show(patient: Patient, what: Wanted, words: Words) -> Outcome:
    """The person's progress; while there is nothing to tell, that, with what they could do."""
    practice = Practice.loads(patient.practice)
    if not practice.count and not Form.loads(patient.form).answered_on:
        return _outcome(nothing_yet(words))
    if what.as_page:
        return _outcome(Reply(text=words("progress.page_lead"), document=PROGRESS))
    image = f"{PROGRESS}/dark" if practice.is_dark else PROGRESS
    page = Button(title=words("progress.page_button"), payload=payload("progress", "pdf"))
    return _outcome(Reply(text=words("progress.here"), buttons=(page,), image=image))


def nothing_yet(words: Words) -> Reply:
    """What is said while no session is done and no figure is there: no empty chart."""
    buttons = (
        Button(title=words("progress.exercise_button"), payload=payload("ex", "begin")),
        Button(title=words("week.offer"), payload=payload("form", WEEKLY)),
    )
    return Reply(text=words("progress.nothing"), buttons=buttons)


def _outcome(reply: Reply) -> Outcome:
    return Outcome(kind=Kind.ACCOUNT, replies=(reply,))
