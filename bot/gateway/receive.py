"""Write down first: every update becomes an inbox row before Telegram hears that we have it.

python-telegram-bot acknowledges updates when it fetches the next ones, and drops a whole batch, again and again, when
one update in it is malformed. So the raw answer of `getUpdates` is written down here, below the library's parsing, and
the library is handed bare update ids. A webhook's body goes the same way before it is answered with 200.
"""

import asyncio
import hmac
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeGuard

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from telegram.request import HTTPXRequest, RequestData

log = structlog.get_logger()

RawUpdate = Mapping[str, Any]
Write = Callable[[Sequence[RawUpdate]], Awaitable[None]]

SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105 - the header's name
# Telegram's own updates are a few kilobytes; more than this is somebody else.
MAX_BODY = 1_000_000


class WritingRequest(HTTPXRequest):
    """The transport of `getUpdates`: writes what came, then lets the library see update ids alone.

    Args:
        write: writes updates down; when it raises, nothing is acknowledged and they come again.
        unauthorised: set when Telegram answers 401, which ends the library's polling without a word.
    """

    def __init__(self, write: Write, unauthorised: asyncio.Event) -> None:
        super().__init__(connection_pool_size=2, read_timeout=35.0)
        self._write = write
        self._unauthorised = unauthorised

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *args: Any, **kwargs: Any
    ) -> tuple[int, bytes]:
        """Do the request; see the class."""
        code, body = await super().do_request(url, method, request_data, *args, **kwargs)
        if url.endswith("/getUpdates"):
            if code == 401:
                self._unauthorised.set()
            elif code == 200:
                body = await self._written(body)
        return code, body

    async def _written(self, body: bytes) -> bytes:
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            return body  # the library reports an answer that is no JSON, and tries again
        if not isinstance(answer, dict) or not isinstance(answer.get("result"), list):
            return body
        came = answer["result"]
        updates = [each for each in came if is_update(each)]
        if len(updates) < len(came):
            log.error("update.without_id", count=len(came) - len(updates))
            if not updates:
                await asyncio.sleep(1)  # nothing to acknowledge: the same would come at once, for ever
        await self._write(updates)
        stubs = [{"update_id": each["update_id"]} for each in updates]
        return json.dumps({"ok": True, "result": stubs}).encode()


def is_update(raw: Any) -> TypeGuard[dict[str, Any]]:
    """Whether something is an update that can be written down: an object with an id that a database holds."""
    return isinstance(raw, dict) and _fits(raw.get("update_id"))


def _fits(number: Any) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and -(2**63) <= number < 2**63


def chat_of(update: RawUpdate) -> int:
    """Return the chat that a raw update belongs to, by whose order it is answered; 0 when it belongs to none."""
    for part in update.values():
        if not isinstance(part, dict):
            continue
        for holder in (part, part.get("message")):
            chat = holder.get("chat") if isinstance(holder, dict) else None
            if isinstance(chat, dict) and _fits(chat.get("id")):
                return int(chat["id"])
    return 0


def webhook(write: Write, secret: str) -> Starlette:
    """Return the webhook's application: checks the secret token, writes the update down, and only then says 200."""

    async def receive(request: Request) -> Response:
        if not hmac.compare_digest(request.headers.get(SECRET_HEADER, "").encode(), secret.encode()):
            return JSONResponse({"error": "the secret token is missing or wrong"}, status_code=403)
        body = await _bounded(request)
        try:
            update = json.loads(body) if body is not None else None
        except (ValueError, RecursionError):
            update = None
        if not is_update(update):
            # Telegram would send it again and again; it is no update, so it is refused for good.
            log.error("webhook.no_update")
            return JSONResponse({"ok": True, "ignored": "no update"})
        await write([update])
        return JSONResponse({"ok": True})

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return Starlette(routes=[Route("/telegram", receive, methods=["POST"]), Route("/healthz", health)])


async def _bounded(request: Request) -> bytes | None:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return None
    return body


def is_secret(text: str) -> bool:
    """Whether a text may be a webhook's secret token: 1 to 256 of A-Z a-z 0-9 _ -."""
    return re.fullmatch(r"[A-Za-z0-9_-]{1,256}", text) is not None
