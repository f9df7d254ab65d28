"""Whatever is sent, the sandbox answers in its own shape and never with an error of its own."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sandbox.bot_api import _METHODS
from bot.sandbox.server import DEFAULT_TOKEN, create_app

NAMES = (
    "chat_id message_id text caption parse_mode entities caption_entities reply_markup reply_parameters photo "
    "document media commands scope language_code url secret_token offset limit allowed_updates message_ids "
    "callback_query_id latitude longitude action file_id user_id"
).split()
VALUES = st.one_of(
    st.sampled_from(
        [
            1001,
            "1001",
            "",
            "HTML",
            "<b>x</b>",
            "<b",
            "{",
            "[]",
            "{}",
            '"x"',
            "\\ud800",
            '["\\ud800"]',
            "[NaN]",
            "http://[",
            {"inline_keyboard": [[{"text": "x", "url": "http://["}]]},
            {"inline_keyboard": [[{"text": "x", "callback_data": "x"}]]},
            {"inline_keyboard": [5]},
            {"inline_keyboard": [[5]]},
            {"message_id": "x"},
            {"message_id": [1]},
            [{"type": "bold", "offset": 0, "length": 10**20}],
            {"type": "photo", "media": "attach://x"},
            {"type": "chat", "chat_id": None},
            [{"type": "bold", "offset": -1, "length": 99}],
            [{"offset": 0, "length": 1}],
            [{"command": "start", "description": "x"}],
        ]
    ),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
        max_leaves=4,
    ),
)


async def answers(path: str, bodies: list[Any]) -> list[httpx.Response]:
    transport = httpx.ASGITransport(create_app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        said = await http.post("/sandbox/say", json={"user": 1001, "text": "x"})
        sent = await http.post(f"/bot{DEFAULT_TOKEN}/sendMessage", json={"chat_id": 1001, "text": "y"})
        assert said.status_code == sent.status_code == 200
        found = [await http.post(path, json=body) for body in bodies]
        for chat in ("/sandbox/messages?user=1001", "/sandbox/calls", "/sandbox/users"):
            assert (await http.get(chat)).status_code == 200
        return found


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([name for name, _ in _METHODS.values()]),
    st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6),
    st.booleans(),
)
def test_every_method_answers_in_telegrams_shape(method: str, params: dict[str, Any], whole: bool) -> None:
    if whole:
        params = {"chat_id": 1001, "text": "x", **params}
    (answer,) = asyncio.run(answers(f"/bot{DEFAULT_TOKEN}/{method}", [params]))
    body = answer.json()
    assert answer.status_code < 500, body
    assert body["ok"] is (answer.status_code == 200)
    assert body["ok"] or (body["error_code"] == answer.status_code and body["description"])


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["say", "press", "update", "block", "users", "fault"]),
    st.dictionaries(
        st.sampled_from(["user", "text", "button", "message_id", "message", "edited_message", "update_id", "code"]),
        VALUES
        | st.just({"message_id": 5, "chat": {"id": 1001, "type": "private"}, "text": 5, "entities": [None, {}]})
        | st.just({"message_id": 6, "chat": {"id": 1001}, "photo": [{"file_id": "x"}], "from": 7, "date": "x"}),
        max_size=4,
    ),
)
def test_the_control_door_answers_in_its_own_shape(door: str, body: dict[str, Any]) -> None:
    (answer,) = asyncio.run(answers(f"/sandbox/{door}", [body]))
    assert answer.status_code < 500, answer.text
    assert answer.json()


def test_half_a_surrogate_pair_and_nan_are_refused() -> None:
    async def send(path: str, raw: bytes) -> httpx.Response:
        transport = httpx.ASGITransport(create_app(), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            return await http.post(path, content=raw, headers={"content-type": "application/json"})

    for raw in (rb'{"user": 1001, "chat_id": 1001, "text": "\ud800"}', b'{"x": NaN}', b'{"text": "\xff"}'):
        assert asyncio.run(send("/sandbox/say", raw)).status_code == 400
        assert asyncio.run(send(f"/bot{DEFAULT_TOKEN}/sendMessage", raw)).status_code == 400
