"""The muscles under the skin, as soft see-through shapes on one side of the face."""

from collections.abc import Callable

from bot.pictures.features import eye_opening, lips
from bot.pictures.ground import Ground
from bot.pictures.line import Point, between, curve, loop, shape
from bot.pictures.pose import MOUTH_LINE, Pose

type Outline = Callable[[Pose, int], str]  # side: 1 for the weak side, -1 for the other


def _blob(pose: Pose, side: int, *edge: Point) -> str:
    """A soft shape through points of one side, which move with the head."""
    return loop([pose.at(side * x, y) for x, y in edge])


def _corner(pose: Pose, side: int) -> Point:
    """The mouth corner, as far out as it is."""
    x, y = pose.corner(side)
    return (abs(x), y)


def _frontalis(pose: Pose, side: int) -> str:
    up = pose.brow
    above = ((14, 246 - up * 0.7), (16, 190), (34, 160), (74, 158), (108, 178), (128, 212))
    brow = ((130, 250 - up * 0.9), (98, 242 - up), (64, 241 - up), (34, 249 - up * 0.9))
    return _blob(pose, side, *above, *brow)


def _corrugator(pose: Pose, side: int) -> str:
    up = pose.brow * 0.9
    above = ((7, 282 - up), (20, 266 - up), (48, 250 - up), (76, 242 - up))
    return _blob(pose, side, *above, (80, 253 - up), (56, 268 - up), (28, 283 - up), (14, 290 - up))


def _orbicularis_oculi(pose: Pose, side: int) -> str:
    up = pose.brow * 0.5
    above = ((26, 312), (36, 280 - up), (64, 264 - up), (96, 265 - up), (124, 282 - up), (136, 312))
    ring = _blob(pose, side, *above, (124, 342), (94, 360), (60, 357), (36, 339))
    upper, under = eye_opening(pose, side)
    return ring + (shape(upper, under[::-1]) if pose.lid else "")


def _levator_palpebrae(pose: Pose, side: int) -> str:
    margin = eye_opening(pose, side)[0]
    top = [pose.at(side * x, y) for x, y in ((118, 288), (100, 272), (78, 267), (56, 272), (42, 290))]
    return shape(margin, top, margin[:1])


def _levator_labii(pose: Pose, side: int) -> str:
    wing, lip = pose.wrinkle, pose.upper
    outer = ((28, 330), (44, 328), (62, 348), (58, 390 - wing), (50, 430 - lip))
    return _blob(pose, side, *outer, (32, 440 - lip), (38, 408 - wing), (36, 366))


def _zygomaticus(pose: Pose, side: int) -> str:
    x, y = _corner(pose, side)
    above = ((x + 1, y + 4), (x + 6, y - 16), (104, 384), (128, 352), (146, 356))
    return _blob(pose, side, *above, (142, 378), (118, 410), (x + 20, y - 4))


def _risorius(pose: Pose, side: int) -> str:
    x, y = _corner(pose, side)
    above = ((x + 2, y), (x + 26, y - 8), (128, 446), (146, 440))
    return _blob(pose, side, *above, (146, 464), (126, 476), (x + 28, y + 14))


def _buccinator(pose: Pose, side: int) -> str:
    x, y = _corner(pose, side)
    above = ((x + 2, y + 2), (x + 14, y - 18), (96, 410), (126, 404), (136, 428))
    return _blob(pose, side, *above, (132, 468), (122, 490), (94, 494), (x + 16, y + 20))


def _half_ring(pose: Pose, side: int) -> tuple[list[Point], list[Point]]:
    """The outer and the inner edge of one half of the mouth's ring: over the lip to the corner and under it back."""
    edges = lips(pose)
    half = len(edges.upper) // 2

    def on_this_side(edge: list[Point]) -> list[Point]:
        """From the corner to the middle."""
        return edge[: half + 1] if side > 0 else edge[half:][::-1]

    x, y = _corner(pose, side)
    top, foot = MOUTH_LINE - 26 - pose.upper, MOUTH_LINE + 40 + pose.gap
    over = [(0, top + 3), (x * 0.5, top), (x + 10, (top + y) / 2), (x + 20, y + 2)]
    under = [(x + 8, (foot + y) / 2 + 4), (x * 0.5, foot), (0, foot + 1)]
    outer = [pose.turned.at(side * a, b) for a, b in (*over, *under)]
    inner = [*on_this_side(edges.upper)[::-1], *on_this_side(edges.lower)] if pose.gap else []
    return outer, inner


def _orbicularis_oris(pose: Pose, side: int) -> str:
    outer, inner = _half_ring(pose, side)
    return shape(outer, inner[::-1]) if inner else shape(outer)


def _edge_of_the_ring(pose: Pose, side: int) -> str:
    """Without the line in the middle, where the other half goes on."""
    return "".join(curve(edge) for edge in _half_ring(pose, side) if edge)


def _depressor_anguli_oris(pose: Pose, side: int) -> str:
    x, y = _corner(pose, side)
    return _blob(pose, side, (x - 3, y), (x + 8, y + 2), (88, 506), (102, 530), (78, 543), (56, 545), (x + 2, 510))


def _depressor_labii(pose: Pose, side: int) -> str:
    low = pose.gap - pose.jaw
    lip = ((7, 482 + low), (22, 484 + low), (40, 480 + low))
    return _blob(pose, side, *lip, (56, 506), (70, 538), (48, 550), (30, 534), (14, 506 + low * 0.5))


def _mentalis(pose: Pose, side: int) -> str:
    return _blob(pose, side, (3, 502), (13, 500), (25, 516), (29, 538), (17, 552), (4, 551))


def _platysma(pose: Pose, side: int) -> str:
    jaw = [pose.at(side * x, y, (y - 330) * 0.42) for x, y in ((136, 484), (108, 522), (66, 552), (24, 556))]
    foot = [(side * x, y) for x, y in ((22, 620), (34, 668), (60, 697), (126, 692), (190, 694), (188, 682), (140, 664))]
    back = [(side * 102, 632), between((side * 94, 570), jaw[0], 0.35)]
    return loop([*jaw, *foot, *back])


def _masseter(pose: Pose, side: int) -> str:
    outer = ((106, 378), (134, 362), (154, 364), (156, 400), (148, 446), (134, 486))
    return _blob(pose, side, *outer, (116, 498), (103, 484), (104, 432))


def _sternocleidomastoid(pose: Pose, side: int) -> str:
    ear, jaw = pose.at(side * 150, 440, -10), pose.at(side * 70, 500, 0)
    outer = [ear, (side * 96 + (ear[0] - side * 150) * 0.4, 560), (side * 66, 650), (side * 30, 722)]
    inner = [(side * 14, 728), (side * 12, 708), (side * 34, 640), (side * 54 + (jaw[0] - side * 70) * 0.3, 560), jaw]
    return loop([*outer, *inner])


MUSCLES: dict[str, Outline] = {
    "frontalis": _frontalis,
    "corrugator": _corrugator,
    "orbicularis-oculi": _orbicularis_oculi,
    "levator-palpebrae": _levator_palpebrae,
    "levator-labii": _levator_labii,
    "zygomaticus": _zygomaticus,
    "risorius": _risorius,
    "buccinator": _buccinator,
    "orbicularis-oris": _orbicularis_oris,
    "depressor-anguli-oris": _depressor_anguli_oris,
    "depressor-labii": _depressor_labii,
    "mentalis": _mentalis,
    "platysma": _platysma,
    "masseter": _masseter,
    "sternocleidomastoid": _sternocleidomastoid,
}
BENEATH_THE_JAW = ("platysma", "sternocleidomastoid")  # drawn on the neck, with the head before them
_EDGES: dict[str, Outline] = {"orbicularis-oris": _edge_of_the_ring}


def _shown(name: str, pose: Pose, side: int, ground: Ground, *, opacity: float, edge: str) -> str:
    inside, line = MUSCLES[name](pose, side), _EDGES.get(name, MUSCLES[name])(pose, side)
    return (
        f'<path d="{inside}" fill="{ground.accent}" fill-opacity="{opacity}" fill-rule="evenodd" stroke="none"/>'
        f'<path d="{line}" stroke="{ground.accent}" stroke-width="3"{edge}/>'
    )


def muscle(name: str, pose: Pose, side: int, ground: Ground) -> str:
    """One muscle on one side, as an element that bears its name."""
    whose = "weak" if side > 0 else "other"
    inside = ' clip-path="url(#neck)"' if name in BENEATH_THE_JAW else ""
    drawn = _shown(name, pose, side, ground, opacity=0.4, edge="")
    return f'<g id="{name}-{whose}"{inside}>{drawn}</g>'


def muscle_under_a_hand(name: str, pose: Pose, side: int, ground: Ground) -> str:
    """The same muscle where a hand lies on it: dashed, as everything that is hidden. Clip it to the hand."""
    inside = ' clip-path="url(#neck)"' if name in BENEATH_THE_JAW else ""
    drawn = _shown(name, pose, side, ground, opacity=0.22, edge=' stroke-dasharray="8 8"')
    return f"<g{inside}>{drawn}</g>"
