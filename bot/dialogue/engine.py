"""The client of the engines: one message to Rasa's REST channel, one outcome back, or None when they are away."""

import hashlib
import time
from collections.abc import Sequence

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
# Its model is not loaded yet, or whoever stands before it can't reach it: it has not heard the message.
_NOT_READY = frozenset({409, 502, 503})


class Engine:
    """The engines: of this machine, or several that share their locks and their scratch paper.

    A person's messages go to the same one again and again, by their pseudonym; when that one is down, to the next by
    the same reckoning, and nobody else's go elsewhere.
    """

    def __init__(self, urls: Sequence[str], token: str, timeout: float) -> None:
        self._urls, self._token = tuple(urls), token
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(timeout, connect=1.0),
            trust_env=False,
        )
        self._away_until: dict[str, float] = {}

    async def ask(self, patient: Patient, message: str | Press, *, calm: bool = False) -> Outcome | None:
        """Return what the engine answers, or None when it is away, loading, hung or does not make sense.

        `calm` says that the person has just said no to a safety question about this very message.
        """
        asked = {
            "sender": patient.id,
            "message": message if isinstance(message, str) else _intent(message),
            "metadata": {"country": patient.country, "stage": patient.stage, "calm": calm, **_number()},
        }
        for url in self._in_turn(patient.id):
            if time.monotonic() < self._away_until.get(url, 0.0):
                continue
            begun = time.monotonic()
            try:
                answer = await self._client.post(f"{url}/webhooks/rest/webhook", json=asked)
                if answer.status_code in _NOT_READY:
                    self._leave_alone(url, str(answer.status_code))
                    continue
                answer.raise_for_status()
                parts = [Outcome.model_validate(part["custom"]["outcome"]) for part in answer.json()]
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                self._leave_alone(url, type(error).__name__)
                continue  # it has not heard the message: the next may
            except (httpx.HTTPError, ValidationError, KeyError, TypeError, ValueError) as error:
                self._leave_alone(url, type(error).__name__)
                return None  # it may have done what the message asks: nobody else is to do it again
            return self._made_of(parts, time.monotonic() - begun)
        return None

    def _in_turn(self, patient_id: str) -> list[str]:
        """The engines in a person's own order, which stays the same whoever else comes or goes."""
        return sorted(self._urls, key=lambda url: hashlib.blake2b(f"{patient_id} {url}".encode()).digest())

    def _leave_alone(self, url: str, fault: str) -> None:
        self._away_until[url] = time.monotonic() + REST_SECONDS
        metrics.engine_failed()
        log.warning("engine.away", fault=fault, engine=self._urls.index(url) + 1)

    @staticmethod
    def _made_of(parts: Sequence[Outcome], seconds: float) -> Outcome | None:
        metrics.took("engine", seconds)
        if not parts:
            log.warning("engine.silent")
            return None
        return parts[0].model_copy(update={"replies": tuple(reply for part in parts for reply in part.replies)})

    async def forget(self, patient_id: str) -> bool:
        """Wipe a conversation from the engines' scratch paper. False when all are away; there it expires by itself."""
        for url in self._in_turn(patient_id):
            try:
                # Rasa has no deletion: the events are replaced by one that says nothing.
                address = f"{url}/conversations/{patient_id}/tracker/events"
                answer = await self._client.put(address, params={"token": self._token}, json=[{"event": "restart"}])
                answer.raise_for_status()
            except httpx.HTTPError as error:
                log.warning("engine.not_forgotten", patient=patient_id, fault=type(error).__name__)
            else:
                return True
        return False

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
