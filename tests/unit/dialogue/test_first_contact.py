"""First contact as it happens: every question answerable by button and by typing, and nothing asked for twice."""

import dataclasses
from datetime import date, time, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.dialogue import Dialogue, Said, Turn, record, said
from bot.dialogue.first_contact import CONSENT_VERSION, FirstContact
from bot.outcome import Kind, Outcome, Reply
from bot.patient import Patient, Step
from bot.payload import parse
from bot.reminders.plan import Plan
from bot.store import Store, consents, patients
from bot.triage.countries import Countries
from bot.words import Words
from tests.unit.dialogue.conftest import NOW, TOKEN, FakeEngine, Person

# One way through all questions: the step, the button that answers it, and what that sets.
WAY = [
    (Step.CONSENT, "consent:yes"),
    (Step.FOR_WHOM, "whom:self"),
    (Step.AGE, "age:adult"),
    (Step.COUNTRY, "country:GB"),
    (Step.ONSET, "onset:weeks"),
    (Step.STAGE, "stage:flaccid"),
]


async def lead(person: Person, to: Step) -> None:
    """Lead a newcomer up to a question."""
    await person.types("/start")
    for step, button in WAY:
        if step is to:
            return
        await person.taps(button)
    assert to is Step.DONE


async def test_the_whole_way_by_button(newcomer: Person, words: Words, fake_engine: FakeEngine) -> None:
    await newcomer.types("/start")
    assert words("about.welcome") in newcomer.heard
    assert words("consent.ask") in newcomer.heard
    for step, button in WAY:
        assert newcomer.patient.step is step
        await newcomer.taps(button)
    assert newcomer.heard == words("onboarding.done")
    assert newcomer.patient == Patient(
        id=newcomer.patient.id,
        step=Step.DONE,
        consented_at=NOW,
        consent_version=CONSENT_VERSION,
        for_whom="self",
        age_band="adult",
        country="GB",
        onset_on=(NOW - timedelta(days=49)).date(),
        stage="flaccid",
    )
    assert fake_engine.asked == []


async def test_the_whole_way_by_typing(newcomer: Person, words: Words, fake_engine: FakeEngine) -> None:
    await newcomer.types("hello")
    for text, step in [
        ("yes please", Step.FOR_WHOM),
        ("me", Step.AGE),
        ("I'm 43", Step.COUNTRY),
        ("england", Step.ONSET),
        ("skip", Step.STAGE),
        ("Skip.", Step.DONE),
    ]:
        await newcomer.types(text)
        assert newcomer.patient.step is step, text
    assert newcomer.heard == words("onboarding.done")
    known = newcomer.patient
    assert (known.for_whom, known.age_band, known.country, known.onset_on) == ("self", "adult", "GB", None)
    assert fake_engine.asked == []


@pytest.mark.parametrize("step", [step for step, _ in WAY])
async def test_typing_a_buttons_words_does_what_tapping_it_does(newcomer: Person, step: Step) -> None:
    await lead(newcomer, step)
    assert newcomer.turn is not None
    buttons = newcomer.turn.outcome.replies[-1].buttons
    assert buttons
    for button in buttons:
        tapped = await newcomer.dialogue.reply(newcomer.patient, Said(press=parse(button.payload)))
        typed = await newcomer.dialogue.reply(newcomer.patient, said(button.title))
        assert (typed.patient, texts(typed)) == (tapped.patient, texts(tapped)), button.title


@pytest.mark.parametrize("step", [step for step, _ in WAY])
async def test_a_tapped_question_loses_its_buttons(newcomer: Person, step: Step) -> None:
    await lead(newcomer, step)
    button = dict(WAY)[step]
    outcome = await newcomer.taps(button)
    assert outcome.retired == (button.partition(":")[0],)


async def test_the_emergency_line_comes_before_any_question(newcomer: Person, words: Words) -> None:
    outcome = await newcomer.types("hi")
    assert [reply.text for reply in outcome.replies][1:] == [
        words("about.emergency", number="112"),
        words("consent.ask"),
    ]


async def test_who_begins_with_a_question_is_answered_first_and_nothing_of_it_is_kept(
    newcomer: Person, words: Words, fake_engine: FakeEngine
) -> None:
    outcome = await newcomer.types("How do I tape my eye at night?")
    assert outcome.kind is Kind.ANSWER
    assert outcome.replies[0].text == "[How do I tape my eye at night?]"
    assert newcomer.heard.endswith(words("consent.ask"))
    (asked,) = fake_engine.asked
    assert asked["sender"] != newcomer.patient.id
    assert [path for path, _ in fake_engine.forgotten] == [
        f"/conversations/{asked['sender']}/tracker/events?token={TOKEN}"
    ]
    assert newcomer.patient == Patient(id=newcomer.patient.id, step=Step.CONSENT)


@pytest.mark.parametrize("is_up", [True, False])
async def test_the_name_it_was_asked_under_is_in_the_turn_whether_or_not_the_engine_answered(
    newcomer: Person, fake_engine: FakeEngine, *, is_up: bool
) -> None:
    fake_engine.is_up = is_up
    await newcomer.types("How do I tape my eye at night?")
    (asked,) = fake_engine.asked
    assert newcomer.turn is not None
    assert newcomer.turn.stand_in == asked["sender"] != newcomer.patient.id
    assert (len(asked["sender"]), newcomer.turn.forget) == (32, False)


async def test_one_that_is_answered_once_more_after_a_kill_is_asked_under_the_same_name(
    dialogue: Dialogue, fake_engine: FakeEngine
) -> None:
    for person in ("n" * 32, "n" * 32, "m" * 32):
        await dialogue.reply(Patient(id=person), said("How do I tape my eye at night?"))
    first, again, other = [asked["sender"] for asked in fake_engine.asked]
    assert first == again != other


async def test_who_greets_or_has_agreed_is_asked_under_no_other_name(newcomer: Person) -> None:
    for text in ("hello", "yes", "me", "how do i tape my eye at night?"):
        await newcomer.types(text)
        assert newcomer.turn is not None and newcomer.turn.stand_in is None


HELD = "what helps with a dry eye in the wind?"


@pytest.mark.parametrize("held_at", [None, Step.CONSENT, Step.AGE, Step.ONSET, Step.STAGE])
@pytest.mark.parametrize("onset", ["onset:today", "onset:months"])
async def test_whoevers_consent_to_reminders_is_written_down_was_told_of_them(
    newcomer: Person, store: Store, held_at: Step | None, onset: str
) -> None:
    told = "Now and then I'll ask how you are."
    async with store.writing() as session:
        await patients.create(session, newcomer.patient, NOW)

    async def consented() -> bool:
        async with store.reading() as session:
            return any(each.layer == "reminders" for each in await consents.history(session, newcomer.patient.id))

    async def keep(before: Patient) -> None:
        assert newcomer.turn is not None
        async with store.writing() as session:
            await record(session, "update:1", before, newcomer.turn, NOW)

    was_told = False
    await newcomer.types("/start")
    for step, button in [*WAY[:4], (Step.ONSET, onset), WAY[5]]:
        if newcomer.patient.step is not step:
            break  # what was asked at a step that may be skipped ended first contact
        if step is held_at:
            before = newcomer.patient
            await newcomer.types(HELD)
            was_told = was_told or told in newcomer.heard
            await keep(before)
            if newcomer.patient.step is not step:
                break
        before = newcomer.patient
        await newcomer.taps(button)
        was_told = was_told or told in newcomer.heard
        await keep(before)
    assert newcomer.patient.step is Step.DONE
    assert (f"[{HELD}]" in newcomer.heard) == (held_at is not None)
    assert was_told
    assert await consented() == (onset == "onset:today" and held_at is not Step.ONSET)


@pytest.mark.parametrize(("tap", "kind"), [("more:eating", Kind.ANSWER), ("good:eating", Kind.SMALLTALK)])
async def test_the_buttons_of_that_answer_work_before_consent_and_keep_nothing(
    newcomer: Person, fake_engine: FakeEngine, tap: str, kind: Kind
) -> None:
    await newcomer.types("How do I tape my eye at night?")
    turn = await newcomer.dialogue.reply(newcomer.patient, Said(press=parse(tap)))
    assert (turn.outcome.kind, turn.feedback) == (kind, None)
    assert turn.patient == Patient(id=newcomer.patient.id, step=Step.CONSENT)
    assert len(fake_engine.asked) == 1


@pytest.mark.parametrize("step", [Step.CONSENT, Step.FOR_WHOM, Step.AGE, Step.COUNTRY])
async def test_a_question_in_between_is_held_and_the_same_is_asked_again(
    newcomer: Person, words: Words, fake_engine: FakeEngine, step: Step
) -> None:
    await lead(newcomer, step)
    asked = newcomer.heard.split("\n\n")[-1]
    await newcomer.types("what helps with a dry eye in the wind?")
    assert newcomer.heard.startswith(words("consent.held"))
    assert newcomer.heard.endswith(asked)
    assert newcomer.patient.step is step
    for _, button in WAY[[each for each, _ in WAY].index(step) :]:
        await newcomer.taps(button)
    assert fake_engine.messages == ["what helps with a dry eye in the wind?"]


@pytest.mark.parametrize("step", [Step.ONSET, Step.STAGE])
async def test_a_question_at_a_step_that_may_be_skipped_is_answered_at_once(newcomer: Person, step: Step) -> None:
    await lead(newcomer, step)
    await newcomer.types("what helps with a dry eye in the wind?")
    assert newcomer.patient.step is Step.DONE
    assert newcomer.heard.endswith("[what helps with a dry eye in the wind?]")


@pytest.mark.parametrize("step", [Step.NEW, Step.CONSENT, Step.AGE])
async def test_a_request_for_a_reminder_is_held_and_set_when_first_contact_is_over(
    newcomer: Person, fake_engine: FakeEngine, words: Words, step: Step
) -> None:
    if step is not Step.NEW:
        await lead(newcomer, step)
    await newcomer.types("remind me to do my exercises at 9")
    asked = len(fake_engine.asked)
    assert newcomer.patient.reminders is None
    begun = [each for each, _ in WAY].index(Step.CONSENT if step is Step.NEW else step)
    for _, button in WAY[begun:]:
        await newcomer.taps(button)
    assert [each.rule.times for each in Plan.loads(newcomer.patient.reminders).of("exercises")] == [(time(9),)]
    assert words("onboarding.done_held") in newcomer.heard
    assert ", 09:00" in newcomer.heard
    assert (newcomer.patient.held_question, len(fake_engine.asked)) == (None, asked)


async def test_a_held_request_that_lacks_a_time_is_asked_back_about_and_the_answer_sets_it(newcomer: Person) -> None:
    await lead(newcomer, Step.FOR_WHOM)
    await newcomer.types("can you remind me to use my drops")
    for _, button in WAY[[each for each, _ in WAY].index(Step.FOR_WHOM) :]:
        await newcomer.taps(button)
    assert "When would you like it?" in newcomer.heard
    await newcomer.types("at 9 and 18:00")
    assert [each.rule.times for each in Plan.loads(newcomer.patient.reminders).of("eye_drops")] == [(time(9), time(18))]


async def test_a_held_request_that_only_the_engine_hears_is_met_with_usual_times(
    newcomer: Person, fake_engine: FakeEngine
) -> None:
    await lead(newcomer, Step.AGE)
    await newcomer.types("it would be great not to have to think of my practice myself")
    fake_engine.says(Outcome(kind=Kind.REMINDER, replies=(Reply(text="before consent only"),)))
    for _, button in WAY[[each for each, _ in WAY].index(Step.AGE) :]:
        await newcomer.taps(button)
    assert "When would you like it?" in newcomer.heard
    assert "before consent only" not in newcomer.heard
    await newcomer.taps("rem:at:morning")
    assert len(Plan.loads(newcomer.patient.reminders).of("exercises")) == 1


async def test_a_place_told_first_is_no_request_to_hold(newcomer: Person) -> None:
    await newcomer.types("I'm in Spain now and my face is weak")
    assert newcomer.patient.held_question is None


async def test_a_greeting_is_no_question_to_hold(newcomer: Person) -> None:
    await newcomer.types("hello there")
    assert newcomer.patient.held_question is None


async def test_a_long_question_is_held_within_bounds(newcomer: Person) -> None:
    await newcomer.types("/start")
    await newcomer.types("why does my face " * 200)
    assert newcomer.patient.held_question is not None
    assert len(newcomer.patient.held_question) <= 1000


@pytest.mark.parametrize("by", ["tap", "type"])
async def test_who_declines_is_kept_as_a_bare_pseudonym(newcomer: Person, words: Words, by: str) -> None:
    await newcomer.types("How do I tape my eye at night?")
    await (newcomer.taps("consent:no") if by == "tap" else newcomer.types("no thanks"))
    assert newcomer.patient == Patient(id=newcomer.patient.id)
    assert newcomer.heard == words("consent.declined", number="112")


async def test_who_declines_after_having_agreed_is_forgotten(person: Person) -> None:
    await person.types("/start")
    await person.taps("consent:no")
    assert person.patient == Patient(id=person.patient.id)
    assert person.turn is not None and person.turn.forget


async def test_who_declined_can_begin_again(newcomer: Person, words: Words) -> None:
    await newcomer.types("/start")
    await newcomer.taps("consent:no")
    await newcomer.types("/start")
    assert newcomer.patient.step is Step.CONSENT
    assert words("consent.ask") in newcomer.heard


async def test_more_about_consent_is_told_and_it_is_asked_again(newcomer: Person, words: Words) -> None:
    await newcomer.types("/start")
    await newcomer.taps("consent:more")
    assert newcomer.heard == f"{words('consent.more')}\n\n{words('consent.ask')}"
    assert newcomer.patient.step is Step.CONSENT


@pytest.mark.parametrize("text", ["maybe", "hm", "what?", "ok but who reads this?", "👍", "sure why do you need it"])
async def test_nothing_but_a_clear_yes_is_consent(newcomer: Person, text: str) -> None:
    await newcomer.types("/start")
    await newcomer.types(text)
    assert newcomer.patient.step is Step.CONSENT
    assert newcomer.patient.consented_at is None


AGES = [
    ("7", "child"),
    ("17", "child"),
    ("18", "adult"),
    ("she is 59", "adult"),
    ("60", "older"),
    ("101 years old", "older"),
    ("18 months", "child"),
    ("20 months old", "child"),
    ("130", None),
    ("born 1990", None),
    ("old", None),
    ("²", None),
    ("🧒", None),
    ("٤٠", "adult"),
]


@pytest.mark.parametrize(("text", "band"), AGES)
async def test_an_age_may_be_typed(newcomer: Person, text: str, band: str | None) -> None:
    await lead(newcomer, Step.AGE)
    await newcomer.types(text)
    assert newcomer.patient.age_band == band
    assert newcomer.patient.step is (Step.COUNTRY if band else Step.AGE)


COUNTRIES = [("uk", "GB"), ("The United States", "US"), ("Deutschland", "DE"), ("england!", "GB"), ("españa", "ES")]


@pytest.mark.parametrize(("text", "code"), COUNTRIES)
async def test_a_country_may_be_typed(newcomer: Person, text: str, code: str) -> None:
    await lead(newcomer, Step.COUNTRY)
    await newcomer.types(text)
    assert newcomer.patient.country == code
    assert newcomer.patient.step is Step.ONSET


async def test_an_unknown_country_gets_112_and_the_way_goes_on(newcomer: Person, words: Words) -> None:
    await lead(newcomer, Step.COUNTRY)
    await newcomer.types("Atlantis")
    assert newcomer.heard.startswith(words("onboarding.country_unknown"))
    assert newcomer.patient.country is None
    assert newcomer.patient.step is Step.ONSET


async def test_after_an_unknown_country_another_name_may_be_typed_as_the_words_say(newcomer: Person) -> None:
    await lead(newcomer, Step.COUNTRY)
    await newcomer.types("Atlantis")
    await newcomer.types("Ireland")
    assert newcomer.patient.country == "IE"
    assert newcomer.patient.step is Step.ONSET


async def test_another_country_is_asked_for_by_name(newcomer: Person, words: Words) -> None:
    await lead(newcomer, Step.COUNTRY)
    await newcomer.taps("country:other")
    assert newcomer.heard == words("onboarding.country")
    await newcomer.types("France")
    assert newcomer.patient.country == "FR"


@pytest.mark.parametrize(
    ("typed", "onset", "new"),
    [
        ("a few days ago", date(2026, 11, 19), True),
        ("yesterday", date(2026, 11, 21), True),
        ("about 3 wks ago", date(2026, 11, 1), False),
    ],
)
async def test_the_onset_may_be_typed(newcomer: Person, words: Words, typed: str, onset: date, new: bool) -> None:
    await lead(newcomer, Step.ONSET)
    await newcomer.types(typed)
    assert (newcomer.patient.step, newcomer.patient.onset_on) == (Step.STAGE, onset)
    assert (words("onboarding.new_onset") in newcomer.heard) == new


async def test_a_question_with_a_time_in_it_is_no_onset(newcomer: Person) -> None:
    await lead(newcomer, Step.ONSET)
    await newcomer.types("can i swim after 3 weeks?")
    assert newcomer.patient.onset_on is None


@pytest.mark.parametrize(
    ("button", "onset"),
    [
        ("onset:today", date(2026, 11, 21)),
        ("onset:days", date(2026, 11, 13)),
        ("onset:weeks", date(2026, 10, 4)),
        ("onset:months", date(2026, 5, 26)),
        ("onset:skip", None),
    ],
)
async def test_the_onset_is_kept_as_a_day(newcomer: Person, words: Words, button: str, onset: date | None) -> None:
    await lead(newcomer, Step.ONSET)
    await newcomer.taps(button)
    assert newcomer.patient.onset_on == onset
    assert (words("onboarding.new_onset") in newcomer.heard) == (button in ("onset:today", "onset:days"))


async def test_a_button_of_another_step_asks_the_same_again(newcomer: Person, words: Words) -> None:
    await lead(newcomer, Step.AGE)
    await newcomer.taps("whom:self")
    assert newcomer.heard == words("onboarding.age")
    assert newcomer.patient.step is Step.AGE


async def test_a_button_of_first_contact_does_nothing_when_it_is_over(newcomer: Person, words: Words) -> None:
    await lead(newcomer, Step.DONE)
    before = newcomer.patient
    await newcomer.taps("age:adult")
    assert newcomer.heard == words("other.old_button")
    assert newcomer.patient == before


async def test_who_begins_again_keeps_the_consent_they_gave_until_they_answer(person: Person) -> None:
    await person.types("/start")
    assert person.patient.step is Step.CONSENT
    assert person.patient.consented_at == NOW


async def test_who_stopped_is_asked_for_consent_anew(person: Person, words: Words, fake_engine: FakeEngine) -> None:
    await person.types("/stop")
    await person.taps("stop:yes")
    assert person.patient == Patient(id=person.patient.id, stopped_at=NOW)
    await person.types("can i go swimming with this?")
    assert words("consent.ask") in person.heard
    assert person.patient.id not in [asked["sender"] for asked in fake_engine.asked]


async def test_a_new_weak_face_told_in_between_is_met_once(newcomer: Person, screen: object) -> None:
    await lead(newcomer, Step.STAGE)
    outcome = await newcomer.types("my face drooped this morning and i can't close my eye")
    assert outcome.disposition == "SAME_DAY"
    assert newcomer.heard.count("A new weak face needs a doctor today") == 1


async def test_a_reason_to_be_seen_today_is_told_before_consent(newcomer: Person) -> None:
    outcome = await newcomer.types("my face drooped this morning")
    assert (outcome.kind, outcome.disposition) == (Kind.TRIAGE, "SAME_DAY")
    assert outcome.replies[0].text.startswith("A new weak face needs a doctor today")
    assert newcomer.patient.step is Step.CONSENT


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([step for step in Step if step is not Step.DONE]),
    st.text(max_size=60) | st.from_regex(r"[0-9²½٣]{1,5}( [a-z]{1,5})?", fullmatch=True),
)
@example(Step.AGE, "²")
@example(Step.AGE, "9" * 60)
def test_whatever_is_typed_there_is_an_answer(words: Words, countries: Countries, step: Step, text: str) -> None:
    welcome = FirstContact(words, countries).go_on(Patient(id="x", step=step), Said(text=text), NOW)
    assert welcome.outcome.replies
    assert welcome.patient.id == "x"


@given(st.sampled_from([step for step in Step if step is not Step.DONE]), st.text(max_size=60))
@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_step_is_never_skipped_by_what_is_typed(words: Words, countries: Countries, step: Step, text: str) -> None:
    before = dataclasses.replace(Patient(id="x"), step=step)
    try:
        after = FirstContact(words, countries).go_on(before, Said(text=text), NOW).patient.step
    except ValueError:
        return  # the test above tells of it
    steps = list(Step)
    ahead = steps.index(after) - steps.index(step)
    assert ahead in (0, 1) or (step is Step.CONSENT and after is Step.NEW) or step in (Step.ONSET, Step.STAGE)


def texts(turn: Turn) -> list[str]:
    return [reply.text for reply in turn.outcome.replies]
