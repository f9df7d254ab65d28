"""The dispatcher of reminders: what is due becomes rows of the outbox, whether or not the engine is up."""

import asyncio
import contextlib
from collections.abc import Callable

import structlog

from bot.clock import Clock
from bot.dialogue.due import Push, due_now
from bot.gateway.render import messages
from bot.store import Store, outbox, reminders
from bot.words import Words

log = structlog.get_logger()

IDLE_SECONDS = 2.0
# 50 a second: more than can go out, and little enough at a time that whoever asks something meanwhile is answered.
BATCH = 25
MORE_SECONDS = 0.5
# What is too late, or left out, only has to be moved on.
_NOTHING_TO_SAY_SECONDS = 0.05
_AFTER_A_FAULT = 5.0


class Reminding:
    """Looks for what is due, and writes it to the outbox. `on_written` wakes the sender."""

    def __init__(self, store: Store, words: Words, clock: Clock, on_written: Callable[[], None]) -> None:
        self._store, self._words, self._clock = store, words, clock
        self._on_written = on_written
        self._has_written = False

    async def run(self, stop: asyncio.Event) -> None:
        """Look every two seconds until told to stop; sooner as long as there is more."""
        while not stop.is_set():
            try:
                more = await self.once() == BATCH
                pause = (MORE_SECONDS if self._has_written else _NOTHING_TO_SAY_SECONDS) if more else IDLE_SECONDS
            except Exception as error:  # a locked database above all: nothing was done, and it is tried again
                log.error("reminders.failed", fault=type(error).__name__)
                pause = _AFTER_A_FAULT
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)

    async def once(self) -> int:
        """Handle one batch, in one transaction; return how many were due."""
        now = self._clock()
        async with self._store.reading() as session:  # most looks find nothing, and need nobody to wait for a lock
            if not await reminders.is_due(session, now):
                return 0
        async with self._store.writing() as session:
            pushes, claimed = await due_now(session, self._words, now, limit=BATCH)
            await outbox.add_unasked(session, [row for push in pushes for row in _rows(push)], now)
        self._has_written = bool(pushes)
        if pushes:
            self._on_written()
        return claimed


def _rows(push: Push) -> list[outbox.Unasked]:
    said = [message for reply in push.outcome.replies for message in messages(reply)]
    return [
        outbox.Unasked(f"{push.key}:{number}" if number else push.key, push.patient.id, act, body, push.not_after)
        for number, (act, body) in enumerate(said)
    ]
