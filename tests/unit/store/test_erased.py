"""Whom a restore brings back is erased again, by a file that names nobody."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.patient import Patient
from bot.store import Store, patients
from bot.store.erased import FILE, MARK, Erased, ErasedUnusable

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
GONE, STAYS = "a" * 32, "b" * 32


async def both(store: Store) -> None:
    async with store.writing() as session:
        for name in (GONE, STAYS):
            await patients.create(session, Patient(id=name), NOW)


async def there(store: Store) -> set[str]:
    async with store.reading() as session:
        return {each[0] for each in await patients.several(session, [GONE, STAYS])}


async def test_who_was_erased_before_a_restore_is_erased_again_and_nobody_else(store: Store, tmp_path: Path) -> None:
    await both(store)
    erased = Erased(tmp_path)
    erased.note(GONE, NOW)
    erased.take_in(tmp_path / "one.backup")
    assert await erased.erase_again(store, NOW) == 1
    assert await there(store) == {"b"}
    assert not (tmp_path / MARK).exists()
    assert await erased.erase_again(store, NOW) == 0


async def test_without_a_restore_nobody_is_looked_for(store: Store, tmp_path: Path) -> None:
    await both(store)
    erased = Erased(tmp_path)
    erased.note(GONE, NOW)
    assert await erased.erase_again(store, NOW) == 0
    assert await there(store) == {"a", "b"}


async def test_where_nobody_was_erased_a_restore_erases_nobody(store: Store, tmp_path: Path) -> None:
    await both(store)
    Erased(tmp_path).take_in(tmp_path / "one.backup")
    assert await Erased(tmp_path).erase_again(store, NOW) == 0
    assert await there(store) == {"a", "b"}


async def test_the_copy_beside_a_backup_serves_a_new_machine(store: Store, tmp_path: Path) -> None:
    await both(store)
    old, backups, new = (tmp_path / name for name in ("old", "backups", "new"))
    for each in (old, backups, new):
        each.mkdir()
    Erased(old).note(GONE, NOW)
    for _ in range(2):
        Erased(old).copy_beside(backups / "one.backup")
    assert [each.name for each in backups.iterdir()] == [FILE]
    for _ in range(2):
        Erased(new).take_in(backups / "one.backup")
    assert (new / FILE).read_text() == (old / FILE).read_text()
    assert await Erased(new).erase_again(store, NOW) == 1
    assert await there(store) == {"b"}


async def test_a_file_that_cant_be_read_is_said_before_anybody_is_answered(store: Store, tmp_path: Path) -> None:
    await both(store)
    (tmp_path / FILE).write_bytes(b"2026-11-23 \xff\xfe\n")
    assert await Erased(tmp_path).erase_again(store, NOW) == 0, "nothing was restored"
    (tmp_path / MARK).touch()
    with pytest.raises(ErasedUnusable, match="erased since") as told:
        await Erased(tmp_path).erase_again(store, NOW)
    assert str(tmp_path / FILE) in str(told.value)
    assert await there(store) == {"a", "b"}


def test_the_file_names_nobody_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    Erased(tmp_path).note(GONE, NOW)
    text = (tmp_path / FILE).read_text()
    assert text.startswith("2026-11-23 ") and GONE[:8] not in text
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
