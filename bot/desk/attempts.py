"""How often an address may try to sign in: a sliding window in memory, bounded."""

import ipaddress
from collections import OrderedDict, deque
from datetime import datetime, timedelta

TRIES, WITHIN = 20, timedelta(minutes=5)
_MOST_ADDRESSES = 10_000


class Attempts:
    """Counts tries by address. What protects one account is kept in the database; this one slows a flood down."""

    def __init__(self) -> None:
        self._tries: OrderedDict[str, deque[datetime]] = OrderedDict()

    def allows(self, address: str, now: datetime) -> bool:
        """Whether this address may try once more; it counts as a try when it may."""
        key = _network(address)
        tries = self._tries.setdefault(key, deque(maxlen=TRIES))
        self._tries.move_to_end(key)
        while len(self._tries) > _MOST_ADDRESSES:
            self._tries.popitem(last=False)
        while tries and tries[0] <= now - WITHIN:
            tries.popleft()
        if len(tries) >= TRIES:
            return False
        tries.append(now)
        return True


def _network(address: str) -> str:
    """Whoever has an IPv6 address has its whole /64."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return str(ipaddress.ip_network((ip, 64), strict=False)) if ip.version == 6 else str(ip)
