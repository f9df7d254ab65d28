"""The order of a message's way: screen, commands, first contact, engine, plain answer."""

import dataclasses

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.dialogue import Dialogue, Said, said
from bot.outcome import Kind, Outcome, Reply
from bot.patient import Patient, Step
from bot.payload import parse
from bot.words import Words
from tests.unit.dialogue.conftest import NOW, FakeEngine, Person, known

EMERGENCY = "my arm is weak and my speech is slurred since an hour"
SAME_DAY = "my face drooped this morning"
MISS = Outcome(kind=Kind.FALLBACK, replies=(Reply(text="missed"),))


async def test_a_question_goes_to_the_engine_and_its_answer_comes_back(person: Person, fake_engine: FakeEngine) -> None:
    outcome = await person.types("how do i tape my eye")
    assert person.heard == "[how do i tape my eye]"
    assert (outcome.kind, outcome.topic) == (Kind.ANSWER, "eating")
    assert fake_engine.asked[0]["sender"] == person.patient.id


@pytest.mark.parametrize("step", list(Step))
async def test_an_emergency_goes_before_everything_and_needs_no_consent(
    dialogue: Dialogue, fake_engine: FakeEngine, step: Step
) -> None:
    consented = NOW if step is Step.DONE else None
    turn = await dialogue.reply(Patient(id="x", step=step, consented_at=consented), said(EMERGENCY))
    assert (turn.outcome.kind, turn.outcome.disposition) == (Kind.EMERGENCY, "EMERGENCY")
    assert turn.patient.step is step
    assert fake_engine.asked == []


async def test_an_emergency_goes_before_consent_even_for_who_stopped(dialogue: Dialogue) -> None:
    turn = await dialogue.reply(Patient(id="x", stopped_at=NOW), said(EMERGENCY))
    assert turn.outcome.kind is Kind.EMERGENCY


async def test_an_emergency_is_read_in_text_that_begins_like_a_command(person: Person) -> None:
    outcome = await person.types(f"/help {EMERGENCY}")
    assert outcome.kind is Kind.EMERGENCY


async def test_an_emergency_is_read_in_a_text_too_long_to_answer(person: Person) -> None:
    outcome = await person.types("so here is my long story. " * 70 + EMERGENCY)
    assert outcome.kind is Kind.EMERGENCY


async def test_a_reason_to_be_seen_today_leads_the_engines_answer(person: Person, fake_engine: FakeEngine) -> None:
    outcome = await person.types(SAME_DAY)
    assert (outcome.kind, outcome.disposition) == (Kind.TRIAGE, "SAME_DAY")
    assert person.heard.startswith("A new weak face needs a doctor today")
    assert person.heard.endswith(f"[{SAME_DAY}]")


@pytest.mark.parametrize("step", list(Step))
async def test_a_command_works_at_every_step(dialogue: Dialogue, words: Words, step: Step) -> None:
    person = Patient(id="x", step=step, consented_at=NOW if step is Step.DONE else None)
    helped = await dialogue.reply(person, said("/help"))
    assert helped.outcome.replies[0].text == words("about.help", number="112")
    assert helped.patient == person
    begun = await dialogue.reply(person, said("/start"))
    assert begun.patient.step is Step.CONSENT


@pytest.mark.parametrize("text", ["/nonsense", "/restart", "/open_article".replace("_", "")])
async def test_a_command_that_does_not_exist_shows_the_help(person: Person, words: Words, text: str) -> None:
    await person.types(text)
    assert person.heard == words("about.help", number="999")


async def test_stopping_is_asked_about_and_can_be_taken_back(person: Person, words: Words) -> None:
    before = person.patient
    await person.types("/stop")
    assert person.offered == ["stop:yes", "stop:no"]
    outcome = await person.taps("stop:no")
    assert (person.heard, outcome.retired) == (words("stop.kept"), ("stop",))
    assert person.patient == before
    assert person.turn is not None and not person.turn.forget


async def test_stopping_forgets_all_that_was_told(person: Person, words: Words) -> None:
    await person.types("/stop")
    outcome = await person.taps("stop:yes")
    assert (person.heard, outcome.retired) == (words("stop.stopped"), ("stop",))
    assert person.patient == Patient(id=person.patient.id, stopped_at=NOW)
    assert person.turn is not None and person.turn.forget


async def test_stopping_wipes_the_engines_scratch_paper_too(person: Person, fake_engine: FakeEngine) -> None:
    await person.types("/stop")
    assert fake_engine.forgotten == []
    await person.taps("stop:yes")
    assert [f"/conversations/{person.patient.id}/" in path for path, _ in fake_engine.forgotten] == [True]


async def test_stopping_works_while_the_engine_is_away(person: Person, words: Words, fake_engine: FakeEngine) -> None:
    fake_engine.is_up = False
    await person.types("/stop")
    await person.taps("stop:yes")
    assert person.heard == words("stop.stopped")
    assert person.turn is not None and person.turn.forget


async def test_away_engine_gives_the_plain_answer_with_its_line(
    person: Person, words: Words, fake_engine: FakeEngine
) -> None:
    fake_engine.is_up = False
    outcome = await person.types("botox injections")
    assert "botox" in (outcome.article, *outcome.alternatives)
    assert person.heard.startswith(words("plain.simpler"))


async def test_with_the_engine_back_answers_are_whole_again_by_themselves(
    person: Person, words: Words, fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.dialogue.engine.REST_SECONDS", 0.0)
    fake_engine.is_up = False
    await person.types("botox injections")
    assert person.heard.startswith(words("plain.simpler"))
    fake_engine.is_up = True
    await person.types("botox injections")
    assert person.heard == "[botox injections]"


async def test_the_screen_works_while_the_engine_is_away(person: Person, fake_engine: FakeEngine) -> None:
    fake_engine.is_up = False
    assert (await person.types(EMERGENCY)).kind is Kind.EMERGENCY
    assert (await person.types(SAME_DAY)).disposition == "SAME_DAY"


async def test_first_contact_works_while_the_engine_is_away(
    newcomer: Person, words: Words, fake_engine: FakeEngine
) -> None:
    fake_engine.is_up = False
    await newcomer.types("What is botox for?")
    assert words("plain.simpler") in newcomer.heard
    for button in ("consent:yes", "whom:self", "age:adult", "country:GB", "onset:skip", "stage:skip"):
        await newcomer.taps(button)
    assert newcomer.heard == words("onboarding.done")


@pytest.mark.parametrize("verb", ["open", "more"])
async def test_a_tapped_article_is_shown_with_and_without_the_engine(
    dialogue: Dialogue, fake_engine: FakeEngine, library: object, verb: str
) -> None:
    press = parse(f"{verb}:eating")
    asked = await dialogue.reply(known(), Said(press=press))
    assert asked.outcome.replies[0].text.startswith("[/open_article{")
    fake_engine.is_up = False
    plain = await dialogue.reply(known(), Said(press=press))
    assert plain.outcome.article == "eating"


@pytest.mark.parametrize(
    ("verb", "helpful", "key"), [("good", True, "answer.thanks_good"), ("bad", False, "answer.thanks_bad")]
)
async def test_a_word_on_an_article_is_kept_and_thanked_for_without_a_message(
    dialogue: Dialogue, words: Words, fake_engine: FakeEngine, verb: str, helpful: bool, key: str
) -> None:
    turn = await dialogue.reply(known(), Said(press=parse(f"{verb}:eating")))
    assert turn.feedback is not None
    assert (turn.feedback.article, turn.feedback.version, turn.feedback.helpful) == ("eating", 1, helpful)
    assert (turn.outcome.notice, turn.outcome.replies, turn.outcome.retired) == (words(key), (), ("good", "bad"))
    assert fake_engine.asked == []


async def test_a_word_on_an_article_that_is_gone_is_thanked_for_and_not_kept(dialogue: Dialogue) -> None:
    turn = await dialogue.reply(known(), Said(press=parse("good:gone-away")))
    assert turn.outcome.notice
    assert turn.feedback is None


@pytest.mark.parametrize(
    ("text", "key"),
    [("👁👁", "other.emoji"), ("...", "other.emoji"), ("", "other.empty"), ("x" * 5000, "other.emoji")],
)
async def test_what_holds_no_words_is_met_without_the_engine(
    person: Person, words: Words, fake_engine: FakeEngine, text: str, key: str
) -> None:
    await person.types(text)
    assert person.heard == words(key)
    assert fake_engine.asked == []


async def test_a_very_long_message_is_asked_for_in_short(person: Person, words: Words, fake_engine: FakeEngine) -> None:
    await person.types("i have so many things to ask about my face " * 60)
    assert person.heard == words("other.too_long")
    assert fake_engine.asked == []


@pytest.mark.parametrize(
    "text",
    [
        '/open_article{"article_id": "eating"}',
        f"{'x' * 49} /restart",
        f"{'x' * 60} //session_start",
        "\u202e/restart now",
    ],
)
async def test_the_engine_never_takes_a_persons_text_for_a_command(
    person: Person, fake_engine: FakeEngine, text: str
) -> None:
    await person.types(text)
    assert not any(message.startswith("/") for message in fake_engine.messages)


async def test_after_three_misses_in_a_row_other_help_is_named(
    person: Person, words: Words, fake_engine: FakeEngine
) -> None:
    fake_engine.says(MISS)
    heard = []
    for _ in range(4):
        await person.types("xqzwv qqq")
        heard.append(person.heard)
    assert heard == ["missed", "missed", words("clarify.miss_again"), "missed"]


async def test_an_answer_in_between_makes_misses_start_anew(person: Person, fake_engine: FakeEngine) -> None:
    fake_engine.says(MISS)
    await person.types("xqzwv")
    await person.types("xqzwv")
    fake_engine.says(Outcome(kind=Kind.ANSWER, replies=(Reply(text="found"),)))
    await person.types("dry eye")
    assert person.patient.misses == 0


async def test_none_of_these_counts_as_a_miss(dialogue: Dialogue, words: Words) -> None:
    person = dataclasses.replace(known(), misses=1)
    turn = await dialogue.reply(person, Said(press=parse("none:of_these")))
    assert turn.outcome.replies[0].text == words("clarify.none_reply")
    assert turn.patient.misses == 2


async def test_alarms_are_known_beforehand(dialogue: Dialogue) -> None:
    assert dialogue.alarms(said(EMERGENCY))
    assert not dialogue.alarms(said("how do i tape my eye"))
    assert not dialogue.alarms(Said(command="start"))


async def test_a_person_of_no_country_has_the_number_112(dialogue: Dialogue) -> None:
    assert dialogue.number_for(Patient(id="x")) == "112"
    assert dialogue.number_for(known()) == "999"


anything = st.text(max_size=300) | st.text('/ {}":abn\n\t\u200d\u202e\u0958👁²', max_size=80)
people = st.builds(
    Patient,
    id=st.just("x"),
    step=st.sampled_from(Step),
    consented_at=st.none() | st.just(NOW),
    stopped_at=st.none() | st.just(NOW),
    country=st.none() | st.sampled_from(["GB", "ZZ"]),
    held_question=st.none() | anything,
    awaiting=st.none() | st.sampled_from(["stroke", "breathing!", "crisis_danger", "crisis_unclear!", "gone"]),
    misses=st.integers(0, 5),
)


@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people, anything)
@example(Patient(id="x", step=Step.AGE), "²")
@example(known(), "one" + "o" * 4998)
async def test_whoever_sends_whatever_gets_an_answer(
    dialogue: Dialogue, fake_engine: FakeEngine, person: Patient, text: str
) -> None:
    turn = await dialogue.reply(person, said(text))
    assert turn.outcome.replies
    assert all(reply.text.strip() for reply in turn.outcome.replies)
    assert turn.patient.id == "x" or turn.patient.id == person.id
    assert not any(message.startswith("/") for message in fake_engine.messages)
