"""Lines of a drawing: curves through points, as the path data of SVG."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

type Point = tuple[float, float]


def number(value: float) -> str:
    """A coordinate to a tenth of a pixel, without a needless `.0` or a minus before zero."""
    return f"{round(value, 1) + 0.0:g}"


def _pair(point: Point) -> str:
    return f"{number(point[0])} {number(point[1])}"


def _bends(points: Sequence[Point], *, closed: bool) -> str:
    """Cubic pieces through all points (Catmull-Rom): smooth at every point but the two ends."""
    before, after = (points[-1], points[0]) if closed else (points[0], points[-1])
    ring = [before, *points, after, *([points[1]] if closed else [])]
    pieces = []
    for a, b, c, d in zip(ring, ring[1:], ring[2:], ring[3:], strict=False):
        leave = (b[0] + (c[0] - a[0]) / 6, b[1] + (c[1] - a[1]) / 6)
        arrive = (c[0] - (d[0] - b[0]) / 6, c[1] - (d[1] - b[1]) / 6)
        pieces.append(f"C{_pair(leave)} {_pair(arrive)} {_pair(c)}")
    return "".join(pieces)


def curve(points: Sequence[Point]) -> str:
    """An open line, smooth through all points in order."""
    return f"M{_pair(points[0])}{_bends(points, closed=False)}"


def loop(points: Sequence[Point]) -> str:
    """A closed line, smooth through all points in order."""
    return f"M{_pair(points[0])}{_bends(points, closed=True)}Z"


def joined(*parts: Sequence[Point]) -> str:
    """Several smooth lines drawn as one, with a corner where one ends and the next begins."""
    path = curve(parts[0])
    for before, after in pairwise(parts):
        start = "" if before[-1] == after[0] else f"L{_pair(after[0])}"
        path += start + _bends(after, closed=False)
    return path


def shape(*parts: Sequence[Point]) -> str:
    """As `joined`, and closed."""
    return joined(*parts) + "Z"


def polygon(points: Iterable[Point]) -> str:
    """A closed figure with straight edges."""
    return "M" + "L".join(_pair(point) for point in points) + "Z"


def between(a: Point, b: Point, share: float) -> Point:
    """The point at `share` (0 to 1) of the way from a to b."""
    return (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share)
