"""The bot's own words, from `content/words.yml`: everything it says that is not an article or a triage message."""

import string
from collections.abc import Mapping
from pathlib import Path

import yaml


class Words:
    """The words by dotted key, such as `consent.ask`."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._words = words

    @classmethod
    def load(cls, path: Path) -> "Words":
        """Read the words.

        Raises:
            ValueError: the file is not a tree of texts.
        """
        return cls(_flatten(yaml.safe_load(path.read_text(encoding="utf-8")), ""))

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


def _flatten(tree: object, prefix: str) -> dict[str, str]:
    if isinstance(tree, str):
        return {prefix: tree.strip()}
    if not isinstance(tree, dict):
        raise ValueError(f"content/words.yml: `{prefix}` must be a text or a group of texts")
    flat: dict[str, str] = {}
    for key, value in tree.items():
        flat |= _flatten(value, f"{prefix}.{key}" if prefix else str(key))
    return flat
