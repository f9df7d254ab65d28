"""A process whose event loop stands still ends itself, where nobody asks it from outside."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.settings import ROOT
from bot.stack.model import train
from bot.stack.processes import free_ports
from tests.e2e.gateway_process import TOKEN, Telegram

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ENGINE = ROOT / "engine" / ".venv" / "bin" / "python"
HUNG = str(Path(__file__).with_name("hung.py"))


def ends(home: Path, command: list[str], **more: str) -> subprocess.CompletedProcess[str]:
    port, other, third = free_ports(3)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("SEPTIMUS_", "TELEGRAM_"))},
        "SEPTIMUS_HOME": str(home),
        "SEPTIMUS_ENGINE_TOKEN": "an-invented-token",
        "SEPTIMUS_DESK_PORT": str(port),
        "SEPTIMUS_ACTIONS_PORT": str(other),
        "SEPTIMUS_ENGINE_PORT": str(third),
        "SEPTIMUS_GATEWAY_WATCH_PORT": "0",
        "SEPTIMUS_DESK_WATCH_PORT": "0",
        "PYTHONPATH": str(ROOT),
        **more,
    }
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200, check=False)


def assert_it_ended_by_itself(ended: subprocess.CompletedProcess[str]) -> None:
    assert ended.returncode == 1, ended.stderr[-2000:]
    assert "Timeout (0:00:02)!" in ended.stderr
    assert "stand_still" in ended.stderr, "it says where"
    assert "nobody" not in ended.stderr, "and no word of what was looked at"


@pytest.mark.parametrize("module", ["bot.desk", "actions.server"])
def test_a_process_that_stands_still_ends(module: str, tmp_path: Path) -> None:
    assert_it_ended_by_itself(ends(tmp_path, [sys.executable, HUNG, module]))


def test_a_gateway_that_stands_still_ends(telegram: Telegram, tmp_path: Path) -> None:
    ended = ends(
        tmp_path, [sys.executable, HUNG, "bot.gateway"], TELEGRAM_BOT_TOKEN=TOKEN, TELEGRAM_API_BASE=telegram.base
    )
    assert_it_ended_by_itself(ended)


@pytest.mark.engine
def test_an_engine_that_stands_still_ends(tmp_path: Path) -> None:
    command = [str(ENGINE), HUNG, "engine.serve_rasa", "run", "--model", str(train()), "--interface", "127.0.0.1"]
    command += ["--port", str(free_ports(1)[0]), "--endpoints", "endpoints.yml", "--credentials", "credentials.yml"]
    ended = ends(
        tmp_path,
        command,
        RASA_TELEMETRY_ENABLED="false",
        PYTHONWARNINGS="ignore",
        SEPTIMUS_TRACKER_URL="sqlite://",
        SEPTIMUS_ACTIONS_URL="http://127.0.0.1:9/webhook",
        SEPTIMUS_REDIS_URL="",
        SEPTIMUS_LOCK_STORE="in_memory",
    )
    assert_it_ended_by_itself(ended)
