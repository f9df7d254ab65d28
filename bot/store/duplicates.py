"""Referrals that may be about the same patient. The program only shows them; a person decides, and may undo it."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from pydantic import TypeAdapter
from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.referral.record import Referral
from bot.store import lines, referrals
from bot.store.clinic_tables import LineMessageRow, LineRow, MergeRow, NotSameRow, ReferralRow, StaffRow
from bot.store.insert import insert_into
from bot.store.referrals import ChangedMeanwhile, Kept, Sorting, State

RECEIVED_WITHIN = timedelta(days=183)
ONSET_WITHIN = timedelta(days=28)
"""Two writers seldom name the same day."""
_MOST = 10

type Why = Literal["onset", "side"]


@dataclass(frozen=True, slots=True)
class Twin:
    """Another referral with the same reference. `why` says what else is alike."""

    id: int
    patient_ref: str
    state: str
    band: str
    referrer: str
    received_on: date
    why: tuple[Why, ...]


@dataclass(frozen=True, slots=True)
class Merge:
    """Two referrals that a person made one. `may_end`: nothing but the days has changed either since."""

    id: int
    kept_id: int
    merged_id: int
    reference: str
    at: datetime
    who: str | None
    may_end: bool


class TwoLines(Exception):
    """Both referrals have a chat that shares; one person has but one."""


async def twins_of(session: AsyncSession, clinic_id: int, kept: Kept) -> list[Twin]:
    """The clinic's other referrals that may be of the same patient, the newest first.

    They have the same reference or initials, came within half a year, and name the same side or nearly the same onset.
    One that names another side counts too when its onset is alike: writers mix up left and right. Those that were
    merged, and those that somebody said are of another patient, are none.
    """
    one = kept.referral
    settled = await _settled(session, clinic_id, kept.id)
    if kept.id in settled:
        return []
    # The reference begins the text that is searched, and that text stands in an index: no row is read for others.
    reference = kept.patient_ref.lower()
    found = await session.scalars(
        select(ReferralRow.id)
        .where(
            ReferralRow.clinic_id == clinic_id,
            ReferralRow.id != kept.id,
            ReferralRow.sought.startswith(reference, autoescape=True),
        )
        .order_by(ReferralRow.id.desc())
        .limit(200)
    )
    rows = await session.execute(
        select(
            ReferralRow.id, ReferralRow.patient_ref, ReferralRow.state, ReferralRow.band, ReferralRow.referrer,
            ReferralRow.received_on, ReferralRow.onset_on, ReferralRow.side,
        )
        .where(ReferralRow.id.in_(list(found)), func.lower(ReferralRow.patient_ref) == reference)
        .order_by(ReferralRow.received_on.desc(), ReferralRow.id.desc())
    )  # fmt: skip
    twins = []
    for number, ref, state, band, referrer, received, onset, side in rows:
        if number in settled or abs(received - one.received) > RECEIVED_WITHIN:
            continue
        why: list[Why] = []
        if onset is not None and one.onset is not None and abs(onset - one.onset) <= ONSET_WITHIN:
            why.append("onset")
        if side is not None and side == one.side:
            why.append("side")
        if why:
            twins.append(Twin(number, ref, state, band, referrer, received, tuple(why)))
    return twins[:_MOST]


async def _settled(session: AsyncSession, clinic_id: int, referral_id: int) -> set[int]:
    """Referrals that are no twins of this one any more; itself among them when it was merged into another."""
    merged = await session.scalars(
        select(MergeRow.merged_id).where(MergeRow.clinic_id == clinic_id, MergeRow.undone_at.is_(None))
    )
    pairs = await session.execute(
        select(NotSameRow.first_id, NotSameRow.second_id).where(
            NotSameRow.clinic_id == clinic_id,
            or_(NotSameRow.first_id == referral_id, NotSameRow.second_id == referral_id),
        )
    )
    return {*merged, *(each for pair in pairs for each in pair if each != referral_id)}


async def not_same(session: AsyncSession, clinic_id: int, one: int, two: int, now: datetime, staff_id: int) -> None:
    """Remember that two referrals are of two patients; saying it twice is harmless."""
    await session.execute(
        insert_into(session, NotSameRow)
        .values(clinic_id=clinic_id, first_id=min(one, two), second_id=max(one, two), at=now, staff_id=staff_id)
        .on_conflict_do_nothing(index_elements=["first_id", "second_id"])
    )


async def merged_into(session: AsyncSession, clinic_id: int, referral_id: int) -> Merge | None:
    """The merge by which a referral went into another; None while it stands for itself."""
    found = (await session.execute(_merges(clinic_id).where(MergeRow.merged_id == referral_id))).first()
    return await _merge(session, clinic_id, *found) if found is not None else None


async def merged_here(session: AsyncSession, clinic_id: int, referral_id: int) -> list[Merge]:
    """The merges by which others went into a referral, the first first."""
    rows = await session.execute(_merges(clinic_id).where(MergeRow.kept_id == referral_id).order_by(MergeRow.id))
    return [await _merge(session, clinic_id, *row) for row in rows.all()]


async def all_of(session: AsyncSession, clinic_id: int, referral_id: int) -> list[int]:
    """A referral and all that went into it, directly or by way of another."""
    found, fresh = [referral_id], [referral_id]
    while fresh:
        rows = await session.scalars(
            select(MergeRow.merged_id).where(
                MergeRow.clinic_id == clinic_id, MergeRow.undone_at.is_(None), MergeRow.kept_id.in_(fresh)
            )
        )
        fresh = [each for each in rows if each not in found]
        found += fresh
    return found


async def merge(
    session: AsyncSession,
    clinic_id: int,
    kept: Kept,
    other: Kept,
    now: datetime,
    *,
    staff_id: int,
    referral: Referral,
    sorting: Sorting,
    state: State,
    detail: Mapping[str, Any],
    values: Mapping[str, object],
) -> None:
    """Make two referrals one: `other` is closed and leads to `kept`, and its patient's line goes over.

    Args:
        session: an open writing transaction.
        clinic_id: whose.
        kept: the one that stays, as it was looked at.
        other: the one that goes into it, likewise.
        now: the present moment.
        staff_id: who decided it.
        referral: what is known of the two together.
        sorting: how that is sorted.
        state: where it stands.
        detail: what its history should tell of it.
        values: other columns of it (see `referrals.change`).

    Raises:
        ChangedMeanwhile: one of them is no longer as it was looked at, or was merged meanwhile.
        TwoLines: both have an open line.
    """
    if any([await merged_into(session, clinic_id, each.id) for each in (kept, other)]):
        raise ChangedMeanwhile
    line = await lines.of_referral(session, clinic_id, other.id)
    if line is not None and await lines.of_referral(session, clinic_id, kept.id) is not None:
        raise TwoLines
    patient = {"patient_id": line.patient_id} if line is not None else {}

    async def stay() -> int:
        told = {**detail, "of": other.id, "reference": other.patient_ref}
        return await referrals.change(
            session, clinic_id, kept, "merged_in", now, staff_id=staff_id, detail=told, state=state,
            referral=referral, sorting=sorting, **values, **patient,
        )  # fmt: skip

    async def go() -> int:
        told = {"into": kept.id, "reference": kept.patient_ref}
        return await referrals.change(
            session, clinic_id, other, "merged", now, staff_id=staff_id, detail=told, state="closed", patient_id=None
        )

    versions = await _in_order({kept.id: stay, other.id: go})
    await lines.end_invites(session, clinic_id, other.id, now)
    if line is not None:
        await lines.end_invites(session, clinic_id, kept.id, now)
        await _lead(session, line.id, kept.id)
    session.add(
        MergeRow(
            clinic_id=clinic_id,
            kept_id=kept.id,
            merged_id=other.id,
            at=now,
            staff_id=staff_id,
            line_id=line.id if line is not None else None,
            kept_version=versions[kept.id],
            merged_version=versions[other.id],
            kept_before=_dumped(kept),
            merged_before=_dumped(other),
        )
    )


async def before(session: AsyncSession, clinic_id: int, merge_id: int) -> tuple[Kept, Kept]:
    """How the one that stayed and the one that went into it stood before a merge, without their pseudonyms."""
    row = await session.get(MergeRow, merge_id)
    if row is None or row.clinic_id != clinic_id:
        raise LookupError(merge_id)
    return _KEPT.validate_json(row.kept_before), _KEPT.validate_json(row.merged_before)


async def separate(
    session: AsyncSession,
    clinic_id: int,
    done: Merge,
    now: datetime,
    *,
    staff_id: int,
    sorting: Sorting,
    values: Mapping[str, object],
) -> None:
    """Undo a merge: both stand again as before, and the line is with the one that it was with.

    Args:
        session: an open writing transaction.
        clinic_id: whose.
        done: the merge.
        now: the present moment.
        staff_id: who undoes it.
        sorting: how the one that stayed is sorted without the other.
        values: other columns of it (see `referrals.change`).

    Raises:
        ChangedMeanwhile: something was done with one of them since.
    """
    row = await session.get(MergeRow, done.id, populate_existing=True)
    if row is None or row.undone_at is not None or not await _is_untouched(session, row):
        raise ChangedMeanwhile
    kept_was, merged_was = await before(session, clinic_id, done.id)
    kept = await referrals.get(session, clinic_id, row.kept_id)
    merged = await referrals.get(session, clinic_id, row.merged_id)
    if kept is None or merged is None:
        raise ChangedMeanwhile
    kept_now, merged_now, patient_id = kept, merged, kept.patient_id if row.line_id is not None else None

    async def stay() -> int:
        told = {"of": merged_now.id, "reference": merged_was.patient_ref}
        return await referrals.change(
            session, clinic_id, kept_now, "separated", now, staff_id=staff_id, detail=told, state=kept_was.state,
            referral=kept_was.referral, sorting=sorting, state_since=kept_was.state_since,
            patient_id=None if patient_id is not None else kept_now.patient_id, **values,
        )  # fmt: skip

    async def come_back() -> int:
        told = {"of": kept_now.id, "reference": kept_was.patient_ref}
        return await referrals.change(
            session, clinic_id, merged_now, "separated", now, staff_id=staff_id, detail=told, state=merged_was.state,
            state_since=merged_was.state_since, patient_id=patient_id,
        )  # fmt: skip

    await _in_order({kept.id: stay, merged.id: come_back})
    if row.line_id is not None:
        await _lead(session, row.line_id, merged.id, away_from=kept.id)
    row.undone_at = now


async def _in_order(changes: Mapping[int, Any]) -> dict[int, int]:
    """Both changes, the lower number first: two who merge the same two never wait for each other."""
    return {number: await changes[number]() for number in sorted(changes)}


async def _lead(session: AsyncSession, line_id: int, to: int, away_from: int | None = None) -> None:
    """Let a line lead to another referral; what was written over it there meanwhile goes back with it."""
    await session.execute(update(LineRow).where(LineRow.id == line_id).values(referral_id=to))
    if away_from is not None:
        await session.execute(
            update(LineMessageRow)
            .where(LineMessageRow.line_id == line_id, LineMessageRow.referral_id == away_from)
            .values(referral_id=to)
        )


async def _is_untouched(session: AsyncSession, row: MergeRow) -> bool:
    """Whether nothing was done with either since; that days move a band is nobody's doing."""
    for number, version in ((row.kept_id, row.kept_version), (row.merged_id, row.merged_version)):
        since = await referrals.events(session, row.clinic_id, number, version)
        if any(each.kind != "resorted" for each in since):
            return False
    return True


def _merges(clinic_id: int) -> Any:
    return (
        select(MergeRow, StaffRow.name, ReferralRow.patient_ref)
        .outerjoin(StaffRow, StaffRow.id == MergeRow.staff_id)
        .join(ReferralRow, and_(ReferralRow.id == MergeRow.merged_id, ReferralRow.clinic_id == clinic_id))
        .where(MergeRow.clinic_id == clinic_id, MergeRow.undone_at.is_(None))
    )


async def _merge(session: AsyncSession, clinic_id: int, row: MergeRow, who: str | None, reference: str) -> Merge:
    untouched = await _is_untouched(session, row)
    return Merge(row.id, row.kept_id, row.merged_id, reference, row.at, who, untouched)


def _dumped(kept: Kept) -> str:
    """As JSON. The pseudonym stays out: whoever is forgotten must not be found by it."""
    one = kept.referral
    plain = dataclasses.replace(one, findings=dict(one.findings), quotes=dict(one.quotes))
    return _KEPT.dump_json(dataclasses.replace(kept, patient_id=None, referral=plain)).decode()


_KEPT = TypeAdapter(Kept)
