"""The application and the command that serves it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from bot.sandbox.control import control_routes
from bot.sandbox.guard import LoopbackOnly
from bot.sandbox.page import PageHeaders, page_routes
from bot.sandbox.state import Clock, Limits, World
from bot.sandbox.webhook import deliver
from bot.sandbox.wire import answer_call, send_file

DEFAULT_TOKEN = "7000000001:sandbox"  # noqa: S105 - the sandbox's own made-up token, no secret
"""The token the sandbox takes when none is given."""


def create_app(
    token: str = DEFAULT_TOKEN,
    *,
    bot_name: str = "Septimus",
    clock: Clock | None = None,
    limits: Limits | None = None,
) -> Starlette:
    """The sandbox as an ASGI application; its :class:`~bot.sandbox.state.World` is ``app.state.world``.

    Args:
        token: the bot token it accepts; any other is answered 401.
        bot_name: what the chat page calls the bot.
        clock: dates messages; the time of day when None.
        limits: how much is kept in memory.
    """
    world = World(bot_name=bot_name, bot_id=_bot_id(token), clock=clock, limits=limits)

    async def call(request: Request) -> Response:
        return await answer_call(world, token, request)

    async def file(request: Request) -> Response:
        return await send_file(world, token, request)

    async def healthz(_: Request) -> Response:
        return JSONResponse({"ok": True, "listening": world.bot_is_listening})

    async def not_found(request: Request, error: Exception) -> Response:
        code = error.status_code if isinstance(error, HTTPException) else 404
        words = {404: "Not Found", 405: "Method Not Allowed"}.get(code, "Bad Request")
        return JSONResponse({"ok": False, "error_code": code, "description": words}, status_code=code)

    async def broken(_: Request, __: Exception) -> Response:
        body = {"ok": False, "error_code": 500, "description": "Internal Server Error"}
        return JSONResponse(body, status_code=500)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        delivery = asyncio.create_task(deliver(world))
        try:
            yield
        finally:
            world.close()
            delivery.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await delivery

    local = [Middleware(LoopbackOnly), Middleware(PageHeaders)]
    routes: list[BaseRoute] = [
        Route("/healthz", healthz),
        Route("/bot{token}/{method}", call, methods=["GET", "POST"]),
        Route("/file/bot{token}/{path:path}", file, methods=["GET"]),
        Mount("/", routes=[*control_routes(world), *page_routes(world)], middleware=local),
    ]
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: not_found, Exception: broken})
    app.state.world = world
    return app


def _bot_id(token: str) -> int:
    head = token.partition(":")[0]
    return int(head) if head.isdigit() and 0 < int(head) < 2**52 else 7_000_000_001


class _Server(uvicorn.Server):
    """Says when it's ready, and ends the waiting requests (long polls, live streams) when it stops."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, then print the address of the chat page."""
        await super().startup(sockets)
        for listener in sockets or []:
            host, port = listener.getsockname()[:2]
            host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - the page is for loopback
            shown = f"[{host}]" if ":" in host else host
            sys.stdout.write(f"sandbox: chat page http://{shown}:{port}/\n")
        sys.stdout.flush()

    async def main_loop(self) -> None:
        """Run until told to end, which is seen within half a second: uvicorn wakes ten times a second for it."""
        while not await self.on_tick(0):  # noqa: ASYNC110 (uvicorn sets a flag, and no event)
            await asyncio.sleep(0.5)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop serving."""
        world: World = self.config.app.state.world  # type: ignore[union-attr]
        world.close()
        await super().shutdown(sockets)


def main(host: str = "127.0.0.1", port: int = 8081, token: str = DEFAULT_TOKEN) -> int:
    """Serve the sandbox until SIGTERM or Ctrl-C.

    Returns:
        The exit code: 0 after an orderly stop, 2 when the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio turns Nagle's algorithm off only where it is.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        why = "is taken" if error.errno == errno.EADDRINUSE else f"can't be used ({os.strerror(error.errno or 0)})"
        sys.stderr.write(f"sandbox: port {port} on {host} {why}; choose another with --port\n")
        return 2
    config = uvicorn.Config(
        create_app(token), log_level="warning", access_log=False, timeout_graceful_shutdown=3, lifespan="on"
    )
    # uvicorn hands the signal on when it has stopped; by then there is nothing left to end.
    signal.signal(signal.SIGTERM, lambda *_: None)
    with contextlib.suppress(KeyboardInterrupt):
        _Server(config).run(sockets=[listener])
    return 0


def command_line(arguments: list[str] | None = None) -> int:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(
        prog="python -m bot.sandbox",
        description="A local Telegram Bot API server with a chat page. Messages stay on this machine.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8081, help="port to listen on (default: %(default)s)")
    parser.add_argument("--token", default=DEFAULT_TOKEN, help="the bot token to accept (default: %(default)s)")
    given = parser.parse_args(arguments)
    return main(given.host, given.port, given.token)
