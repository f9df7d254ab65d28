"""How the desk sorts a referral: the clinic's bands by the rules, a clinician's override beside them, its place."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

from bot.desk.columns import Columns
from bot.referral.bands import ORDER, Banding, BandOf, Bands, Reason
from bot.referral.letter import LetterReader
from bot.referral.record import UNSURE, Referral
from bot.store.referrals import Override, Sorting
from bot.triage.rules import Finding

_MOST_SCORE = 999_999
_WORKING_DAYS = frozenset({"REDIRECT"})
_RAISED_BY_DOUBT = frozenset({"P0-today", "P1-unclear-emergency"})
_WARNS = frozenset({"brain", "infection", "airway", "trauma", "eye", "ear", "mind"})
"""Groups of findings in which a doubt is a warning; a doubt about a tablet is none."""
_USUAL = frozenset({"droop", "droop_new", "assessed_by_clinician", "age"})
_RECKONED = frozenset(
    {"urgency", "urgency_if_unsure", "any_eye_symptom", "any_brain_finding", "weeks_since_onset", "days_since_onset"}
)


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

    @classmethod
    def load(cls, content: Path) -> "Sorter":
        """The sorter of a content folder.

        Raises:
            ContentError: a rule or a band can't be used.
        """
        bands = Bands.load(content)
        return cls(
            {name: bands.bands[name] for name in ORDER},
            bands.findings,
            bands,
            content,
        )

    def warm(self) -> None:
        """Load the phrases that letters are read by.

        Raises:
            ContentError: a phrase can't be used.
        """
        _ = self._reader

    @cached_property
    def _reader(self) -> LetterReader:
        return LetterReader.load(self._content, self.findings)

    @cached_property
    def columns(self) -> Columns:
        """What the columns of spreadsheets are called.

        Raises:
            ContentError: a name can't be used.
        """
        return Columns.load(self._content, self.findings)

    def read(self, text: str, received: date) -> Referral:
        """What a letter states, each finding with the words that it was read from; proposals until confirmed."""
        return self._reader(text, received)

    def sort(self, referral: Referral, today: date, override: Override | None = None) -> Sorting:
        """Sort a referral for a day.

        A clinician's band holds, and closes the red flags that they saw when they chose it. When a red flag opens that
        they had not seen, it is the machine's band that counts again, until a person has looked.
        """
        banding = self._bands(referral, today)
        seen = frozenset(override.saw) if override else frozenset()
        holds = override is not None and all(flag.rule in seen for flag in banding.red_flags)
        band: str = override.band if override and holds else banding.band
        flags = () if holds else banding.red_flags
        return Sorting(
            machine_band=banding.band,
            machine_rules=_rules(banding, referral),
            ruleset=f"{self._bands.rules.name}, bands {self._bands.version}",
            sorted_on=today,
            flags=_flags(flags, banding, self.findings),
            eye=banding.eye.replace(" ", "_"),
            missing=list(banding.missing),
            score=banding.score.value,
            band=band,
            place=self._place(banding, band, flagged=bool(flags), received=referral.received),
            target_on=banding.due if band == banding.band else self._due(referral.received, band),
            action=banding.action if band == banding.band else self.bands[band].action,
        )

    def _place(self, banding: Banding, band: str, *, flagged: bool, received: date) -> str:
        """The core's order as a text that sorts the same way; among equals the one that has waited longest."""
        _, _, urgent, eye, _ = self._bands.order(banding)
        last = received.toordinal() if flagged else round((1 - banding.score.value) * _MOST_SCORE)
        rank = tuple(self.bands).index(band)
        return f"{rank}{int(not flagged)}{5 + urgent if flagged else 5}{eye}{last:06d}{received.toordinal():06d}"

    def _due(self, received: date, band: str) -> date:
        days = self.bands[band].target_days
        if band not in _WORKING_DAYS:
            return received + timedelta(days=days)
        due = received
        while days:
            due += timedelta(days=1)
            days -= due.weekday() < 5
        return due


def _rules(banding: Banding, referral: Referral) -> list[dict[str, object]]:
    """The rules that hold, with what they rest on; the band's own also with what the letter leaves unsure."""
    rules: list[dict[str, object]] = []
    for reason in banding.reasons:
        findings, quotes = dict(reason.findings), list(reason.quotes)
        if reason.rule in _RAISED_BY_DOUBT:
            findings |= dict.fromkeys(banding.unsure, UNSURE)
            quotes += [quote for name in banding.unsure if (quote := referral.findings[name].quote)]
        rules.append(
            {"id": reason.rule, "why": reason.why, "findings": findings, "quotes": list(dict.fromkeys(quotes))}
        )
    return rules


def _flags(reasons: Iterable[Reason], banding: Banding, findings: Mapping[str, Finding]) -> list[dict[str, object]]:
    """The open red flags, each with its findings: first what is so, last what nearly every referral has."""
    flags: list[dict[str, object]] = []
    for reason in reasons:
        stated = {name: value for name, value in reason.findings.items() if value != "no"}
        if reason.rule in _RAISED_BY_DOUBT:
            stated |= {name: UNSURE for name in banding.unsure if findings[name].group in _WARNS}
        names = sorted(
            (name for name in stated if name not in _RECKONED), key=lambda name: (name in _USUAL, stated[name] != "yes")
        )
        flags.append({"rule": reason.rule, "names": names, "why": reason.why})
    return flags
