"""Other programs of a clinic: the tokens they name themselves by, and how the referrals came that they sent.

Tokens and identifiers are kept by their hash. Of a request only the sender's references are kept, not what it said.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.store.clinic_tables import ApiRequestRow, ApiTokenRow, ClinicRow, StaffRow
from bot.store.staff import hash_of


@dataclass(frozen=True, slots=True)
class Caller:
    """Who holds a token: one program of one clinic. `zone` is the clinic's."""

    token_id: int
    clinic_id: int
    zone: str
    name: str
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """What is remembered of how a referral came: the sender's references to its request and its patient."""

    request: str | None
    patient: str | None


@dataclass(frozen=True, slots=True)
class Program:
    """A program that may send referrals, or might until it was stopped. `made_by` is a name."""

    id: int
    name: str
    made_by: str | None
    made_at: datetime
    withdrawn_at: datetime | None
    last_used_at: datetime | None


async def caller(session: AsyncSession, token: str) -> Caller | None:
    """Whose token this is; None when it is nobody's, or was withdrawn."""
    found = (
        await session.execute(
            select(ApiTokenRow, ClinicRow.zone)
            .join(ClinicRow, ClinicRow.id == ApiTokenRow.clinic_id)
            .where(ApiTokenRow.token_hash == hash_of(token), ApiTokenRow.withdrawn_at.is_(None))
        )
    ).first()
    if found is None:
        return None
    row, zone = found
    return Caller(row.id, row.clinic_id, zone, row.name, row.last_used_at)


async def used(session: AsyncSession, token_id: int, now: datetime) -> None:
    """Write down that a token was used."""
    await session.execute(update(ApiTokenRow).where(ApiTokenRow.id == token_id).values(last_used_at=now))


async def known(session: AsyncSession, clinic_id: int, identifiers: Sequence[str]) -> int | None:
    """The clinic's referral that came with one of these identifiers before; the earliest, when they name several."""
    return await session.scalar(
        select(ApiRequestRow.referral_id)
        .where(
            ApiRequestRow.clinic_id == clinic_id,
            ApiRequestRow.identifier_hash.in_([hash_of(each) for each in identifiers]),
        )
        .order_by(ApiRequestRow.id)
        .limit(1)
    )


async def remember(
    session: AsyncSession, caller: Caller, referral_id: int, sent: Sent, identifiers: Sequence[str]
) -> None:
    """Write down how a referral came. Its identifiers must not be known yet."""
    hashes: list[str | None] = [hash_of(each) for each in dict.fromkeys(identifiers)]
    session.add_all(
        ApiRequestRow(
            clinic_id=caller.clinic_id,
            referral_id=referral_id,
            token_id=caller.token_id,
            identifier_hash=each,
            request=sent.request,
            patient=sent.patient,
        )
        for each in hashes or [None]
    )
    await session.flush()


async def sent(session: AsyncSession, clinic_id: int, referral_id: int) -> Sent | None:
    """How a referral came; None when it is not this clinic's, or came another way."""
    row = await session.scalar(
        select(ApiRequestRow)
        .where(ApiRequestRow.clinic_id == clinic_id, ApiRequestRow.referral_id == referral_id)
        .order_by(ApiRequestRow.id)
        .limit(1)
    )
    return Sent(row.request, row.patient) if row else None


async def new_program(
    session: AsyncSession, clinic_id: int, name: str, token: str, staff_id: int, now: datetime
) -> None:
    """Let a program of a clinic send referrals with this token, of which only the hash is kept."""
    session.add(ApiTokenRow(clinic_id=clinic_id, name=name, token_hash=hash_of(token), made_by=staff_id, made_at=now))


async def programs(session: AsyncSession, clinic_id: int) -> list[Program]:
    """A clinic's programs: those that may send first, of each the newest first."""
    rows = await session.execute(
        select(ApiTokenRow, StaffRow.name)
        .outerjoin(StaffRow, (StaffRow.id == ApiTokenRow.made_by) & (StaffRow.clinic_id == ApiTokenRow.clinic_id))
        .where(ApiTokenRow.clinic_id == clinic_id)
        .order_by(ApiTokenRow.withdrawn_at.is_not(None), ApiTokenRow.id.desc())
    )
    return [
        Program(row.id, row.name, maker, row.made_at, row.withdrawn_at, row.last_used_at) for row, maker in rows.all()
    ]


async def withdraw(session: AsyncSession, clinic_id: int, token_id: int, now: datetime) -> str | None:
    """End a clinic's token at once, and return its program's name; None when there is none such, or it has ended."""
    return await session.scalar(
        update(ApiTokenRow)
        .where(ApiTokenRow.id == token_id, ApiTokenRow.clinic_id == clinic_id, ApiTokenRow.withdrawn_at.is_(None))
        .values(withdrawn_at=now)
        .returning(ApiTokenRow.name)
    )
