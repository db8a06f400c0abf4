"""A repeated event.id counts once: ids seen -> bitmaps in a store, bounded by time.

An id is `<process>-<worker>-<sequence>`, and sequences come nearly in order: 512 of them share
one bitmap of 64 bytes. An id of another form has one of its own.
"""

from datetime import timedelta
from typing import Final, Protocol

_BLOCK: Final = 512


class ByteStore(Protocol):
    """A part of a state store that forgets by event time."""

    def get_bytes(self, key: str, default: bytes | None = None) -> bytes | None:
        """What was set, or the default."""
        ...

    def set_bytes(self, key: str, value: bytes, ttl: timedelta | None = None) -> None:
        """Keep bytes for a time."""
        ...


class Known:
    """Tells ids seen before from new ones."""

    def __init__(self, remember_ms: int) -> None:
        self._ttl = timedelta(milliseconds=remember_ms)
        #: Records that had come before.
        self.repeated = 0

    def first(self, event_id: str, store: ByteStore) -> bool:
        """Whether this id comes for the first time; it won't any more."""
        block, bit = _place(event_id)
        seen = int.from_bytes(store.get_bytes(block) or b"", "little")
        if seen >> bit & 1:
            self.repeated += 1
            return False
        seen |= 1 << bit
        store.set_bytes(block, seen.to_bytes(-(-seen.bit_length() // 8), "little"), ttl=self._ttl)
        return True


def _place(event_id: str) -> tuple[str, int]:
    """The bitmap, and the bit in it."""
    worker, _, number = event_id.rpartition("-")
    if worker and number.isascii() and number.isdecimal():
        block, bit = divmod(int(number), _BLOCK)
        return f"{worker}-{block}", bit
    return event_id, 0
