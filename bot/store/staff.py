"""Who may work at the desk: clinics, their staff, links that set a password, signed-in browsers, and the audit.

Tokens are known to their holders alone; here only their hash is kept. What belongs to a clinic is asked for by its id.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.store.clinic_tables import AuditRow, ClinicRow, DeskSessionRow, InvitationRow, StaffRow

type Role = Literal["viewer", "clinician", "admin"]
"""What a person at the desk may: read; work with referrals too; manage staff too."""

type Purpose = Literal["setup", "invite", "reset"]

FREE_FAILURES = 10
"""Failed sign-ins in a row before the account locks."""
_LONGEST_LOCK = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Clinic:
    """A clinic. `zone` is an IANA name: its times are shown there, its days counted there."""

    id: int
    name: str
    zone: str


type Way = Literal["clinic", "video", "both"]
"""How a clinic assesses patients who refer themselves: in the clinic, by video, or as they like."""


@dataclass(frozen=True, slots=True)
class SelfReferral:
    """Whether patients may refer themselves from the chat. `way` is None where they may not, as for a new clinic.

    `public_name` is what patients know the clinic by, None for its own; `offer` is a line that the chat tells of it.
    """

    way: Way | None
    public_name: str | None
    offer: str | None


@dataclass(frozen=True, slots=True)
class Member:
    """A person at the desk, without what they sign in with."""

    id: int
    clinic_id: int
    email: str
    name: str
    role: Role
    has_totp: bool
    disabled_at: datetime | None
    locked_until: datetime | None
    signed_in_at: datetime | None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a sign-in is checked against."""

    member: Member
    password_hash: str
    totp_secret: str | None
    totp_last_step: int | None


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed-in browser: who, of which clinic, and a second factor that is being set up."""

    session_id: int
    member: Member
    clinic: Clinic
    totp_offer: str | None


@dataclass(frozen=True, slots=True)
class Link:
    """A link that sets a password once. `clinic_id` is None for the one that makes a clinic."""

    id: int
    purpose: Purpose
    clinic_id: int | None
    staff_id: int | None
    email: str | None
    name: str | None
    role: Role | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class AuditLine:
    """Who did or read what, and when. `who` is None for the program, and for a sign-in of nobody known."""

    at: datetime
    who: str | None
    what: str
    referral_id: int | None
    about: str | None


class EmailTaken(ValueError):
    """Somebody at a desk has this email address already."""


def hash_of(token: str) -> str:
    """The hash under which a token is kept. Tokens are long and random, so no slow hash is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


# clinics and their staff


async def has_admin(session: AsyncSession) -> bool:
    """Whether anybody can manage staff, at any clinic."""
    found = select(StaffRow.id).where(StaffRow.role == "admin", StaffRow.disabled_at.is_(None)).limit(1)
    return await session.scalar(found) is not None


async def new_clinic(session: AsyncSession, name: str, zone: str, now: datetime) -> Clinic:
    """Make a clinic."""
    row = ClinicRow(name=name, zone=zone, created_at=now)
    session.add(row)
    await session.flush()
    return Clinic(row.id, row.name, row.zone)


async def hours(session: AsyncSession, clinic_id: int) -> str | None:
    """When somebody at a clinic reads patients' messages, in its own words."""
    return await session.scalar(select(ClinicRow.hours).where(ClinicRow.id == clinic_id))


async def set_hours(session: AsyncSession, clinic_id: int, hours: str | None) -> None:
    """Say when somebody reads patients' messages; None takes it back."""
    await session.execute(update(ClinicRow).where(ClinicRow.id == clinic_id).values(hours=hours))


async def self_referral(session: AsyncSession, clinic_id: int) -> SelfReferral:
    """Whether patients may refer themselves to a clinic, and what they are told of it."""
    row = await session.get(ClinicRow, clinic_id)
    if row is None:
        return SelfReferral(None, None, None)
    return SelfReferral(row.self_way, row.public_name, row.offer)  # type: ignore[arg-type]


async def set_self_referral(session: AsyncSession, clinic_id: int, setting: SelfReferral) -> None:
    """Say whether patients may refer themselves; requests that came before stay."""
    await session.execute(
        update(ClinicRow)
        .where(ClinicRow.id == clinic_id)
        .values(self_way=setting.way, public_name=setting.public_name, offer=setting.offer)
    )


async def clinic_ids(session: AsyncSession) -> Sequence[tuple[int, str]]:
    """Every clinic's id and zone, for what the program does by itself each day."""
    return [(row.id, row.zone) for row in await session.scalars(select(ClinicRow))]


async def new_member(
    session: AsyncSession, clinic_id: int, email: str, name: str, role: Role, password_hash: str, now: datetime
) -> Member:
    """Make a person of a clinic.

    Raises:
        EmailTaken: the address is somebody's already.
    """
    email = email.strip().lower()
    if await session.scalar(select(StaffRow.id).where(StaffRow.email == email)) is not None:
        raise EmailTaken(email)
    row = StaffRow(
        clinic_id=clinic_id, email=email, name=name, role=role, password_hash=password_hash, created_at=now, failed=0
    )
    session.add(row)
    await session.flush()
    return _member(row)


async def credentials_of(session: AsyncSession, email: str) -> Credentials | None:
    """What a sign-in with this address is checked against, None when nobody has it."""
    row = await session.scalar(select(StaffRow).where(StaffRow.email == email.strip().lower()))
    return _credentials(row) if row else None


async def credentials(session: AsyncSession, clinic_id: int, staff_id: int) -> Credentials | None:
    """What a person of a clinic signs in with."""
    row = await _row(session, clinic_id, staff_id)
    return _credentials(row) if row else None


async def members(session: AsyncSession, clinic_id: int) -> list[Member]:
    """A clinic's people by name, those who may still sign in first."""
    rows = await session.scalars(
        select(StaffRow)
        .where(StaffRow.clinic_id == clinic_id)
        .order_by(StaffRow.disabled_at.is_not(None), func.lower(StaffRow.name), StaffRow.id)
    )
    return [_member(row) for row in rows]


async def member(session: AsyncSession, clinic_id: int, staff_id: int) -> Member | None:
    """One person of a clinic."""
    row = await _row(session, clinic_id, staff_id)
    return _member(row) if row else None


async def other_admins(session: AsyncSession, clinic_id: int, staff_id: int) -> int:
    """How many people besides this one may manage the clinic's staff."""
    count = select(func.count()).where(
        StaffRow.clinic_id == clinic_id,
        StaffRow.id != staff_id,
        StaffRow.role == "admin",
        StaffRow.disabled_at.is_(None),
    )
    return await session.scalar(count) or 0


async def set_role(session: AsyncSession, clinic_id: int, staff_id: int, role: Role) -> None:
    """Change what a person may."""
    await _change(session, clinic_id, staff_id, role=role)


async def set_disabled(session: AsyncSession, clinic_id: int, staff_id: int, at: datetime | None) -> None:
    """Let a person sign in no longer, or (None) again; disabled, they are signed out everywhere, and links end."""
    await _change(session, clinic_id, staff_id, disabled_at=at)
    if at is not None:
        await end_sessions(session, staff_id)
        await session.execute(
            update(InvitationRow)
            .where(InvitationRow.staff_id == staff_id, InvitationRow.used_at.is_(None))
            .values(used_at=at)
        )


async def set_password(session: AsyncSession, clinic_id: int, staff_id: int, password_hash: str) -> None:
    """Set a new password; it also ends a lock."""
    await _change(session, clinic_id, staff_id, password_hash=password_hash, failed=0, locked_until=None)


async def set_totp(
    session: AsyncSession, clinic_id: int, staff_id: int, secret: str | None, step: int | None = None
) -> None:
    """Set the second factor, with the step of the code that proved it, or (None) take it away."""
    await _change(session, clinic_id, staff_id, totp_secret=secret, totp_last_step=step)


async def note_failure(session: AsyncSession, staff_id: int, now: datetime) -> datetime | None:
    """Count a failed sign-in, and return until when the account is locked by it, if it is.

    The tenth in a row locks for a minute, each further one for twice as long, up to a day.
    """
    failed = await session.scalar(
        update(StaffRow).where(StaffRow.id == staff_id).values(failed=StaffRow.failed + 1).returning(StaffRow.failed)
    )
    if failed is None or failed < FREE_FAILURES:
        return None
    lock: timedelta = min(timedelta(minutes=1) * 2 ** min(int(failed) - FREE_FAILURES, 12), _LONGEST_LOCK)
    await session.execute(update(StaffRow).where(StaffRow.id == staff_id).values(locked_until=now + lock))
    return now + lock


async def note_success(session: AsyncSession, staff_id: int, totp_step: int | None, now: datetime) -> bool:
    """Note a sign-in. False when its code had been used already, also by another sign-in at this very moment."""
    values: dict[str, object] = {"failed": 0, "locked_until": None, "signed_in_at": now}
    change = update(StaffRow).where(StaffRow.id == staff_id)
    if totp_step is not None:
        change = change.where((StaffRow.totp_last_step.is_(None)) | (StaffRow.totp_last_step < totp_step))
        values["totp_last_step"] = totp_step
    return await session.scalar(change.values(**values).returning(StaffRow.id)) is not None


async def set_hash(session: AsyncSession, staff_id: int, password_hash: str) -> None:
    """Keep the same password under today's cost."""
    await session.execute(update(StaffRow).where(StaffRow.id == staff_id).values(password_hash=password_hash))


# links that set a password


async def new_link(
    session: AsyncSession,
    token: str,
    purpose: Purpose,
    now: datetime,
    expires_at: datetime,
    *,
    clinic_id: int | None = None,
    staff_id: int | None = None,
    email: str | None = None,
    name: str | None = None,
    role: Role | None = None,
) -> None:
    """Keep a new link. Earlier ones for the same person, and earlier ones that would make the first clinic, end."""
    earlier = update(InvitationRow).where(InvitationRow.purpose == purpose, InvitationRow.used_at.is_(None))
    if purpose == "reset":
        earlier = earlier.where(InvitationRow.staff_id == staff_id)
    elif purpose == "invite":
        email = (email or "").strip().lower()
        earlier = earlier.where(InvitationRow.clinic_id == clinic_id, InvitationRow.email == email)
    await session.execute(earlier.values(used_at=now))
    session.add(
        InvitationRow(
            token_hash=hash_of(token),
            purpose=purpose,
            clinic_id=clinic_id,
            staff_id=staff_id,
            email=email,
            name=name,
            role=role,
            created_at=now,
            expires_at=expires_at,
        )
    )


async def link_of(session: AsyncSession, token: str, now: datetime) -> Link | None:
    """The link with this token, if it can still be used."""
    row = await session.scalar(
        select(InvitationRow).where(
            InvitationRow.token_hash == hash_of(token), InvitationRow.used_at.is_(None), InvitationRow.expires_at > now
        )
    )
    return _link(row) if row else None


async def use_link(session: AsyncSession, link_id: int, now: datetime) -> bool:
    """Use a link up; False when it had been used already."""
    used = (
        update(InvitationRow)
        .where(InvitationRow.id == link_id, InvitationRow.used_at.is_(None))
        .values(used_at=now)
        .returning(InvitationRow.id)
    )
    return await session.scalar(used) is not None


async def open_invitations(session: AsyncSession, clinic_id: int, now: datetime) -> list[Link]:
    """A clinic's invitations that nobody has accepted yet, the newest first."""
    rows = await session.scalars(
        select(InvitationRow)
        .where(
            InvitationRow.clinic_id == clinic_id,
            InvitationRow.purpose == "invite",
            InvitationRow.used_at.is_(None),
            InvitationRow.expires_at > now,
        )
        .order_by(InvitationRow.id.desc())
    )
    return [_link(row) for row in rows]


async def withdraw(session: AsyncSession, clinic_id: int, link_id: int, now: datetime) -> bool:
    """End a clinic's invitation; False when there is none such."""
    ended = (
        update(InvitationRow)
        .where(InvitationRow.id == link_id, InvitationRow.clinic_id == clinic_id, InvitationRow.used_at.is_(None))
        .values(used_at=now)
        .returning(InvitationRow.id)
    )
    return await session.scalar(ended) is not None


# signed-in browsers


async def open_session(
    session: AsyncSession, token: str, staff_id: int, now: datetime, *, lasts: timedelta, idle: timedelta
) -> None:
    """Keep a browser that has just signed in; those of everybody that are over are dropped."""
    await session.execute(
        delete(DeskSessionRow).where((DeskSessionRow.expires_at <= now) | (DeskSessionRow.idle_until <= now))
    )
    session.add(
        DeskSessionRow(
            token_hash=hash_of(token),
            staff_id=staff_id,
            created_at=now,
            expires_at=now + lasts,
            idle_until=now + idle,
        )
    )


async def signed_in(session: AsyncSession, token: str, now: datetime) -> tuple[Signed, datetime] | None:
    """Who holds this cookie, and until when if nothing more is done; None when that is over or they are disabled."""
    found = (
        await session.execute(
            select(DeskSessionRow, StaffRow, ClinicRow)
            .join(StaffRow, StaffRow.id == DeskSessionRow.staff_id)
            .join(ClinicRow, ClinicRow.id == StaffRow.clinic_id)
            .where(
                DeskSessionRow.token_hash == hash_of(token),
                DeskSessionRow.expires_at > now,
                DeskSessionRow.idle_until > now,
                StaffRow.disabled_at.is_(None),
            )
        )
    ).first()
    if found is None:
        return None
    opened, person, clinic = found
    signed = Signed(opened.id, _member(person), Clinic(clinic.id, clinic.name, clinic.zone), opened.totp_offer)
    return signed, opened.idle_until


async def stay(session: AsyncSession, session_id: int, idle_until: datetime) -> None:
    """Move on the moment at which an idle browser is signed out."""
    await session.execute(update(DeskSessionRow).where(DeskSessionRow.id == session_id).values(idle_until=idle_until))


async def offer_totp(session: AsyncSession, session_id: int, secret: str | None) -> None:
    """Keep the secret of a second factor while it is being set up."""
    await session.execute(update(DeskSessionRow).where(DeskSessionRow.id == session_id).values(totp_offer=secret))


async def end_session(session: AsyncSession, session_id: int) -> None:
    """Sign a browser out."""
    await session.execute(delete(DeskSessionRow).where(DeskSessionRow.id == session_id))


async def end_sessions(session: AsyncSession, staff_id: int, but: int | None = None) -> None:
    """Sign a person out everywhere, but for one browser."""
    over = delete(DeskSessionRow).where(DeskSessionRow.staff_id == staff_id)
    if but is not None:
        over = over.where(DeskSessionRow.id != but)
    await session.execute(over)


# the audit


async def note(
    session: AsyncSession,
    what: str,
    now: datetime,
    *,
    clinic_id: int | None,
    staff_id: int | None,
    referral_id: int | None = None,
    about: str | None = None,
) -> None:
    """Write a line of the audit."""
    session.add(
        AuditRow(
            clinic_id=clinic_id,
            at=now,
            staff_id=staff_id,
            what=what,
            referral_id=referral_id,
            about=about[:120] if about else None,
        )
    )


async def audit(
    session: AsyncSession, clinic_id: int, limit: int, about_referral: int | None = None
) -> list[AuditLine]:
    """A clinic's audit, the newest first.

    Args:
        session: an open transaction.
        clinic_id: whose.
        limit: how many lines.
        about_referral: only the lines on this referral.
    """
    query = (
        select(AuditRow, StaffRow.name)
        .outerjoin(StaffRow, (StaffRow.id == AuditRow.staff_id) & (StaffRow.clinic_id == AuditRow.clinic_id))
        .where(AuditRow.clinic_id == clinic_id)
        .order_by(AuditRow.id.desc())
        .limit(limit)
    )
    if about_referral is not None:
        query = query.where(AuditRow.referral_id == about_referral)
    rows = (await session.execute(query)).all()
    return [AuditLine(line.at, name, line.what, line.referral_id, line.about) for line, name in rows]


async def _row(session: AsyncSession, clinic_id: int, staff_id: int) -> StaffRow | None:
    return await session.scalar(select(StaffRow).where(StaffRow.id == staff_id, StaffRow.clinic_id == clinic_id))


async def _change(session: AsyncSession, clinic_id: int, staff_id: int, **values: object) -> None:
    await session.execute(
        update(StaffRow).where(StaffRow.id == staff_id, StaffRow.clinic_id == clinic_id).values(**values)
    )


def _member(row: StaffRow) -> Member:
    return Member(
        id=row.id,
        clinic_id=row.clinic_id,
        email=row.email,
        name=row.name,
        role=row.role,  # type: ignore[arg-type]
        has_totp=row.totp_secret is not None,
        disabled_at=row.disabled_at,
        locked_until=row.locked_until,
        signed_in_at=row.signed_in_at,
    )


def _credentials(row: StaffRow) -> Credentials:
    return Credentials(_member(row), row.password_hash, row.totp_secret, row.totp_last_step)


def _link(row: InvitationRow) -> Link:
    return Link(
        id=row.id,
        purpose=row.purpose,  # type: ignore[arg-type]
        clinic_id=row.clinic_id,
        staff_id=row.staff_id,
        email=row.email,
        name=row.name,
        role=row.role,  # type: ignore[arg-type]
        expires_at=row.expires_at,
    )
