"""One-page PDFs to show or forward to a clinician: a summary, and how practice went."""

from __future__ import annotations

import io
import logging
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from bot.pictures.line import number
from bot.pictures.png import FONT, FONT_BOLD, FONT_REGULAR
from bot.programme.progress import Progress, Trend, Week

if TYPE_CHECKING:
    from fpdf import FPDF

# fpdf2 takes the letters in use out of the font with fontTools, which would log each of them.
logging.getLogger("fontTools").setLevel(logging.WARNING)

_SIGNS = str.maketrans({"≥": ">=", "≤": "<=", "→": "->"})  # the font has none of them
_SIZES = (11, 10, 9, 8, 7, 6)
_PROGRESS_SIZES = (10, 9, 8, 7, 6, 5)
_PICTURE_WIDTH = 84  # millimetres, as all measures of a page
_MILESTONES = 8


def summary_pdf(text: str, made: datetime) -> bytes:
    """Return a summary (light Markdown: `**bold**`, `- ` bullets) as a PDF of one page; the letters shrink to fit.

    Args:
        text: the summary.
        made: when it is made, aware; it stands in the file, so that the same summary gives the same bytes.
    """
    for size in _SIZES:
        pdf = _summary(text, size, made)
        if pdf.page_no() == 1:
            break
    return bytes(pdf.output())


def progress_pdf(progress: Progress, picture_png: bytes, made: datetime) -> bytes:
    """Return progress as a PDF of one page: the picture, every week, every score with how it is scored.

    Args:
        progress: what it tells.
        picture_png: the progress picture on the light ground, as it may be printed.
        made: when it is made, aware, in the person's zone; it stands on the page and in the file, so that the same
            progress gives the same bytes.
    """
    for size in _PROGRESS_SIZES:
        pdf = _progress(progress, picture_png, size, made)
        if pdf.page_no() == 1:
            break
    return bytes(pdf.output())


@dataclass(frozen=True, slots=True)
class Line:
    """A line of plain pages; an empty one is a gap. `size` is in points."""

    text: str
    size: int
    bold: bool = False


def pages_pdf(title: str, lines: Iterable[Line], made: datetime) -> bytes:
    """Return lines as a PDF of as many pages as they need. A line that is too long is broken.

    Args:
        title: the file's title.
        lines: what stands on the pages.
        made: when it is made, aware; it stands in the file, so that the same lines give the same bytes.
    """
    pdf = _page(title, made, 18)
    for line in lines:
        if line.text.strip():
            _write(pdf, line.text, line.size, bold=line.bold)
        else:
            pdf.ln(line.size * 0.3)
    return bytes(pdf.output())


def _page(title: str, made: datetime, margin: float) -> FPDF:
    from fpdf import FPDF  # here: most starts of the gateway are followed by no page for a long time

    pdf = FPDF(format="A4")
    pdf.set_creation_date(made)
    pdf.set_title(title)
    pdf.set_margin(margin)
    pdf.add_font(FONT, "", FONT_REGULAR)
    pdf.add_font(FONT, "B", FONT_BOLD)
    pdf.add_page()
    return pdf


def _summary(text: str, size: int, made: datetime) -> FPDF:
    pdf = _page("Septimus check", made, 18)
    for line in text.split("\n"):
        plain = re.sub(r"\*\*(.+?)\*\*", r"\1", line)
        if plain.strip():
            _write(pdf, plain, size, bold=plain != line)
        else:
            pdf.ln(size * 0.3)
    return pdf


def _progress(progress: Progress, picture_png: bytes, size: int, made: datetime) -> FPDF:
    captions = progress.captions
    pdf = _page(captions["page"], made, 14)
    pdf.c_margin = 0
    _write(pdf, captions["page"], 16, bold=True)
    _write(pdf, f"{_day(progress.since)} – {_day(progress.until)}. {captions['made'].format(moment=_day(made))}", 9)
    _write(pdf, captions["own_answers"], 9)
    pdf.ln(1)
    _write(pdf, progress.summary, 11)
    pdf.ln(2)
    top = pdf.get_y()
    picture = pdf.image(io.BytesIO(picture_png), x=pdf.l_margin, y=top, w=_PICTURE_WIDTH)
    below = top + picture.rendered_height + 3

    left, beside = pdf.l_margin, pdf.l_margin + _PICTURE_WIDTH + 5
    pdf.set_left_margin(beside)
    pdf.set_xy(beside, top)
    _weeks(pdf, progress, size)
    if progress.milestones:
        pdf.ln(2)
        _write(pdf, captions["milestones"], size, bold=True)
        for each in progress.milestones[-_MILESTONES:]:
            _write(pdf, f"{_day(each.day)}: {each.words}", size)
        if before := len(progress.milestones[:-_MILESTONES]):
            _write(pdf, captions["earlier"].format(count=before), size)
    pdf.set_left_margin(left)
    pdf.set_xy(left, max(below, pdf.get_y() + 3))
    _scores(pdf, progress, size)
    _write(pdf, captions["week_note"], size)
    return pdf


def _weeks(pdf: FPDF, progress: Progress, size: int) -> None:
    captions = progress.captions
    names = ("week", "done", "planned", "days", "comfort", "effort", "stage")
    _table(
        pdf,
        [[captions[name].capitalize() for name in names], *(_week(week) for week in progress.weeks)],
        size=min(size, 8),
        widths=(21, 11, 15, 10, 15, 12, 12),
    )


def _week(week: Week) -> list[str]:
    means = ["–" if mean is None else number(mean) for mean in (week.comfort, week.effort)]
    return [_day(week.first), f"{week.done}", f"{week.planned}", f"{week.days}", *means, ", ".join(week.stages) or "–"]


def _scores(pdf: FPDF, progress: Progress, size: int) -> None:
    if not progress.scores:
        return
    captions = progress.captions
    head = [captions[name] for name in ("scores", "first", "latest", "change", "scale")]
    _table(pdf, [head, *(_score(each, progress) for each in progress.scores)], size=size, widths=(50, 34, 34, 22, 46))
    pdf.ln(2)
    scored: dict[str, list[str]] = defaultdict(list)
    for each in progress.scores:
        if each.latest.meaning:
            scored[each.latest.meaning].append(each.name)
    for meaning, names in scored.items():
        _write(pdf, f"{', '.join(names)}: {meaning}", size)
    noted = dict.fromkeys(
        f"{measured.shown} ({_day(measured.day)}), {measured.name}: {measured.flagged}"
        for each in progress.scores
        for measured in (each.first, each.latest)
        if measured.flagged
    )
    for note in noted:
        _write(pdf, note, size)
    if any(each.latest.awaits_permission for each in progress.scores):
        _write(pdf, captions["awaited"], size)
    _write(pdf, captions["size_unknown"], size)


def _score(trend: Trend, progress: Progress) -> list[str]:
    captions = progress.captions
    lowest, highest = sorted((trend.latest.best, trend.latest.worst))
    if trend.change is None:
        first, change = "–", "–"
    else:
        first = f"{trend.first.shown} ({_day(trend.first.day)})"
        key = "up" if trend.change > 0 else "down" if trend.change < 0 else "same"
        change = captions[key].format(number=number(abs(trend.change)))
    return [
        f"{trend.name} *" if trend.latest.awaits_permission else trend.name,
        first,
        f"{trend.latest.shown} ({_day(trend.latest.day)})",
        change,
        f"{number(lowest)} – {number(highest)}, {captions['higher' if trend.higher_is_better else 'lower']}",
    ]


def _table(pdf: FPDF, rows: Iterable[Sequence[str]], *, size: int, widths: tuple[int, ...]) -> None:
    from fpdf.fonts import FontFace

    pdf.set_font(FONT, size=size)
    with pdf.table(
        col_widths=widths,
        line_height=size * 0.5,
        borders_layout="HORIZONTAL_LINES",
        headings_style=FontFace(emphasis="BOLD"),
        align="LEFT",
        text_align="LEFT",
        padding=(0.4, 0),
    ) as table:
        for row in rows:
            table.row([_printable(cell, pdf) for cell in row])


def _write(pdf: FPDF, text: str, size: int, *, bold: bool = False) -> None:
    pdf.set_font(FONT, style="B" if bold else "", size=size)
    pdf.multi_cell(0, size * 0.5, _printable(text, pdf), align="L", new_x="LMARGIN", new_y="NEXT")


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _printable(text: str, pdf: FPDF) -> str:
    """The text in the letters that the font has; a question mark stands for any other."""
    known = getattr(pdf.current_font, "cmap", {})  # fpdf's own fonts have none
    plain = unicodedata.normalize("NFKC", text.translate(_SIGNS))
    return "".join(each if ord(each) in known else "?" for each in plain)
