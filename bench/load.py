"""Measure the whole stack under load and kills: `python -m bench.load` writes docs/load.json and docs/load.md.

Invented people talk with `septimus run` through the local Bot API: first contact, questions, a triage intake, a session
of exercises, a check-in, a reminder and its coming. What each does follows from the seed and from what the bot answers:
buttons are chosen by their words. It is done twice: once in quiet, and once while every so many seconds a process of
the stack (engine, actions, gateway or desk) is killed with SIGKILL. Then the two are held beside each other: what was
lost, what came twice, how memory grew, and in what state everybody is.

The full run takes about 25 minutes; `python -m bench.load --minutes 2 --people 60` is a small one, and writes nothing
into docs.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import hashlib
import json
import os
import platform
import random
import re
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import httpx
from sqlalchemy import select

from bench.banks import lines
from bot.reminders.plan import CARE_POINTS
from bot.settings import CONTENT, ROOT
from bot.stack.processes import free_ports
from bot.store import Store
from bot.store.tables import (
    AssessmentRow,
    Base,
    ConsentRow,
    FeedbackRow,
    MissRow,
    PatientRow,
    ReminderRow,
    SafetyEventRow,
    ScoreRow,
    SessionRow,
)
from bot.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = ROOT / "docs" / "load.md"
RESULTS = ROOT / "docs" / "load.json"
KILLED = ("engine", "actions", "gateway", "desk")
"""What is killed. The sandbox is Telegram's side, and stays."""
PATIENCE = 180.0
"""Seconds after which a message without an answer counts as unanswered."""
FLAT = 1.10
"""So much more, at most, may a process hold in the last third of its life than in the first."""
_FIRST_OF_ALL = 15
"""So many do all of it before the others come: what is loaded on first use is there then, such as the maker of PDFs."""
LONG_LIFE = 120.0
"""Seconds from which on a life is long enough to have thirds."""
WARM_UP = 60.0
"""Seconds at the beginning of a life that do not count: what is loaded on first use is no growth."""

type Json = dict[str, Any]

_COMMANDS = {
    "actions": "actions.server",
    "engine": "rasa run",
    "desk": "bot.desk",
    "gateway": "bot.gateway",
    "sandbox": "bot.sandbox",
}
_SENDS = ("send", "send_photo", "send_file")
# What leads back, round in circles, or out of what is being tried.
_NOT_TAPPED = {
    "Back",
    "Why do you ask?",
    "Stop for now",
    "Again",
    "As before",
    "Not now",
    "Stop",
    "Something is wrong",
    "How your face affects your days",
}
_CALM = ("None of these", "About as usual", "Weak, and checked", "Not on steroids")
_LONGEST_WAY = 30
_COUNTRIES = {"GB": ("United Kingdom", "Europe/London"), "NZ": ("New Zealand", "Pacific/Auckland")}


# ---- the stack


@dataclass(frozen=True, slots=True)
class Running:
    """A running stack: the data folder, the address of the chat page, and the process that keeps the others."""

    home: Path
    chat: str
    keeper: int

    def children(self) -> dict[str, int]:
        """The processes that run now, by name."""
        found = {}
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            with suppress(OSError):
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                if parent != self.keeper:
                    continue
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                for name, part in _COMMANDS.items():
                    if part in command:
                        found[name] = int(folder.name)
        return found


@contextmanager
def stack(home: Path) -> Iterator[Running]:
    """Start `septimus run` with a data folder of its own, and end it with the block."""
    names = ("SANDBOX", "DESK", "ACTIONS", "ENGINE", "GATEWAY_WATCH", "DESK_WATCH")
    ports = {
        f"SEPTIMUS_{name}_PORT": os.environ.get(f"SEPTIMUS_{name}_PORT", str(free))
        for name, free in zip(names, free_ports(len(names)), strict=True)
    }
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("SEPTIMUS_", "TELEGRAM_"))}
    home.mkdir(parents=True, exist_ok=True)
    log = home / "run.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "bot", "run"],
            cwd=ROOT,
            env={**kept, **ports, "SEPTIMUS_HOME": str(home), "PYTHONUNBUFFERED": "1"},
            stdout=output,
            stderr=output,
        )
    try:
        deadline = time.monotonic() + 300
        while "Septimus is up." not in log.read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The stack did not come up:\n{log.read_text()}")
            time.sleep(0.3)
        yield Running(home, f"http://127.0.0.1:{ports['SEPTIMUS_SANDBOX_PORT']}", process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(90)
        except subprocess.TimeoutExpired:
            process.kill()


# ---- what happens meanwhile


@dataclass(frozen=True, slots=True)
class Kill:
    """A process that was killed."""

    at: float
    name: str


class Watch:
    """Looks at the stack from outside while people talk: who is answered, and what memory each process holds."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._done: Counter[int] = Counter()
        self._unsent: set[str] = set()
        self.reminded: Counter[str] = Counter()
        self.looked_at = 0.0
        self.memory: dict[tuple[str, int], list[tuple[float, int]]] = defaultdict(list)
        self.kills: list[Kill] = []

    async def run(self) -> None:
        """Look again and again until cancelled."""
        measured = 0.0
        while True:
            begun = time.monotonic()
            with suppress(sqlite3.Error):  # locked for a moment, as at a start: it is looked at again
                self._look()
                self.looked_at = begun
            if begun - measured >= 2:
                self._measure(begun)
                measured = begun
            await asyncio.sleep(0.3)

    async def kill(self, moments: Sequence[float], seed: int) -> None:
        """Kill one process at each of some moments, in seconds from now; each kind once before any comes again."""
        choice, began, bag = random.Random(seed), time.monotonic(), list[str]()
        for moment in moments:
            await asyncio.sleep(max(0.0, began + moment - time.monotonic()))
            if not bag:
                bag = choice.sample(KILLED, len(KILLED))
            running = self._running.children()
            name = next((each for each in bag if each in running), "")
            if not name:
                continue
            bag.remove(name)
            with suppress(ProcessLookupError):
                os.killpg(running[name], signal.SIGKILL)
                self.kills.append(Kill(time.time(), name))

    def is_answered(self, person: Person, since: float) -> bool:
        """Whether all messages of a person are done with, and nothing waits to be sent to them."""
        if self.looked_at <= since or not self._knows(person):
            return False
        return self._done[person.chat] >= person.said and person.patient not in self._unsent

    def _knows(self, person: Person) -> bool:
        """Find out under which number and which pseudonym the database has a person: by their first message."""
        if not person.patient:
            with suppress(sqlite3.Error), closing(read_only(self._running.home)) as database:
                chat = database.execute("SELECT chat_id FROM inbox WHERE update_id = ?", (person.typed[0],)).fetchone()
                answer = database.execute(
                    "SELECT patient_id FROM outbox WHERE key LIKE ? LIMIT 1", (f"update:%{person.typed[0]}:0",)
                ).fetchone()
                if chat and answer:
                    person.chat, person.patient = int(chat[0]), str(answer[0])
        return bool(person.patient)

    def _look(self) -> None:
        with closing(read_only(self._running.home)) as database:
            database.execute("BEGIN")
            done = Counter(
                dict(database.execute("SELECT chat_id, count(*) FROM inbox WHERE state != 'waiting' GROUP BY chat_id"))
            )
            unsent = database.execute("SELECT patient_id FROM outbox WHERE state = 'waiting' AND priority < 8")
            reminded = database.execute(
                "SELECT patient_id, count(*) FROM outbox WHERE state = 'sent' AND key LIKE 'reminder:%' "
                "GROUP BY patient_id"
            )
            self._done, self._unsent = done, {patient for (patient,) in unsent}
            self.reminded = Counter(dict(reminded))

    def _measure(self, now: float) -> None:
        for name, number in self._running.children().items():
            with suppress(OSError, ValueError, IndexError):
                status = Path(f"/proc/{number}/status").read_text()
                self.memory[name, number].append((now, int(status.split("VmRSS:")[1].split()[0])))


def read_only(home: Path) -> sqlite3.Connection:
    """The stack's database, to look at."""
    return sqlite3.connect(f"file:{home / 'septimus.db'}?mode=ro", uri=True, timeout=5)


# ---- the people


@dataclass
class Person:
    """An invented person: what they are going to do, and how far they have come.

    `number` decides what they do, whatever their id in the chat: the same number does the same in every run. `typed`
    are the numbers of the updates with their words; by the first of them their `chat` and `patient` are found in the
    database, whatever ids stand there.
    """

    number: int
    user: int
    seed: int
    said: int = 0
    seen: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    typed: list[int] = field(default_factory=list)
    chat: int = 0
    patient: str = ""
    unanswered: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)

    def choose[T](self, of: Sequence[T], why: str) -> T:
        """One of some: always the same for this person, this seed and this occasion."""
        digest = hashlib.sha256(f"{self.seed}/{self.number}/{why}".encode()).digest()
        return of[int.from_bytes(digest[:8]) % len(of)]

    @property
    def main(self) -> str:
        """What they do besides asking."""
        kinds = ("intake", "questions", "exercise", "questions", "check_in", "questions", "questions", "intake")
        return kinds[self.number % len(kinds)]

    @property
    def wants_reminder(self) -> bool:
        """Whether they ask for a reminder and wait for it."""
        return self.number % 4 == 1


class NotAnswered(Exception):
    """A message got no answer in time, or no button that was waited for came; the message says which."""


class Talk:
    """A person at the chat."""

    def __init__(self, person: Person, watch: Watch, client: httpx.AsyncClient, pace: float) -> None:
        self._person, self._watch, self._client, self._pace = person, watch, client, pace
        self._rush = random.Random(f"{person.seed}/{person.number}/pace")
        self._buttons: tuple[int, list[str], str] = (0, [], "")

    async def says(self, *texts: str) -> None:
        """Say something, or more than one thing in a row without waiting, and wait until all of it is answered."""
        for text in texts:
            await self._post("/sandbox/say", text=text, language_code="en")
        await self._until_answered(" / ".join(texts))

    async def taps(self, button: str) -> None:
        """Tap a button of what was said last, and wait for what comes."""
        message, titles, text = self._buttons
        if button not in titles:
            raise NotAnswered(f"no button {button!r} below {text[:60]!r}")
        await self._post("/sandbox/press", message_id=message, button=button)
        await self._until_answered(f"[{button}]")

    async def goes_on(self) -> None:
        """Answer by buttons until nothing is asked any more."""
        for _ in range(_LONGEST_WAY):
            titles = [each for each in self._buttons[1] if each not in _NOT_TAPPED]
            if not titles or "Go on with the check" in titles:
                return
            await self.taps(self._chosen(titles))

    async def may_tap(self, titles: Sequence[str], why: str) -> None:
        """Tap one of some buttons if it is there, or none: what was chosen for this occasion."""
        wanted = self._person.choose(("", *titles), why)
        if wanted in self._buttons[1]:
            await self.taps(wanted)

    def _chosen(self, titles: Sequence[str]) -> str:
        """The button that this person taps; another one, maybe, when the same is asked again."""
        if "That's all" in titles:
            return "That's all"
        person, text = self._person, self._buttons[2]
        person.asked[text] += 1
        why = f"{text} {person.asked[text]}"
        calm = [each for each in titles if each in _CALM]
        if calm and person.choose(range(10), f"calm {why}") < 8:
            return calm[0]
        if "It hurts" in titles and person.choose(range(12), f"hurts {why}"):
            titles = [each for each in titles if each not in ("It hurts", "Easier")]
        return person.choose(titles, why)

    async def _post(self, path: str, **body: Any) -> None:
        answer = await self._client.post(path, json={"user": self._person.user, **body})
        if answer.status_code != 200:
            raise NotAnswered(f"the chat refused {body}: {answer.text[:100]}")
        self._person.said += 1
        if "update_id" in answer.json():
            self._person.typed.append(int(answer.json()["update_id"]))

    async def _until_answered(self, what: str) -> None:
        person, since = self._person, time.monotonic()
        while not self._watch.is_answered(person, since):
            if time.monotonic() - since > PATIENCE:
                person.unanswered.append(what)
                raise NotAnswered(f"no answer to {what!r}")
            await asyncio.sleep(0.15)
        await self._read()
        await asyncio.sleep(self._rush.uniform(0.3, 1.7) * self._pace)

    async def _read(self) -> None:
        """See what has come since; the buttons are those of the last message that has some."""
        person = self._person
        answer = await self._client.get("/sandbox/messages", params={"user": person.user, "after": person.seen})
        new = answer.json() if answer.status_code == 200 else []
        self._buttons = (0, [], "")
        for message in new:
            person.seen = max(person.seen, message["message_id"])
            titles = [title for row in message["buttons"] for title in row]
            if message["from"] == "bot" and titles:
                self._buttons = (message["message_id"], titles, message["text"])

    # ---- what they do

    async def meets(self, country: str) -> None:
        """First contact."""
        person = self._person
        await self.says("/start")
        await self.taps("Yes, that's fine")
        await self.taps(person.choose(("For me", "For me", "For me", "For someone I look after"), "whom"))
        await self.taps(person.choose(("18 to 59", "60 or over"), "age"))
        await self.taps(country)
        await self.taps(person.choose(("2 to 12 weeks ago", "Longer ago", "Skip"), "began"))
        await self.taps(person.choose(("No movement at all yet", "Some movement is back", "Skip"), "stage"))

    async def asks(self, count: int, why: str, questions: Sequence[str]) -> None:
        """Ask so many questions, now and then two in one breath."""
        person = self._person
        asked = [person.choose(questions, f"{why} {number}") for number in range(count)]
        if count > 1 and person.choose(range(4), why) == 0:
            await self.says(*asked)
            return
        for number, text in enumerate(asked):
            await self.says(text)
            await self.may_tap(("Tell me more", "This helped", "No"), f"{why} {number} tap")

    async def wants_reminder(self, zone: str) -> None:
        """Ask for a reminder in the next minute or two, and wait for it."""
        due = datetime.now(ZoneInfo(zone)) + timedelta(seconds=75)
        before = self._watch.reminded[self._person.patient]
        await self.says(f"remind me to use my eye drops every day at {due:%H:%M}")
        since = time.monotonic()
        while self._watch.reminded[self._person.patient] <= before:
            if time.monotonic() - since > PATIENCE:
                self._person.unanswered.append("the reminder")
                raise NotAnswered("the reminder did not come")
            await asyncio.sleep(0.5)
        await self._read()
        await self.may_tap(("Done",), "reminded")

    async def does(self, questions: Sequence[str]) -> None:
        """The main thing."""
        match self._person.main:
            case "intake":
                await self.says("/check")
                await self.goes_on()
            case "exercise":
                await self.says("/exercise")
                await self.goes_on()
            case "check_in":
                await self.says("/checkin")
                await self.goes_on()
            case _:
                await self.asks(2, "more", questions)


async def live(talk: Talk, person: Person, starts: tuple[float, float], questions: Sequence[str]) -> None:
    """A person's day: two sittings, beginning so many seconds from now."""
    began = time.monotonic()
    # Reminders are for the day: of two countries on opposite sides, it is day in one.
    awake = next(code for code, (_, zone) in _COUNTRIES.items() if 7 <= datetime.now(ZoneInfo(zone)).hour < 20)
    country, zone = _COUNTRIES[awake]
    if not person.wants_reminder:
        country = person.choose(("United Kingdom", "Ireland", "Canada", "New Zealand"), "country")
    try:
        await asyncio.sleep(starts[0])
        await talk.meets(country)
        if person.wants_reminder:
            await talk.wants_reminder(zone)
        await talk.asks(person.choose((1, 1, 2), "how many"), "first", questions)
        await asyncio.sleep(max(0.0, began + starts[1] - time.monotonic()))
        await talk.does(questions)
    except NotAnswered as error:
        person.stuck.append(str(error))


@dataclass(frozen=True, slots=True)
class Lived:
    """One run: who talked, what was killed, what memory was held, and how long it took (seconds)."""

    people: list[Person]
    watch: Watch
    took: float


async def run_load(
    running: Running,
    *,
    people: int,
    seconds: float,
    seed: int,
    kill_every: float = 0.0,
    first_user: int = 50_001,
    pace: float = 1.0,
) -> Lived:
    """Let people talk with a running stack, spread over so many seconds, and wait until all is quiet.

    Args:
        running: the stack.
        people: how many.
        seconds: over how long their sittings begin, and kills happen.
        seed: decides who does what, when, and what is killed.
        kill_every: kill a process each so many seconds; 0 for none.
        first_user: the first of their ids in the chat.
        pace: how slowly they read and tap; 1 is about a second for each message.
    """
    questions = [str(each["text"]) for each in lines("questions.jsonl")] + [
        str(each["text"]) for each in lines("urgency.jsonl")[::16]
    ]
    everybody = [Person(number, first_user + number, seed) for number in range(people)]
    watch = Watch(running)
    began = time.monotonic()
    spread = random.Random(seed)
    moments = [kill_every * number for number in range(1, int(seconds / kill_every) + 1)] if kill_every else []
    async with httpx.AsyncClient(base_url=running.chat, timeout=60, trust_env=False) as client:
        beside = [asyncio.create_task(watch.run())]
        killing = asyncio.create_task(watch.kill(moments, seed))
        lives = []
        for each in everybody:
            first = spread.uniform(0, 0.45) * seconds
            second = first + spread.uniform(0.15, 0.4) * seconds
            if each.wants_reminder and seconds < 2 * PATIENCE:
                first = min(first, 0.1 * seconds)  # it takes one to two minutes to come
            lives.append(live(Talk(each, watch, client, pace), each, (first, second), questions))
        await asyncio.gather(*lives)
        await killing
        await _until_quiet(running)
        for task in beside:
            task.cancel()
    return Lived(everybody, watch, time.monotonic() - began)


async def _until_quiet(running: Running) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(sqlite3.Error), closing(read_only(running.home)) as database:
            waiting = database.execute(
                "SELECT (SELECT count(*) FROM inbox WHERE state = 'waiting') "
                "+ (SELECT count(*) FROM outbox WHERE state = 'waiting')"
            ).fetchone()[0]
            if waiting == 0 and len(running.children()) == len(_COMMANDS):
                await asyncio.sleep(3)
                return
        await asyncio.sleep(0.5)


# ---- what came of it


def counted(running: Running, lived: Lived) -> Json:
    """What was said, what of it was answered, and what came twice: the chats' own record beside the database's."""
    people = {each.patient: each for each in lived.people}
    chats = {each.chat for each in lived.people}
    away = re.sub(r"\s+", " ", Words.load(CONTENT / "words.yml")("plain.simpler"))
    with closing(read_only(running.home)) as database:
        inbox = database.execute("SELECT update_id, chat_id, state, attempts, received_at FROM inbox").fetchall()
        outbox = database.execute(
            "SELECT patient_id, key, act, state, message_id, attempts, finished_at FROM outbox"
        ).fetchall()
    answered, first_sent = set[str](), dict[str, str]()
    sent: dict[str, dict[int, str]] = defaultdict(dict)
    for patient, key, act, state, message_id, _attempts, finished_at in outbox:
        if act in _SENDS and state == "sent":
            sent[patient][message_id] = key
            number = key.rpartition(":")[0].rpartition(":")[2].rpartition(".")[2]
            answered.add(number)
            first_sent[number] = min(finished_at, first_sent.get(number, finished_at))
    ours = [row for row in inbox if row[1] in chats]
    told_plain: Counter[int] = Counter()
    doubled, lost, texts = list[Json](), list[Json](), 0
    with httpx.Client(base_url=running.chat, timeout=60, trust_env=False) as client:
        for patient, person in people.items():
            answer = client.get("/sandbox/messages", params={"user": person.user, "after": 0})
            shown = [each for each in answer.json() if each["from"] == "bot"] if answer.status_code == 200 else []
            texts += len(shown)
            told_plain[person.number] = sum(away in re.sub(r"\s+", " ", each["text"]) for each in shown)
            have = {each["message_id"] for each in shown}
            for each in shown:
                if each["message_id"] not in sent[patient]:
                    doubled.append({"person": person.number, "at": each["date"], "text": each["text"][:60]})
            for message_id, key in sent[patient].items():
                if message_id not in have:
                    lost.append({"person": person.number, "what": f"{key}: sent, and not in the chat"})
    done = Counter(row[1] for row in ours if row[2] == "done")
    for person in lived.people:
        if done[person.chat] < person.said:
            what = f"{person.said - done[person.chat]} of {person.said} messages not answered"
            lost.append({"person": person.number, "what": what})
        silent = sum(str(each) not in answered for each in person.typed)
        if silent:
            lost.append({"person": person.number, "what": f"{silent} of their typed messages got no message"})
        lost += [{"person": person.number, "what": what} for what in person.unanswered]
    by_sign = [row for row in ours if row[2] == "done" and str(row[0]) not in answered]
    took = sorted(_seconds(row[4], first_sent[str(row[0])]) for row in ours if str(row[0]) in first_sent)
    unsent = [row for row in outbox if row[0] in people and row[3] != "sent"]
    return {
        "people": len(people),
        "seconds": round(lived.took, 1),
        "messages": sum(each.said for each in lived.people),
        "answers": texts,
        "reminders_that_came": sum(
            row[1].startswith("reminder:") and row[3] == "sent" for row in outbox if row[0] in people
        ),
        "lost": lost,
        "parked": sum(row[2] == "parked" for row in ours),
        "tried_again": sum(row[3] > 1 for row in ours),
        "taps_answered_by_a_sign": len(by_sign),
        "not_sent": [{"key": row[1].split(":")[0], "act": row[2], "state": row[3]} for row in unsent],
        "doubled": doubled,
        "doubled_by_kill": _by_kill(doubled, lived.watch.kills),
        "came_to_nothing": [f"{each.number}: {what}" for each in lived.people for what in each.stuck],
        "plain_answers": sum(told_plain.values()),
        "told_plain": sorted(number for number, count in told_plain.items() if count),
        "kills": dict(Counter(each.name for each in lived.watch.kills)),
        "answer_s": {
            "p50": round(statistics.median(took), 2),
            "p95": round(took[int(len(took) * 0.95)], 2),
            "most": round(took[-1], 1),
        },
        "memory": _memory(lived.watch),
    }


def _by_kill(doubled: Sequence[Json], kills: Sequence[Kill]) -> list[int]:
    """How many messages each kill of the gateway let come twice: those that were sent again after it."""
    gateway = [each.at for each in kills if each.name == "gateway"]
    counts = [0] * len(gateway)
    for each in doubled:
        # The first of the two is the one too many, and the kill came after it.
        number = next((at for at, moment in enumerate(gateway) if moment >= each["at"]), None)
        if number is not None:
            counts[number] += 1
    return counts


def _seconds(begin: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()


def _memory(watch: Watch) -> Json:
    """What each process held, MB: the first and the last third of its longest life."""
    longest: dict[str, list[tuple[float, int]]] = {}
    for (name, _), held in watch.memory.items():
        if held[-1][0] - held[0][0] >= (longest[name][-1][0] - longest[name][0][0] if name in longest else 0):
            longest[name] = held
    found: Json = {}
    for name, held in sorted(longest.items()):
        life = held[-1][0] - held[0][0]
        warm = [size for at, size in held if at - held[0][0] >= min(WARM_UP, life / 4)] or [held[-1][1]]
        third = max(1, len(warm) // 3)
        first, last = statistics.median(warm[:third]), statistics.median(warm[-third:])
        lives = sum(other == name for other, _ in watch.memory)
        found[name] = {
            "lives": lives,
            "life_s": round(life),
            "first_third_mb": round(first / 1024, 1),
            "last_third_mb": round(last / 1024, 1),
            "ratio": round(last / first, 3),
            "flat": last <= FLAT * first if life >= LONG_LIFE else None,
        }
    return found


# ---- the state that people are left in

_JSON_TEXTS = {"intake", "practice", "form", "reminders", "prescribed", "referring", "rule"}
_LEFT_OUT = {"id", "patient_id", "key", "clinic_id", "looked_at", "look_at", "due_at"}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\b\d\d:\d\d(?::\d\d(?:\.\d+)?)?\b")
_NAMED = re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\w* \d{1,2} \w{3,9}(?: \d{4})?\b")
_TABLES = (
    AssessmentRow, SessionRow, ScoreRow, ReminderRow, ConsentRow, FeedbackRow, SafetyEventRow, MissRow,
)  # fmt: skip


async def states(running: Running, lived: Lived) -> dict[int, Json]:
    """Everybody's state by their number: what stands in the database of them, without ids and times.

    A day is told as so many days from today. What a reminder of the care plan or a re-check counts depends on the
    hour, so their counts are left out.
    """
    found: dict[int, Json] = {}
    today = datetime.now(UTC).date()
    store = Store(f"sqlite+aiosqlite:///{running.home / 'septimus.db'}")
    try:
        async with store.reading() as session:
            for person in lived.people:
                row = await session.get(PatientRow, person.patient)
                state: Json = {"patients": _plain(_values(row), today) if row is not None else None}
                for table in _TABLES:
                    rows = await session.scalars(select(table).where(table.patient_id == person.patient))
                    told = [_plain(_of_the_hour(_values(each)), today) for each in rows]
                    state[table.__tablename__] = sorted(told, key=lambda each: json.dumps(each, sort_keys=True))
                found[person.number] = state
    finally:
        await store.close()
    return found


def _values(row: Base) -> Json:
    return {column.key: getattr(row, column.key) for column in row.__table__.columns}


def _of_the_hour(row: Json) -> Json:
    """A row of a reminder without what depends on the hour of the run."""
    if "rule" in row and any(kind in row["rule"] for kind in ('"care_point"', '"recheck"')):
        return {name: value for name, value in row.items() if name in ("rule", "state")}
    return row


def _plain(row: Mapping[str, Any], today: date) -> Json:
    told: Json = {}
    for name, value in row.items():
        if name in _LEFT_OUT:
            continue
        if isinstance(value, datetime) or name.endswith("_at"):
            told[name] = value is not None  # when is left out; whether is not
            continue
        if isinstance(value, str) and name in _JSON_TEXTS:
            value = json.loads(value)
        told[name] = _scrubbed(value.isoformat() if isinstance(value, date) else value, today, name)
    return told


def _scrubbed(value: Any, today: date, name: str = "") -> Any:
    """A value without moments and made-up names."""
    if isinstance(value, dict):
        return {key: _scrubbed(each, today, key) for key, each in value.items()}
    if isinstance(value, list):
        return [_scrubbed(each, today) for each in value]
    if not isinstance(value, str):
        return value
    if name in ("name", "id") and re.fullmatch(r"[0-9a-f]{6}", value) and value not in CARE_POINTS:
        return "<name>"
    text = _MOMENT.sub("<moment>", value)
    text = _DAY.sub(lambda found: f"<day {(date.fromisoformat(found[0]) - today).days:+d}>", text)
    return _NAMED.sub("<date>", _TIME.sub("<time>", text))


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a person's state differs between the two runs, and what explains it; nothing does when `why` is empty."""

    person: int
    where: str
    quiet: str
    killed: str
    why: str


PLAIN = "answered without the engine"
"""The answer came from plain search: another article, or the question which was meant."""
NOT_ASKED = "a safety question that only the engine's understanding asks"
"""It stands behind the screen as a second net. Whoever is asked it must answer before exercises go on."""
_PLAIN_CHANGES = {"patients.misses", "patients.last_article", "misses", "feedback"}


def differences(quiet: Mapping[int, Json], killed: Mapping[int, Json], told_plain: Sequence[int]) -> list[Difference]:
    """Where people's states differ. `told_plain` are those who got an answer without the engine in either run."""
    found = []
    for person in sorted(quiet):
        one, other = _flat(quiet[person]), _flat(killed[person])
        asked_one, asked_other = _provisional(quiet[person]), _provisional(killed[person])
        for where in sorted(one.keys() | other.keys()):
            if one.get(where) == other.get(where):
                continue
            why = ""
            if person in told_plain:
                why = PLAIN if where in _PLAIN_CHANGES else NOT_ASKED if asked_one != asked_other else ""
            found.append(Difference(person, where, _short(one.get(where)), _short(other.get(where)), why))
    return found


def unexplained(found: Sequence[Difference]) -> list[Difference]:
    """Those for which there is no reason."""
    return [each for each in found if not each.why]


def _flat(state: Mapping[str, Any]) -> Json:
    """A person's state by place: each field of theirs, and each table."""
    fields = {f"patients.{name}": value for name, value in (state["patients"] or {}).items()}
    return fields | {table: rows for table, rows in state.items() if table != "patients"}


def _provisional(state: Mapping[str, Any]) -> list[Json]:
    """The safety questions that were asked without an alarm that is certain."""
    return [each for each in state.get("safety_events", ()) if each["provisional"]]


def _short(value: object) -> str:
    return json.dumps(value, sort_keys=True)[:1500]


# ---- the whole


def measure(folder: Path, *, minutes: float, people: int, kill_every: float, seed: int) -> Json:
    """The quiet run and the one with kills, each with a stack of its own, and the two side by side."""
    found: Json = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "people": people,
        "minutes": minutes,
        "kill_every": kill_every,
        "seed": seed,
    }
    ended = {}
    for name, every in (("quiet", 0.0), ("killed", kill_every)):
        with stack(folder / name) as running:
            asyncio.run(run_load(running, people=_FIRST_OF_ALL, seconds=20, seed=seed, first_user=40_001, pace=0.3))
            lived = asyncio.run(run_load(running, people=people, seconds=minutes * 60, seed=seed, kill_every=every))
            found[name] = counted(running, lived)
            ended[name] = asyncio.run(states(running, lived))
            (folder / f"{name}.json").write_text(json.dumps([found[name], ended[name]], indent=1), encoding="utf-8")
        print(json.dumps({name: found[name]}, indent=1), file=sys.stderr, flush=True)
    found["states"] = compared(found, ended["quiet"], ended["killed"])
    return found


def compared(found: Json, quiet: Mapping[int, Json], killed: Mapping[int, Json]) -> Json:
    """How many people are in the same state after both runs, and where the others differ."""
    differs = differences(quiet, killed, sorted({*found["quiet"]["told_plain"], *found["killed"]["told_plain"]}))
    return {
        "people": len(quiet),
        "same": len(quiet) - len({each.person for each in differs}),
        "by_place": [
            {"where": where, "why": why, "people": count}
            for (where, why), count in sorted(Counter((each.where, each.why) for each in differs).items())
        ],
        "unexplained": [dataclasses.asdict(each) for each in unexplained(differs)],
    }


_FLAT_TOLD = {True: "yes", False: "no", None: "too short"}


def _table(found: Json) -> str:
    """The figures as a page."""
    quiet, killed, state = found["quiet"], found["killed"], found["states"]
    kills = sum(killed["kills"].values())
    told = ", ".join(f"{name} {count}" for name, count in sorted(killed["kills"].items()))
    rows = [
        ("people", quiet["people"], killed["people"], ""),
        ("messages and taps", f"{quiet['messages']:,}", f"{killed['messages']:,}", ""),
        ("messages of the bot", f"{quiet['answers']:,}", f"{killed['answers']:,}", ""),
        ("reminders that came", quiet["reminders_that_came"], killed["reminders_that_came"], ""),
        ("until all was quiet", f"{quiet['seconds']:.0f} s", f"{killed['seconds']:.0f} s", ""),
        ("killed with SIGKILL", "0", f"{kills} ({told})", ""),
        ("messages lost", len(quiet["lost"]), len(killed["lost"]), "0"),
        ("answers that came twice", len(quiet["doubled"]), len(killed["doubled"]), f"at most {kills}"),
        ("... for one kill", "", max(killed["doubled_by_kill"], default=0), "at most 1"),
        ("messages tried again", quiet["tried_again"], killed["tried_again"], ""),
        ("answers without the engine", quiet["plain_answers"], killed["plain_answers"], ""),
        ("time to an answer, p50", f"{quiet['answer_s']['p50']} s", f"{killed['answer_s']['p50']} s", ""),
        ("... p95", f"{quiet['answer_s']['p95']} s", f"{killed['answer_s']['p95']} s", ""),
        ("... the longest", f"{quiet['answer_s']['most']} s", f"{killed['answer_s']['most']} s", ""),
        ("people in the state of the quiet run", "", f"{state['same']} of {state['people']}", ""),
        ("differences without a reason", "", len(state["unexplained"]), "0"),
    ]
    page = [
        "# Load and kills: what was measured",
        "",
        "Written by `python -m bench.load`: `septimus run` with the real engine, action server, gateway and desk",
        f"against the local Bot API. {found['people']} invented people come within {found['minutes']:g} minutes: for",
        "first contact, questions, a triage intake, a session of exercises, a check-in, a reminder and its coming.",
        f"It is done twice with one seed: in quiet, and with a process killed every {found['kill_every']:g} s.",
        f"{found['machine']['cores']} cores, Python {found['machine']['python']}. "
        "Counts carry over to other machines, times don't: they are those of this one, with what else it had to do.",
        "",
        "| what | in quiet | with kills | promised |",
        "|---|---|---|---|",
        *(f"| {what} | {one} | {other} | {promised} |" for what, one, other, promised in rows),
        "",
        "## Where people's states differ",
        "",
        "An answer without the engine comes from plain search. It may tell another article, or ask which was meant. So",
        "what was told last, what was rated, and what was not understood may differ for whoever got one.",
        "The engine's understanding is also a second net behind the screen: it may ask to be sure. While it is away",
        "that question is not asked, and whoever is asked it goes another way. The screen itself needs no engine.",
        "",
        *(
            [
                "| where | people | why |",
                "|---|---|---|",
                *(f"| {each['where']} | {each['people']} | {each['why'] or '?'} |" for each in state["by_place"]),
            ]
            if state["by_place"]
            else ["Nowhere."]
        ),
        "",
        "## Memory",
        "",
        "Resident memory in the longest life of each process: the median of its last third beside that of its first,",
        f"after the first {WARM_UP:g} s; {_FIRST_OF_ALL} people did all of it before. Flat is at most",
        f"{FLAT:g}-fold. The sandbox plays Telegram and keeps every message and call, up to a limit, so it grows.",
        "A life of less than two minutes says nothing.",
        "",
        "| process | run | lives | longest life | first third | last third | ratio | flat |",
        "|---|---|---|---|---|---|---|---|",
        *(
            f"| {name} | {run} | {held['lives']} | {held['life_s']} s | {held['first_third_mb']} MB "
            f"| {held['last_third_mb']} MB | {held['ratio']} | {_FLAT_TOLD[held['flat']]} |"
            for run in ("quiet", "killed")
            for name, held in found[run]["memory"].items()
        ),
        "",
    ]
    return "\n".join(page)


def main(arguments: Sequence[str]) -> int:
    """Measure, print JSON, and write docs when it is the full run."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--kill-every", type=float, default=20.0, help="seconds")
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--home", type=Path, default=None, help="a new folder for the data; by default a temporary one")
    parser.add_argument("--write", action="store_true", help="write docs/load.json and docs/load.md in any case")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="septimus-load-") as name:
        found = measure(
            given.home or Path(name),
            minutes=given.minutes,
            people=given.people,
            kill_every=given.kill_every,
            seed=given.seed,
        )
    print(json.dumps(found, indent=2))
    if given.write or (given.minutes >= 10 and given.people >= 500):
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        TABLE.write_text(_table(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
