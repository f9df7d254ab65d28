"""What each kind of update asks of us."""

from __future__ import annotations

from typing import Any

import pytest
from telegram import Update

from bot.dialogue import Said
from bot.gateway.incoming import Incoming, What, understand
from bot.gateway.receive import chat_of
from bot.payload import Press
from tests.unit.gateway.updates import FILE, PERSON, PICTURE, PRIVATE, Json, membership, message, tap, update

GROUP = {"id": -5, "type": "group", "title": "Invented"}
SUPERGROUP = {"id": -6, "type": "supergroup", "title": "Invented"}
CHANNEL = {"id": -7, "type": "channel", "title": "Invented"}
A_BOT = {**PERSON, "is_bot": True}


def read(raw: Json) -> Incoming:
    return understand(Update.de_json(raw, None))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hello", Said(text="hello", language="pt-br")),
        ("/start", Said(command="start", language="pt-br")),
        ("/HELP@septimus_bot ", Said(command="help", language="pt-br")),
        ('/open_article{"article_id": "x"}', Said(text='open_article{"article_id": "x"}', language="pt-br")),
        ("/start now", Said(text="start now", language="pt-br")),
        ("a\x00b\u202ec", Said(text="a bc", language="pt-br")),
        ("half \ud83d a character", Said(text="half a character", language="pt-br")),
        ("   ", Said(text="", language="pt-br")),
    ],
)
def test_a_text_is_said(text: str, said: Said) -> None:
    assert read(update("message", message(text=text))) == Incoming(What.SAID, 1001, said)


STICKER = {**PICTURE, "type": "regular", "is_animated": False, "is_video": False}
CLIP = {**PICTURE, "duration": 1}
AT_SEA = {"latitude": 0.0, "longitude": -150.0}
LONDON = {"latitude": 51.5, "longitude": -0.1}
POLL = {
    "id": "1",
    "question": "?",
    "options": [],
    "total_voter_count": 0,
    "is_closed": False,
    "is_anonymous": True,
    "type": "regular",
    "allows_multiple_answers": False,
    "allows_revoting": False,
    "members_only": False,
}


@pytest.mark.parametrize(
    "content",
    [{"location": LONDON}, {"venue": {"location": LONDON, "title": "x", "address": "y"}, "location": LONDON}],
)
def test_of_a_shared_place_only_its_clock_is_heard(content: Json) -> None:
    assert read(update("message", message(**content))).said == Said(zone="Europe/London", language="pt-br")


@pytest.mark.parametrize(
    ("content", "note"),
    [
        ({"photo": [PICTURE]}, "other.photo"),
        ({"video": CLIP}, "other.photo"),
        ({"animation": CLIP, "document": FILE}, "other.photo"),
        ({"video_note": {**FILE, "length": 9, "duration": 1}}, "other.photo"),
        ({"voice": {**FILE, "duration": 1}}, "other.voice"),
        ({"audio": {**FILE, "duration": 1}}, "other.voice"),
        ({"sticker": STICKER}, "other.sticker"),
        ({"dice": {"emoji": "🎲", "value": 3}}, "other.sticker"),
        ({"location": AT_SEA}, "other.location"),
        ({"venue": {"location": AT_SEA, "title": "x", "address": "y"}, "location": AT_SEA}, "other.location"),
        ({"document": FILE}, "other.file"),
        ({"contact": {"phone_number": "0", "first_name": "Invented"}}, "other.file"),
        ({"poll": POLL}, "other.file"),
    ],
)
def test_what_cannot_be_read_gets_the_line_for_its_kind(content: Json, note: str) -> None:
    assert read(update("message", message(**content))) == Incoming(What.NOTE, 1001, None, note)


def test_a_photos_caption_is_said_beside_the_note() -> None:
    incoming = read(update("message", message(photo=[PICTURE], caption="is this normal")))
    assert incoming == Incoming(What.NOTE, 1001, Said(text="is this normal", language="pt-br"), "other.photo")


@pytest.mark.parametrize(("content", "text"), [({"text": "new"}, "new"), ({"caption": "new"}, "new"), ({}, "")])
def test_an_edited_message_is_known_as_one(content: Json, text: str) -> None:
    incoming = read(update("edited_message", message(edit_date=1_795_000_001, **content)))
    assert incoming == Incoming(What.EDITED, 1001, Said(text=text, language="pt-br"), "other.edited")


def test_a_tapped_button_is_what_it_says() -> None:
    keyboard = [[{"text": "More", "callback_data": "more:dry-eye"}, {"text": "Site", "url": "https://example.org"}]]
    incoming = read(tap("more:dry-eye", reply_markup={"inline_keyboard": keyboard}))
    assert incoming == Incoming(
        What.SAID,
        1001,
        Said(press=Press("more", "dry-eye"), language="pt-br"),
        callback_id="q1",
        pressed_message=7,
        pressed_buttons=((("More", "more:dry-eye"),),),
    )


@pytest.mark.parametrize(
    "data", [None, "", "open", "open:", "open:../secrets", "more:Dry-Eye", "drop:tables", "flag:yes", "/stop", "x" * 64]
)
def test_a_button_that_says_nothing_of_ours_is_an_old_one(data: str | None) -> None:
    incoming = read(tap(data))
    assert (incoming.what, incoming.said, incoming.note) == (What.NOTE, None, "other.old_button")
    assert incoming.callback_id == "q1"


def test_a_tap_on_a_message_too_old_to_see_is_still_obeyed() -> None:
    raw = tap("open:dry-eye")
    raw["callback_query"]["message"] = {"message_id": 7, "date": 0, "chat": PRIVATE}
    incoming = read(raw)
    assert incoming.said == Said(press=Press("open", "dry-eye"), language="pt-br")
    assert incoming.pressed_buttons == ()


@pytest.mark.parametrize(
    ("chat", "text", "what"),
    [
        (GROUP, "/start", What.GROUP),
        (SUPERGROUP, "/start@septimus_bot", What.GROUP),
        (GROUP, "hello", What.IGNORED),
        (SUPERGROUP, None, What.IGNORED),
        (CHANNEL, "/start", What.IGNORED),
    ],
)
def test_in_a_group_only_a_command_gets_a_line(chat: Json, text: str | None, what: What) -> None:
    content: Json = {"text": text} if text else {"photo": [PICTURE]}
    assert read(update("message", message(**content) | {"chat": chat})).what is what


@pytest.mark.parametrize(
    ("status", "what"), [("kicked", What.BLOCKED), ("left", What.BLOCKED), ("member", What.UNBLOCKED)]
)
def test_whoever_blocks_or_unblocks_the_bot_is_known(status: str, what: What) -> None:
    assert read(membership(status)) == Incoming(what, 1001)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param({"update_id": 1}, id="nothing"),
        pytest.param(update("of_next_year", {"id": 1}), id="unknown kind"),
        pytest.param(update("message", message(text="hi") | {"from": A_BOT}), id="another bot"),
        pytest.param(update("message", message(photo=[PICTURE]) | {"from": A_BOT}), id="another bot's photo"),
        pytest.param(update("message", message(text="hi") | {"from": None}), id="from nobody"),
        pytest.param(update("message", message(pinned_message=message(text="x"))), id="a pinned message"),
        pytest.param(update("message", message(delete_chat_photo=True)), id="a service message"),
        pytest.param(update("channel_post", message(text="hi") | {"chat": CHANNEL, "from": None}), id="channel"),
        pytest.param(update("edited_channel_post", message(text="hi") | {"chat": CHANNEL}), id="edited in a channel"),
        pytest.param(update("edited_message", message(text="hi") | {"from": A_BOT}), id="edited by a bot"),
        pytest.param(update("edited_message", message(text="hi") | {"chat": GROUP}), id="edited in a group"),
        pytest.param(membership("kicked", GROUP), id="thrown out of a group"),
        pytest.param(update("callback_query", tap("open:x")["callback_query"] | {"from": A_BOT}), id="a bot's tap"),
        pytest.param(
            update("callback_query", {"id": "1", "from": PERSON, "chat_instance": "1", "data": "open:x"}),
            id="a tap on no message",
        ),
        pytest.param(
            update(
                "callback_query", tap("open:x")["callback_query"] | {"message": message(text="x") | {"chat": GROUP}}
            ),
            id="a tap in a group",
        ),
        pytest.param(
            update("inline_query", {"id": "1", "from": PERSON, "query": "eye", "offset": ""}), id="inline query"
        ),
    ],
)
def test_what_is_ignored_is_ignored(raw: Json) -> None:
    assert read(raw) == Incoming(What.IGNORED)


@pytest.mark.parametrize(
    ("raw", "chat"),
    [
        pytest.param(update("message", message(text="hi")), 1001, id="message"),
        pytest.param(update("edited_message", message(text="hi")), 1001, id="edited"),
        pytest.param(tap("open:x"), 1001, id="tap"),
        pytest.param(membership("kicked"), 1001, id="membership"),
        pytest.param(update("message", message(text="hi") | {"chat": SUPERGROUP}), -6, id="group"),
        pytest.param(update("of_next_year", {"chat": {"id": 9}}), 9, id="unknown kind with a chat"),
        pytest.param({"update_id": 1}, 0, id="nothing"),
        pytest.param(update("poll", {"id": "1"}), 0, id="no chat"),
        pytest.param(update("message", "text"), 0, id="not an object"),
        pytest.param(update("message", None), 0, id="null"),
        pytest.param(update("message", {"chat": 5}), 0, id="a chat that is no object"),
        pytest.param(update("message", {"chat": {"id": "5"}}), 0, id="an id that is no number"),
        pytest.param(update("message", {"chat": {"id": 1.5}}), 0, id="half an id"),
        pytest.param(update("callback_query", {"message": [1]}), 0, id="a tap on nonsense"),
        pytest.param(update("message", {"chat": {"id": 2**63}}), 0, id="an id that no database holds"),
        pytest.param(update("message", {"chat": {"id": -(2**63) - 1}}), 0, id="one below all"),
    ],
)
def test_the_chat_of_an_update_is_found_without_trusting_it(raw: dict[str, Any], chat: int) -> None:
    assert chat_of(raw) == chat


def test_what_is_answered_together_belongs_to_one_chat() -> None:
    """The order of one person's messages hangs on `chat_of` and `understand` agreeing."""
    for raw in (update("message", message(text="hi")), tap("open:x"), membership("left")):
        assert chat_of(raw) == read(raw).chat_id
