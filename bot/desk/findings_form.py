"""Findings as the desk's forms send them: one field each, empty for "leave as it is". Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType

from bot.referral.record import CAUSES, UNSURE, Referral, Side
from bot.triage.rules import Finding

NOT_STATED = "-"
"""What a form sends for a finding that nobody states after all."""

EYE = (
    "cannot_close_eye", "has_eye_protection_plan", "eye_pain", "eye_red", "vision_blurred_persistent",
    "light_sensitive_one_eye", "cornea_numb", "only_seeing_eye",
)  # fmt: skip
RED_FLAGS = (
    "arm_or_leg_weak", "speech_slurred_or_words_wrong", "forehead_moves_normally", "double_vision", "facial_numbness",
    "new_swallow_trouble", "hearing_loss_new_sudden", "acute_vertigo", "ear_or_mouth_blisters", "ear_discharge",
    "fever", "lump_cheek_jaw_neck", "cancer_history_head_neck", "skin_cancer_face_history", "worsening_after_3w",
    "prev_episode_same_side", "suicidal_thought",
)  # fmt: skip
COURSE = (
    "complete_paralysis", "any_movement_back", "movement_returning", "synkinesis", "face_tight_or_pain",
    "steroid_within_72h", "specialist_review_done", "nerve_divided", "pregnant", "diabetes", "immunosuppressed",
)  # fmt: skip
GRADES = tuple(f"HB {grade}" for grade in range(1, 7))
SIDES: Mapping[str, Side] = MappingProxyType({"L": "L", "R": "R", "both": "both"})

_DERIVED = "derived"


class WrongField(ValueError):
    """A field of a form can't be taken; `field` says which."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


@dataclass(frozen=True, slots=True)
class Changed:
    """What a form changed: the finding, its value before and after; None is "not stated"."""

    name: str
    before: str | None
    after: str | None
    confirmed: bool


def is_asked(finding: Finding) -> bool:
    """Whether a person may state it; what is reckoned from others is not stated."""
    return finding.group != _DERIVED


def with_findings(
    referral: Referral, given: Mapping[str, str], findings: Mapping[str, Finding]
) -> tuple[Referral, list[Changed]]:
    """The referral as a person has confirmed and corrected it, and what that changed.

    Args:
        referral: as it was.
        given: values by the finding's name: empty leaves it as it is, `NOT_STATED` takes it away.
        findings: what may be stated.

    Raises:
        WrongField: there is no such finding, or it never has this value.
    """
    changed = []
    for name, value in given.items():
        if not value:
            continue
        finding = findings.get(name)
        if finding is None or not is_asked(finding):
            raise WrongField(name)
        before = referral.findings.get(name)
        if value == NOT_STATED:
            if before is not None:
                left = {other: stated for other, stated in referral.findings.items() if other != name}
                referral = replace(referral, findings=MappingProxyType(left))
                changed.append(Changed(name, before.value, None, confirmed=False))
            continue
        if value == "unknown" or not (value == UNSURE or finding.allows(value)):
            raise WrongField(name)
        if before is not None and before.value == value and before.by == "person":
            continue
        referral = referral.stating(name, value, "person")
        was = before.value if before else None
        changed.append(Changed(name, was, value, confirmed=was == value))
    return referral, changed


def with_details(referral: Referral, given: Mapping[str, str], today: date) -> Referral:
    """The referral with the fields of the form: received, onset, onset_exact, side, cause, grade, goals.

    Raises:
        WrongField: a day can't be read or lies after today, the onset lies after it was received, or a value is none
            of its choices.
    """
    received = _day(given, "received", today) or referral.received
    onset = _day(given, "onset", today)
    if onset is not None and onset > received:
        raise WrongField("onset")
    side, cause, grade = (given.get(name) or None for name in ("side", "cause", "grade"))
    for name, value, allowed in (("side", side, SIDES), ("cause", cause, CAUSES), ("grade", grade, GRADES)):
        if value is not None and value not in allowed:
            raise WrongField(name)
    changes = {"onset": onset, "side": side, "cause": cause, "grade": grade}
    # A quote speaks for the value it was read for, and for no other.
    quotes = {name: quote for name, quote in referral.quotes.items() if changes.get(name) == getattr(referral, name)}
    return replace(
        referral,
        received=received,
        onset=onset,
        onset_is_exact=onset is not None and given.get("onset_exact") == "yes",
        side=SIDES[side] if side else None,
        cause=cause,
        grade=grade,
        goals=given.get("goals") or None,
        quotes=MappingProxyType(quotes),
    )


def _day(given: Mapping[str, str], name: str, today: date) -> date | None:
    text = given.get(name, "")
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise WrongField(name) from None
    if day > today or day.year < 1900:
        raise WrongField(name)
    return day
