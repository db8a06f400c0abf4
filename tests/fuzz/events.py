"""Bytes as a list of events, and back: what the fuzzer changes, and what seeds are written as.

Each event takes a head of five bytes and, for a header event, the bytes it names. Sequence
numbers are told from where the side stands, because a fuzzer would not find them by chance.
Nothing is left out for being impossible: flags, sides, kinds, hooks and times come as they may.

| byte | says |
| --- | --- |
| 0 | what: bits 0 to 2 (0 to 3 header, 4 message end, 5 flow end, 6 gap, 7 a kind that is none); side: bit 3; flow: bits 4, 5; time: bits 6, 7 |
| 1, 2 | flags, low byte first; bit 14: side 7; bit 15: a stream that is none |
| 3 | signed: sequence number from where the side stands; beyond 100 in thousands |
| 4 | header: bytes that follow, from 224 on one of the usual blocks; else the number of the event |
"""  # noqa: E501 - a table

from collections.abc import Iterator
from typing import Final, NamedTuple

from shipper.contract.events import Direction, Event, Flag, FlowEnd, Hook, Kind

FIRST: Final = 224
BLOCKS: Final = (
    b"GET /one HTTP/1.1\r\nHost: a.example\r\n\r\n",
    b"POST /two HTTP/1.1\r\nContent-Length: 5\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HEAD / HTTP/1.1\r\n\r\n",
    b"CONNECT a.example:443 HTTP/1.1\r\n\r\n",
    b"HTTP/1.1 2000 OK\r\n\r\n",
    b"GET /simple\r\n",
    b"HTTP/2.0 200 OK\r\n\r\n",
    b"FOO /x HTTP/1.1\r\n\r\n",
    b"PROXY TCP4 10.0.0.1 10.0.0.2 1000 80\r\n",
    b"PROXY UNKNOWN\r\n",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x0a\0\0\1\x0a\0\0\2\x03\xe8\0\x50",
    b"GET /one HTT",
    b"P/1.1\r\nHost: a",
    b".example\r\n\r\n",
    b"HTTP/1.1 20",
    b"0 OK\r\nX: y\r\n\r\n",
    b"\r\n",
    b"GET / HTTP/1.1\r\nX: " + b"y" * 300 + b"\r\n\r\n",
    b"",
    b"PROXY TCP6 ::1 ::2 1 2\r\n",
    b"PROXY TCP4 10.0.0.300 10.0.0.2 1000 80\r\n",
    b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0",
    b"HTTP/1.1 099 Low\r\n\r\n",
    b"GET / HTTP/1.1\nX:y\n\n",
    b"HTTP/1.0 200\r\n\r\n",
    b"\0\xff\r\n\r\n",
)
_KINDS: Final = (Kind.HEADER,) * 4 + (Kind.MESSAGE_END, Kind.FLOW_END, Kind.GAP)
_STEPS: Final = (0, 1_000_000, 11_000_000_000, 101_000_000_000)  # ns
_FAR: Final = 100
_MASK: Final = (1 << 32) - 1


class Step(NamedTuple):
    """One event as it is written down; `data` is what a header event holds."""

    what: int
    side: int
    flow: int
    time: int
    flags: int
    delta: int
    number: int
    data: bytes = b""


def read(data: bytes) -> Iterator[Step]:
    """Every byte string says something: a rest that is too short is left."""
    at = 0
    while at + 5 <= len(data):
        first, low, high, delta, number = data[at : at + 5]
        at += 5
        block = b""
        if first & 7 < 4:
            if number >= FIRST:
                block = BLOCKS[number - FIRST]
            else:
                block = data[at : at + number]
                at += number
        yield Step(
            what=first & 7,
            side=first >> 3 & 1,
            flow=first >> 4 & 3,
            time=first >> 6,
            flags=low | high << 8,
            delta=delta - 256 if delta >= 128 else delta,
            number=number,
            data=block,
        )


def written(steps: list[Step]) -> bytes:
    """What `read` makes these steps of."""
    out = bytearray()
    for step in steps:
        out.append(step.what | step.side << 3 | step.flow << 4 | step.time << 6)
        out += step.flags.to_bytes(2, "little")
        out.append(step.delta & 0xFF)
        if step.what < 4 and step.data in BLOCKS:
            out.append(FIRST + BLOCKS.index(step.data))
        elif step.what < 4:
            out.append(len(step.data))
            out += step.data
        else:
            out.append(step.number)
    return bytes(out)


class Tape:
    """Where the streams stand; turns each step into its event."""

    def __init__(self) -> None:
        self.time = 1_000_000_000
        self._next: dict[tuple[int, int], int] = {}

    def event(self, step: Step) -> Event:
        """The event, with the streams moved on past it."""
        self.time += _STEPS[step.time]
        at = (step.flow, step.side)
        stands = self._next.get(at, _MASK - 20)  # it soon begins again at 0
        far = step.delta * 1000 if abs(step.delta) > _FAR else step.delta
        sequence = (stands + far) & _MASK
        ends = bool(step.flags & Flag.MESSAGE_END)
        body = step.number if step.what == 4 or (step.what < 4 and ends) else 0
        if step.what < 4:
            self._next[at] = (sequence + len(step.data) + body) & _MASK
        elif step.what == 4:
            self._next[at] = sequence
        elif step.what == 6:
            self._next[at] = (sequence + step.number) & _MASK
        return Event(
            kind=_KINDS[step.what] if step.what < 7 else step.number,
            stream=9 if step.flags >> 15 & 1 else 1,
            hook=Hook.REPLAY,
            direction=step.number % 4 if step.what == 7 else Direction.INGRESS,
            side=7 if step.flags >> 14 & 1 else step.side,
            reason=step.number % (len(FlowEnd) + 2),
            flags=step.flags & 0x3FFF,
            interface=0,
            time=self.time,
            cookie=0,
            cgroup=0,
            flow=step.flow + 1,
            sequence=sequence,
            until=(sequence + step.number) & _MASK,
            body_bytes=body,
            scope=0,
            source_port=40000 + step.side,
            destination_port=80,
            source=bytes(10) + b"\xff\xff\x0a\0\0\1",
            destination=bytes(10) + b"\xff\xff\x0a\0\0\2",
            data=step.data,
        )
