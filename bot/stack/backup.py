"""A backup of everything that is kept, in one file, made while the system runs; and putting it back.

The file is a tar archive: the databases, and a manifest with their digests and the version they were made with. It
holds what people wrote as the databases hold it, which is sealed, and no setting and no key: whoever finds it can't
read them, and whoever puts it back needs the key file. The manifest says which keys, by their fingerprints. The
engine's scratch paper is not in it: people's last words, as they are, which are gone after three days.
"""

import fcntl
import hashlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Annotated, Literal, LiteralString, cast

import psycopg
from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import make_url

from bot.settings import Settings
from bot.stack.processes import is_taken
from bot.store import schema, seals, tracker
from bot.store.erased import Erased
from bot.store.keys import Keyring, KeysUnusable, place_of

_FORMAT = 1
_MANIFEST = "manifest.json"
_MAIN, _DUMP = "septimus.db", "septimus.pgdump"
IN_USE, ASIDE = "public", "septimus_aside"
"""PostgreSQL's schemas: the one that Septimus works in, and the one where earlier programs' restores put what was there
until all was in. Stopped half-way, they left it there."""
_WHAT = ["--exclude-schema=engine", f"--exclude-schema={ASIDE}"]
"""Of a PostgreSQL all but what several engines share in it: their scratch paper expires, and is not ours to keep. What
stands aside is not in use, and with it the dump could not be put back."""
_LARGEST_MANIFEST = 65_536
_CHUNK = 1 << 20
_BACKING_UP, _RESTORING = ".septimus-backup-", ".restore-"
_NOTE = ".copies"
"""The end of the names of files in the folder `run`, one for each backup that is being made: where its copies are."""
_BEGUN_S = 60.0
"""Seconds. A folder that is younger may not be locked yet by whoever just made it."""
_LONGEST_S = 86_400.0
"""Where a file system has no locks, a folder that was not touched for so long is nobody's."""


class NoBackup(Exception):
    """A backup can't be made or put back; the message says why and what to do. Nothing was changed."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z]+\.(db|pgdump)$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Field(ge=0)]


class Manifest(BaseModel):
    """What an archive holds, sealed by which keys, and of which version: of the archive, the program and the tables."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: int
    program: str
    revision: str
    database: Literal["sqlite", "postgresql"]
    made_at: datetime
    parts: tuple[_Part, ...]
    keys: tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")], ...] = ()


@dataclass(frozen=True, slots=True)
class _Source:
    """One database that is kept: what it is called in the archive, and where it is."""

    name: str
    path: Path


def backup(settings: Settings, file: Path, now: datetime) -> Manifest:
    """Write a backup of all databases into one file that only its owner may read. The system may run.

    Raises:
        NoBackup: the file is there already, or a database can't be read.
    """
    if file.exists():
        raise NoBackup(f"{file} is there already. Choose another name, or remove it first.")
    if not file.absolute().parent.is_dir():
        raise NoBackup(f"The folder {file.absolute().parent} does not exist. Make it first.")
    folder = file.absolute().parent
    _take_away(settings, [*left_copies(settings), *filter(_is_left, folder.glob(f"{_BACKING_UP}*"))])
    with _copies_in(folder, _BACKING_UP) as copies, _noted(settings, copies):
        kind, revision = _copy_main(settings, copies)
        parts = tuple(_part(path) for path in sorted(copies.iterdir()))
        manifest = Manifest(
            format=_FORMAT,
            program=version("septimus"),
            revision=revision,
            database=kind,
            made_at=now,
            parts=parts,
            keys=_keys_of(settings, copies, kind, revision),
        )
        whole = copies / "archive.tar"
        with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as raw:
            with tarfile.open(fileobj=raw, mode="w") as archive:
                text = manifest.model_dump_json(indent=2).encode()
                entry = tarfile.TarInfo(_MANIFEST)
                entry.size, entry.mode = len(text), 0o600
                archive.addfile(entry, io.BytesIO(text))
                for part in parts:
                    archive.add(copies / part.name, part.name, filter=_nobodys)
            raw.flush()
            os.fsync(raw.fileno())
        whole.rename(file)
    Erased(settings.home).copy_beside(file)
    return manifest


def read_manifest(file: Path) -> Manifest:
    """Read what an archive says it holds.

    Raises:
        NoBackup: it is no backup, or a newer program made it.
    """
    try:
        with tarfile.open(file) as archive:
            first = archive.next()
            held = archive.extractfile(first) if first is not None and first.name == _MANIFEST else None
            if held is None or first is None or first.size > _LARGEST_MANIFEST:
                raise NoBackup(f"{file} is no backup of Septimus: it has no manifest.")
            raw = json.loads(held.read())
        if isinstance(raw, dict) and isinstance(raw.get("format"), int) and raw["format"] > _FORMAT:
            raise NoBackup(f"{file} was made by a newer Septimus. Upgrade this one first.")
        manifest = Manifest.model_validate(raw)
    except FileNotFoundError:
        raise NoBackup(f"There is no file {file}.") from None
    except (OSError, tarfile.TarError, ValidationError, ValueError) as error:
        raise NoBackup(f"{file} is damaged, or no backup of Septimus ({type(error).__name__}).") from None
    if schema.age_of(manifest.revision) == "newer":
        raise NoBackup(
            f"{file} holds tables of version {manifest.revision}, made by Septimus {manifest.program}, which is newer "
            "than this one. Upgrade this one first."
        )
    return manifest


def restore(settings: Settings, file: Path, *, overwrite: bool) -> Manifest:
    """Put a backup in the place of what is there. All of it is checked before anything is touched.

    On PostgreSQL what an interrupted restore put aside is brought back first, where nothing took its place.

    Args:
        settings: which database and data folder to fill.
        file: the backup.
        overwrite: whether what is there may be lost.

    Raises:
        NoBackup: the archive is damaged or newer, the system runs, or something is there and may not be lost. Nothing
            is lost.
    """
    manifest = read_manifest(file)
    kind = _kind(settings)
    if manifest.database != kind:
        raise NoBackup(f"{file} is of {manifest.database}, and SEPTIMUS_DATABASE_URL names {kind}.")
    settings.home.mkdir(parents=True, exist_ok=True)
    with _nothing_runs(settings):
        # No other restore runs: it would hold the same locks.
        _take_away(settings, [*settings.home.glob(f"{_RESTORING}*"), *_half_put(settings), *left_copies(settings)])
        with _copies_in(settings.home, _RESTORING) as folder:
            _restore(settings, file, manifest, folder, overwrite=overwrite)
    return manifest


def _restore(settings: Settings, file: Path, manifest: Manifest, folder: Path, *, overwrite: bool) -> None:
    checked = _unpacked(file, manifest, folder)
    was_back = _DUMP in checked and _bring_back(settings)
    there = [path.name for path in _kept_files(settings) if path.exists()]
    if _DUMP in checked:
        there += [_described(name, people) for name, people in schemas_held(settings).items()]
    if there and not overwrite:
        back = f"What an interrupted restore had left in {ASIDE} is back in its place. " if was_back else ""
        told = f"{back}There is data already ({', '.join(there)}), and it would be lost."
        raise NoBackup(f"{told} To overwrite it, add --yes.")
    Erased(settings.home).take_in(file)  # before: a mark without a restore does no harm
    if _DUMP in checked:
        _load_postgres(settings, checked[_DUMP])
    else:
        _put(checked[_MAIN], _main_path(settings))
    _forget(settings.home / tracker.FILE)  # older backups hold one: it is not put back


def keys_away(settings: Settings, manifest: Manifest) -> tuple[str, ...]:
    """Return the fingerprints of the keys that an archive needs and the key file does not hold."""
    try:
        there: Sequence[str] = Keyring(place_of(settings.database, settings)).fingerprints()
    except KeysUnusable:
        there = ()
    return tuple(key for key in manifest.keys if key not in there)


def left_copies(settings: Settings) -> list[Path]:
    """Return where a backup or a restore that was killed left copies of the databases: folders, and files half put."""
    restoring = sorted(settings.home.glob(f"{_RESTORING}*"))
    left = [folder for folder in restoring if _is_left(folder)]
    half_put = _half_put(settings) if left == restoring else []  # else the one that runs is putting them
    backing_up = [folder for folder in map(_noted_in, _notes(settings)) if folder is not None and _is_left(folder)]
    return [*left, *half_put, *backing_up]


def schemas_held(settings: Settings) -> Mapping[str, int | None]:
    """Return which of the schemas `IN_USE` and `ASIDE` hold tables, and of how many people; None where nobody can tell.

    Raises:
        NoBackup: PostgreSQL can't be asked.
    """
    asked = (
        "SELECT string_agg(DISTINCT schemaname, ' ') FROM pg_tables WHERE schemaname IN ('public', 'septimus_aside')"
    )
    full = (_asked(settings, asked) or "").split()
    return {schema: _people(settings, question) for schema, question in _PEOPLE.items() if schema in full}


# --- folders for copies ---------------------------------------------------------------------------------------------


@contextmanager
def _copies_in(folder: Path, prefix: str) -> Iterator[Path]:
    """Make a folder for copies, and take it away in the end. Its lock is held meanwhile, and is free after a kill."""
    with tempfile.TemporaryDirectory(prefix=prefix, dir=folder) as made:
        locked = os.open(made, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with suppress(OSError):  # some file systems have none
                fcntl.flock(locked, fcntl.LOCK_EX)
            yield Path(made)
        finally:
            os.close(locked)


@contextmanager
def _noted(settings: Settings, folder: Path) -> Iterator[None]:
    """Write down where copies are while they are there: a backup may be made anywhere, and be killed."""
    note = settings.home / "run" / f"{folder.name.lstrip('.')}{_NOTE}"
    with suppress(OSError):  # before the first start there is no such folder, and little to copy
        note.write_text(str(folder), encoding="utf-8")
    try:
        yield
    finally:
        with suppress(OSError):
            note.unlink(missing_ok=True)


def _notes(settings: Settings) -> list[Path]:
    return sorted((settings.home / "run").glob(f"*{_NOTE}"))


def _noted_in(note: Path) -> Path | None:
    """The folder that a note names; None when it is gone."""
    with suppress(OSError, ValueError):
        folder = Path(note.read_text(encoding="utf-8"))
        return folder if folder.name.startswith(_BACKING_UP) and folder.is_dir() else None
    return None


def _is_left(folder: Path) -> bool:
    """Whether nobody works in a folder for copies any more."""
    try:
        age = time.time() - folder.stat().st_mtime
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return False
    except OSError:  # another user's
        return age > _LONGEST_S
    try:
        fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return age > _LONGEST_S
    finally:
        os.close(opened)
    return age > _BEGUN_S


def _half_put(settings: Settings) -> list[Path]:
    """What `_put` leaves when it is killed between its two steps."""
    files = (path.with_name(f"{path.name}.new") for path in _kept_files(settings))
    return [path for path in files if path.exists()]


def _take_away(settings: Settings, left: Iterable[Path]) -> None:
    """Remove copies that nobody needs. What can't be removed stays, and the doctor goes on naming it."""
    for path in left:
        with suppress(OSError):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    for note in _notes(settings):
        with suppress(OSError):
            if _noted_in(note) is None:
                note.unlink()


# --- making ---------------------------------------------------------------------------------------------------------


def _kind(settings: Settings) -> Literal["sqlite", "postgresql"]:
    return "sqlite" if make_url(settings.database).get_backend_name() == "sqlite" else "postgresql"


def _main_path(settings: Settings) -> Path:
    return Path(make_url(settings.database).database or "")


def _copy_main(settings: Settings, into: Path) -> tuple[Literal["sqlite", "postgresql"], str]:
    """Copy the main database; say of which kind and version it is."""
    if _kind(settings) == "postgresql":
        revision = _psycopg_revision(settings)
        options = [*_WHAT, "--format=custom", "--no-owner", "--no-privileges"]
        _run(settings, "pg_dump", [*options, f"--file={into / _DUMP}"])
        (into / _DUMP).chmod(0o600)
        return "postgresql", revision
    path = _main_path(settings)
    if not path.exists():
        raise NoBackup(f"There is no database yet at {path}, so there is nothing to back up.")
    _copy_sqlite(_Source(_MAIN, path), into)
    with _sqlite(into / _MAIN) as copied:
        try:
            row = copied.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.DatabaseError:
            row = None
    if row is None:
        raise NoBackup(f"{path} is no database of Septimus.")
    return "sqlite", str(row[0])


def _keys_of(settings: Settings, copies: Path, kind: str, revision: str) -> tuple[str, ...]:
    """The fingerprints of the keys that what was copied may be sealed with."""
    if revision not in schema.revisions() or revision < seals.SINCE:
        return ()
    question: LiteralString = "SELECT value FROM facts WHERE name = 'keys'"
    if kind == "sqlite":
        with _sqlite(copies / _MAIN) as copied:
            row = copied.execute(question).fetchone()
        told = str(row[0]) if row else ""
    else:
        told = _asked(settings, question) or ""
    return tuple(told.split(",")) if told else ()


def _copy_sqlite(source: _Source, into: Path) -> None:
    """Copy a database that may be in use, as it is at one moment: SQLite's own way."""
    try:
        with _sqlite(source.path) as live, _sqlite(into / source.name) as copy:
            live.backup(copy)
            # One file alone: without this the copy would want a journal beside it.
            copy.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise NoBackup(f"{source.path} can't be copied ({error}). Look at it with: septimus doctor") from None
    (into / source.name).chmod(0o600)


@contextmanager
def _sqlite(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, timeout=30)
    try:
        yield connection
    finally:
        connection.close()


def _part(path: Path) -> _Part:
    return _Part(name=path.name, sha256=_digest(path), size=path.stat().st_size)


def _digest(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _nobodys(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave out whose file it was: the archive goes to other machines."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o600
    return entry


# --- putting back ---------------------------------------------------------------------------------------------------


@contextmanager
def _nothing_runs(settings: Settings) -> Iterator[None]:
    """Hold the gateways' locks meanwhile, so that none starts.

    Raises:
        NoBackup: a gateway runs, or something listens on the desk's, engine's or actions' port.
    """
    run = settings.home / "run"
    names = {path.stem for path in run.glob("*.lock")} | {settings.instance}
    run.mkdir(parents=True, exist_ok=True)
    locks = [FileLock(run / f"{name}.lock", timeout=0) for name in sorted(names)]
    try:
        for lock in locks:
            try:
                lock.acquire()
            except Timeout:
                raise NoBackup("A gateway runs on this data folder. Stop Septimus first.") from None
        # A gateway holds its lock; the others are known by their ports, which may be a stranger's.
        for name, port in (
            ("desk", settings.desk_port),
            ("engine", settings.engine_port),
            ("actions", settings.actions_port),
        ):
            if is_taken(port):
                raise NoBackup(f"Port {port} of the {name} is in use, so Septimus may be running. Stop it first.")
        yield
    finally:
        for lock in locks:
            with suppress(Exception):
                lock.release()


def _unpacked(file: Path, manifest: Manifest, folder: Path) -> Mapping[str, Path]:
    """Unpack the parts and check each; nothing else that the archive may hold is looked at.

    Raises:
        NoBackup: a part is missing or is not what the manifest says.
    """
    wanted = {part.name: part for part in manifest.parts}
    known = {_MAIN, tracker.FILE} if manifest.database == "sqlite" else {_DUMP, tracker.FILE}
    main = _MAIN if manifest.database == "sqlite" else _DUMP
    if not wanted.keys() <= known or main not in wanted:
        raise NoBackup(f"{file} is damaged: its manifest names other files than a backup holds.")
    found: dict[str, Path] = {}
    try:
        with tarfile.open(file) as archive:
            for entry in archive:
                held = archive.extractfile(entry) if entry.isfile() and entry.name in wanted else None
                if held is None:
                    continue
                path = folder / entry.name
                with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                    shutil.copyfileobj(held, out, _CHUNK)
                found[entry.name] = path
    except (tarfile.TarError, OSError, EOFError) as error:
        raise NoBackup(f"{file} is damaged ({type(error).__name__}). Take another backup.") from None
    for name, part in wanted.items():
        if name not in found or found[name].stat().st_size != part.size or _digest(found[name]) != part.sha256:
            raise NoBackup(f"{file} is damaged: {name} is not what the manifest says. Take another backup.")
        if name.endswith(".db") and not _is_sound(found[name]):
            raise NoBackup(f"{file} is damaged: {name} is no sound database. Take another backup.")
    return found


def _is_sound(path: Path) -> bool:
    try:
        with _sqlite(path) as opened:
            return bool(opened.execute("PRAGMA integrity_check").fetchone()[0] == "ok")
    except sqlite3.Error:
        return False


def _kept_files(settings: Settings) -> Sequence[Path]:
    files = [settings.home / tracker.FILE]
    return [*files, _main_path(settings)] if _kind(settings) == "sqlite" else files


def _put(new: Path, target: Path) -> None:
    """Put a file in another's place at once, without the journal that belonged to the old one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f"{target.name}.new")
    shutil.move(new, beside)
    with beside.open("rb") as opened:
        os.fsync(opened.fileno())
    # What a killed program left in the journal goes into the old file, which stays whole if this ends here. Then the
    # journal goes: with it the new file would be mended by what was the old one's.
    with suppress(sqlite3.Error), _sqlite(target) as old:
        old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for suffix in ("-wal", "-shm", "-journal"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    beside.replace(target)


def _forget(path: Path) -> None:
    """Take away the scratch paper of who is replaced."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


# --- PostgreSQL -----------------------------------------------------------------------------------------------------


def _address(settings: Settings) -> str:
    """The database's address as PostgreSQL's own programs read it, without the password: that goes beside it."""
    url = make_url(settings.database).set(drivername="postgresql", password=None)
    return url.render_as_string(hide_password=False)


def _environment(settings: Settings) -> dict[str, str]:
    password = make_url(settings.database).password
    return {**os.environ, **({"PGPASSWORD": str(password)} if password else {})}


def _found(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise NoBackup(f"{program} is missing. Install PostgreSQL's client programs (Debian: postgresql-client).")
    return found


def _failed(program: str, said: str) -> NoBackup:
    # Of a failed restore the detail may quote a row: only the first line names the fault.
    why = next((line for line in said.splitlines() if "error" in line.lower()), "no reason given")
    return NoBackup(f"{program} failed: {why[:200]}")


def _run(settings: Settings, program: str, arguments: Sequence[str]) -> None:
    command = [_found(program), f"--dbname={_address(settings)}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=_environment(settings), check=False)  # noqa: S603 - ours
    if done.returncode != 0:
        raise _failed(program, done.stderr)


def _psycopg_revision(settings: Settings) -> str:
    return _asked(settings, "SELECT version_num FROM alembic_version") or "none"


_PEOPLE: Mapping[str, LiteralString] = {
    IN_USE: "SELECT count(*) FROM public.patients",
    ASIDE: "SELECT count(*) FROM septimus_aside.patients",
}


def _people(settings: Settings, question: LiteralString) -> int | None:
    try:
        return int(_asked(settings, question) or 0)
    except NoBackup:  # tables, and none of people
        return None


def _described(name: str, people: int | None) -> str:
    where = "the database" if name == IN_USE else f"{name}, where an interrupted restore left what was there"
    return where if people is None else f"{where}: {people} people"


def _bring_back(settings: Settings) -> bool:
    """Bring back what an interrupted restore put aside, where nothing took its place; say whether there was any."""
    if schemas_held(settings).keys() != {ASIDE}:
        return False
    # Without CASCADE: whatever came into it meanwhile keeps it from being dropped.
    _asked(settings, "DROP SCHEMA public", "ALTER SCHEMA septimus_aside RENAME TO public")
    return True


def _asked(settings: Settings, *statements: LiteralString) -> str | None:
    """Run statements in one transaction; the first value that the last one gives, if it gives any."""
    address = make_url(settings.database).set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        with psycopg.connect(address, connect_timeout=10) as connection:
            for statement in statements:
                asked = connection.execute(statement)
            row = asked.fetchone() if asked.description else None
    except psycopg.Error as error:
        raise NoBackup(f"PostgreSQL refused ({type(error).__name__}). Look at it with: septimus doctor") from None
    return str(row[0]) if row else None


_BEFORE = """
BEGIN;
DROP SCHEMA IF EXISTS septimus_aside CASCADE;
ALTER SCHEMA public RENAME TO septimus_before;
CREATE SCHEMA public;
"""
# Backups that were made while something stood aside may hold that too.
_AFTER = """
DROP SCHEMA septimus_before CASCADE;
DROP SCHEMA IF EXISTS septimus_aside CASCADE;
COMMIT;
"""


def _load_postgres(settings: Settings, dump: Path) -> None:
    """Put the dump in the place of all tables, in one transaction: however it ends, what was there is whole until then.

    What is to be done goes to `psql` through a pipe, and only this process writes the last line of it: when it dies,
    nothing is committed.
    """
    reads, tells = _found("pg_restore"), _found("psql")
    options = ["--no-owner", "--no-privileges", "--exit-on-error", "--file=-"]
    into = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-", f"--dbname={_address(settings)}"]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        with subprocess.Popen(  # noqa: S603 - ours
            [tells, *into],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=said,
            env=_environment(settings),
        ) as told:
            pipe = cast(IO[bytes], told.stdin)
            done = -1
            with suppress(BrokenPipeError):  # it has ended, and says why
                pipe.write(_BEFORE.encode())
                pipe.flush()
                done = subprocess.run([reads, *options, str(dump)], stdout=pipe, stderr=said, check=False).returncode  # noqa: S603 - ours
                if done == 0:
                    pipe.write(_AFTER.encode())
                    pipe.flush()
            with suppress(BrokenPipeError):
                pipe.close()
        if done != 0 or told.returncode != 0:
            said.seek(0)
            raise _failed("psql" if told.returncode != 0 else "pg_restore", said.read())
