"""The door for other programs: FHIR R4 by REST, with a bearer token for each clinic. It has no cookies and no forms.

Every answer is FHIR JSON, also when something is wrong. A referral that comes twice with the same identifier is made
once. What came in is written in one transaction: all of a Bundle, or nothing.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.desk.attempts import Attempts
from bot.desk.desk import Desk
from bot.desk.fhir import KINDS, Incoming, Kind, read_fhir
from bot.desk.fhir_answers import MEDIA_TYPE, answer, capabilities, outcome, task
from bot.desk.fhir_valid import LARGEST, Code, Issue, Json, WrongFhir, parsed
from bot.store import duplicates, referrals, rest, staff
from bot.store.referrals import Kept, Sorting
from bot.store.rest import Caller, Sent

CALLS, WITHIN = 120, timedelta(minutes=1)
"""So many requests of one token in so long."""

_USE_NOTED_EVERY = timedelta(minutes=1)
_MOST_TOKENS = 10_000
_JSON = frozenset({"application/fhir+json", "application/json"})

log = structlog.get_logger()


@dataclass
class Rate:
    """A sliding window of requests for each token, in memory, bounded."""

    _calls: OrderedDict[int, deque[datetime]] = field(default_factory=OrderedDict)

    def allows(self, token_id: int, now: datetime) -> bool:
        """Whether this token may call once more; it counts as a call when it may."""
        calls = self._calls.setdefault(token_id, deque(maxlen=CALLS))
        self._calls.move_to_end(token_id)
        while len(self._calls) > _MOST_TOKENS:
            self._calls.popitem(last=False)
        while calls and calls[0] <= now - WITHIN:
            calls.popleft()
        if len(calls) >= CALLS:
            return False
        calls.append(now)
        return True


class _Refused(Exception):
    def __init__(self, status: int, code: Code, words: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(words)
        self.status, self.issue, self.headers = status, Issue("request", words, code), headers or {}


def fhir_routes(desk: Desk) -> list[Route]:
    """The routes of the door, for the desk's application."""
    rate, failures = Rate(), Attempts()
    base = f"{desk.address}/fhir"
    bands = {name: band.name for name, band in desk.sorter.bands.items()}

    async def caller_of(request: Request) -> Caller:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        now = desk.clock()
        found = None
        if scheme.lower() == "bearer" and 20 <= len(token.strip()) <= 200:
            async with desk.store.reading() as session:
                found = await rest.caller(session, token.strip())
        if found is None:
            address = request.client.host if request.client else ""
            if not failures.allows(address, now):
                raise _Refused(429, "throttled", "There were too many wrong tokens. Wait five minutes.", _later(300))
            words = "It needs a token of the clinic, as 'Authorization: Bearer ...'. Ask the clinic's administrator."
            raise _Refused(401, "login", words, {"WWW-Authenticate": 'Bearer realm="fhir"'})
        if not rate.allows(found.token_id, now):
            raise _Refused(429, "throttled", f"More than {CALLS} requests in a minute. Wait a little.", _later(60))
        # Written down about once a minute, not with every request.
        if found.used_at is None or now - found.used_at >= _USE_NOTED_EVERY:
            async with desk.store.writing() as session:
                await rest.used(session, found.token_id, now)
        return found

    async def take(request: Request, kinds: Sequence[Kind]) -> Response:
        caller = await caller_of(request)
        body = await _body(request)
        today, now = desk.today(caller.zone), desk.clock()
        reading = desk.sorter.reading()

        def read() -> tuple[Json, list[tuple[Incoming, Sorting]]]:
            resource = parsed(body, _version(request))
            found = read_fhir(
                resource,
                desk.sorter.columns,
                received=today,
                today=today,
                kinds=kinds,
                read_text=reading,
            )
            return resource, [(each, desk.sorter.sort(each.referral, today)) for each in found]

        resource, read_in = await run_in_threadpool(read)

        async def keep() -> list[tuple[Incoming, Kept, bool, int | None]]:
            async with desk.store.writing() as session:
                return [
                    await _keep(session, caller, incoming, sorting, now, read_once=reading.was_once(incoming.referral))
                    for incoming, sorting in read_in
                ]

        try:
            made = await keep()
        except IntegrityError:  # the same identifier came twice at once, and the other was quicker: now it is known
            made = await keep()
        tasks = [
            (
                incoming.entry,
                task(
                    kept,
                    bands,
                    request=incoming.request,
                    patient=incoming.patient,
                    notes=incoming.notes,
                    reasons=desk.reasons,
                    merged_into=into,
                ),
            )
            for incoming, kept, _, into in made
        ]
        log.info("fhir.taken", referrals=len(made), new=sum(is_new for _, _, is_new, _ in made))
        if resource["resourceType"] == "Bundle":
            return _json(answer(str(resource["type"]), tasks, len(resource.get("entry", ())), base))
        _, only = tasks[0]
        status = 201 if made[0][2] else 200
        return _json(
            only, status, {"Location": f"{base}/Task/{only['id']}", "ETag": f'W/"{only["meta"]["versionId"]}"'}
        )

    async def service_request(request: Request) -> Response:
        return await take(request, ("ServiceRequest",))

    async def new_task(request: Request) -> Response:
        return await take(request, ("Task",))

    async def bundle(request: Request) -> Response:
        return await take(request, ("Bundle",))

    async def show_task(request: Request) -> Response:
        caller, number = await caller_of(request), int(request.path_params["id"])
        kept = sent = merge = None
        if number < 2**62:
            async with desk.store.reading() as session:
                sent = await rest.sent(session, caller.clinic_id, number)
                kept = await referrals.get(session, caller.clinic_id, number) if sent else None
                merge = await duplicates.merged_into(session, caller.clinic_id, number)
        if kept is None or sent is None:
            raise _Refused(404, "not-found", "There is no such Task.")
        async with desk.store.writing() as session:
            about = f"by the program {caller.name}"
            await staff.note(
                session, "referral read", desk.clock(), clinic_id=caller.clinic_id, staff_id=None,
                referral_id=number, about=about,
            )  # fmt: skip
        told = task(
            kept,
            bands,
            request=sent.request,
            patient=sent.patient,
            reasons=desk.reasons,
            merged_into=merge.kept_id if merge else None,
        )
        return _json(told, 200, {"ETag": f'W/"{kept.version}"'})

    async def metadata(_request: Request) -> Response:
        return _json(capabilities(base, _own_version(), f"{desk.clock():%Y-%m-%d}"))

    async def described(_request: Request) -> Response:
        return JSONResponse(openapi(desk.address))

    return [
        Route("/fhir/metadata", _told(metadata), methods=["GET"]),
        Route("/fhir/ServiceRequest", _told(service_request), methods=["POST"]),
        Route("/fhir/Task", _told(new_task), methods=["POST"]),
        Route("/fhir/Task/{id:int}", _told(show_task), methods=["GET"]),
        Route("/fhir", _told(bundle), methods=["POST"]),
        Route("/openapi.json", described, methods=["GET"]),
    ]


async def _keep(
    session: AsyncSession, caller: Caller, incoming: Incoming, sorting: Sorting, now: datetime, *, read_once: bool
) -> tuple[Incoming, Kept, bool, int | None]:
    """Keep what came: with the referral, whether it is new, and into which other one it was merged since."""
    before = await rest.known(session, caller.clinic_id, incoming.identifiers) if incoming.identifiers else None
    if before is not None and (kept := await referrals.get(session, caller.clinic_id, before)) is not None:
        merge = await duplicates.merged_into(session, caller.clinic_id, before)
        return incoming, kept, False, merge.kept_id if merge else None
    made = await referrals.create(
        session,
        caller.clinic_id,
        incoming.referral,
        sorting,
        now,
        patient_ref=incoming.patient_ref[:64],
        referrer=incoming.referrer[:120],
        staff_id=None,
        detail={
            "way": "fhir",
            "program": caller.name,
            "notes": [asdict(note) for note in incoming.notes],
            "read_once": read_once,
        },
    )
    sent = Sent(incoming.request, incoming.patient)
    await rest.remember(session, caller, made, sent, incoming.identifiers)
    about = f"by the program {caller.name}"
    await staff.note(
        session, "referral made", now, clinic_id=caller.clinic_id, staff_id=None, referral_id=made, about=about
    )
    kept = await referrals.get(session, caller.clinic_id, made)
    if kept is None:
        raise RuntimeError("a referral that was just written is not there")
    return incoming, kept, True, None


def is_for_programs(path: str) -> bool:
    """Whether a path belongs to this door: then whatever goes wrong is told as FHIR JSON, not as a page."""
    return path == "/fhir" or path.startswith("/fhir/")


def refusal(status: int) -> Response:
    """What a program is told when there is no such way in, or not by this method."""
    if status == 405:
        issue = Issue("request", "This can't be done here. GET /fhir/metadata says what can.", "not-supported")
    elif status == 404:
        issue = Issue("request", "There is nothing here. GET /fhir/metadata says what there is.", "not-found")
    else:
        issue = Issue("request", "Something failed here. Send it again later.", "exception", "fatal")
    return _json(outcome([issue]), status)


def _told(page: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """The page, with its refusals told as an OperationOutcome."""

    async def endpoint(request: Request) -> Response:
        begun = time.monotonic()
        try:
            return await page(request)
        except WrongFhir as wrong:
            large = any(issue.expression == "body" and issue.code == "too-long" for issue in wrong.issues)
            malformed = any(issue.expression in ("body", "fhirVersion") for issue in wrong.issues)
            return _json(outcome(wrong.issues), 413 if large else 400 if malformed else 422)
        except _Refused as refused:
            return _json(outcome([refused.issue]), refused.status, refused.headers)
        except Exception:
            log.exception("fhir.failed", seconds=round(time.monotonic() - begun, 3))
            words = "Something failed here. Nothing was taken. Send it again later, with the same identifier."
            return _json(outcome([Issue("request", words, "exception", "fatal")]), 500)

    return endpoint


async def _body(request: Request) -> bytes:
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind not in _JSON:
        raise _Refused(415, "not-supported", "Send it as application/fhir+json. XML is not read.")
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > LARGEST:
            raise _Refused(413, "too-long", "It is larger than 15 MB. Send letters without pictures.")
    return bytes(read)


def _version(request: Request) -> str | None:
    """The `fhirVersion` that stands with the content type."""
    for part in request.headers.get("content-type", "").split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip().lower() == "fhirversion":
            return value.strip().strip('"')
    return None


def _later(seconds: int) -> dict[str, str]:
    return {"Retry-After": str(seconds)}


def _json(value: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(value, status, headers, media_type=MEDIA_TYPE)


def _own_version() -> str:
    try:
        return version("septimus")
    except PackageNotFoundError:
        return "0"


def openapi(address: str) -> dict[str, Any]:
    """The door as OpenAPI 3.1: paths, who may, what goes in and what comes back.

    Args:
        address: where the desk is, without a slash at the end.
    """

    def fhir(name: str) -> dict[str, Any]:
        return {"application/fhir+json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}

    def responses(*statuses: str, name: str) -> dict[str, Any]:
        words = {
            "200": "It was taken before, or it is shown.",
            "201": "It was taken.",
            "400": "It is no JSON, or of another FHIR version.",
            "401": "The token is missing or wrong.",
            "404": "There is none.",
            "413": "It is too large.",
            "415": "It is not FHIR JSON.",
            "422": "It is not valid R4, or no referral that can be taken. Nothing was taken.",
            "429": "Too many requests.",
        }
        return {
            status: {"description": words[status], "content": fhir(name if status < "300" else "OperationOutcome")}
            for status in statuses
        }

    def taking(name: str, summary: str, answered: str) -> dict[str, Any]:
        good = ("200",) if name == "Bundle" else ("200", "201")
        return {
            "summary": summary,
            "security": [{"token": []}],
            "requestBody": {"required": True, "content": fhir(name)},
            "responses": responses(*good, "400", "401", "413", "415", "422", "429", name=answered),
        }

    schemas = {
        name: {
            "type": "object",
            "required": ["resourceType"],
            "properties": {"resourceType": {"const": name}},
            "externalDocs": {"url": f"https://hl7.org/fhir/R4/{name.lower()}.html"},
        }
        for name in (*KINDS, "OperationOutcome", "CapabilityStatement")
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Septimus: referrals by FHIR R4",
            "version": _own_version(),
            "description": "Referrals to a facial palsy clinic, each answered with its band and the rules that hold.",
        },
        "servers": [{"url": address}],
        "paths": {
            "/fhir/ServiceRequest": {"post": taking("ServiceRequest", "Send one referral", "Task")},
            "/fhir/Task": {"post": taking("Task", "Send one referral as a Task", "Task")},
            "/fhir": {"post": taking("Bundle", "Send referrals with what belongs to them", "Bundle")},
            "/fhir/Task/{id}": {
                "get": {
                    "summary": "How a referral stands",
                    "security": [{"token": []}],
                    "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
                    "responses": responses("200", "401", "404", "429", name="Task"),
                }
            },
            "/fhir/metadata": {
                "get": {
                    "summary": "What this door can",
                    "responses": responses("200", name="CapabilityStatement"),
                }
            },
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas,
        },
    }
