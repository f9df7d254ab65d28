"""Referrals: the queue's folders, one referral, its changes and its history.

Every query asks by clinic. A change names the version it saw, so that two people never overwrite each other, and
writes its line of the history in the same transaction. A history is never changed; it goes only with its referral.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Literal

from sqlalchemy import Select, and_, case, delete, exists, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.referral.record import Proposed, Referral
from bot.referral.sorting import Override as Override
from bot.referral.sorting import Sorting as Sorting
from bot.store.clinic_tables import (
    AuditRow,
    LineMessageRow,
    LineRow,
    MergeRow,
    ReferralEventRow,
    ReferralRow,
    StaffRow,
)
from bot.store.followed import has_stopped
from bot.store.tables import ErasureRow, OutboxRow

type State = Literal["new", "waiting", "booked", "redirected", "closed"]
"""Where a referral stands: to be dealt with; waiting for the patient; booked; sent elsewhere; closed."""

type Folder = Literal["new", "mine", "unassigned", "waiting", "booked", "redirected", "closed", "all"]

OPEN = ("new", "waiting", "booked")
"""The states in which somebody still owes the patient something."""

_SOUGHT = 400
_OF_TWO = ("merged_in", "merged", "separated")
"""What the histories of two referrals tell of each other."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A referral as it is kept."""

    id: int
    version: int
    state: State
    state_since: datetime
    assigned_to: int | None
    assigned_name: str | None
    patient_ref: str
    patient_id: str | None
    referrer: str
    referral: Referral
    sorting: Sorting
    override: Override | None
    booked_for: datetime | None
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Listed:
    """A referral as a line of the queue."""

    id: int
    version: int
    state: State
    state_since: datetime
    assigned_to: int | None
    assigned_name: str | None
    patient_ref: str
    received_on: date
    onset_on: date | None
    onset_is_exact: bool
    side: str | None
    cause: str | None
    grade: str | None
    band: str
    machine_band: str
    overridden: bool
    flags: Sequence[Mapping[str, Any]]
    eye: str
    missing: Sequence[str]
    action: str
    findings: Mapping[str, Any]
    place: str
    target_on: date
    booked_for: datetime | None


@dataclass(frozen=True, slots=True)
class Filters:
    """What to show of a folder. `words` must all occur in the reference, referrer, cause, side or grade.

    `stopped_at`: only patients who had stopped practising at this moment (see `followed`).
    """

    words: tuple[str, ...] = ()
    band: str | None = None
    eye: str | None = None
    flagged: bool = False
    missing: bool = False
    over_on: date | None = None
    unread: bool = False
    stopped_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many are in each folder; of the open ones, how many are over target and how many eyes are unknown."""

    folders: Mapping[str, int]
    over: int
    eye_unknown: int


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a referral. `who` is None for the program itself."""

    id: int
    version: int
    at: datetime
    who: str | None
    by_program: bool
    kind: str
    detail: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


class ChangedMeanwhile(Exception):
    """Somebody changed the referral after the version that this change saw; nothing was written."""


# reading


async def listed(
    session: AsyncSession,
    clinic_id: int,
    folder: Folder,
    me: int,
    filters: Filters,
    *,
    after: tuple[str, int] | None = None,
    limit: int = 50,
) -> list[Listed]:
    """The lines of a folder, the most urgent first.

    Args:
        session: an open transaction.
        clinic_id: whose.
        folder: which.
        me: whose the folder "mine" is.
        filters: what to show of it.
        after: `place` and `id` of the line to go on after.
        limit: how many lines at most.
    """
    light = [getattr(ReferralRow, each.name) for each in dataclasses.fields(Listed) if hasattr(ReferralRow, each.name)]
    query = (
        select(*light, StaffRow.name.label("assigned_name"), ReferralRow.override_band)
        .outerjoin(StaffRow, StaffRow.id == ReferralRow.assigned_to)
        .where(ReferralRow.clinic_id == clinic_id, _in(folder, me), *_conditions(filters))
        .order_by(ReferralRow.place, ReferralRow.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(ReferralRow.place, ReferralRow.id) > tuple_(*after))
    lines = []
    for row in (await session.execute(query)).mappings():
        values = dict(row)
        overridden = values.pop("override_band") is not None
        lines.append(Listed(**values, overridden=overridden))
    return lines


async def counts(session: AsyncSession, clinic_id: int, me: int, today: date) -> Counts:
    """How many referrals are in each of a clinic's folders."""
    mine = case((ReferralRow.assigned_to == me, 1), else_=0)
    nobodys = case((ReferralRow.assigned_to.is_(None), 1), else_=0)
    not_booked = ReferralRow.state.in_(("new", "waiting"))
    rows = await session.execute(
        select(
            ReferralRow.state,
            func.count(),
            func.sum(mine),
            func.sum(nobodys),
            func.sum(case((and_(not_booked, ReferralRow.target_on < today), 1), else_=0)),
            func.sum(case((and_(ReferralRow.state.in_(OPEN), ReferralRow.eye == "unknown"), 1), else_=0)),
        )
        .where(ReferralRow.clinic_id == clinic_id)
        .group_by(ReferralRow.state)
    )
    folders: dict[str, int] = dict.fromkeys(("new", "mine", "unassigned", "waiting", "booked", "redirected"), 0)
    folders["closed"] = over = unknown = 0
    for state, count, own, free, late, eyes in rows:
        folders[state] = count
        if state in OPEN:
            folders["mine"] += own
            folders["unassigned"] += free
        over += late
        unknown += eyes
    return Counts(folders, over, unknown)


async def get(session: AsyncSession, clinic_id: int, referral_id: int) -> Kept | None:
    """One referral of a clinic."""
    overrider = StaffRow.__table__.alias("overrider")
    found = (
        await session.execute(
            select(ReferralRow, StaffRow.name, overrider.c.name)
            .outerjoin(StaffRow, StaffRow.id == ReferralRow.assigned_to)
            .outerjoin(overrider, overrider.c.id == ReferralRow.override_by)
            .where(ReferralRow.id == referral_id, ReferralRow.clinic_id == clinic_id)
            .execution_options(populate_existing=True)
        )
    ).first()
    return _kept(*found) if found else None


async def events(session: AsyncSession, clinic_id: int, referral_id: int, since_version: int = 0) -> list[Event]:
    """The history of one referral, the oldest first; only what came after a version."""
    query = (
        _events(clinic_id)
        .where(ReferralEventRow.referral_id == referral_id, ReferralEventRow.version > since_version)
        .order_by(ReferralEventRow.id)
    )
    return [_event(*row) for row in (await session.execute(query)).all()]


async def news(
    session: AsyncSession, clinic_id: int, referral_ids: Iterable[int], since: datetime
) -> Mapping[int, list[Event]]:
    """What happened to these referrals since a moment, by referral, the oldest first."""
    query = (
        _events(clinic_id)
        .where(ReferralEventRow.referral_id.in_(list(referral_ids)), ReferralEventRow.at >= since)
        .order_by(ReferralEventRow.id)
    )
    happened: dict[int, list[Event]] = {}
    for row, name in (await session.execute(query)).all():
        happened.setdefault(row.referral_id, []).append(_event(row, name))
    return happened


async def unsorted(session: AsyncSession, clinic_id: int, today: date, limit: int) -> list[Kept]:
    """Open referrals that were last sorted before today."""
    found = await session.scalars(
        select(ReferralRow)
        .where(ReferralRow.clinic_id == clinic_id, ReferralRow.state.in_(OPEN), ReferralRow.sorted_on < today)
        .limit(limit)
    )
    return [_kept(row, None, None) for row in found]


# writing


async def create(
    session: AsyncSession,
    clinic_id: int,
    referral: Referral,
    sorting: Sorting,
    now: datetime,
    *,
    patient_ref: str,
    referrer: str,
    staff_id: int | None,
    detail: Mapping[str, Any] | None = None,
) -> int:
    """Write down a new referral with the first line of its history, and return its id."""
    row = ReferralRow(
        id=await _next_number(session),
        clinic_id=clinic_id,
        version=1,
        state="new",
        state_since=now,
        patient_ref=patient_ref,
        referrer=referrer,
        created_at=now,
        changed_at=now,
        sought=_sought(patient_ref, referrer, referral),
        **_of_referral(referral),
        **_of_sorting(sorting),
    )
    session.add(row)
    await session.flush()
    _add_event(session, clinic_id, row.id, 1, now, staff_id, "received", {"band": sorting.band, **(detail or {})})
    return row.id


async def change(
    session: AsyncSession,
    clinic_id: int,
    kept: Kept,
    kind: str,
    now: datetime,
    *,
    staff_id: int | None,
    detail: Mapping[str, Any] | None = None,
    state: State | None = None,
    referral: Referral | None = None,
    sorting: Sorting | None = None,
    **values: object,
) -> int:
    """Change a referral, write the line of its history, and return its new version.

    Args:
        session: an open writing transaction.
        clinic_id: whose.
        kept: the referral as the change saw it.
        kind: what happened, for the history.
        now: the present moment.
        staff_id: who did it; None for the program.
        detail: what the history should tell of it.
        state: the state it goes into.
        referral: what is known now.
        sorting: how it is sorted now.
        values: other columns: assigned_to, booked_for, patient_ref, referrer, override_*.

    Raises:
        ChangedMeanwhile: it is no longer as the change saw it.
    """
    if state is not None:
        values |= {"state": state}
        if state != kept.state:
            values.setdefault("state_since", now)
    if referral is not None:
        values |= _of_referral(referral)
    if sorting is not None:
        values |= _of_sorting(sorting)
    reference = str(values.get("patient_ref", kept.patient_ref))
    referrer = str(values.get("referrer", kept.referrer))
    values["sought"] = _sought(reference, referrer, referral or kept.referral)
    version = await session.scalar(
        update(ReferralRow)
        .where(ReferralRow.id == kept.id, ReferralRow.clinic_id == clinic_id, ReferralRow.version == kept.version)
        .values(**values, version=ReferralRow.version + 1, changed_at=now)
        .returning(ReferralRow.version)
        .execution_options(synchronize_session=False)
    )
    if version is None:
        raise ChangedMeanwhile
    _add_event(session, clinic_id, kept.id, int(version), now, staff_id, kind, detail or {})
    return int(version)


async def resort(session: AsyncSession, clinic_id: int, kept: Kept, sorting: Sorting, now: datetime) -> None:
    """Keep how a referral is sorted today; it counts as a change, with a line of history, when its band changed.

    One that somebody changes at this very moment is left to them: their change sorts it too.
    """
    flags, before = ({flag["rule"] for flag in each.flags} for each in (sorting, kept.sorting))
    if sorting.band != kept.sorting.band or flags - before:
        rules = [rule["id"] for rule in sorting.machine_rules]
        detail = {"from": kept.sorting.band, "to": sorting.band, "rules": rules}
        try:
            await change(session, clinic_id, kept, "resorted", now, staff_id=None, detail=detail, sorting=sorting)
        except ChangedMeanwhile:
            return
        return
    await session.execute(
        update(ReferralRow)
        .where(ReferralRow.id == kept.id, ReferralRow.clinic_id == clinic_id, ReferralRow.version == kept.version)
        .values(**_of_sorting(sorting))
        .execution_options(synchronize_session=False)
    )


async def delete_for_good(
    session: AsyncSession, clinic_id: int, kept: Kept, with_it: Iterable[int], now: datetime
) -> None:
    """Delete a referral and those that went into it, with all that hangs on them, and what other histories tell of it.

    Nothing but the audit knows its number afterwards. An open line must be ended in the same transaction.

    Args:
        session: an open writing transaction.
        clinic_id: whose.
        kept: the referral as whoever deletes it saw it.
        with_it: the referrals that are merged into it.
        now: the present moment.

    Raises:
        ChangedMeanwhile: it is no longer as they saw it; nothing was deleted.
    """
    going = {kept.id, *with_it}
    ours = and_(ReferralRow.clinic_id == clinic_id, ReferralRow.id.in_(going))
    # A message that comes in locks its line first and then the referral; so neither waits for the other.
    await session.execute(
        select(LineRow.id).where(LineRow.clinic_id == clinic_id, LineRow.referral_id.in_(going)).with_for_update()
    )
    locked = await session.execute(
        select(ReferralRow.id, ReferralRow.version).where(ours).order_by(ReferralRow.id).with_for_update()
    )
    if (kept.id, kept.version) not in {(number, version) for number, version in locked}:
        raise ChangedMeanwhile
    await _forget_in_others(session, clinic_id, going)
    keys = select(LineMessageRow.key).where(
        LineMessageRow.clinic_id == clinic_id, LineMessageRow.referral_id.in_(going)
    )
    await session.execute(delete(OutboxRow).where(OutboxRow.key.in_(keys)).execution_options(synchronize_session=False))
    # All that belongs to a referral goes with its row: the tables say so.
    await session.execute(delete(ReferralRow).where(ours).execution_options(synchronize_session=False))
    session.add(ErasureRow(state="rebuild", at=now))


async def _forget_in_others(session: AsyncSession, clinic_id: int, going: set[int]) -> None:
    """Take out of other referrals' histories that they were one with these, and are no more."""
    pairs = await session.execute(
        select(MergeRow.kept_id, MergeRow.merged_id).where(
            MergeRow.clinic_id == clinic_id, or_(MergeRow.kept_id.in_(going), MergeRow.merged_id.in_(going))
        )
    )
    others = {number for pair in pairs for number in pair} - going
    told = await session.execute(
        select(ReferralEventRow.id, ReferralEventRow.detail).where(
            ReferralEventRow.referral_id.in_(others), ReferralEventRow.kind.in_(_OF_TWO)
        )
    )
    # What a line tells is sealed, so it is looked at here and not by the database.
    gone = [number for number, detail in told if {detail.get("of"), detail.get("into")} & going]
    await session.execute(
        delete(ReferralEventRow)
        .where(ReferralEventRow.clinic_id == clinic_id, ReferralEventRow.id.in_(gone))
        .execution_options(synchronize_session=False)
    )


async def _next_number(session: AsyncSession) -> int | None:
    """SQLite gives the number of a deleted last row out again; of a referral's the audit knows. None elsewhere."""
    if session.get_bind().dialect.name != "sqlite":
        return None
    last = [await session.scalar(select(func.max(each))) for each in (ReferralRow.id, AuditRow.referral_id)]
    return max(each or 0 for each in last) + 1


def _in(folder: Folder, me: int) -> Any:
    if folder == "mine":
        return and_(ReferralRow.assigned_to == me, ReferralRow.state.in_(OPEN))
    if folder == "unassigned":
        return and_(ReferralRow.assigned_to.is_(None), ReferralRow.state.in_(OPEN))
    return ReferralRow.state == folder if folder != "all" else ReferralRow.state.is_not(None)


def _conditions(filters: Filters) -> list[Any]:
    conditions: list[Any] = [ReferralRow.sought.contains(word.lower(), autoescape=True) for word in filters.words]
    if filters.band:
        conditions.append(ReferralRow.band == filters.band)
    if filters.eye:
        conditions.append(ReferralRow.eye == filters.eye)
    if filters.flagged:
        conditions.append(ReferralRow.place.like("_0%"))
    if filters.missing:
        conditions.append(func.json_array_length(ReferralRow.missing) > 0)
    if filters.unread:
        conditions.append(
            exists().where(
                LineMessageRow.clinic_id == ReferralRow.clinic_id,
                LineMessageRow.by_patient.is_(True),
                LineMessageRow.read_at.is_(None),
                LineMessageRow.referral_id == ReferralRow.id,
            )
        )
    if filters.stopped_at:
        stopped = select(LineRow.referral_id).where(has_stopped(filters.stopped_at))
        conditions.append(ReferralRow.id.in_(stopped))
    if filters.over_on:
        conditions.append(ReferralRow.target_on < filters.over_on)
        conditions.append(or_(ReferralRow.state == "new", ReferralRow.state == "waiting"))
    return conditions


def _events(clinic_id: int) -> Select[ReferralEventRow, str]:
    return (
        select(ReferralEventRow, StaffRow.name)
        .outerjoin(StaffRow, StaffRow.id == ReferralEventRow.staff_id)
        .where(ReferralEventRow.clinic_id == clinic_id)
    )


def _event(row: ReferralEventRow, name: str | None) -> Event:
    return Event(row.id, row.version, row.at, name, row.staff_id is None, row.kind, row.detail)


def _add_event(
    session: AsyncSession,
    clinic_id: int,
    referral_id: int,
    version: int,
    now: datetime,
    staff_id: int | None,
    kind: str,
    detail: Mapping[str, Any],
) -> None:
    session.add(
        ReferralEventRow(
            clinic_id=clinic_id,
            referral_id=referral_id,
            version=version,
            at=now,
            staff_id=staff_id,
            kind=kind,
            detail=dict(detail),
        )
    )


def _sought(patient_ref: str, referrer: str, referral: Referral) -> str:
    parts = (patient_ref, referrer, referral.cause or "", referral.grade or "")
    return " ".join(parts).lower()[:_SOUGHT]


def _of_referral(referral: Referral) -> dict[str, Any]:
    return {
        "received_on": referral.received,
        "written_on": referral.written,
        "onset_on": referral.onset,
        "onset_is_exact": referral.onset_is_exact,
        "side": referral.side,
        "cause": referral.cause,
        "grade": referral.grade,
        "sunnybrook": referral.sunnybrook,
        "fdi": referral.fdi,
        "goals": referral.goals,
        "findings": {name: dataclasses.asdict(finding) for name, finding in referral.findings.items()},
        "quotes": dict(referral.quotes),
        "letter": referral.text,
    }


def _of_sorting(sorting: Sorting) -> dict[str, Any]:
    values = {each.name: getattr(sorting, each.name) for each in dataclasses.fields(sorting)}
    values["machine_rules"] = [dict(rule) for rule in sorting.machine_rules]
    values["action"] = sorting.action[:300]
    return {**values, "flags": [dict(flag) for flag in sorting.flags], "missing": list(sorting.missing)}


def _kept(row: ReferralRow, assigned_name: str | None, overrider: str | None) -> Kept:
    referral = Referral(
        received=row.received_on,
        findings=MappingProxyType({name: Proposed(**finding) for name, finding in row.findings.items()}),
        onset=row.onset_on,
        onset_is_exact=row.onset_is_exact,
        side=row.side,  # type: ignore[arg-type]
        cause=row.cause,
        grade=row.grade,
        sunnybrook=row.sunnybrook,
        fdi=row.fdi,
        written=row.written_on,
        goals=row.goals,
        text=row.letter,
        quotes=MappingProxyType(dict(row.quotes)),
    )
    sorting = Sorting(**{each.name: getattr(row, each.name) for each in dataclasses.fields(Sorting)})
    override = None
    if row.override_band is not None and row.override_at is not None:
        override = Override(
            band=row.override_band,
            reason=row.override_reason or "",
            by=row.override_by,
            by_name=overrider,
            at=row.override_at,
            saw=tuple(row.override_saw or ()),
        )
    return Kept(
        id=row.id,
        version=row.version,
        state=row.state,  # type: ignore[arg-type]
        state_since=row.state_since,
        assigned_to=row.assigned_to,
        assigned_name=assigned_name,
        patient_ref=row.patient_ref,
        patient_id=row.patient_id,
        referrer=row.referrer,
        referral=referral,
        sorting=sorting,
        override=override,
        booked_for=row.booked_for,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )
