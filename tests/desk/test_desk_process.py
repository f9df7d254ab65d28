"""The desk as it is started: the first link on standard output, nothing secret in the log, and its health."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bot.settings import ROOT
from bot.store import Store

pytestmark = pytest.mark.e2e


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def environment(tmp_path: Path, port: int) -> dict[str, str]:
    set_here = {
        "SEPTIMUS_HOME": str(tmp_path),
        "SEPTIMUS_DESK_PORT": str(port),
        "SEPTIMUS_DESK_WATCH_PORT": "0",  # several desks may run at once, and only one can have the port
        "PYTHONUNBUFFERED": "1",
    }
    return {name: value for name, value in os.environ.items() if not name.startswith("SEPTIMUS_")} | set_here


@pytest.fixture
def process(environment: dict[str, str], port: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "bot.desk"]
    started = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and started.poll() is None:
        try:
            httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).raise_for_status()
            break
        except httpx.HTTPError:
            time.sleep(0.1)
    yield started
    started.kill()
    started.wait()


def test_the_first_password_is_set_by_the_link_that_the_process_prints(
    process: subprocess.Popen[str], environment: dict[str, str], port: int
) -> None:
    base = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=base, trust_env=False) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/").headers["location"] == "/sign-in"
        command = [sys.executable, "-m", "bot", "desk", "link"]
        fresh = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
        link = fresh.strip()
        assert link.startswith(f"{base}/setup/")
        page = client.get(link)
        token = re.search(r'name="csrf" value="(\w+)"', page.text)
        assert token
        password = "three old bicycles"
        fields = {"clinic": "Invented", "zone": "Europe/London", "name": "Ada", "email": "ada@example.org"}
        answer = client.post(link, data={"csrf": token[1], **fields, "password": password, "again": password})
        assert answer.headers["location"] == "/?done=set-up"
        assert client.get("/").status_code == 200
        refused = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert refused.returncode == 2 and "There is an admin already" in refused.stderr
        lost = subprocess.run(
            [*command, "--for", "ada@example.org"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert lost.stdout.startswith(f"{base}/password/")
    process.terminate()
    out, log = process.communicate(timeout=30)
    assert re.fullmatch(rf"Set the first password: {base}/setup/[\w-]{{43}}\n", out)
    assert "/setup/" not in log and password not in log and "ada@" not in log


def test_a_newer_programs_tables_are_refused_in_one_line(environment: dict[str, str], tmp_path: Path) -> None:
    async def made() -> None:
        store = Store(f"sqlite+aiosqlite:///{tmp_path / 'septimus.db'}")
        await store.migrate()
        await store.close()

    asyncio.run(made())
    with sqlite3.connect(tmp_path / "septimus.db") as opened:
        opened.execute("UPDATE alembic_version SET version_num = '9999'")
    command = [sys.executable, "-m", "bot.desk"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1 and "restore a backup" in ended.stderr


def test_an_address_that_is_not_https_is_refused_in_one_line(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "bot.desk"]
    wrong = {**environment, "SEPTIMUS_DESK_URL": "http://desk.example.org"}
    ended = subprocess.run(command, cwd=ROOT, env=wrong, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1 and "SEPTIMUS_DESK_URL" in ended.stderr
