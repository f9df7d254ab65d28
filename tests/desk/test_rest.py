"""The door for other programs: who may, what is taken once, and what is answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fhirclient.models.bundle import Bundle
from fhirclient.models.capabilitystatement import CapabilityStatement
from fhirclient.models.operationoutcome import OperationOutcome
from fhirclient.models.task import Task
from starlette.applications import Starlette

from bot.desk.desk import Desk
from bot.desk.rest import CALLS, fhir_routes
from bot.store import referrals, rest, staff
from tests.desk.browser import Clinic, Clock

ONE, TWO = "token-of-clinic-one-0123456789", "token-of-clinic-two-0123456789"
REQUEST: dict[str, Any] = {
    "resourceType": "ServiceRequest",
    "id": "s1",
    "identifier": [{"system": "urn:x", "value": "77"}],
    "status": "active",
    "intent": "order",
    "subject": {"identifier": {"value": "H123"}},
    "requester": {"display": "Dr A"},
    "reasonCode": [{"text": "Left facial palsy since 2026-11-20. Slurred speech this morning."}],
}


@dataclass
class Door:
    client: httpx.AsyncClient
    desk: Desk
    clinics: tuple[int, int]

    async def post(self, path: str, value: Any, token: str | None = ONE, **headers: str) -> httpx.Response:
        body = value if isinstance(value, (bytes, str)) else json.dumps(value)
        given = {"Content-Type": "application/fhir+json", **({"Authorization": f"Bearer {token}"} if token else {})}
        return await self.client.post(path, content=body, headers={**given, **headers})

    async def get(self, path: str, token: str | None = ONE) -> httpx.Response:
        return await self.client.get(path, headers={"Authorization": f"Bearer {token}"} if token else {})

    async def count(self) -> int:
        async with self.desk.store.reading() as session:
            counts = [await referrals.counts(session, each, 0, self.desk.today("UTC")) for each in self.clinics]
        return sum(each.folders["new"] for each in counts)


@pytest.fixture
async def door(desk: Desk, app: Starlette, found: Callable[[str], Awaitable[Clinic]]) -> Any:
    one, two = [await found(name) for name in ("One", "Two")]
    async with desk.store.writing() as session:
        for clinic, token in ((one, ONE), (two, TWO)):
            await rest.new_program(session, clinic.id, f"of {clinic.id}", token, clinic.people["admin"], desk.clock())
    transport = httpx.ASGITransport(app, client=("192.0.2.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url=desk.address) as client:
        yield Door(client, desk, (one.id, two.id))


async def test_a_referral_is_taken_sorted_and_answered_with_its_band(door: Door) -> None:
    response = await door.post("/fhir/ServiceRequest", REQUEST)
    assert response.status_code == 201
    assert response.headers["content-type"] == "application/fhir+json; fhirVersion=4.0"
    made = response.json()
    Task(made)
    assert made["businessStatus"]["coding"][0]["code"] == "P0"
    assert made["focus"] == {"reference": "ServiceRequest/s1"}
    shown = await door.get(response.headers["location"])
    assert shown.status_code == 200
    assert shown.json()["output"] == made["output"]
    async with door.desk.store.reading() as session:
        kept = await referrals.get(session, door.clinics[0], int(made["id"]))
        lines = await staff.audit(session, door.clinics[0], 10)
    assert kept is not None
    assert (kept.patient_ref, kept.referrer) == ("H123", "Dr A")
    assert [line.what for line in lines] == ["referral read", "referral made"]


async def test_the_same_identifier_twice_is_one_referral(door: Door) -> None:
    first, second = [await door.post("/fhir/ServiceRequest", REQUEST) for _ in range(2)]
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    other = await door.post("/fhir/ServiceRequest", REQUEST, TWO)
    assert other.status_code == 201
    assert await door.count() == 2


@pytest.mark.parametrize("identifiers", [[], [{"system": "urn:x" * 900, "value": "7" * 900}], [{"value": "1"}] * 2])
async def test_what_was_sent_with_any_identifiers_is_shown_as_it_came(door: Door, identifiers: list[Any]) -> None:
    body = {**{name: value for name, value in REQUEST.items() if name != "identifier"}}
    made = await door.post("/fhir/ServiceRequest", {**body, **({"identifier": identifiers} if identifiers else {})})
    assert made.status_code == 201, made.text
    shown = (await door.get(made.headers["location"])).json()
    assert (shown["focus"], shown.get("for")) == (made.json()["focus"], made.json().get("for"))


async def test_two_that_come_at_once_with_the_same_identifier_are_one(door: Door) -> None:
    answers = await asyncio.gather(*(door.post("/fhir/ServiceRequest", REQUEST) for _ in range(4)))
    assert sorted(each.status_code for each in answers) == [200, 200, 200, 201]
    assert len({each.json()["id"] for each in answers}) == 1


async def test_the_slower_of_two_at_once_finds_the_other(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await door.post("/fhir/ServiceRequest", REQUEST)
    asked, known = [], rest.known

    async def not_yet(*given: Any) -> int | None:
        asked.append(given)
        return None if len(asked) == 1 else await known(*given)

    monkeypatch.setattr(rest, "known", not_yet)
    second = await door.post("/fhir/ServiceRequest", REQUEST)
    assert (second.status_code, second.json()["id"]) == (200, first.json()["id"])
    assert await door.count() == 1


async def test_a_referral_that_came_another_way_is_not_shown_to_programs(door: Door, clock: Clock) -> None:
    made = (await door.post("/fhir/ServiceRequest", REQUEST)).json()["id"]
    async with door.desk.store.writing() as session:
        kept = await referrals.get(session, door.clinics[0], int(made))
        assert kept is not None
        other = await referrals.create(
            session, door.clinics[0], kept.referral, door.desk.sorter.sort(kept.referral, clock().date()), clock(),
            patient_ref="AB 1", referrer="", staff_id=None, detail={"way": "form"},
        )  # fmt: skip
    assert (await door.get(f"/fhir/Task/{other}")).status_code == 404


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/fhir/Patient/1", 404), ("GET", "/fhir/ServiceRequest", 405), ("DELETE", "/fhir/Task/1", 405),
    ("GET", "/fhir/Task/x", 404), ("PUT", "/fhir", 405),
])  # fmt: skip
async def test_where_there_is_no_way_in_a_program_is_told_so_in_its_language(
    door: Door, method: str, path: str, status: int
) -> None:
    answer = await door.client.request(method, path)
    assert answer.status_code == status
    OperationOutcome(answer.json())


async def test_another_clinics_referral_cannot_be_reached(door: Door) -> None:
    made = (await door.post("/fhir/ServiceRequest", REQUEST)).json()["id"]
    assert (await door.get(f"/fhir/Task/{made}", TWO)).status_code == 404
    assert (await door.get(f"/fhir/Task/{made}", ONE)).status_code == 200
    assert (await door.get("/fhir/Task/99999999999999999999999")).status_code == 404


@pytest.mark.parametrize("token", [None, "", "short", "x" * 40, "x" * 5_000, f"{ONE}x", "ünïcode-token-0123456789"])
@pytest.mark.parametrize("path", ["/fhir/ServiceRequest", "/fhir/Task", "/fhir", "/fhir/Task/1"])
async def test_without_a_right_token_nothing_is_taken_or_shown(door: Door, path: str, token: str | None) -> None:
    raw = {"Authorization": f"Bearer {token}".encode()} if token is not None else {}
    if path.endswith("/1"):
        response = await door.client.get(path, headers=raw)
    else:
        response = await door.client.post(path, content=json.dumps(REQUEST), headers=raw)
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")
    OperationOutcome(response.json())
    assert await door.count() == 0


async def test_a_bundle_is_taken_whole_or_not_at_all(door: Door) -> None:
    def bundle(*requests: dict[str, Any]) -> dict[str, Any]:
        entries = [{"resource": each, "request": {"method": "POST", "url": "ServiceRequest"}} for each in requests]
        return {"resourceType": "Bundle", "type": "transaction", "entry": entries}

    other = {**REQUEST, "id": "s2", "identifier": [{"value": "78"}]}
    refused = await door.post("/fhir", bundle(REQUEST, {**other, "status": "revoked"}))
    assert refused.status_code == 422
    assert refused.json()["issue"][0]["expression"] == ["Bundle.entry[1].resource.status"]
    assert await door.count() == 0
    taken = await door.post("/fhir", bundle(REQUEST, other))
    assert taken.status_code == 200
    Bundle(taken.json())
    assert [each["response"]["status"] for each in taken.json()["entry"]] == ["201 Created", "201 Created"]
    assert await door.count() == 2


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/fhir/ServiceRequest", "{", {}, 400),
        ("/fhir/ServiceRequest", REQUEST, {"Content-Type": "application/fhir+json; fhirVersion=5.0"}, 400),
        ("/fhir/ServiceRequest", REQUEST, {"Content-Type": "application/fhir+xml"}, 415),
        ("/fhir/ServiceRequest", REQUEST, {"Content-Type": "text/plain"}, 415),
        ("/fhir/ServiceRequest", b" " * (15 * 1024 * 1024 + 1), {}, 413),
        ("/fhir/Task", REQUEST, {}, 422),
        ("/fhir", REQUEST, {}, 422),
        ("/fhir/ServiceRequest", {**REQUEST, "status": "x"}, {}, 422),
        ("/fhir/ServiceRequest", {**REQUEST, "reason": [{"concept": {"text": "x"}}]}, {}, 422),
    ],
    ids=lambda each: str(each)[:30],
)
async def test_what_is_refused_is_an_outcome(
    door: Door, path: str, body: Any, headers: dict[str, str], status: int
) -> None:
    response = await door.post(path, body, **headers)
    assert response.status_code == status
    OperationOutcome(response.json())
    assert await door.count() == 0


async def test_too_many_requests_are_held_back_for_one_token_alone(door: Door, clock: Clock) -> None:
    for _ in range(CALLS):
        assert (await door.get("/fhir/Task/1")).status_code == 404
    held = await door.get("/fhir/Task/1")
    assert held.status_code == 429
    assert held.headers["retry-after"] == "60"
    assert (await door.get("/fhir/Task/1", TWO)).status_code == 404
    clock.now += timedelta(minutes=1)
    assert (await door.get("/fhir/Task/1")).status_code == 404


async def test_guessing_tokens_is_slowed_and_a_right_one_still_passes(door: Door) -> None:
    statuses = [(await door.get("/fhir/Task/1", "x" * 40)).status_code for _ in range(25)]
    assert statuses == [401] * 20 + [429] * 5
    assert (await door.get("/fhir/Task/1")).status_code == 404


async def test_a_fault_of_our_own_is_an_outcome_and_takes_nothing(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("Jane")

    monkeypatch.setattr(staff, "note", fails)
    response = await door.post("/fhir/ServiceRequest", REQUEST)
    assert response.status_code == 500
    assert "Jane" not in response.text
    OperationOutcome(response.json())
    assert await door.count() == 0


async def test_the_door_describes_itself_to_anybody(door: Door) -> None:
    CapabilityStatement((await door.get("/fhir/metadata", None)).json())
    described = (await door.get("/openapi.json", None)).json()
    routed: dict[str, set[str]] = {}
    for route in fhir_routes(door.desk):
        routed.setdefault(route.path.replace(":int", ""), set()).update((route.methods or set()) - {"HEAD"})
    del routed["/openapi.json"]
    assert {path: {method.upper() for method in each} for path, each in described["paths"].items()} == routed
