"""Delivery of updates to a webhook: in order, one at a time, again until it is taken."""

from __future__ import annotations

import asyncio
import contextlib

import httpx

from bot.sandbox.state import Webhook, World

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


async def deliver(world: World) -> None:
    """Push waiting updates to whatever webhook is set, for as long as the server runs.

    Anything but a 2xx answer is tried again, with longer and longer pauses up to five seconds, and
    holds back the updates behind it.
    """
    pause = _FIRST_PAUSE
    # trust_env=False: a proxy of the environment has no business between two local processes.
    async with httpx.AsyncClient(timeout=30.0, trust_env=False) as client:
        while not world.closing:
            arrived = world.arrived.current()
            hook = world.webhook
            if not hook.url or not world.updates:
                await arrived.wait()
                pause = _FIRST_PAUSE
                continue
            pending = world.updates[0]
            pending.delivered = True
            failure = await _post(client, hook, pending.body)
            if failure is None:
                pause = _FIRST_PAUSE
                with contextlib.suppress(ValueError):
                    world.updates.remove(pending)
                world.changed.send()
                continue
            hook.last_error_date = world.now()
            hook.last_error_message = failure
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(_replaced(world, hook), pause)
            pause = min(pause * 2, _LONGEST_PAUSE)


async def _replaced(world: World, hook: Webhook) -> None:
    """Wait until another webhook is set, or none."""
    while world.webhook is hook and not world.closing:
        await world.arrived.current().wait()


async def _post(client: httpx.AsyncClient, hook: Webhook, body: dict[str, object]) -> str | None:
    headers = {"X-Telegram-Bot-Api-Secret-Token": hook.secret_token} if hook.secret_token else {}
    try:
        response = await client.post(hook.url, json=body, headers=headers)
    except httpx.HTTPError as error:
        return f"Connection failed: {type(error).__name__}"
    if response.is_success:
        return None
    return f"Wrong response from the webhook: {response.status_code} {response.reason_phrase}"
