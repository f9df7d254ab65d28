"""The guarded REST channel with one log line a message, under the number that the gateway gave it. No word of it."""

import asyncio
import faulthandler
import gc
import json
import logging
import os
import signal
import sys
import time
from datetime import datetime, timezone
from typing import Any, Awaitable, Callable, Dict, Text

from rasa.core.channels.channel import UserMessage
from sanic import Blueprint

from engine.checked_once import check_schema_once
from engine.components.guarded_rest import GuardedRestInput

_log = logging.getLogger("septimus.engine")
_LONGEST_NUMBER = 20
HUNG_AFTER_S = 60
_STANDARD_ERROR = 2


class LoggedRestInput(GuardedRestInput):
    """Says of each message that it was answered, or that it failed, and how long it took.

    It stands beside the components and not among them: the model is not made from it.
    """

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        """Return the channel's endpoints."""
        _prepare()
        check_schema_once()

        async def logged(message: UserMessage) -> Any:
            number, begun = _number(message.metadata), time.monotonic()
            try:
                answered = await on_new_message(message)
            except Exception as error:
                _say("error", "engine.failed", number, begun, fault=type(error).__name__)
                raise
            _say("info", "engine.answered", number, begun)
            return answered

        door = super().blueprint(logged)

        @door.listener("after_server_start")
        async def keep_what_is_loaded(*_: Any) -> None:
            # The model is there for good (see serve_rasa.py): only what messages make is looked through from now on.
            gc.freeze()
            gc.enable()
            asyncio.get_running_loop().create_task(_end_when_hung())

        return door


async def _end_when_hung() -> None:
    """End this process when its loop stands still, and write where: as bot/hang.py does, which can't be loaded here."""
    faulthandler.register(signal.SIGALRM, file=_STANDARD_ERROR, chain=True)
    while True:
        signal.setitimer(signal.ITIMER_REAL, HUNG_AFTER_S)
        await asyncio.sleep(HUNG_AFTER_S / 6)


def _number(metadata: Any) -> Any:
    """Return the message's number if it is one: nothing else that may stand there gets into the log."""
    number = metadata.get("message") if isinstance(metadata, dict) else None
    is_number = isinstance(number, str) and number.isdigit() and number.isascii() and len(number) <= _LONGEST_NUMBER
    return number if is_number else None


def _say(level: Text, event: Text, number: Any, begun: float, **more: Any) -> None:
    line: Dict[Text, Any] = {
        "event": event,
        "message": number,
        "seconds": round(time.monotonic() - begun, 3),
        **more,
        "process": "engine",
        "level": level,
        "timestamp": datetime.now(timezone.utc).isoformat().replace("+00:00", "Z"),
    }
    _log.log(logging.ERROR if level == "error" else logging.INFO, json.dumps(line))


def _prepare() -> None:
    """Let our lines out as they are; Rasa's own level stands for Rasa's own lines."""
    if not _log.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(message)s"))
        _log.addHandler(handler)
    _log.propagate = False
    _log.setLevel(os.environ.get("SEPTIMUS_LOG_LEVEL", "INFO"))
