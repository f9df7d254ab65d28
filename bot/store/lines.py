"""The patient's line: invitations, who shares with which clinic, messages both ways, and what waits to be taken in.

What the desk asks for is asked by clinic, like everything of a clinic. What the chat asks for is asked by the person's
pseudonym, or by the hash of a token that only they hold.
"""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.programme.prescribed import Prescribed
from bot.store import consents, outbox, referrals
from bot.store.clinic_tables import (
    ClinicRow,
    LineInviteRow,
    LineMessageRow,
    LineRow,
    MergeRow,
    ReferralEventRow,
    ReferralRow,
    StaffRow,
)
from bot.store.insert import insert_into
from bot.store.staff import hash_of as hash_of
from bot.store.tables import MAIN_BOT, AssessmentRow, OutboxRow, PatientRow, SafetyEventRow, TelegramChatRow

CONSENT_VERSION = "2026-11"
"""The version of the words by which a person agrees to share with a clinic."""

SELF = "self"
"""How a referral came that its patient sent, in its history."""

type EndedBy = Literal["patient", "clinic"]


@dataclass(frozen=True, slots=True)
class Invite:
    """A clinic's invitation. `is_open`: nobody used it, it is not too old, and nobody has taken it back."""

    token_hash: str
    clinic: str
    hours: str | None
    referral_id: int
    is_open: bool


@dataclass(frozen=True, slots=True)
class Line:
    """An open line: which chat shares with which referral of which clinic."""

    id: int
    clinic_id: int
    referral_id: int
    patient_id: str
    clinic: str
    hours: str | None
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """Something that a person's chat found out: a finished check, or a warning that they were given.

    `sources` says of a check's findings how each came; `unclear` means that the answer stayed unclear.
    """

    kind: Literal["check", "warning"]
    at: datetime
    findings: Mapping[str, str]
    sources: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LineMessage:
    """A message of a thread. `delivery` is the outbox's state of one to the patient: waiting, sent, failed."""

    id: int
    at: datetime
    by_patient: bool
    who: str | None
    text: str
    read_at: datetime | None
    delivery: str | None


@dataclass(frozen=True, slots=True)
class OwnRequest:
    """What a person sent a clinic themselves, word for word as they were shown it and agreed."""

    clinic: str
    at: datetime
    text: str


class InviteGone(Exception):
    """The invitation was used or taken back between the question and the answer."""


class AlreadyJoined(InviteGone):
    """The person, or the referral, has an open line already; another message may have opened it at this moment."""


# invitations


async def new_invite(
    session: AsyncSession,
    clinic_id: int,
    referral_id: int,
    token_hash: str,
    staff_id: int,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Write down an invitation; earlier ones of the same referral end."""
    await end_invites(session, clinic_id, referral_id, now)
    session.add(
        LineInviteRow(
            clinic_id=clinic_id,
            referral_id=referral_id,
            token_hash=token_hash,
            staff_id=staff_id,
            created_at=now,
            expires_at=expires_at,
        )
    )


async def end_invites(session: AsyncSession, clinic_id: int, referral_id: int, now: datetime) -> None:
    """Take back a referral's open invitations."""
    await session.execute(
        update(LineInviteRow)
        .where(
            LineInviteRow.clinic_id == clinic_id,
            LineInviteRow.referral_id == referral_id,
            LineInviteRow.used_at.is_(None),
        )
        .values(used_at=now)
    )


async def invited_until(session: AsyncSession, clinic_id: int, referral_id: int, now: datetime) -> datetime | None:
    """Until when a referral's invitation can be used; None when there is none."""
    return await session.scalar(
        select(func.max(LineInviteRow.expires_at)).where(
            LineInviteRow.clinic_id == clinic_id,
            LineInviteRow.referral_id == referral_id,
            LineInviteRow.used_at.is_(None),
            LineInviteRow.expires_at > now,
        )
    )


async def invite_of(session: AsyncSession, token_hash: str, now: datetime, bot: str = MAIN_BOT) -> Invite | None:
    """The invitation of a token's hash, None when no clinic of the bot ever gave one."""
    found = (
        await session.execute(
            select(LineInviteRow, known_as(), ClinicRow.hours)
            .join(ClinicRow, ClinicRow.id == LineInviteRow.clinic_id)
            .where(LineInviteRow.token_hash == token_hash, bot_of_clinic() == bot)
        )
    ).first()
    if found is None:
        return None
    row, clinic, hours = found
    return Invite(token_hash, clinic, hours, row.referral_id, row.used_at is None and row.expires_at > now)


# lines


async def join(session: AsyncSession, token_hash: str, patient_id: str, now: datetime) -> None:
    """Open the line that an invitation offers, once; the referral's history says so.

    Raises:
        InviteGone: it can't be used any more, or not by the person's bot.
        AlreadyJoined: the person or the referral has an open line.
    """
    taken = await session.execute(
        update(LineInviteRow)
        .where(
            LineInviteRow.token_hash == token_hash,
            LineInviteRow.used_at.is_(None),
            LineInviteRow.expires_at > now,
            LineInviteRow.clinic_id.in_(select(ClinicRow.id).where(bot_of_clinic() == bot_of(patient_id))),
        )
        .values(used_at=now)
        .returning(LineInviteRow.clinic_id, LineInviteRow.referral_id)
    )
    row = taken.first()
    if row is None:
        raise InviteGone
    # Warnings of before are no news; of the checks the one that still holds is.
    await open_line(session, *row, patient_id, now, assessments_to=0)


async def open_line(
    session: AsyncSession, clinic_id: int, referral_id: int, patient_id: str, now: datetime, *, assessments_to: int
) -> None:
    """Open the line of a person to a referral; the referral's history says so.

    Args:
        session: an open writing transaction.
        clinic_id: whose referral it is.
        referral_id: which.
        patient_id: who shares from now on.
        now: the present moment.
        assessments_to: the last assessment that the referral holds already; later ones flow in.

    Raises:
        InviteGone: there is no such referral.
        AlreadyJoined: the person or the referral has an open line.
    """
    if await of_patient(session, patient_id) or await of_referral(session, clinic_id, referral_id):
        raise AlreadyJoined
    kept = await referrals.get(session, clinic_id, referral_id)
    if kept is None:
        raise InviteGone
    last = await session.scalar(select(func.max(SafetyEventRow.id)).where(SafetyEventRow.patient_id == patient_id))
    line = LineRow(
        clinic_id=clinic_id,
        referral_id=referral_id,
        patient_id=patient_id,
        consent_version=CONSENT_VERSION,
        joined_at=now,
        assessments_to=assessments_to,
        warnings_to=last or 0,
    )
    try:
        async with session.begin_nested():
            session.add(line)
    except IntegrityError as error:  # where writers don't wait for each other, the index tells
        raise AlreadyJoined from error
    await referrals.change(session, clinic_id, kept, "joined", now, staff_id=None, patient_id=patient_id)
    await consents.note(session, patient_id, "share", now, given=True, version=CONSENT_VERSION, clinic_id=clinic_id)


async def of_patient(session: AsyncSession, patient_id: str) -> Line | None:
    """The open line of a person."""
    return await _one(session, LineRow.patient_id == patient_id)


async def of_referral(session: AsyncSession, clinic_id: int, referral_id: int) -> Line | None:
    """The open line of a clinic's referral."""
    return await _one(session, and_(LineRow.clinic_id == clinic_id, LineRow.referral_id == referral_id))


async def end(session: AsyncSession, line: Line, by: EndedBy, now: datetime, staff_id: int | None = None) -> None:
    """End a line. What came over it stays; what the therapist opened shuts, what they locked stays locked."""
    await session.execute(update(LineRow).where(LineRow.id == line.id).values(ended_at=now, ended_by=by))
    await consents.note(session, line.patient_id, "share", now, given=False, clinic_id=line.clinic_id)
    patient = await session.get(PatientRow, line.patient_id)
    if patient is not None and patient.prescribed is not None:
        patient.prescribed = Prescribed(locked=Prescribed.loads(patient.prescribed).locked).dumps()
    kept = await referrals.get(session, line.clinic_id, line.referral_id)
    if kept is not None:
        await referrals.change(
            session, line.clinic_id, kept, "left", now, staff_id=staff_id, detail={"by": by}, patient_id=None
        )


async def forget(session: AsyncSession, patient_id: str, now: datetime) -> None:
    """End the line of a person who asked to be forgotten; nothing leads from the clinic's record to them any more."""
    line = await of_patient(session, patient_id)
    if line is not None:
        await end(session, line, "patient", now)
    await session.execute(update(LineRow).where(LineRow.patient_id == patient_id).values(patient_id=None))
    await session.execute(update(PatientRow).where(PatientRow.id == patient_id).values(prescribed=None))


# what flows in


async def marks(session: AsyncSession) -> tuple[int, ...]:
    """What grows with everything that may flow in: where nothing has grown, there is nothing to look for."""
    grown = [await session.scalar(select(func.max(each.id))) for each in (AssessmentRow, SafetyEventRow, LineRow)]
    return tuple(each or 0 for each in grown)


async def pending(session: AsyncSession, limit: int) -> list[Line]:
    """Open lines whose person has told something that their referral does not hold yet."""
    checks = exists().where(
        AssessmentRow.patient_id == LineRow.patient_id,
        AssessmentRow.id > LineRow.assessments_to,
        AssessmentRow.expires_at > LineRow.joined_at,
    )
    warnings = exists().where(SafetyEventRow.patient_id == LineRow.patient_id, SafetyEventRow.id > LineRow.warnings_to)
    query = _lines().where(or_(checks, warnings)).order_by(LineRow.id).limit(limit)
    return [_line(*row) for row in (await session.execute(query)).all()]


async def take_in(session: AsyncSession, line: Line) -> list[Told]:
    """Return what a line's person has told since the last time, the oldest first, and note that it was taken in."""
    row = await session.get(LineRow, line.id, populate_existing=True)
    if row is None or row.ended_at is not None:
        return []
    checks = await session.scalars(
        select(AssessmentRow)
        .where(
            AssessmentRow.patient_id == line.patient_id,
            AssessmentRow.id > row.assessments_to,
            AssessmentRow.expires_at > row.joined_at,
        )
        .order_by(AssessmentRow.id)
    )
    told: list[Told] = []
    for check in checks:
        told.append(Told("check", check.at, dict(check.findings), dict(check.sources)))
        row.assessments_to = check.id
    warnings = await session.scalars(
        select(SafetyEventRow)
        .where(SafetyEventRow.patient_id == line.patient_id, SafetyEventRow.id > row.warnings_to)
        .order_by(SafetyEventRow.id)
    )
    for warning in warnings:
        row.warnings_to = warning.id
        if not warning.provisional:  # a question that stands open says nothing yet
            told.append(Told("warning", warning.at, dict(warning.findings), {}))
    return sorted(told, key=lambda each: each.at)


# messages


async def to_clinic(session: AsyncSession, key: str, patient_id: str, text: str, now: datetime) -> bool:
    """Put a person's message on their referral; False when they share with nobody."""
    line = await of_patient(session, patient_id)
    if line is None:
        return False
    await _add(session, line, f"chat:{key}", text, now, staff_id=None, by_patient=True)
    return True


async def to_patient(
    session: AsyncSession, line: Line, once: str, staff_id: int, text: str, body: Mapping[str, object], now: datetime
) -> bool:
    """Write a clinician's message to the thread and to the outbox; False when this very form was sent before.

    Args:
        session: an open writing transaction.
        line: the open line.
        once: what makes this message the same when its form is sent twice.
        staff_id: who writes.
        text: as it was written.
        body: as it is to be sent.
        now: the present moment.
    """
    key = f"desk:{line.id}:{once}"
    if not await _add(session, line, key, text, now, staff_id=staff_id, by_patient=False):
        return False
    await outbox.add(session, key, line.patient_id, "send", body, now)
    return True


def once() -> str:
    """What makes one form's message the same, however often the form is sent."""
    return uuid.uuid4().hex


async def thread(session: AsyncSession, clinic_id: int, referral_id: int) -> list[LineMessage]:
    """The messages of a referral, the oldest first."""
    rows = await session.execute(
        select(LineMessageRow, StaffRow.name, OutboxRow.state)
        .outerjoin(StaffRow, StaffRow.id == LineMessageRow.staff_id)
        .outerjoin(OutboxRow, OutboxRow.key == LineMessageRow.key)
        .where(LineMessageRow.clinic_id == clinic_id, LineMessageRow.referral_id == referral_id)
        .order_by(LineMessageRow.id)
    )
    return [
        LineMessage(row.id, row.at, row.by_patient, name, row.text, row.read_at, delivery)
        for row, name, delivery in rows
    ]


async def mark_read(session: AsyncSession, clinic_id: int, referral_id: int, now: datetime) -> None:
    """Note that the clinic has opened what the patient wrote."""
    await session.execute(
        update(LineMessageRow)
        .where(
            LineMessageRow.clinic_id == clinic_id,
            LineMessageRow.referral_id == referral_id,
            LineMessageRow.by_patient.is_(True),
            LineMessageRow.read_at.is_(None),
        )
        .values(read_at=now)
    )


async def unread(session: AsyncSession, clinic_id: int, referral_ids: Iterable[int] | None = None) -> Mapping[int, int]:
    """How many messages of patients nobody has opened, by referral; of some referrals, or of the whole clinic."""
    query = (
        select(LineMessageRow.referral_id, func.count())
        .where(
            LineMessageRow.clinic_id == clinic_id,
            LineMessageRow.by_patient.is_(True),
            LineMessageRow.read_at.is_(None),
        )
        .group_by(LineMessageRow.referral_id)
    )
    if referral_ids is not None:
        query = query.where(LineMessageRow.referral_id.in_(list(referral_ids)))
    return {row[0]: row[1] for row in await session.execute(query)}


# what a person sent themselves


async def own_requests(session: AsyncSession, patient_id: str) -> list[OwnRequest]:
    """The requests that a person sent themselves, the oldest first, without anything that a clinic or another added.

    Where their request was made one with another referral, it is told as it was before.
    """
    theirs = select(LineRow.referral_id, LineRow.joined_at).where(LineRow.patient_id == patient_id)
    # A merge lets a line lead to the other referral, and remembers which line it was.
    went_over = (
        select(MergeRow.merged_id, LineRow.joined_at)
        .join(LineRow, LineRow.id == MergeRow.line_id)
        .where(LineRow.patient_id == patient_id, MergeRow.undone_at.is_(None))
    )
    opened = {(number, at) for query in (theirs, went_over) for number, at in await session.execute(query)}
    found = await session.execute(
        select(ReferralRow, ReferralEventRow.detail, known_as())
        .join(ReferralEventRow, ReferralEventRow.referral_id == ReferralRow.id)
        .join(ClinicRow, ClinicRow.id == ReferralRow.clinic_id)
        .where(ReferralRow.id.in_({number for number, _ in opened}), ReferralEventRow.kind == "received")
        .order_by(ReferralRow.id)
    )
    # A request opens its line at the same moment. Who was invited to somebody's request later did not send it.
    return [
        OwnRequest(clinic, row.created_at, await _text_alone(session, row))
        for row, told, clinic in found.all()
        if told.get("way") == SELF and (row.id, row.created_at) in opened
    ]


async def _text_alone(session: AsyncSession, row: ReferralRow) -> str:
    """A referral's text without those that were merged into it."""
    first = await session.scalar(
        select(MergeRow.kept_before)
        .where(MergeRow.kept_id == row.id, MergeRow.undone_at.is_(None))
        .order_by(MergeRow.id)
        .limit(1)
    )
    return row.letter if first is None else str(json.loads(first)["referral"]["text"])


# what a therapist sets


async def prescribed(session: AsyncSession, patient_id: str) -> Prescribed:
    """What a therapist has set for a person."""
    text = await session.scalar(select(PatientRow.prescribed).where(PatientRow.id == patient_id))
    return Prescribed.loads(text)


async def prescribe(session: AsyncSession, line: Line, settings: Prescribed) -> None:
    """Set what a therapist allows; the chat obeys from its next message on."""
    await session.execute(
        update(PatientRow).where(PatientRow.id == line.patient_id).values(prescribed=settings.dumps())
    )


def known_as() -> ColumnElement[str]:
    """The name that patients know a clinic by."""
    return func.coalesce(ClinicRow.public_name, ClinicRow.name)


def bot_of_clinic() -> ColumnElement[str]:
    """The bot of a clinic's patients."""
    return func.coalesce(ClinicRow.bot, MAIN_BOT)


def bot_of(patient_id: str) -> ColumnElement[str]:
    """The bot that a person writes to; the main one for somebody without a chat, who is invented."""
    own = select(TelegramChatRow.bot).where(TelegramChatRow.patient_id == patient_id)
    return func.coalesce(own.scalar_subquery(), MAIN_BOT)


async def _add(
    session: AsyncSession, line: Line, key: str, text: str, now: datetime, *, staff_id: int | None, by_patient: bool
) -> bool:
    written = await session.scalar(
        insert_into(session, LineMessageRow)
        .values(
            clinic_id=line.clinic_id,
            referral_id=line.referral_id,
            line_id=line.id,
            key=key,
            at=now,
            by_patient=by_patient,
            staff_id=staff_id,
            text=text,
        )
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(LineMessageRow.id)
    )
    return written is not None


async def _one(session: AsyncSession, condition: object) -> Line | None:
    found: Sequence[object] | None = (await session.execute(_lines().where(condition).limit(1))).first()  # type: ignore[arg-type]
    return _line(*found) if found is not None else None  # type: ignore[arg-type]


def _lines() -> Select[LineRow, str, str | None]:
    return (
        select(LineRow, known_as(), ClinicRow.hours)
        .join(ClinicRow, ClinicRow.id == LineRow.clinic_id)
        .join(ReferralRow, ReferralRow.id == LineRow.referral_id)
        .where(LineRow.ended_at.is_(None), LineRow.patient_id.is_not(None))
    )


def _line(row: LineRow, clinic: str, hours: str | None) -> Line:
    return Line(row.id, row.clinic_id, row.referral_id, str(row.patient_id), clinic, hours, row.joined_at)
