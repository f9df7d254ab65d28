"""People: found, made once for a chat, changed, and erased with everything that hangs on them."""

import dataclasses
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import StatementError

from bot.patient import Patient, Step
from bot.store import Store, kept, patients
from bot.store.tables import PatientRow, TelegramChatRow

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
KNOWN = Patient(
    id="a" * 32,
    step=Step.STAGE,
    consented_at=NOW,
    consent_version="2026-11",
    stopped_at=NOW + timedelta(days=1),
    for_whom="other",
    age_band="older",
    country="GB",
    onset_on=date(2026, 11, 13),
    stage="synkinesis",
    language="pt-br",
    held_question="how do i tape my eye? 👁 ж",
    awaiting="crisis_unclear!",
    misses=2,
)


async def test_a_person_comes_back_as_they_were_written_down(store: Store) -> None:
    async with store.writing() as session:
        await patients.create(session, KNOWN, NOW)
    async with store.reading() as session:
        assert await patients.get(session, KNOWN.id) == KNOWN


async def test_nobody_is_found_by_an_unknown_pseudonym(store: Store) -> None:
    async with store.reading() as session:
        assert await patients.get(session, "nobody") is None


async def test_a_change_is_kept(store: Store) -> None:
    changed = dataclasses.replace(KNOWN, step=Step.DONE, country=None, misses=0, awaiting=None)
    async with store.writing() as session:
        await patients.create(session, KNOWN, NOW)
    async with store.writing() as session:
        await patients.save(session, changed)
    async with store.reading() as session:
        assert await patients.get(session, KNOWN.id) == changed


async def test_someone_erased_meanwhile_stays_erased(store: Store) -> None:
    async with store.writing() as session:
        await patients.save(session, KNOWN)
    async with store.reading() as session:
        assert await patients.get(session, KNOWN.id) is None


async def test_a_chat_is_one_person_however_often_it_writes(store: Store) -> None:
    async with store.writing() as session:
        first = await patients.of_chat(session, 1001, NOW)
    async with store.writing() as session:
        again = await patients.of_chat(session, 1001, NOW)
        other = await patients.of_chat(session, 1002, NOW)
    assert first == again
    assert first.step is Step.NEW
    assert other.id != first.id


async def test_who_is_known_is_found_and_nobody_is_made(store: Store) -> None:
    async with store.writing() as session:
        assert await patients.known(session, 1001) is None
        person = await patients.of_chat(session, 1001, NOW)
        await patients.set_blocked(session, person.id, NOW)
        assert await patients.known(session, 1001) == person
        assert await patients.known(session, 1001, "north") is None


async def test_a_chat_id_beyond_32_bits_is_kept(store: Store) -> None:
    async with store.writing() as session:
        person = await patients.of_chat(session, 2**52 + 1, NOW)
    async with store.reading() as session:
        assert await patients.chat_of(session, person.id) == 2**52 + 1


async def test_a_pseudonym_says_nothing_of_the_chat(store: Store) -> None:
    async with store.writing() as session:
        person = await patients.of_chat(session, 1001, NOW)
        await kept.erase(session, person.id, NOW)
        again = await patients.of_chat(session, 1001, NOW)
    assert len(person.id) == 32
    assert again.id != person.id


async def test_who_blocked_the_bot_has_no_chat_until_they_are_back(store: Store) -> None:
    async with store.writing() as session:
        person = await patients.of_chat(session, 1001, NOW)
        await patients.set_blocked(session, person.id, NOW)
    async with store.writing() as session:
        assert await patients.chat_of(session, person.id) is None
        await patients.set_blocked(session, person.id, None)
    async with store.reading() as session:
        assert await patients.chat_of(session, person.id) == 1001


async def test_the_first_time_somebody_blocked_the_bot_is_the_one_that_is_kept(store: Store) -> None:
    async with store.writing() as session:
        person = await patients.of_chat(session, 1001, NOW)
        await patients.set_blocked(session, person.id, NOW)
        await patients.set_blocked(session, person.id, NOW + timedelta(days=1))
    async with store.reading() as session:
        assert await session.scalar(select(TelegramChatRow.blocked_at)) == NOW


async def test_a_naive_moment_is_refused(store: Store) -> None:
    naive = datetime(2026, 11, 22, 10)  # noqa: DTZ001 - a naive moment is what is tested
    with pytest.raises(StatementError, match="a moment without a zone cannot be stored"):
        async with store.writing() as session:
            await patients.create(session, KNOWN, naive)


async def test_a_moment_of_another_zone_comes_back_in_utc(store: Store) -> None:
    there = NOW.astimezone(timezone(timedelta(hours=-8)))
    async with store.writing() as session:
        await patients.create(session, dataclasses.replace(KNOWN, consented_at=there), NOW)
    async with store.reading() as session:
        found = await patients.get(session, KNOWN.id)
    assert found is not None and found.consented_at == NOW
    assert found.consented_at.utcoffset() == timedelta(0)


async def test_when_a_block_raises_nothing_of_it_is_kept(store: Store) -> None:
    with pytest.raises(RuntimeError):
        async with store.writing() as session:
            await patients.of_chat(session, 1001, NOW)
            raise RuntimeError
    async with store.reading() as session:
        assert await session.scalar(select(func.count()).select_from(PatientRow)) == 0
