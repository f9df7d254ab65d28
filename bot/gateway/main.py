"""The gateway's process: polling or webhook, the answerer and the sender, started and stopped together."""

import asyncio
import contextlib
import gc
import signal
import socket
import sys
import time
from collections.abc import Coroutine, Iterator, Sequence
from datetime import UTC, timedelta
from typing import Any

import structlog
import uvicorn
import uvloop
from filelock import FileLock, Timeout
from sqlalchemy.exc import SQLAlchemyError
from telegram import BotCommand
from telegram.error import Conflict, InvalidToken, TelegramError
from telegram.ext import AIORateLimiter, Defaults, ExtBot, Updater
from telegram.request import HTTPXRequest

from bot import logs, metrics
from bot.clock import clock_starting_at
from bot.content_file import ContentError
from bot.dialogue import Dialogue
from bot.dialogue.clinic import StoredLines
from bot.dialogue.engine import Engine
from bot.dialogue.self_referral import StoredTakers
from bot.gateway.answer import Answerer
from bot.gateway.export import Exports
from bot.gateway.keep import Keeper
from bot.gateway.live_count import LiveCounts
from bot.gateway.owner import new_owner, take_over
from bot.gateway.picture import Diaries, Pictures
from bot.gateway.receive import RawUpdate, WritingRequest, chat_of, is_secret, webhook
from bot.gateway.remind import Reminding
from bot.gateway.send import Sender
from bot.gateway.unwritten import Unwritten
from bot.hang import end_when_hung
from bot.knowledge import Shelf
from bot.patient import Patient, new_pseudonym
from bot.programme.exercise import load_exercises
from bot.reports import reports_of
from bot.settings import CONTENT, Settings, WrongSetting, environment_name, read_settings
from bot.store import Store, facts, inbox, patients, retention, set_back, standing
from bot.store.database import NewerTables
from bot.store.erased import Erased, ErasedUnusable
from bot.store.keys import KeysUnusable
from bot.watch import answers, create_watch, watching

log = structlog.get_logger()

COMMANDS = (
    "check", "exercise", "checkin", "reminders", "progress", "refer", "help", "start", "stop", "export", "delete",
)  # fmt: skip
_UPDATES = ["message", "edited_message", "callback_query", "my_chat_member"]
_POLL_SECONDS = 20
_SANDBOX = "septimus_sandbox_bot"
"""The name of the sandbox's bot: its chats are no Telegram's, so no link to Telegram leads there."""
_LONGEST_PAUSE = 60.0
_LOOK_UP_SECONDS = 2.0
_OPENED_EVERY_SECONDS = 2.0
_LATE_SECONDS = 3.0
"""How long a database may take to write updates down before whoever may be in danger is answered without it."""
_GIVEN_UP_SECONDS = 25.0
"""How long it may take in all. A statement that hangs can't be recalled; it is left to itself, and they come again."""
_STEP = timedelta(seconds=5)
"""What the clock may go ahead or back by against the one that only ticks, before it counts as set."""


class Misconfigured(Exception):
    """A setting that keeps the gateway from starting; the message says which and what to do."""


class _Nowhere(asyncio.Queue[object]):
    """Where the library puts the bare update ids it is handed: what they stood for is in the inbox already."""

    async def put(self, item: object) -> None:
        """Drop it."""


class Gateway:
    """All parts of the gateway, in one event loop."""

    def __init__(self, settings: Settings) -> None:
        if not settings.telegram_bot_token:
            raise Misconfigured("TELEGRAM_BOT_TOKEN is missing: get one from @BotFather, or use `septimus run`.")
        if not settings.engine_token:
            raise Misconfigured(
                "SEPTIMUS_ENGINE_TOKEN is missing: start with `septimus run`, or set the engine's token."
            )
        self._settings = settings
        self._secret, self._socket = _webhook_secret(settings), _webhook_socket(settings)
        self._clock = clock_starting_at(settings.now)
        self._ready = settings.home / "run" / f"{settings.instance}.ready"
        self._owner = new_owner(settings.instance)
        self._store = Store(settings.database)
        self._erased = Erased(settings.home)
        self._unauthorised = asyncio.Event()
        production = settings.mode == "production"
        shelf = Shelf(CONTENT, reload=not production, must_be_reviewed=production, clock=time.monotonic)
        self._engine = Engine(settings.engines, settings.engine_token.get_secret_value(), settings.engine_timeout)
        store = self._store
        self._dialogue = Dialogue.load(
            CONTENT,
            shelf,
            self._engine,
            self._clock,
            StoredLines(store, settings.bot),
            StoredTakers(store, settings.bot),
        )
        self._bot = ExtBot(
            settings.telegram_bot_token.get_secret_value(),
            base_url=f"{settings.telegram_api_base}/bot",
            base_file_url=f"{settings.telegram_api_base}/file/bot",
            request=HTTPXRequest(connection_pool_size=64, read_timeout=15.0, pool_timeout=30.0),
            get_updates_request=WritingRequest(self._write, self._unauthorised),
            defaults=Defaults(parse_mode="HTML", tzinfo=UTC),
            rate_limiter=AIORateLimiter(overall_max_rate=30 / settings.gateways, max_retries=0),
        )
        words = self._dialogue.words
        library = load_exercises(CONTENT, frozenset(shelf.library.sources))
        self._sender = Sender(
            self._store,
            self._bot,
            self._clock,
            self._owner,
            Pictures(library, words),
            Diaries.load(self._store, CONTENT, library, words),
            LiveCounts(self._bot, self._store, self._clock, words),
            Exports(self._store, words, settings.tracker),
            settings.bot,
            settings.gateways,
        )
        self._keeper = Keeper(
            self._store,
            self._engine,
            self._bot,
            words,
            self._clock,
            settings.tracker,
            retention.load(),
            self._erased,
            settings.bot,
        )
        self._reminding = Reminding(self._store, words, self._clock, self._sender.nudge)
        self._unwritten = Unwritten(self._bot, self._dialogue, self._known)
        self._beside: set[asyncio.Task[None]] = set()
        self._answerer = Answerer(
            self._store,
            self._dialogue,
            self._bot,
            self._clock,
            self._owner,
            settings.concurrency,
            self._sender.nudge_answers,
            self._keeper.nudge,
            settings.bot,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Run until told to stop; then finish what is in hand.

        On a database that can't be used it receives all the same: what people write stays at Telegram, and whoever may
        be in danger is answered. The work begins when it can be used.

        Raises:
            NewerTables: a newer program made the tables.
            KeysUnusable: the key file is missing or broken, or is not this database's.
            ErasedUnusable: after a restore, who was erased can't be read.
        """
        opening = asyncio.create_task(self._open(stop))
        await asyncio.wait({opening}, timeout=_LATE_SECONDS)
        if opening.done():
            await opening
        else:
            log.error("database.unusable", remedy="septimus doctor")
        async with watching(create_watch("gateway", self._parts, self._refresh), self._settings.gateway_watch_port):
            await self._run(stop, opening)

    async def _open(self, stop: asyncio.Event) -> None:
        """Bring the tables up to date, erase whom a restore brought back, take over what a dead gateway left.

        Tried until told to stop.
        """
        run, instance = self._settings.home / "run", self._settings.instance
        while not stop.is_set():
            try:
                await self._store.migrate()
                if again := await self._erased.erase_again(self._store, self._clock()):
                    log.warning("erased.again", people=again)
                if await take_over(self._store, run, instance, self._owner) and await self._bring_back():
                    return
            except SQLAlchemyError as error:
                log.error("database.not_opened", fault=type(error).__name__)
            await _wait(stop, _OPENED_EVERY_SECONDS)

    async def _run(self, stop: asyncio.Event, opening: asyncio.Task[None]) -> None:
        await self._sign_in(stop)
        if stop.is_set():
            await opening
            return
        if is_open := opening.done():
            await self._introduce()
        receiving = asyncio.create_task((self._serve_webhook if self._settings.webhook_url else self._poll)(stop))
        self._ready.touch()
        log.info("gateway.ready", mode="webhook" if self._settings.webhook_url else "polling")
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({opening, receiving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if opening.done() and not stop.is_set():
                await opening
                if not is_open:
                    log.info("database.opened")
                    await self._introduce()
                await self._work(stop, receiving)
            stop.set()
            await receiving
            await opening
        finally:
            stop.set()
            stopping.cancel()
            self._ready.unlink(missing_ok=True)
            for each in self._beside:
                each.cancel()
            await self._engine.close()
            await self._bot.shutdown()
            await self._store.close()

    async def _work(self, stop: asyncio.Event, receiving: asyncio.Task[None]) -> None:
        """Answer, send, remind and keep until told to stop, or one of them ends; then finish what is in hand."""
        answering_may_stop, sending_may_stop, keeping_may_stop = asyncio.Event(), asyncio.Event(), asyncio.Event()
        answering = asyncio.create_task(self._answerer.run(answering_may_stop))
        sending = asyncio.create_task(self._sender.run(sending_may_stop))
        reminding = asyncio.create_task(self._reminding.run(stop))
        keeping = asyncio.create_task(self._keeper.run(keeping_may_stop))
        watching_clock = asyncio.create_task(self._watch_clock(stop))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait(
            {stopping, answering, sending, receiving, reminding, keeping}, return_when=asyncio.FIRST_COMPLETED
        )
        stop.set()
        await stopping
        await receiving
        await reminding
        await watching_clock
        answering_may_stop.set()
        self._answerer.nudge()
        await answering
        sending_may_stop.set()
        self._sender.nudge()
        await sending
        keeping_may_stop.set()
        await keeping

    async def _parts(self) -> dict[str, bool]:
        """Which parts answer that a full answer needs."""
        settings = self._settings
        token = settings.engine_token.get_secret_value() if settings.engine_token else ""
        engine, actions, database = await asyncio.gather(
            self._any_engine(token),
            answers(f"http://127.0.0.1:{settings.actions_port}/health"),
            self._store.answers(),
        )
        parts = {"database": database, "engine": engine, "actions": actions}
        metrics.is_ready(parts)
        return parts

    async def _any_engine(self, token: str) -> bool:
        found = await asyncio.gather(*(answers(f"{url}/status", token) for url in self._settings.engines))
        return any(found)

    async def _refresh(self) -> None:
        """Bring the figures up to date that stand in the database."""
        await self._parts()
        async with self._store.reading() as session:
            work = await standing.work(session, self._clock())
        for name, box in (("inbox", work.inbox), ("outbox", work.outbox)):
            metrics.box_stands(name, box.waiting, box.oldest.total_seconds(), box.claimed, box.stuck)
        metrics.inbox_parked(work.parked)
        metrics.reminders_due(work.reminders_due)

    async def _write(self, updates: Sequence[RawUpdate]) -> None:
        if not updates:
            return
        writing = self._go_on_beside(self._write_down(updates))
        if not (await asyncio.wait({writing}, timeout=_LATE_SECONDS))[0]:
            self._not_written(updates, "late")
            if not (await asyncio.wait({writing}, timeout=_GIVEN_UP_SECONDS - _LATE_SECONDS))[0]:
                raise TimeoutError("the database does not answer; the updates come again")
        try:
            await writing
        except (SQLAlchemyError, KeysUnusable, NewerTables) as error:
            self._not_written(updates, type(error).__name__)
            raise
        self._unwritten.over()

    async def _write_down(self, updates: Sequence[RawUpdate]) -> None:
        rows = [(each["update_id"], chat_of(each), each) for each in updates]
        async with self._store.writing() as session:
            await inbox.write(session, rows, self._clock(), self._settings.bot)
        self._answerer.nudge()

    def _not_written(self, updates: Sequence[RawUpdate], fault: str) -> None:
        """Note that updates could not be written down, or not yet; they come again. Their people are told beside it."""
        log.error("update.not_written", count=len(updates), fault=fault)
        self._go_on_beside(self._unwritten.tell(updates))

    def _go_on_beside(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin something that nobody needs to wait for; where nobody does, its fault has been told already."""
        task = asyncio.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)
        task.add_done_callback(lambda done: None if done.cancelled() else done.exception())
        return task

    async def _known(self, chat_id: int) -> Patient:
        """Return the person of a chat as far as they can be read just now."""
        looking = asyncio.create_task(self._look_up(chat_id))
        # Not cancelled: a statement that hangs would have to be waited for.
        found = (await asyncio.wait({looking}, timeout=_LOOK_UP_SECONDS))[0]
        looking.add_done_callback(lambda done: None if done.cancelled() else done.exception())
        if not found or looking.exception() is not None:
            return Patient(id=new_pseudonym())
        return looking.result()

    async def _look_up(self, chat_id: int) -> Patient:
        async with self._store.reading() as session:
            return await patients.of_chat(session, chat_id, self._clock(), self._settings.bot)

    async def _watch_clock(self, stop: asyncio.Event) -> None:
        """Look once a second whether the clock was set back, and bring back what that would hold up."""
        before, ticked, is_due = self._clock(), time.monotonic(), False
        while not stop.is_set():
            await _wait(stop, 1.0)
            now, ticks = self._clock(), time.monotonic()
            step = now - before - timedelta(seconds=ticks - ticked)
            before, ticked = now, ticks
            if abs(step) > _STEP:
                log.error("clock.was_set", seconds=round(step.total_seconds()), remedy="let it be set by NTP")
            is_due = is_due or step < -_STEP
            if is_due:
                is_due = not await self._bring_back(plan_anew=True)
                self._answerer.nudge()
                self._sender.nudge()
                self._keeper.nudge()

    async def _bring_back(self, *, plan_anew: bool = False) -> bool:
        """Bring back what was written down while the clock was ahead. False when it could not be."""
        try:
            async with self._store.writing() as session:
                count = await set_back.bring_back(session, self._clock())
                if plan_anew:
                    count += await set_back.plan_anew(session, self._clock())
        except SQLAlchemyError as error:
            log.error("clock.not_brought_back", fault=type(error).__name__)
            return False
        if count:
            log.warning("clock.brought_back", rows=count)
        return True

    async def _sign_in(self, stop: asyncio.Event) -> None:
        """Ask Telegram who we are. A wrong token ends it; a Telegram that is down is waited for."""
        pauses = _pauses()
        while not stop.is_set():
            try:
                await self._bot.initialize()
            except InvalidToken:
                name = environment_name("telegram_bot_token")
                raise Misconfigured(f"{name} is wrong: Telegram does not know it. Copy it from @BotFather.") from None
            except TelegramError as error:
                log.warning("telegram.unreachable", fault=type(error).__name__, base=self._settings.telegram_api_base)
                self._ready.touch()  # all that is ours is up; Telegram is waited for
                await _wait(stop, next(pauses))
            else:
                return

    async def _introduce(self) -> None:
        words, base = self._dialogue.words, self._settings.telegram_api_base
        try:
            async with self._store.writing() as session:
                own = self._settings.bot
                await facts.tell(session, facts.of_bot(facts.BOT_NAME, own), self._bot.username)
                page = base if self._bot.username == _SANDBOX else ""
                await facts.tell(session, facts.of_bot(facts.CHAT_PAGE, own), page)
        except SQLAlchemyError as error:  # the desk shows the name that it knew before
            log.warning("facts.not_written", fault=type(error).__name__)
        try:
            await self._bot.set_my_commands([BotCommand(name, words(f"commands.{name}")) for name in COMMANDS])
        except TelegramError as error:  # the menu is a convenience; the bot works without it
            log.warning("commands.not_set", fault=type(error).__name__)

    async def _poll(self, stop: asyncio.Event) -> None:
        """Poll until told to stop. After a 401 the library's polling is dead without a word: it is begun anew."""
        pauses = _pauses()
        while not stop.is_set():
            self._unauthorised.clear()
            begun = time.monotonic()
            await self._poll_until_refused(stop)
            if stop.is_set():
                return
            log.error("telegram.unauthorised", remedy="check TELEGRAM_BOT_TOKEN if this repeats")
            if time.monotonic() - begun > _LONGEST_PAUSE:
                pauses = _pauses()
            await _wait(stop, next(pauses))

    async def _poll_until_refused(self, stop: asyncio.Event) -> None:
        """Run the library's polling until it is to stop, or Telegram refuses the token."""
        updater = Updater(self._bot, _Nowhere())
        await updater.initialize()
        starting = asyncio.create_task(
            updater.start_polling(
                timeout=_POLL_SECONDS,
                bootstrap_retries=-1,
                allowed_updates=_UPDATES,
                error_callback=_log_polling_error,
            )
        )
        ending = {asyncio.create_task(stop.wait()), asyncio.create_task(self._unauthorised.wait())}
        try:
            await asyncio.wait({starting, *ending}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done() and starting.exception() is None:
                await asyncio.wait(ending, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (starting, *ending):
                task.cancel()
            # A start that was refused, or cut short, has left nothing running that stopping could fail on for us.
            with contextlib.suppress(TelegramError, RuntimeError):
                await updater.stop()
            await asyncio.gather(starting, *ending, return_exceptions=True)

    async def _serve_webhook(self, stop: asyncio.Event) -> None:
        config = uvicorn.Config(webhook(self._write, self._secret), log_config=None, access_log=False)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[self._socket] if self._socket else None))
        url = f"{str(self._settings.webhook_url).rstrip('/')}/telegram"
        pauses = _pauses()
        while not stop.is_set():
            try:
                await self._bot.set_webhook(url, secret_token=self._secret, allowed_updates=_UPDATES)
            except TelegramError as error:
                log.warning("webhook.not_set", fault=type(error).__name__)
                await _wait(stop, next(pauses))
            else:
                await stop.wait()
        server.should_exit = True
        await serving


def _pauses() -> Iterator[float]:
    """Yield the seconds to wait before each further try: doubling, up to a minute."""
    pause = 1.0
    while True:
        yield pause
        pause = min(pause * 2, _LONGEST_PAUSE)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until told to stop."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


def _webhook_secret(settings: Settings) -> str:
    secret = settings.webhook_secret.get_secret_value() if settings.webhook_secret else ""
    if settings.webhook_url and not is_secret(secret):
        raise Misconfigured("SEPTIMUS_WEBHOOK_SECRET must be 1 to 256 of A-Z a-z 0-9 _ - when a webhook is set.")
    return secret


def _webhook_socket(settings: Settings) -> socket.socket | None:
    """Take the webhook's port before anything starts, so that a taken one is told in one line."""
    if not settings.webhook_url:
        return None
    # The protocol is named, or asyncio leaves Nagle's algorithm on and each answer waits 40 ms.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.webhook_host, settings.webhook_port))
    except OSError as error:
        listening.close()
        where = f"{settings.webhook_host}:{settings.webhook_port}"
        raise Misconfigured(
            f"The webhook can't listen on {where} ({error.strerror}). Set SEPTIMUS_WEBHOOK_PORT."
        ) from None
    return listening


def _log_polling_error(error: TelegramError) -> None:
    if isinstance(error, Conflict):
        log.error("telegram.conflict", remedy="another program polls with this token; stop one of the two")
    else:
        log.warning("telegram.polling", fault=type(error).__name__)


async def serve(settings: Settings) -> None:
    """Run the gateway until SIGTERM or SIGINT.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    gateway = Gateway(settings)
    # What is loaded now is there for good: it is never looked through for what may go, at a start or later.
    gc.freeze()
    gc.enable()
    looking = asyncio.create_task(end_when_hung())
    try:
        await gateway.run(stop)
    finally:
        looking.cancel()


def main() -> int:
    """Run as a process. Returns 2, after one line on standard error, when it can't start."""
    try:
        settings = read_settings()
        reports = reports_of(settings, "gateway")
    except WrongSetting as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stderr = logs.lossy(sys.stderr)
    logs.configure(settings.log_level, "gateway", reports)
    run = settings.home / "run"
    run.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(run / f"{settings.instance}.lock", timeout=0):
            uvloop.run(serve(settings))
    except Timeout:
        sys.stderr.write(f"A gateway named {settings.instance} runs already; stop it, or set SEPTIMUS_INSTANCE.\n")
        return 2
    except (Misconfigured, ContentError, NewerTables, KeysUnusable, ErasedUnusable) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
