"""The drawings: every word of the vocabulary draws, on the right side, in both grounds, and without a font."""

import io
import math
import re
import struct
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageOps

from bot.pictures import Arrow, Hand, Picture, draw, render
from bot.pictures.face import HAND_KINDS, SIDES, TOWARDS
from bot.pictures.ground import GROUNDS
from bot.pictures.muscles import MUSCLES
from bot.pictures.place import PLACES
from bot.pictures.pose import POSES

VOCABULARY = {
    "pose": (
        set(POSES),
        "rest eyes-closed look-down look-up half-smile small-o lips-sealed brow-raised nose-wrinkle lower-lip jaw-drop "
        "clench tongue-press talk sip head-tilt look-up-away lying",
    ),
    "side": (set(SIDES), "weak strong both"),
    "lit": (
        set(MUSCLES),
        "frontalis corrugator orbicularis-oculi levator-palpebrae levator-labii zygomaticus risorius buccinator "
        "orbicularis-oris depressor-anguli-oris depressor-labii mentalis platysma masseter sternocleidomastoid",
    ),
    "at": (
        set(PLACES),
        "forehead brow eyelid eye temple nose cheek mouth-corner upper-lip lower-lip chin jaw ear neck collarbone",
    ),
    "towards": (set(TOWARDS), "up down in out up-out up-in down-out down-in circle hold"),
    "kind": (
        set(HAND_KINDS),
        "fingertip two-fingers flat-pads thumb-inside palm back-of-finger cloth brush tape cup",
    ),
}

arrows = st.builds(Arrow, st.sampled_from(sorted(PLACES)), st.sampled_from(TOWARDS))
hands = st.builds(Hand, st.sampled_from(sorted(PLACES)), st.sampled_from(HAND_KINDS))
pictures = st.builds(
    Picture,
    st.sampled_from(sorted(POSES)),
    st.sampled_from(sorted(SIDES)),
    st.lists(st.sampled_from(sorted(MUSCLES)), unique=True, max_size=6).map(tuple),
    st.lists(arrows, max_size=5).map(tuple),
    st.none() | hands,
)
weak_sides = st.sampled_from(("left", "right"))
grounds = st.sampled_from(("light", "dark"))


def elements(svg: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(svg).iter())


def ids(svg: str) -> list[str]:
    return [element.get("id", "") for element in elements(svg) if element.get("id")]


@cache
def image(svg: str) -> Image.Image:
    return Image.open(io.BytesIO(render(svg))).convert("RGB")


def differing(one: Image.Image, other: Image.Image) -> float:
    """The share of pixels that differ by more than an edge's softness."""
    steps = ImageChops.difference(one, other).convert("L").histogram()
    return sum(steps[48:]) / sum(steps)


def brightness(colour: str) -> float:
    """Relative luminance, as WCAG defines it."""

    def linear(channel: int) -> float:
        share = channel / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[at : at + 2], 16)) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((brightness(one), brightness(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("field", VOCABULARY)
def test_the_vocabulary_is_the_agreed_one(field: str) -> None:
    known, agreed = VOCABULARY[field]
    assert known == set(agreed.split())


@given(pictures, weak_sides, grounds)
@settings(max_examples=150, deadline=None)
def test_every_picture_is_well_formed_without_text_and_whole(picture: Picture, weak: str, ground: str) -> None:
    svg = draw(picture, weak, ground)
    tags = {element.tag.rpartition("}")[2] for element in elements(svg)}
    assert tags <= {"svg", "rect", "g", "path", "circle", "clipPath"}
    assert not any((element.text or "").strip() for element in elements(svg))
    assert "nan" not in svg
    assert "inf" not in svg
    assert "href" not in svg
    named = ids(svg)
    assert len(named) == len(set(named))
    assert set(re.findall(r"url\(#([^)]+)\)", svg)) <= set(named)


@pytest.mark.parametrize("pose", sorted(POSES))
def test_every_pose_draws_and_none_looks_like_another(pose: str) -> None:
    drawn = image(draw(Picture(pose, "both"), "right"))
    for other in POSES:
        assert other == pose or differing(drawn, image(draw(Picture(other, "both"), "right"))) > 0.001, other


@pytest.mark.parametrize("pose", sorted(POSES))
def test_the_weak_side_is_always_marked_and_only_once(pose: str) -> None:
    for side in SIDES:
        assert ids(draw(Picture(pose, side), "left")).count("weak-side") == 1


@pytest.mark.parametrize("name", sorted(MUSCLES))
@pytest.mark.parametrize(
    ("side", "whose"),
    [("weak", {"weak"}), ("strong", {"other"}), ("both", {"weak", "other"})],
    ids=["weak", "strong", "both"],  # a set has no order, and so no name, of its own
)
def test_a_lit_muscle_is_in_the_picture_on_its_side(name: str, side: str, whose: set[str]) -> None:
    for pose in POSES:
        named = ids(draw(Picture(pose, side, lit=(name,)), "right"))
        assert {found for found in named if found.startswith(name)} == {f"{name}-{one}" for one in whose}


@pytest.mark.parametrize("name", sorted(MUSCLES))
@pytest.mark.parametrize("ground", sorted(GROUNDS))
def test_a_lit_muscle_is_seen_on_its_half(name: str, ground: str) -> None:
    plain = image(draw(Picture("rest", "weak"), "right", ground))
    change = ImageChops.difference(plain, image(draw(Picture("rest", "weak", lit=(name,)), "right", ground)))
    box = change.convert("L").point(lambda step: 255 if step > 24 else 0).getbbox()
    assert box is not None
    assert box[0] >= 396  # the middle of the picture, less half a line


@pytest.mark.parametrize("kind", HAND_KINDS)
def test_every_hand_draws_everywhere(kind: str) -> None:
    for at in PLACES:
        with_hand = draw(Picture("rest", "weak", hand=Hand(at, kind)), "right")
        elements(with_hand)
        assert len(with_hand) > len(draw(Picture("rest", "weak"), "right"))


@pytest.mark.parametrize("towards", TOWARDS)
@pytest.mark.parametrize("side", sorted(SIDES))
def test_no_arrow_leaves_the_picture(towards: str, side: str) -> None:
    for pose in ("rest", "jaw-drop", "head-tilt", "look-up-away"):  # the ways a head is held
        for at in PLACES:
            svg = draw(Picture(pose, side, arrows=(Arrow(at, towards),)), "right")
            drawn = [group for group in elements(svg) if group.get("class") == "arrow"]
            assert 1 <= len(drawn) <= 2
            for path in (part.get("d", "") for group in drawn for part in group.iter()):
                for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path):
                    assert abs(float(x)) <= 366, (pose, at)
                    assert 14 <= float(y) <= 746, (pose, at)


@pytest.mark.parametrize(
    ("at", "towards", "right", "down"),
    [
        ("mouth-corner", "out", 1, 0),
        ("mouth-corner", "in", -1, 0),
        ("cheek", "up-out", 1, -1),
        ("cheek", "down-in", -1, 1),
        ("brow", "up", 0, -1),
    ],
)
def test_out_is_away_from_the_middle(at: str, towards: str, right: int, down: int) -> None:
    """Of a weak right side, drawn on the right. The head is a triangle whose first point is its tip."""
    svg = draw(Picture("rest", "weak", arrows=(Arrow(at, towards),)), "right")
    (group,) = (element for element in elements(svg) if element.get("class") == "arrow")
    (head,) = {path.get("d", "") for path in group if path.get("fill")}
    (tip_x, tip_y), *base = ((float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", head))
    back_x, back_y = (sum(point[axis] for point in base) / 2 for axis in (0, 1))
    assert [round(step) for step in (math.copysign(1, tip_x - back_x) * (abs(tip_x - back_x) > 1),)] == [right]
    assert [round(step) for step in (math.copysign(1, tip_y - back_y) * (abs(tip_y - back_y) > 1),)] == [down]


@pytest.mark.parametrize(
    "picture",
    [
        Picture("half-smile", "weak", ("zygomaticus",), (Arrow("mouth-corner", "up-out"),), Hand("cheek", "palm")),
        Picture("look-up-away", "weak", ("platysma",), (Arrow("collarbone", "hold"),), Hand("collarbone", "palm")),
        Picture("talk", "strong", ("masseter",), (Arrow("chin", "circle"),), Hand("cheek", "thumb-inside")),
    ],
    ids=lambda picture: picture.pose,
)
def test_the_other_weak_side_is_the_mirror_image(picture: Picture) -> None:
    left, right = (image(draw(picture, weak)) for weak in ("left", "right"))
    assert differing(left, right) > 0.01
    assert differing(left, ImageOps.mirror(right)) < 0.0005


def test_marks_for_the_other_side_stand_on_the_other_side() -> None:
    for weak, half in (("left", (0, 0, 400, 800)), ("right", (400, 0, 800, 800))):
        plain = image(draw(Picture("rest", "weak"), weak))
        marked = image(draw(Picture("rest", "weak", ("masseter",)), weak))
        change = ImageChops.difference(plain, marked).getbbox()
        assert change is not None
        assert half[0] <= change[0]
        assert change[2] <= half[2]


@given(pictures, weak_sides)
@settings(max_examples=30, deadline=None)
def test_light_and_dark_differ_in_nothing_but_colour(picture: Picture, weak: str) -> None:
    light, dark = draw(picture, weak, "light"), draw(picture, weak, "dark")
    assert light != dark
    assert re.sub(r"#[0-9a-f]{6}", "", light) == re.sub(r"#[0-9a-f]{6}", "", dark)


@pytest.mark.parametrize("ground", GROUNDS.values(), ids=GROUNDS.keys())
def test_marks_are_told_apart_without_colour(ground) -> None:
    assert contrast(ground.ink, ground.paper) >= 7
    assert contrast(ground.accent, ground.paper) >= 4.5
    assert contrast(ground.ink, ground.tint) >= 7


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (lambda: Picture("grin", "weak"), ("grin", "half-smile")),
        (lambda: Picture("rest", "left"), ("left", "strong")),
        (lambda: Picture("rest", "weak", ("biceps",)), ("biceps", "masseter")),
        (lambda: Arrow("knee", "up"), ("knee", "eyelid")),
        (lambda: Arrow("chin", "sideways"), ("sideways", "down-out")),
        (lambda: Hand("knee", "palm"), ("knee", "collarbone")),
        (lambda: Hand("chin", "fist"), ("fist", "flat-pads")),
        (lambda: draw(Picture("rest", "weak"), "weak"), ("weak", "left")),
        (lambda: draw(Picture("rest", "weak"), "left", "sepia"), ("sepia", "dark")),
    ],
)
def test_an_unknown_word_is_named_with_those_that_are_known(wrong, named: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=rf"(?s){named[0]}.*{named[1]}"):
        wrong()


def test_a_png_is_800_pixels_square() -> None:
    png = render(draw(Picture("rest", "weak"), "left"))
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", png[16:24]) == (800, 800)


def test_what_is_no_svg_is_refused() -> None:
    with pytest.raises(ValueError):
        render("<svg")


def test_every_picture_of_the_library_draws(content: Path) -> None:
    described = [
        exercise["picture"]
        for path in sorted((content / "exercises").glob("*.yml"))
        for exercise in yaml.safe_load(path.read_text()).get("exercises", ())
    ]
    assert described
    for fields in described:
        hand = Hand(**fields["hand"]) if fields["hand"] else None
        marks = tuple(Arrow(**mark) for mark in fields["arrows"])
        elements(draw(Picture(fields["pose"], fields["side"], tuple(fields["lit"]), marks, hand), "left"))
