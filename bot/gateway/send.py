"""Sending: what the outbox holds, each person's in order, with what to do for each way Telegram can refuse.

Telegram gives no key to ask by whether it took a message. So whatever it may have taken and we had not yet written down
when the process was killed is sent a second time: as many messages as were on their way. So an answer waits for the one
before to be written down, but no longer than its share of the rate: where Telegram is quick a kill doubles one. What
can wait would be many, so it goes out one at a time: the next when the one before is written down. At the rate that
Telegram allows there are 34 ms for each. Where Telegram takes longer than that again and again, one at a time would be
slower than the rate; then, and only then, the next starts beside it: about two are on their way at 60 ms, four at 100
ms, and so many a kill can double. Nothing can keep both the rate and the one there.
"""

import asyncio
import contextlib
import statistics
import time
from collections import deque
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, Message
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, RetryAfter, TelegramError

from bot import metrics
from bot.clock import Clock
from bot.gateway.export import Exports
from bot.gateway.live_count import LiveCounts
from bot.gateway.pdf import summary_pdf
from bot.gateway.picture import Diaries, Pictures
from bot.gateway.render import messages, plain, to_html
from bot.outcome import EXPORT_JSON, EXPORT_PDF, PROGRESS, Count
from bot.store import MAIN_BOT, Store, outbox, patients

log = structlog.get_logger()

IDLE_SECONDS = 2.0
SIDE_BY_SIDE = 16
# What can wait goes out at 99 % of the 30 messages a second that Telegram allows, less what answers take.
CAN_WAIT_A_SECOND = 29.7
# The typing sign is sent for the few answers alone that take long.
_CALLS_OF_AN_ANSWER = 1
# So far what can wait may fall behind its rate, and makes up for it. What is more than that would be a burst.
_MAY_LAG = 0.25
# It owes the answers so much at most, and where they take the whole rate, one still goes out this often.
_MOST_OWED = 1.0
_AT_LEAST_EVERY = 0.5
# So many of the last ones tell whether Telegram is slow; one that takes this long is not waited for.
_LATELY = 31
_PATIENCE = 2.0
# So long at most what can wait is held up when Telegram says that it was too much; one alone may have to wait longer.
_LONGEST_HOLD = 30.0
# Nearly two hours of trying: 1, 2, 4 ... 256 s, then every 5 minutes. Telegram may be down for one.
MAX_ATTEMPTS = 30
# After half a minute of trying to send a picture its text goes without it.
PICTURE_ATTEMPTS = 5
_LONGEST_PAUSE = timedelta(minutes=5)
_CLAIM_HOLDS = outbox.LEASE.total_seconds() / 2


class Sender:
    """Sends what the outbox holds. `nudge` says that something new is there."""

    def __init__(
        self,
        store: Store,
        bot: Bot,
        clock: Clock,
        name: str,
        pictures: Pictures,
        diaries: Diaries,
        counts: LiveCounts,
        exports: Exports | None = None,
        own: str = MAIN_BOT,
        senders: int = 1,
    ) -> None:
        self._store, self._bot, self._clock, self._name = store, bot, clock, name
        self._pictures, self._diaries, self._counts, self._exports = pictures, diaries, counts, exports
        self._own = own
        self._answers, self._can_wait = _Lane(), _Lane(can_wait=True, senders=senders)
        self._in_hand: set[int] = set()
        self._unrecorded: dict[int, int | None] = {}
        """What Telegram took and the database did not: by row, under which id. It must not be sent again."""

    def nudge(self) -> None:
        """Look at the outbox now."""
        self.nudge_answers()
        self._can_wait.new.set()

    def nudge_answers(self) -> None:
        """Look now for what answers somebody."""
        self._answers.new.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until told to stop, and then what is due and can be sent at once."""
        try:
            await self._run(stop)
        finally:
            await self._counts.close()

    async def _run(self, stop: asyncio.Event) -> None:
        await asyncio.gather(self._go_on(stop, self._answers), self._go_on(stop, self._can_wait))

    async def _go_on(self, stop: asyncio.Event, lane: "_Lane") -> None:
        """Send what one lane holds. What can wait is left for the next start once it is time to stop."""
        nudged = True
        while True:
            lane.new.clear()
            free = SIDE_BY_SIDE - len(lane.working)
            wanted = free if not (lane.can_wait and stop.is_set()) else 0
            asked_at = time.monotonic()
            try:
                claimed = await self._claim(wanted, lane) if wanted and (nudged or await self._is_any()) else []
            except SQLAlchemyError as error:  # a locked or unreachable database: nothing was claimed
                log.error("send.no_claim", fault=type(error).__name__)
                claimed = []
            for row in claimed:
                if row.id in self._in_hand:  # its lease ran out in our hands: the clock was set forward
                    continue
                if lane.can_wait and not self._is_too_late(row):
                    await lane.turn(stop)
                    if stop.is_set() or time.monotonic() - asked_at > _CLAIM_HOLDS:
                        break  # the rest is claimed anew: by now another gateway may have it
                elif not lane.can_wait:
                    await lane.room()
                    self._can_wait.give_way(_CALLS_OF_AN_ANSWER)
                self._in_hand.add(row.id)
                task = asyncio.create_task(self._send(row, lane))
                lane.working[task] = time.monotonic()
                task.add_done_callback(partial(self._let_go, row.id))
                task.add_done_callback(partial(lane.finished, stop))
            if claimed and len(claimed) == wanted:
                continue  # there may be more; less than was asked for is all there is
            if stop.is_set() and not lane.working:
                return
            try:
                nudged = await asyncio.wait_for(lane.new.wait(), IDLE_SECONDS)
            except TimeoutError:
                nudged = False
            lane.rested()

    def _let_go(self, row_id: int, _task: asyncio.Task[bool]) -> None:
        self._in_hand.discard(row_id)

    async def _is_any(self) -> bool:
        """Whether anything waits: a look that writes nothing, for most find nothing."""
        async with self._store.reading() as session:
            return await outbox.is_any(session, self._own)

    async def _claim(self, limit: int, lane: "_Lane") -> list[outbox.Outgoing]:
        async with self._store.writing() as session:
            return await outbox.claim(session, self._name, self._clock(), limit, can_wait=lane.can_wait, bot=self._own)

    def _is_too_late(self, row: outbox.Outgoing) -> bool:
        return row.not_after is not None and row.not_after < self._clock()

    async def _send(self, row: outbox.Outgoing, lane: "_Lane") -> bool:
        """Send one row, or say what became of it. False when nothing of its person's waits behind it."""
        if row.message is not None:
            structlog.contextvars.bind_contextvars(message=row.message)
        if row.id in self._unrecorded:
            return await self._record(row, lane, self._unrecorded[row.id])
        if self._is_too_late(row):
            _count(row, "late")
            async with self._store.writing() as session:
                await outbox.failed(session, row.id, outbox.TOO_LATE, self._clock())
            return True
        async with self._store.reading() as session:
            chat_id = await patients.chat_of(session, row.patient_id)
        if chat_id is None:
            await self._give_up(row, "no chat")
            return True
        self._counts.stop(row.patient_id)
        try:
            message = await self._do(row, chat_id)
        except RetryAfter as error:
            wait = (
                error.retry_after if isinstance(error.retry_after, timedelta) else timedelta(seconds=error.retry_after)
            )
            self._can_wait.hold(wait.total_seconds())
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
            _count(row, "sent")
            if row.message is not None:  # a reminder's wait is its rate's
                metrics.took("outbox", self._clock() - row.due_at)
            log.info("message.sent", outbox=row.id)
            has_more = await self._record(row, lane, message_id)
            if message is not None and row.body.get("count") is not None:
                self._counts.start(row, message, Count.model_validate(row.body["count"]))
            return has_more
        return True

    async def _record(self, row: outbox.Outgoing, lane: "_Lane", message_id: int | None) -> bool:
        """Write down that a row was sent, tried again for as long as nobody else can claim it: it would come twice.

        After that it is kept in mind, and written down when this gateway claims it again.

        Returns:
            False when nothing of its person's waits behind it.
        """
        self._unrecorded[row.id] = message_id
        for _ in range(int(_CLAIM_HOLDS)):
            try:
                async with self._store.writing() as session:
                    now = self._clock()
                    await outbox.sent(session, row.id, message_id, now)
                    has_more = await outbox.has_more(session, row.patient_id, now, can_wait=lane.can_wait)
            except SQLAlchemyError as error:
                log.error("send.not_recorded", outbox=row.id, fault=type(error).__name__)
                await asyncio.sleep(IDLE_SECONDS)
            else:
                del self._unrecorded[row.id]
                return has_more
        return True

    async def _do(self, row: outbox.Outgoing, chat_id: int) -> Message | None:
        """Do what a row says; the message it was sent as, if it was sent as one."""
        match row.act:
            case "send_file" if row.body["name"] == PROGRESS:
                return await self._send_page(row, chat_id)
            case "send_file" if row.body["name"] in (EXPORT_PDF, EXPORT_JSON) and self._exports is not None:
                return await self._send_export(self._exports, row, chat_id)
            case "send_file":
                content = summary_pdf(str(row.body["text"]), datetime.fromisoformat(row.body["made"]))
                return await self._bot.send_document(chat_id, content, filename=str(row.body["name"]))
            case "edit_buttons":
                message_id = int(row.body["message_id"])
                await self._bot.edit_message_reply_markup(chat_id, message_id, reply_markup=_keyboard(row))
                return None
            case "send_photo" if str(row.body["image"]).partition("/")[0] == PROGRESS:
                return await self._send_progress(row, chat_id)
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

    async def _send_progress(self, row: outbox.Outgoing, chat_id: int) -> Message:
        """Send the person's progress: the picture with all figures in words, or those alone when it can't be sent."""
        image, html = str(row.body["image"]), str(row.body["html"])
        told = await self._diaries.picture(row.patient_id, image, html, self._clock())
        if told is None:
            return await self._send_nothing_yet(chat_id)
        keyboard = _keyboard(row)
        if told.png is not None and row.attempts <= PICTURE_ATTEMPTS:
            try:
                return await self._bot.send_photo(
                    chat_id, told.png, caption=told.caption, reply_markup=keyboard, filename="picture.png"
                )
            except BadRequest as error:
                if _is_gone(error):
                    raise
                log.error("picture.refused", outbox=row.id, image=image)
        return await self._bot.send_message(chat_id, told.caption, reply_markup=keyboard)

    async def _send_page(self, row: outbox.Outgoing, chat_id: int) -> Message:
        """Send the page of the person's progress, with its text beside it."""
        page = await self._diaries.page(row.patient_id, datetime.fromisoformat(row.body["made"]))
        if page is None:
            return await self._send_nothing_yet(chat_id)
        text = to_html(str(row.body["text"]))
        return await self._bot.send_document(chat_id, page, caption=text, filename=self._diaries.file_name())

    async def _send_export(self, exports: Exports, row: outbox.Outgoing, chat_id: int) -> Message:
        """Send a file with all that is kept of the person, collected only now, with its text beside it."""
        made = datetime.fromisoformat(row.body["made"])
        found = await exports.file(row.patient_id, str(row.body["name"]), made)
        if found is None:
            return await self._bot.send_message(chat_id, exports.nothing())
        name, content = found
        return await self._bot.send_document(chat_id, content, caption=to_html(str(row.body["text"])), filename=name)

    async def _send_nothing_yet(self, chat_id: int) -> Message:
        """Say that there is nothing to show: the diary is read only now, and all of it may have gone by then."""
        ((_, body),) = messages(self._diaries.nothing())
        return await self._bot.send_message(chat_id, str(body["html"]), reply_markup=_markup(body["buttons"]))

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
        _count(row, "failed")
        async with self._store.writing() as session:
            await patients.set_blocked(session, row.patient_id, now)
            await outbox.give_up_on(session, row.patient_id, fault, now)
        log.info("patient.unreachable", patient=row.patient_id)

    async def _retry(self, row: outbox.Outgoing, wait: timedelta, fault: str) -> None:
        if row.attempts >= MAX_ATTEMPTS:
            await self._give_up(row, fault)
            return
        metrics.sent("retried")
        async with self._store.writing() as session:
            await outbox.retry(session, row.id, self._clock() + wait, fault)

    async def _give_up(self, row: outbox.Outgoing, fault: str) -> None:
        _count(row, "failed")
        log.error("send.given_up", outbox=row.id, patient=row.patient_id, fault=fault)
        async with self._store.writing() as session:
            await outbox.failed(session, row.id, fault, self._clock())


def _count(row: outbox.Outgoing, result: str) -> None:
    """Count what became of a row for good; what was handed over as a reminder and did not arrive is told of as one."""
    metrics.sent(result)
    if row.key.startswith("reminder:") and result != "sent":
        metrics.reminders(result)


class _Lane:
    """Answers, which are sent side by side; or what can wait, one at a time and at a rate."""

    def __init__(self, *, can_wait: bool = False, senders: int = 1) -> None:
        self.can_wait, self._senders = can_wait, senders
        self.new = asyncio.Event()
        self.working: dict[asyncio.Task[bool], float] = {}
        """What is on its way, and since when."""
        self._took: deque[float] = deque(maxlen=_LATELY)
        self._next = 0.0
        self._went = self._held_until = 0.0

    @property
    def _a_second(self) -> float:
        return CAN_WAIT_A_SECOND / self._senders

    def finished(self, stop: asyncio.Event, task: asyncio.Task[bool]) -> None:
        """Note that one is through, and look for the next where there may be one."""
        was_full = len(self.working) >= SIDE_BY_SIDE
        self._took.append(time.monotonic() - self.working.pop(task))
        fault = None if task.cancelled() else task.exception()
        if fault is not None:
            # What became of it could not be written down: its claim runs out, and it is tried again.
            log.error("send.not_recorded", fault=type(fault).__name__)
        if was_full or stop.is_set() or task.cancelled() or fault is not None or task.result():
            self.new.set()

    async def room(self) -> None:
        """Wait until no answer is on its way, but no longer than the rate leaves for each."""
        if self.working:
            await asyncio.wait(self.working, timeout=1 / CAN_WAIT_A_SECOND)

    async def turn(self, stop: asyncio.Event) -> None:
        """Wait until the next one may go out, or until told to stop.

        It may once its time has come and the one before is through. A stall of our own, or one slow answer, is made up
        for later; only where most take longer than the rate leaves them does it start beside the one before.
        """
        while not stop.is_set():
            now = time.monotonic()
            early = max(min(self._next, self._went + _AT_LEAST_EVERY), self._held_until) - now
            before = {task: since for task, since in self.working.items() if now - since < _PATIENCE}
            if early > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), early)
                continue
            patience = _MAY_LAG + early if self._is_slow() else _PATIENCE - (now - min(before.values(), default=0.0))
            if not before or patience <= 0:
                break
            await asyncio.wait(before, timeout=patience)
        self._went = time.monotonic()
        self.give_way(1)

    def _is_slow(self) -> bool:
        return len(self._took) == _LATELY and statistics.median(self._took) > 1 / self._a_second

    def give_way(self, calls: int) -> None:
        """Note that so many calls are made: the next one goes out that much later."""
        # One slot more than it may lag: a timer that comes late by a little must not cost that little each time.
        now = time.monotonic()
        forgotten = now - _MAY_LAG - 1 / self._a_second
        self._next = min(max(self._next, forgotten) + calls / self._a_second, now + _MOST_OWED)

    def rested(self) -> None:
        """Note that there was nothing to send: that is no time to make up for."""
        self._next = max(self._next, time.monotonic())

    def hold(self, seconds: float) -> None:
        """Send nothing for so long, because Telegram said that it was too much."""
        self._held_until = max(self._held_until, time.monotonic() + min(seconds, _LONGEST_HOLD))


def _keyboard(row: outbox.Outgoing) -> InlineKeyboardMarkup | None:
    return _markup(row.body["buttons"])


def _markup(buttons: Any) -> InlineKeyboardMarkup | None:
    rows = [[InlineKeyboardButton(title, callback_data=data) for title, data in line] for line in buttons]
    return InlineKeyboardMarkup(rows) if rows else None


def _is_gone(error: BadRequest) -> bool:
    return "chat not found" in str(error).lower()
