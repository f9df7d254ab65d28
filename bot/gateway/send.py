"""Sending: what the outbox holds, each person's in order, with what to do for each way Telegram can refuse."""

import asyncio
from datetime import datetime, timedelta

import structlog
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, Message
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, RetryAfter, TelegramError

from bot.clock import Clock
from bot.gateway.live_count import LiveCounts
from bot.gateway.pdf import summary_pdf
from bot.gateway.picture import Pictures
from bot.gateway.render import plain
from bot.outcome import Count
from bot.store import Store, outbox, patients

log = structlog.get_logger()

IDLE_SECONDS = 1.0
SIDE_BY_SIDE = 16
# About an hour of trying: 1, 2, 4 ... 256 s, then every 5 minutes.
MAX_ATTEMPTS = 18
# After half a minute of trying to send a picture its text goes without it.
PICTURE_ATTEMPTS = 5
_LONGEST_PAUSE = timedelta(minutes=5)


class Sender:
    """Sends what the outbox holds. `nudge` says that something new is there."""

    def __init__(self, store: Store, bot: Bot, clock: Clock, name: str, pictures: Pictures, counts: LiveCounts) -> None:
        self._store, self._bot, self._clock, self._name = store, bot, clock, name
        self._pictures, self._counts = pictures, counts
        self._new = asyncio.Event()
        self._working: set[asyncio.Task[None]] = set()

    def nudge(self) -> None:
        """Look at the outbox now."""
        self._new.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until told to stop, and then what is due and can be sent at once."""
        try:
            await self._run(stop)
        finally:
            await self._counts.close()

    async def _run(self, stop: asyncio.Event) -> None:
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
        self._counts.stop(row.patient_id)
        try:
            message = await self._do(row, chat_id)
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
            message_id = message.message_id if message is not None else None
            async with self._store.writing() as session:
                await outbox.sent(session, row.id, message_id, self._clock())
            if message is not None and row.body.get("count") is not None:
                self._counts.start(row, message, Count.model_validate(row.body["count"]))

    async def _do(self, row: outbox.Outgoing, chat_id: int) -> Message | None:
        """Do what a row says; the message it was sent as, if it was sent as one."""
        match row.act:
            case "send_file":
                content = summary_pdf(str(row.body["text"]), datetime.fromisoformat(row.body["made"]))
                return await self._bot.send_document(chat_id, content, filename=str(row.body["name"]))
            case "edit_buttons":
                message_id = int(row.body["message_id"])
                await self._bot.edit_message_reply_markup(chat_id, message_id, reply_markup=_keyboard(row))
                return None
            case "send_photo":
                return await self._send_photo(row, chat_id)
            case _:
                return await self._send_text(row, chat_id)

    async def _send_photo(self, row: outbox.Outgoing, chat_id: int) -> Message | None:
        """Send a picture with its text. Whatever is wrong with the picture, the text goes out."""
        image = str(row.body["image"])
        caption = self._pictures.caption(image, str(row.body["html"]))
        while row.attempts <= PICTURE_ATTEMPTS and (picture := await self._pictures.get(image)) is not None:
            try:
                message = await self._bot.send_photo(
                    chat_id, picture, caption=caption, reply_markup=_keyboard(row), filename="picture.png"
                )
            except BadRequest as error:
                if _is_gone(error):
                    raise
                if self._pictures.forget(image):
                    continue  # it may be the id that Telegram does not know any more
                log.error("picture.refused", outbox=row.id, image=image)
                break
            self._pictures.is_known_as(message.photo[-1].file_id, image)
            return message
        return await self._send_text(row, chat_id) if row.body["html"] else None

    async def _send_text(self, row: outbox.Outgoing, chat_id: int) -> Message:
        text, keyboard = str(row.body["html"]), _keyboard(row)
        try:
            return await self._bot.send_message(chat_id, text, reply_markup=keyboard)
        except BadRequest as error:
            if "parse entities" not in str(error):
                raise
            log.error("send.markup_refused", outbox=row.id)
            return await self._bot.send_message(chat_id, plain(text), reply_markup=keyboard, parse_mode=None)

    async def _refused(self, row: outbox.Outgoing, error: BadRequest) -> None:
        if "not modified" in str(error):  # the buttons were gone already
            async with self._store.writing() as session:
                await outbox.sent(session, row.id, None, self._clock())
        elif _is_gone(error):
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


def _keyboard(row: outbox.Outgoing) -> InlineKeyboardMarkup | None:
    rows = [[InlineKeyboardButton(title, callback_data=data) for title, data in line] for line in row.body["buttons"]]
    return InlineKeyboardMarkup(rows) if rows else None


def _is_gone(error: BadRequest) -> bool:
    return "chat not found" in str(error).lower()
