"""What the desk reads letters and spreadsheets with, and sorts referrals by (see `bot.referral.sorting`)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

import structlog
from pydantic import BaseModel

from bot.content_file import read
from bot.desk.columns import Columns
from bot.desk.rule_words import Reason, reasons
from bot.knowledge.library import Source
from bot.referral.bands import ORDER, BandOf, BandRule, Bands
from bot.referral.learned_reading import LetterReading
from bot.referral.record import Referral
from bot.referral.second_reading import Hear, second_reading
from bot.referral.sorting import Override, Sorting, sort
from bot.triage.rules import Finding

log = structlog.get_logger()


def _phrases_alone() -> None:
    log.warning("letters.phrases_alone", remedy="septimus train")


class _OwnRules(BaseModel):
    """The bands' own rules, of all that stands in their file."""

    rules: tuple[BandRule, ...]


@dataclass(frozen=True)
class Sorter:
    """Sorts by the rules of `content/`. `bands` and `findings` are what they speak of, by name.

    Letters are read by thousands of phrases, which take seconds to load; that is done with the first letter, or before
    it by whoever calls `warm`.
    """

    bands: Mapping[str, BandOf]
    findings: Mapping[str, Finding]
    _bands: Bands = field(repr=False)
    _content: Path = field(repr=False)
    _hear: Hear | None = field(default=None, repr=False)
    _models: Path | None = field(default=None, repr=False)

    @classmethod
    def load(cls, content: Path, hear: Hear | None = None, models: Path | None = None) -> "Sorter":
        """The sorter of a content folder.

        Args:
            content: the content folder.
            hear: the alarm for the second reading; without it letters are read once.
            models: where what was learnt of letters is kept; without it phrases read them alone.

        Raises:
            ContentError: a rule or a band can't be used.
        """
        bands = Bands.load(content)
        return cls(
            {name: bands.bands[name] for name in ORDER},
            bands.findings,
            bands,
            content,
            hear,
            models,
        )

    def reasons(
        self, sources: Mapping[str, Source], finding: Callable[[str], str], value: Callable[[str], str]
    ) -> Mapping[str, Reason]:
        """What every rule says, by its id (see `rule_words.reasons`).

        Raises:
            ContentError: the bands' own rules can't be read.
        """
        file, _ = read(self._content / "referral" / "bands.yml", _OwnRules)
        return reasons(self._bands.rules, file.rules, sources, finding, value)

    def warm(self) -> None:
        """Load the phrases that letters are read by.

        Raises:
            ContentError: a phrase can't be used.
        """
        _ = self._reader

    @cached_property
    def _reader(self) -> LetterReading:
        return LetterReading.load(self._content, self._bands, self._models, _phrases_alone)

    @cached_property
    def columns(self) -> Columns:
        """What the columns of spreadsheets are called.

        Raises:
            ContentError: a name can't be used.
        """
        return Columns.load(self._content, self.findings)

    def read(self, text: str, received: date) -> Referral:
        """What a letter states, each finding with the words that it was read from; proposals until confirmed."""
        return self.reading()(text, received)

    def reading(self) -> "Reading":
        """What one request reads letters with (see `Reading`). The phrases are loaded with the first letter."""
        return Reading(lambda: self._reader, self._hear)

    def sort(self, referral: Referral, today: date, override: Override | None = None) -> Sorting:
        """Sort a referral for a day (see `bot.referral.sorting.sort`)."""
        return sort(self._bands, referral, today, override)


class Reading:
    """Reads letters (see `Sorter.read`), and remembers which were read once, because the alarm could not be asked.

    Args:
        first: gives what the first reading is done by; asked with the first letter.
        hear: the alarm for the second; without it there is none to miss.
    """

    def __init__(self, first: Callable[[], LetterReading], hear: Hear | None) -> None:
        self._first, self._hear = first, hear
        self._once: list[str] = []

    def __call__(self, text: str, received: date) -> Referral:
        """What a letter states."""
        first, hear = self._first(), self._hear
        referral = first(text, received)
        if hear is None:
            return referral

        def noting(sentences: Sequence[str]) -> Sequence[float] | None:
            odds = hear(sentences)
            if odds is None:
                self._once.append(text)
            return odds

        return second_reading(referral, noting, first.urgency(text))

    def was_once(self, referral: Referral) -> bool:
        """Whether a referral was made of a text that was read once, alone or after other values."""
        return any(referral.text.endswith(text) for text in self._once)
