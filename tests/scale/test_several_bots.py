"""Two clinics with a bot each in one installation: nothing of one crosses to the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.clock import system_clock
from bot.store import Store, facts, patients
from tests.e2e.gateway_process import Gateway, Person, Telegram, until

PERSON = 1001
"""One and the same person of Telegram, who writes to both bots."""

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


def on[T](url: str, work: Callable[[Store], Awaitable[T]]) -> T:
    async def do() -> T:
        store = Store(url)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(do())


@pytest.fixture(scope="module")
def telegrams() -> Iterator[list[Telegram]]:
    """Each bot has its own: what one has sent is never seen at the other."""
    both = [Telegram(), Telegram()]
    yield both
    for each in both:
        each.close()


@pytest.fixture(scope="module")
def gateways(
    tmp_path_factory: pytest.TempPathFactory, telegrams: list[Telegram], database_url: str, keys_file: Path
) -> Iterator[list[Gateway]]:
    made = [
        Gateway(
            tmp_path_factory.mktemp(bot),
            telegram,
            SEPTIMUS_DATABASE_URL=database_url,
            SEPTIMUS_KEYS_FILE=str(keys_file),
            SEPTIMUS_BOT=bot,
            SEPTIMUS_INSTANCE=bot,
        )
        for bot, telegram in zip(("main", "north"), telegrams, strict=True)
    ]
    for each in made:
        each.begin()
    for each in made:
        each.wait(150)
    yield made
    for each in made:
        each.kill()


def texts(telegram: Telegram, person: int = PERSON) -> list[str]:
    return [str(call["params"]["text"]) for call in telegram.sends([person]) if call["code"] == 200]


def test_messages_answers_and_reminders_stay_with_their_own_bot(
    telegrams: list[Telegram], gateways: list[Gateway], questions: list[str], database_url: str
) -> None:
    for gateway in gateways:
        gateway.onboard([PERSON])
    for telegram, question in zip(telegrams, questions, strict=False):
        telegram.post("/sandbox/users", user=PERSON, name="Invented", language_code="en")
        # Each bot counts its own updates, so the numbers may meet.
        telegram.push({"update_id": 900_000_000, "message": Person(PERSON, telegram).message(text=question)})
    for own, other, question in ((0, 1, questions[0]), (1, 0, questions[1])):
        until(lambda own=own, q=question: any(q in text for text in texts(telegrams[own])), "an answer", 60)
        assert not any(question in text for text in texts(telegrams[other]))

    before = [len(texts(telegram)) for telegram in telegrams]
    gateways[1].promise([PERSON], system_clock() - timedelta(seconds=5))
    until(lambda: len(texts(telegrams[1])) > before[1], "a reminder of the north bot", 30)
    assert len(texts(telegrams[0])) == before[0]

    async def told(store: Store) -> dict[str, str]:
        async with store.reading() as session:
            return await facts.told(session)

    assert {"bot_name", "bot_name:north", "chat_page", "chat_page:north"} <= set(on(database_url, told))


def test_what_a_person_erases_with_one_bot_stays_with_the_other(
    telegrams: list[Telegram], gateways: list[Gateway], database_url: str
) -> None:
    other = 1002
    for gateway, telegram in zip(gateways, telegrams, strict=True):
        gateway.onboard([other])
        telegram.post("/sandbox/users", user=other, name="Invented", language_code="en")
    telegrams[1].post("/sandbox/say", user=other, text="/delete")
    until(lambda: texts(telegrams[1], other), "the question whether to erase", 60)
    telegrams[1].post("/sandbox/say", user=other, text="yes, delete everything")

    async def chats(store: Store) -> list[bool]:
        async with store.reading() as session:
            found = [await patients.of_chat(session, other, system_clock(), bot) for bot in ("main", "north")]
            return [each.has_consented for each in found]

    until(lambda: on(database_url, chats) == [True, False], "one of the two is erased", 60, every=0.5)
    until(lambda: len(texts(telegrams[1], other)) > 1, "that they are told so", 30)
    assert texts(telegrams[0], other) == []
