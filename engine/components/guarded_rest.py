"""Rasa's REST channel behind a token: only our own processes may talk to the engine."""

import hmac
import logging
from typing import Any, Awaitable, Callable, Dict, Optional, Text

from rasa.core.channels.channel import CollectingOutputChannel, InputChannel, UserMessage
from rasa.core.channels.rest import RestInput
from sanic import Blueprint, response
from sanic.request import Request
from sanic.response import HTTPResponse

logger = logging.getLogger(__name__)


class GuardedRestInput(RestInput):
    """The REST channel's shapes at `/webhooks/rest/webhook`, with a bearer token and an honest error.

    Rasa's own logs the message's text when a reply fails and answers 200 with what it has; here the text is not
    logged and the caller gets 500, so that it can give its plain answer.
    """

    def __init__(self, token: Text) -> None:
        self._token = token

    @classmethod
    def from_credentials(cls, credentials: Optional[Dict[Text, Any]]) -> InputChannel:
        """Make the channel from credentials.yml."""
        token = (credentials or {}).get("token")
        if not token:
            cls.raise_missing_credentials_exception()
        return cls(str(token))

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        """Return the channel's two endpoints: a health check and the webhook."""
        door = Blueprint("guarded_rest", __name__)

        @door.route("/", methods=["GET"])
        async def health(_request: Request) -> HTTPResponse:
            return response.json({"status": "ok"})

        @door.route("/webhook", methods=["POST"])
        async def receive(request: Request) -> HTTPResponse:
            sent = request.headers.get("authorization", "")
            if not hmac.compare_digest(sent.encode(), f"Bearer {self._token}".encode()):
                return response.json({"error": "a bearer token is needed"}, status=401)
            body = request.json or {}
            collector = CollectingOutputChannel()
            message = UserMessage(
                body.get("message"),
                collector,
                body.get("sender"),
                input_channel=self.name(),
                metadata=body.get("metadata"),
            )
            try:
                await on_new_message(message)
            except Exception as error:
                logger.error("a message could not be answered: %s", type(error).__name__)
                return response.json({"error": "the engine could not answer"}, status=500)
            return response.json(collector.messages)

        return door
