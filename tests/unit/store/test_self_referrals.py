"""Requests that patients send themselves, and the one open line of a person at a clinic, on both databases."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from bot.outcome import Kind, Outcome
from bot.patient import Patient, Step
from bot.referral.record import Proposed, Referral
from bot.referral.sorting import Sorting
from bot.store import Store, lines, outbox, patients, records, referrals, self_referrals, staff
from bot.store.clinic_tables import LineRow
from bot.store.records import KeptAssessment
from bot.store.self_referrals import Request

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
TODAY = NOW.date()
PERSON = "a" * 32
SORTING = Sorting("P2", (), "2026.1", TODAY, (), "unknown", (), 0.5, "P2", "3150500000739943", TODAY, "Book.")
CHECK = KeptAssessment(
    NOW, NOW + timedelta(days=3), "result", "URGENT", False, (), {"droop": "yes"}, {}, "2026.1", "Told."
)


@pytest.fixture
async def clinic(store: Store) -> staff.Clinic:
    async with store.writing() as session:
        made = await staff.new_clinic(session, "Invented", "Europe/London", NOW)
        await staff.set_self_referral(session, made.id, staff.SelfReferral("both", "Face clinic", "For adults."))
        await patients.create(session, Patient(id=PERSON, step=Step.DONE, consented_at=NOW), NOW)
    return made


def request_to(clinic: staff.Clinic) -> Request:
    told = Referral(TODAY, {"droop": Proposed("yes", None, "patient")}, text="As shown.")
    return Request(clinic.id, told, SORTING, "Anna", "The patient", "video")


async def referred(store: Store, clinic: staff.Clinic, person: str = PERSON, now: datetime = NOW) -> int:
    async with store.writing() as session:
        return await self_referrals.refer(session, request_to(clinic), person, now)


async def test_it_is_off_until_it_is_switched_on(store: Store) -> None:
    async with store.writing() as session:
        made = await staff.new_clinic(session, "Invented", "Europe/London", NOW)
        assert await self_referrals.offers(session) == []
        assert await staff.self_referral(session, made.id) == staff.SelfReferral(None, None, None)
        await staff.set_self_referral(session, made.id, staff.SelfReferral("video", None, None))
    async with store.reading() as session:
        (offer,) = await self_referrals.offers(session)
    assert (offer.clinic, offer.way) == ("Invented", "video")


async def test_a_request_becomes_a_referral_with_a_line(store: Store, clinic: staff.Clinic) -> None:
    async with store.writing() as session:
        await records.note_assessment(session, "1", PERSON, CHECK, NOW)
    number = await referred(store, clinic)
    async with store.reading() as session:
        kept = await referrals.get(session, clinic.id, number)
        line = await lines.of_patient(session, PERSON)
        events = await referrals.events(session, clinic.id, number)
        gone = await self_referrals.gone(session, PERSON)
        pending = await lines.pending(session, 10)
    assert kept is not None and line is not None
    assert (kept.patient_ref, kept.patient_id, kept.referral.text) == ("Anna", PERSON, "As shown.")
    assert kept.referral.findings["droop"].by == "patient"
    assert [(each.kind, each.by_program) for each in events] == [("received", True), ("joined", True)]
    assert events[0].detail["way"] == "self"
    assert (line.clinic, line.referral_id) == ("Face clinic", number)
    assert [(each.clinic_id, each.at, each.is_open) for each in gone] == [(clinic.id, NOW, True)]
    assert pending == [], "the check is in it already"


async def test_a_later_check_flows_in(store: Store, clinic: staff.Clinic) -> None:
    await referred(store, clinic)
    async with store.writing() as session:
        await records.note_assessment(session, "2", PERSON, CHECK, NOW + timedelta(hours=1))
    async with store.reading() as session:
        assert len(await lines.pending(session, 10)) == 1


async def test_a_clinic_that_was_switched_off_gets_nothing(store: Store, clinic: staff.Clinic) -> None:
    async with store.writing() as session:
        await staff.set_self_referral(session, clinic.id, staff.SelfReferral(None, "Face clinic", None))
    with pytest.raises(self_referrals.NotTaken):
        await referred(store, clinic)
    async with store.reading() as session:
        assert await lines.of_patient(session, PERSON) is None


async def test_a_second_request_leaves_nothing(store: Store, clinic: staff.Clinic) -> None:
    first = await referred(store, clinic)
    with pytest.raises(lines.AlreadyJoined):
        await referred(store, clinic)
    async with store.reading() as session:
        assert await referrals.get(session, clinic.id, first + 1) is None


async def test_of_two_at_the_same_moment_one_is_kept(store: Store, clinic: staff.Clinic) -> None:
    outcomes = await asyncio.gather(*(referred(store, clinic) for _ in range(4)), return_exceptions=True)
    assert len([each for each in outcomes if isinstance(each, int)]) == 1
    assert all(isinstance(each, lines.AlreadyJoined) for each in outcomes if not isinstance(each, int))
    async with store.reading() as session:
        found = await referrals.counts(session, clinic.id, 0, TODAY)
    assert found.folders["new"] == 1, "and the others left no referral behind"


async def test_what_the_index_refuses_is_told_as_joined_already(
    store: Store, clinic: staff.Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    await referred(store, clinic)

    async def nobody(*_: object) -> None:
        """As it looks to a message that is answered at the very same moment."""

    monkeypatch.setattr(lines, "of_patient", nobody)
    with pytest.raises(lines.AlreadyJoined):
        await referred(store, clinic)


async def test_one_open_line_at_a_clinic_and_any_number_that_ended(store: Store, clinic: staff.Clinic) -> None:
    for _ in range(2):
        await referred(store, clinic)
        async with store.writing() as session:
            line = await lines.of_patient(session, PERSON)
            assert line is not None
            await lines.end(session, line, "patient", NOW)
    number = await referred(store, clinic)
    again = LineRow(
        clinic_id=clinic.id, referral_id=number, patient_id=PERSON, consent_version="x", joined_at=NOW,
        assessments_to=0, warnings_to=0,
    )  # fmt: skip
    with pytest.raises(IntegrityError):
        async with store.writing() as session:
            session.add(again)
    async with store.reading() as session:
        gone = await self_referrals.gone(session, PERSON)
    assert [each.is_open for each in gone] == [True, False, False]


async def test_who_is_forgotten_leaves_no_way_back_to_them(store: Store, clinic: staff.Clinic) -> None:
    number = await referred(store, clinic)
    async with store.writing() as session:
        await lines.forget(session, PERSON, NOW)
    async with store.reading() as session:
        kept = await referrals.get(session, clinic.id, number)
        assert await self_referrals.gone(session, PERSON) == []
    assert kept is not None
    assert kept.patient_id is None


async def test_the_last_check_and_only_later_warnings_belong_to_a_request(store: Store, clinic: staff.Clinic) -> None:
    warned = Outcome(
        kind=Kind.EMERGENCY, disposition="EMERGENCY", findings={"arm_or_leg_weak": "yes"}, ruleset="2026.1"
    )
    async with store.writing() as session:
        await records.note_safety(session, "old", PERSON, warned, NOW - timedelta(days=2))
        await records.note_assessment(session, "1", PERSON, CHECK, NOW - timedelta(days=1))
        open_question = warned.model_copy(update={"provisional": True})
        await records.note_safety(session, "asked", PERSON, open_question, NOW - timedelta(hours=2))
        await records.note_safety(session, "new", PERSON, warned, NOW - timedelta(hours=1))
    async with store.reading() as session:
        before = await self_referrals.before(session, PERSON, NOW)
        nobody = await self_referrals.before(session, "b" * 32, NOW)
    assert before.check is not None
    assert before.check[1] == dataclasses.replace(CHECK)
    assert [each.at for each in before.warnings] == [NOW - timedelta(hours=1)]
    assert nobody == self_referrals.Before(None, ())


async def test_what_the_chat_says_unasked_interrupts_and_its_answers_do_not(store: Store, clinic: staff.Clinic) -> None:
    body: dict[str, object] = {"html": "x"}
    async with store.writing() as session:
        await outbox.add(session, "desk:1:a", PERSON, "send", body, NOW - timedelta(minutes=1))
        await outbox.add(session, "update:7:0", PERSON, "send", body, NOW)
    async with store.reading() as session:
        assert not await self_referrals.interrupted(session, PERSON, NOW)
    async with store.writing() as session:
        await outbox.add(session, "remind:1:a", PERSON, "send", body, NOW)
    async with store.reading() as session:
        assert await self_referrals.interrupted(session, PERSON, NOW)
        assert not await self_referrals.interrupted(session, "b" * 32, NOW)
