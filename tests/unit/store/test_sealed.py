"""What people wrote and were told is sealed in the database: nobody reads it there, and no key is lost on the way."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import (
    JSON,
    Boolean,
    Connection,
    Date,
    DateTime,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    delete,
    func,
    make_url,
    select,
    text,
    update,
)

import bot.store
from bot.settings import ROOT
from bot.store import Store, duplicates, followed, keys, records, referrals, sealed, seals
from bot.store.clinic_tables import LineRow, ReferralEventRow, ReferralRow
from bot.store.keys import KeysUnusable, NotOpened
from bot.store.referrals import Filters
from bot.store.sealed import LooksInside, SealedJson, SealedText
from bot.store.tables import AssessmentRow, Base, FactRow, InboxRow, PatientRow, ScoreRow
from tests import postgres

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
MARK = "marked-7f31 žluťoučký"
ASCII = MARK.split()[0].encode()


# filling tables


def row_of(table: Table, number: int, mark: str) -> dict[str, Any]:
    """A row of a table with the mark in every text and JSON that may hold words; all that it points to has its number."""
    values: dict[str, Any] = {}
    for column in table.columns:
        points_to = next(iter(column.foreign_keys), None)
        if points_to is not None or (column.primary_key and column.name in ("id", "chat_id")):
            whose = points_to.column.table.name if points_to is not None else table.name
            values[column.name] = f"p{number}" if whose == "patients" else number
        elif isinstance(column.type, SealedJson | JSON):
            values[column.name] = {"said": [mark, None, 1.5]} if (table.name, column.name) in SEALED else []
        elif isinstance(column.type, SealedText) or (
            isinstance(column.type, String) and (table.name, column.name) in SEALED
        ):
            values[column.name] = mark
        elif isinstance(column.type, String):
            values[column.name] = "main" if column.name == "bot" else str(number)
        elif isinstance(column.type, Boolean):
            values[column.name] = False
        elif isinstance(column.type, Date):
            values[column.name] = date(2026, 11, 23)
        elif isinstance(column.type, Float):
            values[column.name] = 0.5
        elif isinstance(column.type, Integer):
            values[column.name] = number
        elif not column.nullable or isinstance(column.type, DateTime):
            values[column.name] = NOW
    return values


def fill(connection: Connection, metadata: MetaData, numbers: Iterator[int] | range, mark: str = MARK) -> None:
    left_out = ("alembic_version", "facts", "reminder_counts")
    for table in (each for each in metadata.sorted_tables if each.name not in left_out):
        connection.execute(table.insert(), [row_of(table, number, mark) for number in numbers])


SEALED = {(table.name, column.name) for table in Base.metadata.tables.values() for column in sealed.columns_of(table)}


@pytest.fixture
def own_keys(tmp_path: Path) -> Path:
    """A key file of the test's own: it may be changed and broken."""
    path = tmp_path / "own" / "keys"
    keys.make(path)
    return path


@pytest.fixture
async def full(database_url: str, own_keys: Path) -> AsyncIterator[Store]:
    """A store with marked text in every sealed column, seven rows a table."""
    store = Store(database_url, own_keys)
    await store.migrate()
    async with store.writing() as session:
        await (await session.connection()).run_sync(fill, Base.metadata, range(1, 8))
    yield store
    await store.close()


async def opened(store: Store) -> set[tuple[str, str]]:
    """Open every sealed column of every row; which held exactly what was poured into it."""
    right = set()
    async with store.reading() as session:
        for table in seals.sealed_tables():
            rows = (await session.execute(select(table))).mappings().all()
            assert len(rows) == 7
            for column in sealed.columns_of(table):
                values = [row[column.name] for row in rows]
                poured = {"said": [MARK, None, 1.5]} if isinstance(column.type, SealedJson) else MARK
                if values == [poured] * 7:
                    right.add((table.name, column.name))
    return right


# what is sealed


def test_every_column_of_words_stands_in_the_table_of_docs_privacy_as_it_is() -> None:
    lines = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8").splitlines()
    told: dict[tuple[str, str], str] = {}
    for line in lines:
        if found := re.fullmatch(r"\| `(\w+)` \| (.+?) \| (sealed|readable) \| (.+) \|", line):
            for column in re.findall(r"`(\w+)`", found[2]):
                assert (found[1], column) not in told, f"{found[1]}.{column} stands there twice"
                told[found[1], column] = found[3]
    kept = {
        (table.name, column.name): "sealed" if isinstance(column.type, SealedText | SealedJson) else "readable"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, String | JSON | SealedText | SealedJson)
    }
    assert told == kept, "seal the column, or say in docs/privacy.md why it stays readable"


async def test_what_was_poured_in_comes_out(full: Store) -> None:
    assert await opened(full) == SEALED


async def test_nothing_stays_nothing(full: Store) -> None:
    async with full.writing() as session:
        await session.execute(update(InboxRow).values(update=None))
        await session.execute(update(PatientRow).values(summary=None))
    async with full.reading() as session:
        assert await session.scalar(select(func.count()).where(InboxRow.update.is_not(None))) == 0
        assert await session.scalar(select(func.count()).where(PatientRow.summary.is_(None))) == 7
        assert set(await session.scalars(select(InboxRow.update))) == {None}


@pytest.mark.parametrize(
    "look",
    [
        lambda: PatientRow.summary == "x",
        lambda: PatientRow.summary.contains("x"),
        lambda: PatientRow.summary.in_(["x"]),
        lambda: PatientRow.summary.desc(),
        lambda: ReferralEventRow.detail["way"],
        lambda: ReferralRow.letter.ilike("x"),
        lambda: ReferralRow.findings != {},
    ],
)
def test_a_query_that_looks_inside_is_refused(look: Any) -> None:
    with pytest.raises(LooksInside):
        look()


async def test_a_database_without_keys_given_is_refused(full: Store, database_url: str) -> None:
    engine = create_engine(database_url.replace("+aiosqlite", ""))
    with engine.connect() as connection, pytest.raises(KeysUnusable, match=r"bot\.store\.Store"):
        connection.execute(select(PatientRow.summary)).all()
    engine.dispose()


# the bytes


async def test_no_byte_of_it_is_in_the_database_or_in_a_dump(full: Store, database_url: str, tmp_path: Path) -> None:
    json_escaped = MARK.split()[1].encode("ascii", "backslashreplace")
    marks = (ASCII, MARK.split()[1].encode(), json_escaped)
    if database_url.startswith("sqlite"):
        path = Path(make_url(database_url).database or "")
        files = [each for each in path.parent.iterdir() if each.is_file()]
        assert any(each.name.endswith("-wal") for each in files)
        contents = [each.read_bytes() for each in files]
    else:
        binary = sorted(postgres.BINARIES.glob("*/bin/pg_dump"))[-1]
        address = database_url.replace("+psycopg", "")
        asked = [str(binary), "--column-inserts", f"--dbname={address}"]
        dump = await asyncio.to_thread(lambda: subprocess.run(asked, capture_output=True, check=True))
        contents = [dump.stdout]
        assert b"INSERT INTO public.line_messages" in dump.stdout
    for content in contents:
        for mark in marks:
            assert mark not in content
    assert any(full.keys.fingerprints()[0].encode() in content for content in contents)


# how much is opened


@pytest.fixture
def opens(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was opened, as it was sealed."""
    found: list[str] = []
    really = keys.Keyring.open

    def noted(ring: keys.Keyring, what: str) -> bytes:
        found.append(what)
        return really(ring, what)

    monkeypatch.setattr(keys.Keyring, "open", noted)
    return found


async def test_the_desks_list_opens_what_it_shows_and_nothing_else(full: Store, opens: list[str]) -> None:
    """Seven clinics of one referral each: two sealed columns of one line are shown."""
    async with full.writing() as session:
        await session.execute(update(ReferralRow).values(findings={}, quotes={}))
    async with full.reading() as session:
        assert len(await referrals.listed(session, 3, "all", 1, Filters())) == 1
        assert len(opens) == 2
        assert await referrals.listed(session, 3, "all", 1, Filters(words=("nowhere",))) == []
        await referrals.counts(session, 3, 1, NOW.date())
        assert len(opens) == 2
        kept = await referrals.get(session, 3, 3)
        assert kept is not None
        opens.clear()
        await duplicates.twins_of(session, 3, kept)
        assert opens == []


async def test_of_many_check_ins_two_are_opened_to_see_whether_an_eye_got_worse(full: Store, opens: list[str]) -> None:
    async with full.writing() as session:
        await session.execute(delete(ScoreRow))
        await session.execute(delete(AssessmentRow))
        await session.execute(update(LineRow).values(ended_at=None))
        await session.execute(update(PatientRow).values(practice=None, prescribed=None))
        for day, comfort in enumerate([9.0] * 20 + [5.0]):
            at = NOW - timedelta(days=21 - day)
            score = records.KeptScore("week", 1.0, {"eye_comfort": comfort}, {}, None)
            await records.note_score(session, f"s{day}", "p3", score, at)
            check = records.KeptAssessment(at, at, "result", "ROUTINE", False, (), {"eye_red": "no"}, {}, "r", "")
            await records.note_assessment(session, f"a{day}", "p3", check, at)
    async with full.reading() as session:
        (one,) = (await followed.followed(session, 3, [3], NOW)).values()
    assert one.is_eye_worse
    assert len(opens) == 4


# the wrong keys


async def test_a_lost_key_file_is_refused_and_no_new_one_is_made(full: Store, database_url: str) -> None:
    full.keys.path.rename(full.keys.path.with_name("away"))
    store = Store(database_url, full.keys.path)
    for attempt in (store.migrate, store.reading().__aenter__, store.writing().__aenter__):
        with pytest.raises(KeysUnusable, match="Nobody can read it without the file"):
            await attempt()
    assert not full.keys.path.exists()
    full.keys.path.with_name("away").rename(full.keys.path)
    await store.migrate()
    assert await opened(store) == SEALED
    await store.close()


async def test_another_databases_keys_are_refused_before_anything_is_written(
    full: Store, database_url: str, tmp_path: Path
) -> None:
    keys.make(tmp_path / "another")
    store = Store(database_url, tmp_path / "another")
    with pytest.raises(KeysUnusable, match=f"not this database's.*{full.keys.fingerprints()[0]}"):
        await store.migrate()
    await store.close()


async def test_an_empty_database_gets_a_key_file_when_it_is_written_and_none_when_it_is_read(
    database_url: str, tmp_path: Path
) -> None:
    store = Store(database_url, tmp_path / "fresh" / "keys")
    async with store.reading():
        assert not store.keys.is_there()
    async with store.writing():
        assert store.keys.is_there()
    await store.close()


# rotating


async def test_with_a_new_key_all_is_sealed_anew_and_the_old_one_can_go(full: Store, database_url: str) -> None:
    (old,) = full.keys.fingerprints()
    new = await seals.new_key(full)
    assert await opened(full) == SEALED
    with pytest.raises(KeysUnusable, match="Try again in 10 minutes"):
        await seals.drop_old(full)
    long_ago = time.time() - 3600
    os.utime(full.keys.path, (long_ago, long_ago))
    with pytest.raises(KeysUnusable, match=f"with {old}.*septimus keys rotate"):
        await seals.drop_old(full)
    numbers = [number async for _, number in seals.rotate(full)]
    assert sum(numbers) == 7 * len(list(seals.sealed_tables()))
    async with full.reading() as session:
        assert set(await seals.in_use(session)) == {new}
    assert await seals.drop_old(full) == (old,)
    assert full.keys.fingerprints() == (new,)
    assert await seals.drop_old(full) == ()
    again = Store(database_url, full.keys.path)
    await again.migrate()
    assert await opened(again) == SEALED
    assert [number async for _, number in seals.rotate(again)] == []
    async with again.reading() as session:
        assert await session.scalar(select(FactRow.value).where(FactRow.name == seals.FACT)) == new
    await again.close()


async def test_every_row_opens_at_every_moment_of_a_rotation_and_a_killed_one_goes_on(
    full: Store, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seals, "BATCH", 3)
    new = await seals.new_key(full)
    somebody = Store(database_url, full.keys.path)
    for ends_after in (1, 4, 9, None):
        steps = 0
        rotating = seals.rotate(Store(database_url, full.keys.path))
        async for _ in rotating:
            assert [each async for each in seals.shut(somebody)] == []
            steps += 1
            if steps == ends_after:
                break
        await rotating.aclose()
        assert await opened(somebody) == SEALED
    async with somebody.reading() as session:
        assert set(await seals.in_use(session)) == {new}
    await somebody.close()


async def test_what_somebody_writes_during_a_rotation_stays_as_they_wrote_it(
    full: Store, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seals, "BATCH", 2)
    await seals.new_key(full)
    somebody = Store(database_url, full.keys.path)
    written = 0
    async for table, _ in seals.rotate(full):
        if table == "patients":
            written += 1
            async with somebody.writing() as session:
                await session.execute(update(PatientRow).values(summary=f"later {written}"))
    assert written > 1
    async with somebody.reading() as session:
        assert set(await session.scalars(select(PatientRow.summary))) == {f"later {written}"}
    await somebody.close()


async def test_a_row_that_is_held_is_passed_by_and_comes_later(full: Store, database_url: str) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("SQLite has one writer at a time: the rotation waits for it")
    new = await seals.new_key(full)
    somebody = Store(database_url, full.keys.path)
    rounds = 0
    async with somebody.writing() as session:
        await session.execute(update(PatientRow).where(PatientRow.id == "p3").values(misses=1))
        async for table, number in seals.rotate(full):
            if table == "patients":
                rounds += 1
                if rounds == 1:
                    assert number == 6
                    await session.commit()
    assert rounds == 2
    async with somebody.reading() as session:
        assert set(await seals.in_use(session)) == {new}
    await somebody.close()


async def test_a_field_that_cannot_be_opened_is_named_and_stops_a_rotation(full: Store) -> None:
    async with full.writing() as session:
        await session.execute(text("UPDATE patients SET summary = '0badc0de:xxxx' WHERE id = 'p2'"))
    found = [each async for each in seals.shut(full)]
    assert found == [seals.Shut("patients", "summary", "p2", "0badc0de")]
    await seals.new_key(full)
    with pytest.raises(NotOpened, match="0badc0de"):
        async for _ in seals.rotate(full):
            pass


# what was there before


def migration(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(bot.store.__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    (command.upgrade if revision != "back" else command.downgrade)(config, revision if revision != "back" else "0012")
    connection.commit()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables."""
    if request.param == "sqlite":
        (tmp_path / "old").mkdir()
        yield f"sqlite+aiosqlite:///{tmp_path / 'old' / 'septimus.db'}"
        return
    url: str = request.getfixturevalue("postgres_url")
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS before_seals WITH (FORCE)")
        connection.execute("CREATE DATABASE before_seals")
    yield make_url(url).set(database="before_seals").render_as_string(hide_password=False)


async def test_what_was_there_before_is_sealed_and_can_be_opened_again(empty_url: str, own_keys: Path) -> None:
    engine = create_engine(empty_url.replace("+aiosqlite", ""))
    with engine.connect() as connection:
        migration(connection, "0012")
        before = MetaData()
        before.reflect(connection)
        fill(connection, before, range(1, 8))
        connection.execute(text("UPDATE inbox SET \"update\" = 'null' WHERE id = 7"))  # as nothing was written before
        connection.execute(text("UPDATE patients SET intake = NULL"))
        connection.commit()
        patients = connection.execute(select(before.tables["patients"])).mappings().all()
    engine.dispose()
    store = Store(empty_url, own_keys)
    await store.migrate()
    assert await opened(store) == SEALED - {("inbox", "update"), ("patients", "intake")}
    async with store.reading() as session:
        assert await session.scalar(select(func.count()).where(InboxRow.update.is_(None))) == 1
        assert await session.scalar(select(func.count()).where(PatientRow.intake.is_(None))) == 7
        assert set(await seals.in_use(session)) == set(store.keys.fingerprints())
    await store.scrub()
    await store.close()
    if empty_url.startswith("sqlite"):
        folder = Path(make_url(empty_url).database or "").parent
        assert [each.name for each in folder.iterdir() if ASCII in each.read_bytes()] == []
    engine = create_engine(empty_url.replace("+aiosqlite", ""))
    sealed.hand_to(engine.dialect, store.keys)
    with engine.connect() as connection:
        migration(connection, "back")
        assert connection.execute(select(before.tables["patients"])).mappings().all() == patients
        assert connection.execute(text("SELECT count(*) FROM facts WHERE name = 'keys'")).scalar() == 0
        letters = select(before.tables["referrals"].c.letter, before.tables["referrals"].c.quotes)
        assert set(map(str, connection.execute(letters))) == {str((MARK, {"said": [MARK, None, 1.5]}))}
    engine.dispose()


async def test_without_its_key_file_an_older_database_is_brought_up_with_a_new_one(
    empty_url: str, tmp_path: Path
) -> None:
    engine = create_engine(empty_url.replace("+aiosqlite", ""))
    with engine.connect() as connection:
        migration(connection, "0012")
    engine.dispose()
    store = Store(empty_url, tmp_path / "fresh" / "keys")
    await store.migrate()
    assert len(store.keys.fingerprints()) == 1
    await store.close()


def test_a_moment_is_long_enough_for_every_transaction() -> None:
    assert timedelta(minutes=5) < seals.SETTLED
