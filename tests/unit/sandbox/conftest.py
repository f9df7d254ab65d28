"""A sandbox for each test, and python-telegram-bot's Bot connected to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from telegram import Bot

from bot.sandbox.server import create_app
from bot.sandbox.state import Limits
from tests.unit.sandbox.sandbox_server import Sandbox, serving


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    app = create_app(limits=Limits(messages_per_chat=50, calls_per_method=200))
    async with serving(app) as base:
        async with httpx.AsyncClient(base_url=base, timeout=10, trust_env=False, verify=False) as client:
            yield Sandbox(base, app.state.world, client)
        app.state.world.close()


@pytest.fixture
async def bot(sandbox: Sandbox) -> AsyncIterator[Bot]:
    async with sandbox.bot() as ready:
        yield ready
