"""A clock that was set back holds up no erasure; `tests/faults/test_clock.py` does the rest with the real gateway."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from bot.store import Store, set_back
from bot.store.tables import ErasureRow

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
AHEAD = NOW + timedelta(hours=1)


async def test_an_erasure_begun_while_the_clock_was_ahead_is_brought_back(store: Store) -> None:
    async with store.writing() as session:
        for state, at in (("erasing", AHEAD), ("wiping", AHEAD), ("done", AHEAD), ("erasing", NOW)):
            session.add(ErasureRow(state=state, at=at, patient_id=None if state == "done" else state))
    async with store.writing() as session:
        assert await set_back.bring_back(session, NOW) == 2
    async with store.reading() as session:
        rows = (await session.execute(select(ErasureRow.state, ErasureRow.at).order_by(ErasureRow.id))).all()
    assert [tuple(row) for row in rows] == [("erasing", NOW), ("wiping", NOW), ("done", AHEAD), ("erasing", NOW)]
