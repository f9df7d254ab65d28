"""The demo clinic: put only into an empty database, all bands, nobody can sign in without the link, all of it removed."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bot.desk.sorting import Sorter
from bot.patient import Patient
from bot.stack.demo import Demo, NoRoom, fill, fill_if_empty
from bot.store import Store, demo, patients, records, staff
from bot.store.clinic_tables import ReferralEventRow, ReferralRow, StaffRow
from bot.store.tables import AssessmentRow, Base, ReminderRow

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


@pytest.fixture(scope="session")
def invented(content: Path) -> Demo:
    return Demo.load(content, Sorter.load(content))


def test_the_letters_are_of_all_bands_and_nearly_all_are_sorted_as_meant(invented: Demo) -> None:
    got = Counter()
    differs = []
    for letter in invented.letters:
        sorting = invented.sorter.sort(invented.read(letter, NOW.date()), NOW.date())
        got[sorting.band] += 1
        if sorting.band != letter.band:
            differs.append((letter.ref, letter.band, sorting.band))
        assert letter.letter.startswith("INVENTED")
    assert sum(got.values()) == 40
    assert all(got[band] >= 3 for band in invented.sorter.bands)
    assert not [each for each in differs if each[1] == "P0"]
    assert len(differs) <= 3, differs


async def test_it_fills_an_empty_database_and_is_taken_away_whole(store: Store, invented: Demo) -> None:
    await fill(store, invented, NOW)
    async with store.reading() as session:
        assert await demo.counts(session) == (40, len(invented.people))
        states = Counter(await session.scalars(select(ReferralRow.state)))
        assert {"new", "waiting", "booked", "redirected", "closed"} <= set(states)
        hashes = set(await session.scalars(select(StaffRow.password_hash)))
        assert hashes == {"!"}, "nobody can sign in by a password"
        assert not await staff.has_admin(session)
        assert set(await session.scalars(select(ReminderRow.state))) == {"blocked"}, "nothing is ever sent"
        first = demo.pseudonym(1)
        assert len(await records.diary(session, first)) > 100
        scores = await records.scores(session, first)
        assert scores[-1][1].parts != scores[0][1].parts
        dispositions = set(await session.scalars(select(AssessmentRow.disposition)))
        assert len(dispositions) > 1
        linked = await session.scalar(select(func.count()).where(ReferralRow.patient_id.is_not(None)))
        assert linked == len(invented.people)
        late = await session.scalar(select(func.max(ReferralEventRow.at)))
        assert late is not None and late <= NOW
    async with store.writing() as session:
        assert await demo.remove(session)
        assert not await demo.remove(session)
    async with store.reading() as session:
        for table in Base.metadata.sorted_tables:
            assert await session.scalar(select(func.count()).select_from(table)) == 0, table.name


async def test_it_is_put_in_once(store: Store, invented: Demo) -> None:
    await fill(store, invented, NOW)
    with pytest.raises(NoRoom, match="there already"):
        await fill(store, invented, NOW)


async def test_a_database_with_a_real_patient_or_clinic_is_refused(store: Store, invented: Demo) -> None:
    async with store.writing() as session:
        await patients.create(session, Patient(id="0" * 32), NOW)
    with pytest.raises(NoRoom, match="has patients"):
        await fill(store, invented, NOW)
    assert not await fill_if_empty(store, Path("content-that-is-not-read"), NOW)
    async with store.writing() as session:
        assert not await demo.remove(session)
    async with store.reading() as session:
        assert await patients.get(session, "0" * 32) is not None


async def test_a_real_clinic_of_the_same_name_is_not_removed(store: Store) -> None:
    async with store.writing() as session:
        await staff.new_clinic(session, demo.NAME, "Europe/London", NOW)
        assert not await demo.remove(session)


async def test_what_is_real_stays_when_the_demo_goes(store: Store, invented: Demo) -> None:
    await fill(store, invented, NOW)
    async with store.writing() as session:
        clinic = await staff.new_clinic(session, "Another", "Europe/London", NOW)
        await staff.new_member(session, clinic.id, "ada@example.org", "Ada", "admin", "hash", NOW)
        await patients.create(session, Patient(id="0" * 32), NOW)
        await demo.remove(session)
    async with store.reading() as session:
        assert [name for _, name in await staff.clinic_ids(session)] == ["Europe/London"]
        assert await staff.has_admin(session)
        assert await patients.get(session, "0" * 32) is not None
