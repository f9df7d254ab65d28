"""People who are being erased: what is left to do once our own tables are clean, until it is done."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.store.tables import MAIN_BOT, ErasureRow


@dataclass(frozen=True, slots=True)
class Erasure:
    """An erasure that is under way: since when, the pseudonym to wipe elsewhere, and the chat to tell."""

    id: int
    at: datetime
    patient_id: str
    chat_id: int | None


async def begin(
    session: AsyncSession, patient_id: str, chat_id: int | None, now: datetime, bot: str = MAIN_BOT
) -> None:
    """Write down that a person of a bot is being erased, in the transaction that empties our own tables of them."""
    session.add(ErasureRow(state="erasing", at=now, patient_id=patient_id, chat_id=chat_id, bot=bot))


async def under_way(session: AsyncSession, bot: str = MAIN_BOT) -> list[Erasure]:
    """Every erasure that a bot's gateway is to finish, the oldest first: of its own people, or where nobody is told."""
    rows = await session.scalars(
        select(ErasureRow)
        .where(
            ErasureRow.state == "erasing",
            or_(ErasureRow.bot == bot, ErasureRow.chat_id.is_(None)),
            ErasureRow.patient_id.is_not(None),
        )
        .order_by(ErasureRow.id)
    )
    return [Erasure(row.id, row.at, str(row.patient_id), row.chat_id) for row in rows]


async def told(session: AsyncSession, erasure_id: int) -> None:
    """Note that the person was told, or could not be: their chat's number goes."""
    await session.execute(update(ErasureRow).where(ErasureRow.id == erasure_id).values(chat_id=None))


async def wiped(session: AsyncSession, erasure_id: int) -> None:
    """Note that nothing of the person is left anywhere but in SQLite's free space: the row names nobody from now on."""
    await session.execute(
        update(ErasureRow).where(ErasureRow.id == erasure_id).values(state="rebuild", patient_id=None, chat_id=None)
    )


async def wait_for_rebuild(session: AsyncSession) -> bool:
    """Whether the files are to be rebuilt after an erasure."""
    return await session.scalar(select(ErasureRow.id).where(ErasureRow.state == "rebuild").limit(1)) is not None


async def finish(session: AsyncSession, now: datetime) -> None:
    """Note that the files were rebuilt: all that waited for it is done."""
    await session.execute(update(ErasureRow).where(ErasureRow.state == "rebuild").values(state="done", finished_at=now))
