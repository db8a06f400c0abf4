"""What the readers of both containers share: a stream read in whole pieces, frames, damage."""

from typing import NamedTuple, Protocol

#: A longer packet is none: Linux shows a capture up to 512 KiB in one (BIG TCP).
LONGEST = 1 << 20
_LATEST = (1 << 63) - 1
_CHUNK = 1 << 16
_SECOND = 1_000_000_000


class Frame(NamedTuple):
    """One captured frame.

    `time` is ns since the epoch, `link_type` as in the file, `length` the bytes it had on the wire:
    more than `data` holds when the capture kept only the beginning of each.
    """

    time: int
    link_type: int
    data: bytes
    length: int


class DamageError(Exception):
    """The file can't be read any further; the message says why."""


class Readable(Protocol):
    """What a stream is made of."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes."""


class Stream:
    """A file read in whole pieces."""

    def __init__(self, raw: Readable) -> None:
        """`raw` stands at its beginning."""
        self._raw = raw

    def exactly(self, size: int) -> bytes:
        """`size` bytes; DamageError when there are less."""
        data = self.header(size)
        if len(data) < size:
            raise DamageError("it ends there")
        return data

    def header(self, size: int) -> bytes:
        """`size` bytes, or none at the end of the file; DamageError in between."""
        data = self._raw.read(size)
        if 0 < len(data) < size:
            raise DamageError(f"it ends {len(data)} bytes later")
        return data

    def skip(self, size: int) -> None:
        """Pass over so many bytes, holding few of them."""
        while size:
            size -= len(self.exactly(min(size, _CHUNK)))


def timestamp(ticks: int, ticks_a_second: int, offset: int = 0) -> int:
    """Time in ns since the epoch; what lies outside of 1970 to 2262 is moved to the nearer end."""
    return min(max(ticks * _SECOND // ticks_a_second + offset * _SECOND, 0), _LATEST)
