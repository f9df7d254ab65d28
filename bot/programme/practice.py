"""A person's practice as it is kept between messages: what is known of them, the session under way, what was hard.

Pure; it travels as JSON in one field of the patient.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

from pydantic import TypeAdapter

from bot.programme.gate import Standing
from bot.programme.session import Session

CHECK_AGAIN = timedelta(days=7)
"""So long the self-check holds (gates are looked at again every week)."""


@dataclass(frozen=True, slots=True)
class Practice:
    """What is kept.

    `asked` are the self-check's questions that were put, `asking` the open one, `checked_at` the moment of its end.
    `weak_side` is for pictures. `smaller` are the exercises that come smaller next time. `count` is how many sessions
    were begun. `closed_at` is when something told shut the exercises, until the person says it was seen to, or, unless
    it `must_be_seen`, until a check finds nothing. `recent` are the last sessions: the moment each began, and the zone
    the person was in. `began_on` is the latest day on which the weakness can have begun, by the self-check.
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

    def is_fresh(self, now: datetime) -> bool:
        """Whether the self-check still holds."""
        return self.checked_at is not None and now - self.checked_at < CHECK_AGAIN

    def dumps(self) -> str:
        """As JSON."""
        return _JSON.dump_json(self).decode()

    @classmethod
    def loads(cls, text: str | None) -> "Practice":
        """From JSON; an empty one when there is none."""
        return cls() if text is None else _JSON.validate_json(text)


_JSON = TypeAdapter(Practice)
