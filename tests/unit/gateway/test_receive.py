"""Written down first: the transport of getUpdates, and the webhook."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import httpx
import pytest
from telegram import Bot
from telegram.error import InvalidToken, NetworkError, TelegramError
from telegram.request import HTTPXRequest

from bot.gateway.receive import MAX_BODY, SECRET_HEADER, RawUpdate, WritingRequest, is_secret, webhook
from bot.sandbox.server import DEFAULT_TOKEN
from tests.unit.gateway.updates import Json, message, update
from tests.unit.sandbox.sandbox_server import Sandbox

SECRET = "invented_Secret-1"


class Book:
    """Where updates are written down in these tests. It can be made to fail."""

    def __init__(self) -> None:
        self.written: list[RawUpdate] = []
        self.fails = 0

    async def write(self, updates: Sequence[RawUpdate]) -> None:
        if self.fails:
            self.fails -= 1
            raise OSError("the disk is full")
        self.written += updates


@pytest.fixture
def book() -> Book:
    return Book()


# ---- getUpdates


@pytest.fixture
def unauthorised() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
async def bot(sandbox: Sandbox, book: Book, unauthorised: asyncio.Event) -> AsyncIterator[Bot]:
    polls = WritingRequest(book.write, unauthorised)
    base = f"{sandbox.base}/bot"
    made = Bot(
        DEFAULT_TOKEN, base_url=base, request=HTTPXRequest(httpx_kwargs={"verify": False}), get_updates_request=polls
    )
    async with made:
        yield made


async def answers(sandbox: Sandbox, result: object) -> None:
    """Let the next getUpdates answer with this, whatever waits."""
    await sandbox.post("/sandbox/fault", {"method": "getUpdates", "body": json.dumps({"ok": True, "result": result})})


async def test_the_library_sees_update_ids_alone_and_all_is_written_as_it_came(
    sandbox: Sandbox, bot: Bot, book: Book
) -> None:
    batch = [update("message", message(text=f"{number}"), number) for number in (5, 6)]
    await answers(sandbox, batch)
    seen = await bot.get_updates()
    assert [each.to_dict() for each in seen] == [{"update_id": 5}, {"update_id": 6}]
    assert book.written == batch


POISONED: list[Json] = [
    {"update_id": 5, "message": "no object"},
    {"update_id": 6, "message": {"message_id": 1}},
    {"update_id": 7, "message": {"chat": {"id": 1}, "from": []}},
    {"update_id": 8, "callback_query": {"id": 1}},
    {"update_id": 9, "my_chat_member": {"new_chat_member": {"status": 3}}},
    {"update_id": 10},
    {"update_id": 11, "message": message(text="fine")},
]


async def test_a_poisoned_batch_is_written_whole_and_acknowledged_whole(sandbox: Sandbox, bot: Bot, book: Book) -> None:
    await answers(sandbox, POISONED)
    assert [each.update_id for each in await bot.get_updates()] == [5, 6, 7, 8, 9, 10, 11]
    assert book.written == POISONED


@pytest.mark.parametrize("bad", [None, 5, "text", [], {}, {"update_id": "7"}, {"update_id": None}, {"update_id": 1.5}])
async def test_what_is_no_update_is_left_out_and_the_rest_is_taken(
    sandbox: Sandbox, bot: Bot, book: Book, bad: object
) -> None:
    good = update("message", message(text="fine"), 8)
    await answers(sandbox, [bad, good])
    assert [each.update_id for each in await bot.get_updates()] == [8]
    assert book.written == [good]


@pytest.mark.parametrize("bad_id", [2**63, 2**70, -(2**63) - 1])
async def test_an_update_id_that_no_database_holds_is_left_out(
    sandbox: Sandbox, bot: Bot, book: Book, bad_id: int
) -> None:
    good = update("message", message(text="fine"), 8)
    await answers(sandbox, [{"update_id": bad_id}, good])
    assert [each.update_id for each in await bot.get_updates()] == [8]


async def test_what_could_not_be_written_is_not_acknowledged_and_comes_again(
    sandbox: Sandbox, bot: Bot, book: Book
) -> None:
    book.fails = 1
    await sandbox.say("hello")
    with pytest.raises(NetworkError):
        await bot.get_updates()
    assert book.written == []
    (again,) = await bot.get_updates()
    assert [each["update_id"] for each in book.written] == [again.update_id]
    assert book.written[0]["message"]["text"] == "hello"


@pytest.mark.parametrize(
    "body",
    ["", "<html>", "null", "[]", '{"ok": true}', '{"ok": true, "result": "text"}', '{"ok": true, "result": null}'],
)
async def test_an_answer_that_holds_no_updates_writes_nothing(
    sandbox: Sandbox, bot: Bot, book: Book, body: str
) -> None:
    await sandbox.post("/sandbox/fault", {"method": "getUpdates", "body": body})
    with suppress(TelegramError, KeyError, TypeError):  # what the library makes of it is its own affair
        assert await bot.get_updates() == ()
    assert book.written == []


async def test_no_updates_are_no_updates(sandbox: Sandbox, bot: Bot, book: Book) -> None:
    assert await bot.get_updates() == ()
    assert book.written == []


async def test_a_401_is_told(sandbox: Sandbox, bot: Bot, unauthorised: asyncio.Event) -> None:
    await sandbox.post("/sandbox/fault", {"method": "getUpdates", "code": 401})
    with pytest.raises(InvalidToken):
        await bot.get_updates()
    assert unauthorised.is_set()


@pytest.mark.filterwarnings("ignore::telegram.warnings.PTBDeprecationWarning")
@pytest.mark.parametrize("code", [400, 403, 409, 429, 500, 502])
async def test_no_other_refusal_is_taken_for_a_401(
    sandbox: Sandbox, bot: Bot, book: Book, unauthorised: asyncio.Event, code: int
) -> None:
    await sandbox.post("/sandbox/fault", {"method": "getUpdates", "code": code})
    with pytest.raises(TelegramError):
        await bot.get_updates()
    assert not unauthorised.is_set()
    assert book.written == []


# ---- the webhook


@pytest.fixture
async def hook(book: Book) -> AsyncIterator[httpx.AsyncClient]:
    # An error behind the door must be an answer of 500, as it is over a real connection.
    transport = httpx.ASGITransport(app=webhook(book.write, SECRET), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://hook") as client:
        yield client


HEADERS = {SECRET_HEADER: SECRET}
UPDATE = update("message", message(text="hello"), 5)


async def test_an_update_is_written_before_it_is_taken(hook: httpx.AsyncClient, book: Book) -> None:
    assert (await hook.post("/telegram", json=UPDATE, headers=HEADERS)).status_code == 200
    assert book.written == [UPDATE]


async def test_an_update_that_could_not_be_written_is_not_taken(hook: httpx.AsyncClient, book: Book) -> None:
    book.fails = 1
    assert (await hook.post("/telegram", json=UPDATE, headers=HEADERS)).status_code == 500
    assert (await hook.post("/telegram", json=UPDATE, headers=HEADERS)).status_code == 200
    assert book.written == [UPDATE]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {SECRET_HEADER: ""},
        {SECRET_HEADER: SECRET[:-1]},
        {SECRET_HEADER: SECRET + "x"},
        {SECRET_HEADER: SECRET.upper()},
        {SECRET_HEADER: b"\xff\xfe"},
        {"authorization": SECRET},
    ],
)
async def test_without_the_right_secret_nothing_is_read(
    hook: httpx.AsyncClient, book: Book, headers: dict[str, str]
) -> None:
    assert (await hook.post("/telegram", json=UPDATE, headers=headers)).status_code == 403
    assert book.written == []


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<html>", id="no JSON"),
        pytest.param(b"\xff\xfe\x00", id="no text"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"5", id="a number"),
        pytest.param(b"null", id="null"),
        pytest.param(b"{}", id="no id"),
        pytest.param(b'{"update_id": "5"}', id="an id that is no number"),
        pytest.param(b'{"update_id": 1e3}', id="an id with a fraction"),
        pytest.param(b'{"update_id": 18446744073709551616}', id="an id that no database holds"),
        pytest.param(b'{"update_id": 5, "x": "' + b"x" * MAX_BODY + b'"}', id="too large"),
        pytest.param(b'{"update_id": 5, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="nested too deep"),
    ],
)
async def test_what_is_no_update_is_refused_for_good(hook: httpx.AsyncClient, book: Book, body: bytes) -> None:
    answer = await hook.post("/telegram", content=body, headers=HEADERS)
    assert answer.status_code == 200  # anything else would be sent again and again
    assert book.written == []


async def test_the_largest_body_is_still_taken(hook: httpx.AsyncClient, book: Book) -> None:
    frame = b'{"update_id": 5, "x": "%s"}'
    body = frame % (b"x" * (MAX_BODY - len(frame) + 2))
    assert len(body) == MAX_BODY
    assert (await hook.post("/telegram", content=body, headers=HEADERS)).status_code == 200
    assert len(book.written) == 1


@pytest.mark.parametrize(("method", "path", "code"), [("GET", "/telegram", 405), ("POST", "/", 404)])
async def test_there_is_no_other_way_in(hook: httpx.AsyncClient, book: Book, method: str, path: str, code: int) -> None:
    assert (await hook.request(method, path, json=UPDATE, headers=HEADERS)).status_code == code
    assert book.written == []


async def test_its_health_is_told_without_a_secret(hook: httpx.AsyncClient) -> None:
    assert (await hook.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("a", True),
        ("A-Za_z0-9", True),
        ("x" * 256, True),
        ("", False),
        ("x" * 257, False),
        ("with space", False),
        ("é", False),
        ("a\n", False),
    ],
)
def test_a_secret_is_what_telegram_takes_for_one(text: str, good: bool) -> None:
    assert is_secret(text) is good
