"""`make bench`: measures the way of a message and writes `bench/results.json`.

Everything is measured in one run beside the same model under plain Rasa: its own REST channel and its own in-memory
tracker. Quote the ratios; single times depend on the machine.
"""

import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from bot.settings import ROOT, Settings
from bot.stack.model import train
from bot.stack.processes import Process, Stack, answers, end, free_ports

RESULTS = Path(__file__).parent / "results.json"
QUESTION = "how do I protect my eye at night?"
ARTICLE = "Protecting your eye at night"


async def main() -> None:
    """Run all benchmarks and write the results."""
    model = train()
    with tempfile.TemporaryDirectory(prefix="septimus-bench-") as folder:
        sandbox, desk, actions, engine, plain = free_ports(5)
        settings = Settings(_env_file=None).model_copy(  # type: ignore[call-arg]
            update={
                "home": Path(folder),
                "database_url": None,
                "telegram_bot_token": None,
                "sandbox_port": sandbox,
                "desk_port": desk,
                "actions_port": actions,
                "engine_port": engine,
            }
        )
        stack = Stack(settings, model, with_sandbox=True)
        await stack.start()
        reference = await _plain_rasa(Path(folder), model, plain, actions, stack.token)
        try:
            results = {
                "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "machine": {
                    "cores": os.cpu_count(),
                    "python": platform.python_version(),
                    "system": platform.platform(),
                },
                "way_of_a_message": await _way(f"http://127.0.0.1:{sandbox}", f"http://127.0.0.1:{plain}"),
                "growth": {
                    "septimus": await _growth(f"http://127.0.0.1:{engine}", stack.token),
                    "plain_rasa": await _growth(f"http://127.0.0.1:{plain}", stack.token),
                },
            }
        finally:
            await end(reference)
            await stack.stop()
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))


async def _plain_rasa(folder: Path, model: Path, port: int, actions: int, token: str) -> Process:
    """Start the same model as Rasa comes: the REST channel and the tracker in memory."""
    (folder / "endpoints.yml").write_text(
        f"action_endpoint:\n  url: http://127.0.0.1:{actions}/webhook\n  token: {token}\n", encoding="utf-8"
    )
    (folder / "credentials.yml").write_text("rest:\n", encoding="utf-8")
    command = [str(ROOT / "engine" / "rasa"), "run", "--model", str(model), "--interface", "127.0.0.1"]
    command += ["--port", str(port), "--endpoints", str(folder / "endpoints.yml")]
    command += ["--credentials", str(folder / "credentials.yml")]
    process = Process("plain", command, answers(f"http://127.0.0.1:{port}/"), ready_within=240)
    process.child = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env={**os.environ, "LOG_LEVEL": "ERROR"},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    while not await process.is_ready():
        await asyncio.sleep(0.5)
    return process


async def _way(sandbox: str, plain: str, rounds: int = 120) -> dict[str, Any]:
    """Time from an update to its reply through the local Bot API, and plain Rasa's REST channel, turn by turn."""
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        user = 7001
        await _meet(client, sandbox, user)
        ours, theirs = [], []
        for number in range(rounds):
            ours.append(await _ask(client, sandbox, user))
            begun = time.perf_counter()
            # A new sender each time: the first message of a conversation, plain Rasa at its best.
            body = {"sender": f"plain-{number}", "message": QUESTION, "metadata": {"country": "GB"}}
            answer = await client.post(f"{plain}/webhooks/rest/webhook", json=body)
            theirs.append((time.perf_counter() - begun) * 1000)
            assert ARTICLE in answer.text
    return {
        "update_to_reply_ms": _spread(ours[10:]),
        "plain_rasa_rest_ms": _spread(theirs[10:]),
        "ratio_of_medians": round(statistics.median(ours[10:]) / statistics.median(theirs[10:]), 2),
    }


async def _growth(engine: str, token: str, messages: int = 1010) -> dict[str, Any]:
    """Time to answer late in one conversation, by the engine's REST channel."""
    taken = []
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(timeout=60, trust_env=False, headers=headers) as client:
        for _ in range(messages):
            begun = time.perf_counter()
            body = {"sender": "one-long-talk", "message": QUESTION, "metadata": {"country": "GB"}}
            answer = await client.post(f"{engine}/webhooks/rest/webhook", json=body)
            taken.append((time.perf_counter() - begun) * 1000)
            assert ARTICLE in answer.text
    early, late = statistics.median(taken[5:25]), statistics.median(taken[-20:])
    return {
        "at_message_10_ms": round(early, 1),
        "at_message_100_ms": round(statistics.median(taken[90:110]), 1),
        "at_message_1000_ms": round(late, 1),
        "ratio_1000_to_10": round(late / early, 2),
    }


async def _meet(client: httpx.AsyncClient, sandbox: str, user: int) -> None:
    await client.post(f"{sandbox}/sandbox/say", json={"user": user, "text": "/start"})
    for text in ("yes", "for me", "40", "england", "skip", "skip"):
        before = await _replies(client, sandbox, user)
        await client.post(f"{sandbox}/sandbox/say", json={"user": user, "text": text})
        while await _replies(client, sandbox, user) <= before:
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)


async def _ask(client: httpx.AsyncClient, sandbox: str, user: int) -> float:
    """Say the question and return the milliseconds until the bot's message stands in the chat."""
    before = await _replies(client, sandbox, user)
    begun = time.perf_counter()
    await client.post(f"{sandbox}/sandbox/say", json={"user": user, "text": QUESTION})
    while await _replies(client, sandbox, user) <= before:
        await asyncio.sleep(0.002)
    return (time.perf_counter() - begun) * 1000


async def _replies(client: httpx.AsyncClient, sandbox: str, user: int) -> int:
    answer = await client.get(f"{sandbox}/sandbox/messages", params={"user": user, "after": 0})
    if answer.status_code != 200:
        return 0
    return sum(message["from"] == "bot" for message in answer.json())


def _spread(taken: list[float]) -> dict[str, float]:
    ordered = sorted(taken)
    return {
        "p50": round(statistics.median(ordered), 1),
        "p95": round(ordered[int(len(ordered) * 0.95)], 1),
        "p99": round(ordered[int(len(ordered) * 0.99)], 1),
        "count": len(ordered),
    }


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
