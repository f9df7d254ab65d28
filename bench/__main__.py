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


async def _growth(engine: str, token: str, messages: int = 1000) -> dict[str, Any]:
    """Time to answer at message 10 and at message 1,000 of a conversation, by the engine's REST channel.

    The two are measured in turn once the long conversation has its thousand, so that a machine that slows down for
    other reasons slows both.
    """
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(timeout=60, trust_env=False, headers=headers) as client:

        async def ask(sender: str) -> float:
            begun = time.perf_counter()
            body = {"sender": sender, "message": QUESTION, "metadata": {"country": "GB"}}
            answer = await client.post(f"{engine}/webhooks/rest/webhook", json=body)
            assert ARTICLE in answer.text
            return (time.perf_counter() - begun) * 1000

        for _ in range(messages):
            await ask("one-long-talk")
        tenth, thousandth = [], []
        for number in range(20):
            for _ in range(9):
                await ask(f"short-talk-{number}")
            tenth.append(await ask(f"short-talk-{number}"))
            thousandth.append(await ask("one-long-talk"))
    early, late = statistics.median(tenth), statistics.median(thousandth)
    return {
        "at_message_10_ms": round(early, 1),
        "at_message_1000_ms": round(late, 1),
        "ratio_1000_to_10": round(late / early, 2),
    }


async def _meet(client: httpx.AsyncClient, sandbox: str, user: int) -> None:
    """Lead a person through first contact by typing."""
    for text in ("/start", "yes", "for me", "40", "england", "skip", "skip"):
        await _ask(client, sandbox, user, text)
        await asyncio.sleep(0.5)  # a step may answer with more than one message


async def _ask(client: httpx.AsyncClient, sandbox: str, user: int, text: str = QUESTION) -> float:
    """Say something and return the milliseconds until the bot's message stands in the chat."""
    begun = time.perf_counter()
    said = await client.post(f"{sandbox}/sandbox/say", json={"user": user, "text": text})
    after = {"user": user, "after": said.json()["message_id"]}
    while True:
        answer = await client.get(f"{sandbox}/sandbox/messages", params=after)
        if any(message["from"] == "bot" for message in answer.json()):
            return (time.perf_counter() - begun) * 1000
        await asyncio.sleep(0.003)


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
