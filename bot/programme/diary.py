"""The diary's arithmetic: which day a session counts for, how much of a week was done, how many days in a row.

The rules:

- A session counts for the local day on which it began, in the zone that the person was in when it began. That day never
  changes afterwards, wherever they go. A session that runs past midnight counts for the day before midnight.
- A day is done once, however often it comes. Who crosses the date line eastward and lives a date twice has one such
  day, with the sessions of both. A day counts at most as done as it was prescribed: doubling makes up for nothing.
- Who crosses it westward leaves a date out, and some places have left one out of their calendar (Samoa, 30 December
  2011). Such a day is `unlived`. It is taken for a day of rest: it breaks no row, and asks for no session.
- Which days are unlived: when a session is followed by a sign of the person in another zone, the days in between are
  counted by the clock of that second place. Dates which it had already reached there when the session began are
  unlived. Nobody knows when in between the clock was changed; so it is taken to be right after the session, and a day
  once found unlived stays so while the person stays. Where a flight only shortened a day, this is in their favour.
- Today, and any later day (one can fly back to yesterday), counts as far as it is done and is never counted as missed.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_DAY = timedelta(days=1)
_WEEK_DAYS = 7


@dataclass(frozen=True, slots=True)
class Session:
    """One session of exercises: the moment it began (aware), and the IANA zone the person was in then.

    Raises:
        ValueError: the moment carries no zone, or the name is not one of an IANA zone.
    """

    began: datetime
    zone: str

    def __post_init__(self) -> None:
        local_day(self.began, self.zone)

    @property
    def day(self) -> date:
        """The local day that the session counts for."""
        return local_day(self.began, self.zone)


def local_day(moment: datetime, zone: str) -> date:
    """The date on the wall at a moment, in a zone.

    Args:
        moment: aware; any zone, as it names one moment.
        zone: the name of an IANA zone, such as `Europe/London`.

    Raises:
        ValueError: the moment carries no zone, or the name is not one of an IANA zone.
    """
    if moment.utcoffset() is None:
        raise ValueError("a moment without a zone could be on two days; give it in UTC")
    return moment.astimezone(_zone(zone)).date()


def days_done(sessions: Iterable[Session]) -> Mapping[date, int]:
    """How many sessions count for each local day; days without one are not in it."""
    return Counter(session.day for session in sessions)


def unlived_days(sessions: Iterable[Session], now: datetime, zone: str) -> frozenset[date]:
    """The dates between the first session and now that the person never lived, by the rules above.

    Give them to `streak` and `adherence` together with the days of rest. For somebody who stays in one zone there are
    none, but for a date which that place left out.

    Args:
        sessions: in any order; those after `now` are left out.
        now: the present moment, aware.
        zone: the IANA zone that the person is in now.

    Raises:
        ValueError: `now` carries no zone, or `zone` is not the name of an IANA zone.
    """
    today = local_day(now, zone)
    past = sorted((session for session in sessions if session.began <= now), key=lambda session: session.began)
    arrivals = [(session.day, session.zone) for session in past[1:]] + [(today, zone)]
    unlived: set[date] = set()
    for session, (day, there) in zip(past, arrivals, strict=False):
        already = local_day(session.began, there)
        unlived.update(each for each in _days_between(session.day, day) if each <= already or not _exists(each, there))
    # One can fly back into a date that was passed over, and practise on it after all.
    return frozenset(unlived - {session.day for session in past} - {today})


@dataclass(frozen=True, slots=True)
class DayTally:
    """One day of a week: how many sessions count, and how many were asked for. `done` is at most `prescribed`."""

    day: date
    done: int
    prescribed: int


@dataclass(frozen=True, slots=True)
class Adherence:
    """How much of a week was done. `days` are its seven days in order."""

    days: tuple[DayTally, ...]

    @property
    def done(self) -> int:
        """Sessions that count."""
        return sum(each.done for each in self.days)

    @property
    def prescribed(self) -> int:
        """Sessions that were asked for so far."""
        return sum(each.prescribed for each in self.days)

    @property
    def share(self) -> float | None:
        """Done of prescribed, 0 to 1; None when nothing was asked for, which is not the same as nothing done."""
        return self.done / self.prescribed if self.prescribed else None


def adherence(
    done: Mapping[date, int], prescribed: Mapping[date, int], rest_days: AbstractSet[date], first: date, today: date
) -> Adherence:
    """How much of the week that begins on `first` was done, up to today.

    On a day of rest nothing is asked for, and what is done on it doesn't count. Today and later days are asked for only
    as far as they are done: an unfinished day never lowers the share.

    Args:
        done: sessions by local day, as from `days_done`.
        prescribed: sessions asked for, by day; a day that is not in it asks for none.
        rest_days: days of rest, and unlived days.
        first: the week's first day.
        today: the person's local date.

    Raises:
        ValueError: a number of sessions is below 0.
    """
    if any(number < 0 for numbers in (done, prescribed) for number in numbers.values()):
        raise ValueError("a day can't have fewer than 0 sessions; correct the diary or the programme")
    tallies = []
    for offset in range(_WEEK_DAYS):
        day = first + offset * _DAY
        asked = 0 if day in rest_days else prescribed.get(day, 0)
        counted = min(done.get(day, 0), asked)
        tallies.append(DayTally(day, counted, counted if day >= today else asked))
    return Adherence(tuple(tallies))


def streak(days: AbstractSet[date], rest_days: AbstractSet[date], today: date, grace: int = 1) -> int:
    """How many days were done in the row that reaches today; 0 or more.

    A day of rest neither breaks the row nor adds to it, even when it was practised on. A missed day adds nothing; it
    breaks the row only when it is one more than `grace` in any seven days. Today and later days never break it.

    The number is for choosing what to say. It is no reason to tell anyone that they lost something.

    Args:
        days: the local days on which at least one session began.
        rest_days: days of rest, and unlived days.
        today: the person's local date.
        grace: how many missed days within seven are forgiven; 0 forgives none.

    Raises:
        ValueError: `grace` is below 0.
    """
    if grace < 0:
        raise ValueError(f"grace is {grace}; it is a number of days, 0 or more")
    if not days:
        return 0
    done, rest = {day.toordinal() for day in days}, {day.toordinal() for day in rest_days}
    now, row = today.toordinal(), 0
    forgiven: list[int] = []
    for day in range(max(now, *done), min(done) - 1, -1):
        if day in rest:
            continue
        if day in done:
            row += 1
        elif day < now:
            if sum(missed - day < _WEEK_DAYS for missed in forgiven) >= grace:
                break
            forgiven.append(day)
    return row


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # the last when the name is that of a folder, such as "Europe"
        raise ValueError(f"'{name}' is no IANA zone; use a name such as Europe/London") from None


def _days_between(first: date, last: date) -> list[date]:
    return [first + offset * _DAY for offset in range(1, (last - first).days)]


def _exists(day: date, zone: str) -> bool:
    """Whether a zone's calendar has a date: whether its noon comes."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=_zone(zone))
    return local_day(noon.astimezone(UTC), zone) == day
