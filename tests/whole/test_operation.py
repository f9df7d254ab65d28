"""The doctor while the whole system is up, and one message's way through the logs of three processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.whole.conftest import ROOT, System, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def environment_of(system: System) -> dict[str, str]:
    """The settings that the running system was started with."""
    raw = Path(f"/proc/{system.process.pid}/environ").read_bytes()
    return dict(each.split("=", 1) for each in raw.decode().split("\0") if "=" in each)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_the_doctor_finds_a_running_system_well(system: System) -> None:
    command = [sys.executable, "-m", "bot", "doctor"]
    environment = {**os.environ, **environment_of(system)}
    told = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    for about in ("engine: answers", "model: septimus-", "encoder: ", "database: SQLite", "inbox: ", "claims: "):
        assert about in told.stdout, told.stdout
    assert environment["SEPTIMUS_ENGINE_TOKEN"] not in told.stdout + told.stderr


def test_a_messages_number_is_in_the_logs_of_gateway_engine_and_actions(system: System) -> None:
    user = 8842
    system.meet(user)
    system.say(user, "how do I tape my eye shut at night")

    def events(process: str) -> list[dict[str, Any]]:
        lines = (system.home / "logs" / f"{process}.log").read_text(encoding="utf-8", errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    until(lambda: any(each["event"] == "engine.answered" for each in events("engine")), "a line of the engine")
    number = [each["message"] for each in events("engine") if each["event"] == "engine.answered"][-1]
    assert number
    assert number.isdigit()
    for process, event in (("gateway", "message.answered"), ("actions", "action.ran"), ("gateway", "message.sent")):
        until(
            lambda p=process, e=event: any(x["event"] == e and x.get("message") == number for x in events(p)),
            f"{event} of that message",
        )


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="needs /proc")
def test_no_process_leaves_its_memory_on_the_disk_when_it_crashes(system: System) -> None:
    noted = json.loads((system.home / "run" / "processes.json").read_text(encoding="utf-8"))["processes"]
    assert {"engine", "actions", "gateway", "desk"} <= set(noted)
    for name, (pid, _begun) in noted.items():
        limits = Path(f"/proc/{pid}/limits").read_text(encoding="utf-8")
        (line,) = (each for each in limits.splitlines() if each.startswith("Max core file size"))
        assert line.split()[4:6] == ["0", "0"], name
