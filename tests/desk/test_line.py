"""The patient's line at the desk: inviting, what flows in, messages both ways, exercises, measures."""

from __future__ import annotations

import dataclasses
import html
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.desk.flow import take_in
from bot.outcome import Kind, Outcome
from bot.patient import Patient, Step
from bot.programme.prescribed import Prescribed
from bot.store import facts, lines, measures, patients, records, self_referrals, staff
from bot.store.clinic_tables import AuditRow, LineInviteRow
from bot.store.tables import OutboxRow
from tests.desk.browser import Browser, Clinic, Clock, main_of
from tests.desk.test_referral import do, history, kept, made

TOKEN = re.compile(r"start=([\w-]{32,64})")
PATIENT = "a" * 32


async def token_of(clinic: Clinic, browser: Browser, page: str) -> str:
    async with clinic.desk.store.writing() as session:
        await facts.tell(session, facts.BOT_NAME, "invented_bot")
        await facts.tell(session, facts.CHAT_PAGE, "")
    answer = await do(browser, page, "invite")
    assert answer.status_code == 200, main_of(answer)
    found = TOKEN.search(answer.text)
    assert found
    return found[1]


async def joined(clinic: Clinic, browser: Browser, page: str, patient_id: str = PATIENT) -> None:
    token = await token_of(clinic, browser, page)
    now = clinic.desk.clock()
    async with clinic.desk.store.writing() as session:
        await patients.create(session, Patient(id=patient_id, step=Step.DONE, consented_at=now), now)
        await lines.join(session, lines.hash_of(token), patient_id, now)


async def checked(clinic: Clinic, key: str = "one", **findings: str) -> None:
    """The patient has finished a check in the chat."""
    now = clinic.desk.clock()
    found = records.KeptAssessment(
        now, now + timedelta(days=1), "result", "ROUTINE", False, (), findings, {}, "2026.1", "Told."
    )
    async with clinic.desk.store.writing() as session:
        await records.note_assessment(session, key, PATIENT, found, now)


async def writes(clinic: Clinic, text: str, key: str = "update:1") -> None:
    async with clinic.desk.store.writing() as session:
        assert await lines.to_clinic(session, key, PATIENT, text, clinic.desk.clock())


async def outbox(clinic: Clinic) -> list[OutboxRow]:
    async with clinic.desk.store.reading() as session:
        return list(await session.scalars(select(OutboxRow).order_by(OutboxRow.id)))


# inviting


async def test_an_invitation_is_a_link_and_a_picture_shown_once(clinic: Clinic, clinician: Browser) -> None:
    page = await made(clinician)
    token = await token_of(clinic, clinician, page)
    async with clinic.desk.store.reading() as session:
        rows = list(await session.scalars(select(LineInviteRow)))
    assert [row.token_hash for row in rows] == [lines.hash_of(token)]
    assert token not in str([vars(row) for row in rows])
    shown = await clinician.get(page)
    assert token not in shown.text
    assert "An invitation is open until" in main_of(shown)
    assert "invited" in [each.kind for each in await history(clinic, page)]


async def test_the_page_of_an_invitation_holds_a_qr_code_without_style_or_script(
    clinic: Clinic, clinician: Browser
) -> None:
    page = await made(clinician)
    async with clinic.desk.store.writing() as session:
        await facts.tell(session, facts.BOT_NAME, "invented_bot")
    answer = await do(clinician, page, "invite")
    assert "<svg" in answer.text
    assert "https://t.me/invented_bot?start=" in answer.text
    assert " style=" not in answer.text
    assert "<script" not in answer.text


async def test_with_the_sandbox_it_is_the_chat_page_and_the_words(clinic: Clinic, clinician: Browser) -> None:
    page = await made(clinician)
    async with clinic.desk.store.writing() as session:
        await facts.tell(session, facts.BOT_NAME, "septimus_sandbox_bot")
        await facts.tell(session, facts.CHAT_PAGE, "http://127.0.0.1:8081")
    said = main_of(await do(clinician, page, "invite"))
    assert "http://127.0.0.1:8081" in said
    assert re.search(r"/start [\w-]{43}", said)


async def test_before_the_bot_has_a_name_the_page_says_what_to_do(clinic: Clinic, clinician: Browser) -> None:
    page = await made(clinician)
    assert "start the gateway once" in main_of(await do(clinician, page, "invite"))


async def test_an_invitation_works_once_for_a_week_and_only_the_last(
    clinic: Clinic, clinician: Browser, clock: Clock
) -> None:
    page = await made(clinician)
    first = await token_of(clinic, clinician, page)
    second = await token_of(clinic, clinician, page)
    async with clinic.desk.store.reading() as session:
        old = await lines.invite_of(session, lines.hash_of(first), clock())
        new = await lines.invite_of(session, lines.hash_of(second), clock())
        later = await lines.invite_of(session, lines.hash_of(second), clock() + timedelta(days=7))
    assert old and new and later
    assert (old.is_open, new.is_open, later.is_open) == (False, True, False)
    async with clinic.desk.store.writing() as session:
        for name in ("a" * 32, "b" * 32):
            await patients.create(session, Patient(id=name), clock())
        await lines.join(session, lines.hash_of(second), "a" * 32, clock())
        with pytest.raises(lines.InviteGone):
            await lines.join(session, lines.hash_of(second), "b" * 32, clock())


async def test_an_invitation_can_be_taken_back(clinic: Clinic, clinician: Browser, clock: Clock) -> None:
    page = await made(clinician)
    token = await token_of(clinic, clinician, page)
    assert (await do(clinician, page, "invite-end")).status_code == 303
    async with clinic.desk.store.reading() as session:
        found = await lines.invite_of(session, lines.hash_of(token), clock())
    assert found is not None
    assert not found.is_open


async def test_a_joined_referral_is_not_invited_again(clinic: Clinic, clinician: Browser) -> None:
    page = await made(clinician)
    await joined(clinic, clinician, page)
    assert "This patient shares with Invented clinic" in main_of(await clinician.get(page))
    assert (await do(clinician, page, "invite")).status_code == 422


# what flows in


async def test_a_checks_findings_come_in_and_sort_the_referral_again(clinic: Clinic, clinician: Browser) -> None:
    page = await made(clinician)
    await made(clinician, reference="ZZ 9", **{"f.cannot_close_eye": "yes"})
    await joined(clinic, clinician, page)
    before = (await kept(clinic, page)).sorting
    await checked(clinic, arm_or_leg_weak="yes", fever="no", ear_pain="unknown")
    queue = await clinician.get("/")
    after = await kept(clinic, page)
    assert after.sorting.place < before.place
    assert after.sorting.band == "P0"
    assert after.referral.findings["arm_or_leg_weak"].by == "patient"
    assert "ear_pain" not in after.referral.findings
    assert queue.text.index("AB 1") < queue.text.index("ZZ 9")
    assert "Changed since yesterday: " in main_of(queue)
    assert "patient's answers" in main_of(queue)
    assert "A red flag opened" in main_of(await clinician.get(page))
    version = after.version
    assert await take_in(clinic.desk) == 0
    assert (await kept(clinic, page)).version == version


async def test_a_warning_in_the_chat_comes_in_although_no_check_was_made(clinic: Clinic, clinician: Browser) -> None:
    page = await made(clinician)
    await joined(clinic, clinician, page)
    await do(clinician, page, "close", why="treated")
    told = Outcome(kind=Kind.EMERGENCY, disposition="EMERGENCY", findings={"arm_or_leg_weak": "yes"})
    asked = Outcome(
        kind=Kind.TRIAGE, disposition="EMERGENCY", provisional=True, findings={"speech_slurred_or_words_wrong": "yes"}
    )
    async with clinic.desk.store.writing() as session:
        await records.note_safety(session, "one", PATIENT, told, clinic.desk.clock())
        await records.note_safety(session, "two", PATIENT, asked, clinic.desk.clock())
    assert await take_in(clinic.desk) == 1
    found = await kept(clinic, page)
    assert (found.state, found.sorting.band) == ("new", "P0")
    assert "speech_slurred_or_words_wrong" not in found.referral.findings


async def test_after_stop_sharing_nothing_comes_in_and_the_history_stays(clinic: Clinic, clinician: Browser) -> None:
    page = await made(clinician)
    await joined(clinic, clinician, page)
    await checked(clinic, fever="yes")
    await take_in(clinic.desk)
    async with clinic.desk.store.writing() as session:
        line = await lines.of_patient(session, PATIENT)
        assert line is not None
        await lines.prescribe(session, line, Prescribed(code=True, opened=("EX-13",), locked=("EX-01",)))
        await lines.end(session, line, "patient", clinic.desk.clock())
    await checked(clinic, "two", arm_or_leg_weak="yes")
    assert await take_in(clinic.desk) == 0
    found = await kept(clinic, page)
    assert found.patient_id is None
    assert set(found.referral.findings) == {"fever"}
    said = main_of(await clinician.get(page))
    assert "The patient stopped sharing." in said
    assert (await do(clinician, page, "message", text="hello", once="x")).status_code == 404
    async with clinic.desk.store.reading() as session:
        assert await lines.prescribed(session, PATIENT) == Prescribed(locked=("EX-01",))
        assert not await lines.to_clinic(session, "late", PATIENT, "hello", clinic.desk.clock())


# messages


async def test_a_message_goes_out_once_and_the_reply_comes_in_unread(clinic: Clinic, clinician: Browser) -> None:
    page = await made(clinician)
    await joined(clinic, clinician, page)
    once = re.search(r'name="once" value="(\w+)"', (await clinician.get(page)).text)
    assert once
    for _ in range(2):
        answer = await do(clinician, page, "message", text="How is your <eye>?", once=once[1])
        assert answer.status_code == 303
    sent = await outbox(clinic)
    assert [(row.patient_id, row.act) for row in sent] == [(PATIENT, "send")]
    body = sent[0].body
    assert body is not None
    assert body["html"].startswith("<b>From your clinic, Invented clinic:</b>\n\nHow is your &lt;eye&gt;?")
    assert body["buttons"] == [[["Reply to the clinic", "line:write"]]]
    assert "on its way" in main_of(await clinician.get(page))

    await writes(clinic, "It is <b>dry</b>.")
    viewer = await clinic.browser("viewer")
    assert "new" in main_of(await viewer.get(page))
    queue = main_of(await clinician.get("/"))
    assert "1 unread from patients" in queue
    assert "1 unread message" in queue
    assert "AB 1" in main_of(await clinician.get("/?folder=all&unread=1"))
    shown = await clinician.get(page)
    assert html.escape("It is <b>dry</b>.") in shown.text
    assert "unread from patients" not in main_of(await clinician.get("/"))
    assert "Nothing fits this search" in main_of(await clinician.get("/?folder=all&unread=1"))


@pytest.mark.parametrize("text", ["", "   ", "x" * 2001])
async def test_an_empty_or_endless_message_is_not_sent(clinic: Clinic, clinician: Browser, text: str) -> None:
    page = await made(clinician)
    await joined(clinic, clinician, page)
    answer = await do(clinician, page, "message", text=text, once="x")
    assert answer.status_code == 422
    assert await outbox(clinic) == []


HOURS = {**{f"day.{number}": "yes" for number in range(5)}, "from": "09:00", "to": "16:00", "zone": "Europe/London"}


async def test_the_hours_are_the_admins_to_say(clinic: Clinic, admin: Browser) -> None:
    assert (await admin.send("/staff/hours", page="/staff", **HOURS)).status_code == 303
    async with clinic.desk.store.reading() as session:
        assert await staff.hours(session, clinic.id) == "Mon-Fri 09:00-16:00 Europe/London"
    shown = (await admin.get("/staff")).text
    assert shown.count('type="checkbox"') == 7
    assert shown.count("checked> ") >= 5
    assert 'name="zone" maxlength="64" value="Europe/London"' in shown
    no_days = {name: value for name, value in HOURS.items() if not name.startswith("day.")}
    assert (await admin.send("/staff/hours", page="/staff", **no_days)).status_code == 303
    async with clinic.desk.store.reading() as session:
        assert await staff.hours(session, clinic.id) is None


@pytest.mark.parametrize("wrong", [{"to": "08:00"}, {"from": ""}, {"zone": "Mars/Olympus"}, {"zone": "../etc/passwd"}])
async def test_hours_that_cannot_be_are_not_kept(clinic: Clinic, admin: Browser, wrong: dict[str, str]) -> None:
    answer = await admin.send("/staff/hours", page="/staff", **{**HOURS, **wrong})
    assert answer.status_code == 422
    assert "These hours can't be kept" in html.unescape(answer.text)
    assert answer.text.count("checked> ") >= 5, "what was typed is still there"
    async with clinic.desk.store.reading() as session:
        assert await staff.hours(session, clinic.id) is None


async def test_hours_in_the_clinics_own_words_are_still_shown(clinic: Clinic, admin: Browser) -> None:
    async with clinic.desk.store.writing() as session:
        await staff.set_hours(session, clinic.id, "most mornings")
    assert "Until now patients are told: most mornings." in (await admin.get("/staff")).text


# patients who refer themselves


async def test_a_new_clinic_takes_no_self_referrals_until_its_admin_says_so(clinic: Clinic, admin: Browser) -> None:
    async with clinic.desk.store.reading() as session:
        assert await self_referrals.offers(session) == []
    fields = {"way": "both", "name": "  Face\nClinic ", "offer": "Facial therapy for adults."}
    assert (await admin.send("/staff/self-referral", page="/staff", **fields)).status_code == 303
    async with clinic.desk.store.reading() as session:
        (offer,) = await self_referrals.offers(session)
    assert (offer.clinic, offer.way, offer.offer) == ("Face Clinic", "both", "Facial therapy for adults.")
    assert 'value="Face Clinic"' in (await admin.get("/staff")).text
    assert (await admin.send("/staff/self-referral", page="/staff", way="")).status_code == 303
    async with clinic.desk.store.reading() as session:
        assert await self_referrals.offers(session) == []
    assert (await admin.send("/staff/self-referral", page="/staff", way="anything")).status_code == 400


# exercises


async def test_what_is_opened_and_locked_is_kept_with_its_reason(clinic: Clinic, clinician: Browser) -> None:
    page = await made(clinician)
    await joined(clinic, clinician, page)
    fields = {"stage": "S1", "code": "yes", "ex.EX-13": "open", "ex.EX-01": "locked"}
    assert (await do(clinician, page, "exercises", **fields)).status_code == 422, "a reason is needed"
    answer = await do(clinician, page, "exercises", **fields, reason="seen in the clinic today")
    assert answer.status_code == 303
    async with clinic.desk.store.reading() as session:
        patient = await patients.get(session, PATIENT)
    assert patient is not None
    assert Prescribed.loads(patient.prescribed) == Prescribed("S1", True, ("EX-13",), ("EX-01",))
    event = (await history(clinic, page))[-1]
    assert (event.kind, event.detail["reason"]) == ("exercises", "seen in the clinic today")
    assert "seen in the clinic today" in main_of(await clinician.get(page))
    assert "Opened: EX-13" in main_of(await clinician.get(f"{page}/patient"))


async def test_a_turn_of_the_chat_does_not_take_back_what_the_therapist_set(clinic: Clinic, clinician: Browser) -> None:
    page = await made(clinician)
    await joined(clinic, clinician, page)
    async with clinic.desk.store.reading() as session:
        before = await patients.get(session, PATIENT)
    assert before is not None
    await do(clinician, page, "exercises", **{"ex.EX-01": "locked"}, reason="it hurt last time")
    async with clinic.desk.store.writing() as session:
        await patients.save(session, dataclasses.replace(before, misses=1))
    async with clinic.desk.store.reading() as session:
        after = await patients.get(session, PATIENT)
    assert after is not None
    assert Prescribed.loads(after.prescribed).locked == ("EX-01",)


@pytest.mark.parametrize("field", [{"stage": "S9"}, {"ex.EX-99": "open"}, {"ex.EX-01": "perhaps"}])
async def test_an_exercise_or_stage_that_does_not_exist_is_refused(
    clinic: Clinic, clinician: Browser, field: dict[str, str]
) -> None:
    page = await made(clinician)
    await joined(clinic, clinician, page)
    assert (await do(clinician, page, "exercises", **field, reason="a good reason")).status_code == 422


# measures and charts

SUNNYBROOK = {
    "kind": "sunnybrook", "day": "2026-11-20", "rest.eye": "1", "rest.cheek": "2", "rest.mouth": "1",
    "move.brow": "2", "move.eye": "4", "move.smile": "3", "move.snarl": "2", "move.pucker": "3",
    "syn.brow": "0", "syn.eye": "1", "syn.smile": "2", "syn.snarl": "0", "syn.pucker": "1",
}  # fmt: skip


async def test_measures_are_kept_shown_over_time_and_sorted_by(clinic: Clinic, clinician: Browser) -> None:
    page = await made(clinician)
    assert (await do(clinician, page, "measure", kind="hb", day="2026-11-20", grade="V")).status_code == 303
    assert (await do(clinician, page, "measure", kind="hb", day="2026-10-20", grade="VI")).status_code == 303
    assert (await do(clinician, page, "measure", **SUNNYBROOK)).status_code == 303
    found = await kept(clinic, page)
    assert (found.referral.grade, found.referral.sunnybrook) == ("HB 5", 32.0)
    async with clinic.desk.store.reading() as session:
        taken = await measures.of_referral(session, clinic.id, found.id)
    assert [(each.kind, each.value) for each in taken] == [("hb", 6.0), ("hb", 5.0), ("sunnybrook", 32.0)]
    assert taken[-1].parts == {"rest": 20, "voluntary": 56, "synkinesis": 4}
    shown = await clinician.get(f"{page}/patient")
    assert shown.text.count('<svg class="chart"') == 2
    assert "20 Nov 2026 56 20 4 32" in main_of(shown)
    assert " style=" not in shown.text


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "hb", "day": "2026-11-20", "grade": "VII"}, {"kind": "hb", "day": "2026-12-20", "grade": "I"},
     {"kind": "hb", "day": "", "grade": "I"}, {"kind": "x", "day": "2026-11-20"}, {**SUNNYBROOK, "move.eye": "6"},
     {**SUNNYBROOK, "rest.eye": ""}, {**SUNNYBROOK, "syn.eye": "½"}],
)  # fmt: skip
async def test_a_measure_that_cannot_be_is_refused(clinic: Clinic, clinician: Browser, wrong: dict[str, str]) -> None:
    page = await made(clinician)
    assert (await do(clinician, page, "measure", **wrong)).status_code == 422
    assert (await kept(clinic, page)).version == 1


async def test_practice_scores_and_reminders_are_shown_as_figures_too(
    clinic: Clinic, clinician: Browser, clock: Clock
) -> None:
    page = await made(clinician)
    await joined(clinic, clinician, page)
    await checked(clinic, fever="no")
    for number in range(3):
        began = clock() - timedelta(days=number)
        session_ = records.KeptSession(began, "UTC", "P-S0", "S0", "finished", ("EX-01",), ("EX-02",), (), 3, 6)
        async with clinic.desk.store.writing() as session:
            await records.note_session(session, f"session:{number}", PATIENT, session_, began)
    shown = await clinician.get(f"{page}/patient")
    said = main_of(shown)
    assert "Sessions a week, done and planned" in said
    assert "Nobody watches this at night." in said
    assert "None set." in said
    assert 'aria-label="Comfort, 0 to 10"' in shown.text
    viewer = await clinic.browser("viewer")
    read = await viewer.get(f"{page}/patient")
    assert "Save; the chat obeys at once" not in read.text
    async with clinic.desk.store.reading() as session:
        audited = list(await session.scalars(select(AuditRow.what).where(AuditRow.staff_id == clinic.people["viewer"])))
    assert "referral read" in audited
