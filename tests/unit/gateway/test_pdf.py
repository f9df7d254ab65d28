"""The summary as a PDF: one page, readable, the same for the same input."""

from datetime import UTC, datetime

from pypdf import PdfReader

from bot.gateway.pdf import summary_pdf

MADE = datetime(2026, 11, 22, 10, tzinfo=UTC)
SHORT = "**Septimus check**, 22 Nov 2026\n\n**SAME_DAY**: ED\n\n- Began: 16 hours before\n- D01: onset ≤ 72 h → today"


def text_of(pdf: bytes) -> tuple[int, str]:
    import io

    reader = PdfReader(io.BytesIO(pdf))
    return len(reader.pages), "\n".join(page.extract_text() for page in reader.pages)


def test_a_summary_is_one_page_and_holds_its_words() -> None:
    pages, text = text_of(summary_pdf(SHORT, MADE))
    assert pages == 1
    assert "Began: 16 hours before" in text
    assert "<= 72 h -> today" in text
    assert "**" not in text


def test_a_long_summary_still_fits_on_one_page() -> None:
    pages, text = text_of(summary_pdf(SHORT + "\n- one more rule that holds, with its reason in a line" * 60, MADE))
    assert pages == 1
    assert "one more rule" in text


def test_the_same_summary_gives_the_same_file() -> None:
    assert summary_pdf(SHORT, MADE) == summary_pdf(SHORT, MADE)


def test_letters_that_a_plain_pdf_lacks_do_not_break_it() -> None:
    assert text_of(summary_pdf("Größe 顔 🙂", MADE))[0] == 1
