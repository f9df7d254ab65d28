"""Several bots in one store: whose updates, whose answers, and which clinics they may lead to."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, text

import bot.store
from bot.clock import system_clock
from bot.referral.record import Referral
from bot.referral.sorting import Sorting
from bot.store import Store, bots, erasures, inbox, kept, lines, outbox, patients, referrals, self_referrals, staff

NOW = system_clock()
SORTING = Sorting("P2", (), "2026.1", NOW.date(), (), "unknown", (), 0.5, "P2", "3150500000739943", NOW.date(), "Book.")
PERSON = 1001


async def test_a_clinic_is_offered_and_joined_by_its_own_bot_alone(store: Store) -> None:
    async with store.writing() as session:
        south = await staff.new_clinic(session, "South", "Europe/London", NOW)
        north = await staff.new_clinic(session, "North", "Europe/London", NOW)
        await bots.give(session, north.id, "north")
        for each in (south, north):
            await staff.set_self_referral(session, each.id, staff.SelfReferral("video", None, None))
    async with store.reading() as session:
        assert [each.clinic for each in await self_referrals.offers(session)] == ["South"]
        assert [each.clinic for each in await self_referrals.offers(session, "north")] == ["North"]
        assert await bots.of_clinic(session, north.id) == "north"
        assert await bots.clinics(session) == [(south.id, "South", "main"), (north.id, "North", "north")]
    async with store.writing() as session:
        with pytest.raises(bots.WrongName, match="SEPTIMUS_BOT"):
            await bots.give(session, north.id, "North Clinic")
        with pytest.raises(bots.NoSuchClinic):
            await bots.give(session, 4711, "north")


async def test_an_invitation_of_another_bots_clinic_is_none(store: Store) -> None:
    async with store.writing() as session:
        north = await staff.new_clinic(session, "North", "Europe/London", NOW)
        await bots.give(session, north.id, "north")
        member = await staff.new_member(session, north.id, "n@example.org", "N", "admin", "invented", NOW)
        number = await referrals.create(
            session, north.id, Referral(received=NOW.date(), text="Invented."), SORTING, NOW,
            patient_ref="AB 1", referrer="invented", staff_id=None,
        )  # fmt: skip
        await lines.new_invite(
            session, north.id, number, "hash", staff_id=member.id, now=NOW,
            expires_at=NOW + timedelta(days=1),
        )  # fmt: skip
        here = await patients.of_chat(session, PERSON, NOW)
        there = await patients.of_chat(session, PERSON, NOW, "north")
        assert here.id != there.id
        assert await lines.invite_of(session, "hash", NOW) is None
        assert await lines.invite_of(session, "hash", NOW, "north") is not None
        with pytest.raises(lines.InviteGone):
            await lines.join(session, "hash", here.id, NOW)
        await lines.join(session, "hash", there.id, NOW)
        line = await lines.of_patient(session, there.id)
        assert line is not None
        await outbox.add(session, "desk:1:a", there.id, "send", {"html": "x"}, NOW)
    async with store.writing() as session:
        assert await outbox.claim(session, "g", NOW, 9) == []
        assert [row.key for row in await outbox.claim(session, "g", NOW, 9, bot="north")] == ["desk:1:a"]


async def test_the_same_number_of_two_bots_is_two_updates(store: Store) -> None:
    async with store.writing() as session:
        assert await inbox.write(session, [(7, PERSON, {"a": 1})], NOW) == 1
        assert await inbox.write(session, [(7, PERSON, {"a": 2})], NOW, "north") == 1
        assert await inbox.write(session, [(7, PERSON, {"a": 3})], NOW, "north") == 0
    async with store.writing() as session:
        (here,) = await inbox.claim(session, "g", NOW, 9)
        (there,) = await inbox.claim(session, "g", NOW, 9, "north")
        assert (dict(here.update), here.key) == ({"a": 1}, "update:7")
        assert (dict(there.update), there.key) == ({"a": 2}, "update:north.7")


async def test_what_two_gateways_write_down_the_other_way_round_is_answered_in_telegrams_order(store: Store) -> None:
    async with store.writing() as session:
        await inbox.write(session, [(9, PERSON, {})], NOW)
        await inbox.write(session, [(8, PERSON, {})], NOW)
    for expected in (8, 9):
        async with store.writing() as session:
            (row,) = await inbox.claim(session, "g", NOW, 9)
            assert row.update_id == expected
            await inbox.finish(session, row.id, NOW)


async def test_an_erasure_is_told_by_the_persons_own_bot_and_one_that_nobody_is_told_of_by_any(store: Store) -> None:
    async with store.writing() as session:
        told = await patients.of_chat(session, PERSON, NOW, "north")
        silent = await patients.of_chat(session, PERSON + 1, NOW, "north")
        await kept.erase(session, told.id, NOW)
        await kept.erase(session, silent.id, NOW, tell=False)
    async with store.reading() as session:
        assert [each.patient_id for each in await erasures.under_way(session)] == [silent.id]
        assert [each.patient_id for each in await erasures.under_way(session, "north")] == [told.id, silent.id]


async def test_an_erasure_of_a_bot_that_is_gone_is_found_by_any_after_a_while(store: Store) -> None:
    async with store.writing() as session:
        left = await patients.of_chat(session, PERSON, NOW, "north")
        await kept.erase(session, left.id, NOW)
    async with store.reading() as session:
        assert await erasures.under_way(session, left_before=NOW - timedelta(seconds=1)) == []
        (found,) = await erasures.under_way(session, left_before=NOW)
    assert (found.patient_id, found.bot) == (left.id, "north")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database without tables."""
    if request.param == "sqlite":
        engine = create_engine(f"sqlite:///{tmp_path / 'septimus.db'}")
        yield engine
        engine.dispose()
        return
    url: str = request.getfixturevalue("postgres_url")
    name = f"bots_{secrets.token_hex(4)}"
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        engine = create_engine(url.replace("/postgres?", f"/{name}?"))
        yield engine
        engine.dispose()
        connection.execute(f"DROP DATABASE {name}".encode())


def test_what_was_there_belongs_to_the_bot_that_was_alone_and_the_way_back_keeps_it(empty_database: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(bot.store.__file__).parent / "migrations"))
    person = "INSERT INTO patients (id, created_at, step, misses) VALUES (:id, :at, 'done', 0)"
    chat = "INSERT INTO telegram_chats (chat_id, patient_id) VALUES (1001, :id)"
    came = "INSERT INTO inbox (update_id, chat_id, received_at, state, attempts) VALUES (7, 1001, :at, 'done', 1)"
    went = (
        "INSERT INTO outbox (key, patient_id, priority, act, state, created_at, due_at, attempts) "
        "VALUES (:id, :id, 5, 'send', 'sent', :at, :at, 1)"
    )
    with empty_database.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0011")
        for statement in (person, chat, came, went):
            connection.execute(text(statement), {"id": "a", "at": "2026-11-23 10:00:00.000000+00:00"})
        command.upgrade(config, "0012")
        for table in ("telegram_chats", "inbox", "outbox"):
            assert connection.execute(text(f"SELECT bot FROM {table}")).scalars().all() == ["main"]
        north = chat.replace("(chat_id,", "(bot, chat_id,").replace("(1001,", "('north', 1001,")
        for statement in (
            person,
            north,
            came.replace("(update_id,", "(bot, update_id,").replace("(7,", "('north', 7,"),
        ):
            connection.execute(text(statement), {"id": "b", "at": "2026-11-23 10:00:00.000000+00:00"})
        command.downgrade(config, "0011")
        assert connection.execute(text("SELECT id FROM patients")).scalars().all() == ["a"]
        assert connection.execute(text("SELECT patient_id FROM telegram_chats")).scalars().all() == ["a"]
        assert connection.execute(text("SELECT update_id FROM inbox")).scalars().all() == [7]
        connection.commit()
