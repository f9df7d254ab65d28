"""How things are shown at the desk: days, the clock against the target, a letter with its quotes marked. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Literal

_SOON_DAYS = 3
_WEEKS_FROM_DAYS = 28
_MONTHS_FROM_DAYS = 365


def day(value: date) -> str:
    """A day as people write it, its month in letters: "5 Nov 2026"."""
    return f"{value.day} {value:%b %Y}"


def words(name: str) -> str:
    """A finding's name, or another name of the rules, as words: "arm or leg weak"."""
    return name.replace("_", " ")


def figure(given: str) -> str:
    """A value as people read it: a number with one decimal at most, anything else as words."""
    try:
        return f"{round(float(given), 1):g}"
    except ValueError:
        return words(given)


def since(onset: date, today: date) -> str:
    """How long ago the weakness began: in days at first, then weeks, then months."""
    days = max(0, (today - onset).days)
    if days < _WEEKS_FROM_DAYS:
        return _count(days, "day")
    if days < _MONTHS_FROM_DAYS:
        return _count(days // 7, "week")
    return _count(round(days / 30.44), "month")


@dataclass(frozen=True, slots=True)
class Waiting:
    """The clock of a referral against its target. `state` is told in words too, never by colour alone."""

    days: int
    left: int
    state: Literal["over", "today", "soon", "within"]
    words: str


def waiting(received: date, target: date, today: date) -> Waiting:
    """How long a referral has waited, and how that stands against its target.

    Args:
        received: the day the clinic received it.
        target: the last day on which the first contact is in time.
        today: the clinic's day.
    """
    days, left = max(0, (today - received).days), (target - today).days
    if left < 0:
        return Waiting(days, left, "over", f"{_count(-left, 'day')} over target")
    if left == 0:
        return Waiting(days, left, "today", "due today")
    if left <= _SOON_DAYS:
        return Waiting(days, left, "soon", f"due in {_count(left, 'day')}")
    return Waiting(days, left, "within", f"{_count(left, 'day')} left")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a letter, and the findings that quote it; `first` are those whose quote begins here."""

    text: str
    names: tuple[str, ...] = ()
    first: tuple[str, ...] = ()


def marked(letter: str, quotes: Mapping[str, str]) -> Sequence[Piece]:
    """A letter cut into parts, so that each can be marked with the findings that quote it.

    The parts together are the letter, unchanged. Quotes may overlap, or hold each other; one that isn't in the letter
    marks nothing.

    Args:
        letter: the letter.
        quotes: the words of the letter for each finding.
    """
    spans = {name: (at, at + len(text)) for name, text in quotes.items() if text and (at := letter.find(text)) >= 0}
    cuts = sorted({0, len(letter), *(cut for span in spans.values() for cut in span)})
    pieces = []
    for start, end in pairwise(cuts):
        names = tuple(name for name, span in spans.items() if span[0] <= start and end <= span[1])
        first = tuple(name for name in names if spans[name][0] == start)
        pieces.append(Piece(letter[start:end], names, first))
    return pieces


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
