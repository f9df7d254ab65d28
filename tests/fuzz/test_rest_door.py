"""The REST door against its own OpenAPI: schemathesis sends what fits it and what doesn't, and each answer is checked."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fhirclient.models.operationoutcome import OperationOutcome
from hypothesis import Phase, given, settings

from bot.desk import rest as door
from bot.desk.app import create_app
from bot.desk.desk import Desk
from bot.desk.sorting import Sorter
from bot.knowledge import Shelf
from bot.settings import CONTENT
from bot.store import Store, rest, staff
from tests.fuzz.conftest import EXAMPLES, SLOW

schemathesis: Any = pytest.importorskip("schemathesis") if os.environ.get("CI") != "true" else None
if schemathesis is None:
    import schemathesis

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
ADDRESS = "http://127.0.0.1:8080"
TOKEN = "an-invented-token-0123456789"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    path = tmp_path_factory.mktemp("desk") / "septimus.db"

    async def up() -> None:
        store = Store(f"sqlite+aiosqlite:///{path}")
        await store.migrate()
        async with store.writing() as session:
            clinic = await staff.new_clinic(session, "Invented", "Europe/London", NOW)
            member = await staff.new_member(session, clinic.id, "a@example.org", "Invented", "admin", "x", NOW)
            await rest.new_program(session, clinic.id, "fuzz", TOKEN, member.id, NOW)
        await store.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(up())).result()
    shelf = Shelf(CONTENT, reload=False, must_be_reviewed=False, clock=time.monotonic)
    return Desk(Store(f"sqlite+aiosqlite:///{path}"), lambda: NOW, shelf, Sorter.load(CONTENT), ADDRESS)


@pytest.fixture(scope="module")
def described(desk: Desk) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(door, "CALLS", 10**9)  # the clock stands still, so the window would never move on
        patch.setattr(door.Rate, "allows", lambda *_: True)
        schema = schemathesis.openapi.from_dict(door.openapi(ADDRESS))
        schema.app = create_app(desk)
        yield schema


OPERATIONS = [
    "POST /fhir",
    "POST /fhir/ServiceRequest",
    "POST /fhir/Task",
    "GET /fhir/Task/{id}",
    "GET /fhir/metadata",
]


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_door_keeps_to_its_description(described: Any, name: str) -> None:
    method, _, path = name.partition(" ")
    strategy = described[path][method].as_strategy()
    strange = described[path][method].as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)

    @settings(
        max_examples=max(10, EXAMPLES // 2),
        deadline=None,
        suppress_health_check=SLOW,
        phases=[Phase.explicit, Phase.generate],
    )
    @given(strategy if method == "GET" else strategy | strange)
    def sent(case: Any) -> None:
        for token in (TOKEN, None):
            response = case.call(base_url=ADDRESS, headers={"Authorization": f"Bearer {token}"} if token else {})
            assert response.status_code < 500, response.text
            answered = response.json()
            if response.status_code >= 400:
                OperationOutcome(answered)
            if token is None and not path.endswith("/metadata"):
                assert response.status_code in (401, 429, 404, 405)
            else:
                case.validate_response(response, checks=_checks())

    sent()


def _checks() -> list[Callable[..., Any]]:
    from schemathesis import checks

    return [
        checks.not_a_server_error,
        *_named("status_code_conformance", "content_type_conformance", "response_schema_conformance"),
    ]


def _named(*names: str) -> list[Callable[..., Any]]:
    from schemathesis.checks import CHECKS

    return CHECKS.get_by_names(list(names))


def test_its_description_is_itself_valid(described: Any, tmp_path: Path) -> None:
    described.validate()
    found = [each.ok() for each in described.get_all_operations()]
    assert sorted(f"{each.method.upper()} {each.path}" for each in found) == sorted(OPERATIONS)
