"""What is older than its days goes, a few rows at a time; what is younger, waits, or is not over stays."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import func, select

from bot.outcome import Kind, Outcome
from bot.patient import Patient, Step
from bot.store import Store, clinic_tables, inbox, outbox, patients, records, retention, staff, tables
from bot.store.tables import AssessmentRow, FeedbackRow, InboxRow, OutboxRow, PatientRow, TelegramChatRow

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
DAYS = retention.load()
OLD_BY = timedelta(days=1)


def test_the_days_are_read_and_each_kind_is_enforced() -> None:
    assert set(retention.KINDS) | {"tracker"} == set(retention.Days.model_fields)


@pytest.mark.parametrize("line", ["inbox: 0", "inbox: none", "inbox: 1.5", "other: 1"])
def test_days_that_make_no_sense_are_refused(line: str, tmp_path: Path) -> None:
    lines = [each for each in retention.FILE.read_text().splitlines() if not each.startswith("inbox")]
    path = tmp_path / "retention.yml"
    path.write_text("\n".join([*lines, line]))
    with pytest.raises(ValidationError):
        retention.load(path)


async def count(store: Store, table: Any) -> int:
    async with store.reading() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def run(store: Store, kind: str, now: datetime, limit: int = retention.BATCH) -> int:
    async with store.writing() as session:
        return await retention.expire(session, kind, DAYS, now, limit)


async def fill(store: Store, at: datetime, name: str) -> str:
    """One finished row of each kind, ended at a moment."""
    number = int(at.timestamp())
    async with store.writing() as session:
        person = await patients.of_chat(session, number, at)
        await inbox.write(session, [(number, number, {"text": "x"})], at)
        (row,) = await inbox.claim(session, "t", at, 1)
        await inbox.finish(session, row.id, at)
        await outbox.add(session, f"update:{name}", person.id, "send", {"html": "x"}, at)
        await outbox.add(session, f"desk:{name}", person.id, "send", {"html": "x"}, at)
        for sent in await session.scalars(select(OutboxRow).where(OutboxRow.patient_id == person.id)):
            await outbox.sent(session, sent.id, 1, at)
        await records.note_feedback(session, person.id, "eating", 1, True, at)
        await records.note_miss(session, f"m{name}", person.id, Outcome(kind=Kind.FALLBACK), "x", at)
        await records.note_safety(session, f"s{name}", person.id, Outcome(kind=Kind.EMERGENCY), at)
        check = records.KeptAssessment(at, at, "result", "ROUTINE", False, (), {}, {}, "r", "told")
        await records.note_assessment(session, f"a{name}", person.id, check, at)
        diary = records.KeptSession(at, "UTC", "p", "S0", "finished", (), (), (), 1, 2)
        await records.note_session(session, f"e{name}", person.id, diary, at)
        await records.note_score(session, f"q{name}", person.id, records.KeptScore("w", 1.0, {}, {}, None), at)
        await staff.note(session, "test", at, clinic_id=None, staff_id=None)
        session.add(tables.ErasureRow(state="done", at=at, finished_at=at))
    return person.id


TABLES = {
    "inbox": tables.InboxRow,
    "misses": tables.MissRow,
    "feedback": FeedbackRow,
    "assessments": AssessmentRow,
    "safety_events": tables.SafetyEventRow,
    "exercise_sessions": tables.SessionRow,
    "scores": tables.ScoreRow,
    "erasures": tables.ErasureRow,
    "audit": clinic_tables.AuditRow,
}


@pytest.mark.parametrize("kind", TABLES)
async def test_what_is_older_than_its_days_goes_and_the_rest_stays(store: Store, kind: str) -> None:
    days = timedelta(days=getattr(DAYS, kind))
    await fill(store, NOW - days - OLD_BY, "old")
    await fill(store, NOW - days + OLD_BY, "young")
    assert await run(store, kind, NOW) == 1
    assert await count(store, TABLES[kind]) == 1
    assert await run(store, kind, NOW) == 0
    assert await run(store, kind, NOW + 2 * OLD_BY) == (0 if kind in ("assessments", "safety_events") else 1)


async def test_sent_messages_go_but_whether_a_clinics_arrived_stays(store: Store) -> None:
    await fill(store, NOW - timedelta(days=DAYS.outbox) - OLD_BY, "old")
    assert await run(store, "outbox", NOW) == 1
    async with store.reading() as session:
        assert list(await session.scalars(select(OutboxRow.key))) == ["desk:old"]


async def test_what_waits_stays_however_old(store: Store) -> None:
    long_ago = NOW - timedelta(days=5000)
    async with store.writing() as session:
        person = await patients.of_chat(session, 1001, long_ago)
        await inbox.write(session, [(1, 1001, {"text": "x"})], long_ago)
        await outbox.add(session, "update:1", person.id, "send", {"html": "x"}, long_ago)
    for kind in retention.KINDS:
        assert await run(store, kind, NOW) == 0
    assert (await count(store, InboxRow), await count(store, OutboxRow), await count(store, PatientRow)) == (1, 1, 1)


async def test_a_batch_is_no_larger_than_its_limit(store: Store) -> None:
    for number in range(5):
        await fill(store, NOW - timedelta(days=DAYS.feedback + 1 + number), f"{number}")
    assert [await run(store, "feedback", NOW, limit=2) for _ in range(4)] == [2, 2, 1, 0]


async def test_who_stopped_long_ago_is_erased_without_a_word(store: Store) -> None:
    async with store.writing() as session:
        for chat, days in ((1001, DAYS.stopped + 1), (1002, DAYS.stopped - 1)):
            person = await patients.of_chat(session, chat, NOW)
            await patients.save(session, dataclasses.replace(person, stopped_at=NOW - timedelta(days=days)))
        back = await patients.of_chat(session, 1003, NOW)
        long_ago = NOW - timedelta(days=DAYS.stopped + 9)
        again = dataclasses.replace(back, step=Step.DONE, stopped_at=long_ago, consented_at=NOW)
        await patients.save(session, again)
    assert await run(store, "stopped", NOW) == 1
    async with store.reading() as session:
        assert set(await session.scalars(select(TelegramChatRow.chat_id))) == {1002, 1003}
        assert list(await session.scalars(select(tables.ErasureRow.chat_id))) == [None]


OLD = NOW - timedelta(days=DAYS.without_consent) - OLD_BY
YOUNG = NOW - timedelta(days=DAYS.without_consent) + OLD_BY


async def appear(store: Store, chat: int, *, wrote: datetime, bot: str = "", **changed: Any) -> str:
    """Somebody who first came when `OLD` was, wrote last at a moment, and stands as given."""
    names = {"bot": bot} if bot else {}
    async with store.writing() as session:
        person = await patients.of_chat(session, chat, OLD, **names)
        await patients.save(session, dataclasses.replace(person, **changed))
        await inbox.write(session, [(chat, chat, {"text": "x"})], wrote, **names)
        for row in await inbox.claim(session, "t", wrote, 9, **names):
            await inbox.finish(session, row.id, wrote)
    return person.id


async def test_who_never_agreed_is_erased_without_a_word_when_nothing_came_for_long(store: Store) -> None:
    await appear(store, 1001, wrote=OLD, step=Step.CONSENT, held_question="x")
    await appear(store, 1002, wrote=OLD)  # who declined stands like one who never wrote
    stay = {
        await appear(store, 1003, wrote=YOUNG, step=Step.CONSENT),
        await appear(store, 1004, wrote=OLD, step=Step.FOR_WHOM, consented_at=OLD),
        await appear(store, 1005, wrote=OLD, stopped_at=OLD),
    }
    assert await run(store, "without_consent", NOW) == 2
    assert await run(store, "without_consent", NOW) == 0
    async with store.reading() as session:
        assert set(await session.scalars(select(PatientRow.id))) == stay
        assert set(await session.scalars(select(TelegramChatRow.chat_id))) == {1003, 1004, 1005}
        rows = list(await session.scalars(select(tables.ErasureRow)))
    assert [(row.state, row.chat_id) for row in rows] == [("erasing", None)] * 2


async def test_who_came_to_another_bot_or_has_no_chat_is_not_taken_for_who_wrote(store: Store) -> None:
    await appear(store, 1001, wrote=OLD, bot="north")
    stays = await appear(store, 1001, wrote=YOUNG)
    async with store.writing() as session:
        await patients.create(session, Patient(id="n" * 32), OLD)
    assert await run(store, "without_consent", NOW) == 2
    async with store.reading() as session:
        assert list(await session.scalars(select(PatientRow.id))) == [stays]


async def test_who_came_lately_and_whose_message_waits_stay(store: Store) -> None:
    async with store.writing() as session:
        await patients.of_chat(session, 1001, YOUNG)
        await patients.of_chat(session, 1002, OLD)
        await inbox.write(session, [(2, 1002, {"text": "x"})], OLD)
    assert await run(store, "without_consent", NOW) == 0


async def test_no_more_people_are_erased_at_once_than_the_limit(store: Store) -> None:
    for chat in range(1001, 1004):
        await appear(store, chat, wrote=OLD)
    assert [await run(store, "without_consent", NOW, limit=2) for _ in range(3)] == [2, 1, 0]


@pytest.mark.parametrize("kind", ["line_invites", "desk_sessions"])
async def test_links_and_sign_ins_that_are_over_go(store: Store, kind: str) -> None:
    days = timedelta(days=getattr(DAYS, kind))
    async with store.writing() as session:
        clinic = clinic_tables.ClinicRow(name="x", zone="UTC", created_at=NOW)
        session.add(clinic)
        await session.flush()
        member = clinic_tables.StaffRow(
            clinic_id=clinic.id,
            email="a@example.org",
            name="a",
            role="viewer",
            password_hash="x",
            failed=0,
            created_at=NOW,
        )
        session.add(member)
        await session.flush()
        for name, ended in (("old", NOW - days - OLD_BY), ("young", NOW - days + OLD_BY)):
            session.add(
                clinic_tables.DeskSessionRow(
                    token_hash=name, staff_id=member.id, created_at=ended, expires_at=ended, idle_until=ended
                )
            )
            referral = clinic_tables.ReferralRow(
                clinic_id=clinic.id, version=1, state="new", state_since=NOW, patient_ref="x", referrer="x",
                received_on=NOW.date(), onset_is_exact=False, created_at=NOW, changed_at=NOW, band="P3", place="5",
                target_on=NOW.date(), machine_band="P3", ruleset="x", sorted_on=NOW.date(), score=0, eye="unknown",
                action="", flags=[], missing=[], sought="", machine_rules=[], findings={}, quotes={}, letter="",
            )  # fmt: skip
            session.add(referral)
            await session.flush()
            session.add(
                clinic_tables.LineInviteRow(
                    clinic_id=clinic.id, referral_id=referral.id, token_hash=name, created_at=ended, expires_at=ended
                )
            )
    assert await run(store, kind, NOW) == 1
