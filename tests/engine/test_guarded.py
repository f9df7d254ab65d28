"""The engine's doors, run in the engine's Python: the channel and Rasa's own API answer nobody without the token."""

import json
import os
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / "engine" / ".venv" / "bin" / "python"
pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

CODE = """
import asyncio, json, socket

import aiohttp
from rasa.server import create_app
from engine.logged_rest import LoggedRestInput

TOKEN = "t" * 43
app = create_app(agent=None, auth_token=TOKEN)
heard = []


async def answer(message):
    heard.append(message.text)


app.blueprint(LoggedRestInput.from_credentials({"token": TOKEN}).blueprint(answer), url_prefix="/webhooks/rest")


async def go():
    listening = socket.create_server(("127.0.0.1", 0))
    server = await app.create_server(sock=listening, return_asyncio_server=True, access_log=False)
    await server.startup()
    await server.start_serving()
    base = f"http://127.0.0.1:{listening.getsockname()[1]}"
    found = {"channel": {}, "api": {}}
    async with aiohttp.ClientSession() as client:
        for name, headers in {
            "none": {}, "empty": {"Authorization": ""}, "bearer": {"Authorization": "Bearer "},
            "wrong": {"Authorization": "Bearer " + "u" * 43}, "longer": {"Authorization": f"Bearer {TOKEN}x"},
            "shorter": {"Authorization": f"Bearer {TOKEN[:-1]}"}, "basic": {"Authorization": f"Basic {TOKEN}"},
            "query": {}, "right": {"Authorization": f"Bearer {TOKEN}"},
        }.items():
            url = f"{base}/webhooks/rest/webhook" + (f"?token={TOKEN}" if name == "query" else "")
            async with client.post(url, json={"sender": "p", "message": name}, headers=headers) as response:
                found["channel"][name] = response.status
        for method, path in (
            ("GET", "/status"), ("PUT", "/model"), ("DELETE", "/model"), ("POST", "/model/train"),
            ("POST", "/model/parse"), ("POST", "/model/predict"), ("POST", "/model/test/intents"), ("GET", "/domain"),
            ("GET", "/conversations/p/tracker"), ("PUT", "/conversations/p/tracker/events"),
            ("POST", "/conversations/p/tracker/events"), ("POST", "/conversations/p/messages"),
            ("POST", "/conversations/p/trigger_intent"), ("POST", "/conversations/p/execute"),
            ("GET", "/conversations/p/story"),
        ):
            for wrong in ("", "?token=", "?token=wrong"):
                async with client.request(method, base + path + wrong, json={}) as response:
                    found["api"][f"{method} {path}{wrong}"] = response.status
        async with client.get(f"{base}/status?token={TOKEN}") as response:
            found["known"] = response.status
    print(json.dumps({**found, "heard": heard}))

asyncio.run(go())
"""


@cache
def found() -> dict:
    if not PYTHON.exists():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("the engine's environment is missing")
    environment = {
        **os.environ,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONWARNINGS": "ignore",
        "RASA_TELEMETRY_ENABLED": "false",
    }
    ended = subprocess.run(
        [str(PYTHON), "-c", CODE], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return json.loads(ended.stdout.strip().splitlines()[-1])


def test_the_channel_answers_nobody_without_the_token() -> None:
    statuses = dict(found()["channel"])
    assert statuses.pop("right") == 200
    assert set(statuses.values()) == {401}
    assert found()["heard"] == ["right"]


def test_rasas_own_api_is_shut_without_the_token() -> None:
    assert {path: status for path, status in found()["api"].items() if status not in (401, 403)} == {}
    assert found()["known"] not in (401, 403)
