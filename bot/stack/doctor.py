"""What `septimus doctor` looks at: one finding a line, each with what to do. Nothing is changed, and nobody is told of.

It works with the system up and down: what can only be seen while it runs is left out while it does not.
"""

import asyncio
import gzip
import hashlib
import json
import re
import shutil
import subprocess
import sys
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Literal

import httpx
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from bot.clock import system_clock
from bot.content_file import ContentError
from bot.settings import CONTENT, ROOT, Settings
from bot.stack import contents
from bot.stack.model import ENGINE_PYTHON, MODELS, current_model
from bot.stack.processes import is_taken
from bot.store import Store, schema, standing

type Level = Literal["ok", "note", "warning", "fault"]

LEAST_FREE, LITTLE_FREE = 200_000_000, 2_000_000_000
"""Bytes of free disk space: below the first messages may be lost soon, below the second somebody should look."""
_SECONDS = 3.0
_OLDEST_PYTHON = (3, 12)
_ENGINE_PYTHON = "3.10"
_WAITS_LONG, _WAITS_TOO_LONG = timedelta(minutes=1), timedelta(minutes=10)
_CLOCK_MAY_BE_OFF = timedelta(seconds=30)
_MESSAGES_MAY_BE_AHEAD = timedelta(minutes=5)
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
    """What is on one port: nobody, one of ours, or a stranger."""

    name: str
    port: int
    setting: str
    taken: bool
    ours: bool


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything, and return what was found, a line each."""
    seen = await _ports(settings)
    is_up = any(each.ours for each in seen)
    looks: Sequence[Callable[[], Awaitable[list[Finding]]]] = (
        lambda: asyncio.to_thread(_environments),
        lambda: asyncio.to_thread(_model),
        lambda: asyncio.to_thread(_encoder),
        lambda: asyncio.to_thread(_content, settings),
        lambda: asyncio.to_thread(_disk, settings),
        lambda: _database(settings, is_up=is_up),
        lambda: _as_findings(seen, is_up=is_up),
        lambda: _engine(settings, seen, is_up=is_up),
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
        any_model = any(MODELS.glob("septimus-*.tar.gz"))
        told = "it is older than what it is made from." if any_model else "there is none."
        return [Finding("model", "fault", told, remedy)]
    try:
        with gzip.open(model) as packed:  # its checksum stands at the end
            while packed.read(1 << 20):
                pass
    except (OSError, EOFError, ValueError, zlib.error):
        return [Finding("model", "fault", f"{model.name} is damaged.", f"{remedy} --force")]
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
    free = shutil.disk_usage(there).free
    told = f"{free / 1e9:.1f} GB free for the data folder"
    if free < LEAST_FREE:
        return [Finding("disk", "fault", f"{told}: what people write may soon be lost.", "Make room now.")]
    if free < LITTLE_FREE:
        return [Finding("disk", "warning", f"{told}.", "Make room.")]
    return [Finding("disk", "ok", told)]


async def _database(settings: Settings, *, is_up: bool) -> list[Finding]:
    url = make_url(settings.database)
    kind = "SQLite" if url.get_backend_name() == "sqlite" else url.get_backend_name()
    if kind == "SQLite" and not await asyncio.to_thread(Path(url.database or "").exists):
        if is_up:
            told = "the file is gone while the system runs."
            return [Finding("database", "fault", told, "Stop it, then: septimus restore FILE")]
        return [Finding("database", "note", "there is none yet; the first start makes it.")]
    store = Store(settings.database)
    try:
        return await _opened(store, kind, settings)
    finally:
        await store.close()


async def _opened(store: Store, kind: str, settings: Settings) -> list[Finding]:
    try:
        async with asyncio.timeout(_SECONDS), store.reading() as session:
            revision = await schema.revision_of(session)
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
        async with asyncio.timeout(12), store.writing() as session:
            await schema.touch(session)
        found.append(Finding("database", "ok", f"{kind}, version {revision}, can be read and written"))
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        told = f"{kind} can be read but not written ({type(error).__name__})."
        remedy = "Look for a full disk, a read-only file, or a program that holds its lock."
        return [Finding("database", "fault", told, remedy)]
    if age == "older":
        told = f"its tables are of version {revision}; the next start brings them to {schema.revisions()[-1]}."
        return [*found, Finding("migrations", "warning", told, "Make a backup, then start it again.")]
    return [*found, *await _work(store, settings)]


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
        answers = taken and await ours(f"http://127.0.0.1:{port}{path}", says)
        return _Seen(name, port, setting, taken, answers)

    return list(await asyncio.gather(*(look(*each) for each in asked if each[1])))


async def _as_findings(seen: Sequence[_Seen], *, is_up: bool) -> list[Finding]:
    found = []
    for each in seen:
        about = f"port {each.port} ({each.name})"
        if each.ours:
            found.append(Finding(about, "ok", "ours, and answers"))
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
        told = "it does not answer, so questions get the plain answer."
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
