"""Signing in and out, and the links that set a password."""

from datetime import datetime
from zoneinfo import available_timezones

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response

from bot.desk.access import LASTS, Visit, forget_cookie, own_path, sign_in_cookie
from bot.desk.desk import Desk, onward
from bot.desk.passwords import LONGEST, WeakPassword, check_password, code_step, new_token
from bot.store import staff
from bot.store.staff import Credentials, EmailTaken, Link

log = structlog.get_logger()


async def show_sign_in(desk: Desk, visit: Visit) -> Response:
    """Show the form; whoever is signed in goes on."""
    onto = own_path(visit.request.query_params.get("next"))
    if visit.signed is not None:
        return onward(onto)
    over = "over" in visit.request.query_params
    return desk.page(visit, "sign_in.html", next=onto, refused=None, over=over, email="")


async def sign_in(desk: Desk, visit: Visit) -> Response:
    """Let somebody in by email, password and, where one is set up, a code.

    An unknown email takes as long as a wrong password, and is told in the same words; so is a locked account.
    """
    now = desk.clock()
    email, code = visit.text("email", 254), visit.text("code", 12)
    onto = own_path(visit.text("next", 500))
    password = typed_password(visit, "password")
    client = visit.request.client

    def refuse(why: str, status: int) -> Response:
        return desk.page(visit, "sign_in.html", status, next=onto, refused=why, over=False, email=email)

    if not desk.attempts.allows(client.host if client else "", now):
        return refuse("often", 429)
    async with desk.store.reading() as session:
        found = await staff.credentials_of(session, email)
    right = await desk.passwords.matches(password, found.password_hash if found else None)
    if found is None or not right or not _may_sign_in(found, now):
        await _failed(desk, found, now)
        return refuse("wrong", 401)
    step = code_step(found.totp_secret, code, now) if found.totp_secret else None
    if found.totp_secret and step is None:
        await _failed(desk, found, now)
        return refuse("wrong", 401)
    newer = await desk.passwords.hash(password) if desk.passwords.is_outdated(found.password_hash) else None
    async with desk.store.writing() as session:
        if not await staff.note_success(session, found.member.id, step, now):
            return refuse("wrong", 401)
        if newer is not None:
            await staff.set_hash(session, found.member.id, newer)
    return await _signed(desk, visit, found.member.id, found.member.clinic_id, onto)


async def sign_out(desk: Desk, visit: Visit) -> Response:
    """End the sign-in of this browser."""
    who = visit.who
    async with desk.store.writing() as session:
        await staff.end_session(session, who.session_id)
        await staff.note(session, "signed out", desk.clock(), clinic_id=who.clinic.id, staff_id=who.member.id)
    response = onward("/sign-in?out=1")
    forget_cookie(desk, response)
    return response


async def show_setup(desk: Desk, visit: Visit) -> Response:
    """Show the form that makes a clinic and its first admin, to whoever has the link."""
    await _link(desk, visit, "setup")
    return desk.page(visit, "setup.html", weak=None, zones=_zones(), given=_given(visit))


async def setup(desk: Desk, visit: Visit) -> Response:
    """Make a clinic and its first admin."""
    link = await _link(desk, visit, "setup")
    given = _given(visit)
    now = desk.clock()

    def refuse(why: str) -> Response:
        return desk.page(visit, "setup.html", 422, weak=why, zones=_zones(), given=given)

    if not given["clinic"] or not given["name"] or "@" not in given["email"]:
        return refuse("empty")
    if given["zone"] not in available_timezones():
        return refuse("zone")
    password = typed_password(visit, "password")
    try:
        check_password(password, typed_password(visit, "again"), {"email": given["email"], "name": given["name"]})
    except WeakPassword as weak:
        return refuse(weak.why)
    kept = await desk.passwords.hash(password)
    try:
        async with desk.store.writing() as session:
            if not await staff.use_link(session, link.id, now):
                raise HTTPException(404, "link")
            clinic = await staff.new_clinic(session, given["clinic"], given["zone"], now)
            admin = await staff.new_member(session, clinic.id, given["email"], given["name"], "admin", kept, now)
            await staff.note(session, "clinic set up", now, clinic_id=clinic.id, staff_id=admin.id)
    except EmailTaken:
        return refuse("taken")
    return await _signed(desk, visit, admin.id, clinic.id, "/?done=set-up")


async def show_password(desk: Desk, visit: Visit) -> Response:
    """Show the form that sets a password, to whoever has the link of an invitation or a reset."""
    link = await _link(desk, visit, "invite", "reset")
    return desk.page(visit, "set_password.html", link=link, weak=None)


async def password(desk: Desk, visit: Visit) -> Response:
    """Set a password by a link: a new person's, or (a reset) somebody's who is here already."""
    link = await _link(desk, visit, "invite", "reset")
    now = desk.clock()
    typed = typed_password(visit, "password")
    try:
        check_password(typed, typed_password(visit, "again"), {"email": link.email or "", "name": link.name or ""})
    except WeakPassword as weak:
        return desk.page(visit, "set_password.html", 422, link=link, weak=weak.why)
    kept = await desk.passwords.hash(typed)
    try:
        staff_id, clinic_id = await _use(desk, link, kept, now)
    except EmailTaken:
        return desk.page(visit, "set_password.html", 422, link=link, weak="taken")
    return await _signed(desk, visit, staff_id, clinic_id, "/?done=password")


async def _use(desk: Desk, link: Link, password_hash: str, now: datetime) -> tuple[int, int]:
    if link.clinic_id is None:
        raise HTTPException(404, "link")
    async with desk.store.writing() as session:
        if not await staff.use_link(session, link.id, now):
            raise HTTPException(404, "link")
        if link.purpose == "invite":
            email, name, role = link.email or "", link.name or "", link.role or "viewer"
            made = await staff.new_member(session, link.clinic_id, email, name, role, password_hash, now)
            staff_id = made.id
        else:
            staff_id = link.staff_id or 0
            await staff.set_password(session, link.clinic_id, staff_id, password_hash)
            # Whoever needs a new link may have lost the telephone too; it was made by an admin who knows them.
            await staff.set_totp(session, link.clinic_id, staff_id, None)
            await staff.end_sessions(session, staff_id)
        await staff.note(session, f"password set: {link.purpose}", now, clinic_id=link.clinic_id, staff_id=staff_id)
    return staff_id, link.clinic_id


async def _signed(desk: Desk, visit: Visit, staff_id: int, clinic_id: int, onto: str) -> Response:
    """A new cookie with each sign-in: one that was known before is worth nothing after it."""
    now, token = desk.clock(), new_token()
    async with desk.store.writing() as session:
        if visit.signed is not None:
            await staff.end_session(session, visit.signed.session_id)
        await staff.open_session(session, token, staff_id, now, lasts=LASTS, idle=desk.idle)
        await staff.note(session, "signed in", now, clinic_id=clinic_id, staff_id=staff_id)
    response = onward(onto)
    sign_in_cookie(desk, response, token)
    return response


async def _failed(desk: Desk, found: Credentials | None, now: datetime) -> None:
    """Count a failure. Nobody's is written down too, so that it takes as long. A locked account counts no further."""
    member = found.member if found else None
    locked = member is not None and member.locked_until is not None and member.locked_until > now
    async with desk.store.writing() as session:
        until = await staff.note_failure(session, member.id if member and not locked else -1, now)
        await staff.note(
            session,
            "account locked" if until else "sign-in refused",
            now,
            clinic_id=member.clinic_id if member else None,
            staff_id=member.id if member else None,
        )
    if until is not None:
        log.warning("desk.locked")


def _may_sign_in(found: Credentials, now: datetime) -> bool:
    member = found.member
    return member.disabled_at is None and (member.locked_until is None or member.locked_until <= now)


async def _link(desk: Desk, visit: Visit, *purposes: str) -> Link:
    token = str(visit.request.path_params["token"])
    async with desk.store.reading() as session:
        link = await staff.link_of(session, token, desk.clock())
    if link is None or link.purpose not in purposes:
        raise HTTPException(404, "link")
    return link


def typed_password(visit: Visit, name: str) -> str:
    """A password exactly as it was typed, a sign longer than allowed at most."""
    value = visit.form.get(name, "")
    return value[: LONGEST + 1] if isinstance(value, str) else ""


def _given(visit: Visit) -> dict[str, str]:
    longest = {"clinic": 120, "name": 120, "email": 254, "zone": 64}
    given = {name: visit.text(name, length) for name, length in longest.items()}
    return given | {"zone": given["zone"] or "Europe/London"}


def _zones() -> list[str]:
    return sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "posix/")))
