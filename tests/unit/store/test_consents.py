"""Consent in layers: what was agreed to, in which words, when, and when it was withdrawn."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

import bot.store
from bot.dialogue.record import record
from bot.dialogue.reply import Turn
from bot.outcome import Kind, Outcome
from bot.patient import Patient, Step
from bot.reminders.plan import Plan, Reminder
from bot.reminders.schedule import Schedule
from bot.store import Store, consents, patients

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
SAID = Outcome(kind=Kind.ACCOUNT)
PLAN = Plan((Reminder("abc123", Schedule(kind="exercises", zone="UTC", times=(time(9),))),))


async def step(store: Store, before: Patient, after: Patient, hours: int, **turn: bool) -> Patient:
    async with store.writing() as session:
        await record(session, f"k{hours}", before, Turn(after, SAID, **turn), NOW + timedelta(hours=hours))  # type: ignore[arg-type]
    return after


async def told(store: Store, patient_id: str) -> list[tuple[str, bool, str | None, datetime]]:
    async with store.reading() as session:
        return [(each.layer, each.given, each.version, each.at) for each in await consents.history(session, patient_id)]


async def test_each_layer_is_given_and_withdrawn_by_itself_with_its_time(store: Store) -> None:
    async with store.writing() as session:
        new = await patients.of_chat(session, 1001, NOW)
    agreed = dataclasses.replace(new, step=Step.DONE, consented_at=NOW, consent_version="2026-11")
    agreed = await step(store, new, agreed, 0)
    again = await step(store, agreed, dataclasses.replace(agreed, misses=1), 1)
    reminded = await step(store, again, dataclasses.replace(again, reminders=PLAN.dumps()), 2)
    paused = PLAN.paused((NOW + timedelta(days=3650)).date())
    resting = await step(store, reminded, dataclasses.replace(reminded, reminders=paused.dumps()), 3)
    back = await step(store, resting, dataclasses.replace(resting, reminders=PLAN.dumps()), 4)
    await step(store, back, Patient(id=new.id, stopped_at=NOW + timedelta(hours=5)), 5, forget=True)
    hours = [NOW + timedelta(hours=each) for each in range(6)]
    assert await told(store, new.id) == [
        ("use", True, "2026-11", hours[0]),
        ("reminders", True, consents.REMINDERS_VERSION, hours[2]),
        ("reminders", False, None, hours[3]),
        ("reminders", True, consents.REMINDERS_VERSION, hours[4]),
        ("use", False, None, hours[5]),
        ("reminders", False, None, hours[5]),
    ]


async def test_a_rest_of_some_days_withdraws_nothing(store: Store) -> None:
    assert PLAN.paused((NOW + timedelta(days=7)).date()).is_welcome(NOW)
    assert not Plan().is_welcome(NOW)


async def test_new_words_are_a_new_consent_and_the_old_one_stays_in_the_history(store: Store) -> None:
    async with store.writing() as session:
        person = await patients.of_chat(session, 1001, NOW)
        for version in ("2026-11", "2026-11", "2027-01"):
            await consents.note(session, person.id, "use", NOW, given=True, version=version)
    assert [each[2] for each in await told(store, person.id)] == ["2026-11", "2027-01"]


async def test_what_was_never_given_is_not_withdrawn(store: Store) -> None:
    async with store.writing() as session:
        person = await patients.of_chat(session, 1001, NOW)
        await consents.note(session, person.id, "share", NOW, given=False)
    assert await told(store, person.id) == []


def test_what_was_agreed_to_before_there_was_a_history_is_its_beginning(tmp_path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(bot.store.__file__).parent / "migrations"))
    engine = create_engine(f"sqlite:///{tmp_path / 'septimus.db'}")
    at = "2026-11-23 10:00:00.000000"
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0009")
        person = "INSERT INTO patients (id, created_at, step, misses, consented_at, consent_version) VALUES ('p', :at, 'done', 0, :at, 'v1')"
        connection.execute(text(person), {"at": at})
        line = (
            "INSERT INTO lines (id, clinic_id, referral_id, patient_id, consent_version, joined_at, ended_at, ended_by, "
            "assessments_to, warnings_to) VALUES (1, 1, 1, 'p', 'v2', :at, :at, 'patient', 0, 0)"
        )
        connection.execute(text(line), {"at": at})
        command.upgrade(config, "head")
        rows = connection.execute(text("SELECT layer, given, version FROM consents ORDER BY id")).fetchall()
    engine.dispose()
    assert [tuple(row) for row in rows] == [("use", 1, "v1"), ("share", 1, "v2"), ("share", 0, None)]
