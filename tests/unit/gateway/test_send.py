"""What the sender does about each way Telegram can refuse, with a clock that the test moves."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from telegram.ext import ExtBot

from bot.gateway.live_count import LiveCounts
from bot.gateway.picture import Diaries, Pictures
from bot.gateway.send import PICTURE_ATTEMPTS, Sender
from bot.pictures import render
from bot.programme.exercise import ExerciseLibrary
from bot.sandbox.state import Message
from bot.store import Store, outbox, patients, records
from bot.store.tables import OutboxRow, TelegramChatRow
from bot.words import Words
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
    diaries: Diaries,
    counts: LiveCounts,
) -> AsyncIterator[Post]:
    sender, stop = Sender(store, sending_bot, clock, "gateway-1", pictures, diaries, counts), asyncio.Event()
    working = asyncio.create_task(sender.run(stop))
    yield Post(store, sandbox, clock, sender)
    stop.set()
    sender.nudge()
    await working


async def test_a_send_that_fails_for_ever_is_tried_for_nearly_two_hours_and_then_given_up(post: Post) -> None:
    await post.fault(code=502, times=1000)
    await post.write("a")
    waits = []
    for attempt in range(1, 30):
        row = await post.has_tried("a", attempt)
        assert row.claimed_until is not None
        waits.append((row.claimed_until - post.clock()).total_seconds())
        post.move(row.claimed_until - post.clock() + MOMENT)
    row = await post.has_tried("a", 30)
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256] + [300] * 20
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


# ---- a person's progress: read and drawn when it is sent ----
async def practise(post: Post, chat: int = 1001) -> None:
    """Two sessions and two weeks in the diary of an invented person."""
    now = post.clock()
    async with post.store.writing() as session:
        patient = await patients.of_chat(session, chat, now)
        await patients.save(session, dataclasses.replace(patient, zone="Europe/London"))
        for days_ago in (9, 1):
            kept = records.KeptSession(
                now - timedelta(days=days_ago), "Europe/London", "P-S2", "S2", "finished", ("EX-13",), (), (), 2, 7
            )
            await records.note_session(session, f"session {days_ago}", patient.id, kept, now)
            parts = {"burden": float(days_ago), "comfort": None, "eye_comfort": None}
            score = records.KeptScore("weekly-check-in", None, parts, {"eyelid": "yes"}, None)
            await records.note_score(session, f"week {days_ago}", patient.id, score, now - timedelta(days=days_ago))


async def write_progress(post: Post, key: str = "p", image: str = "progress") -> None:
    await post.write(key, 1001, "Here it is.", "send_photo", image=image, buttons=[[["PDF", "progress:pdf"]]])


async def write_page(post: Post, key: str = "f") -> None:
    body = {"name": "progress", "text": "For <you>.", "made": post.clock().isoformat()}
    await post.write(key, act="send_file", **body)


IN_WORDS = (
    "Here it is.\n\nYou did 2 sessions on 2 days in 2 weeks.\n"
    "Picture: Sessions of each week, done of planned: 9 Nov 1 of 7, comfort 7; this week 1 of 18, comfort 7.\n"
    "Comfort is from 0 to 10, higher is better.\n"
    "Milestones: 13 Nov Eyelid seen to move.\n"
    "Burden: first 9, latest 1, lower is better."
)


@pytest.mark.parametrize("image", ["progress", "progress/dark"])
async def test_progress_goes_out_as_a_picture_with_all_its_figures_in_words(post: Post, image: str) -> None:
    await practise(post)
    await write_progress(post, image=image)
    await post.has_tried("p", 1)
    (message,) = post.shown()
    (size,) = message.content["photo"]
    assert (size["width"], size["height"]) == (800, 1000)
    assert message.text == IN_WORDS
    assert [[button["text"] for button in line] for line in message.keyboard] == [["PDF"]]


async def test_progress_that_cannot_be_drawn_is_told_in_words(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(svg: str) -> bytes:
        raise ValueError("an invented fault")

    monkeypatch.setattr("bot.gateway.picture.render", broken)
    await practise(post)
    await write_progress(post)
    assert (await post.has_tried("p", 1)).state == "sent"
    (message,) = post.shown()
    assert "photo" not in message.content
    assert message.text == IN_WORDS
    assert message.keyboard


async def test_progress_whose_picture_telegram_refuses_is_told_in_words(post: Post) -> None:
    await practise(post)
    await post.fault(method="sendPhoto", code=400, description="Bad Request: IMAGE_PROCESS_FAILED")
    await write_progress(post)
    await post.has_tried("p", 1)
    assert post.texts() == [IN_WORDS]


async def test_the_same_progress_is_drawn_once_and_another_anew(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    def counted(svg: str) -> bytes:
        drawn.append(svg)
        return render(svg)

    monkeypatch.setattr("bot.gateway.picture.render", counted)
    await practise(post)
    for number, key in enumerate(("a", "b"), start=1):
        await write_progress(post, key)
        await post.has_tried(key, 1)
        assert len(drawn) == 1, number
    await write_page(post)
    await post.has_tried("f", 1)
    assert len(drawn) == 1
    await write_progress(post, "dark", "progress/dark")
    await post.has_tried("dark", 1)
    assert len(drawn) == 2


async def test_the_page_goes_out_as_a_pdf_with_its_words(post: Post) -> None:
    await practise(post)
    await write_page(post)
    await post.has_tried("f", 1)
    (message,) = post.shown()
    assert message.content["document"]["file_name"] == "septimus-progress.pdf"
    assert message.text == "For <you>."


@pytest.mark.parametrize("what", [write_progress, write_page])
async def test_with_nothing_to_tell_that_is_said_and_no_empty_chart_goes_out(
    post: Post, words: Words, what: Callable[[Post], Awaitable[None]]
) -> None:
    await what(post)
    await post.has_tried("p" if what is write_progress else "f", 1)
    (message,) = post.shown()
    assert message.content.keys().isdisjoint({"photo", "document"})
    assert message.text == words("progress.nothing")
    assert message.keyboard[0][0]["text"] == words("progress.exercise_button")


async def test_nobody_sees_the_progress_of_another(post: Post, words: Words) -> None:
    await practise(post, 1002)
    await write_progress(post)
    await post.has_tried("p", 1)
    assert post.texts() == [words("progress.nothing")]


# ---- two lanes: answers, and what can wait ----
async def remind(post: Post, *keys: str, first_chat: int = 2001, after: timedelta = timedelta(hours=1)) -> None:
    """Reminders of as many people, each of use until so long from now."""
    now, unasked = post.clock(), []
    async with post.store.writing() as session:
        for number, key in enumerate(keys):
            post.sandbox.world.add_user(first_chat + number, None, None)
            patient = await patients.of_chat(session, first_chat + number, now)
            body = {"html": key, "buttons": []}
            unasked.append(outbox.Unasked(key, patient.id, "send", body, now + after))
        await outbox.add_unasked(session, unasked, now)
    post.sender.nudge()


async def sent_keys(post: Post) -> list[str]:
    """What was sent, in the order in which Telegram got it."""
    async with post.store.reading() as session:
        rows = await session.scalars(select(OutboxRow).where(OutboxRow.state == "sent").order_by(OutboxRow.id))
        return [row.key for row in rows]


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """What can wait goes out five times a second."""
    monkeypatch.setattr("bot.gateway.send.CAN_WAIT_A_SECOND", 5.0)


@pytest.mark.usefixtures("slowly")
async def test_an_answer_overtakes_the_reminders_of_others(post: Post) -> None:
    await remind(post, *(f"reminder:{number}" for number in range(20)))
    await post.write("answer", chat=1001)
    await post.has_tried("answer", 1)
    assert len(await sent_keys(post)) < 20


@pytest.mark.usefixtures("slowly")
async def test_an_answer_overtakes_the_reminder_of_the_same_person(post: Post) -> None:
    chats = [f"reminder:{number}" for number in range(20)]
    await remind(post, *chats)
    await post.write("answer", chat=2020)  # theirs is the last of all
    await post.has_tried("answer", 1)
    assert "reminder:19" not in await sent_keys(post)
    assert post.texts(2020) == ["hello"]


async def test_a_reminder_does_not_wait_for_an_answer_that_telegram_refuses(post: Post) -> None:
    await post.fault(code=502, user=2001)
    await post.write("answer", chat=2001)
    await post.has_tried("answer", 1)
    await remind(post, "reminder:1")
    assert (await post.has_tried("reminder:1", 1)).state == "sent"


async def test_reminders_go_out_no_faster_than_their_pace(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.gateway.send.CAN_WAIT_A_SECOND", 20.0)
    begun = time.monotonic()
    await remind(post, *(f"reminder:{number}" for number in range(30)))
    await post.has_tried("reminder:29", 1)
    # Idle time is not made up for; a short stall may be.
    assert time.monotonic() - begun >= 1.0


async def test_answers_have_no_pace(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.gateway.send.CAN_WAIT_A_SECOND", 0.001)
    for number in range(5):
        await post.write(f"answer {number}", chat=1001 + number)
    for number in range(5):
        assert (await post.has_tried(f"answer {number}", 1)).state == "sent"


async def test_a_locked_database_is_tried_again(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    claim, faults = outbox.claim, [OperationalError("update", {}, Exception("database is locked"))] * 3

    async def locked(*given: Any, **more: Any) -> list[outbox.Outgoing]:
        if faults:
            raise faults.pop()
        return await claim(*given, **more)

    monkeypatch.setattr(outbox, "claim", locked)
    await post.write("answer")
    await remind(post, "reminder:1")
    assert [(await post.has_tried(key, 1)).state for key in ("answer", "reminder:1")] == ["sent", "sent"]


async def test_at_a_stop_what_can_wait_is_left_for_the_next_start(
    store: Store,
    sandbox: Sandbox,
    sending_bot: ExtBot[None],
    clock: MovedClock,
    pictures: Pictures,
    diaries: Diaries,
    counts: LiveCounts,
) -> None:
    sender, stop = Sender(store, sending_bot, clock, "gateway-1", pictures, diaries, counts), asyncio.Event()
    post = Post(store, sandbox, clock, sender)
    await remind(post, "reminder:1")
    await post.write("answer")
    stop.set()
    await asyncio.wait_for(sender.run(stop), 10)
    rows = [await post.row(key) for key in ("answer", "reminder:1")]
    assert [row.state for row in rows] == ["sent", "waiting"]


@pytest.mark.parametrize(("late", "state"), [(MOMENT, "failed"), (timedelta(), "sent")])
async def test_a_reminder_that_is_of_no_use_any_more_is_not_sent(post: Post, late: timedelta, state: str) -> None:
    await remind(post, "reminder:1", after=-late)
    row = await post.has_tried("reminder:1", 1)
    assert (row.state, row.body) == (state, None)
    assert post.texts(2001) == ([] if late else ["reminder:1"])


async def test_one_that_was_too_late_says_so(post: Post) -> None:
    await remind(post, "reminder:1", after=-MOMENT)
    assert (await post.has_tried("reminder:1", 1)).fault == outbox.TOO_LATE


async def test_one_that_failed_is_tried_again_until_it_is_too_late(post: Post) -> None:
    await post.fault(code=502, times=100)
    await remind(post, "reminder:1", after=timedelta(seconds=2))
    for attempt in (1, 2):
        row = await post.has_tried("reminder:1", attempt)
        assert row.state == "waiting" and row.claimed_until is not None
        post.move(row.claimed_until - post.clock() + MOMENT)
    row = await post.has_tried("reminder:1", 3)
    assert (row.state, row.fault) == ("failed", outbox.TOO_LATE)


async def test_the_reminders_of_whoever_blocked_the_bot_rest(post: Post) -> None:
    await post.fault(code=403, user=2001)
    await remind(post, "reminder:1")
    await post.has_tried("reminder:1", 1)
    async with post.store.reading() as session:
        blocked = await session.scalar(select(TelegramChatRow.blocked_at).where(TelegramChatRow.chat_id == 2001))
    assert blocked == post.clock()
