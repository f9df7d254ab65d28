"""The inbox: updates written down once, claimed in order, finished together with their replies."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, Integer, Update, bindparam, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.store.insert import insert_into
from bot.store.tables import MAIN_BOT, Base, InboxRow

# How long a claim holds when its gateway has died without a word. What starts again in the same home frees the dead
# one's claims at once (see `bot.gateway.owner`); this is for the others.
LEASE = timedelta(seconds=120)
MAX_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Incoming:
    """A claimed update. `attempts` counts this one too."""

    id: int
    update_id: int
    chat_id: int
    update: Mapping[str, Any]
    attempts: int
    received_at: datetime
    bot: str = MAIN_BOT

    @property
    def key(self) -> str:
        """What makes this update one of a kind among those of all bots; what answers it is named after it."""
        return f"update:{self.update_id}" if self.bot == MAIN_BOT else f"update:{self.bot}.{self.update_id}"


# What each message or look needs is put together once, of the bare table: each time it would cost as much as to run.
_ROW = Base.metadata.tables[InboxRow.__tablename__]
_FINISH = (
    update(_ROW)
    .where(_ROW.c.id == bindparam("id_"), _ROW.c.state == "waiting")
    .values(state="done", update=None, finished_at=bindparam("now_"), claimed_by=None, claimed_until=None)
)
_IS_ANY = select(_ROW.c.id).where(_ROW.c.state == "waiting", _ROW.c.bot == bindparam("bot_")).limit(1)
_HAS_MORE = (
    select(_ROW.c.id)
    .where(_ROW.c.state == "waiting", _ROW.c.bot == bindparam("bot_"), _ROW.c.chat_id == bindparam("chat_"))
    .limit(1)
)


def _claim() -> Update:
    row = _ROW
    older = row.alias("older")
    bot, now = bindparam("bot_", type_=row.c.bot.type), bindparam("now_", type_=row.c.claimed_until.type)
    free = or_(row.c.claimed_until.is_(None), row.c.claimed_until < now)
    ready = (
        select(row.c.id)
        .where(
            row.c.state == "waiting",
            row.c.bot == bot,
            free,
            ~select(older.c.id)
            .where(
                older.c.state == "waiting",
                older.c.bot == bot,
                older.c.chat_id == row.c.chat_id,
                older.c.update_id < row.c.update_id,
            )
            .exists(),
        )
        .order_by(row.c.id)
        .limit(bindparam("limit_", type_=Integer))
        .with_for_update(skip_locked=True)
        .cte("ready")  # a plain subquery may be run again for each row, and claim more than its limit
    )
    return (
        update(row)
        .where(row.c.id.in_(select(ready.c.id)), row.c.state == "waiting", free)
        .values(claimed_by=bindparam("gateway_"), claimed_until=bindparam("until_"), attempts=row.c.attempts + 1)
        .returning(row.c.id, row.c.update_id, row.c.chat_id, row.c.update, row.c.attempts, row.c.received_at, row.c.bot)
    )


_CLAIM = _claim()


async def write(
    session: AsyncSession, updates: Iterable[tuple[int, int, Mapping[str, Any]]], now: datetime, bot: str = MAIN_BOT
) -> int:
    """Write a bot's updates down as (update id, chat id, raw update); ones already there are left as they are.

    Returns:
        how many were new.
    """
    rows = [
        {
            "bot": bot,
            "update_id": update_id,
            "chat_id": chat_id,
            "update": dict(raw),
            "received_at": now,
            "state": "waiting",
            "attempts": 0,
        }
        for update_id, chat_id, raw in updates
    ]
    if not rows:
        return 0
    statement = (
        insert_into(session, _ROW).on_conflict_do_nothing(index_elements=["bot", "update_id"]).returning(_ROW.c.id)
    )
    return len((await session.execute(statement, rows)).all())


async def is_any(session: AsyncSession, bot: str = MAIN_BOT) -> bool:
    """Return whether an update of a bot waits, claimed or not."""
    return await session.scalar(_IS_ANY, {"bot_": bot}) is not None


async def claim(session: AsyncSession, gateway: str, now: datetime, limit: int, bot: str = MAIN_BOT) -> list[Incoming]:
    """Claim the oldest waiting update of up to `limit` chats of a bot.

    An update is claimable only while it is its chat's oldest unfinished one, so that one person's messages are
    answered in order however many gateways share the work. The oldest is the one that Telegram numbered first: two
    gateways behind one webhook may write them down the other way round.
    """
    when = {"bot_": bot, "now_": now, "limit_": limit, "gateway_": gateway, "until_": now + LEASE}
    rows = await session.execute(_CLAIM, when)
    return sorted((Incoming(*row) for row in rows), key=lambda incoming: incoming.id)


async def has_more(session: AsyncSession, chat_id: int, bot: str = MAIN_BOT) -> bool:
    """Say whether a chat's next update waits already."""
    return await session.scalar(_HAS_MORE, {"bot_": bot, "chat_": chat_id}) is not None


async def free_claims(session: AsyncSession, gateway: str) -> None:
    """Free what an owner had claimed that is surely dead."""
    await session.execute(
        update(InboxRow)
        .where(InboxRow.claimed_by == gateway, InboxRow.state == "waiting")
        .values(claimed_by=None, claimed_until=None)
    )


async def finish(session: AsyncSession, inbox_id: int, now: datetime) -> bool:
    """Mark an update as answered and drop its text. False when another gateway had finished it first."""
    done = await session.execute(_FINISH, {"id_": inbox_id, "now_": now})
    return isinstance(done, CursorResult) and done.rowcount == 1


async def put_back(session: AsyncSession, inbox_id: int, not_before: datetime) -> None:
    """Let an update be tried again, not before a moment."""
    await session.execute(
        update(InboxRow)
        .where(InboxRow.id == inbox_id, InboxRow.state == "waiting")
        .values(claimed_by=None, claimed_until=not_before)
    )


async def park(session: AsyncSession, inbox_id: int, fault: str, now: datetime) -> None:
    """Set an update aside that cannot be answered, with the kind of fault and without its text."""
    await session.execute(
        update(InboxRow)
        .where(InboxRow.id == inbox_id, InboxRow.state == "waiting")
        .values(state="parked", update=None, fault=fault[:64], finished_at=now, claimed_by=None, claimed_until=None)
    )


async def waiting(session: AsyncSession) -> int:
    """Return how many updates wait to be answered."""
    return await session.scalar(select(func.count()).select_from(InboxRow).where(InboxRow.state == "waiting")) or 0


async def unname(session: AsyncSession, chat_id: int, bot: str = MAIN_BOT) -> None:
    """Take a chat's number and words out of what is done with, so that nothing tells whose it was.

    The update's own number stays: an update that Telegram sends again is not answered again. What waits stays as it is:
    it came later, and is yet to be read.
    """
    await session.execute(
        update(InboxRow)
        .where(InboxRow.bot == bot, InboxRow.chat_id == chat_id, InboxRow.state != "waiting")
        .values(chat_id=0, update=None, fault=None)
        .execution_options(synchronize_session=False)
    )
