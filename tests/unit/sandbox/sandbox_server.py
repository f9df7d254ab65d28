"""A sandbox on a loopback port, in the test's own event loop, with a client for its control door."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from telegram import Bot
from telegram.request import HTTPXRequest

from bot.sandbox.server import DEFAULT_TOKEN
from bot.sandbox.state import World


@dataclass
class Sandbox:
    base: str
    world: World
    http: httpx.AsyncClient

    async def post(self, path: str, body: Any) -> Any:
        response = await self.http.post(path, json=body)
        assert response.status_code == 200, response.text
        return response.json()

    async def get(self, path: str, **params: Any) -> Any:
        response = await self.http.get(path, params=params)
        assert response.status_code == 200, response.text
        return response.json()

    async def say(self, text: str, user: int = 1001) -> Any:
        return await self.post("/sandbox/say", {"user": user, "text": text})

    async def messages(self, user: int = 1001, after: int = 0) -> Any:
        return await self.get("/sandbox/messages", user=user, after=after)

    async def call(self, method: str, **params: Any) -> httpx.Response:
        """Call a Bot API method directly, with a JSON body."""
        return await self.http.post(f"/bot{DEFAULT_TOKEN}/{method}", json=params)

    def bot(self) -> Bot:
        # No TLS here, and loading the certificates of the world twice for each test takes longest of all.
        one, two = (HTTPXRequest(httpx_kwargs={"verify": False}) for _ in range(2))
        base, files = f"{self.base}/bot", f"{self.base}/file/bot"
        return Bot(DEFAULT_TOKEN, base_url=base, base_file_url=files, request=one, get_updates_request=two)


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[str]:
    """Serve an application on a free port; gives its address."""
    # The protocol is named because asyncio turns Nagle's algorithm off only where it is.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="on"))
    task = asyncio.create_task(server.serve(sockets=[sock]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.002)
    yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    # uvicorn's own orderly stop sleeps for 0.2 s, which a hundred tests would feel.
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    for listening in server.servers:
        listening.close()
    await server.lifespan.shutdown()
