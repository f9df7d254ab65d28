"""When somebody at a clinic reads patients' messages: days of the week, from when to when, on which clock. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo, available_timezones

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_SHORT = tuple(day[:3] for day in DAYS)
_KEPT = re.compile(
    r"(?P<days>[A-Z][a-z]{2}(?:[-,][A-Z][a-z]{2})*) (?P<start>\d\d:\d\d)-(?P<end>\d\d:\d\d) (?P<zone>\S+)"
)
_AHEAD = 14
"""So many days are looked at: a night in which the clocks change may leave out a whole window."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Reading hours: `days` of the week, 0 is Monday, from `start` to `end` on the clock of `zone` (an IANA name).

    Raises:
        ValueError: there is no day, the end is not after the start, or nobody knows the zone.
    """

    days: tuple[int, ...]
    start: time
    end: time
    zone: str

    def __post_init__(self) -> None:
        if not self.days or not set(self.days) <= set(range(7)) or list(self.days) != sorted(set(self.days)):
            raise ValueError("name at least one day of the week, each once and in order")
        if self.start >= self.end:
            raise ValueError("the end must be later than the start, on the same day")
        if self.zone not in available_timezones():
            raise ValueError(f"nobody knows the clock of {self.zone}; write one such as Europe/London")

    def dumps(self) -> str:
        """The hours as a short text: "Mon-Fri 09:00-16:00 Europe/London"."""
        spans = ",".join(_SHORT[a] if a == b else f"{_SHORT[a]}-{_SHORT[b]}" for a, b in _spans(self.days))
        return f"{spans} {self.start:%H:%M}-{self.end:%H:%M} {self.zone}"

    @classmethod
    def loads(cls, text: str | None) -> Self | None:
        """The hours of such a text; None of any other, such as words that a clinic wrote by itself."""
        found = _KEPT.fullmatch(text or "")
        if found is None:
            return None
        days: set[int] = set()
        try:
            for span in found["days"].split(","):
                first, _, last = span.partition("-")
                days |= set(range(_SHORT.index(first), _SHORT.index(last or first) + 1))
            start, end = (time.fromisoformat(found[name]) for name in ("start", "end"))
            return cls(tuple(sorted(days)), start, end, found["zone"])
        except ValueError:
            return None

    def in_words(self) -> str:
        """The hours in words: "Monday to Friday, 9:00 to 16:00 (Europe/London)"."""
        spans = [
            DAYS[a] if a == b else f"{DAYS[a]} {'and' if b == a + 1 else 'to'} {DAYS[b]}" for a, b in _spans(self.days)
        ]
        return f"{', '.join(spans)}, {clock(self.start)} to {clock(self.end)} ({self.zone})"


def next_read(hours: Hours, now: datetime) -> tuple[datetime, datetime]:
    """From when until when somebody next reads, on the clinic's clock; the first is `now` while somebody does.

    Args:
        hours: when they read.
        now: an aware moment.
    """
    zone = ZoneInfo(hours.zone)
    today, moment = now.astimezone(zone).date(), now.astimezone(UTC)
    for ahead in range(_AHEAD):
        day = today + timedelta(days=ahead)
        if day.weekday() not in hours.days:
            continue
        # Compared in UTC: two moments of one zone compare by what their clocks show, and an hour may show twice.
        first, last = (datetime.combine(day, at, tzinfo=zone).astimezone(UTC) for at in (hours.start, hours.end))
        if moment < last and first < last:
            return max(first, moment).astimezone(zone), last.astimezone(zone)
    raise AssertionError("every week has each day of the week")


def clock(at: time | datetime) -> str:
    """A time of day as people write it: "9:00"."""
    return f"{at.hour}:{at.minute:02d}"


def _spans(days: tuple[int, ...]) -> list[tuple[int, int]]:
    """Runs of days that follow each other, each by its first and last."""
    spans: list[tuple[int, int]] = []
    for day in days:
        if spans and spans[-1][1] == day - 1:
            spans[-1] = (spans[-1][0], day)
        else:
            spans.append((day, day))
    return spans
