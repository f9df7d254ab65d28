"""The control door and the page's own requests: what they answer, and whom they let in."""

from __future__ import annotations

import json
import socket
import subprocess
import sys

import httpx
import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup

from bot.sandbox.guard import is_loopback
from bot.sandbox.server import create_app
from tests.unit.sandbox.sandbox_server import Sandbox


def keyboard(*titles: str) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton(t, callback_data=f"{n}")] for n, t in enumerate(titles)])


async def test_messages_have_the_contracts_shape(sandbox: Sandbox, bot: Bot) -> None:
    said = await sandbox.say("hello")
    sent = await bot.send_message(1001, "hi", reply_markup=keyboard("A", "B"))
    user, answer = await sandbox.messages()
    assert {k: user[k] for k in ("message_id", "from", "text", "buttons", "image", "edited")} == {
        "message_id": said["message_id"],
        "from": "user",
        "text": "hello",
        "buttons": [],
        "image": None,
        "edited": False,
    }
    assert (answer["from"], answer["buttons"]) == ("bot", [["A"], ["B"]])
    assert [m["message_id"] for m in await sandbox.messages(after=said["message_id"])] == [sent.message_id]


async def test_press_takes_the_latest_message_that_has_the_button(sandbox: Sandbox, bot: Bot) -> None:
    first = await bot.send_message(1001, "1", reply_markup=keyboard("Next", "Stop"))
    second = await bot.send_message(1001, "2", reply_markup=keyboard("Next"))
    pressed = await sandbox.post("/sandbox/press", {"user": 1001, "button": "Next"})
    assert pressed["message_id"] == second.message_id
    pressed = await sandbox.post("/sandbox/press", {"user": 1001, "button": "Stop"})
    assert pressed["message_id"] == first.message_id
    pressed = await sandbox.post("/sandbox/press", {"user": 1001, "message_id": first.message_id, "button": "Next"})
    assert pressed["message_id"] == first.message_id
    pressed = await sandbox.post(
        "/sandbox/press", {"user": 1001, "message_id": first.message_id, "row": 1, "column": 0}
    )
    updates = await bot.get_updates()
    assert [u.callback_query.data for u in updates if u.callback_query] == ["0", "1", "0", "1"]


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("press", {"user": 1001, "button": "Nope"}, 404, "has a button 'Nope'"),
        ("press", {"user": 4, "button": "x"}, 404, "there is no user 4"),
        ("press", {"user": 1001, "message_id": 3, "button": "x"}, 404, "has no message 3"),
        ("press", {"user": 1001}, 400, "say which button"),
        ("say", {"user": 1001, "text": "  "}, 400, "the text is empty"),
        ("say", {"user": "1001", "text": "x"}, 400, '"user" must be a whole number'),
        ("say", {"user": 1001}, 400, '"text" must be a text'),
        ("say", [], 400, "must be a JSON object"),
        ("block", {"user": 1001, "blocked": "yes"}, 400, "true or false"),
        ("update", "x", 400, "must be a JSON object"),
    ],
)
async def test_errors_say_what_to_do(sandbox: Sandbox, path: str, body: object, status: int, words: str) -> None:
    answer = await sandbox.http.post(f"/sandbox/{path}", json=body)
    assert answer.status_code == status
    assert words in answer.json()["error"]


async def test_unknown_users_and_paths_are_404(sandbox: Sandbox) -> None:
    assert (await sandbox.http.get("/sandbox/messages", params={"user": 5})).status_code == 404
    assert (await sandbox.http.get("/sandbox/messages")).status_code == 400
    assert (await sandbox.http.get("/nowhere")).status_code == 404
    assert (await sandbox.http.post("/sandbox/say", content=b"{")).status_code == 400
    assert (await sandbox.http.get("/static/..%2fstate.py")).status_code == 404


async def test_a_blocked_bot_hears_nothing(sandbox: Sandbox) -> None:
    await sandbox.post("/sandbox/block", {"user": 1001, "blocked": True})
    assert (await sandbox.http.post("/sandbox/say", json={"user": 1001, "text": "x"})).status_code == 409
    await sandbox.post("/sandbox/block", {"user": 1001, "blocked": False})
    await sandbox.say("x")


async def test_long_texts_come_in_pieces(sandbox: Sandbox) -> None:
    said = await sandbox.say("x" * 5000)
    assert len(said["message_ids"]) == 2
    assert [len(m["text"]) for m in await sandbox.messages()] == [4096, 904]


async def test_say_needs_no_content_type(sandbox: Sandbox) -> None:
    body = json.dumps({"user": 1001, "text": "hi", "language_code": "en"}).encode()
    assert (await sandbox.http.post("/sandbox/say", content=body)).status_code == 200


@pytest.mark.parametrize(
    ("headers", "client"),
    [
        ({"host": "evil.example"}, "127.0.0.1"),
        ({"host": "evil.example:8081"}, "127.0.0.1"),
        ({"host": "127.0.0.1.evil.example"}, "127.0.0.1"),
        ({}, "10.0.0.7"),
        ({}, "::ffff:10.0.0.7"),
        ({"origin": "https://evil.example"}, "127.0.0.1"),
        ({"origin": "http://localhost:9999"}, "127.0.0.1"),
        ({"origin": "null"}, "127.0.0.1"),
        ({"sec-fetch-site": "cross-site"}, "127.0.0.1"),
    ],
)
async def test_strangers_stay_out(headers: dict[str, str], client: str) -> None:
    transport = httpx.ASGITransport(create_app(), client=(client, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8081", headers=headers) as http:
        for path in ("/sandbox/say", "/sandbox/update", "/sandbox/fault", "/sandbox/reset"):
            assert (await http.post(path, json={})).status_code == 403
        if "sec-fetch-site" not in headers:
            assert (await http.get("/sandbox/calls")).status_code == 403
            assert (await http.get("/")).status_code == 403
        assert (await http.get("/healthz")).status_code == 200


@pytest.mark.parametrize("base", ["http://localhost:8081", "http://127.0.0.1", "http://[::1]:8081"])
async def test_this_machine_comes_in(base: str) -> None:
    transport = httpx.ASGITransport(create_app(), client=("::1", 1))
    async with httpx.AsyncClient(transport=transport, base_url=base, headers={"origin": base}) as http:
        assert (await http.post("/sandbox/say", json={"user": 1001, "text": "x"})).status_code == 200


def test_loopback_addresses() -> None:
    assert all(map(is_loopback, ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"]))
    assert not any(map(is_loopback, ["10.0.0.1", "::", "0.0.0.0", "::ffff:8.8.8.8", "", "localhost"]))


async def test_the_page_is_strict_and_whole(sandbox: Sandbox) -> None:
    page = await sandbox.http.get("/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "Sandbox: messages stay on this machine. This is not Telegram." in page.text
    assert "<script>" not in page.text and "style=" not in page.text and "http" not in page.text
    for name, kind in {
        "chat.js": "javascript",
        "entities.js": "javascript",
        "display.js": "javascript",
        "chat.css": "text/css",
        "mark.svg": "image/svg+xml",
    }.items():
        file = await sandbox.http.get(f"/static/{name}")
        assert file.status_code == 200 and kind in file.headers["content-type"]
        assert "innerHTML" not in file.text and "insertAdjacentHTML" not in file.text


async def test_people(sandbox: Sandbox) -> None:
    assert await sandbox.get("/sandbox/users") == [
        {"user": 1001, "name": "Patient 1", "language_code": "en", "blocked": False}
    ]
    added = await sandbox.post("/sandbox/users", {"name": "Bo", "language_code": "fr"})
    assert added == {"user": 1002, "name": "Bo", "language_code": "fr", "blocked": False}
    assert (await sandbox.post("/sandbox/users", {}))["name"] == "Patient 3"
    assert (await sandbox.post("/sandbox/users", {"user": 1002}))["language_code"] == "fr"


async def test_the_live_stream_goes_on_where_it_was(sandbox: Sandbox, bot: Bot) -> None:
    async def next_event(lines: object) -> tuple[str, dict[str, object]]:
        name = ""
        async for line in lines:  # type: ignore[attr-defined]
            if line.startswith("id: "):
                name = line[4:]
            if line.startswith("data: "):
                return name, json.loads(line[6:])
        raise AssertionError("the stream ended")

    await sandbox.say("one")
    async with sandbox.http.stream("GET", "/sandbox/events", params={"user": 1001}) as stream:
        lines = stream.aiter_lines()
        _, event = await next_event(lines)
        assert event["full"] and [m["text"] for m in event["messages"]] == ["one"]  # type: ignore[attr-defined]
        await bot.send_chat_action(1001, "typing")
        _, event = await next_event(lines)
        assert event["typing"] == "typing" and event["messages"] == []
        sent = await bot.send_message(1001, "two")
        name, event = await next_event(lines)
        assert event["typing"] is None
        assert [m["text"] for m in event["messages"]] == ["two"]  # type: ignore[attr-defined]
    await bot.edit_message_text("three", 1001, sent.message_id)
    again = sandbox.http.stream("GET", "/sandbox/events", params={"user": 1001}, headers={"last-event-id": name})
    async with again as stream:
        _, event = await next_event(stream.aiter_lines())
        assert not event["full"] and [m["text"] for m in event["messages"]] == ["three"]  # type: ignore[attr-defined]


async def test_health(sandbox: Sandbox) -> None:
    assert await sandbox.get("/healthz") == {"ok": True, "listening": False}
    await sandbox.call("getUpdates")
    assert (await sandbox.get("/healthz"))["listening"]


def test_a_taken_port_is_said_in_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "bot.sandbox", "--port", str(port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert done.stderr == f"sandbox: port {port} on 127.0.0.1 is taken; choose another with --port\n"
