"""Who may: generated from the table of doors. Nobody, lower roles and other clinics get through no door but theirs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Table, func, select
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from bot.desk.access import Door
from bot.desk.desk import Desk
from bot.desk.doors import DOORS
from bot.desk.rest import fhir_routes
from bot.patient import Patient
from bot.store import lines, patients, rest, staff
from bot.store.clinic_tables import (
    ApiRequestRow,
    ApiTokenRow,
    AuditRow,
    ClinicRow,
    InvitationRow,
    LineInviteRow,
    LineMessageRow,
    LineRow,
    MeasureRow,
    MergeRow,
    NotSameRow,
    ReferralEventRow,
    ReferralRow,
    StaffRow,
)
from bot.store.tables import Base, OutboxRow, PatientRow
from tests.desk.browser import Browser, Clinic, hidden

RANKS = {"viewer": 1, "clinician": 2, "admin": 3}
OPEN_TO_ALL = {"/healthz", "/sign-in", "/setup/{token:str}", "/password/{token:str}"}


def name_of(door: Door) -> str:
    return f"{door.method} {door.path}"


def doors(*, about_something: bool | None = None) -> list[Door]:
    return [door for door in DOORS if door.need is not None and about_something in (None, "{id:int}" in door.path)]


def refusals() -> Iterator[tuple[Door, str]]:
    for door in DOORS:
        for role, rank in RANKS.items():
            if door.need is not None and rank < RANKS[door.need]:
                yield door, role


async def a_referral(clinic: Clinic) -> int:
    browser = await clinic.browser("clinician")
    fields = {"reference": "AB 1", "cause": "bells", "side": "L"}
    answer = await browser.send("/referrals/new", page="/referrals/new", **fields)
    found = re.fullmatch(r"/referrals/(\d+)\?done=received", answer.headers["location"])
    assert found, answer.text
    return int(found[1])


async def an_invitation(clinic: Clinic) -> int:
    now = clinic.desk.clock()
    async with clinic.desk.store.writing() as session:
        await staff.new_link(
            session, f"token{clinic.id}", "invite", now, now.replace(year=now.year + 1),
            clinic_id=clinic.id, email=f"new{clinic.id}@example.org", name="New", role="admin",
        )  # fmt: skip
    async with clinic.desk.store.reading() as session:
        return (await session.scalars(select(InvitationRow.id).where(InvitationRow.clinic_id == clinic.id))).one()


async def a_line(clinic: Clinic, number: int) -> None:
    """A chat that shares with the clinic about a referral, with something in its thread."""
    now, person = clinic.desk.clock(), f"{clinic.id:032d}"
    async with clinic.desk.store.writing() as session:
        await lines.new_invite(
            session, clinic.id, number, f"hash{clinic.id}", clinic.people["clinician"], now, now + timedelta(days=7)
        )
        await patients.create(session, Patient(id=person), now)
        await lines.join(session, f"hash{clinic.id}", person, now)
        await lines.to_clinic(session, f"said{clinic.id}", person, "AB 1 wrote this", now)


async def a_program(clinic: Clinic) -> int:
    async with clinic.desk.store.writing() as session:
        await rest.new_program(
            session, clinic.id, "AB 1", f"token of {clinic.id}", clinic.people["admin"], clinic.desk.clock()
        )
        await session.flush()
        return (await rest.programs(session, clinic.id))[0].id


async def path_to(door: Door, clinic: Clinic) -> str:
    """The door's path, leading to something that this clinic has."""
    if "/programs/" in door.path:
        return door.path.replace("{id:int}", str(await a_program(clinic)))
    if "/invitations/" in door.path:
        return door.path.replace("{id:int}", str(await an_invitation(clinic)))
    if door.path.startswith("/staff/"):
        return door.path.replace("{id:int}", str(clinic.people["clinician"]))
    if door.path.startswith("/referrals/{id"):
        number = await a_referral(clinic)
        if door.path.endswith(
            ("/message", "/line-end", "/exercises", "/patient", "/measure", "/programme", "/programme-end")
        ):
            await a_line(clinic, number)
        return door.path.replace("{id:int}", str(number))
    return door.path


async def everything(clinic: Clinic) -> dict[str, list[tuple[object, ...]]]:
    """What any refused request must leave as it was: all but the audit and who is signed in."""
    async with clinic.desk.store.reading() as session:
        kept: dict[str, list[tuple[object, ...]]] = {}
        for table in (
            ReferralRow, ReferralEventRow, StaffRow, InvitationRow, ClinicRow, LineInviteRow, LineRow, LineMessageRow,
            MeasureRow, OutboxRow, PatientRow, ApiTokenRow, ApiRequestRow, MergeRow, NotSameRow,
        ):  # fmt: skip
            whole: Table = Base.metadata.tables[table.__tablename__]
            rows = await session.execute(select(whole).order_by(whole.c.id))
            kept[table.__tablename__] = [
                tuple(value for name, value in row._mapping.items() if name != "signed_in_at") for row in rows
            ]
        return kept


def test_every_route_comes_from_the_table_and_names_who_may(app: Starlette, desk: Desk) -> None:
    programs = {route.path for route in fhir_routes(desk)}  # who may there: tests/desk/test_programs.py
    routes = [route for route in app.routes if isinstance(route, Route) and route.path not in programs]
    assert not programs & {door.path for door in DOORS}
    assert len(routes) == len(DOORS) == len({(door.method, door.path) for door in DOORS})
    assert {route.path for route in routes} == {door.path for door in DOORS}
    assert [route.path for route in app.routes if isinstance(route, Mount)] == ["/static"]
    assert len(app.routes) == len(DOORS) + len(fhir_routes(desk)) + 1
    assert {door.path for door in DOORS if door.need is None} == OPEN_TO_ALL
    assert {door.need for door in DOORS} == {None, *RANKS}


def test_a_door_without_a_role_cannot_be_made() -> None:
    with pytest.raises(TypeError):
        Door("GET", "/new", DOORS[0].page)  # type: ignore[call-arg]


def test_whatever_changes_something_needs_a_form() -> None:
    assert all(door.method == "POST" for door in DOORS if door.path.rpartition("/")[2] in {"note", "close", "disable"})


@pytest.mark.parametrize("door", doors(), ids=name_of)
async def test_nobody_who_is_not_signed_in_gets_through(clinic: Clinic, door: Door) -> None:
    path = await path_to(door, clinic)
    before = await everything(clinic)
    browser = Browser.of(clinic.app)
    token = hidden(await browser.get("/sign-in"))
    answer = await browser.client.request(door.method, path, data=token if door.method == "POST" else None)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")
    assert answer.text == ""
    assert await everything(clinic) == before


@pytest.mark.parametrize("given", list(refusals()), ids=lambda given: f"{name_of(given[0])} as {given[1]}")
async def test_a_lower_role_does_not_get_through(clinic: Clinic, given: tuple[Door, str]) -> None:
    door, role = given
    path = await path_to(door, clinic)
    browser = await clinic.browser(role)
    before = await everything(clinic)
    data = {"csrf": await browser.token("/account"), "version": "1", "text": "tried", "role": "viewer"}
    answer = await browser.client.request(door.method, path, data=data if door.method == "POST" else None)
    assert answer.status_code == 403
    assert "AB 1" not in answer.text
    assert await everything(clinic) == before


@pytest.mark.parametrize("door", doors(about_something=True), ids=name_of)
async def test_another_clinics_admin_does_not_get_through(clinic: Clinic, other_clinic: Clinic, door: Door) -> None:
    path = await path_to(door, clinic)
    browser = await other_clinic.browser("admin")
    before = await everything(clinic)
    data = {
        "csrf": await browser.token("/account"), "version": "1", "text": "tried by another", "role": "viewer",
        "band": "P4", "reason": "tried by another", "why": "treated", "to": "", "letter": "tried by another",
        "day": "2026-11-04", "time": "10:00", "kind": "hb", "grade": "V", "once": "one",
        "ex.EX-01": "locked", "whom": "patient", "reference": "tried", "f.fever": "yes",
    }  # fmt: skip
    answer = await browser.client.request(door.method, path, data=data if door.method == "POST" else None)
    assert answer.status_code == 404
    assert "AB 1" not in answer.text
    assert await everything(clinic) == before


async def test_another_clinics_referrals_are_in_no_list_and_no_count(clinic: Clinic, other_clinic: Clinic) -> None:
    number = await a_referral(clinic)
    await a_program(clinic)
    browser = await other_clinic.browser("admin")
    for path in (
        "/",
        "/?folder=all",
        "/?folder=unassigned&q=AB",
        "/audit",
        f"/audit?referral={number}",
        "/staff",
        "/staff/programs",
    ):
        page = await browser.get(path)
        assert (
            "AB 1" not in page.text
            and "Invented clinic<" not in page.text
            and "example.org" not in page.text.replace(f"{other_clinic.id}@example.org", "")
        ), path
        assert f">referral {number}<" not in page.text
    assert not re.search(r'class="count">[1-9]', (await browser.get("/")).text)


async def test_a_referral_is_never_assigned_to_another_clinics_person(clinic: Clinic, other_clinic: Clinic) -> None:
    number = await a_referral(clinic)
    browser = await clinic.browser("clinician")
    page = f"/referrals/{number}"
    answer = await browser.send(f"{page}/assign", page=page, to=str(other_clinic.people["clinician"]))
    assert answer.status_code == 422
    assert (await browser.send(f"{page}/assign", page=page, to=str(clinic.people["viewer"]))).status_code == 422


async def test_every_table_of_the_clinics_names_its_clinic() -> None:
    theirs = {"staff", "invitations", "referrals", "referral_events", "audit"}
    theirs |= {"line_invites", "lines", "line_messages", "measures", "api_tokens", "api_requests", "merges", "not_same"}
    assert all("clinic_id" in Base.metadata.tables[name].columns for name in theirs)


async def test_a_disabled_person_is_out_at_once(clinic: Clinic, admin: Browser) -> None:
    browser = await clinic.browser("clinician")
    await admin.send(f"/staff/{clinic.people['clinician']}/disable")
    assert (await browser.get("/")).status_code == 303
    assert (await Browser.of(clinic.app).sign_in(clinic.email("clinician"))).status_code == 401
    await admin.send(f"/staff/{clinic.people['clinician']}/enable")
    assert (await Browser.of(clinic.app).sign_in(clinic.email("clinician"))).status_code == 303


async def test_a_changed_role_counts_at_once(clinic: Clinic, admin: Browser) -> None:
    browser = await clinic.browser("clinician")
    await admin.send(f"/staff/{clinic.people['clinician']}/role", role="viewer")
    assert (await browser.get("/referrals/new")).status_code == 403


async def test_the_last_admin_stays(clinic: Clinic, admin: Browser) -> None:
    own = clinic.people["admin"]
    assert (await admin.send(f"/staff/{own}/role", role="viewer")).status_code == 422
    assert (await admin.send(f"/staff/{own}/disable")).status_code == 422
    await admin.send(f"/staff/{clinic.people['clinician']}/role", role="admin")
    assert (await admin.send(f"/staff/{own}/role", role="viewer")).status_code == 303


async def test_an_invitation_makes_a_person_of_the_clinic_once(clinic: Clinic, admin: Browser) -> None:
    fields = {"email": "new@example.org", "name": "New Invented", "role": "clinician"}
    page = await admin.send("/staff/invite", **fields)
    link = re.search(r"http://127\.0\.0\.1:8080(/password/[\w-]+)", page.text)
    assert link
    assert link[1] not in (await admin.get("/staff")).text, "shown once"
    browser, password = Browser.of(clinic.app), "four new wheelbarrows"
    answer = await browser.send(link[1], page=link[1], password=password, again=password)
    assert answer.status_code == 303
    assert (await browser.get("/referrals/new")).status_code == 200
    assert (await browser.get("/staff")).status_code == 403
    assert (await Browser.of(clinic.app).get(link[1])).status_code == 404


async def test_an_invitation_ends_when_it_is_withdrawn_or_a_week_old(clinic: Clinic, admin: Browser) -> None:
    number = await an_invitation(clinic)
    browser = Browser.of(clinic.app)
    assert (await browser.get(f"/password/token{clinic.id}")).status_code == 200
    await admin.send(f"/staff/invitations/{number}/withdraw")
    assert (await browser.get(f"/password/token{clinic.id}")).status_code == 404


async def test_a_new_password_link_ends_the_old_password_code_and_sign_ins(clinic: Clinic, admin: Browser) -> None:
    before = await clinic.browser("viewer")
    async with clinic.desk.store.writing() as session:
        await staff.set_totp(session, clinic.id, clinic.people["viewer"], "A" * 32, 1)
    page = await admin.send(f"/staff/{clinic.people['viewer']}/link")
    link = re.search(r"http://127\.0\.0\.1:8080(/password/[\w-]+)", page.text)
    assert link
    password = "four new wheelbarrows"
    assert (
        await Browser.of(clinic.app).send(link[1], page=link[1], password=password, again=password)
    ).status_code == 303
    assert (await before.get("/")).status_code == 303
    assert (await Browser.of(clinic.app).sign_in(clinic.email("viewer"))).status_code == 401
    assert (await Browser.of(clinic.app).sign_in(clinic.email("viewer"), password)).status_code == 303


async def test_every_read_and_every_change_of_a_patient_leaves_a_line(clinic: Clinic) -> None:
    number = await a_referral(clinic)
    reader = await clinic.browser("viewer")
    await reader.get("/")
    await reader.get(f"/referrals/{number}")
    worker = await clinic.browser("clinician")
    await worker.send(f"/referrals/{number}/note", page=f"/referrals/{number}", text="rang the patient")
    async with clinic.desk.store.reading() as session:
        lines = [
            (line.staff_id, line.what, line.referral_id, line.about) for line in await session.scalars(select(AuditRow))
        ]
    assert (clinic.people["viewer"], "queue read", None, "new, 1 lines") in lines
    assert (clinic.people["viewer"], "referral read", number, None) in lines
    assert (clinic.people["clinician"], "referral: note", number, None) in lines
    assert "rang" not in str(lines)


@pytest.mark.parametrize("fields", [{"version": "99", "text": "rang"}, {"text": " "}], ids=["too late", "refused"])
async def test_a_page_shown_in_place_of_a_change_is_a_read_too(clinic: Clinic, fields: dict[str, str]) -> None:
    number = await a_referral(clinic)
    browser = await clinic.browser("admin")
    version = {"version": "1", **fields}
    data = {"csrf": await browser.token("/account"), **version}
    assert (await browser.client.post(f"/referrals/{number}/note", data=data)).status_code in {409, 422}
    async with clinic.desk.store.reading() as session:
        lines = [(line.staff_id, line.what) for line in await session.scalars(select(AuditRow))]
    assert (clinic.people["admin"], "referral read") in lines


async def test_a_refused_read_leaves_no_line_about_the_patient(clinic: Clinic, other_clinic: Clinic) -> None:
    number = await a_referral(clinic)
    await (await other_clinic.browser("admin")).get(f"/referrals/{number}")
    async with clinic.desk.store.reading() as session:
        count = await session.scalar(select(func.count()).where(AuditRow.what == "referral read"))
    assert count == 0


async def test_a_number_no_database_has_is_not_found(viewer: Browser) -> None:
    assert (await viewer.get(f"/referrals/{10**30}")).status_code == 404
    assert (await viewer.get("/referrals/0")).status_code == 404
    assert (await viewer.get("/referrals/x")).status_code == 404
