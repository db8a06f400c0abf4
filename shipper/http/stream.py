"""One direction of a connection: its header events in, whole header blocks out.

Rules, by the TCP sequence number (modulo 2**32):
- A block begins at an event with START and ends with the one that holds the blank line (END), or
  is cut (CUT, or more than `max_block` bytes).
- Bytes had already are not taken again. Where the second copy disagrees, the first one stays and
  the block is marked.
- Bytes beyond a hole are held until the hole is filled, also those of a block that has not begun:
  its first segment may come second. Speculative ones may prove to be body, so that in a block that
  holds any the blank line is looked for here, and END is not believed.
- What is held is thrown away once a block, a message's end, a START or a gap reaches beyond it:
  then it was body, or what lies before it will not come. It is bounded by one block's bytes.
- A gap inside a block, or a START beyond it, breaks it off: what is there is handed out as it is.

Knows the order of bytes and not what they say.
"""

from typing import TYPE_CHECKING, Final

from shipper.contract.events import Event, Flag
from shipper.contract.exchange import Incomplete

if TYPE_CHECKING:
    from shipper.http.block import Head

START: Final = int(Flag.START)
END: Final = int(Flag.END)
SPECULATIVE: Final = int(Flag.SPECULATIVE)
OVERLAP: Final = int(Flag.OVERLAP)
CUT: Final = int(Flag.CUT)
MESSAGE_END: Final = int(Flag.MESSAGE_END)

UNMATCHED: Final = "message_end_unmatched"

_MODULUS: Final = 1 << 32
_MASK: Final = _MODULUS - 1
_HALF: Final = 1 << 31

# Held pieces are few: each is a segment beyond a hole in, or before, one header block.
_MOST_HELD: Final = 64


def distance(later: int, earlier: int) -> int:
    """Bytes from one sequence number to another, negative when it lies behind (RFC 9293, 3.4)."""
    return ((later - earlier + _HALF) & _MASK) - _HALF


class Block:
    """The bytes of a header block while they are put together, and what their events said."""

    __slots__ = (
        "body_bytes",
        "conflict",
        "cut",
        "data",
        "end",
        "fault",
        "first",
        "flags",
        "latest",
        "speculative",
        "start",
        "whole",
    )

    def __init__(self, first: int, start: int) -> None:
        self.first = first  # sequence number of the first byte
        self.start = start  # ns, as are `latest` and `end`
        self.latest = start
        self.data = bytearray()
        self.flags = 0
        self.end: int | None = None  # when the whole message ended in one of the events
        self.body_bytes: int | None = None
        self.conflict = False
        self.speculative = False
        self.whole = False
        self.cut = False
        self.fault: Incomplete | None = None


class Side:
    """One direction of one connection.

    `head` is the message most recently begun, until its exchange is handed out; `end_counter` is
    what an end that comes later is counted as; `first` and `length` say where in the stream the
    last block lay.
    """

    __slots__ = (
        "_counters",
        "_max_block",
        "end_counter",
        "first",
        "half",
        "head",
        "held",
        "length",
    )

    def __init__(self, counters: dict[str, int], max_block: int) -> None:
        self._counters = counters
        self._max_block = max_block
        self.half: Block | None = None
        self.held: list[Event] = []
        self.head: Head | None = None
        self.end_counter = UNMATCHED
        self.first = 0
        self.length = 0

    def take(self, event: Event) -> list[Block]:
        """The blocks that this header event ends: its own, and one that it breaks off."""
        half = self.half
        if half is None:
            return self._begin(event)
        delta = distance(event.sequence, half.first)
        if delta < 0 and self.repeats(event):
            return self._duplicate(event)
        reaches = delta + len(event.data)
        begins_another = event.flags & (START | SPECULATIVE | OVERLAP) == START and (
            delta >= len(half.data) or reaches <= 0
        )
        if begins_another:
            return [self.break_off(gap=True), *self._begin(event)]
        if reaches <= 0 and event.data:
            self._counters["duplicate"] += 1
            return []
        if delta > len(half.data):
            self._hold(event)
            return []
        return self._joined(half, event)

    def gap(self, event: Event) -> list[Block]:
        """The block that lacks the bytes of this gap."""
        half = self.half
        if half is None or distance(event.until, half.first) <= len(half.data):
            self._counters["gap_outside_block"] += 1
            if self.head is not None:
                self.head.gap = True
            self.discard_before(event.until)
            return []
        self._counters["gap_in_block"] += 1
        block = self.break_off(gap=True)
        self.discard_before(event.until)
        return [block]

    def break_off(self, *, gap: bool) -> Block:
        """End the block under assembly without its blank line; the caller knows there is one.

        `gap`: bytes are missing in its middle or were never seen, rather than never sent.
        """
        half = self.half
        if half is None:
            msg = "no header block is under assembly"
            raise AssertionError(msg)
        missing = gap or bool(self.held)
        half.fault = Incomplete.REQUEST_GAP if missing else Incomplete.REQUEST_CUT_OFF
        self._counters["blocks_broken_off"] += 1
        return self._ended(half)

    def repeats(self, event: Event) -> bool:
        """Whether the event starts among the bytes of the last block."""
        return (event.sequence - self.first) & _MASK < self.length

    def discard_before(self, sequence: int) -> None:
        """Throw away what is held of the bytes before this number: no block needs it any more."""
        if self.held:
            held, self.held = self.held, []
            for event in held:
                if distance(event.sequence + len(event.data), sequence) > 0:
                    self.held.append(event)
                else:
                    self._discard(event)

    def discard_held(self) -> None:
        """Throw away all that lies beyond a hole."""
        for event in self.held:
            self._discard(event)
        self.held.clear()

    def _begin(self, event: Event) -> list[Block]:
        if self.repeats(event):
            return self._duplicate(event)
        if event.flags & START:
            self.discard_before(event.sequence)
            half = self.half = Block(event.sequence, event.time)
            return self._joined(half, event)
        if event.flags & OVERLAP:
            self._counters["duplicate"] += 1
        elif event.flags & SPECULATIVE:
            self._hold(event)  # the first segment of its block may still come
        else:
            self._counters["header_without_start"] += 1
        return []

    def _joined(self, half: Block, event: Event) -> list[Block]:
        """Join the event, then what it makes contiguous."""
        if self._join(half, event):
            return [self._ended(half)]
        while True:
            reach = len(half.data)
            at = next(
                (n for n, e in enumerate(self.held) if distance(e.sequence, half.first) <= reach),
                None,
            )
            if at is None:
                return []
            if self._join(half, self.held.pop(at)):
                return [self._ended(half)]

    def _join(self, half: Block, event: Event) -> bool:
        """Append what is new in the event; whether the block ended with it."""
        data, flags = event.data, event.flags
        joint = len(half.data)
        delta = distance(event.sequence, half.first)
        if delta < 0:
            data, delta = data[-delta:], 0
        had = half.data[delta : delta + len(data)]
        if had and had != data[: len(had)]:
            half.conflict = True
            self._counters["overlap_conflict"] += 1
        fresh = data[len(had) :]
        if not fresh and not flags & CUT:
            self._counters["duplicate"] += 1
            return False
        self._counters["header_taken"] += 1
        half.data += fresh
        half.flags |= flags
        half.latest = max(half.latest, event.time)
        half.speculative = half.speculative or bool(flags & SPECULATIVE)
        if flags & MESSAGE_END:
            half.end, half.body_bytes = event.time, event.body_bytes
        return self._complete(half, joint, flags)

    def _complete(self, half: Block, joint: int, flags: int) -> bool:
        half.whole = bool(flags & END)
        if half.speculative:
            end = _blank_line(half.data, joint)
            half.whole = half.whole or end >= 0
            if end >= 0:
                del half.data[end:]
        if len(half.data) > self._max_block:
            del half.data[self._max_block :]
            half.whole, half.cut = False, True
        elif flags & CUT and not half.whole:
            half.cut = True
        return half.whole or half.cut

    def _ended(self, half: Block) -> Block:
        self.half = None
        self.first, self.length = half.first, len(half.data)
        ended = half.first + len(half.data)
        self.discard_before(ended if half.body_bytes is None else ended + half.body_bytes)
        return half

    def _duplicate(self, event: Event) -> list[Block]:
        """Bytes of the last block once more: compare them while its message is still here."""
        self._counters["duplicate"] += 1
        head = self.head
        if head is not None and head.raw:
            delta = (event.sequence - self.first) & _MASK
            had = head.raw[delta : delta + len(event.data)]
            if had != event.data[: len(had)]:
                self._counters["overlap_conflict"] += 1
                if "overlap_conflict" not in head.anomalies:
                    head.anomalies.append("overlap_conflict")
        return []

    def _hold(self, event: Event) -> None:
        held = sum(len(other.data) for other in self.held)
        if len(self.held) >= _MOST_HELD or held + len(event.data) > self._max_block:
            self._discard(event)
        else:
            self.held.append(event)

    def _discard(self, event: Event) -> None:
        flagged = event.flags & SPECULATIVE
        self._counters["speculative_discarded" if flagged else "unjoined_discarded"] += 1


def _blank_line(data: bytearray, joint: int) -> int:
    """One past the first blank line that ends at or behind `joint`, or -1.

    Empty lines before the start line (RFC 9112 section 2.2) end nothing.
    """
    lead = len(data) - len(data.lstrip(b"\r\n"))
    at = max(lead, joint - 2)
    while (at := data.find(b"\n", at)) >= 0:
        if data[at + 1 : at + 2] == b"\n" and at + 1 >= joint:
            return at + 2
        if data[at + 1 : at + 3] == b"\r\n" and at + 2 >= joint:
            return at + 3
        at += 1
    return -1
