"""How long each kind of data is kept: the days stand in `retention.yml`; what is older goes, a few rows at a time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, PositiveInt
from sqlalchemy import ColumnElement, CursorResult, and_, delete, func, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.store import clinic_tables as clinic
from bot.store import kept, tables

FILE = Path(__file__).parent / "retention.yml"
BATCH = 200
_PEOPLE_AT_ONCE = 10
"""Rows in one transaction: so few that whoever writes something meanwhile is not kept waiting."""


class Days(BaseModel):
    """The days that each kind is kept, a whole number above zero each. See `retention.yml` for what they count from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inbox: PositiveInt
    outbox: PositiveInt
    tracker: PositiveInt
    misses: PositiveInt
    feedback: PositiveInt
    assessments: PositiveInt
    safety_events: PositiveInt
    exercise_sessions: PositiveInt
    scores: PositiveInt
    stopped: PositiveInt
    without_consent: PositiveInt
    line_invites: PositiveInt
    desk_sessions: PositiveInt
    erasures: PositiveInt
    audit: PositiveInt


@dataclass(frozen=True, slots=True)
class _Kind:
    """Rows of a table: the moment that their days count from, and which of them may go at all."""

    table: Any
    at: Any
    only: ColumnElement[bool] | None = None


def _not_the_last(table: Any) -> ColumnElement[bool]:
    """SQLite gives the number of a deleted last row out again; a clinic's line remembers how far it has read."""
    condition: ColumnElement[bool] = table.id < select(func.max(table.id)).scalar_subquery()
    return condition


_KINDS: Mapping[str, _Kind] = {
    "inbox": _Kind(tables.InboxRow, tables.InboxRow.finished_at, tables.InboxRow.state != "waiting"),
    # Whether a clinic's message arrived is shown beside it for as long as the message is kept.
    "outbox": _Kind(
        tables.OutboxRow,
        tables.OutboxRow.finished_at,
        and_(tables.OutboxRow.state != "waiting", not_(tables.OutboxRow.key.startswith("desk:", autoescape=True))),
    ),
    "misses": _Kind(tables.MissRow, tables.MissRow.at),
    "feedback": _Kind(tables.FeedbackRow, tables.FeedbackRow.at),
    "assessments": _Kind(tables.AssessmentRow, tables.AssessmentRow.at, _not_the_last(tables.AssessmentRow)),
    "safety_events": _Kind(tables.SafetyEventRow, tables.SafetyEventRow.at, _not_the_last(tables.SafetyEventRow)),
    "exercise_sessions": _Kind(tables.SessionRow, tables.SessionRow.ended_at),
    "scores": _Kind(tables.ScoreRow, tables.ScoreRow.at),
    "line_invites": _Kind(
        clinic.LineInviteRow, func.coalesce(clinic.LineInviteRow.used_at, clinic.LineInviteRow.expires_at)
    ),
    "desk_sessions": _Kind(clinic.DeskSessionRow, clinic.DeskSessionRow.expires_at),
    "erasures": _Kind(tables.ErasureRow, tables.ErasureRow.finished_at, tables.ErasureRow.state == "done"),
    "audit": _Kind(clinic.AuditRow, clinic.AuditRow.at),
}


def _stopped(before: datetime) -> ColumnElement[bool]:
    """Who ended it, and has not agreed anew since."""
    row = tables.PatientRow
    return and_(row.stopped_at < before, or_(row.consented_at.is_(None), row.consented_at < row.stopped_at))


def _without_consent(before: datetime) -> ColumnElement[bool]:
    """Who never agreed, or no more, and has not written since; who ended it is another kind."""
    row, chat, came = tables.PatientRow, tables.TelegramChatRow, tables.InboxRow
    wrote = (
        select(chat.patient_id)
        .join(came, and_(came.bot == chat.bot, came.chat_id == chat.chat_id))
        .where(or_(came.received_at >= before, came.state == "waiting"))
    )
    return and_(row.consented_at.is_(None), row.stopped_at.is_(None), row.created_at < before, row.id.not_in(wrote))


_PEOPLE: Mapping[str, Callable[[datetime], ColumnElement[bool]]] = {
    "stopped": _stopped,
    "without_consent": _without_consent,
}
KINDS = (*_KINDS, *_PEOPLE)
"""What `expire` knows; `tracker` is the engine's file, see `tracker.expire`."""


@cache
def load(path: Path = FILE) -> Days:
    """Read the days.

    Raises:
        pydantic.ValidationError: a kind is missing, unknown, or not a whole number of days above zero.
    """
    return Days.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def batch(kind: str) -> int:
    """Return how many of a kind go in one transaction: of a person a dozen tables are emptied, and others wait."""
    return _PEOPLE_AT_ONCE if kind in _PEOPLE else BATCH


async def expire(session: AsyncSession, kind: str, days: Days, now: datetime, limit: int | None = None) -> int:
    """Delete rows of a kind that are older than its days, a batch or up to `limit`; return how many went."""
    limit = limit or batch(kind)
    before = now - timedelta(days=getattr(days, kind))
    if kind in _PEOPLE:
        return await _erase(session, _PEOPLE[kind](before), now, limit)
    rows = _KINDS[kind]
    old = select(rows.table.id).where(rows.at < before).order_by(rows.table.id).limit(limit)
    if rows.only is not None:
        old = old.where(rows.only)
    gone = await session.execute(
        delete(rows.table).where(rows.table.id.in_(old)).execution_options(synchronize_session=False)
    )
    return gone.rowcount if isinstance(gone, CursorResult) else 0


async def _erase(session: AsyncSession, which: ColumnElement[bool], now: datetime, limit: int) -> int:
    """Erase people. They ended it, or never agreed that we may write: nobody tells them."""
    row = tables.PatientRow
    people = list(await session.scalars(select(row.id).where(which).order_by(row.created_at).limit(limit)))
    for patient_id in people:
        await kept.erase(session, patient_id, now, tell=False)
    return len(people)
