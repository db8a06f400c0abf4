"""Token buckets: so many a second over any time, and one second's worth at once."""

from collections import OrderedDict
from typing import Final

#: Clients that are remembered; who was not heard of for longest is forgotten, and begins anew.
_MOST: Final = 4096


class Bucket:
    """One bucket of `rate` a second, at least one at once."""

    __slots__ = ("_filled", "_rate", "_tokens")

    def __init__(self, rate: float, now: float) -> None:
        """Full."""
        self._rate = rate
        self._tokens = max(rate, 1.0)
        self._filled = now

    def take(self, now: float) -> bool:
        """Whether there is one to be had at `now` (s, a clock that does not jump)."""
        self._tokens = min(max(self._rate, 1.0), self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


class Buckets:
    """One for each client address, of bounded number."""

    def __init__(self, rate: float, most: int = _MOST) -> None:
        self._rate = rate
        self._most = most
        self._of: OrderedDict[bytes, Bucket] = OrderedDict()

    def take(self, client: bytes, now: float) -> bool:
        """Whether this client may have one more."""
        bucket = self._of.get(client)
        if bucket is None:
            if len(self._of) >= self._most:
                self._of.popitem(last=False)
            bucket = self._of[client] = Bucket(self._rate, now)
        self._of.move_to_end(client)
        return bucket.take(now)
