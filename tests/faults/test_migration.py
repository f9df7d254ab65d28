"""A migration killed between two of its steps: all of it or nothing is there, and the next start completes it."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect

from bot.store import Store
from bot.store.database import NewerTables
from bot.store.tables import Base
from tests import postgres
from tests.e2e.gateway_process import ROOT, Gateway, Telegram
from tests.faults.system import patience

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PART_WAYS = (0.05, 0.35, 0.65, 0.98)
"""How far the migration is when it is killed, of all its statements."""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'septimus.db'}"
        return
    try:
        with postgres.server() as address:
            yield address
    except postgres.NoServer as reason:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(reason))


def migrate_and_die(url: str, at: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tests" / "faults" / "killed_migration.py"), url, str(at)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)


def tables(url: str) -> set[str]:
    engine = create_engine(url.replace("+aiosqlite", ""))
    found = set(inspect(engine).get_table_names())
    engine.dispose()
    return found


def differences(url: str) -> list[object]:
    engine = create_engine(url.replace("+aiosqlite", ""))
    with engine.connect() as connection:
        found: list[object] = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    engine.dispose()
    return found


def empty(url: str) -> None:
    if url.startswith("sqlite"):
        Path(url.partition("///")[2]).unlink()
        return
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


def test_a_migration_killed_between_two_steps_leaves_nothing_half_and_the_next_start_completes_it(url: str) -> None:
    whole = migrate_and_die(url, 0)
    steps = int(whole.stdout)
    assert steps > 50, whole.stderr
    for part in PART_WAYS:
        empty(url)
        killed = migrate_and_die(url, int(steps * part))
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert "patients" not in tables(url), "all of it or nothing"

        async def start() -> None:
            store = Store(url)
            await store.migrate()
            assert await store.answers()
            await store.close()

        asyncio.run(start())
        assert differences(url) == []


def test_of_several_starts_at_once_one_migrates_and_the_others_wait(url: str) -> None:
    async def start() -> None:
        stores = [Store(url) for _ in range(4)]
        await asyncio.gather(*(store.migrate() for store in stores))
        await asyncio.gather(*(store.close() for store in stores))

    asyncio.run(start())
    assert differences(url) == []


def test_a_newer_programs_tables_are_refused_in_one_line_and_left_alone(telegram: Telegram, tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, telegram)
    gateway.onboard([])
    with sqlite3.connect(tmp_path / "septimus.db") as opened:
        opened.execute("UPDATE alembic_version SET version_num = '9999'")
    gateway.begin()
    assert gateway.ends(60 * patience()) == 2
    assert len(gateway.log.splitlines()) == 1
    assert "restore a backup" in gateway.log
    store = Store(f"sqlite+aiosqlite:///{tmp_path / 'septimus.db'}")
    with pytest.raises(NewerTables):
        asyncio.run(store.migrate())
    asyncio.run(store.close())
