"""The engine's own log line of a message: its number and its time, and no word of it. Run in the engine's Python."""

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / "engine" / ".venv" / "bin" / "python"
pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]
MARK = "marked-11ab"

CODE = f"""
import asyncio
from rasa.core.channels.channel import UserMessage
from sanic import Sanic
from engine.logged_rest import LoggedRestInput

channel = LoggedRestInput.from_credentials({{"token": "t"}})
assert channel.name() == "rest"


async def answer(message):
    if message.text == "fails {MARK}":
        raise ValueError("{MARK}")


app = Sanic("t")
app.blueprint(channel.blueprint(answer), url_prefix="/webhooks/rest")


async def go():
    import socket

    import aiohttp

    listening = socket.create_server(("127.0.0.1", 0))
    server = await app.create_server(sock=listening, return_asyncio_server=True, access_log=False)
    await server.startup()
    await server.start_serving()
    url = f"http://127.0.0.1:{{listening.getsockname()[1]}}/webhooks/rest/webhook"
    async with aiohttp.ClientSession(headers={{"Authorization": "Bearer t"}}) as client:
        for text, number in (("hello {MARK}", "17"), ("fails {MARK}", "18"), ("x", "{MARK}")):
            body = {{"sender": "p", "message": text, "metadata": {{"message": number}}}}
            async with client.post(url, json=body):
                pass

asyncio.run(go())
"""


def test_a_message_leaves_one_line_with_its_number_and_none_of_its_words() -> None:
    if not PYTHON.exists():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("the engine's environment is missing")
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore", "SEPTIMUS_LOG_LEVEL": "INFO"}
    ended = subprocess.run(
        [str(PYTHON), "-c", CODE], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    lines = [json.loads(line) for line in ended.stderr.splitlines() if line.startswith("{")]
    told = [(line["event"], line["message"]) for line in lines]
    assert told == [("engine.answered", "17"), ("engine.failed", "18"), ("engine.answered", None)]
    assert all(line["process"] == "engine" and line["seconds"] >= 0 for line in lines)
    assert MARK not in ended.stderr + ended.stdout
