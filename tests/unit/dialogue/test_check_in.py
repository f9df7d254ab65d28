"""Questionnaires in chat: one item a message, skipped is missing, low mood is met at once."""

import dataclasses
from datetime import datetime, timedelta

import pytest

from bot.dialogue.check_in import CheckIns, Form
from bot.outcome import Kind
from bot.programme.gate import Standing
from bot.programme.practice import Practice
from tests.unit.dialogue.conftest import NOW, Person


def _ago(*days: int) -> tuple[tuple[datetime, str], ...]:
    return tuple((NOW - timedelta(days=each), "Europe/London") for each in days)


async def answered(person: Person, *answers: str) -> None:
    for answer in answers:
        await person.types(answer)


async def test_a_weekly_check_in_by_typing_alone_is_scored_and_kept(person: Person) -> None:
    await person.types("/checkin")
    assert "**1 of 6.**" in person.heard
    await answered(person, "7", "8/10", "3", "yes", "not sure", "no")
    assert person.turn is not None
    scored = person.turn.scored
    assert scored is not None
    assert scored.score.parts["comfort"] == 7
    assert (scored.answers["brow"], scored.answers["eyelid"]) == ("yes", "not_sure")
    assert Form.loads(person.patient.form).open == ""


async def test_a_skipped_item_is_missing_and_never_a_score(person: Person) -> None:
    await person.types("/checkin")
    await answered(person, "skip", "8", "3", "yes", "yes", "no")
    assert person.turn is not None
    assert person.turn.scored is not None
    assert person.turn.scored.score.parts["comfort"] is None
    assert "comfort" in person.turn.scored.score.skipped


async def test_a_button_of_an_earlier_item_changes_nothing_and_says_so(person: Person) -> None:
    await person.types("/checkin")
    await person.types("5")
    await person.taps("fa:weekly-check-in:0:3")
    assert "newest message" in person.heard
    assert len(Form.loads(person.patient.form).answers) == 1


async def test_stop_drops_what_was_answered(person: Person) -> None:
    await person.types("/checkin")
    await answered(person, "5", "stop")
    assert Form.loads(person.patient.form).answers == {}
    assert person.turn is not None
    assert person.turn.scored is None


async def test_what_is_due_besides_is_offered_at_the_end(person: Person) -> None:
    await person.types("/checkin")
    await answered(person, "5", "5", "5", "no", "no", "no")
    assert "form:phq-2" in person.offered


@pytest.mark.parametrize(("answer", "kind"), [("nearly every day", Kind.CRISIS), ("not at all", Kind.EXERCISE)])
async def test_low_mood_is_met_with_help_and_the_question_of_danger(person: Person, answer: str, kind: Kind) -> None:
    await person.types("/checkin")
    await answered(person, "5", "5", "5", "no", "no", "no")
    await person.taps("form:phq-2")
    assert "If you don't feel safe" in person.heard
    outcome = await person.types(answer)
    outcome = await person.types(answer)
    assert outcome.kind is kind
    assert (person.patient.awaiting == "crisis_danger") is (kind is Kind.CRISIS)
    assert ("116 123" in person.heard) is (kind is Kind.CRISIS)


async def test_words_of_despair_in_an_open_questionnaire_are_met_first(person: Person) -> None:
    await person.types("/checkin")
    outcome = await person.types("i want to kill myself")
    assert outcome.kind is Kind.CRISIS


async def test_after_a_week_with_little_practice_what_got_in_the_way_is_asked_without_blame(person: Person) -> None:
    practice = Practice(recent=((NOW - timedelta(days=6), "Europe/London"),))
    person.patient = dataclasses.replace(person.patient, practice=practice.dumps())
    await person.types("/checkin")
    await answered(person, "5", "5", "5", "no", "no", "no")
    assert "What got in the way" in person.heard
    await person.taps("bar:forgot")
    assert "kettle" in person.heard
    assert "open:exercises-how-often" in person.offered


@pytest.mark.parametrize(
    ("what", "practice"),
    [
        ("began yesterday and practised each day", Practice(recent=((NOW - timedelta(days=1), "Europe/London"),))),
        ("three days a week are asked for, and were done", Practice(recent=_ago(6, 4, 1), days_a_week=3)),
        ("two of three", Practice(recent=_ago(6, 2), days_a_week=3)),
        ("shut for the whole week", Practice(recent=_ago(8), closed_at=NOW - timedelta(days=8))),
        ("shut until today", Practice(recent=_ago(9), was_shut=((NOW - timedelta(days=8), NOW),))),
        ("four of seven", Practice(recent=_ago(7, 5, 3, 1))),
    ],
)  # fmt: skip
async def test_who_did_what_was_asked_or_could_not_is_not_asked_why(
    person: Person, what: str, practice: Practice
) -> None:
    person.patient = dataclasses.replace(person.patient, practice=practice.dumps())
    await person.types("/checkin")
    await answered(person, "5", "5", "5", "no", "no", "no")
    assert "What got in the way" not in person.heard, what


async def test_who_never_practised_is_not_asked_why(person: Person) -> None:
    await person.types("/checkin")
    await answered(person, "5", "5", "5", "no", "no", "no")
    assert "What got in the way" not in person.heard


@pytest.mark.parametrize("linked", [True, False])
async def test_the_linked_movement_questions_are_asked_only_where_movement_is_linked(
    person: Person, linked: bool
) -> None:
    standing = Standing(assessed=True, cause="bells", movement="several", linked=linked, operation="none")
    practice = Practice(standing=standing, began_on=(NOW - timedelta(weeks=30)).date())
    person.patient = dataclasses.replace(person.patient, practice=practice.dumps())
    await person.types("/checkin")
    await answered(person, "5", "5", "5", "no", "no", "no")
    assert ("form:synkinesis-assessment" in person.offered) is linked


async def test_a_week_is_one_of_the_persons_own_days(person: Person, check_ins: CheckIns) -> None:
    """Sunday 10:00 in London is late on Sunday in Auckland; a week later counts from there."""
    person.patient = dataclasses.replace(person.patient, zone="Pacific/Auckland")
    await person.types("/checkin")
    await answered(person, "5", "5", "5", "no", "no", "no")
    assert Form.loads(person.patient.form).answered_on == {"weekly-check-in": NOW.date()}
    sunday = NOW + timedelta(days=6, hours=1, minutes=30)  # 00:30 on the Sunday after, there; still Saturday in UTC
    assert sunday.date() == NOW.date() + timedelta(days=6)
    assert check_ins.is_week_due(person.patient, sunday)
    assert not check_ins.is_week_due(person.patient, sunday - timedelta(hours=1))
