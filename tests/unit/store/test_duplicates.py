"""Referrals made one and separated again, and patients who share, on every database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from bot.patient import Patient
from bot.referral.record import Proposed, Referral
from bot.referral.sorting import sort
from bot.store import Store, duplicates, lines, patients, records, referrals, staff
from bot.store.clinic_tables import MergeRow
from bot.store.followed import followed
from bot.store.kept import erase
from bot.store.referrals import ChangedMeanwhile, Filters, Kept
from tests.unit import loaded

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
PATIENT = "a" * 32
BANDS = loaded.bands()


async def clinic_of(store: Store) -> tuple[int, int]:
    async with store.writing() as session:
        clinic = await staff.new_clinic(session, "Invented clinic", "Europe/London", NOW)
        person = await staff.new_member(session, clinic.id, "ada@example.org", "Ada", "clinician", "hash", NOW)
    return clinic.id, person.id


async def made(store: Store, clinic: int, **findings: str) -> Kept:
    referral = Referral(
        received=NOW.date(), side="L", findings={name: Proposed(value) for name, value in findings.items()}
    )
    async with store.writing() as session:
        number = await referrals.create(
            session, clinic, referral, sort(BANDS, referral, NOW.date()), NOW, patient_ref="AB 1", referrer="",
            staff_id=None,
        )  # fmt: skip
    return await kept(store, clinic, number)


async def kept(store: Store, clinic: int, number: int) -> Kept:
    async with store.reading() as session:
        found = await referrals.get(session, clinic, number)
    assert found is not None
    return found


async def merged(store: Store, clinic: int, who: int, stays: Kept, goes: Kept) -> None:
    referral = replace(stays.referral, findings={**goes.referral.findings, **stays.referral.findings})
    async with store.writing() as session:
        await duplicates.merge(
            session, clinic, stays, goes, NOW, staff_id=who, referral=referral,
            sorting=sort(BANDS, referral, NOW.date()), state="new", detail={}, values={},
        )  # fmt: skip


async def test_two_become_one_and_stand_again_as_before(store: Store) -> None:
    clinic, who = await clinic_of(store)
    first, second = await made(store, clinic, fever="no"), await made(store, clinic, ear_pain="yes")
    async with store.reading() as session:
        assert [each.id for each in await duplicates.twins_of(session, clinic, first)] == [second.id]
    await merged(store, clinic, who, first, second)
    async with store.reading() as session:
        now = await referrals.get(session, clinic, first.id)
        assert now is not None
        assert set(now.referral.findings) == {"fever", "ear_pain"}
        assert await duplicates.twins_of(session, clinic, now) == []
        done = await duplicates.merged_into(session, clinic, second.id)
        assert done is not None and done.kept_id == first.id and done.may_end and done.who == "Ada"
        assert [each.merged_id for each in await duplicates.merged_here(session, clinic, first.id)] == [second.id]
        assert await duplicates.all_of(session, clinic, first.id) == [first.id, second.id]
        assert await duplicates.merged_into(session, clinic + 1, second.id) is None
        was, other = await duplicates.before(session, clinic, done.id)
    assert (was, other) == (first, second)
    with pytest.raises(ChangedMeanwhile):
        await merged(store, clinic, who, await kept(store, clinic, second.id), await kept(store, clinic, first.id))
    async with store.writing() as session:
        await duplicates.separate(
            session, clinic, done, NOW + timedelta(hours=1), staff_id=who, sorting=first.sorting, values={}
        )
    for before in (first, second):
        now = await kept(store, clinic, before.id)
        assert (now.referral, now.state, now.state_since) == (before.referral, before.state, before.state_since)
    async with store.writing() as session:
        with pytest.raises(ChangedMeanwhile):
            await duplicates.separate(session, clinic, done, NOW, staff_id=who, sorting=first.sorting, values={})


async def test_by_way_of_another_all_lead_to_the_last(store: Store) -> None:
    clinic, who = await clinic_of(store)
    numbers = [(await made(store, clinic)).id for _ in range(3)]
    for stays, goes in ((1, 0), (2, 1)):
        await merged(
            store, clinic, who, await kept(store, clinic, numbers[stays]), await kept(store, clinic, numbers[goes])
        )
    async with store.reading() as session:
        assert sorted(await duplicates.all_of(session, clinic, numbers[2])) == numbers


async def test_whom_somebody_told_apart_stays_apart(store: Store) -> None:
    clinic, who = await clinic_of(store)
    first, second = await made(store, clinic), await made(store, clinic)
    for _ in range(2):
        async with store.writing() as session:
            await duplicates.not_same(session, clinic, second.id, first.id, NOW, who)
    async with store.reading() as session:
        for each in (first, second):
            assert await duplicates.twins_of(session, clinic, each) == []


async def test_nothing_of_a_merge_names_who_was_forgotten(store: Store) -> None:
    clinic, who = await clinic_of(store)
    first, second = await made(store, clinic), await made(store, clinic)
    async with store.writing() as session:
        await patients.create(session, Patient(id=PATIENT), NOW)
        await lines.new_invite(session, clinic, second.id, "hash", who, NOW, NOW + timedelta(days=1))
        await lines.join(session, "hash", PATIENT, NOW)
    await merged(store, clinic, who, first, await kept(store, clinic, second.id))
    async with store.writing() as session:
        line = await lines.of_patient(session, PATIENT)
        assert line is not None and line.referral_id == first.id
        rows = await session.scalars(select(MergeRow))
        assert all(PATIENT not in row.kept_before + row.merged_before for row in rows)
        await lines.forget(session, PATIENT, NOW)
        await erase(session, PATIENT, NOW)
    assert (await kept(store, clinic, first.id)).patient_id is None


async def test_who_stopped_practising_is_found(store: Store) -> None:
    clinic, who = await clinic_of(store)
    first, other = await made(store, clinic), await made(store, clinic)
    async with store.writing() as session:
        await patients.create(session, Patient(id=PATIENT), NOW)
        await lines.new_invite(session, clinic, first.id, "hash", who, NOW, NOW + timedelta(days=1))
        await lines.join(session, "hash", PATIENT, NOW)
        for days in (16, 20):
            began = NOW - timedelta(days=days)
            done = records.KeptSession(began, "UTC", "P-S0", "S0", "finished", ("EX-01",), (), (), 3, 6)
            await records.note_session(session, f"session:{days}", PATIENT, done, began)
    async with store.reading() as session:
        found = await referrals.listed(session, clinic, "all", who, Filters(stopped_at=NOW))
        assert [each.id for each in found] == [first.id]
        told = await followed(session, clinic, [first.id, other.id], NOW)
    assert set(told) == {first.id}
    assert (told[first.id].weeks, told[first.id].has_stopped, told[first.id].last_contact) == ((2, 0, 0), True, NOW)
