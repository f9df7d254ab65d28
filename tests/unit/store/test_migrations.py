"""The migrations lead from nothing to exactly the tables that the program uses."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

import bot.store
from bot.store import Store
from bot.store.tables import Base


def test_the_migrations_make_the_tables_as_they_are_declared(database_url: str) -> None:
    engine = create_engine(database_url.replace("+aiosqlite", ""))
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        differences = compare_metadata(context, Base.metadata)
    engine.dispose()
    assert differences == []


async def test_migrating_a_second_time_is_harmless(store: Store) -> None:
    await store.migrate()
    await store.migrate()


def test_the_migrations_are_one_line_without_branches() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(bot.store.__file__).parent / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    assert len(scripts.get_heads()) == 1
    assert len(scripts.get_bases()) == 1


async def test_sqlite_makes_the_folder_of_its_file(tmp_path: Path) -> None:
    store = Store(f"sqlite+aiosqlite:///{tmp_path / 'new' / 'folder' / 'septimus.db'}")
    await store.migrate()
    await store.close()
    assert (tmp_path / "new" / "folder" / "septimus.db").exists()


def test_of_two_open_lines_of_one_person_at_a_clinic_the_newer_stays(tmp_path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(bot.store.__file__).parent / "migrations"))
    engine = create_engine(f"sqlite:///{tmp_path / 'septimus.db'}")
    at = "2026-11-23 10:00:00.000000"
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0007")
        for clinic in (1, 2):
            connection.execute(
                text("INSERT INTO clinics (id, name, zone, created_at) VALUES (:id, 'x', 'UTC', :at)"),
                {"id": clinic, "at": at},
            )
        for line, clinic in ((1, 1), (2, 1), (3, 2)):
            connection.execute(
                text(
                    "INSERT INTO lines (id, clinic_id, referral_id, patient_id, consent_version, joined_at, "
                    "assessments_to, warnings_to) VALUES (:line, :clinic, 1, 'p', 'x', :at, 0, 0)"
                ),
                {"line": line, "clinic": clinic, "at": at},
            )
        command.upgrade(config, "head")
        opened = connection.execute(text("SELECT id FROM lines WHERE ended_at IS NULL ORDER BY id")).scalars().all()
    engine.dispose()
    assert opened == [2, 3]


def test_what_became_of_reminders_is_carried_over_into_the_daily_figures(tmp_path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(bot.store.__file__).parent / "migrations"))
    engine = create_engine(f"sqlite:///{tmp_path / 'septimus.db'}")
    at = "2026-11-23 10:00:00.000000"
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0010")
        connection.execute(
            text("INSERT INTO patients (id, created_at, step, misses) VALUES ('a', :at, 'done', 0)"), {"at": at}
        )
        connection.execute(
            text(
                "INSERT INTO reminders (patient_id, name, rule, state, ignored, sent, late, skipped)"
                " VALUES ('a', 'x', '{}', 'active', 0, 9, 2, 3), ('a', 'y', '{}', 'active', 0, 1, 0, 0)"
            )
        )
        for number, (state, fault) in enumerate([("failed", "too late"), ("failed", "Forbidden"), ("waiting", None)]):
            connection.execute(
                text(
                    "INSERT INTO outbox (key, patient_id, priority, act, state, created_at, due_at, attempts, fault)"
                    " VALUES (:key, 'a', 8, 'send', :state, :at, :at, 0, :fault)"
                ),
                {"key": f"reminder:{number}", "state": state, "fault": fault, "at": at},
            )
        command.upgrade(config, "head")
        found = connection.execute(text("SELECT due, sent, late, skipped, failed FROM reminder_counts")).all()
    engine.dispose()
    assert [tuple(row) for row in found] == [(15, 7, 3, 3, 1)]
