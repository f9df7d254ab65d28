"""Short typed answers to a yes-or-no question, read without the engine. What is unclear is never a "no"."""

import re
from typing import Literal

Answer = Literal["yes", "no", "unclear"]

_YES = frozenset(
    "yes y yep yeah yea yess yup ya aye si oui ja true correct right ok okay sure agree agreed fine please "
    "definitely certainly absolutely 1".split()
)
_NO = frozenset("no n nope nah nay non nein false none neither never nothing".split())
_DOUBT = frozenset("maybe perhaps unsure bit little sometimes dunno idk know sure? kind sort slightly think".split())
_WORD = re.compile(r"[a-z']+|\d+")


def read(text: str) -> Answer:
    """Return what a short reply to a yes-or-no question says; anything long, mixed or doubtful is unclear."""
    words = _WORD.findall(text.lower().replace("’", "'"))
    if not words or len(words) > 6 or any(word in _DOUBT for word in words[1:] if word != "know"):
        return "unclear"
    if words[0] in _YES and not any(word in _NO or word == "not" for word in words[1:]):
        return "yes"
    if words[0] in _NO and not any(word in _YES or word in {"but", "idea", "clue"} for word in words[1:]):
        return "no"
    return "unclear"
