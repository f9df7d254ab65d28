"""For the admin: the clinic's other programs that may send referrals, each by a token of its own."""

from starlette.exceptions import HTTPException
from starlette.responses import Response

from bot.desk.access import Visit
from bot.desk.desk import Desk, onward
from bot.desk.passwords import new_token
from bot.store import rest, staff

_LONGEST_NAME = 80


async def show(desk: Desk, visit: Visit) -> Response:
    """Show which programs may send referrals, and which might until they were stopped."""
    return await _page(desk, visit)


async def make(desk: Desk, visit: Visit) -> Response:
    """Make a token for a program. It is shown once, to be put into that program; only its hash is kept."""
    who, now = visit.who, desk.clock()
    name = " ".join(visit.text("name", _LONGEST_NAME).split())
    if not name:
        return await _page(desk, visit, wrong=True)
    token = new_token()
    async with desk.store.writing() as session:
        await rest.new_program(session, who.clinic.id, name, token, who.member.id, now)
        await staff.note(
            session, "program token made", now, clinic_id=who.clinic.id, staff_id=who.member.id, about=name
        )
    return await _page(desk, visit, token=token, token_for=name)


async def withdraw(desk: Desk, visit: Visit) -> Response:
    """Stop a program at once. What it sent stays."""
    who, now = visit.who, desk.clock()
    async with desk.store.writing() as session:
        name = await rest.withdraw(session, who.clinic.id, visit.number("id"), now)
        if name is None:
            raise HTTPException(404)
        await staff.note(
            session, "program token ended", now, clinic_id=who.clinic.id, staff_id=who.member.id, about=name
        )
    return onward("/staff/programs", "program-stopped")


async def _page(desk: Desk, visit: Visit, *, wrong: bool = False, token: str = "", token_for: str = "") -> Response:
    async with desk.store.reading() as session:
        programs = await rest.programs(session, visit.who.clinic.id)
    return desk.page(
        visit,
        "programs.html",
        422 if wrong else 200,
        programs=programs,
        wrong=wrong,
        token=token,
        token_for=token_for,
        address=f"{desk.address}/fhir",
        longest=_LONGEST_NAME,
    )
