"""A referral deleted for good: by an admin alone, confirmed, to the last row and byte, with one line in the audit."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from bot.store import erasures, lines, measures, patients, referrals, rest
from bot.store.clinic_tables import AuditRow, ReferralRow
from bot.store.referrals import ChangedMeanwhile
from bot.store.tables import Base, ConsentRow
from tests.desk.browser import Browser, Clinic, hidden, main_of
from tests.desk.test_line import PATIENT, joined, outbox, writes
from tests.desk.test_merge import merge, number
from tests.desk.test_referral import do, history, kept, made

MARK = "marked-51ad"


async def delete(browser: Browser, page: str, **fields: str) -> httpx.Response:
    asked = {"why": "asked", "reference": "AB 1", **fields}
    return await browser.send(f"{page}/delete", page=f"{page}/delete", **asked)


async def full(clinic: Clinic, browser: Browser, reference: str = MARK) -> str:
    """A referral with something in every table that belongs to it."""
    page = await made(browser, reference=reference, referrer=MARK, side="L", goals=f"To smile, {MARK}.")
    other = await made(browser, reference="AB 9", side="L")
    await do(browser, page, "note", text=f"Rang, {MARK}.")
    await browser.send(f"{page}/not-same", page=f"{page}/merge?with={number(other)}", **{"with": str(number(other))})
    await joined(clinic, browser, page)
    await writes(clinic, f"I wrote {MARK}.")
    await do(browser, page, "message", text=f"We wrote {MARK}.", once="one")
    async with clinic.desk.store.writing() as session:
        now = clinic.desk.clock()
        taken = measures.KeptMeasure(now.date(), "hb", 5, {}, None)
        await measures.add(session, clinic.id, number(page), clinic.people["clinician"], taken, now)
        await rest.new_program(session, clinic.id, "invented", "token", clinic.people["admin"], now)
        caller = await rest.caller(session, "token")
        assert caller is not None
        await rest.remember(session, caller, number(page), rest.Sent(MARK, MARK), [MARK])
    return page


async def everything(clinic: Clinic) -> dict[str, list[dict[str, object]]]:
    async with clinic.desk.store.reading() as session:
        connection = await session.connection()
        return {
            name: [dict(row) for row in (await connection.execute(select(table))).mappings()]
            for name, table in Base.metadata.tables.items()
        }


def of_referral(rows: dict[str, list[dict[str, object]]], wanted: int) -> set[str]:
    """The tables that hold a referral's number."""
    names = ("referral_id", "kept_id", "merged_id", "first_id", "second_id")
    found = {table for table, each in rows.items() for row in each if wanted in [row.get(name) for name in names]}
    return found | ({"referrals"} if wanted in [row["id"] for row in rows["referrals"]] else set())


def test_all_that_belongs_to_a_referral_goes_with_it() -> None:
    for name, table in Base.metadata.tables.items():
        for key in table.foreign_keys:
            if key.column is ReferralRow.__table__.c.id:
                assert key.ondelete == "CASCADE", f"{name}.{key.parent.name}"
    named = {name for name, table in Base.metadata.tables.items() if "referral_id" in table.c}
    without = {name for name in named if not Base.metadata.tables[name].c.referral_id.foreign_keys}
    assert without == {"audit"}


async def test_the_page_says_what_goes_and_asks_for_reason_and_reference(clinic: Clinic, admin: Browser) -> None:
    page = await made(admin)
    assert f'href="{page}/delete"' in (await admin.get(page)).text
    shown = main_of(await admin.get(f"{page}/delete"))
    for told in ("AB 1, received", "The person asked for it", "Entered by mistake", "Kept longer than our rules say"):
        assert told in shown
    assert "shares" not in shown
    await joined(clinic, admin, page)
    assert "The patient's chat shares with you. That ends too." in main_of(await admin.get(f"{page}/delete"))


async def test_a_clinician_is_not_offered_it(clinic: Clinic, clinician: Browser) -> None:
    page = await made(clinician)
    assert f"{page}/delete" not in (await clinician.get(page)).text
    assert (await clinician.get(f"{page}/delete")).status_code == 403


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"why": ""}, "Choose the reason."),
        ({"why": "tidy"}, "Choose the reason."),
        ({"reference": ""}, "not this referral's reference"),
        ({"reference": "AB 2"}, "not this referral's reference"),
        ({"reference": "ab 1"}, "not this referral's reference"),
    ],
)
async def test_without_reason_or_reference_nothing_goes(
    clinic: Clinic, admin: Browser, fields: dict[str, str], told: str
) -> None:
    page = await made(admin)
    answer = await delete(admin, page, **fields)
    assert answer.status_code == 422
    assert told in main_of(answer)
    assert (await kept(clinic, page)).version == 1


async def test_nothing_of_it_is_left_in_any_table(clinic: Clinic, admin: Browser) -> None:
    page = await full(clinic, admin)
    before = of_referral(await everything(clinic), number(page))
    assert before >= {
        "referrals", "referral_events", "line_invites", "lines", "line_messages", "measures", "not_same", "api_requests",
        "audit",
    }  # fmt: skip
    answer = await delete(admin, page, reference=MARK)
    assert (answer.status_code, answer.headers["location"]) == (303, "/?done=deleted")
    assert "deleted for good" in main_of(await admin.get("/?done=deleted"))
    rows = await everything(clinic)
    assert of_referral(rows, number(page)) == {"audit"}
    assert MARK not in str(rows)
    assert await outbox(clinic) == []
    assert (await admin.get(page)).status_code == 404
    assert [row["patient_ref"] for row in rows["referrals"]] == ["AB 9"], "and nothing else went"


async def test_no_byte_of_it_stays_in_sqlites_files(clinic: Clinic, admin: Browser) -> None:
    await delete(admin, await full(clinic, admin), reference=MARK)
    async with clinic.desk.store.reading() as session:
        assert await erasures.wait_for_rebuild(session), "the gateway rebuilds the files"
    assert await clinic.desk.store.scrub()
    path = Path(str(clinic.desk.store._engine.url.database))
    for file in path.parent.glob("septimus.db*"):
        assert MARK.encode() not in file.read_bytes(), file.name


async def test_the_audit_says_who_when_and_why_and_names_nobody(clinic: Clinic, admin: Browser) -> None:
    page = await made(admin, reference=MARK)
    await delete(admin, page, reference=MARK, why="mistake")
    async with clinic.desk.store.reading() as session:
        found = list(await session.scalars(select(AuditRow).where(AuditRow.what == "referral: deleted")))
    assert [(row.staff_id, row.at, row.referral_id, row.about) for row in found] == [
        (clinic.people["admin"], clinic.desk.clock(), number(page), "mistake")
    ]
    shown = main_of(await admin.get("/audit"))
    assert f"referral: deleted referral {number(page)} , Entered by mistake" in shown
    assert MARK not in shown


async def test_its_number_is_nobody_elses_afterwards(clinic: Clinic, admin: Browser) -> None:
    page = await made(admin)
    await delete(admin, page)
    assert number(await made(admin)) == number(page) + 1


async def test_the_persons_line_ends_and_they_may_share_again(clinic: Clinic, admin: Browser) -> None:
    page = await made(admin)
    await joined(clinic, admin, page)
    await delete(admin, page)
    async with clinic.desk.store.reading() as session:
        assert await lines.of_patient(session, PATIENT) is None
        assert await patients.get(session, PATIENT) is not None
        told = await session.scalars(
            select(ConsentRow.given).where(ConsentRow.layer == "share").order_by(ConsentRow.id)
        )
        assert list(told) == [True, False]


async def test_what_was_merged_into_it_goes_too(clinic: Clinic, admin: Browser) -> None:
    one, two = await made(admin, side="L"), await made(admin, side="L", reference="AB 1")
    await merge(admin, one, two)
    refused = await delete(admin, one, reference="x")
    assert f"referral {number(two)}" in main_of(refused)
    answer = await admin.client.post(
        f"{two}/delete",
        data={"csrf": hidden(refused)["csrf"], "version": "2", "why": "asked", "reference": "AB 1"},
    )
    assert answer.status_code == 422
    assert f'href="{one}/delete"' in answer.text
    await delete(admin, one)
    rows = await everything(clinic)
    assert rows["referrals"] == rows["merges"] == rows["referral_events"] == []


async def test_the_history_of_another_tells_nothing_of_it(clinic: Clinic, admin: Browser) -> None:
    one, two = await made(admin, side="L", reference="AB 9"), await made(admin, side="L", reference=MARK)
    await merge(admin, one, two)
    await do(admin, two, "separate")
    await delete(admin, two, reference=MARK)
    assert [each.kind for each in await history(clinic, one)] == ["received"]
    assert MARK not in str(await everything(clinic))
    await do(admin, one, "note", text="rang")
    assert "rang" in main_of(await admin.get(one))


async def test_another_clinics_admin_deletes_nothing(clinic: Clinic, other_clinic: Clinic, admin: Browser) -> None:
    page = await made(admin)
    seen = {**hidden(await admin.get(f"{page}/delete")), "why": "asked", "reference": "AB 1"}
    stranger = await other_clinic.browser("admin")
    seen["csrf"] = await stranger.token("/account")
    assert (await stranger.client.post(f"{page}/delete", data=seen)).status_code == 404
    found = await kept(clinic, page)
    with pytest.raises(ChangedMeanwhile):
        async with clinic.desk.store.writing() as session:
            await referrals.delete_for_good(session, other_clinic.id, found, [], clinic.desk.clock())
    assert [each.kind for each in await history(clinic, page)] == ["received"]


async def test_who_saw_an_older_version_deletes_nothing(clinic: Clinic, admin: Browser, clinician: Browser) -> None:
    page = await made(admin)
    seen = hidden(await admin.get(f"{page}/delete"))
    await do(clinician, page, "note", text="Rang the patient.")
    answer = await admin.client.post(f"{page}/delete", data={**seen, "why": "asked", "reference": "AB 1"})
    assert answer.status_code == 409
    assert "Somebody changed this referral" in main_of(answer)
    assert [each.kind for each in await history(clinic, page)] == ["received", "note"]


async def test_of_two_at_once_one_deletes_it(clinic: Clinic, admin: Browser) -> None:
    page = await made(admin)
    seen = {**hidden(await admin.get(f"{page}/delete")), "why": "asked", "reference": "AB 1"}
    answers = await asyncio.gather(*(admin.client.post(f"{page}/delete", data=seen) for _ in range(3)))
    assert sorted(each.status_code for each in answers) == [303, 404, 404]
    async with clinic.desk.store.reading() as session:
        found = list(await session.scalars(select(AuditRow.id).where(AuditRow.what == "referral: deleted")))
    assert len(found) == 1


async def test_a_change_of_what_is_gone_is_not_found(clinic: Clinic, admin: Browser, clinician: Browser) -> None:
    page = await made(admin)
    seen = hidden(await clinician.get(page))
    await delete(admin, page)
    assert (await clinician.client.post(f"{page}/note", data={**seen, "text": "rang"})).status_code == 404
