"""One direction of a connection: its header events in, whole header blocks out.

The kernel program puts segments in order, so that events come in the order of the stream. Rules,
by the TCP sequence number (modulo 2**32):
- A block begins at an event with START and ends with the one that holds the blank line (END), or
  is cut (CUT, or more than `max_block` bytes).
- A gap inside a block, a START elsewhere, or a piece behind a hole that no gap told of, breaks it
  off: what is there is handed out as it is.
- Bytes had already are never taken again, only compared: where the second copy disagrees, the
  first one stays and the message is marked, once.
- What fits nowhere is counted by its reason, and changes nothing else.

Knows the order of bytes and not what they say.
"""

from typing import TYPE_CHECKING, Final

from shipper.contract.events import Event, Flag, Owner
from shipper.contract.exchange import Incomplete

if TYPE_CHECKING:
    from shipper.http.block import Head

START: Final = int(Flag.START)
END: Final = int(Flag.END)
OVERLAP: Final = int(Flag.OVERLAP)
CUT: Final = int(Flag.CUT)
MESSAGE_END: Final = int(Flag.MESSAGE_END)
PROXY: Final = int(Flag.PROXY)
SIMPLE: Final = int(Flag.SIMPLE)

UNMATCHED: Final = "message_end_unmatched"

MASK: Final = (1 << 32) - 1  # of a sequence number
_HALF: Final = 1 << 31


def distance(later: int, earlier: int) -> int:
    """Bytes from one sequence number to another, negative when it lies behind (RFC 9293, 3.4)."""
    return ((later - earlier + _HALF) & MASK) - _HALF


class Block:
    """The bytes of a header block while they are put together, and what their events said."""

    __slots__ = (
        "acknowledged",
        "body_bytes",
        "conflict",
        "cut",
        "data",
        "end",
        "fault",
        "first",
        "flags",
        "latest",
        "process",
        "start",
        "whole",
    )

    def __init__(self, first: int, start: int, acknowledged: int) -> None:
        self.first = first  # sequence number of the first byte
        self.acknowledged = acknowledged  # what its segment acknowledged; 0 if nobody knows
        self.start = start  # ns, as are `latest` and `end`
        self.latest = start
        self.data = bytearray()
        self.flags = 0
        self.end: int | None = None  # when the whole message ended in one of the events
        self.body_bytes: int | None = None
        self.conflict = False
        self.whole = False
        self.cut = False
        self.fault: Incomplete | None = None
        self.process: Owner | None = None  # as the latest event that knew it said


class Side:
    """One direction of one connection.

    `half` is the block in progress; `head` is the message most recently begun, until its exchange
    is handed out; `end_counter` is what an end that comes later is counted as; `first` and
    `length` say where in the stream the last block lay.
    """

    __slots__ = ("_counters", "_max_block", "end_counter", "first", "half", "head", "length")

    def __init__(self, counters: dict[str, int], max_block: int) -> None:
        self._counters = counters
        self._max_block = max_block
        self.half: Block | None = None
        self.head: Head | None = None
        self.end_counter = UNMATCHED
        self.first = self.length = 0

    def take(self, event: Event) -> list[Block]:
        """The blocks that this header event ends: its own, and one that it breaks off."""
        half = self.half
        if event.flags & OVERLAP:
            return self._duplicate(event)
        if half is None:
            return self._begin(event)
        beyond = distance(event.sequence, half.first) - len(half.data)
        if beyond == 0 and not event.flags & START:
            return self._joined(half, event, event.data)
        return self._astray(half, event, beyond)

    def gap(self, event: Event) -> list[Block]:
        """The block that lacks the bytes of this gap."""
        half = self.half
        if half is not None and distance(event.until, half.first) > len(half.data):
            self._counters["gap_in_block"] += 1
            return [self.break_off(gap=True)]
        self._counters["gap_outside_block"] += 1
        if self.head is not None:
            self.head.gap = True
        return []

    def break_off(self, *, gap: bool) -> Block:
        """End the block in progress without its blank line; the caller knows there is one.

        `gap`: bytes of it were never seen, rather than never sent.
        """
        half = self.half
        if half is None:
            msg = "no header block is in progress"
            raise AssertionError(msg)
        half.fault = Incomplete.REQUEST_GAP if gap else Incomplete.REQUEST_CUT_OFF
        self._counters["blocks_broken_off"] += 1
        return self._ended(half)

    def repeats(self, event: Event) -> bool:
        """Whether the event starts among the bytes of the last block."""
        return (event.sequence - self.first) & MASK < self.length

    def _begin(self, event: Event) -> list[Block]:
        if self.repeats(event):
            return self._duplicate(event)
        if not event.flags & START:
            self._counters["header_without_start"] += 1
            return []
        half = self.half = Block(event.sequence, event.time, event.until)
        return self._joined(half, event, event.data)

    def _astray(self, half: Block, event: Event, beyond: int) -> list[Block]:
        """An event that does not begin where the block in progress ends, but `beyond` that."""
        if -len(half.data) <= beyond < 0:
            fresh = event.data[-beyond:]
            if not fresh:
                return self._duplicate(event)
            self._compare(event)
            return self._joined(half, event, fresh)
        if self.repeats(event):
            return self._duplicate(event)
        if event.flags & START:
            return [self.break_off(gap=bool(beyond)), *self._begin(event)]
        self._counters["header_out_of_order"] += 1
        return [self.break_off(gap=True)] if beyond > 0 else []

    def _joined(self, half: Block, event: Event, fresh: bytes) -> list[Block]:
        """Append the next bytes of the block; the block, if it ended with them."""
        flags = event.flags
        self._counters["header_taken"] += 1
        half.data += fresh
        half.flags |= flags
        half.latest = max(half.latest, event.time)
        half.process = event.process or half.process
        if flags & MESSAGE_END:
            half.end, half.body_bytes = event.time, event.body_bytes
        half.whole = bool(flags & END)
        if len(half.data) > self._max_block:
            del half.data[self._max_block :]
            half.whole, half.cut = False, True
        elif flags & CUT and not half.whole:
            half.cut = True
        return [self._ended(half)] if half.whole or half.cut else []

    def _ended(self, half: Block) -> Block:
        self.half = None
        self.first, self.length = half.first, len(half.data)
        return half

    def _duplicate(self, event: Event) -> list[Block]:
        self._counters["duplicate"] += 1
        self._compare(event)
        return []

    def _compare(self, event: Event) -> None:
        """Mark the block in progress, or the last one while its message is here, if they differ."""
        half, head = self.half, self.head
        if half is not None and not half.conflict and _differs(event, half.first, half.data):
            half.conflict = True
            self._counters["overlap_conflict"] += 1
        if (
            head is not None
            and "overlap_conflict" not in head.anomalies
            and _differs(event, self.first, head.raw)
        ):
            head.anomalies.append("overlap_conflict")
            self._counters["overlap_conflict"] += 1


def _differs(event: Event, first: int, had: bytes | bytearray) -> bool:
    """Whether the event has other bytes than `had`, which lie at `first`, for the same place."""
    delta = distance(event.sequence, first)
    mine = had[max(delta, 0) : max(delta + len(event.data), 0)]
    return event.data[max(-delta, 0) :][: len(mine)] != mine
