"""Counts for whoever runs the system; none of them tells of a person."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.store import inbox, outbox
from bot.store.tables import FeedbackRow, InboxRow, PatientRow, SafetyEventRow


@dataclass(frozen=True, slots=True)
class Counts:
    """How many people, warnings, answers that helped or not, and messages that wait or were set aside."""

    people: int
    warnings: int
    helpful: int
    not_helpful: int
    waiting_in: int
    waiting_out: int
    parked: int


async def now(session: AsyncSession) -> Counts:
    """Count everything as it stands."""

    async def count(table: type, *conditions: object) -> int:
        return await session.scalar(select(func.count()).select_from(table).where(*conditions)) or 0  # type: ignore[arg-type]

    return Counts(
        people=await count(PatientRow),
        warnings=await count(SafetyEventRow),
        helpful=await count(FeedbackRow, FeedbackRow.helpful.is_(True)),
        not_helpful=await count(FeedbackRow, FeedbackRow.helpful.is_(False)),
        waiting_in=await inbox.waiting(session),
        waiting_out=await outbox.waiting(session),
        parked=await count(InboxRow, InboxRow.state == "parked"),
    )
