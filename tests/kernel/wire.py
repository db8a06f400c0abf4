"""Builds TCP segments in IPv4 and IPv6, and talks to the kernel program through them."""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from shipper.capture import Kernel, open_kernel
from shipper.capture.replay import TestRun
from shipper.capture.settings import CaptureSettings
from shipper.contract.events import Event, Flag, Kind
from shipper.contract.exchange import Exchange
from shipper.errors import ShipperError
from shipper.http.assembler import Assembler

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
MODULUS = 1 << 32
#: payload that one test-run takes with room for the headers
SEGMENT = 3000

_ports = itertools.cycle(range(10000, 60000))
_nets = itertools.count(1)


def tcp(  # noqa: PLR0913 - the fields that tests set
    source: tuple[str, int],
    destination: tuple[str, int],
    payload: bytes = b"",
    *,
    sequence: int = 0,
    acknowledged: int = 0,
    flags: int = ACK,
    options: bytes = b"",
) -> bytes:
    """A TCP segment (RFC 9293); checksums are zero, which no hook looks at."""
    head = (
        source[1].to_bytes(2)
        + destination[1].to_bytes(2)
        + (sequence % MODULUS).to_bytes(4)
        + (acknowledged % MODULUS).to_bytes(4)
        + bytes([(20 + len(options)) // 4 << 4, flags])
        + b"\xff\xff\0\0\0\0"
    )
    return head + options + payload


def ipv4(  # noqa: PLR0913 - the fields that tests set
    source: str,
    destination: str,
    segment: bytes,
    *,
    options: bytes = b"",
    fragment: int = 0,
    padding: bytes = b"",
    protocol: int = 6,
) -> bytes:
    """An IPv4 packet (RFC 791)."""
    size = 20 + len(options)
    return (
        bytes([0x40 | size // 4, 0])
        + (size + len(segment)).to_bytes(2)
        + b"\0\0"
        + fragment.to_bytes(2)
        + bytes([64, protocol])
        + b"\0\0"
        + IPv4Address(source).packed
        + IPv4Address(destination).packed
        + options
        + segment
        + padding
    )


def ipv6(
    source: str,
    destination: str,
    segment: bytes,
    *,
    extensions: tuple[tuple[int, bytes], ...] = (),
    padding: bytes = b"",
) -> bytes:
    """An IPv6 packet (RFC 8200); extensions are given as type and bytes behind the next type."""
    kinds = [kind for kind, _ in extensions] + [6]
    chain = b"".join(
        bytes([following]) + body
        for following, (_, body) in zip(kinds[1:], extensions, strict=True)
    )
    return (
        b"\x60\0\0\0"
        + (len(chain) + len(segment)).to_bytes(2)
        + bytes([kinds[0], 64])
        + IPv6Address(source).packed
        + IPv6Address(destination).packed
        + chain
        + segment
        + padding
    )


@dataclass
class End:
    """One end of a connection: its address, and where its stream stands."""

    address: tuple[str, int]
    sequence: int


@dataclass
class Harness:
    """The loaded program, what it said, and connections to show it."""

    kernel: Kernel
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Hold on to what a run needs."""
        self._run = TestRun(self.kernel.program)
        self._ring = self.kernel.ring()

    def show(self, packet: bytes, vlan: int = 0) -> list[Event]:
        """The events that one packet caused."""
        self._run.run(packet, vlan)
        events = self._ring.drain()
        self.events += events
        return events

    def show_unread(self, packet: bytes) -> None:
        """One packet whose events stay in the ring."""
        self._run.run(packet)

    def drain(self) -> list[Event]:
        """What waits in the ring."""
        events = self._ring.drain()
        self.events += events
        return events

    def counters(self) -> dict[str, int]:
        """The counters now."""
        return self.kernel.counters()

    def counted(self, before: dict[str, int]) -> dict[str, int]:
        """The counters that changed, and by how much."""
        now = self.kernel.counters()
        return {name: now[name] - before[name] for name in now if now[name] != before[name]}

    def connection(self, *, handshake: bool = True, six: bool = False, **more: int) -> "Connection":
        """A connection with addresses of its own."""
        return Connection(self, handshake=handshake, six=six, **more)

    def close(self) -> None:
        """Give the program up."""
        self._ring.close()
        self.kernel.close()


class Connection:
    """A client and a server; each method shows the program one packet and returns its events."""

    def __init__(  # noqa: PLR0913 - what tests vary
        self,
        harness: Harness,
        *,
        handshake: bool = True,
        six: bool = False,
        client_sequence: int = 1000,
        server_sequence: int = 500_000,
        server_port: int = 8080,
    ) -> None:
        self.harness = harness
        number = next(_nets)
        low, high = number % 250 + 1, number // 250 % 250
        hosts = (
            (f"2001:db8::{number:x}:1", f"2001:db8::{number:x}:2")
            if six
            else (f"10.{high}.{low}.1", f"10.{high}.{low}.2")
        )
        self.client = End((hosts[0], next(_ports)), client_sequence)
        self.server = End((hosts[1], server_port), server_sequence)
        self.events: list[Event] = []
        if handshake:
            self.open()

    def open(self) -> None:
        """SYN and SYN-ACK; the ends' numbers are then those of their first bytes."""
        self.packet(self.client, flags=SYN)
        self.client.sequence += 1
        self.packet(self.server, flags=SYN | ACK)
        self.server.sequence += 1

    def other(self, end: End) -> End:
        """Who is spoken to."""
        return self.server if end is self.client else self.client

    def build(  # noqa: PLR0913 - the fields that tests set
        self, end: End, data: bytes = b"", *, at: int | None = None, flags: int = ACK,
        acknowledged: int | None = None, options: bytes = b"",
    ) -> bytes:  # fmt: skip
        """The packet that would be shown."""
        there = self.other(end)
        segment = tcp(
            end.address,
            there.address,
            data,
            sequence=end.sequence if at is None else at,
            acknowledged=there.sequence if acknowledged is None else acknowledged,
            flags=flags,
            options=options,
        )
        make = ipv6 if ip_address(end.address[0]).version == 6 else ipv4
        return make(end.address[0], there.address[0], segment)

    def packet(  # noqa: PLR0913 - the fields that tests set
        self, end: End, data: bytes = b"", *, at: int | None = None, flags: int = ACK,
        acknowledged: int | None = None, options: bytes = b"",
    ) -> list[Event]:  # fmt: skip
        """Show a segment at a given place, without moving the stream on."""
        packet = self.build(
            end, data, at=at, flags=flags, acknowledged=acknowledged, options=options
        )
        events = self.harness.show(packet)
        self.events += events
        return events

    def send(self, end: End, data: bytes, flags: int = ACK) -> list[Event]:
        """Show the next bytes of a stream, in as few segments as can be."""
        events: list[Event] = []
        for at in range(0, len(data), SEGMENT):
            part = data[at : at + SEGMENT]
            last = at + SEGMENT >= len(data)
            events += self.packet(end, part, flags=flags if last else ACK)
            end.sequence += len(part)
        return events

    def ask(self, data: bytes) -> list[Event]:
        """The client's next bytes."""
        return self.send(self.client, data)

    def answer(self, data: bytes) -> list[Event]:
        """The server's next bytes."""
        return self.send(self.server, data)

    def finish(self, end: End) -> list[Event]:
        """A FIN."""
        events = self.packet(end, flags=FIN | ACK)
        end.sequence += 1
        return events

    def exchanges(self) -> list[Exchange]:
        """What user space makes of everything this connection's packets caused."""
        return exchanges(self.events)


def exchanges(events: list[Event]) -> list[Exchange]:
    """Events through the assembler; it must account for each of them."""
    assembler = Assembler()
    done = [exchange for event in events for exchange in assembler.feed(event)]
    done += assembler.close()
    assert not assembler.imbalance()
    return done


def headers(events: list[Event]) -> list[bytes]:
    """The bytes of the header events."""
    return [event.data for event in events if event.kind == Kind.HEADER]


def said(events: list[Event]) -> list[tuple[str, str]]:
    """Each event by kind and the flags about its bytes, for comparison."""
    return [
        (
            Kind(event.kind).name,
            "|".join(sorted(str(f.name) for f in Flag(event.flags))),
        )
        for event in events
    ]


def load(settings: CaptureSettings) -> Harness:
    """Load the program; whatever is missing fails the test with one line."""
    if os.geteuid() != 0:
        pytest.fail("loading the kernel program needs root: run the tests as root", pytrace=False)
    try:
        kernel = open_kernel(settings)
    except ShipperError as error:
        pytest.fail(f"the kernel program can't be loaded: {error}", pytrace=False)
    kernel.detach()  # what other traffic this host has is not to be seen
    return Harness(kernel)


def loaded(settings: CaptureSettings) -> Iterator[Harness]:
    """A fixture's body: the program, then its end, then the account of its events."""
    harness = load(settings)
    try:
        yield harness
        harness.drain()
        counters = harness.counters()
        for kind in Kind:
            drained = sum(event.kind == kind for event in harness.events)
            assert drained == counters[f"events_{kind.name.lower()}"]
    finally:
        harness.close()
