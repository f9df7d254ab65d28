"""The chat page: its files, its live stream and the pictures it shows."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.sandbox.control import chat_message, person
from bot.sandbox.errors import ControlError
from bot.sandbox.pictures import picture_type
from bot.sandbox.state import Chat, Json, World

_STATIC = Path(__file__).parent / "static"
_FILES = {path.name: path for path in sorted(_STATIC.iterdir()) if path.is_file()}
_KEEP_ALIVE_SECONDS = 10.0
_PRESENCE_SECONDS = 2.0
_BREATH_SECONDS = 0.03  # gathers what comes in a burst into one event
_PEOPLE_SHOWN = 50
_LATEST_LOOKED_AT = 30
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    b"content-security-policy": _POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}


def page_routes(world: World) -> list[Route]:
    """The routes of the chat page."""

    async def events(request: Request) -> Response:
        try:
            chat = world.person(int(request.query_params.get("user", "")))
        except ValueError:
            return JSONResponse({"ok": False, "error": "add ?user=<id> to the address"}, status_code=400)
        except ControlError as error:
            return JSONResponse({"ok": False, "error": error.reason}, status_code=error.status)
        seen = request.headers.get("last-event-id") or request.query_params.get("seen", "")
        return StreamingResponse(_stream(world, chat.id, seen), media_type="text/event-stream")

    async def file(request: Request) -> Response:
        found = world.files.get(request.path_params["file_id"])
        if found is None:
            return JSONResponse({"ok": False, "error": "there is no such file"}, status_code=404)
        if picture_type(found.data):
            return Response(found.data, media_type=found.media_type)
        # Never shown in place: an uploaded page or drawing could carry a script.
        headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(found.name)}"}
        return Response(found.data, media_type="application/octet-stream", headers=headers)

    async def static(request: Request) -> Response:
        path = _FILES.get(request.path_params["name"])
        return FileResponse(path) if path else Response("Not found", status_code=404)

    async def index(_: Request) -> Response:
        return FileResponse(_FILES["index.html"])

    return [
        Route("/", index),
        Route("/static/{name}", static),
        Route("/sandbox/events", events),
        Route("/sandbox/file/{file_id}", file),
    ]


class PageHeaders:
    """Adds the security headers of the page to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and dress the answer."""

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = {name.lower() for name, _ in message["headers"]}
                extra = [(name, value) for name, value in _HEADERS.items() if name not in names]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        await self._app(scope, receive, dressed)


async def _stream(world: World, user_id: int, seen: str) -> AsyncIterator[str]:
    """Server-sent events: what changed in a person's chat since the last event, and then as it happens.

    An event's id is "<epoch>:<revision>", so a browser that comes back after a break gets what it missed,
    and everything when the sandbox was started again or emptied.
    """
    epoch, _, revision_text = seen.partition(":")
    revision = int(revision_text) if epoch == world.epoch and revision_text.isdigit() else -1
    last: Json | None = None
    quiet_since = time.monotonic()
    yield "retry: 1000\n\n"
    while not world.closing:
        changed = world.changed.current()
        chat = world.chats.get(user_id)
        if chat is None:
            # Forgotten by a reset; the page asks for it again by name when it reconnects.
            chat = world.add_user(user_id)
        if epoch != world.epoch:
            epoch, revision = world.epoch, -1
        state = _state(world, chat)
        if chat.revision > revision or state != last:
            event = {**state, **_changes(chat, revision)}
            revision, last = chat.revision, state
            quiet_since = time.monotonic()
            yield f"id: {epoch}:{revision}\ndata: {json.dumps(event)}\n\n"
        elif time.monotonic() - quiet_since > _KEEP_ALIVE_SECONDS:
            quiet_since = time.monotonic()
            yield ": still here\n\n"
        try:
            await asyncio.wait_for(changed.wait(), _PRESENCE_SECONDS)
            await asyncio.sleep(_BREATH_SECONDS)
        except TimeoutError:
            continue


def _state(world: World, chat: Chat) -> Json:
    """What the page shows besides the messages."""
    language = chat.language_code or ""
    return {
        "me": person(chat),
        "bot": {
            "name": world.bot["first_name"],
            "listening": world.bot_is_listening,
            "description": world.texts.get(("description", language)) or world.texts.get(("description", ""), ""),
        },
        "typing": chat.typing_action if chat.typing_until > time.monotonic() else None,
        "waiting": [{"message_id": q.message_id, "row": q.row, "column": q.column} for q in world.open_queries(chat)],
        "commands": world.commands_for(chat),
        "unfetched": _unfetched(world, chat),
        "users": _users(world),
    }


def _changes(chat: Chat, since: int) -> Json:
    full = since < 0 or chat.removed_at > since
    messages = [_page_message(chat, m.message_id) for m in chat.messages.values() if full or m.revision > since]
    out: Json = {"full": full, "messages": messages}
    if chat.notice is not None and since >= 0 and chat.notice.revision > since:
        out["notice"] = {"text": chat.notice.text, "alert": chat.notice.alert}
    return out


def _page_message(chat: Chat, message_id: int) -> Json:
    message = chat.messages[message_id]
    photo = message.content.get("photo")
    size = photo[-1] if isinstance(photo, list) and photo and isinstance(photo[-1], dict) else {}
    return {
        **chat_message(message),
        "rows": [
            [{"title": str(b.get("text", "")), "url": b.get("url") if "callback_data" not in b else None} for b in row]
            for row in message.keyboard
        ],
        "size": {"width": size.get("width"), "height": size.get("height")},
        "update": message.update_key,
    }


def _users(world: World) -> list[Json]:
    people = sorted((c for c in world.chats.values() if c.private), key=lambda c: c.id)[:_PEOPLE_SHOWN]
    return [{**person(chat), "latest": chat.latest_from_bot} for chat in people]


def _unfetched(world: World, chat: Chat) -> list[int]:
    """The updates of the latest messages that the bot hasn't fetched."""
    if not world.updates:
        return []
    waiting = {pending.key for pending in world.updates}
    latest = list(chat.messages.values())[-_LATEST_LOOKED_AT:]
    return [m.update_key for m in latest if m.update_key is not None and m.update_key in waiting]
