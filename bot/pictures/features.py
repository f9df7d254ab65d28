"""The face without marks: neck, head, hair, ears, eyes, nose and mouth, in a pose."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from bot.pictures.ground import Ground, area, outlined, stroke
from bot.pictures.line import Point, curve, loop, number, polygon, shape
from bot.pictures.pose import DROOP, MOUTH_LINE, Pose

HALVES = (1, -1)  # the weak side, the other side
_FACE: tuple[Point, ...] = ((172, 250), (172, 330), (164, 400), (148, 462), (116, 514), (72, 550), (30, 563))
_CROWN: tuple[Point, ...] = ((60, 74), (120, 104), (160, 168))
_HAIR: tuple[Point, ...] = ((172, 298), (183, 250), (184, 186), (152, 102), (84, 54))


def _mirrored(half: tuple[Point, ...], middle: Point | None = None) -> list[Point]:
    """A line from the weak side over the middle to the other side."""
    return [*half, *([middle] if middle else []), *((-x, y) for x, y in reversed(half))]


def neck(pose: Pose, ground: Ground) -> Iterator[str]:
    """Neck, shoulders and collarbones; the head hides the neck's upper end."""
    sides = []
    for side in HALVES:
        top = pose.at(side * 94, 430, 0)
        lean = top[0] - side * 94
        throat = (side * 87 + lean * 0.35, 565)
        slope = [
            (side * 93 + lean * 0.1, 612),
            (side * 120, 645),
            (side * 205, 678),
            (side * 300, 704),
            (side * 400, 742),
        ]
        sides.append([top, throat, *slope])
    weak, other = sides
    body = shape(weak, [(0, 830)], other[::-1])
    yield f'<clipPath id="neck"><path d="{body}"/></clipPath>'
    yield area(body, ground.paper)
    yield stroke(curve(weak))
    yield stroke(curve(other))
    for side in HALVES:
        yield stroke(curve([(side * 28, 722), (side * 66, 705), (side * 140, 700), (side * 215, 708)]))
    yield stroke(curve([(-11, 732), (0, 738), (11, 732)]))


def pillow(ground: Ground) -> Iterator[str]:
    """Two pillows behind head and neck, so that the head lies raised."""
    corner = ((286, 96), (338, 128), (326, 320), (338, 520), (294, 566))
    for down in (44, 0):
        side = [(x, y + down) for x, y in [*corner, (120, 556)]]
        yield outlined(
            loop([*_mirrored(tuple(side)), (-120, 108 + down), (0, 102 + down), (120, 108 + down)]), ground.tint
        )
    for which in HALVES:
        yield stroke(curve([(which * 306, 130), (which * 286, 158), (which * 278, 190)]))
        yield stroke(curve([(which * 306, 536), (which * 284, 508), (which * 276, 474)]))


def blanket(ground: Ground) -> Iterator[str]:
    """A blanket up to the chest."""
    edge: list[Point] = [(-405, 690), (-200, 676), (0, 694), (200, 676), (405, 690)]
    yield outlined(shape(edge, [(405, 815), (-405, 815)]), ground.tint)
    yield stroke(curve([(x, y + 26) for x, y in edge]))


def _edge(pose: Pose, x: float, y: float, z: float) -> Point:
    """A point of the head's edge. On the far side of a turned head the cheek lies before the ear and is the edge."""
    placed = pose.at(x, y, z)
    turned = math.sin(math.radians(pose.yaw))
    far = 60 * abs(turned) if x * turned < 0 else 0
    return (placed[0] + math.copysign(far, x) * min(1, max(0, (560 - y) / 90)) * min(1, abs(x) / 120), placed[1])


def _outline(pose: Pose) -> list[Point]:
    points = [_edge(pose, x, y, max(0, (y - 330) * 0.42)) for x, y in _mirrored(_FACE)]
    crown = [_edge(pose, x, y, -20) for x, y in _mirrored(_CROWN[::-1], (0, 66))][::-1]
    return [*points, *crown]


def head(pose: Pose, ground: Ground) -> Iterator[str]:
    """Ears, and the head as a plain surface; its lines come with `lines`."""
    for side in HALVES:
        rim = ((168, 300), (190, 286), (202, 300), (200, 340), (188, 378), (176, 396), (162, 392))
        yield outlined(curve([pose.at(side * x, y, -10) for x, y in rim]), ground.paper)
        fold = ((178, 312), (190, 308), (190, 338), (180, 360))
        yield stroke(curve([pose.at(side * x, y, -10) for x, y in fold]))
    yield area(loop(_outline(pose)), ground.paper)


def lines(pose: Pose, ground: Ground) -> Iterator[str]:
    """Outline, hair, brows, eyes, nose and mouth."""
    yield stroke(loop(_outline(pose)))
    yield from _hair(pose, ground)
    for side in HALVES:
        yield from _brow(pose, ground, side)
        yield from _eye(pose, ground, side)
    yield from _nose(pose)
    yield from _mouth(pose, ground)
    for side in HALVES:
        yield from _cheek(pose, side)


def _hair(pose: Pose, ground: Ground) -> Iterator[str]:
    """Short hair with a parting; nobody's in particular."""
    outer = [_edge(pose, x, y, -20) for x, y in _mirrored(_HAIR, (0, 38))]
    hairline = [(166, 296), (158, 236), (140, 190), (98, 152), (54, 128)]
    swept = [(54, 128), (-10, 140), (-84, 146), (-132, 186), (-156, 236), (-166, 296)]
    inner = [[_edge(pose, x, y, max(-20, 100 - abs(x) * 0.72)) for x, y in part] for part in (hairline, swept)]
    yield outlined(shape(outer, inner[1][::-1], inner[0][::-1]), ground.tint)
    yield stroke(curve([pose.at(*point) for point in ((54, 128, 62), (60, 100, 40), (82, 76, 10))]))


def _brow(pose: Pose, ground: Ground, side: int) -> Iterator[str]:
    up = pose.brow - (DROOP if side > 0 else 0)
    upper = [(29, 261 - up * 0.85), (37, 257 - up * 0.9), (66, 248 - up), (100, 249 - up * 1.05), (129, 266 - up * 0.9)]
    under = [(129, 266 - up * 0.9), (99, 257 - up * 1.05), (66, 257 - up), (37, 265 - up * 0.9), (29, 261 - up * 0.85)]
    parts = [[pose.at(side * x, y) for x, y in part] for part in (upper, under)]
    yield area(shape(*parts), ground.ink)
    if pose.brow > 10:
        for y, reach in ((176, 70), (200, 80)):
            folds = [(18, y + 5), (reach * 0.6, y - 3), (reach + 16, y + 7)]
            yield stroke(curve([pose.at(side * x, height) for x, height in folds]))


def eye_opening(pose: Pose, side: int) -> tuple[list[Point], list[Point]]:
    """The edges of upper and lower lid, from the inner to the outer corner."""
    middle = 312.0
    lift = 17 * pose.lid - 9 * (1 - pose.lid)
    low = 12.0
    upper = [
        (40, middle + 5),
        (56, middle - lift * 0.72),
        (77, middle - lift),
        (98, middle - lift * 0.7),
        (114, middle),
    ]
    under = [(40, middle + 5), (58, middle + low * 0.75), (78, middle + low), (99, middle + low * 0.75), (114, middle)]
    if pose.lid == 0:
        upper = [(40, middle + 4), (57, middle + 11), (77, middle + 14), (97, middle + 11), (116, middle + 1)]
        under = upper
    return [pose.at(side * x, y) for x, y in upper], [pose.at(side * x, y) for x, y in under]


def _crease(pose: Pose, side: int) -> list[Point]:
    """The fold of the upper lid, from the inner to the outer corner."""
    up = 2 * pose.lid + pose.brow * 0.25 - (DROOP / 2 if side > 0 else 0)
    points = ((50, 296 - up), (64, 288 - up), (84, 285 - up), (104, 291 - up), (118, 302 - up))
    return [pose.at(side * x, y) for x, y in points]


def _eye(pose: Pose, ground: Ground, side: int) -> Iterator[str]:
    upper, under = eye_opening(pose, side)
    name = "weak" if side > 0 else "other"
    if pose.lid > 0:
        x, y = pose.at(side * 77, 311 + pose.gaze)
        # Under a half-closed lid a ring would be a knot of lines: the iris is then a disc.
        fill = f' fill="{ground.ink}"' if pose.lid < 0.7 else ""
        iris = f'<circle cx="{number(x)}" cy="{number(y)}" r="{13 if fill else 18}"{fill}/>'
        yield f'<clipPath id="eye-{name}"><path d="{shape(upper, under[::-1])}"/></clipPath>'
        yield (
            f'<g clip-path="url(#eye-{name})">'
            f"{area(shape(upper, under[::-1]), ground.paper)}"
            f'{iris}<circle cx="{number(x)}" cy="{number(y)}" r="8" fill="{ground.ink}" stroke="none"/></g>'
        )
        yield stroke(curve(under))
    yield stroke(curve(upper))
    if pose.lid > 0:
        yield stroke(curve(_crease(pose, side)))


def _nose(pose: Pose) -> Iterator[str]:
    up = pose.wrinkle
    for side in HALVES:
        bridge = [(side * 17, 290, 150), (side * 14, 330, 165), (side * 17, 362, 178)]
        wing = [
            (side * 29, 375 - up, 170),
            (side * 38, 392 - up, 165),
            (side * 33, 408 - up, 162),
            (side * 21, 408 - up, 170),
        ]
        if side < 0 and not up:
            yield stroke(curve([pose.at(*point) for point in bridge]))
        yield stroke(curve([pose.at(*point) for point in wing]))
        if up:
            for y in (306, 322, 338):
                fold = [(side * 7, y + 9, 172), (side * 17, y + 5, 160), (side * 25, y - 3, 150)]
                yield stroke(curve([pose.at(*point) for point in fold]))
    tip = [
        (-21, 408 - up, 172),
        (-9, 411 - up / 2, 184),
        (0, 416 - up / 2, 188),
        (9, 411 - up / 2, 184),
        (21, 408 - up, 172),
    ]
    yield stroke(curve([pose.at(*point) for point in tip]))


@dataclass(frozen=True)
class Lips:
    """The edges of the lips, each from the weak corner to the other: what muscles and teeth go by."""

    over: list[Point]
    upper: list[Point]
    lower: list[Point]
    below: list[Point]


def lips(pose: Pose) -> Lips:
    """The lips as this pose draws them."""
    weak, other = pose.corner(1), pose.corner(-1)
    upper, lower = MOUTH_LINE + 5 - pose.upper, MOUTH_LINE + 5 + pose.gap
    thick, wide = 14 * pose.lips, weak[0]
    open_by = pose.gap + pose.upper

    def across(*half: Point, middle: Point) -> list[Point]:
        return [weak, *half, middle, *((-x, y - DROOP * (x / wide)) for x, y in reversed(half)), other]

    if pose.corner_out < -20:  # pursed: round within and without
        middle = (upper + lower) / 2
        hole = wide * 0.6
        inner = [(hole, middle), (hole * 0.8, upper + 3), (0, upper), (-hole * 0.8, upper + 3), (-hole, middle)]
        opening = [(hole, middle), (hole * 0.8, lower - 3), (0, lower), (-hole * 0.8, lower - 3), (-hole, middle)]
        over = across((wide * 0.8, upper - thick * 0.4), (wide * 0.3, upper - thick), middle=(0, upper - thick * 0.86))
        below = across((wide * 0.8, lower + thick * 0.5), (wide * 0.4, lower + thick), middle=(0, lower + thick * 1.1))
    else:
        over = across((wide * 0.5, upper - thick * 0.7), (wide * 0.17, upper - thick), middle=(0, upper - thick * 0.78))
        bow = 1.5 if open_by < 2 else 0.0
        inner = across((wide * 0.55, upper + bow), (wide * 0.2, upper - bow / 2), middle=(0, upper + bow))
        opening = across((wide * 0.6, lower - open_by * 0.22), (wide * 0.25, lower), middle=(0, lower + bow))
        below = across(
            (wide * 0.6, lower + thick * 0.72), (wide * 0.25, lower + thick * 1.2), middle=(0, lower + thick * 1.25)
        )
    # The jaw's drop is in the gap already, so the lips are only turned with the head.
    return Lips(*([pose.turned.at(x, y) for x, y in edge] for edge in (over, inner, opening, below)))


def _mouth(pose: Pose, ground: Ground) -> Iterator[str]:
    edges = lips(pose)
    if pose.gap:
        yield from _inside(pose, ground, edges)
        yield stroke(shape(edges.upper, edges.lower[::-1]))
    else:
        yield stroke(curve(edges.upper))
    if pose.corner_out < -20:
        yield stroke(loop([*edges.over, *edges.below[1:-1][::-1]]))
    else:
        yield stroke(curve(edges.over))
        yield stroke(curve(edges.below))


def _inside(pose: Pose, ground: Ground, edges: Lips) -> Iterator[str]:
    """Teeth and tongue, as far as the lips show them."""
    mouth = shape(edges.upper, edges.lower[::-1])
    yield f'<clipPath id="mouth"><path d="{mouth}"/></clipPath>'
    inside = [area(mouth, ground.hollow)]
    if pose.teeth:
        top, foot = MOUTH_LINE - pose.upper - 8, MOUTH_LINE + pose.gap + 8
        edges_at = {"upper": top + 20, "lower": top, "both": MOUTH_LINE + 2 + (pose.gap - pose.upper) / 2}
        edge = edges_at[pose.teeth]
        if pose.teeth == "upper":
            foot = edge
        row = [pose.at(x, y, 150) for x, y in ((-60, top), (60, top), (60, foot), (-60, foot))]
        inside.append(area(polygon(row), ground.teeth))
        inside += [stroke(curve([pose.at(x, top, 150), pose.at(x, foot, 150)])) for x in (-27, -9, 9, 27)]
        if pose.teeth != "lower":
            inside.append(stroke(curve([pose.at(x, edge, 150) for x in (-60, 60)])))
    if pose.tongue:
        tip = MOUTH_LINE + 6
        outline: list[Point] = [
            (-34, tip + 44),
            (-30, tip + 14),
            (-14, tip),
            (0, tip - 2),
            (14, tip),
            (30, tip + 14),
            (34, tip + 44),
        ]
        inside.append(outlined(curve(outline), ground.tint))
    yield f'<g clip-path="url(#mouth)">{"".join(inside)}</g>'


def _cheek(pose: Pose, side: int) -> Iterator[str]:
    """The fold from nose to mouth (flatter on the weak side), and the chin."""
    smile = max(0.0, pose.corner_up)
    if smile or pose.wrinkle:
        far = pose.corner_out + 74
        fold = [(50, 402 - pose.wrinkle), (68, 417 - pose.wrinkle / 2), (far + 2, 446 - smile * 0.6)]
        yield stroke(curve([pose.at(side * x, y) for x, y in fold]))
    elif side < 0:
        yield stroke(curve([pose.at(-x, y) for x, y in ((50, 406), (59, 415), (65, 427))]))
    if side > 0:
        yield stroke(curve([pose.at(x, y) for x, y in ((-16, 518), (0, 514), (16, 518))]))


def speech(ground: Ground) -> Iterator[str]:
    """A speech bubble on the other side of the face, with lines for words."""
    bubble: list[Point] = [(-340, 420), (-332, 392), (-280, 384), (-228, 392), (-220, 420), (-228, 450)]
    tail: list[Point] = [(-228, 450), (-196, 468), (-250, 462)]
    yield outlined(shape([*bubble], tail, [(-250, 462), (-290, 462), (-332, 452), (-340, 420)]), ground.paper)
    yield stroke(curve([(-316, 414), (-244, 414)]))
    yield stroke(curve([(-316, 436), (-268, 436)]))


def outline_beside(pose: Pose) -> str:
    """The line that marks the weak side: dotted, just outside that half of the head, from crown to jaw."""
    upper: list[Point] = [(12, 20), (90, 34), (164, 92), (205, 176), (218, 240), (224, 300)]
    lower: list[Point] = [(222, 360), (198, 420), (174, 486), (142, 536)]
    path = curve([pose.at(x, y, max(-10, (y - 330) * 0.42)) for x, y in [*upper, *lower]])
    return stroke(path, ' id="weak-side" stroke-dasharray="0 15"')
