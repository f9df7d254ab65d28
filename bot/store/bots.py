"""Which bot each clinic's patients write to. Whoever runs the installation decides it; a clinic's staff can't."""

import re

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.store.clinic_tables import ClinicRow
from bot.store.tables import BOT_LENGTH, MAIN_BOT


class NoSuchClinic(Exception):
    """There is no clinic of this number."""


class WrongName(ValueError):
    """A bot can't be called so; the message says how it can."""


async def of_clinic(session: AsyncSession, clinic_id: int) -> str:
    """Return the bot of a clinic's patients; the main one for a clinic that names none."""
    return await session.scalar(select(ClinicRow.bot).where(ClinicRow.id == clinic_id)) or MAIN_BOT


async def clinics(session: AsyncSession) -> list[tuple[int, str, str]]:
    """Return every clinic's number, name and bot, in their order."""
    rows = await session.execute(select(ClinicRow.id, ClinicRow.name, ClinicRow.bot).order_by(ClinicRow.id))
    return [(number, name, bot or MAIN_BOT) for number, name, bot in rows]


async def give(session: AsyncSession, clinic_id: int, bot: str) -> None:
    """Let a clinic's patients write to a bot. Whoever shares with it already stays with the bot that they write to.

    Raises:
        WrongName: the bot's name is none.
        NoSuchClinic: there is no such clinic.
    """
    if not re.fullmatch(rf"[a-z0-9-]{{1,{BOT_LENGTH}}}", bot):
        raise WrongName(f"A bot's name has 1 to {BOT_LENGTH} of a-z 0-9 -, as in SEPTIMUS_BOT.")
    row = await session.get(ClinicRow, clinic_id)
    if row is None:
        raise NoSuchClinic(f"There is no clinic {clinic_id}. `septimus desk bots` lists them.")
    row.bot = None if bot == MAIN_BOT else bot
