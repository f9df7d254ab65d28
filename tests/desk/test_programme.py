"""A clinician's programme at the desk: chosen among what the gates allow, within the caps, kept, shown and ended."""

from __future__ import annotations

import httpx
import pytest

from bot.programme.own import OwnItem
from bot.programme.prescribed import Prescribed
from bot.store import lines, patients
from tests.desk.browser import Browser, Clinic, main_of
from tests.desk.test_line import PATIENT, joined
from tests.desk.test_referral import do, history, made

STAGE = {"stage": "S2", "code": "yes", "reason": "seen in the clinic today"}
CHOSEN = {"at.EX-15": "1", "at.EX-01": "2", "rep.EX-15": "3", "times": "2", "words": "Slowly, at the mirror."}


@pytest.fixture
async def page(clinic: Clinic, clinician: Browser) -> str:
    """A referral whose patient shares, with a stage set."""
    page = await made(clinician)
    await joined(clinic, clinician, page)
    assert (await do(clinician, page, "exercises", **STAGE)).status_code == 303
    return page


async def choose(browser: Browser, page: str, **fields: str) -> httpx.Response:
    return await browser.send(f"{page}/programme", page=f"{page}/programme", **{**CHOSEN, **fields})


async def prescribed(clinic: Clinic) -> Prescribed:
    async with clinic.desk.store.reading() as session:
        return await lines.prescribed(session, PATIENT)


async def test_it_is_kept_with_who_and_when_and_shown(clinic: Clinic, clinician: Browser, page: str) -> None:
    answer = await choose(clinician, page)
    assert answer.headers["location"] == f"{page}/patient?done=programme"
    set_ = await prescribed(clinic)
    assert set_.own is not None
    assert set_.own.items == (OwnItem("EX-15", repetitions=3), OwnItem("EX-01"))
    assert (set_.own.times_a_day, set_.own.by, set_.own.at) == (2, "Invented clinician", clinic.desk.clock())
    assert (set_.stage, set_.code) == ("S2", True), "what was set before stays"
    event = (await history(clinic, page))[-1]
    assert (event.kind, event.who) == ("programme", "Invented clinician")
    shown = main_of(await clinician.get(f"{page}/patient"))
    assert "(3 times, hold 5 s)" in shown or "(3 times, hold 3 s)" in shown
    assert "Set by Invented clinician, 23 Nov 2026" in shown
    assert "A programme for the patient, 2 times a day" in main_of(await clinician.get(page))
    form = (await clinician.get(f"{page}/programme")).text
    assert 'name="at.EX-15" class="short" inputmode="numeric" pattern="[0-9]{1,2}" maxlength="2" value="1"' in form
    assert (await choose(clinician, page)).status_code == 422, "nothing was changed"


async def test_setting_the_exercises_again_leaves_it(clinic: Clinic, clinician: Browser, page: str) -> None:
    await choose(clinician, page)
    await do(clinician, page, "exercises", **{**STAGE, "ex.EX-15": "locked"})
    set_ = await prescribed(clinic)
    assert set_.own is not None
    assert set_.locked == ("EX-15",)
    assert "no longer allowed for this stage" in main_of(await clinician.get(f"{page}/programme"))


async def test_only_what_the_gates_allow_is_offered_and_taken(clinic: Clinic, clinician: Browser, page: str) -> None:
    form = (await clinician.get(f"{page}/programme")).text
    assert 'name="at.EX-15"' in form
    assert 'name="at.EX-24"' not in form
    answer = await choose(clinician, page, **{"at.EX-24": "3"})
    assert answer.status_code == 422
    assert "The gates don't allow" in main_of(answer)
    assert 'maxlength="2" value="1"' in answer.text, "what was typed stays"
    assert (await prescribed(clinic)).own is None


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"at.EX-15": "", "at.EX-01": ""}, "Choose one exercise at least"),
        ({"rep.EX-15": "6"}, "5 at most"),
        ({"rep.EX-15": "0"}, "5 at most"),
        ({"rep.EX-15": "½"}, "can't be read"),
        ({"at.EX-15": "first"}, "can't be read"),
        ({"at.EX-99": "1"}, "can't be read"),
        ({"times": "9"}, "Between 1 and 5"),
        ({"times": ""}, "can't be read"),
        ({"min.EX-01": "29"}, "over the cap of 30 minutes"),
        ({"words": "x" * 301}, "300 signs at most"),
    ],
)
async def test_what_cannot_be_taken_is_named(
    clinic: Clinic, clinician: Browser, page: str, fields: dict[str, str], told: str
) -> None:
    answer = await choose(clinician, page, **fields)
    assert answer.status_code == 422
    assert told in main_of(answer)
    assert (await prescribed(clinic)).own is None


async def test_before_a_stage_is_set_there_is_nothing_to_choose(clinic: Clinic, clinician: Browser) -> None:
    page = await made(clinician)
    await joined(clinic, clinician, page)
    assert "Set the stage first" in main_of(await clinician.get(f"{page}/programme"))
    answer = await clinician.send(f"{page}/programme", page=page, **CHOSEN)
    assert answer.status_code == 422
    assert "Set the stage first" in main_of(answer)


async def test_it_can_be_ended_and_ends_with_the_line(clinic: Clinic, clinician: Browser, page: str) -> None:
    await choose(clinician, page)
    answer = await clinician.send(f"{page}/programme-end", page=f"{page}/programme")
    assert answer.status_code == 303
    assert (await prescribed(clinic)).own is None
    assert (await prescribed(clinic)).stage == "S2"
    assert "The clinic's programme ended." in main_of(await clinician.get(page))
    await choose(clinician, page)
    await do(clinician, page, "line-end")
    async with clinic.desk.store.reading() as session:
        patient = await patients.get(session, PATIENT)
    assert patient is not None
    assert Prescribed.loads(patient.prescribed).own is None
    assert (await clinician.get(f"{page}/programme")).status_code == 404


@pytest.mark.parametrize("what", ["programme", "programme-end", "exercises", "measure", "invite", "invite-end"])
async def test_who_looked_at_an_older_version_sets_nothing(
    clinic: Clinic, clinician: Browser, page: str, what: str
) -> None:
    answer = await clinician.send(f"{page}/{what}", page=page, **{**CHOSEN, "version": "1"})
    assert answer.status_code == 409
    assert "was not saved" in main_of(answer)
    assert (await prescribed(clinic)).own is None
