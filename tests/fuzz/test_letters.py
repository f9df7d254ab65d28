"""Letters of strangers: a text, or one reason; and whatever the text is, what is read in it stands in it."""

from __future__ import annotations

import io
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DecodedStreamObject, NameObject

from bot.desk.letter_file import MOST_CHARACTERS, WORDS, UnreadableLetter, read_letter
from tests.fuzz.conftest import examples, within
from tests.fuzz.mess import cut_up, rezipped, sendable, texts
from tests.fuzz.samples import LETTER, docx, pdf
from tests.fuzz.test_fhir_bodies import reader

RECEIVED = date(2026, 11, 23)
PDF = pdf(LETTER, "A second page. HB IV/VI. Onset 12/11/2026.")
FORM = pdf(LETTER, picture=True)
DOCX = docx()
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "mac_roman", "cp850"]


def read(data: bytes) -> None:
    with within(8.0):
        try:
            made = read_letter(data)
        except UnreadableLetter as unreadable:
            assert unreadable.reason in WORDS
            return
    assert 0 < len(made.text) <= MOST_CHARACTERS
    assert "\0" not in made.text


@examples(1)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.builds(lambda text, name: text.encode(name, "replace"), texts, st.sampled_from(ENCODINGS)),
        st.sampled_from(ENCODINGS).flatmap(lambda name: cut_up(LETTER.encode(name))),
        st.sampled_from(
            [b"{\\rtf1", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\x89PNG", b"<html>", b"RIFF0000WEBP", b"PK\x03\x04"]
        ).flatmap(lambda head: st.binary(max_size=100).map(lambda rest: head + rest)),
    )
)
def test_any_text_file_is_a_letter_or_a_reason(data: bytes) -> None:
    read(data)


@st.composite
def rewritten(draw: st.DrawFn) -> bytes:
    """A whole PDF whose pages draw what they should not: the file is sound, its content streams are not."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(draw(st.sampled_from([PDF, FORM])))))
    for page in writer.pages:
        stream = DecodedStreamObject()
        stream.set_data(draw(cut_up(page.get_contents().get_data())))
        page[NameObject("/Contents")] = writer._add_object(stream)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


@examples(1)
@given(st.one_of(cut_up(PDF), cut_up(FORM), rewritten()))
def test_any_pdf_is_a_letter_or_a_reason(data: bytes) -> None:
    read(data)


@examples(1)
@given(st.one_of(rezipped(DOCX), cut_up(DOCX)))
def test_any_word_file_is_a_letter_or_a_reason(data: bytes) -> None:
    read(data)


_PIECES = st.sampled_from(
    ["left", "R", "LMN palsy", "3/52 ago", "onset", "12/11/2026", "HB", "IV", "grade 7", "6/6", "unable to close", "no",
     "denies", "pain", "Dear", "Re:", "DOB", ".", ",", "\n", "\n\n", "?", ":", "[x]", "☑", "Y/N", "2 days", "weeks",
     "999999999", "31/02/2026", "slurred", "arm", "since", "last Tuesday", "Sunnybrook", "100", "-", "(", ")", "/"]
)  # fmt: skip


@examples(1)
@given(st.lists(_PIECES | sendable, max_size=60).map(" ".join))
def test_what_is_read_in_any_letter_stands_in_it(text: str) -> None:
    read_text = reader()
    with within(3.0):
        referral = read_text(text, RECEIVED)
    for finding in referral.findings.values():
        assert finding.quote is None or finding.quote in referral.text
    assert all(quote in referral.text for quote in referral.quotes.values())
    assert referral.onset is None or referral.onset.year > 1900


@examples(0.2)
@given(_PIECES, st.integers(20, 120))
def test_a_letter_that_says_one_thing_over_and_over_is_read_in_time(piece: str, times: int) -> None:
    read_text = reader()
    with within(8.0):
        read_text((piece + " ") * times, RECEIVED)


@pytest.mark.parametrize("text", ["\n " * 10_000, "\n" * 20_000, " " * 20_000, "HB" + ":" * 19_000, "HB" + " :=" * 6_000, "| " * 10_000, "y    " * 4_000,
                                  "Mr A. " * 3_000, "1/" * 10_000], ids=lambda text: repr(text[:6]))  # fmt: skip
def test_blanks_and_signs_without_end_are_read_in_time(text: str) -> None:
    read_text = reader()
    with within(10.0):
        referral = read_text(text, RECEIVED)
    assert referral.text == text
