"""Importing: a spreadsheet is looked at, corrected and confirmed; a letter comes as a file; nothing comes in half."""

from __future__ import annotations

import io
import tempfile

import httpx
import pytest
from docx import Document
from openpyxl import Workbook
from sqlalchemy import func, select

from bot.store import referrals
from bot.store.clinic_tables import AuditRow, ReferralRow
from tests.desk.browser import Browser, Clinic, Clock, main_of

CSV = (
    b"Reference,Date of onset,Side,HB grade,Eye closure,Notes\n"
    b"AB 1,2026-10-01,Left,4,incomplete,Uses drops by day.\n"
    b"CD 2,2026-13-45,Right,3,complete,\n"
    b"EF 3,2026-09-01,Right,2,complete,=1+1\n"
)


async def sent(browser: Browser, path: str, name: str, data: bytes, **fields: str) -> httpx.Response:
    token = await browser.token("/account")
    return await browser.client.post(path, data={"csrf": token, **fields}, files={"file": (name, data)})


async def key_of(browser: Browser) -> str:
    page = await browser.get("/referrals/import/check")
    return page.text.split('name="upload" value="')[1].split('"')[0]


async def confirmed(browser: Browser, key: str) -> httpx.Response:
    return await browser.send("/referrals/import/confirm", page="/account", upload=key)


async def kept(clinic: Clinic) -> list[ReferralRow]:
    async with clinic.desk.store.reading() as session:
        rows = await session.scalars(select(ReferralRow).where(ReferralRow.clinic_id == clinic.id))
        return list(rows)


async def test_rows_are_shown_with_their_faults_and_only_what_is_confirmed_comes_in(
    clinic: Clinic, clinician: Browser
) -> None:
    answer = await sent(clinician, "/referrals/import", "list.csv", CSV)
    assert (answer.status_code, answer.headers["location"]) == (303, "/referrals/import/check")
    page = main_of(await clinician.get("/referrals/import/check"))
    assert "2 rows of 3 can be imported" in page
    assert "B3, Date of onset" in page and "2026-13-45" in page
    assert await kept(clinic) == []
    faults = await clinician.get("/referrals/import/faults")
    assert "CD 2" in faults.text and "AB 1" not in faults.text
    key = await key_of(clinician)
    answer = await confirmed(clinician, key)
    assert answer.headers["location"] == "/?done=imported"
    rows = {row.patient_ref: row for row in await kept(clinic)}
    assert set(rows) == {"AB 1", "EF 3"}
    assert rows["AB 1"].grade == "HB 4" and rows["AB 1"].findings["cannot_close_eye"]["value"] == "yes"
    assert (await confirmed(clinician, key)).status_code == 409
    assert len(await kept(clinic)) == 2
    async with clinic.desk.store.reading() as session:
        assert await session.scalar(select(func.count()).where(AuditRow.what == "referrals imported")) == 1


async def test_a_column_is_corrected_by_hand(clinic: Clinic, clinician: Browser) -> None:
    data = b"Who,Side,Since\nAB 1,Left,03/04/2026\n"
    await sent(clinician, "/referrals/import", "list.csv", data)
    page = main_of(await clinician.get("/referrals/import/check"))
    assert "No column says who the patient is" in page and "Import 1" not in page
    key = await key_of(clinician)
    choice = {"c0": "patient_ref", "c1": "side", "c2": "onset", "order": "month", "received": "2026-11-20"}
    await clinician.send("/referrals/import/columns", page="/account", upload=key, **choice)
    assert (await confirmed(clinician, await key_of(clinician))).headers["location"] == "/?done=imported"
    (row,) = await kept(clinic)
    assert (row.patient_ref, str(row.onset_on), str(row.received_on)) == ("AB 1", "2026-03-04", "2026-11-20")


async def test_a_day_received_after_today_is_refused(clinician: Browser) -> None:
    await sent(clinician, "/referrals/import", "list.csv", CSV)
    key = await key_of(clinician)
    page = await clinician.send("/referrals/import/columns", page="/account", upload=key, received="2027-01-01")
    assert page.status_code == 422 and "lies after today" in main_of(page)


async def test_another_sheet_of_a_workbook_can_be_chosen(clinic: Clinic, clinician: Browser) -> None:
    book = Workbook()
    first = book.active
    first.append(["Reference", "Side"])
    first.append(["AB 1", "Left"])
    second = book.create_sheet("Second")
    second.append(["Reference", "Side"])
    second.append(["CD 2", "Right"])
    written = io.BytesIO()
    book.save(written)
    await sent(clinician, "/referrals/import", "list.xlsx", written.getvalue())
    key = await key_of(clinician)
    await clinician.send("/referrals/import/columns", page="/account", upload=key, sheet="Second")
    await confirmed(clinician, await key_of(clinician))
    assert [row.patient_ref for row in await kept(clinic)] == ["CD 2"]


async def test_a_cancelled_upload_is_forgotten(clinic: Clinic, clinician: Browser) -> None:
    await sent(clinician, "/referrals/import", "list.csv", CSV)
    key = await key_of(clinician)
    await clinician.send("/referrals/import/cancel", page="/account")
    assert (await clinician.get("/referrals/import/check")).status_code == 409
    assert (await confirmed(clinician, key)).status_code == 409
    assert await kept(clinic) == []


async def test_an_upload_is_forgotten_after_an_hour(clinic: Clinic, clinician: Browser, clock: Clock) -> None:
    await sent(clinician, "/referrals/import", "list.csv", CSV)
    for _ in range(3):
        clock.move(minutes=20, seconds=5)
        await clinician.get("/")
    clinic.desk.uploads.forget_old(clock())
    assert not clinic.desk.uploads._waiting
    assert (await clinician.get("/referrals/import/check")).status_code == 409


async def test_a_colleague_can_neither_see_nor_confirm_an_upload(
    clinic: Clinic, clinician: Browser, admin: Browser
) -> None:
    await sent(clinician, "/referrals/import", "list.csv", CSV)
    key = await key_of(clinician)
    assert "AB 1" not in (await admin.get("/referrals/import/check")).text
    assert (await confirmed(admin, key)).status_code == 409
    assert await kept(clinic) == []


async def test_no_part_of_a_large_file_is_written_to_the_disk(
    clinic: Clinic, clinician: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rolled_over(_file: object) -> None:
        raise AssertionError("a file of its own")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", rolled_over)
    page = await sent(clinician, "/referrals/import", "list.csv", CSV + b"\n" * 3_000_000)
    assert page.status_code == 422, "too many rows: it was read, and in memory"


async def test_an_import_that_fails_half_way_leaves_nothing_and_can_be_tried_again(
    clinic: Clinic, clinician: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sent(clinician, "/referrals/import", "list.csv", CSV)
    key = await key_of(clinician)
    real, calls = referrals.create, 0

    async def failing(*given: object, **named: object) -> int:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError("the disk is full")
        return await real(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(referrals, "create", failing)
    with pytest.raises(OSError, match="disk"):
        await confirmed(clinician, key)
    assert await kept(clinic) == []
    monkeypatch.setattr(referrals, "create", real)
    assert (await confirmed(clinician, key)).status_code == 303
    assert len(await kept(clinic)) == 2


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("empty.csv", b"", "no rows"),
        ("odd.csv", b"a,b\n1,2\n", "No heading was recognised"),
        ("old.xls", b"\xd0\xcf\x11\xe0" + b"\0" * 100, "old Excel format"),
        ("bomb.xlsx", b"PK\x03\x04" + b"\0" * 100, "CSV"),
    ],
)
async def test_a_file_that_is_no_table_is_told(clinician: Browser, name: str, data: bytes, told: str) -> None:
    page = await sent(clinician, "/referrals/import", name, data)
    assert page.status_code == 422 and told in main_of(page)


async def test_a_file_larger_than_allowed_is_told(clinician: Browser) -> None:
    page = await sent(clinician, "/referrals/import", "large.csv", b"x" * (11 * 1024 * 1024))
    assert page.status_code == 413 and "10 MB" in main_of(page)


async def test_no_other_form_takes_a_file(clinician: Browser) -> None:
    assert (await sent(clinician, "/referrals/new", "list.csv", CSV, reference="AB 1")).status_code == 400


async def test_a_letter_comes_as_a_word_file(clinic: Clinic, clinician: Browser) -> None:
    document = Document()
    document.add_paragraph("Left Bell's palsy since 1 November 2026. The left eye does not close. HB 4.")
    written = io.BytesIO()
    document.save(written)
    fields = {"reference": "AB 1"}
    answer = await sent(clinician, "/referrals/letter", "letter.docx", written.getvalue(), **fields)
    assert answer.status_code == 303
    (row,) = await kept(clinic)
    assert row.side == "L" and row.findings["cannot_close_eye"]["quote"]


async def test_a_letter_that_cannot_be_read_is_told(clinic: Clinic, clinician: Browser) -> None:
    page = await sent(clinician, "/referrals/letter", "photo.png", b"\x89PNG\r\n" + b"\0" * 50, reference="AB 1")
    assert page.status_code == 422 and "The file is a picture" in main_of(page)
    assert await kept(clinic) == []
