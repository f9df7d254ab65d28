"""The progress picture: every figure stands in it as text, and is read in the dark, in grey and without a font of the
system. All data are invented.
"""

import io
import re
import struct
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from bot.pictures.ground import GROUNDS
from bot.pictures.line import number
from bot.pictures.png import FONT, render
from bot.pictures.progress import HEIGHT, SMALL, WIDTH, draw_progress
from bot.programme.progress import Measured, Milestone, Practised, Prescription, Progress, progress_of
from bot.settings import CONTENT
from bot.words import Words

WORDS = Words.load(CONTENT / "words.yml")
NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)
TODAY = NOW.date()
NAMES = ["Eating and speaking", "Daily life", "Linked movements", "Burden", "Eye comfort"]


def progress_with(counts: list[int], comfort: list[int | None], milestones=(), scores=(), asked: int = 3) -> Progress:
    """Weeks up to now with so many sessions each, in the mornings of the week's first days."""
    sessions = []
    for back, (count, felt) in enumerate(zip(reversed(counts), reversed(comfort), strict=True)):
        monday = datetime(2026, 11, 16, 6, tzinfo=UTC) - timedelta(weeks=back)
        sessions += [
            Practised(
                monday + timedelta(days=index % 7, hours=index // 7),
                "UTC", "P-S2", "S2", "finished", ("EX-13",), None, felt,
            )
            for index in range(count)
        ]  # fmt: skip
    prescribed = {"P-S2": Prescription(asked)}
    return progress_of(sessions, scores, milestones, prescribed=prescribed, now=NOW, zone="UTC", words=WORDS)


def scored(count: int) -> list[Measured]:
    first, latest = date(2026, 9, 7), date(2026, 11, 16)
    return [
        Measured(name, day, value + index, *((20, 100) if index == 2 else (100, 0)))
        for index, name in enumerate(NAMES[:count])
        for day, value in ((first, 41.5), (latest, 61.25))
    ]


FULL = progress_with(
    [9, 21, 16, 1, 23, 8, 12, 20, 19, 18, 17, 14],
    [4, 5, 5, None, 6, 5, 7, 6, 7, 8, 7, 8],
    [Milestone(date(2026, 9, 30), "First flicker"), Milestone(date(2026, 10, 2), "The eye closes")],
    scored(4),
)
ONE = progress_with([1], [None])
EMPTY = progress_with([], [])
EXAMPLES = {"full": FULL, "one": ONE, "empty": EMPTY, "gaps": progress_with([3, 0, 0, 5], [2, None, None, 10])}

milestones_ = st.lists(
    st.builds(
        Milestone,
        st.dates(TODAY - timedelta(weeks=12), TODAY),
        st.text(st.characters(codec="utf-8"), max_size=80) | st.just("First <b>flicker</b> & more of it" * 3),
    ),
    max_size=6,
)
weeks_ = st.lists(st.tuples(st.integers(0, 30), st.none() | st.integers(0, 10)), max_size=14)
progresses = st.builds(
    lambda weeks, milestones, count, asked: progress_with(
        [week[0] for week in weeks], [week[1] for week in weeks], milestones, scored(count), asked
    ),
    weeks_,
    milestones_,
    st.integers(0, len(NAMES)),
    st.integers(0, 6),
)
grounds = st.sampled_from(sorted(GROUNDS))


def elements(svg: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(svg).iter())


def texts(svg: str) -> list[ElementTree.Element]:
    return [element for element in elements(svg) if element.tag.endswith("text")]


def words_in(svg: str) -> list[str]:
    return [element.text or "" for element in texts(svg)]


def image(svg: str) -> Image.Image:
    return Image.open(io.BytesIO(render(svg))).convert("RGB")


def without_text(svg: str) -> str:
    return re.sub(r"<text.*?</text>", "", svg, flags=re.DOTALL)


def alone(text: str, family: str = FONT) -> Image.Image:
    return image(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 80 80"><rect width="80" height="80" fill="#fff"/>'
        f'<text x="20" y="55" font-size="40" font-family="{family}">{text}</text></svg>'
    )


@given(progresses, grounds)
@settings(max_examples=100, deadline=None)
def test_every_picture_is_well_formed_and_its_letters_are_large(progress: Progress, ground: str) -> None:
    svg = draw_progress(progress, ground)
    assert {element.tag.rpartition("}")[2] for element in elements(svg)} <= {"svg", "rect", "path", "circle", "text"}
    assert "nan" not in svg
    assert not re.search(r"\b(?:inf|href|url)\b", without_text(svg))
    for text in texts(svg):
        assert float(text.get("font-size", "0")) >= SMALL >= 26
        assert text.text
        assert 0 < float(text.get("x", "nan")) < WIDTH
        assert 0 < float(text.get("y", "nan")) < HEIGHT - 8
    for bar in elements(svg):
        if bar.tag.endswith("rect"):
            assert float(bar.get("height", "nan")) > 0
            assert float(bar.get("width", "nan")) > 0


@given(progresses)
@settings(max_examples=12, deadline=None)
def test_nothing_is_cut_off_at_the_edge(progress: Progress) -> None:
    drawn = image(draw_progress(progress))
    paper = Image.new("RGB", drawn.size, GROUNDS["light"].paper)
    box = ImageChops.difference(drawn, paper).getbbox()
    assert box is not None
    assert box[0] >= 20
    assert box[1] >= 20
    assert box[2] <= WIDTH - 6
    assert box[3] <= HEIGHT - 6


@given(progresses)
@settings(max_examples=60, deadline=None)
def test_every_figure_stands_as_text(progress: Progress) -> None:
    found = words_in(draw_progress(progress))
    wanted = [number(week.comfort) for week in progress.weeks if week.comfort is not None]
    wanted += [f"{week.done}" for week in progress.weeks if week.done]
    wanted += [f"{week.planned}" for week in progress.weeks if week.planned]
    for each in progress.scores[:4]:
        wanted += [
            each.name,
            number(each.latest.value),
            *([number(each.first.value)] if each.change is not None else []),
        ]
    for figure in wanted:
        assert found.count(figure) >= wanted.count(figure), figure


def test_a_figure_that_needs_a_second_look_is_marked_beside_it_and_explained() -> None:
    flagged = Measured("Linked movements", TODAY, 44.44, 20, 100, flagged="Scaled: 7 of 9 answered.")
    rough = progress_with([3], [5], scores=[*scored(3), flagged])
    found = words_in(draw_progress(rough))
    assert "~44.4" in found
    assert rough.captions["rough"] in found
    assert not any("~" in each for each in words_in(draw_progress(FULL)))


def test_title_span_summary_and_milestones_stand_as_text() -> None:
    found = words_in(draw_progress(FULL))
    assert found[:3] == ["Your practice", "31 Aug – 22 Nov 2026", FULL.summary]
    for words in (
        "Sessions a week",
        "done",
        "planned",
        "Comfort",
        "now",
        "Scores",
        "higher is better",
        "lower is better",
    ):
        assert words in found
    assert found.index("30 Sep") + 1 == found.index("First flicker")
    assert found.index("2 Oct") + 1 == found.index("The eye closes")


def test_a_span_over_new_year_names_both_years() -> None:
    now = datetime(2027, 2, 3, 12, tzinfo=UTC)
    noted = [Milestone(date(2026, 12, 24), "First smile")]
    progress = progress_of((), (), noted, prescribed={}, now=now, zone="UTC", words=WORDS)
    assert words_in(draw_progress(progress))[1] == "21 Dec 2026 – 3 Feb 2027"


def test_words_with_signs_of_xml_are_kept_and_unprintable_ones_dropped() -> None:
    noted = [Milestone(TODAY, 'a <b> & "c"\x00\x1b\ud800')]
    assert 'a <b> & "c"' in words_in(draw_progress(progress_with([1], [5], noted)))


def test_long_words_are_cut_with_a_sign_for_it() -> None:
    noted = [Milestone(TODAY, "First flicker of the cheek while drinking and whistling a very long tune")]
    found = words_in(draw_progress(progress_with([1], [5], noted)))
    assert any(words.startswith("First flicker of") and words.endswith("…") for words in found)


@pytest.mark.parametrize("progress", EXAMPLES.values(), ids=EXAMPLES.keys())
def test_light_and_dark_differ_in_nothing_but_colour(progress: Progress) -> None:
    light, dark = draw_progress(progress, "light"), draw_progress(progress, "dark")
    assert light != dark
    assert re.sub(r"#[0-9a-f]{6}", "", light) == re.sub(r"#[0-9a-f]{6}", "", dark)
    grey = [image(svg).convert("L").getpixel((4, 4)) for svg in (light, dark)]
    assert grey[0] > 200 > 60 > grey[1]


@pytest.mark.parametrize("ground", sorted(GROUNDS))
def test_done_and_planned_are_told_apart_without_colour(ground: str) -> None:
    """Across one bar of a week: a full middle, and at its sides lines on paper."""
    progress = progress_with([12, 12], [None, None])
    svg = without_text(draw_progress(progress, ground))
    bars = [element for element in elements(svg) if element.tag.endswith("rect")][3:]  # after the paper and the legend
    planned, done = bars[:2]
    picture = image(svg).convert("L")
    left, top = (round(float(done.get(side, ""))) for side in ("x", "y"))
    width, height = (round(float(done.get(side, ""))) for side in ("width", "height"))
    full = picture.crop((left + 4, top + 4, left + width - 4, top + height - 6)).getextrema()
    beside = picture.crop((round(float(planned.get("x", ""))) + 4, top + 4, left - 4, top + height - 6)).getextrema()
    assert full[1] - full[0] <= 2
    assert beside[1] - beside[0] > 100
    assert abs(full[0] - picture.getpixel((4, 4))) > 60


def test_no_plan_draws_no_planned_bar() -> None:
    hatched = draw_progress(progress_with([3, 4], [None, None])).count('stroke-width="1.6"')
    plain = draw_progress(progress_with([3, 4], [None, None], asked=0)).count('stroke-width="1.6"')
    assert (hatched, plain) == (3, 1)  # the legend has one


def test_comfort_is_a_line_with_a_marker_for_each_week_that_has_one() -> None:
    svg = draw_progress(EXAMPLES["gaps"])
    assert svg.count("<circle") == 2
    assert svg.count('stroke-width="5" fill="none"') == 0  # nothing is drawn over weeks without
    assert draw_progress(FULL).count("<circle") == 11
    assert draw_progress(FULL).count('stroke-width="5" fill="none"') == 9
    assert "<circle" not in draw_progress(ONE)


def test_an_empty_diary_has_neither_bars_nor_flags() -> None:
    svg = draw_progress(EMPTY)
    assert svg.count("<rect") == 1
    assert "<path" not in svg
    assert " ".join(words_in(svg)[2:]) == EMPTY.summary


@given(milestones_)
@settings(max_examples=150, deadline=None)
def test_no_flag_hides_another_or_leaves_the_picture(milestones: list[Milestone]) -> None:
    progress = progress_with([5] * 12, [5] * 12, milestones)
    svg = draw_progress(progress)
    spots = []
    for x, y, way in re.findall(r'd="M([\d.]+) ([\d.]+)h(-?36)l', svg):
        left, right = sorted((float(x), float(x) + int(way)))
        assert 20 <= left < right <= WIDTH - 6
        assert float(y) > 100
        spots.append((left, float(y), right, float(y) + 34))
    assert len(spots) == 2 * min(len(progress.milestones), 3)  # on the bars, and beside the words
    for one, other in combinations(spots, 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart


@pytest.mark.parametrize("progress", EXAMPLES.values(), ids=EXAMPLES.keys())
@pytest.mark.parametrize("ground", sorted(GROUNDS))
def test_its_text_shows_without_a_font_of_the_system(progress: Progress, ground: str) -> None:
    svg = draw_progress(progress, ground)
    change = ImageChops.difference(image(svg), image(without_text(svg))).convert("L")
    for text in texts(svg):
        x, y, size = (float(text.get(each, "")) for each in ("x", "y", "font-size"))
        left = {"start": x, "middle": x - size / 2, "end": x - size}[text.get("text-anchor", "")]
        spot = change.crop((int(left), int(y - size), int(left + size), int(y + size / 4)))
        assert spot.getextrema()[1] > 100, text.text


@pytest.mark.parametrize("letter", "AzÀÅåÇçÉéĞğİıŁłÑñŐőŒœŘřŞșŠšßŪūŽžỳ0…–’£€½")
def test_latin_letters_with_accents_are_drawn(letter: str) -> None:
    missing = alone("\u9854")
    assert alone(letter).convert("L").getextrema()[0] < 100
    assert ImageChops.difference(alone(letter), missing).getbbox() is not None


def test_a_font_of_the_system_is_never_taken() -> None:
    assert alone("A", "DejaVu Sans").convert("L").getextrema() == (255, 255)


@pytest.mark.parametrize("progress", EXAMPLES.values(), ids=EXAMPLES.keys())
def test_a_png_is_800_by_1000_pixels(progress: Progress) -> None:
    assert struct.unpack(">II", render(draw_progress(progress))[16:24]) == (800, 1000)


def test_an_unknown_ground_is_named_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match=r"sepia.*light, dark"):
        draw_progress(ONE, "sepia")
