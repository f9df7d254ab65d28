"""The progress picture: sessions of each week, comfort, milestones and scores, to be read on a phone.

Nothing is told by colour alone. What was done is a full bar, what was planned a wider hatched one behind it. Comfort is
a line with a marker for each week. Every figure stands as text below its mark. No letter is smaller than `SMALL`.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise, product
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from bot.pictures.ground import GROUNDS, Ground
from bot.pictures.line import number
from bot.pictures.png import FONT

if TYPE_CHECKING:  # drawing lies below the programme, and only reads what it is given
    from bot.programme.progress import Progress

WIDTH, HEIGHT = 800, 1000
SMALL, PLAIN, LARGE = 26, 30, 46
"""The sizes of letters, in pixels of a picture that is 800 wide."""

_EDGE = 28
_LEFT = 152  # where the first week begins; the names of the rows stand before it
_RIGHT = WIDTH - _EDGE
_ROW = 36
_FLAG = (36, 34)
_LEVEL = 40  # so much higher flies a flag that would hide another
_MILESTONES, _SCORES = 3, 4  # so many are drawn at most
_LEAST_SLOTS, _LEAST_SESSIONS = 4, 4  # neither one week nor one session fills the picture
_LEAST_BARS, _MOST_BARS = 96, 340
_LEAST_COMFORT, _MOST_COMFORT = 64, 190
_HATCH = 15  # from one line of a hatched bar to the next, along its edge
_NOTHING = "–"
_WIDTHS = ((" !'(),-.:;Jijl", 0.3), ('"/I[]frt', 0.42), ("&DGHMNOQUmwW%@", 0.94))
"""How wide letters are, as a share of their size; others are narrower than 0.62."""


def draw_progress(progress: "Progress", ground: str = "light") -> str:
    """The picture as an SVG of 800 x 1000. Its text needs the font that `bot.pictures.png.render` brings.

    Args:
        progress: what it shows.
        ground: `light` or `dark`.

    Raises:
        ValueError: when `ground` is another word.
    """
    if ground not in GROUNDS:
        raise ValueError(f"the ground '{ground}' is none of {', '.join(GROUNDS)}")
    colours = GROUNDS[ground]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="{FONT}">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{colours.paper}"/>'
        f"{''.join(_Sheet(progress, colours).parts())}</svg>"
    )


class _Sheet:
    """One picture while it is laid out, from the top to the bottom."""

    def __init__(self, progress: "Progress", ground: Ground) -> None:
        self._progress, self._ground, self._captions = progress, ground, progress.captions
        self._slot = (_RIGHT - _LEFT) / max(len(progress.weeks), _LEAST_SLOTS)
        self._has_sessions = any(week.done or week.planned for week in progress.weeks)
        self._has_comfort = any(week.comfort is not None for week in progress.weeks)
        self._scores = progress.scores[:_SCORES]
        self._is_rough = any(each.latest.flagged or each.first.flagged for each in self._scores)
        size = PLAIN if self._has_sessions else 40
        self._summary = [(line, size) for line in _wrapped(progress.summary, size, _RIGHT - _EDGE)]
        for count in range(_MILESTONES, -1, -1):  # rather fewer flags than bars too low to be read
            self._shown = progress.milestones[-count:] if count else ()
            self._flown = _flown([self._x(each.day) for each in self._shown])
            if self._free >= _LEAST_BARS + _LEAST_COMFORT * self._has_comfort:
                break

    @property
    def _free(self) -> float:
        """The height that is left for the bars and the line."""
        taken = 74 + sum(size + 14 for _, size in self._summary) + 24
        if self._has_sessions:
            taken += 46 + self._strip + 12 + 4 * _ROW
        if self._has_comfort:
            taken += 66 + _ROW
        return (
            HEIGHT - taken - _list_height(self._shown) - _list_height(self._scores, heading=_ROW * (1 + self._is_rough))
        )

    @property
    def _strip(self) -> int:
        """The height of the flags above the bars."""
        return _LEVEL * (1 + max((level for _, level in self._flown), default=-1))

    def parts(self) -> Iterator[str]:
        """Everything that is drawn."""
        yield self._text(_EDGE, 66, self._captions["title"], LARGE, bold=True)
        yield self._text(_RIGHT, 66, _span(self._progress.since, self._progress.until), SMALL, anchor="end")
        y = 74.0
        for line, size in self._summary:
            y += size + 14
            yield self._text(_EDGE, y, line, size)
        share = 0.6 if self._has_comfort else 1.0
        if self._has_sessions:
            y += 46
            yield from self._legend(y)
            y += 12 + self._strip
            base = y + min(self._free * share, _MOST_BARS)
            yield from self._flags(y, base)
            yield from self._bars(y, base)
            y = base + 6
            yield from self._dates(y)
            y += 2 * _ROW
            weeks = self._progress.weeks
            done = [f"{week.done}" if week.done or week.planned else _NOTHING for week in weeks]
            yield from self._figures(y, self._captions["done"], done, bold=True)
            y += _ROW
            planned = [f"{week.planned}" if week.planned else _NOTHING for week in weeks]
            yield from self._figures(y, self._captions["planned"], planned)
            y += _ROW
        if self._has_comfort:
            y += 46
            yield self._text(_EDGE, y, self._captions["comfort"], PLAIN, bold=True)
            yield self._text(_RIGHT, y, self._captions["comfort_scale"], SMALL, anchor="end")
            y += 20
            base = y + min(self._free * (1 - share), _MOST_COMFORT)
            yield from self._comfort(y, base)
            y = base
            means = [_NOTHING if week.comfort is None else number(week.comfort) for week in self._progress.weeks]
            yield from self._figures(y, "", means, bold=True)
            y += _ROW
        yield from self._milestones(y)
        y += _list_height(self._shown)
        yield from self._scores_from(y)

    def _x(self, day: date) -> float:
        """Where a day lies."""
        return _LEFT + self._slot * ((day - self._progress.since) / timedelta(weeks=1))

    def _middle(self, index: int) -> float:
        return _LEFT + self._slot * (index + 0.5)

    def _text(
        self, x: float, y: float, words: str, size: int, *, bold: bool = False, anchor: str = "start", fill: str = ""
    ) -> str:
        if not (shown := _printable(words)):
            return ""
        weight = ' font-weight="bold"' if bold else ""
        return (
            f'<text x="{number(x)}" y="{number(y)}" font-size="{size}"{weight} text-anchor="{anchor}"'
            f' fill="{fill or self._ground.ink}">{escape(shown)}</text>'
        )

    def _legend(self, y: float) -> Iterator[str]:
        yield self._text(_EDGE, y, self._captions["sessions"], PLAIN, bold=True)
        x = _RIGHT - _width(self._captions["planned"], SMALL)
        yield self._text(_RIGHT, y, self._captions["planned"], SMALL, anchor="end")
        yield self._planned(x - 44, y - 22, 34, 24)
        x -= 44 + 30
        yield self._text(x, y, self._captions["done"], SMALL, anchor="end")
        yield self._done(x - _width(self._captions["done"], SMALL) - 44, y - 22, 34, 24)

    def _planned(self, x: float, y: float, width: float, height: float) -> str:
        # Lines drawn one by one: a pattern fill of SVG takes resvg as long as all the rest.
        strokes = "".join(
            f"M{number(x + max(0, along - height))} {number(y + min(along, height))}"
            f"L{number(x + min(along, width))} {number(y + max(0, along - width))}"
            for along in range(_HATCH, int(width + height), _HATCH)
        )
        return (
            f'<rect x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'
            f' fill="{self._ground.paper}" stroke="{self._ground.ink}" stroke-width="2.5"/>'
            f'<path d="{strokes}" stroke="{self._ground.ink}" stroke-width="1.6"/>'
        )

    def _done(self, x: float, y: float, width: float, height: float) -> str:
        return (
            f'<rect x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'
            f' fill="{self._ground.accent}" stroke="{self._ground.paper}" stroke-width="3"/>'
        )

    def _bars(self, top: float, base: float) -> Iterator[str]:
        most = max(_LEAST_SESSIONS, *(max(week.done, week.planned) for week in self._progress.weeks))
        wide, narrow = min(self._slot - 8, 72), min(self._slot - 8, 72) * 0.55
        for index, week in enumerate(self._progress.weeks):
            x = self._middle(index)
            if week.planned:
                height = (base - top) * week.planned / most
                yield self._planned(x - wide / 2, base - height, wide, height)
            if week.done:
                height = (base - top) * week.done / most
                yield self._done(x - narrow / 2, base - height, narrow, height)
        yield self._line(_LEFT, base, _RIGHT, base, 3)

    def _line(self, x1: float, y1: float, x2: float, y2: float, width: float, dashes: str = "") -> str:
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        return (
            f'<path d="M{number(x1)} {number(y1)}L{number(x2)} {number(y2)}" stroke="{self._ground.ink}"'
            f' stroke-width="{number(width)}" fill="none"{dashed}/>'
        )

    def _flags(self, top: float, base: float) -> Iterator[str]:
        for index, (each, (way, level)) in enumerate(zip(self._shown, self._flown, strict=True), start=1):
            x, y = self._x(each.day), top - _LEVEL * (level + 1)
            yield self._line(x, y, x, base, 3)
            yield self._flag(x, y, index, way)

    def _flag(self, x: float, y: float, index: int, way: int = 1) -> str:
        width, height = _FLAG[0] * way, _FLAG[1]
        middle = x + 14 * way
        return (
            f'<path d="M{number(x)} {number(y)}h{width}l{-7 * way} {height / 2:g}l{7 * way} {height / 2:g}h{-width}z"'
            f' fill="{self._ground.ink}"/>'
        ) + self._text(middle, y + height - 7, f"{index}", SMALL, bold=True, anchor="middle", fill=self._ground.paper)

    def _dates(self, y: float) -> Iterator[str]:
        weeks = self._progress.weeks
        last = len(weeks) - 1
        starts = [0, *(each for each in range(1, last) if weeks[each].first.month != weeks[each - 1].first.month)]
        if len(starts) > 1 and starts[1] == 1 and last > 4:  # too near each other to be read
            starts = starts[1:]
        for index, week in enumerate(weeks):
            yield self._text(self._middle(index), y + 28, f"{week.first.day}", SMALL, anchor="middle")
            below = self._captions["now"] if index == last else f"{week.first:%b}" if index in starts else ""
            yield self._text(self._middle(index), y + 60, below, SMALL, anchor="middle")

    def _figures(self, y: float, name: str, figures: Sequence[str], *, bold: bool = False) -> Iterator[str]:
        yield self._text(_EDGE, y + 28, name, SMALL)
        for index, figure in enumerate(figures):
            yield self._text(self._middle(index), y + 28, figure, SMALL, bold=bold, anchor="middle")

    def _comfort(self, top: float, base: float) -> Iterator[str]:
        for value in (0, 5, 10):
            y = base - (base - top) * value / 10
            yield self._line(_LEFT, y, _RIGHT, y, 1.5, dashes="2 8")
            if value != 5:
                yield self._text(_LEFT - 14, y + 9, f"{value}", SMALL, anchor="end")
        points = [
            None if week.comfort is None else (self._middle(index), base - (base - top) * week.comfort / 10)
            for index, week in enumerate(self._progress.weeks)
        ]
        for here, there in pairwise(points):
            if here and there:
                yield self._line(*here, *there, 5)
        for point in points:
            if point:
                yield (
                    f'<circle cx="{number(point[0])}" cy="{number(point[1])}" r="9" fill="{self._ground.paper}"'
                    f' stroke="{self._ground.ink}" stroke-width="5"/>'
                )

    def _milestones(self, y: float) -> Iterator[str]:
        y += 14
        for index, each in enumerate(self._shown, start=1):
            y += _ROW
            yield self._flag(_EDGE, y - 27, index)
            yield self._text(_EDGE + 50, y, f"{each.day.day} {each.day:%b}", SMALL)
            yield self._text(_LEFT + 24, y, _clipped(each.words, SMALL, _RIGHT - _LEFT - 24), SMALL)

    def _scores_from(self, y: float) -> Iterator[str]:
        if not self._scores:
            return
        y += 14 + _ROW
        first, latest, which = 452, 556, 580
        yield self._text(_EDGE, y, self._captions["scores"], PLAIN, bold=True)
        yield self._text(first, y, self._captions["first"], SMALL, anchor="end")
        yield self._text(latest, y, self._captions["latest"], SMALL, anchor="end")
        for each in self._scores:
            y += _ROW
            yield self._text(_EDGE, y, _clipped(each.name, SMALL, first - _EDGE - 90), SMALL)
            if each.change is not None:
                yield self._text(first, y, each.first.shown, SMALL, anchor="end")
            yield self._text(latest, y, each.latest.shown, SMALL, bold=True, anchor="end")
            yield self._text(which, y, self._captions["higher" if each.higher_is_better else "lower"], SMALL)
        if self._is_rough:
            yield self._text(_EDGE, y + _ROW, self._captions["rough"], SMALL)


def _list_height(rows: Sequence[object], heading: int = 0) -> int:
    return 14 + heading + _ROW * len(rows) if rows else 0


def _flown(places: Sequence[float]) -> list[tuple[int, int]]:
    """For flags from left to right: which way each flies (1 right, -1 left) and how high. None hides another."""
    for ways in product((1, -1), repeat=len(places)):
        spans = [sorted((x, x + way * _FLAG[0])) for x, way in zip(places, ways, strict=True)]
        if all(here[1] <= there[0] for here, there in pairwise(spans)) and all(end <= WIDTH - 8 for _, end in spans):
            return [(way, 0) for way in ways]
    levels: list[int] = []
    for x in places:  # all to the left, each above those that it would hide
        levels.append(
            max((level for level, other in zip(levels, places, strict=False) if other > x - 40), default=-1) + 1
        )
    return [(-1, level) for level in levels]


def _span(since: date, until: date) -> str:
    years = "" if since.year == until.year else f" {since.year}"
    return f"{since.day} {since:%b}{years} – {until.day} {until:%b %Y}"


def _printable(words: str) -> str:
    """In one line, without the signs that XML doesn't allow."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())


def _width(words: str, size: int) -> float:
    """About how wide words are in plain letters; rather more than less."""
    return size * sum(next((width for letters, width in _WIDTHS if letter in letters), 0.62) for letter in words)


def _clipped(words: str, size: int, width: float) -> str:
    if _width(words, size) <= width:
        return words
    while words and _width(words + "…", size) > width:
        words = words[:-1]
    return words.rstrip() + "…"


def _wrapped(words: str, size: int, width: float) -> list[str]:
    lines: list[str] = []
    for word in words.split():
        if lines and _width(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
