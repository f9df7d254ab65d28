"""How updates reach the bot: long poll, conflict, webhook, and a whole Application."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.error import BadRequest, Conflict
from telegram.ext import Application, CallbackQueryHandler, CommandHandler, ContextTypes, MessageHandler, filters

from bot.sandbox.state import World
from tests.unit.sandbox.sandbox_server import Sandbox, serving


async def until(condition: Any, seconds: float = 3.0) -> None:
    deadline = time.monotonic() + seconds
    while not (await condition() if asyncio.iscoroutinefunction(condition) else condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)


async def test_offset_acknowledges_and_limit_limits(sandbox: Sandbox, bot: Bot) -> None:
    for number in range(3):
        await sandbox.say(f"message {number}")
    first = await bot.get_updates(limit=2)
    assert [u.message.text for u in first if u.message] == ["message 0", "message 1"]
    assert len(await bot.get_updates()) == 3
    rest = await bot.get_updates(offset=first[-1].update_id + 1)
    assert [u.message.text for u in rest if u.message] == ["message 2"]
    assert len(await bot.get_updates()) == 1
    assert await bot.get_updates(offset=rest[-1].update_id + 1) == ()
    for number in range(3):
        await sandbox.say(f"later {number}")
    last = await bot.get_updates(offset=-1)
    assert [u.message.text for u in last if u.message] == ["later 2"]


async def test_a_message_is_a_proper_update(sandbox: Sandbox, bot: Bot) -> None:
    await sandbox.post("/sandbox/say", {"user": 1003, "text": "/start now", "language_code": "fr"})
    (update,) = await bot.get_updates()
    assert update.message is not None and update.effective_user is not None
    assert update.effective_user.language_code == "fr"
    assert not update.effective_user.is_bot
    assert update.effective_chat is not None and update.effective_chat.type == "private"
    assert update.message.entities[0].type == "bot_command"


async def test_long_poll_wakes_at_once_and_ends_in_time(sandbox: Sandbox) -> None:
    started = time.monotonic()
    poll = asyncio.create_task(sandbox.call("getUpdates", timeout=5))
    await until(lambda: sandbox.world.polling == 1)
    await sandbox.say("hello")
    assert len((await poll).json()["result"]) == 1
    assert time.monotonic() - started < 1
    sandbox.world.updates.clear()
    started = time.monotonic()
    assert (await sandbox.call("getUpdates", timeout=1)).json()["result"] == []
    assert 0.9 < time.monotonic() - started < 2


async def test_the_newest_poll_wins(sandbox: Sandbox) -> None:
    older = asyncio.create_task(sandbox.call("getUpdates", timeout=5))
    await until(lambda: sandbox.world.polling == 1)
    newer = asyncio.create_task(sandbox.call("getUpdates", timeout=5))
    answer = await older
    assert answer.status_code == 409
    assert answer.json()["description"].startswith("Conflict: terminated by other getUpdates request")
    await sandbox.say("hello")
    assert len((await newer).json()["result"]) == 1


async def test_the_poll_ends_when_the_client_goes(sandbox: Sandbox) -> None:
    poll = asyncio.create_task(sandbox.call("getUpdates", timeout=30))
    await until(lambda: sandbox.world.polling == 1)
    poll.cancel()
    await until(lambda: sandbox.world.polling == 0)
    await sandbox.say("not lost")
    assert len((await sandbox.call("getUpdates")).json()["result"]) == 1


async def test_allowed_updates(sandbox: Sandbox, bot: Bot) -> None:
    await bot.get_updates(allowed_updates=["callback_query"])
    await sandbox.say("unwanted")
    assert await bot.get_updates() == ()
    await bot.get_updates(allowed_updates=[])
    await sandbox.say("wanted")
    assert len(await bot.get_updates()) == 1


async def test_raw_updates_repeated_and_poisoned(sandbox: Sandbox, bot: Bot) -> None:
    said = await sandbox.say("one")
    assert await bot.get_updates(offset=said["update_id"] + 1) == ()
    original = {
        "update_id": said["update_id"],
        "message": {
            "message_id": said["message_id"],
            "date": 1,
            "chat": {"id": 1001, "type": "private", "first_name": "Patient 1"},
            "from": {"id": 1001, "is_bot": False, "first_name": "Patient 1"},
            "sticker": {
                "file_id": "a",
                "file_unique_id": "b",
                "type": "regular",
                "width": 1,
                "height": 1,
                "is_animated": False,
                "is_video": False,
            },
        },
    }
    await sandbox.post("/sandbox/update", original)
    (again,) = await bot.get_updates(offset=said["update_id"] + 1)
    assert again.update_id == said["update_id"]
    assert again.message is not None and again.message.sticker is not None
    assert (await sandbox.messages())[-1]["text"] == "[sticker]"
    assert await bot.get_updates(offset=said["update_id"] + 1) == ()
    poisoned = {"message": {"message_id": "x", "chat": 5}}
    answer = await sandbox.post("/sandbox/update", poisoned)
    raw = (await sandbox.call("getUpdates")).json()["result"]
    assert raw == [{"update_id": answer["update_id"], **poisoned}]
    assert answer["update_id"] > said["update_id"]


async def test_groups_and_edits_by_raw_update(sandbox: Sandbox, bot: Bot) -> None:
    group = {"id": -500, "type": "group", "title": "Family"}
    person = {"id": 1001, "is_bot": False, "first_name": "Patient 1"}
    message = {"message_id": 900, "date": 1, "chat": group, "from": person, "text": "hi all"}
    await sandbox.post("/sandbox/update", {"message": message})
    await sandbox.post("/sandbox/update", {"edited_message": {**message, "edit_date": 2, "text": "hi you"}})
    assert (await bot.send_message(-500, "hello")).chat.title == "Family"
    shown = await sandbox.messages(user=-500)
    assert shown[0]["text"] == "hi you" and shown[0]["edited"]


async def test_a_tap_is_answered_once(sandbox: Sandbox, bot: Bot) -> None:
    sent = await bot.send_message(
        1001, "Choose", reply_markup=InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data="y:1")]])
    )
    await sandbox.post("/sandbox/press", {"user": 1001, "message_id": sent.message_id, "button": "Yes"})
    (update,) = await bot.get_updates()
    query = update.callback_query
    assert query is not None and query.data == "y:1" and query.message is not None
    assert query.message.message_id == sent.message_id
    assert await bot.answer_callback_query(query.id, text="Thanks")
    for stale in (query.id, "unknown"):
        with pytest.raises(BadRequest) as caught:
            await bot.answer_callback_query(stale)
        assert str(caught.value) == "Query is too old and response timeout expired or query id is invalid"


async def test_a_whole_application(sandbox: Sandbox) -> None:
    async def start(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.message is not None
        keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Go on", callback_data="go")]])
        await update.message.reply_text("Welcome", reply_markup=keyboard)

    async def tap(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.callback_query is not None
        await update.callback_query.answer()
        await update.callback_query.edit_message_text("Went on")

    async def echo(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.message is not None and update.message.text is not None
        await update.message.reply_text(update.message.text)

    application = Application.builder().bot(sandbox.bot()).build()
    application.add_handler(CommandHandler("start", start))
    application.add_handler(CallbackQueryHandler(tap))
    application.add_handler(MessageHandler(filters.TEXT, echo))
    async with application:
        await application.start()
        assert application.updater is not None
        await application.updater.start_polling()
        await sandbox.say("/start")

        async def texts(wanted: list[str]) -> None:
            async def reached() -> bool:
                return [m["text"] for m in await sandbox.messages()] == wanted

            await until(reached)

        await texts(["/start", "Welcome"])
        await sandbox.post("/sandbox/press", {"user": 1001, "button": "Go on"})
        await texts(["/start", "Went on"])
        await sandbox.say("hello")
        await texts(["/start", "Went on", "hello", "hello"])
        await application.updater.stop()
        await application.stop()
    assert not sandbox.world.updates


class Receiver:
    """A webhook that answers what it is told and keeps what it got."""

    def __init__(self) -> None:
        self.got: list[tuple[str | None, int]] = []
        self.answers: list[int] = []
        self.app = Starlette(routes=[Route("/hook", self.hook, methods=["POST"])])

    async def hook(self, request: Request) -> Response:
        body = json.loads(await request.body())
        self.got.append((request.headers.get("x-telegram-bot-api-secret-token"), body["update_id"]))
        return Response(status_code=self.answers.pop(0) if self.answers else 200)


async def test_webhook_with_a_secret_retries_in_order(sandbox: Sandbox, bot: Bot) -> None:
    receiver = Receiver()
    receiver.answers = [500, 503]
    async with serving(receiver.app) as base:
        url = f"{base}/hook"
        first = await sandbox.say("one")
        assert await bot.set_webhook(url, secret_token="s3cret_-A")
        with pytest.raises(Conflict, match="can't use getUpdates method while webhook is active"):
            await bot.get_updates()
        await until(lambda: len(receiver.got) >= 2)
        info = await bot.get_webhook_info()
        assert info.url == url
        assert str(info.last_error_message).startswith("Wrong response from the webhook: 50")
        second = await sandbox.say("two")
        await until(lambda: not sandbox.world.updates)
        assert receiver.got == [("s3cret_-A", first["update_id"])] * 3 + [("s3cret_-A", second["update_id"])]
        assert await bot.delete_webhook()
        await sandbox.say("three")
        assert len(await bot.get_updates()) == 1
        assert len(receiver.got) == 4


async def test_webhook_only_on_this_machine_and_with_a_fit_secret(bot: Bot) -> None:
    with pytest.raises(BadRequest, match="Bad webhook"):
        await bot.set_webhook("https://example.org/hook")
    with pytest.raises(BadRequest, match="Secret token contains unallowed characters"):
        await bot.set_webhook("http://127.0.0.1:1/hook", secret_token="a b")


async def test_deleting_the_webhook_can_drop_what_waits(sandbox: Sandbox, bot: Bot) -> None:
    await sandbox.say("one")
    assert (await bot.get_webhook_info()).pending_update_count == 1
    await bot.delete_webhook(drop_pending_updates=True)
    assert (await bot.get_webhook_info()).pending_update_count == 0


async def test_ids_go_on_after_a_reset(sandbox: Sandbox) -> None:
    before = await sandbox.say("one")
    await sandbox.post("/sandbox/reset", {})
    assert await sandbox.messages() == []
    after = await sandbox.say("one")
    assert after["update_id"] > before["update_id"]
    assert after["message_id"] > before["message_id"]


async def test_the_oldest_go_beyond_the_limit(sandbox: Sandbox) -> None:
    for number in range(60):
        await sandbox.say(str(number))
    shown = await sandbox.messages()
    assert [m["text"] for m in shown] == [str(n) for n in range(10, 60)]


async def test_a_sandbox_that_is_started_again_goes_on_above_the_ids_of_a_busy_one() -> None:
    """Or a bot that keeps its database takes a new message for one that it has."""
    busy = World()
    last = [busy.push({"message": {}}) for _ in range(200)][-1]
    await asyncio.sleep(1.1)
    assert World().push({"message": {}}) > last
