"""The client of the engine: one message to Rasa's REST channel, one outcome back, or None when the engine is away."""

import time

import httpx
import structlog
from pydantic import ValidationError

from bot import metrics
from bot.outcome import Outcome
from bot.patient import Patient
from bot.payload import Press

log = structlog.get_logger()

# After a failure the engine is left alone this long, so that a hung one costs one slow answer and not each.
REST_SECONDS = 3.0


class Engine:
    """The engine of this machine."""

    def __init__(self, url: str, token: str, timeout: float) -> None:
        self._token = token
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(timeout, connect=1.0),
            trust_env=False,
        )
        self._away_until = 0.0

    async def ask(self, patient: Patient, message: str | Press, *, calm: bool = False) -> Outcome | None:
        """Return what the engine answers, or None when it is away, loading, hung or does not make sense.

        `calm` says that the person has just said no to a safety question about this very message.
        """
        if time.monotonic() < self._away_until:
            return None
        begun = time.monotonic()
        try:
            answer = await self._client.post(
                "/webhooks/rest/webhook",
                json={
                    "sender": patient.id,
                    "message": message if isinstance(message, str) else _intent(message),
                    "metadata": {
                        "country": patient.country,
                        "stage": patient.stage,
                        "calm": calm,
                        **_number(),
                    },
                },
            )
            answer.raise_for_status()
            parts = [Outcome.model_validate(part["custom"]["outcome"]) for part in answer.json()]
        except (httpx.HTTPError, ValidationError, KeyError, TypeError, ValueError) as error:
            self._away_until = time.monotonic() + REST_SECONDS
            metrics.engine_failed()
            log.warning("engine.away", fault=type(error).__name__)
            return None
        metrics.took("engine", time.monotonic() - begun)
        if not parts:
            log.warning("engine.silent")
            return None
        return parts[0].model_copy(update={"replies": tuple(reply for part in parts for reply in part.replies)})

    async def forget(self, patient_id: str) -> bool:
        """Wipe a conversation from the engine's scratch paper. False when it is away; there it expires by itself."""
        try:
            # Rasa has no deletion: the events are replaced by one that says nothing.
            address = f"/conversations/{patient_id}/tracker/events"
            answer = await self._client.put(address, params={"token": self._token}, json=[{"event": "restart"}])
            answer.raise_for_status()
        except httpx.HTTPError as error:
            log.warning("engine.not_forgotten", patient=patient_id, fault=type(error).__name__)
            return False
        return True

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _number() -> dict[str, str]:
    """Return the number under which the engine and its actions are to log this message, where it has one."""
    number = structlog.contextvars.get_contextvars().get("message")
    return {"message": number} if isinstance(number, str) else {}


def _intent(press: Press) -> str:
    """Return the engine's own form of a tapped button. Only checked payloads come here, so it cannot be forged."""
    part = "whole" if press.verb == "more" else "short"
    return f'/open_article{{"article_id": "{press.argument}", "part": "{part}"}}'
