"""The watchman's door and the figures: alive, ready, and labels that never tell of a person."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from prometheus_client import REGISTRY, generate_latest
from sqlalchemy import update
from starlette.applications import Starlette

from bot import metrics
from bot.patient import Patient
from bot.stack.processes import free_ports
from bot.store import Store, inbox, outbox, patients, standing
from bot.store.tables import InboxRow
from bot.watch import create_watch, watching

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
BANDS = {"RED": 2, "AMBER": 1}


def door(found: Mapping[str, bool], *, breaks: bool = False) -> Starlette:
    async def parts() -> Mapping[str, bool]:
        return found

    async def refresh() -> None:
        if breaks:
            raise OSError("the database is away")

    return create_watch("gateway", parts, refresh)


async def asked(app: Starlette, path: str, host: str = "127.0.0.1") -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{host}") as client:
        return await client.get(path)


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_health_says_that_it_is_alive_whatever_else_is_away() -> None:
    answer = await asked(door({"database": False}), "/health")
    assert (answer.status_code, answer.json()["program"]) == (200, "septimus")


@pytest.mark.parametrize(
    ("parts", "status"), [({"database": True, "engine": True}, 200), ({"database": True, "engine": False}, 503)]
)
async def test_ready_names_each_part(parts: dict[str, bool], status: int) -> None:
    answer = await asked(door(parts), "/ready")
    assert answer.status_code == status
    assert {part: answer.json()[part] for part in parts} == {p: "ok" if up else "away" for p, up in parts.items()}


async def test_the_figures_come_although_the_database_is_away() -> None:
    answer = await asked(door({}, breaks=True), "/metrics")
    assert answer.status_code == 200
    assert "septimus_messages_total" in answer.text


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
async def test_it_answers_to_this_machines_names_alone(path: str) -> None:
    assert (await asked(door({}), path, "rebound.example.org")).status_code == 400


async def test_it_listens_on_loopback_and_a_taken_port_stops_nothing() -> None:
    (port,) = free_ports(1)
    async with watching(door({}), port), httpx.AsyncClient(trust_env=False) as client:
        async with watching(door({}), port):  # a second one does without
            answer = await client.get(f"http://127.0.0.1:{port}/health")
        assert answer.status_code == 200
    async with watching(door({}), 0):
        pass


def test_a_message_is_counted_by_its_kind_and_disposition() -> None:
    before = (
        value("septimus_messages_total", kind="answer"),
        value("septimus_dispositions_total", disposition="SAME_DAY"),
    )
    metrics.answered("answer", "SAME_DAY")
    metrics.answered("answer", None)
    after = (
        value("septimus_messages_total", kind="answer"),
        value("septimus_dispositions_total", disposition="SAME_DAY"),
    )
    assert (after[0] - before[0], after[1] - before[1]) == (2, 1)


@pytest.mark.parametrize("label", ["my face hurts", "90010010019", "0f" * 16, "a@example.org", "x" * 33, "p123", ""])
def test_a_label_that_is_no_name_of_ours_is_not_told(label: str) -> None:
    metrics.answered(label, label)
    metrics.red_flag(label, label)
    metrics.queue_stands({label: 1}, 0)
    told = generate_latest().decode()
    assert f'="{label}"' not in told


def test_all_labels_are_of_a_closed_list() -> None:
    labels = {name for family in REGISTRY.collect() for sample in family.samples for name in sample.labels}
    ours = {"kind", "step", "le", "disposition", "family", "level", "result", "box", "state", "band", "part"}
    pythons = {"generation", "implementation", "major", "minor", "patchlevel", "version"}
    assert labels <= ours | pythons


def test_a_clock_that_was_set_back_is_no_negative_wait() -> None:
    metrics.took("inbox", timedelta(seconds=-5))
    assert not re.search(r'septimus_step_seconds_sum\{step="inbox"\} -', generate_latest().decode())


def test_a_band_in_which_nobody_waits_any_more_is_gone() -> None:
    metrics.queue_stands(BANDS, 1)
    metrics.queue_stands({"RED": 1}, 0)
    assert value("septimus_queue", band="RED") == 1
    assert REGISTRY.get_sample_value("septimus_queue", {"band": "AMBER"}) is None


async def test_what_waits_and_what_is_stuck_is_read_from_the_database(store: Store) -> None:
    async with store.writing() as session:
        person = Patient(id="a" * 32)
        await patients.create(session, person, NOW)
        await inbox.write(session, [(number, number, {"n": number}) for number in (1, 2, 3, 4)], NOW)
        await outbox.add(session, "update:1:0", person.id, "send", {"html": "x"}, NOW, due_at=NOW + timedelta(hours=1))
    async with store.writing() as session:
        first, second = await inbox.claim(session, "gateway-1", NOW, 2)
        await inbox.put_back(session, second.id, NOW + timedelta(hours=1))
        stuck = update(InboxRow).where(InboxRow.update_id == 3)
        await session.execute(stuck.values(claimed_by="gone", claimed_until=NOW - timedelta(seconds=1)))
    assert first.received_at == NOW
    async with store.reading() as session:
        work = await standing.work(session, NOW + timedelta(seconds=30))
    assert work.inbox == standing.Box(waiting=2, oldest=timedelta(seconds=30), claimed=1, stuck=1)
    assert work.outbox == standing.Box(0, timedelta(), 0, 0)  # due in an hour
    assert (work.parked, work.reminders_due) == (0, 0)


async def test_an_empty_queue_has_no_bands(store: Store) -> None:
    async with store.reading() as session:
        assert await standing.queue(session, date(2026, 11, 23)) == standing.Queue({}, 0)


async def test_a_database_without_our_tables_does_not_count_as_there(store: Store, tmp_path: object) -> None:
    assert await store.answers()
    empty = Store(f"sqlite+aiosqlite:///{tmp_path}/empty.db")
    assert not await empty.answers()
    await empty.close()
