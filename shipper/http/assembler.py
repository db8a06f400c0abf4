"""All connections: events in, exchanges out, within bounded memory.

The clock is the events' own. `feed` moves it on, and `advance` does while nothing comes; it never
goes back. Whoever calls `advance` must have fed every event before that moment.

A request waits `timeout_ns` for its response since its connection was last heard of; while its
body is still being sent it is not waiting yet, and `idle_ns` bounds it. A response whose end does
not come is handed out after the same time, without an end. Then the state of the connection
remains, until `idle_ns` pass, so that what comes late is told as such.

No more connections have state than `max_connections`, and header blocks in progress and messages in
no exchange yet weigh no more than `max_held` bytes (`shipper.http.weight`), however many peers
never end what they began. Beyond either, the connections that were silent longest give way: what
there is of their messages is told as it is.

What became of each event is counted: see `shipper.http.accounts` for the equations.
"""

from collections import OrderedDict
from collections.abc import Iterable
from itertools import islice
from typing import Final

from shipper.contract.events import Event, FlowEnd, Hook, Kind, Stream
from shipper.contract.exchange import Exchange
from shipper.http.accounts import imbalance, new_counters
from shipper.http.block import parse_block
from shipper.http.pairing import Conversation
from shipper.http.startline import BlockError
from shipper.http.stream import CUT, END, MASK, MESSAGE_END, OVERLAP, PROXY, SIMPLE, START

_HEADER: Final = int(Kind.HEADER)
_MESSAGE_END: Final = int(Kind.MESSAGE_END)
_FLOW_END: Final = int(Kind.FLOW_END)
_GAP: Final = int(Kind.GAP)
_TWIN: Final = int(FlowEnd.TWIN)
_STREAMS: Final = frozenset(int(stream) for stream in Stream)
_HOOKS: Final = frozenset(int(hook) for hook in Hook)

# A block in one event that needs no putting together: just these of the flags that matter to that.
_WHOLE: Final = START | END
_ORDER: Final = _WHOLE | OVERLAP | CUT | PROXY | SIMPLE

#: The end of a twin comes right behind the other end's request; among so many it is looked for.
_NEAR: Final = 32


class Assembler:
    """Turns events, in the order in which the kernel emitted them, into exchanges."""

    def __init__(  # noqa: PLR0913 - each bound by its name
        self,
        *,
        timeout_ns: int = 30_000_000_000,
        idle_ns: int = 300_000_000_000,
        max_connections: int = 65536,
        max_pending: int = 128,
        max_block: int = 16384,
        max_held: int = 128 << 20,
    ) -> None:
        self.counters = new_counters()
        self._timeout_ns = timeout_ns
        self._idle_ns = idle_ns
        self._max_connections = max_connections
        self._max_pending = max_pending
        self._max_block = max_block
        self._max_held = max_held
        self._held = 0
        self._now = 0
        self._next_check = 0  # nothing can be over before
        # Both in the order in which the connections were last heard of.
        self._connections: OrderedDict[int, Conversation] = OrderedDict()
        self._waiting: OrderedDict[int, Conversation] = OrderedDict()

    def feed(self, event: Event) -> list[Exchange]:
        """The exchanges that this event finished, time-outs that it brought included."""
        out: list[Exchange] = []
        self._feed(event, out)
        return out

    def feed_all(self, events: Iterable[Event]) -> list[Exchange]:
        """The same of one event after the other."""
        out: list[Exchange] = []
        for event in events:
            self._feed(event, out)
        return out

    def _feed(self, event: Event, out: list[Exchange]) -> None:
        self.counters["events"] += 1
        if event.time > self._now:
            self._now = event.time
            if event.time >= self._next_check:
                self._expire(out)
        flow = event.flow
        conversation = self._connections.get(flow)
        if conversation is None:
            conversation = self._open(event, out)
            if conversation is None:
                return
        if event.side not in {0, 1}:
            self.counters["unknown_side"] += 1
            return
        conversation.last = self._now
        self._connections.move_to_end(flow)
        if event.kind == _HEADER:
            self._header(conversation, event, out)
        elif event.kind == _FLOW_END:
            self._end(conversation, event, out)
            return
        else:
            self._other(conversation, event, out)
        if conversation.waits:
            self._waiting[flow] = conversation
            self._waiting.move_to_end(flow)
            self._weigh(conversation)
            if self._held > self._max_held:
                self._relieve(out)
        else:
            self._waiting.pop(flow, None)
            self._held -= conversation.weighed
            conversation.weighed = 0

    def advance(self, now: int) -> list[Exchange]:
        """The exchanges whose wait is over at `now` (ns, the events' clock)."""
        out: list[Exchange] = []
        if now > self._now:
            self._now = now
            if now >= self._next_check:
                self._expire(out)
        return out

    def close(self) -> list[Exchange]:
        """All that is open; nothing is held afterwards."""
        out: list[Exchange] = []
        for conversation in self._connections.values():
            conversation.flush(out)
        self._connections.clear()
        self._waiting.clear()
        self._held = 0
        return out

    @property
    def connections(self) -> int:
        """Connections of which there is state."""
        return len(self._connections)

    @property
    def held_bytes(self) -> int:
        """What the header blocks in progress and the messages in no exchange yet weigh."""
        return self._held

    def oldest_open(self) -> int | None:
        """When the oldest of what is in no exchange yet began (ns); None where there is nothing."""
        begun = (conversation.open_since for conversation in self._waiting.values())
        return min((start for start in begun if start is not None), default=None)

    def held_messages(self) -> int:
        """Messages that are in no exchange yet. Looks at every connection."""
        return sum(each.held_messages for each in self._connections.values())

    def imbalance(self) -> dict[str, int]:
        """By how much each equation of `shipper.http.accounts` is off; empty when all hold."""
        return imbalance(self.counters, held_messages=self.held_messages())

    def _header(self, conversation: Conversation, event: Event, out: list[Exchange]) -> None:
        at, flags = event.side, event.flags
        side = conversation.sides[at]
        data, sequence = event.data, event.sequence
        length = len(data)
        if (
            flags & _ORDER != _WHOLE
            or side.half is not None
            or (sequence - side.first) & MASK < side.length  # bytes of the last block
            or length > self._max_block
        ):
            self._unusual(conversation, event, out)
            return
        counters = self.counters
        counters["header_taken"] += 1
        counters["blocks"] += 1
        side.first, side.length = sequence, length
        try:
            head = parse_block(data)
        except BlockError as error:
            conversation.unusable(at, error, flags, out)
            return
        head.sequence, head.acknowledged = sequence, event.until
        head.process = event.process
        message = head.message
        message.start = event.time
        if flags & MESSAGE_END:
            message.end, message.body_bytes = event.time, event.body_bytes
        conversation.take(at, head, flags, out)

    def _unusual(self, conversation: Conversation, event: Event, out: list[Exchange]) -> None:
        """A header event that is more or less than one whole block."""
        if not event.flags & OVERLAP:
            if event.flags & PROXY:
                conversation.teller.proxy_header(event)
                return
            if event.flags & SIMPLE:
                conversation.simple_response(event, out)
                return
        for block in conversation.sides[event.side].take(event):
            conversation.take_block(event.side, block, out)

    def _open(self, event: Event, out: list[Exchange]) -> Conversation | None:
        """State for a connection that is not known; None for an event that needs none."""
        fate = _needless(event)
        if fate is not None:
            self.counters[fate] += 1
            return None
        if len(self._connections) >= self._max_connections:
            flow, oldest = self._connections.popitem(last=False)
            self._waiting.pop(flow, None)
            self._held -= oldest.weighed
            self.counters["connections_evicted"] += 1
            oldest.flush(out)
        self.counters["connections"] += 1
        conversation = Conversation(
            event, self.counters, max_pending=self._max_pending, max_block=self._max_block
        )
        self._connections[event.flow] = conversation
        return conversation

    def _other(self, conversation: Conversation, event: Event, out: list[Exchange]) -> None:
        if event.kind == _MESSAGE_END:
            conversation.message_end(event, out)
        elif event.kind == _GAP:
            for block in conversation.sides[event.side].gap(event):
                conversation.take_block(event.side, block, out)
        else:
            self.counters["unknown_kind"] += 1

    def _end(self, conversation: Conversation, event: Event, out: list[Exchange]) -> None:
        del self._connections[event.flow]
        self._waiting.pop(event.flow, None)
        self._held -= conversation.weighed
        if event.reason == _TWIN:
            self.counters["twin"] += 1
            self._introduce(conversation)
            conversation.drop()
        else:
            self.counters["flow_end"] += 1
            conversation.end(event, out)

    def _introduce(self, client: Conversation) -> None:
        """Tell a connection's server, which has just been heard of, whose its client was."""
        asked = client.first_asked
        if asked is None or asked.process is None:
            return
        for server in islice(reversed(self._connections.values()), _NEAR):
            if server.recognises(asked):
                server.teller.peer = asked.process
                return

    def _weigh(self, conversation: Conversation) -> None:
        weight = conversation.weight
        self._held += weight - conversation.weighed
        conversation.weighed = weight

    def _relieve(self, out: list[Exchange]) -> None:
        """Make room, and a tenth more, so that those who hold nothing are not passed each time."""
        excess = self._held - self._max_held * 9 // 10
        relieved: list[int] = []
        for flow, conversation in self._waiting.items():
            if conversation.weighed:
                relieved.append(flow)
                excess -= conversation.weighed
                if excess <= 0:
                    break
        for flow in relieved:
            conversation = self._waiting.pop(flow)
            self.counters["connections_relieved"] += 1
            conversation.flush(out)
            self._weigh(conversation)

    def _expire(self, out: list[Exchange]) -> None:
        now = self._now
        # Whatever is heard of from now on can't be over sooner than this.
        check = now + min(self._timeout_ns, self._idle_ns)
        waiting, connections = self._waiting, self._connections
        while waiting:
            flow, conversation = next(iter(waiting.items()))
            if conversation.last + self._timeout_ns > now:
                check = min(check, conversation.last + self._timeout_ns)
                break
            del waiting[flow]
            if not conversation.uploading:
                self.counters["timeouts"] += 1
                conversation.flush(out, timed_out=True)
                self._weigh(conversation)
        while connections:
            flow, conversation = next(iter(connections.items()))
            if conversation.last + self._idle_ns > now:
                check = min(check, conversation.last + self._idle_ns)
                break
            del connections[flow]
            waiting.pop(flow, None)
            self._held -= conversation.weighed
            self.counters["connections_idle"] += 1
            conversation.flush(out, timed_out=True)
        self._next_check = check


def _needless(event: Event) -> str | None:
    """What an event of an unknown connection is counted as, if it can't begin anything."""
    if event.kind == _HEADER:
        if event.side not in {0, 1}:
            return "unknown_side"
        if event.stream not in _STREAMS or event.hook not in _HOOKS:
            return "unknown_stream"
        if event.flags & OVERLAP:
            return "duplicate"
        return None if event.flags & START else "header_without_start"
    return {
        _MESSAGE_END: "message_end_unmatched",
        _GAP: "gap_outside_block",
        _FLOW_END: "flow_end_without_state" if event.reason != _TWIN else "twin",
    }.get(event.kind, "unknown_kind")
