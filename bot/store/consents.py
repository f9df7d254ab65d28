"""What a person agreed to, layer by layer, with its history: use, reminders, sharing with a clinic."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.store.tables import ConsentRow

REMINDERS_VERSION = "2026-11"
"""The version of the words by which a person is told of reminders, and how to end them.

`onboarding.done`, and `done_held` where a question waits.
"""

type Layer = Literal["use", "reminders", "share"]


@dataclass(frozen=True, slots=True)
class Consent:
    """One change: a layer given, or withdrawn. `version` is that of the words that were agreed to."""

    layer: str
    given: bool
    version: str | None
    at: datetime
    clinic_id: int | None


async def note(
    session: AsyncSession,
    patient_id: str,
    layer: Layer,
    now: datetime,
    *,
    given: bool,
    version: str | None = None,
    clinic_id: int | None = None,
) -> None:
    """Write down that a layer was given or withdrawn; what stands so already is not written again."""
    last = await session.scalar(
        select(ConsentRow)
        .where(ConsentRow.patient_id == patient_id, ConsentRow.layer == layer)
        .order_by(ConsentRow.id.desc())
        .limit(1)
    )
    if last is None and not given:
        return
    stands = last is not None and last.given == given
    if stands and last is not None and (not given or (last.version, last.clinic_id) == (version, clinic_id)):
        return
    session.add(
        ConsentRow(patient_id=patient_id, layer=layer, given=given, version=version, at=now, clinic_id=clinic_id)
    )
    await session.flush()


async def history(session: AsyncSession, patient_id: str) -> list[Consent]:
    """Every change of a person's consents, the oldest first."""
    rows = await session.scalars(select(ConsentRow).where(ConsentRow.patient_id == patient_id).order_by(ConsentRow.id))
    return [Consent(row.layer, row.given, row.version, row.at, row.clinic_id) for row in rows]
