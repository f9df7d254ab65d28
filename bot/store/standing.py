"""How the work stands, for whoever watches over the system: what waits, since when, and what is stuck. Of no person."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from bot.store.clinic_tables import ReferralRow
from bot.store.tables import InboxRow, OutboxRow, ReminderRow


@dataclass(frozen=True, slots=True)
class Box:
    """The inbox or the outbox.

    `waiting` rows are due; the oldest of them has waited `oldest`. `claimed` ones are in somebody's hands; of `stuck`
    ones the lease has run out, so that whoever took them has died, and another is to take them.
    """

    waiting: int
    oldest: timedelta
    claimed: int
    stuck: int


@dataclass(frozen=True, slots=True)
class Work:
    """How the gateway's work stands.

    `parked` are messages that were set aside, `reminders_due` the due reminders that are not handed over yet.
    """

    inbox: Box
    outbox: Box
    parked: int
    reminders_due: int


@dataclass(frozen=True, slots=True)
class Queue:
    """Referrals of all clinics that wait to be booked: how many in each band, and how many past their target."""

    by_band: Mapping[str, int]
    over_target: int


async def work(session: AsyncSession, now: datetime) -> Work:
    """Read how the gateway's work stands."""
    due = select(func.count()).where(ReminderRow.state == "active", ReminderRow.look_at <= now)
    parked = select(func.count()).where(InboxRow.state == "parked")
    return Work(
        inbox=await _box(session, InboxRow, InboxRow.received_at, now),
        outbox=await _box(session, OutboxRow, OutboxRow.due_at, now),
        parked=await session.scalar(parked) or 0,
        reminders_due=await session.scalar(due) or 0,
    )


async def queue(session: AsyncSession, today: date) -> Queue:
    """Read how the queue stands on a day."""
    over = func.sum(case((ReferralRow.target_on < today, 1), else_=0))
    rows = await session.execute(
        select(ReferralRow.band, func.count(), over)
        .where(ReferralRow.state.in_(("new", "waiting")))
        .group_by(ReferralRow.band)
    )
    found = [(band, number, late or 0) for band, number, late in rows]
    return Queue({str(band): number for band, number, _ in found}, sum(late for _, _, late in found))


async def newest(session: AsyncSession) -> datetime | None:
    """Return when the last message came in, None when none ever did."""
    return await session.scalar(select(func.max(InboxRow.received_at)))


async def _box(
    session: AsyncSession,
    table: type[InboxRow] | type[OutboxRow],
    since: InstrumentedAttribute[datetime],
    now: datetime,
) -> Box:
    # A row that is to be tried again later has no taker, and the moment of that in place of a lease.
    later = and_(table.claimed_by.is_(None), table.claimed_until > now)
    held = and_(table.claimed_by.is_not(None), table.claimed_until >= now)
    stuck = and_(table.claimed_by.is_not(None), table.claimed_until < now)
    row = (
        await session.execute(
            select(
                func.sum(case((or_(later, held), 0), else_=1)),
                func.min(since),
                func.sum(case((held, 1), else_=0)),
                func.sum(case((stuck, 1), else_=0)),
            ).where(table.state == "waiting", since <= now)
        )
    ).one()
    oldest = now - row[1] if row[1] is not None else timedelta()
    return Box(row[0] or 0, oldest, row[2] or 0, row[3] or 0)
