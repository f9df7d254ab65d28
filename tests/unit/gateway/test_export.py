"""What a person sent a clinic themselves is theirs to have: word for word, and nothing that others added."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.gateway.export import Exports
from bot.patient import Patient, Step
from bot.referral.record import Proposed, Referral
from bot.referral.sorting import Sorting
from bot.store import Store, duplicates, lines, patients, referrals, self_referrals, staff
from bot.store.kept import Section
from bot.store.lines import OwnRequest
from bot.store.self_referrals import Request
from bot.words import Words

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
PERSON, OTHER = "a" * 32, "b" * 32
TEXT = "What they wish: by video\n\nCalled: Anna\n\nIn their own words: To smile again."
SORTING = Sorting(
    place="5", target_on=NOW.date(), band="P3", machine_band="P3", ruleset="invented", sorted_on=NOW.date(), score=0.0,
    eye="unknown", action="", flags=(), missing=(), machine_rules=(),
)  # fmt: skip


@pytest.fixture
async def clinic(store: Store) -> staff.Clinic:
    async with store.writing() as session:
        made = await staff.new_clinic(session, "Invented", "UTC", NOW)
        await staff.new_member(session, made.id, "one@example.org", "One", "admin", "hash", NOW)
        await staff.set_self_referral(session, made.id, staff.SelfReferral("both", "Face clinic", None))
        for person in (PERSON, OTHER):
            await patients.create(session, Patient(id=person, step=Step.DONE, consented_at=NOW), NOW)
    return made


async def request(store: Store, clinic: staff.Clinic, person: str = PERSON, text: str = TEXT) -> int:
    told = Referral(NOW.date(), {"droop": Proposed("yes", None, "patient")}, goals="To smile again.", text=text)
    async with store.writing() as session:
        asked = Request(clinic.id, told, SORTING, "Anna", "The patient", "video")
        return await self_referrals.refer(session, asked, person, NOW)


async def by_letter(store: Store, clinic: staff.Clinic) -> int:
    async with store.writing() as session:
        return await referrals.create(
            session, clinic.id, Referral(NOW.date(), text="A colleague's letter."), SORTING, NOW,
            patient_ref="AB 1", referrer="Dr Invented", staff_id=None, detail={"way": "letter"},
        )  # fmt: skip


async def merge(store: Store, clinic: staff.Clinic, number: int, other: int) -> None:
    async with store.writing() as session:
        kept = await referrals.get(session, clinic.id, number)
        gone = await referrals.get(session, clinic.id, other)
        assert kept is not None and gone is not None
        both = dataclasses.replace(kept.referral, text=f"{kept.referral.text}\n\n{gone.referral.text}")
        await duplicates.merge(
            session, clinic.id, kept, gone, LATER, staff_id=1, referral=both, sorting=SORTING, state="new",
            detail={}, values={},
        )  # fmt: skip


async def own(store: Store, person: str = PERSON) -> list[OwnRequest]:
    async with store.reading() as session:
        return await lines.own_requests(session, person)


async def invite_to(store: Store, clinic: staff.Clinic, number: int, person: str) -> None:
    async with store.writing() as session:
        await lines.new_invite(session, clinic.id, number, f"hash {person}", 1, LATER, LATER + timedelta(days=7))
        await lines.join(session, f"hash {person}", person, LATER)


async def stop_sharing(store: Store) -> None:
    async with store.writing() as session:
        line = await lines.of_patient(session, PERSON)
        assert line is not None
        await lines.end(session, line, "patient", LATER)


async def test_their_request_is_told_as_they_agreed_to_it(store: Store, clinic: staff.Clinic) -> None:
    await request(store, clinic)
    await request(store, clinic, OTHER, "Another person's words.")
    assert await own(store) == [OwnRequest("Face clinic", NOW, TEXT)]
    await stop_sharing(store)
    assert [each.text for each in await own(store)] == [TEXT], "they wrote it, also when they share no more"


async def test_what_somebody_else_wrote_of_them_is_the_clinics_to_give(store: Store, clinic: staff.Clinic) -> None:
    await invite_to(store, clinic, await by_letter(store, clinic), PERSON)
    assert await own(store) == []


async def test_who_is_invited_to_another_persons_request_is_not_told_it(store: Store, clinic: staff.Clinic) -> None:
    number = await request(store, clinic)
    await stop_sharing(store)
    await invite_to(store, clinic, number, OTHER)
    assert await own(store, OTHER) == []
    assert [each.text for each in await own(store)] == [TEXT]


async def test_who_shares_anew_about_their_request_is_told_it_once(store: Store, clinic: staff.Clinic) -> None:
    number = await request(store, clinic)
    await stop_sharing(store)
    await invite_to(store, clinic, number, PERSON)
    assert [each.text for each in await own(store)] == [TEXT]


@pytest.mark.parametrize("stays", ["theirs", "the letter's"])
async def test_a_merge_neither_hides_their_request_nor_adds_to_it(
    store: Store, clinic: staff.Clinic, stays: str
) -> None:
    theirs, letter = await request(store, clinic), await by_letter(store, clinic)
    await (merge(store, clinic, theirs, letter) if stays == "theirs" else merge(store, clinic, letter, theirs))
    assert await own(store) == [OwnRequest("Face clinic", NOW, TEXT)]


async def test_the_page_to_read_shows_it_line_by_line(store: Store, words: Words, tmp_path: Path) -> None:
    exports = Exports(store, words, tmp_path / "tracker.db")
    section = Section("referrals", "own.records", ({"request": TEXT},), is_trace=False)
    shown = [line.text for line in exports._lines([section], NOW)]
    assert shown[-4:] == [
        "Request:",
        "    What they wish: by video",
        "    Called: Anna",
        "    In their own words: To smile again.",
    ]
