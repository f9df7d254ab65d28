"""A few plain emergency words in other languages, from `content/triage/languages.yml`.

They are looked up as they stand: no slips, no denial, no questions. So they never count as certain, except for
suicide, where asking costs nothing.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from bot.content_file import Strict, read
from bot.triage.rules import Provenance

type Kind = Literal["stroke", "breathing", "crisis"]
type _Phrases = Annotated[tuple[Annotated[str, Field(min_length=2)], ...], Field(min_length=1)]


class _Language(Strict):
    stroke: _Phrases
    breathing: _Phrases
    crisis: _Phrases


class _LanguagesFile(Strict):
    version: Annotated[str, Field(pattern=r"^\d{4}\.\d+$")]
    provenance: Annotated[tuple[Provenance, ...], Field(min_length=1)]
    reviewed_by: str | None
    review_due: date | None
    languages: Annotated[dict[Annotated[str, Field(pattern=r"^[a-z]{2}$")], _Language], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Languages:
    """The phrases of all languages, one pattern for each kind."""

    patterns: tuple[tuple[Kind, re.Pattern[str]], ...]

    @classmethod
    def load(cls, path: Path) -> "Languages":
        """The phrases of the file.

        Raises:
            ContentError: the file is malformed.
        """
        file, _ = read(path, _LanguagesFile)
        kinds: tuple[Kind, ...] = ("stroke", "breathing", "crisis")
        return cls(
            tuple(
                (
                    kind,
                    re.compile(
                        "|".join(
                            _regex(phrase) for language in file.languages.values() for phrase in getattr(language, kind)
                        )
                    ),
                )
                for kind in kinds
            )
        )

    def find(self, text: str) -> Iterator[tuple[Kind, str]]:
        """The kinds of emergency that the text names in another language, each with its words."""
        folded = _folded(text)
        for kind, pattern in self.patterns:
            if found := pattern.search(folded):
                yield kind, found.group()


def _folded(text: str) -> str:
    # Joiners only shape letters; the dialogue takes them out of what people type.
    plain = "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
    return unicodedata.normalize("NFKC", plain).casefold()


def _regex(phrase: str) -> str:
    folded = _folded(phrase)
    # Latin and Cyrillic words begin where a word begins; other scripts join words, or write no spaces at all.
    starts_word = unicodedata.name(folded[0], "").split()[0] in {"LATIN", "CYRILLIC"}
    return (r"(?<!\w)" if starts_word else "") + re.escape(folded)
