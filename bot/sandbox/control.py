"""The control door: requests with which a test, or the chat page, plays the people and the faults.

It answers this machine only (see :mod:`bot.sandbox.guard`). An error is ``{"ok": false, "error": "..."}``
with a fitting status.

================================  ==================================================================
``POST /sandbox/say``             ``user``, ``text``, ``language_code``: a person sends a message
``POST /sandbox/press``           ``user``, ``button`` (its title), or ``row`` and ``column``; without
                                  ``message_id`` the latest message that has the button
``GET /sandbox/messages``         ``?user=&after=``: what the chat shows now, after a message id
``POST /sandbox/update``          the body is an update, given to the bot exactly as it is; only a
                                  missing ``update_id`` is added
``POST /sandbox/block``           ``user``, ``blocked``: the person stops the bot, or no longer
``GET``, ``POST /sandbox/users``  the people; a new one by ``user``, ``name``, ``language_code``
``GET /sandbox/calls``            ``?method=&after=``: what the bot called, after a call number
``POST /sandbox/fault``           ``method`` or ``*``, ``times``, ``user`` and any of ``code`` (with
                                  ``description``, ``retry_after``), ``delay`` in seconds, ``drop``,
                                  ``accept_then_drop``, ``body``; ``{"clear": true}`` ends all, or
                                  those of ``method``
``GET``, ``DELETE``               the same, listed or ended
``POST /sandbox/reset``           forget people, messages, updates, files, calls and faults
================================  ==================================================================
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sandbox.errors import ControlError
from bot.sandbox.json_text import read_json
from bot.sandbox.state import Call, Chat, Fault, Json, Message, World
from bot.sandbox.wire import describe

Handler = Callable[[World, Request], Awaitable[Any]]


def control_routes(world: World) -> list[Route]:
    """The routes of the control door."""
    return [
        _route(world, "/sandbox/say", _say, "POST"),
        _route(world, "/sandbox/press", _press, "POST"),
        _route(world, "/sandbox/messages", _messages, "GET"),
        _route(world, "/sandbox/update", _update, "POST"),
        _route(world, "/sandbox/block", _block, "POST"),
        _route(world, "/sandbox/users", _users, "GET"),
        _route(world, "/sandbox/users", _add_user, "POST"),
        _route(world, "/sandbox/calls", _calls, "GET"),
        _route(world, "/sandbox/fault", _faults, "GET"),
        _route(world, "/sandbox/fault", _add_fault, "POST"),
        _route(world, "/sandbox/fault", _clear_faults, "DELETE"),
        _route(world, "/sandbox/reset", _reset, "POST"),
    ]


def _route(world: World, path: str, handler: Handler, verb: str) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            return JSONResponse(await handler(world, request))
        except ControlError as error:
            return JSONResponse({"ok": False, "error": error.reason}, status_code=error.status)

    return Route(path, endpoint, methods=[verb])


def chat_message(message: Message, base: str = "") -> Json:
    """A message as the chat shows it.

    Args:
        message: the message.
        base: what addresses of pictures start with, such as ``http://127.0.0.1:8081``.
    """
    photo = message.content.get("photo")
    document = message.content.get("document")
    image = None
    if (
        message.from_bot
        and isinstance(photo, list)
        and photo
        and isinstance(photo[-1], dict)
        and "file_id" in photo[-1]
    ):
        image = f"{base}/sandbox/file/{photo[-1]['file_id']}"
    return {
        "message_id": message.message_id,
        "from": "bot" if message.from_bot else "user",
        "text": message.text,
        "buttons": [[str(b.get("text", "")) for b in row] for row in message.keyboard],
        "image": image,
        "edited": message.edit_date is not None,
        "date": message.date,
        "entities": message.entities,
        "reply_to": message.reply_to,
        "document": {
            "name": str(document.get("file_name", "file")),
            "size": document.get("file_size"),
            "url": f"{base}/sandbox/file/{document['file_id']}",
        }
        if message.from_bot and isinstance(document, dict)
        else None,
        "location": message.content.get("location"),
    }


async def _say(world: World, request: Request) -> Json:
    body = await _body(request)
    sent = world.say(_user(body), _text(body, "text"), _optional_text(body, "language_code"))
    return {
        "ok": True,
        "message_id": sent[-1].message_id,
        "message_ids": [message.message_id for message in sent],
        "update_id": sent[-1].update_key,
    }


async def _press(world: World, request: Request) -> Json:
    body = await _body(request)
    place = None
    if body.get("row") is not None or body.get("column") is not None:
        place = (_integer(body, "row"), _integer(body, "column"))
    title = _optional_text(body, "button")
    if title is None and place is None:
        raise ControlError(400, 'say which button: "button" is its title, or "row" and "column" its place')
    message_id = _integer(body, "message_id") if body.get("message_id") is not None else None
    query = world.press(_integer(body, "user"), title, message_id, place)
    return {"ok": True, "message_id": query.message_id, "callback_query_id": query.id}


async def _messages(world: World, request: Request) -> list[Json]:
    chat = world.person(_query_integer(request, "user"))
    after = _query_integer(request, "after", 0)
    base = str(request.base_url).rstrip("/")
    return [chat_message(message, base) for message in chat.messages.values() if message.message_id > after]


async def _update(world: World, request: Request) -> Json:
    return {"ok": True, "update_id": world.push_raw(await _body(request))}


async def _block(world: World, request: Request) -> Json:
    body = await _body(request)
    blocked = body.get("blocked", True)
    if not isinstance(blocked, bool):
        raise ControlError(400, '"blocked" must be true or false')
    chat = world.set_blocked(_integer(body, "user"), blocked)
    return {"ok": True, "user": chat.id, "blocked": chat.blocked}


def person(chat: Chat) -> Json:
    """A person as the switcher shows them."""
    return {"user": chat.id, "name": chat.name, "language_code": chat.language_code, "blocked": chat.blocked}


async def _users(world: World, _: Request) -> list[Json]:
    return [person(chat) for chat in sorted(world.chats.values(), key=lambda c: c.id) if chat.private]


async def _add_user(world: World, request: Request) -> Json:
    body = await _body(request)
    user_id = _user(body) if body.get("user") is not None else None
    name = (_optional_text(body, "name") or "").strip()[:64]
    return person(world.add_user(user_id, name or None, _optional_text(body, "language_code")))


async def _calls(world: World, request: Request) -> list[Json]:
    after = _query_integer(request, "after", 0)
    return [_call(call) for call in world.calls_of(request.query_params.get("method"), after)]


def _call(call: Call) -> Json:
    return {
        "number": call.number,
        "method": call.method,
        "at": datetime.fromtimestamp(call.time, UTC).isoformat(timespec="milliseconds"),
        "time": call.time,
        "params": call.params,
        "code": call.code,
        "error": call.error,
        "result": call.result,
        "ms": None if call.seconds is None else round(call.seconds * 1000, 1),
        "fault": call.fault,
    }


async def _faults(world: World, _: Request) -> list[Json]:
    return [{"method": f.method, "times": f.times, "fault": describe(f)} for f in world.faults]


async def _add_fault(world: World, request: Request) -> Json:
    body = await _body(request)
    method = _optional_text(body, "method")
    if body.get("clear"):
        return _cleared(world, method)
    if not method:
        raise ControlError(400, '"method" is missing; name a Bot API method, or "*" for all')
    code = _integer(body, "code") if body.get("code") is not None else None
    if code is not None and not 200 <= code <= 599:
        raise ControlError(400, '"code" must be an HTTP status from 200 to 599')
    fault = Fault(
        method=method,
        times=_integer(body, "times", 1),
        code=code,
        description=_optional_text(body, "description"),
        retry_after=_integer(body, "retry_after") if body.get("retry_after") is not None else None,
        delay=_seconds(body, "delay"),
        drop=bool(body.get("drop")),
        accept_then_drop=bool(body.get("accept_then_drop")),
        body=_optional_text(body, "body"),
        chat_id=_integer(body, "user") if body.get("user") is not None else None,
    )
    if fault.times < 1:
        raise ControlError(400, '"times" must be at least 1; to end a fault send {"clear": true}')
    if describe(fault) == "none":
        raise ControlError(400, 'say what goes wrong: "code", "delay", "drop", "accept_then_drop" or "body"')
    world.add_fault(fault)
    return {"ok": True, "method": fault.method, "times": fault.times, "fault": describe(fault)}


async def _clear_faults(world: World, request: Request) -> Json:
    return _cleared(world, request.query_params.get("method"))


def _cleared(world: World, method: str | None) -> Json:
    before = len(world.faults)
    world.faults = [f for f in world.faults if method and f.method.lower() != method.lower()]
    return {"ok": True, "cleared": before - len(world.faults)}


async def _reset(world: World, _: Request) -> Json:
    world.reset()
    return {"ok": True}


async def _body(request: Request) -> Json:
    """The JSON object of a request, whatever its content type says."""
    try:
        body = read_json(await request.body())
    except ValueError as error:
        raise ControlError(400, f"the body isn't JSON: {error}") from error
    if not isinstance(body, dict):
        raise ControlError(400, "the body must be a JSON object")
    return body


def _integer(body: Json, name: str, default: int | None = None) -> int:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ControlError(400, f'"{name}" must be a whole number, such as {{"{name}": 1001}}')
    return value


def _user(body: Json) -> int:
    user_id = _integer(body, "user")
    if not 0 < user_id < 2**52:
        raise ControlError(400, '"user" must be above 0 and fit in 52 bits, as the ids of Telegram\'s users do')
    return user_id


def _seconds(body: Json, name: str) -> float:
    value = body.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 3600:
        raise ControlError(400, f'"{name}" must be seconds, from 0 to 3600')
    return float(value)


def _text(body: Json, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise ControlError(400, f'"{name}" must be a text')
    return value


def _optional_text(body: Json, name: str) -> str | None:
    return None if body.get(name) is None else _text(body, name)


def _query_integer(request: Request, name: str, default: int | None = None) -> int:
    raw = request.query_params.get(name)
    if raw is None and default is not None:
        return default
    try:
        return int(raw or "")
    except ValueError as error:
        raise ControlError(400, f"add ?{name}=<whole number> to the address") from error
