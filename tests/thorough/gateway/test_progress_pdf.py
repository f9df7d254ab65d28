"""Progress as a PDF: one page that holds every figure, whatever was written. All data are invented."""

import io
import logging
import re
from datetime import UTC, date, datetime, timedelta

import pytest
from pypdf import PdfReader

from bot.gateway.pdf import progress_pdf, summary_pdf
from bot.pictures.png import render
from bot.pictures.progress import draw_progress
from bot.programme.progress import Measured, Milestone, Practised, Prescription, Progress, progress_of
from bot.settings import CONTENT
from bot.words import Words

WORDS = Words.load(CONTENT / "words.yml")
MADE = datetime(2026, 11, 22, 18, tzinfo=UTC)
MEANING = "Two figures, each from 0 to 100; higher is better. A skipped question is left out."
SCORES = (
    Measured("Eating and speaking", date(2026, 9, 7), 45, 100, 0, MEANING, True),
    Measured("Eating and speaking", date(2026, 11, 16), 61.25, 100, 0, MEANING, True),
    Measured("Daily life", date(2026, 9, 7), 52, 100, 0, MEANING, True),
    Measured("Daily life", date(2026, 11, 16), 48, 100, 0, MEANING, True),
    Measured("Linked movements", date(2026, 11, 2), 44.44, 20, 100, "Seldom or never in all nine is 20.", True),
    Measured("Burden", date(2026, 11, 2), 5, 0, 10),
)
NOTED = (
    Milestone(date(2026, 9, 30), "First flicker of the cheek"),
    Milestone(date(2026, 11, 10), "Őszi mosoly, ≥ 2 cm"),
)


def practised(weeks: int) -> list[Practised]:
    return [
        Practised(
            MADE - timedelta(days=back, hours=1), "Europe/London", "P-S2", "S2" if back > 20 else "S3", "finished",
            ("EX-13",), 3, back % 11,
        )
        for back in range(7 * weeks - 1)
    ]  # fmt: skip


def progress_with(weeks: int = 12, scores=SCORES, milestones=NOTED) -> Progress:
    prescribed = {"P-S2": Prescription(2)}
    return progress_of(
        practised(weeks), scores, milestones, prescribed=prescribed, now=MADE, zone="Europe/London", words=WORDS
    )


def pdf_of(progress: Progress) -> bytes:
    return progress_pdf(progress, render(draw_progress(progress)), MADE)


def read(pdf: bytes) -> tuple[int, str]:
    reader = PdfReader(io.BytesIO(pdf))
    return len(reader.pages), re.sub(r"\s+", " ", " ".join(page.extract_text() for page in reader.pages))


def test_it_is_one_page_with_its_name_and_what_it_is_worth() -> None:
    progress = progress_with()
    pages, text = read(pdf_of(progress))
    assert pages == 1
    assert text.startswith("Septimus: practice and progress 31 Aug 2026 – 22 Nov 2026. Made on 22 Nov 2026")
    assert "The answers are the person's own. No clinician has reviewed this program. This is not a diagnosis." in text
    assert progress.summary in text
    assert PdfReader(io.BytesIO(pdf_of(progress))).metadata["/Title"] == "Septimus: practice and progress"


def test_it_holds_every_week() -> None:
    progress = progress_with()
    _, text = read(pdf_of(progress))
    assert "Week from Done Planned Days Comfort Effort Stage" in text
    assert len(progress.weeks) == 12
    for week in progress.weeks:
        figures = f"{week.done} {week.planned} {week.days} {week.comfort:.1f}".removesuffix(".0")
        assert f"{week.first.day} {week.first:%b %Y} {figures} 3 {', '.join(week.stages)}" in text


def test_it_holds_every_score_with_how_it_is_scored() -> None:
    _, text = read(pdf_of(progress_with()))
    assert "Eating and speaking * 45 (7 Sep 2026) 61.2 (16 Nov 2026) up 16.2 0 – 100, higher is better" in text
    assert "Daily life * 52 (7 Sep 2026) 48 (16 Nov 2026) down 4 0 – 100, higher is better" in text
    assert "Linked movements * – 44.4 (2 Nov 2026) – 20 – 100, lower is better" in text
    assert "Burden – 5 (2 Nov 2026) – 0 – 10, lower is better" in text
    assert f"Eating and speaking, Daily life: {MEANING}" in text
    assert "Permission for the official wording is awaited." in text


def test_a_figure_that_needs_a_second_look_is_marked_and_says_why() -> None:
    flagged = Measured("Linked movements", date(2026, 11, 16), 40, 20, 100, flagged="Scaled: 7 of 9 answered.")
    _, text = read(pdf_of(progress_with(scores=(SCORES[4], flagged))))
    assert "44.4 (2 Nov 2026) ~40 (16 Nov 2026) down 4.4" in text
    assert "~40 (16 Nov 2026), Linked movements: Scaled: 7 of 9 answered." in text
    assert "~" not in read(pdf_of(progress_with()))[1]


@pytest.mark.parametrize(("scores", "awaited"), [(SCORES[-1:], False), (SCORES[:1], True), ((), False)])
def test_permission_is_spoken_of_where_it_is_awaited(scores: tuple[Measured, ...], awaited: bool) -> None:
    _, text = read(pdf_of(progress_with(scores=scores)))
    assert ("awaited" in text) == awaited
    assert ("Scores First Latest" in text) == bool(scores)


def test_it_holds_the_milestones_with_every_accent() -> None:
    _, text = read(pdf_of(progress_with()))
    assert "Milestones 30 Sep 2026: First flicker of the cheek 10 Nov 2026: Őszi mosoly, >= 2 cm" in text


@pytest.mark.parametrize("weeks", [0, 1, 3, 30])
def test_it_is_one_page_for_any_diary(weeks: int) -> None:
    progress = progress_with(weeks, (), ())
    pages, text = read(pdf_of(progress))
    assert pages == 1
    assert progress.summary in text


def test_it_is_one_page_however_much_there_is() -> None:
    scores = [
        Measured(f"Score {which} with a rather long name", day, which, 100, 0, f"{which}: {MEANING * 2}", True)
        for which in range(10)
        for day in (date(2026, 9, 7), date(2026, 11, 16))
    ]
    milestones = [
        Milestone(date(2026, 9, 1) + timedelta(days=day), "Something happened here " * 6) for day in range(30)
    ]
    pages, text = read(pdf_of(progress_with(30, scores, milestones)))
    assert pages == 1
    assert "And 22 before these." in text
    assert "9: Two figures" in text


def test_the_picture_is_in_it() -> None:
    (image,) = PdfReader(io.BytesIO(pdf_of(progress_with()))).pages[0].images
    assert image.image is not None
    assert image.image.size == (800, 1000)


def test_the_same_progress_gives_the_same_file() -> None:
    assert pdf_of(progress_with()) == pdf_of(progress_with())


def test_no_letter_of_it_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        pdf_of(progress_with())
        summary_pdf("**Septimus check**\n\n- Őszi mosoly 顔", MADE)
    assert not caplog.records


def test_a_summary_keeps_its_accents_too() -> None:
    assert "Őszi mosoly Łódź" in read(summary_pdf("Őszi mosoly Łódź", MADE))[1]
