"""Measures that only a clinician takes: House-Brackmann and Sunnybrook, by referral, over time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.store.clinic_tables import MeasureRow, StaffRow

type MeasureKind = Literal["hb", "sunnybrook"]


@dataclass(frozen=True, slots=True)
class KeptMeasure:
    """A measure as it is kept. `parts` of a Sunnybrook: rest, voluntary and synkinesis, each already weighted."""

    on_day: date
    kind: MeasureKind
    value: float
    parts: Mapping[str, int]
    who: str | None


async def add(
    session: AsyncSession, clinic_id: int, referral_id: int, staff_id: int, measure: KeptMeasure, now: datetime
) -> None:
    """Write a measure down."""
    session.add(
        MeasureRow(
            clinic_id=clinic_id,
            referral_id=referral_id,
            staff_id=staff_id,
            at=now,
            on_day=measure.on_day,
            kind=measure.kind,
            value=measure.value,
            parts=dict(measure.parts),
        )
    )


async def of_referral(session: AsyncSession, clinic_id: int, referral_id: int) -> list[KeptMeasure]:
    """A referral's measures, the oldest first; of two on one day the later entered last."""
    rows = await session.execute(
        select(MeasureRow, StaffRow.name)
        .outerjoin(StaffRow, StaffRow.id == MeasureRow.staff_id)
        .where(MeasureRow.clinic_id == clinic_id, MeasureRow.referral_id == referral_id)
        .order_by(MeasureRow.on_day, MeasureRow.id)
    )
    return [
        KeptMeasure(row.on_day, "hb" if row.kind == "hb" else "sunnybrook", row.value, dict(row.parts), name)
        for row, name in rows
    ]
