"""Patients who share, as the queue shows them: their stage, when they last gave a sign, whether they still practise."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.programme.gate import earliest
from bot.programme.practice import Practice, standing_of
from bot.programme.prescribed import Prescribed
from bot.store.clinic_tables import LineMessageRow, LineRow
from bot.store.sealed import opened, shut
from bot.store.tables import AssessmentRow, PatientRow, SafetyEventRow, ScoreRow, SessionRow, TelegramChatRow

WEEKS = 3
STOPPED_AFTER = timedelta(days=14)
"""Who practised before, and for so long not at all, has stopped. [DES]"""
PRACTISED_WITHIN = timedelta(days=70)
"""Practice that ended longer ago is no news. [DES]"""
EYE_LATELY = timedelta(days=14)
"""So long ago a worse eye is told at most. [DES]"""
WORSE_BY = 2
"""Points of eye comfort, 0 to 10, that are lost from one weekly check-in to the next. [DES]"""

_EYE_SIGNS = (
    "cannot_close_eye", "eye_pain", "eye_red", "light_sensitive_one_eye", "vision_blurred_persistent",
    "foreign_body_feeling", "eye_discharge_pus", "white_spot_on_cornea",
)  # fmt: skip
_EYE_COMFORT = "eye_comfort"
_SCORES_WITHIN = timedelta(days=120)
_COMPARED = 2
"""The last and the one before it."""


@dataclass(frozen=True, slots=True)
class Followed:
    """One patient who shares.

    Attributes:
        stage: of their exercises; None while nobody knows it. `is_set`: a therapist set it; else their answers say so.
        last_contact: the last sign of them in the chat; when they joined, if there was none since.
        weeks: sessions with something done, by week, the last seven days last.
        has_stopped: they practised, and have not for two weeks.
        is_eye_worse: a check-in or a check of the last two weeks tells of a worse eye than the one before it.
        blocked_since: when they blocked the bot; nothing reaches them.
    """

    stage: str | None
    is_set: bool
    last_contact: datetime
    weeks: tuple[int, ...]
    has_stopped: bool
    is_eye_worse: bool
    blocked_since: datetime | None


def has_stopped(now: datetime) -> ColumnElement[bool]:
    """The condition on an open line that its patient has stopped practising."""
    before = exists().where(
        SessionRow.patient_id == LineRow.patient_id,
        SessionRow.began >= now - PRACTISED_WITHIN,
        SessionRow.began < now - STOPPED_AFTER,
    )
    lately = exists().where(SessionRow.patient_id == LineRow.patient_id, SessionRow.began >= now - STOPPED_AFTER)
    return and_(LineRow.ended_at.is_(None), before, ~lately)


async def followed(
    session: AsyncSession, clinic_id: int, referral_ids: Iterable[int], now: datetime
) -> Mapping[int, Followed]:
    """The patients who share, by the clinic's referrals that are asked about; one who doesn't share is left out."""
    rows = await session.execute(
        select(
            LineRow.referral_id, LineRow.patient_id, LineRow.joined_at, PatientRow.practice, PatientRow.prescribed,
            has_stopped(now), TelegramChatRow.blocked_at,
        )
        .join(PatientRow, PatientRow.id == LineRow.patient_id)
        .outerjoin(TelegramChatRow, TelegramChatRow.patient_id == LineRow.patient_id)
        .where(
            LineRow.clinic_id == clinic_id, LineRow.ended_at.is_(None), LineRow.referral_id.in_(list(referral_ids))
        )
    )  # fmt: skip
    found = rows.all()
    people = [str(row.patient_id) for row in found]
    if not people:
        return {}
    weeks = await _weeks(session, people, now)
    last = await _last_contact(session, people)
    eyes = await _eyes(session, people, now)
    told = {}
    for number, name, joined_at, practice, prescribed, stopped, blocked in found:
        person = str(name)
        stage, is_set = _stage(practice, prescribed, now)
        told[number] = Followed(
            stage=stage,
            is_set=is_set,
            last_contact=max(joined_at, last.get(person, joined_at)),
            weeks=tuple(weeks.get(person, (0,) * WEEKS)),
            has_stopped=bool(stopped),
            is_eye_worse=person in eyes,
            blocked_since=blocked,
        )
    return told


def is_worse(comfort: Sequence[tuple[datetime, float]], signs: Sequence[tuple[datetime, frozenset[str]]]) -> bool:
    """Whether an eye got worse from the last but one time to the last. Pure.

    Args:
        comfort: eye comfort of check-ins, 0 to 10, the oldest first.
        signs: the eye signs that each check found, the oldest first.
    """
    if len(comfort) > 1 and comfort[-2][1] - comfort[-1][1] >= WORSE_BY:
        return True
    return len(signs) > 1 and bool(signs[-1][1] - signs[-2][1])


def _stage(practice: str | None, prescribed: str | None, now: datetime) -> tuple[str | None, bool]:
    if (set_ := Prescribed.loads(prescribed)).stage is not None:
        return set_.stage, True
    kept = Practice.loads(practice)
    return (earliest(standing_of(kept, now)), False) if kept.checked_at is not None else (None, False)


async def _weeks(session: AsyncSession, people: Sequence[str], now: datetime) -> dict[str, list[int]]:
    rows = await session.execute(
        select(SessionRow.patient_id, SessionRow.began, SessionRow.done).where(
            SessionRow.patient_id.in_(people), SessionRow.began > now - timedelta(weeks=WEEKS), SessionRow.began <= now
        )
    )
    weeks: dict[str, list[int]] = {}
    for person, began, done in rows:
        if done:
            weeks.setdefault(person, [0] * WEEKS)[WEEKS - 1 - (now - began) // timedelta(weeks=1)] += 1
    return weeks


async def _last_contact(session: AsyncSession, people: Sequence[str]) -> dict[str, datetime]:
    last: dict[str, datetime] = {}
    signs: list[tuple[Any, Any, Any]] = [
        (SessionRow.patient_id, SessionRow.ended_at, SessionRow.patient_id.in_(people)),
        (ScoreRow.patient_id, ScoreRow.at, ScoreRow.patient_id.in_(people)),
        (AssessmentRow.patient_id, AssessmentRow.at, AssessmentRow.patient_id.in_(people)),
        (SafetyEventRow.patient_id, SafetyEventRow.at, SafetyEventRow.patient_id.in_(people)),
        (
            LineRow.patient_id,
            LineMessageRow.at,
            and_(
                LineRow.patient_id.in_(people),
                LineMessageRow.clinic_id == LineRow.clinic_id,
                LineMessageRow.referral_id == LineRow.referral_id,
                LineMessageRow.line_id == LineRow.id,
                LineMessageRow.by_patient.is_(True),
            ),
        ),
    ]
    for person, at, condition in signs:
        rows = await session.execute(select(person, func.max(at)).where(condition).group_by(person))
        for name, moment in rows:
            last[name] = max(moment, last.get(name, moment))
    return last


async def _eyes(session: AsyncSession, people: Sequence[str], now: datetime) -> set[str]:
    """Those whose eye got worse lately. Of each person the last two are opened, for older ones say nothing of it."""
    dialect = session.get_bind().dialect
    comfort: dict[str, list[tuple[datetime, float]]] = {}
    scores = await session.execute(
        select(ScoreRow.patient_id, ScoreRow.at, shut(ScoreRow.__table__.c.parts))
        .where(ScoreRow.patient_id.in_(people), ScoreRow.at > now - _SCORES_WITHIN)
        .order_by(ScoreRow.at.desc(), ScoreRow.id.desc())
    )
    for person, at, parts in scores:
        known = comfort.setdefault(person, [])
        if len(known) < _COMPARED and (value := opened(parts, dialect).get(_EYE_COMFORT)) is not None:
            known.insert(0, (at, float(value)))
    signs: dict[str, list[tuple[datetime, frozenset[str]]]] = {}
    checks = await session.execute(
        select(AssessmentRow.patient_id, AssessmentRow.at, shut(AssessmentRow.__table__.c.findings))
        .where(AssessmentRow.patient_id.in_(people), AssessmentRow.at > now - _SCORES_WITHIN)
        .order_by(AssessmentRow.at.desc(), AssessmentRow.id.desc())
    )
    for person, at, findings in checks:
        found = signs.setdefault(person, [])
        if len(found) < _COMPARED:
            told = opened(findings, dialect)
            found.insert(0, (at, frozenset(name for name in _EYE_SIGNS if told.get(name) == "yes")))
    since = now - EYE_LATELY

    def lately[T](given: Mapping[str, list[tuple[datetime, T]]], person: str) -> list[tuple[datetime, T]]:
        rows = given.get(person, [])
        return rows if rows and rows[-1][0] > since else []

    return {person for person in people if is_worse(lately(comfort, person), lately(signs, person))}
