"""The whole of `septimus run` from a copy of the program, with a stand-in for the engine; and gateways under faults."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx

from bot.settings import MODELS
from bot.stack.processes import free_ports
from tests.e2e import gateway_process
from tests.e2e.gateway_process import ROOT, Gateway, Telegram
from tests.faults.steered_gateway import FILE

_COPIED = ("bot", "actions", "content", "nlu_data", "tests/faults", "tests/e2e/gateway_process.py", "engine/components")
_FILES = ("config.yml", "domain.yml", "endpoints.yml", "credentials.yml", "engine/uv.lock")
_RASA = '#!/bin/sh\nexec "{python}" "{folder}/tests/faults/engine_stand_in.py" "$@"\n'
IN_USE = ("engine", "actions", "gateway", "desk", "sandbox")
_UP = "Septimus is up."
MODULES = {
    "engine": "engine_stand_in.py",
    "actions": "actions.server",
    "gateway": "bot.gateway",
    "desk": "bot.desk",
    "sandbox": "bot.sandbox",
}


def patience() -> float:
    """How much longer than alone anything may take on a machine that is as busy as this one is now."""
    return max(1.0, 1.5 * os.getloadavg()[0] / (os.cpu_count() or 1))


def until[T](condition: Callable[[], T], what: str, seconds: float = 30.0, *, every: float = 0.02) -> T:
    """Wait for a condition, and return what it found; longer where the machine is busy."""
    return gateway_process.until(condition, what, seconds * patience(), every=every)


def copy_program(folder: Path) -> Path:
    """Copy the program, with a stand-in in the place of Rasa, so that a test may spoil what it likes."""
    hidden = shutil.ignore_patterns("__pycache__", ".*")
    for name in _COPIED:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=hidden)
        else:
            shutil.copy(source, target)
    for name in _FILES:
        shutil.copy(ROOT / name, folder / name)
    (folder / "models").mkdir(exist_ok=True)
    for learnt in MODELS.glob("letters-*.joblib"):  # the copy's labels and phrases are these: it need not learn anew
        shutil.copy(learnt, folder / "models")
    rasa = folder / "engine" / "rasa"
    rasa.write_text(_RASA.format(python=sys.executable, folder=folder))
    rasa.chmod(0o755)
    python = folder / "engine" / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    return folder


class RunningSandbox(Telegram):
    """The control door of a sandbox that somebody else started, with a token of its own."""

    token = ""

    def __init__(self, base: str) -> None:
        self.base = base
        self._http = httpx.Client(base_url=base, timeout=10, trust_env=False)

    def method(self, name: str, **parameters: object) -> httpx.Response:
        return self._http.post(f"/bot{self.token}/{name}", json=parameters)

    def close(self) -> None:
        self._http.close()


class System:
    """`septimus run` as a process, and each of its children."""

    def __init__(self, program: Path, home: Path, **settings: str) -> None:
        self.program, self.home = program, home
        sandbox, desk, actions, engine, watch, desk_watch = free_ports(6)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SEPTIMUS_", "TELEGRAM_"))}
        self.environment = {
            **kept,
            "PYTHONPATH": str(program),
            "SEPTIMUS_HOME": str(home),
            "SEPTIMUS_SANDBOX_PORT": str(sandbox),
            "SEPTIMUS_DESK_PORT": str(desk),
            "SEPTIMUS_ACTIONS_PORT": str(actions),
            "SEPTIMUS_ENGINE_PORT": str(engine),
            "SEPTIMUS_GATEWAY_WATCH_PORT": str(watch),
            "SEPTIMUS_DESK_WATCH_PORT": str(desk_watch),
            "SEPTIMUS_ENGINE_TOKEN": "invented",
            "SEPTIMUS_ENGINE_TIMEOUT": "1.5",
            **settings,
        }
        home.mkdir(parents=True, exist_ok=True)
        self.telegram = RunningSandbox(f"http://127.0.0.1:{sandbox}")
        self.gateway = Gateway(home, self.telegram)  # for what it keeps; it is not started
        self._health = {
            "engine": f"http://127.0.0.1:{engine}/status?token=invented",
            "actions": f"http://127.0.0.1:{actions}/health",
            "gateway": f"http://127.0.0.1:{watch}/health",
            "desk": f"http://127.0.0.1:{desk}/healthz",
            "sandbox": f"http://127.0.0.1:{sandbox}/healthz",
        }
        self._process: subprocess.Popen[str] | None = None

    @property
    def log(self) -> str:
        path = self.home / "run.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def begin(self) -> None:
        with (self.home / "run.log").open("a", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(self.program / "tests" / "faults" / "quick_run.py")],
                stdout=log,
                stderr=log,
                text=True,
                cwd=self.program,
                env=self.environment,
            )

    def start(self) -> None:
        ups = self.log.count(_UP)
        self.begin()
        until(lambda: self.log.count(_UP) > ups or not self.runs, "all is up", 90, every=0.1)
        assert self.runs, self.log
        command = Path(f"/proc/{self.pid('sandbox')}/cmdline").read_bytes().decode().split("\0")
        self.telegram.token = command[command.index("--token") + 1]

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ends(self, seconds: float = 60) -> int:
        assert self._process is not None
        return self._process.wait(seconds)

    def kill(self) -> None:
        """Kill `septimus run` itself, and none of its children."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        if self._process is not None and self.runs:
            self._process.send_signal(signal.SIGTERM)
        return self.ends()

    def pid(self, name: str) -> int | None:
        """The process of this name that runs now; None between two lives."""
        assert self._process is not None
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                command = (folder / "cmdline").read_bytes()
            except (OSError, IndexError):
                continue
            words = command.decode(errors="replace").split("\0")
            if parent == self._process.pid and any(each.endswith(MODULES[name]) for each in words):
                return int(folder.name)
        return None

    def signal(self, name: str, number: signal.Signals) -> int:
        """Send a signal to one of the processes; returns which it was."""
        pid = until(lambda: self.pid(name), f"the {name} runs")
        assert pid is not None
        os.kill(pid, number)
        return pid

    def answers(self, name: str) -> bool:
        try:
            return httpx.get(self._health[name], timeout=1, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def started_again(self, name: str, former: int, seconds: float = 40) -> None:
        """Wait until another process than the former has the place, and answers."""
        until(lambda: self.pid(name) not in (None, former), f"the {name} is started again", seconds, every=0.1)
        until(lambda: self.answers(name), f"the {name} answers again", seconds, every=0.1)


class Patient(Gateway):
    """A gateway that may take its time to start where the machine is busy."""

    def start(self) -> None:
        self.begin()
        until(lambda: self._ready.exists() or not self.runs, "the gateway is ready", 60)
        assert self.runs, f"the gateway ended as it started:\n{self.log}"


class Steered(Patient):
    """A gateway whose clock the test moves while it runs."""

    def begin(self) -> None:
        self._ready.unlink(missing_ok=True)
        with (self.home / "gateway.log").open("a", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(ROOT / "tests" / "faults" / "steered_gateway.py")],
                stdout=log,
                stderr=log,
                text=True,
                cwd=ROOT,
                env=self._environment,
            )

    def set_clock(self, ahead: timedelta) -> None:
        new = self.home / f"{FILE}.new"
        new.write_text(str(ahead.total_seconds()))
        new.replace(self.home / FILE)


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Path]:
    """A file system of its own in memory; only root may, and not everywhere."""
    folder.mkdir(parents=True, exist_ok=True)
    made = subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)], capture_output=True, check=False)
    if made.returncode != 0:
        raise PermissionError(f"no file system may be mounted here: {made.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)
