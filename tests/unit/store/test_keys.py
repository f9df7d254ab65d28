"""The key file: made once, readable by its owner alone, read again when it changes, and never guessed at."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.settings import Settings
from bot.store import keys
from bot.store.keys import Keyring, KeysUnusable, NotOpened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "keys"
    assert keys.make(found)
    return found


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    path = tmp_path_factory.mktemp("ring") / "keys"
    keys.make(path)
    return Keyring(path)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=2000))
def test_what_is_sealed_opens_again_and_does_not_show(ring: Keyring, plain: bytes) -> None:
    sealed = ring.seal(plain)
    assert ring.open(sealed) == plain
    assert ring.open(ring.rotate(sealed)) == plain
    assert len(plain) < 8 or plain not in sealed.encode()


def test_two_seals_of_the_same_differ(ring: Keyring) -> None:
    assert ring.seal(b"the same") != ring.seal(b"the same")


def test_only_its_owner_may_read_the_file(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    keys.add(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_of_many_who_start_at_once_one_makes_the_file(tmp_path: Path) -> None:
    path, made, ready = tmp_path / "new" / "keys", [], threading.Barrier(8)

    def start() -> None:
        ready.wait()
        made.append(keys.make(path))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [False] * 7 + [True]
    assert [each.name for each in path.parent.iterdir()] == ["keys"]
    assert len(Keyring(path).fingerprints()) == 1


def test_two_who_add_a_key_at_once_lose_none(path: Path) -> None:
    threads = [threading.Thread(target=keys.add, args=(path,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Keyring(path).fingerprints()) == 7


def test_a_new_key_is_used_at_once_by_those_who_run_and_the_old_one_still_opens(path: Path) -> None:
    ring = Keyring(path)
    (old,) = ring.fingerprints()
    before = ring.seal(b"before")
    new = keys.add(path)
    assert ring.fingerprints() == (new, old)
    assert keys.fingerprint_of(ring.seal(b"after")) == new
    assert ring.open(before) == b"before"


def test_who_has_not_looked_since_opens_what_the_new_key_has_sealed(path: Path) -> None:
    ring = Keyring(path)
    ring.fingerprints()
    keys.add(path)
    assert ring.open(Keyring(path).seal(b"newer")) == b"newer"


def test_another_files_key_opens_nothing_and_the_error_says_which_is_wanted(path: Path, tmp_path: Path) -> None:
    ring = Keyring(path)
    sealed = ring.seal(b"hers")
    keys.make(tmp_path / "other")
    with pytest.raises(NotOpened, match=ring.fingerprints()[0]):
        Keyring(tmp_path / "other").open(sealed)
    with pytest.raises(NotOpened):
        Keyring(tmp_path / "other").rotate(sealed)


def test_what_was_changed_since_is_refused(path: Path) -> None:
    ring = Keyring(path)
    sealed = ring.seal(b"hers")
    changed = sealed[:-4] + ("AAA=" if not sealed.endswith("AAA=") else "BBB=")
    for wrong in (changed, sealed[:20], "no seal at all", ""):
        with pytest.raises(NotOpened):
            ring.open(wrong)


def test_a_broken_line_is_named_by_its_number_and_never_shown(path: Path) -> None:
    wrong = "Zm9vYmFy-very-secret"
    path.write_text(f"{path.read_text()}{wrong}\n")
    number = len(path.read_text().splitlines())
    with pytest.raises(KeysUnusable, match=f"Line {number} ") as told:
        Keyring(path).seal(b"x")
    assert wrong not in str(told.value)
    with pytest.raises(KeysUnusable, match=f"Line {number} "):
        keys.add(path)
    assert wrong in path.read_text()


def test_an_empty_file_holds_no_key(path: Path) -> None:
    path.write_text("# nothing but this\n\n")
    with pytest.raises(KeysUnusable, match="holds no key"):
        Keyring(path).fingerprints()


def test_a_file_that_is_not_there_is_never_made_by_reading_or_adding(tmp_path: Path) -> None:
    for look in (Keyring(tmp_path / "keys").fingerprints, lambda: keys.add(tmp_path / "keys")):
        with pytest.raises(KeysUnusable, match="no key file"):
            look()
    assert not (tmp_path / "keys").exists()


def test_those_who_run_keep_their_keys_when_the_file_goes_or_breaks(path: Path) -> None:
    ring = Keyring(path)
    sealed = ring.seal(b"x")
    path.write_text("broken\n")
    assert ring.open(ring.seal(b"y")) == b"y"
    path.unlink()
    assert ring.open(sealed) == b"x"


def test_where_the_file_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEPTIMUS_KEYS_FILE")
    monkeypatch.setenv("SEPTIMUS_HOME", str(tmp_path / "home"))
    assert keys.place_of("sqlite+aiosqlite:////data/septimus.db") == Path("/data/keys")
    assert keys.place_of("postgresql+psycopg://user@host/name") == tmp_path / "home" / "keys"
    set_ = Settings().model_copy(update={"keys_file": tmp_path / "apart"})
    assert keys.place_of("sqlite+aiosqlite:////data/septimus.db", set_) == tmp_path / "apart"


def test_a_fingerprint_tells_nothing_of_its_key() -> None:
    key = Fernet.generate_key()
    assert keys.fingerprint(key).encode() not in key
    assert len(keys.fingerprint(key)) == 8


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_says_so(path: Path) -> None:
    path.chmod(0)
    with pytest.raises(KeysUnusable, match="can't be read"):
        Keyring(path).fingerprints()
