"""What is not to be kept goes: people who are being erased, at once and to the end; and what has grown old, daily.

An erasure begins with a turn of the dialogue (`bot.store.kept.erase`): our own tables are clean when that transaction
is through. What is left is done here, each step again and again until it is through, and by the next start after a
kill: the engine's scratch paper, a last word to the person, and SQLite's files, rebuilt so that no byte stays. Of who
stopped or declined, and of what was asked before consent, the scratch paper alone is left to wipe.
"""

import asyncio
import contextlib
from datetime import datetime, timedelta

import structlog
from telegram import Bot
from telegram.error import BadRequest, Forbidden, TelegramError

from bot.clock import Clock, system_clock
from bot.dialogue.engine import Engine
from bot.store import MAIN_BOT, Store, erasures, facts, retention, tracker
from bot.store.erased import Erased
from bot.store.erasures import Erasure
from bot.words import Words

log = structlog.get_logger()

IDLE_SECONDS = 20.0
UNDER_WAY_SECONDS = 1.0
AFTER_A_FAULT_SECONDS = 5.0
BETWEEN_BATCHES_SECONDS = 0.2
# An engine that does not answer may be at work on a message still, and write it down late: it is wiped once more then.
ENGINE_MAY_WRITE = timedelta(seconds=20)
# Whom Telegram can't be asked to tell for so long is not told.
TELL_WITHIN = timedelta(hours=1)
# Where the engine's scratch paper can't be wiped for so long, they are told what is left.
TELLS_MEANWHILE_AFTER = timedelta(minutes=5)
# Another gateway's erasure is taken over when it has not come to an end for so long, another bot's too.
TAKEN_OVER_AFTER = timedelta(minutes=2)
# That the scratch paper can't be wiped is tried again each second, and said so seldom.
COMPLAINS_EVERY = timedelta(minutes=10)
RUN_FROM_HOUR = 2
"""The daily job runs in the first minutes after this hour, UTC, or when the gateway is next up."""
RETENTION = "retention_ran"
"""The fact that tells on which day the daily job ran, so that of several gateways one does it."""


class Keeper:
    """Finishes erasures and enforces retention. `nudge` says that somebody has asked to be erased, or to stop."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        bot: Bot,
        words: Words,
        clock: Clock,
        tracker_at: tracker.Where,
        days: retention.Days,
        erased: Erased,
        own: str = MAIN_BOT,
    ) -> None:
        self._store, self._engine, self._bot, self._words, self._clock = store, engine, bot, words, clock
        self._tracker, self._days, self._erased, self._own = tracker_at, days, erased, own
        self._new = asyncio.Event()
        self._takes_all = True  # what an earlier start has left
        self._wiped: set[tuple[str, datetime]] = set()
        self._noted: set[tuple[str, datetime]] = set()
        self._is_engine_away = self._is_paper_away = False
        self._complained_at: datetime | None = None

    def nudge(self) -> None:
        """Look for erasures now."""
        self._takes_all = True
        self._new.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop."""
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                self._new.clear()
                try:
                    pause = UNDER_WAY_SECONDS if await self.erase() else IDLE_SECONDS
                    await self.retain(stop)
                except Exception as error:  # a locked database above all: what is left is done the next time
                    log.error("keep.failed", fault=type(error).__name__)
                    pause = AFTER_A_FAULT_SECONDS
                new = asyncio.create_task(self._new.wait())
                await asyncio.wait({new, stopping}, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
                new.cancel()
        finally:
            stopping.cancel()
        with contextlib.suppress(Exception):  # what this leaves is for the next start
            await self.erase()

    # erasing

    async def erase(self) -> bool:
        """Take every erasure a step on; say whether one is still under way."""
        now = self._clock()
        async with self._store.reading() as session:
            rows = await erasures.under_way(session, self._own, now - TAKEN_OVER_AFTER)
            rebuild = await erasures.wait_for_rebuild(session)
        if not rows:
            self._takes_all = False
        under_way = {(row.patient_id, row.at) for row in rows}
        self._wiped &= under_way
        self._noted &= under_way
        self._is_engine_away = self._is_paper_away = False
        left = 0
        for row in rows:
            if self._takes_all or now - row.at >= TAKEN_OVER_AFTER:
                done = await self._erase(row, now)
                rebuild, left = rebuild or (done and not row.is_wipe), left + (not done)
        if rebuild:
            left += not await self._rebuild()
        return left > 0

    async def _erase(self, row: Erasure, now: datetime) -> bool:
        """Do what can be done for one erasure; say whether all is. Telling does not wait for the wipe."""
        is_noted = await self._note(row, now)
        is_wiped = await self._wipe(row, now) and is_noted
        is_all = is_noted and not self._is_paper_away
        may_tell = is_all or now - row.at >= TELLS_MEANWHILE_AFTER
        is_told = row.chat_id is None or (may_tell and await self._tell(row, row.chat_id, now, is_all=is_all))
        if is_told and (is_wiped or row.chat_id is not None):
            async with self._store.writing() as session:
                if is_wiped:
                    await erasures.wiped(session, row)
                else:
                    await erasures.told(session, row.id)
        return is_told and is_wiped

    async def _wipe(self, row: Erasure, now: datetime) -> bool:
        """Wipe the engine's scratch paper of somebody. True once it is, and nothing can be written there late.

        Who is away is not waited for again in the same round: others wait behind.
        """
        key = (row.patient_id, row.at)
        if key in self._wiped:
            return True
        is_forgotten = not self._is_engine_away and await self._engine.forget(row.patient_id)
        self._is_engine_away = not is_forgotten
        # Behind the engine's back a whole file is rebuilt, which holds the engine up: for a wipe that it did, needless.
        if not (is_forgotten and row.is_wipe) and not await self._is_off_paper(row.patient_id, now):
            return False
        if is_forgotten or now - row.at >= ENGINE_MAY_WRITE:
            self._wiped.add(key)
        return key in self._wiped

    async def _is_off_paper(self, patient_id: str, now: datetime) -> bool:
        """Delete somebody from the scratch paper itself; say whether it could be."""
        if self._is_paper_away:
            return False
        try:
            await asyncio.to_thread(tracker.forget, self._tracker, patient_id)
        except tracker.Unavailable as error:
            self._is_paper_away = True
            self._complain("erase.tracker", str(error), now)
            return False
        self._complained_at = None
        return True

    async def _note(self, row: Erasure, now: datetime) -> bool:
        """Write down who it is outside the database, before they are told: a restore must not bring them back."""
        key = (row.patient_id, row.at)
        if row.is_wipe or key in self._noted:
            return True
        try:
            await asyncio.to_thread(self._erased.note, row.patient_id, row.at)
        except OSError as error:  # a full disk: tried again, and nobody waits for it
            self._complain("erase.not_noted", type(error).__name__, now)
            return False
        self._noted.add(key)
        return True

    def _complain(self, event: str, fault: str, now: datetime) -> None:
        if self._complained_at is None or abs(now - self._complained_at) >= COMPLAINS_EVERY:
            log.error(event, fault=fault)
            self._complained_at = now

    async def _tell(self, row: Erasure, chat_id: int, now: datetime, *, is_all: bool) -> bool:
        """Say what is gone. True when it was said, or never can be. Only their own bot reaches them."""
        is_late = now - row.at >= TELL_WITHIN
        if row.bot != self._own:
            return is_late
        try:
            await self._bot.send_message(chat_id, self._words("own.erased" if is_all else "own.erased_but"))
        except (Forbidden, BadRequest):
            return True
        except TelegramError as error:
            log.warning("erase.not_told", fault=type(error).__name__)
            return is_late
        return True

    async def _rebuild(self) -> bool:
        if not await self._store.scrub():
            return False
        async with self._store.writing() as session:
            await erasures.finish(session, self._clock())
        log.info("erase.done")
        return True

    # retention

    async def retain(self, stop: asyncio.Event) -> dict[str, int] | None:
        """Delete what has outlived its days, once a day; return how much of each kind went, None when it had run."""
        now = self._clock()
        today = now.date().isoformat()
        async with self._store.reading() as session:
            ran = (await facts.told(session)).get(RETENTION)
        if ran == today or (ran is not None and now.hour < RUN_FROM_HOUR):
            return None
        gone: dict[str, int] = {}
        for kind in retention.KINDS:
            while not stop.is_set():
                async with self._store.writing() as session:
                    count = await retention.expire(session, kind, self._days, now)
                gone[kind] = gone.get(kind, 0) + count
                if count < retention.batch(kind):
                    break
                await asyncio.sleep(BETWEEN_BATCHES_SECONDS)
        with contextlib.suppress(tracker.Unavailable):  # the engine expires its own, too
            before = system_clock() - timedelta(days=self._days.tracker)  # the engine goes by the machine's clock
            gone["tracker"] = await asyncio.to_thread(tracker.expire, self._tracker, before)
        if stop.is_set():
            return gone  # the rest at the next start
        if any(gone.values()):
            await self._store.scrub(thoroughly=True)
        async with self._store.writing() as session:
            await facts.tell(session, RETENTION, today)
        log.info("retention.done", **gone)
        return gone
