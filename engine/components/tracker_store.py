"""A tracker store whose cost does not grow with the length of a conversation.

Rasa reads back and deserialises every event since the last session start, and its rule policy builds every past
state, so answers slow down with each message. Here a conversation is one row: the slots, the active loop and the last
few turns. That is all the rule policy and the actions look at. One row is also simple to expire and to erase.
"""

import json
import time
from typing import Any, Iterable, List, Optional, Text

import sqlalchemy as sa
from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import SerializedTrackerAsText, TrackerStore
from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, ActiveLoop, Event, SlotSet
from rasa.shared.core.trackers import DialogueStateTracker

_metadata = sa.MetaData()
_conversations = sa.Table(
    "conversations",
    _metadata,
    sa.Column("sender_id", sa.String(64), primary_key=True),
    sa.Column("updated_at", sa.Float, nullable=False, index=True),
    sa.Column("tracker", sa.Text, nullable=False),
)


class BoundedTrackerStore(TrackerStore, SerializedTrackerAsText):
    """Keeps the last turns of each conversation in one row of an SQL table.

    Args:
        domain: the assistant's domain.
        event_broker: where new events are published, if anywhere.
        url: the table's database, as SQLAlchemy writes addresses.
        turns: how many of the latest turns (a turn begins when the bot listens) are kept.
        expire_hours: conversations untouched for so long are deleted at the next start and once an hour.
    """

    def __init__(
        self,
        domain: Optional[Domain] = None,
        event_broker: Optional[EventBroker] = None,
        url: Text = "sqlite://",
        turns: int = 6,
        expire_hours: float = 72.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(domain, event_broker, **kwargs)
        self._turns = int(turns)
        self._expire_seconds = float(expire_hours) * 3600
        self._swept_at = 0.0
        self._engine = sa.create_engine(url, future=True)
        if self._engine.dialect.name == "sqlite":
            sa.event.listen(self._engine, "connect", _prepare_sqlite)
        _metadata.create_all(self._engine)

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Store the bounded tracker, in place of what stood there."""
        if self.event_broker:
            await self.stream_events(tracker)
        now = time.time()
        row = {
            "updated_at": now,
            "tracker": json.dumps({"events": [e.as_dict() for e in bounded(tracker, self._turns)]}),
        }
        with self._engine.begin() as connection:
            changed = connection.execute(
                sa.update(_conversations).where(_conversations.c.sender_id == tracker.sender_id).values(**row)
            )
            if changed.rowcount == 0:
                connection.execute(sa.insert(_conversations).values(sender_id=tracker.sender_id, **row))
            if now - self._swept_at > 3600:
                self._swept_at = now
                connection.execute(
                    sa.delete(_conversations).where(_conversations.c.updated_at < now - self._expire_seconds)
                )

    async def retrieve(self, sender_id: Text) -> Optional[DialogueStateTracker]:
        """Return the bounded tracker, or None when the conversation is unknown."""
        with self._engine.connect() as connection:
            stored = connection.execute(
                sa.select(_conversations.c.tracker).where(_conversations.c.sender_id == sender_id)
            ).scalar_one_or_none()
        if stored is None:
            return None
        return DialogueStateTracker.from_dict(
            sender_id, json.loads(stored)["events"], self.domain.slots, self.max_event_history
        )

    async def keys(self) -> Iterable[Text]:
        """Return the ids of all conversations kept."""
        with self._engine.connect() as connection:
            return [row[0] for row in connection.execute(sa.select(_conversations.c.sender_id))]


def bounded(tracker: DialogueStateTracker, turns: int) -> List[Event]:
    """Return the events that recreate a tracker's present state from its last turns alone.

    Older turns are replaced by what they left behind: the slots that are set, and the active loop.
    """
    events = list(tracker.events)
    starts = [
        index
        for index, event in enumerate(events)
        if isinstance(event, ActionExecuted) and event.action_name == ACTION_LISTEN_NAME
    ]
    if len(starts) <= turns:
        return events
    cut = starts[-turns]
    before = DialogueStateTracker.from_events(tracker.sender_id, events[:cut], list(tracker.slots.values()))
    kept: List[Event] = [SlotSet(name, slot.value) for name, slot in before.slots.items() if slot.has_been_set]
    if before.active_loop_name:
        kept.append(ActiveLoop(before.active_loop_name))
    return kept + events[cut:]


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA busy_timeout=5000")
