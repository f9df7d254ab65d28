"""What a letter states: findings, denials and their reach, whose and when; side, cause, grade and onset."""

import shutil
import time
from datetime import date
from pathlib import Path

import pytest

from bot.content_file import ContentError
from bot.referral.letter import LetterReader
from bot.referral.proposal import Proposals

DAY = date(2026, 11, 19)
SHORT = "45F, sudden onset L LMN VIIth n palsy 3/52, HB V, BMs normal, no vesicles, TMs NAD, unable to close eye, on pred 5/7"


def test_a_gps_shorthand_is_read(proposals: Proposals) -> None:
    referral = proposals.letters(SHORT, DAY)
    values = {name: each.value for name, each in referral.findings.items()}
    assert values == {
        "age": "45", "assessed_by_clinician": "yes", "cannot_close_eye": "yes", "diabetes": "no", "droop": "yes",
        "ear_or_mouth_blisters": "no", "forehead_moves_normally": "no", "on_steroid": "yes", "steroid_given": "yes",
    }  # fmt: skip
    assert (referral.side, referral.grade, referral.onset) == ("L", "HB 5", date(2026, 10, 29))
    assert not referral.onset_is_exact
    assert referral.quotes["onset"] == "sudden onset L LMN VIIth n palsy 3/52"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # a denial reaches over its list, and ends where something new is said
        ("No otalgia, otorrhoea, hearing loss or vesicles.", {"ear_pain": "no", "ear_discharge": "no", "hearing_loss_new_sudden": "no", "ear_or_mouth_blisters": "no"}),
        ("Denies limb weakness, slurred speech or diplopia.", {"arm_or_leg_weak": "no", "speech_slurred_or_words_wrong": "no", "double_vision": "no"}),
        ("No otalgia but has vesicles in the ear.", {"ear_pain": "no", "ear_or_mouth_blisters": "yes"}),
        ("No otalgia or rash, however she describes double vision.", {"ear_pain": "no", "double_vision": "yes"}),
        ("No vesicles, severe otalgia.", {"ear_or_mouth_blisters": "no", "ear_pain_severe": "yes"}),
        ("No vesicles, unable to close eye.", {"ear_or_mouth_blisters": "no", "cannot_close_eye": "yes"}),
        ("No fever, diabetic.", {"fever": "no", "diabetes": "yes"}),
        ("Otalgia and vesicles were absent.", {"ear_or_mouth_blisters": "no"}),
        ("He doesn't have any weakness in his arms or legs.", {"arm_or_leg_weak": "no"}),
        ("The eye does not close and hearing is reduced.", {"cannot_close_eye": "yes", "hearing_loss_new_sudden": "yes"}),
        ("No pain/redness of the eye, VA 6/6.", {"eye_pain": "no", "eye_red": "no", "vision_blurred_persistent": "no"}),
        ("No headache.", {"severe_headache": "no"}),
        ("Mild headache.", {}),
        # forms
        ("Hearing loss: No\nVesicles: Yes", {"hearing_loss_new_sudden": "no", "ear_or_mouth_blisters": "yes"}),
        ("Otalgia? N", {"ear_pain": "no"}),
        ("Vesicles: Yes / No", {}),
        ("[x] Eye closure incomplete\n[ ] Otalgia", {"cannot_close_eye": "yes"}),
        ("Otalgia: [ ] Yes [x] No", {"ear_pain": "no"}),
        ("Diplopia [x]\nFever [ ]", {"double_vision": "yes"}),
        ("Eye closure complete?  Yes", {"cannot_close_eye": "no"}),
        # what says by itself that it isn't so
        ("Speech normal. Power 5/5 all 4 limbs. Hearing normal.", {"speech_slurred_or_words_wrong": "no", "arm_or_leg_weak": "no", "hearing_loss_new_sudden": "no", "hearing_loss_gradual_one_side": "no"}),
        ("Eye closes fully.", {"cannot_close_eye": "no"}),
        # unsure
        ("?hearing loss", {"hearing_loss_new_sudden": "unsure"}),
        ("Possible limb weakness.", {"arm_or_leg_weak": "unsure"}),
        # relatives, warnings, headings, the past
        ("Her mother has diabetes.", {}),
        ("FH: stroke, diabetes.", {}),
        ("His wife noticed slurred speech.", {"speech_slurred_or_words_wrong": "yes"}),
        ("I have advised him to call 999 if he develops arm weakness.", {}),
        ("Safety netted: eye pain, slurred speech.", {}),
        ("Past medical history\nDiabetes\nSeizure", {"diabetes": "yes"}),
        ("Previous slurred speech in 2015.", {}),
        ("Right arm weakness in 2015.", {}),
        ("The eye was red but has settled.", {"eye_red": "no"}),
        ("Slurred speech, resolved.", {"speech_slurred_or_words_wrong": "yes"}),
        ("No red flags.", {}),
        ("Red flags: none", {}),
        ("Neurology otherwise normal.", {"new_or_worse_neuro_finding": "no"}),
        # the eye's protection
        ("Uses drops hourly and tapes the eye at night.", {"has_eye_protection_plan": "yes"}),
        ("No eye drops have been prescribed.", {"has_eye_protection_plan": "no"}),
        ("No eye symptoms.", {}),
        # slips
        ("No vesciles, unable to close eye.", {"cannot_close_eye": "yes"}),
    ],
)  # fmt: skip
def test_phrases_where_they_stand(proposals: Proposals, text: str, expected: dict[str, str]) -> None:
    found = {name: each.value for name, each in proposals.letters(text, DAY).findings.items()}
    found.pop("assessed_by_clinician", None)
    for name, value in expected.items():
        assert found.get(name) == value, found
    # Nothing is asserted beyond what is expected, but for what follows from the same words.
    if not expected:
        assert not found


def test_a_letter_about_my_mother_has_her_as_its_patient(proposals: Proposals) -> None:
    text = "I am writing about my mother. My mother can't close her eye. Her sister had a stroke with slurred speech."
    values = {name: each.value for name, each in proposals.letters(text, DAY).findings.items()}
    assert values["cannot_close_eye"] == "yes"
    assert "speech_slurred_or_words_wrong" not in values


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("L LMN palsy", "L"), ("(R) facial palsy", "R"), ("Rt sided Bell's palsy", "R"), ("palsy on the left", "L"),
        ("Side: Left", "L"), ("bilateral facial weakness", "both"), ("left arm weakness, right facial droop", "R"),
        ("right-handed, left facial palsy", "L"), ("facial palsy", None),
        ("Left Bell's palsy. Previous right sided Bell's palsy 2010.", "L"),
    ],
)  # fmt: skip
def test_the_weak_side(proposals: Proposals, text: str, side: str | None) -> None:
    assert proposals.letters(text, DAY).side == side


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("Diagnosed with Bell's palsy.", "bells"), ("?Bell's palsy", "bells"), ("?stroke ?Bell's", None),
        ("Ramsay Hunt syndrome.", "rhs"), ("Initially treated as Bell's palsy, Ramsay Hunt syndrome confirmed.", "rhs"),
        ("6/12 post L acoustic neuroma excision, HB IV.", "vs"), ("Facial palsy after parotidectomy.", "parotid"),
        ("Temporal bone fracture with facial palsy.", "trauma"), ("Lyme disease confirmed.", "lyme"),
        ("Lyme serology negative. Facial palsy.", None), ("Congenital facial palsy.", "congenital"),
        ("R facial weakness following L MCA infarct.", "stroke"), ("Good Bell's phenomenon.", None),
        ("Brother had Bell's palsy.", None), ("Facial palsy, not Bell's palsy.", None), ("Otitis media with palsy.", "otitis"),
        ("Guillain-Barre syndrome, facial weakness.", "gbs"),
    ],
)  # fmt: skip
def test_the_cause(proposals: Proposals, text: str, cause: str | None) -> None:
    assert proposals.letters(text, DAY).cause == cause


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        ("HB V", "HB 5"), ("HB: 5/6", "HB 5"), ("HB III/VI", "HB 3"), ("HB 4-5", "HB 5"), ("House-Brackmann grade four", "HB 4"),
        ("Grade V facial palsy", "HB 5"), ("initially HB VI, now HB IV", "HB 4"), ("Hb 130", None), ("no grade", None),
    ],
)  # fmt: skip
def test_the_grade(proposals: Proposals, text: str, grade: str | None) -> None:
    assert proposals.letters(text, DAY).grade == grade


@pytest.mark.parametrize(
    ("text", "onset"),
    [
        ("DOB: 12/03/1980\nDate: 18/11/2026\nOnset: 12/09/2026", date(2026, 9, 12)),
        ("16 November 2026\n\nShe developed a facial palsy two weeks ago.", date(2026, 11, 2)),
        ("Left facial palsy, on prednisolone for 5 days, review in 6 weeks.", None),
        ("I saw her on 12 November with a three week history of facial weakness.", date(2026, 10, 29)),
        ("Facial palsy since 2/11/26. Diabetes since 2012.", date(2026, 11, 2)),
        ("Facial palsy after parotidectomy on 1/10/2026.", date(2026, 10, 1)),
        ("Bell's palsy 2 years ago.", date(2024, 11, 19)),
    ],
)
def test_the_onset_is_the_palsys(proposals: Proposals, text: str, onset: date | None) -> None:
    assert proposals.letters(text, DAY).onset == onset


def test_scores_and_goals(proposals: Proposals) -> None:
    referral = proposals.letters("Sunnybrook 42/100, FDI physical 55, social 38. Goal: to smile at a wedding.", DAY)
    assert (referral.sunnybrook, referral.fdi, referral.goals) == (42, 38, "to smile at a wedding")


def test_a_letter_is_read_within_a_tenth_of_a_second(proposals: Proposals) -> None:
    text = (SHORT + ". No otalgia, otorrhoea, hearing loss or vesicles. ") * 8
    taken = []
    for _ in range(5):
        begun = time.process_time()
        proposals(text, DAY)
        taken.append(time.process_time() - begun)
    assert min(taken) < 0.1, f"{len(text)} signs took {min(taken):.3f} s"


def test_red_flags_in_peoples_own_words_are_found_by_the_screen(proposals: Proposals) -> None:
    referral, banding = proposals("She finds it hard to get her breath. Left Bell's palsy in 2024.", DAY)
    assert referral.findings["breathless"].quote == "She finds it hard to get her breath"
    assert banding.rules[0] == "E09"


@pytest.mark.parametrize(
    ("right", "wrong", "named"),
    [
        ("finding: cannot_close_eye", "finding: cannot_shut_eye", "there is no finding 'cannot_shut_eye'"),
        ("[jaw claudication,", "[(jaw claudication,", "opens and closes brackets unequally"),
        ("  gbs:\n", "  gbbs:\n", "'gbbs' is not a cause of a referral"),
    ],
)
def test_a_broken_file_is_named(
    content: Path, tmp_path: Path, proposals: Proposals, right: str, wrong: str, named: str
) -> None:
    shutil.copytree(content / "referral", tmp_path / "referral")
    shutil.copytree(content / "triage", tmp_path / "triage")
    path = tmp_path / "referral" / "letter.yml"
    text = path.read_text()
    assert right in text
    path.write_text(text.replace(right, wrong))
    with pytest.raises(ContentError, match=named) as problem:
        LetterReader.load(tmp_path, proposals.bands.findings)
    assert "referral/letter.yml:" in str(problem.value)
