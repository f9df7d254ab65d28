"""Two referrals of one patient: compared, made one, separated again, or said to be of two patients."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select

from bot.desk.app import sort_all
from bot.desk.merging import together
from bot.referral.record import Proposed, Referral
from bot.store import duplicates, lines, referrals
from bot.store.clinic_tables import AuditRow
from bot.store.referrals import ChangedMeanwhile
from tests.desk.browser import Browser, Clinic, Clock, hidden, main_of
from tests.desk.test_line import PATIENT, joined, writes
from tests.desk.test_referral import do, history, kept, made

BOTH = {"reference": "AB 1", "side": "L", "onset": "2026-10-01", "received": "2026-11-20"}


def number(page: str) -> int:
    return int(page.rpartition("/")[2])


async def merge(browser: Browser, page: str, other: str, **fields: str) -> httpx.Response:
    look = f"{page}/merge?with={number(other)}"
    shown = await browser.get(look)
    assert shown.status_code == 200, main_of(shown)
    version = shown.text.partition('name="other_version" value="')[2].partition('"')[0]
    return await browser.send(
        f"{page}/merge", page=look, **{"with": str(number(other)), "other_version": version, **fields}
    )


async def test_the_page_shows_what_differs_and_whose_value_stands(clinic: Clinic, clinician: Browser) -> None:
    one = await made(clinician, **BOTH, cause="bells", grade="HB 3", **{"f.eye_red": "no", "f.fever": "no"})
    two = await made(
        clinician, **{**BOTH, "received": "2026-11-10"}, cause="rhs", grade="HB 5", referrer="Dr Two",
        **{"f.eye_red": "yes", "f.ear_pain": "yes"},
    )  # fmt: skip
    assert f"/merge?with={number(two)}" in (await clinician.get(one)).text
    shown = main_of(await clinician.get(f"{one}/merge?with={number(two)}"))
    for told in (
        "Received 20 Nov 2026 10 Nov 2026 stands The earlier day stands",
        "Red eye no yes stands The more worrying one stands.",
        "Fever no stands not stated Only one states it.",
        "Referrer not stated Dr Two stands",
        "Cause Bell's palsy Ramsay Hunt syndrome Choose.",
        "House-Brackmann grade HB 3 HB 5 Choose.",
    ):
        assert told in shown, (told, shown)


async def test_merged_the_worse_stands_and_the_other_leads_to_it(clinic: Clinic, clinician: Browser) -> None:
    one = await made(clinician, **BOTH, cause="bells", grade="HB 3", goals="To smile.", **{"f.eye_red": "no"})
    two = await made(
        clinician, **{**BOTH, "received": "2026-11-10"}, cause="rhs", grade="HB 5", goals="To whistle.",
        **{"f.eye_red": "yes", "f.cannot_close_eye": "yes"},
    )  # fmt: skip
    await do(clinician, two, "note", text="Rang on Monday.")
    answer = await merge(clinician, one, two, **{"c.cause": "other"})
    assert answer.headers["location"] == f"{one}?done=merge"
    now = await kept(clinic, one)
    assert (now.referral.cause, now.referral.grade, now.referral.received.isoformat()) == ("rhs", "HB 5", "2026-11-10")
    assert now.referral.goals == "To smile.\n\nTo whistle."
    assert {name: each.value for name, each in now.referral.findings.items()} == {
        "eye_red": "yes", "cannot_close_eye": "yes",
    }  # fmt: skip
    gone = await kept(clinic, two)
    assert (gone.state, now.state) == ("closed", "new")
    page = await clinician.get(two)
    assert f'href="{one}"' in page.text
    assert "Rang on Monday." in main_of(page)
    assert f"merged into this one: Referral {number(two)}, AB 1" in main_of(await clinician.get(one))
    assert "What to do" not in main_of(page)
    assert (await do(clinician, two, "reopen")).status_code == 422
    assert "Perhaps the same patient" not in main_of(await clinician.get(one))
    assert [each.kind for each in await history(clinic, two)][-1] == "merged"
    async with clinic.desk.store.reading() as session:
        audited = {(line.what, line.referral_id) for line in await session.scalars(select(AuditRow))}
    assert {
        ("referral: merged", number(one)),
        ("referral: merged", number(two)),
        ("referral read", number(two)),
    } <= audited


async def test_separated_again_both_stand_as_before(clinic: Clinic, clinician: Browser) -> None:
    one = await made(clinician, **BOTH, cause="bells", **{"f.eye_red": "no"})
    two = await made(clinician, **{**BOTH, "received": "2026-11-10"}, cause="rhs", **{"f.eye_red": "yes"})
    await do(clinician, two, "assign", to=str(clinic.people["clinician"]))
    before = [await kept(clinic, each) for each in (one, two)]
    await merge(clinician, one, two)
    assert (await kept(clinic, one)).assigned_to == clinic.people["clinician"]
    await sort_all(clinic.desk)
    answer = await do(clinician, two, "separate")
    assert answer.status_code == 303, main_of(answer)
    after = [await kept(clinic, each) for each in (one, two)]
    for was, now in zip(before, after, strict=True):
        assert (now.referral, now.state, now.state_since, now.assigned_to) == (
            was.referral, was.state, was.state_since, was.assigned_to,
        )  # fmt: skip
        assert (now.sorting.band, now.sorting.place) == (was.sorting.band, was.sorting.place)
    assert "Perhaps the same patient" in main_of(await clinician.get(one))
    assert "Separated again from" in main_of(await clinician.get(one))


async def test_once_something_was_done_they_are_not_separated(clinic: Clinic, clinician: Browser) -> None:
    one, two = await made(clinician, **BOTH), await made(clinician, **BOTH)
    await merge(clinician, one, two)
    assert "Separate again" in main_of(await clinician.get(two))
    version = hidden(await clinician.get(two))
    await do(clinician, one, "note", text="Rang the patient.")
    assert "Separate again" not in main_of(await clinician.get(two))
    answer = await clinician.client.post(f"{two}/separate", data=version)
    assert answer.status_code == 422
    assert "can't be separated any more" in main_of(answer)
    assert (await kept(clinic, two)).state == "closed"


async def test_who_looked_at_an_older_version_of_either_merges_nothing(clinic: Clinic, clinician: Browser) -> None:
    one, two = await made(clinician, **BOTH), await made(clinician, **BOTH)
    look = f"{one}/merge?with={number(two)}"
    data = {**hidden(await clinician.get(look)), "with": str(number(two)), "other_version": "1"}
    await do(clinician, two, "note", text="Rang the patient.")
    answer = await clinician.client.post(f"{one}/merge", data=data)
    assert answer.status_code == 409
    assert "changed one of the two just now" in main_of(answer)
    assert (await kept(clinic, two)).state == "new"


async def test_two_who_merge_at_once_merge_once(clinic: Clinic, clinician: Browser) -> None:
    one, two = await made(clinician, **BOTH), await made(clinician, **BOTH)
    first, second = await kept(clinic, one), await kept(clinic, two)
    become = together(first, second, clinic.desk.sorter, clinic.desk.today("Europe/London"))

    async def go(stays: referrals.Kept, goes: referrals.Kept) -> None:
        async with clinic.desk.store.writing() as session:
            await duplicates.merge(
                session, clinic.id, stays, goes, clinic.desk.clock(), staff_id=clinic.people["clinician"],
                referral=become.referral, sorting=become.sorting, state="new", detail={}, values={},
            )  # fmt: skip

    await go(first, second)
    with pytest.raises(ChangedMeanwhile):
        await go(second, first)
    assert (await kept(clinic, one)).state == "new"


async def test_not_the_same_person_is_remembered(clinic: Clinic, clinician: Browser) -> None:
    one, two = await made(clinician, **BOTH), await made(clinician, **BOTH)
    for _ in range(2):
        answer = await clinician.send(f"{two}/not-same", page=one, **{"with": str(number(one))})
        assert answer.status_code == 303
    for page in (one, two):
        assert "Perhaps the same patient" not in main_of(await clinician.get(page))
    assert "Are these two of one patient?" in main_of(await clinician.get(f"{one}/merge?with={number(two)}"))


async def test_the_patients_line_goes_over_and_comes_back(clinic: Clinic, clinician: Browser, clock: Clock) -> None:
    one, two = await made(clinician, **BOTH), await made(clinician, **BOTH)
    await joined(clinic, clinician, two)
    await writes(clinic, "Before the merge.")
    await merge(clinician, one, two)
    clock.move(minutes=1)
    await writes(clinic, "After the merge.", "update:2")
    now = await kept(clinic, one)
    assert now.patient_id == PATIENT
    said = main_of(await clinician.get(one))
    assert said.index("Before the merge.") < said.index("After the merge.")
    assert "Before the merge." in main_of(await clinician.get(two))
    await do(clinician, two, "separate")
    assert ((await kept(clinic, one)).patient_id, (await kept(clinic, two)).patient_id) == (None, PATIENT)
    async with clinic.desk.store.reading() as session:
        line = await lines.of_patient(session, PATIENT)
        assert line is not None and line.referral_id == number(two)
        assert len(await lines.thread(session, clinic.id, number(two))) == 2
        assert await lines.thread(session, clinic.id, number(one)) == []


async def test_two_chats_are_two_people(clinic: Clinic, clinician: Browser) -> None:
    one, two = await made(clinician, **BOTH), await made(clinician, **BOTH)
    await joined(clinic, clinician, one)
    await joined(clinic, clinician, two, "b" * 32)
    answer = await merge(clinician, one, two)
    assert answer.status_code == 422
    assert "One person has one chat" in main_of(answer)
    assert (await kept(clinic, two)).state == "new"


async def test_a_closed_one_does_not_swallow_an_open_one(clinic: Clinic, clinician: Browser) -> None:
    one, two = await made(clinician, **BOTH), await made(clinician, **BOTH)
    await do(clinician, one, "close", why="treated")
    shown = main_of(await clinician.get(f"{one}/merge?with={number(two)}"))
    assert "Merge the two" not in shown
    assert (await merge(clinician, one, two)).status_code == 422
    assert (await merge(clinician, two, one)).status_code == 303


async def test_an_appointment_is_not_lost(clinic: Clinic, clinician: Browser) -> None:
    one, two = await made(clinician, **BOTH), await made(clinician, **BOTH)
    await do(clinician, two, "book", day="2026-12-01", time="10:00")
    await merge(clinician, one, two)
    now = await kept(clinic, one)
    assert now.state == "booked"
    assert now.booked_for is not None and now.booked_for.day == 1


@pytest.mark.parametrize("wrong", ["0", "999999", "x", ""])
async def test_another_number_is_asked_for_again(clinic: Clinic, clinician: Browser, wrong: str) -> None:
    one = await made(clinician, **BOTH)
    for each in (wrong, str(number(one))):
        assert "Which referral is the other one?" in main_of(await clinician.get(f"{one}/merge?with={each}"))


async def test_another_clinics_referral_is_never_merged(
    clinic: Clinic, other_clinic: Clinic, clinician: Browser
) -> None:
    one = await made(clinician, **BOTH)
    theirs = await made(await other_clinic.browser("clinician"), **{**BOTH, "reference": "ZZ 9"})
    shown = await clinician.get(f"{one}/merge?with={number(theirs)}")
    assert "ZZ 9" not in shown.text
    data = {**hidden(await clinician.get(one)), "with": str(number(theirs)), "other_version": "1"}
    for what in ("merge", "not-same"):
        assert (await clinician.client.post(f"{one}/{what}", data=data)).status_code == 404
    assert (await kept(clinic, one)).version == 1


@pytest.mark.parametrize("choice", [{"c.cause": "neither"}, {"c.eye": "kept"}])
async def test_a_choice_that_is_none_is_refused(clinic: Clinic, clinician: Browser, choice: dict[str, str]) -> None:
    one = await made(clinician, **BOTH, cause="bells")
    two = await made(clinician, **BOTH, cause="rhs")
    assert (await merge(clinician, one, two, **choice)).status_code == 422
    assert (await kept(clinic, two)).state == "new"


# what stands, weighed


async def weighed(clinic: Clinic, clinician: Browser, one: Referral, two: Referral):  # type: ignore[no-untyped-def]
    """Two referrals as they would become one."""
    today = clinic.desk.today("Europe/London")
    pages = [await made(clinician), await made(clinician)]
    found = []
    for page, referral in zip(pages, (one, two), strict=True):
        before = await kept(clinic, page)
        async with clinic.desk.store.writing() as session:
            sorting = clinic.desk.sorter.sort(referral, today)
            await referrals.change(
                session, clinic.id, before, "details", clinic.desk.clock(), staff_id=None, referral=referral,
                sorting=sorting,
            )  # fmt: skip
        found.append(await kept(clinic, page))
    return together(found[0], found[1], clinic.desk.sorter, today)


def stating(clinic: Clinic, **values: str) -> Referral:
    today = clinic.desk.today("Europe/London")
    findings = {name: Proposed(value) for name, value in values.items()}
    return Referral(received=today, findings=findings, onset=today - timedelta(days=30), cause="bells", side="L")


@pytest.mark.parametrize(
    ("one", "two", "stands"),
    [("no", "yes", "yes"), ("yes", "no", "yes"), ("no", "unsure", "unsure"), ("unsure", "yes", "yes"),
     ("unsure", "no", "unsure")],
)  # fmt: skip
async def test_of_two_answers_the_worse_stands(
    clinic: Clinic, clinician: Browser, one: str, two: str, stands: str
) -> None:
    become = await weighed(clinic, clinician, stating(clinic, fever=one), stating(clinic, fever=two))
    assert become.referral.findings["fever"].value == stands


async def test_where_no_is_the_worse_no_stands(clinic: Clinic, clinician: Browser) -> None:
    one, two = stating(clinic, has_eye_protection_plan="yes"), stating(clinic, has_eye_protection_plan="no")
    become = await weighed(clinic, clinician, one, two)
    assert become.referral.findings["has_eye_protection_plan"].value == "no"


async def test_what_reassures_one_letter_does_not_answer_the_other(clinic: Clinic, clinician: Browser) -> None:
    treated = stating(clinic, eye_red="yes", eye_symptoms_in_hand="yes")
    fresh = stating(clinic, eye_pain="yes")
    become = await weighed(clinic, clinician, treated, fresh)
    assert become.sorting.band == "P0"
    assert become.referral.findings["eye_symptoms_in_hand"].value == "unsure"
    assert not become.is_less_urgent


async def test_a_clinicians_band_chosen_without_the_other_letter_ends(clinic: Clinic, clinician: Browser) -> None:
    one = await made(clinician, **BOTH, cause="bells")
    await do(clinician, one, "override", band="P4", reason="nearly recovered")
    two = await made(clinician, **BOTH, cause="bells", grade="HB 5", **{"f.cannot_close_eye": "no"})
    assert "own band ends" in main_of(await clinician.get(f"{one}/merge?with={number(two)}"))
    await merge(clinician, one, two)
    now = await kept(clinic, one)
    assert now.override is None
    assert now.sorting.band == "P1"
    await do(clinician, two, "separate")
    back = await kept(clinic, one)
    assert back.override is not None and back.sorting.band == "P4"


async def test_a_red_flag_of_the_other_letter_lets_the_rules_band_count(clinic: Clinic, clinician: Browser) -> None:
    one = await made(clinician, **BOTH, cause="bells")
    await do(clinician, one, "override", band="P4", reason="nearly recovered")
    two = await made(clinician, **BOTH, cause="bells", **{"f.arm_or_leg_weak": "yes"})
    await merge(clinician, one, two)
    now = await kept(clinic, one)
    assert now.sorting.band == "P0"
    assert now.override is not None
    assert "A red flag has opened since" in main_of(await clinician.get(one))
