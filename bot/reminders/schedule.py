"""A reminder's rule, and the moments at which it is due.

The rules:

- What is promised is a time on the wall, in the zone that the person is in. It counts for the local date it stands on.
- A time that the clock skips in spring is due at the first moment after the gap. Several in one gap, or one in it and
  one right at its end, are due once. It counts for the date it was promised for, though the gap may end at midnight.
- A time that comes twice in autumn is due when it comes first, and not again.
- A date which a place leaves out of its calendar (Samoa, 30 December 2011) has no reminders.
- "Every two hours" is counted on the wall, from the first time of the day to the last, and begins anew each day. The
  day on which the clocks go back has as many as any other.
- Quiet hours move nothing. What falls into them, from their beginning and before their end, is not due; neither is what
  a gap would push into them. They may run past midnight. When beginning and end are one time, there are none.
- `starts` and `ends` are the first and the last date with reminders. `paused_until` is the first date with reminders
  again. Dates are those of the person's calendar.
- A rule with `on` holds for that one date. Weekdays, `starts`, `ends` and days off don't touch it; a pause does.
- Who goes to another zone goes on by the clock there. Where that clock is behind the former one, times come once more
  which were sent by the former; a time of a date is not sent again. "Every two hours" goes on at once: there the spaces
  count and not the times.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import islice, takewhile
from typing import Annotated, ClassVar, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, PlainSerializer, TypeAdapter, ValidationError

type Kind = Literal["exercises", "eye_drops", "check_in", "appointment", "recheck", "care_point"]

EVERY_DAY = frozenset(range(7))
MOST_A_DAY = 12
"""So many times a day one rule may remind; every 2 hours from 7 to 22 is 8."""
TOLERANCE: Mapping[Kind, timedelta] = {
    "eye_drops": timedelta(minutes=30),
    "exercises": timedelta(hours=2),
    "appointment": timedelta(hours=1),
    "check_in": timedelta(hours=8),
    "recheck": timedelta(hours=24),
    "care_point": timedelta(hours=24),
}
"""How late a reminder may still be sent. No source names a figure: they are the project's own."""

_SURELY_PAST = timedelta(days=2)  # no two clocks are further apart than 26 hours
_LAST_DATE = date(9999, 12, 29)  # a moment of a later one may be past the end of the calendar in UTC
_NO_PLACES = frozenset({"Factory", "localtime"})  # names in the database of zones that don't say where


def _naive(value: time) -> time:
    if value.tzinfo is not None:
        raise ValueError("a time on the wall has no offset")
    return value


# Sets have no order of their own; one rule is always written as one text.
_Sorted = PlainSerializer(sorted)
_WallTime = Annotated[time, AfterValidator(_naive)]


class RuleCorrupted(ValueError):
    """A rule was read that none of ours can be. Says what is wrong with it; park it and go on with the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The rule of one reminder. See above for what it promises.

    Args:
        kind: what is reminded of.
        zone: the IANA zone the person is in, such as `Europe/London`.
        times: times on the wall, in any order, naive.
        every_minutes: minutes between reminders from `first` to `last`, times on the wall; beside `times` or instead.
        first: the time of the first of them each day.
        last: until when, itself included; not before `first`.
        days: weekdays, Monday is 0.
        starts: first date.
        ends: last date.
        on: the one date, of an appointment or a re-check.
        quiet: beginning and end of the quiet hours.
        days_off: dates without reminders, such as holidays.
        paused_until: the first date with reminders again.
        left: zones the person was in of late, and until when, the latest last; kept by `moved`.
    """

    kind: Kind
    zone: str
    times: tuple[_WallTime, ...] = ()
    every_minutes: Annotated[int, Field(ge=1, le=24 * 60)] | None = None
    first: _WallTime | None = None
    last: _WallTime | None = None
    days: Annotated[frozenset[Annotated[int, Field(ge=0, le=6)]], _Sorted] = EVERY_DAY
    starts: date | None = None
    ends: date | None = None
    on: date | None = None
    quiet: tuple[_WallTime, _WallTime] | None = None
    days_off: Annotated[frozenset[date], _Sorted] = frozenset()
    paused_until: date | None = None
    left: tuple[tuple[str, AwareDatetime], ...] = ()

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    @property
    def tolerance(self) -> timedelta:
        """How late it may still be sent."""
        return TOLERANCE[self.kind]

    def dumps(self) -> str:
        """As JSON; equal rules give equal texts."""
        return _JSON.dump_json(self).decode()

    @classmethod
    def loads(cls, text: str) -> "Schedule":
        """From JSON.

        Raises:
            RuleCorrupted: the text is no rule, or one that makes no sense whatever the time, such as one without times.
        """
        try:
            found = _JSON.validate_json(text)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_input=False, include_context=False)
            told = "; ".join(f"`{'.'.join(map(str, each['loc'])) or 'the rule'}`: {each['msg']}" for each in faults)
            raise RuleCorrupted(f"this is no rule of a reminder ({told}); set the reminder anew") from None
        for zone, _ in found.left:
            if zone not in _places():
                raise RuleCorrupted(f"`left`: '{zone}' is no IANA zone; set the reminder anew")
        if fault := _fault(found):
            raise RuleCorrupted(f"this rule makes no sense (`{fault}`); set the reminder anew")
        return found


_JSON = TypeAdapter(Schedule)


def next_due(schedule: Schedule, after: datetime, last_sent: datetime | None = None) -> datetime | None:
    """The first moment after another at which a reminder is due, in UTC; None when there is none any more.

    Args:
        schedule: the rule.
        after: aware; a reminder due at this very moment is not the next one.
        last_sent: when this rule's last reminder was sent or was due, aware. It is needed only for a person who
            changed their zone since, and may always be given.

    Raises:
        ValueError: a moment carries no zone, the schedule's zone is none, or `every_minutes` is below 1.
    """
    return next(_moments(schedule, after, last_sent), None)


def due_between(
    schedule: Schedule, after: datetime, until: datetime, last_sent: datetime | None = None
) -> tuple[datetime, ...]:
    """Every moment after `after` and up to `until`, itself included, at which a reminder is due; in order, in UTC.

    Raises:
        ValueError: as `next_due`.
    """
    end = _utc(until)
    return tuple(takewhile(lambda moment: moment <= end, _moments(schedule, after, last_sent)))


def upcoming(
    schedule: Schedule, now: datetime, count: int = 3, last_sent: datetime | None = None
) -> tuple[datetime, ...]:
    """The next reminders, at most `count`, by the clock where the person is; what is told back to them.

    Raises:
        ValueError: as `next_due`.
    """
    clock = _zone(schedule.zone)
    return tuple(moment.astimezone(clock) for moment in islice(_moments(schedule, now, last_sent), count))


def is_quiet(schedule: Schedule, moment: datetime) -> bool:
    """Whether a moment, aware, is within the quiet hours: a reminder that is late waits, or is skipped, and isn't sent.

    Raises:
        ValueError: the moment carries no zone, or the schedule's zone is none.
    """
    return _within(schedule.quiet, _wall(_utc(moment), _zone(schedule.zone)).time())


def is_only_quiet(schedule: Schedule) -> bool:
    """Whether all its times are within the quiet hours, so that it would never come."""
    return schedule.quiet is not None and not _promised(schedule)


def moved(schedule: Schedule, zone: str, now: datetime) -> Schedule:
    """The rule of a person who is in another zone from now on.

    Raises:
        ValueError: `now` carries no zone, or `zone` is none.
    """
    _zone(zone)
    now = _utc(now)
    if zone == schedule.zone:
        return schedule
    lately = tuple(stay for stay in schedule.left if now - stay[1] < _SURELY_PAST)
    return dataclasses.replace(schedule, zone=zone, left=(*lately, (schedule.zone, now)))


def problem(schedule: Schedule, now: datetime) -> str | None:
    """What is wrong with a rule that a person asks for, as the key of the words to ask back with; None when nothing is.

    Raises:
        ValueError: `now` carries no zone.
    """
    now = _utc(now)
    if fault := _fault(schedule):
        return fault
    if next_due(schedule, now) is not None:
        return None
    today = _wall(now, _zone(schedule.zone)).date()
    last = schedule.on or schedule.ends
    if last is not None and (last < today or last == today == schedule.on):
        return "reminders.past"
    return "reminders.never"


def _fault(schedule: Schedule) -> str | None:
    """What is wrong with a rule whatever the time, as a key of the words."""
    if schedule.zone not in _places():
        return "reminders.unknown_zone"
    if schedule.every_minutes is None:
        if not schedule.times:
            return "reminders.no_time"
    elif schedule.every_minutes < 1:
        return "reminders.too_often"
    elif schedule.first is None or schedule.last is None:
        return "reminders.no_time"
    elif schedule.last < schedule.first:
        return "reminders.hours_reversed"
    promised = _promised(schedule)
    if not promised:
        return "reminders.only_quiet"
    if len(promised) > MOST_A_DAY:
        return "reminders.too_often"
    if schedule.on is None:
        if not schedule.days & EVERY_DAY:
            return "reminders.no_day"
        if schedule.starts and schedule.ends and schedule.ends < schedule.starts:
            return "reminders.ends_first"
    return None


def _moments(schedule: Schedule, after: datetime, last_sent: datetime | None) -> Iterator[datetime]:
    """Every moment after `after` at which a reminder is due, in order, in UTC."""
    clock, latest = _zone(schedule.zone), _utc(after)
    promised, spaced = _promised(schedule), frozenset(_spaced(schedule))
    sent = None if last_sent is None else _utc(last_sent)
    told = None if sent is None else _told_until(schedule, sent)
    if not promised:
        return
    for day in _dates(schedule, _wall(latest, clock).date()):
        for each in promised:
            wall = datetime.combine(day, each)
            moment = _moment(wall, clock, schedule.quiet)
            if moment is None or moment <= latest:
                continue
            if sent and told and sent < moment and wall <= told and each not in spaced:
                continue
            latest = moment
            yield moment


def _promised(schedule: Schedule) -> tuple[time, ...]:
    """The times on the wall of each day outside the quiet hours, each once, in order."""
    asked = {*schedule.times, *_spaced(schedule)}
    return tuple(sorted(each for each in asked if not _within(schedule.quiet, each)))


def _spaced(schedule: Schedule) -> Iterator[time]:
    """The times on the wall of "every so many minutes", those in quiet hours too."""
    if schedule.every_minutes is None or schedule.first is None or schedule.last is None:
        return
    if schedule.every_minutes < 1:
        raise ValueError(f"every_minutes is {schedule.every_minutes}; it is a number of minutes, 1 or more")
    first, last = (each.hour * 3600 + each.minute * 60 + each.second for each in (schedule.first, schedule.last))
    for second in range(first, last + 1, schedule.every_minutes * 60):
        yield time(second // 3600, second // 60 % 60, second % 60)


def _dates(schedule: Schedule, today: date) -> Iterator[date]:
    """The dates with reminders from a date on, in order."""
    begin = max(today, schedule.paused_until or today)
    if schedule.on is not None:
        if begin <= schedule.on <= _LAST_DATE:
            yield schedule.on
        return
    begin = max(begin, schedule.starts or begin)
    last = min(schedule.ends or _LAST_DATE, _LAST_DATE)
    if not schedule.days & EVERY_DAY:
        return
    for ordinal in range(begin.toordinal(), last.toordinal() + 1):
        day = date.fromordinal(ordinal)
        if day.weekday() in schedule.days and day not in schedule.days_off:
            yield day


def _moment(wall: datetime, clock: ZoneInfo, quiet: tuple[time, time] | None) -> datetime | None:
    """When a time on the wall comes first, in UTC; None when it was skipped and is not made up for."""
    by_former, by_latter = (wall.replace(tzinfo=clock, fold=fold).astimezone(UTC) for fold in (0, 1))
    if by_former <= by_latter:
        return by_former
    # Skipped: the offset after the change makes of it a moment before the change, the one before it a moment after.
    early, late = int(by_latter.timestamp()), int(by_former.timestamp())
    before = _offset(early, clock)
    while late - early > 1:
        middle = (early + late) // 2
        if _offset(middle, clock) == before:
            early = middle
        else:
            late = middle
    end = datetime.fromtimestamp(late, UTC)
    begins, ends = _wall(end - timedelta(seconds=1), clock), _wall(end, clock)
    left_out = begins.date() < wall.date() < ends.date()
    return None if left_out or _within(quiet, ends.time()) else end


def _told_until(schedule: Schedule, sent: datetime) -> datetime | None:
    """What a clock that the person has since left showed when the last reminder was sent; None when it was this one."""
    zone = next((zone for zone, until in schedule.left if sent <= until), None)
    return None if zone is None else _wall(sent, _zone(zone))


def _within(quiet: tuple[time, time] | None, at: time) -> bool:
    if quiet is None:
        return False
    begin, end = quiet
    return begin <= at < end if begin <= end else at >= begin or at < end


def _wall(moment: datetime, clock: ZoneInfo) -> datetime:
    return moment.astimezone(clock).replace(tzinfo=None, fold=0)


def _offset(second: int, clock: ZoneInfo) -> timedelta | None:
    return datetime.fromtimestamp(second, clock).utcoffset()


def _utc(moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise ValueError("a moment without a zone could be several; give it in UTC")
    return moment.astimezone(UTC)


@cache
def _zone(name: str) -> ZoneInfo:
    """The zone of a name. All are kept: the library keeps eight, and reads the others from their files each time."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # the last when the name is that of a folder, such as "Europe"
        raise ValueError(f"'{name}' is no IANA zone; use a name such as Europe/London") from None


@cache
def _places() -> frozenset[str]:
    """Every zone that a person can be in. Looking takes a tenth of a second, so it is done once."""
    return frozenset(available_timezones() - _NO_PLACES)
