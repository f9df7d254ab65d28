"""Spreadsheets of strangers: rows with results, or one reason; and the report of faults can be read again."""

from __future__ import annotations

import csv
import io
from datetime import date

from hypothesis import example, given
from hypothesis import strategies as st

from bot.desk.spreadsheet import WORDS, WrongSpreadsheet, defused, preview, read_rows, read_sheet, report
from tests.fuzz.conftest import examples, within
from tests.fuzz.mess import cut_up, rezipped, sendable
from tests.fuzz.samples import workbook
from tests.fuzz.test_fhir_bodies import columns, reader

TODAY = date(2026, 11, 23)
HEADS = ["Reference", "Date of onset", "DOB", "Side affected", "HB grade", "Eye closure", "Comments", "Letter", "Cause"]
BOOK = workbook(
    [*HEADS, "Age"],
    ["A1", "3/52", "12/05/1970", "left", 5, "no", "pain in the eye", "Dear colleague", "bells", 50],
    ["A2", "2026-11-02", "", "R", "IV", "yes", "=1+1", "", "Ramsay Hunt", "old"],
)
PROPER = (
    ",".join(HEADS).encode() + b'\r\nA1,3/52,12/05/1970,left,V,no,"pain, and red",Dear colleague,bells\r\n' * 4,
    "sep=;\r\nReference;Onset;Eye closure\r\nA1;01.11.2026;nein\r\n".encode("utf-16"),
    "Initials\tOnset\tSide\nJD\tyesterday\tläft\n".encode("cp1252"),
)

tables = st.builds(
    lambda heads, rows, sign, end: _csv(heads, rows, sign, end),
    st.lists(st.sampled_from(HEADS) | sendable, min_size=1, max_size=9),
    st.lists(st.lists(sendable, max_size=10), max_size=6),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)


def _csv(heads: list[str], rows: list[list[str]], sign: str, end: str) -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=sign, lineterminator=end).writerows([heads, *rows])
    return out.getvalue().encode("utf-8")


def read(data: bytes, chosen: dict[int, str | None] | None = None) -> None:
    with within(8.0):
        try:
            sheet = read_sheet(data, columns())
            preview(sheet, columns(), chosen)
            rows = read_rows(sheet, columns(), today=TODAY, chosen=chosen, read_text=reader())
        except WrongSpreadsheet as wrong:
            assert wrong.reason in WORDS
            assert "{" not in str(wrong)
            return
        told = report(sheet, rows)
    for row in rows:
        assert (row.referral is None) == bool(row.wrong)
        assert row.referral is None or row.patient_ref
    cells = list(csv.reader(io.StringIO(told.decode("utf-8-sig"), newline="")))
    assert len(cells) == 1 + sum(bool(row.wrong) for row in rows)
    assert all(defused(cell) == cell for line in cells for cell in line)


@examples(1)
@given(st.one_of(tables, st.sampled_from(PROPER).flatmap(cut_up), st.binary(max_size=300)))
@example(b"Reference\n" + b'"' * 3000)
@example(b"Reference," + b"," * 5000 + b"\nA1")
@example(b"Reference\n" + b"\n" * 150_000)
@example(b"Reference\r" + b"A\r" * 6000)
@example(b"Reference,Comments\nA1," + b"a" * 200_000)
@example(b"Reference,Onset\nA1," + b"1/" * 20_000)
def test_any_text_file_gives_rows_or_a_reason(data: bytes) -> None:
    read(data)


@examples(1)
@given(st.sampled_from([BOOK]).flatmap(rezipped) | cut_up(BOOK))
def test_any_workbook_gives_rows_or_a_reason(data: bytes) -> None:
    read(data)


@examples(0.5)
@given(
    tables, st.dictionaries(st.integers(-1, 12), st.none() | sendable | st.sampled_from(["onset", "letter", "born"]))
)
def test_any_choice_of_columns_gives_rows_or_a_reason(data: bytes, chosen: dict[int, str | None]) -> None:
    read(data, chosen)
