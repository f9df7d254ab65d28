"""Reminders that are due: claimed in batches from an index, moved on in the transaction that writes the outbox."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.store import tally
from bot.store.tables import ReminderRow, TelegramChatRow
from bot.store.tally import Tally


@dataclass(frozen=True, slots=True)
class Due:
    """A reminder that is due: whose, its rule, the promised moment, and how the last ones went."""

    id: int
    patient_id: str
    name: str
    rule: str
    due_at: datetime
    sent_at: datetime | None
    sent: int
    skipped: int
    ignored: int


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of a due reminder, and when it is due next (None: it is over).

    `look_at` is later than `due_at` where the reminder has to wait. `fault` parks it. The figures are added to those
    that it has; `sent_at` is the promised moment of one that was sent.
    """

    id: int
    due_at: datetime | None
    look_at: datetime | None
    sent_at: datetime | None
    sent: int = 0
    late: int = 0
    skipped: int = 0
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How reminders stand: rows in use, due at this moment, and parked; and what became of all that ever were due."""

    active: int
    due_now: int
    parked: int
    ever: Tally


async def sync(
    session: AsyncSession,
    patient_id: str,
    rules: Mapping[str, str],
    following: Callable[[str, datetime | None], datetime | None],
) -> None:
    """Make a person's rows those of their plan: each rule by its name. An unchanged rule keeps its row as it is.

    `following` tells of a name, and of the promised moment that was sent last, when it is due next.
    """
    rows = await session.scalars(select(ReminderRow).where(ReminderRow.patient_id == patient_id))
    there = {row.name: row for row in rows}
    for name in there.keys() - rules.keys():
        await session.delete(there[name])
    for name, rule in rules.items():
        row = there.get(name)
        if row is None:
            row = ReminderRow(patient_id=patient_id, name=name, ignored=0, sent=0, late=0, skipped=0)
            session.add(row)
        elif row.rule == rule:
            continue
        row.rule, row.fault = rule, None
        next_at = following(name, row.sent_at)
        row.due_at = row.look_at = next_at
        row.state = "active" if next_at is not None else "over"


# Asked every two seconds, so it is put together once.
_IS_DUE = (
    select(ReminderRow.id)
    .where(
        ReminderRow.state == "active",
        ReminderRow.look_at <= bindparam("now_", type_=ReminderRow.__table__.c.look_at.type),
        ReminderRow.due_at.is_not(None),
    )
    .limit(1)
)


async def is_due(session: AsyncSession, now: datetime) -> bool:
    """Say whether anything is due."""
    return await session.scalar(_IS_DUE, {"now_": now}) is not None


async def claim(session: AsyncSession, now: datetime, limit: int) -> list[Due]:
    """Lock up to `limit` due reminders for this transaction; another dispatcher passes over them.

    Those of somebody without a chat are left: whoever made them, to measure, has a clock of their own.
    """
    has_chat = exists(select(TelegramChatRow.chat_id).where(TelegramChatRow.patient_id == ReminderRow.patient_id))
    first = _due(now).where(has_chat).order_by(ReminderRow.look_at, ReminderRow.id).limit(limit)
    return [Due(*row) for row in await session.execute(first.with_for_update(skip_locked=True, of=ReminderRow))]


async def claim_of(session: AsyncSession, patient_id: str, now: datetime) -> list[Due]:
    """Return one person's due reminders, the earliest first."""
    rows = await session.execute(
        _due(now).where(ReminderRow.patient_id == patient_id).order_by(ReminderRow.look_at, ReminderRow.id)
    )
    return [Due(*row) for row in rows]


async def next_look(session: AsyncSession, patient_id: str) -> datetime | None:
    """Return when one person's reminders are to be looked at next."""
    return await session.scalar(
        select(func.min(ReminderRow.look_at)).where(ReminderRow.state == "active", ReminderRow.patient_id == patient_id)
    )


async def move_on(session: AsyncSession, moves: Sequence[Moved], now: datetime) -> None:
    """Write down what became of due reminders, many at once, and count it.

    What is handed over to be sent is counted as sent, or not, by the outbox.
    """
    if not moves:
        return
    faults = sum(each.fault is not None for each in moves)
    late, skipped = sum(each.late for each in moves), sum(each.skipped for each in moves)
    due = sum(each.sent for each in moves) + late + skipped + faults
    await tally.add(session, Tally(due, late=late, skipped=skipped, failed=faults), now)
    table = ReminderRow.__table__
    connection = await session.connection()
    await connection.execute(
        update(table)  # type: ignore[arg-type]
        .where(table.c.id == bindparam("row"))
        .values(
            due_at=bindparam("next_due"),
            look_at=bindparam("next_look"),
            state=bindparam("then"),
            sent_at=func.coalesce(bindparam("was_sent", type_=table.c.sent_at.type), table.c.sent_at),
            sent=table.c.sent + bindparam("n_sent"),
            ignored=table.c.ignored + bindparam("n_sent"),
            late=table.c.late + bindparam("n_late"),
            skipped=table.c.skipped + bindparam("n_skipped"),
            fault=bindparam("why"),
        ),
        [
            {
                "row": each.id,
                "next_due": each.due_at,
                "next_look": each.look_at,
                "then": "parked" if each.fault else "active" if each.due_at else "over",
                "was_sent": each.sent_at,
                "n_sent": each.sent,
                "n_late": each.late,
                "n_skipped": each.skipped,
                "why": each.fault,
            }
            for each in moves
        ],
    )


async def last_sent(session: AsyncSession, patient_id: str) -> dict[str, datetime | None]:
    """Return the promised moment that was sent last of each of a person's reminders, by name."""
    rows = await session.execute(
        select(ReminderRow.name, ReminderRow.sent_at).where(ReminderRow.patient_id == patient_id)
    )
    return {row[0]: row[1] for row in rows}


async def snooze(session: AsyncSession, patient_id: str, name: str, until: datetime) -> None:
    """Send a reminder once more at a moment; its rule goes on after that."""
    await session.execute(
        update(ReminderRow)
        .where(ReminderRow.patient_id == patient_id, ReminderRow.name == name)
        .values(due_at=until, look_at=until, state="active")
    )


async def noticed(session: AsyncSession, patient_id: str) -> None:
    """Note that a person gave a sign: what was sent is not ignored."""
    await session.execute(
        update(ReminderRow)
        .where(ReminderRow.patient_id == patient_id, ReminderRow.ignored > 0)
        .values(ignored=0)
        .execution_options(synchronize_session=False)
    )


async def rest(session: AsyncSession, patient_id: str, *, blocked: bool) -> None:
    """Let the reminders of somebody who blocked the bot rest, or go on now that they are back."""
    before, after = ("active", "blocked") if blocked else ("blocked", "active")
    await session.execute(
        update(ReminderRow)
        .where(ReminderRow.patient_id == patient_id, ReminderRow.state == before)
        .values(state=after)
        .execution_options(synchronize_session=False)
    )


async def forget(session: AsyncSession, patient_id: str) -> None:
    """Delete a person's reminders."""
    await session.execute(delete(ReminderRow).where(ReminderRow.patient_id == patient_id))


async def due_by(session: AsyncSession, moment: datetime, limit: int) -> list[tuple[datetime, str, str]]:
    """Return (promised moment, pseudonym, rule) of what is due until a moment, the earliest first."""
    rows = await session.execute(_due(moment).order_by(ReminderRow.look_at, ReminderRow.id).limit(limit))
    return [(each.due_at, each.patient_id, each.rule) for each in (Due(*row) for row in rows)]


@dataclass(frozen=True, slots=True)
class KeptReminder:
    """A reminder of a person as a clinic may see it: what for, what became of it, and when it comes next."""

    kind: str
    state: str
    due_at: datetime | None
    sent: int
    ignored: int


async def told_of(session: AsyncSession, patient_id: str) -> list[KeptReminder]:
    """Return a person's reminders, the next first."""
    rows = await session.scalars(
        select(ReminderRow).where(ReminderRow.patient_id == patient_id).order_by(ReminderRow.due_at, ReminderRow.id)
    )
    return [
        KeptReminder(str(json.loads(row.rule).get("kind", "")), row.state, row.due_at, row.sent, row.ignored)
        for row in rows
    ]


async def counts(session: AsyncSession, now: datetime) -> Counts:
    """Count how reminders stand."""
    states = select(ReminderRow.state, func.count()).group_by(ReminderRow.state)
    by_state: dict[str, int] = {row[0]: row[1] for row in await session.execute(states)}
    due = select(func.count()).where(ReminderRow.state == "active", ReminderRow.look_at <= now)
    return Counts(
        active=by_state.get("active", 0),
        due_now=await session.scalar(due) or 0,
        parked=by_state.get("parked", 0),
        ever=await tally.total(session),
    )


def _due(now: datetime):  # type: ignore[no-untyped-def] # SQLAlchemy's own type is a list of eight parameters
    return select(
        ReminderRow.id,
        ReminderRow.patient_id,
        ReminderRow.name,
        ReminderRow.rule,
        ReminderRow.due_at,
        ReminderRow.sent_at,
        ReminderRow.sent,
        ReminderRow.skipped,
        ReminderRow.ignored,
    ).where(ReminderRow.state == "active", ReminderRow.look_at <= now, ReminderRow.due_at.is_not(None))
