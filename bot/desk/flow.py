"""What patients tell in the chat flows into their referrals, which are sorted again at once."""

from dataclasses import asdict

from bot.desk.desk import Desk
from bot.referral.told import Learnt, merged
from bot.store import lines, referrals, staff
from bot.store.lines import Line
from bot.store.referrals import ChangedMeanwhile, State

_AT_ONCE = 100
_CLOSED = ("closed", "redirected")


async def take_in(desk: Desk, *, thorough: bool = False) -> int:
    """Merge all that waits into its referrals, and return how many that changed.

    A referral that somebody changes at this very moment is left for the next time, which is soon.

    Args:
        desk: the desk.
        thorough: look at every line; else only when something new was written down since the last time.
    """
    async with desk.store.reading() as session:
        marks = await lines.marks(session)
        if marks == desk.taken_in_to and not thorough:
            return 0
        waiting = await lines.pending(session, _AT_ONCE)
        zones = dict(await staff.clinic_ids(session)) if waiting else {}
    changed, is_all = 0, len(waiting) < _AT_ONCE
    for line in waiting:
        try:
            changed += await _merge(desk, line, zones[line.clinic_id])
        except ChangedMeanwhile:
            is_all = False
    desk.taken_in_to = marks if is_all else None
    return changed


async def _merge(desk: Desk, line: Line, zone: str) -> bool:
    now = desk.clock()
    async with desk.store.writing() as session:
        told = await lines.take_in(session, line)
        kept = await referrals.get(session, line.clinic_id, line.referral_id)
        if kept is None or not told:
            return False
        referral, learnt = kept.referral, list[Learnt]()
        for each in told:
            referral, more = merged(referral, each.findings, each.sources, desk.sorter.findings)
            learnt += more
        if not learnt:
            return False
        sorting = desk.sorter.sort(referral, desk.today(zone), kept.override)
        flags = {flag["rule"] for flag in sorting.flags} - {flag["rule"] for flag in kept.sorting.flags}
        # A red flag on what was done with is somebody's to look at again.
        state: State | None = "new" if flags and kept.state in _CLOSED else None
        detail: dict[str, object] = {
            "findings": [asdict(each) for each in learnt],
            "warned": any(each.kind == "warning" for each in told),
            "flags": sorted(flags),
        }
        if sorting.band != kept.sorting.band:
            detail |= {"band_from": kept.sorting.band, "band_to": sorting.band}
        await referrals.change(
            session,
            line.clinic_id,
            kept,
            "told",
            now,
            staff_id=None,
            detail=detail,
            state=state,
            referral=referral,
            sorting=sorting,
        )
    return True
