"""Short typed answers to a yes-or-no question, read without the engine. What is unclear is never a "no"."""

import re
from typing import Literal

Answer = Literal["yes", "no", "unclear"]

_YES = frozenset(
    "yes y yep yeah yea yess yup ya aye si oui ja true correct right ok okay sure agree agreed fine definitely "
    "certainly absolutely".split()
)
_NO = frozenset("no n nope nah nay non nein false none neither nothing".split())
# A "no" may be dressed in these words and no others: "no, just my arm" is not one.
_AROUND_NO = _NO | frozenset(
    "not at all of these them those that this like the thanks thank you please it is new".split()
)
_DOUBT = frozenset(
    "maybe perhaps unsure bit little sometimes dunno idk know kind sort slightly think but not who what why how where "
    "when which help".split()
)
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_LONGEST = 6


def read(text: str) -> Answer:
    """Return what a short reply to a yes-or-no question says; anything long, mixed, doubtful or asking is unclear."""
    words = _WORD.findall(text.lower().replace("’", "'"))
    if not words or len(words) > _LONGEST or "?" in text:
        return "unclear"
    if words[0] in _YES and not any(word in _NO or word in _DOUBT for word in words[1:]):
        return "yes"
    if words[0] in _NO and all(word in _AROUND_NO for word in words):
        return "no"
    return "unclear"
