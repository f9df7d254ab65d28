"""Referrals that may be about the same patient. The program only shows them; a person decides."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.store.clinic_tables import ReferralRow
from bot.store.referrals import Kept

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


async def twins_of(session: AsyncSession, clinic_id: int, kept: Kept) -> list[Twin]:
    """The clinic's other referrals that may be of the same patient, the newest first.

    They have the same reference or initials, came within half a year, and name the same side or nearly the same onset.
    One that names another side counts too when its onset is alike: writers mix up left and right.
    """
    one = kept.referral
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
        if abs(received - one.received) > RECEIVED_WITHIN:
            continue
        why: list[Why] = []
        if onset is not None and one.onset is not None and abs(onset - one.onset) <= ONSET_WITHIN:
            why.append("onset")
        if side is not None and side == one.side:
            why.append("side")
        if why:
            twins.append(Twin(number, ref, state, band, referrer, received, tuple(why)))
    return twins[:_MOST]
