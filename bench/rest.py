"""Start and rest: how long until the first useful answer, what processes use when nothing happens, what they fill."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from bench.measure import Json, below, of, used_between
from bench.message import QUESTIONS, Telegram, onboard
from bench.system import LIMITS, build, plain_rasa
from bot.settings import ROOT
from bot.stack.processes import free_ports

_FLAG = "my face has dropped and my arm is weak"
_FIRST = 7801


async def measure_start(model: Path, *, starts: int = 3) -> Json:
    """From the command to the first useful answer, and to the engine's; then plain Rasa's own start.

    All processes are started together, as `septimus run` does, on a database that is there already. A question and an
    emergency are said as soon as the local Bot API listens, so they wait for us: the first answers are the screen's and
    the plain search's.
    """
    found: list[Json] = [await _started(model) for _ in range(starts)]
    plain = []
    for _ in range(starts):
        with tempfile.TemporaryDirectory(prefix="septimus-bench-") as folder:
            (nobodys_port,) = free_ports(1)
            async with plain_rasa(Path(folder), model, nobodys_port, "invented") as (_, ready_s):
                plain.append(ready_s)
    return {
        "starts": starts,
        **{name: _middle([each[name] for each in found]) for name in found[0]},
        "plain_rasa_ready_s": _middle(plain),
    }


async def _started(model: Path) -> Json:
    with tempfile.TemporaryDirectory(prefix="septimus-bench-") as name:
        folder = Path(name)
        await onboard(folder, (_FIRST, _FIRST + 1))
        stack, system = build(folder, model)
        begun = time.time()
        starting = asyncio.create_task(stack.start())
        try:
            async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
                while not await _is_up(client, system.sandbox):
                    if starting.done():
                        break
                    await asyncio.sleep(0.03)
                for person, text in ((_FIRST, QUESTIONS[0]), (_FIRST + 1, _FLAG)):
                    said = await client.post(f"{system.sandbox}/sandbox/say", json={"user": person, "text": text})
                    said.raise_for_status()
                await starting
                ready = time.time() - begun
                return {**await _firsts(client, system.sandbox, begun), "engine_ready_s": round(ready, 1)}
        finally:
            await asyncio.gather(starting, return_exceptions=True)
            await stack.stop()


async def _is_up(client: httpx.AsyncClient, base: str) -> bool:
    try:
        return (await client.get(f"{base}/healthz")).status_code == 200
    except httpx.HTTPError:
        return False


async def _firsts(client: httpx.AsyncClient, base: str, begun: float) -> Json:
    """When each person's first answer came, in seconds since the start."""
    calls = (await client.get(f"{base}/sandbox/calls", params={"method": "sendMessage"})).json()
    first: dict[int, float] = {}
    for call in calls:
        first.setdefault(int(call["params"]["chat_id"]), float(call["time"]) - begun)
    return {"first_answer_s": round(first[_FIRST], 2), "first_emergency_s": round(first[_FIRST + 1], 2)}


def _middle(values: list[float]) -> float:
    return round(sorted(values)[len(values) // 2], 1)


async def measure_rest(model: Path, *, seconds: float = 30.0) -> Json:
    """How long a real `septimus run` takes from the command on, and what its processes use while nobody writes.

    Shares are of one core.
    """
    with tempfile.TemporaryDirectory(prefix="septimus-bench-") as name:
        folder = Path(name)
        await onboard(folder, [_FIRST])
        ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SEPTIMUS_", "TELEGRAM_"))}
        settings = {f"SEPTIMUS_{name}_PORT": str(port) for name, port in ports.items()}
        begun = time.monotonic()
        with (folder / "run.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", "run"),
                cwd=ROOT,
                env={**kept, "SEPTIMUS_HOME": name, **settings},
                stdout=log,
                stderr=log,
            )
        try:
            await _until(lambda: (folder / "run" / "system.json").exists() or process.returncode is not None)
            if process.returncode is not None:
                raise RuntimeError(f"It did not start: {(folder / 'run.log').read_text()[-500:]}")
            up_s = round(time.monotonic() - begun, 1)
            return {"up_s": up_s, **await _at_rest(process.pid, f"http://127.0.0.1:{ports['SANDBOX']}", seconds)}
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


_PORTS = ("ENGINE", "ACTIONS", "DESK", "SANDBOX", "GATEWAY_WATCH", "DESK_WATCH")


async def _until(condition: Callable[[], bool], seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not in {seconds:g} s")
        await asyncio.sleep(0.2)


async def _at_rest(run: int, sandbox: str, seconds: float) -> Json:
    people_side = httpx.AsyncClient(timeout=30, trust_env=False, limits=LIMITS)
    async with people_side as client, Telegram(sandbox, client) as telegram:
        for text in QUESTIONS:  # what is loaded with the first messages is memory at rest, too
            await telegram.ask(_FIRST, text)
    await asyncio.sleep(5)
    before, begun = {**below(run), "run": of(run)}, time.monotonic()
    await asyncio.sleep(seconds)
    lasted, after = time.monotonic() - begun, {**below(run), "run": of(run)}
    cpu = {name: round(spent / lasted * 100, 2) for name, spent in used_between(before, after).items()}
    ours = [name for name in after if name != "sandbox"]
    return {
        "seconds": round(lasted),
        "cpu_percent": dict(sorted(cpu.items())),
        "rss_mb": {name: round(used.rss / 1e6) for name, used in sorted(after.items())},
        "cpu_percent_together": round(sum(cpu.get(name, 0.0) for name in ours), 2),
        "rss_mb_together": round(sum(after[name].rss for name in ours) / 1e6),
    }


def measure_size() -> Json:
    """What the environments, the model and the encoders fill on the disk, in megabytes."""
    places = {
        "environment_mb": ROOT / ".venv",
        "engine_environment_mb": ROOT / "engine" / ".venv",
        "encoders_mb": ROOT / "models" / "encoders",
        "content_mb": ROOT / "content",
    }
    found = {name: _megabytes(path) for name, path in places.items()}
    models = sorted((ROOT / "models").glob("septimus-*.tar.gz"))
    return {
        **found,
        "model_mb": round(models[-1].stat().st_size / 1e6) if models else 0,
        "free_disk_gb": round(shutil.disk_usage(ROOT).free / 1e9),
    }


def _megabytes(folder: Path) -> int:
    seen: set[int] = set()
    size = 0
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and (status := path.stat()).st_ino not in seen:
            seen.add(status.st_ino)  # uv links files from its cache: each fills its place once
            size += status.st_blocks * 512
    return round(size / 1e6)
