"""Whether a message is in a language the bot can't answer in, and the short reply in that language.

By script, or by little everyday words that English does not have: enough to be kind and to give the emergency line.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from bot.content_file import Strict, read, read_words

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
# English's own little words: the word list that lies beside the screen's cues begins at four letters.
_ENGLISH = frozenset(
    "a i u am is it in on at to of or if so as an be by do go he hi me my no ok up us we the and are was has had can "
    "did for get got her him his how its let may men min mum mom new not now off old one our out own per pot put say "
    "see she set sit six ten too try two use way who why yes yet you any all bit but day eye ear bad big doc dr gp "
    "pred die con pro van reps bp thx pls im ive dont cant wont isnt whats".split()
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

    def __init__(self, languages: Mapping[str, Language], english: AbstractSet[str]) -> None:
        self._languages = languages
        self._english = english
        self._by_script = {language.script: language for language in languages.values() if language.script}

    @classmethod
    def load(cls, content: Path) -> "Languages":
        """Read the languages, and the English words that the screen uses too.

        Raises:
            ContentError: a file is missing or malformed.
        """
        file, _ = read(content / "languages.yml", _LanguagesFile)
        languages = {
            code: Language(code, each.script, frozenset(each.words), each.reply)
            for code, each in file.languages.items()
        }
        return cls(languages, _ENGLISH | read_words(content / "triage" / "english_words.txt"))

    def of(self, text: str) -> Language | None:
        """Return the language of a text that is clearly not English, None for English or when unsure."""
        scripts = Counter(
            unicodedata.name(letter, "UNNAMED").split()[0] for letter in text if letter.isalpha() and ord(letter) > 127
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
        counted = {code: sum(word in language.words for word in words) for code, language in self._languages.items()}
        best = max(counted, key=lambda code: counted[code])
        english = sum(word in self._english for word in words)
        return self._languages[best] if counted[best] >= 2 and counted[best] > english else None


class _LanguageFile(Strict):
    name: str
    script: str | None = None
    words: tuple[str, ...]
    reply: str
    checked_by: str | None


class _LanguagesFile(Strict):
    languages: dict[str, _LanguageFile]
