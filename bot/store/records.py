"""What is kept beside conversations: whether an article helped, and which safety warnings were given."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.outcome import Outcome
from bot.store.insert import insert_into
from bot.store.tables import AssessmentRow, FeedbackRow, MissRow, SafetyEventRow, ScoreRow, SessionRow


@dataclass(frozen=True, slots=True)
class KeptAssessment:
    """A triage assessment as it is kept: findings with where each came from, rules, what was told, until when it holds.

    `ended` is `result`, `emergency` or `stopped`.
    """

    started_at: datetime
    expires_at: datetime
    ended: str
    disposition: str
    out_of_scope: bool
    rules: tuple[str, ...]
    findings: Mapping[str, str]
    sources: Mapping[str, str]
    ruleset: str
    told: str


async def note_feedback(
    session: AsyncSession, patient_id: str, article: str, version: int, helpful: bool, now: datetime
) -> None:
    """Keep whether an article helped; a person's last word on it counts."""
    await session.execute(
        insert_into(session, FeedbackRow)
        .values(patient_id=patient_id, article=article, version=version, helpful=helpful, at=now)
        .on_conflict_do_update(
            index_elements=["patient_id", "article", "version"], set_={"helpful": helpful, "at": now}
        )
    )


async def note_safety(session: AsyncSession, key: str, patient_id: str, outcome: Outcome, now: datetime) -> None:
    """Keep that a warning was given, and why; a second one with the same key changes nothing."""
    await session.execute(
        insert_into(session, SafetyEventRow)
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


async def note_assessment(
    session: AsyncSession, key: str, patient_id: str, kept: KeptAssessment, now: datetime
) -> None:
    """Keep a triage assessment; a second one with the same key changes nothing."""
    await session.execute(
        insert_into(session, AssessmentRow)
        .values(
            key=key,
            patient_id=patient_id,
            started_at=kept.started_at,
            at=now,
            expires_at=kept.expires_at,
            ended=kept.ended,
            disposition=kept.disposition,
            out_of_scope=kept.out_of_scope,
            rules=list(kept.rules),
            findings=dict(kept.findings),
            sources=dict(kept.sources),
            ruleset=kept.ruleset,
            told=kept.told,
        )
        .on_conflict_do_nothing(index_elements=["key"])
    )


async def assessments(session: AsyncSession, patient_id: str, limit: int = 20) -> list[tuple[datetime, KeptAssessment]]:
    """Return a person's triage assessments, each with the moment of its end, the newest first."""
    rows = await session.scalars(
        select(AssessmentRow)
        .where(AssessmentRow.patient_id == patient_id)
        .order_by(AssessmentRow.at.desc(), AssessmentRow.id.desc())
        .limit(limit)
    )
    return [
        (
            row.at,
            KeptAssessment(
                row.started_at, row.expires_at, row.ended, row.disposition, row.out_of_scope, tuple(row.rules),
                dict(row.findings), dict(row.sources), row.ruleset, row.told,
            ),
        )
        for row in rows
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class KeptSession:
    """A session of exercises as the diary keeps it. `ended` is `finished`, `stopped` or `hurt`; scores are 0 to 10."""

    began: datetime
    zone: str
    programme: str
    stage: str
    ended: str
    done: tuple[str, ...]
    skipped: tuple[str, ...]
    eased: tuple[str, ...]
    effort: int | None
    comfort: int | None


async def note_session(session: AsyncSession, key: str, patient_id: str, kept: KeptSession, now: datetime) -> None:
    """Keep a session in the diary; a second one with the same key changes nothing."""
    values = {
        **{name: getattr(kept, name) for name in ("began", "zone", "programme", "stage", "ended", "effort", "comfort")},
        **{name: list(getattr(kept, name)) for name in ("done", "skipped", "eased")},
    }
    await session.execute(
        insert_into(session, SessionRow)
        .values(key=key, patient_id=patient_id, ended_at=now, **values)
        .on_conflict_do_nothing(index_elements=["key"])
    )


async def diary(session: AsyncSession, patient_id: str) -> list[KeptSession]:
    """Return a person's sessions, the oldest first."""
    rows = await session.scalars(
        select(SessionRow).where(SessionRow.patient_id == patient_id).order_by(SessionRow.began, SessionRow.id)
    )
    return [
        KeptSession(
            row.began, row.zone, row.programme, row.stage, row.ended,
            tuple(row.done), tuple(row.skipped), tuple(row.eased), row.effort, row.comfort,
        )
        for row in rows
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class KeptScore:
    """An answered questionnaire as it is kept."""

    questionnaire: str
    value: float | None
    parts: Mapping[str, float | None]
    answers: Mapping[str, int | str | None]
    flagged: str | None


async def note_score(session: AsyncSession, key: str, patient_id: str, kept: KeptScore, now: datetime) -> None:
    """Keep an answered questionnaire; a second one with the same key changes nothing."""
    await session.execute(
        insert_into(session, ScoreRow)
        .values(
            key=key, patient_id=patient_id, at=now, questionnaire=kept.questionnaire, value=kept.value,
            parts=dict(kept.parts), answers=dict(kept.answers), flagged=kept.flagged,
        )
        .on_conflict_do_nothing(index_elements=["key"])
    )  # fmt: skip


async def scores(session: AsyncSession, patient_id: str) -> list[tuple[datetime, KeptScore]]:
    """Return a person's answered questionnaires, each with its moment, the oldest first."""
    rows = await session.scalars(
        select(ScoreRow).where(ScoreRow.patient_id == patient_id).order_by(ScoreRow.at, ScoreRow.id)
    )
    return [
        (row.at, KeptScore(row.questionnaire, row.value, dict(row.parts), dict(row.answers), row.flagged))
        for row in rows
    ]


async def note_miss(
    session: AsyncSession, key: str, patient_id: str, outcome: Outcome, text: str, now: datetime
) -> None:
    """Keep a scrubbed message that was not surely understood; a second one with the same key changes nothing."""
    await session.execute(
        insert_into(session, MissRow)
        .values(
            key=key,
            patient_id=patient_id,
            at=now,
            kind=outcome.kind.value,
            text=text,
            nearest=list(outcome.alternatives),
        )
        .on_conflict_do_nothing(index_elements=["key"])
    )


@dataclass(frozen=True, slots=True)
class Miss:
    """A message that was not surely understood, and what came nearest."""

    at: datetime
    kind: str
    text: str
    nearest: tuple[str, ...]


async def misses(session: AsyncSession, since: datetime, limit: int) -> list[Miss]:
    """Return what was missed since a moment: the not understood before the asked-about, the newest first."""
    rows = await session.scalars(
        select(MissRow).where(MissRow.at >= since).order_by(MissRow.kind.desc(), MissRow.at.desc()).limit(limit)
    )
    return [Miss(row.at, row.kind, row.text, tuple(row.nearest)) for row in rows]


async def helpfulness(session: AsyncSession, since: datetime) -> list[tuple[str, int, int]]:
    """Return (article, times it helped, times it did not) since a moment, the least helpful first."""
    helped = func.sum(case((FeedbackRow.helpful.is_(True), 1), else_=0))
    failed = func.sum(case((FeedbackRow.helpful.is_(False), 1), else_=0))
    rows = await session.execute(
        select(FeedbackRow.article, helped, failed)
        .where(FeedbackRow.at >= since)
        .group_by(FeedbackRow.article)
        .order_by(failed.desc(), FeedbackRow.article)
    )
    return [(str(article), int(good), int(bad)) for article, good, bad in rows]


async def forget(session: AsyncSession, patient_id: str) -> None:
    """Delete what was kept about a person's use; the warnings they were given go too."""
    await session.execute(delete(FeedbackRow).where(FeedbackRow.patient_id == patient_id))
    await session.execute(delete(MissRow).where(MissRow.patient_id == patient_id))
    await session.execute(delete(ScoreRow).where(ScoreRow.patient_id == patient_id))
    await session.execute(delete(SessionRow).where(SessionRow.patient_id == patient_id))
    await session.execute(delete(AssessmentRow).where(AssessmentRow.patient_id == patient_id))
    await session.execute(delete(SafetyEventRow).where(SafetyEventRow.patient_id == patient_id))
