"""What the sender does about each way Telegram can refuse, with a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import select
from telegram.ext import ExtBot

from bot.gateway.live_count import LiveCounts
from bot.gateway.picture import Pictures
from bot.gateway.send import PICTURE_ATTEMPTS, Sender
from bot.pictures import render
from bot.programme.exercise import ExerciseLibrary
from bot.sandbox.state import Message
from bot.store import Store, outbox, patients
from bot.store.tables import OutboxRow
from tests.unit.gateway.moved_clock import MovedClock, until
from tests.unit.sandbox.sandbox_server import Sandbox

MOMENT = timedelta(milliseconds=1)
IMAGE = "EX-13/left"
BUTTONS = [[["Next", "ex:next:abcdef:0"]]]


class Post:
    """An outbox with a sender at work on it."""

    def __init__(self, store: Store, sandbox: Sandbox, clock: MovedClock, sender: Sender) -> None:
        self.store, self.sandbox, self.clock, self.sender = store, sandbox, clock, sender

    async def write(self, key: str, chat: int = 1001, html: str = "hello", act: str = "send", **body: object) -> None:
        self.sandbox.world.add_user(chat, None, None)
        async with self.store.writing() as session:
            patient = await patients.of_chat(session, chat, self.clock())
            await outbox.add(session, key, patient.id, act, {"html": html, "buttons": [], **body}, self.clock())
        self.sender.nudge()

    async def write_photo(self, key: str, image: str = IMAGE, html: str = "Look down.", chat: int = 1001) -> None:
        await self.write(key, chat, html, "send_photo", image=image, buttons=BUTTONS)

    async def row(self, key: str) -> OutboxRow:
        async with self.store.reading() as session:
            found = await session.scalar(select(OutboxRow).where(OutboxRow.key == key))
            assert found is not None
            return found

    async def has_tried(self, key: str, attempts: int) -> OutboxRow:
        """Wait for an attempt to end, however it ends."""

        async def ended() -> OutboxRow | None:
            row = await self.row(key)
            return row if row.attempts == attempts and row.claimed_by is None else None

        return await until(ended)

    def move(self, by: timedelta) -> None:
        self.clock.move(by)
        self.sender.nudge()

    def texts(self, chat: int = 1001) -> list[str]:
        return [message.text for message in self.sandbox.world.chats[chat].messages.values()]

    def shown(self, chat: int = 1001) -> list[Message]:
        return list(self.sandbox.world.chats[chat].messages.values())

    async def fault(self, **fault: object) -> None:
        await self.sandbox.post("/sandbox/fault", {"method": "sendMessage", **fault})


@pytest.fixture
async def post(
    store: Store,
    sandbox: Sandbox,
    sending_bot: ExtBot[None],
    clock: MovedClock,
    pictures: Pictures,
    counts: LiveCounts,
) -> AsyncIterator[Post]:
    sender, stop = Sender(store, sending_bot, clock, "gateway-1", pictures, counts), asyncio.Event()
    working = asyncio.create_task(sender.run(stop))
    yield Post(store, sandbox, clock, sender)
    stop.set()
    sender.nudge()
    await working


async def test_a_send_that_fails_for_ever_is_tried_for_about_an_hour_and_then_given_up(post: Post) -> None:
    await post.fault(code=502, times=1000)
    await post.write("a")
    waits = []
    for attempt in range(1, 18):
        row = await post.has_tried("a", attempt)
        assert row.claimed_until is not None
        waits.append((row.claimed_until - post.clock()).total_seconds())
        post.move(row.claimed_until - post.clock() + MOMENT)
    row = await post.has_tried("a", 18)
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256] + [300] * 8
    assert (row.state, row.body, row.fault) == ("failed", None, "NetworkError")


async def test_a_failed_send_is_not_tried_before_its_time(post: Post) -> None:
    await post.fault(code=502, times=3, user=1001)
    await post.write("a")
    for attempt in (1, 2, 3):
        row = await post.has_tried("a", attempt)
        assert row.claimed_until is not None
        post.move(row.claimed_until - post.clock() - MOMENT)
        await post.write(f"fence {attempt}", chat=1002)
        await post.has_tried(f"fence {attempt}", 1)
        assert (await post.row("a")).attempts == attempt
        post.move(2 * MOMENT)
    assert (await post.has_tried("a", 4)).state == "sent"
    assert post.texts() == ["hello"]


@pytest.mark.filterwarnings("ignore::telegram.warnings.PTBDeprecationWarning")
@pytest.mark.parametrize(
    ("fault", "seconds"), [({"code": 429, "retry_after": 120}, 120), ({"code": 401}, 30), ({"code": 500}, 1)]
)
async def test_each_refusal_has_its_own_wait(post: Post, fault: dict[str, int], seconds: int) -> None:
    await post.fault(**fault)
    await post.write("a")
    row = await post.has_tried("a", 1)
    assert row.state == "waiting"
    assert row.claimed_until == post.clock() + timedelta(seconds=seconds)


async def test_while_one_waits_their_later_messages_wait_behind_it_and_others_do_not(post: Post) -> None:
    await post.fault(code=502, user=1001)
    await post.write("first", html="first")
    await post.has_tried("first", 1)
    await post.write("second", html="second")
    await post.write("other", chat=1002, html="other")
    await post.has_tried("other", 1)
    assert (await post.row("second")).attempts == 0
    post.move(timedelta(seconds=2))
    await post.has_tried("second", 1)
    assert post.texts() == ["first", "second"]


async def test_whoever_blocked_the_bot_gets_nothing_that_waited_for_them(post: Post) -> None:
    await post.fault(code=502, user=1001)
    await post.write("first")
    await post.has_tried("first", 1)
    await post.write("second")
    await post.fault(code=403, user=1001)
    post.move(timedelta(seconds=2))
    await post.has_tried("first", 2)
    rows = [await post.row(key) for key in ("first", "second")]
    assert [(row.state, row.body, row.fault) for row in rows] == [("failed", None, "Forbidden")] * 2
    assert post.texts() == []


async def test_a_sent_row_keeps_telegrams_id_and_not_its_text(post: Post) -> None:
    await post.write("a")
    row = await post.has_tried("a", 1)
    assert (row.state, row.body) == ("sent", None)
    assert row.message_id in post.sandbox.world.chats[1001].messages


async def test_a_row_that_makes_no_sense_stops_no_other(post: Post) -> None:
    async with post.store.writing() as session:
        patient = await patients.of_chat(session, 1001, post.clock())
        await outbox.add(session, "broken", patient.id, "send", {"no": "text"}, post.clock())
    await post.write("fine", chat=1002)
    await post.has_tried("fine", 1)
    row = await post.has_tried("broken", 1)
    assert (row.state, row.fault) == ("waiting", "KeyError")
    assert post.texts(1002) == ["hello"]


async def test_a_picture_goes_out_with_its_text_its_buttons_and_itself_in_words(
    post: Post, exercises: ExerciseLibrary
) -> None:
    await post.write_photo("a", html="<b>1 of 3</b>\n\nLook down.")
    row = await post.has_tried("a", 1)
    (message,) = post.shown()
    (size,) = message.content["photo"]
    assert (size["width"], size["height"]) == (800, 800)
    assert message.text == f"1 of 3\n\nLook down.\nPicture: {exercises.exercises['EX-13'].alt}"
    assert [entity["type"] for entity in message.entities] == ["bold", "expandable_blockquote"]
    assert [[button["text"] for button in line] for line in message.keyboard] == [["Next"]]
    assert (row.state, row.message_id) == ("sent", message.message_id)


async def test_a_picture_without_a_text_bears_itself_in_words(post: Post, exercises: ExerciseLibrary) -> None:
    await post.write_photo("a", html="")
    await post.has_tried("a", 1)
    assert post.texts() == [f"Picture: {exercises.exercises['EX-13'].alt}"]


async def test_a_picture_is_drawn_and_carried_to_telegram_once(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    def counted(svg: str) -> bytes:
        drawn.append(svg)
        return render(svg)

    monkeypatch.setattr("bot.gateway.picture.render", counted)
    for number in (1, 2, 3):
        await post.write_photo(f"{number}", chat=1000 + number)
        await post.has_tried(f"{number}", 1)
    await post.write_photo("other side", image="EX-13/right")
    await post.has_tried("other side", 1)
    assert len(drawn) == 2
    assert len(post.sandbox.world.files) == 2
    ids = [post.shown(chat)[0].content["photo"][0]["file_id"] for chat in (1001, 1002, 1003)]
    assert len(set(ids)) == 1


@pytest.mark.parametrize("image", ["EX-99/left", "EX-13/both", "EX-13", "nothing"])
async def test_an_unknown_picture_is_a_fault_and_its_text_goes_out_alone(
    post: Post, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await post.write_photo("a", image=image)
    assert (await post.has_tried("a", 1)).state == "sent"
    (message,) = post.shown()
    assert message.content["text"] == "Look down."
    assert message.keyboard
    assert "picture.not_drawn" in capsys.readouterr().out


async def test_a_picture_that_cannot_be_drawn_takes_no_word_with_it(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.gateway.picture.render", lambda svg: 1 / 0)
    await post.write_photo("a")
    assert (await post.has_tried("a", 1)).state == "sent"
    assert post.texts() == ["Look down."]


async def test_a_picture_that_telegram_refuses_takes_no_word_with_it(
    post: Post, capsys: pytest.CaptureFixture[str]
) -> None:
    await post.fault(method="sendPhoto", code=400, description="Bad Request: IMAGE_PROCESS_FAILED")
    await post.write_photo("a")
    assert (await post.has_tried("a", 1)).state == "sent"
    assert post.texts() == ["Look down."]
    assert post.shown()[0].keyboard
    assert "picture.refused" in capsys.readouterr().out


async def test_a_picture_without_a_text_that_telegram_refuses_is_left_out(post: Post) -> None:
    await post.fault(method="sendPhoto", code=400, description="Bad Request: IMAGE_PROCESS_FAILED")
    await post.write_photo("photo", html="")
    await post.write("text")
    assert (await post.has_tried("photo", 1)).state == "sent"
    await post.has_tried("text", 1)
    assert post.texts() == ["hello"]


async def test_a_picture_that_telegram_does_not_know_any_more_is_carried_there_again(post: Post) -> None:
    await post.write_photo("a")
    await post.has_tried("a", 1)
    post.sandbox.world.files.clear()
    await post.write_photo("b")
    await post.has_tried("b", 1)
    assert ["photo" in message.content for message in post.shown()] == [True, True]


async def test_whoever_has_no_chat_is_not_tried_again_without_the_picture(post: Post) -> None:
    await post.fault(method="sendPhoto", code=400, description="Bad Request: chat not found")
    await post.write_photo("a")
    row = await post.has_tried("a", 1)
    assert (row.state, row.fault) == ("failed", "chat not found")
    assert post.texts() == []


async def test_a_text_does_not_wait_for_its_picture_for_ever(post: Post) -> None:
    await post.fault(method="sendPhoto", code=502, times=100)
    await post.write_photo("a")
    for attempt in range(1, PICTURE_ATTEMPTS + 1):
        row = await post.has_tried("a", attempt)
        assert row.state == "waiting" and row.claimed_until is not None
        post.move(row.claimed_until - post.clock() + MOMENT)
    assert (await post.has_tried("a", PICTURE_ATTEMPTS + 1)).state == "sent"
    assert post.clock.moved < timedelta(seconds=40)
    assert post.texts() == ["Look down."]
