"""Who was erased, known outside the database: whom a backup from before brings back is erased again.

One line for each in a file of the data folder: the day, and a digest of the pseudonym, which was random and stands
nowhere else any more. `septimus restore` leaves a mark, and the next gateway looks before it answers anybody.
"""

import hashlib
import os
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from bot.store import kept
from bot.store.database import Store
from bot.store.tables import PatientRow

FILE, MARK = "erased", "restored"


class Erased:
    """The file and the mark of a data folder."""

    def __init__(self, home: Path) -> None:
        self._file, self._mark = home / FILE, home / MARK

    def note(self, patient_id: str, at: datetime) -> None:
        """Write down that somebody is erased; the line is on the disk when this returns. Twice does no harm."""
        line = f"{at.date().isoformat()} {_digest(patient_id)}\n"
        with os.fdopen(os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def mark_restored(self) -> None:
        """Leave word that the database is an older one."""
        self._mark.touch(mode=0o600)

    async def erase_again(self, store: Store, now: datetime) -> int:
        """After a restore, erase whom the file names, and take the mark away; return how many that were."""
        if not self._mark.exists():
            return 0
        lines = self._file.read_text(encoding="utf-8").splitlines() if self._file.exists() else []
        gone = {line.rpartition(" ")[2] for line in lines}
        async with store.writing() as session:
            people = await session.scalars(select(PatientRow.id)) if gone else ()
            again = [each for each in people if _digest(each) in gone]
            for patient_id in again:
                await kept.erase(session, patient_id, now, tell=False)
        self._mark.unlink(missing_ok=True)
        return len(again)


def _digest(patient_id: str) -> str:
    return hashlib.sha256(f"septimus erased\0{patient_id}".encode()).hexdigest()
