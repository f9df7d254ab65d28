"""The processes of one machine: engine, actions, gateway, desk and sandbox, each a child, all ended together."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import structlog

from bot.clock import system_clock
from bot.settings import ROOT, Settings
from bot.stack import left_over
from bot.stack.log_files import rotate

log = structlog.get_logger()

# The gateway empties its inbox and outbox when it is told to stop; the others need far less.
STOP_SECONDS = 30.0
# Who is asked so often, and has not answered for so long, hangs: it is killed and started again. An engine at work on
# many messages answers late, and so is given time.
CHECK_SECONDS = 5.0
CHECK_TIMEOUT_SECONDS = 10.0
HUNG_AFTER_SECONDS = 45.0
# Loopback only. A client without one makes one, which costs more than all else of a look.
_WITHOUT_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
# Before a process is started again; doubled each time it does not last, so that a broken one does not eat the machine.
RESTART_PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 60.0
_LASTS_SECONDS = 60.0
_LOGS_LOOKED_AT_SECONDS = 60.0
# Started when the gateway is up, one after the other: on two cores they would hold up the first answers, and the
# engine, by seconds.
_CAN_WAIT = frozenset({"actions", "desk"})
RESTARTS = "restarts.json"
"""In the folder `run`: what had to be started again since the start, for the doctor."""


class NotHealthy(Exception):
    """A process ended, or was not ready in time; the message says which, and the last it wrote."""


class PortTaken(Exception):
    """A port is in use; the message says which, and how to choose another."""


@dataclass
class Process:
    """One child process: how it is started, and how one sees that it is ready, and that it does not hang.

    `is_alive` is None for one that can't be asked; it counts only from its first yes on.
    """

    name: str
    command: Sequence[str]
    is_ready: Callable[[], Awaitable[bool]]
    ready_within: float
    environment: Mapping[str, str] = field(default_factory=dict)
    is_alive: Callable[[], Awaitable[bool]] | None = None
    child: asyncio.subprocess.Process | None = None


class Stack:
    """The processes that serve one data folder.

    Args:
        settings: the settings to run with.
        model: the trained model.
        with_sandbox: run the sandbox and let the gateway talk to it.
        with_gateway: run the gateway and the desk too, not only engine and actions.
    """

    def __init__(self, settings: Settings, model: Path, *, with_sandbox: bool, with_gateway: bool = True) -> None:
        self._settings = settings
        given = settings.engine_token
        self.token = given.get_secret_value() if given else secrets.token_urlsafe(32)
        self._bot_token = f"{secrets.randbelow(10**9)}:{secrets.token_urlsafe(24)}"
        self._logs = settings.home / "logs"
        self._run = settings.home / "run"
        self._stopping = False
        self._is_whole = with_gateway
        """Beside a whole stack others may start an engine of their own for a while: what is noted is not theirs."""
        self._processes = [self._actions(), self._engine(model)]
        if with_sandbox:
            self._processes.append(self._sandbox())
        if with_gateway:
            self._processes += [self._desk(), self._gateway(with_sandbox=with_sandbox)]
        self._watchers: list[asyncio.Task[None]] = []
        self._restarts: dict[str, dict[str, object]] = {}

    async def start(self) -> None:
        """Start all and return when all are ready.

        Raises:
            PortTaken: a port is in use; nothing has been started.
            NotHealthy: a process did not become ready; all have been stopped.
        """
        for folder in (self._logs, self._run):
            folder.mkdir(parents=True, exist_ok=True)
        if self._is_whole:
            await asyncio.to_thread(left_over.end_left_over, self._run, STOP_SECONDS)
        self._check_ports()
        (self._run / RESTARTS).unlink(missing_ok=True)
        try:
            await self._start_all()
        except BaseException:
            await self.stop()
            raise
        state = self._run / "system.json"
        state.touch(mode=0o600)
        state.write_text(json.dumps({"engine_url": self._settings.engine_url, "engine_token": self.token}))
        self._watchers = [asyncio.create_task(self._keep_alive(process)) for process in self._processes]
        self._watchers.append(asyncio.create_task(self._keep_logs_small()))

    async def _start_all(self) -> None:
        gateways = [each for each in self._processes if each.name == "gateway"]
        later = [each for each in self._processes if gateways and each.name in _CAN_WAIT]
        first = [each for each in self._processes if each not in later]

        async def start_the_others() -> None:
            for process in gateways:
                await self._until_ready(process)
            for process in later:
                await self._launch(process)
                await self._until_ready(process)

        for process in first:
            await self._launch(process)
        starting = [asyncio.create_task(self._until_ready(process)) for process in first]
        starting.append(asyncio.create_task(start_the_others()))
        try:
            await asyncio.gather(*starting)
        finally:  # where one fails nothing more is started
            for each in starting:
                each.cancel()
            await asyncio.gather(*starting, return_exceptions=True)

    async def stop(self) -> None:
        """Stop all: the gateway first, so that what is in hand is still answered, then the rest."""
        self._stopping = True
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)  # one may be about to start something again
        (self._run / "system.json").unlink(missing_ok=True)
        for process in reversed(self._processes):
            await end(process)
        if self._is_whole:
            (self._run / left_over.FILE).unlink(missing_ok=True)

    def _check_ports(self) -> None:
        settings = self._settings
        wanted = {
            "actions": ("SEPTIMUS_ACTIONS_PORT", settings.actions_port),
            "engine": ("SEPTIMUS_ENGINE_PORT", settings.engine_port),
        }
        wanted |= {
            "desk": ("SEPTIMUS_DESK_PORT", settings.desk_port),
            "sandbox": ("SEPTIMUS_SANDBOX_PORT", settings.sandbox_port),
        }
        for process in self._processes:
            if process.name in wanted and is_taken(wanted[process.name][1]):
                name, port = wanted[process.name]
                raise PortTaken(f"Port {port} is in use, and the {process.name} needs it. Free it, or set {name}.")

    async def _launch(self, process: Process) -> None:
        with (self._logs / f"{process.name}.log").open("ab") as output:
            process.child = await asyncio.create_subprocess_exec(
                *process.command,
                cwd=ROOT,
                env={**os.environ, **self._shared_environment(), **process.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        if self._is_whole:
            with contextlib.suppress(OSError):  # a full disk must not keep a process from being started
                left_over.note(self._run, self._running())

    def _running(self) -> dict[str, int]:
        return {each.name: each.child.pid for each in self._processes if each.child and each.child.returncode is None}

    async def _until_ready(self, process: Process) -> None:
        deadline = asyncio.get_running_loop().time() + process.ready_within
        while asyncio.get_running_loop().time() < deadline:
            if process.child is None or process.child.returncode is not None:
                raise NotHealthy(f"The {process.name} ended while starting. {self._last_words(process)}")
            if await process.is_ready():
                return
            await asyncio.sleep(0.2)
        raise NotHealthy(
            f"The {process.name} was not ready in {process.ready_within:.0f} s. {self._last_words(process)}"
        )

    async def _keep_alive(self, process: Process) -> None:
        """Start a process again when it dies or hangs; the others go on meanwhile."""
        pause = RESTART_PAUSE_SECONDS
        while not self._stopping:
            begun = asyncio.get_running_loop().time()
            how = await self._until_it_fails(process)
            lasted = asyncio.get_running_loop().time() - begun
            pause = RESTART_PAUSE_SECONDS if lasted > _LASTS_SECONDS else min(pause, LONGEST_PAUSE_SECONDS)
            log.error("process.ended", name=process.name, how=how)
            self._note_restart(process, how)
            await asyncio.sleep(pause)
            pause *= 2
            try:
                await self._launch(process)
            except OSError as error:  # no memory or no handles: it is tried again
                process.child = None
                log.error("process.not_started", name=process.name, fault=type(error).__name__)

    async def _until_it_fails(self, process: Process) -> str:
        """Return how a process ended; one that hangs is killed, with all that it started."""
        child = process.child
        if child is None:
            return "not started"
        now = asyncio.get_running_loop().time
        died = asyncio.create_task(child.wait())
        begun, heard_at = now(), None
        try:
            while not (await asyncio.wait({died}, timeout=CHECK_SECONDS))[0]:
                if process.is_alive is None:
                    continue
                if await process.is_alive():
                    heard_at = now()
                elif heard_at is not None:
                    if now() - heard_at > HUNG_AFTER_SECONDS:
                        return "hung"
                elif now() - begun > process.ready_within and not await process.is_ready():
                    return "never ready"
            code = died.result()
            return f"signal {-code}" if code < 0 else f"code {code}"
        finally:
            if not self._stopping:
                # The whole group: what a dead one leaves behind would hold its port.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                await died
            died.cancel()

    async def _keep_logs_small(self) -> None:
        """Look once a minute whether a log has grown too large."""
        while True:
            await asyncio.sleep(_LOGS_LOOKED_AT_SECONDS)
            try:
                rotated = await asyncio.to_thread(rotate, self._logs)
            except OSError as error:
                log.error("logs.not_rotated", fault=type(error).__name__, remedy="is the disk full?")
                continue
            if rotated:
                log.info("logs.rotated", names=rotated)

    def _note_restart(self, process: Process, how: str) -> None:
        before = self._restarts.get(process.name, {"times": 0})
        times = int(str(before["times"])) + 1
        self._restarts[process.name] = {"times": times, "how": how, "at": system_clock().isoformat()}
        with contextlib.suppress(OSError):  # a full disk must not keep a process from being started again
            (self._run / RESTARTS).write_text(json.dumps(self._restarts), encoding="utf-8")

    def _last_words(self, process: Process) -> str:
        path = self._logs / f"{process.name}.log"
        lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines() if path.exists() else []
        return f"Its last line: {lines[-1]}" if lines else f"It wrote nothing to {path}."

    def _shared_environment(self) -> dict[str, str]:
        settings = self._settings
        return {
            "SEPTIMUS_HOME": str(settings.home.absolute()),
            "SEPTIMUS_ENGINE_TOKEN": self.token,
            "SEPTIMUS_ENGINE_PORT": str(settings.engine_port),
            "SEPTIMUS_ACTIONS_PORT": str(settings.actions_port),
            "SEPTIMUS_DESK_PORT": str(settings.desk_port),
            "SEPTIMUS_SANDBOX_PORT": str(settings.sandbox_port),
            "SEPTIMUS_GATEWAY_WATCH_PORT": str(settings.gateway_watch_port),
            "SEPTIMUS_DESK_WATCH_PORT": str(settings.desk_watch_port),
            "SEPTIMUS_LOG_LEVEL": settings.log_level,
            "SEPTIMUS_DATABASE_URL": settings.database,
            "PYTHONUNBUFFERED": "1",
        }

    def _actions(self) -> Process:
        url = f"http://127.0.0.1:{self._settings.actions_port}/health"
        command = [sys.executable, "-m", "actions.server"]
        return Process("actions", command, answers(url), ready_within=60, is_alive=_lives(url))

    def _engine(self, model: Path) -> Process:
        settings = self._settings
        command = [str(ROOT / "engine" / "rasa"), "serve", "--model", str(model), "--interface", "127.0.0.1"]
        # One argument, not two: one token in sixty-four begins with a dash and would be read as an option.
        command += ["--port", str(settings.engine_port), "--enable-api", f"--auth-token={self.token}"]
        command += ["--endpoints", str(ROOT / "endpoints.yml"), "--credentials", str(ROOT / "credentials.yml")]
        environment = {
            "SEPTIMUS_TRACKER_URL": settings.tracker,
            "SEPTIMUS_REDIS_URL": settings.redis_url or "",
            "SEPTIMUS_ACTIONS_URL": f"http://127.0.0.1:{settings.actions_port}/webhook",
            "LOG_LEVEL": "WARNING",
            "OMP_NUM_THREADS": "1",
        }
        url = f"http://127.0.0.1:{settings.engine_port}/status?token={self.token}"
        return Process("engine", command, answers(url), ready_within=240, environment=environment, is_alive=_lives(url))

    def _sandbox(self) -> Process:
        port = self._settings.sandbox_port
        command = [sys.executable, "-m", "bot.sandbox", "--host", "127.0.0.1", "--port", str(port)]
        url = f"http://127.0.0.1:{port}/healthz"
        command += ["--token", self._bot_token]
        return Process("sandbox", command, answers(url), ready_within=30, is_alive=_lives(url))

    def _desk(self) -> Process:
        url = f"http://127.0.0.1:{self._settings.desk_port}/healthz"
        return Process("desk", [sys.executable, "-m", "bot.desk"], answers(url), ready_within=30, is_alive=_lives(url))

    def _gateway(self, *, with_sandbox: bool) -> Process:
        # Its threads draw pictures and pages; with a heap for each of them all would keep what the largest one needed.
        environment = {"MALLOC_ARENA_MAX": "2"}
        if with_sandbox:
            base = f"http://127.0.0.1:{self._settings.sandbox_port}"
            environment |= {"TELEGRAM_BOT_TOKEN": self._bot_token, "TELEGRAM_API_BASE": base}
        marker = self._run / f"{self._settings.instance}.ready"
        marker.unlink(missing_ok=True)

        async def is_ready() -> bool:
            return marker.exists()

        command = [sys.executable, "-m", "bot.gateway"]
        port = self._settings.gateway_watch_port
        is_alive = _lives(f"http://127.0.0.1:{port}/health") if port else None
        return Process("gateway", command, is_ready, ready_within=60, environment=environment, is_alive=is_alive)


def answers(url: str, seconds: float = 2.0) -> Callable[[], Awaitable[bool]]:
    """Return a check of whether an address answers with 200 in time."""

    async def is_ready() -> bool:
        async with httpx.AsyncClient(timeout=seconds, trust_env=False, verify=_WITHOUT_TLS) as client:
            try:
                return (await client.get(url)).status_code == 200
            except httpx.HTTPError:
                return False

    return is_ready


def _lives(url: str) -> Callable[[], Awaitable[bool]]:
    return answers(url, CHECK_TIMEOUT_SECONDS)


def is_taken(port: int) -> bool:
    """Say whether something listens on a port of loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


async def end(process: Process) -> None:
    """End a process and its children: asked first, made to when it takes too long."""
    child = process.child
    if child is None or child.returncode is not None:
        return
    # The whole group: the engine is a shell script's child.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
        os.killpg(child.pid, signal.SIGCONT)  # one that was held still would not hear it
    try:
        await asyncio.wait_for(child.wait(), STOP_SECONDS)
    except TimeoutError:
        log.error("process.killed", name=process.name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.wait()


def free_ports(count: int) -> list[int]:
    """Return ports that are free now on this machine."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
