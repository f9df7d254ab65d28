"""How a referral is sorted for the queue: the rules' band, a clinician's override beside it, its place.

Pure: the desk and the chat sort by the same function.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from bot.referral.bands import ORDER, Banding, BandOf, Bands, Reason
from bot.referral.record import UNSURE, Referral
from bot.triage.rules import Finding

_RANKS: tuple[str, ...] = ORDER
_MOST_SCORE = 999_999
_RAISED_BY_DOUBT = frozenset({"P0-today", "P1-unclear-emergency"})
_WARNS = frozenset({"brain", "infection", "airway", "trauma", "eye", "ear", "mind"})
"""Groups of findings in which a doubt is a warning; a doubt about a tablet is none."""
_USUAL = frozenset({"droop", "droop_new", "assessed_by_clinician", "age"})
_RECKONED = frozenset(
    {"urgency", "urgency_if_unsure", "any_eye_symptom", "any_brain_finding", "weeks_since_onset", "days_since_onset"}
)


@dataclass(frozen=True, slots=True)
class Sorting:
    """How a referral was sorted, and what the queue shows of it.

    Attributes:
        machine_band: the rules' answer. `band` is the clinician's while that holds, and else the machine's.
        machine_rules: each fired rule: `id`, its words and the findings it rests on.
        ruleset: the version of the rules.
        sorted_on: the day it was sorted for.
        flags: the red flags that are open: each one's `rule`, the `names` of the findings it rests on, and `why`.
        eye: `at_risk`, `unknown` or `safe`.
        missing: the critical fields that nobody has filled.
        score: the order inside a band, 0 to 1, the highest first.
        place: sorts as the queue does, the most urgent first. Its second sign is 0 while a red flag is open.
        target_on: the first contact is due by the end of this day.
        action: what the rules suggest to do next.
    """

    machine_band: str
    machine_rules: Sequence[Mapping[str, Any]]
    ruleset: str
    sorted_on: date
    flags: Sequence[Mapping[str, Any]]
    eye: str
    missing: Sequence[str]
    score: float
    band: str
    place: str
    target_on: date
    action: str


@dataclass(frozen=True, slots=True)
class Override:
    """A clinician's own band: why, who, when, and the ids of the rules that held at that time."""

    band: str
    reason: str
    by: int | None
    by_name: str | None
    at: datetime
    saw: Sequence[str]


def sort(bands: Bands, referral: Referral, today: date, override: Override | None = None) -> Sorting:
    """Sort a referral for a day.

    A clinician's band holds, and closes the red flags that they saw when they chose it. When a red flag opens that
    they had not seen, it is the machine's band that counts again, until a person has looked.
    """
    banding = bands(referral, today)
    seen = frozenset(override.saw) if override else frozenset()
    holds = override is not None and all(flag.rule in seen for flag in banding.red_flags)
    band: str = override.band if override and holds else banding.band
    flags = () if holds else banding.red_flags
    return Sorting(
        machine_band=banding.band,
        machine_rules=_rules(banding, referral),
        ruleset=f"{bands.rules.name}, bands {bands.version}",
        sorted_on=today,
        flags=_flags(flags, banding, bands.findings),
        eye=banding.eye.replace(" ", "_"),
        missing=list(banding.missing),
        score=banding.score.value,
        band=band,
        place=_place(bands, banding, band, flagged=bool(flags), received=referral.received),
        target_on=bands.due(referral.received, band),
        action=banding.action if band == banding.band else _of(bands, band).action,
    )


def _place(bands: Bands, banding: Banding, band: str, *, flagged: bool, received: date) -> str:
    """The core's order as a text that sorts the same way; among equals the one that has waited longest."""
    _, _, urgent, eye, _ = bands.order(banding)
    last = received.toordinal() if flagged else round((1 - banding.score.value) * _MOST_SCORE)
    rank = _RANKS.index(band)
    return f"{rank}{int(not flagged)}{5 + urgent if flagged else 5}{eye}{last:06d}{received.toordinal():06d}"


def _of(bands: Bands, band: str) -> BandOf:
    return next(of for name, of in bands.bands.items() if name == band)


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
