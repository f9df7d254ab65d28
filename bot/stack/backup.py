"""A backup of everything that is kept, in one file, made while the system runs; and putting it back.

The file is a tar archive: the databases, and a manifest with their digests and the version they were made with. It
holds what people wrote as the databases hold it, which is sealed, and no setting and no key: whoever finds it can't
read them, and whoever puts it back needs the key file. The manifest says which keys, by their fingerprints.
"""

import hashlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal, LiteralString

import psycopg
from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import make_url

from bot.settings import Settings
from bot.stack.processes import is_taken
from bot.store import schema, seals, tracker
from bot.store.keys import Keyring, KeysUnusable, place_of

_FORMAT = 1
_MANIFEST = "manifest.json"
_MAIN, _DUMP = "septimus.db", "septimus.pgdump"
_WHAT = ["--exclude-schema=engine"]
"""Of a PostgreSQL all but what several engines share in it: their scratch paper expires, and is not ours to keep."""
_LARGEST_MANIFEST = 65_536
_CHUNK = 1 << 20


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
    with tempfile.TemporaryDirectory(prefix=".septimus-backup-", dir=file.absolute().parent) as folder:
        copies = Path(folder)
        kind, revision = _copy_main(settings, copies)
        paper = settings.home / tracker.FILE
        if paper.exists():
            _copy_sqlite(_Source(tracker.FILE, paper), copies)
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

    Args:
        settings: which database and data folder to fill.
        file: the backup.
        overwrite: whether what is there may be lost.

    Raises:
        NoBackup: the archive is damaged or newer, the system runs, or something is there and may not be lost.
    """
    manifest = read_manifest(file)
    kind = _kind(settings)
    if manifest.database != kind:
        raise NoBackup(f"{file} is of {manifest.database}, and SEPTIMUS_DATABASE_URL names {kind}.")
    settings.home.mkdir(parents=True, exist_ok=True)
    with _nothing_runs(settings), tempfile.TemporaryDirectory(prefix=".restore-", dir=settings.home) as folder:
        checked = _unpacked(file, manifest, Path(folder))
        there = [path for path in _kept_files(settings) if path.exists()]
        if (there or (kind == "postgresql" and _postgres_holds_something(settings))) and not overwrite:
            what = ", ".join(path.name for path in there) or "the database"
            raise NoBackup(f"There is data already ({what}), and it would be lost. To overwrite it, add --yes.")
        if _DUMP in checked:
            _load_postgres(settings, checked[_DUMP])
        for name, path in checked.items():
            if name != _DUMP:
                _put(path, _main_path(settings) if name == _MAIN else settings.home / name)
        if tracker.FILE not in checked:
            _forget(settings.home / tracker.FILE)
    return manifest


def keys_away(settings: Settings, manifest: Manifest) -> tuple[str, ...]:
    """Return the fingerprints of the keys that an archive needs and the key file does not hold."""
    try:
        there: Sequence[str] = Keyring(place_of(settings.database, settings)).fingerprints()
    except KeysUnusable:
        there = ()
    return tuple(key for key in manifest.keys if key not in there)


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
    with new.open("rb") as opened:
        os.fsync(opened.fileno())
    # The journal goes first: with it the new file would be mended by what was the old one's.
    for suffix in ("-wal", "-shm", "-journal"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    shutil.move(new, target.with_name(f"{target.name}.new"))
    target.with_name(f"{target.name}.new").replace(target)


def _forget(path: Path) -> None:
    """Take away what the backup does not hold: it belongs to what is replaced."""
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


def _run(settings: Settings, program: str, arguments: Sequence[str]) -> None:
    found = shutil.which(program)
    if found is None:
        raise NoBackup(f"{program} is missing. Install PostgreSQL's client programs (Debian: postgresql-client).")
    command = [found, f"--dbname={_address(settings)}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=_environment(settings), check=False)  # noqa: S603 - ours
    if done.returncode != 0:
        # Of a failed restore the detail may quote a row: only the first line names the fault.
        why = next((line for line in done.stderr.splitlines() if "error" in line.lower()), "no reason given")
        raise NoBackup(f"{program} failed: {why[:200]}")


def _psycopg_revision(settings: Settings) -> str:
    return _asked(settings, "SELECT version_num FROM alembic_version") or "none"


def _postgres_holds_something(settings: Settings) -> bool:
    return _asked(settings, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' LIMIT 1") is not None


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


def _load_postgres(settings: Settings, dump: Path) -> None:
    """Put the dump in the place of all tables. What was there stands aside until all of it is in."""
    _asked(
        settings,
        "DROP SCHEMA IF EXISTS septimus_aside CASCADE",
        "ALTER SCHEMA public RENAME TO septimus_aside",
        "CREATE SCHEMA public",
    )
    try:
        options = ["--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]
        _run(settings, "pg_restore", [*options, str(dump)])
    except NoBackup:
        _asked(settings, "DROP SCHEMA public CASCADE", "ALTER SCHEMA septimus_aside RENAME TO public")
        raise
    _asked(settings, "DROP SCHEMA septimus_aside CASCADE")
