"""What a patient tells is merged so that no warning is lost."""

from datetime import date

import pytest

from bot.referral.record import Author, Proposed, Referral
from bot.referral.told import Learnt, merged
from bot.settings import CONTENT
from bot.triage.rules import load_findings

TODAY = date(2026, 11, 22)
FINDINGS = load_findings(CONTENT / "triage" / "findings.yml")


def holding(value: str | None, by: Author) -> Referral:
    return Referral(TODAY, {"fever": Proposed(value, "a fever", by)} if value else {})


@pytest.mark.parametrize(
    ("before", "by", "told", "after"),
    [
        (None, "letter", "yes", "yes"),
        (None, "letter", "no", "no"),
        ("no", "letter", "yes", "yes"),
        ("yes", "letter", "no", "yes"),
        ("unsure", "letter", "no", "unsure"),
        ("no", "person", "yes", "yes"),
        ("yes", "person", "no", "yes"),
        ("yes", "patient", "no", "no"),
        ("no", "patient", "yes", "yes"),
    ],
)
def test_the_more_worrying_answer_stands(before: str | None, by: Author, told: str, after: str) -> None:
    referral, learnt = merged(holding(before, by), {"fever": told}, {}, FINDINGS)
    assert referral.value("fever") == after
    assert [each.kept for each in learnt] == ([after != told] if before != told else [])


def test_an_answer_that_stayed_unclear_is_unsure_and_never_a_no() -> None:
    referral, learnt = merged(holding("no", "person"), {"fever": "yes"}, {"fever": "unclear"}, FINDINGS)
    assert referral.value("fever") == "unsure"
    assert learnt == (Learnt("fever", "no", "unsure", kept=False),)


@pytest.mark.parametrize("told", [{"fever": "unknown"}, {"invented": "yes"}, {"fever": "green"}, {"urgency": "5"}])
def test_what_says_nothing_changes_nothing(told: dict[str, str]) -> None:
    before = holding("no", "letter")
    assert merged(before, told, {}, FINDINGS) == (before, ())


def test_what_was_told_is_the_patients() -> None:
    referral, _ = merged(holding("no", "letter"), {"fever": "yes"}, {}, FINDINGS)
    assert referral.findings["fever"] == Proposed("yes", None, "patient")
