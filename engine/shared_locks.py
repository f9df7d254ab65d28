"""Rasa's Redis lock store by one address: of several engines, one at a time handles a conversation.

It stands beside the components and not among them: the model is not made from it. Rasa's own takes a host, a port and
a number each by itself, and leaves the lock of an engine that was killed in Redis for good, with the pseudonym in it.
"""

from typing import Text

import redis
from rasa.core.lock import TicketLock
from rasa.core.lock_store import LOCK_LIFETIME, RedisLockStore
from rasa.utils.endpoints import EndpointConfig
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisAway
from redis.retry import Retry

# The gateway waits 8 s for an engine by default. A Redis that hangs must not use up all of it.
_PATIENCE = 2.0
_KEPT_FOR = 2 * int(LOCK_LIFETIME)


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

    def save_lock(self, lock: TicketLock) -> None:
        """Keep a lock; what nobody comes back to goes by itself."""
        key: Text = self.key_prefix + lock.conversation_id
        self.red.set(key, lock.dumps(), ex=_KEPT_FOR)
