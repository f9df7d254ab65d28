"""What a button may say: a closed list of short verbs with checked arguments, at most 64 bytes as Telegram asks.

Anything else in a tapped button's data (an old version's, a forged one's) is not obeyed.
"""

import re
from dataclasses import dataclass

_ID = r"[a-z0-9][a-z0-9-]{0,47}"
_FORMS: dict[str, str] = {
    "open": _ID,  # show an article
    "more": _ID,  # show an article's body
    "good": _ID,  # the article helped
    "bad": _ID,  # it did not
    "flag": r"(?:yes|no):[a-z_]{1,32}",  # the answer to a direct safety question
    "consent": r"yes|no|more",
    "whom": r"self|other",
    "age": r"child|adult|older",
    "country": r"[A-Z]{2}|other",
    "onset": r"today|days|weeks|months|skip",
    "stage": r"flaccid|recovery|synkinesis|surgery|skip",
    "stop": r"yes|no",
    "none": r"of_these",
    "intake": r"start|why|back|stop",  # the triage intake, and asides of it
    "ans": r"[a-z_]{2,16}:\d{1,2}",  # an answer of its open question
    # a session: before it, and each move in it
    "ex": r"start|begin|later|wrong|seen|recheck|"
    r"(?:next|done|again|easier|harder|skip|hurts|stop):[0-9a-f]{6}:\d{1,3}",
    "exa": r"[a-z]{3,12}:\d{1,2}",  # an answer of the self-check
    "exs": r"[0-9a-f]{6}:\d{1,3}:(?:10|\d)",  # a score, 0 to 10, at a session's end
    "bar": r"[a-z]{3,12}",  # what got in the way of practice
    "form": _ID,  # begin a questionnaire
    "fa": r"[a-z0-9-]{3,32}:\d{1,2}:\d{1,2}",  # an answer of the open one: its item's place, and which answer
    "progress": r"picture|pdf",  # how practice went
    "rem": r"(?:done|soon|later|skip|change|delete):[0-9a-f]{6}|list|pause|resume|at:[a-z]{3,10}",  # a reminder
    "place": _ID,  # a city, whose clock counts
    "share": r"yes|no",  # whether to share with the clinic that invites
    "line": r"write|cancel|stop",  # a message to the clinic
    # a request for an assessment: begun, at a clinic, and each answer in it; a yes names what was shown
    "refer": r"start|go|no|skip:(?:name|words)|way:(?:clinic|video|either)|at:\d{1,18}|yes:[0-9a-f]{8}",
    "data": r"export|delete|yes|no",  # all that is kept of them: a copy, or erase it, and the answer to "really?"
    "summary": r"latest|pdf",  # the last assessment, to show a clinician
}
_CHECKS = {verb: re.compile(form) for verb, form in _FORMS.items()}


@dataclass(frozen=True, slots=True)
class Press:
    """A tapped button: its verb and argument, both checked."""

    verb: str
    argument: str

    @property
    def payload(self) -> str:
        """The form that travels with the button."""
        return f"{self.verb}:{self.argument}"


def payload(verb: str, argument: str) -> str:
    """Return the payload for a new button.

    Raises:
        ValueError: the verb is not in the list, the argument does not fit it, or it is over 64 bytes.
    """
    check = _CHECKS.get(verb)
    if check is None or check.fullmatch(argument) is None:
        raise ValueError(f"no button may say {verb}:{argument}; see bot/payload.py for what one may")
    made = f"{verb}:{argument}"
    if len(made.encode()) > 64:
        raise ValueError(f"{made} is over the 64 bytes that Telegram allows")
    return made


def parse(data: str) -> Press | None:
    """Return what a tapped button says, or None when no button of ours says that."""
    verb, colon, argument = data.partition(":")
    check = _CHECKS.get(verb)
    if not colon or check is None or check.fullmatch(argument) is None:
        return None
    return Press(verb, argument)
