"""Spreadsheets that were uploaded and wait to be confirmed: in memory only, one for each person, for an hour.

They are never written to the disk: what nobody confirms leaves no trace. A desk that is started again has forgotten
them, and the person uploads the file once more.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from bot.desk.passwords import new_token
from bot.desk.spreadsheet import Preview, RowResult, Sheet

KEPT_FOR = timedelta(hours=1)
_MOST_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class Upload:
    """One spreadsheet, what a person chose for it, and what would be read of it. `key` tells it from a later one.

    `read_once` are the numbers of the rows whose text had no second reading, because it could not be done.
    """

    name: str
    data: bytes = field(repr=False)
    at: datetime
    sheet: Sheet = field(repr=False)
    chosen: dict[int, str | None] = field(default_factory=dict)
    day_first: bool = True
    received: date | None = None
    preview: Preview | None = field(default=None, repr=False)
    results: tuple[RowResult, ...] = field(default=(), repr=False)
    read_once: frozenset[int] = frozenset()
    key: str = field(default_factory=new_token, repr=False)


@dataclass(slots=True)
class Uploads:
    """The waiting uploads of one process, by the person who sent each."""

    _waiting: dict[int, Upload] = field(default_factory=dict)

    def keep(self, staff_id: int, upload: Upload) -> None:
        """Keep an upload in place of the person's earlier one. When all are too large together, the oldest goes."""
        self._waiting.pop(staff_id, None)
        self._waiting[staff_id] = upload
        while len(self._waiting) > 1 and sum(len(each.data) for each in self._waiting.values()) > _MOST_BYTES:
            del self._waiting[next(iter(self._waiting))]

    def of(self, staff_id: int, now: datetime, key: str | None = None) -> Upload | None:
        """The person's upload, None when there is none, it is over, or (where a key is given) it is another."""
        self.forget_old(now)
        found = self._waiting.get(staff_id)
        return None if found is None or key not in (None, found.key) else found

    def forget_old(self, now: datetime) -> None:
        """Forget what nobody has confirmed in time."""
        for owner in [owner for owner, each in self._waiting.items() if now - each.at > KEPT_FOR]:
            del self._waiting[owner]

    def drop(self, staff_id: int) -> None:
        """Forget the person's upload."""
        self._waiting.pop(staff_id, None)
