"""The action server over HTTP: the engine's token opens it, and nothing else does."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import structlog
from sanic.server import AsyncioServer

from actions.resources import Resources
from actions.server import ACTIONS, build

TOKEN = "an-invented-token"
# The SDK sees an older engine and says so each time.
pytestmark = pytest.mark.filterwarnings("ignore:Your versions of rasa")
CALL = {
    "next_action": "action_small_talk",
    "sender_id": "p" * 32,
    "version": "3.6.21",
    "tracker": {
        "sender_id": "p" * 32,
        "slots": {},
        "latest_message": {"text": "hello", "intent": {"name": "greet"}, "metadata": {"country": "GB"}},
        "events": [],
    },
}


@pytest.fixture(scope="module")
def address(resources: Resources) -> Iterator[str]:
    """The server on a free port of loopback, in a thread of its own; the SDK's can be made once in a process."""
    app = build(resources, TOKEN)
    sock = socket.create_server(("127.0.0.1", 0))
    loop = asyncio.new_event_loop()

    async def start() -> AsyncioServer:
        serving = await app.create_server(sock=sock, return_asyncio_server=True, access_log=False)
        assert serving is not None
        await serving.startup()
        await serving.start_serving()
        return serving

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(start(), loop).result(20)
    yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    sock.close()


@pytest.fixture
async def server(address: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=address, timeout=10, trust_env=False) as client:
        yield client


@pytest.mark.parametrize("query", ["", "?token=", "?token=wrong", f"?token={TOKEN}x", f"?TOKEN={TOKEN}", "?token=é"])
@pytest.mark.parametrize(("method", "path"), [("POST", "/webhook"), ("GET", "/actions")])
async def test_a_call_without_the_token_is_refused(
    server: httpx.AsyncClient, method: str, path: str, query: str
) -> None:
    answer = await server.request(method, path + query, json=CALL)
    assert answer.status_code == 401
    assert answer.json() == {"error": "the engine's token is needed"}


async def test_the_engine_gets_the_outcome_without_having_sent_a_domain(server: httpx.AsyncClient) -> None:
    answer = await server.post(f"/webhook?token={TOKEN}", json=CALL)
    assert answer.status_code == 200
    [response] = answer.json()["responses"]
    assert response["custom"]["outcome"]["kind"] == "smalltalk"


async def test_all_actions_are_there(server: httpx.AsyncClient, resources: Resources) -> None:
    listed: list[dict[str, Any]] = (await server.get(f"/actions?token={TOKEN}")).json()
    assert {each["name"] for each in listed} == {action(resources).name() for action in ACTIONS}


async def test_health_needs_no_token_and_tells_nothing(server: httpx.AsyncClient) -> None:
    answer = await server.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_an_unknown_action_is_an_error_and_the_server_goes_on(server: httpx.AsyncClient) -> None:
    broken = await server.post(f"/webhook?token={TOKEN}", json={**CALL, "next_action": "action_unheard_of"})
    assert broken.status_code == 404
    assert (await server.post(f"/webhook?token={TOKEN}", json=CALL)).status_code == 200


async def test_the_figures_need_no_token_and_tell_how_sure_the_engine_was_of_typed_messages(
    server: httpx.AsyncClient,
) -> None:
    async def seen() -> float:
        told = (await server.get("/metrics")).text
        return float(
            next(line for line in told.splitlines() if line.startswith("septimus_nlu_confidence_count")).split()[1]
        )

    before = await seen()
    for text in ("hello", "/open_article"):  # the second is a tapped button's
        latest = {"text": text, "intent": {"name": "greet", "confidence": 0.71}, "metadata": {"message": "17"}}
        call = {**CALL, "tracker": {**CALL["tracker"], "latest_message": latest}}  # type: ignore[dict-item]
        assert (await server.post(f"/webhook?token={TOKEN}", json=call)).status_code == 200
    assert await seen() - before == 1


async def test_a_run_action_is_logged_under_its_messages_number(server: httpx.AsyncClient) -> None:
    latest = {"text": "hello", "intent": {"name": "greet"}, "metadata": {"message": "17"}}
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as told:
        await server.post(
            f"/webhook?token={TOKEN}",
            json={**CALL, "tracker": {**CALL["tracker"], "latest_message": latest}},  # type: ignore[dict-item]
        )
    (ran,) = [line for line in told if line["event"] == "action.ran"]
    assert (ran["action"], ran["message"]) == ("action_small_talk", "17")
