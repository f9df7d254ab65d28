"""The watchman's door of a process: is it alive, can it answer, and its figures. On loopback, on a port of its own.

It stands apart from what people reach, so that a proxy in front of the desk or the webhook can't open it by mistake.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager

import httpx
import structlog
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

log = structlog.get_logger()

# Made once: a client without one makes one, which costs more than all else of a look. Nothing is told that a false
# answer could hurt, so an engine of one's own with a certificate of one's own will do.
_ANY_CERTIFICATE = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_ANY_CERTIFICATE.check_hostname = False
_ANY_CERTIFICATE.verify_mode = ssl.CERT_NONE

type Parts = Callable[[], Awaitable[Mapping[str, bool]]]
"""Tells of each part that a process needs whether it answers."""


def create_watch(process: str, parts: Parts, refresh: Callable[[], Awaitable[None]]) -> Starlette:
    """Return the door's application.

    Args:
        process: the process's name, told to whoever asks.
        parts: what `/ready` depends on.
        refresh: brings the figures up to date that are read and not counted; may fail.
    """

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok", "program": "septimus", "process": process})

    async def ready(_request: Request) -> Response:
        found = await parts()
        told = {part: "ok" if answers else "away" for part, answers in found.items()}
        is_ready = all(found.values())
        return JSONResponse(
            {"status": "ready" if is_ready else "not ready", "process": process, **told},
            status_code=200 if is_ready else 503,
        )

    async def metrics(_request: Request) -> Response:
        try:
            await refresh()
        except Exception as error:  # a database that is away: what was counted is told all the same
            log.warning("watch.not_refreshed", fault=type(error).__name__)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[Route("/health", health), Route("/ready", ready), Route("/metrics", metrics)],
        # A page in a browser on this machine must not read it under another name.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
    )


@asynccontextmanager
async def watching(app: Starlette, port: int) -> AsyncIterator[None]:
    """Serve the door on 127.0.0.1 while the block runs. Port 0 turns it off; a taken one is told and done without."""
    listening = _listen(port) if port else None
    if listening is None:
        yield
        return
    server = _Quiet(uvicorn.Config(app, log_config=None, access_log=False, server_header=False, lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield
    finally:
        server.should_exit = True
        server.force_exit = True  # a scraper that holds its connection must not hold up the end
        await asyncio.gather(serving, return_exceptions=True)
        listening.close()


async def answers(url: str, token: str = "") -> bool:
    """Say whether an address answers with 200 within two seconds; the token goes as Rasa takes it."""
    async with httpx.AsyncClient(timeout=2.0, trust_env=False, verify=_ANY_CERTIFICATE) as client:
        try:
            found = await client.get(url, params={"token": token} if token else None)
        except httpx.HTTPError:
            return False
    return found.status_code == 200


class Resting(uvicorn.Server):
    """A server that rests between requests: uvicorn wakes ten times a second to see whether it is to end."""

    async def main_loop(self) -> None:
        """Run until told to end, which is seen within half a second."""
        while not await self.on_tick(0):  # noqa: ASYNC110 (uvicorn sets a flag, and no event)
            await asyncio.sleep(0.5)


class _Quiet(Resting):
    """One that leaves the process's signals to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield


def _listen(port: int) -> socket.socket | None:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
        listening.listen()  # at once: of two that have bound it only one may
    except OSError as error:
        listening.close()
        log.warning("watch.no_port", port=port, fault=type(error).__name__)
        return None
    return listening
