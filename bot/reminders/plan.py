"""A person's reminders: their rules, by a short name each. Pure; it travels as JSON in one field of the patient."""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, TypeAdapter

from bot.reminders.schedule import EVERY_DAY, Kind, Schedule, is_only_quiet, moved, next_due
from bot.reminders.wording import Span

MOST = 12
"""So many rules a person may ask for."""
CARE_HOUR = time(10)
"""When the day's question of the care plan comes."""
CARE_POINTS: Mapping[str, timedelta] = {
    "c00024": timedelta(hours=24),
    "c00072": timedelta(hours=72),
    "c00168": timedelta(days=7),
    "c00504": timedelta(weeks=3),
    "c01176": timedelta(weeks=7),
    "c02016": timedelta(weeks=12),
    "c04392": timedelta(days=183),
}
"""When to look again after onset (evidence pack, section 1.7, point 7), by the hours after it.

The first is our own: while the three days last in which steroids help most (rule D01), they ask who was not seen yet.
"""
FOR_GOOD = timedelta(days=300)
"""What rests for longer than that rests until the person says otherwise."""
_ASKED_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Reminder:
    """One rule, and the name (six hexadecimal digits) by which its buttons and its row are known."""

    name: str
    rule: Schedule


@dataclass(frozen=True, slots=True)
class Plan:
    """All of a person's reminders, in the order they were made.

    `asked` are the words of a request that lacked something, asked back about at `asked_at`. `onset` is the day from
    which the care plan's points were counted; `without_care` says that the person dropped them. `quiet` are the hours
    without reminders and `days_off` the dates, in order, for all that are set from now on, too. `sent` are, by name,
    the promised moments that were sent last before the person went to another zone.
    """

    reminders: tuple[Reminder, ...] = ()
    asked: str = ""
    asked_at: datetime | None = None
    onset: date | None = None
    without_care: bool = False
    quiet: Span | None = None
    days_off: tuple[date, ...] = ()
    sent: tuple[tuple[str, AwareDatetime], ...] = ()

    def dumps(self) -> str:
        """As JSON."""
        return _JSON.dump_json(self).decode()

    @classmethod
    def loads(cls, text: str | None) -> "Plan":
        """From JSON; an empty one when there is none."""
        return cls() if text is None else _JSON.validate_json(text)

    def of(self, kind: Kind | None) -> tuple[Reminder, ...]:
        """Those of one kind; all for None."""
        return tuple(each for each in self.reminders if kind in (None, each.rule.kind))

    def has(self, name: str) -> bool:
        """Whether there is a reminder of that name."""
        return any(each.name == name for each in self.reminders)

    def ahead(self, now: datetime) -> tuple[Reminder, ...]:
        """Those that come at least once more; a pause only puts them off."""
        return tuple(each for each in self.reminders if next_due(each.rule, now, self.sent_of(each.name)) is not None)

    def sent_of(self, name: str) -> datetime | None:
        """What was sent last of a reminder before the person went to another zone, as far as that counts."""
        return dict(self.sent).get(name)

    def with_sent(self, sent: Mapping[str, datetime | None]) -> "Plan":
        """The plan with what was sent last, of those that came with the person from another zone."""
        known = ((each.name, sent.get(each.name)) for each in self.reminders if each.rule.left)
        return dataclasses.replace(self, sent=tuple((name, at) for name, at in known if at is not None))

    def is_welcome(self, now: datetime) -> bool:
        """Whether they want to be reminded of anything: not everything is dropped, or rests until they say so."""
        until = now.date() + FOR_GOOD
        return any(each.rule.paused_until is None or each.rule.paused_until < until for each in self.reminders)

    def asking(self, words: str, now: datetime) -> "Plan":
        """The plan with a request that lacks something."""
        return dataclasses.replace(self, asked=words, asked_at=now)

    def open_request(self, now: datetime) -> str:
        """The words that were asked back about, while an answer to that can still be meant; else nothing."""
        return self.asked if self.asked_at is not None and now - self.asked_at < _ASKED_FOR else ""

    def settled(self) -> "Plan":
        """The plan without a request that lacks something."""
        return dataclasses.replace(self, asked="", asked_at=None)

    def with_rule(self, name: str, rule: Schedule) -> "Plan":
        """The plan with a rule in place of those of its kind: asking anew changes, it doesn't pile up.

        One for a single day stands beside the daily ones, and takes the place of one on the same day.
        """
        kept = (each for each in self.reminders if (each.rule.kind, each.rule.on) != (rule.kind, rule.on))
        return self.holding((*kept, Reminder(name, self.fitted(rule))))

    def fitted(self, rule: Schedule) -> Schedule:
        """A rule with the quiet hours and the days off that hold for all; its own quiet hours stand before them.

        What Septimus looks at by itself is not left out for them: it comes when they are over.
        """
        quiet = rule.quiet or self.quiet
        if rule.kind in ("recheck", "care_point"):
            return _after_quiet(rule, quiet)
        return dataclasses.replace(rule, quiet=quiet, days_off=rule.days_off | frozenset(self.days_off))

    def hushed(self, hours: Span | None, kind: Kind | None = None) -> "Plan":
        """The plan with quiet hours for those of a kind (None: all), or without any.

        A reminder is left out that would never come: its times are all within them.
        """
        before = self if kind is not None else dataclasses.replace(self, quiet=hours)
        hushed = (
            each
            if kind not in (None, each.rule.kind)
            else dataclasses.replace(each, rule=before.fitted(dataclasses.replace(each.rule, quiet=hours)))
            for each in self.reminders
        )
        return before.holding(tuple(each for each in hushed if not is_only_quiet(each.rule)))

    def without_days(self, days: Iterable[date], today: date, kind: Kind | None = None) -> "Plan":
        """The plan with no reminders of a kind (None: any) on some dates; past ones are forgotten."""
        off = tuple(sorted({day for day in (*self.days_off, *days) if day >= today}))
        before = self if kind is not None else dataclasses.replace(self, days_off=off)
        fewer = frozenset(days)
        return before.holding(
            tuple(
                dataclasses.replace(each, rule=_without_days(each.rule, fewer, today))
                if kind == each.rule.kind or (kind is None and each.rule.kind not in ("recheck", "care_point"))
                else each
                for each in self.reminders
            )
        )

    def without_weekdays(self, days: frozenset[int]) -> "Plan":
        """The plan with nothing repeated on some weekdays: what came on no others, comes on the next."""

        def freed(rule: Schedule) -> Schedule:
            return rule if rule.on is not None else dataclasses.replace(rule, days=_moved_on(rule.days, days))

        return self.holding(tuple(dataclasses.replace(each, rule=freed(each.rule)) for each in self.reminders))

    def back(self, today: date) -> "Plan":
        """The plan of somebody who wants reminders again: the days off that have begun are over."""
        last = today
        while last in self.days_off:
            last += timedelta(days=1)
        gone = frozenset(day for day in self.days_off if day < last)
        return dataclasses.replace(
            self,
            days_off=tuple(day for day in self.days_off if day >= last),
            reminders=tuple(
                dataclasses.replace(each, rule=dataclasses.replace(each.rule, days_off=each.rule.days_off - gone))
                for each in self.reminders
            ),
        )

    def holding(self, reminders: tuple[Reminder, ...]) -> "Plan":
        """The plan with other reminders, settled."""
        return dataclasses.replace(self, reminders=reminders, asked="", asked_at=None)

    def without(self, kind: Kind | None, only: Span | None = None) -> "Plan":
        """The plan without those of a kind (None: of any), or without their times in a part of the day.

        A part of the day means what the person set: the looks that Septimus takes by itself stay.
        """
        if only is None:
            kept = self.holding(tuple(each for each in self.reminders if kind not in (None, each.rule.kind)))
            return dataclasses.replace(kept, without_care=self.without_care or kind in (None, "care_point"))
        thinner = (
            (each, dataclasses.replace(each.rule, times=tuple(at for at in each.rule.times if not within(at, only))))
            if kind == each.rule.kind or (kind is None and each.rule.kind not in ("care_point", "recheck"))
            else (each, each.rule)
            for each in self.reminders
        )
        return self.holding(
            tuple(
                dataclasses.replace(each, rule=rule)
                for each, rule in thinner
                if rule.times or rule.every_minutes is not None
            )
        )

    def without_named(self, name: str) -> "Plan":
        """The plan without the reminder of a name; without all points of the care plan when it is one of these."""
        if name in CARE_POINTS:
            return self.without("care_point")
        return self.holding(tuple(each for each in self.reminders if each.name != name))

    def paused(self, until: date | None, kind: Kind | None = None) -> "Plan":
        """The plan with those of a kind (None: all) paused until a date; None: no longer paused.

        The re-check that a triage asked for is no reminder to rest from, unless it is meant by its kind.
        """
        return self.holding(
            tuple(
                dataclasses.replace(each, rule=dataclasses.replace(each.rule, paused_until=until))
                if kind == each.rule.kind or (kind is None and each.rule.kind != "recheck")
                else each
                for each in self.reminders
            )
        )

    def moved(self, zone: str, now: datetime) -> "Plan":
        """The plan of somebody who is in another zone from now on."""
        return dataclasses.replace(
            self,
            reminders=tuple(dataclasses.replace(each, rule=moved(each.rule, zone, now)) for each in self.reminders),
        )

    def with_recheck(self, name: str, at: datetime, zone: str) -> "Plan":
        """The plan with the one re-check that a triage asked for, in place of an earlier one."""
        wall = at.astimezone(ZoneInfo(zone))
        # Nobody is woken for it: it comes on that day, in the evening before the night or in the morning after it.
        hour = max(wall.time().replace(second=0, microsecond=0), time(9)) if wall.time() < time(21) else time(20)
        rule = self.fitted(Schedule(kind="recheck", zone=zone, times=(hour,), on=wall.date()))
        kept = (each for each in self.reminders if each.rule.kind != "recheck")
        return dataclasses.replace(self, reminders=(*kept, Reminder(name, rule)))

    def with_care_points(self, onset: date, zone: str, now: datetime) -> "Plan":
        """The plan with the points of the care plan that lie ahead, counted anew when the onset changed.

        Whoever dropped them has none, whatever the onset.
        """
        if self.onset == onset or self.without_care:
            return self
        kept = tuple(each for each in self.reminders if each.rule.kind != "care_point")
        noon = datetime.combine(onset, time(12), UTC)
        points = tuple(
            Reminder(
                name, self.fitted(Schedule(kind="care_point", zone=zone, times=(CARE_HOUR,), on=(noon + after).date()))
            )
            for name, after in CARE_POINTS.items()
            if (noon + after).date() > now.astimezone(ZoneInfo(zone)).date()
        )
        return dataclasses.replace(self, reminders=(*kept, *points), onset=onset)


def _after_quiet(rule: Schedule, quiet: Span | None) -> Schedule:
    """A rule of one day and one time, put off to the end of the quiet hours that it falls into."""
    rule = dataclasses.replace(rule, quiet=quiet)
    if rule.on is None or quiet is None or not is_only_quiet(rule):
        return dataclasses.replace(rule, quiet=None)
    begins, ends = quiet
    on = rule.on + timedelta(days=1) if begins > ends and rule.times[0] >= begins else rule.on
    return dataclasses.replace(rule, quiet=None, on=on, times=(ends,))


def _without_days(rule: Schedule, days: frozenset[date], today: date) -> Schedule:
    off = frozenset(day for day in rule.days_off | days if day >= today)
    if rule.on is not None:  # asked for that one day: days off don't touch it
        return rule
    return dataclasses.replace(rule, days_off=off)


def _moved_on(days: frozenset[int], without: frozenset[int]) -> frozenset[int]:
    """Weekdays without some; those that would leave none go over to the next day that is free."""
    left = days - without
    if left or not days or len(without) == len(EVERY_DAY):
        return left or days
    return frozenset({next(day % 7 for day in range(min(days), min(days) + 7) if day % 7 not in without)})


def within(at: time, span: Span) -> bool:
    """Whether a time on the wall is in a part of the day, ends included."""
    return span[0] <= at <= span[1]


_JSON = TypeAdapter(Plan)
