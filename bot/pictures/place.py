"""Where on the face an arrow or a hand goes."""

from dataclasses import dataclass

from bot.pictures.line import Point


@dataclass(frozen=True)
class Place:
    """A named place of the weak side, in the resting face.

    Attributes:
        touch: where a hand touches.
        arrow: the middle of an arrow, beside what it speaks of rather than over it.
        beside: the middle of an arrow when a hand touches here.
        turn: degrees by which a hand that comes from straight below is turned; negative comes from outside.
        middle: whether both sides share one arrow when it points up or down.
        size: of the arrow; less than 1 where there is little room.
    """

    touch: Point
    arrow: Point
    beside: Point
    turn: float
    middle: bool = False
    size: float = 1


PLACES: dict[str, Place] = {
    "forehead": Place((72, 200), (72, 196), (14, 192), -72),
    "brow": Place((80, 256), (84, 212), (22, 176), -72),
    "eyelid": Place((78, 300), (142, 312), (80, 380), -68),
    "eye": Place((100, 340), (142, 316), (84, 384), -62),
    "temple": Place((146, 262), (148, 262), (104, 212), -58),
    "nose": Place((30, 392), (60, 384), (30, 340), -52),
    "cheek": Place((112, 404), (116, 398), (74, 374), -42),
    "mouth-corner": Place((62, 464), (100, 452), (112, 396), -42),
    "upper-lip": Place((18, 444), (46, 427), (-46, 427), -46, middle=True, size=0.72),
    "lower-lip": Place((18, 484), (46, 507), (-46, 507), -38, middle=True, size=0.72),
    "chin": Place((6, 532), (30, 540), (-44, 536), -28, middle=True),
    "jaw": Place((124, 490), (166, 500), (166, 440), -38),
    "ear": Place((186, 344), (206, 350), (206, 276), -60),
    "neck": Place((60, 610), (62, 622), (-48, 622), -62),
    "collarbone": Place((112, 700), (112, 704), (-26, 676), -72),
}
