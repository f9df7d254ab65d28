"""What people are told while nothing can be written down: at once, whoever may be in danger; later, and once, the rest."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bench.way import without_engine
from bot.dialogue import Dialogue
from bot.gateway.unwritten import Unwritten
from bot.patient import Patient, Step
from bot.words import Words
from tests.unit.gateway.updates import PERSON, PRIVATE, Json, message, update

FLAG = "my face dropped and now my arm is weak and I can't speak"
QUESTION = "what is Bell's palsy?"


class Sent:
    """A bot that keeps what it is to send."""

    def __init__(self) -> None:
        self.to: list[tuple[int, str]] = []

    async def send_message(self, chat: int, text: str) -> None:
        self.to.append((chat, text))


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture(scope="module")
def dialogue() -> Dialogue:
    return without_engine()


@pytest.fixture
def unwritten(sent: Any, dialogue: Dialogue) -> Unwritten:
    return Unwritten(sent, dialogue, known)


async def known(chat: int) -> Patient:
    return Patient(id=f"{chat:032x}", step=Step.DONE, country="GB")


def said(text: str, number: int = 1, chat: int = 1001) -> Json:
    person, private = {**PERSON, "id": chat}, {**PRIVATE, "id": chat}
    return update("message", message(text=text, chat=private, **{"from": person}), number)


async def test_whoever_may_be_in_danger_is_told_at_once_and_once(unwritten: Unwritten, sent: Sent) -> None:
    await unwritten.tell([said(FLAG)])
    await unwritten.tell([said(FLAG)])
    assert [chat for chat, _ in sent.to] == [1001]
    assert "999" in sent.to[0][1]


async def test_another_is_told_at_the_second_failure_and_once(unwritten: Unwritten, sent: Sent, words: Words) -> None:
    await unwritten.tell([said(QUESTION)])
    assert sent.to == []
    await unwritten.tell([said(QUESTION)])
    await unwritten.tell([said(QUESTION)])
    assert sent.to == [(1001, words("other.error", number="999"))]


async def test_when_it_is_over_all_begins_anew(unwritten: Unwritten, sent: Sent) -> None:
    for _ in range(2):
        await unwritten.tell([said(FLAG)])
        unwritten.over()
    assert len(sent.to) == 2


async def test_a_malformed_update_keeps_nobody_from_being_told(unwritten: Unwritten, sent: Sent) -> None:
    await unwritten.tell([{"update_id": 1, "message": {"chat": 7}}, said(FLAG, 2)])
    assert [chat for chat, _ in sent.to] == [1001]


async def test_one_is_told_while_another_is_still_looked_up(sent: Any, dialogue: Dialogue) -> None:
    looked_up = asyncio.Event()

    async def slow(chat: int) -> Patient:
        if chat == 1001:
            await looked_up.wait()
        return await known(chat)

    unwritten = Unwritten(sent, dialogue, slow)
    first = asyncio.create_task(unwritten.tell([said(FLAG)]))
    await asyncio.sleep(0)
    await unwritten.tell([said(FLAG, 2, chat=1002)])
    assert [chat for chat, _ in sent.to] == [1002]
    looked_up.set()
    await first
    assert [chat for chat, _ in sent.to] == [1002, 1001]
