"""The way of a message through the gateway and the store, step by step, without Telegram and without the engine.

The steps are the gateway's own: the update is written to the inbox, claimed, answered (by plain search, because no
engine is there), and what answers it is claimed and sent to a Telegram that takes everything at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import Engine as Database
from sqlalchemy import event
from telegram import Bot

from bot.clock import system_clock
from bot.dialogue import Dialogue
from bot.dialogue.engine import Engine
from bot.gateway.answer import Answerer
from bot.gateway.receive import chat_of
from bot.gateway.send import Sender
from bot.knowledge import Shelf
from bot.settings import CONTENT
from bot.store import Store, inbox, outbox

type Json = dict[str, Any]

_updates = count(1)


@dataclass
class Statements:
    """The SQL statements of a block: each one's text with its parameters, and all their time in milliseconds."""

    made: list[tuple[str, Any]] = field(default_factory=list)
    ms: float = 0.0

    @property
    def texts(self) -> list[str]:
        """The statements that read or write rows; not what begins a transaction or ends it."""
        return [text for text, _ in self.queries]

    @property
    def queries(self) -> list[tuple[str, Any]]:
        """The same with their parameters."""
        return [
            each for each in self.made if each[0].split(None, 1)[0] in ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
        ]


@contextmanager
def counted() -> Iterator[Statements]:
    """Count every statement that any database of this process is asked meanwhile."""
    found = Statements()
    begun: list[float] = []

    def before(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        found.made.append((statement, parameters[0] if many else parameters))
        begun.append(time.perf_counter())

    def after(*_: Any) -> None:
        found.ms += (time.perf_counter() - begun.pop()) * 1000

    event.listen(Database, "before_cursor_execute", before)
    event.listen(Database, "after_cursor_execute", after)
    try:
        yield found
    finally:
        event.remove(Database, "before_cursor_execute", before)
        event.remove(Database, "after_cursor_execute", after)


class _Telegram:
    """Takes everything that is sent."""

    def __init__(self) -> None:
        self._ids = count(1)
        self.said: list[tuple[int, str]] = []

    async def send_message(self, chat_id: int, text: str, **_: object) -> SimpleNamespace:
        self.said.append((chat_id, text))
        return SimpleNamespace(message_id=next(self._ids))

    async def send_chat_action(self, *_: object, **__: object) -> bool:
        return True

    async def answer_callback_query(self, *_: object, **__: object) -> bool:
        return True

    async def edit_message_reply_markup(self, *_: object, **__: object) -> bool:
        return True


class _NoCounts:
    """No live count is under a message."""

    def stop(self, _patient_id: str) -> None:
        """Nothing to stop."""

    async def close(self) -> None:
        """Nothing to close."""


def without_engine() -> Dialogue:
    """Return a dialogue whose engine is away: nothing listens there, so every question gets the plain answer."""
    shelf = Shelf(CONTENT, reload=False, must_be_reviewed=False, clock=time.monotonic)
    return Dialogue.load(CONTENT, shelf, Engine(["http://127.0.0.1:9"], "invented", 1.0), system_clock)


class Way:
    """The gateway's parts on a store, to be walked one step at a time."""

    def __init__(self, store: Store, dialogue: Dialogue | None = None) -> None:
        self.store = store
        self.telegram = _Telegram()
        bot = cast("Bot", self.telegram)
        self.dialogue = dialogue or without_engine()
        self._answerer = Answerer(store, self.dialogue, bot, system_clock, "gateway-1", 8, lambda: None)
        nothing: Any = None
        counts: Any = _NoCounts()
        self._sender = Sender(store, bot, system_clock, "gateway-1", nothing, nothing, counts)

    async def message(self, chat: int, text: str) -> str:
        """Lead one typed message all the way; return the last thing that was said to the person."""
        who = {"id": chat, "is_bot": False, "first_name": "Invented", "language_code": "en"}
        said = {"message_id": next(_updates), "date": _now(), "text": text, "from": who, "chat": _chat(chat)}
        if text.startswith("/"):
            said["entities"] = [{"type": "bot_command", "offset": 0, "length": len(text)}]
        return await self._walk({"update_id": next(_updates), "message": said}, chat)

    async def tap(self, chat: int, payload: str) -> str:
        """Lead one tap on a button all the way; return the last thing that was said to the person."""
        who = {"id": chat, "is_bot": False, "first_name": "Invented", "language_code": "en"}
        under = {"message_id": next(_updates), "date": _now(), "text": "what was asked", "chat": _chat(chat)}
        tapped = {"id": str(next(_updates)), "from": who, "chat_instance": "1", "data": payload, "message": under}
        return await self._walk({"update_id": next(_updates), "callback_query": tapped}, chat)

    async def _walk(self, update: Json, chat: int) -> str:
        async with self.store.writing() as session:
            await inbox.write(session, [(update["update_id"], chat_of(update), update)], system_clock())
        for row in await self._answerer._claim(1):
            await self._answerer._answer(row)
        has_more = True
        while has_more:
            async with self.store.writing() as session:
                claimed = await outbox.claim(session, "gateway-1", system_clock(), 16)
            sent = [await self._sender._send(outgoing, self._sender._answers) for outgoing in claimed]
            has_more = any(sent)
        return next((text for to, text in reversed(self.telegram.said) if to == chat), "")


def _chat(chat: int) -> Json:
    return {"id": chat, "type": "private", "first_name": "Invented"}


def _now() -> int:
    return int(datetime.now(UTC).timestamp())
