"""Findings in, urgency out: the worst wins, what is unknown never reassures, and nothing lowers what holds.

The promises are those of the evidence pack, sections 1.1, 1.2, 1.4, 1.5 and 1.7. All people are invented.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.triage.assess import UNKNOWN, Assessment, WrongFinding, assess, read_findings, would_change
from bot.triage.condition import Value
from bot.triage.rules import Disposition, Rules, load_rules
from tests.unit.triage.test_rules_fire import CASES

RULES = load_rules(Path(__file__).parents[3] / "content" / "triage")
EMERGENCY, SAME_DAY, URGENT, ROUTINE, SELF_CARE, _ = Disposition

type Findings = dict[str, Value]


def found(findings: Mapping[str, object], open_: frozenset[str] = frozenset(), rules: Rules = RULES) -> Assessment:
    return assess(read_findings(findings, RULES.findings), rules, open_)


def rank(findings: Mapping[str, Value]) -> int:
    return assess(findings, RULES).disposition.rank


# A known palsy, checked by a clinician, with nothing that needs anybody: the least that can be said.
SETTLED: Mapping[str, object] = {
    "droop": "yes",
    "droop_new": "no",
    "assessed_by_clinician": "yes",
    "known_cause": "bells",
}
LUMP: Mapping[str, object] = {**SETTLED, "lump_cheek_jaw_neck": "yes"}  # urgent, by U01
TIGHT: Mapping[str, object] = {**SETTLED, "face_tight_or_pain": "yes"}  # routine, by R01
# A new weak face on which the first day's questions were answered reassuringly: today, by D00 and D01.
FIRST_DAY: Mapping[str, object] = {
    "droop_new": "yes", "onset_hours": 20, "assessed_by_clinician": "no", "onset_speed": "hours_to_3d",
    "forehead_moves_normally": "no", "arm_or_leg_weak": "no", "speech_slurred_or_words_wrong": "no",
    "sudden_vision_loss": "no", "unsteady_or_cannot_walk": "no",
}  # fmt: skip


# ---- The worst wins ----
@pytest.mark.parametrize(
    ("findings", "disposition"),
    [
        ({}, SELF_CARE),
        (SETTLED, SELF_CARE),
        (TIGHT, ROUTINE),
        (LUMP, URGENT),
        ({**LUMP, **TIGHT, "minor_drug_effect": "yes"}, URGENT),
        ({**LUMP, "cannot_close_eye": "yes"}, SAME_DAY),
        (FIRST_DAY, SAME_DAY),
        ({**FIRST_DAY, "facial_numbness": "yes", "neuro_onset": "gradual"}, SAME_DAY),
        ({**FIRST_DAY, "lump_cheek_jaw_neck": "yes", "breathless": "yes"}, EMERGENCY),
    ],
)
def test_the_most_urgent_rule_decides(findings: Mapping[str, object], disposition: Disposition) -> None:
    assert found(findings).disposition is disposition


def test_every_rule_that_holds_is_kept_the_most_urgent_first() -> None:
    result = found({**FIRST_DAY, "breathless": "yes", "lump_cheek_jaw_neck": "yes", "wants_therapist": "yes"})
    assert {"E09", "D00", "U01", "R05"} <= set(result.rules)
    ranks = [each.rule.disposition.rank for each in result.fired]
    assert ranks == sorted(ranks, reverse=True)


def test_a_reassuring_answer_cancels_nothing() -> None:
    alarming = {"droop_new": "yes", "onset_hours": 3, "arm_or_leg_weak": "yes"}
    reassuring = {"forehead_moves_normally": "no", "ear_pain": "yes", "improving": "yes", "any_movement_back": "yes"}
    assert found({**alarming, **reassuring}).disposition is EMERGENCY
    assert set(found(alarming).rules) - {"E05"} <= set(found({**alarming, **reassuring}).rules)


def test_a_result_names_the_findings_behind_it_and_the_rule_set() -> None:
    result = found({"droop_new": "yes", "onset_hours": "5", "forehead_moves_normally": "unknown", "age": 40})
    (e05,) = (each for each in result.fired if each.rule.id == "E05")
    assert e05.evidence == {"droop_new": "yes", "onset_hours": 5.0, "forehead_moves_normally": "unknown"}
    assert result.ruleset == RULES.name
    assert result.findings["age"] == 40.0 and "forehead_moves_normally" not in result.findings


# ---- Being outside what this is for ----
@pytest.mark.parametrize(
    ("findings", "disposition", "outside"),
    [
        ({"known_cause": "stroke"}, SELF_CARE, True),
        ({"known_cause": "brain_injury", "wants_therapist": "yes"}, ROUTINE, True),
        ({"known_cause": "stroke", "arm_or_leg_weak": "yes", "neuro_onset": "sudden"}, EMERGENCY, True),
        ({"request": "dose_change", "black_or_bloody_stool_or_vomit": "yes"}, EMERGENCY, True),
        ({"request": "diagnosis", "suicidal_thought": "yes"}, SAME_DAY, True),
        ({"other_condition": "tmj", "droop_new": "yes", "onset_hours": 30}, SAME_DAY, True),
        ({"forehead_moves_normally": "yes", "onset_hours": 200, "assessed_by_clinician": "no"}, URGENT, True),
        ({"known_cause": "bells"}, SELF_CARE, False),
        (FIRST_DAY, SAME_DAY, False),
    ],
)
def test_being_outside_the_purpose_is_a_flag_beside_the_urgency(
    findings: Mapping[str, object], disposition: Disposition, outside: bool
) -> None:
    result = found(findings)
    assert (result.disposition, result.out_of_scope) == (disposition, outside)


def test_only_out_of_scope_still_says_where_to_go() -> None:
    assert found({"request": "prescription"}).routes == ("PERSON",)


# ---- Where to go ----
PREFERRED = "AMBULANCE ED_NOW ED CRISIS_TEAM MATERNITY EYE_CASUALTY ENT_ON_CALL SURGICAL_TEAM GP_OR_111".split()
"""The order of the evidence pack, section 1.5, point 3."""


@pytest.mark.parametrize(
    ("findings", "routes"),
    [
        ({"breathless": "yes"}, ("AMBULANCE",)),
        ({"breathless": "yes", "eye_injury_or_chemical": "yes"}, ("AMBULANCE", "ED_NOW")),
        ({"eye_injury_or_chemical": "yes", "suicide_plan_intent_or_act": "yes"}, ("AMBULANCE", "ED_NOW", "CRISIS_TEAM")),
        ({"eye_injury_or_chemical": "yes", "droop_new": "yes", "onset_hours": 30}, ("ED_NOW",)),
        ({"droop_new": "yes", "onset_hours": 30, "assessed_by_clinician": "yes"}, ("ED", "GP_OR_111")),
        ({**SETTLED, "eye_pain": "yes"}, ("EYE_CASUALTY",)),
        ({**SETTLED, "eye_pain": "yes", "hearing_loss_new_sudden": "yes"}, ("EYE_CASUALTY", "ENT_ON_CALL")),
        ({**SETTLED, "hearing_loss_new_sudden": "yes", "self_harm": "yes"}, ("CRISIS_TEAM", "ENT_ON_CALL")),
        ({"pregnant": "yes", "severe_headache": "yes", "eye_pain": "yes"}, ("MATERNITY", "EYE_CASUALTY")),
        ({"surgery_head_neck_days": 5, "fever": "yes", "hearing_loss_new_sudden": "yes"}, ("ENT_ON_CALL", "SURGICAL_TEAM")),
        ({"surgery_head_neck_days": 5, "fever": "yes", "face_or_lip_swelling_acute": "yes"}, ("SURGICAL_TEAM", "GP_OR_111")),
        # A weak face and a sore eye: the eye is not told last, behind the family doctor.
        ({**FIRST_DAY, "onset_hours": 30, "eye_pain": "yes"}, ("ED", "EYE_CASUALTY", "GP_OR_111")),
        ({**FIRST_DAY, "onset_hours": 30, "suicidal_thought": "yes"}, ("ED", "CRISIS_TEAM", "GP_OR_111")),
        ({"droop_new": "yes", "onset_hours": 30, "pregnant": "yes"}, ("ED", "MATERNITY", "GP_OR_111")),
        (SETTLED, ()),
    ],
)  # fmt: skip
def test_routes_come_in_the_order_of_preference(findings: Mapping[str, object], routes: tuple[str, ...]) -> None:
    assert found(findings).routes == routes


def test_every_pair_of_tied_routes_comes_in_the_order_of_preference() -> None:
    one_of_each = {
        "ED": {"assessed_by_clinician": "yes", "new_or_worse_neuro_finding": "yes"},
        "CRISIS_TEAM": {"self_harm": "yes"},
        "MATERNITY": {"pregnant": "yes", "upper_abdominal_pain": "yes"},
        "EYE_CASUALTY": {"eye_red": "yes", "cannot_close_eye": "yes", "has_eye_protection_plan": "yes"},
        "ENT_ON_CALL": {"hearing_loss_new_sudden": "yes"},
        "SURGICAL_TEAM": {"surgery_head_neck_days": 20, "wound_red_or_leaking": "yes"},
        "GP_OR_111": {"face_or_lip_swelling_acute": "yes"},
    }
    for one, why in one_of_each.items():
        for other, why_too in one_of_each.items():
            if PREFERRED.index(one) < PREFERRED.index(other):
                for findings in ({**why, **why_too}, {**why_too, **why}):
                    assert found(findings).routes == (one, other)


@pytest.mark.parametrize(
    ("findings", "disposition", "fitting"),
    [
        ({**FIRST_DAY, "onset_hours": 24, "age": 70, "double_vision": "unknown"}, EMERGENCY, {"AMBULANCE", "ED_NOW"}),
        ({"eye_white_or_iris_shows_on_closing": "yes", "has_eye_protection_plan": "yes", "only_seeing_eye": "yes"}, SAME_DAY, {"EYE_CASUALTY"}),
        ({**LUMP, "arm_or_leg_weak": "unknown"}, SAME_DAY, {"ED", "GP_OR_111"}),
    ],
)  # fmt: skip
def test_a_raised_urgency_comes_with_somewhere_that_is_open_in_time(
    findings: Mapping[str, object], disposition: Disposition, fitting: set[str]
) -> None:
    result = found(findings)
    assert result.disposition is disposition
    assert result.routes[0] in fitting


# ---- What only raises (section 1.4) ----
AT_RISK = {**FIRST_DAY, "onset_hours": 24, "age": 60}


@pytest.mark.parametrize(
    ("findings", "disposition"),
    [
        ({**AT_RISK, "double_vision": "unknown"}, EMERGENCY),
        ({**AT_RISK, "arm_or_leg_weak": "unknown"}, EMERGENCY),
        ({**AT_RISK, "onset_hours": 3, "one_side_numb": "unknown"}, EMERGENCY),
        ({**AT_RISK, "age": 45, "vascular_risk": "yes", "double_vision": "unknown"}, EMERGENCY),
        ({**AT_RISK, "age": "unknown", "vascular_risk": "yes", "double_vision": "unknown"}, EMERGENCY),
        ({**AT_RISK, "age": 59, "double_vision": "unknown"}, SAME_DAY),
        ({**AT_RISK, "age": 59.9, "vascular_risk": "no", "double_vision": "unknown"}, SAME_DAY),
        ({**AT_RISK, "onset_hours": 24.5, "double_vision": "unknown"}, SAME_DAY),
        ({**AT_RISK, "onset_hours": 25, "double_vision": "unknown"}, SAME_DAY),
        ({**AT_RISK, "double_vision": "no"}, SAME_DAY),
        ({**AT_RISK, "tinnitus_one_side": "unknown"}, SAME_DAY),
        (AT_RISK, SAME_DAY),
        ({**LUMP, "onset_hours": 24, "age": 70, "double_vision": "unknown"}, SAME_DAY),
    ],
)
def test_m1_age_or_vessels_make_an_uncertain_first_day_an_emergency(
    findings: Mapping[str, object], disposition: Disposition
) -> None:
    result = found(findings)
    assert result.disposition is disposition
    assert ("stroke_risk_and_unsure" in result.raised) is (disposition is EMERGENCY)


@pytest.mark.parametrize("hours", [1, 100, 336, 337, 2000, 20000, "unknown"])
@pytest.mark.parametrize(
    "vulnerable",
    [{"diabetes": "yes"}, {"immunosuppressed": "yes"}, {"pregnant": "yes"}, {"postpartum_6w": "yes"}, {"age": 17}],
    ids=lambda each: next(iter(each)),
)
def test_m2_a_new_palsy_of_the_vulnerable_is_for_today_on_any_day(vulnerable: dict[str, object], hours: object) -> None:
    for assessed in ("yes", "no", "unknown"):
        person = {"droop_new": "yes", "onset_hours": hours, "assessed_by_clinician": assessed, **vulnerable}
        assert found(person).disposition.rank >= SAME_DAY.rank


@pytest.mark.parametrize("worse", ["only_seeing_eye", "cornea_numb"])
@pytest.mark.parametrize(
    ("rule", "findings"),
    [
        ("U08", {"eye_white_or_iris_shows_on_closing": "yes", "has_eye_protection_plan": "yes"}),
        ("U09", {"gritty_dry": "yes", "eye_care_followed_48h": "yes"}),
        ("U10", {"weeks_since_onset": 20, "cannot_close_eye": "yes", "has_eye_protection_plan": "yes"}),
        ("U13", {"botox_therapeutic_days": 5, "eye_closure_worse": "yes"}),
    ],
)
def test_m3_an_only_eye_or_a_numb_one_makes_an_eye_rule_more_urgent(
    rule: str, findings: dict[str, object], worse: str
) -> None:
    plain = found({**SETTLED, **findings, worse: "no"})
    assert rule in plain.rules and (plain.disposition, plain.raised) == (URGENT, ())
    result = found({**SETTLED, **findings, worse: "yes"})
    assert (result.disposition, result.raised) == (SAME_DAY, ("only_seeing_eye_or_numb_cornea",))


@pytest.mark.parametrize(
    ("findings", "disposition"),
    [
        (LUMP, URGENT),
        (TIGHT, ROUTINE),
        (SETTLED, SELF_CARE),
        ({**SETTLED, "eye_pain": "yes"}, SAME_DAY),
        ({**SETTLED, "eye_injury_or_chemical": "yes", "gritty_dry": "yes", "eye_care_followed_48h": "yes"}, EMERGENCY),
    ],
)
def test_m3_raises_eye_rules_only_and_never_above_today(findings: dict[str, object], disposition: Disposition) -> None:
    assert found({**findings, "only_seeing_eye": "yes", "cornea_numb": "yes"}).disposition is disposition


def test_every_eye_rule_of_the_pack_is_marked_as_one() -> None:
    marked = {rule.id for rule in RULES.by_id.values() if rule.eye}
    assert {"D09", "D10", "D11", "D12", "D13", "D14", "U08", "U09", "U10"} <= marked


# ---- A key question that stays unanswered (section 1.5, point 5) ----
@pytest.mark.parametrize(
    ("findings", "asked", "disposition"),
    [
        (LUMP, "arm_or_leg_weak", SAME_DAY),
        (LUMP, "one_side_numb", SAME_DAY),
        (LUMP, "speech_slurred_or_words_wrong", SAME_DAY),
        (LUMP, "confused_or_drowsy", SAME_DAY),
        (LUMP, "collapse_or_seizure", SAME_DAY),
        (LUMP, "thunderclap_headache", SAME_DAY),
        (LUMP, "sudden_vision_loss", SAME_DAY),
        (LUMP, "double_vision", SAME_DAY),
        (LUMP, "unsteady_or_cannot_walk", SAME_DAY),
        (LUMP, "breathless", SAME_DAY),
        (LUMP, "tongue_or_throat_swelling", SAME_DAY),
        ({**LUMP, "side": "both", "onset_hours": 2000}, "new_swallow_trouble", SAME_DAY),
        ({**TIGHT, "any_movement_back": "no"}, "onset_hours", URGENT),
        (TIGHT, "onset_speed", URGENT),
        ({**TIGHT, "onset_hours": 200, "assessed_by_clinician": "no"}, "forehead_moves_normally", URGENT),
        (LUMP, "cannot_close_eye", SAME_DAY),
        (LUMP, "eye_pain", SAME_DAY),
        ({**LUMP, "cannot_close_eye": "yes", "has_eye_protection_plan": "yes"}, "eye_red", SAME_DAY),
        (LUMP, "light_sensitive_one_eye", SAME_DAY),
        (LUMP, "vision_blurred_persistent", SAME_DAY),
        # One step, not more, and never above today.
        (SETTLED, "arm_or_leg_weak", ROUTINE),
        (TIGHT, "arm_or_leg_weak", URGENT),
        ({**SETTLED, "hearing_loss_new_sudden": "yes"}, "arm_or_leg_weak", SAME_DAY),
        ({**SETTLED, "breathless": "yes"}, "arm_or_leg_weak", EMERGENCY),
    ],
)
def test_a_key_question_asked_in_vain_raises_by_one_step_at_most_to_today(
    findings: dict[str, object], asked: str, disposition: Disposition
) -> None:
    before, after = found(findings), found({**findings, asked: UNKNOWN})
    assert after.disposition is disposition
    stepped = after.disposition.rank > before.disposition.rank
    assert stepped is ("key_question_unanswered" in after.raised)
    assert after.disposition.rank - before.disposition.rank <= 1


def test_several_unanswered_questions_raise_no_more_than_one() -> None:
    unsure = dict.fromkeys(("arm_or_leg_weak", "breathless", "double_vision", "eye_pain"), UNKNOWN)
    assert found({**SETTLED, **unsure}).disposition is ROUTINE
    assert found({**TIGHT, **unsure}).disposition is URGENT


@pytest.mark.parametrize("other", ["tinnitus_one_side", "diabetes", "lyme_considered", "improving", "age", "phq2"])
def test_another_question_asked_in_vain_raises_nothing(other: str) -> None:
    result = found({**LUMP, other: UNKNOWN})
    assert (result.disposition, result.raised) == (URGENT, ())


def test_a_question_that_was_never_asked_raises_nothing() -> None:
    assert found(LUMP).raised == ()
    assert found(SETTLED).disposition is SELF_CARE


def test_an_answer_known_in_another_way_is_not_missed() -> None:
    result = found({**TIGHT, "any_movement_back": "yes", "onset_hours": UNKNOWN, "weeks_since_onset": 30})
    assert (result.disposition, result.raised) == (ROUTINE, ())


def test_the_policy_can_switch_the_step_off() -> None:
    switch = RULES.policy["step_up_when_unsure"].model_copy(update={"value": "never"})
    never = replace(RULES, policy={**RULES.policy, "step_up_when_unsure": switch})
    assert found({**LUMP, "arm_or_leg_weak": UNKNOWN}, rules=never).disposition is URGENT
    assert found({**LUMP, "arm_or_leg_weak": UNKNOWN}).disposition is SAME_DAY


# ---- What follows from findings (section 1.2) ----
BRAIN = (
    "arm_or_leg_weak one_side_numb speech_slurred_or_words_wrong confused_or_drowsy collapse_or_seizure "
    "thunderclap_headache severe_headache sudden_vision_loss double_vision unsteady_or_cannot_walk "
    "new_or_worse_neuro_finding headache_with_vomiting acute_vertigo facial_numbness new_swallow_trouble "
    "voice_hoarse_new ascending_weakness_or_tingling"
).split()
EYE = (
    "eye_pain eye_red light_sensitive_one_eye vision_blurred_persistent vision_blurred_clears foreign_body_feeling "
    "gritty_dry eye_discharge_pus white_spot_on_cornea"
).split()
GROUPS = [("any_brain_finding", BRAIN), ("any_eye_symptom", EYE)]
MEMBERS = [(name, members, member) for name, members in GROUPS for member in members]


@pytest.mark.parametrize(("name", "members", "member"), MEMBERS, ids=[f"{row[0]}-{row[2]}" for row in MEMBERS])
def test_a_group_is_no_only_if_every_member_is_no(name: str, members: list[str], member: str) -> None:
    none = dict.fromkeys(members, "no")
    assert found(none).findings[name] == "no"
    assert found({**none, member: "yes"}).findings[name] == "yes"
    assert found({member: "yes"}).findings[name] == "yes"
    if member == "new_or_worse_neuro_finding":
        return  # it only sums the others up: all of them together say as much
    assert name not in found({**none, member: UNKNOWN}).findings
    assert name not in found({each: "no" for each in members if each != member}).findings


@pytest.mark.parametrize(("name", "members"), GROUPS)
def test_nobody_can_say_no_for_a_group(name: str, members: list[str]) -> None:
    assert name not in found({name: "no"}).findings
    assert found({name: "no", members[0]: "yes"}).findings[name] == "yes"


def test_how_a_symptom_came_is_no_symptom() -> None:
    assert "any_brain_finding" not in found({"neuro_onset": "sudden"}).findings
    assert found({**dict.fromkeys(BRAIN, "no"), "neuro_onset": "sudden"}).findings["any_brain_finding"] == "no"


@pytest.mark.parametrize(
    ("findings", "hours", "weeks"),
    [
        ({"onset_hours": 336}, 336, 2),
        ({"onset_hours": "84"}, 84, 0.5),
        ({"weeks_since_onset": 3}, 504, 3),
        ({"weeks_since_onset": 0}, 0, 0),
        ({"weeks_since_onset": 3, "onset_hours": "unknown"}, 504, 3),
        # Both said: neither is put right by the other.
        ({"weeks_since_onset": 4, "onset_hours": 500}, 500, 4),
    ],
)
def test_hours_give_weeks_and_weeks_give_hours(findings: dict[str, object], hours: float, weeks: float) -> None:
    known = found(findings).findings
    assert (known["onset_hours"], known["weeks_since_onset"]) == (hours, weeks)


@pytest.mark.parametrize(
    ("findings", "droop"),
    [
        ({"droop_new": "yes"}, "yes"),
        ({"droop_worse": "yes"}, "yes"),
        ({"droop_worse": "yes", "droop_new": "no"}, "yes"),
        ({"droop_new": "yes", "droop": "unknown"}, "yes"),
        ({"droop_new": "no", "droop_worse": "no"}, None),
        ({"droop_new": "unknown"}, None),
        ({}, None),
    ],
)
def test_a_weakness_that_is_new_or_worse_is_a_weakness(findings: dict[str, object], droop: str | None) -> None:
    assert found(findings).findings.get("droop") == droop


# ---- Reading findings ----
def test_findings_are_read_from_a_form_or_from_json() -> None:
    read = {"droop": True, "fever": False, "age": "40", "phq2": 3, "onset_hours": "20.5", "side": "L", "immune": None, "gad2": "unknown"}  # fmt: skip
    assert read_findings(read, RULES.findings) == {
        "droop": "yes", "fever": "no", "age": 40.0, "phq2": 3.0, "onset_hours": 20.5, "side": "L", "immune": "unknown", "gad2": "unknown",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("dropp", "yes", "there is no finding 'dropp'; see content/triage/findings.yml"),
        ("droop", "maybe", "'droop' can't be 'maybe'; it may be yes, no or unknown"),
        ("droop", "YES", "'droop' can't be 'YES'; it may be yes, no or unknown"),
        ("droop", 1, "'droop' can't be '1'; it may be yes, no or unknown"),
        ("droop", "", "'droop' can't be ''; it may be yes, no or unknown"),
        ("droop", ["yes"], "'droop' can't be .*; it may be yes, no or unknown"),
        ("side", "left", "'side' can't be 'left'; it may be L, R, both or unknown"),
        ("side", True, "'side' can't be 'True'; it may be L, R, both or unknown"),
        ("onset_hours", "soon", "'onset_hours' can't be 'soon'; it may be .*number or unknown"),
        ("onset_hours", True, "'onset_hours' can't be 'True'; it may be .*number or unknown"),
        ("onset_hours", float("nan"), "'onset_hours' can't be 'nan'"),
        ("onset_hours", float("inf"), "'onset_hours' can't be 'inf'"),
        ("onset_hours", "3 days", "'onset_hours' can't be '3 days'"),
        ("onset_hours", "²", "'onset_hours' can't be '²'"),
    ],
)
def test_a_finding_that_cannot_be_is_named_with_what_it_may_be(name: str, value: object, says: str) -> None:
    with pytest.raises(WrongFinding, match=says):
        read_findings({"fever": "no", name: value}, RULES.findings)


# ---- The starter vignettes of the pack (section 1.7) ----
ALL_NO: Mapping[str, object] = {
    name: "no" for name, finding in RULES.findings.items() if finding.kind == "yes_no" and finding.group != "derived"
}
VIGNETTES: list[tuple[str, Mapping[str, object], Disposition, bool, set[str]]] = [
    # who, findings, disposition, out of scope, rules that must be among those told
    ("face and arm drift, 30 minutes", {"droop_new": True, "arm_or_leg_weak": True, "onset_hours": 0.5}, EMERGENCY, False, {"E01"}),
    ("whole face weak since yesterday, ear ache, all else no", {**ALL_NO, "droop": True, "droop_new": True, "ear_pain": True, "onset_hours": 26, "onset_speed": "hours_to_3d", "side": "L"}, SAME_DAY, False, {"D00", "D01"}),
    ("forehead creases, 2 hours", {"droop_new": True, "forehead_moves_normally": True, "onset_hours": 2}, EMERGENCY, False, {"E03"}),
    ("day 5, blisters in the ear", {"droop_new": True, "ear_or_mouth_blisters": True, "onset_hours": 120, "onset_speed": "hours_to_3d"}, SAME_DAY, False, {"D02", "D04"}),
    ("day 9 of a known Bell's, eye red and sore", {**SETTLED, "onset_hours": 216, "eye_red": True, "eye_pain": True}, SAME_DAY, False, {"D09"}),
    ("after vestibular schwannoma surgery, numb gritty eye", {"droop": True, "droop_new": False, "assessed_by_clinician": True, "known_cause": "vs", "facial_numbness": True, "cannot_close_eye": True, "has_eye_protection_plan": True, "gritty_dry": True, "explained_by_known_cause": True}, SAME_DAY, False, {"D11"}),
    ("both sides weak, feet tingling", {"droop_new": True, "side": "both", "ascending_weakness_or_tingling": True}, EMERGENCY, False, {"E11"}),
    ("five months of creeping weakness, lump in the cheek", {"droop": True, "onset_speed": "over_3w", "weeks_since_onset": 22, "lump_cheek_jaw_neck": True}, URGENT, False, {"U01", "U02"}),
    ("week 4, no flicker", {**SETTLED, "weeks_since_onset": 4, "any_movement_back": False}, URGENT, False, {"U03"}),
    ("month 8, the eye closes on a smile", {**SETTLED, "weeks_since_onset": 35, "any_movement_back": True, "synkinesis": True}, ROUTINE, False, {"R01", "R03"}),
    ("a known stroke, asks for exercises", {"known_cause": "stroke", "assessed_by_clinician": True}, SELF_CARE, True, {"X01"}),
    ("the same person, new slurred speech", {"known_cause": "stroke", "assessed_by_clinician": True, "speech_slurred_or_words_wrong": True}, EMERGENCY, True, {"E02", "X01"}),
    ("botulinum toxin 10 days ago, can't swallow", {"cosmetic_injection_days": 10, "new_swallow_trouble": True}, EMERGENCY, False, {"E15"}),
    ("34 weeks pregnant, new droop", {"pregnant": True, "droop_new": True}, SAME_DAY, False, {"D18"}),
    ("prednisolone, day 4, black stool", {"on_steroid": True, "steroid_days": 4, "black_or_bloody_stool_or_vomit": True}, EMERGENCY, False, {"E18"}),
    ("can't live with this face, has tablets ready", {"suicidal_thought": True, "suicide_plan_intent_or_act": True}, EMERGENCY, False, {"E20"}),
    ("the second one, whose forehead nobody could tell, on the first day", {**ALL_NO, "droop": True, "droop_new": True, "ear_pain": True, "onset_hours": 20, "onset_speed": "hours_to_3d", "side": "L", "forehead_moves_normally": None}, EMERGENCY, False, {"E05"}),
]  # fmt: skip


@pytest.mark.parametrize(("findings", "disposition", "outside", "rules"), [row[1:] for row in VIGNETTES], ids=[row[0] for row in VIGNETTES])  # fmt: skip
def test_the_vignettes_of_the_pack_come_out_as_written(
    findings: Mapping[str, object], disposition: Disposition, outside: bool, rules: set[str]
) -> None:
    result = found(findings)
    assert (result.disposition, result.out_of_scope) == (disposition, outside), result.rules
    assert rules <= set(result.rules)


def test_a_cancer_check_is_where_a_lump_is_sent() -> None:
    assert "SUSPECTED_CANCER" in found(VIGNETTES[7][1]).routes


# ---- What may still be asked ----
def test_a_rule_that_hangs_on_an_open_question_is_open_and_does_not_hold_yet() -> None:
    so_far = {name: value for name, value in FIRST_DAY.items() if name != "forehead_moves_normally"}
    waiting = found(so_far, frozenset({"forehead_moves_normally"}))
    assert waiting.disposition is SAME_DAY and "D00" in waiting.rules
    assert {"E03", "E05"} <= {rule.id for rule in waiting.open_rules}
    assert found({**so_far, "forehead_moves_normally": UNKNOWN}).disposition is EMERGENCY
    assert found(so_far).disposition is EMERGENCY
    assert found({**so_far, "forehead_moves_normally": "no"}).open_rules == ()


def test_what_follows_from_an_open_question_is_open_too() -> None:
    brain = dict.fromkeys(BRAIN, "no") | {"double_vision": UNKNOWN}
    asked = {**FIRST_DAY, **brain}
    waiting = found(
        {name: value for name, value in asked.items() if name != "double_vision"}, frozenset({"double_vision"})
    )
    assert "D01" in {rule.id for rule in waiting.open_rules}
    assert "U03" in {rule.id for rule in found({"any_movement_back": "no"}, frozenset({"onset_hours"})).open_rules}
    assert "D06" in {rule.id for rule in found({"acute_vertigo": "yes"}, frozenset({"droop_new"})).open_rules}


# ---- What would make it more urgent ----
def test_what_to_watch_for_comes_most_urgent_first_and_is_true() -> None:
    person = read_findings({**SETTLED, "weeks_since_onset": 2, "has_eye_protection_plan": "yes"}, RULES.findings)
    changes = would_change(person, RULES)
    assert ("arm_or_leg_weak", EMERGENCY) in changes and ("eye_pain", SAME_DAY) in changes
    assert ("lump_cheek_jaw_neck", URGENT) in changes and ("wants_therapist", ROUTINE) in changes
    ranks = [disposition.rank for _, disposition in changes]
    assert ranks == sorted(ranks, reverse=True)
    names = [name for name, _ in changes]
    assert len(names) == len(set(names))
    for name, disposition in changes:
        finding = RULES.findings[name]
        assert finding.kind == "yes_no" and finding.group != "derived" and finding.worse != "neither"
        assert assess({**person, name: finding.worse}, RULES).disposition is disposition


def test_what_to_watch_for_takes_the_worse_answer_of_each_finding() -> None:
    person = read_findings({**SETTLED, "cannot_close_eye": "yes", "has_eye_protection_plan": "yes"}, RULES.findings)
    changes = dict(would_change(person, RULES))
    assert changes["has_eye_protection_plan"] is SAME_DAY
    assert changes["eye_red"] is SAME_DAY
    assert "cannot_close_eye" not in changes


def test_nothing_is_more_urgent_than_an_emergency() -> None:
    assert would_change({"breathless": "yes"}, RULES) == ()


# ---- Over all rules and any findings ----
YES_NO = [
    name
    for name, finding in RULES.findings.items()
    if finding.kind == "yes_no" and finding.worse != "neither" and finding.group != "derived"
]
NUMBERS = (0, 1, 2, 2.9, 3, 5, 6, 7, 12, 13, 17, 18, 22, 24, 30, 50, 60, 72, 73, 100, 105, 168, 169, 336, 337, 720, 721)


def _answers() -> Iterator[tuple[str, Value]]:
    for name, finding in RULES.findings.items():
        if finding.group != "derived":
            values = {"yes_no": ("yes", "no"), "choice": finding.values}.get(finding.kind)
            for value in (*(values or map(float, NUMBERS)), UNKNOWN):
                yield name, value


ANSWERS = list(_answers())
GIVEN = [dict(case.given) for case in CASES]
# One of the cases of a rule, so that rules hold, with some other findings beside; or any findings at all.
PEOPLE = st.one_of(
    st.builds(
        lambda case, more: {**case, **more},
        st.sampled_from(GIVEN),
        st.lists(st.sampled_from(ANSWERS), max_size=4).map(dict),
    ),
    st.lists(st.sampled_from(ANSWERS), max_size=15).map(dict),
)
over_many = settings(max_examples=200, deadline=None)


def explained(person: Findings, name: str, before: Assessment, after: Assessment) -> str:
    was, now = (f"{each.disposition} ({', '.join((*each.rules, *each.raised))})" for each in (before, after))
    return f"{name} made it less urgent, from {was} to {now}, in {person}"


@over_many
@given(person=PEOPLE)
@example({**SETTLED, "facial_numbness": "yes"})
def test_a_sudden_beginning_is_never_less_urgent_than_a_gradual_one(person: Findings) -> None:
    sudden, gradual = (assess({**person, "neuro_onset": onset}, RULES) for onset in ("sudden", "gradual"))
    assert sudden.disposition.rank >= gradual.disposition.rank, explained(person, "sudden", gradual, sudden)


@over_many
@given(person=PEOPLE)
@example({"eye_white_or_iris_shows_on_closing": "yes", "has_eye_protection_plan": "yes"})
def test_not_knowing_is_never_taken_for_a_reassuring_answer(person: Findings) -> None:
    before = assess(person, RULES)
    for name in YES_NO:
        finding = RULES.findings[name]
        if person.get(name) == "no" or (person.get(name) == "yes" and finding.worse == "no"):
            unasked = {each: value for each, value in person.items() if each != name}
            for less in (unasked, {**unasked, name: UNKNOWN}):
                after = assess(less, RULES)
                assert after.disposition.rank >= before.disposition.rank, explained(person, name, before, after)


@over_many
@given(person=PEOPLE, data=st.data())
def test_the_order_of_findings_does_not_matter(person: Findings, data: st.DataObject) -> None:
    shuffled = dict(data.draw(st.permutations(list(person.items()))))
    assert assess(shuffled, RULES) == assess(person, RULES)


@over_many
@given(person=PEOPLE, outside=st.sampled_from(["diagnosis", "dose_change", "photo_or_scan"]))
def test_a_request_that_is_refused_never_makes_it_less_urgent(person: Findings, outside: str) -> None:
    before = assess(person, RULES)
    after = assess({**person, "request": outside}, RULES)
    assert after.disposition.rank >= before.disposition.rank
    assert after.out_of_scope


@over_many
@given(person=PEOPLE)
def test_the_disposition_is_never_below_a_rule_that_holds(person: Findings) -> None:
    result = assess(person, RULES)
    highest = max((each.rule.disposition.rank for each in result.fired), default=0)
    assert result.disposition.rank >= max(highest, SELF_CARE.rank)
    assert (result.disposition.rank == max(highest, SELF_CARE.rank)) is (not result.raised)
    for each in result.fired:
        assert not each.rule.only_without_higher or each.rule.disposition.rank == highest


@over_many
@given(person=PEOPLE, later=st.lists(st.sampled_from(ANSWERS), max_size=10).map(dict))
def test_a_rule_that_holds_with_questions_open_holds_whatever_the_answers(person: Findings, later: Findings) -> None:
    known = {name: value for name, value in person.items() if value != UNKNOWN}
    open_ = frozenset(RULES.findings) - set(known)
    so_far = assess(known, RULES, open_)
    # Every other finding is left open; `later` are the answers, the rest stays unknown.
    answers = {name: value for name, value in later.items() if name not in so_far.findings}
    finished = assess({**known, **answers}, RULES)
    highest = max((each.rule.disposition.rank for each in finished.fired), default=0)
    for each in so_far.fired:
        outranked = each.rule.only_without_higher and highest > each.rule.disposition.rank
        assert each.rule.id in finished.rules or outranked, each.rule.id
    may_hold = {*so_far.rules, *(rule.id for rule in so_far.open_rules)}
    silenced = {rule.id for rule in RULES.by_id.values() if rule.only_without_higher}
    assert set(finished.rules) <= may_hold | silenced
