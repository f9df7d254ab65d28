"""The one clock: every moment the program uses comes from here, aware and in UTC."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)


def clock_starting_at(start: datetime | None) -> Clock:
    """Return a clock that ticks at normal speed from `start`; from the present moment when it is None.

    Raises:
        ValueError: `start` carries no zone, so the moment it means is unknown.
    """
    if start is None:
        return system_clock
    if start.tzinfo is None:
        raise ValueError(f"{start.isoformat()} has no zone; write it as {start.isoformat()}+00:00")
    shift: timedelta = start - system_clock()
    return lambda: system_clock() + shift
