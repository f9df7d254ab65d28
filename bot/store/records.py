"""What is kept beside conversations: whether an article helped, and which safety warnings were given."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from bot.outcome import Outcome
from bot.store.tables import FeedbackRow, SafetyEventRow


async def note_feedback(
    session: AsyncSession, patient_id: str, article: str, version: int, helpful: bool, now: datetime
) -> None:
    """Keep whether an article helped; a person's last word on it counts."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    await session.execute(
        insert(FeedbackRow)
        .values(patient_id=patient_id, article=article, version=version, helpful=helpful, at=now)
        .on_conflict_do_update(
            index_elements=["patient_id", "article", "version"], set_={"helpful": helpful, "at": now}
        )
    )


async def note_safety(session: AsyncSession, key: str, patient_id: str, outcome: Outcome, now: datetime) -> None:
    """Keep that a warning was given, and why; a second one with the same key changes nothing."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    await session.execute(
        insert(SafetyEventRow)
        .values(
            key=key,
            patient_id=patient_id,
            at=now,
            kind=outcome.kind.value,
            disposition=outcome.disposition,
            provisional=outcome.provisional,
            rules=list(outcome.rules),
            findings=dict(outcome.findings),
            ruleset=outcome.ruleset,
        )
        .on_conflict_do_nothing(index_elements=["key"])
    )


async def forget(session: AsyncSession, patient_id: str) -> None:
    """Delete what was kept about a person's use; the warnings they were given go too."""
    await session.execute(delete(FeedbackRow).where(FeedbackRow.patient_id == patient_id))
    await session.execute(delete(SafetyEventRow).where(SafetyEventRow.patient_id == patient_id))
