"""A new referral: by the form, short path first, or by a letter whose findings a person then confirms one by one."""

from collections.abc import Mapping
from datetime import date

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from bot.desk.access import Visit
from bot.desk.desk import Desk, onward
from bot.desk.findings_form import COURSE, EYE, GRADES, RED_FLAGS, WrongField, with_details, with_findings
from bot.desk.letter_file import LetterFile, UnreadableLetter, read_letter
from bot.referral.record import CAUSES, Referral
from bot.store import referrals, staff

LONGEST_LETTER = 20_000
"""Signs of a letter that are taken, as many as are read. Three pages have about ten thousand."""

_FIELDS = ("reference", "referrer", "received", "onset", "onset_exact", "side", "cause", "grade", "age")


async def show_form(desk: Desk, visit: Visit) -> Response:
    """Show the form of a new referral."""
    return _form(desk, visit, {}, None)


async def by_form(desk: Desk, visit: Visit) -> Response:
    """Write a referral down from the form."""
    given = {name: visit.text(name) for name in _FIELDS} | {"goals": visit.text("goals", 2000)}
    stated = {name: visit.text(f"f.{name}", 20) for name in (*EYE, *RED_FLAGS, *COURSE)} | {"age": given["age"]}
    typed = {**given, **{f"f.{name}": value for name, value in stated.items()}}
    today = desk.today(visit.who.clinic.zone)
    if not given["reference"]:
        return _form(desk, visit, typed, "reference")
    try:
        referral = with_details(Referral(received=today), given, today)
        referral, _changed = with_findings(referral, stated, desk.sorter.findings)
    except WrongField as wrong:
        return _form(desk, visit, typed, wrong.field)
    made = await _create(desk, visit, referral, given["reference"], given["referrer"], {"way": "form"})
    return onward(f"/referrals/{made}", "received")


async def show_letter(desk: Desk, visit: Visit) -> Response:
    """Show where a letter is pasted."""
    return _letter(desk, visit, {}, None)


async def by_letter(desk: Desk, visit: Visit) -> Response:
    """Write a referral down from a letter, pasted or as a file.

    It is in the queue at once, sorted by what the letter seems to say: a letter that somebody puts aside half-way
    waits where it belongs. Its findings are proposals until a person has confirmed each.
    """
    typed = {name: visit.text(name) for name in ("reference", "referrer", "received")}
    typed["letter"] = visit.text("letter", LONGEST_LETTER + 1)
    today = desk.today(visit.who.clinic.zone)
    if not typed["reference"]:
        return _letter(desk, visit, typed, "reference")
    if sent := await visit.file("file"):
        try:
            file = await run_in_threadpool(read_letter, sent[1])
        except UnreadableLetter as fault:
            return _letter(desk, visit, typed, "file", unreadable=str(fault))
        typed["letter"] = file.text
        if file.unread_pages:
            return _letter(desk, visit, typed, "unread", unread=_unread(file))
    if len(typed["letter"]) < 20 or len(typed["letter"]) > LONGEST_LETTER:
        return _letter(desk, visit, typed, "letter_short" if len(typed["letter"]) < 20 else "letter_long")
    try:
        received = date.fromisoformat(typed["received"]) if typed["received"] else today
    except ValueError:
        return _letter(desk, visit, typed, "received")
    if received > today or received.year < 1900:
        return _letter(desk, visit, typed, "received")
    reading = desk.sorter.reading()
    referral = await run_in_threadpool(reading, typed["letter"], received)
    how = {"way": "letter", "read_once": reading.was_once(referral)}
    made = await _create(desk, visit, referral, typed["reference"], typed["referrer"], how)
    return onward(f"/referrals/{made}?done=letter#findings")


async def _create(
    desk: Desk, visit: Visit, referral: Referral, reference: str, referrer: str, how: Mapping[str, object]
) -> int:
    who, now = visit.who, desk.clock()
    sorting = desk.sorter.sort(referral, desk.today(who.clinic.zone))
    async with desk.store.writing() as session:
        made = await referrals.create(
            session,
            who.clinic.id,
            referral,
            sorting,
            now,
            patient_ref=reference[:64],
            referrer=referrer[:120],
            staff_id=who.member.id,
            detail=how,
        )
        await staff.note(
            session, "referral made", now, clinic_id=who.clinic.id, staff_id=who.member.id, referral_id=made
        )
    return made


def _form(desk: Desk, visit: Visit, typed: dict[str, str], wrong: str | None) -> Response:
    return desk.page(
        visit,
        "new_form.html",
        422 if wrong else 200,
        typed=typed,
        wrong=wrong,
        causes=CAUSES,
        grades=GRADES,
        eye=EYE,
        red_flags=RED_FLAGS,
        rest=[name for name in COURSE if name in desk.sorter.findings],
    )


def _letter(
    desk: Desk, visit: Visit, typed: dict[str, str], wrong: str | None, *, unreadable: str = "", unread: str = ""
) -> Response:
    return desk.page(
        visit,
        "new_letter.html",
        422 if wrong else 200,
        typed=typed,
        wrong=wrong,
        longest=LONGEST_LETTER,
        unreadable=unreadable,
        unread=unread,
    )


def _unread(file: LetterFile) -> str:
    pages = ", ".join(str(page) for page in file.unread_pages)
    several = len(file.unread_pages) > 1
    return (
        f"Page{'s' if several else ''} {pages} of this file {'have' if several else 'has'} no text that can be read. "
        "What could be read stands below. Look at the rest yourself, add what it says, and send it then. "
        "Nothing was saved yet."
    )
