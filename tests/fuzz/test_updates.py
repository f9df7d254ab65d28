"""Whatever comes as an update: written down or refused, then answered or parked, and nobody else waits for it."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from telegram import Update
from telegram.ext import ExtBot
from telegram.request import BaseRequest, RequestData

from bot.dialogue import Dialogue
from bot.dialogue.engine import Engine
from bot.gateway.answer import Answerer
from bot.gateway.incoming import Incoming, understand
from bot.gateway.receive import SECRET_HEADER, RawUpdate, chat_of, is_update, webhook
from bot.knowledge import Shelf
from bot.settings import CONTENT
from bot.store import Store, inbox
from bot.store.tables import InboxRow, OutboxRow
from tests.fuzz.conftest import examples, within
from tests.fuzz.mess import MARK, cut_up, damaged, texts, values
from tests.unit.gateway.updates import FILE, PICTURE, Json, membership, message, tap, update

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
SECRET = "invented-secret"
KINDS: tuple[Json, ...] = (
    {"text": f"how do i tape my eye {MARK}", "entities": [{"type": "bold", "offset": 0, "length": 3}]},
    {"text": "/start", "entities": [{"type": "bot_command", "offset": 0, "length": 6}]},
    {"photo": [PICTURE, PICTURE], "caption": MARK},
    {"voice": {**FILE, "duration": 1}},
    {"location": {"latitude": 51.5, "longitude": -0.1}},
    {"document": {**FILE, "file_name": MARK}},
    {"contact": {"phone_number": "+440000", "first_name": MARK}},
    {"poll": {"id": "1", "question": "?", "options": [], "total_voter_count": 0, "is_closed": False,
              "is_anonymous": True, "type": "regular", "allows_multiple_answers": False}},
    {"dice": {"emoji": "🎲", "value": 3}},
    {"sticker": {**PICTURE, "type": "regular", "is_animated": False, "is_video": False}},
    {"text": "reply", "reply_to_message": message(text="shown", caption=MARK)},
)  # fmt: skip
PROPER = (
    *({"update_id": 1, "message": message(**kind)} for kind in KINDS),
    update("edited_message", message(text=f"edited {MARK}", edit_date=1_795_000_001)),
    tap("open:eye-taping"),
    tap("ans:droop:1", reply_markup={"inline_keyboard": [[{"text": "Yes", "callback_data": "ans:droop:1"}]]}),
    tap(None),
    membership("kicked"),
    membership("member"),
    update("channel_post", message(text="post")),
    update("inline_query", {"id": "1", "from": message()["from"], "query": MARK, "offset": ""}),
)
strange = st.sampled_from(PROPER).flatmap(lambda whole: damaged(whole))
updates = st.one_of(
    strange.filter(is_update), st.sampled_from(PROPER), values.map(lambda value: {"update_id": 1, "message": value})
)


class NoNetwork(BaseRequest):
    """Telegram as the bot sees it here: every call is taken and nothing happens."""

    @property
    def read_timeout(self) -> float:
        return 1.0

    async def initialize(self) -> None:
        """Nothing to open."""

    async def shutdown(self) -> None:
        """Nothing to close."""

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *args: Any, **kwargs: Any
    ) -> tuple[int, bytes]:
        made = {"id": 7, "is_bot": True, "first_name": "S", "username": "s_bot"} if "getMe" in url else True
        return 200, json.dumps({"ok": True, "result": made}).encode()


@examples(1)
@given(st.one_of(updates, values))
def test_an_update_is_told_from_what_is_none(raw: Any) -> None:
    if not is_update(raw):
        return
    chat = chat_of(raw)
    assert -(2**63) <= chat < 2**63
    with within(0.5):
        try:
            found = understand(Update.de_json(dict(raw), None))
        except Exception:  # the parser's own faults: the answerer parks the update, see below
            return
    assert isinstance(found, Incoming)
    assert (found.said is None) or found.chat_id


bodies = st.one_of(
    st.binary(max_size=200),
    updates.map(lambda raw: json.dumps(raw).encode()),
    st.sampled_from(PROPER).flatmap(lambda raw: cut_up(json.dumps(raw).encode())),
    st.sampled_from([b"[" * 100_000, b'{"update_id": ' + b"9" * 5000 + b"}", b'{"update_id": NaN}', b"\xff\xfe{}"]),
)


@examples(1)
@given(bodies, st.sampled_from([SECRET, "", "wrong", "é"]))
async def test_a_webhooks_body_is_an_update_or_refused_for_good(body: bytes, secret: str) -> None:
    written: list[RawUpdate] = []

    async def write(came: Sequence[RawUpdate]) -> None:
        written.extend(came)

    transport = httpx.ASGITransport(webhook(write, SECRET))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        with within(1.0):
            answer = await client.post("/telegram", content=body, headers={SECRET_HEADER: secret.encode()})
    assert answer.status_code == (200 if secret == SECRET else 403)
    assert len(written) <= (secret == SECRET)
    assert all(is_update(each) for each in written)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "septimus.db"

    async def up() -> None:
        store = Store(f"sqlite+aiosqlite:///{path}")
        await store.migrate()
        await store.close()

    asyncio.run(up())
    return path


@pytest.fixture
async def answering(migrated: Path, tmp_path: Path, shelf: Shelf) -> AsyncIterator[Callable[[list[Json]], Any]]:
    """Writes updates down and lets a real answerer with the real dialogue work until all are done."""
    shutil.copy(migrated, tmp_path / "septimus.db")
    store = Store(f"sqlite+aiosqlite:///{tmp_path / 'septimus.db'}")
    engine = Engine(["http://127.0.0.1:9"], "invented", 1.0)
    dialogue = Dialogue.load(CONTENT, shelf, engine, lambda: NOW)
    last = 0

    async def work(raws: list[Json]) -> tuple[dict[int, str], set[int]]:
        """What became of each update, by its number; and the numbers of those that got an answer."""
        nonlocal last
        numbered = [{**raw, "update_id": (last := last + 1)} for raw in raws]
        async with store.writing() as session:
            await inbox.write(session, [(each["update_id"], chat_of(each), each) for each in numbered], NOW)
        request = NoNetwork()
        async with ExtBot("1:x", request=request, get_updates_request=request) as bot:
            answerer = Answerer(store, dialogue, bot, lambda: NOW, "fuzz", 8, lambda: None)
            stop = asyncio.Event()
            working = asyncio.create_task(answerer.run(stop))
            stop.set()
            await asyncio.wait_for(working, 60)
        async with store.reading() as session:
            ids = [each["update_id"] for each in numbered]
            rows = await session.scalars(select(InboxRow).where(InboxRow.update_id.in_(ids)))
            states = {row.update_id: row.state for row in rows}
            keys = await session.scalars(select(OutboxRow.key))
            return states, {number for number in ids if any(str(number) in str(key).split(":") for key in keys)}

    yield work
    await engine.close()
    await store.close()


GOOD = {"update_id": 1, "message": message(text="hello", chat={"id": 2002, "type": "private", "first_name": "Other"})}


@examples(0.3)
@given(st.lists(updates, min_size=1, max_size=6))
async def test_every_update_is_answered_or_parked_and_the_next_person_has_an_answer(
    answering: Callable[[list[Json]], Any], raws: list[Json]
) -> None:
    with within(20):
        states, _ = await answering([*raws, GOOD])
    *strangers, good = sorted(states)
    assert {states[number] for number in strangers} <= {"done", "parked", "waiting"}
    assert states[good] == "done"


@given(st.text(max_size=64) | texts)
async def test_whatever_is_typed_gets_an_answer_in_time(shelf: Shelf, loaded: Dialogue, typed: str) -> None:
    from bot.dialogue import said
    from bot.patient import Patient, Step

    known = Patient(id="x", step=Step.DONE, consented_at=NOW, country="GB")
    begun = time.thread_time()
    turn = await loaded.reply(known, said(typed))
    assert turn.outcome.replies
    assert time.thread_time() - begun < 3.0


@pytest.fixture(scope="module")
def loaded(shelf: Shelf) -> Dialogue:
    engine = Engine(["http://127.0.0.1:9"], "invented", 1.0)
    return Dialogue.load(CONTENT, shelf, engine, lambda: NOW)
