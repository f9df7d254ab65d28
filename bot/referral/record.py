"""A referral as the queue holds it: what is known, who said so, and in which words of the letter.

Names of findings are those of `content/triage/findings.yml` and of `content/referral/bands.yml`. A finding that nobody
stated is absent; it is never "no".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import Literal

type Side = Literal["L", "R", "both"]
"""The weak side: the patient's left, right, or both."""

type Author = Literal["letter", "person", "patient"]
"""Who says so: proposed from the letter, confirmed or entered at the clinic, or told by the patient in the chat."""

UNSURE = "unsure"
"""The value of a finding that the letter raises and does not settle: "?stroke", "possible hearing loss"."""

EYE_SYMPTOMS = ("eye_pain", "eye_red", "light_sensitive_one_eye", "vision_blurred_persistent", "foreign_body_feeling")
"""Symptoms for an eye service today, until it has examined them."""

CAUSES = (
    "bells", "rhs", "vs", "parotid", "tumour", "trauma", "surgery", "lyme", "otitis", "congenital", "gbs", "stroke",
    "brain_injury", "other",
)  # fmt: skip
"""What a referral may name as the cause (evidence pack, section 2.1). A cause that isn't known is None."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """One finding's value, who says so, and the letter's own words.

    `value` is `yes`, `no`, `unsure`, one of the finding's choices, or a number as text. `quote` is an exact part of the
    letter, or None when it does not come from its words.
    """

    value: str
    quote: str | None = None
    by: Author = "letter"


@dataclass(frozen=True, slots=True)
class Referral:
    """What is known of one referral. Everything but the day it was received may be missing.

    Attributes:
        received: the day the clinic received it; waiting is counted from here.
        findings: what is stated, by the finding's name.
        onset: the day the weakness began. `onset_is_exact` is False when it was reckoned from "three weeks ago".
        side: the weak side.
        cause: one of `CAUSES`.
        grade: the clinician's House-Brackmann grade as "HB 1" to "HB 6"; of a range ("HB IV-V") the worse one.
        sunnybrook: the clinician's Sunnybrook composite, 0 to 100; 100 is normal.
        fdi: the Facial Disability Index, the lower of its two parts, 0 to 100; 100 is no disability.
        written: the day the letter was written, when it says so.
        goals: what the patient hopes for, in the letter's words.
        text: the letter.
        quotes: the letter's words for the fields above, by the field's name ("onset", "side", "cause", "grade", ...).
    """

    received: date
    findings: Mapping[str, Proposed] = field(default_factory=lambda: MappingProxyType({}))
    onset: date | None = None
    onset_is_exact: bool = False
    side: Side | None = None
    cause: str | None = None
    grade: str | None = None
    sunnybrook: float | None = None
    fdi: float | None = None
    written: date | None = None
    goals: str | None = None
    text: str = ""
    quotes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def value(self, name: str) -> str | None:
        """A finding's value; None when nobody stated it."""
        return self.findings[name].value if name in self.findings else None

    def stating(self, name: str, value: str, by: Author = "person") -> "Referral":
        """The referral with one finding confirmed or corrected; the letter's quote stays when the value does."""
        before = self.findings.get(name)
        quote = before.quote if before is not None and before.value == value else None
        return replace(self, findings=MappingProxyType({**self.findings, name: Proposed(value, quote, by)}))

    def days_since_onset(self, today: date) -> int | None:
        """Days from onset until a day; None when the onset is not known, never less than 0."""
        return max(0, (today - self.onset).days) if self.onset else None

    def days_waiting(self, today: date) -> int:
        """Days since the clinic received it, never less than 0."""
        return max(0, (today - self.received).days)
