"""`python -m bench.scale`: one gateway, engine, action server beside two of each, on one PostgreSQL and one Redis.

The kernel holds each set to the same part of a core, as if it were a machine of that size: then two sets may do twice
what one does, and what they share (PostgreSQL, Redis, the stand-in for Telegram, the people who write) has the rest of
the machine to itself in both runs. Messages come by webhook, as Telegram sends them: many at once, each person's own
one after the other, to either gateway in turn. Needs the right to make a control group (root).

Writes bench/scale.json, and the tables of docs/scale.md from it. `--small` shows that it runs, and writes nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count, pairwise
from pathlib import Path

import httpx
from sqlalchemy import func, select

from bench.measure import Json, machine
from bench.system import beside
from bot.clock import system_clock
from bot.patient import Step
from bot.reminders.plan import Plan, Reminder
from bot.reminders.schedule import Schedule
from bot.settings import ROOT
from bot.stack.processes import free_ports
from bot.store import Store, patients, reminders
from bot.store.tables import InboxRow, OutboxRow, ReminderRow

RESULTS = ROOT / "bench" / "scale.json"
PAGE = ROOT / "docs" / "scale.md"
BEGIN, END = "<!-- bench.scale: begin -->", "<!-- bench.scale: end -->"
TOKEN = "7000000001:sandbox"
SECRET = "invented-secret"
READY_WITHIN_S = 600.0
QUIET_WITHIN_S = 150.0
PART_OF_A_CORE = 0.4
"""So much may each set use, of both runs: two of them leave more than a core of two to what they share."""
AT_ONCE = 16
"""How many webhook calls are under way side by side; Telegram makes up to 40."""
QUESTIONS = (
    "how do I protect my eye at night?",
    "can I use electrical stimulation?",
    "how long does it take to get better?",
    "what is synkinesis?",
    "is botox an option?",
    "why is my mouth pulling to one side?",
)


@dataclass
class Set:
    """One of each: action server, engine, gateway; as one machine would run them."""

    number: int
    home: Path
    webhook: str
    engine: str
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def log(self, name: str) -> str:
        """All that a process wrote."""
        return (self.home / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def kill(self, name: str) -> None:
        """End a process at once, with its children."""
        process = self.processes[name]
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@dataclass(frozen=True)
class Installation:
    """Sets that share a database, a Redis and a bot."""

    sets: Sequence[Set]
    telegram: str
    database: str

    def store(self) -> Store:
        """Open the database."""
        return Store(self.database, self.sets[0].home.parent / "keys")


@contextmanager
def installation(number: int, folder: Path, model: Path, *, held: bool) -> Iterator[Installation]:
    """Run so many sets while the block runs; all of it is ready when it begins.

    Args:
        number: how many sets.
        folder: where their homes and logs go.
        model: the trained model.
        held: each set to its part of a core.
    """
    with ExitStack() as stack:
        database = stack.enter_context(beside("bench_postgres", ROOT / "tests" / "postgres.py").server())
        locks = stack.enter_context(beside("bench_redis", ROOT / "tests" / "redis.py").server())
        telegram = stack.enter_context(_telegram())
        ports = iter(free_ports(3 * number))
        sets = [
            Set(each, folder / f"set-{each}", f"http://127.0.0.1:{next(ports)}", f"http://127.0.0.1:{next(ports)}")
            for each in range(1, number + 1)
        ]
        shared = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("SEPTIMUS_", "TELEGRAM_"))},
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "SEPTIMUS_DATABASE_URL": database,
            "SEPTIMUS_REDIS_URL": locks,
            "SEPTIMUS_KEYS_FILE": str(folder / "keys"),
            "SEPTIMUS_ENGINE_TOKEN": secrets.token_hex(16),
            "SEPTIMUS_ENGINE_URLS": ",".join(each.engine for each in sets),
            "SEPTIMUS_ENGINE_TIMEOUT": "30",
            "SEPTIMUS_GATEWAYS": str(number),
            "SEPTIMUS_GATEWAY_WATCH_PORT": "0",
            "SEPTIMUS_WEBHOOK_URL": "http://127.0.0.1:9",  # the bench brings the updates itself
            "SEPTIMUS_WEBHOOK_SECRET": SECRET,
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "TELEGRAM_API_BASE": telegram,
        }
        _migrated(database, folder / "keys")
        for each in sets:
            _begin(each, {**shared, "SEPTIMUS_ACTIONS_PORT": str(next(ports))}, model)
            stack.callback(_end, each)
        for each in sets:
            _wait(each, str(shared["SEPTIMUS_ENGINE_TOKEN"]))
        for each in sets if held else ():
            stack.enter_context(_held(each))
        yield Installation(sets, telegram, database)


@contextmanager
def _held(one: Set) -> Iterator[None]:
    """Let the kernel give a set no more than its part of a core while the block runs."""
    is_old = (_GROUPS / "cpu" / "cpu.cfs_quota_us").exists()  # the kernel's first kind of control groups
    root = _GROUPS / "cpu" if is_old else _GROUPS
    group = root / f"septimus-bench-{os.getpid()}-{one.number}"
    group.mkdir()
    quota = int(PART_OF_A_CORE * _PERIOD_US)
    try:
        if is_old:
            (group / "cpu.cfs_quota_us").write_text(f"{quota}")
        else:
            (group / "cpu.max").write_text(f"{quota} {_PERIOD_US}")
        for process in one.processes.values():
            (group / "cgroup.procs").write_text(str(process.pid))
        yield
    finally:
        for process in one.processes.values():
            (root / "cgroup.procs").write_text(str(process.pid))
        group.rmdir()


_GROUPS, _PERIOD_US = Path("/sys/fs/cgroup"), 100_000


def _begin(one: Set, shared: Mapping[str, str], model: Path) -> None:
    one.home.mkdir(parents=True)
    environment = {
        **shared,
        "SEPTIMUS_HOME": str(one.home),
        "SEPTIMUS_INSTANCE": f"gateway-{one.number}",
        "SEPTIMUS_WEBHOOK_PORT": one.webhook.rpartition(":")[2],
    }
    actions = f"http://127.0.0.1:{shared['SEPTIMUS_ACTIONS_PORT']}/webhook"
    address = f"postgresql:{shared['SEPTIMUS_DATABASE_URL'].partition(':')[2]}"
    token = f"--auth-token={shared['SEPTIMUS_ENGINE_TOKEN']}"
    engine = [str(ROOT / "engine" / "rasa"), "serve", "--model", str(model), "--interface", "127.0.0.1"]
    engine += ["--port", one.engine.rpartition(":")[2], "--enable-api", token]
    engine += ["--endpoints", str(ROOT / "endpoints.yml"), "--credentials", str(ROOT / "credentials.yml")]
    its = {"SEPTIMUS_TRACKER_URL": address, "SEPTIMUS_ACTIONS_URL": actions, "LOG_LEVEL": "WARNING"}
    commands: dict[str, tuple[list[str], Mapping[str, str]]] = {
        "actions": ([sys.executable, "-m", "actions.server"], {}),
        "engine": (engine, {**its, "OMP_NUM_THREADS": "1"}),
        "gateway": ([sys.executable, "-m", "bot.gateway"], {}),
    }
    for name, (command, more) in commands.items():
        with (one.home / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT if name == "engine" else one.home,
                env={**environment, **more},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        one.processes[name] = process


def _wait(one: Set, token: str) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    ready = one.home / "run" / f"gateway-{one.number}.ready"
    while time.monotonic() < deadline:
        for name, process in one.processes.items():
            if process.poll() is not None:
                raise SystemExit(f"The {name} of set {one.number} ended:\n{one.log(name)[-2000:]}")
        if ready.exists() and _answers(f"{one.engine}/status", token):
            return
        time.sleep(0.5)
    raise SystemExit(f"Set {one.number} was not ready in {READY_WITHIN_S:.0f} s; see {one.home}.")


def _answers(url: str, token: str) -> bool:
    try:
        return httpx.get(url, params={"token": token}, timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _end(one: Set) -> None:
    for name in one.processes:
        one.kill(name)


@contextmanager
def _telegram() -> Iterator[str]:
    command = [sys.executable, "-m", "bot.sandbox", "--host", "127.0.0.1", "--port", "0", "--token", TOKEN]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        yield process.stdout.readline().split()[-1].rstrip("/") if process.stdout else ""
    finally:
        process.kill()
        process.wait()


def _migrated(database: str, keys: Path) -> None:
    async def migrate() -> None:
        store = Store(database, keys)
        await store.migrate()
        await store.close()

    asyncio.run(migrate())


# what is measured


class Traffic:
    """People who write, and what comes back."""

    def __init__(self, whole: Installation, people: Sequence[int]) -> None:
        self._whole, self.people = whole, people
        self._turns, self._numbers = count(), count(1)
        self.asked: dict[int, list[int]] = {person: [] for person in people}
        """The numbers of each person's updates, in their order."""

    async def prepare(self) -> None:
        """Write the people down as having agreed, and let the stand-in know them."""
        now, store = system_clock(), self._whole.store()
        async with store.writing() as session:
            for person in self.people:
                new = await patients.of_chat(session, person, now)
                known = replace(new, step=Step.DONE, consented_at=now, consent_version="invented", country="GB")
                await patients.save(session, known)
        await store.close()
        async with httpx.AsyncClient(base_url=self._whole.telegram, timeout=30, trust_env=False) as client:
            for person in self.people:
                body = {"user": person, "name": f"Invented {person}", "language_code": "en"}
                (await client.post("/sandbox/users", json=body)).raise_for_status()

    async def say(self, messages: int) -> None:
        """Let everyone ask so many questions, without waiting for the answers."""
        gate = asyncio.Semaphore(AT_ONCE)
        async with httpx.AsyncClient(
            timeout=30, trust_env=False, headers={"X-Telegram-Bot-Api-Secret-Token": SECRET}
        ) as client:

            async def one(person: int) -> None:
                for _ in range(messages):
                    async with gate:
                        await self._post(client, person)

            await asyncio.gather(*(one(person) for person in self.people))

    async def _post(self, client: httpx.AsyncClient, person: int) -> None:
        number, turn = next(self._numbers), next(self._turns)
        chat = {"id": person, "type": "private", "first_name": f"Invented {person}"}
        sender = {"id": person, "is_bot": False, "first_name": chat["first_name"], "language_code": "en"}
        text = QUESTIONS[(person + len(self.asked[person])) % len(QUESTIONS)]
        message = {"message_id": number, "date": int(time.time()), "from": sender, "chat": chat, "text": text}
        self.asked[person].append(number)
        sets = self._whole.sets
        address = f"{sets[turn % len(sets)].webhook}/telegram"
        (await client.post(address, json={"update_id": number, "message": message})).raise_for_status()

    async def quiet(self, within: float = QUIET_WITHIN_S) -> None:
        """Wait until nothing is left to answer or to send."""
        deadline, store = time.monotonic() + within, self._whole.store()
        while True:
            async with store.reading() as session:
                left = await session.scalar(select(func.count()).where(InboxRow.state == "waiting")) or 0
                left += await session.scalar(select(func.count()).where(OutboxRow.state == "waiting")) or 0
            if not left:
                break
            if time.monotonic() > deadline:
                raise SystemExit(f"{left} messages were still under way after {within:.0f} s.")
            await asyncio.sleep(0.5)
        await store.close()

    async def check(self, warm: int) -> Json:
        """Say whether every message was answered, once, and each person's in order, by what the stand-in took.

        The first `warm` messages are checked as the others, and left out of the time.
        """
        store = self._whole.store()
        async with store.reading() as session:
            rows = list(await session.scalars(select(OutboxRow).where(OutboxRow.key.startswith("update:"))))
            came = {row.update_id: row for row in await session.scalars(select(InboxRow))}
        await store.close()
        answered: dict[int, list[tuple[int, int]]] = {person: [] for person in self.people}
        for row in rows:
            if row.act.startswith("send") and row.message_id is not None:
                number = int(row.key.split(":")[1])
                answered[came[number].chat_id if number in came else 0].append((row.message_id, number))
        kept = all(a[1] <= b[1] for told in answered.values() for a, b in pairwise(sorted(told)))
        lost = [n for person, asked in self.asked.items() for n in asked if n not in {x for _, x in answered[person]}]
        async with httpx.AsyncClient(base_url=self._whole.telegram, timeout=60, trust_env=False) as client:
            calls = (await client.get("/sandbox/calls")).json()
        sends = [c for c in calls if c["code"] == 200 and c["method"].lower() in _SENDS]
        sent = sum(row.act.startswith("send") and row.state == "sent" for row in rows)
        first = min(row.received_at for row in came.values() if row.update_id > warm)
        last = max(row.finished_at for row in rows if row.finished_at is not None)
        return {
            "messages": sum(map(len, self.asked.values())) - warm,
            "lost": len(lost),
            "doubled": len(sends) - sent,
            "order_kept": kept,
            "seconds": round((last - first).total_seconds(), 2),
        }


_SENDS = frozenset({"sendmessage", "sendphoto", "senddocument"})


async def _reminders(whole: Installation, number: int) -> float:
    """Let so many reminders be due at once; return how many a second are handed over to be sent."""
    store, due = whole.store(), system_clock()
    rule = Schedule(kind="exercises", zone="UTC", times=(due.time().replace(microsecond=0),))
    plan = Plan((Reminder("abc123", rule),)).dumps()
    async with store.writing() as session:
        for chat in range(500_001, 500_001 + number):
            new = await patients.of_chat(session, chat, due)
            known = replace(new, step=Step.DONE, consented_at=due, consent_version="x", country="GB", reminders=plan)
            await patients.save(session, known)
            await reminders.sync(session, new.id, {"abc123": rule.dumps()}, lambda *_: due)
    begun = time.monotonic()
    while True:
        async with store.reading() as session:
            waiting = select(func.count()).where(ReminderRow.state == "active", ReminderRow.look_at <= system_clock())
            if not await session.scalar(waiting):
                break
        await asyncio.sleep(0.1)
        if time.monotonic() - begun > QUIET_WITHIN_S:
            raise SystemExit("Reminders were not handed over in time.")
    await store.close()
    return round(number / (time.monotonic() - begun), 1)


def _cpu(process: subprocess.Popen[bytes]) -> float:
    """Seconds of processor time of a process and of those it has begun."""
    total, ticks = 0.0, os.sysconf("SC_CLK_TCK")
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == process.pid:  # the session: each was started as the head of its own
                total += (int(fields[11]) + int(fields[12])) / ticks
    return total


def _memory(process: subprocess.Popen[bytes]) -> float:
    """Megabytes that a process and those it has begun hold."""
    pages = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == process.pid:
                pages += int(fields[21])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)


def measure(sets: int, model: Path, people: int, messages: int, due: int) -> Json:
    """Measure so many sets: messages and reminders a second, processor time a message, memory, and the order."""
    with (
        tempfile.TemporaryDirectory(prefix="septimus-scale-") as folder,
        installation(sets, Path(folder), model, held=True) as whole,
    ):
        traffic = Traffic(whole, range(1001, 1001 + people))

        async def run() -> Json:
            await traffic.prepare()
            await traffic.say(1)  # what is loaded at the first message is not what is measured
            await traffic.quiet()
            before = _used(whole)
            await traffic.say(messages)
            await traffic.quiet()
            after = _used(whole)
            found = await traffic.check(warm=people)
            found["cpu_ms_a_message"] = {
                name: round((after[name] - before[name]) * 1000 / found["messages"], 1) for name in after
            }
            found["reminders_a_second"] = await _reminders(whole, due)
            return found

        found = asyncio.run(run())
        found["a_second"] = round(found["messages"] / found["seconds"], 2)
        found["memory_mb"] = {name: _memory(process) for name, process in whole.sets[0].processes.items()}
        found["by_engine"] = [each.log("engine").count('"event": "engine.answered"') for each in whole.sets]
        found["by_gateway"] = [each.log("gateway").count('"event": "message.sent"') for each in whole.sets]
        found["plain_answers"] = sum(each.log("gateway").count('"event": "engine.away"') for each in whole.sets)
        return found


def _used(whole: Installation) -> dict[str, float]:
    used: defaultdict[str, float] = defaultdict(float)
    for each in whole.sets:
        for name, process in each.processes.items():
            used[name] += _cpu(process)
    return dict(used)


# docs/scale.md

WROTE, SENT, BUSY = 4, 6, 0.12
"""Assumed, not measured: messages that a patient writes and is sent in a day, and the busiest hour's share of them."""
TELEGRAM_A_SECOND = 30
"""Messages that Telegram takes from one bot in a second."""
PEOPLE = (1_000, 10_000, 100_000, 1_000_000)


def tables(found: Json) -> str:
    """Return what docs/scale.md says from the figures."""
    one, two = found["one"], found["two"]
    cpu = sum(one["cpu_ms_a_message"].values())
    lines: list[str] = [
        f"Each set is held to {PART_OF_A_CORE} of a core.",
        "",
        f"Measured {found['made_at'][:10]} on {found['machine']['processor']}, {found['machine']['cores']} cores; "
        f"load before {found['machine']['load_before'][0]}.",
        "",
        "| | one of each | two of each |",
        "|---|---|---|",
        f"| messages answered a second | {one['a_second']} | {two['a_second']} (× {found['ratio']}) |",
        f"| reminders handed over a second | {one['reminders_a_second']} | {two['reminders_a_second']} |",
        f"| messages, lost, doubled | {one['messages']}, {one['lost']}, {one['doubled']} "
        f"| {two['messages']}, {two['lost']}, {two['doubled']} |",
        f"| each person's answers in order | {_yes(one)} | {_yes(two)} |",
        f"| answered by each engine | {_each(one['by_engine'])} | {_each(two['by_engine'])} |",
        f"| sent by each gateway | {_each(one['by_gateway'])} | {_each(two['by_gateway'])} |",
        "",
        "| one of each | processor a message | memory |",
        "|---|---|---|",
        *(
            f"| {name} | {one['cpu_ms_a_message'][name]} ms | {one['memory_mb'][name]} MB |"
            for name in one["cpu_ms_a_message"]
        ),
        f"| together | {cpu:.0f} ms | {sum(one['memory_mb'].values())} MB |",
        "",
        f"Assumed: a patient writes {WROTE} messages a day and is sent {SENT}; the busiest hour has {BUSY:.0%} of all.",
        "",
        "| patients | come in, busiest second | go out, busiest second | sets of one core, two thirds busy | bots |",
        "|---|---|---|---|---|",
    ]
    for people in PEOPLE:
        come, go = (people * each * BUSY / 3600 for each in (WROTE, SENT))
        cores = max(1, math.ceil(round(come * cpu / 1000 * 1.5, 6)))
        bots = max(1, math.ceil(round(go / TELEGRAM_A_SECOND, 6)))
        lines.append(f"| {people:,} | {come:.1f} | {go:.1f} | {cores} | {bots} |")
    return "\n".join(lines)


def _yes(found: Json) -> str:
    return "yes" if found["order_kept"] else "NO"


def _each(figures: Sequence[int]) -> str:
    return " and ".join(str(each) for each in figures)


def page(text: str, found: Json) -> str:
    """Return the page with the tables of these figures in place of those that stand in it."""
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n{tables(found)}\n{END}{after}"


def main() -> int:
    """Measure, and write what was found. Returns 1 when a message was lost or doubled, or the order was not kept."""
    from bot.stack.model import current_model

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=120)
    parser.add_argument("--messages", type=int, default=6)
    parser.add_argument("--reminders", type=int, default=400)
    parser.add_argument("--small", action="store_true", help="show quickly that it runs, and write nothing")
    given = parser.parse_args()
    model = current_model()
    if model is None:
        sys.stderr.write("There is no trained model. Run: septimus train\n")
        return 2
    amounts = (8, 2, 50) if given.small else (given.people, given.messages, given.reminders)
    found: Json = {"made_at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}
    for name, sets in (("one", 1), ("two", 2)):
        found[name] = measure(sets, model, *amounts)
        sys.stderr.write(f"{name} of each: {found[name]['a_second']} messages a second\n")
    found["ratio"] = round(found["two"]["a_second"] / found["one"]["a_second"], 2)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    if not given.small:
        RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")
    both = (found["one"], found["two"])
    return int(any(each["lost"] or each["doubled"] or not each["order_kept"] for each in both))


if __name__ == "__main__":
    sys.exit(main())
