"""Other programs: no way in without their own clinic's living token, and what the admin may do about them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import uvicorn
from sqlalchemy import select
from starlette.applications import Starlette

from bot.desk.desk import Desk
from bot.desk.rest import fhir_routes
from bot.store import staff
from bot.store.clinic_tables import ApiRequestRow, ApiTokenRow, AuditRow, ReferralEventRow, ReferralRow
from tests.desk.browser import Browser, Clinic, Clock, text_of
from tests.desk.test_rest import REQUEST
from tests.desk.test_who_may import everything

DESCRIPTIONS = {"/fhir/metadata", "/openapi.json"}
"""What anybody may read: nothing in them is a clinic's."""

TOKEN = re.compile(r'role="status">.*?<code class="key">([\w-]{43})</code>', re.DOTALL)


async def a_token(admin: Browser, name: str = "Records") -> str:
    page = await admin.send("/staff/programs", page="/staff/programs", name=name)
    found = TOKEN.search(page.text)
    assert found, page.text
    return found[1]


async def call(app: Starlette, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    """What a program sends; to a Bundle's way in, a Bundle."""
    body: dict[str, Any] = REQUEST
    if path == "/fhir":
        entry = {"resource": REQUEST, "request": {"method": "POST", "url": "ServiceRequest"}}
        body = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    elif path == "/fhir/Task":
        body = {
            "resourceType": "Task", "status": "requested", "intent": "order",
            "identifier": REQUEST["identifier"], "for": REQUEST["subject"], "description": "Left facial palsy.",
        }  # fmt: skip
    sent = {"content": json.dumps(body)} if method == "POST" else {}
    given = {"Content-Type": "application/fhir+json", **headers}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8080") as client:
        return await client.request(method, path, headers=given, **sent)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def ways_in(desk: Desk) -> list[tuple[str, str]]:
    """Method and path of every way in that needs a token, from the routing table itself."""
    return [
        (method, route.path)
        for route in fhir_routes(desk)
        for method in sorted(route.methods or ())
        if route.path not in DESCRIPTIONS
    ]


def test_there_are_ways_in_and_the_application_has_them_all(desk: Desk, app: Starlette) -> None:
    paths = {getattr(route, "path", "") for route in app.routes}
    assert DESCRIPTIONS | {path for _, path in ways_in(desk)} <= paths
    assert len(ways_in(desk)) >= 5


@pytest.mark.parametrize("given", ["nothing", "a wrong token", "a withdrawn token", "an admin's browser", "its hash"])
async def test_without_a_living_token_no_way_in_takes_or_shows_anything(
    app: Starlette, clinic: Clinic, admin: Browser, given: str
) -> None:
    made = (await call(app, "POST", "/fhir/ServiceRequest", bearer(await a_token(admin)))).json()["id"]
    headers: dict[str, str] = {}
    if given == "a wrong token":
        headers = bearer("x" * 43)
    elif given == "a withdrawn token":
        headers = bearer(await a_token(admin, "Old"))
        async with clinic.desk.store.reading() as session:
            number = await session.scalar(select(ApiTokenRow.id).where(ApiTokenRow.name == "Old"))
        assert (await admin.send(f"/staff/programs/{number}/withdraw")).status_code == 303
    elif given == "an admin's browser":
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in admin.client.cookies.items())}
    elif given == "its hash":
        headers = bearer(staff.hash_of(await a_token(admin, "Other")))
    before = await everything(clinic)
    for method, path in ways_in(clinic.desk):
        answer = await call(app, method, path.replace("{id:int}", str(made)), headers)
        assert answer.status_code == 401, (method, path)
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert "H123" not in answer.text and "P0" not in answer.text
    assert await everything(clinic) == before


async def test_another_clinics_token_reaches_nothing_of_this_one(
    app: Starlette, clinic: Clinic, other_clinic: Clinic, admin: Browser
) -> None:
    made = (await call(app, "POST", "/fhir/ServiceRequest", bearer(await a_token(admin)))).json()["id"]
    token = await a_token(await other_clinic.browser("admin"))

    async def ours() -> list[tuple[object, ...]]:
        tables = (ReferralRow, ReferralEventRow, ApiTokenRow, ApiRequestRow, AuditRow)
        async with clinic.desk.store.reading() as session:
            found = [
                await session.execute(select(table.__table__).where(table.__table__.c.clinic_id == clinic.id))
                for table in tables
            ]
            return [tuple(row) for rows in found for row in rows]

    before = await ours()
    for method, path in ways_in(clinic.desk):
        answer = await call(app, method, path.replace("{id:int}", str(made)), bearer(token))
        if "{id:int}" in path:
            assert answer.status_code == 404, (method, path)
        else:  # the same identifier, but sent by another clinic's program: a referral of that clinic
            assert answer.status_code in (200, 201), answer.text
            assert f'Task/{made}"' not in answer.text and answer.json().get("id") != made
    assert await ours() == before


async def test_a_token_opens_no_page_of_the_desk(app: Starlette, admin: Browser) -> None:
    headers = bearer(await a_token(admin))
    for path in ("/", "/staff", "/staff/programs", "/audit", "/referrals/1"):
        answer = await call(app, "GET", path, headers)
        assert (answer.status_code, answer.headers["location"][:8]) == (303, "/sign-in")


async def test_a_token_is_shown_once_and_kept_as_its_hash(clinic: Clinic, admin: Browser) -> None:
    token = await a_token(admin, "  Records   of the <b>ward</b> ")
    page = await admin.get("/staff/programs")
    assert token not in page.text and "<b>" not in page.text
    assert "Records of the <b>ward</b>" in text_of(page).replace("&lt;", "<")
    assert "Not used yet." in page.text
    async with clinic.desk.store.reading() as session:
        rows = (await session.scalars(select(ApiTokenRow))).all()
        lines = await staff.audit(session, clinic.id, 10)
    assert [row.token_hash for row in rows] == [staff.hash_of(token)]
    made = next(line for line in lines if line.what == "program token made")
    assert (made.who, made.about) == ("Invented admin", "Records of the <b>ward</b>")
    assert token not in str([line.about for line in lines])


async def test_a_program_is_stopped_at_once_and_the_page_says_so(
    app: Starlette, clinic: Clinic, admin: Browser, clock: Clock
) -> None:
    token = await a_token(admin)
    clock.move(minutes=5)
    await call(app, "GET", "/fhir/Task/1", bearer(token))
    assert "Last used 23 Nov 2026, 10:05." in (await admin.get("/staff/programs")).text
    async with clinic.desk.store.reading() as session:
        number = await session.scalar(select(ApiTokenRow.id))
    answer = await admin.send(f"/staff/programs/{number}/withdraw")
    assert answer.headers["location"] == "/staff/programs?done=program-stopped"
    assert (await call(app, "GET", "/fhir/Task/1", bearer(token))).status_code == 401
    assert "Stopped 23 Nov 2026, 10:05." in (await admin.get("/staff/programs")).text
    assert (await admin.send(f"/staff/programs/{number}/withdraw")).status_code == 404, "once"
    assert "program token ended" in (await admin.get("/audit")).text


async def test_a_program_needs_a_name(admin: Browser) -> None:
    answer = await admin.send("/staff/programs", page="/staff/programs", name="  ")
    assert answer.status_code == 422
    assert "Give the program a name." in answer.text and not TOKEN.search(answer.text)


@pytest.fixture
async def served(app: Starlette) -> AsyncIterator[str]:
    """The desk on a port of this machine."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, server_header=False))
    task = asyncio.create_task(server.serve())
    while not server.started:
        assert not task.done()
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await task


async def test_a_referral_sent_over_http_is_in_the_queue_with_its_band(
    served: str, clinic: Clinic, admin: Browser
) -> None:
    token = await a_token(admin, "Records")
    async with httpx.AsyncClient(base_url=served, trust_env=False, timeout=60) as client:
        headers = {**bearer(token), "Content-Type": "application/fhir+json"}
        sent = await client.post("/fhir/ServiceRequest", json=REQUEST, headers=headers)
        assert sent.status_code == 201
        assert sent.headers["content-type"].startswith("application/fhir+json")
        number = sent.json()["id"]
        shown = await client.get(f"/fhir/Task/{number}", headers=headers)
        assert shown.json()["businessStatus"]["coding"][0]["code"] == "P0"
        assert shown.headers["x-content-type-options"] == "nosniff"
        assert shown.headers["cache-control"] == "no-store"
        described = await client.get("/openapi.json")
        assert described.headers["content-type"] == "application/json"
        assert described.json()["openapi"].startswith("3.")
        browser = Browser(client)
        await browser.sign_in(clinic.email("viewer"))
        queue = await browser.get("/")
        row = re.search(
            rf'<tr[^>]*>(?:(?!</tr>).)*href="/referrals/{number}"(?:(?!</tr>).)*</tr>', queue.text, re.DOTALL
        )
        assert row, text_of(queue)
        assert "H123" in row[0] and "P0" in row[0]
        page = text_of(await browser.get(f"/referrals/{number}"))
        assert "Received from the program Records, sorted as P0." in page
    assert "by the program Records" in (await admin.get("/audit")).text
