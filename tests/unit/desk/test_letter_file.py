"""A letter that comes as a file: its text, or one plain reason why not."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from docx import Document
from docx.oxml import parse_xml
from fpdf import FPDF
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DecodedStreamObject, DictionaryObject, NameObject, TextStringObject

from bot.desk.letter_file import LARGEST, WORDS, LetterFile, UnreadableLetter, read_letter

LETTER = "Dear colleague, sudden onset left LMN palsy 3/52 ago, HB V, unable to close the eye."
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def pdf(*pages: str, pictures: bool = False) -> bytes:
    made = FPDF()
    for text in pages:
        made.add_page()
        made.set_font("helvetica", size=12)
        if pictures:
            made.image(Image.new("RGB", (300, 300), "white"), 10, 40, 180)
        if text:
            made.multi_cell(0, 6, text)
    return bytes(made.output())


def locked(data: bytes, user: str, owner: str) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(data)))
    writer.encrypt(user, owner, algorithm="RC4-128")
    return written(writer)


def written(writer: PdfWriter) -> bytes:
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def docx(fill: Callable[[Any], object] = lambda document: None, text: str = LETTER) -> bytes:
    document = Document()
    document.add_paragraph(text)
    fill(document)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def archive(parts: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as made:
        for name, data in parts.items():
            made.writestr(name, data)
    return out.getvalue()


def replaced(data: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        parts = {each: old.read(each) for each in old.namelist()}
    return archive({**parts, name: change(parts[name])})


DOCX = docx()
BOMB = archive({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w>" + b" " * 70_000_000})
BILLION = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'


def png() -> io.BytesIO:
    out = io.BytesIO()
    Image.new("RGB", (10, 10)).save(out, "PNG")
    out.seek(0)
    return out


def reason(data: bytes) -> str:
    with pytest.raises(UnreadableLetter) as unreadable:
        read_letter(data)
    assert str(unreadable.value) == WORDS[unreadable.value.reason]
    return unreadable.value.reason


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (LETTER.encode(), LETTER),
        (b"\xef\xbb\xbf" + LETTER.encode(), LETTER),
        ("Bell’s palsy, naïve".encode("cp1252"), "Bell’s palsy, naïve"),
        ("Bell’s palsy".encode("utf-16"), "Bell’s palsy"),
        ("Bell’s palsy on the left".encode("utf-16-le"), "Bell’s palsy on the left"),
        ("Bell’s palsy on the left".encode("utf-16-be"), "Bell’s palsy on the left"),
        ("Bell’s palsy".encode("utf-32"), "Bell’s palsy"),
        (b"one\r\ntwo\rthree\x0cfour  \n\n\n\n\n\nfive", "one\ntwo\nthree\nfour\n\n\nfive"),
        (b"\xc2\xbd of the face, con\xef\xac\x81r\xc2\xadmed", "½ of the face, confirmed"),
    ],
)
def test_plain_text_is_read_in_any_usual_encoding(data: bytes, text: str) -> None:
    assert read_letter(data) == LetterFile(text, "text")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "empty"),
        (b" \r\n\t\0", "empty"),
        (b"a" * (LARGEST + 1), "large"),
        (b"word " * 20_001, "long"),
        ("wörd ".encode("cp1252") * 100_000, "long"),
        (b"\x00\x01\x02\x80\x99" * 50, "unknown"),
        (bytes(range(256)) * 4, "unknown"),
        (b"\xff\xfe\x00\xd8\x00", "unknown"),
        (b"\xef\xbb\xbfna\xefve", "encoding"),
        (b"\x89PNG\r\n\x1a\n....", "picture"),
        (b"\xff\xd8\xff\xe0....JFIF", "picture"),
        (b"....ftypheic....", "picture"),
        (b"RIFF....WEBPVP8 ", "picture"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "WordDocument".encode("utf-16-le"), "old_word"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "Workbook".encode("utf-16-le"), "spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
        (b"{\\rtf1\\ansi letter}", "rich_text"),
        (b"<!DOCTYPE html><html><body>letter</body></html>", "web_page"),
        (b"\n<HTML><p>letter", "web_page"),
        (b"%PDF-1.7\nnot a PDF at all", "broken"),
        (pdf(LETTER)[:700], "broken"),
        (b"PK\x03\x04 not an archive", "broken"),
        (DOCX[: len(DOCX) // 2], "broken"),
        (archive({"letter.txt": LETTER.encode()}), "unknown"),
        (archive({"[Content_Types].xml": b"<Types/>"}), "unknown"),
        (BOMB, "inflated"),
        (archive({f"{number}.xml": b"<a/>" for number in range(2_001)}), "inflated"),
        (replaced(DOCX, "word/document.xml", lambda xml: BILLION + xml.split(b"?>", 1)[1]), "broken"),
        (
            replaced(DOCX, "word/document.xml", lambda xml: (BILLION.decode() + "<x/>").encode("utf-16")),
            "broken",
        ),
        (replaced(DOCX, "word/document.xml", lambda xml: b"<!--" + b" " * 100_000 + b"-->" + xml), "broken"),
        (replaced(DOCX, "word/document.xml", lambda xml: xml[:-20]), "broken"),
        (
            replaced(
                DOCX,
                "[Content_Types].xml",
                lambda xml: xml.replace(
                    b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
                    b"application/vnd.ms-word.document.macroEnabled.main+xml",
                ),
            ),
            "macros",
        ),
        (docx(text=""), "empty"),
        (docx(text="word " * 21_000), "long"),
        (docx(lambda document: document.add_picture(png()), text=""), "scan"),
        (pdf(""), "empty"),
        (pdf("", "", pictures=True), "scan"),
        (pdf("Fax 1 / 2", pictures=True), "scan"),
        (lambda: pdf(*["x"] * 201), "pages"),
        (lambda: pdf(*["word " * 700] * 40), "long"),
        (locked(pdf(LETTER), "secret", "owner"), "encrypted"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_cannot_be_read_is_told_in_one_line(data: bytes | Callable[[], bytes], expected: str) -> None:
    # What takes long to make is made here, and not by every worker that lists the tests.
    assert reason(data if isinstance(data, bytes) else data()) == expected


def test_every_reason_says_what_happened_and_what_to_do() -> None:
    for words in WORDS.values():
        sentences = [sentence for sentence in words.split(". ") if sentence]
        assert len(sentences) >= 2
        assert "\n" not in words
        assert all(len(sentence.split()) <= 20 for sentence in sentences), words


def test_a_pdf_is_read_with_its_pages() -> None:
    assert read_letter(pdf(LETTER, LETTER)) == LetterFile(f"{LETTER}\n\n{LETTER}", "pdf", 2)


def test_a_pdf_locked_against_printing_only_is_read() -> None:
    assert read_letter(locked(pdf(LETTER), "", "owner")).text == LETTER


def test_a_page_without_text_is_named_never_passed_over() -> None:
    made = read_letter(pdf(LETTER * 2, "Fax page 2", pictures=True))
    assert made.unread_pages == (2,)
    assert read_letter(pdf(LETTER, "")).unread_pages == (2,)


def test_what_was_filled_into_a_form_is_part_of_the_letter() -> None:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf(LETTER))))

    def field(name: str, kind: str, value: object) -> object:
        made = DictionaryObject(
            {
                NameObject("/FT"): NameObject(kind),
                NameObject("/T"): TextStringObject(name),
                NameObject("/V"): value,
                NameObject("/Subtype"): NameObject("/Widget"),
                NameObject("/Type"): NameObject("/Annot"),
            }
        )
        return writer._add_object(made)

    fields = ArrayObject(
        [
            field("Hearing", "/Tx", TextStringObject("sudden loss on the left")),
            field("Vesicles", "/Btn", NameObject("/Yes")),
            field("Otalgia", "/Btn", NameObject("/Off")),
        ]
    )
    writer.root_object[NameObject("/AcroForm")] = DictionaryObject({NameObject("/Fields"): fields})
    text = read_letter(written(writer)).text
    assert text == f"{LETTER}\n\nHearing: sudden loss on the left\nVesicles: yes"


def test_a_pdf_that_takes_too_long_is_given_up() -> None:
    ticks = iter(range(0, 1_000_000, 7))
    with pytest.raises(UnreadableLetter) as unreadable:
        read_letter(pdf(LETTER, LETTER), clock=lambda: float(next(ticks)))
    assert unreadable.value.reason == "slow"


def _drawn(stream: bytes) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf("x"))))
    content = DecodedStreamObject()
    content.set_data(stream)
    writer.pages[0][NameObject("/Contents")] = writer._add_object(content.flate_encode())
    return written(writer)


def test_a_content_stream_that_would_grow_beyond_measure_is_not_followed() -> None:
    says = b"BT /F1 12 Tf 10 10 Td (Dear colleague, sudden onset left facial palsy) Tj ET "
    assert read_letter(_drawn(says)).text == "Dear colleague, sudden onset left facial palsy"
    assert reason(_drawn(says + b" " * 100_000_000)) == "broken"
    assert reason(_drawn(says + b"q Q " * 1_000_000)) == "broken"


def test_a_word_letter_keeps_the_order_of_paragraphs_and_tables_and_says_its_header() -> None:
    def fill(document: object) -> None:
        table = document.add_table(3, 2)  # type: ignore[attr-defined]
        for row, (label, value) in enumerate([("Eye closure", "incomplete"), ("HB:", "5"), ("Rash", "")]):
            table.cell(row, 0).text, table.cell(row, 1).text = label, value
        document.add_paragraph("Yours")  # type: ignore[attr-defined]
        document.sections[0].header.paragraphs[0].text = "Date: 12/09/2026"  # type: ignore[attr-defined]

    lines = read_letter(docx(fill)).text.split("\n")
    assert lines == ["Date: 12/09/2026", LETTER, "Eye closure: incomplete", "HB: 5", "Rash", "Yours"]


@pytest.mark.parametrize(
    ("xml", "text"),
    [
        (f"<w:sdt {W}><w:sdtContent><w:p><w:r><w:t>in a field</w:t></w:r></w:p></w:sdtContent></w:sdt>", "in a field"),
        (f"<w:p {W}><w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:r><w:t>kept</w:t></w:r></w:p>", "kept"),
        (f"<w:p {W}><w:ins><w:r><w:t>added</w:t></w:r></w:ins></w:p>", "added"),
        (f'<w:p {W}><w:r><w:sym w:font="Wingdings" w:char="F0FE"/><w:t> Rash</w:t></w:r></w:p>', "☑ Rash"),
        (f'<w:p {W}><w:r><w:sym w:font="Wingdings" w:char="F0A8"/><w:t> Rash</w:t></w:r></w:p>', "☐ Rash"),
        (f"<w:p {W}><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t></w:r></w:p>", "a\tb\nc"),
        (
            f"<w:p {W}><w:r><w:pict><v:shape xmlns:v='urn:schemas-microsoft-com:vml'><v:textbox><w:txbxContent>"
            "<w:p><w:r><w:t>in a box</w:t></w:r></w:p></w:txbxContent></v:textbox></v:shape></w:pict></w:r></w:p>",
            "in a box",
        ),
        (
            f'<w:p {W}><w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:checkBox><w:default w:val="0"/>'
            '<w:checked w:val="1"/></w:checkBox></w:ffData></w:fldChar></w:r><w:r><w:t>Otalgia</w:t></w:r></w:p>',
            "[x] Otalgia",
        ),
    ],
)
def test_nothing_that_a_reader_of_the_document_sees_is_left_out(xml: str, text: str) -> None:
    data = docx(lambda document: document.element.body.insert(0, parse_xml(xml)), text="END")  # type: ignore[attr-defined]
    assert read_letter(data).text == f"{text}\nEND"


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.one_of(
        st.binary(max_size=400),
        st.binary(max_size=300).map(lambda data: b"%PDF-1.4\n" + data),
        st.binary(max_size=300).map(lambda data: b"PK\x03\x04" + data),
        st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
    )
)
@example(b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 1 0 R >>\nendobj\ntrailer << /Root 1 0 R >>")
def test_any_bytes_give_a_letter_or_a_reason(data: bytes) -> None:
    _letter_or_reason(data)


@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.sampled_from([pdf(LETTER), DOCX]),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=12),
)
def test_a_damaged_file_gives_a_letter_or_a_reason(data: bytes, damage: list[tuple[float, int]]) -> None:
    hurt = bytearray(data)
    for place, byte in damage:
        hurt[int(place * len(hurt))] = byte
    _letter_or_reason(bytes(hurt))


def _letter_or_reason(data: bytes) -> None:
    try:
        made = read_letter(data)
    except UnreadableLetter as unreadable:
        assert unreadable.reason in WORDS
    else:
        assert made.text.strip()
        assert "\0" not in made.text
