"""The desk's process: its application, the first link, and the daily sorting."""

import asyncio
import contextlib
import gc
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import structlog
import uvicorn
import uvloop
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from bot import logs, metrics
from bot.clock import clock_starting_at
from bot.content_file import ContentError
from bot.desk.access import SafeHeaders, guarded
from bot.desk.desk import Desk
from bot.desk.doors import DOORS
from bot.desk.flow import take_in
from bot.desk.passwords import new_token
from bot.desk.rest import fhir_routes, is_for_programs, refusal
from bot.desk.sorting import Sorter
from bot.hang import end_when_hung
from bot.knowledge import Shelf
from bot.reports import reports_of
from bot.second_reader import SecondReader
from bot.settings import CONTENT, MODELS, Settings, WrongSetting, read_settings
from bot.store import Store, demo, referrals, staff, standing
from bot.store.database import NewerTables
from bot.store.keys import KeysUnusable
from bot.watch import Resting, create_watch, watching

SETUP_FOR = timedelta(hours=24)
_STATIC = Path(__file__).parent / "static"
_SORT_EVERY_SECONDS = 1800.0
_FORGET_EVERY_SECONDS = 60.0
_TAKE_IN_EVERY_SECONDS = 5.0
_AT_ONCE = 100

log = structlog.get_logger()


def create_app(desk: Desk, *, tells_first_link: bool = False, watch_port: int = 0) -> Starlette:
    """Return the desk's application.

    Args:
        desk: what it works with.
        tells_first_link: write the link for the first password to standard output when there is no admin yet.
        watch_port: where on loopback the desk's health and figures are told; 0 for nowhere.
    """

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await desk.store.migrate()
        async with desk.store.reading() as session:
            desk.holds_demo = await demo.clinic_id(session) is not None
        if tells_first_link and (link := await first_link(desk)):
            sys.stdout.write(f"Set the first password: {link}\n")
            sys.stdout.flush()
        beside = (_warm(desk), _sort_daily(desk), _forget_uploads(desk), _take_in(desk))
        tasks = [asyncio.create_task(each) for each in beside]
        async with watching(_watch(desk), watch_port):
            yield
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await desk.store.close()

    async def refused(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        if status == 401:
            return RedirectResponse("/sign-in", status_code=303)
        if request.url.path == "/healthz":
            return JSONResponse({"status": "failed"}, status_code=status)
        if is_for_programs(request.url.path):
            return refusal(status)
        why = error.detail if isinstance(error, HTTPException) else ""
        return desk.page(None, "error.html", status, code=status, why=why)

    return Starlette(
        routes=[
            *(Route(door.path, guarded(desk, door), methods=[door.method]) for door in DOORS),
            *fhir_routes(desk),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ],
        middleware=[Middleware(SafeHeaders, https=desk.is_https)],
        exception_handlers={HTTPException: refused, 500: refused},
        lifespan=lifespan,
    )


def _watch(desk: Desk) -> Starlette:
    async def parts() -> dict[str, bool]:
        found = {"database": await desk.store.answers()}
        metrics.is_ready(found)
        return found

    async def refresh() -> None:
        await parts()
        async with desk.store.reading() as session:
            queue = await standing.queue(session, desk.today("UTC"))
        metrics.queue_stands(queue.by_band, queue.over_target)

    return create_watch("desk", parts, refresh)


class NoLink(Exception):
    """No link can be made; the message says why and what to do."""


async def first_link(desk: Desk) -> str | None:
    """Return a new link that makes a clinic and sets its admin's password; None when there is an admin already.

    Where the demo clinic is, the link makes an admin of it.
    """
    async with desk.store.writing() as session:
        return None if await staff.has_admin(session) else await _first_link(desk, session)


async def link(desk: Desk, *, email: str | None = None, new_clinic: bool = False) -> str:
    """Return a link that sets a password, for whoever runs the machine.

    Args:
        desk: the desk.
        email: whose password is to be set anew; their second factor ends with it.
        new_clinic: make one that sets up a further clinic, although there is an admin.

    Raises:
        NoLink: nobody has this address, they are disabled, or there is an admin already.
    """
    now, token = desk.clock(), new_token()
    async with desk.store.writing() as session:
        if email is None:
            if not new_clinic and await staff.has_admin(session):
                raise NoLink(
                    "There is an admin already, who can invite others under Staff. Use --for EMAIL for whoever has "
                    "lost their password, or --new-clinic to set up a further clinic."
                )
            return await (_setup_link if new_clinic else _first_link)(desk, session)
        found = await staff.credentials_of(session, email)
        if found is None or found.member.disabled_at is not None:
            raise NoLink(f"Nobody with the address {email} can sign in. Check it, or let an admin invite them.")
        person = found.member
        await staff.new_link(
            session,
            token,
            "reset",
            now,
            now + SETUP_FOR,
            clinic_id=person.clinic_id,
            staff_id=person.id,
            email=person.email,
            name=person.name,
        )
        await staff.note(session, "password link made", now, clinic_id=person.clinic_id, staff_id=None)
    return f"{desk.address}/password/{token}"


async def _first_link(desk: Desk, session: AsyncSession) -> str:
    clinic_id = await demo.clinic_id(session)
    if clinic_id is None:
        return await _setup_link(desk, session)
    now, token = desk.clock(), new_token()
    email = f"admin{demo.STAFF_DOMAIN}"
    await staff.new_link(
        session,
        token,
        "invite",
        now,
        now + SETUP_FOR,
        clinic_id=clinic_id,
        email=email,
        name="Demo admin",
        role="admin",
    )
    return f"{desk.address}/password/{token}"


async def _setup_link(desk: Desk, session: AsyncSession) -> str:
    now, token = desk.clock(), new_token()
    await staff.new_link(session, token, "setup", now, now + SETUP_FOR)
    return f"{desk.address}/setup/{token}"


async def sort_all(desk: Desk) -> int:
    """Sort every open referral that was not sorted yet on its clinic's day, and return how many those were."""
    done = 0
    async with desk.store.reading() as session:
        clinics = await staff.clinic_ids(session)
    for clinic_id, zone in clinics:
        today = desk.today(zone)
        while True:
            async with desk.store.reading() as session:
                waiting = await referrals.unsorted(session, clinic_id, today, _AT_ONCE)
            if not waiting:
                break
            sorted_ = [(kept, desk.sorter.sort(kept.referral, today, kept.override)) for kept in waiting]
            async with desk.store.writing() as session:
                for kept, sorting in sorted_:
                    await referrals.resort(session, clinic_id, kept, sorting, desk.clock())
            done += len(waiting)
            await asyncio.sleep(0)
    return done


async def _warm(desk: Desk) -> None:
    """Load the phrases of letters beside the first requests.

    What was learnt is loaded with the first letter: a desk that gets none does without its 120 MB.
    """
    try:
        await run_in_threadpool(desk.sorter.warm)
    except ContentError as error:
        log.error("desk.letters_unreadable", problems=len(error.problems))


async def _sort_daily(desk: Desk) -> None:
    """Bands move with the weeks, so each referral is sorted once a day. After a fault it is tried again."""
    while True:
        try:
            if done := await sort_all(desk):
                log.info("desk.sorted", referrals=done)
        except Exception:
            log.exception("desk.sorting_failed")
        await asyncio.sleep(_SORT_EVERY_SECONDS)


async def _take_in(desk: Desk) -> None:
    """What patients tell in the chat is on their referrals within seconds, whether or not somebody looks."""
    while True:
        try:
            if changed := await take_in(desk, thorough=True):
                log.info("desk.taken_in", referrals=changed)
        except Exception:
            log.exception("desk.taking_in_failed")
        await asyncio.sleep(_TAKE_IN_EVERY_SECONDS)


async def _forget_uploads(desk: Desk) -> None:
    """What was uploaded and not confirmed is gone after its hour, whether anybody asks for it or not."""
    while True:
        await asyncio.sleep(_FORGET_EVERY_SECONDS)
        desk.uploads.forget_old(desk.clock())


def open_desk(settings: Settings) -> Desk:
    """Return the desk of these settings; its database is opened with the first question.

    Raises:
        WrongSetting: the desk's address can't be used.
        ContentError: the content is broken.
    """
    production = settings.mode == "production"
    return Desk(
        store=Store(settings.database),
        clock=clock_starting_at(settings.now),
        shelf=Shelf(CONTENT, reload=not production, must_be_reviewed=production, clock=time.monotonic),
        sorter=Sorter.load(CONTENT, SecondReader(), MODELS),
        address=_address(settings),
        idle=timedelta(minutes=settings.desk_idle_minutes),
    )


def main() -> int:
    """Run as a process on loopback.

    Returns 2, after one line on standard error, when the content, a setting, the keys or the tables can't be used, and
    3 when it could not start.
    """
    try:
        settings = read_settings()
        sys.stderr = logs.lossy(sys.stderr)
        logs.configure(settings.log_level, "desk", reports_of(settings, "desk"))
        desk = open_desk(settings)
        asyncio.run(_prepare(settings))
    except (WrongSetting, ContentError, KeysUnusable, NewerTables) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    app = create_app(desk, tells_first_link=True, watch_port=settings.desk_watch_port)
    port = settings.desk_port
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False, server_header=False)
    server = Resting(config)
    gc.freeze()
    gc.enable()
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_serve(server))
    return 0 if server.started else 3


async def _serve(server: uvicorn.Server) -> None:
    looking = asyncio.create_task(end_when_hung())
    try:
        await server.serve()
    finally:
        looking.cancel()


async def _prepare(settings: Settings) -> None:
    """Bring the tables up to date, so that what a person must mend is told in one line; a database may yet be away."""
    store = Store(settings.database)
    try:
        with contextlib.suppress(SQLAlchemyError):
            await store.migrate()
    finally:
        await store.close()


def _address(settings: Settings) -> str:
    if settings.desk_url is None:
        return f"http://127.0.0.1:{settings.desk_port}"
    parts = urlsplit(settings.desk_url)
    if parts.scheme != "https" or not parts.hostname or parts.path.strip("/") or parts.query:
        raise WrongSetting(
            "The setting SEPTIMUS_DESK_URL can't be used: it must be an https address without a path, "
            "such as https://desk.example.org. Leave it out to use the desk on this machine only."
        )
    return f"https://{parts.netloc}"
