"""A backup is made while the system runs, and what was destroyed is put back from it; anything doubtful is refused."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tarfile
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from filelock import FileLock

from bot.patient import Patient
from bot.settings import Settings
from bot.stack.backup import NoBackup, backup, left_copies, read_manifest, restore, schemas_held
from bot.stack.processes import free_ports
from bot.store import Store, patients, schema
from bot.store.erased import Erased
from bot.store.tables import PatientRow
from tests import postgres

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


def settings_of(home: Path, url: str | None = None) -> Settings:
    desk, engine, actions = free_ports(3)
    ports = {"desk_port": desk, "engine_port": engine, "actions_port": actions}
    return Settings(_env_file=None).model_copy(update={"home": home, "database_url": url, **ports})  # type: ignore[call-arg]


async def add(settings: Settings, *ids: str) -> None:
    store = Store(settings.database)
    await store.migrate()
    async with store.writing() as session:
        for each in ids:
            await patients.create(session, Patient(id=each * 32), NOW)
    await store.close()


async def people(settings: Settings) -> set[str]:
    store = Store(settings.database)
    async with store.reading() as session:
        found = await patients.several(session, [letter * 32 for letter in "abcdef"])
    await store.close()
    return {each[0] for each in found}


def paper(settings: Settings, text: str) -> None:
    """The engine's scratch paper, as its tracker store writes it."""
    with sqlite3.connect(settings.home / "tracker.db") as opened:
        opened.execute("CREATE TABLE IF NOT EXISTS conversations (sender_id TEXT, tracker TEXT)")
        opened.execute("INSERT INTO conversations VALUES ('a', ?)", (text,))


@pytest.fixture
async def kept(tmp_path: Path) -> Settings:
    settings = settings_of(tmp_path / "home")
    await add(settings, "a", "b")
    paper(settings, "hello")
    return settings


async def test_what_was_destroyed_is_put_back(kept: Settings, tmp_path: Path) -> None:
    file = tmp_path / "one.backup"
    made = backup(kept, file, NOW)
    assert {part.name for part in made.parts} == {"septimus.db"}
    (kept.home / "septimus.db").write_bytes(b"destroyed" * 1000)
    restore(kept, file, overwrite=True)
    assert await people(kept) == {"a", "b"}


async def test_the_engines_scratch_paper_is_in_no_backup_and_ends_with_a_restore(
    kept: Settings, tmp_path: Path
) -> None:
    paper(kept, "said by nobody")
    backup(kept, tmp_path / "one.backup", NOW)
    assert b"said by nobody" not in (tmp_path / "one.backup").read_bytes()
    restore(kept, tmp_path / "one.backup", overwrite=True)
    assert not (kept.home / "tracker.db").exists()


async def test_whom_a_restore_brings_back_is_looked_for_by_the_next_gateway(kept: Settings, tmp_path: Path) -> None:
    backup(kept, tmp_path / "one.backup", NOW)
    Erased(kept.home).note("a" * 32, NOW)
    restore(kept, tmp_path / "one.backup", overwrite=True)
    store = Store(kept.database)
    assert await Erased(kept.home).erase_again(store, NOW) == 1
    await store.close()
    assert await people(kept) == {"b"}


async def test_the_paper_in_an_older_backup_is_left_there(kept: Settings, tmp_path: Path) -> None:
    file = tmp_path / "one.backup"
    made = backup(kept, file, NOW)
    old = (kept.home / "tracker.db").read_bytes()
    part = {"name": "tracker.db", "size": len(old), "sha256": hashlib.sha256(old).hexdigest()}
    rewritten(file, lambda name, held: with_part(held, part) if name == "manifest.json" else held)
    with tarfile.open(file, "a") as archive:
        entry = tarfile.TarInfo("tracker.db")
        entry.size = len(old)
        archive.addfile(entry, io.BytesIO(old))
    assert {part.name for part in read_manifest(file).parts} == {"septimus.db", "tracker.db"} != set(made.parts)
    restore(kept, file, overwrite=True)
    assert await people(kept) == {"a", "b"}
    assert not (kept.home / "tracker.db").exists()


def with_part(manifest: bytes, part: Mapping[str, object]) -> bytes:
    told = json.loads(manifest)
    return json.dumps({**told, "parts": [*told["parts"], part]}).encode()


async def test_it_goes_into_an_empty_data_folder_without_asking(kept: Settings, tmp_path: Path) -> None:
    backup(kept, tmp_path / "one.backup", NOW)
    elsewhere = settings_of(tmp_path / "elsewhere")
    restore(elsewhere, tmp_path / "one.backup", overwrite=False)
    assert await people(elsewhere) == {"a", "b"}


async def test_what_is_there_is_not_lost_without_yes(kept: Settings, tmp_path: Path) -> None:
    backup(kept, tmp_path / "one.backup", NOW)
    await add(kept, "c")
    with pytest.raises(NoBackup, match="--yes"):
        restore(kept, tmp_path / "one.backup", overwrite=False)
    assert await people(kept) == {"a", "b", "c"}


async def test_what_came_after_the_backup_is_gone_journal_and_all(kept: Settings, tmp_path: Path) -> None:
    backup(kept, tmp_path / "one.backup", NOW)
    store = Store(kept.database)  # killed, so to say: its journal stays
    async with store.writing() as session:
        await patients.create(session, Patient(id="c" * 32), NOW)
    assert (kept.home / "septimus.db-wal").stat().st_size
    restore(kept, tmp_path / "one.backup", overwrite=True)
    await store.close()
    assert await people(kept) == {"a", "b"}


async def test_it_is_whole_while_somebody_writes(kept: Settings, tmp_path: Path) -> None:
    store = Store(kept.database)
    async with store.writing() as session:
        await patients.create(session, Patient(id="c" * 32), NOW)
        await session.flush()
        backup(kept, tmp_path / "during.backup", NOW)  # not waited for, and not in it
    await store.close()
    elsewhere = settings_of(tmp_path / "elsewhere")
    restore(elsewhere, tmp_path / "during.backup", overwrite=False)
    assert await people(elsewhere) == {"a", "b"}
    assert await people(kept) == {"a", "b", "c"}


def test_only_its_owner_may_read_it(kept: Settings, tmp_path: Path) -> None:
    backup(kept, tmp_path / "one.backup", NOW)
    assert (tmp_path / "one.backup").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_file_is_never_written_over(kept: Settings, tmp_path: Path) -> None:
    (tmp_path / "one.backup").write_text("precious")
    with pytest.raises(NoBackup, match="is there already"):
        backup(kept, tmp_path / "one.backup", NOW)
    assert (tmp_path / "one.backup").read_text() == "precious"


def test_without_a_database_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    with pytest.raises(NoBackup, match="no database yet"):
        backup(settings_of(tmp_path / "new"), tmp_path / "one.backup", NOW)
    assert not (tmp_path / "one.backup").exists()


# --- what is refused ------------------------------------------------------------------------------------------------


def rewritten(file: Path, change: Callable[[str, bytes], bytes | None]) -> None:
    """Write an archive anew with its members changed; None leaves one out."""
    with tarfile.open(file) as archive:
        held = [(entry.name, archive.extractfile(entry).read()) for entry in archive]  # type: ignore[union-attr]
    with tarfile.open(file, "w") as archive:
        for name, content in held:
            changed = change(name, content)
            if changed is not None:
                entry = tarfile.TarInfo(name)
                entry.size = len(changed)
                archive.addfile(entry, io.BytesIO(changed))


def manifest(**values: Any) -> Callable[[str, bytes], bytes]:
    def change(name: str, content: bytes) -> bytes:
        return json.dumps({**json.loads(content), **values}).encode() if name == "manifest.json" else content

    return change


DAMAGED: dict[str, Callable[[str, bytes], bytes | None]] = {
    "a flipped byte": lambda name, raw: raw[:5000] + bytes([raw[5000] ^ 1]) + raw[5001:] if name[0] == "s" else raw,
    "a short database": lambda name, raw: raw[:-1] if name == "septimus.db" else raw,
    "no database": lambda name, raw: None if name == "septimus.db" else raw,
    "no manifest": lambda name, raw: None if name == "manifest.json" else raw,
    "a manifest that is no JSON": lambda name, raw: b"{" if name == "manifest.json" else raw,
    "a manifest that is a list": lambda name, raw: b"[]" if name == "manifest.json" else raw,
    "no parts": manifest(parts=[]),
    "a part outside": manifest(parts=[{"name": "../evil.db", "sha256": "0" * 64, "size": 1}]),
    "a part unheard of": manifest(parts=[{"name": "evil.db", "sha256": "0" * 64, "size": 1}]),
    "newer tables": manifest(revision="9999"),
    "a newer archive": manifest(format=2),
    "of the other database": manifest(database="postgresql"),
}


@pytest.mark.parametrize("damage", DAMAGED)
async def test_a_damaged_or_newer_archive_is_refused_and_nothing_is_touched(
    damage: str, kept: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "one.backup"
    backup(kept, file, NOW)
    rewritten(file, DAMAGED[damage])
    await add(kept, "c")
    with pytest.raises(NoBackup) as refused:
        restore(kept, file, overwrite=True)
    assert str(refused.value).endswith(".")
    if damage.startswith(("newer", "a newer")):
        assert "newer" in str(refused.value)
    assert await people(kept) == {"a", "b", "c"}


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.9])
async def test_an_archive_that_was_cut_off_is_refused(share: float, kept: Settings, tmp_path: Path) -> None:
    file = tmp_path / "one.backup"
    backup(kept, file, NOW)
    os.truncate(file, int(file.stat().st_size * share))
    with pytest.raises(NoBackup):
        restore(kept, file, overwrite=True)
    assert await people(kept) == {"a", "b"}


def test_a_missing_file_is_named(kept: Settings, tmp_path: Path) -> None:
    with pytest.raises(NoBackup, match="There is no file"):
        restore(kept, tmp_path / "none.backup", overwrite=True)


async def test_nothing_is_put_back_under_a_running_gateway_or_desk(kept: Settings, tmp_path: Path) -> None:
    file = tmp_path / "one.backup"
    backup(kept, file, NOW)
    (kept.home / "run").mkdir()
    with FileLock(kept.home / "run" / "gateway-7.lock"), pytest.raises(NoBackup, match="gateway runs"):
        restore(kept, file, overwrite=True)
    with socket.create_server(("127.0.0.1", kept.desk_port)), pytest.raises(NoBackup, match="desk is in use"):
        restore(kept, file, overwrite=True)
    restore(kept, file, overwrite=True)


def test_the_manifest_tells_the_version_and_nobodys_name(kept: Settings, tmp_path: Path) -> None:
    file = tmp_path / "one.backup"
    backup(kept, file, NOW)
    assert read_manifest(file).revision == schema.revisions()[-1]
    with tarfile.open(file) as archive:
        assert {(entry.uname, entry.uid, entry.mode) for entry in archive} == {("", 0, 0o600)}


# --- what a kill leaves ---------------------------------------------------------------------------------------------


KILLED = {
    "backup": "from bot.stack.backup import backup; backup(settings, file, datetime(2026, 11, 23, 10, tzinfo=UTC))",
    "restore": "from bot.stack.backup import restore; restore(settings, file, overwrite=True)",
}


def killed(doing: str, settings: Settings, file: Path, where: str) -> None:
    """Do it in a process of its own, which is killed where it comes to a function of `bot.stack.backup`."""
    program = f"""
        import os, signal
        from datetime import UTC, datetime
        from pathlib import Path
        from bot.settings import Settings
        from bot.stack import backup
        ports = {{"desk_port": {settings.desk_port}, "engine_port": {settings.engine_port}}}
        ports |= {{"actions_port": {settings.actions_port}, "database_url": {settings.database_url!r}}}
        settings = Settings(_env_file=None).model_copy(update={{"home": Path({str(settings.home)!r}), **ports}})
        file = Path({str(file)!r})
        backup.{where} = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
        {KILLED[doing]}
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=False)
    assert done.returncode == -signal.SIGKILL


def aged(*paths: Path, seconds: float = 120) -> None:
    for path in paths:
        os.utime(path, (time.time() - seconds,) * 2)


def hidden(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.startswith(".")]


@pytest.fixture
def elsewhere(kept: Settings, tmp_path: Path) -> Path:
    """Where backups of a system that was started before go: no folder of its own."""
    (kept.home / "run").mkdir()
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


async def test_what_a_killed_backup_left_is_known_wherever_it_is_and_the_next_takes_it_away(
    kept: Settings, tmp_path: Path, elsewhere: Path
) -> None:
    killed("backup", kept, elsewhere / "one.backup", "_digest")
    (left,) = hidden(elsewhere)
    assert (left / "septimus.db").exists()
    assert left_copies(kept) == []  # it may have been begun this moment
    aged(left)
    assert left_copies(kept) == [left]
    backup(kept, tmp_path / "two.backup", NOW)  # into another folder
    assert hidden(elsewhere) == left_copies(kept) == []
    assert list((kept.home / "run").iterdir()) == []


async def test_a_folder_that_nobody_noted_is_taken_away_too(kept: Settings, elsewhere: Path) -> None:
    old, strange = elsewhere / ".septimus-backup-older", elsewhere / ".septimus"
    old.mkdir()
    strange.mkdir()
    aged(old, strange)
    backup(kept, elsewhere / "one.backup", NOW)
    assert hidden(elsewhere) == [strange]


async def test_a_backup_that_runs_is_left_alone_however_long_it_takes(kept: Settings, elsewhere: Path) -> None:
    in_use = elsewhere / ".septimus-backup-slow"
    in_use.mkdir()
    (kept.home / "run" / "septimus-backup-slow.copies").write_text(str(in_use))
    aged(in_use, seconds=1_000_000)
    held = os.open(in_use, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    assert left_copies(kept) == []
    backup(kept, elsewhere / "one.backup", NOW)
    assert hidden(elsewhere) == [in_use]
    os.close(held)  # as the kernel does with the files of a process that ends
    assert left_copies(kept) == [in_use]


@pytest.mark.parametrize(("hours", "is_left"), [(23, False), (25, True)])
async def test_where_there_are_no_locks_a_day_decides(
    hours: int, is_left: bool, kept: Settings, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise OSError("no locks here")

    monkeypatch.setattr(fcntl, "flock", none)
    folder = elsewhere / ".septimus-backup-older"
    folder.mkdir()
    aged(folder, seconds=hours * 3600)
    backup(kept, elsewhere / "one.backup", NOW)
    assert folder.exists() is not is_left


async def test_what_runs_is_never_its_own_leftover(
    kept: Settings, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked(*given: Any) -> Any:
        folders = hidden(elsewhere)
        aged(*folders)
        assert len(folders) == 1
        assert left_copies(kept) == []
        return manifest_of(*given)

    from bot.stack import backup as module

    manifest_of = module._keys_of
    monkeypatch.setattr(module, "_keys_of", looked)
    backup(kept, elsewhere / "one.backup", NOW)
    assert hidden(elsewhere) == []


@pytest.mark.parametrize("where", ["_put", "shutil.move", "_forget"])
async def test_what_a_killed_restore_left_is_known_and_the_next_takes_it_away(
    where: str, kept: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "one.backup"
    (kept.home / "tracker.db").unlink()
    backup(kept, file, NOW)
    paper(kept, "after the backup")
    killed("restore", kept, file, where)
    (left,) = hidden(kept.home)
    aged(left)
    assert left_copies(kept) == [left]
    restore(kept, file, overwrite=True)
    assert hidden(kept.home) == left_copies(kept) == []
    assert await people(kept) == {"a", "b"}


async def test_a_restore_killed_as_it_put_a_file_leaves_none(kept: Settings, tmp_path: Path) -> None:
    file = tmp_path / "one.backup"
    backup(kept, file, NOW)
    half = kept.home / "septimus.db.new"
    shutil.copy(kept.home / "septimus.db", half)
    assert left_copies(kept) == [half]
    restore(kept, file, overwrite=True)
    assert not half.exists()


async def test_a_backup_takes_away_what_a_killed_restore_left_and_nothing_of_one_that_runs(
    kept: Settings, tmp_path: Path
) -> None:
    left, in_use = kept.home / ".restore-left", kept.home / ".restore-used"
    left.mkdir()
    in_use.mkdir()
    half = kept.home / "septimus.db.new"
    half.touch()
    aged(left, in_use)
    held = os.open(in_use, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    backup(kept, tmp_path / "one.backup", NOW)
    assert hidden(kept.home) == [in_use]
    assert half.exists()
    os.close(held)


# --- PostgreSQL -----------------------------------------------------------------------------------------------------


def told(url: str, *statements: str) -> None:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[call-overload]


ASIDE = ("ALTER SCHEMA public RENAME TO septimus_aside", "CREATE SCHEMA public")


@contextmanager
def own_server(home: Path) -> Iterator[Settings]:
    """A server of its own: all of it is destroyed in these tests."""
    with postgres.server() as url:
        yield settings_of(home, url)


def one_that_fails(file: Path, made_of: Path) -> Path:
    """A backup whose digests are right, and whose dump can't be loaded."""
    shutil.copy(made_of, file)

    def cut(name: str, content: bytes) -> bytes:
        return content[: len(content) // 2] if name == "septimus.pgdump" else content

    rewritten(file, cut)
    with tarfile.open(file) as archive:
        dump = archive.extractfile("septimus.pgdump").read()  # type: ignore[union-attr]
    part = {"name": "septimus.pgdump", "sha256": hashlib.sha256(dump).hexdigest(), "size": len(dump)}
    rewritten(file, manifest(parts=[part]))
    return file


@pytest.mark.postgres
async def test_on_postgresql_what_was_destroyed_is_put_back(postgres_url: str, tmp_path: Path) -> None:
    with postgres.server() as url:  # one of its own: all of it is destroyed here
        settings = settings_of(tmp_path / "home", url)
        await add(settings, "a", "b")
        file = tmp_path / "one.backup"
        assert [part.name for part in backup(settings, file, NOW).parts] == ["septimus.pgdump"]
        await add(settings, "c")
        with pytest.raises(NoBackup, match="--yes"):
            restore(settings, file, overwrite=False)
        store = Store(url)
        async with store.writing() as session:
            for row in await patients.several(session, ["a" * 32]):
                await session.delete(await session.get(PatientRow, row))
        await store.close()
        assert await people(settings) == {"b", "c"}
        restore(settings, file, overwrite=True)
        assert await people(settings) == {"a", "b"}
        await add(settings, "d")  # its migrations find nothing to do, and it can be written


@pytest.mark.parametrize("doing", ["backup", "restore"])
@pytest.mark.postgres
async def test_without_postgresqls_programs_it_says_what_to_install(
    doing: str, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(tmp_path / "home", postgres_url)
    file = tmp_path / "one.backup"
    if doing == "restore":
        backup(settings, file, NOW)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoBackup, match="Install PostgreSQL's client programs"):
        backup(settings, file, NOW) if doing == "backup" else restore(settings, file, overwrite=True)
    monkeypatch.undo()
    await add(settings)  # what was there still is


@pytest.mark.postgres
async def test_on_postgresql_what_a_load_that_fails_was_to_replace_is_still_there(
    postgres_url: str, tmp_path: Path
) -> None:
    with own_server(tmp_path / "home") as settings:
        await add(settings, "a")
        file = tmp_path / "one.backup"
        backup(settings, file, NOW)
        await add(settings, "b")
        cut = one_that_fails(tmp_path / "cut.backup", file)
        with pytest.raises(NoBackup, match="pg_restore failed"):
            restore(settings, cut, overwrite=True)
        assert await people(settings) == {"a", "b"}
        # The other way to fail: the dump is whole, and the server refuses a part of it.
        told(settings.database, "CREATE SCHEMA elsewhere", "CREATE TABLE elsewhere.one (number int)")
        backup(settings, tmp_path / "more.backup", NOW)
        with pytest.raises(NoBackup, match=r'psql failed: .*"elsewhere" already exists'):
            restore(settings, tmp_path / "more.backup", overwrite=True)
        assert await people(settings) == {"a", "b"}
        assert schemas_held(settings) == {"public": 2}


@pytest.mark.postgres
async def test_on_postgresql_a_restore_killed_half_way_changes_nothing_and_can_be_run_again(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    stops = programs / "pg_restore"
    stops.write_text(f'#!/bin/sh\n{shutil.which("pg_restore")} "$@" | head -n 100\nkill -9 $PPID\n')
    stops.chmod(0o755)
    with own_server(tmp_path / "home") as settings:
        await add(settings, "a")
        file = tmp_path / "one.backup"
        backup(settings, file, NOW)
        await add(settings, "b")
        with monkeypatch.context() as patch:
            patch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
            killed("restore", settings, file, "_forget")
        assert await people(settings) == {"a", "b"}
        with pytest.raises(NoBackup, match=r"2 people.*--yes"):
            restore(settings, file, overwrite=False)
        restore(settings, file, overwrite=True)
        assert await people(settings) == {"a"}
        assert hidden(settings.home) == []


@pytest.mark.postgres
async def test_on_postgresql_what_an_older_programs_restore_put_aside_is_brought_back_before_anything_else(
    postgres_url: str, tmp_path: Path
) -> None:
    with own_server(tmp_path / "home") as settings:
        await add(settings, "a")
        file = tmp_path / "one.backup"
        backup(settings, file, NOW)
        await add(settings, "b")
        cut = one_that_fails(tmp_path / "cut.backup", file)
        told(settings.database, *ASIDE)  # and then it was killed
        assert schemas_held(settings) == {"septimus_aside": 2}
        with pytest.raises(NoBackup, match="pg_restore failed"):
            restore(settings, cut, overwrite=True)
        assert await people(settings) == {"a", "b"}
        told(settings.database, *ASIDE)
        with pytest.raises(NoBackup, match=r"is back in its place.*the database: 2 people.*--yes"):
            restore(settings, file, overwrite=False)
        assert await people(settings) == {"a", "b"}
        told(settings.database, *ASIDE)
        restore(settings, file, overwrite=True)
        assert (await people(settings), schemas_held(settings)) == ({"a"}, {"public": 1})


@pytest.mark.postgres
async def test_on_postgresql_where_it_was_started_in_between_neither_is_lost_without_yes_or_by_a_load_that_fails(
    postgres_url: str, tmp_path: Path
) -> None:
    with own_server(tmp_path / "home") as settings:
        await add(settings, "a", "b")
        whole = tmp_path / "whole.backup"
        backup(settings, whole, NOW)
        told(settings.database, *ASIDE)
        await add(settings, "c")
        file = tmp_path / "one.backup"
        backup(settings, file, NOW)  # of what is in use alone: with the other it could not be put back
        cut = one_that_fails(tmp_path / "cut.backup", file)
        both = {"public": 1, "septimus_aside": 2}
        with pytest.raises(NoBackup, match=r"the database: 1 people, septimus_aside, .*: 2 people.*--yes"):
            restore(settings, whole, overwrite=False)
        assert schemas_held(settings) == both
        with pytest.raises(NoBackup, match="pg_restore failed"):
            restore(settings, cut, overwrite=True)
        assert schemas_held(settings) == both
        assert await people(settings) == {"c"}
        restore(settings, file, overwrite=True)
        assert (await people(settings), schemas_held(settings)) == ({"c"}, {"public": 1})
        restore(settings, whole, overwrite=True)
        assert await people(settings) == {"a", "b"}


@pytest.mark.postgres
async def test_on_postgresql_an_older_backup_that_holds_what_stood_aside_can_be_put_back(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.stack.backup._WHAT", ["--exclude-schema=engine"])
    with own_server(tmp_path / "home") as settings:
        await add(settings, "a", "b")
        told(settings.database, *ASIDE)
        await add(settings, "c")
        backup(settings, tmp_path / "one.backup", NOW)
        restore(settings, tmp_path / "one.backup", overwrite=True)
        assert (await people(settings), schemas_held(settings)) == ({"c"}, {"public": 1})
