"""Whether a message is in a language the bot can't answer in, and the short reply in that language.

By script, or by little everyday words that English does not have: enough to be kind and to give the emergency line.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
# Little words that only English has here: one of them among the others means a quotation or a mixed message.
_ENGLISH = frozenset(
    "the and is are my your this that what when where why how can could should would have has with for from not "
    "you it was were will do does did eye face".split()
)


@dataclass(frozen=True, slots=True)
class Language:
    """A language by its code: how to know it, and the one reply in it."""

    code: str
    script: str | None
    words: frozenset[str]
    reply: str


class Languages:
    """The languages of `content/languages.yml`."""

    def __init__(self, languages: Mapping[str, Language]) -> None:
        self._languages = languages
        self._by_script = {language.script: language for language in languages.values() if language.script}

    @classmethod
    def load(cls, path: Path) -> "Languages":
        """Read the file."""
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))["languages"]
        return cls(
            {
                code: Language(code, each.get("script"), frozenset(map(str, each["words"])), each["reply"])
                for code, each in tree.items()
            }
        )

    def of(self, text: str) -> Language | None:
        """Return the language of a text that is clearly not English, None for English or when unsure."""
        scripts = Counter(
            unicodedata.name(letter, "").split()[0] for letter in text if letter.isalpha() and ord(letter) > 127
        )
        letters = sum(letter.isalpha() for letter in text)
        foreign = sum(count for script, count in scripts.items() if script in self._by_script or script == "KATAKANA")
        if foreign and foreign * 3 >= letters:
            if scripts["HIRAGANA"] or scripts["KATAKANA"]:
                return self._by_script["HIRAGANA"]
            return next(
                (self._by_script[script] for script, _ in scripts.most_common() if script in self._by_script), None
            )
        words = [word.replace("’", "'") for word in _WORD.findall(text.lower())]
        if any(word in _ENGLISH for word in words):
            return None
        counted = {code: sum(word in language.words for word in words) for code, language in self._languages.items()}
        best = max(counted, key=lambda code: counted[code])
        needed = max(2, len(words) // 4)
        return self._languages[best] if counted[best] >= needed else None
