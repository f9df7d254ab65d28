"""What a turn leaves behind is written once for its key, whoever writes it."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.dialogue import Turn, record
from bot.dialogue.reply import Feedback
from bot.outcome import Kind, Outcome
from bot.patient import Patient
from bot.store import Store, erasures, patients
from bot.store.tables import FeedbackRow, SafetyEventRow
from tests.unit.dialogue.conftest import NOW, known

ANSWERED = Outcome(kind=Kind.ANSWER)
WARNED = Outcome(kind=Kind.EMERGENCY, disposition="EMERGENCY", rules=("E01",), ruleset="2026.1")


@pytest.fixture
async def before(store: Store) -> Patient:
    async with store.writing() as session:
        await patients.create(session, known(), NOW)
    return known()


async def leave(store: Store, before: Patient, turn: Turn, key: str = "update:1") -> None:
    async with store.writing() as session:
        await record(session, key, before, turn, NOW)


async def warnings(store: Store) -> list[SafetyEventRow]:
    async with store.reading() as session:
        return list(await session.scalars(select(SafetyEventRow)))


async def feedback(store: Store) -> list[FeedbackRow]:
    async with store.reading() as session:
        return list(await session.scalars(select(FeedbackRow)))


async def test_how_the_person_changed_is_kept(store: Store, before: Patient) -> None:
    changed = Patient(id=before.id, stopped_at=NOW + timedelta(hours=1))
    await leave(store, before, Turn(changed, ANSWERED))
    async with store.reading() as session:
        assert await patients.get(session, before.id) == changed


async def test_an_everyday_answer_leaves_no_warning(store: Store, before: Patient) -> None:
    await leave(store, before, Turn(before, ANSWERED))
    assert await warnings(store) == []


LEAVING = [
    WARNED,
    Outcome(kind=Kind.CRISIS),
    Outcome(kind=Kind.TRIAGE, disposition="SAME_DAY", provisional=True),
]


@pytest.mark.parametrize("outcome", LEAVING, ids=lambda outcome: outcome.kind)
async def test_a_warning_is_kept_once_for_its_key(store: Store, before: Patient, outcome: Outcome) -> None:
    await leave(store, before, Turn(before, outcome))
    await leave(store, before, Turn(before, outcome))
    [row] = await warnings(store)
    assert (row.kind, row.disposition, row.provisional) == (outcome.kind, outcome.disposition, outcome.provisional)


async def test_a_second_message_leaves_a_second_warning(store: Store, before: Patient) -> None:
    await leave(store, before, Turn(before, WARNED), "update:1")
    await leave(store, before, Turn(before, WARNED), "update:2")
    assert len(await warnings(store)) == 2


async def test_a_word_on_an_article_is_kept_once_and_the_last_counts(store: Store, before: Patient) -> None:
    for helpful in (True, True, False):
        await leave(store, before, Turn(before, ANSWERED, Feedback("eating", 1, helpful)))
    [row] = await feedback(store)
    assert not row.helpful


async def test_forgetting_leaves_nothing(store: Store, before: Patient) -> None:
    await leave(store, before, Turn(before, WARNED, Feedback("eating", 1, True)))
    await leave(store, before, Turn(Patient(id=before.id, stopped_at=NOW), ANSWERED, forget=True), "update:2")
    assert (await warnings(store), await feedback(store)) == ([], [])


async def wipes(store: Store) -> list[tuple[str, str]]:
    async with store.reading() as session:
        return [(each.patient_id, "wipe" if each.is_wipe else "all") for each in await erasures.under_way(session)]


async def test_what_the_engine_is_to_forget_is_written_down_whether_or_not_it_did(
    store: Store, before: Patient
) -> None:
    await leave(store, before, Turn(before, ANSWERED))
    assert await wipes(store) == []
    await leave(store, before, Turn(before, ANSWERED, stand_in="nobody"), "update:2")
    assert await wipes(store) == [("nobody", "wipe")]
    await leave(store, before, Turn(Patient(id=before.id, stopped_at=NOW), ANSWERED, forget=True), "update:3")
    assert await wipes(store) == [("nobody", "wipe"), (before.id, "wipe")]


async def test_an_erasure_wipes_more_than_the_engine(store: Store, before: Patient) -> None:
    await leave(store, before, Turn(before, ANSWERED, erase=True))
    assert await wipes(store) == [(before.id, "all")]


async def test_what_is_left_is_part_of_the_callers_transaction(store: Store, before: Patient) -> None:
    with pytest.raises(RuntimeError):
        async with store.writing() as session:
            await record(session, "update:1", before, Turn(Patient(id=before.id), WARNED, forget=True), NOW)
            raise RuntimeError
    assert (await warnings(store), await wipes(store)) == ([], [])
    async with store.reading() as session:
        assert await patients.get(session, before.id) == before
