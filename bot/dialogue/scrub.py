"""Taking out of a message what could say who wrote it, before it is kept for those who mend the bot's understanding."""

import re
from collections.abc import Set as AbstractSet

MAX_KEPT = 300
GONE = "…"
_LINK = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+|@\w+")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def scrub(text: str, vocabulary: AbstractSet[str]) -> str:
    """Return a message without links, addresses, numbers and names.

    A word that the vocabulary does not have may be a name, however it is spelt, and is replaced; so are all digits.

    Args:
        text: what a person wrote.
        vocabulary: the words that may stay, in lower case.
    """
    plain = re.sub(r"\d+", "#", _LINK.sub(GONE, text))
    return _WORD.sub(lambda word: word.group() if _is_known(word.group(), vocabulary) else GONE, plain)[:MAX_KEPT]


def _is_known(word: str, vocabulary: AbstractSet[str]) -> bool:
    bare = word.lower().replace("’", "'").removesuffix("'s")
    return bare in vocabulary or bare.replace("'", "") in vocabulary
