"""The keys that personal fields are sealed with: one file outside the database, the newest key first.

The file holds one Fernet key a line; empty lines and lines that begin with `#` are nobody's. A key is known by its
fingerprint, which tells nothing of it. What is sealed names the fingerprint of its key in front, so that the database
can say which keys it needs. A process looks at the file again whenever it has changed: a new key is used from then on.
"""

import binascii
import hashlib
import logging
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from filelock import FileLock
from sqlalchemy import make_url

from bot.settings import Settings, read_settings

NAME = "keys"
_BETWEEN = ":"
_FINGERPRINT = 8
_HEAD = (
    "# The keys of Septimus, the newest first. Whoever has this file and the database can read what people wrote.\n"
    "# Keep a copy of it apart from the backups of the database: without it nobody can read them.\n"
)

log = logging.getLogger(__name__)


class KeysUnusable(Exception):
    """The keys can't be used; the message says what happened, whom it matters to, and what to do. It holds no key."""


class NotOpened(KeysUnusable):
    """Something that is sealed can't be opened: its key is not in the file, or it was changed since."""


@dataclass(frozen=True, slots=True)
class _Keys:
    """The keys of a file, by fingerprint, the newest first."""

    by_print: dict[str, Fernet]
    stamp: tuple[int, int, int]

    @property
    def newest(self) -> str:
        return next(iter(self.by_print))


def place_of(database: str, settings: Settings | None = None) -> Path:
    """Return where the key file of a database is: where it is set, else beside an SQLite file, else the data folder.

    Args:
        database: its address.
        settings: those that hold; by default they are read from the environment.
    """
    held = settings or read_settings()
    if held.keys_file is not None:
        return held.keys_file.absolute()
    url = make_url(database)
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        return Path(url.database).absolute().with_name(NAME)
    return (held.home / NAME).absolute()


def fingerprint(key: bytes) -> str:
    """Return what a key is known by: eight hexadecimal digits, which tell nothing of it."""
    return hashlib.sha256(b"septimus key\0" + key).hexdigest()[:_FINGERPRINT]


def fingerprint_of(sealed: str) -> str:
    """Return the fingerprint of the key that something was sealed with."""
    return sealed.partition(_BETWEEN)[0]


def mark_of(key: str) -> str:
    """Return how everything begins that was sealed with the key of a fingerprint."""
    return key + _BETWEEN


class Keyring:
    """The keys of one file, as they are now. Seals under the newest, opens with any.

    It may be used by many threads at once.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._keys: _Keys | None = None

    def seal(self, plain: bytes) -> str:
        """Seal under the newest key.

        Raises:
            KeysUnusable: there is no key file, or it can't be read.
        """
        keys = self._current()
        return mark_of(keys.newest) + keys.by_print[keys.newest].encrypt(plain).decode()

    def open(self, sealed: str) -> bytes:
        """Open what was sealed.

        Raises:
            NotOpened: its key is not in the file, or it was changed since it was sealed.
            KeysUnusable: there is no key file, or it can't be read.
        """
        mark, between, token = sealed.partition(_BETWEEN)
        keys = self._keys or self._current()
        if mark not in keys.by_print:
            keys = self._current()
        if not between or mark not in keys.by_print:
            raise NotOpened(
                f"A field was sealed with the key {mark[:_FINGERPRINT] if between else '(none)'}, which is not in "
                f"{self.path}. Nobody can read it. Put the key file back that belongs to this database, and keep "
                "the newer lines of this one in it."
            )
        try:
            return keys.by_print[mark].decrypt(token)
        except InvalidToken:
            raise NotOpened(
                f"A field that the key {mark} sealed was changed or damaged since. Find it with: septimus doctor. "
                "Put it back from a backup."
            ) from None

    def rotate(self, sealed: str) -> str:
        """Return the same, sealed under the newest key.

        Raises:
            NotOpened: it can't be opened.
        """
        keys = self._current()
        mark, _, token = sealed.partition(_BETWEEN)
        if mark not in keys.by_print:
            self.open(sealed)  # which says why it can't be
        try:
            return mark_of(keys.newest) + MultiFernet(list(keys.by_print.values())).rotate(token).decode()
        except InvalidToken:
            self.open(sealed)
            raise

    def fingerprints(self) -> tuple[str, ...]:
        """Return the fingerprints of the keys, the newest first.

        Raises:
            KeysUnusable: there is no key file, or it can't be read.
        """
        return tuple(self._current().by_print)

    def is_there(self) -> bool:
        """Whether there is a key file."""
        return self.path.exists()

    def _current(self) -> _Keys:
        """The keys, read again when the file has changed; the ones of before when it is gone or broken meanwhile."""
        try:
            found = self.path.stat()
        except OSError as error:
            if self._keys is None:
                raise _missing(self.path, error) from None
            return self._keys
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        if self._keys is None or self._keys.stamp != stamp:
            try:
                self._keys = _Keys(_read(self.path), stamp)
            except KeysUnusable:
                if self._keys is None:
                    raise
                log.exception("keys.unusable")
                self._keys = _Keys(self._keys.by_print, stamp)
        return self._keys


def make(path: Path) -> bool:
    """Make a key file with one new key, which its owner alone may read; one that is there already stays as it is.

    Returns:
        whether it was made here, and not by another process at the same moment.

    Raises:
        KeysUnusable: it can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = _written(path, [Fernet.generate_key()])
        try:
            os.link(new, path)
        except FileExistsError:
            return False
        finally:
            new.unlink(missing_ok=True)
        _keep(path.parent)
    except OSError as error:
        raise KeysUnusable(
            f"The key file {path} can't be made ({error.strerror}). Without it nothing is written down. "
            "Let its folder be written, or name another file in SEPTIMUS_KEYS_FILE."
        ) from None
    return True


def add(path: Path) -> str:
    """Put a new key in front; return its fingerprint.

    Raises:
        KeysUnusable: there is no key file, or it can't be read or written.
    """
    with _changing(path):
        _known(path)
        key = Fernet.generate_key()
        _replace(path, [key, *_lines(path)])
    return fingerprint(key)


def drop_all_but_newest(path: Path) -> tuple[str, ...]:
    """Leave the newest key alone in the file; return the fingerprints of those that went.

    Raises:
        KeysUnusable: there is no key file, or it can't be read or written.
    """
    with _changing(path):
        _known(path)
        newest, *old = _lines(path)
        if old:
            _replace(path, [newest])
    return tuple(fingerprint(each) for each in old)


def _known(path: Path) -> None:
    """Refuse a file that can't be read whole before it is changed."""
    if not path.exists():
        raise _missing(path, FileNotFoundError())
    _read(path)


def _read(path: Path) -> dict[str, Fernet]:
    found: dict[str, Fernet] = {}
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise _missing(path, error) from None
    for number, line in enumerate(lines, 1):
        key = line.strip()
        if not key or key.startswith(b"#"):
            continue
        try:
            found[fingerprint(key)] = Fernet(key)
        except (ValueError, binascii.Error):
            raise KeysUnusable(
                f"Line {number} of the key file {path} is no key. What was sealed with it can't be read. "
                "Put the line back from your copy of the file; `septimus keys new` adds a key, never an editor."
            ) from None
    if not found:
        raise KeysUnusable(
            f"The key file {path} holds no key. What people wrote can't be read without it. "
            "Put it back from your copy. Only when this database is new: remove the file, and start again."
        )
    return found


def _lines(path: Path) -> list[bytes]:
    lines = (line.strip() for line in path.read_bytes().splitlines())
    return [line for line in lines if line and not line.startswith(b"#")]


def _missing(path: Path, error: OSError) -> KeysUnusable:
    if isinstance(error, FileNotFoundError):
        return KeysUnusable(
            f"There is no key file at {path}, and what people wrote can't be read without it. Put it back from your "
            "copy, or name the right file in SEPTIMUS_KEYS_FILE."
        )
    return KeysUnusable(
        f"The key file {path} can't be read ({error.strerror}). Without it nothing that people wrote can be read. "
        "Let the user that runs Septimus own it, with mode 600."
    )


def _changing(path: Path) -> FileLock:
    """A lock that those hold who change the file. Who only reads it needs none: it is replaced at once."""
    return FileLock(path.with_name(path.name + ".lock"), timeout=10)


def _replace(path: Path, keys: list[bytes]) -> None:
    try:
        new = _written(path, keys)
        new.replace(path)
        _keep(path.parent)
    except OSError as error:
        raise KeysUnusable(f"The key file {path} can't be written ({error.strerror}). It is as it was.") from None


def _written(path: Path, keys: list[bytes]) -> Path:
    """Write a file beside the one that it is to become. `mkstemp` lets its owner alone read it."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    with os.fdopen(handle, "wb") as out:
        out.write(_HEAD.encode() + b"".join(key + b"\n" for key in keys))
        out.flush()
        os.fsync(out.fileno())
    return Path(name)


def _keep(folder: Path) -> None:
    """Let the folder's entry outlive a power cut, where the file system knows such a thing."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
