"""The line to a clinic in chat: the invitation and the yes to it, words for the clinic, and stopping."""

import dataclasses
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.dialogue import Dialogue, Said, record, said
from bot.dialogue.clinic import StoredLines, when_read
from bot.dialogue.exercise import practice_of
from bot.dialogue.self_referral import SelfReferrals, StoredTakers
from bot.outcome import Kind, Outcome, Reply
from bot.patient import Patient, Step
from bot.payload import parse
from bot.programme.prescribed import Prescribed
from bot.referral.record import Referral
from bot.store import Store, lines, patients, referrals, staff
from bot.store.lines import Invite, Line, hash_of
from bot.store.referrals import Sorting
from bot.words import Words
from tests.unit.dialogue.conftest import NOW, FakeEngine, Person, known

TOKEN = "t" * 43
OPEN = Invite(hash_of(TOKEN), "Invented clinic", "Monday to Friday, 9 to 16", 7, is_open=True)
LINE = Line(1, 1, 7, "p" * 32, "Invented clinic", "Monday to Friday, 9 to 16", NOW)


@dataclasses.dataclass
class Kept:
    """Lines that are kept nowhere."""

    invites: dict[str, Invite] = dataclasses.field(default_factory=dict)
    line: Line | None = None

    async def invite(self, token_hash: str, now: datetime) -> Invite | None:
        return self.invites.get(token_hash)

    async def of(self, patient_id: str) -> Line | None:
        return self.line


@pytest.fixture
def where(dialogue: Dialogue) -> Kept:
    kept = Kept({OPEN.token_hash: OPEN})
    dialogue._clinics._lines = kept
    return kept


@pytest.fixture
def at_clinic(where: Kept) -> Kept:
    where.line = LINE
    return where


async def test_an_invitation_asks_and_a_yes_joins(where: Kept, person: Person, words: Words) -> None:
    await person.types(f"/start {TOKEN}")
    assert person.offered == ["share:yes", "share:no"]
    assert person.heard == words("clinic.ask", clinic="Invented clinic", number="999")
    assert person.turn is not None
    assert person.turn.joined is None
    assert person.patient.invite == OPEN.token_hash
    await person.taps("share:yes")
    assert person.turn.joined == OPEN.token_hash
    assert person.patient.invite is None
    assert "Monday to Friday" in person.heard
    assert person.heard.endswith(words("clinic.night"))


@pytest.mark.parametrize("key", ["ask", "joined", "sent", "person"])
def test_what_is_shared_and_that_nobody_watches_is_said(words: Words, key: str) -> None:
    said_ = {
        "ask": ("Nobody watches this at night", "stop sharing", "{number}", "lock exercises"),
        "joined": ("{number}",),
        "sent": ("{clinic}",),
        "person": ("{number}", "can't say how soon"),
    }
    assert all(each in words(f"clinic.{key}") for each in said_[key])


@pytest.mark.parametrize(
    ("typed", "joins"), [("yes", True), ("Yes, share", True), ("no", False), ("no, don't share", False)]
)
async def test_a_typed_answer_counts(where: Kept, person: Person, typed: str, joins: bool) -> None:
    await person.types(f"/start {TOKEN}")
    await person.types(typed)
    assert person.turn is not None
    assert (person.turn.joined is not None) is joins
    assert person.patient.invite is None


async def test_a_bare_yes_hours_later_does_not_count(where: Kept, person: Person, fake_engine: FakeEngine) -> None:
    await person.types(f"/start {TOKEN}")
    person.patient = dataclasses.replace(person.patient, invited_at=NOW - timedelta(hours=2))
    await person.types("yes")
    assert person.turn is not None
    assert person.turn.joined is None
    await person.types("yes, share")
    assert person.turn.joined == OPEN.token_hash


@pytest.mark.parametrize("invite", [None, dataclasses.replace(OPEN, is_open=False)])
async def test_one_that_is_used_too_old_or_unknown_gets_a_kind_line(
    where: Kept, person: Person, words: Words, invite: Invite | None
) -> None:
    where.invites = {OPEN.token_hash: invite} if invite else {}
    await person.types(f"/start {TOKEN}")
    assert person.heard == words("clinic.gone")
    assert person.patient == known()


async def test_one_that_was_used_between_question_and_yes(where: Kept, person: Person, words: Words) -> None:
    await person.types(f"/start {TOKEN}")
    where.invites[OPEN.token_hash] = dataclasses.replace(OPEN, is_open=False)
    await person.taps("share:yes")
    assert person.turn is not None
    assert person.turn.joined is None
    assert person.heard == words("clinic.gone")


async def test_who_joined_between_question_and_yes_is_told_that_they_share(
    where: Kept, person: Person, words: Words
) -> None:
    await person.types(f"/start {TOKEN}")
    where.line = LINE
    await person.taps("share:yes")
    assert person.turn is not None
    assert person.turn.joined is None
    assert person.heard == words("clinic.already", clinic="Invented clinic")


@pytest.mark.parametrize(
    ("kept", "now", "said_"),
    [
        ("Mon-Fri 09:00-16:00 Europe/London", NOW, "The clinic reads messages on Monday from 9:00."),
        ("Mon 09:30-16:00 Europe/London", NOW + timedelta(hours=20), "The clinic reads messages today from 9:30."),
        ("Mon 09:00-16:30 Europe/London", NOW + timedelta(days=1), "The clinic reads messages now, until 16:30."),
        (
            "Mon 09:00-16:00 Europe/London", NOW + timedelta(days=1, hours=8),
            "The clinic reads messages on Monday 30 November from 9:00.",
        ),
        ("Mon-Fri 09:00-16:00 Australia/Sydney", NOW + timedelta(hours=13), "The clinic reads messages now, until 16:00."),
        ("most mornings", NOW, "They read messages at these times: most mornings."),
        (None, NOW, "They have not told me when they read messages."),
    ],
)  # fmt: skip
def test_when_somebody_reads_next_in_plain_words(words: Words, kept: str | None, now: datetime, said_: str) -> None:
    told = when_read(words, kept, now)
    assert told.startswith(said_)
    assert told.endswith(words("clinic.night"))


async def test_another_clinics_invitation_changes_nothing(at_clinic: Kept, person: Person, words: Words) -> None:
    at_clinic.invites[OPEN.token_hash] = dataclasses.replace(OPEN, clinic="Other clinic", referral_id=8)
    await person.types(f"/start {TOKEN}")
    assert person.heard == words("clinic.another", clinic="Invented clinic")
    assert "Other" not in person.heard


async def test_a_newcomer_goes_through_first_contact_before_the_question(
    where: Kept, newcomer: Person, words: Words
) -> None:
    await newcomer.types(f"/start {TOKEN}")
    assert newcomer.heard.startswith(words("clinic.first", clinic="Invented clinic"))
    for tap in ("consent:yes", "whom:self", "age:adult", "country:GB", "onset:skip"):
        await newcomer.taps(tap)
        assert "share:yes" not in newcomer.offered
    await newcomer.taps("stage:skip")
    assert newcomer.patient.step is Step.DONE
    assert "share:yes" in newcomer.offered
    await newcomer.taps("share:yes")
    assert newcomer.turn is not None
    assert newcomer.turn.joined == OPEN.token_hash


async def test_a_newcomer_who_declines_leaves_no_invitation(where: Kept, newcomer: Person) -> None:
    await newcomer.types(f"/start {TOKEN}")
    await newcomer.taps("consent:no")
    assert newcomer.patient.invite is None


@pytest.mark.parametrize("text", ["/start stroke", "/start my arm is weak", f"/start {'x' * 31}"])
def test_what_may_be_words_is_no_token(text: str) -> None:
    assert said(text).token is None
    assert said(text).text


# writing


async def test_a_message_goes_to_the_clinic_once(at_clinic: Kept, person: Person, fake_engine: FakeEngine) -> None:
    await person.types("reply to the clinic")
    assert person.offered == ["line:cancel"]
    await person.types("The tape works well, thank you.")
    assert person.turn is not None
    assert person.turn.to_clinic == "The tape works well, thank you."
    assert fake_engine.asked == []
    assert "Nobody watches this at night" in person.heard
    await person.types("how do i tape my eye")
    assert person.turn.to_clinic is None
    assert len(fake_engine.asked) == 1


async def test_the_button_under_a_clinics_message_begins_a_reply(at_clinic: Kept, dialogue: Dialogue) -> None:
    turn = await dialogue.reply(known(), Said(press=parse("line:write")))
    assert turn.patient.writing_at == NOW


@pytest.mark.parametrize("how", ["cancel", "/help", "line:cancel", "exercise"])
async def test_it_can_be_left(at_clinic: Kept, person: Person, how: str) -> None:
    await person.types("write to my clinic")
    if how == "line:cancel":
        await person.taps(how)
    else:
        await person.types("/exercise" if how == "exercise" else how)
    assert person.turn is not None
    assert person.turn.to_clinic is None
    assert person.patient.writing_at is None


async def test_an_hour_later_words_are_words_again(at_clinic: Kept, person: Person, fake_engine: FakeEngine) -> None:
    await person.types("write to my clinic")
    person.patient = dataclasses.replace(person.patient, writing_at=NOW - timedelta(hours=2))
    await person.types("how do i tape my eye")
    assert person.turn is not None
    assert person.turn.to_clinic is None
    assert len(fake_engine.asked) == 1


async def test_the_screen_reads_it_first_and_it_is_passed_on_all_the_same(
    at_clinic: Kept, person: Person, words: Words
) -> None:
    await person.types("write to my clinic")
    text = "my arm is weak and my speech is slurred since an hour"
    outcome = await person.types(text)
    assert outcome.kind is Kind.EMERGENCY
    assert person.turn is not None
    assert person.turn.to_clinic == text
    assert person.heard.endswith(words("clinic.passed_on"))
    assert person.patient.writing_at is None


async def test_what_needs_to_be_seen_today_is_said_before_it_is_sent(at_clinic: Kept, person: Person) -> None:
    await person.types("write to my clinic")
    outcome = await person.types("my face drooped this morning")
    assert outcome.disposition == "SAME_DAY"
    assert person.turn is not None
    assert person.turn.to_clinic == "my face drooped this morning"


async def test_one_that_is_too_long_is_asked_for_again(at_clinic: Kept, person: Person, words: Words) -> None:
    await person.types("write to my clinic")
    await person.types("very long " * 250)
    assert person.heard == words("clinic.too_long")
    assert person.turn is not None
    assert person.turn.to_clinic is None
    assert person.patient.writing_at == NOW


@pytest.mark.parametrize(
    "text", ["can I talk to someone?", "Can i speak to my therapist", "i want to talk to a person"]
)
async def test_who_asks_for_a_person_gets_the_desk_with_its_hours(at_clinic: Kept, person: Person, text: str) -> None:
    outcome = await person.types(text)
    assert outcome.kind is Kind.HANDOFF
    assert "Monday to Friday, 9 to 16" in person.heard
    assert person.patient.writing_at == NOW


async def test_the_engines_word_that_somebody_asks_for_a_person_counts_too(
    at_clinic: Kept, person: Person, fake_engine: FakeEngine
) -> None:
    fake_engine.says(Outcome(kind=Kind.HANDOFF, replies=(Reply(text="I can't."),)))
    await person.types("is there anybody real in there")
    assert "I can't." not in person.heard
    assert person.patient.writing_at == NOW


async def test_who_shares_with_nobody_is_answered_as_before(
    where: Kept, person: Person, fake_engine: FakeEngine
) -> None:
    fake_engine.says(Outcome(kind=Kind.HANDOFF, replies=(Reply(text="I can't."),)))
    await person.types("can I talk to someone?")
    assert person.heard == "I can't."
    assert person.patient.writing_at is None


@pytest.mark.parametrize("text", ["stop sharing", "Stop sharing.", "please stop sharing"])
async def test_stop_sharing_stops_at_once(at_clinic: Kept, person: Person, words: Words, text: str) -> None:
    await person.types(text)
    assert person.turn is not None
    assert person.turn.left
    assert person.heard == words("clinic.left", clinic="Invented clinic")


# what is kept


async def a_referral(store: Store, token: str = TOKEN) -> tuple[int, int]:
    async with store.writing() as session:
        clinic = await staff.new_clinic(session, "Invented clinic", "Europe/London", NOW)
        member = await staff.new_member(session, clinic.id, f"{token[0]}@example.org", "Invented", "admin", "x", NOW)
        today = NOW.date()
        sorting = Sorting("P3", (), "2026.1", today, (), "unknown", (), 0.1, "P3", "31500000", today, "Book.")
        number = await referrals.create(
            session, clinic.id, Referral(today), sorting, NOW, patient_ref="AB 1", referrer="", staff_id=member.id
        )
        until = NOW + timedelta(days=7)
        await lines.new_invite(session, clinic.id, number, hash_of(token), member.id, NOW, until)
    return clinic.id, number


async def leave(store: Store, before: Patient, dialogue: Dialogue, text: Said, key: str) -> Patient:
    turn = await dialogue.reply(before, text)
    async with store.writing() as session:
        await record(session, key, before, turn, NOW)
    return turn.patient


async def test_join_write_and_forget_leave_their_traces(store: Store, dialogue: Dialogue) -> None:
    dialogue._clinics._lines = StoredLines(store)
    clinic, number = await a_referral(store)
    async with store.writing() as session:
        await patients.create(session, known(), NOW)
    person = await leave(store, known(), dialogue, said(f"/start {TOKEN}"), "1")
    person = await leave(store, person, dialogue, Said(press=parse("share:yes")), "2")
    person = await leave(store, person, dialogue, said("reply to the clinic"), "3")
    for _ in range(2):  # the same update answered twice
        await leave(store, person, dialogue, said("The tape works."), "4")
    async with store.writing() as session:
        kept = await referrals.get(session, clinic, number)
        thread = await lines.thread(session, clinic, number)
        line = await lines.of_patient(session, person.id)
        assert line is not None
        await lines.prescribe(session, line, Prescribed(code=True))
    assert kept is not None
    assert kept.patient_id == person.id
    assert [(each.text, each.by_patient) for each in thread] == [("The tape works.", True)]
    async with store.reading() as session:
        asked = await patients.get(session, person.id)
    assert asked is not None
    await leave(store, asked, dialogue, Said(press=parse("stop:yes")), "5")
    async with store.reading() as session:
        assert await lines.of_patient(session, person.id) is None
        kept = await referrals.get(session, clinic, number)
        gone = await patients.get(session, person.id)
        events = [each.kind for each in await referrals.events(session, clinic, number)]
    assert kept is not None
    assert kept.patient_id is None
    assert gone is not None
    assert gone.prescribed is None
    assert events == ["received", "joined", "left"]


async def test_an_invitation_that_two_say_yes_to_joins_one(store: Store, dialogue: Dialogue) -> None:
    await a_referral(store)
    asked = [dataclasses.replace(known(), id=name * 32, invite=hash_of(TOKEN), invited_at=NOW) for name in "ab"]
    async with store.writing() as session:
        for each in asked:
            await patients.create(session, each, NOW)
        await lines.join(session, hash_of(TOKEN), asked[0].id, NOW)
    with pytest.raises(lines.InviteGone):
        async with store.writing() as session:
            await lines.join(session, hash_of(TOKEN), asked[1].id, NOW)


# what a therapist sets


async def test_the_chat_obeys_what_the_therapist_set(person: Person) -> None:
    await person.types("/exercise")
    person.patient = dataclasses.replace(person.patient, prescribed=Prescribed(stage="S3", code=True).dumps())
    standing = practice_of(person.patient).standing
    assert (standing.stage, standing.code) == ("S3", True)


# a request for an assessment


async def test_a_request_leaves_a_referral_and_a_line_that_stop_sharing_ends(
    store: Store, dialogue: Dialogue, words: Words, content: Path
) -> None:
    dialogue._clinics._lines = StoredLines(store)
    dialogue._refers = SelfReferrals.load(content, words, dialogue._intakes, StoredTakers(store))
    async with store.writing() as session:
        clinic = await staff.new_clinic(session, "Invented clinic", "Europe/London", NOW)
        await staff.set_self_referral(session, clinic.id, staff.SelfReferral("video", None, None))
        await patients.create(session, known(), NOW)
    person = known()
    for number, text in enumerate(("/refer", "go on", "Anna", "skip", "yes")):
        person = await leave(store, person, dialogue, said(text), f"r{number}")
    async with store.reading() as session:
        line = await lines.of_patient(session, person.id)
        again = await patients.get(session, person.id)
    assert line is not None and again is not None
    assert again.referring is None
    turn = await dialogue.reply(again, said("/refer"))
    assert "I sent your request to Invented clinic on 22 November 2026." in turn.outcome.replies[0].text
    await leave(store, again, dialogue, said("stop sharing"), "stop")
    async with store.reading() as session:
        assert await lines.of_patient(session, person.id) is None
        kept = await referrals.get(session, clinic.id, line.referral_id)
        events = [each.kind for each in await referrals.events(session, clinic.id, line.referral_id)]
    assert kept is not None
    assert kept.patient_id is None
    assert (kept.patient_ref, kept.sorting.eye) == ("Anna", "unknown")
    assert events == ["received", "joined", "left"]
