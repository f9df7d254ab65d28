"""What `septimus doctor` looks at: one finding a line, each with what to do. Nothing is changed, and nobody is told of.

It works with the system up and down: what can only be seen while it runs is left out while it does not.
"""

import asyncio
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from bot.clock import system_clock
from bot.content_file import ContentError
from bot.referral.learned import load
from bot.settings import CONTENT, MODELS, ROOT, Settings
from bot.stack import contents
from bot.stack.backup import ASIDE, IN_USE, NoBackup, left_copies, schemas_held
from bot.stack.model import ENGINE_PYTHON, current_model, is_whole, stamped_model
from bot.stack.processes import RESTARTS, is_taken
from bot.store import Store, schema, seals, standing
from bot.store.keys import KeysUnusable, place_of

type Level = Literal["ok", "note", "warning", "fault"]

LITTLE_MEMORY = 500_000_000
"""Bytes of memory that are left: below this the kernel may soon end a process."""
LEAST_FREE, LITTLE_FREE = 200_000_000, 2_000_000_000
"""Bytes of free disk space: below the first messages may be lost soon, below the second somebody should look."""
_SECONDS = 3.0
_REDIS_PORT = 6379
_MEMINFO = Path("/proc/meminfo")
_ENDED = {"hung": "it hung", "signal 9": "it was killed", "never ready": "it did not get ready in time"}
_OLDEST_PYTHON = (3, 12)
_ENGINE_PYTHON = "3.10"
_WAITS_LONG, _WAITS_TOO_LONG = timedelta(minutes=1), timedelta(minutes=10)
_CLOCK_MAY_BE_OFF = timedelta(seconds=30)
_MESSAGES_MAY_BE_AHEAD = timedelta(minutes=5)
_NOT_WRITTEN = {
    "locked": "Another program holds its lock. See which (fuser septimus.db), and end it.",
    "full": "The disk is full. Make room: it goes on by itself, and what people write waits at Telegram.",
    "readonly": "Its files are read-only. See who owns them, whether they are immutable, and how the disk is mounted.",
    "read-only": "The server takes no writing. See default_transaction_read_only, and whether it is a standby.",
    "i/o error": "The disk refuses to write: look at the kernel's log. If it is damaged: septimus restore FILE",
}
_MODEL_ANEW = "Run: septimus train --force"
_ROWS_OPEN_WITHIN = 60.0
_BUILT_IN = 2026
"""No clock that is right shows an earlier year."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it is, and what to do when it is not well."""

    about: str
    level: Level
    said: str
    remedy: str = ""

    def __str__(self) -> str:
        """Return the line."""
        return f"{self.level:8}{self.about}: {self.said}" + (f" {self.remedy}" if self.remedy else "")


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is on one port: nobody, one of ours, a stranger, or somebody who takes a call and then says nothing."""

    name: str
    port: int
    setting: str
    taken: bool
    ours: bool
    silent: bool = False


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything, and return what was found, a line each."""
    seen = await _ports(settings)
    is_up = any(each.ours for each in seen)
    looks: Sequence[Callable[[], Awaitable[list[Finding]]]] = (
        lambda: asyncio.to_thread(_environments),
        lambda: asyncio.to_thread(_model),
        lambda: asyncio.to_thread(_encoder),
        lambda: asyncio.to_thread(_letters),
        lambda: asyncio.to_thread(_second_reading),
        lambda: asyncio.to_thread(_content, settings),
        lambda: asyncio.to_thread(_disk, settings),
        lambda: asyncio.to_thread(_left_copies, settings),
        lambda: _database(settings, is_up=is_up),
        lambda: asyncio.to_thread(_put_aside, settings),
        lambda: _as_findings(seen, is_up=is_up),
        lambda: _engine(settings, seen, is_up=is_up),
        lambda: _redis(settings),
        lambda: asyncio.to_thread(_restarts, settings),
        lambda: asyncio.to_thread(_memory),
        lambda: _telegram(settings),
        lambda: _clock(settings),
    )
    found = []
    for look in looks:
        try:
            found += await look()
        except Exception as error:  # the doctor must get to the end, above all when something is very wrong
            found.append(Finding("doctor", "fault", f"one look failed ({type(error).__name__}).", "Look at the logs."))
    return found


def worst(findings: Sequence[Finding]) -> int:
    """Return the exit code: 1 with a fault, otherwise 0."""
    return int(any(finding.level == "fault" for finding in findings))


# --- what is installed ----------------------------------------------------------------------------------------------


def _environments() -> list[Finding]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] < _OLDEST_PYTHON:
        return [
            Finding("python", "fault", f"this is Python {version}.", "Install Python 3.12 or newer, then: make setup")
        ]
    found = [Finding("python", "ok", version)]
    if not ENGINE_PYTHON.exists():
        told = "the engine's environment is missing: questions get the plain answer."
        return [*found, Finding("engine's python", "fault", told, "Run: make setup")]
    try:
        asked = [str(ENGINE_PYTHON), "--version"]
        told = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=True).stdout  # noqa: S603 - ours
    except (OSError, subprocess.SubprocessError):
        told = ""
    engine = told.strip().removeprefix("Python ")
    has_rasa = (ENGINE_PYTHON.parent / "rasa").exists()
    if not engine.startswith(f"{_ENGINE_PYTHON}.") or not has_rasa:
        why = "it has no Rasa" if engine else "it does not start"
        why = f"it is Python {engine}, not {_ENGINE_PYTHON}" if engine and has_rasa else why
        remedy = "Remove engine/.venv, then: make setup"
        return [*found, Finding("engine's python", "fault", f"the environment is damaged: {why}.", remedy)]
    return [*found, Finding("engine's python", "ok", engine)]


def _model() -> list[Finding]:
    remedy = "Run: septimus train"
    try:
        model = current_model()
    except OSError as error:
        told = f"what it is made from can't be read ({type(error).__name__})."
        return [Finding("model", "fault", told, "Put the missing files of the program back.")]
    if model is None:
        damaged = stamped_model()
        if damaged is not None and not is_whole(damaged):
            return [Finding("model", "fault", f"{damaged.name} is damaged.", _MODEL_ANEW)]
        any_model = any(MODELS.glob("septimus-*.tar.gz"))
        told = "it is older than what it is made from." if any_model else "there is none."
        return [Finding("model", "fault", told, remedy)]
    if not is_whole(model):
        return [Finding("model", "fault", f"{model.name} is damaged.", _MODEL_ANEW)]
    return [Finding("model", "ok", f"{model.name}, fresh and whole")]


def _encoder() -> list[Finding]:
    home, code = MODELS / "encoders", ROOT / "engine" / "components"
    remedy = "Run: engine/.venv/bin/python -m engine.components.encoder"
    source = (code / "encoder_graph.py").read_bytes()
    typical = (code / "typical.txt").read_bytes()
    wanted = set()
    for name, weights in re.findall(rb'name="([^"]+)".*?weights_sha256="([0-9a-f]{64})"', source, re.DOTALL):
        made_from = hashlib.sha256(source + typical + weights).hexdigest()
        wanted.add(f"{name.decode()}-{made_from[:16]}")
    present = [folder for folder in sorted(home.glob("*")) if folder.name in wanted]
    if not present:
        return [Finding("encoder", "fault", "its graph is missing, so the engine makes it at its next start.", remedy)]
    damaged = [folder.name for folder in present if not _is_sealed(folder)]
    if damaged:
        return [Finding("encoder", "fault", f"{', '.join(damaged)} is damaged.", remedy)]
    return [Finding("encoder", "ok", f"{', '.join(folder.name for folder in present)}, whole")]


def _letters() -> list[Finding]:
    """Whether the desk reads letters by what was learnt, or by their phrases alone."""
    if load(CONTENT, MODELS) is None:
        told = "what letters are read by is not learnt, is out of date or damaged, so their phrases alone are read."
        return [Finding("letters", "warning", told, "Run: septimus train --force")]
    return [Finding("letters", "ok", "what they are read by is learnt, and fresh")]


def _second_reading() -> list[Finding]:
    """Whether what the desk asks about each letter's sentences can run."""
    hears = ROOT / "engine" / "hear.py"
    for is_there, lacks, remedy in (
        (ENGINE_PYTHON.exists(), "the engine's environment", "Run: make setup"),
        (hears.exists(), "engine/hear.py", "Put the missing files of the program back."),
        (any(MODELS.glob("septimus-*.tar.gz")), "a trained model", "Run: septimus train"),
    ):
        if not is_there:
            told = f"{lacks} is missing here, so a desk on this machine reads letters once."
            return [Finding("second reading", "warning", told, remedy)]
    return [Finding("second reading", "ok", "of letters: what it needs is there")]


def _is_sealed(folder: Path) -> bool:
    digest = hashlib.sha256()
    for name in ("encoder.onnx", "tokenizer.json"):
        path = folder / name
        digest.update(path.read_bytes() if path.exists() else b"missing")
    seal = folder / "sha256"
    return seal.exists() and seal.read_text(encoding="utf-8").strip() == digest.hexdigest()


def _content(settings: Settings) -> list[Finding]:
    remedy = "Run: septimus content check"
    try:
        library, problems = contents.check_all(CONTENT, ROOT / "nlu_data")
    except ContentError as error:
        more = f" and {len(error.problems) - 1} more" if len(error.problems) > 1 else ""
        return [Finding("content", "fault", f"{error.problems[0]}{more}", remedy)]
    if problems:
        return [Finding("content", "fault", f"{len(problems)} problems; the first: {problems[0]}", remedy)]
    count = len(library.articles)
    unreviewed = sum(article.reviewed_by is None for article in library.articles.values())
    if settings.mode == "production" and unreviewed:
        told = f"{unreviewed} of {count} articles are not reviewed, and production refuses to start with them."
        return [Finding("content", "fault", told, "Let a clinician review them, or leave SEPTIMUS_MODE out.")]
    return [Finding("content", "ok", f"{count} articles, no problems")]


# --- what is kept -------------------------------------------------------------------------------------------------


def _disk(settings: Settings) -> list[Finding]:
    home = settings.home.absolute()
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    if not os.access(there, os.W_OK):
        told = f"{there} can't be written: it is read-only, or another user's."
        return [Finding("disk", "fault", told, "Mount it for writing, or give it to the user that Septimus runs as.")]
    free = shutil.disk_usage(there).free
    told = f"{free / 1e9:.1f} GB free for the data folder"
    if free < LEAST_FREE:
        return [Finding("disk", "fault", f"{told}: what people write may soon be lost.", "Make room now.")]
    if free < LITTLE_FREE:
        return [Finding("disk", "warning", f"{told}.", "Make room.")]
    return [Finding("disk", "ok", told)]


def _left_copies(settings: Settings) -> list[Finding]:
    """What a killed backup or restore left: whoever was erased since may be in it."""
    told = "is what a backup or restore that was killed left of the databases."
    return [
        Finding(
            "copies", "warning", f"{path} {told}", f"Run: rm -r {shlex.quote(str(path))} (the next backup does, too)"
        )
        for path in left_copies(settings)
    ]


def _put_aside(settings: Settings) -> list[Finding]:
    """Whether an older program's restore was stopped half-way and left what was there aside."""
    if make_url(settings.database).get_backend_name() == "sqlite":
        return []
    try:
        held = schemas_held(settings)
    except NoBackup:  # the database's own line says that it can't be asked
        return []
    if ASIDE not in held:
        return []
    aside = "" if held[ASIDE] is None else f" of {held[ASIDE]} people"
    if IN_USE not in held:
        told = f"a restore was stopped half-way: the database is empty, and its data{aside} are in the schema {ASIDE}."
        remedy = (
            "Don't start it. Run: septimus restore FILE. It brings them back, and without --yes changes nothing more."
        )
        return [Finding("restore", "fault", told, remedy)]
    in_use = "" if held[IN_USE] is None else f" of {held[IN_USE]} people"
    told = (
        f"a restore was stopped half-way: beside the data in use{in_use} the schema {ASIDE} holds earlier ones{aside}."
    )
    remedy = (
        "Stop Septimus and make a copy with pg_dump. To have the earlier ones, in psql: DROP SCHEMA public CASCADE; "
        f"ALTER SCHEMA {ASIDE} RENAME TO public; to do without them: DROP SCHEMA {ASIDE} CASCADE;"
    )
    return [Finding("restore", "fault", told, remedy)]


async def _database(settings: Settings, *, is_up: bool) -> list[Finding]:
    url = make_url(settings.database)
    kind = "SQLite" if url.get_backend_name() == "sqlite" else url.get_backend_name()
    if kind == "SQLite" and not await asyncio.to_thread(Path(url.database or "").exists):
        if is_up:
            told = "the file is gone while the system runs."
            return [Finding("database", "fault", told, "Stop it, then: septimus restore FILE")]
        return [Finding("database", "note", "there is none yet; the first start makes it.")]
    store = Store(settings.database, place_of(settings.database, settings))
    try:
        return await _opened(store, kind, settings)
    finally:
        await store.close()


async def _opened(store: Store, kind: str, settings: Settings) -> list[Finding]:
    try:
        async with asyncio.timeout(_SECONDS), store.reading() as session:
            revision = await schema.revision_of(session)
    except KeysUnusable as error:
        return [_key_fault(error)]
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        told = f"{kind} can't be reached or has none of our tables ({type(error).__name__})."
        remedy = "Check SEPTIMUS_DATABASE_URL and that the server runs; a damaged file: septimus restore FILE"
        return [Finding("database", "fault", told, remedy)]
    age = schema.age_of(revision)
    if age == "newer":
        told = f"its tables (version {revision}) were made by a newer program than this one."
        return [Finding("database", "fault", told, "Upgrade the program, or restore a backup made with this one.")]
    found = []
    try:
        if store.keys.is_there():  # who writes without one makes one
            async with asyncio.timeout(12), store.writing() as session:
                await schema.touch(session)
            found.append(Finding("database", "ok", f"{kind}, version {revision}, can be read and written"))
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        told = f"{kind} can be read but not written ({type(error).__name__})."
        return [Finding("database", "fault", told, _why_not_written(error))]
    if age == "older":
        told = f"its tables are of version {revision}; the next start brings them to {schema.revisions()[-1]}."
        return [*found, Finding("migrations", "warning", told, "Make a backup, then start it again.")]
    return [*found, *await _keys(store), *await _work(store, settings)]


async def _keys(store: Store) -> list[Finding]:
    """Whether the key file is there, nobody else may read it, and it opens every row."""
    path = store.keys.path
    if not store.keys.is_there():
        return [Finding("keys", "note", f"there is no key file at {path} yet; the next start makes it.")]
    try:
        newest, *old = store.keys.fingerprints()
        if (await asyncio.to_thread(path.stat)).st_mode & 0o077:
            told = f"other users of this machine may read {path}."
            return [Finding("keys", "fault", told, f"Run: chmod 600 {path}. If any did: septimus keys new")]
        async with asyncio.timeout(_ROWS_OPEN_WITHIN), store.reading() as session:
            used = await seals.in_use(session)
            shut = [each async for each in seals.shut(store)]
    except TimeoutError:
        told = f"not every row could be looked at within {_ROWS_OPEN_WITHIN} seconds."
        return [Finding("keys", "warning", told, "Look again when less is going on.")]
    except KeysUnusable as error:
        return [_key_fault(error)]
    except (SQLAlchemyError, OSError) as error:
        told = f"the key file or what is sealed can't be read ({type(error).__name__})."
        return [Finding("keys", "fault", told, "Look at the file's owner and mode; a damaged database is restored.")]
    if shut:
        first = shut[0]
        told = (
            f"{len(shut)} fields can't be opened; the first is {first.column} in row {first.id} of {first.table}, "
            f"sealed with the key {first.key}."
        )
        return [Finding("keys", "fault", told, "Put back the key file that has this key, or a backup of the database.")]
    fields = sum(used.values())
    older = fields - used.get(newest, 0)
    if older:
        told = f"every row opens; {older} of {fields} fields are sealed with an older key than {newest}."
        return [Finding("keys", "note", told, "To seal them anew: septimus keys rotate")]
    more = f", {len(old)} older in the file" if old else ""
    return [Finding("keys", "ok", f"every row opens; {fields} fields are sealed with the key {newest}{more}")]


def _key_fault(error: KeysUnusable) -> Finding:
    told, _, remedy = str(error).partition(". ")
    return Finding("keys", "fault", f"{told}.", remedy)


def _why_not_written(error: Exception) -> str:
    """What to do about a database that can be read and not written, by what it said."""
    said = "locked" if isinstance(error, TimeoutError) else str(getattr(error, "orig", "")).lower()
    for part, remedy in _NOT_WRITTEN.items():
        if part in said:
            return remedy
    return "Look for a full disk, a read-only file, or a program that holds its lock."


async def _work(store: Store, settings: Settings) -> list[Finding]:
    now = system_clock()
    try:
        async with asyncio.timeout(_SECONDS * 4), store.reading() as session:
            work, newest = await standing.work(session, now), await standing.newest(session)
    except (SQLAlchemyError, TimeoutError) as error:
        told = f"what waits can't be read ({type(error).__name__})."
        return [Finding("database", "fault", told, "A damaged database: septimus restore FILE")]
    found = [_waits("inbox", work.inbox, "answered"), _waits("outbox", work.outbox, "sent")]
    stuck = work.inbox.stuck + work.outbox.stuck
    if stuck:
        told = f"{stuck} rows are in the hands of a process that has died."
        found.append(Finding("claims", "warning", told, "They are taken over within 2 minutes of a gateway's start."))
    else:
        held = work.inbox.claimed + work.outbox.claimed
        found.append(Finding("claims", "ok", f"{held} in hand, none stuck"))
    if work.parked:
        told = f"{work.parked} messages were set aside because they could not be answered."
        found.append(
            Finding("set aside", "note", told, "Look for update.parked and update.failed in logs/gateway.log.")
        )
    if newest is not None and newest > now + _MESSAGES_MAY_BE_AHEAD and settings.now is None:
        told = "the newest message was written down in the future."
        found.append(Finding("clock", "fault", told, "This machine's clock was set back: let it be set by NTP."))
    return found


def _waits(name: str, box: standing.Box, done: str) -> Finding:
    if not box.waiting:
        return Finding(name, "ok", "nothing waits")
    told = f"{box.waiting} wait to be {done}, the oldest for {_span(box.oldest)}"
    if box.oldest >= _WAITS_TOO_LONG:
        return Finding(name, "fault", f"{told}.", "Start the gateway; if it runs, look at logs/gateway.log.")
    if box.oldest >= _WAITS_LONG:
        return Finding(name, "warning", f"{told}.", "Look again in a minute; it should be less.")
    return Finding(name, "ok", told)


def _span(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


# --- what runs ----------------------------------------------------------------------------------------------------


async def _ports(settings: Settings) -> list[_Seen]:
    async def ours(url: str, says: Callable[[httpx.Response], bool]) -> bool:
        found = await _get(url)
        try:
            return found is not None and says(found)
        except ValueError:
            return False

    def is_ok(answer: httpx.Response) -> bool:
        return bool(answer.json() == {"status": "ok"})

    def is_rasa(answer: httpx.Response) -> bool:
        return "Rasa" in answer.text

    def is_watch(answer: httpx.Response) -> bool:
        told = answer.json()
        return isinstance(told, dict) and told.get("program") == "septimus"

    def is_sandbox(answer: httpx.Response) -> bool:
        return answer.status_code == 200

    asked: list[tuple[str, int, str, str, Callable[[httpx.Response], bool]]] = [
        ("actions", settings.actions_port, "SEPTIMUS_ACTIONS_PORT", "/health", is_ok),
        ("engine", settings.engine_port, "SEPTIMUS_ENGINE_PORT", "/", is_rasa),
        ("desk", settings.desk_port, "SEPTIMUS_DESK_PORT", "/healthz", is_ok),
        ("gateway's watch", settings.gateway_watch_port, "SEPTIMUS_GATEWAY_WATCH_PORT", "/health", is_watch),
        ("desk's watch", settings.desk_watch_port, "SEPTIMUS_DESK_WATCH_PORT", "/health", is_watch),
    ]
    if settings.telegram_bot_token is None:
        asked.append(("sandbox", settings.sandbox_port, "SEPTIMUS_SANDBOX_PORT", "/healthz", is_sandbox))

    async def look(name: str, port: int, setting: str, path: str, says: Callable[[httpx.Response], bool]) -> _Seen:
        taken = await asyncio.to_thread(is_taken, port)
        asked_at = time.monotonic()
        answers = taken and await ours(f"http://127.0.0.1:{port}{path}", says)
        silent = taken and not answers and time.monotonic() - asked_at >= _SECONDS
        return _Seen(name, port, setting, taken, answers, silent)

    return list(await asyncio.gather(*(look(*each) for each in asked if each[1])))


async def _as_findings(seen: Sequence[_Seen], *, is_up: bool) -> list[Finding]:
    found = []
    for each in seen:
        about = f"port {each.port} ({each.name})"
        if each.ours:
            found.append(Finding(about, "ok", "ours, and answers"))
        elif each.silent:
            told = f"it takes a call and says nothing for {_SECONDS:.0f} s: it hangs."
            remedy = "`septimus run` starts it again within a minute; under systemd restart its unit."
            found.append(Finding(about, "fault", told, f"{remedy} If it is not ours, set {each.setting}."))
        elif each.taken:
            told = "something else listens there, or ours hangs."
            remedy = f"Free it, or set {each.setting}; if it is ours, start Septimus again."
            found.append(Finding(about, "warning" if "watch" in each.name else "fault", told, remedy))
        elif is_up:
            told = "nobody listens there although other parts run."
            found.append(Finding(about, "fault", told, "Look at logs/ in the data folder, and start Septimus again."))
        else:
            found.append(Finding(about, "ok", "free"))
    return found


async def _engine(settings: Settings, seen: Sequence[_Seen], *, is_up: bool) -> list[Finding]:
    if not is_up:
        return [Finding("system", "note", "it does not run.", "To start it: septimus run")]
    token = _token(settings)
    if not any(each.name == "engine" and each.ours for each in seen):
        hangs = any(each.name == "engine" and each.silent for each in seen)
        told = f"it {'hangs' if hangs else 'does not answer'}, so questions get the plain answer."
        return [Finding("engine", "fault", told, "Look at logs/engine.log; a restart of Septimus starts it again.")]
    if token is None:
        told = "it listens, but without its token it can't be asked whether its model is loaded."
        return [
            Finding("engine", "note", told, "Run the doctor as the user, and with the settings, that Septimus has.")
        ]
    status = await _get(f"{settings.engine_url}/status", params={"token": token})
    if status is None or status.status_code != 200:
        why = "it hangs" if status is None else f"status {status.status_code}"
        remedy = "It may still be loading: wait a minute. Then restart Septimus, one SEPTIMUS_ENGINE_TOKEN for all."
        return [Finding("engine", "fault", f"it can't answer ({why}).", remedy)]
    found = [Finding("engine", "ok", "answers, its model is loaded")]
    if settings.gateway_watch_port:
        ready = await _get(f"http://127.0.0.1:{settings.gateway_watch_port}/ready")
        parts = _json(ready)
        away = [part for part in ("database", "engine", "actions") if parts.get(part) == "away"]
        if away:
            remedy = "Look at the log of each."
            found.append(Finding("gateway", "fault", f"it can't reach: {', '.join(away)}.", remedy))
        elif parts:
            found.append(Finding("gateway", "ok", "reaches database, engine and actions"))
    return found


def _token(settings: Settings) -> str | None:
    """The engine's token: of the settings, or as `septimus run` left it for its owner alone."""
    if settings.engine_token is not None:
        return settings.engine_token.get_secret_value()
    try:
        state = json.loads((settings.home / "run" / "system.json").read_text(encoding="utf-8"))
        return str(state["engine_token"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


async def _redis(settings: Settings) -> list[Finding]:
    """Whether Redis takes calls, where engines keep their locks in it."""
    address = urlsplit(settings.redis_url or "")
    if not address.hostname:
        return []
    try:
        async with asyncio.timeout(_SECONDS):
            reader, writer = await asyncio.open_connection(
                address.hostname, address.port or _REDIS_PORT, ssl=address.scheme == "rediss" or None
            )
            writer.write(b"PING\r\n")
            said = await reader.readline()
            writer.close()
    except (OSError, TimeoutError):
        said = b""
    if said.startswith((b"+PONG", b"-NOAUTH")):  # whether its password is right is the engine's log's to say
        return [Finding("redis", "ok", "answers")]
    told = "it does not answer, so the engines can lock no conversation, and questions get the plain answer."
    return [Finding("redis", "fault", told, "Start it, or correct SEPTIMUS_REDIS_URL. The engines then go on.")]


def _restarts(settings: Settings) -> list[Finding]:
    """What `septimus run` had to start again since its start, as it noted."""
    try:
        noted = json.loads((settings.home / "run" / RESTARTS).read_text(encoding="utf-8"))
        rows = [(str(name), int(row["times"]), str(row["how"]), str(row["at"])) for name, row in noted.items()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
    found = []
    for name, times, how, at in rows:
        told = f"it was started again {times} times, the last time at {at[:16]} UTC ({_ENDED.get(how, how)})."
        remedy = f"Look at logs/{name}.log."
        if how == "signal 9":
            remedy += " Without one who killed it, it was the kernel: journalctl -k | grep -i 'out of memory'"
        found.append(Finding(f"restarts of {name}", "warning", told, remedy))
    return found


def _memory() -> list[Finding]:
    """What is left of the machine's memory: the engine is the one that the kernel ends first."""
    if not _MEMINFO.exists():
        return []
    told = dict(line.split(":", 1) for line in _MEMINFO.read_text(encoding="ascii").splitlines() if ":" in line)
    left = int(told["MemAvailable"].split()[0]) * 1024
    if left < LITTLE_MEMORY:
        remedy = "End other programs, or give it more: the engine needs about 2 GB, and the kernel may end it."
        return [Finding("memory", "warning", f"{left / 1e9:.1f} GB left.", remedy)]
    return [Finding("memory", "ok", f"{left / 1e9:.1f} GB left")]


# --- what is outside ----------------------------------------------------------------------------------------------


async def _telegram(settings: Settings) -> list[Finding]:
    if settings.telegram_bot_token is None:
        return [Finding("telegram", "note", "no token is set: the sandbox is used, and nothing leaves this machine.")]
    base, token = settings.telegram_api_base.rstrip("/"), settings.telegram_bot_token.get_secret_value()
    where = base if base == "https://api.telegram.org" else "the address in TELEGRAM_API_BASE"
    answer = await _get(f"{base}/bot{token}/getMe", seconds=10)
    if answer is None:
        remedy = "Replies wait until it can. Check the network, the proxy and TELEGRAM_API_BASE."
        return [Finding("telegram", "fault", f"{where} can't be reached.", remedy)]
    if answer.status_code in (401, 404):
        remedy = "Copy it from @BotFather into TELEGRAM_BOT_TOKEN."
        return [Finding("telegram", "fault", "the token is wrong: Telegram does not know it.", remedy)]
    if answer.status_code != 200 or not _json(answer).get("ok"):
        return [
            Finding("telegram", "warning", f"{where} answers with {answer.status_code}.", "Look again in a minute.")
        ]
    found = [Finding("telegram", "ok", "the token is valid")]
    off = _off(answer.headers.get("date"))
    if off is not None and off > _CLOCK_MAY_BE_OFF:
        told = f"this machine's is {_span(off)} off Telegram's."
        found.append(Finding("clock", "fault", told, "Let it be set by NTP: reminders come at the wrong time."))
    return found


def _off(date: str | None) -> timedelta | None:
    try:
        told = parsedate_to_datetime(str(date))
    except ValueError:
        return None
    return abs(system_clock() - told.astimezone(UTC))


async def _clock(settings: Settings) -> list[Finding]:
    if settings.now is not None:
        told = f"SEPTIMUS_NOW starts it at {settings.now.isoformat()}."
        return [Finding("clock", "warning", told, "Leave it out when people use the bot.")]
    now: datetime = system_clock()
    if now.year < _BUILT_IN:
        return [Finding("clock", "fault", f"it says {now:%Y-%m-%d}.", "Let it be set by NTP.")]
    return [Finding("clock", "ok", f"{now:%Y-%m-%d %H:%M} UTC")]


async def _get(url: str, *, seconds: float = _SECONDS, params: dict[str, str] | None = None) -> httpx.Response | None:
    """Ask an address; None when nothing answers in time. The address may hold a token, so no error is shown."""
    local = url.startswith("http://127.0.0.1")
    async with httpx.AsyncClient(timeout=seconds, trust_env=not local) as client:
        try:
            return await client.get(url, params=params)
        except (httpx.HTTPError, httpx.InvalidURL):
            return None


def _json(answer: httpx.Response | None) -> dict[str, Any]:
    try:
        told = answer.json() if answer is not None else {}
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
