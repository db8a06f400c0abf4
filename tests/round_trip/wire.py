"""Segments in, IP packets out, and what the kernel program and HTTP assembly make of them.

Each connection shown has a VLAN of its own, so that addresses and ports are the plan's and one
case leaves nothing to the next.
"""

import itertools
from dataclasses import dataclass
from random import Random
from typing import Final

from kernel.wire import Harness, ipv4, ipv6, tcp

from shipper.contract.events import Event, Flag, Kind

from .segments import Segment
from .streams import CLIENT, SERVER, Stream

_SIDES: Final = ("client", "server")
_scopes = itertools.count(1)
_TIMESTAMPS: Final = b"\x01\x01\x08\x0a" + bytes(8)
#: extension headers, without their first byte: hop-by-hop, destination options, routing,
#: an atomic fragment (RFC 6946)
_EXTENSIONS: Final = (
    (0, b"\0\x01\x04" + bytes(4)),
    (60, b"\x01\x01\x0c" + bytes(12)),
    (43, b"\0\0\0" + bytes(4)),
    (44, b"\0\0\0" + bytes(4)),
)


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends of a connection: addresses, ports, first sequence numbers."""

    addresses: tuple[tuple[str, int], tuple[str, int]]
    sequences: tuple[int, int]
    six: bool

    @classmethod
    def chosen(cls, chance: Random, *, six: bool, wraps: bool) -> "Ends":
        """Ends by chance; `wraps`: both sequence numbers pass 0 soon."""
        hosts = chance.sample(range(1, 250), 2)
        form = "2001:db8::{:x}" if six else "192.0.2.{}"
        ports = (chance.randint(1024, 65535), chance.choice((80, 8080, chance.randint(1, 65535))))
        one, other = (
            (1 << 32) - chance.randint(1, 600) if wraps else chance.randrange(1 << 32)
            for _ in range(2)
        )
        client, server = (form.format(host) for host in hosts)
        return cls(((client, ports[0]), (server, ports[1])), (one, other), six)


class Wire:
    """One connection as packets. `show` gives the program one segment, its events unread."""

    def __init__(self, harness: Harness, ends: Ends, streams: list[Stream], chance: Random) -> None:
        self.scope = next(_scopes)
        self.ends = ends
        self._run = harness._run.run
        self._streams = streams
        self._chance = chance
        self._options = chance.choice((b"", _TIMESTAMPS))

    def show(self, segment: Segment) -> None:
        """Show one segment."""
        self._run(self.packet(segment), self.scope)

    def packet(self, segment: Segment) -> bytes:
        """The IP packet of a segment."""
        side, ends, chance = segment.side, self.ends, self._chance
        begin = max(0, segment.start)
        data = segment.instead or bytes(self._streams[side].data[begin : segment.end])
        source, destination = ends.addresses[side], ends.addresses[1 - side]
        part = tcp(
            source,
            destination,
            data,
            sequence=ends.sequences[side] + 1 + segment.start,
            acknowledged=ends.sequences[1 - side] + 1 + segment.acknowledged,
            flags=segment.flags,
            options=self._options,
        )
        padding = bytes(6) if not data and chance.random() < 0.5 else b""
        if not ends.six:
            options = b"\x01\x01\x01\0" if chance.random() < 0.02 else b""
            return ipv4(source[0], destination[0], part, options=options, padding=padding)
        extensions: tuple[tuple[int, bytes], ...] = ()
        if chance.random() < 0.1:
            extensions = tuple(chance.sample(_EXTENSIONS, chance.randint(1, 3)))
        return ipv6(source[0], destination[0], part, extensions=extensions, padding=padding)

    def listing(self, segments: list[Segment]) -> list[str]:
        """The segments for a person: side, place, flags, what is acknowledged, the bytes."""
        lines = []
        for side, start, end, flags, _, acknowledged, instead in segments:
            data = instead or bytes(self._streams[side].data[max(0, start) : end])
            bits = zip("FSRPA", (1, 2, 4, 8, 16), strict=True)
            names = "".join(name for name, bit in bits if flags & bit)
            place = f"{_SIDES[side]} {start:5}..{end:<5} {names:3} ack {acknowledged:<5}"
            lines.append(f"{place} {data[:400]!r}{' (not the same)' if instead else ''}")
        return lines

    def said(self, events: list[Event]) -> list[str]:
        """The events for a person: side, place, what they say, the bytes."""
        lines = []
        asking = {event.side for event in events if event.flags & Flag.REQUEST}
        for event in events:
            side = CLIENT if event.side in asking else SERVER
            at = (event.sequence - self.ends.sequences[side] - 1) % (1 << 32)
            words = "|".join(
                [Kind(event.kind).name, *(f"{flag.name}" for flag in Flag(event.flags))]
            )
            rest = f"body {event.body_bytes} reason {event.reason} {event.data[:400]!r}"
            lines.append(f"{_SIDES[side]} {at:5} {words} {rest}")
        return lines


def drained(harness: Harness) -> list[Event]:
    """What the program said; nothing is kept, because there is a lot of it."""
    events = harness.drain()
    harness.events.clear()
    return events
