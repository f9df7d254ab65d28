"""The text of a referral letter that came as a file: plain text, PDF or Word. Pure: bytes in, text out.

A file is known by what it holds, never by its name. Nothing in it is run, and nothing is fetched that it points to.
What can't be read is told, also when it is only some of the pages: a page left out could be the one that matters.
"""

import io
import logging
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pypdf
from charset_normalizer import from_bytes
from docx import Document
from docx.oxml.ns import qn
from pypdf.errors import DependencyError

from bot.desk.office_zip import WrongZip, kind_of

if TYPE_CHECKING:
    from docx.document import Document as WordDocument

# pypdf remarks on faulty files, with pieces of them.
logging.getLogger("pypdf").setLevel(logging.CRITICAL)

LARGEST = 10 * 1024 * 1024
"""Bytes of a file."""
MOST_PAGES = 200
MOST_CHARACTERS = 100_000
SECONDS = 20.0
"""After this long a PDF is given up. A page of a letter takes some milliseconds."""

type Kind = Literal["text", "pdf", "docx"]
type Reason = Literal[
    "empty", "large", "long", "pages", "inflated", "encrypted", "scan", "form", "picture", "macros", "old_word",
    "spreadsheet", "rich_text", "web_page", "encoding", "unknown", "slow", "broken",
]  # fmt: skip

WORDS: dict[Reason, str] = {
    "empty": "The file has no text in it. Check that it is the right file.",
    "large": "The file is larger than 10 MB. Save it without pictures, or paste the letter.",
    "long": "The text is longer than 100,000 characters. Upload the letter alone, without attachments.",
    "pages": "The file has more than 200 pages. Upload the pages of the letter alone.",
    "inflated": "The file would grow too large when it is opened. Save it again in Word, or paste the letter.",
    "encrypted": "The file is locked with a password. Ask the sender for one without, or paste the letter.",
    "scan": "The file is a scan: pictures of pages, without text. Read it yourself, and paste or type what it says.",
    "form": "This PDF is a form that only Adobe's reader can show. Open it there, print it to a PDF, and upload that.",
    "picture": "The file is a picture. Read it yourself, and paste or type what it says.",
    "macros": "The file is a Word document with macros. Save it as an ordinary Word document (.docx).",
    "old_word": "The file is in the old Word format (.doc). Save it as .docx or PDF, or paste the letter.",
    "spreadsheet": "The file is a spreadsheet. Use the import of spreadsheets for it.",
    "rich_text": "The file is in Rich Text Format (.rtf). Save it as .docx or PDF, or paste the letter.",
    "web_page": "The file is a web page. Open it in a browser and paste the letter.",
    "encoding": "The signs of this text can't be made out. Save it as UTF-8, or paste the letter.",
    "unknown": "The file is neither text, PDF nor Word (.docx). Save the letter as one of these, or paste it.",
    "slow": "The file takes too long to read. Save it as a new PDF, or paste the letter.",
    "broken": "The file is damaged and can't be opened. Ask the sender for it again, or paste the letter.",
}
"""What happened and what to do, for each reason."""


class UnreadableLetter(ValueError):
    """A file whose letter can't be read. `reason` says why; as text it says what happened and what to do."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(WORDS[reason])
        self.reason: Reason = reason


@dataclass(frozen=True, slots=True)
class LetterFile:
    """A letter's text, what kind of file it came in, and the pages (from 1) that have no text or hardly any."""

    text: str
    kind: Kind
    pages: int | None = None
    unread_pages: tuple[int, ...] = ()


def read_letter(data: bytes, *, clock: Callable[[], float] = time.monotonic) -> LetterFile:
    """The letter in a file.

    Args:
        data: the file, 10 MB at most.
        clock: seconds that never go back; only how long reading takes is measured.

    Raises:
        UnreadableLetter: it can't be read, whatever the bytes are.
    """
    if len(data) > LARGEST:
        raise UnreadableLetter("large")
    if not data.strip(b" \t\r\n\f\0"):
        raise UnreadableLetter("empty")
    if b"%PDF-" in data[:1024]:
        return _pdf(data, clock)
    if data.startswith(b"PK\x03\x04"):
        return _word(data)
    if reason := _foreign(data):
        raise UnreadableLetter(reason)
    return LetterFile(_tidied(decoded(data, most=MOST_CHARACTERS)), "text")


def decoded(data: bytes, *, most: int) -> str:
    """The text of bytes whose encoding nobody tells: UTF-8, UTF-16 and UTF-32, else what charset-normalizer finds.

    Of the encodings of one byte a sign only those of Western Europe are tried: a letter is too short to tell others
    from them, and Windows-1252 is what British programs write. [DES]

    Args:
        data: the bytes.
        most: how many characters are taken at most.

    Raises:
        UnreadableLetter: the text is too long, no encoding fits, or it is no text.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _checked(_strictly(data, encoding), most)
    if len(data) > 4 * most:
        raise UnreadableLetter("long")
    if b"\0" in data:
        even, odd = data[::2].count(0), data[1::2].count(0)
        return _checked(_strictly(data, "utf-16-le" if odd > even else "utf-16-be"), most)
    try:
        return _checked(data.decode("utf-8"), most)
    except UnicodeDecodeError:
        pass
    try:
        best = from_bytes(data, cp_isolation=["cp1252", "iso8859_15", "mac_roman", "cp850"]).best()
    except Exception:  # the guess is a help; when it fails there is none
        best = None
    if best is None:
        raise UnreadableLetter("encoding")
    return _checked(str(best), most)


_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"),
)  # fmt: skip
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*", b"BM")
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_LIGATURES = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st", "\u00ad": None, "\u200b": None,
     "\u00a0": " ", "\u202f": " ", "\ufeff": None}
)  # fmt: skip
_LETTER = re.compile(r"[^\W\d_]")


def _foreign(data: bytes) -> Reason | None:
    """What a file is that is known and isn't read here."""
    if data.startswith(_COMPOUND):
        if "EncryptedPackage".encode("utf-16-le") in data:
            return "encrypted"
        return "spreadsheet" if "Workbook".encode("utf-16-le") in data else "old_word"
    if data.startswith(_PICTURES) or (data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"mif1", b"avif")):
        return "picture"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "picture"
    if data.startswith(b"{\\rtf"):
        return "rich_text"
    if re.match(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|head|body)\b", data[:512], re.IGNORECASE):
        return "web_page"
    return None


def _strictly(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise UnreadableLetter("encoding" if encoding == "utf-8-sig" else "unknown") from None


def _checked(text: str, most: int) -> str:
    if len(text) > most:
        raise UnreadableLetter("long")
    controls = len(_CONTROLS.findall(text))
    if controls > max(2, len(text) // 1000) or any(0xD800 <= ord(sign) <= 0xDFFF for sign in text):
        raise UnreadableLetter("unknown")
    return _CONTROLS.sub("", text)


def _tidied(text: str) -> str:
    """The text with plain line ends and blanks, and without ligatures; no word is changed.

    Raises:
        UnreadableLetter: nothing is left, or too much.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n").replace("\v", "\n").replace("\x85", "\n")
    text = _CONTROLS.sub("", text.translate(_LIGATURES))
    text = "\n".join(line.rstrip() for line in text.split("\n"))
    text = re.sub(r"\n{4,}", "\n\n\n", text).strip()
    if len(text) > MOST_CHARACTERS:
        raise UnreadableLetter("long")
    if not text:
        raise UnreadableLetter("empty")
    return text


# --- PDF ----------------------------------------------------------------------------------------------------------

_FEW_LETTERS = 20
"""A whole PDF with fewer letters is no letter."""
_FEW_LETTERS_BESIDE_A_PICTURE = 100
"""A page with a picture and fewer letters may be a scan under a fax's heading."""
_MOST_FIELDS = 500
_LIMITS: dict[str, Any] = {
    "maximum_declared_stream_length": LARGEST,
    "array_based_stream_maximum_output_length": 20_000_000,
    "zlib_maximum_output_length": 20_000_000,
    "lzw_maximum_output_length": 20_000_000,
    "run_length_maximum_output_length": 20_000_000,
    "stream_decoding_work_maximum_length": 60_000_000,
    "stream_parsing_work_maximum_count": 400_000,
    "page_tree_maximum_entries": 5_000,
    "page_tree_maximum_page_entries": 50_000,
    "form_fields_maximum_entries": 5_000,
    "xform_maximum_invocations_per_extraction": 500,
    "jbig2dec_binary": None,
    "disable_legacy_handling": True,
}


class _TooSlow(Exception):
    pass


def _pdf(data: bytes, clock: Callable[[], float]) -> LetterFile:
    end = clock() + SECONDS
    try:
        with pypdf.apply_configuration(**_LIMITS):
            return _read_pdf(data, lambda: _in_time(clock, end))
    except UnreadableLetter:
        raise
    except _TooSlow:
        raise UnreadableLetter("slow") from None
    except DependencyError:  # a cipher that isn't installed
        raise UnreadableLetter("encrypted") from None
    except Exception:  # a faulty PDF fails in many ways; each means that it can't be read
        raise UnreadableLetter("broken") from None


def _in_time(clock: Callable[[], float], end: float) -> None:
    if clock() > end:
        raise _TooSlow


def _read_pdf(data: bytes, in_time: Callable[[], None]) -> LetterFile:
    reader = pypdf.PdfReader(io.BytesIO(data), strict=False)
    # Many are locked against printing only: those open without a password, as they do for anybody.
    if reader.is_encrypted and not reader.decrypt(""):
        raise UnreadableLetter("encrypted")
    count = len(reader.pages)
    if count > MOST_PAGES:
        raise UnreadableLetter("pages")
    texts: list[str] = []
    unread: list[int] = []
    length = 0
    for number, page in enumerate(reader.pages, 1):
        in_time()
        text = page.extract_text(visitor_operand_before=lambda *_: in_time())
        letters = len(_LETTER.findall(text))
        if letters < (_FEW_LETTERS_BESIDE_A_PICTURE if _has_picture(page) else 1):
            unread.append(number)
        length += len(text)
        if length > MOST_CHARACTERS:
            raise UnreadableLetter("long")
        texts.append(text)
    fields = _fields(reader)
    text = "\n\n".join(part for part in (*texts, fields) if part.strip())
    if "please wait" in text[:400].lower() and _is_xfa(reader):
        raise UnreadableLetter("form")
    if len(_LETTER.findall(text)) < _FEW_LETTERS:
        raise UnreadableLetter("scan" if any(_has_picture(page) for page in reader.pages) else "empty")
    return LetterFile(_tidied(text), "pdf", count, tuple(unread))


def _has_picture(page: pypdf.PageObject) -> bool:
    resources: Any = page.get("/Resources")
    objects: Any = (resources.get_object().get("/XObject") or {}) if resources is not None else {}
    return (
        any(each.get_object().get("/Subtype") == "/Image" for each in list(objects.get_object().values())[:200])
        if objects
        else False
    )


def _fields(reader: pypdf.PdfReader) -> str:
    """What was filled into the form of a PDF, which isn't part of its pages; a box not ticked says nothing."""
    lines = []
    for name, field in list((reader.get_fields() or {}).items())[:_MOST_FIELDS]:
        value = field.get("/V")
        value = value.get_object() if value is not None else None
        label = str(field.get("/TU") or name.rsplit(".", 1)[-1]).strip()
        if field.get("/FT") == "/Btn":
            said = str(value).lstrip("/") if value is not None else "Off"
            if said == "Off":
                continue
            value = "yes" if said.lower() in ("yes", "on", "1", "true") else said
        if isinstance(value, list):
            value = ", ".join(str(each) for each in value)
        if isinstance(value, str) and value.strip():
            lines.append(f"{label}: {value.strip()}")
    return "\n".join(lines)


def _is_xfa(reader: pypdf.PdfReader) -> bool:
    form: Any = reader.root_object.get("/AcroForm")
    return form is not None and "/XFA" in form.get_object()


# --- Word ---------------------------------------------------------------------------------------------------------

_BOXES = {"F0FE": "☑", "F0FD": "☒", "F0FC": "✓", "F0FB": "☒", "F0A8": "☐", "F06F": "☐", "F071": "☐", "F052": "☑"}
"""The ticked and empty boxes of the Wingdings fonts."""
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_PARAGRAPH, _TABLE, _ROW, _CELL = qn("w:p"), qn("w:tbl"), qn("w:tr"), qn("w:tc")
_SIGNS = frozenset(map(qn, ("w:t", "w:tab", "w:br", "w:cr", "w:noBreakHyphen", "w:sym", "w:checkBox")))
_LABEL_LENGTH = 60


def _word(data: bytes) -> LetterFile:
    try:
        kind = kind_of(data)
    except WrongZip as wrong:
        raise UnreadableLetter(wrong.why) from None
    if kind != "docx":
        raise UnreadableLetter({"docm": "macros", "xlsx": "spreadsheet"}.get(kind, "unknown"))  # type: ignore[arg-type]
    try:
        document = Document(io.BytesIO(data))
        pieces: list[str] = []
        length = 0
        for line in _word_lines(document):
            length += len(line) + 1
            if length > MOST_CHARACTERS:
                raise UnreadableLetter("long")
            pieces.append(line)
        text = "\n".join(pieces)
        pictures = bool(document.element.body.findall(".//" + qn("a:blip")))
    except UnreadableLetter:
        raise
    except Exception:  # a faulty document fails in many ways; each means that it can't be read
        raise UnreadableLetter("broken") from None
    if not _LETTER.search(text):
        raise UnreadableLetter("scan" if pictures else "empty")
    return LetterFile(_tidied(text), "docx")


def _word_lines(document: "WordDocument") -> Iterator[str]:
    """The lines of a document in their order: headers first, as a letter's date may stand there, then the body.

    The tree is walked by hand. The library's own lists leave out what stands in text boxes and in the fields of
    templates, which is where referral forms have their answers.
    """
    heads: list[str] = []
    for section in document.sections:
        if not section.header.is_linked_to_previous:
            heads += _block_lines(section.header._element)
    yield from dict.fromkeys(line for line in heads if line.strip())
    yield from _block_lines(document.element.body)


def _block_lines(block: Any) -> Iterator[str]:
    for each in block:
        if each.tag == _PARAGRAPH:
            yield "".join(_signs(each))
            for box in each.iter(qn("w:txbxContent")):
                if not any(above.tag in (_FALLBACK, qn("w:txbxContent")) for above in box.iterancestors()):
                    yield from _block_lines(box)
        elif each.tag == _TABLE:
            for row in each.iter(_ROW):
                if next(row.iterancestors(_TABLE), None) is each:
                    yield _row_line(row)
        elif isinstance(each.tag, str) and each.tag not in (_FALLBACK, qn("w:sectPr"), qn("w:del")):
            yield from _block_lines(each)


def _row_line(row: Any) -> str:
    """A table's row as one line: "label: value" for two cells, else the cells with tabs between."""
    cells: list[str] = []
    for cell in row.iter(_CELL):
        if next(cell.iterancestors(_ROW), None) is row:
            cells.append(" ".join(line.strip() for line in _block_lines(cell) if line.strip()))
    cells = [cell for cell in cells if cell]
    if len(cells) == 2 and len(cells[0]) <= _LABEL_LENGTH and cells[0][-1] not in ":?.":
        return ": ".join(cells)
    return " ".join(cells) if len(cells) == 2 else "\t".join(cells)


def _signs(paragraph: Any) -> Iterator[str]:
    """The signs of a paragraph that a reader sees: no deleted text, no field codes, no text boxes."""
    for each in paragraph.iter():
        if not isinstance(each.tag, str) or each.tag == _PARAGRAPH:
            continue
        if each.tag in _SIGNS and _is_own(each, paragraph):
            yield (each.text or "") if each.tag == qn("w:t") else _sign(each)


def _is_own(element: Any, paragraph: Any) -> bool:
    for above in element.iterancestors():
        if above is paragraph:
            return True
        if above.tag in (_PARAGRAPH, _FALLBACK, qn("w:del"), qn("w:moveFrom"), qn("w:pPr")):
            return False
    return False


def _sign(element: Any) -> str:
    if element.tag == qn("w:tab"):
        return "\t"
    if element.tag in (qn("w:br"), qn("w:cr")):
        return "\n"
    if element.tag == qn("w:noBreakHyphen"):
        return "-"
    if element.tag == qn("w:sym"):
        return _BOXES.get(str(element.get(qn("w:char"), "")).upper(), " ")
    state = element.find(qn("w:checked"))
    state = element.find(qn("w:default")) if state is None else state
    ticked = state is not None and str(state.get(qn("w:val"), "1")).lower() in ("1", "true", "on")
    return "[x] " if ticked else "[ ] "
