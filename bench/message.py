"""The way of a message: update in to reply out, alone and with many people, beside the same model as Rasa comes."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import re
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import cycle, islice
from pathlib import Path

import httpx

from bench.measure import Json, below, ratio, spread, used_between
from bench.system import ARTICLE, LIMITS, QUESTION, System
from bot.clock import system_clock
from bot.patient import Step
from bot.store import Store, patients

QUESTIONS = (
    QUESTION,
    "what is bell's palsy?",
    "can I drink alcohol?",
    "why does my eye water when I eat?",
    "when will my face get better?",
    "what is synkinesis?",
    "can I fly with facial palsy?",
    "does botox help?",
)
PEOPLE = (1, 8, 32)
STEADY_A_SECOND = 25
_FIRST_PERSON = 7001
_LOOK_S = 0.01
_LOST_AFTER_S = 30.0
LOST = "(no answer)"
_STEP = re.compile(r'^septimus_step_seconds_(sum|count)\{step="(\w+)"\} (\S+)$', re.MULTILINE)


class Telegram:
    """The people's side of the local Bot API server. Times are the server's own: a message said, a reply come in."""

    def __init__(self, base: str, client: httpx.AsyncClient) -> None:
        self._base, self._client = base, client
        self._seen = 0
        self._waiting: dict[int, list[asyncio.Future[tuple[float, str]]]] = defaultdict(list)
        self._looking: asyncio.Task[None] | None = None
        self.titles: dict[str, str] = {}

    async def __aenter__(self) -> Telegram:
        calls = await self._client.get(f"{self._base}/sandbox/calls", params={"method": "sendMessage"})
        self._seen = max((int(call["number"]) for call in calls.json()), default=0)
        self._looking = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def ask(self, person: int, text: str = QUESTION) -> tuple[float, str]:
        """Say something; return the milliseconds until the bot's reply came in, and how the reply begins."""
        return await self.begin(person, text, await self.expect(person))

    async def expect(self, person: int) -> asyncio.Future[tuple[float, str]]:
        """Wait for one more reply to a person, after those that are waited for already."""
        reply: asyncio.Future[tuple[float, str]] = asyncio.get_running_loop().create_future()
        self._waiting[person].append(reply)
        return reply

    async def begin(self, person: int, text: str, reply: asyncio.Future[tuple[float, str]]) -> tuple[float, str]:
        """Say something whose reply is waited for already."""
        return await self.wait(await self.say(person, text), reply)

    async def say(self, person: int, text: str) -> float:
        """Say something; return when."""
        said_at = time.time()
        said = await self._client.post(f"{self._base}/sandbox/say", json={"user": person, "text": text})
        said.raise_for_status()
        return said_at

    async def wait(self, said_at: float, reply: asyncio.Future[tuple[float, str]]) -> tuple[float, str]:
        """Wait for the reply to what was said."""
        try:
            came_at, words = await asyncio.wait_for(reply, _LOST_AFTER_S)
        except TimeoutError:  # the reply may still come, and stands in nobody else's way
            return _LOST_AFTER_S * 1000, LOST
        return (came_at - said_at) * 1000, _title(words)

    async def _look(self) -> None:
        while True:
            query = {"method": "sendMessage", "after": str(self._seen)}
            calls = (await self._client.get(f"{self._base}/sandbox/calls", params=query)).json()
            for call in calls:
                self._seen = max(self._seen, int(call["number"]))
                replies = self._waiting.get(int(call["params"]["chat_id"]))
                if replies and call["code"] in (200, None):
                    reply = replies.pop(0)
                    if not reply.done():
                        reply.set_result((float(call["time"]), str(call["params"]["text"])))
            await asyncio.sleep(_LOOK_S)

    async def quiet(self, seconds: float = 0.3) -> None:
        """Wait until nothing has come for so long."""
        before = -1
        while before != self._seen:
            before = self._seen
            await asyncio.sleep(seconds)


async def measure(
    system: System,
    plain: str,
    *,
    rounds: int = 150,
    seconds: float = 20.0,
    people: Sequence[int] = PEOPLE,
    burst: int = 5,
) -> Json:
    """Measure one message at a time, then people who each ask on as soon as they have their answer.

    Args:
        system: the running system.
        plain: the address of the same model as Rasa comes.
        rounds: how many single messages of each kind, in turn.
        seconds: how long people talk at each number of them, and at the steady rate.
        people: how many talk at once.
        burst: how many messages each of the most people sends at one instant.
    """
    people_side = httpx.AsyncClient(timeout=60, trust_env=False, limits=LIMITS)
    async with people_side as client, Telegram(system.sandbox, client) as telegram:
        everybody = range(_FIRST_PERSON, _FIRST_PERSON + max(people))
        await onboard(system.folder, everybody)
        for text in QUESTIONS:
            await telegram.quiet()
            _, telegram.titles[text] = await telegram.ask(_FIRST_PERSON, text)
        return {
            "alone": await _alone(telegram, client, system, plain, rounds),
            "at_once": {
                str(count): await _at_once(telegram, client, system, everybody[:count], seconds) for count in people
            },
            "steady": await _steady(telegram, everybody, seconds),
            "burst": await _burst(telegram, everybody, burst),
            "distinct_answers": len(set(telegram.titles.values())),
        }


async def _alone(telegram: Telegram, client: httpx.AsyncClient, system: System, plain: str, rounds: int) -> Json:
    """One message at a time: the whole way, our engine by its REST channel, and plain Rasa's, in turn."""
    ours, engines, theirs = [], [], []
    for number in range(rounds + 10):
        taken, title = await telegram.ask(_FIRST_PERSON)
        assert title == ARTICLE, title
        ours.append(taken)
        # A new sender each time: the first message of a conversation, plain Rasa at its best.
        engines.append(await by_rest(client, system.engine, system.token, f"own-{number}"))
        theirs.append(await by_rest(client, plain, system.token, f"plain-{number}"))
    ours, engines, theirs = ours[10:], engines[10:], theirs[10:]
    way, engine = statistics.median(ours), statistics.median(engines)
    return {
        "update_to_reply_ms": spread(ours),
        "own_engine_rest_ms": spread(engines),
        "plain_rasa_rest_ms": spread(theirs),
        "way_adds_ms": round(way - engine, 1),
        "engine_p95_to_plain_rasa": ratio(spread(engines)["p95"], spread(theirs)["p95"]),
        "engine_p50_to_plain_rasa": ratio(engine, statistics.median(theirs)),
    }


async def by_rest(client: httpx.AsyncClient, engine: str, token: str, sender: str) -> float:
    """Ask an engine by its REST channel; return the milliseconds until its answer."""
    begun = time.perf_counter()
    answer = await client.post(
        f"{engine}/webhooks/rest/webhook",
        json={"sender": sender, "message": QUESTION, "metadata": {"country": "GB"}},
        headers={"Authorization": f"Bearer {token}"},
    )
    taken = (time.perf_counter() - begun) * 1000
    assert ARTICLE in answer.text, answer.text[:200]
    return taken


async def _at_once(
    telegram: Telegram, client: httpx.AsyncClient, system: System, people: Sequence[int], seconds: float
) -> Json:
    """So many people, each asking the next question when the last is answered: the most that gets through."""
    await telegram.quiet()
    steps, used, begun = await _steps(client, system), below(os.getpid()), time.monotonic()
    taken: list[float] = []
    wrong = 0

    async def talk(person: int, number: int) -> None:
        nonlocal wrong
        for text in islice(cycle(QUESTIONS), number % len(QUESTIONS), None):
            if time.monotonic() - begun > seconds:
                return
            ms, title = await telegram.ask(person, text)
            wrong += title != telegram.titles[text]
            taken.append(ms)

    await asyncio.gather(*(talk(person, number) for number, person in enumerate(people)))
    lasted, messages = time.monotonic() - begun, len(taken)
    cpu = used_between(used, below(os.getpid()))
    after = await _steps(client, system)
    return {
        "people": len(people),
        "messages": messages,
        "a_second": round(messages / lasted, 1),
        "answer_ms": spread(taken),
        "not_the_answer": wrong,
        "cpu_ms_a_message": {name: round(spent * 1000 / messages, 1) for name, spent in sorted(cpu.items())},
        "step_ms": {
            name: round((after[name][0] - steps.get(name, (0.0, 0.0))[0]) * 1000 / times, 1)
            for name in after
            if (times := after[name][1] - steps.get(name, (0.0, 0.0))[1])
        },
    }


async def _steady(telegram: Telegram, people: Sequence[int], seconds: float, rate: float = STEADY_A_SECOND) -> Json:
    """So many messages a second from people in turn, whether or not the last is answered: what people would feel."""
    await telegram.quiet()
    asked: list[asyncio.Task[tuple[float, str]]] = []
    texts: list[tuple[int, str]] = []
    begun = time.monotonic()
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
        person, text = people[number % len(people)], QUESTIONS[(number // len(people) + number) % len(QUESTIONS)]
        reply = await telegram.expect(person)
        asked.append(asyncio.create_task(telegram.begin(person, text, reply)))
        texts.append((person, text))
    found = await asyncio.gather(*asked)
    lasted = time.monotonic() - begun
    return {
        "people": len(people),
        "asked_a_second": rate,
        "answered_a_second": round(len(found) / lasted, 1),
        "answer_ms": spread([ms for ms, _ in found]),
        "lost": sum(title == LOST for _, title in found),
        "out_of_order": _out_of_order(telegram, texts, [title for _, title in found]),
    }


async def _burst(telegram: Telegram, people: Sequence[int], each: int) -> Json:
    """Everybody sends several different messages at one instant: each must get the answers in the order they asked.

    A person's own messages are said one after the other, as one telephone sends them; else they would overtake each
    other before anybody has read them.
    """
    await telegram.quiet()
    texts, asked = [], []
    begun = time.monotonic()

    async def send_all(person: int) -> None:
        for number in range(each):
            text = QUESTIONS[(person + number) % len(QUESTIONS)]
            reply = await telegram.expect(person)
            said_at = await telegram.say(person, text)
            texts.append((person, text))
            asked.append(asyncio.create_task(telegram.wait(said_at, reply)))

    await asyncio.gather(*(send_all(person) for person in people))
    found = await asyncio.gather(*asked)
    lasted = time.monotonic() - begun
    return {
        "people": len(people),
        "messages": len(found),
        "a_second": round(len(found) / lasted, 1),
        "answer_ms": spread([ms for ms, _ in found]),
        "lost": sum(title == LOST for _, title in found),
        "out_of_order": _out_of_order(telegram, texts, [title for _, title in found]),
    }


async def onboard(folder: Path, people: Iterable[int]) -> None:
    """Write people down in a data folder who have agreed and been through first contact."""
    store = Store(f"sqlite+aiosqlite:///{folder / 'septimus.db'}")
    await store.migrate()
    now = system_clock()
    async with store.writing() as session:
        for person in people:
            new = await patients.of_chat(session, person, now)
            known = dataclasses.replace(
                new, step=Step.DONE, consented_at=now, consent_version="invented", for_whom="self", country="GB"
            )
            await patients.save(session, known)
    await store.close()


def _out_of_order(telegram: Telegram, asked: Sequence[tuple[int, str]], titles: Sequence[str]) -> int:
    """How many people got other answers, or another order of them, than they asked in."""
    wanted: dict[int, list[str]] = defaultdict(list)
    came: dict[int, list[str]] = defaultdict(list)
    for (person, text), title in zip(asked, titles, strict=True):
        wanted[person].append(telegram.titles[text])
        came[person].append(title)
    return sum(
        any(got not in (should, LOST) for should, got in zip(wanted[person], came[person], strict=True))
        for person in wanted
    )


async def _steps(client: httpx.AsyncClient, system: System) -> dict[str, tuple[float, float]]:
    """The seconds and the count of each step of the gateway, as its watch port tells them."""
    text = (await client.get(f"{system.watch}/metrics")).text
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for what, step, value in _STEP.findall(text):
        found[step][what] = float(value)  # type: ignore[assignment]
    return {step: (float(each["sum"]), float(each["count"])) for step, each in found.items()}


def _title(words: str) -> str:
    """How a reply begins: an article's title stands in bold at its head."""
    found = re.match(r"<b>(.*?)</b>", words)
    return found[1] if found else words[:60]
