"""What a Sentry is told: the line of the log, and nothing that it would collect by itself."""

import json
import logging
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk
import structlog
from sentry_sdk.transport import Transport

from bot import logs
from bot.reports import NoReports, Reports

DSN = "https://invented@sentry.invalid/1"
MARK = "marked-words-of-a-patient"


class Post(Transport):
    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self.sent: list[dict[str, Any]] = []

    def capture_envelope(self, envelope: Any) -> None:
        self.sent += [json.loads(item.payload.get_bytes()) for item in envelope.items]


@pytest.fixture
def post() -> Iterator[Post]:
    hook, threads, handlers = sys.excepthook, threading.excepthook, logging.getLogger().handlers[:]
    yield Post()
    sentry_sdk.init(dsn=None)
    structlog.reset_defaults()  # it would go on writing into what pytest has closed by then
    structlog.contextvars.clear_contextvars()
    sys.excepthook, threading.excepthook, logging.getLogger().handlers[:] = hook, threads, handlers


def test_an_error_is_told_with_its_line_and_nothing_else_is(post: Post) -> None:
    reports = Reports(DSN, "gateway", post)
    patients_words = MARK  # a local variable that Sentry would send by itself
    quiet = {"event": "message.answered", "level": "info"}
    assert reports(None, "info", dict(quiet)) == quiet
    loud = {"event": "send.failed", "level": "error", "fault": "ValueError", "outbox": 7, "timestamp": "t"}
    assert reports(None, "error", dict(loud)) == loud
    (told,) = post.sent
    assert told["message"] == "send.failed ValueError"
    assert told["fingerprint"] == ["gateway", "send.failed", "ValueError"]
    assert told["extra"] == {"fault": "ValueError", "outbox": "7"}
    assert told["server_name"] == "septimus"
    assert set(told) == {
        "environment", "event_id", "extra", "fingerprint", "level", "logger", "message", "platform", "server_name",
        "timestamp",
    }  # fmt: skip
    assert patients_words not in json.dumps(post.sent)


def test_a_fault_is_told_as_it_is_logged_without_its_own_words(post: Post, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", "desk", Reports(DSN, "desk", post))
    try:
        int(MARK)
    except ValueError:
        structlog.get_logger().exception("letter.not_read")
    (told,) = post.sent
    assert "ValueError" in told["extra"]["exception"]
    assert MARK not in json.dumps(told)
    assert MARK not in capsys.readouterr().err


def test_a_wrong_address_is_refused_without_repeating_it() -> None:
    with pytest.raises(NoReports, match="SEPTIMUS_SENTRY_DSN") as refused:
        Reports("https://secret-key-and-no-project", "gateway")
    assert "secret" not in str(refused.value)


def test_without_the_package_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentry_sdk", None)
    with pytest.raises(NoReports, match="uv sync --extra sentry"):
        Reports(DSN, "gateway")
