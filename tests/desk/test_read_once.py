"""A letter whose second reading could not be done says so on its page, whichever way it came in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from bot.desk.desk import Desk
from bot.store import rest
from tests.desk.browser import Browser, Clinic, main_of
from tests.desk.test_import import confirmed, kept, key_of, sent
from tests.desk.test_merge import merge
from tests.desk.test_referral import do, made, pasted
from tests.desk.test_rest import ONE, REQUEST

ONCE = "This letter was read once: the second reading could not be done. Read it yourself for emergencies."

type Hears = Callable[[Callable[[Sequence[str]], list[float] | None]], None]


@pytest.fixture
def hears(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Hears:
    """Puts an alarm in place of none."""

    def put(alarm: Callable[[Sequence[str]], list[float] | None]) -> None:
        monkeypatch.setitem(vars(desk.sorter), "_hear", alarm)

    return put


def away(_sentences: Sequence[str]) -> None:
    return None


def quiet(sentences: Sequence[str]) -> list[float]:
    return [-9.0] * len(sentences)


async def test_a_letter_that_was_read_once_says_so_to_everybody_and_goes_on_saying_it(
    clinic: Clinic, clinician: Browser, viewer: Browser, hears: Hears
) -> None:
    hears(away)
    page = await pasted(clinician)
    hears(quiet)
    assert ONCE in main_of(await clinician.get(f"{page}?done=letter"))
    await do(clinician, page, "findings", **{"f.arm_or_leg_weak": "no"})
    shown = main_of(await viewer.get(page))
    assert ONCE in shown
    assert "Received from a letter, sorted as P0. The second reading could not be done." in shown


async def test_a_letter_that_was_read_twice_says_nothing_of_it(clinician: Browser, hears: Hears) -> None:
    hears(quiet)
    twice = await pasted(clinician)
    assert "second reading" not in main_of(await clinician.get(twice))
    hears(away)  # what has no text has nothing to be read
    assert "second reading" not in main_of(await clinician.get(await made(clinician)))
    assert "second reading" not in main_of(await clinician.get(twice))


async def test_rows_of_a_spreadsheet_that_were_read_once_say_so_before_and_after_the_import(
    clinic: Clinic, clinician: Browser, hears: Hears
) -> None:
    text = "She keeps letting go of cups on that side."
    hears(lambda sentences: None if any(text in each for each in sentences) else quiet(sentences))
    rows = f"Reference,Side,Notes\nAB 1,Left,{text}\nCD 2,Right,Uses drops by day and ointment.\nEF 3,Right,\n"
    await sent(clinician, "/referrals/import", "list.csv", rows.encode())
    check = main_of(await clinician.get("/referrals/import/check"))
    assert "The text of 1 row was read once" in check
    await confirmed(clinician, await key_of(clinician))
    for row in await kept(clinic):
        shown = main_of(await clinician.get(f"/referrals/{row.id}"))
        assert (ONCE in shown) is (row.patient_ref == "AB 1")


async def test_what_a_program_sent_and_was_read_once_says_so(clinic: Clinic, clinician: Browser, hears: Hears) -> None:
    async with clinic.desk.store.writing() as session:
        await rest.new_program(session, clinic.id, "x", ONE, clinic.people["admin"], clinic.desk.clock())
    headers = {"Authorization": f"Bearer {ONE}", "Content-Type": "application/fhir+json"}
    for alarm, number in ((away, "1"), (quiet, "2")):
        hears(alarm)
        body = {**REQUEST, "identifier": [{"system": "urn:x", "value": number}]}
        answer = await clinician.client.post("/fhir/ServiceRequest", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        shown = main_of(await clinician.get(f"/referrals/{answer.json()['id']}"))
        assert (ONCE in shown) is (alarm is away)


async def test_merged_into_another_it_still_says_so(clinician: Browser, hears: Hears) -> None:
    hears(away)
    letter = await pasted(clinician)
    hears(quiet)
    other = await made(clinician, reference="CD 2")
    assert ONCE not in main_of(await clinician.get(other))
    await merge(clinician, other, letter)
    assert ONCE in main_of(await clinician.get(other))
