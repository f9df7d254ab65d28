"""People: found by pseudonym, made for a new chat, changed, forgotten."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.patient import Patient, Step, new_pseudonym
from bot.store import reminders
from bot.store.tables import MAIN_BOT, PatientRow, TelegramChatRow

_FIELDS = tuple(field.name for field in dataclasses.fields(Patient))
_THE_DESKS = frozenset({"prescribed"})
"""Written by the desk alone (see `lines`): a turn that began before must not take it back."""


_IN_REACH = (
    select(PatientRow)
    .join(TelegramChatRow, TelegramChatRow.patient_id == PatientRow.id)
    .where(
        TelegramChatRow.bot == bindparam("bot_"),
        TelegramChatRow.chat_id == bindparam("chat_"),
        TelegramChatRow.blocked_at.is_(None),
    )
)
_CHAT_OF = select(TelegramChatRow.chat_id).where(
    TelegramChatRow.patient_id == bindparam("patient_"), TelegramChatRow.blocked_at.is_(None)
)


async def get(session: AsyncSession, patient_id: str) -> Patient | None:
    """Return a person by pseudonym, or None."""
    row = await session.get(PatientRow, patient_id)
    return _patient(row) if row else None


async def several(session: AsyncSession, patient_ids: Sequence[str]) -> dict[str, Patient]:
    """Return the people of these pseudonyms by pseudonym; one that is gone is left out."""
    rows = await session.scalars(select(PatientRow).where(PatientRow.id.in_(set(patient_ids))))
    return {row.id: _patient(row) for row in rows}


async def create(session: AsyncSession, patient: Patient, now: datetime) -> None:
    """Write down a new person."""
    session.add(PatientRow(created_at=now, **_values(patient)))
    await session.flush()


async def save(session: AsyncSession, patient: Patient) -> None:
    """Write down what changed about a person; someone erased meanwhile stays erased."""
    row = await session.get(PatientRow, patient.id)
    if row is not None:
        for name, value in _values(patient).items():
            if name not in _THE_DESKS:
                setattr(row, name, value)


async def known(session: AsyncSession, chat_id: int, bot: str = MAIN_BOT) -> Patient | None:
    """Return the person of a Telegram chat with a bot, whether they blocked it or not; None for one who is new."""
    found = await session.scalar(
        select(PatientRow)
        .join(TelegramChatRow, TelegramChatRow.patient_id == PatientRow.id)
        .where(TelegramChatRow.bot == bot, TelegramChatRow.chat_id == chat_id)
    )
    return _patient(found) if found else None


async def of_chat(session: AsyncSession, chat_id: int, now: datetime, bot: str = MAIN_BOT) -> Patient:
    """Return the person of a Telegram chat with a bot, made on first sight. With another bot they are another."""
    found = await known(session, chat_id, bot)
    if found is not None:
        return found
    patient = Patient(id=new_pseudonym())
    await create(session, patient, now)
    session.add(TelegramChatRow(bot=bot, chat_id=chat_id, patient_id=patient.id))
    return patient


async def in_reach(session: AsyncSession, chat_id: int, bot: str = MAIN_BOT) -> Patient | None:
    """Return the person of a Telegram chat with a bot; None for one who is new, or had blocked the bot."""
    found = await session.scalar(_IN_REACH, {"bot_": bot, "chat_": chat_id})
    return _patient(found) if found else None


async def chat_of(session: AsyncSession, patient_id: str) -> int | None:
    """Return the Telegram chat of a person, None for one who has none or has blocked the bot."""
    return await session.scalar(_CHAT_OF, {"patient_": patient_id})


async def set_blocked(session: AsyncSession, patient_id: str, blocked_at: datetime | None) -> None:
    """Note that a person blocked the bot, or (None) that they are back. Their reminders rest meanwhile."""
    chat = await session.scalar(select(TelegramChatRow).where(TelegramChatRow.patient_id == patient_id))
    if chat is not None and (chat.blocked_at is None) != (blocked_at is None):
        chat.blocked_at = blocked_at
        await reminders.rest(session, patient_id, blocked=blocked_at is not None)


def _patient(row: PatientRow) -> Patient:
    values = {name: getattr(row, name) for name in _FIELDS}
    return Patient(**{**values, "step": Step(values["step"])})


def _values(patient: Patient) -> dict[str, object]:
    return {name: getattr(patient, name) for name in _FIELDS}
