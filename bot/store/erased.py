"""Who was erased, known outside the database: whom a backup from before brings back is erased again.

One line for each in a file of the data folder: the day, and a digest of the pseudonym, which was random. A backup puts
a copy of the file beside itself. `septimus restore` takes in what lies beside the backup and leaves a mark, and the
next gateway looks before it answers anybody.
"""

import hashlib
import os
import shutil
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from bot.store import kept
from bot.store.database import Store
from bot.store.tables import PatientRow

FILE, MARK = "erased", "restored"


class ErasedUnusable(Exception):
    """Who was erased can't be read, and must be before anybody is answered; the message says what to do."""


class Erased:
    """The file and the mark of a data folder."""

    def __init__(self, home: Path) -> None:
        self._file, self._mark = home / FILE, home / MARK

    def note(self, patient_id: str, at: datetime) -> None:
        """Write down that somebody is erased; the line is on the disk when this returns. Twice does no harm."""
        self._add(f"{at.date().isoformat()} {_digest(patient_id)}\n")

    def copy_beside(self, backup: Path) -> None:
        """Put a copy beside a backup, in place of the one of the backup before."""
        if self._file.exists():
            new = backup.with_name(f".{FILE}.new")
            shutil.copyfile(self._file, new)
            new.chmod(0o600)
            new.replace(backup.with_name(FILE))

    def take_in(self, backup: Path) -> None:
        """Take in the copy that lies beside a backup, and leave word that the database is an older one."""
        copy = backup.with_name(FILE)
        if copy.exists() and copy.absolute() != self._file.absolute():
            known = set(self._lines())
            self._add("".join(f"{line}\n" for line in copy.read_text("utf-8").splitlines() if line not in known))
        self._mark.touch(mode=0o600)

    async def erase_again(self, store: Store, now: datetime) -> int:
        """After a restore, erase whom the file names, and take the mark away; return how many that were.

        Raises:
            ErasedUnusable: the file can't be read, or the mark not taken away.
        """
        try:
            if not self._mark.exists():
                return 0
            gone = {line.rpartition(" ")[2] for line in self._lines()}
        except (OSError, ValueError) as error:
            raise self._unusable(error) from None
        async with store.writing() as session:
            people = await session.scalars(select(PatientRow.id)) if gone else ()
            again = [each for each in people if _digest(each) in gone]
            for patient_id in again:
                await kept.erase(session, patient_id, now, tell=False)
        try:
            self._mark.unlink(missing_ok=True)
        except OSError as error:
            raise self._unusable(error) from None
        return len(again)

    def _lines(self) -> list[str]:
        return self._file.read_text("utf-8").splitlines() if self._file.exists() else []

    def _add(self, lines: str) -> None:
        with os.fdopen(os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())

    def _unusable(self, error: Exception) -> ErasedUnusable:
        return ErasedUnusable(
            f"A backup was restored, and {self._file} says who was erased since. It can't be used "
            f"({type(error).__name__}). Give it, and the folder, to the user that Septimus runs as."
        )


def _digest(patient_id: str) -> str:
    return hashlib.sha256(f"septimus erased\0{patient_id}".encode()).hexdigest()
