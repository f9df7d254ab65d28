"""Live counts: a message of holds and rests edits itself until it is done with. Nothing of it is stored."""

import asyncio
from collections import deque
from typing import Any

import structlog
from telegram import Bot, Message
from telegram.error import RetryAfter, TelegramError

from bot.clock import Clock
from bot.gateway.counting import PACE_S, Frame, frames
from bot.gateway.render import to_html
from bot.outcome import Count
from bot.store import Store, outbox
from bot.words import Words

log = structlog.get_logger()

# Telegram takes about 30 calls a second from one bot. What answers people goes before what counts for them.
EDITS_A_SECOND = 10
# An edit that comes later than this is of no use, and must hold no connection that an answer needs.
_TIMEOUTS: dict[str, Any] = {"read_timeout": 2.0, "write_timeout": 2.0, "connect_timeout": 2.0, "pool_timeout": 1.0}


class LiveCounts:
    """The counts that run now, one for each person at most."""

    def __init__(self, bot: Bot, store: Store, clock: Clock, words: Words) -> None:
        self._bot, self._store, self._clock, self._words = bot, store, clock, words
        self._running: dict[str, asyncio.Task[None]] = {}
        self._edited: deque[float] = deque(maxlen=EDITS_A_SECOND)

    def start(self, row: outbox.Outgoing, message: Message, count: Count) -> None:
        """Let a count run under the message that a row was sent as. It ends by itself."""
        self.stop(row.patient_id)
        task = asyncio.create_task(self._run(row, message, frames(count, self._words)))
        self._running[row.patient_id] = task
        task.add_done_callback(lambda ended: self._ended(row.patient_id, ended))

    def stop(self, patient_id: str) -> None:
        """End a person's count, if one runs. Its message keeps what it shows."""
        task = self._running.pop(patient_id, None)
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """End all counts at once."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _ended(self, patient_id: str, task: asyncio.Task[None]) -> None:
        if self._running.get(patient_id) is task:
            del self._running[patient_id]
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("count.failed", patient=patient_id, fault=type(fault).__name__)

    async def _run(self, row: outbox.Outgoing, message: Message, shown: tuple[Frame, ...]) -> None:
        time = asyncio.get_running_loop().time
        begun = last = time()
        for frame, following in zip(shown, (*shown[1:], None), strict=True):
            await asyncio.sleep(max(begun + frame.after_s, last + PACE_S) - time())
            # The last frame must come; another one may be left out when it is late, or many people count at once.
            if following is not None and (time() >= begun + following.after_s or not self._has_room(time())):
                continue
            if await self._is_over(row):
                return
            last = time()
            try:
                await self._edit(message, frame)
            except RetryAfter as error:
                wait = error.retry_after
                await asyncio.sleep(wait if isinstance(wait, int) else wait.total_seconds())
            except TelegramError as error:  # not modified, the network, a message that is gone: the next one may do
                log.debug("count.not_shown", fault=type(error).__name__)

    async def _is_over(self, row: outbox.Outgoing) -> bool:
        """Whether something has been written down for the person since, here or by another gateway."""
        async with self._store.reading() as session:
            return await outbox.has_later(session, row.patient_id, row.id, self._clock())

    async def _edit(self, message: Message, frame: Frame) -> None:
        line = to_html(frame.text)
        chat, number, keyboard = message.chat_id, message.message_id, message.reply_markup
        if message.photo:
            caption = f"{message.caption_html}\n\n{line}" if message.caption else line
            await self._bot.edit_message_caption(
                chat_id=chat, message_id=number, caption=caption, reply_markup=keyboard, **_TIMEOUTS
            )
        else:
            text = f"{message.text_html}\n\n{line}"
            await self._bot.edit_message_text(text, chat_id=chat, message_id=number, reply_markup=keyboard, **_TIMEOUTS)

    def _has_room(self, now: float) -> bool:
        """Whether one more edit keeps to the pace of all counts together; one that does is counted."""
        if len(self._edited) == EDITS_A_SECOND and now - self._edited[0] < 1:
            return False
        self._edited.append(now)
        return True
