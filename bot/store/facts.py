"""Facts that one process tells the others, by name: what the bot is called, and where its chat page is."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.store.insert import insert_into
from bot.store.tables import MAIN_BOT, FactRow

BOT_NAME = "bot_name"
"""The bot's @name without the sign, as Telegram knows it."""
CHAT_PAGE = "chat_page"
"""Where the sandbox shows its chats; empty for Telegram itself."""


async def tell(session: AsyncSession, name: str, value: str) -> None:
    """Write a fact down; the last word counts."""
    await session.execute(
        insert_into(session, FactRow)
        .values(name=name, value=value[:400])
        .on_conflict_do_update(index_elements=["name"], set_={"value": value[:400]})
    )


def of_bot(name: str, bot: str) -> str:
    """Return the name of a fact that each bot tells of itself."""
    return name if bot == MAIN_BOT else f"{name}:{bot}"


async def told(session: AsyncSession) -> dict[str, str]:
    """Return every fact by name."""
    return {row.name: row.value for row in await session.scalars(select(FactRow))}
