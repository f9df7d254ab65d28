"""How it went over the weeks: what a progress picture, a page for an appointment and one line in the chat are made of.

The rules:

- A week is Monday to Sunday. A session counts for the local day on which it began, as in `bot.programme.diary`.
- A session counts as done when at least one exercise of it was done, however it ended.
- What is planned for a day is what the programme asks for that was practised last. Before the first session nothing is
  planned, and on the first day no more than was done. On days of rest, and on unlived days, nothing is.
- A day that is not over never counts as missed: today counts as planned only as far as it is done.
- At most the last 12 weeks are told. They begin with the first session or milestone.

All is plain values, the words included. Nothing here weighs one week against another, or says what a figure means.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import fmean

from bot.programme import diary
from bot.programme.session import Ending
from bot.words import Words

WEEKS = 12
"""So many weeks are told at most."""
ROUGH = "~"
"""Stands before a figure that needs a second look."""

CAPTIONS = (
    "title", "sessions", "done", "planned", "now", "comfort", "comfort_scale", "scores", "first", "latest", "higher",
    "lower", "rough",
    "page", "made", "week", "days", "effort", "stage", "milestones", "earlier", "change", "up", "down", "same", "scale",
    "week_note", "awaited", "size_unknown", "own_answers",
)  # fmt: skip
"""The words beside the figures: keys of `content/words.yml` under `progress`; first the picture's, then the page's."""

_DAY, _WEEK = timedelta(days=1), timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class Practised:
    """A session of the diary.

    `began` is aware, `zone` the IANA zone the person was in then. `done` are the ids of exercises. `effort` and
    `comfort` are 0 to 10, None where they were not told.
    """

    began: datetime
    zone: str
    programme: str
    stage: str
    ended: Ending
    done: tuple[str, ...]
    effort: int | None = None
    comfort: int | None = None


@dataclass(frozen=True, slots=True)
class Prescription:
    """What a programme asks for: sessions on a day, and days in a week."""

    times_a_day: int
    days_a_week: int = 7


@dataclass(frozen=True, slots=True)
class Measured:
    """A score on a day.

    `name` is short and plain, as it stands beside the figure. `best` and `worst` are the ends of its scale. `meaning`
    says to a clinician how it is scored. `awaits_permission`: the official words are not used, and must be asked for.
    `flagged` says to a clinician why the figure needs a second look; empty when it needs none.
    """

    name: str
    day: date
    value: float
    best: float
    worst: float
    meaning: str = ""
    awaits_permission: bool = False
    flagged: str = ""

    @property
    def shown(self) -> str:
        """The figure to one decimal, with a sign before it when it needs a second look."""
        return f"{ROUGH if self.flagged else ''}{round(self.value, 1):g}"


@dataclass(frozen=True, slots=True)
class Milestone:
    """Something that happened on a day, in a few words."""

    day: date
    words: str


@dataclass(frozen=True, slots=True)
class Week:
    """One week, from the Monday `first`.

    `done` and `planned` are sessions; of the week that is not over, planned so far. `days` is on how many days at least
    one session was done. `comfort` and `effort` are means over its sessions, 0 to 10, None where none were told.
    `stages` are the stages whose programme was practised, in order.
    """

    first: date
    done: int
    planned: int
    days: int
    comfort: float | None
    effort: float | None
    stages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trend:
    """A score, first and latest. They are the same when it was taken once."""

    first: Measured
    latest: Measured

    @property
    def name(self) -> str:
        """What was scored."""
        return self.latest.name

    @property
    def change(self) -> float | None:
        """Latest less first, each as it is shown (to one decimal); None when it was taken once."""
        if self.first.day == self.latest.day:
            return None
        return round(round(self.latest.value, 1) - round(self.first.value, 1), 1)

    @property
    def higher_is_better(self) -> bool:
        """Which way the scale runs."""
        return self.latest.best > self.latest.worst


@dataclass(frozen=True, slots=True)
class Progress:
    """What is told of a person's progress.

    `weeks` are in order, without a gap, at least one; `until` is the last day that they tell of. `milestones` are those
    of these weeks, the oldest first. `scores` are in the order in which they were first given. `summary` is one line.
    `captions` are the words that stand beside the figures, by the names in `CAPTIONS`.
    """

    weeks: tuple[Week, ...]
    until: date
    scores: tuple[Trend, ...]
    milestones: tuple[Milestone, ...]
    summary: str
    captions: Mapping[str, str]

    @property
    def since(self) -> date:
        """The first day that the weeks tell of."""
        return self.weeks[0].first


def progress_of(
    practised: Iterable[Practised],
    scores: Iterable[Measured],
    milestones: Iterable[Milestone],
    *,
    prescribed: Mapping[str, Prescription],
    now: datetime,
    zone: str,
    words: Words,
    rest_days: AbstractSet[date] = frozenset(),
) -> Progress:
    """What is told of a person's progress, up to now.

    Args:
        practised: the diary, whole, in any order; it also says where the weeks begin.
        scores: every score that is to be told, in any order of days. The change is counted from the first of a name.
        milestones: in any order.
        prescribed: what each programme asks for, by its id. A programme that is not in it asks for nothing.
        now: the present moment, aware. Sessions that began later are left out.
        zone: the IANA zone that the person is in now.
        words: the bot's own words.
        rest_days: days of rest, and days on which exercises were shut.

    Raises:
        ValueError: a moment carries no zone, or a zone is not one of the IANA.
    """
    kept = sorted((each for each in practised if each.done and each.began <= now), key=lambda each: each.began)
    sessions = [diary.Session(each.began, each.zone) for each in kept]
    today = diary.local_day(now, zone)
    until = max([today, *(session.day for session in sessions)])
    rest = rest_days | diary.unlived_days(sessions, now, zone)

    last = _monday(until)
    noted = [each for each in milestones if each.day <= until]
    first = min([last, *(_monday(session.day) for session in sessions), *(_monday(each.day) for each in noted)])
    first = max(first, last - (WEEKS - 1) * _WEEK)

    of_week: dict[date, list[tuple[date, Practised]]] = defaultdict(list)
    for session, each in zip(sessions, kept, strict=True):
        of_week[_monday(session.day)].append((session.day, each))
    in_force = _in_force([(session.day, each.programme) for session, each in zip(sessions, kept, strict=True)], until)
    done = diary.days_done(sessions)
    weeks = tuple(
        _week(monday, of_week.get(monday, ()), _planned(monday, done, in_force, prescribed, rest, today))
        for monday in (first + number * _WEEK for number in range((last - first).days // 7 + 1))
    )
    return Progress(
        weeks,
        until,
        _trends(scores),
        tuple(sorted((each for each in noted if each.day >= first), key=lambda each: each.day)),
        _summary(weeks, words),
        {name: words(f"progress.{name}") for name in CAPTIONS},
    )


def _monday(day: date) -> date:
    return day - day.weekday() * _DAY


def _in_force(programmes: Sequence[tuple[date, str]], until: date) -> dict[date, str]:
    """The programme of each day: the one that was practised last, on it or before."""
    practised_on = dict(programmes)
    if not practised_on:
        return {}
    day = min(practised_on)
    in_force = {day: practised_on[day]}
    while day < until:
        day += _DAY
        in_force[day] = practised_on.get(day, in_force[day - _DAY])
    return in_force


def _planned(
    monday: date,
    done: Mapping[date, int],
    in_force: Mapping[date, str],
    prescribed: Mapping[str, Prescription],
    rest: AbstractSet[date],
    today: date,
) -> int:
    """How many sessions were planned in a week, so far."""
    nothing = Prescription(0)
    days = [monday + number * _DAY for number in range(7)]
    of_day = {day: prescribed.get(in_force[day], nothing) for day in days if day in in_force}
    asked = {day: each.times_a_day for day, each in of_day.items()}
    if (beginning := min(in_force, default=None)) in asked:
        asked[beginning] = min(asked[beginning], done.get(beginning, 0))
    most = max((each.times_a_day * each.days_a_week for each in of_day.values()), default=0)
    return min(diary.adherence(done, asked, rest, monday, today).prescribed, most)


def _week(monday: date, practised: Sequence[tuple[date, Practised]], planned: int) -> Week:
    comfort = [each.comfort for _, each in practised if each.comfort is not None]
    effort = [each.effort for _, each in practised if each.effort is not None]
    return Week(
        monday,
        len(practised),
        planned,
        len({day for day, _ in practised}),
        fmean(comfort) if comfort else None,
        fmean(effort) if effort else None,
        tuple(dict.fromkeys(each.stage for _, each in practised)),
    )


def _trends(scores: Iterable[Measured]) -> tuple[Trend, ...]:
    taken: dict[str, list[Measured]] = defaultdict(list)
    for each in scores:
        taken[each.name].append(each)
    # Of two on one day the later given counts: a sort keeps their order.
    in_order = (sorted(each, key=lambda one: one.day) for each in taken.values())
    return tuple(Trend(each[0] if each[0].day != each[-1].day else each[-1], each[-1]) for each in in_order)


def _summary(weeks: Sequence[Week], words: Words) -> str:
    done, days = sum(week.done for week in weeks), sum(week.days for week in weeks)
    if done == 0:
        return words("progress.none")
    if done == 1:
        return words("progress.one")
    if days == 1:
        return words("progress.one_day", count=done)
    if len(weeks) == 1:
        return words("progress.one_week", count=done, days=days)
    return words("progress.some", count=done, days=days, number=len(weeks))
