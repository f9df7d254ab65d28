"""Rasa's Redis lock store by one address: of several engines, one at a time handles a conversation.

It stands beside the components and not among them: the model is not made from it. Rasa's own takes a host, a port and
a number each by itself, leaves the lock of an engine that was killed in Redis for good, with the pseudonym in it, and
reads a lock and writes it back in two steps: of two engines that do so at once, one's ticket is lost, and both hold the
conversation. Here each change of a lock is one transaction.
"""

import json
from typing import Callable, Optional, Text, TypeVar

import redis
from rasa.core.lock import TicketLock
from rasa.core.lock_store import LOCK_LIFETIME, LockError, RedisLockStore
from rasa.utils.endpoints import EndpointConfig
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.exceptions import ConnectionError as RedisAway
from redis.exceptions import RedisError
from redis.retry import Retry

# The gateway waits 8 s for an engine by default. A Redis that hangs must not use up all of it.
_PATIENCE = 2.0
_KEPT_FOR = 2 * int(LOCK_LIFETIME)

T = TypeVar("T")


class SharedLockStore(RedisLockStore):
    """Keeps the locks in the Redis of the endpoint's `url`, for twice as long as a lock lives.

    Args:
        endpoint_config: `lock_store` in endpoints.yml; `url` is redis://, rediss:// or unix://.
    """

    def __init__(self, endpoint_config: EndpointConfig) -> None:
        super().__init__()
        self.red = redis.StrictRedis.from_url(
            endpoint_config.url,
            socket_timeout=_PATIENCE,
            socket_connect_timeout=_PATIENCE,
            # A connection that Redis closed when it was started again is noticed at the first use, and made anew.
            retry=Retry(NoBackoff(), 1),
            retry_on_error=[RedisAway],
        )

    def issue_ticket(self, conversation_id: Text, lock_lifetime: float = LOCK_LIFETIME) -> int:
        """Stand in line for a conversation: the number of the ticket.

        Raises:
            LockError: Redis is away.
        """
        try:
            return self._change(conversation_id, lambda lock: lock.issue_ticket(lock_lifetime))
        except RedisError as away:
            raise LockError(f"Redis gave no ticket for the conversation: {type(away).__name__}") from away

    def update_lock(self, conversation_id: Text) -> None:
        """Take tickets out of the line whose time is over."""
        self._change(conversation_id, TicketLock.remove_expired_tickets)

    def cleanup(self, conversation_id: Text, ticket_number: int) -> None:
        """Leave the line; the lock goes with the last who stood in it."""
        self._change(conversation_id, lambda lock: lock.remove_ticket_for(ticket_number))

    def _change(self, conversation_id: Text, change: Callable[[TicketLock], T]) -> T:
        """Read a lock, change it and write it back, and do so again where another engine wrote in between."""
        key = self.key_prefix + conversation_id

        def as_one(pipe: Pipeline) -> T:
            kept: Optional[bytes] = pipe.get(key)
            lock = TicketLock.from_dict(json.loads(kept)) if kept else TicketLock(conversation_id)
            changed = change(lock)
            pipe.multi()
            if lock.is_someone_waiting():
                pipe.set(key, lock.dumps(), ex=_KEPT_FOR)  # what nobody comes back to goes by itself
            else:
                pipe.delete(key)
            return changed

        return self.red.transaction(as_one, key, value_from_callable=True)
