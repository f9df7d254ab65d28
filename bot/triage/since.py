"""How long ago something began, from what people type: "3 wks ago", "since tuesday", "last night"."""

import re
from datetime import UTC, datetime

import dateparser

_SHORT = {
    r"\bhrs?\b": "hours", r"\bwks?\b": "weeks", r"\bmths?\b": "months", r"\byrs?\b": "years", r"\bmins?\b": "minutes",
    r"\ba few\b": "3", r"\bfew\b": "3", r"\ba couple(?: of)?\b": "2", r"\bcouple(?: of)?\b": "2",
    r"\bhalf an hour\b": "30 minutes", r"\btonight\b": "today",
}  # fmt: skip
_AROUND = re.compile(
    r"\b(?:it|started|began|has been|been|is|was|since|from|on|about|around|roughly|maybe|probably|like|for|ago|so)\b"
)
_SAYS_WHEN = re.compile(
    r"\d|\b(?:today|yesterday|morning|afternoon|evening|night|hour|day|week|month|year|mon|tues|wednes|thurs|fri|satur|sun)"
    r"|\b(?:january|february|march|april|may|june|july|august|september|october|november|december|a|an|one|two|three)\b"
)


def hours_since(text: str, now: datetime) -> float | None:
    """Hours between what the words name and now; None when they name no moment, or one that is still to come.

    Args:
        text: a short answer to "when did it start?".
        now: the present moment, aware.
    """
    said = text.lower().strip(" .!?")
    for short, long in _SHORT.items():
        said = re.sub(short, long, said)
    if len(said.split()) > 12 or not _SAYS_WHEN.search(said):
        return None
    said = " ".join(_AROUND.sub(" ", said).split())
    base = now.astimezone(UTC).replace(tzinfo=None)
    for order in ("DMY", "MDY"):
        settings = {"RELATIVE_BASE": base, "PREFER_DATES_FROM": "past", "DATE_ORDER": order}
        found = dateparser.parse(said, languages=["en"], settings=settings)
        if found is not None and found <= base:
            return float((base - found).total_seconds() / 3600)
    return None
