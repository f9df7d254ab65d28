"""`septimus doctor` names what is wrong and what to do, with the system up and down, and tells of nobody."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.clock import system_clock
from bot.settings import Settings
from bot.stack import doctor
from bot.stack.doctor import Finding, worst
from bot.stack.processes import free_ports
from bot.store import Store, inbox, schema

TOKEN = "1001:very-secret"
MARK = "marked-7f3a1c"
CHAT = 90010010019


@contextmanager
def serving(answers: dict[str, tuple[int, Any]], port: int = 0, **headers: str) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.get(self.path.partition("?")[0], (404, {}))
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    names = ("engine_port", "actions_port", "desk_port", "sandbox_port", "gateway_watch_port", "desk_watch_port")
    ports: dict[str, Any] = dict(zip(names, free_ports(6), strict=True))
    return Settings(_env_file=None).model_copy(update={"home": tmp_path / "home", "telegram_bot_token": None, **ports})  # type: ignore[call-arg]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes long and is looked at by tests of its own stays out."""
    for slow in ("_environments", "_model", "_encoder"):
        monkeypatch.setattr(doctor, slow, list)
    monkeypatch.setattr(doctor, "_content", lambda _settings: [])


def about(findings: list[Finding], what: str) -> Finding:
    found = [each for each in findings if each.about == what]
    assert found, [str(each) for each in findings]
    return found[0]


async def migrated(settings: Settings) -> Store:
    store = Store(settings.database)
    await store.migrate()
    return store


async def test_before_the_first_start_all_is_well_and_nothing_is_made(settings: Settings) -> None:
    findings = await doctor.examine(settings)
    assert worst(findings) == 0
    assert about(findings, "database").level == "note"
    assert "sandbox" in about(findings, "telegram").said
    assert not settings.home.exists()


async def test_every_line_is_one_line_and_every_fault_has_a_remedy(settings: Settings) -> None:
    settings.home.mkdir()
    (settings.home / "septimus.db").write_bytes(b"no database at all" * 100)
    findings = await doctor.examine(settings)
    assert worst(findings) == 1
    for each in findings:
        assert "\n" not in str(each)
        assert each.remedy or each.level in ("ok", "note")
    assert "septimus restore" in about(findings, "database").remedy


async def test_what_waits_is_told_by_its_age_and_of_nobody(settings: Settings) -> None:
    store = await migrated(settings)
    long_ago = system_clock() - timedelta(minutes=30)
    async with store.writing() as session:
        await inbox.write(session, [(1, CHAT, {"text": MARK})], long_ago)
        await inbox.claim(session, "gone", long_ago, 1)
    await store.close()
    findings = await doctor.examine(settings)
    assert (about(findings, "inbox").level, "30 min" in about(findings, "inbox").said) == ("fault", True)
    assert about(findings, "claims").level == "warning"
    told = "\n".join(map(str, findings))
    assert MARK not in told
    assert str(CHAT) not in told


async def test_a_database_of_a_newer_program_is_a_fault(settings: Settings) -> None:
    await (await migrated(settings)).close()
    with sqlite3.connect(settings.home / "septimus.db") as opened:
        opened.execute("UPDATE alembic_version SET version_num = '9999'")
    finding = about(await doctor.examine(settings), "database")
    assert (finding.level, "newer" in finding.said) == ("fault", True)


async def test_a_database_of_an_older_program_is_brought_up_at_the_next_start(settings: Settings) -> None:
    await (await migrated(settings)).close()
    with sqlite3.connect(settings.home / "septimus.db") as opened:
        opened.execute("UPDATE alembic_version SET version_num = '0001'")
    assert about(await doctor.examine(settings), "migrations").level == "warning"


async def test_a_database_that_cannot_be_written_is_a_fault(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await (await migrated(settings)).close()

    async def refused(_session: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(schema, "touch", refused)
    finding = about(await doctor.examine(settings), "database")
    assert (finding.level, "not written" in finding.said) == ("fault", True)


async def test_a_message_from_the_future_tells_of_a_clock_that_was_set_back(settings: Settings) -> None:
    store = await migrated(settings)
    async with store.writing() as session:
        await inbox.write(session, [(1, 1, {})], system_clock() + timedelta(hours=2))
    await store.close()
    assert about(await doctor.examine(settings), "clock").level == "fault"


@pytest.mark.parametrize(("free", "level"), [(10**8, "fault"), (10**9, "warning"), (10**10, "ok")])
async def test_a_full_disk_is_told_before_it_is_full(
    free: int, level: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": free}))
    assert about(await doctor.examine(settings), "disk").level == level


# --- ports, engine, actions -------------------------------------------------------------------------------------------


async def test_a_strangers_port_is_a_fault_with_the_setting_to_change(settings: Settings) -> None:
    with serving({"/": (200, "somebody else")}, settings.engine_port):
        finding = about(await doctor.examine(settings), f"port {settings.engine_port} (engine)")
    assert (finding.level, "SEPTIMUS_ENGINE_PORT" in finding.remedy) == ("fault", True)


@pytest.mark.parametrize(
    ("status", "level"), [((200, {"model_file": "x"}), "ok"), ((401, {}), "fault"), ((409, {}), "fault")]
)
async def test_the_engine_is_asked_with_the_token_that_the_run_left(
    status: tuple[int, Any], level: str, settings: Settings
) -> None:
    (settings.home / "run").mkdir(parents=True)
    (settings.home / "run" / "system.json").write_text(json.dumps({"engine_token": TOKEN}))
    with serving({"/": (200, "Hello from Rasa: 3.6.21"), "/status": status}, settings.engine_port):
        findings = await doctor.examine(settings)
    assert about(findings, "engine").level == level
    assert about(findings, f"port {settings.actions_port} (actions)").level == "fault"  # nobody there while others run
    assert TOKEN not in "\n".join(map(str, findings))


async def test_the_gateways_own_view_is_told(settings: Settings) -> None:
    given = settings.model_copy(update={"engine_token": SecretStr("x")})
    gateway = {
        "/health": (200, {"status": "ok", "program": "septimus"}),
        "/ready": (503, {"database": "ok", "engine": "ok", "actions": "away"}),
    }
    rasa = {"/": (200, "Hello from Rasa"), "/status": (200, {})}
    with serving(rasa, settings.engine_port), serving(gateway, settings.gateway_watch_port):
        finding = about(await doctor.examine(given), "gateway")
    assert (finding.level, "actions" in finding.said) == ("fault", True)


# --- Telegram and the clock -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "level"),
    [((200, {"ok": True}), "ok"), ((401, {"ok": False}), "fault"), ((502, "bad gateway"), "warning")],
)
async def test_the_token_is_asked_about_at_the_configured_address(
    answer: tuple[int, Any], level: str, settings: Settings
) -> None:
    with serving({f"/bot{TOKEN}/getMe": answer}) as port:
        base = f"http://127.0.0.1:{port}"
        given = {"telegram_bot_token": SecretStr(TOKEN), "telegram_api_base": base}
        findings = await doctor.examine(settings.model_copy(update=given))
    assert about(findings, "telegram").level == level
    assert TOKEN not in "\n".join(map(str, findings))


async def test_a_telegram_that_cannot_be_reached_is_told(settings: Settings) -> None:
    (port,) = free_ports(1)
    given = {"telegram_bot_token": SecretStr(TOKEN), "telegram_api_base": f"http://127.0.0.1:{port}"}
    finding = about(await doctor.examine(settings.model_copy(update=given)), "telegram")
    assert (finding.level, "can't be reached" in finding.said) == ("fault", True)


async def test_a_clock_that_is_off_telegrams_is_told(settings: Settings) -> None:
    with serving({f"/bot{TOKEN}/getMe": (200, {"ok": True})}, Date="Sun, 22 Nov 2015 10:00:00 GMT") as port:
        given = {"telegram_bot_token": SecretStr(TOKEN), "telegram_api_base": f"http://127.0.0.1:{port}"}
        findings = await doctor.examine(settings.model_copy(update=given))
    assert about(findings, "clock").level == "fault"


async def test_a_started_clock_is_told(settings: Settings) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert about(await doctor.examine(settings.model_copy(update={"now": now})), "clock").level == "warning"


async def test_a_look_that_fails_does_not_end_the_others(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_settings: Settings) -> list[Finding]:
        raise RuntimeError(MARK)

    monkeypatch.setattr(doctor, "_disk", broken)
    findings = await doctor.examine(settings)
    assert about(findings, "doctor").level == "fault"
    assert about(findings, "telegram")
    assert MARK not in "\n".join(map(str, findings))
