"""The queue: a folder of referrals, the most urgent first, with filters and search kept in the address."""

from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.responses import Response

from bot.desk.access import Visit
from bot.desk.desk import Desk
from bot.desk.flow import take_in
from bot.store import lines, referrals, staff
from bot.store.followed import followed
from bot.store.referrals import Filters, Folder

FOLDERS: tuple[Folder, ...] = ("new", "mine", "unassigned", "waiting", "booked", "redirected", "closed")
_A_PAGE = 50
_EYES = frozenset({"at_risk", "unknown", "safe"})
_KEPT = ("q", "band", "eye", "flagged", "missing", "over", "unread", "stopped")


async def show(desk: Desk, visit: Visit) -> Response:
    """Show a folder."""
    who, now = visit.who, desk.clock()
    asked = visit.request.query_params
    today = desk.today(who.clinic.zone)
    folder = _folder(asked)
    filters = _filters(desk, asked, today, now)
    after = _after(asked.get("after", ""))
    await take_in(desk)
    yesterday = datetime.combine(today - timedelta(days=1), time(), ZoneInfo(who.clinic.zone))
    async with desk.store.reading() as session:
        unread = await lines.unread(session, who.clinic.id)
        found = await referrals.listed(
            session, who.clinic.id, folder, who.member.id, filters, after=after, limit=_A_PAGE + 1
        )
        more = len(found) > _A_PAGE
        found = found[:_A_PAGE]
        counts = await referrals.counts(session, who.clinic.id, who.member.id, today)
        practising = await followed(session, who.clinic.id, [line.id for line in found], now)
        news = await referrals.news(session, who.clinic.id, [line.id for line in found], yesterday)
    async with desk.store.writing() as session:
        about = f"{folder}, {len(found)} lines"
        await staff.note(session, "queue read", now, clinic_id=who.clinic.id, staff_id=who.member.id, about=about)
    kept = {name: asked[name] for name in _KEPT if asked.get(name)}
    last = found[-1] if found else None
    return desk.page(
        visit,
        "queue.html",
        folder=folder,
        folders=(*FOLDERS, *(("all",) if folder == "all" else ())),
        lines=found,
        news={line: [event for event in happened if event.kind != "received"] for line, happened in news.items()},
        counts=counts,
        practising=practising,
        unread=unread,
        filters=kept,
        bands=desk.sorter.bands,
        is_filtered=bool(kept),
        to=lambda name: "/?" + urlencode({"folder": name}),
        kept_in=lambda name: "/?" + urlencode({"folder": name, **kept}),
        next_page="/?" + urlencode({"folder": folder, **kept, "after": f"{last.place}.{last.id}"})
        if more and last
        else None,
        is_later_page=after is not None,
    )


def _folder(asked: QueryParams) -> Folder:
    folder = asked.get("folder", "new")
    if folder not in (*FOLDERS, "all"):
        raise HTTPException(404)
    return folder


def _filters(desk: Desk, asked: QueryParams, today: date, now: datetime) -> Filters:
    band, eye = asked.get("band"), asked.get("eye")
    return Filters(
        words=tuple(asked.get("q", "")[:80].split()[:6]),
        band=band if band in desk.sorter.bands else None,
        eye=eye if eye in _EYES else None,
        flagged="flagged" in asked,
        missing="missing" in asked,
        over_on=today if "over" in asked else None,
        unread="unread" in asked,
        stopped_at=now if "stopped" in asked else None,
    )


def _after(text: str) -> tuple[str, int] | None:
    place, _, number = text.rpartition(".")
    return (place[:24], int(number)) if place and number.isdecimal() and len(number) < 18 else None
