"""The Bot API over HTTP: bodies in, Telegram's JSON out, faults and the call log in between."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import time
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from bot.sandbox.bot_api import MAX_UPLOAD_BYTES, Params, Upload, method_named
from bot.sandbox.errors import BotApiError
from bot.sandbox.json_text import read_json
from bot.sandbox.state import Call, Fault, Json, World

_MAX_LOGGED_VALUE = 20_000
_JSON_PARAMETERS = frozenset(
    {
        "reply_markup",
        "commands",
        "scope",
        "allowed_updates",
        "entities",
        "caption_entities",
        "media",
        "reply_parameters",
        "link_preview_options",
        "message_ids",
    }
)
_NUMBERS = frozenset({"chat_id", "message_id", "user_id", "offset", "limit", "timeout"})
_USUAL_WORDS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden: bot was blocked by the user",
    404: "Not Found",
    409: "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


class DroppedConnection(Response):
    """An answer that never comes: the connection closes after the headers, before the body."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Promise one byte and leave; the server then closes the connection."""
        headers = [(b"content-type", b"application/json"), (b"content-length", b"1"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


async def answer_call(world: World, token: str, request: Request) -> Response:
    """Answer one call of a Bot API method."""
    started = time.monotonic()
    name = request.path_params["method"]
    known = method_named(name)
    proper = known[0] if known else name
    try:
        params = await _read(request)
    except BotApiError as error:
        _finish(world.log_call(proper, {}), started, error=error)
        return _refusal(error)
    except ClientDisconnect:
        return Response(status_code=499)
    call = world.log_call(proper if known else name[:64], _logged(params), known=known is not None)
    fault: Fault | None = None
    try:
        if not hmac.compare_digest(request.path_params["token"].encode(), token.encode()):
            raise BotApiError(401, "Unauthorized")
        fault = world.take_fault(proper, params.values.get("chat_id"))
        if fault is not None:
            call.fault = describe(fault)
            early = await _meet(fault, call)
            if early is not None:
                _finish(call, started)
                return early
        if known is None:
            raise BotApiError(404, "Not Found")
        result = await known[1](world, params)
    except BotApiError as error:
        _finish(call, started, error=error)
        return DroppedConnection() if fault and fault.accept_then_drop else _refusal(error)
    except asyncio.CancelledError:
        _finish(call, started)
        raise
    _finish(call, started, code=200, result=result)
    if fault is not None and fault.accept_then_drop:
        return DroppedConnection()
    return JSONResponse({"ok": True, "result": result})


async def send_file(world: World, token: str, request: Request) -> Response:
    """The bytes of an uploaded file, at the path that getFile gave."""
    if not hmac.compare_digest(request.path_params["token"].encode(), token.encode()):
        return _refusal(BotApiError(401, "Unauthorized"))
    file = next((f for f in world.files.values() if f.path == request.path_params["path"]), None)
    if file is None:
        return _refusal(BotApiError(404, "Not Found"))
    return Response(file.data, media_type="application/octet-stream", headers={"x-content-type-options": "nosniff"})


def describe(fault: Fault) -> str:
    """A fault in a few words, for the call log."""
    parts = []
    if fault.delay:
        parts.append(f"delay {fault.delay:g} s")
    if fault.drop:
        parts.append("drop")
    if fault.accept_then_drop:
        parts.append("accept then drop")
    if fault.code is not None:
        parts.append(str(fault.code))
    if fault.body is not None:
        parts.append("raw body")
    return ", ".join(parts) or "none"


async def _meet(fault: Fault, call: Call) -> Response | None:
    """Do what a fault says; None lets the call go on."""
    if fault.delay > 0:
        await asyncio.sleep(fault.delay)
    if fault.drop:
        return DroppedConnection()
    if fault.body is not None:
        call.code = fault.code or 200
        return Response(fault.body, status_code=call.code, media_type="text/html")
    if fault.code is None or fault.code == 200:
        return None
    words = fault.description or _USUAL_WORDS.get(fault.code, "Internal Server Error")
    if fault.code == 429:
        fault_seconds = fault.retry_after if fault.retry_after is not None else 1
        words = fault.description or f"Too Many Requests: retry after {fault_seconds}"
        raise BotApiError(429, words, fault_seconds)
    raise BotApiError(fault.code, words, fault.retry_after)


def _refusal(error: BotApiError) -> JSONResponse:
    body: Json = {"ok": False, "error_code": error.code, "description": error.description}
    if error.retry_after is not None:
        body["parameters"] = {"retry_after": error.retry_after}
    return JSONResponse(body, status_code=error.code)


def _finish(
    call: Call, started: float, *, code: int | None = None, error: BotApiError | None = None, result: Any = None
) -> None:
    call.seconds = time.monotonic() - started
    if error is not None:
        call.code, call.error = error.code, error.description
    elif code is not None:
        call.code = code
    if isinstance(result, dict) and "message_id" in result:
        call.result = {"message_id": result["message_id"]}
    elif isinstance(result, list):
        call.result = {"count": len(result)}
    elif isinstance(result, bool):
        call.result = result


async def _read(request: Request) -> Params:
    if int(request.headers.get("content-length") or 0) > MAX_UPLOAD_BYTES + 64 * 1024:
        raise BotApiError(413, "Request Entity Too Large")
    values: dict[str, Any] = dict(request.query_params)
    files: dict[str, Upload] = {}
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "application/json":
        body = await request.body()
        try:
            parsed = read_json(body or b"{}")
        except ValueError as error:
            raise BotApiError(400, "Bad Request: can't parse JSON object") from error
        if not isinstance(parsed, dict):
            raise BotApiError(400, "Bad Request: JSON object expected as request")
        values.update(parsed)
    elif content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        async with request.form(max_part_size=4 * 1024 * 1024) as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    media_type = value.content_type or "application/octet-stream"
                    files[name] = Upload(value.filename or name, media_type, await value.read())
                else:
                    values[name] = value
    else:
        # Wait for the end of the body, so that the next thing received is the client leaving.
        await request.body()

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    return Params(values, files, gone)


def _logged(params: Params) -> Json:
    """The parameters for the call log: JSON values opened, long ones cut, files by name and size."""
    out: Json = {}
    for name, value in params.values.items():
        if name in _JSON_PARAMETERS and isinstance(value, str):
            with contextlib.suppress(ValueError):
                value = read_json(value)
        elif name in _NUMBERS and isinstance(value, str) and value.lstrip("-").isdigit():
            value = int(value)
        if isinstance(value, str) and len(value) > _MAX_LOGGED_VALUE:
            value = value[:_MAX_LOGGED_VALUE] + "..."
        out[name] = value
    for name, upload in params.files.items():
        out[name] = {"file": upload.name, "type": upload.media_type, "size": len(upload.data)}
    return out
