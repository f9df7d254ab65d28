"""Redis held still, killed and back under an engine's lock store: a lock fails in time, and works again by itself.

The lock store runs in the engine's own Python, as the engine runs it. What people get meanwhile is the plain answer: a
lock that fails is a call of the engine that brings nothing, as in test_processes.py.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.stack.model import ENGINE_PYTHON
from bot.stack.processes import free_ports
from tests.e2e.gateway_process import ROOT
from tests.faults.system import patience, until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

ENGINE = """
import json, os, sys, time
from rasa.utils.endpoints import EndpointConfig
from engine.shared_locks import SharedLockStore
store = SharedLockStore(EndpointConfig(os.environ["ADDRESS"]))
print(json.dumps("ready"), flush=True)
for number, _ in enumerate(sys.stdin):
    begun = time.monotonic()
    try:
        store.issue_ticket(f"invented-{number}")
        fault = None
    except Exception as error:
        fault = type(error).__name__
    print(json.dumps([fault, time.monotonic() - begun]), flush=True)
"""
GATEWAY_WAITS = 8.0
"""Seconds: `SEPTIMUS_ENGINE_TIMEOUT`. Within them the engine must have said that it can't."""


def missing(what: str) -> None:
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(what)


class Redis:
    """A server that can be ended and begun again on its port."""

    def __init__(self, folder: Path) -> None:
        (self.port,) = free_ports(1)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--dir", str(self._folder)]
        self._process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        if number is signal.SIGKILL:
            self._process.wait()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    if shutil.which("redis-server") is None:
        missing("redis-server is missing; apt-get install redis-server")
    made = Redis(tmp_path)
    made.start()
    yield made
    made.signal(signal.SIGKILL)


class Locks:
    """The engine's lock store, in its own process."""

    def __init__(self, port: int) -> None:
        environment = {**os.environ, "ADDRESS": f"redis://127.0.0.1:{port}/0", "PYTHONWARNINGS": "ignore"}
        environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "SQLALCHEMY_SILENCE_UBER_WARNING": "1"}
        self._process = subprocess.Popen(
            [str(ENGINE_PYTHON), "-c", ENGINE],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._read() == "ready"

    def _read(self) -> object:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def fault(self) -> str | None:
        """Lock a conversation; the kind of fault, None when it worked. It must not take as long as a gateway waits."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        told = self._read()
        assert isinstance(told, list)
        assert told[1] < GATEWAY_WAITS * patience()
        return told[0]

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def locks(redis: Redis) -> Iterator[Locks]:
    if not ENGINE_PYTHON.exists():
        missing("the engine's environment is missing: make setup")
    made = Locks(redis.port)
    yield made
    made.close()


def test_without_redis_a_lock_fails_in_time_and_works_again_once_it_is_back(redis: Redis, locks: Locks) -> None:
    until(lambda: locks.fault() is None, "Redis is up")
    redis.signal(signal.SIGSTOP)
    assert locks.fault() is not None
    redis.signal(signal.SIGCONT)
    until(lambda: locks.fault() is None, "it goes on")
    redis.signal(signal.SIGKILL)
    assert locks.fault() is not None
    redis.start()
    until(lambda: locks.fault() is None, "it works again, with no restart of the engine")
