"""A summary as a one-page PDF, to show or forward to a clinician."""

import re
import unicodedata
from datetime import datetime

from fpdf import FPDF

_SIGNS = str.maketrans({"≥": ">=", "≤": "<=", "→": "->", "–": "-", "—": "-", "’": "'", "‘": "'", "“": '"', "”": '"'})
_SIZES = (11, 10, 9, 8, 7, 6)


def summary_pdf(text: str, made: datetime) -> bytes:
    """Return a summary (light Markdown: `**bold**`, `- ` bullets) as a PDF of one page; the letters shrink to fit.

    Args:
        text: the summary.
        made: when it is made, aware; it stands in the file, so that the same summary gives the same bytes.
    """
    for size in _SIZES:
        pdf = _laid_out(text, size, made)
        if pdf.page_no() == 1:
            break
    return bytes(pdf.output())


def _laid_out(text: str, size: int, made: datetime) -> FPDF:
    pdf = FPDF(format="A4")
    pdf.set_creation_date(made)
    pdf.set_title("Septimus check")
    pdf.set_margin(18)
    pdf.add_page()
    for line in _printable(text).split("\n"):
        plain = re.sub(r"\*\*(.+?)\*\*", r"\1", line)
        pdf.set_font("Helvetica", style="B" if plain != line else "", size=size)
        if plain.strip():
            pdf.multi_cell(0, size * 0.5, plain, new_x="LMARGIN", new_y="NEXT")
        else:
            pdf.ln(size * 0.3)
    return pdf


def _printable(text: str) -> str:
    """The text in the letters that every PDF reader has."""
    return unicodedata.normalize("NFKC", text.translate(_SIGNS)).encode("latin-1", "replace").decode("latin-1")
