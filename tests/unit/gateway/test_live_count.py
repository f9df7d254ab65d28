"""A message that counts: its edits, and all that ends them. At a pace twenty times as fast as the real one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from telegram.ext import ExtBot

from bot.gateway import live_count
from bot.gateway.counting import Frame
from bot.gateway.live_count import LiveCounts
from bot.gateway.picture import Diaries, Pictures
from bot.gateway.send import Sender
from bot.outcome import Count
from bot.sandbox.state import Message
from bot.store import Store, outbox, patients
from tests.unit.gateway.moved_clock import MovedClock, until
from tests.unit.sandbox.sandbox_server import Sandbox

PACE = 0.1
BUTTONS = [[["Done", "ex:done:abcdef:4"], ["Stop", "ex:stop:abcdef:4"]]]
# Here a count has as many frames as repetitions. On a busy machine some of them come late and are left out.
COUNT = {"hold_s": 5, "rest_s": 3, "repetitions": 5}
LONG = {**COUNT, "repetitions": 60}


class Chat:
    """An outbox with a sender at work on it, and what one person's chat shows."""

    def __init__(self, store: Store, sandbox: Sandbox, clock: MovedClock, sender: Sender) -> None:
        self.store, self.sandbox, self.clock, self.sender = store, sandbox, clock, sender
        self._written = 0

    async def write(self, html: str = "Hold &amp; rest", chat: int = 1001, act: str = "send", **body: object) -> None:
        self.sandbox.world.add_user(chat, None, None)
        self._written += 1
        async with self.store.writing() as session:
            patient = await patients.of_chat(session, chat, self.clock())
            whole = {"html": html, "buttons": BUTTONS, **body}
            await outbox.add(session, f"row {self._written}", patient.id, act, whole, self.clock())
        self.sender.nudge()

    def messages(self, chat: int = 1001) -> list[Message]:
        return list(self.sandbox.world.chats[chat].messages.values())

    async def shows(self, text: str, chat: int = 1001) -> Message:
        async def found() -> Message | None:
            return next((each for each in self.messages(chat) if each.text == text), None)

        return await until(found)

    async def counts(self) -> Message:
        """Wait until a count runs."""

        async def found() -> Message | None:
            return next((each for each in self.messages() if each.text[-1:].isdecimal()), None)

        return await until(found)

    async def edits(self, method: str = "editMessageText") -> list[float]:
        return [call["time"] for call in await self.sandbox.get("/sandbox/calls", method=method)]

    async def stays(self) -> None:
        """Hold that nothing is edited any more."""
        before = len(await self.edits())
        await asyncio.sleep(4 * PACE)
        assert len(await self.edits()) == before


@pytest.fixture
def pace(monkeypatch: pytest.MonkeyPatch) -> None:
    def quick(count: Count, _: object) -> tuple[Frame, ...]:
        return tuple(Frame(number * PACE, f"**{number}**") for number in range(1, count.repetitions + 1))  # type: ignore[arg-type]

    monkeypatch.setattr(live_count, "PACE_S", PACE)
    monkeypatch.setattr(live_count, "frames", quick)


@pytest.fixture
async def chat(
    pace: None,
    store: Store,
    sandbox: Sandbox,
    sending_bot: ExtBot[None],
    clock: MovedClock,
    pictures: Pictures,
    diaries: Diaries,
    counts: LiveCounts,
) -> AsyncIterator[Chat]:
    sender, stop = Sender(store, sending_bot, clock, "gateway-1", pictures, diaries, counts), asyncio.Event()
    working = asyncio.create_task(sender.run(stop))
    yield Chat(store, sandbox, clock, sender)
    stop.set()
    sender.nudge()
    await working


async def test_a_count_edits_its_message_to_the_end_and_leaves_the_rest_of_it(chat: Chat) -> None:
    await chat.write("<b>Hold</b> &amp; rest", count=COUNT)
    message = await chat.shows("Hold & rest\n\n5")
    assert [entity["type"] for entity in message.entities] == ["bold", "bold"]
    assert [[button["text"] for button in line] for line in message.keyboard] == [["Done", "Stop"]]
    assert len(chat.messages()) == 1
    times = await chat.edits()
    assert 1 <= len(times) <= 5
    assert times[-1] - times[0] > (len(times) - 1) * PACE - 0.1
    await chat.stays()


async def test_a_count_under_a_picture_edits_its_caption(chat: Chat) -> None:
    await chat.write("Hold", act="send_photo", image="EX-13/left", count=COUNT)

    async def counted() -> Message | None:
        return next((each for each in chat.messages() if each.text.endswith("\n\n5")), None)

    message = await until(counted)
    assert message.text.startswith("Hold\nPicture: ")
    assert "photo" in message.content
    assert message.keyboard


async def test_a_message_without_a_count_is_left_as_it_is(chat: Chat) -> None:
    await chat.write()
    await chat.shows("Hold & rest")
    await chat.stays()
    assert await chat.edits() == []


async def test_a_new_message_ends_the_count_and_its_last_words_stay(chat: Chat) -> None:
    await chat.write(count=LONG)
    message = await chat.counts()
    await chat.write("Next one")
    await chat.shows("Next one")
    await chat.stays()
    assert message.text.startswith("Hold & rest\n\n")


async def test_a_change_of_its_buttons_ends_the_count_and_they_do_not_come_back(chat: Chat) -> None:
    await chat.write(count=LONG)
    message = await chat.counts()
    await chat.write(act="edit_buttons", message_id=message.message_id, buttons=[])

    async def bare() -> bool | None:
        return not message.keyboard or None

    await until(bare)
    await chat.stays()
    assert not message.keyboard


async def test_what_another_gateway_has_to_send_ends_the_count_too(chat: Chat) -> None:
    await chat.write(count=LONG)
    await chat.counts()
    async with chat.store.writing() as session:
        patient = await patients.of_chat(session, 1001, chat.clock())
        await outbox.add(session, "theirs", patient.id, "send", {"html": "x", "buttons": []}, chat.clock())
        (row,) = await outbox.claim(session, "gateway-2", chat.clock(), 1)
    assert row.patient_id == patient.id
    await chat.stays()


async def test_what_is_due_later_does_not_end_the_count(chat: Chat) -> None:
    async with chat.store.writing() as session:
        patient = await patients.of_chat(session, 1001, chat.clock())
    await chat.write(count=COUNT)
    async with chat.store.writing() as session:
        due = chat.clock() + timedelta(hours=8)
        body = {"html": "x", "buttons": []}
        await outbox.add(session, "reminder", patient.id, "send", body, chat.clock(), due_at=due)
    await chat.shows("Hold & rest\n\n5")


async def test_one_persons_message_does_not_end_anothers_count(chat: Chat) -> None:
    await chat.write(count=COUNT)
    await chat.write("Hello", chat=1002)
    await chat.shows("Hello", chat=1002)
    await chat.shows("Hold & rest\n\n5")


@pytest.mark.parametrize(
    "fault",
    [{"code": 400, "description": "Bad Request: message is not modified"}, {"code": 502}, {"drop": True}],
    ids=str,
)
async def test_an_edit_that_fails_is_dropped_and_the_next_one_comes(chat: Chat, fault: dict[str, object]) -> None:
    await chat.sandbox.post("/sandbox/fault", {"method": "editMessageText", "times": 2, **fault})
    await chat.write(count=LONG)
    await chat.counts()
    assert len(await chat.edits()) >= 3
    assert len(chat.messages()) == 1


@pytest.mark.filterwarnings("ignore::telegram.warnings.PTBDeprecationWarning")
async def test_told_to_wait_a_count_waits_and_goes_on_where_it_would_be(chat: Chat) -> None:
    await chat.sandbox.post("/sandbox/fault", {"method": "editMessageText", "code": 429, "retry_after": 1})
    await chat.write(count=COUNT)
    await chat.shows("Hold & rest\n\n5")
    first, second = (await chat.edits())[:2]
    assert second - first >= 1


async def test_counts_do_not_delay_what_is_to_be_sent(chat: Chat) -> None:
    await chat.sandbox.post("/sandbox/fault", {"method": "editMessageText", "times": 100, "delay": 1.5})
    for number in range(20):
        await chat.write(count=COUNT, chat=2000 + number)
    await asyncio.sleep(2 * PACE)
    begun = asyncio.get_running_loop().time()
    await chat.write("Hello", chat=1001)
    await chat.shows("Hello")
    assert asyncio.get_running_loop().time() - begun < 1


async def test_all_counts_together_keep_to_a_pace(chat: Chat) -> None:
    for number in range(30):
        await chat.write(count=COUNT, chat=2000 + number)
    for number in range(30):
        await chat.shows("Hold & rest\n\n5", chat=2000 + number)
    times = await chat.edits()
    # The last frame of a count comes in any case; the others share ten a second.
    assert len(times) <= 30 + live_count.EDITS_A_SECOND * (times[-1] - times[0] + 1)


async def test_the_end_of_the_sender_ends_its_counts_at_once(chat: Chat, counts: LiveCounts) -> None:
    await chat.sandbox.post("/sandbox/fault", {"method": "editMessageText", "times": 100, "delay": 30})
    await chat.write(count=COUNT)
    await chat.shows("Hold & rest")
    await asyncio.sleep(2 * PACE)
    begun = asyncio.get_running_loop().time()
    await counts.close()
    assert asyncio.get_running_loop().time() - begun < 0.5
    await chat.stays()
