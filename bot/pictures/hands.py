"""Hands, and what hands hold, as simple outlines that touch the face at a point."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.pictures.ground import Ground, area, outlined, stroke
from bot.pictures.line import Point, curve, joined, loop, polygon, shape

# Everything here is drawn pointing up with the touching part at (0, 0), thumb to the right, and then turned.


@dataclass(frozen=True)
class Held:
    """A hand or a thing, drawn: its elements, and the figure within which it hides the face, if any."""

    drawn: str
    covers: str = ""


type Drawing = Callable[[Ground], Held]


def _finger(base: Point, tip: Point, width: float, *, nail: bool) -> tuple[list[Point], list[str]]:
    """A straight finger's outline from its left base round the tip to its right base, and its nail."""
    length = math.dist(base, tip)
    along = ((tip[0] - base[0]) / length, (tip[1] - base[1]) / length)
    across = (-along[1], along[0])

    def at(up: float, right: float) -> Point:
        return (base[0] + along[0] * up + across[0] * right, base[1] + along[1] * up + across[1] * right)

    half = width / 2
    bend = length - half
    outline = [
        at(0, -half), at(bend * 0.6, -half * 0.96), at(bend, -half * 0.9), at(length - half * 0.22, -half * 0.52),
        at(length, 0),
        at(length - half * 0.22, half * 0.52), at(bend, half * 0.9), at(bend * 0.6, half * 0.96), at(0, half),
    ]  # fmt: skip
    marks = []
    if nail:
        near, far = length - width * 0.82, length - width * 0.2
        round_nail = [
            at(near, -half * 0.42),
            at(far, -half * 0.4),
            at(far + 3, 0),
            at(far, half * 0.4),
            at(near, half * 0.42),
            at(near - 3, 0),
        ]
        marks.append(stroke(loop(round_nail)))
    return outline, marks


def _hand(ground: Ground, outline: Sequence[Sequence[Point]], *details: str) -> Held:
    """A hand, its outline running from one side of the wrist to the other, with a cuff about the wrist."""
    left, right = outline[0][0], outline[-1][-1]
    far = ((right[1] - left[1]) * 0.36, (left[0] - right[0]) * 0.36)  # along the arm, away from the fingers
    wide = ((right[0] - left[0]) * 0.12, (right[1] - left[1]) * 0.12)
    near_left, near_right = (left[0] - wide[0], left[1] - wide[1]), (right[0] + wide[0], right[1] + wide[1])
    ends = [(near_right[0] - far[0], near_right[1] - far[1]), (near_left[0] - far[0], near_left[1] - far[1])]
    cuff = outlined(polygon([near_left, near_right, *ends]), ground.tint)
    covers = shape(*outline)
    return Held(area(covers, ground.paper) + stroke(joined(*outline)) + "".join(details) + cuff, covers)


def _fingertip(ground: Ground) -> Held:
    index, nail = _finger((0, 122), (0, -6), 32, nail=True)
    little = [(-80, 250), (-86, 190), (-98, 150), (-97, 116), (-92, 100), (-82, 95), (-73, 104)]
    ring = [(-73, 98), (-68, 84), (-56, 80), (-46, 92)]
    middle = [(-46, 88), (-40, 74), (-26, 72), (-16, 88)]
    thumb = [(16, 122), (22, 106), (34, 98), (45, 106), (46, 124), (34, 156), (12, 196), (2, 250)]
    folds = ([(-46, 92), (-45, 118)], [(-73, 104), (-71, 126)], [(16, 122), (14, 140), (5, 158)])
    return _hand(ground, [little, ring, middle, index, thumb], *(stroke(curve(fold)) for fold in folds), *nail)


def _two_fingers(ground: Ground) -> Held:
    index, first = _finger((16, 122), (16, -2), 31, nail=True)
    middle, second = _finger((-16, 122), (-16, -10), 31, nail=True)
    little = [(-70, 250), (-76, 190), (-86, 150), (-84, 116), (-79, 100), (-69, 95), (-60, 104)]
    ring = [(-60, 96), (-54, 82), (-42, 78), (-32, 92)]
    thumb = [(32, 122), (38, 106), (50, 98), (60, 106), (60, 124), (48, 156), (26, 196), (16, 250)]
    folds = ([(-60, 102), (-58, 124)], [(32, 122), (29, 140), (20, 158)])
    details = (stroke(curve(fold)) for fold in folds)
    return _hand(ground, [little, ring, middle, index, thumb], *details, *first, *second)


def _open_hand(ground: Ground, *, down: float) -> Held:
    """An open hand, fingers together, `down` pixels below the touching point."""
    bases = ((-49, 138), (-18, 128), (14, 128), (45, 136))
    tips = ((-60, 42), (-22, 4), (16, 0), (50, 18))
    outline: list[list[Point]] = [[(-34, 300), (-44, 260), (-66, 214), (-68, 170), (-65, 138)]]
    details: list[str] = []
    for base, tip, width in zip(bases, tips, (28, 31, 31, 30), strict=True):
        finger, nail = _finger((base[0], base[1] + down), (tip[0], tip[1] + down), width, nail=True)
        outline.append([(x, y - down) for x, y in finger[1:-1]])
        details += nail
    side = [(60, 136), (64, 170), (78, 156), (94, 124), (108, 116), (118, 128), (112, 156)]
    outline.append([*side, (90, 206), (58, 256), (50, 300)])
    knuckles = ((-34, 134, 10), (-2, 128, 12), (30, 130, 12))
    details += [stroke(curve([(x, y + down - tall), (x, y + down + tall)])) for x, y, tall in knuckles]
    return _hand(ground, [[(x, y + down) for x, y in part] for part in outline], *details)


def _flat_pads(ground: Ground) -> Held:
    return _open_hand(ground, down=-26)


def _palm(ground: Ground) -> Held:
    return _open_hand(ground, down=-134)


def _back_of_finger(ground: Ground) -> Held:
    """A finger lying on its back: no nail is seen, but the creases of its joints."""
    finger, _ = _finger((4, 116), (0, -22), 33, nail=False)
    last = [(-62, 250), (-70, 196), (-82, 156), (-80, 124), (-72, 106), (-58, 100), (-46, 110)]
    curled = [(-46, 106), (-40, 92), (-26, 88), (-14, 100)]
    thumb = [(20, 116), (30, 128), (42, 146), (36, 180), (22, 214), (18, 250)]
    creases = [[(-9, y + 1), (1, y + 4), (11, y + 1)] for y in (14, 62)]
    folds = (*creases, [(-46, 110), (-44, 134)], [(-14, 116), (-6, 134), (10, 142)])
    return _hand(ground, [last, curled, finger, thumb], *(stroke(curve(fold)) for fold in folds))


def thumb_inside(corner: Point, cheek: Point, ground: Ground) -> Held:
    """A hand whose thumb goes in at the mouth corner, dashed where the cheek hides it, a finger on the cheek outside.

    Args:
        corner: the mouth corner, as far out as it is (not negative).
        cheek: where thumb and finger meet, in the same way.
        ground: the colours.
    """
    inside, _ = _finger((corner[0] + 2, corner[1] + 4), (cheek[0] - 2, cheek[1] - 32), 31, nail=False)
    hidden = stroke(curve(inside), ' stroke-dasharray="9 10"')
    finger, nail = _finger((132, 606), (cheek[0] + 16, cheek[1] + 12), 31, nail=True)
    little: list[Point] = [(176, 800), (188, 716), (205, 668), (206, 636), (196, 620), (186, 622), (180, 634)]
    ring = [(180, 624), (172, 606), (160, 606), (151, 618)]
    web = [(117, 608), (106, 622), (92, 606)]
    thumb = [(92, 606), (86, 540), (corner[0] + 16, corner[1] + 10), (corner[0] + 13, corner[1] + 1)]
    back = [
        (corner[0] - 14, corner[1] + 5),
        (corner[0] - 12, corner[1] + 14),
        (50, 556),
        (56, 622),
        (82, 690),
        (88, 800),
    ]
    return _hand(ground, [little, ring, finger[::-1], web, thumb, back], *nail, hidden)


def _cloth(ground: Ground) -> Held:
    """A folded cloth under the fingers."""
    edge = [(-78, -46), (-20, -56), (36, -52), (84, -40), (90, 10), (82, 62), (30, 72), (-28, 70), (-76, 60), (-84, 4)]
    fold = stroke(curve([(-64, -26), (-10, -36), (66, -24)]))
    hand = _open_hand(ground, down=-6)
    return Held(outlined(loop(edge), ground.tint) + fold + hand.drawn, loop(edge) + hand.covers)


def _brush(ground: Ground) -> Held:
    handle = [(-7, 84), (-8, 150), (-5, 250), (0, 258), (5, 250), (8, 150), (7, 84)]
    left, right = [(-13, 58), (-24, 26), (-16, -2), (0, -12)], [(0, -12), (16, -2), (24, 26), (13, 58)]
    return Held(
        outlined(shape(handle), ground.tint)
        + outlined(shape(left, right), ground.paper)
        + outlined(polygon([(-13, 58), (13, 58), (10, 86), (-10, 86)]), ground.paper)
        + "".join(stroke(curve([(x * 0.8, 46), (x * 1.3, 16)])) for x in (-9, 0, 9))
    )


def _tape(ground: Ground) -> Held:
    """A strip with cut ends, lying across the point, thin enough to see the lid under it."""
    cut = ((-18, -76), (-9, -69), (0, -76), (9, -69), (18, -76))
    strip = polygon([*cut, *((-x, -y) for x, y in cut)])
    return Held(f'<path d="{strip}" fill="{ground.tint}" fill-opacity="0.8"/>')


def _cup(ground: Ground) -> Held:
    """A cup with a thin rim."""
    handle = [[(52, 24), (86, 20), (92, 54), (78, 82), (46, 82)], [(46, 70), (64, 70), (76, 54), (72, 34), (52, 38)]]
    body = [[(-58, 2), (-54, 50), (-42, 104)], [(-42, 104), (0, 110), (42, 104)], [(42, 104), (54, 50), (58, 2)]]
    rim = outlined(loop([(-58, 2), (0, -8), (58, 2), (0, 12)]), ground.paper)
    return Held(outlined(shape(*handle), ground.paper) + outlined(shape(*body), ground.tint) + rim)


HANDS: dict[str, Drawing] = {
    "fingertip": _fingertip,
    "two-fingers": _two_fingers,
    "flat-pads": _flat_pads,
    "palm": _palm,
    "back-of-finger": _back_of_finger,
    "cloth": _cloth,
    "brush": _brush,
    "tape": _tape,
    "cup": _cup,
}
