"""Events as the kernel emits them, for tests: one connection, written down message by message."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from shipper.contract.events import Direction, Event, Flag, FlowEnd, Hook, Kind, Stream
from shipper.contract.exchange import Exchange
from shipper.http import Assembler

MS = 1_000_000
SECOND = 1_000 * MS
CLIENT, SERVER = 0, 1

WHOLE = Flag.START | Flag.END
GET = b"GET /one HTTP/1.1\r\nHost: a.example\r\n\r\n"
POST = b"POST /two HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class Wire:
    """One connection: every call gives the events of what is sent, and moves the clock 1 ms on.

    `acks`: a message says what was acknowledged by then, as when its segments came in order.
    """

    def __init__(
        self,
        flow: int = 1,
        *,
        time: int = SECOND,
        sequence: int = 0xFFFFFFF0,
        late: bool = False,
        acks: bool = False,
    ) -> None:
        self.flow = flow
        self.time = time
        self.next = [sequence, 77]
        self.acks = acks
        self.late = Flag.LATE if late else Flag(0)

    def event(  # noqa: PLR0913 - what an event can say
        self,
        side: int,
        kind: Kind = Kind.HEADER,
        *,
        flags: int = 0,
        sequence: int | None = None,
        until: int = 0,
        body: int = 0,
        reason: int = 0,
        data: bytes = b"",
    ) -> Event:
        """One event, an IPv4 client's requests coming in to a local server."""
        self.time += MS
        client, server = (
            bytes(10) + b"\xff\xff" + bytes(a) for a in ((10, 0, 0, 1), (10, 0, 0, 2))
        )
        ends = ((client, 40000), (server, 80))
        source, destination = ends if side == CLIENT else ends[::-1]
        role = Flag.REQUEST if side == CLIENT else Flag.RESPONSE
        return Event(
            kind=kind,
            stream=Stream.TCP,
            hook=Hook.CGROUP,
            direction=Direction.INGRESS if side == CLIENT else Direction.EGRESS,
            side=side,
            reason=reason,
            flags=int(flags | role | self.late) if kind == Kind.HEADER else int(flags),
            interface=3,
            time=self.time,
            cookie=11,
            cgroup=12,
            flow=self.flow,
            sequence=self.next[side] if sequence is None else sequence,
            until=self.next[1 - side] if self.acks and kind == Kind.HEADER else until,
            body_bytes=body,
            scope=0,
            source_port=source[1],
            destination_port=destination[1],
            source=source[0],
            destination=destination[0],
            data=data,
        )

    def send(  # noqa: PLR0913 - what a message can be like
        self,
        side: int,
        block: bytes,
        *,
        body: int | None = 0,
        splits: Iterable[int] = (),
        rides: bool = True,
        flags: int = 0,
    ) -> list[Event]:
        """A message: its block split at `splits`; `body` None leaves its end unseen.

        The end rides on the header event, or comes as an event of its own (`rides` False).
        """
        cuts = sorted({0, len(block), *(cut for cut in splits if 0 < cut < len(block))})
        events = []
        for start, end in pairwise(cuts):
            marks = (Flag.START | flags) if start == 0 else 0
            marks |= Flag.END if end == len(block) else 0
            ends = end == len(block) and body is not None and rides
            marks |= Flag.MESSAGE_END if ends else 0
            size = (body or 0) if ends else 0
            events.append(self.event(side, flags=marks, body=size, data=block[start:end]))
            self.skip(side, end - start)
        self.skip(side, body or 0)
        if body is not None and not rides:
            events.append(self.event(side, Kind.MESSAGE_END, body=body))
        return events

    def skip(self, side: int, size: int) -> None:
        """Bytes pass that no event tells of."""
        self.next[side] = (self.next[side] + size) % 2**32

    def end(self, reason: FlowEnd = FlowEnd.FIN, *, flags: int = 0, body: int = 0) -> Event:
        """The end of the connection."""
        return self.event(CLIENT, Kind.FLOW_END, reason=reason, flags=flags, body=body)

    def gap(self, side: int, size: int) -> Event:
        """Bytes that are never seen."""
        start = self.next[side]
        self.skip(side, size)
        return self.event(side, Kind.GAP, sequence=start, until=self.next[side])


def run(
    events: Iterable[Event], assembler: Assembler | None = None, *, close: bool = False
) -> list[Exchange]:
    """What the events become; the equations must hold after each of them."""
    assembler = assembler or Assembler()
    exchanges = []
    for event in events:
        exchanges += assembler.feed(event)
        assert assembler.imbalance() == {}
    if close:
        exchanges += assembler.close()
        assert assembler.held_messages() == 0
        assert assembler.imbalance() == {}
    return exchanges


def summary(exchanges: Sequence[Exchange]) -> list[tuple[str | None, int | None, list[str]]]:
    """Target, status and what is missing, for short comparisons."""
    return [
        (
            each.request.target if each.request else None,
            each.response.status if each.response else None,
            [str(reason) for reason in each.incomplete],
        )
        for each in exchanges
    ]
