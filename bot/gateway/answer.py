"""Answering: claims updates from the inbox, each person's in order and different people side by side."""

import asyncio
import dataclasses
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession
from telegram import Bot, Update
from telegram.constants import ChatAction
from telegram.error import TelegramError

from bot import metrics
from bot.clock import Clock
from bot.dialogue import Dialogue, Said, Turn, record
from bot.dialogue.reply import stand_in
from bot.gateway.incoming import Incoming, What, understand
from bot.gateway.render import messages
from bot.outcome import Kind, Outcome, Reply
from bot.patient import Patient, Step
from bot.store import MAIN_BOT, Store, erasures, inbox, outbox, patients

log = structlog.get_logger()

# Without a nudge the inbox is looked at this often: for rows another process wrote, or whose claim ran out.
IDLE_SECONDS = 2.0
# An answer that is there sooner needs no sign that it is being written; each sign is a call of those that are allowed.
_TYPING_AFTER_SECONDS = 0.5
_URGENT, _USUAL = 0, 5
# Locked, full, read-only or away: not the message's fault. Such a one is tried so many times as often before it is
# parked, which takes most of an hour in which the database takes a claim and not the answer.
_DATABASE_IS_AWAY = (OperationalError, InterfaceError, PoolTimeout)
_TIMES_AS_OFTEN = 20
_LONGEST_PAUSE = timedelta(seconds=32)


class Answerer:
    """Answers what the inbox holds. `nudge` says that something new is there."""

    def __init__(
        self,
        store: Store,
        dialogue: Dialogue,
        bot: Bot,
        clock: Clock,
        name: str,
        concurrency: int,
        on_written: Callable[[], None],
        on_erased: Callable[[], None] = lambda: None,
        own: str = MAIN_BOT,
    ) -> None:
        self._store, self._dialogue, self._bot, self._clock = store, dialogue, bot, clock
        self._name, self._concurrency, self._on_written = name, concurrency, on_written
        self._on_erased, self._own = on_erased, own
        self._new = asyncio.Event()
        self._working: set[asyncio.Task[bool]] = set()
        self._in_hand: set[int] = set()
        self._stop = asyncio.Event()
        self._beside: set[asyncio.Task[object]] = set()

    def nudge(self) -> None:
        """Look at the inbox now."""
        self._new.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Answer until told to stop, and then what is still waiting."""
        self._stop = stop
        nudged = True
        while True:
            self._new.clear()
            free = self._concurrency - len(self._working)
            try:
                claimed = await self._claim(free) if free and (nudged or await self._is_any()) else []
            except SQLAlchemyError as error:  # a locked or unreachable database: nothing was claimed
                log.error("answer.no_claim", fault=type(error).__name__)
                claimed = []
            for row in claimed:
                if row.id in self._in_hand:  # its lease ran out in our hands: the clock was set forward
                    continue
                self._in_hand.add(row.id)
                task = asyncio.create_task(self._answer(row))
                self._working.add(task)
                task.add_done_callback(partial(self._finished, row.id))
            if claimed and len(claimed) == free:
                continue  # there may be more; less than was asked for is all there is
            if stop.is_set() and not self._working:
                break
            try:
                nudged = await asyncio.wait_for(self._new.wait(), IDLE_SECONDS)
            except TimeoutError:
                nudged = False
        await asyncio.gather(*self._beside, return_exceptions=True)

    def _finished(self, row_id: int, task: asyncio.Task[bool]) -> None:
        was_full = len(self._working) >= self._concurrency
        self._working.discard(task)
        self._in_hand.discard(row_id)
        fault = None if task.cancelled() else task.exception()
        if fault is not None:
            # Not even that it failed could be written down: its claim runs out, and it is tried again.
            log.error("update.not_recorded", fault=type(fault).__name__)
        if was_full or self._stop.is_set() or task.cancelled() or fault is not None or task.result():
            self._new.set()

    async def _is_any(self) -> bool:
        """Whether anything waits: a look that writes nothing, for most find nothing."""
        async with self._store.reading() as session:
            return await inbox.is_any(session, self._own)

    async def _claim(self, limit: int) -> list[inbox.Incoming]:
        async with self._store.writing() as session:
            return await inbox.claim(session, self._name, self._clock(), limit, self._own)

    async def _answer(self, row: inbox.Incoming) -> bool:
        """Answer one update, or set it aside. False when nothing of its chat waits behind it."""
        # Each row has a task of its own, so the number stands in the log lines of this message alone.
        structlog.contextvars.bind_contextvars(message=str(row.update_id))
        if row.attempts == 1:
            metrics.took("inbox", self._clock() - row.received_at)
        try:
            incoming = understand(Update.de_json(dict(row.update), self._bot))
            if incoming.chat_id not in (0, row.chat_id):
                raise ValueError("a chat id that no database holds")
        except Exception as error:  # whatever a malformed update makes of the parser: it is parked, the rest go on
            log.error("update.parked", update_id=row.update_id, fault=type(error).__name__)
            metrics.parked()
            async with self._store.writing() as session:
                await inbox.park(session, row.id, type(error).__name__, self._clock())
            return True
        try:
            return await self._handle(row, incoming)
        except Exception as error:  # the worker outlives any one message; it is tried again, then owned up to
            log.error("update.failed", update_id=row.update_id, attempt=row.attempts, fault=type(error).__name__)
            await self._failed(row, incoming, error)
            return True

    async def _handle(self, row: inbox.Incoming, incoming: Incoming) -> bool:
        match incoming.what:
            case What.IGNORED:
                await self._finish(row)
            case What.GROUP:
                await self._finish(row)
                self._aside(self._bot.send_message(incoming.chat_id, self._dialogue.words(str(incoming.note))))
            case What.BLOCKED | What.UNBLOCKED:
                now = self._clock()
                async with self._store.writing() as session:
                    if await inbox.finish(session, row.id, now):
                        patient = await patients.known(session, incoming.chat_id, self._own)
                        blocked = now if incoming.what is What.BLOCKED else None
                        if patient is not None:  # nobody comes to be by blocking us, or by coming back
                            await patients.set_blocked(session, patient.id, blocked)
            case _:
                return await self._converse(row, incoming)
        return True

    async def _converse(self, row: inbox.Incoming, incoming: Incoming) -> bool:
        patient = await self._who(incoming.chat_id)
        begun = time.monotonic()
        turning = asyncio.create_task(self._turn(patient, incoming))
        if not (await asyncio.wait({turning}, timeout=_TYPING_AFTER_SECONDS))[0]:
            self._aside(self._bot.send_chat_action(incoming.chat_id, ChatAction.TYPING))
        turn = await turning
        took = time.monotonic() - begun
        now = self._clock()
        async with self._store.writing() as session:
            if not await inbox.finish(session, row.id, now):
                return True
            has_more = await inbox.has_more(session, row.chat_id, self._own)
            await record(session, row.key, patient, turn, now)
            if not turn.erase:  # nobody is left to write to; whoever finishes the erasure tells them
                await _write_replies(session, row.key, patient, turn.outcome, incoming, now)
        metrics.took("dialogue", took)
        metrics.answered(turn.outcome.kind.value, turn.outcome.disposition)
        log.info("message.answered", kind=turn.outcome.kind.value, seconds=round(took, 3))
        self._on_written()
        if turn.erase or turn.forget:
            self._on_erased()
        if incoming.callback_id is not None:
            self._aside(self._bot.answer_callback_query(incoming.callback_id, text=turn.outcome.notice))
        return has_more

    async def _who(self, chat_id: int) -> Patient:
        """Return the person of a chat; only one who is new, or is back, is anything to write down."""
        async with self._store.reading() as session:
            known = await patients.in_reach(session, chat_id, self._own)
        if known is not None:
            return known
        async with self._store.writing() as session:
            patient = await patients.of_chat(session, chat_id, self._clock(), self._own)
            await patients.set_blocked(session, patient.id, None)
        return patient

    async def _turn(self, patient: Patient, incoming: Incoming) -> Turn:
        spoken = incoming.said
        if incoming.what is What.SAID and spoken is not None:
            return await self._dialogue.reply(patient, spoken)
        if spoken is not None and (incoming.what is What.NOTE or self._dialogue.alarms(spoken)):
            # A caption is answered like a message; an edited message only when it can't wait.
            turn = await self._dialogue.reply(patient, spoken)
            if incoming.what is What.EDITED:
                return turn
            note = Reply(text=self._dialogue.words(str(incoming.note)))
            replies = (*turn.outcome.replies, note)
            return dataclasses.replace(turn, outcome=turn.outcome.model_copy(update={"replies": replies}))
        if patient.step is Step.NEW:
            return await self._dialogue.reply(patient, Said(text=""))
        note = Reply(text=self._dialogue.words(str(incoming.note)))
        return Turn(patient, Outcome(kind=Kind.FALLBACK, replies=(note,)))

    async def _finish(self, row: inbox.Incoming) -> None:
        async with self._store.writing() as session:
            await inbox.finish(session, row.id, self._clock())

    async def _failed(self, row: inbox.Incoming, incoming: Incoming, error: Exception) -> None:
        now, fault = self._clock(), type(error).__name__
        times = _TIMES_AS_OFTEN if isinstance(error, _DATABASE_IS_AWAY) else 1
        if row.attempts < inbox.MAX_ATTEMPTS * times:
            await self._put_back(row)
            return
        try:
            await self._own_up(row, incoming, fault)
        except Exception as error:  # that nobody could be told is the lesser fault: it is parked all the same
            log.error("update.not_apologised", update_id=row.update_id, fault=type(error).__name__)
            async with self._store.writing() as session:
                await inbox.park(session, row.id, fault, now)

    async def _put_back(self, row: inbox.Incoming) -> None:
        """Let an update be tried again; tried until it is written down, or else its claim would have to run out."""
        given_up_at = time.monotonic() + inbox.LEASE.total_seconds() / 2
        while True:
            pause = min(timedelta(seconds=2 ** min(row.attempts, 10)), _LONGEST_PAUSE)
            try:
                async with self._store.writing() as session:
                    await inbox.put_back(session, row.id, self._clock() + pause)
            except SQLAlchemyError:
                if self._stop.is_set() or time.monotonic() > given_up_at:
                    raise
                await asyncio.sleep(IDLE_SECONDS)
            else:
                return

    async def _own_up(self, row: inbox.Incoming, incoming: Incoming, fault: str) -> None:
        """Set an update aside and tell the person, both or neither."""
        now = self._clock()
        metrics.parked()
        async with self._store.writing() as session:
            await inbox.park(session, row.id, fault, now)
            patient = await patients.of_chat(session, incoming.chat_id, now, self._own)
            if not patient.has_consented:  # the engine may have been asked before it failed
                await erasures.wipe(session, stand_in(patient.id), now)
            sorry = Reply(text=self._dialogue.words("other.error", number=self._dialogue.number_for(patient)))
            outcome = Outcome(kind=Kind.FALLBACK, replies=(sorry,))
            await _write_replies(session, row.key, patient, outcome, incoming, now)
        self._on_written()

    def _aside(self, call: Awaitable[object]) -> None:
        """Do something that may fail without harm: a typing sign, a tapped button's toast."""

        async def attempt() -> object:
            try:
                return await call
            except TelegramError as error:
                log.debug("aside.failed", fault=type(error).__name__)
                return None

        task = asyncio.create_task(attempt())
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)


async def _write_replies(
    session: AsyncSession, key: str, patient: Patient, outcome: Outcome, incoming: Incoming, now: datetime
) -> None:
    """Write the outbox rows that answer one update; their keys make a second answer impossible."""
    priority = _URGENT if outcome.kind in (Kind.EMERGENCY, Kind.CRISIS) else _USUAL
    if outcome.retired and incoming.pressed_message is not None:
        kept = [
            [each for each in row if each[1].partition(":")[0] not in outcome.retired]
            for row in incoming.pressed_buttons
        ]
        body: dict[str, object] = {"message_id": incoming.pressed_message, "buttons": [row for row in kept if row]}
        await outbox.add(session, f"{key}:buttons", patient.id, "edit_buttons", body, now, priority=priority)
    number = 0
    for reply in outcome.replies:
        if reply.document is not None:
            file = {"name": reply.document, "text": reply.text, "made": now.isoformat()}
            await outbox.add(session, f"{key}:{number}", patient.id, "send_file", file, now)
            number += 1
            continue
        for act, body in messages(reply):
            await outbox.add(session, f"{key}:{number}", patient.id, act, body, now, priority=priority)
            number += 1
