"""What is left to erase elsewhere once our own tables are clean, until it is done.

People who are being erased, and pseudonyms of which only the engine's scratch paper is to be wiped: of who stopped or
declined, and those that stood in for somebody who asked before consent.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.store.tables import MAIN_BOT, ErasureRow


@dataclass(frozen=True, slots=True)
class Erasure:
    """An erasure that is under way: since when, the pseudonym to wipe elsewhere, the chat to tell and its bot.

    `is_wipe` says that only the engine's scratch paper is to be wiped: nobody is told, and no file is rebuilt.
    """

    id: int
    at: datetime
    patient_id: str
    chat_id: int | None
    bot: str = MAIN_BOT
    is_wipe: bool = False


async def begin(
    session: AsyncSession, patient_id: str, chat_id: int | None, now: datetime, bot: str = MAIN_BOT
) -> None:
    """Write down that a person of a bot is being erased, in the transaction that empties our own tables of them."""
    session.add(ErasureRow(state="erasing", at=now, patient_id=patient_id, chat_id=chat_id, bot=bot))


async def wipe(session: AsyncSession, patient_id: str, now: datetime) -> None:
    """Write down that the engine's scratch paper of a pseudonym is to be wiped. The row goes once it is."""
    session.add(ErasureRow(state="wiping", at=now, patient_id=patient_id))


async def under_way(session: AsyncSession, bot: str = MAIN_BOT, left_before: datetime | None = None) -> list[Erasure]:
    """Every erasure that a bot's gateway is to finish: people first, then wipes, the oldest of each first.

    These are its own people's, those that nobody is told of, and those of any bot that were begun before `left_before`:
    the gateway of their own may be gone for good.
    """
    whose = or_(ErasureRow.bot == bot, ErasureRow.chat_id.is_(None))
    rows = await session.scalars(
        select(ErasureRow)
        .where(
            ErasureRow.state.in_(("erasing", "wiping")),
            whose if left_before is None else or_(whose, ErasureRow.at <= left_before),
            ErasureRow.patient_id.is_not(None),
        )
        .order_by(ErasureRow.state, ErasureRow.id)
    )
    return [Erasure(row.id, row.at, str(row.patient_id), row.chat_id, row.bot, row.state == "wiping") for row in rows]


async def told(session: AsyncSession, erasure_id: int) -> None:
    """Note that the person was told, or could not be: their chat's number goes."""
    await session.execute(update(ErasureRow).where(ErasureRow.id == erasure_id).values(chat_id=None))


async def wiped(session: AsyncSession, erasure: Erasure) -> None:
    """Note that nothing of the person is left anywhere but in SQLite's free space: no row names them from now on."""
    row = ErasureRow
    if erasure.is_wipe:
        # SQLite gives the number of a deleted last row out again: another gateway may have been first.
        same = (row.id == erasure.id, row.patient_id == erasure.patient_id, row.at == erasure.at)
        await session.execute(delete(row).where(*same, row.state == "wiping"))
        return
    await session.execute(
        update(row).where(row.id == erasure.id).values(state="rebuild", patient_id=None, chat_id=None)
    )


async def wait_for_rebuild(session: AsyncSession) -> bool:
    """Whether the files are to be rebuilt after an erasure."""
    return await session.scalar(select(ErasureRow.id).where(ErasureRow.state == "rebuild").limit(1)) is not None


async def finish(session: AsyncSession, now: datetime) -> None:
    """Note that the files were rebuilt: all that waited for it is done."""
    await session.execute(update(ErasureRow).where(ErasureRow.state == "rebuild").values(state="done", finished_at=now))
