"""The outbox: whatever is to be sent, written once by key, sent in order for each person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, Update, bindparam, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.store import tally
from bot.store.insert import insert_into
from bot.store.tables import MAIN_BOT, Base, OutboxRow, TelegramChatRow
from bot.store.tally import Tally

LEASE = timedelta(seconds=120)
CAN_WAIT = 8
"""From this priority on a row is nobody's answer (a reminder): it waits for whoever asked something."""
TOO_LATE = "too late"
"""The fault of a row that was of no use any more when its turn came."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A claimed row. `attempts` counts this one too. `key` names what it answers: a message, or a reminder."""

    id: int
    patient_id: str
    act: str
    body: Mapping[str, Any]
    attempts: int
    not_after: datetime | None
    key: str
    due_at: datetime

    @property
    def message(self) -> str | None:
        """The number of the message that it answers, as the log has it."""
        kind, _, rest = self.key.partition(":")
        return rest.partition(":")[0].rpartition(".")[2] if kind == "update" else None


@dataclass(frozen=True, slots=True)
class Unasked:
    """Something to send that nobody asked for just now, of no use after `not_after`."""

    key: str
    patient_id: str
    act: str
    body: Mapping[str, Any]
    not_after: datetime


# What each message or look needs is put together once, of the bare table: each time it would cost as much as to run.
_ROW, _CHAT = (Base.metadata.tables[each.__tablename__] for each in (OutboxRow, TelegramChatRow))
_UNCLAIMED = {"claimed_by": None, "claimed_until": None}
_SENT = (
    update(_ROW)
    .where(_ROW.c.id == bindparam("id_"), _ROW.c.state == "waiting")
    .values(state="sent", body=None, message_id=bindparam("message_"), finished_at=bindparam("now_"), **_UNCLAIMED)
    .returning(_ROW.c.key)
)
_IS_ANY = select(_ROW.c.id).where(_ROW.c.state == "waiting", _ROW.c.bot == bindparam("bot_")).limit(1)
_HAS_MORE = {
    can_wait: select(_ROW.c.id)
    .where(
        _ROW.c.state == "waiting",
        _ROW.c.patient_id == bindparam("patient_"),
        _ROW.c.priority >= CAN_WAIT if can_wait else _ROW.c.priority < CAN_WAIT,
        _ROW.c.due_at <= bindparam("now_"),
    )
    .limit(1)
    for can_wait in (False, True)
}


def _claim(*, can_wait: bool) -> Update:
    row = _ROW
    older = row.alias("older")
    bot, now = bindparam("bot_", type_=row.c.bot.type), bindparam("now_", type_=row.c.claimed_until.type)
    lane, older_lane = (
        each.c.priority >= CAN_WAIT if can_wait else each.c.priority < CAN_WAIT for each in (row, older)
    )
    free = or_(row.c.claimed_until.is_(None), row.c.claimed_until < now)
    ready = (
        select(row.c.id)
        .where(
            row.c.state == "waiting",
            row.c.bot == bot,
            lane,
            row.c.due_at <= now,
            free,
            ~select(older.c.id)
            .where(
                older.c.state == "waiting",
                older_lane,
                older.c.patient_id == row.c.patient_id,
                older.c.id < row.c.id,
                older.c.due_at <= now,
            )
            .exists(),
        )
        .order_by(row.c.priority, row.c.id)
        .limit(bindparam("limit_", type_=Integer))
        .with_for_update(skip_locked=True)
        .cte("ready")  # a plain subquery may be run again for each row, and claim more than its limit
    )
    return (
        update(row)
        .where(row.c.id.in_(select(ready.c.id)), row.c.state == "waiting", free)
        .values(claimed_by=bindparam("gateway_"), claimed_until=bindparam("until_"), attempts=row.c.attempts + 1)
        .returning(
            row.c.id,
            row.c.patient_id,
            row.c.act,
            row.c.body,
            row.c.attempts,
            row.c.not_after,
            row.c.key,
            row.c.due_at,
        )
    )


_CLAIM = {can_wait: _claim(can_wait=can_wait) for can_wait in (False, True)}


async def add_unasked(session: AsyncSession, rows: Sequence[Unasked], now: datetime) -> None:
    """Write down many at once, behind all answers; a second one with the same key changes nothing."""
    if not rows:
        return
    chats = await session.execute(
        select(TelegramChatRow.patient_id, TelegramChatRow.bot).where(
            TelegramChatRow.patient_id.in_({row.patient_id for row in rows})
        )
    )
    bots: dict[str, str] = {row.patient_id: row.bot for row in chats}
    values = [
        {
            "bot": bots.get(row.patient_id, MAIN_BOT),
            "key": row.key, "patient_id": row.patient_id, "act": row.act, "body": dict(row.body), "state": "waiting",
            "created_at": now, "due_at": now, "not_after": row.not_after, "priority": CAN_WAIT, "attempts": 0,
        }
        for row in rows
    ]  # fmt: skip
    await session.execute(insert_into(session, OutboxRow).on_conflict_do_nothing(index_elements=["key"]), values)


async def add(
    session: AsyncSession,
    key: str,
    patient_id: str,
    act: str,
    body: Mapping[str, Any],
    now: datetime,
    *,
    due_at: datetime | None = None,
    priority: int = 5,
) -> None:
    """Write down something to send by the person's own bot; a second one with the same key changes nothing."""
    own = select(_CHAT.c.bot).where(_CHAT.c.patient_id == patient_id).scalar_subquery()
    await session.execute(
        insert_into(session, _ROW)
        .values(
            bot=func.coalesce(own, MAIN_BOT),
            key=key,
            patient_id=patient_id,
            act=act,
            body=dict(body),
            state="waiting",
            created_at=now,
            due_at=due_at or now,
            priority=priority,
            attempts=0,
        )
        .on_conflict_do_nothing(index_elements=["key"])
    )


async def is_any(session: AsyncSession, bot: str = MAIN_BOT) -> bool:
    """Return whether a bot has something to send, claimed or not, due or later."""
    return await session.scalar(_IS_ANY, {"bot_": bot}) is not None


async def claim(
    session: AsyncSession,
    gateway: str,
    now: datetime,
    limit: int,
    *,
    can_wait: bool = False,
    bot: str = MAIN_BOT,
) -> list[Outgoing]:
    """Claim the oldest due row of up to `limit` people, the most urgent first: of the answers, or of what `can_wait`.

    Only what a bot is to send is claimed.

    Each person's rows go out in their order among answers, and among what can wait; an answer overtakes a reminder.
    """
    when = {"bot_": bot, "now_": now, "limit_": limit, "gateway_": gateway, "until_": now + LEASE}
    rows = await session.execute(_CLAIM[can_wait], when)
    return sorted((Outgoing(*row) for row in rows), key=lambda outgoing: outgoing.id)


async def has_more(session: AsyncSession, patient_id: str, now: datetime, *, can_wait: bool = False) -> bool:
    """Say whether more waits for a person and is due: of the answers, or of what `can_wait`."""
    return await session.scalar(_HAS_MORE[can_wait], {"patient_": patient_id, "now_": now}) is not None


async def free_claims(session: AsyncSession, gateway: str) -> None:
    """Free what an owner had claimed that is surely dead.

    A row that Telegram had accepted but we had not marked is sent a second time: for a health answer, twice is better
    than never.
    """
    await session.execute(
        update(OutboxRow)
        .where(OutboxRow.claimed_by == gateway, OutboxRow.state == "waiting")
        .values(claimed_by=None, claimed_until=None)
    )


async def sent(session: AsyncSession, outbox_id: int, message_id: int | None, now: datetime) -> None:
    """Mark a row as sent and drop its text."""
    keys = (await session.scalars(_SENT, {"id_": outbox_id, "message_": message_id, "now_": now})).all()
    if not keys:  # given up meanwhile, and yet it arrived
        done = {"state": "sent", "body": None, "message_id": message_id, "finished_at": now, **_UNCLAIMED}
        await session.execute(update(OutboxRow).where(OutboxRow.id == outbox_id).values(**done))
    await tally.add(session, Tally(sent=tally.messages(keys)), now)


async def retry(session: AsyncSession, outbox_id: int, not_before: datetime, fault: str) -> None:
    """Let a row be tried again, not before a moment."""
    await session.execute(
        update(OutboxRow)
        .where(OutboxRow.id == outbox_id)
        .values(claimed_by=None, claimed_until=not_before, fault=fault[:64])
    )


async def failed(session: AsyncSession, outbox_id: int, fault: str, now: datetime) -> None:
    """Give a row up, with the kind of fault and without its text."""
    await _given_up(session, OutboxRow.id == outbox_id, fault, now)


async def waiting(session: AsyncSession) -> int:
    """Return how many rows wait to be sent."""
    return await session.scalar(select(func.count()).select_from(OutboxRow).where(OutboxRow.state == "waiting")) or 0


async def has_later(session: AsyncSession, patient_id: str, outbox_id: int, now: datetime) -> bool:
    """Say whether something newer than a row was written down for a person, and is due or gone out."""
    later = select(OutboxRow.id).where(
        OutboxRow.patient_id == patient_id, OutboxRow.id > outbox_id, OutboxRow.due_at <= now
    )
    return await session.scalar(later.limit(1)) is not None


async def give_up_on(session: AsyncSession, patient_id: str, fault: str, now: datetime) -> None:
    """Give up all that waits for a person, who has blocked the bot."""
    await _given_up(session, OutboxRow.patient_id == patient_id, fault, now)


async def _given_up(session: AsyncSession, which: ColumnElement[bool], fault: str, now: datetime) -> None:
    keys = await session.scalars(
        update(OutboxRow)
        .where(which, OutboxRow.state == "waiting")
        .values(state="failed", body=None, fault=fault[:64], finished_at=now, **_UNCLAIMED)
        .returning(OutboxRow.key)
        .execution_options(synchronize_session=False)
    )
    reminders = tally.messages(keys.all())
    await tally.add(session, Tally(late=reminders) if fault == TOO_LATE else Tally(failed=reminders), now)
