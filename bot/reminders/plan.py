"""A person's reminders: their rules, by a short name each. Pure; it travels as JSON in one field of the patient."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from bot.reminders.schedule import Kind, Schedule, moved, next_due
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
    which the care plan's points were counted; `without_care` says that the person dropped them.
    """

    reminders: tuple[Reminder, ...] = ()
    asked: str = ""
    asked_at: datetime | None = None
    onset: date | None = None
    without_care: bool = False

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
        return tuple(each for each in self.reminders if next_due(each.rule, now) is not None)

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
        return self.holding((*kept, Reminder(name, rule)))

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
        rule = Schedule(kind="recheck", zone=zone, times=(hour,), on=wall.date())
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
            Reminder(name, Schedule(kind="care_point", zone=zone, times=(CARE_HOUR,), on=(noon + after).date()))
            for name, after in CARE_POINTS.items()
            if (noon + after).date() > now.astimezone(ZoneInfo(zone)).date()
        )
        return dataclasses.replace(self, reminders=(*kept, *points), onset=onset)


def within(at: time, span: Span) -> bool:
    """Whether a time on the wall is in a part of the day, ends included."""
    return span[0] <= at <= span[1]


_JSON = TypeAdapter(Plan)
