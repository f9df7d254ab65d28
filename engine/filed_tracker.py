"""The bounded tracker store in the file, or the PostgreSQL, of endpoints.yml; what is forgotten is deleted.

It stands beside the components and not among them: the model is not made from it. Rasa hands a tracker store of one's
own the endpoint's `url` under the name `host`; without this the store would not hear of its file, and keep in memory.
"""

from typing import Any, Optional, Text

import sqlalchemy as sa
from rasa.core.brokers.broker import EventBroker
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import Restarted
from rasa.shared.core.trackers import DialogueStateTracker
from sqlalchemy.pool import QueuePool

from engine.components.tracker_store import BoundedTrackerStore, _conversations, _metadata, _prepare_sqlite

SCHEMA = "engine"
"""The engine's own room in a PostgreSQL that it shares: it needs no right on anything else there."""
_ONE_AT_A_TIME = 5005
"""The advisory lock of whoever makes the table: several engines may start at once."""
# Unlogged: what people say in their last turns is then in no write-ahead log, so in no archive and no replica of it.
_TABLE = (
    f"CREATE UNLOGGED TABLE IF NOT EXISTS {SCHEMA}.conversations ("
    "sender_id VARCHAR(64) PRIMARY KEY, updated_at FLOAT NOT NULL, tracker TEXT NOT NULL)"
)
_INDEX = f"CREATE INDEX IF NOT EXISTS ix_conversations_updated_at ON {SCHEMA}.conversations (updated_at)"
_PATIENCE = 5


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
        url = host or "sqlite://"
        if sa.engine.make_url(url).get_backend_name() == "postgresql":
            # The store beneath would make its table where ours are, and stumble over another engine doing so.
            super().__init__(domain, event_broker, url="sqlite://", **kwargs)
            self._engine = _shared(url)
            return
        super().__init__(domain, event_broker, url=url, **kwargs)
        if self._engine.dialect.name == "sqlite":
            self._engine.dispose()  # what was opened before does not overwrite what it deletes
            self._engine = _file(url)
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


def _file(url: Text) -> Any:
    """Open the file of the one engine, and keep it open: SQLite empties its write-ahead log when the last one closes.

    That took more of a message than reading and writing the row.
    """
    one = {"pool_size": 1, "max_overflow": 0} if sa.engine.make_url(url).database else {}
    pool = QueuePool if one else None
    engine = sa.create_engine(
        url, future=True, poolclass=pool, hide_parameters=True, connect_args={"check_same_thread": False}, **one
    )
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "connect", _overwrite_what_is_deleted)
    return engine


def _shared(url: Text) -> Any:
    """Open the table that several engines share, made when it is not there."""
    engine = sa.create_engine(
        url, future=True, pool_pre_ping=True, hide_parameters=True, connect_args={"connect_timeout": _PATIENCE}
    )
    with engine.begin() as connection:
        connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_ONE_AT_A_TIME})"))
        # Asked first: whoever may not make a schema may not say IF NOT EXISTS either.
        there = sa.text("SELECT 1 FROM pg_namespace WHERE nspname = :name")
        if connection.execute(there, {"name": SCHEMA}).first() is None:
            connection.execute(sa.text(f"CREATE SCHEMA {SCHEMA}"))
        if connection.execute(sa.text(f"SELECT to_regclass('{SCHEMA}.conversations')")).scalar() is None:
            connection.execute(sa.text(_TABLE))
            connection.execute(sa.text(_INDEX))
    return engine.execution_options(schema_translate_map={None: SCHEMA})


def _overwrite_what_is_deleted(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA secure_delete=ON")
