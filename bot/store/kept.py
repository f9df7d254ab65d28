"""The register of everything that is kept: what each table and file holds of a person, and how it is erased.

A test walks all tables and fails on one that is not here. Whoever adds a table adds its line: what it holds of a
person, or why it holds nothing. `docs/privacy.md` tells the same to whoever runs the system.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.store import clinic_tables as clinic
from bot.store import erasures, inbox, lines, staff, tables
from bot.store.tables import Base

type Entry = dict[str, Any]
type Export = Callable[[AsyncSession, str], Awaitable[list[Entry]]]
type Erase = Callable[[AsyncSession, str], Awaitable[None]]
type Whose = Literal["person", "clinic", "nobody"]
"""Whose record it is. The clinic's stays with the clinic when a person is erased, and names no chat any more."""

ERASED = "person.erased"
"""What the audit says of an erasure: that there was one, and when. It names nobody."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One table of the register.

    Attributes:
        table: which.
        whose: whose record it is.
        why: what it holds of a person and how that is erased, or why it holds nothing of one.
        title: the key of the words that stand above it in an export; empty where nothing of it is exported.
        export: returns what it holds of a person, as plain values.
        erase: deletes or unlinks what it holds of a person.
        is_trace: rows that say little more than when; a readable export counts them, the whole one holds them.
    """

    table: type[Base]
    whose: Whose
    why: str
    title: str = ""
    export: Export | None = None
    erase: Erase | None = None
    is_trace: bool = False


@dataclass(frozen=True, slots=True)
class KeptFile:
    """Files below the data folder, by a pattern of their path in it: what of a person they hold, and what erases it."""

    pattern: str
    why: str


@dataclass(frozen=True, slots=True)
class Section:
    """What one table holds of a person, under the key of its heading."""

    table: str
    title: str
    entries: tuple[Entry, ...]
    is_trace: bool


# what is exported

_NOT_TOLD = frozenset({"id", "key", "patient_id", "claimed_by", "claimed_until", "attempts", "look_at", "priority"})
_JSON_TEXTS = frozenset({"intake", "practice", "form", "reminders", "prescribed", "referring", "rule"})


def _told(row: Base, left_out: frozenset[str]) -> Entry:
    """A row as plain values: moments in ISO 8601, JSON texts opened, what is empty left out."""
    told: Entry = {}
    for column in row.__table__.columns:
        value = getattr(row, column.key)
        if column.key in left_out or value is None:
            continue
        if column.key in _JSON_TEXTS and isinstance(value, str):
            value = json.loads(value)
        told[column.key] = value.isoformat() if hasattr(value, "isoformat") else value
    return told


def _rows_of(table: Any, *left_out: str) -> Export:
    """Export a person's rows of a table that names them in `patient_id`."""

    async def export(session: AsyncSession, patient_id: str) -> list[Entry]:
        found = await session.scalars(
            select(table).where(table.patient_id == patient_id).order_by(*table.__table__.primary_key.columns)
        )
        return [_told(row, _NOT_TOLD | set(left_out)) for row in found]

    return export


async def _person(session: AsyncSession, patient_id: str) -> list[Entry]:
    row = await session.get(tables.PatientRow, patient_id, populate_existing=True)
    left_out = _NOT_TOLD - {"id"} | {"invite", "deleting_at"}
    return [_told(row, left_out)] if row is not None else []


async def _updates(session: AsyncSession, patient_id: str) -> list[Entry]:
    """The person's messages as they came. Their words are dropped once answered, so most rows say only when."""
    chat = tables.TelegramChatRow
    found = await session.scalars(
        select(tables.InboxRow)
        .join(chat, (chat.bot == tables.InboxRow.bot) & (chat.chat_id == tables.InboxRow.chat_id))
        .where(chat.patient_id == patient_id)
        .order_by(tables.InboxRow.id)
    )
    return [_told(row, _NOT_TOLD | {"update_id", "chat_id", "bot"}) for row in found]


def _own_lines(patient_id: str) -> Any:
    return select(clinic.LineRow.id).where(clinic.LineRow.patient_id == patient_id)


async def _shared(session: AsyncSession, patient_id: str) -> list[Entry]:
    found = await session.execute(
        select(clinic.LineRow, lines.known_as())
        .join(clinic.ClinicRow, clinic.ClinicRow.id == clinic.LineRow.clinic_id)
        .where(clinic.LineRow.patient_id == patient_id)
        .order_by(clinic.LineRow.id)
    )
    left_out = _NOT_TOLD | {"clinic_id", "referral_id", "assessments_to", "warnings_to"}
    return [{"clinic": name, **_told(row, left_out)} for row, name in found]


async def _thread(session: AsyncSession, patient_id: str) -> list[Entry]:
    """The messages between the person and their clinics, which both have seen; not who at the clinic wrote."""
    found = await session.scalars(
        select(clinic.LineMessageRow)
        .where(clinic.LineMessageRow.line_id.in_(_own_lines(patient_id)))
        .order_by(clinic.LineMessageRow.id)
    )
    return [
        {"at": row.at.isoformat(), "by": "you" if row.by_patient else "the clinic", "text": row.text} for row in found
    ]


async def _records(session: AsyncSession, patient_id: str) -> list[Entry]:
    """That a clinic keeps a record, since when, and what the person sent it. The rest is the clinic's to give."""
    found = await session.execute(
        select(lines.known_as(), clinic.ReferralRow.received_on)
        .join(clinic.ClinicRow, clinic.ClinicRow.id == clinic.ReferralRow.clinic_id)
        .join(clinic.LineRow, clinic.LineRow.referral_id == clinic.ReferralRow.id)
        .where(clinic.LineRow.patient_id == patient_id)
        .distinct()
    )
    sent = await lines.own_requests(session, patient_id)
    return [{"clinic": name, "record_since": since.isoformat()} for name, since in found] + [
        {"clinic": each.clinic, "sent": each.at.isoformat(), "your_request": each.text} for each in sent
    ]


# what is erased


def _delete_of(table: Any) -> Erase:
    """Delete a person's rows of a table that names them in `patient_id`."""

    async def erase(session: AsyncSession, patient_id: str) -> None:
        await session.execute(delete(table).where(table.patient_id == patient_id))

    return erase


async def _delete_person(session: AsyncSession, patient_id: str) -> None:
    await session.execute(delete(tables.PatientRow).where(tables.PatientRow.id == patient_id))


async def _unname_updates(session: AsyncSession, patient_id: str) -> None:
    chat = await session.scalar(select(tables.TelegramChatRow).where(tables.TelegramChatRow.patient_id == patient_id))
    if chat is not None:
        await inbox.unname(session, chat.chat_id, chat.bot)


async def _unlink_records(session: AsyncSession, patient_id: str) -> None:
    await session.execute(
        update(clinic.ReferralRow).where(clinic.ReferralRow.patient_id == patient_id).values(patient_id=None)
    )


async def _unlink_lines(session: AsyncSession, patient_id: str) -> None:
    await session.execute(update(clinic.LineRow).where(clinic.LineRow.patient_id == patient_id).values(patient_id=None))


_CLINICS = (
    "The clinic's record. It stays with the clinic, and nothing leads from it to a chat once they are erased. "
    "An admin of the clinic can delete it."
)
_STAFF = "Of the clinic's staff and programs, not of patients."

REGISTER: tuple[Kept, ...] = (
    Kept(
        tables.PatientRow, "person", "Consent, first answers, and what is under way. The row is deleted.",
        "own.you", _person, _delete_person,
    ),
    Kept(
        tables.TelegramChatRow, "person",
        "Which Telegram chat they are. Deleted. The chat's number itself is not repeated in an export.",
        "own.chat", _rows_of(tables.TelegramChatRow, "chat_id", "bot"), _delete_of(tables.TelegramChatRow),
    ),
    Kept(
        tables.ConsentRow, "person", "What they agreed to and withdrew. Deleted.",
        "own.consents", _rows_of(tables.ConsentRow, "clinic_id"), _delete_of(tables.ConsentRow),
    ),
    Kept(
        tables.AssessmentRow, "person", "Triage checks. Deleted.",
        "own.checks", _rows_of(tables.AssessmentRow), _delete_of(tables.AssessmentRow),
    ),
    Kept(
        tables.SafetyEventRow, "person", "Warnings they were given. Deleted.",
        "own.warnings", _rows_of(tables.SafetyEventRow), _delete_of(tables.SafetyEventRow),
    ),
    Kept(
        tables.SessionRow, "person", "The diary of exercises. Deleted.",
        "own.sessions", _rows_of(tables.SessionRow), _delete_of(tables.SessionRow),
    ),
    Kept(
        tables.ScoreRow, "person", "Answered questionnaires. Deleted.",
        "own.scores", _rows_of(tables.ScoreRow), _delete_of(tables.ScoreRow),
    ),
    Kept(
        tables.ReminderRow, "person", "When their reminders are due. Deleted.",
        "own.reminders", _rows_of(tables.ReminderRow), _delete_of(tables.ReminderRow),
    ),
    Kept(
        tables.FeedbackRow, "person", "Which articles helped them. Deleted.",
        "own.feedback", _rows_of(tables.FeedbackRow), _delete_of(tables.FeedbackRow),
    ),
    Kept(
        tables.MissRow, "person", "What was not understood, without names or numbers. Deleted.",
        "own.misses", _rows_of(tables.MissRow), _delete_of(tables.MissRow),
    ),
    Kept(
        clinic.LineRow, "clinic", "That they shared, and when. The pseudonym is taken out; the row is the clinic's.",
        "own.shared", _shared, _unlink_lines,
    ),
    Kept(
        clinic.LineMessageRow, "clinic", f"What was written between clinic and patient. {_CLINICS}",
        "own.thread", _thread,
    ),
    Kept(
        clinic.ReferralRow, "clinic", f"Referrals, their own requests too. {_CLINICS}",
        "own.records", _records, _unlink_records,
    ),
    Kept(
        tables.InboxRow, "person",
        "Their messages until answered. An answered one keeps its update's number, for nothing is answered twice; "
        "the chat's number and any words are taken out. One that came after the erasure is a new person's.",
        "own.came", _updates, _unname_updates, is_trace=True,
    ),
    Kept(
        tables.OutboxRow, "person", "Our messages until sent. Deleted.",
        "own.went", _rows_of(tables.OutboxRow, "bot"), _delete_of(tables.OutboxRow), is_trace=True,
    ),
    Kept(
        tables.ErasureRow, "person",
        "The pseudonym and the chat of somebody who is being erased, until all is done; then nobody. A pseudonym of "
        "which the engine's turns are to be wiped, until they are. Not exported: it says only what is about to go.",
    ),
    Kept(tables.ReminderCountRow, "nobody", "How many reminders of all people together, by day."),
    Kept(tables.FactRow, "nobody", "What one process tells the others of itself."),
    Kept(clinic.ReferralEventRow, "clinic", _CLINICS),
    Kept(clinic.MeasureRow, "clinic", _CLINICS),
    Kept(clinic.MergeRow, "clinic", _CLINICS),
    Kept(clinic.NotSameRow, "clinic", _CLINICS),
    Kept(clinic.ApiRequestRow, "clinic", _CLINICS),
    Kept(clinic.LineInviteRow, "clinic", "Invitations of a referral: hashes. They name no chat."),
    Kept(clinic.AuditRow, "nobody", "Who of the staff did or read what: numbers of rows, no pseudonym, no words."),
    Kept(clinic.ClinicRow, "nobody", _STAFF),
    Kept(clinic.StaffRow, "nobody", _STAFF),
    Kept(clinic.InvitationRow, "nobody", _STAFF),
    Kept(clinic.DeskSessionRow, "nobody", _STAFF),
    Kept(clinic.ApiTokenRow, "nobody", _STAFF),
)  # fmt: skip

FILES: tuple[KeptFile, ...] = (
    KeptFile("septimus.db*", "The database: the tables above. Rebuilt after an erasure, its journal emptied."),
    KeptFile(
        "tracker.db*",
        "The engine's last turns under the pseudonym. The row is deleted, the file rebuilt, its journal emptied.",
    ),
    KeptFile("logs/*", "Events, pseudonyms and numbers of rows: no words, names or Telegram numbers."),
    KeptFile("*.log", "As logs/*."),
    KeptFile("keys*", "The keys that fields are sealed with, and the lock of who changes them. Nothing of a person."),
    KeptFile("erased", "Digests of the random numbers of who was erased, for after a restore. They tell of nobody."),
    KeptFile("restored", "A mark without content: the database was put back, and who was erased is to be looked for."),
    KeptFile("run/*", "Locks, addresses and tokens of the processes."),
)


async def export(session: AsyncSession, patient_id: str) -> list[Section]:
    """What is kept of a person, table by table, in the register's order; an empty table is left out."""
    found = []
    for each in REGISTER:
        entries = await each.export(session, patient_id) if each.export is not None else []
        if entries:
            found.append(Section(each.table.__tablename__, each.title, tuple(entries), each.is_trace))
    return found


async def erase(session: AsyncSession, patient_id: str, now: datetime, *, tell: bool = True) -> None:
    """Empty all tables of a person, and write down what is left to do elsewhere. All in the caller's transaction.

    The clinic's record stays, unlinked. The audit gets a line that names nobody. Erasing nobody changes nothing.
    `tell` says whether they are told once it is done.
    """
    if await session.get(tables.PatientRow, patient_id) is None:
        return
    chat_id, bot = await _emptied(session, patient_id, now)
    await erasures.begin(session, patient_id, chat_id if tell else None, now, bot)
    await staff.note(session, ERASED, now, clinic_id=None, staff_id=None)


async def take_away(session: AsyncSession, patient_id: str, now: datetime) -> None:
    """Empty all tables of somebody invented, and let the engine forget them. No line tells of it afterwards."""
    await _emptied(session, patient_id, now)
    await erasures.wipe(session, patient_id, now)


async def _emptied(session: AsyncSession, patient_id: str, now: datetime) -> tuple[int | None, str]:
    """Empty all tables of a person; return the chat they had, and the bot of it."""
    chat = tables.TelegramChatRow
    found = (await session.execute(select(chat.chat_id, chat.bot).where(chat.patient_id == patient_id))).first()
    chat_id, bot = found if found is not None else (None, tables.MAIN_BOT)
    await lines.forget(session, patient_id, now)
    await session.flush()
    # What others point to goes last, and the chat's number is needed for its updates.
    last = (tables.TelegramChatRow, tables.PatientRow)
    for each in sorted(REGISTER, key=lambda kept: last.index(kept.table) if kept.table in last else -1):
        if each.erase is not None:
            await each.erase(session, patient_id)
    session.expire_all()
    return chat_id, bot
