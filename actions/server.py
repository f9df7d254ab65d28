"""The action server: rasa-sdk's own application on loopback, open only to the engine's token."""

import hmac
import sys
import time
from typing import Any

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from rasa_sdk.endpoint import create_app
from rasa_sdk.executor import ActionExecutor
from sanic import Sanic, response
from sanic.request import Request
from sanic.response import HTTPResponse

from actions.new_weakness import ReportNewWeakness
from actions.questions import AnswerQuestion, Miss, OpenArticle, TellMore
from actions.red_flags import AskRedFlag
from actions.requests import AnswerRequest, DeclineDose
from actions.resources import Resources
from actions.small_talk import SmallTalk
from bot import logs, metrics
from bot.content_file import ContentError
from bot.hang import end_when_hung
from bot.reports import reports_of
from bot.settings import WrongSetting, read_settings

log = structlog.get_logger()

OPEN_PATHS = frozenset({"/health", "/metrics"})
"""What needs no token: neither tells of a person. The server listens on loopback alone."""

ACTIONS = (
    AnswerQuestion,
    OpenArticle,
    TellMore,
    Miss,
    SmallTalk,
    AnswerRequest,
    DeclineDose,
    AskRedFlag,
    ReportNewWeakness,
)


class Executor(ActionExecutor):
    """The SDK's executor, told that these actions read no domain.

    A 3.6 engine sends the domain to whoever asks for it only; the 3.21 SDK refuses a call that comes without one.
    """

    def update_and_return_domain(self, payload: dict[str, Any], action_name: str) -> dict[str, Any] | None:
        """Return the domain when one was sent."""
        return payload.get("domain")

    async def run(self, action_call: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Run an action; note how sure the engine was, and that it ran, under the number of its message."""
        latest = dict((action_call.get("tracker") or {}).get("latest_message") or {})
        with structlog.contextvars.bound_contextvars(message=(latest.get("metadata") or {}).get("message")):
            confidence = (latest.get("intent") or {}).get("confidence")
            # A tapped button names its intent itself.
            if isinstance(confidence, int | float) and not str(latest.get("text") or "/").startswith("/"):
                metrics.understood(float(confidence))
            begun = time.monotonic()
            result = await super().run(action_call, *args, **kwargs)
            name = action_call.get("next_action")
            known = name if name in self.actions else None
            log.info("action.ran", action=known, seconds=round(time.monotonic() - begun, 3))
            return result


def build(resources: Resources, token: str) -> Sanic:  # type: ignore[type-arg]
    """Return the server's application with every action registered.

    Args:
        resources: the content the actions work with.
        token: what the engine must send with each call, as Rasa does (`?token=`).
    """
    executor = Executor()
    for action in ACTIONS:
        executor.register_action(action(resources))
    app = create_app(executor, cors_origins=[])

    @app.on_request
    async def only_the_engine(request: Request) -> HTTPResponse | None:
        if request.path in OPEN_PATHS or hmac.compare_digest(request.args.get("token", "").encode(), token.encode()):
            return None
        return response.json({"error": "the engine's token is needed"}, status=401)

    @app.get("/metrics")
    async def figures(_request: Request) -> HTTPResponse:
        return response.raw(generate_latest(), content_type=CONTENT_TYPE_LATEST)

    return app


def main() -> int:
    """Run until told to stop. Returns 2 when the content or a setting is broken."""
    try:
        settings = read_settings()
        reports = reports_of(settings, "actions")
    except WrongSetting as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stderr = logs.lossy(sys.stderr)
    logs.configure(settings.log_level, "actions", reports)
    if settings.engine_token is None:
        sys.stderr.write("SEPTIMUS_ENGINE_TOKEN is missing: start the action server with `septimus run`, or set it.\n")
        return 2
    try:
        resources = Resources.load(settings)
    except ContentError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    app = build(resources, settings.engine_token.get_secret_value())

    @app.after_server_start
    async def look_after_itself(app: Any) -> None:
        app.add_task(end_when_hung())

    app.run(host="127.0.0.1", port=settings.actions_port, single_process=True, access_log=False, motd=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
