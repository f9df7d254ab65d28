"""What grows: one conversation, the knowledge base, the people in the store. What a message costs at each size."""

from __future__ import annotations

import json
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from bench.filling import FIRST_CHAT, known, many_messages, many_people
from bench.measure import Json, ratio, spread
from bench.message import QUESTIONS, by_rest
from bench.system import LIMITS, QUESTION, System, postgres
from bench.way import Way, counted, without_engine
from bot.dialogue import Dialogue
from bot.knowledge import Shelf
from bot.knowledge.library import read_questions
from bot.settings import CONTENT, ROOT
from bot.store import Store

MESSAGES = (10, 100, 1_000, 5_000)
ARTICLES = (100, 1_000, 5_000)
PEOPLE = (1_000, 1_000_000)
_TALK = 42
"""The chat whose messages are timed."""


# --- one conversation -----------------------------------------------------------------------------------------------


async def measure_conversation(
    system: System, plain: str, *, messages: Sequence[int] = MESSAGES, each: int = 15, longest_s: float = 60.0
) -> Json:
    """The engine's time at message so and so of one conversation, ours and as Rasa comes.

    Ten messages are really said; the events that they left are then handed to Rasa again and again by its own API until
    the conversation is as long as it should be. Both take exactly the same events.

    Args:
        system: the running system.
        plain: the address of the same model as Rasa comes.
        messages: at which messages.
        each: how many are timed at each, at most.
        longest_s: how long one size of one engine may take, in seconds; fewer are timed then.
    """
    found: dict[str, Json] = {}
    async with httpx.AsyncClient(timeout=300, trust_env=False, limits=LIMITS) as client:
        for name, engine in (("septimus", system.engine), ("plain_rasa", plain)):
            turn = await _turn(client, engine, system.token)
            found[name] = {}
            for size in messages:
                sender = f"{name}-{size}"
                await _fill(client, engine, system.token, sender, turn, size)
                taken: list[float] = []
                begun = time.monotonic()
                while len(taken) < each and (time.monotonic() - begun < longest_s or not taken):
                    taken.append(await by_rest(client, engine, system.token, sender))
                found[name][str(size)] = {
                    "p50_ms": round(statistics.median(taken), 1),
                    "longest_ms": round(max(taken), 1),
                    "count": len(taken),
                }
    first, thousandth = str(messages[0]), str(max(size for size in messages if size <= 1_000))
    for each_ in found.values():
        each_["growth"] = ratio(each_[str(messages[-1])]["p50_ms"], each_[first]["p50_ms"])
    return {
        **found,
        "at": {"first": messages[0], "last": messages[-1]},
        "plain_to_ours_at_1000": ratio(
            found["plain_rasa"][thousandth]["p50_ms"], found["septimus"][thousandth]["p50_ms"], 1
        ),
    }


async def _turn(client: httpx.AsyncClient, engine: str, token: str, turns: int = 10) -> list[Json]:
    """The events that one message and its answer leave."""
    for _ in range(turns):
        await by_rest(client, engine, token, "pattern")
    query = {"include_events": "ALL", "token": token}
    tracker = (await client.get(f"{engine}/conversations/pattern/tracker", params=query)).json()
    events: list[Json] = tracker["events"]
    starts = [number for number, event in enumerate(events) if event["event"] == "user"]
    return events[starts[-1] :]


async def _fill(
    client: httpx.AsyncClient, engine: str, token: str, sender: str, turn: Sequence[Json], size: int
) -> None:
    """Make a conversation as long as it should be but for the message that is timed."""
    await by_rest(client, engine, token, sender)
    now = time.time()
    events = [
        {**event, "timestamp": now - 60 + 50 * (number + place / len(turn)) / size}
        for number in range(size - 2)
        for place, event in enumerate(turn)
    ]
    for start in range(0, len(events), 5_000):
        answer = await client.post(
            f"{engine}/conversations/{sender}/tracker/events",
            params={"token": token},
            json=events[start : start + 5_000],
        )
        answer.raise_for_status()


# --- the knowledge base ---------------------------------------------------------------------------------------------


def measure_articles(*, articles: Sequence[int] = ARTICLES, searches: int = 200) -> Json:
    """How long so many articles take to load and to search, and what a look for changed files costs.

    The generated ones have the form and a third of the sentences of a real one, some words of their own, and a topic of
    their own with example questions; so nearly every word of a question stands in many, which is hardest for a search.
    """
    found: dict[str, Json] = {}
    questions = [*QUESTIONS, *_bank(searches - len(QUESTIONS))]
    for count in articles:
        with tempfile.TemporaryDirectory(prefix="septimus-bench-") as folder:
            content = _content(Path(folder), count)
            begun = time.perf_counter()
            shelf = Shelf(content, reload=False, must_be_reviewed=False, clock=time.monotonic)
            loaded = time.perf_counter()
            index = shelf.library.index
            indexed = time.perf_counter()
            taken = []
            for question in questions:
                at = time.perf_counter()
                index.search(question)
                taken.append((time.perf_counter() - at) * 1000)
            looks = []
            for _ in range(5):
                at = time.perf_counter()
                shelf._stamp()
                looks.append((time.perf_counter() - at) * 1000)
            found[str(count)] = {
                "load_s": round(loaded - begun, 2),
                "index_s": round(indexed - loaded, 2),
                "search_ms": spread(taken, 2),
                "look_for_changes_ms": round(statistics.median(looks), 1),
            }
    first, last = found[str(articles[0])]["search_ms"]["p50"], found[str(articles[-1])]["search_ms"]["p50"]
    return {**found, "search_growth": ratio(last, first)}


def _content(folder: Path, count: int) -> Path:
    """Make a content folder with so many articles."""
    content = folder / "content"
    shutil.copytree(CONTENT, content)
    shutil.copytree(ROOT / "nlu_data" / "questions", folder / "nlu_data" / "questions")
    real = sorted((content / "articles").glob("*.md"))
    for spare in real[count:]:
        spare.unlink()
    examples = [each for some in read_questions(folder / "nlu_data" / "questions").values() for each in some]
    written: list[str] = []
    chance = random.Random(9)
    for number in range(count - len(real)):
        pattern = real[number % len(real)].read_text(encoding="utf-8")
        head, _, body = pattern[4:].partition("\n---\n")
        name = f"generated-{number}"
        changed = {"id": name, "topic": name}
        lines = [
            f"{key}: {changed[key]}" if (key := line.partition(":")[0]) in changed else line
            for line in head.splitlines()
        ]
        sentences = body.replace("\n", " ").split(". ")
        kept = [each for each in sentences if chance.random() < 0.34] or sentences[:1]
        own = " ".join(f"word{chance.randrange(20_000)}" for _ in range(40))
        path = content / "articles" / f"{name}.md"
        path.write_text("---\n" + "\n".join(lines) + f"\n---\n{'. '.join(kept)}. {own}.\n", encoding="utf-8")
        asked = chance.sample(examples, 40)
        written.append(f"- intent: {name}\n  examples: |\n" + "\n".join(f"    - {each}" for each in asked))
    if written:
        path = folder / "nlu_data" / "questions" / "generated.yml"
        path.write_text('version: "3.1"\nnlu:\n' + "\n".join(written) + "\n", encoding="utf-8")
    return content


def _bank(count: int) -> list[str]:
    """Questions that nobody has trained on."""
    with (ROOT / "tests" / "banks" / "questions.jsonl").open(encoding="utf-8") as lines:
        return [str(json.loads(line)["text"]) for line in lines][:count]


# --- the people in the store ----------------------------------------------------------------------------------------


async def measure_people(*, people: Sequence[int] = PEOPLE, messages: int = 60, earlier: int = 5_000) -> Json:
    """How many statements a message makes and how long they take, with so many people in the store.

    Args:
        people: with how many.
        messages: how many messages are led all the way at each size.
        earlier: how many messages the person has had before, at the largest size.
    """
    found: dict[str, Json] = {"sqlite": {}}
    dialogue = without_engine()
    for count in people:
        with tempfile.TemporaryDirectory(prefix="septimus-bench-") as folder:
            url = f"sqlite+aiosqlite:///{folder}/septimus.db"
            found["sqlite"][str(count)] = await _people(
                url, dialogue, count, messages, earlier if count == people[-1] else 0
            )
    with postgres() as server:
        if server is not None:
            found["postgresql"] = {}
            for count in people:
                async with _database(server, f"people_{count}") as url:
                    found["postgresql"][str(count)] = await _people(
                        url, dialogue, count, messages, earlier if count == people[-1] else 0
                    )
    for each in found.values():
        first, last = each[str(people[0])], each[str(people[-1])]
        each["growth"] = ratio(last["statements_ms"]["p50"], first["statements_ms"]["p50"])
        each["more_statements"] = last["statements"] - first["statements"]
    return {**found, "at": {"first": people[0], "last": people[-1], "earlier_messages": earlier}}


async def _people(url: str, dialogue: Dialogue, count: int, messages: int, earlier: int) -> Json:
    store = Store(url)
    try:
        await store.migrate()
        begun = time.monotonic()
        await many_people(store, count)
        async with store.writing() as session:
            await known(session, _TALK)
        if earlier:
            await many_messages(store, _TALK, earlier)
            await many_messages(store, FIRST_CHAT + 1, earlier)
        filled = time.monotonic() - begun
        way = Way(store, dialogue)
        for _ in range(5):
            await way.message(_TALK, QUESTION)
        numbers, statements_ms, whole_ms = [], [], []
        for number in range(messages):
            at = time.perf_counter()
            with counted() as made:
                await way.message(_TALK, QUESTIONS[number % len(QUESTIONS)])
            whole_ms.append((time.perf_counter() - at) * 1000)
            statements_ms.append(made.ms)
            numbers.append(len(made.texts))
    finally:
        await store.close()
    return {
        "people": count,
        "filled_s": round(filled, 1),
        "statements": round(statistics.median(numbers)),
        "statements_ms": spread(statements_ms, 2),
        "whole_way_without_engine_ms": spread(whole_ms, 2),
    }


@asynccontextmanager
async def _database(server: str, name: str) -> AsyncIterator[str]:
    """A database of its own on a PostgreSQL server, while the block runs."""
    engine = create_async_engine(server, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            await connection.execute(text(f"CREATE DATABASE {name}"))
        yield server.replace("/postgres?", f"/{name}?")
        async with engine.connect() as connection:
            await connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        await engine.dispose()
