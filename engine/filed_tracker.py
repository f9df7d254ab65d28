"""The bounded tracker store in the file that endpoints.yml names; of a forgotten conversation nothing is left.

It stands beside the components and not among them: the model is not made from it. Rasa hands a tracker store of one's
own the endpoint's `url` under the name `host`; without this the store would not hear of its file, and keep in memory.
"""

from typing import Any, Optional, Text

import sqlalchemy as sa
from rasa.core.brokers.broker import EventBroker
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import Restarted
from rasa.shared.core.trackers import DialogueStateTracker

from engine.components.tracker_store import BoundedTrackerStore, _conversations, _metadata


class FiledTrackerStore(BoundedTrackerStore):
    """Keeps the last turns of each conversation in a row of a database, and deletes the row when it is told to.

    Args:
        domain: the assistant's domain.
        event_broker: where new events are published, if anywhere.
        host: the table's database, as SQLAlchemy writes addresses; in memory without one.
    """

    def __init__(
        self,
        domain: Optional[Domain] = None,
        event_broker: Optional[EventBroker] = None,
        host: Optional[Text] = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(domain, event_broker, url=host or "sqlite://", **kwargs)
        if self._engine.dialect.name == "sqlite":
            sa.event.listen(self._engine, "connect", _overwrite_what_is_deleted)
            self._engine.dispose()  # what was opened before does not know of it
            _metadata.create_all(self._engine)

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Store the bounded tracker. One whose only event is a restart asks to forget the conversation."""
        if tracker.events and all(isinstance(event, Restarted) for event in tracker.events):
            self._forget(tracker.sender_id)
        else:
            await super().save(tracker)

    def _forget(self, sender_id: Text) -> None:
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_conversations).where(_conversations.c.sender_id == sender_id))
        if self._engine.dialect.name == "sqlite":
            with self._engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def _overwrite_what_is_deleted(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA secure_delete=ON")
