"""Arrows: which way a part moves, round and round, or held still."""

import math

from bot.pictures.ground import Ground
from bot.pictures.line import Point, curve, number, polygon

_SLANT = math.sqrt(0.5)
DIRECTIONS: dict[str, Point] = {
    "up": (0, -1),
    "down": (0, 1),
    "in": (-1, 0),
    "out": (1, 0),
    "up-out": (_SLANT, -_SLANT),
    "up-in": (-_SLANT, -_SLANT),
    "down-out": (_SLANT, _SLANT),
    "down-in": (-_SLANT, _SLANT),
}
SIGNS = ("circle", "hold")
_BOLD = 11


def _bold(path: str, ground: Ground) -> str:
    """A bold line with a rim of the ground's colour, so that it stands out from what lies under it."""
    return (
        f'<path d="{path}" stroke="{ground.paper}" stroke-width="{_BOLD + 10}"/>'
        f'<path d="{path}" stroke="{ground.accent}" stroke-width="{_BOLD}"/>'
    )


def _with_head(line: list[Point], along: Point, ground: Ground, size: float) -> str:
    end, across = line[-1], (-along[1], along[0])

    def at(forth: float, aside: float) -> Point:
        forth, aside = forth * size, aside * size
        return (end[0] + along[0] * forth + across[0] * aside, end[1] + along[1] * forth + across[1] * aside)

    head = polygon([at(22, 0), at(-8, 18), at(-8, -18)])
    rim = f'<path d="{head}" fill="{ground.paper}" stroke="{ground.paper}" stroke-width="16"/>'
    tip = f'<path d="{head}" fill="{ground.accent}" stroke="{ground.accent}" stroke-width="6"/>'
    return rim + _bold(curve(line), ground) + tip


def arrow(middle: Point, towards: str, side: int, ground: Ground, size: float = 1) -> str:
    """An arrow about its middle, the sign for round and round, or the sign for holding still.

    Args:
        middle: where.
        towards: one of DIRECTIONS or SIGNS; "out" is away from the middle of the face.
        side: 1 for the weak side, -1 for the other.
        ground: the colours.
        size: 1 where there is room.
    """
    x, y = middle
    if towards == "hold":
        radius = number(21 + 6 * size)
        disc = f'<circle cx="{number(x)}" cy="{number(y)}" r="{radius}" fill="{ground.paper}"'
        bars = "".join(f"M{number(x + aside)} {number(y - 8)}V{number(y + 8)}" for aside in (-7, 7))
        line = f'stroke="{ground.accent}" stroke-width='
        return f'{disc} {line}"6"/><path d="{bars}" {line}"8"/>'
    if towards == "circle":
        radius_of_turn = 29 * size
        turns = [math.radians(angle) for angle in range(-30, 226, 15)]
        ring = [(x + side * radius_of_turn * math.cos(turn), y + radius_of_turn * math.sin(turn)) for turn in turns]
        ahead = turns[-1] + 0.35
        return _with_head(ring, (-side * math.sin(ahead), math.cos(ahead)), ground, 0.72 * size)
    along = (DIRECTIONS[towards][0] * side, DIRECTIONS[towards][1])
    ends = [(x + along[0] * reach * size, y + along[1] * reach * size) for reach in (-40, 16)]
    return _with_head(ends, along, ground, size)
