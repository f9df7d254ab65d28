"""Faults on demand, and the log of calls."""

from __future__ import annotations

import time

import pytest
from telegram import Bot
from telegram.error import BadRequest, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError, TimedOut

from tests.unit.sandbox.sandbox_server import Sandbox


@pytest.mark.filterwarnings("ignore::telegram.warnings.PTBDeprecationWarning")
async def test_429_says_how_long_and_how_often(sandbox: Sandbox, bot: Bot) -> None:
    await sandbox.post("/sandbox/fault", {"method": "sendMessage", "code": 429, "retry_after": 2, "times": 3})
    for _ in range(3):
        with pytest.raises(RetryAfter) as caught:
            await bot.send_message(1001, "x")
        assert "Retry in 2 seconds" in str(caught.value)
    assert await bot.send_message(1001, "x")
    raw = await sandbox.get("/sandbox/calls", method="sendMessage")
    assert [c["code"] for c in raw] == [429, 429, 429, 200]
    assert raw[0]["error"] == "Too Many Requests: retry after 2"


@pytest.mark.parametrize(
    ("code", "error"),
    [(400, BadRequest), (401, InvalidToken), (403, Forbidden), (500, NetworkError), (502, NetworkError)],
)
async def test_each_code_is_ptbs_error(sandbox: Sandbox, bot: Bot, code: int, error: type[TelegramError]) -> None:
    await sandbox.post("/sandbox/fault", {"method": "sendMessage", "code": code})
    with pytest.raises(error):
        await bot.send_message(1001, "x")
    assert await sandbox.messages() == []
    assert await bot.send_message(1001, "x")


async def test_a_dropped_connection_does_nothing(sandbox: Sandbox, bot: Bot) -> None:
    await sandbox.post("/sandbox/fault", {"method": "sendMessage", "drop": True})
    with pytest.raises(NetworkError):
        await bot.send_message(1001, "x")
    assert await sandbox.messages() == []


async def test_accepted_and_then_dropped(sandbox: Sandbox, bot: Bot) -> None:
    await sandbox.post("/sandbox/fault", {"method": "sendMessage", "accept_then_drop": True})
    with pytest.raises(NetworkError):
        await bot.send_message(1001, "kept")
    assert [m["text"] for m in await sandbox.messages()] == ["kept"]
    (call,) = await sandbox.get("/sandbox/calls", method="sendMessage")
    assert call["code"] == 200 and call["fault"] == "accept then drop"


async def test_a_delay_outlasts_the_client(sandbox: Sandbox, bot: Bot) -> None:
    await sandbox.post("/sandbox/fault", {"method": "sendMessage", "delay": 0.5})
    with pytest.raises(TimedOut):
        await bot.send_message(1001, "x", read_timeout=0.1)
    await sandbox.post("/sandbox/fault", {"method": "sendMessage", "delay": 0.2})
    started = time.monotonic()
    assert await bot.send_message(1001, "y")
    assert time.monotonic() - started >= 0.2


async def test_a_raw_body(sandbox: Sandbox, bot: Bot) -> None:
    await sandbox.post("/sandbox/fault", {"method": "getUpdates", "body": "<html>bad gateway</html>", "code": 502})
    with pytest.raises(NetworkError):
        await bot.get_updates()


async def test_for_one_person_only_and_for_any_method(sandbox: Sandbox, bot: Bot) -> None:
    sandbox.world.add_user(1002)
    await sandbox.post("/sandbox/fault", {"method": "*", "code": 403, "user": 1002, "times": 9})
    assert await bot.send_message(1001, "x")
    with pytest.raises(Forbidden):
        await bot.send_message(1002, "x")
    with pytest.raises(Forbidden):
        await bot.send_chat_action(1002, "typing")
    assert (await sandbox.get("/sandbox/fault"))[0]["times"] == 7
    assert (await sandbox.post("/sandbox/fault", {"clear": True}))["cleared"] == 1
    assert await bot.send_message(1002, "x")


async def test_clearing_one_method(sandbox: Sandbox) -> None:
    await sandbox.post("/sandbox/fault", {"method": "sendMessage", "code": 400})
    await sandbox.post("/sandbox/fault", {"method": "sendPhoto", "code": 400})
    await sandbox.post("/sandbox/fault", {"method": "sendMessage", "clear": True})
    assert [f["method"] for f in await sandbox.get("/sandbox/fault")] == ["sendPhoto"]
    assert (await sandbox.http.delete("/sandbox/fault")).json()["cleared"] == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"method": "sendMessage"},
        {"method": "sendMessage", "code": 99},
        {"method": "sendMessage", "code": "429"},
        {"method": "sendMessage", "code": 429, "times": 0},
        {"method": "sendMessage", "delay": -1},
    ],
)
async def test_faults_that_make_no_sense(sandbox: Sandbox, body: dict[str, object]) -> None:
    answer = await sandbox.http.post("/sandbox/fault", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


async def test_the_log_has_times_parameters_and_files(sandbox: Sandbox, bot: Bot) -> None:
    before = time.time()
    await bot.send_message(1001, "x", parse_mode="HTML")
    await bot.send_document(1001, b"abc", filename="a.txt")
    calls = await sandbox.get("/sandbox/calls")
    assert [c["method"] for c in calls] == ["getMe", "sendMessage", "sendDocument"]
    assert calls[1]["params"] == {"chat_id": 1001, "text": "x", "parse_mode": "HTML"}
    assert calls[2]["params"]["document"] == {"file": "a.txt", "type": "text/plain", "size": 3}
    assert before - 1 < calls[1]["time"] < time.time() + 1
    assert calls[1]["at"].endswith("+00:00")
    later = await sandbox.get("/sandbox/calls", after=calls[1]["number"])
    assert [c["method"] for c in later] == ["sendDocument"]
