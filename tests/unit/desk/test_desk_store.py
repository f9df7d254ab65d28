"""The clinic's tables on both databases: locks, links, folders, versions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from bot.patient import Patient
from bot.referral.record import Proposed, Referral
from bot.store import Store, patients, referrals, staff
from bot.store.clinic_tables import ReferralRow
from bot.store.kept import erase
from bot.store.referrals import ChangedMeanwhile, Filters, Sorting

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
TODAY = NOW.date()
SORTING = Sorting(
    machine_band="P2",
    machine_rules=[{"id": "P2-rhs", "why": "Why.", "findings": {"cause": "rhs"}, "quotes": []}],
    ruleset="2026.1",
    sorted_on=TODAY,
    flags=[],
    eye="unknown",
    missing=["eye status"],
    score=0.5,
    band="P2",
    place="3150500000739943",
    target_on=TODAY + timedelta(days=42),
    action="Book within 6 weeks.",
)
REFERRAL = Referral(
    received=TODAY,
    findings={"fever": Proposed("no", "No fever", "letter")},
    onset=date(2026, 9, 1),
    side="L",
    cause="rhs",
    grade="HB 4",
    sunnybrook=41.0,
    goals="to smile",
    text="No fever. Ünïcode 🙂",
    quotes={"side": "left"},
)


@pytest.fixture
async def clinic(store: Store) -> staff.Clinic:
    async with store.writing() as session:
        return await staff.new_clinic(session, "Invented", "Europe/London", NOW)


@pytest.fixture
async def person(store: Store, clinic: staff.Clinic) -> staff.Member:
    async with store.writing() as session:
        return await staff.new_member(session, clinic.id, " Ada@Example.org ", "Ada", "admin", "hash", NOW)


async def made(store: Store, clinic: staff.Clinic, sorting: Sorting = SORTING, **about: str) -> int:
    async with store.writing() as session:
        return await referrals.create(
            session, clinic.id, REFERRAL, sorting, NOW,
            patient_ref=about.get("patient_ref", "AB 1"), referrer=about.get("referrer", "Dr Example"), staff_id=None,
        )  # fmt: skip


async def test_a_referral_comes_back_as_it_was_written(store: Store, clinic: staff.Clinic) -> None:
    number = await made(store, clinic)
    async with store.reading() as session:
        kept = await referrals.get(session, clinic.id, number)
        other = await referrals.get(session, clinic.id + 1, number)
    assert kept is not None and other is None
    assert kept.referral == REFERRAL
    assert kept.sorting == SORTING
    assert (kept.version, kept.state, kept.patient_ref, kept.referrer) == (1, "new", "AB 1", "Dr Example")


async def test_of_two_changes_of_one_version_the_second_writes_nothing(store: Store, clinic: staff.Clinic) -> None:
    number = await made(store, clinic)
    async with store.reading() as session:
        seen = await referrals.get(session, clinic.id, number)
    assert seen is not None
    async with store.writing() as session:
        assert await referrals.change(session, clinic.id, seen, "close", NOW, staff_id=None, state="closed") == 2
    with pytest.raises(ChangedMeanwhile):
        async with store.writing() as session:
            await referrals.change(session, clinic.id, seen, "book", NOW, staff_id=None, state="booked")
    async with store.reading() as session:
        kept = await referrals.get(session, clinic.id, number)
        happened = await referrals.events(session, clinic.id, number)
    assert kept is not None and (kept.state, kept.version) == ("closed", 2)
    assert [event.kind for event in happened] == ["received", "close"]


async def test_folders_filters_and_counts_agree(store: Store, clinic: staff.Clinic, person: staff.Member) -> None:
    numbers = [
        await made(store, clinic, replace(SORTING, place=f"31505{n:011d}"), patient_ref=f"N {n}") for n in range(3)
    ]
    flagged = replace(SORTING, flags=[{"rule": "E01", "names": [], "why": ""}], eye="safe", missing=[], place="0" * 16)
    numbers.append(
        await made(store, clinic, replace(flagged, target_on=TODAY - timedelta(days=1)), patient_ref="Ä 100%")
    )
    async with store.writing() as session:
        first = await referrals.get(session, clinic.id, numbers[0])
        assert first is not None
        await referrals.change(session, clinic.id, first, "assign", NOW, staff_id=person.id, assigned_to=person.id)

    async def shown(folder: referrals.Folder, **filters: object) -> list[int]:
        async with store.reading() as session:
            lines = await referrals.listed(session, clinic.id, folder, person.id, Filters(**filters))  # type: ignore[arg-type]
        return [line.id for line in lines]

    assert await shown("new") == [numbers[3], *numbers[:3]]
    assert await shown("mine") == [numbers[0]]
    assert await shown("unassigned") == [numbers[3], *numbers[1:3]]
    assert await shown("all", flagged=True) == await shown("all", eye="safe") == [numbers[3]]
    assert await shown("all", missing=True) == numbers[:3]
    assert await shown("all", over_on=TODAY) == [numbers[3]]
    assert await shown("all", words=("100%",)) == [numbers[3]]
    assert await shown("all", words=("%",)) == [numbers[3]]
    assert await shown("all", words=("_",)) == []
    assert await shown("all", words=("n", "RHS", "2")) == [numbers[2]]
    assert await shown("all", band="P1") == []
    async with store.reading() as session:
        counts = await referrals.counts(session, clinic.id, person.id, TODAY)
        nobodys = await referrals.counts(session, clinic.id + 1, person.id, TODAY)
    assert dict(counts.folders) | {"over": counts.over, "eyes": counts.eye_unknown} == {
        "new": 4, "mine": 1, "unassigned": 3, "waiting": 0, "booked": 0, "redirected": 0, "closed": 0, "over": 1, "eyes": 3,
    }  # fmt: skip
    assert set(nobodys.folders.values()) == {0}


async def test_a_page_goes_on_where_the_last_one_ended(store: Store, clinic: staff.Clinic) -> None:
    numbers = [await made(store, clinic) for _ in range(5)]  # all at the same place
    async with store.reading() as session:
        first = await referrals.listed(session, clinic.id, "new", 0, Filters(), limit=2)
        after = (first[-1].place, first[-1].id)
        rest = await referrals.listed(session, clinic.id, "new", 0, Filters(), after=after)
    assert [line.id for line in (*first, *rest)] == numbers


async def test_an_erased_patient_leaves_the_referral_without_their_chat(store: Store, clinic: staff.Clinic) -> None:
    number = await made(store, clinic)
    async with store.writing() as session:
        await patients.create(session, Patient(id="p" * 32), NOW)
        row = await session.get(ReferralRow, number)
        assert row is not None
        row.patient_id = "p" * 32
    async with store.writing() as session:
        await erase(session, "p" * 32, NOW)
    async with store.reading() as session:
        kept = await referrals.get(session, clinic.id, number)
    assert kept is not None and kept.patient_id is None


async def test_an_email_is_one_persons_whatever_its_case(
    store: Store, clinic: staff.Clinic, person: staff.Member
) -> None:
    async with store.reading() as session:
        found = await staff.credentials_of(session, "ADA@example.org")
    assert found is not None and found.member.id == person.id
    with pytest.raises(staff.EmailTaken):
        async with store.writing() as session:
            await staff.new_member(session, clinic.id, "ada@EXAMPLE.org", "Other", "viewer", "hash", NOW)


async def test_the_lock_begins_with_the_tenth_failure_and_doubles_up_to_a_day(
    store: Store, person: staff.Member
) -> None:
    minutes = []
    for _ in range(25):
        async with store.writing() as session:
            until = await staff.note_failure(session, person.id, NOW)
        minutes.append((until - NOW) / timedelta(minutes=1) if until else None)
    assert minutes[:9] == [None] * 9
    assert minutes[9:13] == [1, 2, 4, 8]
    assert minutes[-1] == 24 * 60


async def test_a_code_of_an_older_step_is_not_taken(store: Store, clinic: staff.Clinic, person: staff.Member) -> None:
    async with store.writing() as session:
        await staff.set_totp(session, clinic.id, person.id, "A" * 32, 10)
        assert not await staff.note_success(session, person.id, 10, NOW)
        assert await staff.note_success(session, person.id, 11, NOW)
        assert not await staff.note_success(session, person.id, 11, NOW)


async def test_a_link_is_used_once(store: Store, clinic: staff.Clinic) -> None:
    until = NOW + timedelta(days=1)
    async with store.writing() as session:
        await staff.new_link(session, "token", "invite", NOW, until, clinic_id=clinic.id, email="B@example.org")
    async with store.writing() as session:
        link = await staff.link_of(session, "token", NOW)
        assert link is not None and link.email == "b@example.org"
        assert await staff.link_of(session, "token", until) is None
        assert await staff.link_of(session, "other", NOW) is None
        assert await staff.use_link(session, link.id, NOW)
        assert not await staff.use_link(session, link.id, NOW)


async def test_a_new_invitation_ends_only_the_same_persons_earlier_one(store: Store, clinic: staff.Clinic) -> None:
    until = NOW + timedelta(days=1)
    async with store.writing() as session:
        for token, email in (("one", "b@example.org"), ("two", "c@example.org"), ("three", "b@example.org")):
            await staff.new_link(session, token, "invite", NOW, until, clinic_id=clinic.id, email=email)
    async with store.reading() as session:
        alive = [token for token in ("one", "two", "three") if await staff.link_of(session, token, NOW)]
        assert alive == ["two", "three"]


async def test_sessions_that_are_over_are_dropped_at_the_next_sign_in(store: Store, person: staff.Member) -> None:
    short, long = timedelta(minutes=30), timedelta(hours=12)
    async with store.writing() as session:
        await staff.open_session(session, "old", person.id, NOW, lasts=long, idle=short)
    async with store.reading() as session:
        assert await staff.signed_in(session, "old", NOW + timedelta(minutes=29)) is not None
        assert await staff.signed_in(session, "old", NOW + short) is None
    async with store.writing() as session:
        await staff.open_session(session, "new", person.id, NOW + short, lasts=long, idle=short)
    async with store.reading() as session:
        assert await staff.signed_in(session, "old", NOW) is None
