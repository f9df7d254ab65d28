"""Which band, why, what is missing, and the order within a band."""

from datetime import date, timedelta
from typing import Any

import pytest

from bot.referral.bands import ORDER, Bands, check_bands, eye_status, missing
from bot.referral.proposal import Proposals
from bot.referral.record import Proposed, Referral

DAY = date(2026, 11, 19)


@pytest.fixture
def bands(proposals: Proposals) -> Bands:
    return proposals.bands


def referral(
    weeks: float | None = None, *, cause: str | None = "bells", hb: int | None = None, **findings: str
) -> Referral:
    fields: dict[str, Any] = {"side": "L", "cause": cause, "grade": f"HB {hb}" if hb else None}
    findings = {"droop": "yes", "assessed_by_clinician": "yes", **findings}
    return Referral(
        received=DAY,
        findings={name: Proposed(value, f"{name} quoted") for name, value in findings.items()},
        onset=DAY - timedelta(days=round(weeks * 7)) if weeks is not None else None,
        **fields,
    )


CASES = [
    # today: the triage rules, and what no letter should wait with
    (referral(3, cannot_close_eye="yes"), "P0", "P0-today"),
    (referral(3, arm_or_leg_weak="yes"), "P0", "P0-today"),
    (referral(20, suicidal_thought="yes"), "P0", "P0-today"),
    (referral(0.4, cause=None, forehead_moves_normally="yes"), "P0", "P0-central-new"),
    (referral(0.4, cause=None, stroke_suspected="yes"), "P0", "P0-stroke-suspected"),
    (referral(5, new_swallow_trouble="yes"), "P0", "P0-swallow"),
    (referral(1, assessed_by_clinician="no"), "P0", "P0-today"),
    (referral(1, age="9"), "P0", "P0-child-new"),
    (referral(1, fever="yes"), "P0", "P0-fever-new"),
    (referral(5, pregnant="yes", preeclampsia_signs="yes"), "P0", "P0-pregnancy"),
    # redirect
    (referral(12, cause="stroke"), "REDIRECT", "REDIRECT-central"),
    (referral(12, cause=None, forehead_moves_normally="yes"), "REDIRECT", "REDIRECT-central"),
    (
        referral(None, cause=None, droop="no", other_condition="hemifacial_spasm"),
        "REDIRECT",
        "REDIRECT-other-condition",
    ),
    (referral(None, cause="congenital", age="30"), "REDIRECT", "REDIRECT-congenital"),
    (referral(None, cause="congenital", age="9"), "P1", "P1-pregnancy-or-child"),
    (referral(None, cause=None, droop="no"), "REDIRECT", "REDIRECT-no-palsy"),
    (referral(20, onset_speed="over_3w"), "REDIRECT", "REDIRECT-unassessed"),
    (referral(20, prev_episode_same_side="yes"), "REDIRECT", "REDIRECT-unassessed"),
    # two weeks
    (referral(20, arm_or_leg_weak="unsure"), "P0", "P0-today"),
    (referral(20, possible_red_flag="yes", any_movement_back="yes"), "P0", "P0-possible-red-flag"),
    (referral(90, cause="stroke", possible_red_flag="yes"), "P0", "P0-possible-red-flag"),
    (referral(20, arm_or_leg_weak="unsure", any_movement_back="yes"), "P1", "P1-unclear-emergency"),
    (referral(1, cause=None), "P1", "P1-new-unexplained"),
    (referral(20, cannot_close_eye="no", corneal_signs="yes"), "P1", "P1-eye"),
    (referral(20, has_eye_protection_plan="no"), "P1", "P1-eye"),
    (referral(2, hb=5), "P1", "P1-eye-unknown"),
    (referral(20, lump_cheek_jaw_neck="yes", cause=None), "P1", "P1-cancer"),
    (referral(8, cause="vs", nerve_divided="yes", has_eye_protection_plan="yes"), "P1", "P1-nerve-divided"),
    (referral(8, hb=6, cannot_close_eye="yes", has_eye_protection_plan="yes"), "P1", "P1-complete"),
    (referral(3, hb=5, cannot_close_eye="yes", has_eye_protection_plan="yes"), "P1", "P1-complete"),
    (referral(20, age="8"), "P1", "P1-pregnancy-or-child"),
    # six weeks
    (referral(20, cannot_close_eye="yes", has_eye_protection_plan="yes"), "P2", "P2-eye-closure"),
    (referral(80, cause="rhs"), "P2", "P2-rhs"),
    (referral(20, hb=5, cannot_close_eye="no"), "P2", "P2-complete-late"),
    (referral(13, hb=6, has_eye_protection_plan="yes"), "P2", "P2-complete-late"),
    (referral(8, any_movement_back="no", cannot_close_eye="no"), "P2", "P2-little-movement"),
    (referral(20, movement_returning="yes"), "P2", "P2-movement-returning"),
    (referral(90, reanimation_surgery_days="120", surgeon_cleared="yes"), "P2", "P2-reanimation"),
    (referral(1, hb=3, cannot_close_eye="no"), "P2", "P2-otherwise"),
    (referral(None), "P2", "P2-otherwise"),
    # twelve weeks, and the rest
    (referral(40, synkinesis="yes"), "P3", "P3-synkinesis-new"),
    (referral(90, severe_impact="yes"), "P3", "P3-impact"),
    (referral(20, any_movement_back="yes"), "P3", "P3-recovering"),
    (referral(90, synkinesis="yes"), "P4", "P4-established"),
    (referral(None, synkinesis="yes", longstanding="yes"), "P4", "P4-established"),
    (referral(20, synkinesis="yes", suicidal_thought="yes", suicide_risk_routed="yes"), "P0", "P0-today"),
    (
        referral(20, suicidal_thought="yes", suicide_risk_routed="yes", suicide_risk_in_hand="yes"),
        "P1",
        "P1-risk-routed",
    ),
]


@pytest.mark.parametrize(("given", "band", "rule"), CASES)
def test_the_first_rule_that_holds_decides(bands: Bands, given: Referral, band: str, rule: str) -> None:
    banding = bands(given, DAY)
    assert (banding.band, banding.rules[-1]) == (band, rule)


def test_every_rule_has_a_case(bands: Bands) -> None:
    untested = set(bands._by_id) - {rule for _, _, rule in CASES}
    assert untested <= {"P4-recovered"}


def test_a_reason_carries_the_letters_words(bands: Bands) -> None:
    banding = bands(referral(3, arm_or_leg_weak="yes"), DAY)
    assert banding.rules[0] == "E02"
    assert banding.reasons[0].quotes == ("arm_or_leg_weak quoted",)
    assert banding.red_flags
    assert banding.due == DAY


def test_days_in_the_queue_never_make_it_less_urgent(bands: Bands) -> None:
    given = referral(0.2, assessed_by_clinician="no")
    assert bands(given, DAY + timedelta(days=60)).band == "P0"


def test_what_is_missing_is_named_and_the_eye_first(bands: Bands) -> None:
    assert missing(referral(None, cause=None)) == ("eye status", "onset", "cause", "grade")
    assert missing(referral(3, hb=3, cannot_close_eye="unsure")) == ("eye status",)


def test_an_eye_is_safe_only_when_said_so() -> None:
    assert eye_status(referral(3)) == "unknown"
    assert eye_status(referral(3, cannot_close_eye="unsure")) == "unknown"
    assert eye_status(referral(3, has_eye_protection_plan="yes")) == "unknown"
    assert eye_status(referral(3, cannot_close_eye="no")) == "safe"
    assert eye_status(referral(3, cannot_close_eye="no", eye_red="yes")) == "at risk"


def test_the_order_puts_red_flags_first_and_an_unknown_eye_above_a_safe_one(bands: Bands) -> None:
    safe = bands(referral(20, hb=4, cannot_close_eye="no", severe_impact="no"), DAY)
    unknown = bands(referral(40, hb=2), DAY)
    assert (safe.band, unknown.band) == ("P3", "P3")
    assert bands.order(unknown) < bands.order(safe)
    flagged = bands(referral(45, facial_numbness="yes", specialist_review_done="yes", cannot_close_eye="no"), DAY)
    assert flagged.band == "P3"
    assert flagged.red_flags
    assert bands.order(flagged) < bands.order(unknown)


def test_the_score_is_the_sum_of_its_visible_parts(bands: Bands) -> None:
    score = bands(referral(8, hb=6, has_eye_protection_plan="yes"), DAY + timedelta(days=7)).score
    assert score.parts == {
        "time_window": 1.0, "eye": 0.8, "severity": 1.0, "impact": 0.5, "mental_health": 0.5, "waiting": 0.5,
    }  # fmt: skip
    assert score.value == pytest.approx(0.30 + 0.25 * 0.8 + 0.15 + 0.15 * 0.5 + 0.10 * 0.5 + 0.05 * 0.5)


def test_a_redirect_is_due_in_two_working_days(bands: Bands) -> None:
    friday = Referral(received=date(2026, 11, 20), cause="stroke")
    assert bands(friday, friday.received).due == date(2026, 11, 24)


def test_the_content_has_no_problems(bands: Bands) -> None:
    assert check_bands(bands) == []
    assert set(bands.bands) == set(ORDER)
