"""Referrals from a spreadsheet, CSV or Excel: what the columns were taken for, and one result for each row. Pure.

Nothing is calculated: a cell that begins with = + - or @ is text. Nothing is imported here either; the caller gets the
results of all rows and decides.
"""

import csv
import io
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from openpyxl import load_workbook  # type: ignore[import-untyped]
from openpyxl.utils import get_column_letter  # type: ignore[import-untyped]

from bot.desk.columns import DATES, NAMES_SOMEBODY, Columns, Note, Told, Understood, Wrong
from bot.desk.letter_file import UnreadableLetter, decoded
from bot.desk.office_zip import WrongZip, kind_of
from bot.referral.record import Referral

LARGEST = 10 * 1024 * 1024
"""Bytes of a file."""
MOST_ROWS = 5_000
MOST_COLUMNS = 200
SECONDS = 20.0
"""After this long a workbook is given up. 5,000 rows take about two seconds."""

type Reason = Literal[
    "empty", "large", "rows", "blank_rows", "columns", "no_header", "no_patient", "quote", "encrypted", "inflated",
    "old_excel", "word", "not_a_table", "slow", "broken",
]  # fmt: skip

WORDS: dict[Reason, str] = {
    "empty": "The file has no rows. Check that it is the right file, and the right sheet.",
    "large": "The file is larger than 10 MB. Split it into several files.",
    "rows": "The file has more than 5,000 rows. Split it into several files. Nothing was read.",
    "blank_rows": "The sheet goes on for more than 100,000 lines. Delete the empty rows at its end and save it again.",
    "columns": "The file has more than 200 columns. Keep those that are about the referral.",
    "no_header": "No heading was recognised. Put names such as 'Reference', 'Date of onset' and 'Side' in one row.",
    "no_patient": "No column says who the patient is. Name one 'Reference' or 'Initials', or choose one here.",
    "quote": "A quotation mark that opens in row {row} never closes. Close it, or save the file again as CSV.",
    "encrypted": "The file is locked with a password. Save it without one.",
    "inflated": "The file would grow too large when it is opened. Save it again as CSV.",
    "old_excel": "The file is in the old Excel format (.xls), or locked. Save it as .xlsx or CSV.",
    "word": "The file is a document, not a spreadsheet. Upload it as a letter.",
    "not_a_table": "The file is neither CSV nor Excel (.xlsx). Save the spreadsheet as one of these.",
    "slow": "The file takes too long to read. Save it as CSV.",
    "broken": "The file is damaged and can't be opened. Save it again, as .xlsx or CSV.",
}
"""What happened and what to do, for each reason."""

_MOST_LINES = 100_000
_HEADER_WITHIN = 10
_PREVIEW_ROWS = 5
_DELIMITERS = (",", ";", "\t", "|")
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]")
_PLAIN_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?")
_DAY = re.compile(r"\s*(\d{1,2})\s?[-/. ]\s?(\d{1,2})\s?[-/. ]\s?(?:(?:19|20)\d\d|\d\d)\b")


class WrongSpreadsheet(ValueError):
    """A file that isn't read at all. `reason` says why; as text it says what happened and what to do."""

    def __init__(self, reason: Reason, row: int = 0) -> None:
        super().__init__(WORDS[reason].format(row=row))
        self.reason: Reason = reason


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: its text, the day when Excel holds it as one, and whether it is a formula."""

    text: str = ""
    day: date | None = None
    is_formula: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A row that isn't empty, with its number in the sheet (from 1)."""

    number: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table as it was read.

    Attributes:
        headings: the names of the columns, as they are written.
        rows: the rows below them.
        format: `csv` or `xlsx`.
        name: the sheet's name, of a workbook.
        others: further sheets of the workbook, which were not read.
        skipped: rows above the headings.
    """

    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    format: Literal["csv", "xlsx"]
    name: str | None = None
    others: tuple[str, ...] = ()
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its letter, its heading, and what it was taken for.

    `key` is a key of `Columns.keys`, or None: then `why` says whether it is kept as text (`text`), left out since it
    says who somebody is (`left_out`), a second column of the same name (`twice`), or without cells (`empty`).
    """

    letter: str
    heading: str
    key: str | None
    why: Literal["name", "chosen", "text", "left_out", "twice", "empty"]


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be read of a sheet.

    Attributes:
        columns: what each column was taken for.
        sample: the first rows, cells as text.
        rows: how many rows there are.
        lacking: what every referral needs, and no column has.
        missing: what a clinic wants to know, and no column has.
        notes: what a person should know before the import.
    """

    columns: tuple[Column, ...]
    sample: tuple[tuple[str, ...], ...]
    rows: int
    lacking: tuple[str, ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of one row: a referral, or what is wrong with which cell; and what a person should know."""

    number: int
    referral: Referral | None
    patient_ref: str
    referrer: str
    wrong: tuple[Wrong, ...] = ()
    notes: tuple[Note, ...] = ()


def read_sheet(
    data: bytes, columns: Columns, *, sheet: str | None = None, clock: Callable[[], float] = time.monotonic
) -> Sheet:
    """The table in a file.

    Args:
        data: the file, 10 MB at most.
        columns: the names of columns; the row with most of them has the headings.
        sheet: which sheet of a workbook; the first one that can be seen and has cells, when left away.
        clock: seconds that never go back; only how long reading takes is measured.

    Raises:
        WrongSpreadsheet: it can't be read, whatever the bytes are.
    """
    if len(data) > LARGEST:
        raise WrongSpreadsheet("large")
    if not data.strip(b" \t\r\n\f\0"):
        raise WrongSpreadsheet("empty")
    if data.startswith(b"PK\x03\x04"):
        return _workbook(data, columns, sheet, clock)
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise WrongSpreadsheet("old_excel")
    if b"%PDF-" in data[:1024]:
        raise WrongSpreadsheet("word")
    try:
        text = decoded(data, most=LARGEST)
    except UnreadableLetter:
        raise WrongSpreadsheet("not_a_table") from None
    return _csv(text, columns)


def preview(sheet: Sheet, columns: Columns, chosen: Mapping[int, str | None] | None = None) -> Preview:
    """What each column is taken for, before anything is read.

    Args:
        sheet: the table.
        columns: the names of columns.
        chosen: what a person chose for columns, by their place from 0; None for "keep as text". An unknown key counts
            as None.
    """
    chosen = chosen or {}
    taken: dict[str, int] = {}
    found: list[Column] = []
    keys = columns.keys
    for place, heading in enumerate(sheet.headings):
        why: Literal["name", "chosen", "text", "left_out", "twice", "empty"] = "name"
        if place in chosen:
            key, why = (chosen[place] if chosen[place] in keys else None), "chosen"
        else:
            key = columns.key_of(heading)
        if key is None:
            why = "left_out" if place not in chosen and columns.is_left_out(heading) else "text"
        elif key in taken and key != "letter":
            key, why = None, "twice"
        else:
            taken[key] = place
        if key is None and not any(_at(row, place).text for row in sheet.rows):
            why = "empty"
        found.append(Column(get_column_letter(place + 1), heading, key, why))
    sample = tuple(
        tuple(_at(row, place).text[:200] for place in range(len(sheet.headings))) for row in sheet.rows[:_PREVIEW_ROWS]
    )
    return Preview(
        tuple(found),
        sample,
        len(sheet.rows),
        () if any(name in taken for name in NAMES_SOMEBODY) else ("who the patient is",),
        _missing(taken, columns),
        tuple(_notes(sheet, found)),
    )


def read_rows(
    sheet: Sheet,
    columns: Columns,
    *,
    today: date,
    received: date | None = None,
    day_first: bool = True,
    chosen: Mapping[int, str | None] | None = None,
    read_text: Callable[[str, date], Referral] | None = None,
) -> tuple[RowResult, ...]:
    """The referrals of a sheet, one result for each row that isn't empty, in their order.

    Args:
        sheet: the table.
        columns: the names of columns and the words of cells.
        today: the clinic's day; no referral is received after it.
        received: when they were received, for rows that don't say; today when left away.
        day_first: whether 03/04/2026 is 3 April. Excel's own dates and 2026-04-03 are never in doubt.
        chosen: what a person chose for columns; see `preview`.
        read_text: reads what is written freely, as a letter is read.

    Raises:
        WrongSpreadsheet: no column says who the patients are.
    """
    shown = preview(sheet, columns, chosen)
    if shown.lacking:
        raise WrongSpreadsheet("no_patient")
    mixed = {
        place
        for place, column in enumerate(shown.columns)
        if column.key in DATES and _orders(sheet, place) == {"day", "month"}
    }
    results = []
    seen: dict[tuple[str, date | None], int] = {}
    for row in sheet.rows:
        told, wrong = _told(row, shown.columns, mixed)
        understood = columns.understand(told, received or today, today=today, day_first=day_first, read_text=read_text)
        result = _result(row, understood, wrong)
        if result.referral is not None:
            same = seen.setdefault((result.patient_ref.casefold(), result.referral.onset), row.number)
            if same != row.number:
                note = Note(f"row {row.number}", f"it has the same patient and onset as row {same}. Look at both.")
                result = RowResult(
                    row.number, result.referral, result.patient_ref, result.referrer, (), (*result.notes, note)
                )
        results.append(result)
    return tuple(results)


def report(sheet: Sheet, results: Iterable[RowResult]) -> bytes:
    """The rows that were not read with what is wrong with each: a CSV to correct and upload again.

    It is in UTF-8 with a mark, for Excel, and no cell of it can act as a formula.
    """
    by_number = {result.number: result for result in results if result.wrong}
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow([*(defused(heading) for heading in sheet.headings), "What is wrong"])
    for row in sheet.rows:
        if row.number in by_number:
            cells = [defused(_at(row, place).text) for place in range(len(sheet.headings))]
            writer.writerow([*cells, defused(" ".join(str(wrong) for wrong in by_number[row.number].wrong))])
    return written.getvalue().encode("utf-8-sig")


def defused(text: str) -> str:
    """A text as it may stand in a cell of a file: before what a spreadsheet would take for a formula stands a '."""
    if text.startswith(("\t", "\r", "\n")) or (_FORMULA.match(text) and not _PLAIN_NUMBER.fullmatch(text.strip())):
        return f"'{text}"
    return text


# --- what the columns are -----------------------------------------------------------------------------------------


def _missing(taken: Mapping[str, int], columns: Columns) -> tuple[str, ...]:
    eye = any(_is_of_eye(columns, key) for key in taken)
    wanted = {
        "eye status": eye,
        "onset": "onset" in taken,
        "side": "side" in taken,
        "cause": "cause" in taken,
        "grade": "grade" in taken or "sunnybrook" in taken,
    }
    return tuple(name for name, there in wanted.items() if not there)


def _is_of_eye(columns: Columns, key: str) -> bool:
    finding = columns.finding_of(key)
    return finding is not None and columns.findings[finding].group == "eye"


def _notes(sheet: Sheet, found: Sequence[Column]) -> Iterator[str]:
    if sheet.others:
        names = ", ".join(f"'{name}'" for name in sheet.others[:5])
        yield f"The sheet '{sheet.name}' was read. The workbook also has {names}."
    if sheet.skipped:
        yield f"The headings were found in row {sheet.skipped + 1}. What stands above them is not read."
    for place, column in enumerate(found):
        name = f"Column {column.letter} ('{column.heading}')" if column.heading else f"Column {column.letter}"
        if column.why == "twice":
            yield f"{name} has the name of another column. It is kept as text; choose which of the two counts."
        if column.key in DATES and _orders(sheet, place) == {"day", "month"}:
            yield f"{name} has dates with the day first and with the month first. What could be either is refused."
        elif column.key in DATES and _ambiguous(sheet, place):
            yield f"{name} has dates like 03/04/2026. Choose whether the day or the month comes first."


def _orders(sheet: Sheet, place: int) -> set[str]:
    """Which orders of day and month a column's dates prove."""
    orders = set()
    for found in _days(sheet, place):
        one, two = int(found[1]), int(found[2])
        if one > 12 >= two:
            orders.add("day")
        elif two > 12 >= one:
            orders.add("month")
    return orders


def _ambiguous(sheet: Sheet, place: int) -> bool:
    return any(_is_ambiguous(found) for found in _days(sheet, place))


def _is_ambiguous(found: re.Match[str]) -> bool:
    return found[1].lstrip("0") != found[2].lstrip("0") and int(found[1]) <= 12 and int(found[2]) <= 12


def _days(sheet: Sheet, place: int) -> Iterator[re.Match[str]]:
    for row in sheet.rows:
        cell = _at(row, place)
        if cell.day is None and (found := _DAY.match(cell.text)):
            yield found


def _at(row: Row, place: int) -> Cell:
    return row.cells[place] if place < len(row.cells) else Cell()


# --- rows ---------------------------------------------------------------------------------------------------------


def _told(row: Row, columns: Sequence[Column], mixed: set[int]) -> tuple[list[Told], list[Wrong]]:
    told: list[Told] = []
    wrong: list[Wrong] = []
    for place, cell in enumerate(row.cells):
        if not cell.text.strip():
            continue
        if place >= len(columns):
            where = f"{get_column_letter(place + 1)}{row.number}"
            words = "The row has more cells than there are headings. Put text with commas in quotation marks."
            wrong.append(Wrong(where, "", "", words))
            break
        column = columns[place]
        where = f"{column.letter}{row.number}"
        if column.why == "left_out":
            continue
        if cell.is_formula and column.key is not None and column.key != "letter":
            wrong.append(Wrong(where, column.heading, "", "The cell is a formula. Paste its value instead."))
            continue
        if place in mixed and cell.day is None and (found := _DAY.match(cell.text)) and _is_ambiguous(found):
            words = "It could be day or month first, and this column has both. Write it as 2026-09-12."
            wrong.append(Wrong(where, column.heading, cell.text.strip()[:60] if column.key != "born" else "", words))
            continue
        label = column.heading or f"Column {column.letter}"
        told.append(Told(" ".join(label.split()), cell.text.strip(), column.key, where, cell.day))
    return told, wrong


def _result(row: Row, understood: Understood, wrong: Sequence[Wrong]) -> RowResult:
    faults = [*wrong, *understood.wrong]
    if not faults and not understood.patient_ref:
        faults.append(
            Wrong(f"row {row.number}", "", "", "Nothing says who the patient is. Add a reference or initials.")
        )
    return RowResult(
        row.number,
        None if faults else understood.referral,
        understood.patient_ref,
        understood.referrer,
        tuple(faults),
        understood.notes,
    )


# --- tables -------------------------------------------------------------------------------------------------------


def _sheet(
    rows: Iterable[Row], columns: Columns, kind: Literal["csv", "xlsx"], name: str | None, others: tuple[str, ...]
) -> Sheet:
    kept: list[Row] = []
    for row in rows:
        if any(cell.text.strip() for cell in row.cells):
            if len(row.cells) > MOST_COLUMNS:
                raise WrongSpreadsheet("columns")
            kept.append(row)
            if len(kept) > MOST_ROWS + _HEADER_WITHIN:
                raise WrongSpreadsheet("rows")
    if not kept:
        raise WrongSpreadsheet("empty")
    known = [_known_headings(row, columns) for row in kept[:_HEADER_WITHIN]]
    at = known.index(max(known))
    if known[at] == 0:
        raise WrongSpreadsheet("no_header")
    header, body = kept[at], kept[at + 1 :]
    if len(body) > MOST_ROWS:
        raise WrongSpreadsheet("rows")
    if not body:
        raise WrongSpreadsheet("empty")
    headings = tuple(" ".join(cell.text.split())[:100] for cell in header.cells)
    while headings and not headings[-1]:
        headings = headings[:-1]
    return Sheet(headings, tuple(body), kind, name, others, header.number - 1)


def _known_headings(row: Row, columns: Columns) -> int:
    return len({key for cell in row.cells if len(cell.text) < 100 and (key := columns.key_of(cell.text))})


def _csv(text: str, columns: Columns) -> Sheet:
    hinted = re.match(r"sep=(.)\r?\n", text, re.IGNORECASE)
    body = text[hinted.end() :] if hinted else text
    first = 2 if hinted else 1
    delimiter = hinted[1] if hinted and hinted[1] in _DELIMITERS else _delimiter(body, columns)
    return _sheet(_csv_rows(body, delimiter, first), columns, "csv", None, ())


def _csv_rows(text: str, delimiter: str, first: int) -> Iterator[Row]:
    for number, record in enumerate(_records(text, delimiter), first):
        if number > _MOST_LINES:
            raise WrongSpreadsheet("blank_rows")
        yield Row(number, tuple(Cell(_undefused(value)) for value in record))


def _records(text: str, delimiter: str) -> Iterator[list[str]]:
    """The records of a CSV. A mark that never closes would swallow all rows after it, so it is an error."""
    number = 0
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lenient: Iterator[list[str]] | None = None
    while True:
        try:
            record = next(lenient or reader)
        except StopIteration:
            return
        except csv.Error as error:
            if lenient is not None or "end of data" in str(error) or "limit" in str(error):
                raise WrongSpreadsheet("quote", number + 1) from None
            # A mark in the midst of a cell ("left" side): taken as it stands, from the beginning.
            lenient = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
            for _ in range(number):
                next(lenient)
            continue
        number += 1
        yield record


def _delimiter(text: str, columns: Columns) -> str:
    """The sign between cells: the one that shows most known headings, then the one that shows most cells."""
    start = text[:20_000]

    def shown(delimiter: str) -> tuple[int, int]:
        known = cells = 0
        reader = csv.reader(io.StringIO(start, newline=""), delimiter=delimiter)
        try:
            for _, record in zip(range(_HEADER_WITHIN), reader, strict=False):
                known = max(known, _known_headings(Row(0, tuple(Cell(each) for each in record)), columns))
                cells = max(cells, len(record))
        except csv.Error:
            pass
        return known, cells

    return max(_DELIMITERS, key=shown)


def _undefused(text: str) -> str:
    """A cell without the mark that `defused` put before it."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text, 1) else text


def _workbook(data: bytes, columns: Columns, wanted: str | None, clock: Callable[[], float]) -> Sheet:
    try:
        kind = kind_of(data)
    except WrongZip as wrong:
        raise WrongSpreadsheet(wrong.why) from None
    if kind != "xlsx":
        raise WrongSpreadsheet("not_a_table" if kind == "other" else "word")
    end = clock() + SECONDS
    try:
        book: Any = load_workbook(io.BytesIO(data), read_only=True, data_only=False, keep_links=False)
        try:
            sheets = [each for each in book.worksheets if each.sheet_state == "visible"] or list(book.worksheets)
            names = [each.title for each in sheets]
            if wanted in names:
                sheets = [sheets[names.index(wanted)]]
            found: WrongSpreadsheet = WrongSpreadsheet("empty")
            for each in sheets:
                others = tuple(name for name in names if name != each.title)
                try:
                    return _sheet(_excel_rows(each, clock, end), columns, "xlsx", each.title, others)
                except WrongSpreadsheet as wrong:
                    if wrong.reason not in ("empty", "no_header"):
                        raise
                    found = wrong if found.reason == "empty" else found
            raise found
        finally:
            book.close()
    except WrongSpreadsheet:
        raise
    except Exception:  # a faulty workbook fails in many ways; each means that it can't be read
        raise WrongSpreadsheet("broken") from None


def _excel_rows(sheet: Any, clock: Callable[[], float], end: float) -> Iterator[Row]:
    sheet.reset_dimensions()  # what a file says of its own size need not be so
    for number, cells in enumerate(sheet.iter_rows(), 1):
        if number > _MOST_LINES:
            raise WrongSpreadsheet("blank_rows")
        if number % 100 == 0 and clock() > end:
            raise WrongSpreadsheet("slow")
        row = [_excel_cell(cell) for cell in cells[: MOST_COLUMNS * 10]]
        while row and not row[-1].text:
            row.pop()
        yield Row(number, tuple(row))


def _excel_cell(cell: Any) -> Cell:
    value = cell.value
    if value is None:
        return Cell()
    if isinstance(value, bool):
        return Cell("yes" if value else "no")
    if isinstance(value, datetime):
        return Cell(value.date().isoformat(), value.date())
    if isinstance(value, date):
        return Cell(value.isoformat(), value)
    if isinstance(value, float):
        return Cell(f"{value:.10g}")
    text = str(getattr(value, "text", value))
    return Cell(_undefused(text), is_formula=getattr(cell, "data_type", "") == "f")
