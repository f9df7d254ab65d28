"""The second reading of a letter: sentences that may tell of an emergency in words that no phrase foresees.

The phrases of `letter.yml` say which finding a sentence states. Whoever writes "she keeps letting go of things on the
right" uses none of them. So each sentence is also put to the same alarm that hears patients' messages in the chat. What
it hears is a finding of its own, `possible_red_flag`, with the sentence as its quote: it may only raise a band, and a
person confirms or denies it like any other.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from types import MappingProxyType

from bot.referral.record import Proposed, Referral

type Hear = Callable[[Sequence[str]], Sequence[float] | None]
"""The alarm: the log odds of a red flag, one a sentence; None while it can't be asked."""

FINDING = "possible_red_flag"
RAISES_AT = 3.5
"""Log odds, where phrases alone read the letter. Set on 590 invented letters that were left out of the learning
(docs/adr/0027): of 40 urgent ones that the first reading missed it finds 21, and 26 of 413 that were not for today
reach it wrongly."""
BOTH_RAISE_AT, LEAST_HEARD, ENOUGH_HEARD = 5.0, 2.0, 6.0
"""Log odds of the sentence and of the whole letter together, where what was learnt read it; of the sentence at least;
and of the sentence alone, whatever the letter sounds like (0028)."""

_MOST_SENTENCES = 120
_FEWEST_WORDS, _MOST_WORDS = 4, 70
_ENDS = re.compile(r"(?<=[.!?;])\s+|\n+")
_DENIES = re.compile(
    r"\b(?:no|nil|nor|none|denie[sd]|denying|without|never|negative|any\s+of|if\s+(?:he|she|they|you|the|it|there)|"
    r"(?:mother|father|mum|dad|sister|brother|aunt|uncle|grand\w+)\s+(?:had|died|has\s+had|with)|family\s+history|fhx?)"
    r"\b|\?\s*$|\[\s*\]",
    re.IGNORECASE,
)
"""What makes a sentence a denial, a warning, a question, a box not ticked, or about a relative: the alarm was made for
what people say of themselves, and hears the sign and not the "no"."""
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_YEARS_AGO = re.compile(r"\byears?\s+(?:ago|back|earlier|before)\b", re.IGNORECASE)


def second_reading(referral: Referral, hear: Hear, whole: float | None = None) -> Referral:
    """The referral with what the alarm heard in its letter; unchanged when it heard nothing or can't be asked.

    Args:
        referral: as it was read first.
        hear: the alarm.
        whole: the log odds that the letter as a whole is for today; None when nobody knows.
    """
    if FINDING in referral.findings:
        return referral
    asked = list(sentences(referral.text, referral.received))[:_MOST_SENTENCES]
    odds = hear(asked) if asked else None
    if not odds:
        return referral
    loudest, quote = max(zip(odds, asked, strict=True), key=lambda each: each[0])
    raises_at = RAISES_AT if whole is None else min(max(LEAST_HEARD, BOTH_RAISE_AT - whole), ENOUGH_HEARD)
    if loudest < raises_at:
        return referral
    return replace(referral, findings=MappingProxyType({**referral.findings, FINDING: Proposed("yes", quote)}))


def turns(sentence: str) -> bool:
    """Whether a word of a sentence may turn what it says: a denial, a warning, a question, a relative, the past."""
    return bool(_DENIES.search(sentence) or _YEARS_AGO.search(sentence))


def sentences(text: str, received: date) -> Iterator[str]:
    """The sentences of a letter that are put to the alarm: those that state something of the patient, and not of old.

    Args:
        text: the letter.
        received: the day it came; a sentence that names an earlier year tells of the past.
    """
    for piece in _ENDS.split(text):
        sentence = piece.strip()
        if not _FEWEST_WORDS <= len(sentence.split()) <= _MOST_WORDS:
            continue
        if turns(sentence):
            continue
        if any(int(year[0]) < received.year for year in _YEAR.finditer(sentence)):
            continue
        yield sentence
