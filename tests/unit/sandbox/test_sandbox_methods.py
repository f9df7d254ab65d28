"""The Bot API's methods, through python-telegram-bot's own Bot."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeChat,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
)
from telegram.error import BadRequest, Forbidden, InvalidToken

from tests.unit.sandbox.sandbox_server import Sandbox

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
NOT_MODIFIED = (
    "Message is not modified: specified new message content and reply markup are exactly the same as a "
    "current content and reply markup of the message"
)


def keys(*rows: tuple[str, ...]) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton(t, callback_data=t) for t in row] for row in rows])


async def test_get_me_and_a_wrong_token(sandbox: Sandbox, bot: Bot) -> None:
    assert bot.bot.is_bot
    assert bot.bot.username == "septimus_sandbox_bot"
    refused = await sandbox.http.get("/botwrong:token/getMe")
    assert refused.status_code == 401
    assert refused.json() == {"ok": False, "error_code": 401, "description": "Unauthorized"}
    with pytest.raises(InvalidToken):
        await Bot("1:wrong", base_url=f"{sandbox.base}/bot").initialize()


async def test_an_unknown_method_is_404(sandbox: Sandbox) -> None:
    answer = await sandbox.call("makeTea")
    assert answer.status_code == 404
    assert answer.json() == {"ok": False, "error_code": 404, "description": "Not Found"}


async def test_parameters_come_by_query_form_json_and_get(sandbox: Sandbox) -> None:
    path = "/bot7000000001:sandbox/sendMessage"
    markup = json.dumps({"inline_keyboard": [[{"text": "A", "callback_data": "a"}]]})
    for send in (
        sandbox.http.get(path, params={"chat_id": "1001", "text": "one", "reply_markup": markup}),
        sandbox.http.post(path, data={"chat_id": "1001", "text": "one", "reply_markup": markup}),
        sandbox.http.post(path, json={"chat_id": 1001, "text": "one", "reply_markup": markup}),
        sandbox.http.post(path, json={"chat_id": 1001, "text": "one", "reply_markup": json.loads(markup)}),
        sandbox.http.post(path.lower(), files={"chat_id": (None, "1001"), "text": (None, "one")}),
    ):
        answer = (await send).json()
        assert answer["ok"], answer
        assert answer["result"]["text"] == "one"
    assert len(await sandbox.messages()) == 5


async def test_send_message_is_parsed_by_ptb(bot: Bot) -> None:
    sent = await bot.send_message(1001, "<b>Hello</b> 🙂", parse_mode="HTML", reply_markup=keys(("Yes", "No")))
    assert sent.text == "Hello 🙂"
    assert sent.text_html == "<b>Hello</b> 🙂"
    assert sent.chat.type == "private"
    assert sent.from_user is not None and sent.from_user.is_bot
    assert sent.reply_markup == keys(("Yes", "No"))
    assert abs(datetime.now(UTC) - sent.date) < timedelta(seconds=10)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"chat_id": 1001, "text": ""}, "message text is empty"),
        ({"chat_id": 1001, "text": "<b> </b>", "parse_mode": "HTML"}, "message text is empty"),
        ({"chat_id": 1001, "text": "x" * 4097}, "message is too long"),
        ({"chat_id": 1001, "text": "<u>x", "parse_mode": "HTML"}, "can't parse entities: Can't find end tag"),
        ({"chat_id": 1001, "text": "x", "parse_mode": "Nonsense"}, "unsupported parse_mode"),
        ({"chat_id": 999, "text": "x"}, "chat not found"),
        ({"chat_id": "@nobody", "text": "x"}, "chat not found"),
        ({"text": "x"}, "chat_id is empty"),
        ({"chat_id": 1001, "text": "x", "reply_markup": "{"}, "can't parse reply keyboard markup JSON object"),
        ({"chat_id": 1001, "text": "x", "reply_parameters": {"message_id": 3}}, "message to be replied not found"),
    ],
)
async def test_refused_messages(sandbox: Sandbox, params: dict[str, object], words: str) -> None:
    answer = await sandbox.call("sendMessage", **params)
    assert answer.status_code == 400
    assert answer.json()["description"].startswith(f"Bad Request: {words}")
    assert await sandbox.messages() == []


async def test_length_counts_after_parsing(bot: Bot) -> None:
    sent = await bot.send_message(1001, "<b>" + "&lt;" * 4096 + "</b>", parse_mode="HTML")
    assert sent.text == "<" * 4096


@pytest.mark.parametrize(
    ("button", "words"),
    [
        ({"text": "x", "callback_data": "é" * 33}, "BUTTON_DATA_INVALID"),
        ({"text": "x", "callback_data": ""}, "BUTTON_DATA_INVALID"),
        ({"text": "x"}, "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"),
        ({"text": " ", "callback_data": "x"}, "inline keyboard button text must be non-empty"),
        ({"text": "x", "url": "nowhere"}, "inline keyboard button URL 'nowhere' is invalid: Wrong HTTP URL"),
    ],
)
async def test_refused_buttons(sandbox: Sandbox, button: dict[str, str], words: str) -> None:
    answer = await sandbox.call("sendMessage", chat_id=1001, text="x", reply_markup={"inline_keyboard": [[button]]})
    assert answer.json()["description"] == f"Bad Request: {words}"


async def test_64_bytes_of_callback_data_are_fine(bot: Bot) -> None:
    assert await bot.send_message(1001, "x", reply_markup=keys(("é" * 32,)))


async def test_photo_by_upload_and_by_id(sandbox: Sandbox, bot: Bot) -> None:
    sent = await bot.send_photo(1001, PNG, caption="<i>One</i> dot", parse_mode="HTML", reply_markup=keys(("Next",)))
    assert (sent.photo[-1].width, sent.photo[-1].height) == (1, 1)
    assert sent.caption_html == "<i>One</i> dot"
    again = await bot.send_photo(1001, sent.photo[-1].file_id)
    assert again.photo[-1].file_id == sent.photo[-1].file_id
    shown = (await sandbox.messages())[0]
    assert shown["text"] == "One dot"
    picture = await sandbox.http.get(shown["image"])
    assert picture.headers["content-type"] == "image/png"
    assert picture.content == PNG
    file = await bot.get_file(sent.photo[-1].file_id)
    assert bytes(await file.download_as_bytearray()) == PNG


async def test_refused_photos(sandbox: Sandbox, bot: Bot) -> None:
    with pytest.raises(BadRequest, match="Failed to get http url content"):
        await bot.send_photo(1001, "https://example.org/x.png")
    with pytest.raises(BadRequest, match="Wrong file identifier"):
        await bot.send_photo(1001, "unknown")
    with pytest.raises(BadRequest, match="Image_process_failed"):
        await bot.send_photo(1001, b"<svg onload=alert(1)>")
    with pytest.raises(BadRequest, match="File must be non-empty"):
        await bot.send_photo(1001, b"")
    with pytest.raises(BadRequest, match="Message caption is too long"):
        await bot.send_photo(1001, PNG, caption="x" * 1025)
    document = await bot.send_document(1001, PNG, filename="a.png")
    assert document.document is not None
    with pytest.raises(BadRequest, match="Can't use file of type document as photo"):
        await bot.send_photo(1001, document.document.file_id)
    assert len(sandbox.world.files) == 1


async def test_document_is_never_shown_in_place(sandbox: Sandbox, bot: Bot) -> None:
    sent = await bot.send_document(1001, b"<script>alert(1)</script>", filename="page.html", caption="c")
    assert sent.document is not None and sent.document.file_name == "page.html"
    shown = (await sandbox.messages())[0]
    answer = await sandbox.http.get(shown["document"]["url"])
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-type"] == "application/octet-stream"


async def test_edit_text(sandbox: Sandbox, bot: Bot) -> None:
    sent = await bot.send_message(1001, "one", reply_markup=keys(("A",)))
    edited = await bot.edit_message_text("<b>two</b>", 1001, sent.message_id, parse_mode="HTML")
    assert edited is not True and edited.edit_date is not None
    assert edited.reply_markup is None
    assert (await sandbox.messages())[0]["edited"]
    with pytest.raises(BadRequest) as caught:
        await bot.edit_message_text("<b>two</b>", 1001, sent.message_id, parse_mode="HTML")
    assert str(caught.value) == NOT_MODIFIED
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await bot.edit_message_text("x", 1001, 1)
    mine = await sandbox.say("hi")
    with pytest.raises(BadRequest, match="Message can't be edited"):
        await bot.edit_message_text("x", 1001, mine["message_id"])


async def test_edit_markup_caption_and_media(sandbox: Sandbox, bot: Bot) -> None:
    sent = await bot.send_photo(1001, PNG, caption="one", reply_markup=keys(("A",)))
    await bot.edit_message_reply_markup(1001, sent.message_id, reply_markup=keys(("B",)))
    shown = (await sandbox.messages())[0]
    assert shown["buttons"] == [["B"]]
    assert not shown["edited"]
    with pytest.raises(BadRequest, match="not modified"):
        await bot.edit_message_reply_markup(1001, sent.message_id, reply_markup=keys(("B",)))
    await bot.edit_message_caption(1001, sent.message_id, caption="two", reply_markup=keys(("B",)))
    await bot.edit_message_media(InputMediaPhoto(PNG, caption="three"), 1001, sent.message_id)
    shown = (await sandbox.messages())[0]
    assert (shown["text"], shown["buttons"], shown["edited"]) == ("three", [], True)
    with pytest.raises(BadRequest, match="There is no text in the message to edit"):
        await bot.edit_message_text("x", 1001, sent.message_id)


async def test_delete(sandbox: Sandbox, bot: Bot) -> None:
    sent = await bot.send_message(1001, "one")
    assert await bot.delete_message(1001, sent.message_id)
    assert await sandbox.messages() == []
    with pytest.raises(BadRequest, match="Message to delete not found"):
        await bot.delete_message(1001, sent.message_id)


async def test_commands_by_scope_and_language(sandbox: Sandbox, bot: Bot) -> None:
    await bot.set_my_commands([BotCommand("start", "Begin")])
    await bot.set_my_commands([BotCommand("help", "Aide")], language_code="fr")
    await bot.set_my_commands([BotCommand("stop", "Stop")], scope=BotCommandScopeChat(1001))
    assert (await bot.get_my_commands())[0].command == "start"
    world = sandbox.world
    french = world.add_user(1002, language_code="fr")
    assert [c["command"] for c in world.commands_for(world.chats[1001])] == ["stop"]
    assert [c["command"] for c in world.commands_for(french)] == ["help"]
    await bot.delete_my_commands(scope=BotCommandScopeChat(1001))
    assert [c["command"] for c in world.commands_for(world.chats[1001])] == ["start"]
    with pytest.raises(BadRequest, match="Bot_command_invalid"):
        await bot.set_my_commands([BotCommand("No Good", "x")])


async def test_small_methods(sandbox: Sandbox, bot: Bot) -> None:
    assert await bot.set_my_description("long")
    assert (await bot.get_my_description()).description == "long"
    assert await bot.set_my_short_description("short")
    assert (await bot.get_my_short_description()).short_description == "short"
    assert (await bot.get_chat(1001)).first_name == "Patient 1"
    assert await bot.send_chat_action(1001, "typing")
    with pytest.raises(BadRequest, match="Wrong parameter action"):
        await bot.send_chat_action(1001, "dancing")
    place = await bot.send_location(1001, 51.5, -0.1)
    assert place.location is not None and place.location.latitude == 51.5


async def test_blocked_by_the_user(sandbox: Sandbox, bot: Bot) -> None:
    await sandbox.post("/sandbox/block", {"user": 1001, "blocked": True})
    for attempt in (bot.send_message(1001, "x"), bot.send_chat_action(1001, "typing"), bot.send_photo(1001, PNG)):
        with pytest.raises(Forbidden, match="bot was blocked by the user"):
            await attempt
    await sandbox.post("/sandbox/block", {"user": 1001, "blocked": False})
    assert await bot.send_message(1001, "x")
    changes = [u.my_chat_member for u in await bot.get_updates()]
    assert [c.new_chat_member.status for c in changes if c] == ["kicked", "member"]
