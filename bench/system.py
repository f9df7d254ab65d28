"""The real system on ports and a folder of its own, and the same model as Rasa comes beside it."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from types import ModuleType

import httpx

from bot.settings import ROOT, Settings
from bot.stack.processes import Process, Stack, answers, end, free_ports

# A server closes what is idle for five seconds, and that must not happen just when a request is on its way.
LIMITS = httpx.Limits(max_connections=200, max_keepalive_connections=200, keepalive_expiry=2.0)
_KEYS = "SEPTIMUS_KEYS_FILE"
QUESTION = "how do I protect my eye at night?"
ARTICLE = "Protecting your eye at night"


@dataclass(frozen=True, slots=True)
class System:
    """Where the system's parts are. Addresses have no slash at the end."""

    folder: Path
    sandbox: str
    engine: str
    actions_port: int
    token: str
    watch: str


def build(folder: Path, model: Path) -> tuple[Stack, System]:
    """Return all of our processes, not started yet, on free ports and with a data folder; and where they will be."""
    sandbox, desk, actions, engine, gateway_watch, desk_watch = free_ports(6)
    settings = Settings(_env_file=None).model_copy(  # type: ignore[call-arg]
        update={
            "home": folder,
            "database_url": None,
            "telegram_bot_token": None,
            "sandbox_port": sandbox,
            "desk_port": desk,
            "actions_port": actions,
            "engine_port": engine,
            "gateway_watch_port": gateway_watch,
            "desk_watch_port": desk_watch,
        }
    )
    stack = Stack(settings, model, with_sandbox=True)
    system = System(
        folder=folder,
        sandbox=f"http://127.0.0.1:{sandbox}",
        engine=f"http://127.0.0.1:{engine}",
        actions_port=actions,
        token=stack.token,
        watch=f"http://127.0.0.1:{gateway_watch}",
    )
    return stack, system


@asynccontextmanager
async def running(folder: Path, model: Path) -> AsyncIterator[System]:
    """Run all of our processes while the block runs."""
    stack, system = build(folder, model)
    await stack.start()
    try:
        yield system
    finally:
        await stack.stop()


@asynccontextmanager
async def plain_rasa(folder: Path, model: Path, actions_port: int, token: str) -> AsyncIterator[tuple[str, float]]:
    """Run the same model as Rasa comes: its REST channel, its tracker in memory, our actions.

    Yields its address, and the seconds until it was ready.
    """
    (folder / "endpoints.yml").write_text(
        f"action_endpoint:\n  url: http://127.0.0.1:{actions_port}/webhook\n  token: {token}\n", encoding="utf-8"
    )
    (folder / "credentials.yml").write_text("rest:\n", encoding="utf-8")
    (port,) = free_ports(1)
    command = [str(ROOT / "engine" / "rasa"), "run", "--model", str(model), "--interface", "127.0.0.1"]
    command += ["--port", str(port), "--endpoints", str(folder / "endpoints.yml"), "--enable-api"]
    command += ["--credentials", str(folder / "credentials.yml"), f"--auth-token={token}"]
    process = Process("plain", command, answers(f"http://127.0.0.1:{port}/status?token={token}"), ready_within=240)
    begun = time.monotonic()
    process.child = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env={**os.environ, "LOG_LEVEL": "ERROR"},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not await process.is_ready():
            if process.child.returncode is not None:
                raise RuntimeError("Plain Rasa ended while it started; start it by hand to see why.")
            await asyncio.sleep(0.2)
        yield f"http://127.0.0.1:{port}", time.monotonic() - begun
    finally:
        await end(process)


def beside(name: str, path: Path) -> ModuleType:
    """Return a module of the tests. By its path: a package that others installed by mistake is called `tests`, too."""
    spec = util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@contextmanager
def postgres() -> Iterator[str | None]:
    """A PostgreSQL server of one's own while the block runs, by its address; None where its programs are missing.

    What is personal is sealed there with keys that end with the block, too, and not with the project's own.
    """
    module = beside("bench_postgres", ROOT / "tests" / "postgres.py")
    before = os.environ.get(_KEYS)
    try:
        with tempfile.TemporaryDirectory(prefix="septimus-bench-") as folder, module.server() as url:
            os.environ[_KEYS] = str(Path(folder) / "keys")
            yield url
    except module.NoServer:
        yield None
    finally:
        if before is None:
            os.environ.pop(_KEYS, None)
        else:
            os.environ[_KEYS] = before
