"""A PostgreSQL that never answers: the gateway goes on, and whoever may be in danger is not left waiting for it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.e2e.gateway_process import Person, Telegram
from tests.faults.system import Patient, until
from tests.faults.test_database import EMERGENCY

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def test_whoever_may_be_in_danger_is_answered_where_postgresql_never_answers(
    telegram: Telegram, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"postgresql+psycopg://invented@127.0.0.1:{deaf.getsockname()[1]}/septimus"
        gateway = Patient(tmp_path, telegram, SEPTIMUS_DATABASE_URL=url, SEPTIMUS_KEYS_FILE=str(tmp_path / "keys"))
        frightened = Person(39_001, telegram)
        telegram.post("/sandbox/users", user=frightened.id, name="Invented", language_code="en")
        gateway.start()
        try:
            frightened.says(EMERGENCY)
            (told,) = until(frightened.replies, "whoever may be in danger is answered now", 60)[:1]
            assert "999" in told or "112" in told
        finally:
            print(gateway.log[-4000:])
            gateway.kill()
