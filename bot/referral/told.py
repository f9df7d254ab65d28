"""What a patient tells in the chat, merged into what a referral holds. Pure.

A patient's own word never takes a warning away that the clinic or a letter holds: of two answers the more worrying one
stands, until a person at the clinic has looked. What the patient told before, they may change.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.referral.record import UNSURE, Proposed, Referral
from bot.triage.rules import Finding

_UNKNOWN = "unknown"
_DERIVED = "derived"


@dataclass(frozen=True, slots=True)
class Learnt:
    """One finding that the patient told otherwise than the referral held. `kept`: what was held stands all the same."""

    name: str
    before: str | None
    told: str
    kept: bool


def merged(
    referral: Referral, told: Mapping[str, str], sources: Mapping[str, str], findings: Mapping[str, Finding]
) -> tuple[Referral, tuple[Learnt, ...]]:
    """The referral with what the patient told, and what that changed or would have.

    Args:
        referral: as it was.
        told: values by the finding's name; what stayed unknown says nothing.
        sources: how each came; an answer that stayed `unclear` is unsure, which is never a no.
        findings: what may be stated.
    """
    learnt = []
    for name, given in told.items():
        finding = findings.get(name)
        if finding is None or finding.group == _DERIVED or given == _UNKNOWN:
            continue
        value = UNSURE if sources.get(name) == "unclear" and finding.kind == "yes_no" else given
        if not (value == UNSURE or finding.allows(value)):
            continue
        before = referral.findings.get(name)
        if before is not None and before.value == value:
            continue
        kept = before is not None and not _may_replace(before, value, finding)
        learnt.append(Learnt(name, before.value if before else None, value, kept))
        if not kept:
            referral = referral.stating(name, value, "patient")
    return referral, tuple(learnt)


def _may_replace(before: Proposed, value: str, finding: Finding) -> bool:
    if before.by == "patient":
        return True
    if finding.kind != "yes_no":
        return before.by == "letter"
    if value == UNSURE:
        return before.value != finding.worse
    return value == finding.worse
