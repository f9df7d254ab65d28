"""A backup is made while the system runs, and what was destroyed is put back from it; anything doubtful is refused."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from bot.patient import Patient
from bot.settings import Settings
from bot.stack.backup import NoBackup, backup, read_manifest, restore
from bot.stack.processes import free_ports
from bot.store import Store, patients, schema
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
    assert {part.name for part in made.parts} == {"septimus.db", "tracker.db"}
    (kept.home / "septimus.db").write_bytes(b"destroyed" * 1000)
    (kept.home / "tracker.db").unlink()
    restore(kept, file, overwrite=True)
    assert await people(kept) == {"a", "b"}
    with sqlite3.connect(kept.home / "tracker.db") as opened:
        assert opened.execute("SELECT tracker FROM conversations").fetchone() == ("hello",)


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
    import socket

    with socket.create_server(("127.0.0.1", kept.desk_port)), pytest.raises(NoBackup, match="desk is in use"):
        restore(kept, file, overwrite=True)
    restore(kept, file, overwrite=True)


def test_the_manifest_tells_the_version_and_nobodys_name(kept: Settings, tmp_path: Path) -> None:
    file = tmp_path / "one.backup"
    backup(kept, file, NOW)
    assert read_manifest(file).revision == schema.revisions()[-1]
    with tarfile.open(file) as archive:
        assert {(entry.uname, entry.uid, entry.mode) for entry in archive} == {("", 0, 0o600)}


# --- PostgreSQL -----------------------------------------------------------------------------------------------------


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
