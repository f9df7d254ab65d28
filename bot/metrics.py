"""What is counted and measured, for Prometheus. A label is a name from a closed list: never a person, a word or an id.

A figure of the process that happens to see it; where several processes know the same (what waits in the database), each
tells all of it, and whoever draws it takes the largest.
"""

from collections.abc import Mapping
from datetime import timedelta

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 300)
_OTHER = "other"
_LONGEST_NAME = 32

_messages = Counter("septimus_messages", "Messages that were answered, by the kind of reply.", ["kind"])
_parked = Counter("septimus_messages_parked", "Messages that were set aside: not to be parsed, or failed too often.")
_steps = Histogram(
    "septimus_step_seconds",
    "How long each step of an answer took: the wait in the inbox, the dialogue, the engine within it, the outbox.",
    ["step"],
    buckets=_SECONDS,
)
_engine_faults = Counter("septimus_engine_faults", "Calls of the engine that brought no answer.")
_confidence = Histogram(
    "septimus_nlu_confidence",
    "How sure the engine was of what was meant, for each typed message it understood.",
    buckets=tuple(tenth / 10 for tenth in range(1, 11)),
)
_dispositions = Counter(
    "septimus_dispositions", "Replies that told somebody what to do about a symptom.", ["disposition"]
)
_red_flags = Counter("septimus_red_flags", "What the screen found in messages.", ["family", "level"])
_reminders = Counter("septimus_reminders", "What became of reminders that were due.", ["result"])
_sends = Counter("septimus_sends", "What became of rows of the outbox that were tried.", ["result"])

_waiting = Gauge("septimus_waiting", "Rows that wait to be handled and are due.", ["box"])
_oldest = Gauge(
    "septimus_oldest_waiting_seconds", "How long the oldest due row has waited; 0 when none waits.", ["box"]
)
_claims = Gauge(
    "septimus_claims", "Waiting rows that a process has taken, by whether its lease has run out.", ["box", "state"]
)
_set_aside = Gauge("septimus_inbox_parked", "Messages that were set aside and are still in the table.")
_reminders_due = Gauge("septimus_reminders_due", "Reminders that are due now and not yet handed over.")
_queue = Gauge("septimus_queue", "Referrals of all clinics that wait to be booked, by band.", ["band"])
_over_target = Gauge("septimus_queue_over_target", "Referrals of all clinics that wait past their target.")
_ready = Gauge("septimus_ready", "Whether a part that this process needs answers: 1 or 0.", ["part"])


def answered(kind: str, disposition: str | None) -> None:
    """Count a message that was answered."""
    _messages.labels(_named(kind)).inc()
    if disposition is not None:
        _dispositions.labels(_named(disposition)).inc()


def parked() -> None:
    """Count a message that was set aside."""
    _parked.inc()


def took(step: str, time: timedelta | float) -> None:
    """Note how long a step took, in seconds or as a span; a clock that was set back counts as no time."""
    seconds = time.total_seconds() if isinstance(time, timedelta) else time
    _steps.labels(_named(step)).observe(max(0.0, seconds))


def engine_failed() -> None:
    """Count a call of the engine that brought no answer."""
    _engine_faults.inc()


def understood(confidence: float) -> None:
    """Note how sure the engine was, 0 to 1."""
    _confidence.observe(confidence)


def red_flag(family: str, level: str) -> None:
    """Count what the screen found in a message."""
    _red_flags.labels(_named(family), _named(level)).inc()


def reminders(result: str, number: int = 1) -> None:
    """Count reminders: `due`, `sent`, `late`, `skipped` or `failed`."""
    if number:
        _reminders.labels(_named(result)).inc(number)


def sent(result: str) -> None:
    """Count a row of the outbox: `sent`, `retried`, `late` or `failed`."""
    _sends.labels(_named(result)).inc()


def box_stands(box: str, waiting: int, oldest_seconds: float, claimed: int, stuck: int) -> None:
    """Tell how the inbox or the outbox stands."""
    _waiting.labels(_named(box)).set(waiting)
    _oldest.labels(_named(box)).set(max(0.0, oldest_seconds))
    _claims.labels(_named(box), "held").set(claimed)
    _claims.labels(_named(box), "run_out").set(stuck)


def inbox_parked(number: int) -> None:
    """Tell how many messages are set aside."""
    _set_aside.set(number)


def reminders_due(number: int) -> None:
    """Tell how many reminders are due now."""
    _reminders_due.set(number)


def queue_stands(by_band: Mapping[str, int], over_target: int) -> None:
    """Tell how many referrals wait, by band. A band in which none waits any more is told no longer."""
    _queue.clear()
    for band, number in by_band.items():
        _queue.labels(_named(band)).set(number)
    _over_target.set(over_target)


def is_ready(parts: Mapping[str, bool]) -> None:
    """Tell which parts answer."""
    for part, answers in parts.items():
        _ready.labels(_named(part)).set(int(answers))


def _named(label: str) -> str:
    """A label's value, if it looks like a name of ours: whatever else came here must not get out."""
    plain = label.replace("_", "").replace("-", "")
    is_name = plain.isascii() and plain.isalpha() and len(label) <= _LONGEST_NAME
    return label if is_name else _OTHER
