"""A request for an assessment in chat: what is asked and shown, the yes that sends it, and all that sends nothing."""

import dataclasses
import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from bot.dialogue import Dialogue
from bot.dialogue.intake import Intakes
from bot.dialogue.self_referral import Asking, SelfReferrals, new_label
from bot.outcome import Kind, Outcome, Reply
from bot.patient import new_pseudonym
from bot.referral.bands import Bands
from bot.store.lines import Line, Told
from bot.store.records import KeptAssessment
from bot.store.self_referrals import Before, Gone, Offer
from bot.words import Words
from tests.unit import loaded
from tests.unit.dialogue.conftest import NOW, FakeEngine, Person

HOURS = "Mon-Fri 09:00-16:00 Europe/London"
ONE = Offer(1, "Invented clinic", "both", "Facial therapy for adults.", HOURS, "Europe/London")
OTHER = Offer(2, "Other clinic", "video", None, None, "Europe/London")
LINE = Line(1, 1, 7, "p" * 32, "Invented clinic", HOURS, NOW)
CHECK = KeptAssessment(
    started_at=NOW - timedelta(days=1),
    expires_at=NOW + timedelta(days=2),
    ended="result",
    disposition="URGENT",
    out_of_scope=False,
    rules=("U05",),
    findings={"droop": "yes", "cannot_close_eye": "yes", "arm_or_leg_weak": "no", "eye_pain": "no", "age": "65"},
    sources={"eye_pain": "unclear"},
    ruleset="2026.1",
    told="See somebody.",
)


@dataclasses.dataclass
class Clinics:
    """Clinics that are kept nowhere."""

    open_to: list[Offer] = dataclasses.field(default_factory=lambda: [ONE])
    joined: Line | None = None
    sent: list[Gone] = dataclasses.field(default_factory=list)
    check: tuple[datetime, KeptAssessment] | None = (NOW - timedelta(days=1), CHECK)
    warnings: tuple[Told, ...] = ()
    has_pushed: bool = False

    async def offers(self) -> Sequence[Offer]:
        return self.open_to

    async def line(self, patient_id: str) -> Line | None:
        return self.joined

    async def gone(self, patient_id: str) -> Sequence[Gone]:
        return self.sent

    async def before(self, patient_id: str, now: datetime) -> Before:
        return Before(self.check, self.warnings)

    async def interrupted(self, patient_id: str, since: datetime) -> bool:
        return self.has_pushed


@pytest.fixture(scope="session")
def bands() -> Bands:
    return loaded.bands()


@pytest.fixture
def clinics(dialogue: Dialogue, words: Words, intakes: Intakes, bands: Bands) -> Clinics:
    kept = Clinics()
    dialogue._refers = SelfReferrals(words, intakes, bands, kept)
    return kept


@pytest.fixture
def at(dialogue: Dialogue, monkeypatch: pytest.MonkeyPatch) -> object:
    """Moves the dialogue's clock on."""

    def move(**passed: int) -> None:
        now = NOW + timedelta(**passed)
        monkeypatch.setattr(dialogue, "_clock", lambda: now)

    return move


def sent(person: Person) -> bool:
    assert person.turn is not None
    return person.turn.referred is not None


async def to_the_yes(person: Person) -> None:
    for text in ("/refer", "by video", "Anna", "I would like to smile again."):
        await person.types(text)
        assert not sent(person)


@pytest.mark.parametrize("by", ["typing", "tapping"])
async def test_the_whole_way_by_typing_alone_and_by_buttons(
    clinics: Clinics, person: Person, words: Words, by: str
) -> None:
    await person.types("/refer")
    assert words("refer.begin", clinic="Invented clinic") in person.heard
    assert "Facial therapy for adults." in person.heard
    assert person.offered == ["refer:way:clinic", "refer:way:video", "refer:way:either", "refer:no"]
    await (person.types("by video") if by == "typing" else person.taps("refer:way:video"))
    assert words("refer.ask_name", clinic="Invented clinic") in person.heard
    await (person.types("skip") if by == "typing" else person.taps("refer:skip:name"))
    assert words("refer.ask_words", clinic="Invented clinic") in person.heard
    await (person.types("Skip.") if by == "typing" else person.taps("refer:skip:words"))
    assert words("refer.ask", clinic="Invented clinic", number="999") in person.heard
    shown = person.turn.outcome.replies[0].text if person.turn else ""
    assert not sent(person)
    yes = next(each for each in person.offered if each.startswith("refer:yes:"))
    await (person.types("Yes, send it") if by == "typing" else person.taps(yes))
    assert person.turn is not None
    request = person.turn.referred
    assert request is not None
    assert request.referral.text in shown, "what was shown is what goes, word for word"
    assert person.patient.referring is None
    assert "The clinic reads messages on Monday from 9:00." in person.heard
    assert words("clinic.night") in person.heard


async def test_what_is_shown_and_how_it_is_sorted(clinics: Clinics, person: Person) -> None:
    person.patient = dataclasses.replace(person.patient, onset_on=NOW.date() - timedelta(days=40), stage="recovery")
    await to_the_yes(person)
    for part in (
        "by video", "Anna", "the writer of this chat", "18 to 59", "United Kingdom", "13 October 2026",
        "Some movement is back", "21 November 2026. See somebody in the next days.",
        "Told as so: droop; cannot close eye.", "Not sure: eye pain.", "Told as not so: arm or leg weak.",
        "I would like to smile again.",
    ):  # fmt: skip
        assert part in person.heard
    assert "age" not in person.heard.replace("Age", "").split()
    await person.types("yes")
    assert person.turn is not None
    request = person.turn.referred
    assert request is not None
    assert (request.patient_ref, request.wish, request.clinic_id) == ("Anna", "video", 1)
    referral = request.referral
    assert referral.findings["cannot_close_eye"].by == "patient"
    assert referral.value("eye_pain") == "unsure", "an answer that stayed unclear is never a no"
    assert referral.onset == NOW.date() - timedelta(days=40)
    assert request.sorting.eye == "at_risk"
    assert request.sorting.machine_rules


@pytest.mark.parametrize("text", ["no", "No.", "don't send", "cancel"])
async def test_a_no_sends_nothing(clinics: Clinics, person: Person, words: Words, text: str) -> None:
    await to_the_yes(person)
    await person.types(text)
    assert not sent(person)
    assert person.heard == words("refer.not_sent")
    await person.types("yes")
    assert not sent(person)


@pytest.mark.parametrize("text", ["maybe", "yes but not my eye", "how do i tape my eye", "hmm", "what would they do?"])
async def test_what_is_unclear_sends_nothing_and_a_later_bare_yes_neither(
    clinics: Clinics, person: Person, text: str
) -> None:
    await to_the_yes(person)
    await person.types(text)
    assert not sent(person)
    await person.types("yes")
    assert not sent(person)
    await person.types("yes, send it")
    assert not sent(person), "it is shown once more first"
    await person.types("yes, send it")
    assert sent(person)


async def test_a_bare_yes_long_after_sends_nothing(clinics: Clinics, person: Person, at: object) -> None:
    await to_the_yes(person)
    at(hours=1)  # type: ignore[operator]
    await person.types("yes")
    assert not sent(person)
    at(days=2)  # type: ignore[operator]
    await person.taps(next(each.payload for each in person.shown if each.payload.startswith("refer:yes:")))
    assert not sent(person)


async def test_a_bare_yes_after_a_reminder_shows_it_once_more(clinics: Clinics, person: Person, words: Words) -> None:
    await to_the_yes(person)
    clinics.has_pushed = True
    await person.types("yes")
    assert not sent(person)
    assert words("refer.resumed") in person.heard
    clinics.has_pushed = False
    await person.types("yes")
    assert sent(person)


async def test_a_yes_to_what_has_changed_since_shows_it_anew(clinics: Clinics, person: Person, words: Words) -> None:
    await to_the_yes(person)
    worse = dataclasses.replace(CHECK, findings={**CHECK.findings, "eye_red": "yes"})
    clinics.check = (NOW, worse)
    await person.types("yes")
    assert not sent(person)
    assert words("refer.changed") in person.heard
    assert "eye red" in person.heard
    await person.types("yes")
    assert sent(person)


async def test_an_old_yes_button_sends_nothing_else(clinics: Clinics, person: Person, words: Words) -> None:
    await to_the_yes(person)
    old = next(each for each in person.offered if each.startswith("refer:yes:"))
    await person.types("no")
    for text in ("/refer", "in the clinic", "Ben", "skip"):
        await person.types(text)
    await person.taps(old)
    assert not sent(person)
    assert words("refer.changed") in person.heard


@pytest.mark.parametrize("step", range(4))
async def test_a_red_flag_goes_first_at_every_question(clinics: Clinics, person: Person, step: int) -> None:
    for text in ("/refer", "by video", "Anna", "My goal is to smile.")[: step + 1]:
        await person.types(text)
    outcome = await person.types("my arm is weak and my speech is slurred since an hour")
    assert outcome.kind is Kind.EMERGENCY
    assert not sent(person)
    await person.types("yes")
    assert not sent(person)


async def test_who_was_told_of_an_emergency_hears_it_again_before_and_after(
    clinics: Clinics, person: Person, words: Words
) -> None:
    person.patient = dataclasses.replace(person.patient, emergency_at=NOW - timedelta(hours=1))
    await to_the_yes(person)
    first = words("refer.seen_first", number="999")
    await person.types("yes")
    assert person.heard.startswith(first)


async def test_what_needs_to_be_seen_today_is_said_before_their_words_are_taken(
    clinics: Clinics, person: Person
) -> None:
    for text in ("/refer", "by video", "skip"):
        await person.types(text)
    outcome = await person.types("my face drooped this morning")
    assert outcome.disposition == "SAME_DAY"
    assert "my face drooped this morning" in person.heard


# somebody without a name


async def test_who_gives_no_name_is_called_by_chance_and_not_by_their_pseudonym(
    clinics: Clinics, person: Person
) -> None:
    pseudonym = "0123456789abcdef" * 2
    person.patient = dataclasses.replace(person.patient, id=pseudonym)
    for text in ("/refer", "by video", "skip", "skip"):
        await person.types(text)
    called = Asking.loads(person.patient.referring)
    await person.types("what is synkinesis")
    await person.types("/refer")  # shown once more, and then agreed to
    await person.types("yes")
    assert person.turn is not None
    request = person.turn.referred
    assert request is not None and called is not None
    assert request.patient_ref == called.label, "made once"
    assert re.fullmatch(r"Chat [GHJKMNPQRTVWXYZ]{6}", request.patient_ref)
    written = repr(request)
    assert not [start for start in range(27) if pseudonym[start : start + 6] in written]


def test_nobody_is_called_as_another_is() -> None:
    assert len({new_label() for _ in range(200)}) > 190
    assert not set(new_label().removeprefix("Chat ").lower()) & set(new_pseudonym())


def test_a_request_that_was_under_way_before_labels_has_one_from_now_on() -> None:
    asking = Asking.loads('{"step":"name","at":"2026-11-22T10:00:00+00:00"}')
    assert asking is not None
    assert Asking.loads(asking.dumps()) == asking


# a check first


async def test_who_has_no_check_is_offered_one_and_may_go_on(clinics: Clinics, person: Person, words: Words) -> None:
    clinics.check = None
    await person.types("/refer")
    assert words("refer.check") in person.heard
    assert person.offered == ["intake:start", "refer:go", "refer:no"]
    await person.types("no")
    assert words("refer.way") in person.heard
    for text in ("either", "skip", "skip"):
        await person.types(text)
    assert words("refer.told_no_check") in person.heard
    await person.types("yes")
    assert person.turn is not None
    assert person.turn.referred is not None
    assert person.turn.referred.patient_ref.startswith("Chat ")
    assert person.turn.referred.sorting.eye == "unknown"


async def test_a_yes_begins_the_check_and_its_end_leads_back(clinics: Clinics, person: Person, words: Words) -> None:
    clinics.check = None
    await person.types("/refer")
    await person.types("yes")
    assert words("intake.begin") in person.heard
    assert person.patient.intake is not None
    for _ in range(40):
        if person.patient.intake is None:
            break
        rest = [each for each in person.offered if each.startswith("ans:")][-1]
        await person.taps(rest)
    assert person.turn is not None
    if person.turn.outcome.kind is not Kind.EMERGENCY:
        assert person.offered[-1] == "refer:start"
        clinics.check = (NOW, CHECK)
        await person.types("Go on with my request")
        assert words("refer.resumed") in person.heard
        assert words("refer.way") in person.heard


async def test_a_check_that_is_too_old_is_named_and_its_findings_are_left_out(
    clinics: Clinics, person: Person, words: Words
) -> None:
    clinics.check = (NOW - timedelta(days=60), dataclasses.replace(CHECK, expires_at=NOW - timedelta(days=53)))
    await person.types("/refer")
    assert words("refer.check_old") in person.heard
    for text in ("go on without it", "either", "skip", "skip"):
        await person.types(text)
    assert "23 September 2026" in person.heard
    assert words("refer.told_old") in person.heard
    assert "cannot close eye" not in person.heard


async def test_a_check_that_was_stopped_has_no_result(clinics: Clinics, person: Person, words: Words) -> None:
    clinics.check = (NOW, dataclasses.replace(CHECK, ended="stopped", disposition="SELF_CARE"))
    await person.types("/refer")
    assert words("refer.check") in person.heard
    for text in ("go on without it", "either", "skip", "skip"):
        await person.types(text)
    assert words("refer.told_unfinished") in person.heard
    assert "Nothing you told me" not in person.heard
    assert "cannot close eye" in person.heard


async def test_a_warning_given_since_the_check_goes_with_it(clinics: Clinics, person: Person) -> None:
    clinics.warnings = (Told("warning", NOW, {"arm_or_leg_weak": "yes"}, {}),)
    await to_the_yes(person)
    assert "Warned by the chat since then, on: 22 November 2026." in person.heard
    await person.types("yes")
    assert person.turn is not None
    assert person.turn.referred is not None
    assert person.turn.referred.sorting.band == "P0"


# which clinic, and who may


@pytest.mark.parametrize("by", ["typing", "tapping"])
async def test_of_several_one_is_chosen(clinics: Clinics, person: Person, words: Words, by: str) -> None:
    clinics.open_to = [ONE, OTHER]
    await person.types("can i get an assessment?")
    assert words("refer.which") in person.heard
    await (person.types("other clinic") if by == "typing" else person.taps("refer:at:2"))
    assert words("refer.ask_name", clinic="Other clinic") in person.heard, "it assesses by video alone"


@pytest.mark.parametrize(
    "text",
    [
        "can i get an assessment", "Can I get an assessment with your clinic please?", "refer me to your clinic",
        "please refer me", "see a therapist by video", "can i see a therapist by video?", "i'd like to self refer",
        "can i refer myself", "I would like an assessment", "a video assessment please", "Ask Invented clinic for an assessment",
    ],
)  # fmt: skip
async def test_words_for_it_begin_it(clinics: Clinics, person: Person, fake_engine: FakeEngine, text: str) -> None:
    await person.types(text)
    assert "refer:way:video" in person.offered
    assert fake_engine.asked == []


@pytest.mark.parametrize(
    "text",
    [
        "do i need an assessment for steroids",
        "what is an assessment",
        "my gp won't refer me",
        "can my gp refer me",
        "how do i get referred",
        "who can refer me to a specialist",
        "can i see a therapist",
    ],
)
async def test_questions_about_it_are_questions(
    clinics: Clinics, person: Person, fake_engine: FakeEngine, text: str
) -> None:
    await person.types(text)
    assert len(fake_engine.asked) == 1


async def test_without_a_clinic_the_words_are_a_question_and_the_command_says_so(
    clinics: Clinics, person: Person, fake_engine: FakeEngine, words: Words
) -> None:
    clinics.open_to = []
    await person.types("can i get an assessment")
    assert len(fake_engine.asked) == 1
    await person.types("/refer")
    assert person.heard == words("refer.none")


@pytest.mark.parametrize(("offers", "button"), [([ONE], "refer:at:1"), ([ONE, OTHER], "refer:start"), ([], None)])
async def test_an_answer_about_therapists_comes_with_a_button(
    clinics: Clinics, person: Person, fake_engine: FakeEngine, offers: list[Offer], button: str | None
) -> None:
    clinics.open_to = offers
    fake_engine.says(Outcome(kind=Kind.ANSWER, topic="find-therapist", replies=(Reply(text="Ask your doctor."),)))
    await person.types("how do i find a facial therapist")
    assert person.offered == ([button] if button else [])
    if button:
        await person.taps(button)
        assert person.patient.referring is not None


async def test_who_asks_for_a_person_is_offered_it(
    clinics: Clinics, person: Person, fake_engine: FakeEngine, words: Words
) -> None:
    fake_engine.says(Outcome(kind=Kind.HANDOFF, replies=(Reply(text="I can't."),)))
    for text in ("is there anybody real in there", "can I talk to someone?"):
        outcome = await person.types(text)
        assert outcome.kind is Kind.HANDOFF
        assert person.heard == words("refer.person", clinic="Invented clinic", number="999")
        assert person.offered == ["refer:at:1"]


async def test_who_has_sent_one_is_told_its_day(clinics: Clinics, person: Person, words: Words) -> None:
    clinics.joined, clinics.sent = LINE, [Gone(1, NOW - timedelta(days=3), is_open=True)]
    await person.types("/refer")
    assert words("refer.already", clinic="Invented clinic", moment="19 November 2026") in person.heard
    assert person.offered == ["line:write"]


async def test_who_was_invited_writes_to_the_clinic_instead(clinics: Clinics, person: Person, words: Words) -> None:
    clinics.joined = LINE
    await person.types("refer me please")
    assert words("refer.shares", clinic="Invented clinic") in person.heard


async def test_who_joined_between_the_question_and_the_yes_sends_nothing(clinics: Clinics, person: Person) -> None:
    await to_the_yes(person)
    clinics.joined = LINE
    await person.types("yes")
    assert not sent(person)


async def test_who_stopped_sharing_hears_of_the_earlier_one(clinics: Clinics, person: Person, words: Words) -> None:
    clinics.sent = [Gone(1, NOW - timedelta(days=3), is_open=False)]
    await to_the_yes(person)
    assert words("refer.before", clinic="Invented clinic", moment="19 November 2026") in person.heard


async def test_a_clinic_that_stops_taking_them_gets_nothing(clinics: Clinics, person: Person, words: Words) -> None:
    await to_the_yes(person)
    clinics.open_to = []
    await person.types("yes")
    assert not sent(person)
    assert person.heard == words("refer.stopped")


async def test_words_that_are_too_long_are_asked_for_again(clinics: Clinics, person: Person, words: Words) -> None:
    for text in ("/refer", "by video", "skip", "very long " * 120):
        await person.types(text)
    assert person.heard == words("refer.too_long")


async def test_a_question_in_place_of_a_name_is_a_question(
    clinics: Clinics, person: Person, fake_engine: FakeEngine
) -> None:
    for text in ("/refer", "by video", "how do i tape my eye?"):
        await person.types(text)
    assert len(fake_engine.asked) == 1
    await person.types("/refer")
    assert "refer:skip:name" in person.offered


async def test_before_consent_there_is_no_request(clinics: Clinics, newcomer: Person) -> None:
    await newcomer.types("/refer")
    assert newcomer.patient.referring is None
