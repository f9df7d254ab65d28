"""A referral at the desk: how it comes in, why it stands where it stands, and all that is done with it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select

from bot.desk.app import sort_all
from bot.referral.record import Referral
from bot.store import referrals
from bot.store.clinic_tables import AuditRow, ReferralEventRow, ReferralRow, WrittenOnce
from bot.store.referrals import Event, Kept
from tests.desk.browser import Browser, Clinic, Clock, hidden, main_of

LETTER = """Dear colleague,

Thank you for seeing this patient with a left Bell's palsy for five weeks, House-Brackmann IV.
She cannot close her left eye fully and uses ointment at night. No hearing loss or vesicles.
There is new weakness of the left arm since yesterday. Her mother had a stroke.

Yours, Dr Invented"""


async def made(browser: Browser, **fields: str) -> str:
    answer = await browser.send("/referrals/new", page="/referrals/new", **{"reference": "AB 1", **fields})
    assert answer.status_code == 303, main_of(answer)
    return answer.headers["location"].partition("?")[0]


async def pasted(browser: Browser, letter: str = LETTER) -> str:
    answer = await browser.send("/referrals/letter", page="/referrals/letter", reference="CD 2", letter=letter)
    assert answer.status_code == 303, main_of(answer)
    return answer.headers["location"].partition("?")[0]


async def do(browser: Browser, page: str, what: str, **fields: str) -> httpx.Response:
    return await browser.send(f"{page}/{what}", page=page, **fields)


async def kept(clinic: Clinic, page: str) -> Kept:
    async with clinic.desk.store.reading() as session:
        found = await referrals.get(session, clinic.id, int(page.rpartition("/")[2]))
    assert found is not None
    return found


async def history(clinic: Clinic, page: str) -> list[Event]:
    async with clinic.desk.store.reading() as session:
        return await referrals.events(session, clinic.id, int(page.rpartition("/")[2]))


# how it comes in


async def test_the_short_path_is_enough(clinic: Clinic, clinician: Browser) -> None:
    page = await made(clinician, cause="bells", side="L", grade="HB 3", onset="2026-09-01")
    found = await kept(clinic, page)
    assert (found.state, found.version, found.referral.grade) == ("new", 1, "HB 3")
    assert found.sorting.missing == ["eye status"]
    assert found.sorting.eye == "unknown"
    assert "eye status" in main_of(await clinician.get("/"))


async def test_what_nobody_stated_is_not_a_no(clinic: Clinic, clinician: Browser) -> None:
    page = await made(clinician)
    assert dict((await kept(clinic, page)).referral.findings) == {}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"reference": " "}, "Give initials"),
        ({"onset": "2026-11-24"}, "lies after"),
        ({"onset": "yesterday"}, "can't be read"),
        ({"received": "2026-10-01", "onset": "2026-10-02"}, "lies after the referral was received"),
        ({"side": "up"}, "Choose one of the values"),
        ({"cause": "magic"}, "Choose one of the values"),
        ({"age": "old"}, "in digits"),
    ],
)
async def test_a_field_that_cannot_be_taken_is_named_and_the_rest_is_kept(
    clinic: Clinic, clinician: Browser, fields: dict[str, str], told: str
) -> None:
    data = {"reference": "AB 1", "referrer": "Dr Example", **fields}
    answer = await clinician.send("/referrals/new", page="/referrals/new", **data)
    assert answer.status_code == 422
    assert told in main_of(answer) or "marked below" in main_of(answer)
    assert "Dr Example" in answer.text
    async with clinic.desk.store.reading() as session:
        assert list(await session.scalars(select(ReferralRow))) == []


async def test_a_letter_is_in_the_queue_at_once_and_its_findings_are_proposals(
    clinic: Clinic, clinician: Browser
) -> None:
    page = await pasted(clinician)
    found = await kept(clinic, page)
    assert found.sorting.band == "P0"
    assert {each.by for each in found.referral.findings.values()} == {"letter"}
    assert all(each.quote is None or each.quote in LETTER for each in found.referral.findings.values())
    shown = (await clinician.get(page)).text
    assert "To confirm" in shown and "<mark" in shown and 'id="quote-arm_or_leg_weak"' in shown


@pytest.mark.parametrize("letter", ["", "short", "x" * 20_001])
async def test_a_letter_too_short_or_too_long_is_told_and_kept_on_the_page(clinician: Browser, letter: str) -> None:
    answer = await clinician.send("/referrals/letter", page="/referrals/letter", reference="CD 2", letter=letter)
    assert answer.status_code == 422
    assert letter[:100] in answer.text


async def test_a_letter_is_shown_as_text_whatever_it_holds(clinician: Browser) -> None:
    nasty = '<script>alert(1)</script> He cannot close his " eye & <b>more</b>.\r\nSecond line\0 here.'
    page = await pasted(clinician, nasty)
    shown = (await clinician.get(page)).text
    assert "<script" not in shown
    assert "script&gt;alert" in shown
    assert "<b>more" not in shown


# findings


async def test_each_finding_is_confirmed_or_corrected_and_sorts_it_again(clinic: Clinic, clinician: Browser) -> None:
    page = await pasted(clinician)
    answer = await do(
        clinician, page, "findings", **{"f.arm_or_leg_weak": "no", "f.cannot_close_eye": "yes", "f.droop": ""}
    )
    assert answer.status_code == 303
    found = await kept(clinic, page)
    stated = found.referral.findings
    assert (stated["arm_or_leg_weak"].value, stated["arm_or_leg_weak"].by, stated["arm_or_leg_weak"].quote) == (
        "no",
        "person",
        None,
    )
    assert (stated["cannot_close_eye"].by, bool(stated["cannot_close_eye"].quote)) == ("person", True)
    assert found.sorting.band != "P0"
    last = (await history(clinic, page))[-1]
    assert (last.kind, last.detail["band_from"]) == ("findings", "P0")


async def test_a_finding_that_nobody_states_after_all_is_taken_away(clinic: Clinic, clinician: Browser) -> None:
    page = await pasted(clinician)
    await do(clinician, page, "findings", **{"f.arm_or_leg_weak": "-"})
    assert "arm_or_leg_weak" not in (await kept(clinic, page)).referral.findings


@pytest.mark.parametrize(
    "fields",
    [
        {"f.no_such_finding": "yes"},
        {"f.fever": "maybe"},
        {"f.urgency": "routine"},
        {"f.fever": "unknown"},
        {"n.age": "old"},
        {"add": "fever"},
        {},
    ],
)
async def test_a_finding_that_cannot_be_taken_changes_nothing(
    clinic: Clinic, clinician: Browser, fields: dict[str, str]
) -> None:
    page = await pasted(clinician)
    before = await kept(clinic, page)
    assert (await do(clinician, page, "findings", **fields)).status_code == 422
    assert await kept(clinic, page) == before


async def test_a_missing_finding_is_added(clinic: Clinic, clinician: Browser) -> None:
    page = await made(clinician)
    await do(clinician, page, "findings", add="age", add_value="45")
    assert (await kept(clinic, page)).referral.value("age") == "45"


# the clinician's own band


async def test_an_override_needs_a_reason(clinic: Clinic, clinician: Browser) -> None:
    page = await pasted(clinician)
    answer = await do(clinician, page, "override", band="P3", reason="  no ")
    assert answer.status_code == 422
    assert "Give a reason" in main_of(answer)
    assert (await kept(clinic, page)).override is None


async def test_an_override_stands_beside_the_machines_answer(clinic: Clinic, clinician: Browser) -> None:
    page = await pasted(clinician)
    reason = "Rang the patient: the arm is an old injury."
    await do(clinician, page, "override", band="P2", reason=reason)
    found = await kept(clinic, page)
    assert found.override is not None
    assert (found.sorting.band, found.sorting.machine_band, found.override.reason) == ("P2", "P0", reason)
    assert found.override.by == clinic.people["clinician"]
    assert found.sorting.flags == []
    assert found.sorting.target_on == found.referral.received + timedelta(days=42)
    shown = main_of(await clinician.get(page))
    assert reason in shown and "Invented clinician chose P2" in shown and "The rules say P0" in shown


async def test_a_red_flag_that_nobody_had_seen_ends_an_override(clinic: Clinic, clinician: Browser) -> None:
    page = await made(clinician, cause="bells", side="L", grade="HB 3", onset="2026-09-01")
    await do(clinician, page, "override", band="P4", reason="Known to us, stable for years.")
    assert (await kept(clinic, page)).sorting.band == "P4"
    await do(clinician, page, "findings", add="arm_or_leg_weak", add_value="yes")
    found = await kept(clinic, page)
    assert found.sorting.band == "P0" and found.sorting.flags
    assert "A red flag has opened" in main_of(await clinician.get(page))


async def test_the_machines_band_can_count_again(clinic: Clinic, clinician: Browser) -> None:
    page = await pasted(clinician)
    await do(clinician, page, "override", band="P2", reason="An old injury of the arm.")
    await do(clinician, page, "override-end")
    found = await kept(clinic, page)
    assert (found.override, found.sorting.band) == (None, "P0")


# working the queue


async def test_every_step_moves_it_into_its_folder(clinic: Clinic, clinician: Browser) -> None:
    page = await made(clinician)

    async def folders() -> set[str]:
        names = ("new", "mine", "unassigned", "waiting", "booked", "redirected", "closed")
        return {name for name in names if page in (await clinician.get(f"/?folder={name}")).text}

    assert await folders() == {"new", "unassigned"}
    await do(clinician, page, "assign", to=str(clinic.people["clinician"]))
    assert await folders() == {"new", "mine"}
    await do(clinician, page, "request", whom="patient", text="When did it begin?")
    assert await folders() == {"waiting", "mine"}
    await do(clinician, page, "book", day="2026-12-01", time="10:30", text="Room 2")
    assert await folders() == {"booked", "mine"}
    await do(clinician, page, "redirect", to="Neurology", letter="Dear colleague, please see.")
    assert await folders() == {"redirected"}
    await do(clinician, page, "close", why="treated")
    assert await folders() == {"closed"}
    await do(clinician, page, "reopen", text="Wrote again")
    assert await folders() == {"new", "mine"}
    await do(clinician, page, "assign", to="")
    assert await folders() == {"new", "unassigned"}
    kinds = [event.kind for event in await history(clinic, page)]
    assert kinds == ["received", "assign", "request", "book", "redirect", "close", "reopen", "assign"]
    shown = main_of(await clinician.get(page))
    for words in ("When did it begin?", "Booked for 1 Dec 2026, 10:30", "Redirected to Neurology", "Seen and treated"):
        assert words in shown


async def test_every_state_has_its_own_time(clinic: Clinic, clinician: Browser, clock: Clock) -> None:
    page = await made(clinician)
    clock.move(minutes=10)
    await do(clinician, page, "note", text="rang, nobody there")
    assert (await kept(clinic, page)).state_since == clock() - timedelta(minutes=10)
    await do(clinician, page, "close", why="no_reply")
    assert (await kept(clinic, page)).state_since == clock()


@pytest.mark.parametrize(
    ("what", "fields"),
    [
        ("note", {"text": " "}),
        ("request", {"whom": "nobody", "text": "When?"}),
        ("request", {"whom": "patient", "text": ""}),
        ("book", {"day": "2026-11-22", "time": "10:00"}),
        ("book", {"day": "never", "time": "10:00"}),
        ("redirect", {"to": "", "letter": "Dear colleague"}),
        ("redirect", {"to": "ENT", "letter": ""}),
        ("close", {"why": ""}),
        ("close", {"why": "other", "text": "so"}),
        ("reopen", {}),
        ("override", {"band": "P9", "reason": "long enough"}),
        ("override-end", {}),
        ("details", {"reference": ""}),
        ("assign", {"to": "999"}),
        ("assign", {"to": ""}),
    ],
)
async def test_what_cannot_be_done_changes_nothing_and_says_why(
    clinic: Clinic, clinician: Browser, what: str, fields: dict[str, str]
) -> None:
    page = await made(clinician)
    before = await kept(clinic, page)
    answer = await do(clinician, page, what, **fields)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert await kept(clinic, page) == before
    assert len(await history(clinic, page)) == 1


async def test_a_closed_referral_is_only_opened_again(clinician: Browser) -> None:
    page = await made(clinician)
    await do(clinician, page, "close", why="duplicate")
    for what, fields in (
        ("request", {"whom": "patient", "text": "When?"}),
        ("book", {"day": "2026-12-01", "time": "10:00"}),
        ("redirect", {"to": "ENT", "letter": "Dear colleague"}),
        ("close", {"why": "treated"}),
    ):
        assert (await do(clinician, page, what, **fields)).status_code == 422


async def test_an_appointment_is_in_the_clinics_zone(clinic: Clinic, clinician: Browser) -> None:
    page = await made(clinician)
    await do(clinician, page, "book", day="2027-07-01", time="10:30")
    found = await kept(clinic, page)
    assert found.booked_for is not None and found.booked_for.isoformat() == "2027-07-01T09:30:00+00:00"
    assert "1 Jul 2027, 10:30" in main_of(await clinician.get(page))


async def test_corrected_details_sort_it_again(clinic: Clinic, clinician: Browser) -> None:
    page = await made(clinician, cause="bells", grade="HB 2", **{"f.cannot_close_eye": "no"})
    before = (await kept(clinic, page)).sorting
    await do(clinician, page, "details", reference="AB 7", cause="bells", grade="HB 6", onset="2026-10-10", side="R")
    found = await kept(clinic, page)
    assert found.patient_ref == "AB 7" and found.referral.side == "R"
    assert found.sorting.place < before.place
    assert "changed to" in main_of(await clinician.get(page))


# two people on one referral


async def test_the_second_of_two_sees_what_changed_and_overwrites_nothing(clinic: Clinic, clinician: Browser) -> None:
    page = await made(clinician)
    colleague = await clinic.browser("admin")
    seen = hidden(await colleague.get(page))
    await do(clinician, page, "close", why="declined", text="Rang us today.")
    answer = await colleague.client.post(
        f"{page}/book", data={**seen, "day": "2026-12-01", "time": "10:30", "text": "Room 2"}
    )
    assert answer.status_code == 409
    told = main_of(answer)
    for words in ("Invented clinician", "Closed: Patient declined", "Rang us today.", "2026-12-01", "Room 2"):
        assert words in told
    assert (await kept(clinic, page)).state == "closed"
    assert [event.kind for event in await history(clinic, page)] == ["received", "close"]


async def test_the_second_may_save_it_all_the_same_when_it_still_can_be_done(
    clinic: Clinic, clinician: Browser
) -> None:
    page = await made(clinician)
    colleague = await clinic.browser("admin")
    seen = hidden(await colleague.get(page))
    await do(clinician, page, "note", text="rang")
    answer = await colleague.client.post(f"{page}/note", data={**seen, "text": "rang too"})
    assert answer.status_code == 409
    again = {**hidden(answer), "text": "rang too"}
    assert 'name="text" value="rang too"' in answer.text
    assert (await colleague.client.post(f"{page}/note", data=again)).status_code == 303
    assert [event.detail.get("text") for event in (await history(clinic, page))[1:]] == ["rang", "rang too"]


@pytest.mark.parametrize("version", ["", "0", "99", "x", "-1"])
async def test_a_change_without_the_right_version_is_never_written(
    clinic: Clinic, clinician: Browser, version: str
) -> None:
    page = await made(clinician)
    answer = await do(clinician, page, "note", text="rang", version=version)
    assert answer.status_code == 409
    assert len(await history(clinic, page)) == 1


# the history


async def test_the_history_is_written_once(clinic: Clinic, clinician: Browser) -> None:
    page = await made(clinician)
    for table in (ReferralEventRow, AuditRow):
        with pytest.raises(WrittenOnce):
            async with clinic.desk.store.writing() as session:
                row: ReferralEventRow | AuditRow = (await session.scalars(select(table).limit(1))).one()
                row.clinic_id = 99
        with pytest.raises(WrittenOnce):
            async with clinic.desk.store.writing() as session:
                await session.delete((await session.scalars(select(table).limit(1))).one())
    assert len(await history(clinic, page)) == 1


async def test_every_change_raises_the_version_by_one_and_writes_one_line(clinic: Clinic, clinician: Browser) -> None:
    page = await made(clinician)
    for number in range(3):
        await do(clinician, page, "note", text=f"note {number}")
    assert [event.version for event in await history(clinic, page)] == [1, 2, 3, 4]
    assert (await kept(clinic, page)).version == 4


# the queue


async def test_the_most_urgent_comes_first(clinic: Clinic, clinician: Browser) -> None:
    mild = {"cause": "bells", "side": "L", "grade": "HB 2", "onset": "2026-06-01", "f.any_movement_back": "yes"}
    safe = await made(clinician, **mild, **{"f.cannot_close_eye": "no"})
    unknown = await made(clinician, **mild)
    red = await pasted(clinician)
    order = re.findall(r'class="who".*?href="(/referrals/\d+)"', (await clinician.get("/")).text, re.DOTALL)
    assert order == [red, unknown, safe]


async def test_filters_and_search_are_kept_in_the_address(clinician: Browser) -> None:
    one = await made(clinician, reference="ZZ 9", referrer="Dr Example", cause="rhs")
    two = await pasted(clinician)
    for query, expected in (
        ("q=zz+example", {one}),
        ("q=RHS", {one}),
        ("q=%25", set()),
        ("q=nobody", set()),
        ("band=P0", {two}),
        ("eye=unknown", {one}),
        ("flagged=1&band=P0", {two}),
        ("missing=1", {one, two} if "Nothing</span>" not in (await clinician.get("/")).text else {one}),
        ("over=1", set()),
        ("band=nonsense", {one, two}),
    ):
        page = (await clinician.get(f"/?folder=all&{query}")).text
        assert {each for each in (one, two) if f'href="{each}"' in page} == expected, query
    assert 'value="zz example"' in (await clinician.get("/?q=zz+example")).text
    assert "Nothing fits this search" in (await clinician.get("/?q=nobody")).text


async def test_an_unknown_folder_is_not_found(clinician: Browser) -> None:
    assert (await clinician.get("/?folder=secret")).status_code == 404


async def test_a_long_folder_comes_in_pages_that_miss_and_double_nobody(clinic: Clinic, clinician: Browser) -> None:
    referral = Referral(received=clinic.desk.today("Europe/London"))
    sorting = clinic.desk.sorter.sort(referral, referral.received)
    async with clinic.desk.store.writing() as session:
        for number in range(120):
            await referrals.create(
                session, clinic.id, referral, replace(sorting, score=0.5), clinic.desk.clock(),
                patient_ref=f"N {number}", referrer="", staff_id=None,
            )  # fmt: skip
    seen: list[str] = []
    path = "/"
    for _ in range(4):
        page = (await clinician.get(path)).text
        seen += re.findall(r'href="(/referrals/\d+)"', page)
        following = re.search(r'href="([^"]*after=[^"]*)"', page)
        if not following:
            break
        path = following[1].replace("&amp;", "&")
    assert len(seen) == len(set(seen)) == 120


async def test_what_is_new_since_yesterday_is_told(clinician: Browser, clock: Clock) -> None:
    page = await made(clinician)
    assert "Changed since yesterday" not in (await clinician.get("/")).text
    await do(clinician, page, "note", text="rang")
    assert "Changed since yesterday: note" in main_of(await clinician.get("/"))


async def test_the_clock_is_told_in_words(clinic: Clinic, clinician: Browser, clock: Clock) -> None:
    await pasted(clinician)
    assert "due today" in main_of(await clinician.get("/"))
    clock.move(days=2)
    browser = await clinic.browser("clinician")
    shown = main_of(await browser.get("/"))
    assert "2 days over target" in shown and "1 over target" in shown


# bands move with the weeks


async def test_each_open_referral_is_sorted_once_a_day(clinic: Clinic, clinician: Browser, clock: Clock) -> None:
    page = await made(
        clinician, cause="bells", side="L", grade="HB 5", onset="2026-11-09", **{"f.cannot_close_eye": "no"}
    )
    closed = await made(clinician)
    await do(clinician, closed, "close", why="duplicate")
    assert await sort_all(clinic.desk) == 0
    before = await kept(clinic, page)
    clock.move(days=80)
    assert await sort_all(clinic.desk) == 1
    after = await kept(clinic, page)
    assert after.sorting.sorted_on == before.sorting.sorted_on + timedelta(days=80)
    if after.sorting.band != before.sorting.band:
        last = (await history(clinic, page))[-1]
        assert (last.kind, last.by_program, after.version) == ("resorted", True, before.version + 1)
    assert await sort_all(clinic.desk) == 0


async def test_a_rule_is_told_by_its_condition_and_source_without_its_authors_notes(
    clinic: Clinic, clinician: Browser
) -> None:
    page = await made(clinician, **{"f.arm_or_leg_weak": "yes", "f.cannot_close_eye": "yes"})
    said = main_of(await clinician.get(page))
    rules = {str(rule["id"]): str(rule["why"]) for rule in (await kept(clinic, page)).sorting.machine_rules}
    assert {"E02", "D13"} <= set(rules)
    assert "E02 Red flag Holds when all of these are so: One of: arm or leg weakness; numbness of one side" in said
    assert (
        "D13 Red flag Holds when all of these are so: Incomplete eye closure Eye protection plan in place: no" in said
    )
    assert "Source: Baugh et al., AAO-HNSF Bell's palsy guideline (2013)" in said
    assert rules["E02"] not in said
    assert "BE-FAST)" not in said
