"""Who may use the control door and the chat page: this machine, and no other web site through it."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class LoopbackOnly:
    """Lets in requests from a loopback address that name a loopback host.

    The address keeps other machines out. The ``Host`` header keeps out a web page that has pointed its
    own name at 127.0.0.1, and ``Origin`` one that posts here from elsewhere in the same browser.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with 403, or pass the request on."""
        if scope["type"] == "http" and (reason := refusal(scope)):
            await JSONResponse({"ok": False, "error": reason}, status_code=403)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def refusal(scope: Scope) -> str | None:
    """Why a request may not come in; None when it may."""
    headers = Headers(scope=scope)
    client = scope.get("client")
    if client is None or not is_loopback(client[0]):
        return "the sandbox's pages answer this machine only; connect from 127.0.0.1"
    if not _names_this_machine(f"//{headers.get('host', '')}"):
        return "the Host header must be localhost, 127.0.0.1 or [::1]; open the sandbox by one of these names"
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return "a page of another origin may not use the sandbox"
    if headers.get("sec-fetch-site", "none") == "cross-site" and scope["method"] not in ("GET", "HEAD"):
        return "a page of another site may not use the sandbox"
    return None


def is_loopback(address: str) -> bool:
    """Whether an address is of this machine's loopback interface, also as IPv6-mapped IPv4."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    return bool((mapped or ip).is_loopback)


def _names_this_machine(url: str) -> bool:
    try:
        return (urlsplit(url).hostname or "") in _NAMES
    except ValueError:
        return False
