"""One referral: why it stands where it stands, what is known and what is missing, and all that is done with it.

Every change names the version that its form showed. When somebody else was quicker, nothing is written: the page tells
what they did and what this change would have been, and lets the person decide again.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.exceptions import HTTPException
from starlette.responses import Response

from bot.desk import shown
from bot.desk.access import Visit
from bot.desk.desk import Desk, onward
from bot.desk.findings_form import GRADES, WrongField, is_asked, with_details, with_findings
from bot.desk.flow import take_in
from bot.referral.record import CAUSES, Referral
from bot.store import duplicates, lines, referrals, staff
from bot.store.referrals import OPEN, ChangedMeanwhile, Kept, Override, State

CLOSINGS = ("treated", "recovered", "declined", "no_reply", "duplicate", "not_needed", "other")
"""Why a referral may be closed."""

_SHORTEST_REASON = 8
_LONGEST_TEXT = 4000
_LONGEST_REDIRECT = 20_000


class Refused(ValueError):
    """What was asked can't be done; `why` names the words of the page that say so."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Change:
    """What a form asks for. `detail` goes into the history; `also` writes what lies beside, in the same transaction."""

    kind: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    state: State | None = None
    referral: Referral | None = None
    override: Override | None = None
    sorts_again: bool = False
    values: Mapping[str, object] = field(default_factory=dict)
    also: Callable[[AsyncSession], Awaitable[None]] | None = None


type Asked = Callable[[Desk, Visit, Kept], Change]
type Again = Callable[[Desk, Visit, int, str, str], Awaitable[Response]]


async def show(desk: Desk, visit: Visit) -> Response:
    """Show one referral."""
    return await page_of(desk, visit, visit.number("id"))


def changing(name: str, asked: Asked, again: Again | None = None) -> Callable[[Desk, Visit], Any]:
    """Return the page behind a form that changes a referral.

    Args:
        name: the form's name; also the end of its address.
        asked: reads the form against the referral as it is, and says what is to be changed.
        again: shows the form once more, with what is wrong with it; the referral's own page unless given.
    """

    async def page(desk: Desk, visit: Visit) -> Response:
        who, number, now = visit.who, visit.number("id"), desk.clock()
        saw = visit.text("version", 9)
        try:
            async with desk.store.writing() as session:
                kept = await referrals.get(session, who.clinic.id, number)
                if kept is None:
                    raise HTTPException(404)
                if saw != str(kept.version):
                    raise ChangedMeanwhile
                if await duplicates.merged_into(session, who.clinic.id, number) is not None:
                    raise Refused("merged")
                change = asked(desk, visit, kept)
                values = dict(change.values)
                sorting = None
                if change.sorts_again:
                    sorting = desk.sorter.sort(
                        change.referral or kept.referral, desk.today(who.clinic.zone), change.override
                    )
                    values |= override_values(change.override)
                await referrals.change(
                    session,
                    who.clinic.id,
                    kept,
                    change.kind,
                    now,
                    staff_id=who.member.id,
                    detail={**change.detail, **_moved(kept, sorting.band if sorting else kept.sorting.band)},
                    state=change.state,
                    referral=change.referral,
                    sorting=sorting,
                    **values,
                )
                if change.also is not None:
                    await change.also(session)
                await staff.note(
                    session,
                    f"referral: {change.kind}",
                    now,
                    clinic_id=who.clinic.id,
                    staff_id=who.member.id,
                    referral_id=number,
                )
        except ChangedMeanwhile:
            return await _conflict(desk, visit, number, name, saw)
        except Refused as refused:
            return await shows(desk, visit, number, refused.why, "")
        except WrongField as wrong:
            return await shows(desk, visit, number, "field", wrong.field)
        place = "/patient" if again is not None else ""
        return onward(f"/referrals/{number}{place}?{urlencode({'done': name})}")

    async def own(desk: Desk, visit: Visit, number: int, refused: str, wrong: str) -> Response:
        return await page_of(desk, visit, number, name, refused, wrong)

    shows = again or own

    return page


# what each form asks for


def findings(desk: Desk, visit: Visit, kept: Kept) -> Change:
    """Findings confirmed, corrected or taken away, and one that the letter did not state."""
    given = {name[2:]: visit.text(name, 20) for name in visit.form if name.startswith("f.")}
    given |= {name[2:]: typed for name in visit.form if name.startswith("n.") and (typed := visit.text(name, 20))}
    if added := visit.text("add", 60):
        given[added] = visit.text("add_value", 20)
        if not given[added]:
            raise WrongField(added)
    referral, changed = with_findings(kept.referral, given, desk.sorter.findings)
    if not changed:
        raise Refused("nothing")
    told = [{"name": each.name, "before": each.before, "after": each.after} for each in changed]
    return Change("findings", {"findings": told}, referral=referral, override=kept.override, sorts_again=True)


def details(desk: Desk, visit: Visit, kept: Kept) -> Change:
    """The fields of the record."""
    names = ("received", "onset", "onset_exact", "side", "cause", "grade")
    given = {name: visit.text(name) for name in names} | {"goals": visit.text("goals", 2000)}
    reference, referrer = visit.text("reference", 64), visit.text("referrer", 120)
    if not reference:
        raise WrongField("reference")
    referral = with_details(kept.referral, given, desk.today(visit.who.clinic.zone))
    before, after = kept.referral, referral
    fields = ("received", "onset", "onset_is_exact", "side", "cause", "grade", "goals")
    told = [
        {"name": name, "before": _told(getattr(before, name)), "after": _told(getattr(after, name))}
        for name in fields
        if getattr(before, name) != getattr(after, name)
    ]
    told += [
        {"name": name, "before": old, "after": new}
        for name, old, new in (("reference", kept.patient_ref, reference), ("referrer", kept.referrer, referrer))
        if old != new
    ]
    if not told:
        raise Refused("nothing")
    values = {"patient_ref": reference, "referrer": referrer}
    return Change(
        "details", {"fields": told}, referral=referral, override=kept.override, sorts_again=True, values=values
    )


def override(desk: Desk, visit: Visit, kept: Kept) -> Change:
    """A clinician's own band, with a reason, beside the machine's."""
    band, reason = visit.text("band", 8), visit.text("reason", _LONGEST_TEXT)
    if band not in desk.sorter.bands:
        raise WrongField("band")
    if len(reason) < _SHORTEST_REASON:
        raise Refused("reason")
    machine = kept.sorting.machine_band
    saw = [str(rule["id"]) for rule in kept.sorting.machine_rules]
    own = Override(band, reason, visit.who.member.id, visit.who.member.name, desk.clock(), saw)
    detail = {"own": band, "machine": machine, "reason": reason, "rules": saw}
    return Change("override", detail, override=own, sorts_again=True)


def override_end(_desk: Desk, _visit: Visit, kept: Kept) -> Change:
    """The machine's band counts again."""
    if kept.override is None:
        raise Refused("nothing")
    return Change("override_end", {"own": kept.override.band}, override=None, sorts_again=True)


def note(_desk: Desk, visit: Visit, _kept: Kept) -> Change:
    """A note for colleagues."""
    return Change("note", {"text": _needed(visit, "text")})


def request_information(_desk: Desk, visit: Visit, kept: Kept) -> Change:
    """Something was asked of the patient or the referrer; the referral waits for it."""
    _only(kept, *OPEN)
    whom = visit.text("whom", 12)
    if whom not in {"patient", "referrer"}:
        raise WrongField("whom")
    return Change("request", {"whom": whom, "text": _needed(visit, "text")}, state="waiting")


def book(desk: Desk, visit: Visit, kept: Kept) -> Change:
    """The first contact is booked."""
    _only(kept, *OPEN)
    zone = ZoneInfo(visit.who.clinic.zone)
    try:
        local = datetime.fromisoformat(f"{visit.text('day', 10)}T{visit.text('time', 5) or '09:00'}")
    except ValueError:
        raise WrongField("day") from None
    when = local.replace(tzinfo=zone)
    if when.date() < desk.today(visit.who.clinic.zone) or local.year > 2200:
        raise WrongField("day")
    detail = {"when": f"{shown.day(when.date())}, {when:%H:%M}", "text": visit.text("text", _LONGEST_TEXT)}
    return Change("book", detail, state="booked", values={"booked_for": when})


def redirect(_desk: Desk, visit: Visit, kept: Kept) -> Change:
    """The patient belongs elsewhere: where, and the letter that goes with them."""
    _only(kept, *OPEN)
    to, letter = visit.text("to", 120), visit.text("letter", _LONGEST_REDIRECT)
    if not to:
        raise WrongField("to")
    if len(letter) < _SHORTEST_REASON:
        raise Refused("text")
    return Change("redirect", {"to": to, "letter": letter}, state="redirected")


def close(_desk: Desk, visit: Visit, kept: Kept) -> Change:
    """Nothing more is owed here."""
    _only(kept, *OPEN, "redirected")
    why, text = visit.text("why", 16), visit.text("text", _LONGEST_TEXT)
    if why not in CLOSINGS:
        raise WrongField("why")
    if why == "other" and len(text) < _SHORTEST_REASON:
        raise Refused("reason")
    return Change("close", {"why": why, "text": text}, state="closed")


def reopen(_desk: Desk, visit: Visit, kept: Kept) -> Change:
    """It is to be dealt with again."""
    _only(kept, "closed", "redirected", "waiting", "booked")
    return Change(
        "reopen",
        {"text": visit.text("text", _LONGEST_TEXT)},
        state="new",
        override=kept.override,
        sorts_again=True,
        values={"booked_for": None},
    )


async def assign(desk: Desk, visit: Visit) -> Response:
    """Give a referral to a colleague, to oneself, or to nobody."""
    wanted = visit.text("to", 18)
    async with desk.store.reading() as session:
        people = {str(each.id): each for each in await staff.members(session, visit.who.clinic.id)}
    chosen = people.get(wanted)
    if wanted and (chosen is None or chosen.disabled_at is not None or chosen.role == "viewer"):
        return await page_of(desk, visit, visit.number("id"), "assign", "field", "to")

    def asked(_desk: Desk, _visit: Visit, kept: Kept) -> Change:
        if kept.assigned_to == (chosen.id if chosen else None):
            raise Refused("nothing")
        detail = {"to": chosen.name if chosen else None, "from": kept.assigned_name}
        return Change("assign", detail, values={"assigned_to": chosen.id if chosen else None})

    answered: Response = await changing("assign", asked)(desk, visit)
    return answered


# the page


async def page_of(
    desk: Desk, visit: Visit, number: int, form: str = "", refused: str = "", wrong: str = ""
) -> Response:
    """Show one referral, with what is wrong with a form of it."""
    who, now = visit.who, desk.clock()
    await take_in(desk)
    kept = await read_one(desk, visit, number)
    async with desk.store.reading() as session:
        line = await lines.of_referral(session, who.clinic.id, number)
        into = await duplicates.merged_into(session, who.clinic.id, number)
        merged = await duplicates.merged_here(session, who.clinic.id, number)
        of_one = await duplicates.all_of(session, who.clinic.id, number)
        thread = sorted(
            [each for one in of_one for each in await lines.thread(session, who.clinic.id, one)],
            key=lambda each: each.at,
        )
        invited_until = await lines.invited_until(session, who.clinic.id, number, now)
        history = await referrals.events(session, who.clinic.id, number)
        of_all = [*history]
        for one in of_one[1:]:
            of_all += await referrals.events(session, who.clinic.id, one)
        people = await staff.members(session, who.clinic.id)
        twins = await duplicates.twins_of(session, who.clinic.id, kept)
    if visit.may("clinician") and any(each.by_patient and each.read_at is None for each in thread):
        async with desk.store.writing() as session:
            for one in of_one:
                await lines.mark_read(session, who.clinic.id, one, now)
    stated = kept.referral.findings
    quotes = {name: each.quote for name, each in stated.items() if each.quote} | dict(kept.referral.quotes)
    return desk.page(
        visit,
        "referral.html",
        422 if refused else 200,
        kept=kept,
        twins=twins,
        into=into,
        merged=merged,
        referral=kept.referral,
        sorting=kept.sorting,
        pieces=shown.marked(kept.referral.text, quotes),
        read_once=any(each.kind == "received" and each.detail.get("read_once") for each in of_all),
        to_confirm=[name for name, each in stated.items() if each.by != "person"],
        confirmed=[name for name, each in stated.items() if each.by == "person"],
        dictionary=desk.sorter.findings,
        to_add=_groups(desk, stated),
        bands=desk.sorter.bands,
        history=history[::-1],
        line=line,
        thread=thread,
        invited_until=invited_until,
        once=lines.once(),
        people=[each for each in people if each.disabled_at is None and each.role != "viewer"],
        causes=CAUSES,
        grades=GRADES,
        closings=CLOSINGS,
        is_open=kept.state in OPEN,
        override_holds=kept.override is not None and kept.sorting.band == kept.override.band,
        wrong_form=form if refused else "",
        refused=refused,
        wrong=wrong,
        typed={name: value for name, value in visit.form.items() if isinstance(value, str)},
    )


async def read_one(desk: Desk, visit: Visit, number: int) -> Kept:
    """Read one referral, and write down who did: whatever page then shows it."""
    who = visit.who
    async with desk.store.writing() as session:
        kept = await referrals.get(session, who.clinic.id, number)
        if kept is None:
            raise HTTPException(404)
        await staff.note(
            session,
            "referral read",
            desk.clock(),
            clinic_id=who.clinic.id,
            staff_id=who.member.id,
            referral_id=number,
        )
    return kept


async def _conflict(desk: Desk, visit: Visit, number: int, form: str, saw: str) -> Response:
    who = visit.who
    kept = await read_one(desk, visit, number)
    seen = int(saw) if saw.isdecimal() else kept.version
    async with desk.store.reading() as session:
        happened = await referrals.events(session, who.clinic.id, number, seen)
    typed = [
        (name, value)
        for name, value in visit.form.multi_items()
        if name not in {"csrf", "version"} and isinstance(value, str) and value
    ]
    return desk.page(visit, "conflict.html", 409, kept=kept, happened=happened, form=form, typed=typed)


def _groups(desk: Desk, stated: Mapping[str, object]) -> Mapping[str, Sequence[str]]:
    groups: dict[str, list[str]] = {}
    for name, finding in desk.sorter.findings.items():
        if is_asked(finding) and name not in stated:
            groups.setdefault(finding.group, []).append(name)
    return groups


def override_values(override: Override | None) -> dict[str, object]:
    """The columns of a clinician's own band; of none, empty."""
    return {
        "override_band": override.band if override else None,
        "override_reason": override.reason if override else None,
        "override_by": override.by if override else None,
        "override_at": override.at if override else None,
        "override_saw": list(override.saw) if override else None,
    }


def _moved(kept: Kept, band: str) -> dict[str, str]:
    return {"band_from": kept.sorting.band, "band_to": band} if band != kept.sorting.band else {}


def _only(kept: Kept, *states: str) -> None:
    if kept.state not in states:
        raise Refused("state")


def _needed(visit: Visit, name: str) -> str:
    text = visit.text(name, _LONGEST_TEXT)
    if not text:
        raise Refused("text")
    return text


def _told(value: object) -> str | None:
    return None if value is None else str(value)
