"""Optional: tells a Sentry of what is logged as an error. What leaves is the line of the log, and nothing beside it.

Our lines hold no words, names or chat numbers (see `bot.logs`), so neither does a report. Sentry's own collecting of
variables, requests, breadcrumbs and host names stays off.
"""

from collections.abc import Mapping, MutableMapping
from typing import Any

from bot.settings import Settings, WrongSetting

_LEVELS = frozenset({"error", "critical"})
_SENT = frozenset(
    {
        "environment",
        "event_id",
        "extra",
        "fingerprint",
        "level",
        "logger",
        "message",
        "platform",
        "server_name",
        "timestamp",
    }
)
"""What leaves of an event, whatever Sentry's library puts beside it."""


class NoReports(WrongSetting):
    """Reports were asked for and can't be made; the message says what to do."""


def reports_of(settings: Settings, process: str) -> "Reports | None":
    """Where a process reports its errors; None where nothing is set.

    Raises:
        NoReports: it is set, and can't be used.
    """
    return Reports(settings.sentry_dsn.get_secret_value(), process) if settings.sentry_dsn else None


class Reports:
    """Where errors are reported to.

    Args:
        dsn: Sentry's address of the project.
        process: which of ours this is.
        transport: in place of the network, for tests.

    Raises:
        NoReports: the package is not installed, or the address is none.
    """

    def __init__(self, dsn: str, process: str, transport: Any = None) -> None:
        try:
            import sentry_sdk
        except ModuleNotFoundError:
            raise NoReports("SEPTIMUS_SENTRY_DSN is set and sentry-sdk is missing: `uv sync --extra sentry`.") from None
        try:
            sentry_sdk.init(
                dsn=dsn,
                transport=transport,
                default_integrations=False,
                auto_enabling_integrations=False,
                include_local_variables=False,
                include_source_context=False,
                max_breadcrumbs=0,
                before_send=_only_what_is_ours,
                server_name="septimus",
                auto_session_tracking=False,
                traces_sample_rate=None,
            )
        except ValueError as wrong:  # BadDsn is one; its message repeats the address, with the key in it
            raise NoReports("SEPTIMUS_SENTRY_DSN is no address of a Sentry project. Copy it from there.") from wrong
        self._capture = sentry_sdk.capture_event
        self._process = process

    def __call__(self, _logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Report a line of the log that tells an error; the line goes on as it is."""
        if event.get("level", method) in _LEVELS:
            self._capture(self._report(event))
        return event

    def _report(self, event: Mapping[str, Any]) -> Any:
        name = str(event.get("event", "unnamed"))
        fault = str(event.get("fault", ""))
        line = {key: str(value) for key, value in event.items() if key not in {"event", "level", "timestamp"}}
        return {
            "message": f"{name} {fault}".strip(),
            "level": "error",
            "logger": self._process,
            "fingerprint": [self._process, name, fault],
            "extra": line,
        }


def _only_what_is_ours(event: Any, _hint: Any) -> Any:
    return {name: value for name, value in event.items() if name in _SENT}
