"""A referral deleted for good, by an admin: with all that hangs on it, and nothing that brings it back."""

from starlette.exceptions import HTTPException
from starlette.responses import Response

from bot.desk.access import Visit
from bot.desk.desk import Desk, onward
from bot.desk.pages_referral import Refused, read_one
from bot.store import duplicates, lines, referrals, staff
from bot.store.referrals import ChangedMeanwhile

REASONS = ("asked", "mistake", "too_old")
"""Why a referral may be deleted."""


async def show(desk: Desk, visit: Visit) -> Response:
    """Show what would go, and ask for the reason and the reference."""
    return await _page(desk, visit)


async def delete(desk: Desk, visit: Visit) -> Response:
    """Delete the referral. The audit keeps its number, who, when and why; no reference and no name."""
    who, number, now = visit.who, visit.number("id"), desk.clock()
    saw, why = visit.text("version", 9), visit.text("why", 16)
    try:
        async with desk.store.writing() as session:
            kept = await referrals.get(session, who.clinic.id, number)
            if kept is None:
                raise HTTPException(404)
            if saw != str(kept.version):
                raise ChangedMeanwhile
            if await duplicates.merged_into(session, who.clinic.id, number) is not None:
                raise Refused("merged")
            if why not in REASONS:
                raise Refused("why")
            if _plain(visit.text("reference", 64)) != _plain(kept.patient_ref):
                raise Refused("reference")
            line = await lines.of_referral(session, who.clinic.id, number)
            going = await duplicates.all_of(session, who.clinic.id, number)
            await referrals.delete_for_good(session, who.clinic.id, kept, going, now)
            if line is not None:
                await lines.end(session, line, "clinic", now, who.member.id)
            for each in going:
                await staff.note(
                    session,
                    "referral: deleted",
                    now,
                    clinic_id=who.clinic.id,
                    staff_id=who.member.id,
                    referral_id=each,
                    about=why,
                )
    except ChangedMeanwhile:
        return await _page(desk, visit, "changed", 409)
    except Refused as refused:
        return await _page(desk, visit, refused.why, 422)
    return onward("/", "deleted")


async def _page(desk: Desk, visit: Visit, refused: str = "", status: int = 200) -> Response:
    who, number = visit.who, visit.number("id")
    kept = await read_one(desk, visit, number)
    async with desk.store.reading() as session:
        into = await duplicates.merged_into(session, who.clinic.id, number)
        going = await duplicates.all_of(session, who.clinic.id, number)
        line = await lines.of_referral(session, who.clinic.id, number)
    return desk.page(
        visit,
        "delete.html",
        status,
        kept=kept,
        into=into,
        with_it=[each for each in going if each != number],
        shares=line is not None,
        reasons=REASONS,
        refused=refused,
        typed={name: visit.text(name, 64) for name in ("why", "reference")},
    )


def _plain(reference: str) -> str:
    """A reference as a page shows it: without doubled spaces."""
    return " ".join(reference.split())
