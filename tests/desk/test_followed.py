"""Patients who share, in the queue: their practice week by week, who stopped, whose eye got worse, who blocked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from bot.programme.practice import Practice
from bot.programme.prescribed import Prescribed
from bot.store import lines, patients, records
from bot.store.followed import Followed, followed, is_worse
from bot.store.tables import PatientRow, TelegramChatRow
from tests.desk.browser import Browser, Clinic, main_of
from tests.desk.conftest import START
from tests.desk.test_line import PATIENT, checked, joined, writes
from tests.desk.test_referral import made


@pytest.fixture
async def page(clinic: Clinic, clinician: Browser) -> str:
    page = await made(clinician)
    await joined(clinic, clinician, page)
    return page


async def practised(clinic: Clinic, *days_ago: float, done: tuple[str, ...] = ("EX-01",)) -> None:
    for days in days_ago:
        began = clinic.desk.clock() - timedelta(days=days)
        kept = records.KeptSession(began, "UTC", "P-S0", "S0", "finished", done, (), (), 3, 6)
        async with clinic.desk.store.writing() as session:
            await records.note_session(session, f"session:{days}:{len(done)}", PATIENT, kept, began)


async def check_in(clinic: Clinic, days_ago: int, comfort: float | None) -> None:
    kept = records.KeptScore("weekly-check-in", None, {"eye_comfort": comfort}, {}, None)
    at = clinic.desk.clock() - timedelta(days=days_ago)
    async with clinic.desk.store.writing() as session:
        await records.note_score(session, f"score:{days_ago}", PATIENT, kept, at)


async def told(clinic: Clinic, page: str) -> Followed:
    async with clinic.desk.store.reading() as session:
        found: Mapping[int, Followed] = await followed(
            session, clinic.id, [int(page.rpartition("/")[2])], clinic.desk.clock()
        )
    return found[int(page.rpartition("/")[2])]


async def test_sessions_are_counted_by_week_the_last_week_last(clinic: Clinic, clinician: Browser, page: str) -> None:
    await practised(clinic, 0.5, 6.9, 7.1, 13, 20, 20.9, 21.5)
    await practised(clinic, 1, done=())
    assert (await told(clinic, page)).weeks == (2, 2, 2)
    said = main_of(await clinician.get("/"))
    assert "2, 2, 2 sessions in the last three weeks" in said
    assert "Last contact 22 Nov 2026" in said or "Last contact 23 Nov 2026" in said
    assert "2, 2, 2 sessions in the last three weeks" in main_of(await clinician.get(f"{page}/patient"))


async def test_who_stopped_is_shown_and_found(clinic: Clinic, clinician: Browser, page: str) -> None:
    await made(clinician, reference="ZZ 9")
    await practised(clinic, 15, 20)
    assert (await told(clinic, page)).has_stopped
    assert (await clinician.get("/")).text.count('<span class="mild">Stopped practising</span>') == 1
    found = main_of(await clinician.get("/?folder=all&stopped=1"))
    assert "AB 1" in found and "ZZ 9" not in found
    await practised(clinic, 1)
    assert not (await told(clinic, page)).has_stopped
    assert "Nothing fits this search" in main_of(await clinician.get("/?folder=all&stopped=1"))


async def test_who_never_began_or_ended_long_ago_has_not_stopped(clinic: Clinic, page: str) -> None:
    assert not (await told(clinic, page)).has_stopped
    await practised(clinic, 71)
    assert not (await told(clinic, page)).has_stopped


async def test_an_eye_that_is_less_comfortable_than_last_time_got_worse(
    clinic: Clinic, clinician: Browser, page: str
) -> None:
    await check_in(clinic, 10, 6)
    await check_in(clinic, 3, 5)
    assert not (await told(clinic, page)).is_eye_worse
    await check_in(clinic, 2, 3)
    assert (await told(clinic, page)).is_eye_worse
    assert "Eye got worse" in main_of(await clinician.get("/"))
    assert "The eye got worse" in main_of(await clinician.get(f"{page}/patient"))
    await check_in(clinic, 1, None)
    assert (await told(clinic, page)).is_eye_worse, "who skipped the question said nothing of it"


async def test_a_worse_eye_of_long_ago_is_no_news(clinic: Clinic, page: str) -> None:
    await check_in(clinic, 30, 8)
    await check_in(clinic, 20, 2)
    assert not (await told(clinic, page)).is_eye_worse


async def test_a_new_eye_sign_in_a_check_is_a_worse_eye(clinic: Clinic, page: str) -> None:
    await checked(clinic, "one", cannot_close_eye="yes", eye_red="no")
    assert not (await told(clinic, page)).is_eye_worse
    await checked(clinic, "two", cannot_close_eye="yes", eye_red="yes")
    assert (await told(clinic, page)).is_eye_worse


def test_the_worst_of_before_does_not_count_only_the_last_time() -> None:
    assert not is_worse([(START, 9), (START, 2), (START, 3)], [])
    assert is_worse([(START, 9), (START, 7)], [])
    assert not is_worse([(START, 2)], [(START, frozenset({"eye_red"}))])


async def test_who_blocked_the_bot_is_shown(clinic: Clinic, clinician: Browser, page: str) -> None:
    async with clinic.desk.store.writing() as session:
        session.add(TelegramChatRow(chat_id=5, patient_id=PATIENT, blocked_at=None))
    assert "Blocked the bot" not in main_of(await clinician.get("/"))
    async with clinic.desk.store.writing() as session:
        await patients.set_blocked(session, PATIENT, clinic.desk.clock())
    assert "Blocked the bot" in main_of(await clinician.get("/"))
    assert "No message and no reminder reaches them" in main_of(await clinician.get(f"{page}/patient"))


async def test_the_stage_is_the_set_one_else_the_one_of_their_answers(clinic: Clinic, page: str) -> None:
    assert (await told(clinic, page)).stage is None
    async with clinic.desk.store.writing() as session:
        patient = await patients.get(session, PATIENT)
        assert patient is not None
        practice = Practice(checked_at=clinic.desk.clock()).dumps()
        await session.merge(PatientRow(id=PATIENT, practice=practice))
    found = await told(clinic, page)
    assert (found.stage, found.is_set) == ("S0", False)
    async with clinic.desk.store.writing() as session:
        line = await lines.of_patient(session, PATIENT)
        assert line is not None
        await lines.prescribe(session, line, Prescribed(stage="S2"))
    found = await told(clinic, page)
    assert (found.stage, found.is_set) == ("S2", True)


async def test_the_last_contact_is_the_last_sign_of_any_kind(clinic: Clinic, page: str) -> None:
    assert (await told(clinic, page)).last_contact == START
    clinic.desk.clock.move(hours=1)  # type: ignore[attr-defined]
    await checked(clinic, fever="no")
    assert (await told(clinic, page)).last_contact == START + timedelta(hours=1)
    clinic.desk.clock.move(hours=1)  # type: ignore[attr-defined]
    await writes(clinic, "It is dry.")
    assert (await told(clinic, page)).last_contact == START + timedelta(hours=2)


async def test_who_shares_no_more_and_who_shares_with_another_is_not_shown(
    clinic: Clinic, other_clinic: Clinic, clinician: Browser, page: str
) -> None:
    number = int(page.rpartition("/")[2])
    async with clinic.desk.store.reading() as session:
        assert await followed(session, other_clinic.id, [number], clinic.desk.clock()) == {}
    async with clinic.desk.store.writing() as session:
        line = await lines.of_patient(session, PATIENT)
        assert line is not None
        await lines.end(session, line, "patient", clinic.desk.clock())
    async with clinic.desk.store.reading() as session:
        assert await followed(session, clinic.id, [number], clinic.desk.clock()) == {}
    assert "Last contact" not in main_of(await clinician.get("/"))
