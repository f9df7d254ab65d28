"""Sending: what the outbox holds, each person's in order, with what to do for each way Telegram can refuse."""

import asyncio
import re
from datetime import datetime, timedelta

import structlog
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, RetryAfter, TelegramError

from bot.clock import Clock
from bot.gateway.pdf import summary_pdf
from bot.store import Store, outbox, patients

log = structlog.get_logger()

IDLE_SECONDS = 1.0
SIDE_BY_SIDE = 16
# About an hour of trying: 1, 2, 4 ... 256 s, then every 5 minutes.
MAX_ATTEMPTS = 18
_LONGEST_PAUSE = timedelta(minutes=5)
_TAG = re.compile(r"</?b>")


class Sender:
    """Sends what the outbox holds. `nudge` says that something new is there."""

    def __init__(self, store: Store, bot: Bot, clock: Clock, name: str) -> None:
        self._store, self._bot, self._clock, self._name = store, bot, clock, name
        self._new = asyncio.Event()
        self._working: set[asyncio.Task[None]] = set()

    def nudge(self) -> None:
        """Look at the outbox now."""
        self._new.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until told to stop, and then what is due and can be sent at once."""
        async with self._store.writing() as session:
            await outbox.free_claims(session, self._name)
        while True:
            self._new.clear()
            free = SIDE_BY_SIDE - len(self._working)
            claimed = await self._claim(free) if free else []
            for row in claimed:
                task = asyncio.create_task(self._send(row))
                self._working.add(task)
                task.add_done_callback(self._finished)
            if claimed:
                continue
            if stop.is_set() and not self._working:
                return
            try:
                await asyncio.wait_for(self._new.wait(), IDLE_SECONDS)
            except TimeoutError:
                continue

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        self._new.set()

    async def _claim(self, limit: int) -> list[outbox.Outgoing]:
        async with self._store.writing() as session:
            return await outbox.claim(session, self._name, self._clock(), limit)

    async def _send(self, row: outbox.Outgoing) -> None:
        async with self._store.reading() as session:
            chat_id = await patients.chat_of(session, row.patient_id)
        if chat_id is None:
            await self._give_up(row, "no chat")
            return
        try:
            message_id = await self._do(row, chat_id)
        except RetryAfter as error:
            wait = (
                error.retry_after if isinstance(error.retry_after, timedelta) else timedelta(seconds=error.retry_after)
            )
            await self._retry(row, wait, "RetryAfter")
        except (Forbidden, ChatMigrated) as error:
            await self._unreachable(row, type(error).__name__)
        except BadRequest as error:  # before the errors of the network, which it is a kind of
            await self._refused(row, error)
        except InvalidToken:
            await self._retry(row, timedelta(seconds=30), "InvalidToken")
        except TelegramError as error:
            # A time-out may hide a message that did arrive. Telegram has no key to ask by; twice beats never.
            await self._retry(
                row, min(timedelta(seconds=2 ** (row.attempts - 1)), _LONGEST_PAUSE), type(error).__name__
            )
        except Exception as error:  # a row that can't be sent must not stop the others
            log.error("send.failed", outbox=row.id, fault=type(error).__name__)
            await self._retry(row, _LONGEST_PAUSE, type(error).__name__)
        else:
            async with self._store.writing() as session:
                await outbox.sent(session, row.id, message_id, self._clock())

    async def _do(self, row: outbox.Outgoing, chat_id: int) -> int | None:
        if row.act == "send_file":
            content = summary_pdf(str(row.body["text"]), datetime.fromisoformat(row.body["made"]))
            message = await self._bot.send_document(chat_id, content, filename=str(row.body["name"]))
            return int(message.message_id)
        rows = [
            [InlineKeyboardButton(title, callback_data=data) for title, data in line] for line in row.body["buttons"]
        ]
        keyboard = InlineKeyboardMarkup(rows) if rows else None
        if row.act == "edit_buttons":
            await self._bot.edit_message_reply_markup(chat_id, row.body["message_id"], reply_markup=keyboard)
            return None
        text = str(row.body["html"])
        try:
            message = await self._bot.send_message(chat_id, text, reply_markup=keyboard)
        except BadRequest as error:
            if "parse entities" not in str(error):
                raise
            log.error("send.markup_refused", outbox=row.id)
            message = await self._bot.send_message(chat_id, _TAG.sub("", text), reply_markup=keyboard, parse_mode=None)
        return int(message.message_id)

    async def _refused(self, row: outbox.Outgoing, error: BadRequest) -> None:
        if "not modified" in str(error):  # the buttons were gone already
            async with self._store.writing() as session:
                await outbox.sent(session, row.id, None, self._clock())
        elif "chat not found" in str(error).lower():
            await self._unreachable(row, "chat not found")
        else:
            await self._give_up(row, "BadRequest")

    async def _unreachable(self, row: outbox.Outgoing, fault: str) -> None:
        now = self._clock()
        async with self._store.writing() as session:
            await patients.set_blocked(session, row.patient_id, now)
            await outbox.give_up_on(session, row.patient_id, fault, now)
        log.info("patient.unreachable", patient=row.patient_id)

    async def _retry(self, row: outbox.Outgoing, wait: timedelta, fault: str) -> None:
        if row.attempts >= MAX_ATTEMPTS:
            await self._give_up(row, fault)
            return
        async with self._store.writing() as session:
            await outbox.retry(session, row.id, self._clock() + wait, fault)

    async def _give_up(self, row: outbox.Outgoing, fault: str) -> None:
        log.error("send.given_up", outbox=row.id, patient=row.patient_id, fault=fault)
        async with self._store.writing() as session:
            await outbox.failed(session, row.id, fault, self._clock())
