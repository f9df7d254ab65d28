"""Who may: every page is behind a door that names the role it needs, and a door without a key stays shut.

A door checks, in this order: that the request names this desk, who holds the cookie, their role, and for whatever
changes something that the request comes from one of the desk's own forms.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, urlsplit

from starlette.datastructures import FormData, Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.desk.passwords import new_token
from bot.store import staff
from bot.store.staff import Role, Signed

if TYPE_CHECKING:
    from bot.desk.desk import Desk

LASTS = timedelta(hours=12)
"""A sign-in ends after this long, however busy."""

LARGEST_FORM = 512 * 1024
"""Bytes. A long letter has some ten thousand."""

LARGEST_FILE = 10 * 1024 * 1024
"""Bytes of an uploaded file."""

# Else what is larger than a megabyte is written into a file for a while, as it is.
MultiPartParser.spool_max_size = LARGEST_FORM + LARGEST_FILE

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_RANK: dict[Role, int] = {"viewer": 1, "clinician": 2, "admin": 3}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}

type Page = Callable[["Desk", "Visit"], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Door:
    """One way into the desk: method and path, the page behind it, and the least role that may pass.

    `need` has no default. None means anybody, signed in or not, and is written where that is meant. `takes_file` lets
    one file come with the form.
    """

    method: Literal["GET", "POST"]
    path: str
    page: Page
    need: Role | None
    takes_file: bool = False


@dataclass(slots=True)
class Visit:
    """One request that has come through its door. `form` is what was posted, after it was checked."""

    request: Request
    signed: Signed | None
    token: str = field(repr=False)
    is_new_token: bool = False
    has_a_form: bool = False
    form: FormData = field(default_factory=FormData)

    @property
    def who(self) -> Signed:
        """Who is signed in; only for pages whose door needs a role."""
        if self.signed is None:
            raise HTTPException(401)
        return self.signed

    @property
    def csrf(self) -> str:
        """The token that a form of this browser must send along; a browser without a cookie is given one with it."""
        self.has_a_form = True
        return hmac.new(self.token.encode(), b"form", hashlib.sha256).hexdigest()

    def may(self, need: Role) -> bool:
        """Whether who is signed in has this role, or more."""
        return self.signed is not None and _RANK[self.signed.member.role] >= _RANK[need]

    def text(self, name: str, longest: int = 200) -> str:
        """A posted field as one trimmed text, cut at its longest; empty when it wasn't sent."""
        value = self.form.get(name, "")
        if not isinstance(value, str):
            return ""
        # Browsers end lines with two signs, and no database keeps the sign of number 0.
        return value.replace("\r\n", "\n").replace("\0", "").strip()[:longest]

    async def file(self, name: str) -> tuple[str, bytes] | None:
        """The name and the bytes of a posted file; None when none was chosen."""
        sent = self.form.get(name)
        if not isinstance(sent, UploadFile) or not sent.filename:
            return None
        return sent.filename.replace("\0", "")[-100:], await sent.read()

    def number(self, name: str) -> int:
        """A number in the path.

        Raises:
            HTTPException: it is larger than any that a database gives; there is no such thing.
        """
        value = int(self.request.path_params[name])
        if value > 2**62:
            raise HTTPException(404)
        return value


def guarded(desk: "Desk", door: Door) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint for a door."""

    async def endpoint(request: Request) -> Response:
        if not _names_the_desk(desk, request):
            raise HTTPException(400, "host")
        visit = await _visit(desk, request)
        if door.need is not None:
            if visit.signed is None:
                return _to_sign_in(request)
            if not visit.may(door.need):
                raise HTTPException(403, "role")
        if door.method == "POST":
            visit.form = await _form(desk, visit, takes_file=door.takes_file)
        try:
            response = await door.page(desk, visit)
        finally:
            if door.takes_file:
                await visit.form.close()
        if visit.is_new_token and visit.has_a_form and "set-cookie" not in response.headers:
            _give(desk, response, desk.visit_cookie, visit.token)
        return response

    return endpoint


def sign_in_cookie(desk: "Desk", response: Response, token: str) -> None:
    """Give a browser the cookie of its sign-in."""
    _give(desk, response, desk.session_cookie, token)


def forget_cookie(desk: "Desk", response: Response) -> None:
    """Take the cookie of a sign-in away."""
    response.delete_cookie(desk.session_cookie, path="/", secure=desk.is_https, httponly=True, samesite="lax")


def own_path(path: str | None) -> str:
    """A path of this desk to go on to; the queue when it leads anywhere else."""
    if path and path.startswith("/") and not path.startswith(("//", "/\\", "/sign-")) and path.isprintable():
        return path
    return "/"


class SafeHeaders:
    """Adds the headers that keep a browser strict, to every response and to errors."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._headers = dict(_HEADERS)
        if https:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and add the headers to what comes back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                static = scope["path"].startswith("/static/")
                added = self._headers | ({"Cache-Control": "public, max-age=3600"} if static else {})
                message["headers"] = [
                    *message.get("headers", []),
                    *((name.lower().encode(), value.encode()) for name, value in added.items()),
                ]
            await send(message)

        await self._app(scope, receive, with_headers)


async def _visit(desk: "Desk", request: Request) -> Visit:
    cookie = request.cookies.get(desk.session_cookie)
    if cookie and len(cookie) <= 100:
        now = desk.clock()
        async with desk.store.reading() as session:
            found = await staff.signed_in(session, cookie, now)
        if found is not None:
            signed, idle_until = found
            # Written down about once a minute, not with every request.
            if now + desk.idle - idle_until > timedelta(minutes=1):
                async with desk.store.writing() as session:
                    await staff.stay(session, signed.session_id, now + desk.idle)
            return Visit(request, signed, cookie)
    before = request.cookies.get(desk.visit_cookie)
    if before and 40 <= len(before) <= 100:
        return Visit(request, None, before)
    return Visit(request, None, new_token(), is_new_token=True)


def _to_sign_in(request: Request) -> Response:
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    onward = "" if request.method != "GET" or wanted == "/" else f"?next={quote(wanted)}"
    over = "" if request.method == "GET" else "?over=1"
    return RedirectResponse(f"/sign-in{onward}{over}", status_code=303)


async def _form(desk: "Desk", visit: Visit, *, takes_file: bool) -> FormData:
    request = visit.request
    if not _comes_from_the_desk(desk, request.headers):
        raise HTTPException(403, "origin")
    length = request.headers.get("content-length", "")
    if not length.isdecimal():
        raise HTTPException(411, "length")
    if int(length) > LARGEST_FORM + takes_file * LARGEST_FILE:
        raise HTTPException(413, "file" if takes_file else "large")
    try:
        form = await request.form(max_files=int(takes_file), max_fields=1000, max_part_size=LARGEST_FORM)
    except (MultiPartException, ValueError):
        raise HTTPException(400, "form") from None
    given = form.get("csrf", "")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), visit.csrf.encode()):
        raise HTTPException(403, "csrf")
    return form


def _names_the_desk(desk: "Desk", request: Request) -> bool:
    """Another site may have pointed its own name at this machine; then the name is not ours."""
    return _host(request.headers.get("host", "")) in _LOOPBACK | {_host(urlsplit(desk.address).netloc)}


def _comes_from_the_desk(desk: "Desk", headers: Headers) -> bool:
    """Whether a browser says that the form it sends is one of ours; one that says neither is left to the token."""
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc in {headers.get("host"), urlsplit(desk.address).netloc}


def _host(netloc: str) -> str:
    try:
        return urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return ""


def _give(desk: "Desk", response: Response, name: str, token: str) -> None:
    response.set_cookie(name, token, path="/", secure=desk.is_https, httponly=True, samesite="lax")
