"""A process whose event loop stands still ends itself, where nobody asks it from outside."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.settings import ROOT
from bot.stack.model import train
from bot.stack.processes import free_ports
from tests.e2e.gateway_process import TOKEN, Telegram, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ENGINE = ROOT / "engine" / ".venv" / "bin" / "python"
HUNG = str(Path(__file__).with_name("hung.py"))


def environment(home: Path, **more: str) -> dict[str, str]:
    port, other, third = free_ports(3)
    return {
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


def ours(how: str, module: str) -> list[str]:
    return [sys.executable, HUNG, how, "bot.hang", module]


def engines(how: str) -> list[str]:
    command = [str(ENGINE), HUNG, how, "engine.logged_rest", "engine.serve_rasa", "run", "--model", str(train())]
    command += ["--interface", "127.0.0.1", "--port", str(free_ports(1)[0])]
    return [*command, "--endpoints", "endpoints.yml", "--credentials", "credentials.yml"]


OF_THE_ENGINE = {
    "RASA_TELEMETRY_ENABLED": "false",
    "PYTHONWARNINGS": "ignore",
    "SEPTIMUS_TRACKER_URL": "sqlite://",
    "SEPTIMUS_ACTIONS_URL": "http://127.0.0.1:9/webhook",
    "SEPTIMUS_REDIS_URL": "",
    "SEPTIMUS_LOCK_STORE": "in_memory",
}


def assert_it_ends_by_itself(command: list[str], home: Path, **more: str) -> None:
    ended = subprocess.run(
        command, cwd=ROOT, env=environment(home, **more), capture_output=True, text=True, timeout=200, check=False
    )
    assert ended.returncode == -signal.SIGALRM, ended.stderr[-2000:]
    assert "stand_still" in ended.stderr, "it says where"
    assert "nobody" not in ended.stderr, "and no word of what was looked at"


@pytest.mark.parametrize("module", ["bot.desk", "actions.server"])
def test_a_process_that_stands_still_ends(module: str, tmp_path: Path) -> None:
    assert_it_ends_by_itself(ours("hung", module), tmp_path)


def test_a_gateway_that_stands_still_ends(telegram: Telegram, tmp_path: Path) -> None:
    assert_it_ends_by_itself(
        ours("hung", "bot.gateway"), tmp_path, TELEGRAM_BOT_TOKEN=TOKEN, TELEGRAM_API_BASE=telegram.base
    )


@pytest.mark.engine
def test_an_engine_that_stands_still_ends(tmp_path: Path) -> None:
    assert_it_ends_by_itself(engines("hung"), tmp_path, **OF_THE_ENGINE)


def guarded(pid: int) -> bool:
    """Whether SIGALRM has the guard's handler."""
    caught = re.search(r"^SigCgt:\s*(\w+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return caught is not None and bool(int(caught[1], 16) >> (signal.SIGALRM - 1) & 1)


@pytest.mark.engine
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
@pytest.mark.parametrize("whose", ["ours", "engine"])
def test_one_that_is_well_goes_on(whose: str, tmp_path: Path) -> None:
    command = ours("well", "actions.server") if whose == "ours" else engines("well")
    more = {} if whose == "ours" else OF_THE_ENGINE
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment(tmp_path, **more), stdout=log, stderr=log)
    try:
        until(lambda: guarded(process.pid) or process.poll() is not None, "the guard is there", 150)
        time.sleep(7)  # the guard has three
        assert process.poll() is None, (tmp_path / "log").read_text()[-2000:]
    finally:
        process.kill()
        process.wait()
