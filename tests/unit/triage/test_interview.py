"""What the intake asks, in which order, how answers are read, and that it always ends."""

import math
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.content_file import ContentError
from bot.settings import CONTENT
from bot.triage.interview import Interview, findings_of, load_interview, read_answer
from bot.triage.rules import Disposition, load_rules
from bot.triage.since import hours_since

RULES = load_rules(CONTENT / "triage")
INTERVIEW: Interview = load_interview(CONTENT / "triage", RULES)
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
WELL = {
    "now": "None of these", "checked": "Weak, and checked", "onset": "3 months to 2 years ago",
    "speed": "Over hours to 3 days", "forehead": "No, it stays smooth", "injury": "None of these",
    "injury_signs": "None of these", "closing": "Yes, it closes fully", "eye": "None of these", "ear": "None of these",
    "unwell": "None of these", "about": "None of these", "tablets": "Not on steroids", "movement": "Some movement",
    "care": "A facial palsy specialist", "injection_signs": "None of these", "eye_risk": "None of these",
    "coping": "About as usual",
}  # fmt: skip


def lead(answers: dict[str, str]) -> tuple[list[str], dict[str, object]]:
    """Answer each question as the table says; which were asked, and what is known at the end."""
    known: dict[str, object] = {}
    asked: list[str] = []
    while (question := INTERVIEW.next_question(known, frozenset(asked))) is not None:
        answer = next(each for each in question.answers if each.label == answers[question.id])
        known.update(findings_of(question, (answer,), RULES.findings))
        asked.append(question.id)
    return asked, known


def test_life_is_asked_about_first() -> None:
    assert INTERVIEW.next_question({}, frozenset()).id == "now"


def test_an_emergency_ends_it_at_once() -> None:
    asked, _ = lead({**WELL, "now": "An arm or a leg is weak"})
    assert asked == ["now"]


def test_a_well_person_is_asked_at_most_thirteen_questions() -> None:
    asked, known = lead(WELL)
    assert len(asked) <= 13
    assert INTERVIEW.assess(known, frozenset(asked)).disposition is Disposition.ROUTINE


def test_somebody_without_a_weak_face_is_not_asked_when_it_began() -> None:
    asked, _ = lead({**WELL, "checked": "My face isn't weak"})
    assert not {"onset", "speed", "forehead", "movement"} & set(asked)


def test_injury_signs_are_asked_only_after_an_injury() -> None:
    assert "injury_signs" not in lead(WELL)[0]
    assert "injury_signs" in lead({**WELL, "injury": "Head or face injury, last 2 weeks"})[0]


def test_what_an_injection_may_do_is_asked_only_after_one() -> None:
    assert "injection_signs" not in lead(WELL)[0]
    assert "injection_signs" in lead({**WELL, "injury": "Filler, this week"})[0]


def test_blanched_skin_after_filler_is_an_emergency() -> None:
    answers = {**WELL, "injury": "Filler, this week", "injection_signs": "Skin pale, blotchy or an odd colour"}
    asked, known = lead(answers)
    assert INTERVIEW.assess(known, frozenset(asked)).disposition is Disposition.EMERGENCY


def test_an_only_good_eye_that_stays_open_is_seen_today() -> None:
    assert "eye_risk" not in lead(WELL)[0]
    answers = {**WELL, "closing": "No, and I use drops and tape", "eye_risk": "It's my only good eye"}
    asked, known = lead(answers)
    assert INTERVIEW.assess(known, frozenset(asked)).disposition is Disposition.SAME_DAY


def test_a_smooth_forehead_and_hours_are_told_as_possible_bells_today() -> None:
    asked, known = lead({**WELL, "checked": "Weak, and not checked yet", "onset": "In the last 24 hours"})
    assessment = INTERVIEW.assess(known, frozenset(asked))
    assert (assessment.disposition, "D01" in assessment.rules) == (Disposition.SAME_DAY, True)


def test_a_forehead_that_moves_is_an_emergency() -> None:
    moved = {
        **WELL,
        "checked": "Weak, and not checked yet",
        "onset": "In the last 24 hours",
        "forehead": "Yes, it creases",
    }
    asked, known = lead(moved)
    assert asked[-1] == "forehead"
    assert INTERVIEW.assess(known, frozenset(asked)).disposition is Disposition.EMERGENCY


def test_not_sure_about_the_forehead_on_the_first_day_is_an_emergency() -> None:
    unsure = {**WELL, "checked": "Weak, and not checked yet", "onset": "In the last 24 hours", "forehead": "Not sure"}
    asked, known = lead(unsure)
    assert INTERVIEW.assess(known, frozenset(asked)).disposition is Disposition.EMERGENCY


def test_e05_waits_while_its_questions_can_still_be_asked() -> None:
    reassured = findings_of(INTERVIEW["now"], (INTERVIEW["now"].answers[-2],), RULES.findings)
    known = {**reassured, "droop_new": "yes", "onset_hours": 5.0, "assessed_by_clinician": "no"}
    assert INTERVIEW.assess(known, frozenset({"now", "checked", "onset"})).disposition is Disposition.SAME_DAY
    assert (
        INTERVIEW.assess(known, frozenset(each.id for each in INTERVIEW.questions)).disposition is Disposition.EMERGENCY
    )


@pytest.mark.parametrize(
    ("question", "text", "labels"),
    [
        ("now", "none", ["None of these"]),
        ("now", "None of these.", ["None of these"]),
        ("now", "my speech is slurred", ["Speech is slurred or muddled"]),
        ("now", "dunno", ["Not sure"]),
        ("now", "no, not slurred", []),
        ("now", "what is a fit?", []),
        ("checked", "not yet", ["Weak, and not checked yet"]),
        ("checked", "i saw my gp", ["Weak, and checked"]),
        ("forehead", "it stays smooth", ["No, it stays smooth"]),
        ("forehead", "a bit", ["Not sure"]),
        ("movement", "A LITTLE", ["Some movement"]),
        ("movement", "tight and fully back", []),
        ("closing", "no", ["No, and I use nothing yet"]),
        ("eye", "red and it hurts", ["It hurts", "It is red"]),
        ("eye", "not red", []),
        ("eye", "fine", ["None of these"]),
        ("movement", "a flicker", ["Some movement"]),
        ("coping", "fine", ["About as usual"]),
        ("coping", "", []),
    ],
)
def test_typed_answers_are_read(question: str, text: str, labels: list[str]) -> None:
    assert [answer.label for answer in read_answer(INTERVIEW[question], text)] == labels


@pytest.mark.parametrize("question", INTERVIEW.questions, ids=lambda question: question.id)
def test_each_label_typed_is_its_own_answer(question: object) -> None:
    for answer in question.answers:  # type: ignore[attr-defined]
        assert read_answer(question, answer.label) == (answer,)  # type: ignore[arg-type]


def test_none_of_these_says_no_of_all_that_the_question_names_and_of_nothing_else() -> None:
    question = INTERVIEW["eye"]
    none = next(answer for answer in question.answers if answer.rest == "no")
    assert findings_of(question, (none,), RULES.findings) == dict.fromkeys(question.fills, "no")


def test_no_injury_is_longer_ago_than_any_rule_asks_for() -> None:
    question = INTERVIEW["injury"]
    none = next(answer for answer in question.answers if answer.rest == "no")
    assert findings_of(question, (none,), RULES.findings) == dict.fromkeys(question.fills, math.inf)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("3 wks ago", 504), ("3 weeks ago", 504), ("yesterday", 24), ("10 days", 240), ("2 hrs ago", 2),
        ("an hour ago", 1), ("about 3 days ago", 72), ("a couple of days ago", 48), ("a few weeks", 504),
        ("it started 2 days ago", 48), ("1 month", 31 * 24),
    ],
)  # fmt: skip
def test_how_long_ago_is_read_from_words(text: str, hours: float) -> None:
    assert hours_since(text, NOW) == pytest.approx(hours, rel=0.05, abs=1)


def test_a_weekday_is_the_last_one() -> None:
    assert 5 * 24 < (hours_since("since tuesday", NOW) or 0) < 6 * 24


@pytest.mark.parametrize("text", ["dunno", "why do you ask", "", "when it rains", "next week", "in 3 days", "tape"])
def test_what_names_no_past_moment_is_no_time(text: str) -> None:
    assert hours_since(text, NOW) is None


BROKEN = {
    "an unknown finding": ("fills: [forehead_moves_normally]", "fills: [forehead]", "there is no finding 'forehead'"),
    "a value that is none": ("sets: {side: both}", "sets: {side: up}", "'side' can't be 'up'"),
    "a finding not filled": ("sets: {side: both}", "sets: {droop: yes}", "`fills` doesn't name"),
    "an id twice": ("- id: movement", "- id: forehead", "used twice"),
    "a condition": (
        "when: droop and weeks_since_onset >= 3",
        "when: droop and weeks >= 3",
        "there is no finding 'weeks'",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_fault_in_the_questions_is_named_with_its_line(fault: str, tmp_path: Path) -> None:
    before, after, said = BROKEN[fault]
    text = (CONTENT / "triage" / "questions.yml").read_text(encoding="utf-8")
    assert before in text
    (tmp_path / "questions.yml").write_text(text.replace(before, after), encoding="utf-8")
    with pytest.raises(ContentError, match=said) as error:
        load_interview(tmp_path, RULES)
    assert error.value.problems[0].line > 1
