"""Keys from the outside: the commands, what the doctor says of them, and what a backup and a restore say."""

from __future__ import annotations

import asyncio
import os
import sys
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot import cli
from bot.settings import Settings, read_settings
from bot.stack import doctor
from bot.stack.backup import backup, keys_away, restore
from bot.stack.processes import free_ports
from bot.store import Store, inbox, keys

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
MARK = "marked-3c9d"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A data folder with one sealed message and a key file of its own."""
    monkeypatch.delenv("SEPTIMUS_KEYS_FILE")
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    monkeypatch.setenv("SEPTIMUS_HOME", str(tmp_path / "home"))
    for name, port in zip(("DESK", "ENGINE", "ACTIONS"), free_ports(3), strict=True):
        monkeypatch.setenv(f"SEPTIMUS_{name}_PORT", str(port))
    # Logging is the whole process's, and this is a test's.
    monkeypatch.setattr("bot.logs.configure", lambda *_: None)
    found = read_settings()
    asyncio.run(write(found))
    return found


async def write(settings: Settings) -> None:
    store = Store(settings.database)
    await store.migrate()
    async with store.writing() as session:
        await inbox.write(session, [(1, 1, {"text": MARK})], NOW)
    await store.close()


async def read(settings: Settings) -> list[str]:
    store = Store(settings.database)
    async with store.writing() as session:
        found = [str(each.update["text"]) for each in await inbox.claim(session, "test", NOW, 1)]
        await session.rollback()
    await store.close()
    return found


def septimus(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Run a command; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["septimus", *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return int(end.value.code or 0)


def file_of(settings: Settings) -> Path:
    return settings.home / "keys"


def long_ago(path: Path) -> None:
    os.utime(path, (1_700_000_000, 1_700_000_000))


def said_of_keys(settings: Settings) -> doctor.Finding:
    store = Store(settings.database, keys.place_of(settings.database, settings))

    async def ask() -> list[doctor.Finding]:
        try:
            return await doctor._opened(store, "SQLite", settings)
        finally:
            await store.close()

    (found,) = [each for each in asyncio.run(ask()) if each.about == "keys"]
    return found


def test_from_the_first_start_to_a_dropped_key(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (old,) = keys.Keyring(file_of(settings)).fingerprints()
    assert septimus(monkeypatch, "keys", "drop-old") == 0
    assert "nothing to drop" in capsys.readouterr().out
    assert septimus(monkeypatch, "keys", "new") == 0
    new, *_ = keys.Keyring(file_of(settings)).fingerprints()
    assert new != old
    assert f"The key {new} was added" in capsys.readouterr().out
    assert septimus(monkeypatch, "keys", "drop-old") == 2
    assert "Nothing was dropped" in capsys.readouterr().err
    long_ago(file_of(settings))
    assert septimus(monkeypatch, "keys", "drop-old") == 2
    assert f"1 with {old}" in capsys.readouterr().err
    assert septimus(monkeypatch, "keys", "rotate") == 0
    assert f"1 rows were sealed anew with the key {new}." in capsys.readouterr().out
    assert septimus(monkeypatch, "keys", "drop-old") == 0
    assert old in capsys.readouterr().out
    assert keys.Keyring(file_of(settings)).fingerprints() == (new,)
    assert asyncio.run(read(settings)) == [MARK]


@pytest.mark.parametrize("words", [("keys", "new"), ("keys", "rotate"), ("keys", "drop-old"), ("desk", "link")])
def test_without_the_key_file_a_command_ends_in_one_line_and_makes_none(
    words: tuple[str, ...], settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file_of(settings).unlink()
    assert septimus(monkeypatch, *words) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("There is no key file at ")
    assert not file_of(settings).exists()


def test_the_doctor_says_that_every_row_opens(settings: Settings) -> None:
    found = said_of_keys(settings)
    assert (found.level, "every row opens; 1 fields" in found.said) == ("ok", True)


def test_the_doctor_says_what_an_older_key_still_seals(settings: Settings) -> None:
    keys.add(file_of(settings))
    found = said_of_keys(settings)
    assert (found.level, "1 of 1 fields" in found.said, "rotate" in found.remedy) == ("note", True, True)


def test_the_doctor_finds_a_file_that_others_may_read(settings: Settings) -> None:
    file_of(settings).chmod(0o644)
    found = said_of_keys(settings)
    assert (found.level, "chmod 600" in found.remedy) == ("fault", True)


def test_the_doctor_names_a_row_that_does_not_open(settings: Settings) -> None:
    async def spoil() -> None:
        store = Store(settings.database)
        async with store.writing() as session:
            driver = await (await session.connection()).get_raw_connection()
            assert driver.driver_connection is not None
            await driver.driver_connection.execute("""UPDATE inbox SET "update" = '"0badc0de:x"'""")
        await store.close()

    asyncio.run(spoil())
    found = said_of_keys(settings)
    assert (found.level, "update in row 1 of inbox" in found.said, "0badc0de" in found.said) == ("fault", True, True)


@pytest.mark.parametrize("how", ["lost", "another", "broken"])
def test_the_doctor_finds_keys_that_do_not_fit_and_changes_nothing(how: str, settings: Settings) -> None:
    file_of(settings).unlink()
    if how == "another":
        keys.make(file_of(settings))
    elif how == "broken":
        file_of(settings).write_text("no key\n")
    before = file_of(settings).read_bytes() if how != "lost" else None
    found = said_of_keys(settings)
    assert found.level == "fault"
    assert found.remedy
    assert "\n" not in str(found)
    assert (file_of(settings).read_bytes() if file_of(settings).exists() else None) == before


def test_a_backup_holds_no_key_and_says_which_it_needs(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (key,) = keys.Keyring(file_of(settings)).fingerprints()
    assert septimus(monkeypatch, "backup", str(tmp_path / "one.backup")) == 0
    told = capsys.readouterr().out
    assert f"nobody can read it without the key {key}" in told
    assert str(file_of(settings)) in told
    secret = file_of(settings).read_bytes().splitlines()[-1]
    archive = (tmp_path / "one.backup").read_bytes()
    assert secret not in archive
    assert MARK.encode() not in archive
    with tarfile.open(tmp_path / "one.backup") as opened:
        assert "keys" not in opened.getnames()


def test_a_restore_says_which_key_is_missing_and_with_it_all_is_read_again(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = backup(settings, tmp_path / "one.backup", NOW)
    assert keys_away(settings, made) == ()
    monkeypatch.setenv("SEPTIMUS_HOME", str(tmp_path / "elsewhere"))
    elsewhere = read_settings()
    assert septimus(monkeypatch, "restore", str(tmp_path / "one.backup")) == 0
    told = capsys.readouterr().out
    assert f"The key {made.keys[0]} is not in {file_of(elsewhere)}" in told
    assert not file_of(elsewhere).exists()
    with pytest.raises(keys.KeysUnusable, match="no key file"):
        asyncio.run(read(elsewhere))
    file_of(elsewhere).write_bytes(file_of(settings).read_bytes())
    assert asyncio.run(read(elsewhere)) == [MARK]
    restore(elsewhere, tmp_path / "one.backup", overwrite=True)
    assert keys_away(elsewhere, made) == ()
