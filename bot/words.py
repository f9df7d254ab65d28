"""The bot's own words, from `content/words.yml`: everything it says that is not an article or a triage message."""

import string
from collections.abc import Mapping
from pathlib import Path

from bot.content_file import Lines, parse, text_of


class Words:
    """The words by dotted key, such as `consent.ask`."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._words = words

    @classmethod
    def load(cls, path: Path) -> "Words":
        """Read the words.

        Raises:
            ContentError: the file is not a tree of texts.
        """
        data, lines = parse(text_of(path), path)
        return cls(_flatten(data, (), lines))

    def __call__(self, key: str, **values: object) -> str:
        """Return the words for a key, with its `{names}` filled in.

        Raises:
            KeyError: no such words; a test holds every key that the program uses against the file.
        """
        text = self._words[key]
        return string.Formatter().vformat(text, (), values) if values else text

    def keys(self) -> frozenset[str]:
        """Every key in the file."""
        return frozenset(self._words)


def _flatten(tree: object, place: tuple[str, ...], lines: Lines) -> dict[str, str]:
    if isinstance(tree, str):
        return {".".join(place): tree.strip()}
    if not isinstance(tree, dict):
        raise lines.error(f"`{'.'.join(place)}` must be a text or a group of texts. Put quotes around it.", *place)
    flat: dict[str, str] = {}
    for key, value in tree.items():
        if not isinstance(key, str):
            raise lines.error(f"the key {key} is read as yes or no, or as a number. Choose another word.", *place)
        flat |= _flatten(value, (*place, key), lines)
    return flat
