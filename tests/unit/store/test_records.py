"""What is kept beside conversations, and the counts that tell of nobody."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from bot.outcome import Kind, Outcome
from bot.patient import Patient
from bot.store import Store, counts, inbox, kept, outbox, patients, records
from bot.store.tables import FeedbackRow, SafetyEventRow

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
WARNING = Outcome(
    kind=Kind.EMERGENCY,
    disposition="EMERGENCY",
    rules=("E01", "E02"),
    findings={"arm_or_leg_weak": "yes"},
    ruleset="2026.1",
)


@pytest.fixture(autouse=True)
async def people(store: Store) -> None:
    async with store.writing() as session:
        for name in "ab":
            await patients.create(session, Patient(id=name), NOW)


async def test_the_last_word_on_an_article_counts(store: Store) -> None:
    async with store.writing() as session:
        await records.note_feedback(session, "a", "eating", 1, True, NOW)
        await records.note_feedback(session, "a", "eating", 1, False, NOW + timedelta(hours=1))
    async with store.reading() as session:
        [row] = await session.scalars(select(FeedbackRow))
    assert (row.helpful, row.at) == (False, NOW + timedelta(hours=1))


async def test_each_person_and_each_version_has_a_word_of_its_own(store: Store) -> None:
    async with store.writing() as session:
        for person, version in (("a", 1), ("a", 2), ("b", 1)):
            await records.note_feedback(session, person, "eating", version, True, NOW)
    async with store.reading() as session:
        assert len(list(await session.scalars(select(FeedbackRow)))) == 3


async def test_a_warning_is_kept_with_its_reason(store: Store) -> None:
    async with store.writing() as session:
        await records.note_safety(session, "update:1", "a", WARNING, NOW)
    async with store.reading() as session:
        [row] = await session.scalars(select(SafetyEventRow))
    kept = (row.kind, row.disposition, row.provisional, row.rules, row.findings, row.ruleset, row.at)
    assert kept == ("emergency", "EMERGENCY", False, ["E01", "E02"], {"arm_or_leg_weak": "yes"}, "2026.1", NOW)


async def test_a_warning_is_kept_once_for_its_key(store: Store) -> None:
    async with store.writing() as session:
        await records.note_safety(session, "update:1", "a", WARNING, NOW)
        await records.note_safety(session, "update:1", "a", Outcome(kind=Kind.CRISIS), NOW)
    async with store.reading() as session:
        [row] = await session.scalars(select(SafetyEventRow))
    assert row.kind == "emergency"


async def test_forgetting_takes_what_was_kept_of_one_person_alone(store: Store) -> None:
    async with store.writing() as session:
        for person in "ab":
            await records.note_feedback(session, person, "eating", 1, True, NOW)
            await records.note_safety(session, f"update:{person}", person, WARNING, NOW)
        await records.forget(session, "a")
    async with store.reading() as session:
        assert list(await session.scalars(select(FeedbackRow.patient_id))) == ["b"]
        assert list(await session.scalars(select(SafetyEventRow.patient_id))) == ["b"]


async def test_counts_count_everything_as_it_stands(store: Store) -> None:
    async with store.writing() as session:
        await records.note_feedback(session, "a", "eating", 1, True, NOW)
        await records.note_feedback(session, "b", "eating", 1, False, NOW)
        await records.note_feedback(session, "b", "drinking", 1, False, NOW)
        await records.note_safety(session, "update:1", "a", WARNING, NOW)
        await inbox.write(session, [(number, number, {}) for number in range(4)], NOW)
        first, second, *_ = await inbox.claim(session, "one", NOW, 4)
        await inbox.finish(session, first.id, NOW)
        await inbox.park(session, second.id, "KeyError", NOW)
        await outbox.add(session, "1", "a", "send", {}, NOW)
    async with store.reading() as session:
        now = await counts.now(session)
    assert now == counts.Counts(people=2, warnings=1, helpful=1, not_helpful=2, waiting_in=2, waiting_out=1, parked=1)


async def test_counts_of_an_empty_store_are_nought(store: Store) -> None:
    async with store.writing() as session:
        for name in "ab":
            await kept.erase(session, name, NOW)
    async with store.reading() as session:
        assert await counts.now(session) == counts.Counts(0, 0, 0, 0, 0, 0, 0)
