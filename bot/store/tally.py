"""What became of reminders, day by day. It is counted in the transaction in which it happens, and never counted down.

The rows it is counted from are deleted: with a reminder that is dropped, with a person, and when a text is done with.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.store.insert import insert_into
from bot.store.tables import ReminderCountRow


@dataclass(frozen=True, slots=True)
class Tally:
    """Reminders that were decided on (`due`), and what became of them.

    `sent` are those that Telegram took, `late` those left out for being too late, `skipped` on purpose; `failed` are
    refused by Telegram, or parked for a fault of their own.
    """

    due: int = 0
    sent: int = 0
    late: int = 0
    skipped: int = 0
    failed: int = 0


_NAMES = tuple(field.name for field in fields(Tally))


async def add(session: AsyncSession, more: Tally, now: datetime) -> None:
    """Count more of them, for the day of a moment in UTC."""
    figures = {name: getattr(more, name) for name in _NAMES}
    if not any(figures.values()):
        return
    statement = insert_into(session, ReminderCountRow).values(day=now.date(), **figures)
    columns = ReminderCountRow.__table__.c
    added = {name: columns[name] + statement.excluded[name] for name in _NAMES}
    await session.execute(statement.on_conflict_do_update(index_elements=["day"], set_=added))


async def total(session: AsyncSession) -> Tally:
    """Count all of them, ever."""
    sums = await session.execute(select(*(func.sum(getattr(ReminderCountRow, name)) for name in _NAMES)))
    return Tally(*(each or 0 for each in sums.one()))


def messages(keys: Iterable[str]) -> int:
    """How many reminders there are among the keys of what is sent: one of several messages counts once."""
    # "reminder:7:2026-11-22T10:00:00+00:00", and ":1" behind it for the second message.
    return sum(key.startswith("reminder:") and key.endswith("+00:00") for key in keys)
