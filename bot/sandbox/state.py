"""What the sandbox remembers: people, chats, messages, waiting updates, files, calls and faults.

All of it is in memory and bounded: beyond its limit the oldest of each kind is dropped. Nothing here
knows HTTP. One event loop owns a :class:`World`; it isn't safe to share between threads.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, takewhile
from typing import Any

from bot.sandbox.errors import ControlError
from bot.sandbox.formatting import find_entities, is_entity, utf16_length
from bot.sandbox.pictures import picture_size, picture_type

Json = dict[str, Any]
Clock = Callable[[], datetime]

TYPING_SECONDS = 5.0
"""How long Telegram shows a chat action, unless a message comes first."""

_EPOCH_OF_IDS = datetime(2025, 1, 1, tzinfo=UTC)
_MESSAGE_KINDS = ("message", "edited_message", "channel_post", "edited_channel_post")
_NOT_BY_DEFAULT = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
_ENVELOPE = frozenset(
    {"message_id", "from", "chat", "date", "edit_date", "reply_markup", "reply_to_message", "sender_chat", "via_bot"}
)


@dataclass(frozen=True)
class Limits:
    """How much is kept of each kind before the oldest is dropped."""

    chats: int = 5_000
    messages_per_chat: int = 500
    updates: int = 20_000
    files: int = 1_000
    file_bytes: int = 64 * 1024 * 1024
    calls_per_method: int = 10_000
    callback_queries: int = 5_000
    faults: int = 1_000


@dataclass
class Message:
    """One message as the chat shows it now."""

    message_id: int
    chat_id: int
    from_bot: bool
    sender: Json | None
    date: int
    content: Json
    reply_markup: Json | None = None
    reply_to: int | None = None
    edit_date: int | None = None
    revision: int = 0
    update_key: int | None = None

    @property
    def text(self) -> str:
        """The words of the message: its text, its caption, or what kind of thing it is."""
        if "text" in self.content or "caption" in self.content:
            return str(self.content.get("text") or self.content.get("caption") or "")
        if self.from_bot and ("photo" in self.content or "document" in self.content):
            return ""
        return f"[{next(iter(self.content), 'empty message')}]"

    @property
    def entities(self) -> list[Json]:
        """The formatting of :attr:`text`."""
        found = self.content.get("entities") or self.content.get("caption_entities") or []
        return [e for e in found if is_entity(e)] if isinstance(found, list) else []

    @property
    def keyboard(self) -> list[list[Json]]:
        """The rows of inline buttons."""
        rows = (self.reply_markup or {}).get("inline_keyboard") or []
        return rows if isinstance(rows, list) else []


@dataclass
class Notice:
    """What a callback answer shows to the person: a passing line, or an alert to close."""

    text: str
    alert: bool
    revision: int


@dataclass
class Chat:
    """A private chat with one person, or a group or channel that a raw update made known."""

    id: int
    about: Json
    language_code: str | None = None
    blocked: bool = False
    messages: dict[int, Message] = field(default_factory=dict)
    revision: int = 0
    removed_at: int = 0
    typing_until: float = 0.0
    typing_action: str = ""
    notice: Notice | None = None
    latest_from_bot: int = 0

    @property
    def private(self) -> bool:
        """Whether this is a person's own chat."""
        return self.about.get("type") == "private"

    @property
    def name(self) -> str:
        """What the switcher calls the chat."""
        return str(self.about.get("first_name") or self.about.get("title") or self.id)

    def user(self) -> Json:
        """The person of a private chat, as Telegram's User."""
        user: Json = {"id": self.id, "is_bot": False, "first_name": self.name}
        if self.language_code:
            user["language_code"] = self.language_code
        return user


@dataclass
class Pending:
    """An update that the bot hasn't confirmed yet."""

    key: int
    body: Json
    at_least_once: bool = False
    delivered: bool = False


@dataclass
class CallbackQuery:
    """A tap on an inline button."""

    id: str
    chat_id: int
    message_id: int
    row: int
    column: int
    answered: bool = False


@dataclass
class StoredFile:
    """An uploaded file."""

    file_id: str
    kind: str
    name: str
    media_type: str
    data: bytes
    width: int = 0
    height: int = 0

    @property
    def unique_id(self) -> str:
        """Telegram's second name of a file."""
        return self.file_id[-12:]

    @property
    def path(self) -> str:
        """Where the file lies below ``/file/bot<token>/``."""
        folder = "photos" if self.kind == "photo" else "documents"
        extension = {"image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif", "image/webp": ".webp"}.get(
            self.media_type, ".bin"
        )
        return f"{folder}/{self.file_id}{extension}"


@dataclass
class Fault:
    """How the next calls of a method go wrong.

    Attributes:
        method: the Bot API method, or ``*`` for all.
        times: how many calls are left that fail so.
        code: the HTTP status to answer with; None lets the call through (after ``delay``).
        retry_after: seconds, sent with 429.
        delay: seconds to wait before anything else.
        drop: the connection closes with no answer and nothing is done.
        accept_then_drop: the call is carried out and then the connection closes with no answer.
        body: raw text to answer with instead of Telegram's JSON.
        chat_id: only calls for this chat.
    """

    method: str
    times: int = 1
    code: int | None = None
    description: str | None = None
    retry_after: int | None = None
    delay: float = 0.0
    drop: bool = False
    accept_then_drop: bool = False
    body: str | None = None
    chat_id: int | None = None


@dataclass
class Call:
    """One call the bot made."""

    number: int
    method: str
    time: float
    params: Json
    code: int | None = None
    error: str | None = None
    result: Any = None
    seconds: float | None = None
    fault: str | None = None


@dataclass
class Webhook:
    """Where updates are pushed to."""

    url: str = ""
    secret_token: str = ""
    max_connections: int = 40
    last_error_date: int | None = None
    last_error_message: str | None = None


class Signal:
    """Wakes everyone who waits; nobody misses a call made after they took hold of it."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def current(self) -> asyncio.Event:
        """The event that the next :meth:`send` sets."""
        return self._event

    def send(self) -> None:
        """Wake all who wait."""
        event, self._event = self._event, asyncio.Event()
        event.set()


class World:
    """Everything the sandbox remembers.

    Args:
        bot_name: what the bot is called on the chat page.
        bot_username: its ``@name``.
        clock: tells the date of messages.
        limits: how much is kept.
    """

    def __init__(
        self,
        *,
        bot_name: str = "Septimus",
        bot_username: str = "septimus_sandbox_bot",
        bot_id: int = 7_000_000_001,
        clock: Clock | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.clock: Clock = clock or (lambda: datetime.now(UTC))
        self.limits = limits or Limits()
        self.bot: Json = {"id": bot_id, "is_bot": True, "first_name": bot_name, "username": bot_username}
        self.changed = Signal()
        self.arrived = Signal()
        self.closing = False
        self.polling = 0
        self.poll_turn = 0
        self.last_poll = float("-inf")
        self.allowed_updates: list[str] = []
        self.webhook = Webhook()
        self.commands: dict[tuple[str, str], list[Json]] = {}
        self.texts: dict[tuple[str, str], str] = {}
        # Ids go on from the time of day, so that a bot that keeps its database while the sandbox is
        # started again never sees an old id used for something new: a thousand a second are not reached.
        seconds = int((datetime.now(UTC) - _EPOCH_OF_IDS).total_seconds())
        self._next_update = seconds * 1000
        self._next_message = seconds
        self._revision = 0
        self._call_number = 0
        self._clear()

    def _clear(self) -> None:
        self.epoch = secrets.token_hex(6)
        self.chats: dict[int, Chat] = {}
        self.updates: deque[Pending] = deque()
        self.files: dict[str, StoredFile] = {}
        self.callback_queries: dict[str, CallbackQuery] = {}
        self.calls: dict[str, deque[Call]] = {}
        self.faults: list[Fault] = []
        self.add_user(1001, "Patient 1", "en")

    # ---- people and chats

    def reset(self) -> None:
        """Forget people, messages, updates, files, calls and faults.

        What the running bot has told Telegram about itself stays (commands, webhook, descriptions), and
        ids go on, so a bot need not be restarted.
        """
        self._clear()
        self.changed.send()

    def close(self) -> None:
        """Let every waiting request end, because the server stops."""
        self.closing = True
        self.arrived.send()
        self.changed.send()

    def now(self) -> int:
        """The date of a message sent now, in seconds."""
        return int(self.clock().timestamp())

    def add_user(self, user_id: int | None = None, name: str | None = None, language_code: str | None = None) -> Chat:
        """A person with a private chat; an existing one is brought up to date.

        Args:
            user_id: Telegram's id; the next free one from 1001 when None.
            name: the first name; "Patient <n>" when None.
            language_code: as the person's app is set; a new person's is ``en`` when None.
        """
        if user_id is None:
            user_id = max((c.id for c in self.chats.values() if c.private), default=1000) + 1
        chat = self.chats.get(user_id)
        if chat is None:
            number = user_id - 1000 if 1000 < user_id < 2000 else user_id
            about = {"id": user_id, "type": "private", "first_name": name or f"Patient {number}"}
            chat = self._keep_chat(Chat(user_id, about, language_code="en"))
        if name:
            chat.about["first_name"] = name
        if language_code:
            chat.language_code = language_code
        self.touch(chat)
        return chat

    def _keep_chat(self, chat: Chat) -> Chat:
        self.chats[chat.id] = chat
        while len(self.chats) > self.limits.chats:
            del self.chats[next(iter(self.chats))]
        return chat

    def person(self, user_id: int) -> Chat:
        """The chat of a person who is known.

        Raises:
            ControlError: 404 when nobody has that id.
        """
        chat = self.chats.get(user_id)
        if chat is None:
            raise ControlError(
                404, f"there is no user {user_id} here; say something as that user first (POST /sandbox/say)"
            )
        return chat

    def touch(self, chat: Chat) -> int:
        """Mark a chat as changed, for everyone who watches it."""
        self._revision += 1
        chat.revision = self._revision
        self.changed.send()
        return self._revision

    # ---- messages

    def post(
        self,
        chat: Chat,
        content: Json,
        *,
        from_bot: bool,
        reply_markup: Json | None = None,
        reply_to: int | None = None,
    ) -> Message:
        """Put a new message into a chat."""
        message = Message(
            message_id=self._next_message,
            chat_id=chat.id,
            from_bot=from_bot,
            sender=self.bot if from_bot else chat.user(),
            date=self.now(),
            content=content,
            reply_markup=reply_markup,
            reply_to=reply_to,
        )
        self._next_message += 1
        if from_bot:
            chat.typing_until = 0.0
            chat.latest_from_bot = message.message_id
        self._keep_message(chat, message)
        return message

    def _keep_message(self, chat: Chat, message: Message) -> None:
        # The chat moves to the end, so that the limit takes the one that was quiet longest.
        self.chats[chat.id] = self.chats.pop(chat.id, chat)
        chat.messages[message.message_id] = message
        while len(chat.messages) > self.limits.messages_per_chat:
            del chat.messages[next(iter(chat.messages))]
        message.revision = self.touch(chat)

    def edited(self, chat: Chat, message: Message) -> None:
        """Record that a message was changed in place."""
        message.revision = self.touch(chat)

    def remove(self, chat: Chat, message_id: int) -> bool:
        """Take a message out of a chat; False when it isn't there."""
        if chat.messages.pop(message_id, None) is None:
            return False
        chat.removed_at = self.touch(chat)
        return True

    def api_message(self, message: Message, *, nested: bool = False) -> Json:
        """A message in Telegram's shape."""
        chat = self.chats.get(message.chat_id)
        out: Json = {"message_id": message.message_id}
        if message.sender is not None:
            out["from"] = dict(message.sender)
        out["chat"] = dict(chat.about) if chat else {"id": message.chat_id, "type": "private"}
        out["date"] = message.date
        if message.edit_date is not None:
            out["edit_date"] = message.edit_date
        if message.reply_to is not None and chat and not nested and message.reply_to in chat.messages:
            out["reply_to_message"] = self.api_message(chat.messages[message.reply_to], nested=True)
        out.update(message.content)
        if message.keyboard:
            out["reply_markup"] = message.reply_markup
        return out

    # ---- what people do

    def say(self, user_id: int, text: str, language_code: str | None = None) -> list[Message]:
        """A person sends a message; a new person appears with it.

        Text beyond 4,096 characters becomes several messages, as Telegram's apps do.

        Raises:
            ControlError: 400 for an empty text, 409 when the person has blocked the bot.
        """
        if not text.strip():
            raise ControlError(400, "the text is empty; Telegram's apps don't send that")
        chat = self.add_user(user_id, None, language_code)
        self._refuse_if_blocked(chat)
        sent = []
        for start in range(0, len(text), 4096):
            part = text[start : start + 4096]
            content: Json = {"text": part}
            if entities := find_entities(part, []):
                content["entities"] = entities
            message = self.post(chat, content, from_bot=False)
            message.update_key = self.push({"message": self.api_message(message)})
            sent.append(message)
        return sent

    def press(
        self,
        user_id: int,
        title: str | None,
        message_id: int | None = None,
        place: tuple[int, int] | None = None,
    ) -> CallbackQuery:
        """A person taps an inline button.

        Args:
            user_id: who taps.
            title: the words on the button; or None with ``place``.
            message_id: the message it belongs to; the latest that has the button when None.
            place: row and column, counted from 0, where two buttons share a title.

        Raises:
            ControlError: 404 when there is no such user, message or button; 409 when the person has
                blocked the bot; 400 when the button opens a link.
        """
        chat = self.person(user_id)
        self._refuse_if_blocked(chat)
        message, row, column = self._find_button(chat, title, message_id, place)
        button = message.keyboard[row][column]
        if "callback_data" not in button:
            raise ControlError(400, f"the button {button.get('text')!r} opens a link; it sends nothing to the bot")
        query = CallbackQuery(secrets.token_hex(9), chat.id, message.message_id, row, column)
        self.callback_queries[query.id] = query
        while len(self.callback_queries) > self.limits.callback_queries:
            del self.callback_queries[next(iter(self.callback_queries))]
        self.push(
            {
                "callback_query": {
                    "id": query.id,
                    "from": chat.user(),
                    "message": self.api_message(message),
                    "chat_instance": str(chat.id),
                    "data": button["callback_data"],
                }
            }
        )
        self.touch(chat)
        return query

    def _find_button(
        self, chat: Chat, title: str | None, message_id: int | None, place: tuple[int, int] | None
    ) -> tuple[Message, int, int]:
        if message_id is not None and message_id not in chat.messages:
            raise ControlError(404, f"the chat of user {chat.id} has no message {message_id}")
        candidates = [chat.messages[message_id]] if message_id is not None else list(reversed(chat.messages.values()))
        for message in candidates:
            for row, buttons in enumerate(message.keyboard):
                for column, button in enumerate(buttons):
                    if (title is None or button.get("text") == title) and (place is None or place == (row, column)):
                        return message, row, column
        where = f"message {message_id}" if message_id is not None else f"no message of user {chat.id}'s chat"
        has = sorted({str(b.get("text")) for m in candidates[:1] for row in m.keyboard for b in row})
        verb = "has no" if message_id is not None else "has a"
        raise ControlError(404, f"{where} {verb} button {title!r}; the latest has: {', '.join(has) or 'no buttons'}")

    def set_blocked(self, user_id: int, blocked: bool) -> Chat:
        """A person stops the bot, or lets it write again; the bot is told as Telegram tells it."""
        chat = self.person(user_id)
        if chat.blocked == blocked:
            return chat
        chat.blocked = blocked
        member: Json = {"user": dict(self.bot), "status": "member"}
        kicked: Json = {"user": dict(self.bot), "status": "kicked", "until_date": 0}
        self.push(
            {
                "my_chat_member": {
                    "chat": dict(chat.about),
                    "from": chat.user(),
                    "date": self.now(),
                    "old_chat_member": member if blocked else kicked,
                    "new_chat_member": kicked if blocked else member,
                }
            }
        )
        self.touch(chat)
        return chat

    @staticmethod
    def _refuse_if_blocked(chat: Chat) -> None:
        if chat.blocked:
            raise ControlError(
                409, f'user {chat.id} has blocked the bot; POST /sandbox/block {{"user": {chat.id}, "blocked": false}}'
            )

    # ---- updates

    def push(self, body: Json) -> int:
        """Queue an update for the bot, unless it asked not to get its kind; returns its id."""
        key = self._next_update
        self._next_update += 1
        kind = next((k for k in body if k != "update_id"), "")
        if (kind not in self.allowed_updates) if self.allowed_updates else (kind in _NOT_BY_DEFAULT):
            return key
        self._queue(Pending(key, {"update_id": key, **body}))
        return key

    def push_raw(self, body: Json) -> int:
        """Queue an update exactly as given; only a missing ``update_id`` is added.

        With an ``update_id`` of its own it's delivered once whatever the bot has confirmed before, so a
        repeated update can be tried. A well-formed message also appears in its chat.
        """
        given = body.get("update_id")
        own = isinstance(given, int) and not isinstance(given, bool)
        key = given if isinstance(given, int) and own else self._next_update
        if "update_id" not in body:
            body = {"update_id": key, **body}
        self._next_update = max(self._next_update, key) + (0 if own and key < self._next_update else 1)
        self._queue(Pending(key, body, at_least_once=own))
        for kind in _MESSAGE_KINDS:
            if isinstance(body.get(kind), dict):
                self._show_raw(body[kind], key)
        return key

    def _queue(self, pending: Pending) -> None:
        self.updates.append(pending)
        while len(self.updates) > self.limits.updates:
            self.updates.popleft()
        self.arrived.send()

    def _show_raw(self, raw: Json, key: int) -> None:
        about, message_id = raw.get("chat"), raw.get("message_id")
        if not isinstance(about, dict) or not isinstance(about.get("id"), int) or not isinstance(message_id, int):
            return
        chat = self.chats.get(about["id"]) or self._keep_chat(Chat(about["id"], dict(about)))
        sender = raw.get("from")
        if chat.private and isinstance(sender, dict) and isinstance(sender.get("language_code"), str):
            chat.language_code = sender["language_code"]
        date = raw.get("date")
        message = Message(
            message_id=message_id,
            chat_id=chat.id,
            from_bot=False,
            sender=sender if isinstance(sender, dict) else None,
            date=date if isinstance(date, int) else self.now(),
            content={k: v for k, v in raw.items() if k not in _ENVELOPE},
            edit_date=raw["edit_date"] if isinstance(raw.get("edit_date"), int) else None,
            update_key=key,
        )
        self._next_message = max(self._next_message, message_id + 1)
        self._keep_message(chat, message)

    def confirm(self, offset: int) -> None:
        """Forget the updates below an offset; a negative one keeps only the last ``-offset``."""
        if offset < 0:
            while len(self.updates) > -offset:
                self.updates.popleft()
            return
        before = len(self.updates)
        self.updates = deque(u for u in self.updates if u.key >= offset or (u.at_least_once and not u.delivered))
        if len(self.updates) != before:
            self.changed.send()

    @property
    def bot_is_listening(self) -> bool:
        """Whether a bot fetches updates, did so in the last seconds, or takes them by webhook."""
        return bool(self.webhook.url) or self.polling > 0 or time.monotonic() - self.last_poll < 5.0

    # ---- callback answers and typing

    def answer(self, query: CallbackQuery, text: str, alert: bool) -> None:
        """Show the bot's answer to a tap."""
        query.answered = True
        chat = self.chats.get(query.chat_id)
        if chat is None:
            return
        revision = self.touch(chat)
        if text:
            chat.notice = Notice(text, alert, revision)

    def open_queries(self, chat: Chat) -> Iterator[CallbackQuery]:
        """The taps in a chat that the bot hasn't answered."""
        return (q for q in self.callback_queries.values() if q.chat_id == chat.id and not q.answered)

    def type_in(self, chat: Chat, action: str) -> None:
        """Show that the bot is busy, for five seconds or until it sends a message."""
        chat.typing_until = time.monotonic() + TYPING_SECONDS
        chat.typing_action = action
        self.touch(chat)

    def commands_for(self, chat: Chat) -> list[Json]:
        """The commands a chat's menu shows, by Telegram's order of scopes and languages."""
        scopes = [f"chat:{chat.id}", "all_private_chats" if chat.private else "all_group_chats", "default"]
        for scope in scopes:
            for language in (chat.language_code or "", ""):
                if commands := self.commands.get((scope, language)):
                    return commands
        return []

    # ---- files

    def store_file(self, kind: str, name: str, media_type: str, data: bytes) -> StoredFile:
        """Keep an uploaded file."""
        shown = picture_type(data)
        width, height = picture_size(data) or (0, 0)
        file = StoredFile(
            f"{kind}-{secrets.token_urlsafe(18)}", kind, name, shown or media_type, data, width=width, height=height
        )
        self.files[file.file_id] = file
        while len(self.files) > self.limits.files or (
            len(self.files) > 1 and sum(len(f.data) for f in self.files.values()) > self.limits.file_bytes
        ):
            del self.files[next(iter(self.files))]
        return file

    # ---- calls and faults

    def log_call(self, method: str, params: Json, *, known: bool = True) -> Call:
        """Note that a call came in; those of methods that don't exist share one log."""
        self._call_number += 1
        call = Call(self._call_number, method, time.time(), params)
        self.calls.setdefault(method if known else "", deque(maxlen=self.limits.calls_per_method)).append(call)
        return call

    def calls_of(self, method: str | None, after: int = 0) -> list[Call]:
        """The calls of a method, or of all, in the order they came; only those after a call's number."""
        newest_first = chain.from_iterable(
            takewhile(lambda call: call.number > after, reversed(log)) for log in self.calls.values()
        )
        found = [call for call in newest_first if method is None or call.method.lower() == method.lower()]
        return sorted(found, key=lambda call: call.number)

    def add_fault(self, fault: Fault) -> None:
        """Make the next calls of a method go wrong."""
        self.faults.append(fault)
        del self.faults[: -self.limits.faults]

    def take_fault(self, method: str, chat_id: Any) -> Fault | None:
        """The fault that this call meets, used up by one."""
        for fault in self.faults:
            if fault.method not in ("*", method) and fault.method.lower() != method.lower():
                continue
            if fault.chat_id is not None and str(fault.chat_id) != str(chat_id):
                continue
            fault.times -= 1
            if fault.times <= 0:
                self.faults.remove(fault)
            return fault
        return None


def bot_text_entities(text: str, entities: list[Json]) -> list[Json]:
    """The entities of a text of the bot's: those given and those Telegram finds by itself."""
    total = utf16_length(text)
    inside = [e for e in entities if e["offset"] >= 0 and e["offset"] + e["length"] <= total]
    return find_entities(text, inside)
