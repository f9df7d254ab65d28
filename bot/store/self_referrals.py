"""Patients who refer themselves: which clinics take them, what they have told so far, and the referral it becomes.

A request becomes a referral and opens the person's line in one transaction: either both are kept or none.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, func, not_, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.referral.record import Referral
from bot.referral.sorting import Sorting
from bot.store import lines, records, referrals
from bot.store.clinic_tables import ClinicRow, LineRow, ReferralEventRow
from bot.store.lines import Told
from bot.store.records import KeptAssessment
from bot.store.staff import Way
from bot.store.tables import MAIN_BOT, AssessmentRow, OutboxRow, SafetyEventRow

WARNED_WITHIN = timedelta(days=7)
"""A warning of the chat counts for a request for so long; a check made after it says how it went on."""
WAY = lines.SELF
"""How such a referral came, in its history."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A clinic that patients may refer themselves to. `hours` says when it reads messages, as the desk keeps it."""

    clinic_id: int
    clinic: str
    way: Way
    offer: str | None
    hours: str | None
    zone: str


@dataclass(frozen=True, slots=True)
class Gone:
    """A request that a person has sent: to which clinic and when. `is_open`: they share with it still."""

    clinic_id: int
    at: datetime
    is_open: bool


@dataclass(frozen=True, slots=True)
class Before:
    """What a person told before: their last check with its moment, and the warnings given since, the oldest first."""

    check: tuple[datetime, KeptAssessment] | None
    warnings: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the person has seen it and agreed to: the referral it becomes, how it is sorted, what to call them.

    `wish` is `clinic`, `video` or `either`.
    """

    clinic_id: int
    referral: Referral
    sorting: Sorting
    patient_ref: str
    referrer: str
    wish: str


class NotTaken(Exception):
    """The clinic stopped taking requests between the question and the yes."""


async def offers(session: AsyncSession, bot: str = MAIN_BOT) -> list[Offer]:
    """The clinics of a bot that take self-referrals, by name."""
    rows = await session.scalars(select(ClinicRow).where(ClinicRow.self_way.is_not(None), lines.bot_of_clinic() == bot))
    found = [
        Offer(row.id, row.public_name or row.name, row.self_way, row.offer, row.hours, row.zone)  # type: ignore[arg-type]
        for row in rows
    ]
    return sorted(found, key=lambda each: (each.clinic.casefold(), each.clinic_id))


async def gone(session: AsyncSession, patient_id: str) -> list[Gone]:
    """The requests that a person has sent, the newest first."""
    rows = await session.execute(
        select(LineRow, ReferralEventRow.detail)
        .join(ReferralEventRow, ReferralEventRow.referral_id == LineRow.referral_id)
        .where(LineRow.patient_id == patient_id, ReferralEventRow.kind == "received")
        .order_by(LineRow.id.desc())
    )
    # By which way it came is sealed, so it is looked at here and not by the database.
    lines_of_theirs = {row.id: row for row, detail in rows if detail.get("way") == WAY}
    return [Gone(row.clinic_id, row.joined_at, row.ended_at is None) for row in lines_of_theirs.values()]


async def before(session: AsyncSession, patient_id: str, now: datetime) -> Before:
    """What a person has told so far that belongs into a request."""
    checks = await records.assessments(session, patient_id, limit=1)
    check = checks[0] if checks else None
    since = max(now - WARNED_WITHIN, check[0]) if check else now - WARNED_WITHIN
    rows = await session.scalars(
        select(SafetyEventRow)
        .where(
            SafetyEventRow.patient_id == patient_id,
            SafetyEventRow.at > since,
            SafetyEventRow.provisional.is_(False),
        )
        .order_by(SafetyEventRow.id)
    )
    return Before(check, tuple(Told("warning", row.at, dict(row.findings), {}) for row in rows))


async def interrupted(session: AsyncSession, patient_id: str, since: datetime) -> bool:
    """Whether the chat has said something unasked since a moment: a reminder, or a message of a clinic."""
    unasked = exists().where(
        OutboxRow.patient_id == patient_id,
        OutboxRow.created_at >= since,
        not_(OutboxRow.key.startswith("update:", autoescape=True)),
    )
    return bool(await session.scalar(select(unasked)))


async def refer(session: AsyncSession, request: Request, patient_id: str, now: datetime) -> int:
    """Write down a request as a referral, and open the person's line to it. Returns the referral's id.

    Raises:
        NotTaken: the clinic takes none any more, or none by the person's bot.
        AlreadyJoined: the person has an open line.
    """
    takes = select(ClinicRow.id).where(
        ClinicRow.id == request.clinic_id,
        ClinicRow.self_way.is_not(None),
        lines.bot_of_clinic() == lines.bot_of(patient_id),
    )
    if await session.scalar(takes) is None:
        raise NotTaken
    number = await referrals.create(
        session,
        request.clinic_id,
        request.referral,
        request.sorting,
        now,
        patient_ref=request.patient_ref,
        referrer=request.referrer,
        staff_id=None,
        detail={"way": WAY, "wish": request.wish},
    )
    # The referral holds exactly what the person was shown; only later checks flow in.
    last = await session.scalar(select(func.max(AssessmentRow.id)).where(AssessmentRow.patient_id == patient_id))
    await lines.open_line(session, request.clinic_id, number, patient_id, now, assessments_to=last or 0)
    return number
