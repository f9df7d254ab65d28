"""The triage intake in chat: one question a message, by button or in words, and never talked out of an emergency."""

import dataclasses
from datetime import timedelta

import pytest

from bot.dialogue import Said, Turn, said
from bot.dialogue.intake import RESUMABLE
from bot.outcome import Button, Kind, Outcome, Reply
from bot.payload import Press
from bot.settings import CONTENT
from bot.triage.countries import Countries
from tests.unit.dialogue.conftest import NOW, FakeEngine, Person, parts


async def begun(person: Person) -> Person:
    await person.types("/check")
    return person


async def answered(person: Person, *answers: str) -> Outcome:
    outcome = None
    for answer in answers:
        outcome = await person.types(answer)
    assert outcome is not None
    return outcome


def button(person: Person, title: str) -> str:
    turn: Turn | None = person.turn
    assert turn is not None
    return next(b.payload for reply in turn.outcome.replies for b in reply.buttons if b.title == title)


async def test_check_asks_the_emergency_signs_first(person: Person) -> None:
    outcome = await person.types("/check")
    assert outcome.kind is Kind.TRIAGE
    assert outcome.provisional
    assert outcome.asks_red_flags
    assert "ans:now:0" in person.offered


async def test_an_emergency_answer_ends_it_with_one_clear_message(person: Person) -> None:
    await begun(person)
    outcome = await person.taps("ans:now:0")
    assert (outcome.kind, outcome.disposition, outcome.provisional) == (Kind.EMERGENCY, "EMERGENCY", False)
    assert len(outcome.replies) == 1
    assert "999" in person.heard
    assert "Do not drive" in person.heard
    assert "time it began" in person.heard
    assert person.patient.intake is None
    assert person.turn is not None
    assert person.turn.assessed is not None
    assert person.turn.assessed.ended == "emergency"


async def test_an_emergency_picked_from_a_list_denies_nothing_else_of_that_list(person: Person) -> None:
    await begun(person)
    outcome = await person.taps("ans:now:0")
    assert outcome.findings["arm_or_leg_weak"] == "yes"
    assert {"no"}.isdisjoint(outcome.findings.values())


async def test_a_typed_emergency_is_heard_as_well_as_a_tapped_one(person: Person) -> None:
    await begun(person)
    outcome = await person.types("my speech is slurred")
    assert outcome.disposition == "EMERGENCY"
    assert person.patient.intake is None


async def test_a_whole_intake_in_words_ends_with_what_to_do(person: Person) -> None:
    await begun(person)
    outcome = await answered(
        person, "none", "not checked yet", "yesterday evening", "over hours", "it stays smooth", "none",
        "yes", "none", "none", "none", "none", "not on steroids", "fine",
    )  # fmt: skip
    assert (outcome.disposition, outcome.provisional) == ("SAME_DAY", False)
    assert {"D00", "D01"} <= set(outcome.rules)
    assert "NHS 111" in person.heard
    assert "not a diagnosis" in person.heard
    assert person.patient.intake is None


async def test_not_sure_to_a_key_question_is_asked_once_more_in_other_words(person: Person) -> None:
    await begun(person)
    await person.types("dunno")
    assert "ask someone near you" in person.heard
    await person.types("dunno")
    assert "Is your face weak now" in person.heard


async def test_words_that_are_no_answer_are_asked_again_and_then_count_as_not_sure(person: Person) -> None:
    await begun(person)
    await person.types("purple elephants")
    assert "ans:now:0" in person.offered
    await person.types("purple elephants")
    assert "Is your face weak now" in person.heard


async def test_a_question_in_between_is_answered_and_the_open_one_put_again(
    person: Person, fake_engine: FakeEngine
) -> None:
    await begun(person)
    fake_engine.answer = lambda body: (
        200, parts(Outcome(kind=Kind.ANSWER, topic="eye-taping", article="eye-taping", replies=(Reply(text="Tape so."),)))
    )  # fmt: skip
    outcome = await person.types("how do i tape my eye shut at night?")
    assert outcome.topic == "eye-taping"
    assert person.heard.startswith("Tape so.")
    assert "ans:now:0" in person.offered
    assert person.patient.intake is not None


async def test_why_tells_why_and_asks_again(person: Person) -> None:
    await begun(person)
    await person.types("why do you ask?")
    assert "signs of a stroke" in person.heard
    assert "ans:now:0" in person.offered


async def test_back_takes_the_last_answer_back(person: Person) -> None:
    await begun(person)
    await answered(person, "none", "back")
    assert "ans:now:0" in person.offered


async def test_stop_is_no_all_clear_and_the_check_can_be_resumed(person: Person) -> None:
    await begun(person)
    await answered(person, "none", "stop for now")
    assert "not an all-clear" in person.heard
    await person.taps("intake:start")
    assert "where we stopped" in person.heard
    assert "ans:checked:0" in person.offered


async def test_several_answers_are_picked_one_by_one(person: Person) -> None:
    await begun(person)
    await answered(person, "none", "not checked yet", "2 days ago", "over hours", "smooth", "none", "yes")
    await person.taps(button(person, "It hurts"))
    assert "Anything else?" in person.heard
    await person.taps(button(person, "It is red"))
    outcome = await person.taps(button(person, "That's all"))
    assert (outcome.findings["eye_pain"], outcome.findings["eye_red"]) == ("yes", "yes")
    assert outcome.findings["gritty_dry"] == "no"


async def test_a_button_of_an_earlier_question_changes_nothing(person: Person) -> None:
    await begun(person)
    old = button(person, "None of these")
    await person.types("none")
    await person.taps(old)
    assert "That question is done" in person.heard
    assert "ans:checked:0" in person.offered


async def test_thinking_of_self_harm_is_met_with_the_crisis_lines(person: Person) -> None:
    await begun(person)
    await answered(
        person, "none", "not checked yet", "2 days ago", "over hours", "smooth", "none", "yes", "none", "none",
        "none", "none", "not on steroids",
    )  # fmt: skip
    await person.taps(button(person, "I think of harming myself"))
    assert "116 123" in person.heard


async def test_a_new_weak_face_told_in_words_begins_the_check(person: Person, fake_engine: FakeEngine) -> None:
    reported = Outcome(
        kind=Kind.TRIAGE, disposition="SAME_DAY", provisional=True, rules=("D00",), begins_intake=True,
        replies=(Reply(text="Be seen today."),),
    )  # fmt: skip
    fake_engine.answer = lambda body: (200, parts(reported))
    outcome = await person.types("can you check how bad my droopy cheek is")
    assert outcome.disposition == "SAME_DAY"
    assert person.heard.startswith("Be seen today.")
    assert "ans:now:0" in person.offered


@pytest.mark.parametrize("warns", [True, False])
async def test_an_article_that_names_emergency_signs_leads_to_the_check(
    person: Person, fake_engine: FakeEngine, warns: bool
) -> None:
    told = Outcome(kind=Kind.ANSWER, article="eating", asks_red_flags=warns, replies=(Reply(text="Eat slowly."),))
    fake_engine.says(told)
    await person.types("how do i eat")
    assert ("intake:start" in person.offered) is warns


async def test_the_check_works_while_the_engine_is_away(person: Person, fake_engine: FakeEngine) -> None:
    fake_engine.is_up = False
    await begun(person)
    await person.types("none")
    assert "Is your face weak now" in person.heard


async def test_the_summary_names_answers_and_rules(person: Person) -> None:
    await begun(person)
    await person.types("none")
    await person.types("my arm has gone weak and i cant speak")
    assert person.patient.summary is not None
    assert "arm_or_leg_weak" in person.patient.summary
    assert "E02" in person.patient.summary


async def test_without_a_check_there_is_no_summary(person: Person) -> None:
    person.shown.append(Button(title="x", payload="summary:latest"))
    await person.taps("summary:latest")
    assert "no finished check" in person.heard


@pytest.mark.parametrize(
    "text", ["my arm has gone weak and i cant speak", "worst headache of my life, came on like a bang"]
)
async def test_an_emergency_told_in_the_middle_ends_the_check(person: Person, text: str) -> None:
    await begun(person)
    await answered(person, "none", "not checked yet")
    outcome = await person.types(text)
    assert outcome.disposition == "EMERGENCY"
    assert person.patient.intake is None
    assert person.turn is not None
    assert person.turn.assessed is not None


async def test_a_false_alarm_in_the_middle_leads_back_to_the_open_question(person: Person) -> None:
    await begun(person)
    await person.types("none")
    asked = await person.types("could it be that my arm feels a bit funny and weak today, i can't really tell")
    assert (asked.provisional, asked.disposition) == (True, "EMERGENCY")
    await person.types("no")
    assert "ans:checked:0" in person.offered


async def test_what_was_said_before_and_denied_now_stays_the_worse(person: Person, fake_engine: FakeEngine) -> None:
    reported = Outcome(kind=Kind.TRIAGE, disposition="SAME_DAY", begins_intake=True, replies=(Reply(text="Today."),))
    fake_engine.answer = lambda body: (200, parts(reported))
    begun_with = await person.types("my face is weak and my eye hurts")
    assert begun_with.findings["eye_pain"] == "yes"
    outcome = await answered(
        person, "none", "not checked yet", "2 days ago", "over hours", "smooth", "none", "yes", "none"
    )
    assert outcome.findings["eye_pain"] == "yes"
    assert "keep the more worrying" in person.heard


async def test_after_a_told_emergency_a_new_check_never_falls_below_today(person: Person) -> None:
    await begun(person)
    await person.taps("ans:now:0")
    await begun(person)
    outcome = await answered(
        person, "none", "my face isn't weak", "none", "yes", "none", "none", "none", "none", "not on steroids", "fine"
    )
    assert (outcome.disposition, outcome.provisional) == ("SAME_DAY", False)
    assert "signs of an emergency" in person.heard


async def test_the_question_of_danger_is_answered_by_a_typed_yes(person: Person) -> None:
    await begun(person)
    await answered(
        person, "none", "not checked yet", "2 days ago", "over hours", "smooth", "none", "yes", "none", "none",
        "none", "none", "not on steroids",
    )  # fmt: skip
    await person.taps(button(person, "I think of harming myself"))
    assert "flag:yes:crisis_danger" in person.offered
    outcome = await person.types("yes")
    assert (outcome.kind, outcome.disposition) == (Kind.CRISIS, "EMERGENCY")


async def test_thats_all_typed_ends_the_picking(person: Person) -> None:
    await begun(person)
    await answered(person, "none", "not checked yet", "2 days ago", "over hours", "smooth", "none", "yes")
    await person.taps(button(person, "It hurts"))
    outcome = await person.types("that's all")
    assert outcome.findings["eye_pain"] == "yes"
    assert "ans:ear:0" in person.offered


async def test_a_summary_can_be_had_as_a_file(person: Person) -> None:
    await begun(person)
    await person.types("none")
    await person.types("my arm has gone weak and i cant speak")
    person.shown.append(Button(title="x", payload="summary:latest"))
    await person.taps("summary:latest")
    outcome = await person.taps("summary:pdf")
    assert outcome.replies[0].document == "septimus-check.pdf"


async def test_after_stop_a_typed_yes_answers_nothing(person: Person, fake_engine: FakeEngine) -> None:
    await begun(person)
    await answered(person, "none", "not checked yet", "2 days ago", "over hours", "stop for now")
    stopped_at = person.patient.intake
    await person.types("yes")
    assert fake_engine.messages == ["yes"]
    assert person.patient.intake == stopped_at
    assert "Back to my question" not in person.heard


async def test_a_stopped_check_goes_on_where_it_stopped(person: Person) -> None:
    await begun(person)
    await answered(person, "none", "not checked yet", "stop for now")
    await person.types("/check")
    assert "where we stopped" in person.heard
    outcome = await answered(person, "2 days ago")
    assert outcome.findings["onset_hours"] == "48"


async def test_a_tap_on_the_question_that_was_left_takes_it_up_again(person: Person) -> None:
    await begun(person)
    await person.types("none")
    left = button(person, "Weak, and not checked yet")
    await person.types("stop for now")
    person.shown.append(Button(title="x", payload=left))
    outcome = await person.taps(left)
    assert outcome.findings["droop_new"] == "yes"


async def test_a_later_none_of_these_does_not_undo_a_worse_answer(person: Person) -> None:
    await begun(person)
    outcome = await answered(
        person, "none", "checked, but worse since", "2 days ago", "over hours", "smooth", "none", "yes", "none",
        "none", "none",
    )  # fmt: skip
    assert outcome.findings["new_or_worse_neuro_finding"] == "yes"


async def ear_denied(person: Person) -> Person:
    await begun(person)
    await answered(person, "none", "not checked yet", "2 days ago", "over hours", "smooth", "none", "yes", "none")
    await person.types("none")
    return person


async def test_a_sign_told_after_its_no_stands_and_is_asked_about_once(person: Person) -> None:
    await ear_denied(person)
    outcome = await person.types("actually i have a bad earache")
    assert outcome.findings["ear_pain_severe"] == "yes"
    assert "two different things" in person.heard and "Bad ear pain" in person.heard
    outcome = await person.types("yes")
    assert outcome.findings["ear_pain_severe"] == "yes"
    assert "two different things" not in person.heard
    outcome = await person.types("none")
    assert "two different things" not in person.heard


async def test_a_slip_can_be_taken_back(person: Person) -> None:
    await ear_denied(person)
    await person.types("actually i have a bad earache")
    outcome = await person.types("no")
    assert outcome.findings["ear_pain_severe"] == "no"


async def test_not_knowing_which_is_right_leaves_the_worse_standing(person: Person) -> None:
    await ear_denied(person)
    await person.types("actually i have a bad earache")
    outcome = await person.types("not sure")
    assert outcome.findings["ear_pain_severe"] == "yes"


async def test_a_typed_answer_hours_later_answers_no_old_question(person: Person) -> None:
    await begun(person)
    await person.types("none")
    intakes, country = person.dialogue._intakes, Countries.load(CONTENT / "countries.yml").get("GB")
    later = NOW + RESUMABLE
    assert intakes.understands(person.patient, "not checked yet", NOW)
    assert not intakes.understands(person.patient, "not checked yet", later)
    assert intakes.hear(person.patient, said("not checked yet"), country, later) is None
    assert not intakes.is_open(person.patient, later)


async def test_a_tap_hours_later_begins_anew(person: Person) -> None:
    await begun(person)
    await person.types("none")
    intakes, country = person.dialogue._intakes, Countries.load(CONTENT / "countries.yml").get("GB")
    step = intakes.hear(person.patient, Said(press=Press("ans", "checked:0")), country, NOW + RESUMABLE)
    assert step is not None
    assert step.outcome.replies[0].buttons[0].payload == "ans:now:0"


async def test_a_check_left_before_an_emergency_begins_anew(person: Person) -> None:
    await begun(person)
    await answered(person, "none", "not checked yet", "stop for now")
    left = dataclasses.replace(person.patient, emergency_at=NOW + timedelta(minutes=5))
    country = Countries.load(CONTENT / "countries.yml").get("GB")
    step = person.dialogue._intakes.begin(left, country, NOW + timedelta(minutes=10), {})
    assert step.outcome.replies[0].buttons[0].payload == "ans:now:0"
