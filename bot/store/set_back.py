"""A clock that was set back: what was written down while it was ahead is brought back to the present.

Left alone it would wait for as long as the clock was ahead: a claim that runs out in a day, an answer that is due then.
"""

from datetime import datetime, timedelta

from sqlalchemy import case, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.reminders.schedule import RuleCorrupted, Schedule, next_due
from bot.store import inbox, outbox
from bot.store.tables import ErasureRow, InboxRow, OutboxRow, ReminderRow, UtcDateTime

LONGEST_WAIT = timedelta(minutes=10)
"""No row that is tried again waits longer, but for one that Telegram itself puts off: that one is tried early."""
_SAME = timedelta(minutes=1)
"""So close to the moment that was sent last, a moment is that one."""


async def bring_back(session: AsyncSession, now: datetime) -> int:
    """Bring claims, pauses, erasures and what is due at once back to the present; return how many rows it were.

    A claim in hand keeps its lease, counted from now. Harmless when the clock was not set back.
    """
    count = 0
    for row, lease in ((InboxRow, inbox.LEASE), (OutboxRow, outbox.LEASE)):
        is_claim = row.claimed_by.is_not(None)
        anew, at_most = literal(now + lease, UtcDateTime()), literal(now + LONGEST_WAIT, UtcDateTime())
        is_far = row.claimed_until > case((is_claim, anew), else_=at_most)
        moved = await session.execute(
            update(row)
            .where(row.state == "waiting", is_far)
            .values(claimed_until=case((is_claim, anew), else_=literal(now, UtcDateTime())))
            .returning(row.id)
            .execution_options(synchronize_session=False)
        )
        count += len(moved.all())
    moved = await session.execute(
        update(OutboxRow)
        .where(OutboxRow.state == "waiting", OutboxRow.created_at > now, OutboxRow.due_at == OutboxRow.created_at)
        .values(created_at=now, due_at=now)
        .returning(OutboxRow.id)
        .execution_options(synchronize_session=False)
    )
    count += len(moved.all())
    moved = await session.execute(
        update(ErasureRow)
        .where(ErasureRow.state.not_in(("done", "rebuild")), ErasureRow.at > now)
        .values(at=now)
        .returning(ErasureRow.id)
        .execution_options(synchronize_session=False)
    )
    return count + len(moved.all())


async def plan_anew(session: AsyncSession, now: datetime) -> int:
    """Set each reminder to its next moment from now on, where that is sooner; return how many it were.

    A clock that was ahead had passed them over. One that was sent for such a moment keeps its key in the outbox, so it
    is not sent for it again.
    """
    count = 0
    rows = await session.scalars(select(ReminderRow).where(ReminderRow.state == "active", ReminderRow.look_at > now))
    for row in rows:
        try:
            rule = Schedule.loads(row.rule)
            following = next_due(rule, now)
            if following is not None and row.sent_at is not None and abs(following - row.sent_at) < _SAME:
                following = next_due(rule, following)
        except RuleCorrupted:
            continue  # the dispatcher parks it when it is due
        if following is not None and row.due_at is not None and following < row.due_at:
            row.due_at = row.look_at = following
            count += 1
    return count
