"""The real gateway process and the real sandbox process, and what a test asks of them.

No engine runs beside them: a designed state, in which every question gets the plain answer.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import batched
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from bot.clock import system_clock
from bot.patient import Step
from bot.reminders.plan import Plan, Reminder
from bot.reminders.schedule import Kind, Schedule
from bot.store import Store, patients, reminders
from bot.store.tables import InboxRow, OutboxRow, TelegramChatRow

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "7000000001:sandbox"
_BOLD = re.compile(r"<b>(.*?)</b>")

Json = dict[str, Any]


def until[T](condition: Callable[[], T], what: str, seconds: float = 30.0, *, every: float = 0.02) -> T:
    """Wait for a condition, and return what it found. Looks `every` so many seconds; seldom, where looking is dear."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"in {seconds:g} s it never came to this: {what}"
        time.sleep(every)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def title(html: str) -> str:
    """The title of the article that an answer shows; empty when it shows none."""
    found = _BOLD.search(html)
    return found[1] if found else ""


class Telegram:
    """The sandbox's process, and its control door."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bot.sandbox", "--host", "127.0.0.1", "--port", "0", "--token", TOKEN],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        self.base = self._process.stdout.readline().split()[-1].rstrip("/")
        self._http = httpx.Client(base_url=self.base, timeout=10, trust_env=False)

    def close(self) -> None:
        self._http.close()
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def post(self, path: str, **body: Any) -> Json:
        # ASCII, so that half a character can travel too.
        answer = self._http.post(path, content=json.dumps(body))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def get(self, path: str, **query: Any) -> list[Json]:
        answer = self._http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return list(answer.json())

    def method(self, name: str, **parameters: Any) -> httpx.Response:
        """Call the Bot API itself, as another program with the bot's token would."""
        return self._http.post(f"/bot{TOKEN}/{name}", json=parameters)

    def push(self, update: Json) -> int:
        """Queue an update exactly as given."""
        return int(self.post("/sandbox/update", **update)["update_id"])

    def fault(self, method: str, **what: Any) -> None:
        self.post("/sandbox/fault", method=method, **what)

    def calls(self, method: str, after: int = 0) -> list[Json]:
        return self.get("/sandbox/calls", method=method, after=after)

    def last_call(self) -> int:
        return max((int(call["number"]) for call in self.get("/sandbox/calls")), default=0)

    def sends(self, to: Collection[int], after: int = 0) -> list[Json]:
        """The sendMessage calls to some people."""
        return [call for call in self.calls("sendMessage", after) if call["params"].get("chat_id") in to]

    def accepted(self, to: Collection[int], after: int = 0) -> list[tuple[int, str]]:
        """Whom Telegram took an article's answer for, and its title, in the order they came."""
        return [
            (call["params"]["chat_id"], title(call["params"]["text"]))
            for call in self.sends(to, after)
            if call["code"] == 200
        ]

    def waiting(self) -> int:
        """How many updates the bot has not acknowledged."""
        return int(self.method("getWebhookInfo").json()["result"]["pending_update_count"])


class Gateway:
    """The gateway's process with a data folder of its own."""

    def __init__(self, home: Path, telegram: Telegram, **settings: str) -> None:
        self.home = home
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SEPTIMUS_", "TELEGRAM_"))}
        self._environment = {
            **kept,
            "PYTHONPATH": str(ROOT),
            "SEPTIMUS_HOME": str(home),
            "SEPTIMUS_ENGINE_TOKEN": "invented",
            "SEPTIMUS_GATEWAY_WATCH_PORT": "0",  # many gateways run here at once, and only one can have the port
            "SEPTIMUS_ENGINE_PORT": str(free_port()),
            "TELEGRAM_API_BASE": telegram.base,
            "TELEGRAM_BOT_TOKEN": TOKEN,
            **settings,
        }
        self._instance = settings.get("SEPTIMUS_INSTANCE", "gateway-1")
        self._bot = settings.get("SEPTIMUS_BOT", "main")
        self._database = settings.get("SEPTIMUS_DATABASE_URL", f"sqlite+aiosqlite:///{home / 'septimus.db'}")
        self._process: subprocess.Popen[str] | None = None
        home.mkdir(parents=True, exist_ok=True)

    @property
    def log(self) -> str:
        """All that the gateway wrote to its outputs, over all its starts."""
        path = self.home / "gateway.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def begin(self) -> None:
        """Start the process and do not wait for it."""
        self._ready.unlink(missing_ok=True)
        with (self.home / "gateway.log").open("a", encoding="utf-8") as log:
            # The folder is not the project's: a developer's .env has no say here.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bot.gateway"],
                stdout=log,
                stderr=log,
                text=True,
                cwd=self.home,
                env=self._environment,
            )

    def start(self) -> None:
        """Start the process and wait until it is ready."""
        self.begin()
        self.wait()

    def wait(self, seconds: float = 60) -> None:
        """Wait until a process that was begun is ready."""
        until(lambda: self._ready.exists() or not self.runs, "the gateway is ready", seconds)
        assert self.runs, f"the gateway ended as it started:\n{self.log}"

    @property
    def _ready(self) -> Path:
        return self.home / "run" / f"{self._instance}.ready"

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def ends(self, seconds: float = 30) -> int:
        """Wait for the process to end, and return its exit code."""
        assert self._process is not None
        return self._process.wait(seconds)

    def kill(self) -> None:
        """SIGKILL, as the machine's own trouble would."""
        if self.runs:
            self.signal(signal.SIGKILL)
            self.ends()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Hold the process still, so that what is queued meanwhile waits for it all at once."""
        self.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)

    # ---- what it keeps

    def onboard(self, chats: Iterable[int]) -> None:
        """Write people down who have agreed and been through first contact."""

        async def write(store: Store) -> None:
            now = system_clock()
            await store.migrate()
            async with store.writing() as session:
                for chat in chats:
                    new = await patients.of_chat(session, chat, now, self._bot)
                    known = dataclasses.replace(
                        new, step=Step.DONE, consented_at=now, consent_version="invented", country="GB"
                    )
                    await patients.save(session, known)

        self._with_store(write)

    def promise(self, chats: Iterable[int], due: datetime, kind: Kind = "exercises") -> None:
        """Write a daily reminder down for each of some people, due at a moment for the first time."""
        rule = Schedule(kind=kind, zone="UTC", times=(due.time().replace(microsecond=0),))
        plan = Plan((Reminder("abc123", rule),)).dumps()

        async def write(store: Store) -> None:
            for some in batched(chats, 200):
                await asyncio.sleep(0.15)  # SQLite's lock is nobody's turn: a gateway that runs would not get it
                async with store.writing() as session:
                    for chat in some:
                        person = await patients.of_chat(session, chat, due, self._bot)
                        await patients.save(session, dataclasses.replace(person, reminders=plan))
                        await reminders.sync(session, person.id, {"abc123": rule.dumps()}, lambda *_: due)

        self._with_store(write)

    def inbox(self, update_id: int) -> InboxRow | None:
        """What became of an update."""

        async def read(store: Store) -> InboxRow | None:
            async with store.reading() as session:
                row: InboxRow | None = await session.scalar(select(InboxRow).where(InboxRow.update_id == update_id))
                return row

        return self._with_store(read)

    def outbox(self, chats: Collection[int]) -> list[tuple[int, OutboxRow]]:
        """All that was written down to be sent to some people, oldest first."""

        async def read(store: Store) -> list[tuple[int, OutboxRow]]:
            async with store.reading() as session:
                found = await session.execute(
                    select(TelegramChatRow.chat_id, OutboxRow)
                    .join(OutboxRow, OutboxRow.patient_id == TelegramChatRow.patient_id)
                    .where(TelegramChatRow.chat_id.in_(chats))
                    .order_by(OutboxRow.id)
                )
                return [(chat, row) for chat, row in found]

        return self._with_store(read)

    def is_blocked(self, chat: int) -> bool:
        """Whether it takes a person to have blocked the bot."""

        async def read(store: Store) -> bool:
            async with store.reading() as session:
                row = await session.get(TelegramChatRow, (self._bot, chat))
                return row is not None and row.blocked_at is not None

        return self._with_store(read)

    def is_idle(self, chats: Collection[int]) -> bool:
        """Whether nothing that was written down for some chats waits for an answer or to be sent."""

        async def read(store: Store) -> bool:
            unanswered = select(InboxRow.id).where(InboxRow.state == "waiting", InboxRow.chat_id.in_(chats))
            unsent = (
                select(OutboxRow.id)
                .join(TelegramChatRow, OutboxRow.patient_id == TelegramChatRow.patient_id)
                .where(OutboxRow.state == "waiting", TelegramChatRow.chat_id.in_(chats))
            )
            async with store.reading() as session:
                return await session.scalar(unanswered) is None and await session.scalar(unsent) is None

        return self._with_store(read)

    def _with_store[T](self, work: Callable[[Store], Awaitable[T]]) -> T:
        async def do() -> T:
            store = Store(self._database)
            try:
                return await work(store)
            finally:
                await store.close()

        return asyncio.run(do())


@dataclasses.dataclass
class Person:
    """An invented person with a chat of their own."""

    id: int
    telegram: Telegram

    def says(self, text: str) -> int:
        """Send a message; returns the id of its update."""
        return int(self.telegram.post("/sandbox/say", user=self.id, text=text)["update_id"])

    def sends(self, **content: Any) -> int:
        """Send a message of any kind, as Telegram would tell it; returns the id of its update."""
        return self.telegram.push({"message": self.message(**content)})

    def message(self, **content: Any) -> Json:
        message_id = 1 + max((int(each["message_id"]) for each in self.chat()), default=100_000_000)
        sender = {"id": self.id, "is_bot": False, "first_name": f"Invented {self.id}", "language_code": "en"}
        chat = {"id": self.id, "type": "private", "first_name": sender["first_name"]}
        return {"message_id": message_id, "date": int(time.time()), "from": sender, "chat": chat, **content}

    def taps(self, button: str) -> None:
        self.telegram.post("/sandbox/press", user=self.id, button=button)

    def blocks(self, blocked: bool = True) -> None:
        self.telegram.post("/sandbox/block", user=self.id, blocked=blocked)

    def chat(self) -> list[Json]:
        return self.telegram.get("/sandbox/messages", user=self.id)

    def replies(self) -> list[str]:
        """What the bot wrote to them, as they read it."""
        return [str(each["text"]) for each in self.chat() if each["from"] == "bot"]

    def gets(self, count: int = 1, seconds: float = 30) -> list[str]:
        """Wait until the bot has written so much to them; returns all of it."""
        until(lambda: len(self.replies()) >= count, f"person {self.id} has {count} replies", seconds)
        return self.replies()
