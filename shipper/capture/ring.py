"""Reads the kernel's ring buffer through its memory mapping: bytes in, `Event`s out.

No bpf() call is made, so an unprivileged process can do it on every kernel. The layout of the
mapping is that of `linux/bpf.h` (BPF_MAP_TYPE_RINGBUF): a consumer page that we write, a producer
page, and the data twice over, so that no record wraps.
"""

import mmap
import select
from typing import Final

from shipper.capture.layout import EVENT, PROCESS, VERSION
from shipper.contract.events import Event, Owner
from shipper.errors import UnavailableError

_PAGE: Final = mmap.PAGESIZE
_HEADER: Final = 8
_BUSY: Final = 1 << 31
_DISCARD: Final = 1 << 30
_LENGTH: Final = _DISCARD - 1
_NOBODY: Final = bytes(PROCESS.size)
#: processes remembered, so that each is taken apart once
_REMEMBERED: Final = 8192


class Ring:
    """One ring buffer; whoever holds it is its only reader."""

    def __init__(self, descriptor: int, size: int) -> None:
        """Map the ring behind `descriptor`, of `size` bytes of data."""
        self.descriptor = descriptor
        self.size = size
        self._consumer = mmap.mmap(descriptor, _PAGE, mmap.MAP_SHARED, offset=0)
        self._data = mmap.mmap(
            descriptor, _PAGE + 2 * size, mmap.MAP_SHARED, mmap.PROT_READ, offset=_PAGE
        )
        self._consumed = memoryview(self._consumer).cast("Q")
        self._bytes = memoryview(self._data)
        self._produced = self._bytes.cast("Q")
        self._words = self._bytes.cast("I")
        self._owners: dict[bytes, Owner | None] = {_NOBODY: None}
        self._poll: select.epoll | None = None

    @property
    def waiting(self) -> int:
        """Bytes that wait to be read."""
        return self._produced[0] - self._consumed[0]

    def wait(self, timeout: float) -> None:
        """Sleep until the kernel says that much waits, at most `timeout` seconds."""
        if self._poll is None:
            # Edge-triggered: only the kernel's wake-up ends a wait, not the events that are let
            # wait.
            self._poll = select.epoll()
            self._poll.register(self.descriptor, select.EPOLLIN | select.EPOLLET)
        self._poll.poll(timeout)

    def drain(self, limit: int = 4096) -> list[Event]:
        """Up to `limit` events, in the order in which they were written."""
        events: list[Event] = []
        position, produced = self._consumed[0], self._produced[0]
        if position == produced:
            return events
        data, words, owners, mask = self._data, self._words, self._owners, self.size - 1
        # Of NamedTuple's own `_make` this is what remains when the number of fields is known.
        unpack, fixed, new, kind = EVENT.unpack_from, EVENT.size, tuple.__new__, Event
        version = VERSION
        try:
            while position < produced and len(events) < limit:
                at = _PAGE + (position & mask)
                header = words[at >> 2]
                if header & _BUSY:
                    break
                if not header & _DISCARD:
                    fields = unpack(data, at + _HEADER)
                    if fields[0] != version:
                        raise UnavailableError(
                            f"the kernel program speaks layout version {fields[0]}, "
                            f"this agent {VERSION}",
                            "restart the agent, so that it loads its own",
                        )
                    begin = at + _HEADER + fixed
                    process = fields[-2]
                    owner = owners[process] if process in owners else self._owner(process)
                    block = data[begin : begin + fields[-1]]
                    # Joined, because to unpack goes through a list.
                    events.append(new(kind, fields[1:-2] + (block, owner)))  # noqa: RUF005
                position += ((header & _LENGTH) + _HEADER + 7) & ~7
        finally:
            # In one step for the whole batch: the page is shared with the kernel's producers.
            self._consumed[0] = position
        return events

    def _owner(self, process: bytes) -> Owner:
        """Who it is, for the first time."""
        *numbers, name, parent_name = PROCESS.unpack(process)
        owner = Owner._make((*numbers, _text(name), _text(parent_name)))
        if len(self._owners) >= _REMEMBERED:
            self._owners.clear()
            self._owners[_NOBODY] = None
        self._owners[process] = owner
        return owner

    def close(self) -> None:
        """Give up the mapping (the descriptor stays its owner's)."""
        if self._poll is not None:
            self._poll.close()
        for view in (self._consumed, self._produced, self._words, self._bytes):
            view.release()
        self._consumer.close()
        self._data.close()


def _text(name: bytes) -> str:
    """The bytes up to a NUL, each the code point of its number."""
    return name.partition(b"\0")[0].decode("latin-1")
