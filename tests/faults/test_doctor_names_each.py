"""`septimus doctor` names each fault of docs/faults.md, and says what to do. The faults are real ones."""

from __future__ import annotations

import gzip
import json
import os
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from bot.clock import system_clock
from bot.settings import Settings
from bot.stack import doctor
from bot.stack.processes import free_ports
from bot.store import Store, inbox
from tests import postgres
from tests.faults.system import mounted
from tests.unit.stack.test_doctor import serving

pytestmark = pytest.mark.timeout(120)

PORTS = ("engine_port", "actions_port", "desk_port", "sandbox_port", "gateway_watch_port", "desk_watch_port")

type Spoil = Callable[[Settings, ExitStack, pytest.MonkeyPatch], Settings | None]


@pytest.fixture
def stack() -> Any:
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path, stack: ExitStack) -> Settings:
    home = tmp_path / "home"
    if "disk is full" in request.node.name:
        try:
            stack.enter_context(mounted(home, "-o", "size=8m"))
        except PermissionError as reason:
            pytest.skip(str(reason))
    ports: dict[str, Any] = dict(zip(PORTS, free_ports(6), strict=True))
    return Settings(_env_file=None).model_copy(  # type: ignore[call-arg]
        update={"home": home, "telegram_bot_token": None, "engine_token": SecretStr("x"), **ports}
    )


def silent(port: int, stack: ExitStack) -> None:
    """Take calls on a port and say nothing, as a process that is held still does."""
    listening = stack.enter_context(socket.socket())
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen()


def engine_hangs(settings: Settings, stack: ExitStack, _patch: pytest.MonkeyPatch) -> None:
    silent(settings.engine_port, stack)
    stack.enter_context(serving({"/health": (200, {"status": "ok"})}, settings.actions_port))


def actions_hang(settings: Settings, stack: ExitStack, _patch: pytest.MonkeyPatch) -> None:
    silent(settings.actions_port, stack)
    stack.enter_context(serving({"/": (200, "Hello from Rasa"), "/status": (200, {})}, settings.engine_port))


def desk_is_gone(settings: Settings, stack: ExitStack, _patch: pytest.MonkeyPatch) -> None:
    stack.enter_context(serving({"/health": (200, {"status": "ok"})}, settings.actions_port))


def kernel_ended_the_engine(settings: Settings, _stack: ExitStack, _patch: pytest.MonkeyPatch) -> None:
    (settings.home / "run").mkdir()
    noted = {"engine": {"times": 3, "how": "signal 9", "at": system_clock().isoformat()}}
    (settings.home / "run" / "restarts.json").write_text(json.dumps(noted))


def memory_runs_out(settings: Settings, _stack: ExitStack, patch: pytest.MonkeyPatch) -> None:
    told = settings.home / "meminfo"
    told.write_text("MemTotal:  4000000 kB\nMemAvailable:  90000 kB\n")
    patch.setattr(doctor, "_MEMINFO", told)


def locked(settings: Settings, stack: ExitStack, _patch: pytest.MonkeyPatch) -> None:
    other = sqlite3.connect(settings.home / "septimus.db", isolation_level=None)
    stack.callback(other.close)
    other.execute("BEGIN IMMEDIATE")


def read_only(settings: Settings, stack: ExitStack, _patch: pytest.MonkeyPatch) -> None:
    files = [str(each) for each in settings.home.glob("septimus.db*")]
    if subprocess.run(["chattr", "+i", *files], capture_output=True, check=False).returncode != 0:
        pytest.skip("files can't be made immutable here")
    stack.callback(subprocess.run, ["chattr", "-i", *files], check=True)


def full(settings: Settings, _stack: ExitStack, _patch: pytest.MonkeyPatch) -> None:
    with (settings.home / "filler").open("wb", buffering=0) as hole:
        for size in (1 << 16, 4096, 1):
            try:
                while hole.write(b"x" * size):
                    pass
            except OSError:
                continue


def damaged(settings: Settings, _stack: ExitStack, _patch: pytest.MonkeyPatch) -> None:
    for each in settings.home.glob("septimus.db-*"):
        each.unlink()
    (settings.home / "septimus.db").write_bytes(b"no database at all" * 100)


def older(settings: Settings, _stack: ExitStack, _patch: pytest.MonkeyPatch) -> None:
    with sqlite3.connect(settings.home / "septimus.db") as opened:
        opened.execute("UPDATE alembic_version SET version_num = '0009'")


def newer(settings: Settings, _stack: ExitStack, _patch: pytest.MonkeyPatch) -> None:
    with sqlite3.connect(settings.home / "septimus.db") as opened:
        opened.execute("UPDATE alembic_version SET version_num = '9999'")


def telegram_is_down(settings: Settings, _stack: ExitStack, _patch: pytest.MonkeyPatch) -> Settings:
    (port,) = free_ports(1)
    return settings.model_copy(
        update={"telegram_bot_token": SecretStr("1:x"), "telegram_api_base": f"http://127.0.0.1:{port}"}
    )


def redis_is_gone(settings: Settings, _stack: ExitStack, _patch: pytest.MonkeyPatch) -> Settings:
    (port,) = free_ports(1)
    return settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{port}/0"})


def redis_hangs(settings: Settings, stack: ExitStack, _patch: pytest.MonkeyPatch) -> Settings:
    (port,) = free_ports(1)
    silent(port, stack)
    return settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{port}/0"})


def model_is_damaged(settings: Settings, _stack: ExitStack, patch: pytest.MonkeyPatch) -> None:
    model = settings.home / "septimus-1.tar.gz"
    model.write_bytes(gzip.compress(b"a model" * 1000)[:-9])
    patch.setattr(doctor, "current_model", lambda: None)
    patch.setattr(doctor, "stamped_model", lambda: model)
    patch.setattr(doctor, "_model", MODEL)


def backup_was_killed(settings: Settings, _stack: ExitStack, _patch: pytest.MonkeyPatch) -> None:
    left = settings.home.parent / ".septimus-backup-x"
    left.mkdir()
    (settings.home / "run").mkdir()
    (settings.home / "run" / "septimus-backup-x.copies").write_text(str(left))
    os.utime(left, (time.time() - 120,) * 2)


def restore_was_killed(settings: Settings, _stack: ExitStack, _patch: pytest.MonkeyPatch) -> None:
    left = settings.home / ".restore-x"
    left.mkdir()
    os.utime(left, (time.time() - 120,) * 2)


def put_aside(settings: Settings, stack: ExitStack, _patch: pytest.MonkeyPatch) -> Settings:
    """As an older program's restore leaves it when it is killed."""
    try:
        url = stack.enter_context(postgres.server())
    except postgres.NoServer as reason:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(reason))
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("CREATE SCHEMA septimus_aside")
        connection.execute("CREATE TABLE septimus_aside.patients AS SELECT generate_series(1, 3) AS id")
    return settings.model_copy(update={"database_url": url})


def put_aside_and_started(settings: Settings, stack: ExitStack, patch: pytest.MonkeyPatch) -> Settings:
    given = put_aside(settings, stack, patch)
    with psycopg.connect(given.database.replace("+psycopg", "")) as connection:
        connection.execute("CREATE TABLE public.patients AS SELECT generate_series(1, 2) AS id")
    return given


def no_second_reading(settings: Settings, _stack: ExitStack, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(doctor, "ENGINE_PYTHON", settings.home / "nowhere")


MODEL = doctor._model


@pytest.mark.parametrize(
    ("spoil", "about", "level", "said", "remedy"),
    [
        pytest.param(engine_hangs, "engine", "fault", "hangs", "logs/engine.log", id="the engine hangs"),
        pytest.param(actions_hang, "(actions)", "fault", "hangs", "starts it again", id="the action server hangs"),
        pytest.param(desk_is_gone, "(desk)", "fault", "nobody listens", "logs/", id="a process is gone"),
        pytest.param(
            kernel_ended_the_engine, "restarts of engine", "warning", "killed", "out of memory", id="out of memory"
        ),
        pytest.param(memory_runs_out, "memory", "warning", "0.1 GB", "give it more", id="little memory"),
        pytest.param(locked, "database", "fault", "not written", "fuser", id="the database is locked"),
        pytest.param(read_only, "database", "fault", "not written", "read-only", id="the database is read-only"),
        pytest.param(full, "disk", "fault", "0.0 GB", "Make room", id="the disk is full"),
        pytest.param(damaged, "database", "fault", "can't be reached", "restore FILE", id="the database is damaged"),
        pytest.param(older, "migrations", "warning", "version 0009", "backup", id="the tables are older"),
        pytest.param(newer, "database", "fault", "newer", "Upgrade", id="the tables are newer"),
        pytest.param(telegram_is_down, "telegram", "fault", "can't be reached", "network", id="Telegram is down"),
        pytest.param(redis_is_gone, "redis", "fault", "does not answer", "Start it", id="Redis is gone"),
        pytest.param(redis_hangs, "redis", "fault", "does not answer", "Start it", id="Redis hangs"),
        pytest.param(backup_was_killed, "copies", "warning", ".septimus-backup-x", "rm -r", id="a backup was killed"),
        pytest.param(restore_was_killed, "copies", "warning", ".restore-x", "rm -r", id="a restore was killed"),
        pytest.param(
            put_aside,
            "restore",
            "fault",
            "of 3 people are in the schema septimus_aside",
            "restore FILE",
            id="a restore left the database empty",
            marks=pytest.mark.postgres,
        ),
        pytest.param(
            put_aside_and_started,
            "restore",
            "fault",
            "in use of 2 people the schema septimus_aside",
            "RENAME TO public",
            id="a restore left older data aside",
            marks=pytest.mark.postgres,
        ),
        pytest.param(
            no_second_reading,
            "second reading",
            "warning",
            "reads letters once",
            "make setup",
            id="letters get no second reading",
        ),
        pytest.param(model_is_damaged, "model", "fault", "damaged", "train --force", id="the model is damaged"),
    ],
)
async def test_each_fault_is_named_with_what_to_do(
    settings: Settings,
    stack: ExitStack,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Spoil,
    about: str,
    level: str,
    said: str,
    remedy: str,
) -> None:
    for slow in ("_environments", "_model", "_encoder"):
        monkeypatch.setattr(doctor, slow, list)
    monkeypatch.setattr(doctor, "_content", lambda _settings: [])
    store = Store(settings.database)
    await store.migrate()
    await store.close()
    given = spoil(settings, stack, monkeypatch) or settings
    findings = await doctor.examine(given)
    named = [each for each in findings if each.about.endswith(about) and each.level == level]
    assert any(said in each.said and remedy in each.remedy for each in named), [str(each) for each in findings]
    assert doctor.worst(findings) == int(any(each.level == "fault" for each in findings))


async def test_a_clock_that_was_set_back_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for slow in ("_environments", "_model", "_encoder"):
        monkeypatch.setattr(doctor, slow, list)
    monkeypatch.setattr(doctor, "_content", lambda _settings: [])
    store = Store(settings.database)
    await store.migrate()
    async with store.writing() as session:
        await inbox.write(session, [(1, 1, {})], system_clock() + timedelta(hours=1))
    await store.close()
    findings = await doctor.examine(settings)
    assert [each.remedy for each in findings if each.about == "clock" and each.level == "fault"]
