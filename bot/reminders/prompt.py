"""Which words a reminder says: they vary and fit, chosen by what is known and never by chance. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from bot.reminders.schedule import Kind

ASK_AFTER = 5
"""So many in a row without a sign of the person, and it asks once whether another time would suit."""
RARER_AFTER = 6
"""From then on only every third is sent, until they give a sign."""
_ONE_OF = 3
_STREAK = 3
_NOON, _EVENING = 12, 17


@dataclass(frozen=True, slots=True)
class Prompt:
    """The key of a reminder's words, what fills them in, and whether it also asks for another time."""

    key: str
    count: int = 0
    asks_for_another_time: bool = False


@dataclass(frozen=True, slots=True)
class Lately:
    """How practice went: the local days with a session, and the present local moment."""

    days: frozenset[date]
    now: datetime

    @property
    def today(self) -> bool:
        """Whether there was a session today."""
        return self.now.date() in self.days

    @property
    def streak(self) -> int:
        """How many days in a row up to yesterday, or to today when today has one."""
        day, count = self.now.date().toordinal() - (0 if self.today else 1), 0
        while date.fromordinal(day) in self.days:
            day, count = day - 1, count + 1
        return count


def is_left_out(kind: Kind, ignored: int, *, nth: int, a_day: int = 1) -> bool:
    """Whether this one is left out because the last ones were not heard: it becomes rarer by itself.

    Args:
        kind: what is reminded of; only what comes daily becomes rarer.
        ignored: how many in a row were sent without a sign of the person.
        nth: which of all that were ever sent or left out this is, from 0.
        a_day: so many make up one that is not heard; see `prompt`.
    """
    return kind in ("exercises", "eye_drops") and ignored >= RARER_AFTER * a_day and nth % _ONE_OF != 0


def prompt(kind: Kind, name: str, ignored: int, lately: Lately, *, nth: int, a_day: int = 1) -> Prompt:
    """What to say.

    Args:
        kind: what is reminded of.
        name: the reminder's name, which tells the points of the care plan apart.
        ignored: how many in a row were sent without a sign of the person.
        lately: how practice went.
        nth: which of all that were ever sent this is, from 0: the words go round with it.
        a_day: so many make up one that is not heard. Who cares for an eye every two hours seldom taps after it.
    """
    asks = ignored == ASK_AFTER * a_day
    match kind:
        case "exercises":
            fits = _fitting(lately)
            return Prompt(fits[nth % len(fits)], lately.streak, asks)
        case "eye_drops":
            eye = _EYE_NIGHT if lately.now.hour >= _EVENING + 2 else _EYE
            return Prompt(eye[nth % len(eye)], asks_for_another_time=asks)
        case "care_point":
            return Prompt(_CARE.get(name, "remind.recheck"))
        case _:
            return Prompt(_ONE[kind])


_ONE: Mapping[Kind, str] = {
    "check_in": "remind.week",
    "appointment": "remind.appointment",
    "recheck": "remind.recheck",
}
_CARE = {
    "c00024": "remind.next_day",
    "c00072": "remind.three_days",
    "c00168": "remind.seven_days",
    "c00504": "remind.three_weeks",
    "c01176": "remind.seven_weeks",
    "c02016": "remind.twelve_weeks",
    "c04392": "remind.six_months",
}
# Words stand at one place in all lists they are in: so the next one says others, whichever list fits by then.
_EYE = ("remind.eye_a", "remind.eye_b", "remind.eye_c")
_EYE_NIGHT = ("remind.eye_a", "remind.eye_b", "remind.eye_night")
_TODAY = ("remind.again_today", "remind.more_today", "remind.again_today", "remind.ready", "remind.more_today")


def _fitting(lately: Lately) -> Sequence[str]:
    """The keys that fit this moment, in the order they go round."""
    hour = lately.now.hour
    by_hour = "morning" if hour < _NOON else "afternoon" if hour < _EVENING else "evening"
    if lately.today:
        return _TODAY
    first = "remind.row" if lately.streak >= _STREAK else "remind.yesterday" if lately.streak else "remind.small"
    return [first, f"remind.{by_hour}", "remind.gentle", "remind.ready", "remind.mirror"]
