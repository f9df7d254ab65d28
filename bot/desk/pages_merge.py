"""Two referrals of one patient: side by side, made one by a person, and separate again."""

from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.exceptions import HTTPException
from starlette.responses import Response

from bot.desk import merging, shown
from bot.desk.access import Visit
from bot.desk.desk import Desk, onward
from bot.desk.findings_form import WrongField
from bot.desk.flow import take_in
from bot.desk.merging import Field, Together
from bot.desk.pages_referral import Refused, override_values, page_of, read_one
from bot.store import duplicates, referrals, staff
from bot.store.duplicates import TwoLines
from bot.store.referrals import ChangedMeanwhile, Kept

_LONGEST_TOLD = 200


async def show(desk: Desk, visit: Visit) -> Response:
    """Show two referrals side by side, or ask for the number of the other one."""
    asked = visit.request.query_params.get("with", "")
    if not _number(asked):
        kept = await read_one(desk, visit, visit.number("id"))
        return desk.page(visit, "merge_which.html", kept=kept, asked=asked)
    return await _side_by_side(desk, visit, _number(asked))


async def merge(desk: Desk, visit: Visit) -> Response:
    """Make the two one, as somebody has looked at them."""
    who, now, number = visit.who, desk.clock(), visit.number("id")
    other_number = _number(visit.text("with", 18))
    saw = visit.text("version", 9), visit.text("other_version", 9)
    try:
        async with desk.store.writing() as session:
            kept, other = await _both(desk, visit, session, number, other_number)
            if saw != (str(kept.version), str(other.version)):
                raise ChangedMeanwhile
            if not merging.may_stay(kept, other):
                raise Refused("state")
            become = merging.together(kept, other, desk.sorter, desk.today(who.clinic.zone), _chosen(visit))
            detail: dict[str, object] = {"fields": [_told(each) for each in become.fields]}
            if become.sorting.band != kept.sorting.band:
                detail |= {"band_from": kept.sorting.band, "band_to": become.sorting.band}
            await duplicates.merge(
                session,
                who.clinic.id,
                kept,
                other,
                now,
                staff_id=who.member.id,
                referral=become.referral,
                sorting=become.sorting,
                state=become.state,
                detail=detail,
                values={
                    "patient_ref": become.patient_ref,
                    "referrer": become.referrer,
                    "booked_for": become.booked_for,
                    "assigned_to": become.assigned_to,
                    **override_values(become.override),
                },
            )
            await _note(session, desk, visit, "referral: merged", number, other_number)
    except ChangedMeanwhile:
        return await _side_by_side(desk, visit, other_number, "changed", status=409)
    except TwoLines:
        return await _side_by_side(desk, visit, other_number, "lines")
    except (Refused, WrongField) as error:
        return await _side_by_side(desk, visit, other_number, error.why if isinstance(error, Refused) else "field")
    return onward(f"/referrals/{number}", "merge")


async def not_same(desk: Desk, visit: Visit) -> Response:
    """Remember that the two are of two patients: they are not shown as possible duplicates any more."""
    who, number = visit.who, visit.number("id")
    other_number = _number(visit.text("with", 18))
    async with desk.store.writing() as session:
        await _both(desk, visit, session, number, other_number)
        await duplicates.not_same(session, who.clinic.id, number, other_number, desk.clock(), who.member.id)
        await _note(session, desk, visit, "referral: not the same", number, other_number)
    return onward(f"/referrals/{number}", "not-same")


async def separate(desk: Desk, visit: Visit) -> Response:
    """Undo the merge by which this referral went into another, while nothing was done with either since."""
    who, number = visit.who, visit.number("id")
    saw = visit.text("version", 9)
    try:
        async with desk.store.writing() as session:
            found = await referrals.get(session, who.clinic.id, number)
            if found is None:
                raise HTTPException(404)
            done = await duplicates.merged_into(session, who.clinic.id, number)
            if done is None or saw != str(found.version):
                raise ChangedMeanwhile
            was, _ = await duplicates.before(session, who.clinic.id, done.id)
            await duplicates.separate(
                session,
                who.clinic.id,
                done,
                desk.clock(),
                staff_id=who.member.id,
                sorting=desk.sorter.sort(was.referral, desk.today(who.clinic.zone), was.override),
                values={
                    "patient_ref": was.patient_ref,
                    "referrer": was.referrer,
                    "booked_for": was.booked_for,
                    "assigned_to": was.assigned_to,
                    **override_values(was.override),
                },
            )
            await _note(session, desk, visit, "referral: separated", done.kept_id, number)
    except ChangedMeanwhile:
        return await page_of(desk, visit, number, "separate", "since")
    return onward(f"/referrals/{number}", "separate")


async def _side_by_side(desk: Desk, visit: Visit, other_number: int, refused: str = "", status: int = 422) -> Response:
    who, number = visit.who, visit.number("id")
    await take_in(desk)
    kept = await read_one(desk, visit, number)
    async with desk.store.reading() as session:
        other = await referrals.get(session, who.clinic.id, other_number) if other_number != number else None
        gone = [await duplicates.merged_into(session, who.clinic.id, each) for each in (number, other_number)]
    if other is None:
        return desk.page(visit, "merge_which.html", 422, kept=kept, asked=str(other_number))
    other = await read_one(desk, visit, other_number)
    if any(gone):
        refused = "merged"
    today = desk.today(who.clinic.zone)
    try:
        become: Together = merging.together(kept, other, desk.sorter, today, _chosen(visit))
    except WrongField:  # what was chosen before no longer fits
        become = merging.together(kept, other, desk.sorter, today)
    return desk.page(
        visit,
        "merge.html",
        status if refused else 200,
        kept=kept,
        other=other,
        become=become,
        may_stay=merging.may_stay(kept, other),
        may_turn=merging.may_stay(other, kept),
        refused=refused,
        is_gone=any(gone),
    )


async def _both(desk: Desk, visit: Visit, session: AsyncSession, number: int, other_number: int) -> tuple[Kept, Kept]:
    kept = await referrals.get(session, visit.who.clinic.id, number)
    other = await referrals.get(session, visit.who.clinic.id, other_number) if other_number != number else None
    if kept is None or other is None:
        raise HTTPException(404)
    return kept, other


async def _note(session: AsyncSession, desk: Desk, visit: Visit, what: str, *numbers: int) -> None:
    one, two = numbers
    for number, beside in ((one, two), (two, one)):
        await staff.note(
            session,
            what,
            desk.clock(),
            clinic_id=visit.who.clinic.id,
            staff_id=visit.who.member.id,
            referral_id=number,
            about=f"referral {beside}",
        )


def _chosen(visit: Visit) -> dict[str, str]:
    return {name[2:]: visit.text(name, 8) for name in visit.form if name.startswith("c.")}


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 18 else 0


def _told(each: Field) -> dict[str, object]:
    """A field for the history: the value of each, and whose stands. Free text stays in the two referrals."""
    values = {} if each.stands is None else {"kept": _short(each.kept), "other": _short(each.other)}
    return {"name": each.name, "stands": each.stands or "both", **values}


def _short(value: object) -> str | None:
    if value is None:
        return None
    text = shown.day(value) if isinstance(value, date) else str(value)
    return text if len(text) <= _LONGEST_TOLD else f"{text[:_LONGEST_TOLD]}…"
