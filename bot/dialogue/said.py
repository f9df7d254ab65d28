"""What a person said, made safe to handle: text, a command, or a tapped button."""

import re
import unicodedata
from dataclasses import dataclass
from itertools import dropwhile

from bot.payload import Press

# Telegram's own limit for one message.
MAX_CHARACTERS = 4096
# A longer "word" is noise to the engine and to search; the screen reads the whole text all the same.
MAX_WORD = 48
_EMOJI_JOINER = "\u200d"
_COMMAND = re.compile(r"/([a-z]{1,32})(?:@\w+)?\s*$", re.IGNORECASE)
# Telegram sends a deep link's token after /start. Ours are long: nothing that could be words passes for one.
_INVITED = re.compile(r"/start(?:@\w+)? ([A-Za-z0-9_-]{32,64})$")


@dataclass(frozen=True, slots=True)
class Said:
    """One message: exactly one of `text`, `command` (without its slash), `press` and `zone` is set.

    `token` stands beside the command `start`: that of the invitation that was opened.

    `zone` is the IANA zone of a place that was shared: of the place itself nothing is kept. `language` is what the
    person's app is set to, such as "en" or "pt-br", when the channel tells.
    """

    text: str | None = None
    command: str | None = None
    token: str | None = None
    press: Press | None = None
    zone: str | None = None
    language: str | None = None


def said(text: str, language: str | None = None) -> Said:
    """Return what a typed text says.

    A lone `/word` is a command. Anything else beginning with a slash, `/intent{...}` above all, is only text: the
    engine would take it for a command of its own.
    """
    cleaned = clean(text)
    invited = _INVITED.match(cleaned)
    if invited:
        return Said(command="start", token=invited[1], language=language)
    command = _COMMAND.match(cleaned)
    if command:
        return Said(command=command.group(1).lower(), language=language)
    return Said(text=cleaned.lstrip("/ "), language=language)


def clean(text: str) -> str:
    """Return a text without control and direction-changing characters, its white space folded, cut at 4,096."""
    kept = unicodedata.normalize("NFC", "".join(_kept(character) for character in text[:MAX_CHARACTERS]))
    return " ".join(kept.split())[:MAX_CHARACTERS].rstrip()


def _kept(character: str) -> str:
    """A character as it stays: one that only steers the writing goes, one that controls a machine becomes a space."""
    if character == _EMOJI_JOINER or unicodedata.category(character)[0] != "C":
        return character
    return "" if unicodedata.category(character) == "Cf" else " "


def words_of(text: str) -> str:
    """Return a text without monstrous words and without what is no word at all; empty when nothing is left to read.

    A word that begins with a slash does not come first: the engine would take it for a command of its own.
    """
    words = list(dropwhile(lambda word: word.startswith("/"), (word for word in text.split() if len(word) <= MAX_WORD)))
    return " ".join(words) if any(letter.isalnum() for word in words for letter in word) else ""
