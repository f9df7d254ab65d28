"""A spreadsheet of referrals: columns by their names, one result for each row, nothing half-read."""

import csv
import io
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from bot.content_file import ContentError
from bot.desk.columns import Columns, WrongValue, day_of, initials, reference
from bot.desk.spreadsheet import (
    LARGEST,
    WORDS,
    RowResult,
    WrongSpreadsheet,
    defused,
    preview,
    read_rows,
    read_sheet,
    report,
)
from bot.settings import CONTENT
from tests.unit.loaded import bands, columns, reader

TODAY = date(2026, 11, 23)

_EXCEL_DAY = datetime(2026, 9, 12)  # noqa: DTZ001 - Excel knows no zones
HEAD = "Reference,Date of onset,Side affected,HB grade,Eye closure,Comments"


def rows(data: bytes | str, **how: object) -> tuple[RowResult, ...]:
    raw = data.encode() if isinstance(data, str) else data
    return read_rows(read_sheet(raw, columns()), columns(), today=TODAY, read_text=reader(), **how)  # type: ignore[arg-type]


def one(**cells: str) -> RowResult:
    """One row with a reference and these cells; `_` stands for a blank in a heading."""
    cells = {"Reference": "A1", **{name.replace("_", " "): value for name, value in cells.items()}}
    out = io.StringIO()
    csv.writer(out).writerows([list(cells), list(cells.values())])
    (made,) = rows(out.getvalue())
    return made


def workbook(*table: Sequence[object], title: str = "Referrals") -> Workbook:
    book = Workbook()
    book.active.title = title
    for row in table:
        book.active.append(list(row))
    return book


def saved(book: Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def refused(data: bytes) -> str:
    with pytest.raises(WrongSpreadsheet) as wrong:
        read_sheet(data, columns())
    assert wrong.value.reason in WORDS
    return wrong.value.reason


# --- files --------------------------------------------------------------------------------------------------------

TABLE = f'{HEAD}\r\nÉ1,2026-09-12,L,V,incomplete,"naïve, and\nslurred speech"\r\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_is_the_same_in_any_encoding_and_with_any_delimiter(encoding: str, delimiter: str) -> None:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(csv.reader(io.StringIO(TABLE)))
    (row,) = rows(out.getvalue().encode(encoding))
    assert row.patient_ref == "É1"
    assert row.referral is not None
    assert row.referral.onset == date(2026, 9, 12)
    assert row.referral.value("speech_slurred_or_words_wrong") == "yes"
    assert "naïve, and\nslurred speech" in row.referral.text


def test_the_line_that_excel_writes_about_its_delimiter_is_understood() -> None:
    (row,) = rows("sep=;\nReference;Onset\nA1;2026-09-12\n")
    assert row.number == 3
    assert row.referral is not None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b" \r\n\r\n", "empty"),
        (b"x" * (LARGEST + 1), "large"),
        (HEAD.encode(), "empty"),
        (b"one,two\n1,2\n", "no_header"),
        (b'Reference,Onset\nA1,"2026\nA2,2026\n', "quote"),
        (b"Reference,Onset\n" + b"A1,2026-01-01\n" * 100_000, "rows"),
        (b"Reference,Onset\n" + b"A1,2026-01-01\n" * 5_001, "rows"),
        (b"Reference,Onset\n" + b"\n" * 100_001 + b"A1,2026-01-01\n", "blank_rows"),
        (b"Reference" + b",Onset" * 201 + b"\nA1\n", "columns"),
        (b"\x00\x01\x02\xff" * 40, "not_a_table"),
        (b"%PDF-1.4 letter", "word"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old_excel"),
        (b"PK\x03\x04 no archive", "broken"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_file_that_is_not_read_says_why_in_one_line(data: bytes, reason: str) -> None:
    assert refused(data) == reason


def test_every_reason_says_what_happened_and_what_to_do() -> None:
    for words in WORDS.values():
        assert words.count(". ") >= 1
        assert all(len(sentence.split()) <= 20 for sentence in words.split(". ")), words


def test_exactly_5000_rows_are_taken() -> None:
    assert len(read_sheet(b"Reference,Onset\n" + b"A1,2026-01-01\n" * 5_000, columns()).rows) == 5_000


def test_a_zip_bomb_is_not_opened() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("[Content_Types].xml", "spreadsheetml.sheet.main+xml")
        bomb.writestr("xl/worksheets/sheet1.xml", b"<x>" + b" " * 70_000_000)
    assert refused(out.getvalue()) == "inflated"


def test_a_workbook_that_declares_entities_is_not_opened() -> None:
    book = saved(workbook(["Reference", "Onset"], ["A1", "2026-01-01"]))
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith("sheet1.xml"):
                data = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + data
            new.writestr(name, data)
    assert refused(out.getvalue()) == "broken"


def test_a_sheet_that_claims_a_million_rows_is_refused_quickly() -> None:
    book = workbook(["Reference", "Onset"], ["A1", "2026-01-01"])
    book.active.cell(1_048_576, 1).value = " "
    assert refused(saved(book)) == "blank_rows"


def test_a_workbook_is_read_by_its_first_sheet_with_headings() -> None:
    book = workbook(["Facial palsy list"], title="About")
    hidden = book.create_sheet("Old")
    hidden.sheet_state = "hidden"
    hidden.append(["Reference", "Onset"])
    hidden.append(["X", "2026-01-01"])
    sheet = book.create_sheet("Referrals")
    sheet.append(["November"])
    sheet.append(["Initials", "Onset", "Side", "HB", "Ear pain"])
    sheet.append(["JS", _EXCEL_DAY, "L", 5, True])
    sheet.append([])
    sheet.append(["AB", 46_277, "R", 4.0, False])
    read = read_sheet(saved(book), columns())
    assert (read.name, read.others, read.skipped) == ("Referrals", ("About",), 1)
    first, second = read_rows(read, columns(), today=TODAY)
    assert first.referral is not None
    assert second.referral is not None
    assert (first.number, second.number) == (3, 5)
    assert first.referral.onset == second.referral.onset == date(2026, 9, 12)
    assert (first.referral.grade, second.referral.grade) == ("HB 5", "HB 4")
    assert (first.referral.value("ear_pain"), second.referral.value("ear_pain")) == ("yes", "no")
    assert any("Excel's number" in note.words for note in second.notes)
    assert "About" in " ".join(preview(read, columns()).notes)


def test_another_sheet_can_be_asked_for() -> None:
    book = workbook(["Reference", "Onset"], ["A1", "2026-01-01"])
    book.create_sheet("Other").append(["Reference", "Onset"])
    book["Other"].append(["B2", "2026-01-01"])
    assert read_sheet(saved(book), columns(), sheet="Other").rows[0].cells[0].text == "B2"


# --- formulas -----------------------------------------------------------------------------------------------------


def test_a_formula_is_text_and_is_never_calculated() -> None:
    book = workbook(["Reference", "Age", "Comments"], ["A1", "=1+44", "x"], ["A2", "45", '=HYPERLINK("http://x")'])
    first, second = rows(saved(book))
    assert first.referral is None
    assert [wrong.where for wrong in first.wrong] == ["B2"]
    assert "formula" in first.wrong[0].words
    assert second.referral is not None
    assert '=HYPERLINK("http://x")' in second.referral.text


@pytest.mark.parametrize("text", ["=1+1", "+44 7", "-cmd|x", "@SUM(A1)", "\t=1", " =1", "＝1", "\r=1"])
def test_what_goes_out_again_cannot_act_as_a_formula(text: str) -> None:
    assert defused(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "left", "-5", "+3.5", "3/52", "a=b"])
def test_what_is_no_formula_goes_out_as_it_is(text: str) -> None:
    assert defused(text) == text


def test_the_report_holds_the_wrong_rows_alone_and_can_be_uploaded_again() -> None:
    sheet = read_sheet(f"{HEAD}\nA1,2026-09-12,L,5,no,\nA2,soon,L,9,no,=SUM(A1)\n".encode(), columns())
    made = report(sheet, read_rows(sheet, columns(), today=TODAY))
    lines = list(csv.reader(io.StringIO(made.decode("utf-8-sig"))))
    assert [line[0] for line in lines] == ["Reference", "A2"]
    assert lines[1][5] == "'=SUM(A1)"
    assert "B3" in lines[1][-1]
    assert "D3" in lines[1][-1]
    corrected = made.replace(b"soon", b"2026-09-12").replace(b",9,", b",3,")
    (again,) = rows(corrected)
    assert again.referral is not None
    assert "=SUM(A1)" in again.referral.text


# --- columns ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "key"),
    [
        ("Date of onset", "onset"), ("ONSET DATE*", "onset"), ("Onset (dd/mm/yyyy)", "onset"), ("HB grade (I–VI)", "grade"),
        ("House-Brackmann", "grade"), ("Side affected", "side"), ("L/R", "side"), ("Referrer", "referrer"),
        ("Patient's initials", None), ("Patient initials", "patient_ref"), ("NHS No.", "national_number"),
        ("Eye closure", "eye_closure"), ("ear pain", "otalgia"), ("Bell's", None), ("DOB", "born"),
        ("immunosuppressed", "immune_low"), ("corneal signs?", "corneal_signs"), ("", None),
    ],
)  # fmt: skip
def test_a_column_is_known_by_its_name(heading: str, key: str | None) -> None:
    assert columns().key_of(heading) == key


def test_the_preview_says_what_each_column_was_taken_for() -> None:
    sheet = read_sheet(b"Initials,Onset,Onset,Mobile,Ward,Nothing\nJS,03/04/2026,2026-04-03,07700,7,\n", columns())
    shown = preview(sheet, columns())
    assert [(column.key, column.why) for column in shown.columns] == [
        ("patient_ref", "name"),
        ("onset", "name"),
        (None, "twice"),
        (None, "left_out"),
        (None, "text"),
        (None, "empty"),
    ]
    assert shown.rows == 1
    assert shown.sample[0][:2] == ("JS", "03/04/2026")
    assert shown.lacking == ()
    assert shown.missing == ("eye status", "side", "cause", "grade")
    assert "Column C ('Onset') has the name of another column" in shown.notes[1]
    assert "03/04/2026" in shown.notes[0]


def test_a_person_may_choose_what_a_column_is() -> None:
    sheet = read_sheet(b"Who,Onset,When\nJS,-,2026-09-12\n", columns())
    assert preview(sheet, columns()).lacking == ("who the patient is",)
    with pytest.raises(WrongSpreadsheet) as wrong:
        read_rows(sheet, columns(), today=TODAY)
    assert wrong.value.reason == "no_patient"
    (row,) = read_rows(sheet, columns(), today=TODAY, chosen={0: "patient_ref", 1: None, 2: "onset"})
    assert row.referral is not None
    assert row.referral.onset == date(2026, 9, 12)


def test_whatever_can_be_chosen_has_words() -> None:
    assert all(words.strip() for words in columns().keys.values())
    assert {"onset", "eye_closure", "tinnitus_one_side"} <= columns().keys.keys()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  eye_red: {finding: eye_red", "  eye_red: {finding: eye_blue", "no finding 'eye_blue'"),
        ("Onset, Date of onset", "Side, Date of onset", "already a name"),
        ("  bells: [bells,", "  flu: [flu]\n  bells: [bells,", "no cause 'flu'"),
        ("yes': [incomplete,", "yes': [complete,", "both yes and no"),
    ],
)
def test_a_name_that_stands_for_two_things_is_told_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = (CONTENT / "referral" / "columns.yml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "referral").mkdir()
    (tmp_path / "referral" / "columns.yml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ContentError, match=said):
        Columns.load(tmp_path, bands().findings)


# --- cells --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "said", "value"),
    [
        ("Eye_closure", "Incomplete", "yes"), ("Eye_closure", "no", "yes"), ("Eye_closure", "Complete", "no"),
        ("Eye_closure", "Yes", "no"), ("Eye_closure", "mostly", "unsure"), ("Eye_closure", "", None),
        ("Eye_closure", "not assessed", None), ("Incomplete_eye_closure", "Y", "yes"), ("Incomplete_eye_closure", "N", "no"),
    ],
)  # fmt: skip
def test_an_answer_about_eye_closure_means_what_its_heading_says(heading: str, said: str, value: str | None) -> None:
    made = one(**{heading: said}).referral
    assert made is not None
    assert made.value("cannot_close_eye") == value


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("yes", "yes"), ("Y", "yes"), ("TRUE", "yes"), ("x", "yes"), ("✓", "yes"), ("Yes - since Friday", "yes"),
        ("no", "no"), ("None", "no"), ("nil", "no"), ("0", "no"), ("No otalgia", "no"),
        ("?", "unsure"), ("possible", "unsure"), ("?yes", "unsure"),
        ("n/k", None), ("-", None), ("unknown", None), ("not asked", None), ("", None),
    ],
)  # fmt: skip
def test_only_a_clear_no_is_a_no(said: str, value: str | None) -> None:
    made = one(Otalgia=said).referral
    assert made is not None
    assert made.value("ear_pain") == value


@pytest.mark.parametrize("said", ["purple", "no, but now yes", "see letter", "a bit"])
def test_an_answer_that_is_not_understood_is_never_a_no(said: str) -> None:
    made = one(Otalgia=said).referral
    assert made is not None
    assert made.value("ear_pain") in ("yes", "unsure")
    plain = read_rows(read_sheet(f'Reference,Otalgia\nA1,"{said}"'.encode(), columns()), columns(), today=TODAY)[0]
    assert plain.referral is not None
    assert plain.referral.value("ear_pain") == "unsure"
    assert "counts as unsure" in plain.notes[0].words


@pytest.mark.parametrize(
    ("said", "side"),
    [("L", "L"), ("left", "L"), ("Right-sided", None), ("Right sided", "R"), ("Bilateral", "both"), ("n/k", None)],
)
def test_a_side_is_read(said: str, side: str | None) -> None:
    made = one(Side=said)
    if said == "Right-sided":
        assert [wrong.where for wrong in made.wrong] == ["B2"]
    else:
        assert made.referral is not None
        assert made.referral.side == side


@pytest.mark.parametrize(
    ("said", "grade"),
    [
        ("5", "HB 5"), ("V", "HB 5"), ("HB V", "HB 5"), ("Grade 5", "HB 5"), ("5/6", "HB 5"), ("V/VI", "HB 5"),
        ("IV-V", "HB 5"), ("3 to 4", "HB 4"), ("House-Brackmann 2", "HB 2"), ("unknown", None), ("5.0", None),
        ("7", None), ("0", None), ("severe", None), ("12", None), ("1, 2 and 3", None),
    ],
)  # fmt: skip
def test_a_grade_is_read_or_refused(said: str, grade: str | None) -> None:
    made = one(HB=said)
    if grade is None and said != "unknown":
        assert made.referral is None
    else:
        assert made.referral is not None
        assert made.referral.grade == grade


@pytest.mark.parametrize(
    ("said", "day", "exact"),
    [
        ("2026-09-12", date(2026, 9, 12), True), ("12/09/2026", date(2026, 9, 12), True),
        ("12.9.26", date(2026, 9, 12), True), ("12-09-2026 10:30", date(2026, 9, 12), True),
        ("2026/9/12", date(2026, 9, 12), True), ("20260912", date(2026, 9, 12), True),
        ("12 Sep 2026", date(2026, 9, 12), True), ("12th September 2026", date(2026, 9, 12), True),
        ("46277", date(2026, 9, 12), True), ("3/52", date(2026, 11, 2), False), ("3 weeks ago", date(2026, 11, 2), False),
        ("about 12 Sep 2026", date(2026, 9, 12), False), ("September 2026", date(2026, 9, 15), False),
        ("2026-09-12T08:00:00", date(2026, 9, 12), True),
    ],
)  # fmt: skip
def test_an_onset_is_read_in_the_usual_forms(said: str, day: date, exact: bool) -> None:
    made = one(Onset=said).referral
    assert made is not None
    assert (made.onset, made.onset_is_exact) == (day, exact)
    assert made.quotes["onset"] == f"Onset: {said}"
    assert made.quotes["onset"] in made.text


@pytest.mark.parametrize(
    "said", ["soon", "31/02/2026", "2026-13-01", "09/25/2026", "2027-01-01", "0", "1899-01-01", "12/09", "5"]
)
def test_a_day_that_cannot_be_is_refused_with_its_cell(said: str) -> None:
    made = one(Onset=said)
    assert made.referral is None
    assert [wrong.where for wrong in made.wrong] == ["B2"]


def test_an_ambiguous_day_follows_the_choice_and_is_told() -> None:
    table = "Reference,Onset\nA1,03/04/2026\n"
    (day_first,), (month_first,) = rows(table), rows(table, day_first=False)
    assert day_first.referral is not None
    assert month_first.referral is not None
    assert (day_first.referral.onset, month_first.referral.onset) == (date(2026, 4, 3), date(2026, 3, 4))
    assert "'03/04/2026' was read as 3 April 2026" in day_first.notes[0].words
    assert "4 March 2026" in month_first.notes[0].words


def test_a_column_with_both_orders_refuses_what_could_be_either() -> None:
    made = rows("Reference,Onset\nA,25/12/2025\nB,12/25/2025\nC,03/04/2026\nD,04/04/2026\n")
    assert [row.referral is not None for row in made] == [True, False, False, True]


def test_a_day_after_today_or_before_its_onset_is_refused() -> None:
    assert one(Received="2026-12-01").referral is None
    assert one(Received="2026-09-01", Onset="2026-09-12").referral is None
    made = one(Received="2026-09-13", Onset="2026-09-12").referral
    assert made is not None
    assert made.received == date(2026, 9, 13)


@given(st.text(max_size=30), st.booleans(), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_day_or_refused(said: str, day_first: bool, free: bool) -> None:
    try:
        day, _, _ = day_of(said, TODAY, day_first=day_first, free=free)
    except WrongValue as wrong:
        assert str(wrong)
    else:
        assert isinstance(day, date)


# --- rows ---------------------------------------------------------------------------------------------------------


def test_one_wrong_cell_takes_its_row_alone_and_every_fault_is_told() -> None:
    made = rows(f"{HEAD}\nA1,2026-09-12,L,5,no,\nA2,soon,middle,9,no,\n\nA3,2026-09-12,R,2,yes,\n")
    assert [row.number for row in made] == [2, 3, 5]
    assert [row.referral is not None for row in made] == [True, False, True]
    assert [wrong.where for wrong in made[1].wrong] == ["B3", "C3", "D3"]
    assert [wrong.label for wrong in made[1].wrong] == ["Date of onset", "Side affected", "HB grade"]


def test_a_row_with_more_cells_than_headings_has_slipped_and_is_refused() -> None:
    (row,) = rows("Reference,Comments,Side\nA1,weak, and numb,L\n")
    assert row.referral is None
    assert "quotation marks" in row.wrong[0].words


def test_a_row_without_a_patient_is_refused() -> None:
    (row,) = rows("Reference,Side\n,L\n")
    assert row.referral is None
    assert row.wrong[0].where == "row 2"


def test_a_cell_as_long_as_a_book_is_refused() -> None:
    (row,) = rows("Reference,Comments\nA1," + "word " * 4_001 + "\n")
    assert row.referral is None


def test_a_mark_inside_a_cell_does_no_harm() -> None:
    (row,) = rows('Reference,Comments\nA1,"weak" face\n')
    assert row.referral is not None


def test_two_columns_that_differ_about_one_finding_keep_the_more_worrying() -> None:
    made = one(Eye_closure="complete", Lagophthalmos="yes")
    assert made.referral is not None
    assert made.referral.value("cannot_close_eye") == "yes"
    assert any("more worrying" in note.words for note in made.notes)


def test_a_red_flag_in_the_text_is_heard_over_a_no_in_its_column() -> None:
    made = one(Slurred_speech="No", Comments="Since this morning slurred speech.")
    assert made.referral is not None
    assert made.referral.value("speech_slurred_or_words_wrong") == "yes"
    assert made.referral.findings["speech_slurred_or_words_wrong"].quote in made.referral.text


def test_a_no_in_the_text_does_not_calm_a_yes_in_its_column() -> None:
    made = one(Vesicles="Yes", Comments="No vesicles.").referral
    assert made is not None
    assert made.value("ear_or_mouth_blisters") == "yes"


def test_a_cause_in_other_words_is_read_as_in_a_letter() -> None:
    made = one(Diagnosis="?Bell's palsy").referral
    assert made is not None
    assert made.cause == "bells"
    assert (one(Diagnosis="Ramsay Hunt syndrome").referral or made).cause == "rhs"
    assert (one(Diagnosis="n/k").referral or made).cause is None


def test_a_side_or_an_onset_says_that_the_face_is_weak_so_a_new_one_is_not_passed_over() -> None:
    made = one(Onset="2026-11-20", Side="L").referral
    assert made is not None
    assert made.value("droop") == "yes"
    assert bands()(made, TODAY).band == "P0"
    seen = one(Onset="2026-11-20", Side="L", Referrer="Dr A").referral
    assert seen is not None
    assert bands()(seen, TODAY).band == "P1"
    own = one(Onset="2026-11-20", Side="L", Referrer="Self referral").referral
    assert own is not None
    assert bands()(own, TODAY).band == "P0"


def test_the_same_patient_twice_is_told() -> None:
    _, second = rows("Reference,Onset\nA1,2026-09-12\na1,2026-09-12\n")
    assert second.referral is not None
    assert "row 2" in second.notes[-1].words


def test_of_who_somebody_is_little_is_kept() -> None:
    made = rows(
        "Patient name,NHS number,DOB,Address,Mobile,Postcode,Onset\n"
        '"SMITH, Jane",943 476 5919,12/09/1980,1 High Street,07700 900000,AB1 2CD,2026-09-12\n'
    )[0]
    assert made.referral is not None
    assert made.patient_ref == "JS …5919"
    assert made.referral.value("age") == "46"
    kept = repr(made)
    for private in ("SMITH", "Smith", "Jane", "943", "1980", "High Street", "07700", "AB1"):
        assert private not in kept


@pytest.mark.parametrize(
    ("name", "short"),
    [("SMITH, Jane", "JS"), ("Mrs Jane Smith", "JS"), ("Mary-Ann O'Neil", "MO"), ("Dr. José Núñez", "JN"), ("", "")],
)
def test_a_name_becomes_initials(name: str, short: str) -> None:
    assert initials(name) == short


@pytest.mark.parametrize(
    ("local", "name", "number", "ref"),
    [
        ("H123", "JS", "9434765919", "H123"), ("Jane Smith", "", "", "JS"), ("JS", "", "", "JS"), ("", "JS", "", "JS"),
        ("", "JS", "9434765919", "JS …5919"), ("", "", "9434765919", "…5919"), ("", "", "", ""),
    ],
)  # fmt: skip
def test_a_patient_is_named_by_what_the_clinic_knows(local: str, name: str, number: str, ref: str) -> None:
    assert reference(local, name, number) == ref


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.binary(max_size=300).map(lambda data: b"Reference,Onset,Side,HB,Age,Comments\n" + data),
        st.binary(max_size=200).map(lambda data: b"PK\x03\x04" + data),
        st.text(max_size=200).map(lambda text: f"Reference;Onset;DOB;Eye closure\n{text}".encode("utf-8", "replace")),
        st.lists(st.lists(st.text(max_size=12), max_size=7), max_size=4).map(
            lambda table: "\n".join([HEAD, *(",".join(row) for row in table)]).encode("utf-8", "replace")
        ),
    )
)
def test_any_bytes_give_results_or_a_reason(data: bytes) -> None:
    _results_or_reason(data)


_BOOK = saved(workbook(["Reference", "Onset", "HB"], ["A1", _EXCEL_DAY, 5], ["A2", "3/52", "IV"]))


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_damaged_workbook_gives_results_or_a_reason(damage: list[tuple[float, int]]) -> None:
    hurt = bytearray(_BOOK)
    for place, byte in damage:
        hurt[int(place * len(hurt))] = byte
    _results_or_reason(bytes(hurt))


def _results_or_reason(data: bytes) -> None:
    try:
        made = rows(data)
    except WrongSpreadsheet as wrong:
        assert wrong.reason in WORDS
        return
    for row in made:
        assert (row.referral is None) == bool(row.wrong)
        if row.referral is not None:
            assert row.patient_ref
            for each in row.referral.findings.values():
                assert each.quote is None or each.quote in row.referral.text
            assert all(quote in row.referral.text for quote in row.referral.quotes.values())
