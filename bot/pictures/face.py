"""A line drawing of an exercise: pose, muscles, arrows and a hand, as the text of an SVG.

The face looks at you as your own face does in a mirror: a weak right side is on the right of the picture. The weak
side bears a dotted line beside its half of the head, always and only there; its brow and mouth corner stand a little
lower. "In" is towards the middle of the face, "out" away from it. There is no text in a picture.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from bot.pictures import features
from bot.pictures.arrows import DIRECTIONS, SIGNS, arrow
from bot.pictures.ground import GROUNDS, LINE, Ground
from bot.pictures.hands import HANDS, Held, thumb_inside
from bot.pictures.line import Point, number
from bot.pictures.muscles import BENEATH_THE_JAW, MUSCLES, muscle, muscle_under_a_hand
from bot.pictures.place import PLACES
from bot.pictures.pose import POSES, Pose

type Weak = Literal["left", "right"]
type Shade = Literal["light", "dark"]

SIDES: dict[str, tuple[int, ...]] = {"weak": (1,), "strong": (-1,), "both": (1, -1)}
TOWARDS = (*DIRECTIONS, *SIGNS)
HAND_KINDS = (*HANDS, "thumb-inside")


def _known(what: str, word: str, allowed: Iterable[str]) -> None:
    if word not in (words := sorted(allowed)):
        raise ValueError(f"A picture has no {what} {word!r}. Use one of: {', '.join(words)}.")


@dataclass(frozen=True)
class Arrow:
    """Which way a part of the face moves.

    Raises:
        ValueError: for a word no picture knows, with those that are known.
    """

    at: str
    towards: str

    def __post_init__(self) -> None:
        _known("place", self.at, PLACES)
        _known("direction", self.towards, TOWARDS)


@dataclass(frozen=True)
class Hand:
    """A hand, or what it holds, that touches a place of the face.

    Raises:
        ValueError: for a word no picture knows, with those that are known.
    """

    at: str
    kind: str

    def __post_init__(self) -> None:
        _known("place", self.at, PLACES)
        _known("hand", self.kind, HAND_KINDS)


@dataclass(frozen=True)
class Picture:
    """What a picture shows.

    Attributes:
        pose: what face and head do. A head leans and turns away from the marked side, the weak one when both are.
        side: where muscles and arrows go: `weak`, `strong` or `both`. A hand is always one: on the other side for
            `strong`, else on the weak side.
        lit: the muscles that are marked.
        arrows: which ways parts move. Where a hand touches the same place, the arrow stands beside the hand. In a
            leaning head an arrow at the ear stands at the ear that nears the shoulder.
        hand: the hand that touches the face, if any.

    Raises:
        ValueError: for a word no picture knows, with those that are known.
    """

    pose: str
    side: str
    lit: tuple[str, ...] = ()
    arrows: tuple[Arrow, ...] = ()
    hand: Hand | None = None

    def __post_init__(self) -> None:
        _known("pose", self.pose, POSES)
        _known("side", self.side, SIDES)
        for name in self.lit:
            _known("muscle", name, MUSCLES)


def draw(picture: Picture, weak: Weak, ground: Shade = "light") -> str:
    """The picture as the text of an SVG, square, in one colour of lines and one accent.

    Args:
        picture: what it shows.
        weak: the person's weak side. The same picture for the other side is its mirror image.
        ground: `light` or `dark`.

    Raises:
        ValueError: when `weak` or `ground` is another word.
    """
    _known("weak side", weak, ("left", "right"))
    _known("ground", ground, GROUNDS)
    colours = GROUNDS[ground]
    mirror = 1 if weak == "right" else -1
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-370 10 740 740">'
        f'<rect x="-370" y="10" width="740" height="740" fill="{colours.paper}"/>'
        f'<g transform="scale({mirror} 1)" fill="none" stroke="{colours.ink}" stroke-width="{LINE}"'
        f' stroke-linecap="round" stroke-linejoin="round">{"".join(_layers(picture, colours))}</g></svg>'
    )


def _layers(picture: Picture, ground: Ground) -> Iterator[str]:
    """Everything that is drawn, from what lies behind to what lies before."""
    sides = SIDES[picture.side]
    pose = POSES[picture.pose].leaning_from(sides[0])
    lit = [(name, side) for name in picture.lit for side in sides]
    if pose.pillow:
        yield from features.pillow(ground)
    yield from features.neck(pose, ground)
    yield from (muscle(name, pose, side, ground) for name, side in lit if name in BENEATH_THE_JAW)
    if pose.pillow:
        yield from features.blanket(ground)
    yield from features.head(pose, ground)
    yield from (muscle(name, pose, side, ground) for name, side in lit if name not in BENEATH_THE_JAW)
    yield from features.lines(pose, ground)
    yield features.outline_beside(pose)
    if pose.speaking:
        yield from features.speech(ground)
    if pose.cup and not (picture.hand and picture.hand.kind == "cup"):
        yield _hand(Hand("lower-lip", "cup"), pose, 1, ground).drawn
    if picture.hand:
        hand = _hand(picture.hand, pose, sides[0], ground)
        yield hand.drawn
        if hand.covers:
            under = (muscle_under_a_hand(name, pose, side, ground) for name, side in lit if side == sides[0])
            yield f'<clipPath id="hand">{hand.covers}</clipPath><g clip-path="url(#hand)">{"".join(under)}</g>'
    for mark in picture.arrows:
        yield from _arrow(mark, picture, pose, ground)


def _on(pose: Pose, point: Point, side: int) -> Point:
    """Where a point of one side (0 for the middle) is drawn; the neck does not move with the head."""
    x, y = side * point[0], point[1]
    return (x, y) if y > 580 else pose.at(x, y)


def _hand(hand: Hand, pose: Pose, side: int, ground: Ground) -> Held:
    """The hand in its place."""
    place = PLACES[hand.at]
    if hand.kind == "thumb-inside":
        across, height = pose.corner(side)
        corner = (abs(across), height)
        cheek = place.touch if hand.at == "cheek" else (corner[0] + 46, corner[1] - 46)
        held, where = thumb_inside(corner, cheek, ground), f"scale({side} 1)"
    else:
        x, y = _on(pose, place.touch, side)
        turn, flip = place.turn, 1
        match hand.kind, hand.at:
            case "cup", _:
                x, turn = 0, 0
            case "tape", _:
                x, y, turn = x + side * 8, y + 14, 82
            case "palm", "cheek":
                x, y, turn = x + side * 24, y + 40, 12
            case (("flat-pads" | "palm"), "brow"):  # along the rim of bone, off the eye
                x, y, turn = x + side * 16, y - 26, -96
            case "palm", "neck":
                x, y, turn = x + side * 28, y + 18, -74
            case (("palm" | "flat-pads" | "two-fingers" | "fingertip"), "collarbone"):
                turn, flip = 56, -1  # the other hand reaches across
        held = HANDS[hand.kind](ground)
        where = f"translate({number(x)} {number(y)}) scale({side} 1) rotate({number(turn)}) scale({flip} 1)"
    covers = f'<path d="{held.covers}" transform="{where}"/>' if held.covers else ""
    return Held(f'<g transform="{where}">{held.drawn}</g>', covers)


def _arrow(mark: Arrow, picture: Picture, pose: Pose, ground: Ground) -> Iterator[str]:
    place, sides = PLACES[mark.at], SIDES[picture.side]
    along = DIRECTIONS.get(mark.towards, (0, 0))
    if pose.roll and mark.at == "ear":  # the ear that nears the shoulder
        sides = (-1 if pose.roll > 0 else 1,)
    elif place.middle and len(sides) == 2 and along[0] == 0:
        sides = (0,)
    many = 0.8 if len(picture.arrows) > 3 else 1
    crowded = sum(other.at == mark.at for other in picture.arrows) > 1
    for side in sides:
        touched = picture.hand is not None and picture.hand.at == mark.at and side in (0, SIDES[picture.side][0])
        x, y = place.beside if touched else place.arrow
        if touched and picture.hand and picture.hand.kind == "thumb-inside":
            x, y = x + 12, y - 24  # clear of the thumb's tip
        if mark.at == "chin" and (pose.cup or (picture.hand and picture.hand.kind == "cup")):
            x, y, side = 94, 516, -1
        if touched and side == 0:
            side = 1
        if crowded:  # arrows from one place fan out from it
            x, y = (x + along[0] * 44, y + along[1] * 44) if any(along) else (x + 4, y + 52)
        drawn = arrow(_on(pose, (x, y), side), mark.towards, side or 1, ground, place.size * many)
        yield f'<g class="arrow">{drawn}</g>'
