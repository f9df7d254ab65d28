"""Updates as Telegram sends them, from invented people."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

FILE = {"file_id": "f", "file_unique_id": "u"}
PICTURE = {**FILE, "width": 9, "height": 9}
PERSON = {"id": 1001, "is_bot": False, "first_name": "Invented", "language_code": "pt-br"}
PRIVATE = {"id": 1001, "type": "private", "first_name": "Invented"}


def message(**content: Any) -> Json:
    return {"message_id": 7, "date": 1_795_000_000, "chat": PRIVATE, "from": PERSON, **content}


def update(kind: str, body: Any, update_id: int = 1) -> Json:
    return {"update_id": update_id, kind: body}


def tap(data: str | None, **shown: Any) -> Json:
    query = {"id": "q1", "from": PERSON, "chat_instance": "1", "message": message(text="shown", **shown)}
    return update("callback_query", query if data is None else {**query, "data": data})


def membership(status: str, chat: Json = PRIVATE) -> Json:
    bot = {"id": 7, "is_bot": True, "first_name": "Septimus"}
    old = {"user": bot, "status": "member"}
    new = {"user": bot, "status": status, "until_date": 0}
    change = {"chat": chat, "from": PERSON, "date": 1_795_000_000, "old_chat_member": old, "new_chat_member": new}
    return update("my_chat_member", change)
