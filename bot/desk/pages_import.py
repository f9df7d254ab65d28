"""Referrals from a spreadsheet: upload, look at what would be read and correct the columns, then import all at once.

Nothing is written before the person confirms, and then in one transaction: all rows that can be read, or none.
"""

from dataclasses import replace
from datetime import date

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from bot.desk.access import Visit
from bot.desk.columns import FIELDS
from bot.desk.desk import Desk, onward
from bot.desk.spreadsheet import RowResult, WrongSpreadsheet, preview, read_rows, read_sheet, report
from bot.desk.uploads import Upload
from bot.store import referrals, staff
from bot.store.referrals import Sorting

_SHOWN_ROWS = 200


async def show(desk: Desk, visit: Visit) -> Response:
    """Show where a spreadsheet is uploaded."""
    waiting = desk.uploads.of(visit.who.member.id, desk.clock())
    return _start(desk, visit, "", waiting.name if waiting else "")


async def upload(desk: Desk, visit: Visit) -> Response:
    """Take a spreadsheet, and go on to what would be read of it."""
    sent = await visit.file("file")
    if sent is None:
        return _start(desk, visit, "Choose a file first.")
    name, data = sent
    try:
        made = await run_in_threadpool(_read_first, desk, name, data)
    except WrongSpreadsheet as wrong:
        return _start(desk, visit, str(wrong))
    await run_in_threadpool(_look, desk, made, desk.today(visit.who.clinic.zone))
    desk.uploads.keep(visit.who.member.id, made)
    return onward("/referrals/import/check")


async def check(desk: Desk, visit: Visit) -> Response:
    """Show what each column was taken for, the first rows, and what is wrong with which cell."""
    waiting = desk.uploads.of(visit.who.member.id, desk.clock())
    return _check(desk, visit, waiting) if waiting else _start(desk, visit, "", over=True)


async def columns(desk: Desk, visit: Visit) -> Response:
    """Take what the person chose for the columns, and read the rows again."""
    waiting = desk.uploads.of(visit.who.member.id, desk.clock(), visit.text("upload"))
    if waiting is None:
        return _start(desk, visit, "", over=True)
    today = desk.today(visit.who.clinic.zone)
    try:
        received = date.fromisoformat(visit.text("received")) if visit.text("received") else None
    except ValueError:
        return _check(desk, visit, waiting, "received")
    if received is not None and (received > today or received.year < 1900):
        return _check(desk, visit, waiting, "received")
    try:
        changed = await run_in_threadpool(_chosen, desk, visit, waiting, received)
    except WrongSpreadsheet as wrong:
        return _check(desk, visit, waiting, str(wrong))
    await run_in_threadpool(_look, desk, changed, today)
    desk.uploads.keep(visit.who.member.id, changed)
    return onward("/referrals/import/check", "columns")


async def faults(desk: Desk, visit: Visit) -> Response:
    """Give the rows that can't be read, with what is wrong, as a file to correct and upload again."""
    waiting = desk.uploads.of(visit.who.member.id, desk.clock())
    if waiting is None:
        return _start(desk, visit, "", over=True)
    headers = {"Content-Disposition": 'attachment; filename="rows-to-correct.csv"'}
    return Response(report(waiting.sheet, waiting.results), media_type="text/csv; charset=utf-8", headers=headers)


async def cancel(desk: Desk, visit: Visit) -> Response:
    """Forget the upload."""
    desk.uploads.drop(visit.who.member.id)
    return onward("/referrals/import", "import-cancelled")


async def confirm(desk: Desk, visit: Visit) -> Response:
    """Write down every row that the person saw can be read, all of them or none."""
    who, now = visit.who, desk.clock()
    waiting = desk.uploads.of(who.member.id, now, visit.text("upload"))
    if waiting is None:
        return _start(desk, visit, "", over=True)
    good = [result for result in waiting.results if result.referral is not None]
    if not good:
        return _check(desk, visit, waiting, "There is no row that can be imported. Correct the columns or the file.")
    # Taken away before anything is written: a second press of the button finds nothing to import again.
    desk.uploads.drop(who.member.id)
    try:
        sortings = await run_in_threadpool(_sorted, desk, good, desk.today(who.clinic.zone))
        async with desk.store.writing() as session:
            for result, sorting in zip(good, sortings, strict=True):
                if result.referral is None:
                    continue
                await referrals.create(
                    session,
                    who.clinic.id,
                    result.referral,
                    sorting,
                    now,
                    patient_ref=result.patient_ref[:64],
                    referrer=result.referrer[:120],
                    staff_id=who.member.id,
                    detail={
                        "way": "import",
                        "row": result.number,
                        "read_once": result.number in waiting.read_once,
                    },
                )
            about = f"{len(good)} rows"
            await staff.note(
                session, "referrals imported", now, clinic_id=who.clinic.id, staff_id=who.member.id, about=about
            )
    except BaseException:
        desk.uploads.keep(who.member.id, waiting)
        raise
    return onward("/", "imported")


def _read_first(desk: Desk, name: str, data: bytes) -> Upload:
    sheet = read_sheet(data, desk.sorter.columns)
    return Upload(name, data, desk.clock(), sheet)


def _look(desk: Desk, upload: Upload, today: date) -> None:
    """Read the rows as they would be imported now."""
    upload.preview = preview(upload.sheet, desk.sorter.columns, upload.chosen)
    upload.results, upload.read_once = (), frozenset()
    if not upload.preview.lacking:
        reading = desk.sorter.reading()
        upload.results = read_rows(
            upload.sheet,
            desk.sorter.columns,
            today=today,
            received=upload.received,
            day_first=upload.day_first,
            chosen=upload.chosen,
            read_text=reading,
        )
        upload.read_once = frozenset(
            result.number for result in upload.results if result.referral and reading.was_once(result.referral)
        )


def _chosen(desk: Desk, visit: Visit, waiting: Upload, received: date | None) -> Upload:
    """The upload with what the form chose. A column left as it was taken stays with the program's own guess."""
    wanted = visit.text("sheet", 100)
    if waiting.sheet.others and wanted in waiting.sheet.others:
        sheet = read_sheet(waiting.data, desk.sorter.columns, sheet=wanted)
        return replace(waiting, sheet=sheet, chosen={}, received=received)
    guessed = preview(waiting.sheet, desk.sorter.columns)
    chosen: dict[int, str | None] = {}
    for place, column in enumerate(guessed.columns):
        typed = visit.form.get(f"c{place}")
        if isinstance(typed, str) and (typed or None) != column.key:
            chosen[place] = typed or None
    day_first = visit.text("order") != "month"
    return replace(waiting, chosen=chosen, received=received, day_first=day_first)


def _sorted(desk: Desk, results: list[RowResult], today: date) -> list[Sorting]:
    return [desk.sorter.sort(result.referral, today) for result in results if result.referral is not None]


def _start(desk: Desk, visit: Visit, wrong: str, waiting: str = "", *, over: bool = False) -> Response:
    status = 409 if over else 422 if wrong else 200
    return desk.page(visit, "import.html", status, wrong=wrong, waiting=waiting, over=over)


def _check(desk: Desk, visit: Visit, upload: Upload, wrong: str = "") -> Response:
    known = desk.sorter.columns
    faulty = [result for result in upload.results if result.wrong]
    remarked = [result for result in upload.results if result.notes and not result.wrong]
    used = {column.key for column in upload.preview.columns} if upload.preview else set()
    return desk.page(
        visit,
        "import_check.html",
        422 if wrong else 200,
        upload=upload,
        shown=upload.preview,
        fields=FIELDS,
        findings={name: words for name, words in known.keys.items() if name not in FIELDS},
        used=used,
        good=sum(result.referral is not None for result in upload.results),
        faulty=faulty[:_SHOWN_ROWS],
        more_faulty=max(0, len(faulty) - _SHOWN_ROWS),
        remarked=remarked[:_SHOWN_ROWS],
        more_remarked=max(0, len(remarked) - _SHOWN_ROWS),
        wrong=wrong,
    )
