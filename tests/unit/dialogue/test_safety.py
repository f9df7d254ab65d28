"""What the screen's findings lead to, and what an answer to its questions leads to. Unknown is never "no"."""

import dataclasses

import pytest

from bot.dialogue.safety import Safety
from bot.outcome import Kind, Outcome, Reply
from bot.patient import Patient
from bot.triage.countries import Countries, Country
from bot.triage.screen import Level, Screen
from tests.unit.dialogue.conftest import FakeEngine, Person

CERTAIN = "my arm is weak and my speech is slurred since an hour"
POSSIBLE = "my arm feels weird"
ANOTHER = "is my tongue swelling?"
CRISIS = "I want to kill myself"
UNCLEAR_CRISIS = "I can't take this anymore"
SAME_DAY = "my face drooped this morning"
QUESTION = "how do i tape my eye"


@pytest.fixture
def safety(screen: Screen) -> Safety:
    return Safety(screen)


@pytest.fixture
def britain(countries: Countries) -> Country:
    return countries.get("GB")


@pytest.fixture
def someone() -> Patient:
    return Patient(id="s")


@pytest.mark.parametrize(
    ("text", "level", "kind"),
    [
        (CERTAIN, Level.CERTAIN, "emergency"),
        (POSSIBLE, Level.POSSIBLE, "emergency"),
        (ANOTHER, Level.POSSIBLE, "emergency"),
        (CRISIS, Level.CERTAIN, "crisis"),
        (UNCLEAR_CRISIS, Level.POSSIBLE, "crisis"),
        (SAME_DAY, Level.NONE, None),
        (QUESTION, Level.NONE, None),
    ],
)
def test_the_examples_of_this_file_are_what_it_takes_them_for(
    safety: Safety, text: str, level: Level, kind: str | None
) -> None:
    found = safety.check(text)
    assert (found.level, found.kind) == (level, kind)


def interrupt(safety: Safety, person: Patient, text: str, country: Country) -> tuple[Patient, Outcome]:
    verdict = safety.interrupt(person, text, safety.check(text), country)
    assert verdict is not None
    return verdict.patient, verdict.outcome


def test_what_can_wait_does_not_interrupt(safety: Safety, someone: Patient, britain: Country) -> None:
    assert safety.interrupt(someone, SAME_DAY, safety.check(SAME_DAY), britain) is None


def test_a_certain_emergency_is_said_at_once_with_the_countrys_number(
    safety: Safety, someone: Patient, britain: Country
) -> None:
    after, outcome = interrupt(safety, someone, CERTAIN, britain)
    assert (outcome.kind, outcome.disposition, outcome.provisional) == (Kind.EMERGENCY, "EMERGENCY", False)
    assert outcome.replies[0].text.startswith("**This could be a stroke**\n\n")
    assert "Call 999 now." in outcome.replies[0].text
    assert outcome.rules and outcome.ruleset and outcome.findings
    assert (after.awaiting, after.held_question) == (None, None)


def test_a_possible_emergency_is_one_question_with_a_line_before_it(
    safety: Safety, someone: Patient, britain: Country
) -> None:
    after, outcome = interrupt(safety, someone, POSSIBLE, britain)
    words = safety._messages.emergency["stroke"]
    [reply] = outcome.replies
    assert (outcome.kind, outcome.disposition, outcome.provisional) == (Kind.TRIAGE, "EMERGENCY", True)
    assert reply.text == f"{words.line}\n\n{words.question}".replace("{emergency_number}", "999")
    assert [button.payload for button in reply.buttons] == ["flag:yes:stroke", "flag:no:stroke"]
    assert (after.awaiting, after.held_question) == ("stroke", POSSIBLE)


@pytest.mark.parametrize("answer", ["Yes", "yes it has", "y", "yes my arm"])
def test_a_typed_yes_is_an_emergency(safety: Safety, someone: Patient, britain: Country, answer: str) -> None:
    after, _ = interrupt(safety, someone, POSSIBLE, britain)
    verdict = safety.hear(after, answer, britain)
    assert verdict is not None
    assert (verdict.outcome.kind, verdict.outcome.disposition) == (Kind.EMERGENCY, "EMERGENCY")
    assert "Call 999 now." in verdict.outcome.replies[0].text
    assert (verdict.patient.awaiting, verdict.go_on) == (None, None)


@pytest.mark.parametrize("answer", ["No", "nope", "no thanks"])
def test_a_typed_no_lets_the_held_question_go_on(
    safety: Safety, someone: Patient, britain: Country, answer: str
) -> None:
    after, _ = interrupt(safety, someone, POSSIBLE, britain)
    verdict = safety.hear(after, answer, britain)
    assert verdict is not None
    assert (verdict.outcome.kind, verdict.outcome.disposition) == (Kind.TRIAGE, None)
    assert "call 999 at once" in verdict.outcome.replies[0].text
    assert (verdict.patient.awaiting, verdict.go_on) == (None, POSSIBLE)


@pytest.mark.parametrize("answer", ["maybe", "a bit", "I don't know", "👍", "what do you mean?", "no idea"])
def test_an_unclear_answer_is_asked_again_once_and_then_counts_as_a_yes(
    safety: Safety, someone: Patient, britain: Country, answer: str
) -> None:
    after, first = interrupt(safety, someone, POSSIBLE, britain)
    again = safety.hear(after, answer, britain)
    assert again is not None
    assert again.outcome.replies == first.replies
    assert (again.outcome.disposition, again.outcome.provisional) == ("EMERGENCY", True)
    last = safety.hear(again.patient, answer, britain)
    assert last is not None
    assert (last.outcome.kind, last.outcome.disposition) == (Kind.EMERGENCY, "EMERGENCY")
    assert last.patient.awaiting is None


def test_after_being_asked_again_a_no_is_still_a_no(safety: Safety, someone: Patient, britain: Country) -> None:
    after, _ = interrupt(safety, someone, POSSIBLE, britain)
    again = safety.hear(after, "maybe", britain)
    assert again is not None
    verdict = safety.hear(again.patient, "no", britain)
    assert verdict is not None
    assert (verdict.outcome.disposition, verdict.go_on) == (None, POSSIBLE)


def test_a_longer_message_is_one_of_its_own_and_the_question_stays_open(
    safety: Safety, someone: Patient, britain: Country
) -> None:
    after, _ = interrupt(safety, someone, POSSIBLE, britain)
    assert safety.hear(after, "can you tell me how to tape my eye at night please", britain) is None
    assert after.awaiting == "stroke"


def test_without_an_open_question_nothing_is_heard_as_an_answer(
    safety: Safety, someone: Patient, britain: Country
) -> None:
    assert safety.hear(someone, "yes", britain) is None


def test_every_family_has_its_yes_and_its_no(safety: Safety, someone: Patient, britain: Country) -> None:
    for family, words in safety._messages.emergency.items():
        asked = dataclasses.replace(someone, awaiting=family, held_question=QUESTION)
        yes, no = (safety.answered(asked, answer, family, britain) for answer in ("yes", "no"))
        assert yes.outcome.kind is Kind.EMERGENCY
        assert yes.outcome.replies[0].text.startswith(f"**{words.headline}**")
        assert (no.outcome.kind, no.go_on) == (Kind.TRIAGE, QUESTION)
        assert "{" not in yes.outcome.replies[0].text + no.outcome.replies[0].text


def test_a_no_to_another_question_leaves_the_open_one_open(safety: Safety, someone: Patient, britain: Country) -> None:
    """An old message's button: its "no" says nothing of what was asked since."""
    asked = dataclasses.replace(someone, awaiting="breathing", held_question=ANOTHER)
    verdict = safety.answered(asked, "no", "stroke", britain)
    assert verdict.patient.awaiting == "breathing"
    assert verdict.go_on is None


def test_a_button_of_no_family_leaves_the_open_question_open(
    safety: Safety, someone: Patient, britain: Country
) -> None:
    asked = dataclasses.replace(someone, awaiting="breathing", held_question=ANOTHER)
    verdict = safety.answered(asked, "no", "nothing_of_ours", britain)
    assert (verdict.patient.awaiting, verdict.patient.held_question) == ("breathing", ANOTHER)


def test_a_certain_crisis_says_who_listens_and_asks_about_danger(
    safety: Safety, someone: Patient, britain: Country
) -> None:
    after, outcome = interrupt(safety, someone, CRISIS, britain)
    [reply] = outcome.replies
    assert outcome.kind is Kind.CRISIS
    assert outcome.disposition in ("EMERGENCY", "SAME_DAY")
    assert "Samaritans: call 116 123" in reply.text
    assert [button.payload for button in reply.buttons] == ["flag:yes:crisis_danger", "flag:no:crisis_danger"]
    assert after.awaiting == "crisis_danger"


def test_an_unclear_crisis_is_asked_gently(safety: Safety, someone: Patient, britain: Country) -> None:
    after, outcome = interrupt(safety, someone, UNCLEAR_CRISIS, britain)
    assert (outcome.kind, outcome.disposition, outcome.provisional) == (Kind.CRISIS, None, True)
    assert "Are you having thoughts of ending your life" in outcome.replies[0].text
    assert after.awaiting == "crisis_unclear"


CRISIS_ANSWERS = [
    ("crisis_danger", "yes", "EMERGENCY", "Please call 999 now"),
    ("crisis_danger", "no", "SAME_DAY", "Thank you for answering. Please talk to a person today"),
    ("crisis_unclear", "yes", "SAME_DAY", "Thank you for telling me."),
    ("crisis_unclear", "no", None, "Thank you for saying so."),
]


@pytest.mark.parametrize(("family", "answer", "disposition", "words"), CRISIS_ANSWERS)
def test_answers_in_a_crisis(
    safety: Safety, someone: Patient, britain: Country, family: str, answer: str, disposition: str | None, words: str
) -> None:
    asked = dataclasses.replace(someone, awaiting=family)
    verdict = safety.hear(asked, answer, britain)
    assert verdict is not None
    assert (verdict.outcome.kind, verdict.outcome.disposition) == (Kind.CRISIS, disposition)
    assert verdict.outcome.replies[0].text.startswith(words)
    assert "Samaritans" in verdict.outcome.replies[0].text


def test_after_a_yes_to_thoughts_the_question_about_danger_is_open(
    safety: Safety, someone: Patient, britain: Country
) -> None:
    """Its words ask "Are you in danger right now?", so the next message is read as the answer to that."""
    verdict = safety.hear(dataclasses.replace(someone, awaiting="crisis_unclear"), "yes", britain)
    assert verdict is not None
    assert verdict.patient.awaiting == "crisis_danger"
    assert [button.payload for button in verdict.outcome.replies[0].buttons] == [
        "flag:yes:crisis_danger",
        "flag:no:crisis_danger",
    ]


@pytest.mark.parametrize("family", ["crisis_danger", "crisis_unclear"])
def test_an_unclear_answer_in_a_crisis_is_asked_again_and_then_counts_as_a_yes(
    safety: Safety, someone: Patient, britain: Country, family: str
) -> None:
    again = safety.hear(dataclasses.replace(someone, awaiting=family), "I don't know", britain)
    assert again is not None and again.outcome.kind is Kind.CRISIS
    assert again.patient.awaiting == f"{family}!"
    last = safety.hear(again.patient, "I don't know", britain)
    assert last is not None
    assert last.outcome.disposition in ("EMERGENCY", "SAME_DAY")


def test_an_emergency_and_a_crisis_together_are_both_met(safety: Safety, someone: Patient, britain: Country) -> None:
    _, outcome = interrupt(safety, someone, f"{CERTAIN}. {CRISIS}", britain)
    said = "\n".join(reply.text for reply in outcome.replies)
    assert outcome.disposition == "EMERGENCY"
    assert "Call 999" in said and "Samaritans" in said


@pytest.mark.parametrize("country", ["US", "FR", "AU", None])
def test_the_number_is_the_countrys_own_and_112_when_it_is_unknown(
    safety: Safety, someone: Patient, countries: Countries, country: str | None
) -> None:
    number = {"US": "911", "FR": "112", "AU": "000", None: "112"}[country]
    _, outcome = interrupt(safety, someone, CERTAIN, countries.get(country))
    assert f"Call {number} now." in outcome.replies[0].text


ANSWERED = Outcome(kind=Kind.ANSWER, topic="eating", replies=(Reply(text="an answer"),))


def test_a_reason_to_be_seen_today_leads_the_answer(safety: Safety, britain: Country) -> None:
    outcome = safety.same_day(safety.check(SAME_DAY), ANSWERED, britain)
    assert (outcome.kind, outcome.disposition, outcome.provisional) == (Kind.TRIAGE, "SAME_DAY", True)
    assert outcome.replies[0].text.startswith("A new weak face needs a doctor today")
    assert "999" in outcome.replies[0].text
    assert outcome.replies[1:] == ANSWERED.replies
    assert outcome.asks_red_flags and outcome.rules and outcome.findings
    assert outcome.topic == "eating"


def test_without_a_reason_the_answer_stays_as_it_is(safety: Safety, britain: Country) -> None:
    assert safety.same_day(safety.check(QUESTION), ANSWERED, britain) is ANSWERED


def test_what_the_answer_itself_says_of_urgency_is_not_overruled(safety: Safety, britain: Country) -> None:
    urgent = ANSWERED.model_copy(update={"disposition": "EMERGENCY"})
    assert safety.same_day(safety.check(SAME_DAY), urgent, britain) is urgent


async def test_a_false_alarm_is_followed_by_the_answer_to_what_was_asked(
    person: Person, fake_engine: FakeEngine
) -> None:
    await person.types("my arm feels weird, how do i sleep on my side")
    outcome = await person.taps("flag:no:stroke")
    assert "call 999 at once" in person.heard
    assert person.heard.endswith("[my arm feels weird, how do i sleep on my side]")
    assert len(fake_engine.asked) == 1
    assert outcome.retired == ("flag",)
    assert (person.patient.awaiting, person.patient.held_question) == (None, None)


async def test_a_false_alarm_before_consent_keeps_the_question_for_after(
    newcomer: Person, fake_engine: FakeEngine
) -> None:
    await newcomer.types(POSSIBLE)
    await newcomer.taps("flag:no:stroke")
    assert fake_engine.asked == []
    assert newcomer.patient.held_question == POSSIBLE


async def test_a_new_alarm_goes_before_the_open_question(person: Person) -> None:
    await person.types(POSSIBLE)
    outcome = await person.types(CERTAIN)
    assert outcome.kind is Kind.EMERGENCY


async def test_a_yes_with_more_words_is_still_a_yes(person: Person) -> None:
    await person.types(POSSIBLE)
    outcome = await person.types("yes my arm feels heavy")
    assert (outcome.kind, outcome.disposition) == (Kind.EMERGENCY, "EMERGENCY")


async def test_saying_the_same_again_instead_of_answering_counts_as_a_yes_in_the_end(person: Person) -> None:
    kinds = [(await person.types(POSSIBLE)).kind for _ in range(3)]
    assert kinds[-1] is Kind.EMERGENCY


async def test_a_no_button_of_an_older_alarm_does_not_answer_the_newer_one(person: Person) -> None:
    await person.types(POSSIBLE)
    await person.types(ANOTHER)
    await person.taps("flag:no:stroke")
    assert person.patient.awaiting == "breathing"


BOTH_POSSIBLE = "my arm feels weird and I can't take this anymore"


def test_a_possible_crisis_beside_an_emergency_is_asked_gently_after_it(
    safety: Safety, someone: Patient, britain: Country
) -> None:
    after, outcome = interrupt(safety, someone, f"{CERTAIN}. {UNCLEAR_CRISIS}", britain)
    told, asked = outcome.replies
    assert (outcome.kind, outcome.disposition) == (Kind.EMERGENCY, "EMERGENCY")
    assert "Call 999 now." in told.text
    assert "hurt yourself" not in told.text
    assert "Are you having thoughts of ending your life" in asked.text
    assert [button.payload for button in asked.buttons] == ["flag:yes:crisis_unclear", "flag:no:crisis_unclear"]
    assert after.awaiting == "crisis_unclear"


def test_a_certain_crisis_beside_an_emergency_is_said_to_have_been_read(
    safety: Safety, someone: Patient, britain: Country
) -> None:
    _, outcome = interrupt(safety, someone, f"{CERTAIN}. {CRISIS}", britain)
    assert "You also wrote that you may hurt yourself" in outcome.replies[0].text


@pytest.mark.parametrize("answer", ["yes", "no"])
def test_a_possible_crisis_beside_a_possible_emergency_is_asked_after_its_answer(
    safety: Safety, someone: Patient, britain: Country, answer: str
) -> None:
    after, _ = interrupt(safety, someone, BOTH_POSSIBLE, britain)
    verdict = safety.hear(after, answer, britain)
    assert verdict is not None
    assert (verdict.outcome.kind is Kind.EMERGENCY) is (answer == "yes")
    assert "Are you having thoughts of ending your life" in verdict.outcome.replies[-1].text
    assert (verdict.patient.awaiting, verdict.go_on) == ("crisis_unclear", None)


def test_what_may_be_an_emergency_is_not_left_out_beside_a_certain_crisis(
    safety: Safety, someone: Patient, britain: Country
) -> None:
    after, outcome = interrupt(safety, someone, f"{POSSIBLE}. {CRISIS}", britain)
    assert outcome.kind is Kind.CRISIS
    assert "speech or sight is failing now, call 999" in outcome.replies[0].text
    assert after.awaiting == "crisis_danger"


VIOLENCE = "he punched me in the face"


def test_who_is_hurt_by_somebody_hears_words_of_their_own(safety: Safety, someone: Patient, britain: Country) -> None:
    after, outcome = interrupt(safety, someone, VIOLENCE, britain)
    said = "\n".join(reply.text for reply in outcome.replies)
    assert (outcome.kind, outcome.disposition) == (Kind.CRISIS, "SAME_DAY")
    assert "tell a doctor or nurse in private" in said
    assert "If you are in danger now, call 999." in said
    assert "After a blow to the head" in said
    assert "Samaritans" not in said and "hurt yourself" not in said
    assert after.awaiting == "violence_danger"


def test_an_injury_by_violence_has_the_way_of_an_injury(safety: Safety, someone: Patient, britain: Country) -> None:
    _, outcome = interrupt(safety, someone, "my husband hit me and now my face droops", britain)
    assert outcome.replies[0].text.startswith("A weak face after an injury needs a check in hospital today.")
    assert {"D30", "D16"} <= set(outcome.rules)


def test_violence_beside_an_emergency_is_no_self_harm(safety: Safety, someone: Patient, britain: Country) -> None:
    _, outcome = interrupt(safety, someone, "my husband hit me and my arm is numb", britain)
    assert outcome.kind is Kind.EMERGENCY
    assert "somebody hurt you" in outcome.replies[0].text
    assert "may hurt yourself" not in outcome.replies[0].text


def test_violence_and_thoughts_of_dying_are_both_met(safety: Safety, someone: Patient, britain: Country) -> None:
    after, outcome = interrupt(safety, someone, "my boyfriend hits me and I want to die", britain)
    said = "\n".join(reply.text for reply in outcome.replies)
    assert "in private" in said and "Samaritans" in said
    assert after.awaiting == "crisis_danger"


@pytest.mark.parametrize(
    ("answer", "disposition", "words"),
    [("yes", "EMERGENCY", "Please call 999 now"), ("no", "SAME_DAY", "Thank you for answering")],
)
def test_answers_to_the_question_of_violence(
    safety: Safety, someone: Patient, britain: Country, answer: str, disposition: str, words: str
) -> None:
    verdict = safety.hear(dataclasses.replace(someone, awaiting="violence_danger"), answer, britain)
    assert verdict is not None
    assert (verdict.outcome.kind, verdict.outcome.disposition) == (Kind.CRISIS, disposition)
    assert verdict.outcome.replies[0].text.startswith(words)


def test_an_unclear_answer_about_violence_is_asked_again_and_then_counts_as_a_yes(
    safety: Safety, someone: Patient, britain: Country
) -> None:
    again = safety.hear(dataclasses.replace(someone, awaiting="violence_danger"), "I don't know", britain)
    assert again is not None and again.patient.awaiting == "violence_danger!"
    assert "in danger from somebody" in again.outcome.replies[0].text
    last = safety.hear(again.patient, "I don't know", britain)
    assert last is not None and last.outcome.disposition == "EMERGENCY"
