"""For the admin: the clinic's people, invitations, the audit, and how the system stands."""

from datetime import time, timedelta

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.exceptions import HTTPException
from starlette.responses import Response

from bot.desk.access import Visit
from bot.desk.desk import Desk, onward
from bot.desk.passwords import new_token
from bot.referral.hours import DAYS, Hours
from bot.store import counts, staff
from bot.store.staff import Member, Role, SelfReferral, Way

INVITED_FOR = timedelta(days=7)
RESET_FOR = timedelta(hours=24)
_ROLES: tuple[Role, ...] = ("viewer", "clinician", "admin")
_WAYS: tuple[Way, ...] = ("clinic", "video", "both")
_AUDIT_LINES = 200


async def show(desk: Desk, visit: Visit) -> Response:
    """Show who may sign in, and who is invited."""
    return await _page(desk, visit)


async def invite(desk: Desk, visit: Visit) -> Response:
    """Invite a colleague. The link is shown once, to be handed over by the admin; it is kept nowhere."""
    who, now = visit.who, desk.clock()
    email, name, role = visit.text("email", 254).lower(), visit.text("name", 120), _role(visit)
    typed = {"email": email, "name": name}
    if "@" not in email or not name:
        return await _page(desk, visit, wrong="empty", typed=typed)
    async with desk.store.reading() as session:
        taken = await staff.credentials_of(session, email) is not None
    if taken:
        return await _page(desk, visit, wrong="taken", typed=typed)
    token = new_token()
    async with desk.store.writing() as session:
        await staff.new_link(
            session,
            token,
            "invite",
            now,
            now + INVITED_FOR,
            clinic_id=who.clinic.id,
            email=email,
            name=name,
            role=role,
        )
        await staff.note(
            session, "staff invited", now, clinic_id=who.clinic.id, staff_id=who.member.id, about=f"as {role}"
        )
    return await _page(desk, visit, link=f"{desk.address}/password/{token}", link_for=name, days=INVITED_FOR.days)


async def withdraw(desk: Desk, visit: Visit) -> Response:
    """End an invitation."""
    who, now = visit.who, desk.clock()
    async with desk.store.writing() as session:
        if not await staff.withdraw(session, who.clinic.id, visit.number("id"), now):
            raise HTTPException(404)
        await staff.note(session, "invitation ended", now, clinic_id=who.clinic.id, staff_id=who.member.id)
    return onward("/staff", "withdrawn")


async def new_link(desk: Desk, visit: Visit) -> Response:
    """Make a link with which a colleague sets a new password. It also takes their second factor away."""
    who, now = visit.who, desk.clock()
    person = await _person(desk, visit)
    if person.disabled_at is not None:
        return await _page(desk, visit, wrong="disabled")
    token = new_token()
    async with desk.store.writing() as session:
        await staff.new_link(
            session,
            token,
            "reset",
            now,
            now + RESET_FOR,
            clinic_id=who.clinic.id,
            staff_id=person.id,
            email=person.email,
            name=person.name,
        )
        await _note(session, desk, visit, "password link made", person)
    return await _page(desk, visit, link=f"{desk.address}/password/{token}", link_for=person.name, days=RESET_FOR.days)


async def role(desk: Desk, visit: Visit) -> Response:
    """Change what a colleague may do. The last admin stays one."""
    person, wanted = await _person(desk, visit), _role(visit)
    async with desk.store.writing() as session:
        is_last = await staff.other_admins(session, visit.who.clinic.id, person.id) == 0
        refused = person.role == "admin" and wanted != "admin" and is_last
        if not refused:
            await staff.set_role(session, visit.who.clinic.id, person.id, wanted)
            await _note(session, desk, visit, f"role: {wanted}", person)
    return await _page(desk, visit, wrong="last_admin") if refused else onward("/staff", "role")


async def disable(desk: Desk, visit: Visit) -> Response:
    """Let a colleague sign in no longer, at once. What they did stays in the history."""
    person = await _person(desk, visit)
    async with desk.store.writing() as session:
        is_last = await staff.other_admins(session, visit.who.clinic.id, person.id) == 0
        refused = person.role == "admin" and is_last
        if not refused:
            await staff.set_disabled(session, visit.who.clinic.id, person.id, desk.clock())
            await _note(session, desk, visit, "staff disabled", person)
    return await _page(desk, visit, wrong="last_admin") if refused else onward("/staff", "disabled")


async def enable(desk: Desk, visit: Visit) -> Response:
    """Let a colleague sign in again."""
    person = await _person(desk, visit)
    async with desk.store.writing() as session:
        await staff.set_disabled(session, visit.who.clinic.id, person.id, None)
        await _note(session, desk, visit, "staff enabled", person)
    return onward("/staff", "enabled")


async def hours(desk: Desk, visit: Visit) -> Response:
    """Say when somebody reads patients' messages; without a day it is taken back."""
    who = visit.who
    days = tuple(number for number in range(7) if visit.text(f"day.{number}", 4))
    try:
        said = Hours(
            days,
            time.fromisoformat(visit.text("from", 5)),
            time.fromisoformat(visit.text("to", 5)),
            visit.text("zone", 64),
        )
    except ValueError:
        if days:
            return await _page(desk, visit, wrong="hours", given=_hours_given(visit))
        said = None
    async with desk.store.writing() as session:
        await staff.set_hours(session, who.clinic.id, said.dumps() if said else None)
        await staff.note(session, "hours changed", desk.clock(), clinic_id=who.clinic.id, staff_id=who.member.id)
    return onward("/staff", "hours")


async def self_referral(desk: Desk, visit: Visit) -> Response:
    """Say whether patients may refer themselves from the chat, and what they are told of the clinic."""
    who, chosen = visit.who, visit.text("way", 8)
    way = next((each for each in _WAYS if each == chosen), None)
    if chosen and way is None:
        raise HTTPException(400, "form")
    # One line each: the chat shows them as they are.
    name, offer = (" ".join(visit.text(field, longest).split()) for field, longest in (("name", 120), ("offer", 200)))
    async with desk.store.writing() as session:
        await staff.set_self_referral(session, who.clinic.id, SelfReferral(way, name or None, offer or None))
        await staff.note(
            session,
            "self-referral changed",
            desk.clock(),
            clinic_id=who.clinic.id,
            staff_id=who.member.id,
            about=way or "off",
        )
    return onward("/staff", "self-referral")


async def show_audit(desk: Desk, visit: Visit) -> Response:
    """Show who read and changed what, the newest first; of one referral when it is named."""
    who = visit.who
    asked = visit.request.query_params.get("referral", "")
    referral = int(asked) if asked.isdecimal() and len(asked) < 18 else None
    async with desk.store.reading() as session:
        lines = await staff.audit(session, who.clinic.id, _AUDIT_LINES, referral)
    return desk.page(visit, "audit.html", lines=lines, referral=referral, most=_AUDIT_LINES)


async def show_system(desk: Desk, visit: Visit) -> Response:
    """Show how the system stands, in counts alone."""
    async with desk.store.reading() as session:
        now = await counts.now(session)
    articles = desk.shelf.library.articles.values()
    reviewed = sum(article.reviewed_by is not None for article in articles)
    return desk.page(visit, "system.html", articles=len(articles), reviewed=reviewed, counts=now)


async def _page(
    desk: Desk,
    visit: Visit,
    *,
    wrong: str = "",
    typed: dict[str, str] | None = None,
    given: dict[str, object] | None = None,
    link: str = "",
    link_for: str = "",
    days: int = 0,
) -> Response:
    who = visit.who
    async with desk.store.reading() as session:
        people = await staff.members(session, who.clinic.id)
        invited = await staff.open_invitations(session, who.clinic.id, desk.clock())
        kept = await staff.hours(session, who.clinic.id)
        own = await staff.self_referral(session, who.clinic.id)
    return desk.page(
        visit,
        "staff.html",
        422 if wrong else 200,
        people=people,
        invited=invited,
        hours=given or _hours_kept(Hours.loads(kept), who.clinic.zone),
        hours_in_words=kept if Hours.loads(kept) is None else None,
        weekdays=DAYS,
        own=own,
        roles=_ROLES,
        wrong=wrong,
        typed=typed or {"email": "", "name": ""},
        link=link,
        link_for=link_for,
        days=days,
        now=desk.clock(),
    )


async def _person(desk: Desk, visit: Visit) -> Member:
    async with desk.store.reading() as session:
        person = await staff.member(session, visit.who.clinic.id, visit.number("id"))
    if person is None:
        raise HTTPException(404)
    return person


async def _note(session: AsyncSession, desk: Desk, visit: Visit, what: str, person: Member) -> None:
    who, about = visit.who, f"staff {person.id}"
    await staff.note(session, what, desk.clock(), clinic_id=who.clinic.id, staff_id=who.member.id, about=about)


def _hours_kept(hours: Hours | None, zone: str) -> dict[str, object]:
    """The hours as the form shows them; where there are none, what is usual."""
    if hours is None:
        return {"days": (), "start": "09:00", "end": "16:00", "zone": zone}
    return {"days": hours.days, "start": f"{hours.start:%H:%M}", "end": f"{hours.end:%H:%M}", "zone": hours.zone}


def _hours_given(visit: Visit) -> dict[str, object]:
    """The hours as they were typed, to be put right."""
    days = tuple(number for number in range(7) if visit.text(f"day.{number}", 4))
    return {"days": days, "start": visit.text("from", 5), "end": visit.text("to", 5), "zone": visit.text("zone", 64)}


def _role(visit: Visit) -> Role:
    wanted = visit.text("role", 12)
    for known in _ROLES:
        if wanted == known:
            return known
    raise HTTPException(400, "form")
