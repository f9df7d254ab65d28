"""A person's practice as it is kept between messages: what is known of them, the session under way, what was hard.

Pure; it travels as JSON in one field of the patient.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Literal

from pydantic import TypeAdapter

from bot.programme.diary import Session as Practised
from bot.programme.diary import local_day, streak, unlived_days
from bot.programme.gate import Standing
from bot.programme.session import Session

CHECK_AGAIN = timedelta(days=7)
"""So long the self-check holds (gates are looked at again every week)."""

_SPANS = 20
"""So many of the last spans for which exercises were shut are kept."""

ASKED_LONG_AGO = timedelta(hours=24)
"""After so long an open question or offer is put anew before an answer counts."""


@dataclass(frozen=True, slots=True)
class Practice:
    """What is kept.

    `asked` are the self-check's questions that were put, `asking` the open one, `checked_at` the moment of its end.
    `weak_side` is for pictures. `smaller` are the exercises that come smaller next time. `count` is how many sessions
    were begun. `closed_at` is when something told shut the exercises, until the person says it was seen to, or, unless
    it `must_be_seen`, until a check finds nothing. `recent` are the last sessions: the moment each began, and the zone
    the person was in. `began_on` is the latest day on which the weakness can have begun, by the self-check. `asked_at`
    is when the open question, or the offer of a session, was put. `region` is the one that the person named for the
    next session, and `weights` what they answered last about linked movements speaks for (see `session.Lead`).
    `is_dark`: pictures on the dark ground. `was_shut` are the spans for which exercises were shut before, each with the
    moment they opened again; `days_a_week` is what the programme of the last session asks for.
    """

    standing: Standing = field(default_factory=Standing)
    session: Session | None = None
    asked: tuple[str, ...] = ()
    asking: str = ""
    checked_at: datetime | None = None
    weak_side: Literal["left", "right"] | None = None
    smaller: tuple[str, ...] = ()
    count: int = 0
    closed_at: datetime | None = None
    must_be_seen: bool = False
    recent: tuple[tuple[datetime, str], ...] = ()
    began_on: date | None = None
    asked_at: datetime | None = None
    region: str | None = None
    weights: Mapping[str, int] = field(default_factory=dict)
    is_dark: bool = False
    was_shut: tuple[tuple[datetime, datetime], ...] = ()
    days_a_week: int = 7

    def is_old(self, now: datetime) -> bool:
        """Whether what stands open was asked so long ago that a bare "yes" may mean something else."""
        return self.asked_at is None or now - self.asked_at > ASKED_LONG_AGO

    def is_fresh(self, now: datetime) -> bool:
        """Whether the self-check still holds."""
        return self.checked_at is not None and now - self.checked_at < CHECK_AGAIN

    def opened(self, now: datetime) -> "Practice":
        """With exercises open again; for how long they were shut is kept, since nobody missed those days."""
        if self.closed_at is None:
            return self
        spans = (*self.was_shut, (self.closed_at, now))[-_SPANS:]
        return replace(self, closed_at=None, must_be_seen=False, was_shut=spans)

    def shut_days(self, now: datetime, zone: str) -> frozenset[date]:
        """The local days on which exercises were shut: they ask for nothing.

        The day on which they opened again is none of them, unless they are shut still.

        Raises:
            ValueError: the moment carries no zone, or the zone is not one of the IANA.
        """
        days: set[date] = set()
        for began, ended in self.was_shut:
            first, after = local_day(began, zone), local_day(ended, zone)
            days.update(first + timedelta(days=day) for day in range((after - first).days))
        if self.closed_at is not None:
            first, today = local_day(self.closed_at, zone), local_day(now, zone)
            days.update(first + timedelta(days=day) for day in range((today - first).days + 1))
        return frozenset(days)

    def days_practised(self) -> frozenset[date]:
        """The local days of the last sessions."""
        return frozenset(local_day(began, there) for began, there in self.recent)

    def row(self, now: datetime, zone: str) -> int:
        """How many days of practice in the row that reaches today.

        A programme that asks for fewer days leaves as many for rest; days that were shut or never lived break no row.

        Raises:
            ValueError: the moment carries no zone, or the zone is not one of the IANA.
        """
        sessions = [Practised(began, there) for began, there in self.recent]
        rest = self.shut_days(now, zone) | unlived_days(sessions, now, zone)
        # What was practised on the day that exercises were shut was practised all the same.
        done = self.days_practised()
        return streak(done, rest - done, local_day(now, zone), grace=1 + 7 - self.days_a_week)

    def dumps(self) -> str:
        """As JSON."""
        return _JSON.dump_json(self).decode()

    @classmethod
    def loads(cls, text: str | None) -> "Practice":
        """From JSON; an empty one when there is none."""
        return cls() if text is None else _JSON.validate_json(text)


def standing_of(practice: Practice, now: datetime) -> Standing:
    """What is known of the person now: weeks go by, and something told may have shut the exercises.

    What first contact heard of the beginning is too rough for a gate that opens by weeks: the self-check asks itself.
    """
    weeks = (now.date() - practice.began_on).days / 7 if practice.began_on is not None else None
    return dataclasses.replace(practice.standing, weeks=weeks, red_flag=practice.closed_at is not None)


_JSON = TypeAdapter(Practice)
