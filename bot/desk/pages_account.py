"""One's own account: the password, and a second factor from an authenticator app."""

from starlette.exceptions import HTTPException
from starlette.responses import Response

from bot.desk.access import Visit
from bot.desk.desk import Desk, onward
from bot.desk.pages_sign_in import typed_password
from bot.desk.passwords import WeakPassword, check_password, code_step, new_secret, picture_of
from bot.store import staff
from bot.store.staff import Credentials


async def show(desk: Desk, visit: Visit) -> Response:
    """Show one's account."""
    return _page(desk, visit)


async def password(desk: Desk, visit: Visit) -> Response:
    """Change one's password; every other browser is signed out."""
    who, now = visit.who, desk.clock()
    kept = await _checked(desk, visit)
    if kept is None:
        return _page(desk, visit, "password", "wrong")
    typed = typed_password(visit, "password")
    try:
        check_password(typed, typed_password(visit, "again"), {"email": who.member.email, "name": who.member.name})
    except WeakPassword as weak:
        return _page(desk, visit, "password", weak.why)
    hashed = await desk.passwords.hash(typed)
    async with desk.store.writing() as session:
        await staff.set_password(session, who.clinic.id, who.member.id, hashed)
        await staff.end_sessions(session, who.member.id, but=who.session_id)
        await staff.note(session, "password changed", now, clinic_id=who.clinic.id, staff_id=who.member.id)
    return onward("/account", "password")


async def offer_totp(desk: Desk, visit: Visit) -> Response:
    """Make a secret for an authenticator app and show it; it counts once a code has proved that it arrived."""
    who = visit.who
    if who.member.has_totp:
        return onward("/account")
    if await _checked(desk, visit) is None:
        return _page(desk, visit, "totp", "wrong")
    async with desk.store.writing() as session:
        await staff.offer_totp(session, who.session_id, new_secret())
    return onward("/account/code")


async def show_totp(desk: Desk, visit: Visit) -> Response:
    """Show the secret as a picture and as text, with the field for the first code."""
    return _offer(desk, visit, wrong=False)


async def confirm_totp(desk: Desk, visit: Visit) -> Response:
    """Take the second factor into use when a code proves it."""
    who, now = visit.who, desk.clock()
    secret = who.totp_offer
    if secret is None:
        return onward("/account")
    step = code_step(secret, visit.text("code", 12), now)
    if step is None:
        return _offer(desk, visit, wrong=True)
    async with desk.store.writing() as session:
        await staff.set_totp(session, who.clinic.id, who.member.id, secret, step)
        await staff.offer_totp(session, who.session_id, None)
        await staff.end_sessions(session, who.member.id, but=who.session_id)
        await staff.note(session, "second factor set", now, clinic_id=who.clinic.id, staff_id=who.member.id)
    return onward("/account", "code")


async def end_totp(desk: Desk, visit: Visit) -> Response:
    """Sign in without a second factor again."""
    who, now = visit.who, desk.clock()
    if await _checked(desk, visit) is None:
        return _page(desk, visit, "totp", "wrong")
    async with desk.store.writing() as session:
        await staff.set_totp(session, who.clinic.id, who.member.id, None)
        await staff.note(session, "second factor ended", now, clinic_id=who.clinic.id, staff_id=who.member.id)
    return onward("/account", "no-code")


async def _checked(desk: Desk, visit: Visit) -> Credentials | None:
    """One's own credentials, when the password that was typed along is right: a screen left open proves nothing.

    Wrong ones are counted like failed sign-ins, and end the sign-in of this browser when they lock the account.
    """
    who, now = visit.who, desk.clock()
    async with desk.store.reading() as session:
        kept = await staff.credentials(session, who.clinic.id, who.member.id)
    if kept is None:
        raise HTTPException(401)
    if await desk.passwords.matches(typed_password(visit, "now"), kept.password_hash):
        return kept
    async with desk.store.writing() as session:
        if await staff.note_failure(session, who.member.id, now) is not None:
            await staff.end_session(session, who.session_id)
        await staff.note(session, "password refused", now, clinic_id=who.clinic.id, staff_id=who.member.id)
    return None


def _page(desk: Desk, visit: Visit, form: str = "", wrong: str = "") -> Response:
    return desk.page(visit, "account.html", 422 if wrong else 200, wrong_form=form, wrong=wrong)


def _offer(desk: Desk, visit: Visit, *, wrong: bool) -> Response:
    who = visit.who
    if who.totp_offer is None:
        return onward("/account")
    picture = picture_of(who.totp_offer, who.member.email)
    spaced = " ".join(who.totp_offer[at : at + 4] for at in range(0, len(who.totp_offer), 4))
    return desk.page(visit, "totp.html", 422 if wrong else 200, picture=picture, secret=spaced, wrong=wrong)
