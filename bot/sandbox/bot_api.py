"""The Bot API's methods, as Telegram answers them.

Each method is a coroutine that takes the world and the parameters and returns Telegram's ``result``.
A refusal is a :class:`~bot.sandbox.errors.BotApiError` in Telegram's words. A method that isn't here
answers 404 "Not Found", as Telegram does for one it doesn't know.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from bot.sandbox.errors import BotApiError, bad_request
from bot.sandbox.formatting import clean, is_entity, parse_html, trim, utf16_length
from bot.sandbox.json_text import read_json
from bot.sandbox.state import Chat, Json, Message, StoredFile, Webhook, World, bot_text_entities

MAX_TEXT = 4096
MAX_CAPTION = 1024
MAX_PHOTO_BYTES = 10 * 1024 * 1024
MAX_UPLOAD_BYTES = 50 * 1024 * 1024
MAX_CALLBACK_DATA_BYTES = 64
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

_STALE_QUERY = "query is too old and response timeout expired or query ID is invalid"
_CONFLICT_POLL = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
_CONFLICT_WEBHOOK = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)
_NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a "
    "current content and reply markup of the message"
)
_ACTIONS = frozenset(
    {
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    }
)
_BUTTON_ACTIONS = (
    "callback_data",
    "url",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "copy_text",
    "callback_game",
    "pay",
)


@dataclass(frozen=True)
class Upload:
    """A file part of a multipart body."""

    name: str
    media_type: str
    data: bytes


@dataclass
class Params:
    """The parameters of a call, whatever body they came in; values may be text or already parsed.

    Attributes:
        values: parameter by name.
        files: uploaded files by the name of their part.
        gone: ends when the client has closed the connection.
    """

    values: dict[str, Any]
    files: dict[str, Upload] = field(default_factory=dict)
    gone: Callable[[], Awaitable[None]] | None = None

    def text(self, name: str) -> str:
        """A text, empty when absent."""
        value = self.values.get(name)
        return "" if value is None else str(value)

    def integer(self, name: str, default: int = 0) -> int:
        """A whole number; what can't be read as one counts as absent, as at Telegram."""
        try:
            return int(str(self.values.get(name, default)))
        except ValueError:
            return default

    def flag(self, name: str) -> bool:
        """A truth value."""
        return str(self.values.get(name, "")).strip().lower() in ("true", "1", "yes", "t", "y")

    def parsed(self, name: str, complaint: str) -> Any:
        """A JSON value, None when absent.

        Raises:
            BotApiError: 400 with ``complaint`` when it isn't JSON.
        """
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            return read_json(value)
        except ValueError as error:
            raise bad_request(complaint) from error


Method = Callable[[World, Params], Awaitable[Any]]


def method_named(name: str) -> tuple[str, Method] | None:
    """A method by its name in any case, with its proper spelling; None when there is none."""
    return _METHODS.get(name.lower())


# ---- the bot itself


async def _get_me(world: World, _: Params) -> Json:
    return {
        **world.bot,
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


def _texts(name: str) -> tuple[Method, Method]:
    """The setter and the getter of one of the bot's descriptions."""

    async def setter(world: World, params: Params) -> bool:
        value = params.text(name)
        key = (name, params.text("language_code"))
        if value:
            world.texts[key] = value
        else:
            world.texts.pop(key, None)
        if name == "name" and value and not key[1]:
            world.bot["first_name"] = value
        world.changed.send()
        return True

    async def getter(world: World, params: Params) -> Json:
        found = world.texts.get((name, params.text("language_code"))) or world.texts.get((name, ""))
        return {name: found or (world.bot["first_name"] if name == "name" else "")}

    return setter, getter


def _scope(params: Params) -> str:
    scope = params.parsed("scope", "can't parse BotCommandScope: Expected an Object") or {"type": "default"}
    if not isinstance(scope, dict):
        raise bad_request("can't parse BotCommandScope: Expected an Object")
    kind = str(scope.get("type", ""))
    if kind in ("default", "all_private_chats", "all_group_chats", "all_chat_administrators"):
        return kind
    if kind in ("chat", "chat_administrators", "chat_member"):
        return f"{kind}:{scope.get('chat_id')}"
    raise bad_request("can't parse BotCommandScope: Unsupported type specified")


async def _set_my_commands(world: World, params: Params) -> bool:
    commands = params.parsed("commands", "can't parse commands JSON object")
    if not isinstance(commands, list):
        raise bad_request("can't parse commands JSON object")
    if len(commands) > 100:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    for command in commands:
        if not isinstance(command, dict) or not re.fullmatch(r"/?[a-z0-9_]{1,32}", str(command.get("command", ""))):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(str(command.get("description", ""))) <= 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    world.commands[(_scope(params), params.text("language_code"))] = [
        {"command": str(c["command"]).lstrip("/"), "description": str(c["description"])} for c in commands
    ]
    world.changed.send()
    return True


async def _get_my_commands(world: World, params: Params) -> list[Json]:
    return world.commands.get((_scope(params), params.text("language_code")), [])


async def _delete_my_commands(world: World, params: Params) -> bool:
    world.commands.pop((_scope(params), params.text("language_code")), None)
    world.changed.send()
    return True


async def _yes(_: World, __: Params) -> bool:
    return True


async def _get_chat_menu_button(_: World, __: Params) -> Json:
    return {"type": "commands"}


# ---- updates


async def _get_updates(world: World, params: Params) -> list[Json]:
    if world.webhook.url:
        raise BotApiError(409, _CONFLICT_WEBHOOK)
    _take_allowed_updates(world, params)
    world.poll_turn += 1
    turn = world.poll_turn
    world.arrived.send()
    limit = min(max(params.integer("limit", 100), 1), 100)
    deadline = time.monotonic() + min(max(params.integer("timeout"), 0), 50)
    offset = params.integer("offset")
    if offset:
        world.confirm(offset)
    world.polling += 1
    world.changed.send()
    gone: asyncio.Future[None] | None = asyncio.ensure_future(_forever(params.gone)) if params.gone else None
    try:
        while True:
            if world.webhook.url:
                raise BotApiError(409, _CONFLICT_WEBHOOK)
            if turn != world.poll_turn:
                raise BotApiError(409, _CONFLICT_POLL)
            left = deadline - time.monotonic()
            if world.updates or left <= 0 or world.closing or (gone is not None and gone.done()):
                break
            arrived = asyncio.ensure_future(world.arrived.current().wait())
            waiting: set[asyncio.Future[Any]] = {arrived} if gone is None else {arrived, gone}
            try:
                await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            finally:
                arrived.cancel()
    finally:
        if gone is not None:
            gone.cancel()
        world.polling -= 1
        world.last_poll = time.monotonic()
    if gone is not None and gone.done() and not gone.cancelled():
        return []
    batch = list(islice(world.updates, limit))
    for pending in batch:
        pending.delivered = True
    return [pending.body for pending in batch]


async def _forever(gone: Callable[[], Awaitable[None]]) -> None:
    await gone()


def _take_allowed_updates(world: World, params: Params) -> None:
    allowed = params.parsed("allowed_updates", "can't parse allowed_updates JSON object")
    if isinstance(allowed, list):
        world.allowed_updates = [str(kind) for kind in allowed]


async def _set_webhook(world: World, params: Params) -> bool:
    url = params.text("url")
    if not url:
        return await _delete_webhook(world, params)
    scheme, host = _scheme_and_host(url)
    if scheme not in ("http", "https") or not host:
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    if host not in LOOPBACK_NAMES:
        raise bad_request("bad webhook: the sandbox delivers to this machine only; use http://127.0.0.1:<port>/...")
    secret = params.text("secret_token")
    if secret and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret):
        raise bad_request("secret token contains unallowed characters")
    _take_allowed_updates(world, params)
    if params.flag("drop_pending_updates"):
        world.updates.clear()
    world.webhook = Webhook(url, secret, params.integer("max_connections", 40))
    world.arrived.send()
    world.changed.send()
    return True


async def _delete_webhook(world: World, params: Params) -> bool:
    if params.flag("drop_pending_updates"):
        world.updates.clear()
    world.webhook = Webhook()
    world.arrived.send()
    world.changed.send()
    return True


async def _get_webhook_info(world: World, _: Params) -> Json:
    hook = world.webhook
    info: Json = {
        "url": hook.url,
        "has_custom_certificate": False,
        "pending_update_count": len(world.updates),
    }
    if hook.url:
        info["max_connections"] = hook.max_connections
    if world.allowed_updates:
        info["allowed_updates"] = world.allowed_updates
    if hook.last_error_date is not None:
        info["last_error_date"] = hook.last_error_date
        info["last_error_message"] = hook.last_error_message
    return info


# ---- sending


def _chat(world: World, params: Params, *, to_send: bool = True) -> Chat:
    raw = params.text("chat_id")
    if not raw:
        raise bad_request("chat_id is empty")
    chat = world.chats.get(int(raw)) if re.fullmatch(r"-?\d{1,18}", raw) else None
    if chat is None:
        raise bad_request("chat not found")
    if chat.blocked and to_send:
        raise BotApiError(403, "Forbidden: bot was blocked by the user")
    return chat


def _formatted(params: Params, field_name: str, entities_name: str, parse_mode: str) -> tuple[str, list[Json]]:
    text = clean(params.text(field_name))
    mode = parse_mode.lower()
    if mode == "html":
        text, entities = parse_html(text)
    elif not mode:
        given = params.parsed(entities_name, "can't parse entities JSON object") or []
        if not isinstance(given, list) or not all(is_entity(e) for e in given):
            raise bad_request("can't parse entities JSON object")
        text, entities = trim(text, given)
    elif mode in ("markdown", "markdownv2"):
        raise bad_request("can't parse entities: the sandbox reads parse_mode HTML only")
    else:
        raise bad_request("unsupported parse_mode")
    return text, bot_text_entities(text, entities)


def _text_content(params: Params) -> Json:
    text, entities = _formatted(params, "text", "entities", params.text("parse_mode"))
    if not text:
        raise bad_request("message text is empty")
    if len(text) > MAX_TEXT:
        raise bad_request("message is too long")
    return {"text": text, "entities": entities} if entities else {"text": text}


def _caption_content(params: Params) -> Json:
    text, entities = _formatted(params, "caption", "caption_entities", params.text("parse_mode"))
    if len(text) > MAX_CAPTION:
        raise bad_request("message caption is too long")
    if not text:
        return {}
    return {"caption": text, "caption_entities": entities} if entities else {"caption": text}


def _markup(params: Params) -> Json | None:
    markup = params.parsed("reply_markup", "can't parse reply keyboard markup JSON object")
    if markup is None or markup == {}:
        return None
    if not isinstance(markup, dict):
        raise bad_request("object expected as reply markup")
    if "inline_keyboard" not in markup:
        return None
    rows = markup["inline_keyboard"]
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
    kept = [[_button(button) for button in row] for row in rows if row]
    if sum(len(row) for row in kept) > 100:
        raise bad_request("REPLY_MARKUP_TOO_LONG")
    return {"inline_keyboard": kept} if kept else None


def _button(button: Any) -> Json:
    if not isinstance(button, dict):
        raise bad_request("can't parse inline keyboard button: InlineKeyboardButton must be an Object")
    text = button.get("text")
    if not isinstance(text, str):
        raise bad_request("can't parse inline keyboard button: Can't find field \"text\"")
    if not text.strip():
        raise bad_request("inline keyboard button text must be non-empty")
    actions = [name for name in _BUTTON_ACTIONS if name in button]
    if not actions:
        raise bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if "callback_data" in button:
        data = button["callback_data"]
        if not isinstance(data, str) or not 1 <= len(data.encode()) <= MAX_CALLBACK_DATA_BYTES:
            raise bad_request("BUTTON_DATA_INVALID")
    elif "url" in button:
        scheme, host = _scheme_and_host(str(button["url"]))
        if scheme not in ("http", "https", "tg") or not host:
            raise bad_request(f"inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL")
    return button


def _scheme_and_host(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or ""
    except ValueError:
        return "", ""


def _reply_to(chat: Chat, params: Params) -> int | None:
    reply = params.parsed("reply_parameters", "can't parse reply parameters JSON object")
    reply = reply if isinstance(reply, dict) else {}
    wanted = Params(reply).integer("message_id") or params.integer("reply_to_message_id")
    if not wanted:
        return None
    if wanted not in chat.messages:
        if reply.get("allow_sending_without_reply") or params.flag("allow_sending_without_reply"):
            return None
        raise bad_request("message to be replied not found")
    return wanted


def _send(world: World, chat: Chat, params: Params, content: Json) -> Json:
    markup = _markup(params)
    message = world.post(chat, content, from_bot=True, reply_markup=markup, reply_to=_reply_to(chat, params))
    return world.api_message(message)


async def _send_message(world: World, params: Params) -> Json:
    chat = _chat(world, params)
    return _send(world, chat, params, _text_content(params))


async def _send_photo(world: World, params: Params) -> Json:
    chat = _chat(world, params)
    return await _send_file(world, params, chat, "photo")


async def _send_document(world: World, params: Params) -> Json:
    chat = _chat(world, params)
    return await _send_file(world, params, chat, "document")


async def _send_file(world: World, params: Params, chat: Chat, kind: str) -> Json:
    content = _caption_content(params)
    # Checked before the upload is kept, so that a refused message leaves nothing behind.
    _markup(params)
    return _send(world, chat, params, {**_file_content(world, params, kind, params.values.get(kind)), **content})


async def _send_location(world: World, params: Params) -> Json:
    chat = _chat(world, params)
    try:
        latitude, longitude = float(params.text("latitude")), float(params.text("longitude"))
    except ValueError as error:
        raise bad_request("invalid location specified") from error
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise bad_request("invalid location specified")
    return _send(world, chat, params, {"location": {"latitude": latitude, "longitude": longitude}})


async def _send_chat_action(world: World, params: Params) -> bool:
    chat = _chat(world, params)
    action = params.text("action").lower()
    if action not in _ACTIONS:
        raise bad_request("wrong parameter action in request")
    world.type_in(chat, action)
    return True


# ---- files


def _file_content(world: World, params: Params, kind: str, value: Any) -> Json:
    """The photo or document of a message, from an upload or from the id of an earlier one."""
    name = str(value or "")
    upload = params.files.get(name.removeprefix("attach://")) if name.startswith("attach://") else None
    if upload is None and not name:
        upload = params.files.get(kind)
    if upload is None and not name:
        raise bad_request(f"there is no {kind} in the request")
    if upload is not None:
        file = _take_upload(world, kind, upload)
    else:
        if name.lower().startswith(("http://", "https://")):
            raise bad_request("failed to get HTTP URL content: the sandbox fetches nothing from the network")
        found = world.files.get(name)
        if found is None:
            raise bad_request("wrong file identifier/HTTP URL specified")
        if found.kind != kind:
            raise bad_request(f"can't use file of type {found.kind.title()} as {kind.title()}")
        file = found
    return _photo(file) if kind == "photo" else _document(file)


def _take_upload(world: World, kind: str, upload: Upload) -> StoredFile:
    if not upload.data:
        raise bad_request("file must be non-empty")
    if kind != "photo":
        return world.store_file(kind, upload.name, upload.media_type, upload.data)
    if len(upload.data) > MAX_PHOTO_BYTES:
        raise bad_request(f"file is too big for a photo; the maximum size is {MAX_PHOTO_BYTES} bytes")
    file = world.store_file(kind, upload.name, upload.media_type, upload.data)
    if not file.width or not file.height:
        del world.files[file.file_id]
        raise bad_request("IMAGE_PROCESS_FAILED")
    if file.width + file.height > 10_000 or max(file.width, file.height) > 20 * min(file.width, file.height):
        del world.files[file.file_id]
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    return file


def _photo(file: StoredFile) -> Json:
    size = {
        "file_id": file.file_id,
        "file_unique_id": file.unique_id,
        "file_size": len(file.data),
        "width": file.width,
        "height": file.height,
    }
    return {"photo": [size]}


def _document(file: StoredFile) -> Json:
    return {
        "document": {
            "file_name": file.name,
            "mime_type": file.media_type,
            "file_id": file.file_id,
            "file_unique_id": file.unique_id,
            "file_size": len(file.data),
        }
    }


async def _get_file(world: World, params: Params) -> Json:
    file = world.files.get(params.text("file_id"))
    if file is None:
        raise bad_request("invalid file_id")
    return {
        "file_id": file.file_id,
        "file_unique_id": file.unique_id,
        "file_size": len(file.data),
        "file_path": file.path,
    }


# ---- editing and deleting


def _own_message(world: World, params: Params) -> tuple[Chat, Message]:
    if params.text("inline_message_id"):
        raise bad_request("MESSAGE_ID_INVALID")
    chat = _chat(world, params)
    message = chat.messages.get(params.integer("message_id"))
    if message is None:
        raise bad_request("message to edit not found")
    if not message.from_bot:
        raise bad_request("message can't be edited")
    return chat, message


def _edit(world: World, chat: Chat, message: Message, content: Json, markup: Json | None, *, mark: bool = True) -> Json:
    if content == message.content and markup == message.reply_markup:
        raise bad_request(_NOT_MODIFIED)
    # Telegram shows "edited" when the words or the picture change, and not for new buttons alone.
    if mark and content != message.content:
        message.edit_date = world.now()
    message.content = content
    message.reply_markup = markup
    world.edited(chat, message)
    return world.api_message(message)


async def _edit_text(world: World, params: Params) -> Json:
    chat, message = _own_message(world, params)
    if "text" not in message.content:
        raise bad_request("there is no text in the message to edit")
    return _edit(world, chat, message, _text_content(params), _markup(params))


async def _edit_caption(world: World, params: Params) -> Json:
    chat, message = _own_message(world, params)
    if "photo" not in message.content and "document" not in message.content:
        raise bad_request("there is no caption in the message to edit")
    kept = {k: v for k, v in message.content.items() if k not in ("caption", "caption_entities")}
    return _edit(world, chat, message, {**kept, **_caption_content(params)}, _markup(params))


async def _edit_markup(world: World, params: Params) -> Json:
    chat, message = _own_message(world, params)
    return _edit(world, chat, message, message.content, _markup(params), mark=False)


async def _edit_media(world: World, params: Params) -> Json:
    chat, message = _own_message(world, params)
    media = params.parsed("media", "can't parse input media JSON object")
    if not isinstance(media, dict):
        raise bad_request("input media is not specified")
    kind = str(media.get("type", ""))
    if kind not in ("photo", "document"):
        raise bad_request("type of media is not one the sandbox knows: photo, document")
    described = Params(
        {
            "caption": media.get("caption"),
            "caption_entities": media.get("caption_entities"),
            "parse_mode": media.get("parse_mode"),
        }
    )
    content = _caption_content(described)
    markup = _markup(params)
    return _edit(world, chat, message, {**_file_content(world, params, kind, media.get("media")), **content}, markup)


async def _delete_message(world: World, params: Params) -> bool:
    chat = _chat(world, params, to_send=False)
    if not world.remove(chat, params.integer("message_id")):
        raise bad_request("message to delete not found")
    return True


async def _delete_messages(world: World, params: Params) -> bool:
    chat = _chat(world, params, to_send=False)
    ids = params.parsed("message_ids", "can't parse message identifiers JSON object")
    if not isinstance(ids, list):
        raise bad_request("message identifiers are not specified")
    for message_id in ids[:100]:
        if isinstance(message_id, int):
            world.remove(chat, message_id)
    return True


async def _answer_callback_query(world: World, params: Params) -> bool:
    query = world.callback_queries.get(params.text("callback_query_id"))
    if query is None or query.answered:
        raise bad_request(_STALE_QUERY)
    text = clean(params.text("text"))
    if utf16_length(text) > 200:
        raise bad_request("MESSAGE_TOO_LONG")
    world.answer(query, text, params.flag("show_alert"))
    return True


# ---- chats


async def _get_chat(world: World, params: Params) -> Json:
    chat = _chat(world, params, to_send=False)
    return {**chat.about, "accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": _NO_GIFTS}


_NO_GIFTS = {
    "unlimited_gifts": False,
    "limited_gifts": False,
    "unique_gifts": False,
    "premium_subscription": False,
    "gifts_from_channels": False,
}


async def _get_chat_member(world: World, params: Params) -> Json:
    chat = _chat(world, params, to_send=False)
    user_id = params.integer("user_id")
    if user_id == world.bot["id"]:
        return {"user": dict(world.bot), "status": "kicked" if chat.blocked else "member", "until_date": 0}
    member = world.chats.get(user_id)
    if member is None or not member.private:
        raise bad_request("user not found")
    return {"user": member.user(), "status": "member"}


async def _leave_chat(world: World, params: Params) -> bool:
    chat = _chat(world, params, to_send=False)
    if chat.private:
        raise bad_request("chat member status can't be changed in private chats")
    return True


_set_name, _get_name = _texts("name")
_set_description, _get_description = _texts("description")
_set_short_description, _get_short_description = _texts("short_description")

_METHODS: dict[str, tuple[str, Method]] = {
    name.lower(): (name, method)
    for name, method in {
        "getMe": _get_me,
        "setMyName": _set_name,
        "getMyName": _get_name,
        "setMyDescription": _set_description,
        "getMyDescription": _get_description,
        "setMyShortDescription": _set_short_description,
        "getMyShortDescription": _get_short_description,
        "setMyCommands": _set_my_commands,
        "getMyCommands": _get_my_commands,
        "deleteMyCommands": _delete_my_commands,
        "setChatMenuButton": _yes,
        "getChatMenuButton": _get_chat_menu_button,
        "getUpdates": _get_updates,
        "setWebhook": _set_webhook,
        "deleteWebhook": _delete_webhook,
        "getWebhookInfo": _get_webhook_info,
        "sendMessage": _send_message,
        "sendPhoto": _send_photo,
        "sendDocument": _send_document,
        "sendLocation": _send_location,
        "sendChatAction": _send_chat_action,
        "getFile": _get_file,
        "editMessageText": _edit_text,
        "editMessageCaption": _edit_caption,
        "editMessageReplyMarkup": _edit_markup,
        "editMessageMedia": _edit_media,
        "deleteMessage": _delete_message,
        "deleteMessages": _delete_messages,
        "answerCallbackQuery": _answer_callback_query,
        "getChat": _get_chat,
        "getChatMember": _get_chat_member,
        "leaveChat": _leave_chat,
    }.items()
}
