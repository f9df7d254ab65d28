"""A setting that keeps the gateway from starting is named before anything is started."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from bot.gateway.main import Gateway, Misconfigured
from bot.settings import Settings

GOOD: dict[str, Any] = {"TELEGRAM_BOT_TOKEN": "1:invented", "engine_token": "invented"}
HOOK: dict[str, Any] = {**GOOD, "webhook_url": "https://example.org", "webhook_secret": "invented"}


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        pytest.param({**GOOD, "TELEGRAM_BOT_TOKEN": None}, "TELEGRAM_BOT_TOKEN", id="no token"),
        pytest.param({**GOOD, "TELEGRAM_BOT_TOKEN": ""}, "TELEGRAM_BOT_TOKEN", id="an empty token"),
        pytest.param({**GOOD, "engine_token": None}, "SEPTIMUS_ENGINE_TOKEN", id="no engine token"),
        pytest.param({**GOOD, "engine_token": ""}, "SEPTIMUS_ENGINE_TOKEN", id="an empty engine token"),
        pytest.param({**HOOK, "webhook_secret": None}, "SEPTIMUS_WEBHOOK_SECRET", id="no secret"),
        pytest.param({**HOOK, "webhook_secret": ""}, "SEPTIMUS_WEBHOOK_SECRET", id="an empty secret"),
        pytest.param({**HOOK, "webhook_secret": "two words"}, "SEPTIMUS_WEBHOOK_SECRET", id="a secret with a space"),
    ],
)
def test_a_missing_or_wrong_setting_is_named_in_one_line(tmp_path: Path, settings: dict[str, Any], name: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        Gateway(Settings(_env_file=None, home=tmp_path, **settings))
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "septimus.db").exists()


def test_a_webhooks_port_that_is_taken_is_named_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Misconfigured) as caught:
            Gateway(Settings(_env_file=None, home=tmp_path, webhook_port=port, **HOOK))
    assert "SEPTIMUS_WEBHOOK_PORT" in str(caught.value) and str(port) in str(caught.value)
    assert "\n" not in str(caught.value)
