"""Small charts as SVG that may stand in a page under a strict policy. Pure; every figure also stands in a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup, escape

_WIDTH, _HEIGHT, _LEFT, _FOOT, _TOP = 320, 120, 28, 18, 8


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: how much was done, and of how much (0 when nothing was planned)."""

    label: str
    done: float
    planned: float = 0


@dataclass(frozen=True, slots=True)
class Point:
    """A figure on a day."""

    day: date
    value: float


def bars(title: str, given: Sequence[Bar]) -> Markup:
    """Bars side by side, what was planned as an outline around what was done."""
    most = max([1.0, *(max(each.done, each.planned) for each in given)])
    room = (_WIDTH - _LEFT) / max(1, len(given))
    parts = [_axis(f"{most:g}", "0")]
    for place, each in enumerate(given):
        left, wide = _LEFT + place * room + room * 0.15, room * 0.7
        for value, name in ((each.planned, "planned"), (each.done, "done")):
            high = _span() * value / most
            parts.append(_rect(left, _base() - high, wide, high, name))
        if len(given) <= 6 or (len(given) - 1 - place) % 2 == 0:
            parts.append(_text(left + wide / 2, _HEIGHT - 4, each.label, "middle"))
    return _svg(title, parts)


def line(title: str, given: Sequence[Point], low: float, high: float, *, ends: tuple[str, str] = ("", "")) -> Markup:
    """Figures over time, joined by a line.

    Args:
        title: what is shown, for who listens.
        given: at least one figure, in order of days.
        low: the foot of the scale.
        high: its head. It may be the smaller figure: then the scale runs downwards.
        ends: what to write at its foot and head in place of the figures.
    """
    first, last = given[0].day, given[-1].day
    days = max(1, (last - first).days)
    points = []
    for each in given:
        across = (each.day - first).days / days if len(given) > 1 else 0.5
        share = min(1.0, max(0.0, (each.value - low) / (high - low)))
        points.append((_LEFT + 8 + across * (_WIDTH - _LEFT - 16), _base() - share * _span()))
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    parts = [
        _axis(ends[1] or f"{high:g}", ends[0] or f"{low:g}"),
        Markup('<polyline class="trace" points="{}"/>').format(joined),
        *(Markup('<circle class="dot" cx="{}" cy="{}" r="3.5"/>').format(f"{x:.1f}", f"{y:.1f}") for x, y in points),
        _text(_LEFT, _HEIGHT - 4, _day(first), "start"),
    ]
    if last != first:
        parts.append(_text(_WIDTH, _HEIGHT - 4, _day(last), "end"))
    return _svg(title, parts)


def _svg(title: str, parts: Sequence[Markup]) -> Markup:
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        _WIDTH, _HEIGHT, title, Markup("").join(parts)
    )


def _axis(head: str, foot: str) -> Markup:
    rule = Markup('<path class="axis" d="M{0} {1}V{2}H{3}"/>').format(_LEFT, _TOP, _base(), _WIDTH)
    return rule + _text(_LEFT - 4, _TOP + 8, head, "end") + _text(_LEFT - 4, _base(), foot, "end")


def _rect(x: float, y: float, wide: float, high: float, name: str) -> Markup:
    shape = Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>')
    return shape.format(name, f"{x:.1f}", f"{y:.1f}", f"{wide:.1f}", f"{high:.1f}")


def _text(x: float, y: float, text: str, anchor: str) -> Markup:
    return Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(f"{x:.1f}", f"{y:.1f}", anchor, escape(text))


def _base() -> int:
    return _HEIGHT - _FOOT


def _span() -> int:
    return _HEIGHT - _FOOT - _TOP


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"
