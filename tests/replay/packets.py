"""TCP conversations written down by hand -> frames of a capture file, nothing left to a stack.

A `Talk` is one connection: what either side sends is one segment each, unless its caller says where
in the stream it lies.
"""

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

import dpkt

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
CLIENT, SERVER = 0, 1
ETHERNET = 1

_TCP = struct.Struct("!HHIIBBHHH")
_WINDOW = 0xFFFF

#: An IP packet -> the frame that carries it.
Wrap = Callable[[bytes], bytes]


def ether(payload: bytes, kind: int | None = None) -> bytes:
    """An Ethernet frame; the type is that of the IP packet unless it is said."""
    if kind is None:
        kind = 0x0800 if payload[0] >> 4 == 4 else 0x86DD
    return bytes(6) + b"\x02" + bytes(5) + kind.to_bytes(2) + payload


def checksum(data: bytes) -> bytes:
    """The Internet checksum (RFC 1071)."""
    total = int.from_bytes(data + bytes(len(data) % 2)) % 0xFFFF
    return (0xFFFF - total).to_bytes(2)


def ipv4(  # noqa: PLR0913 - the fields of the header
    source: str,
    destination: str,
    payload: bytes,
    protocol: int = 6,
    *,
    identification: int = 0,
    fragment: int = 0,
    options: bytes = b"",
) -> bytes:
    """An IPv4 packet; `fragment` is the field with its flags (RFC 791)."""
    header = 20 + len(options)
    head = struct.pack(
        "!BBHHHBBH", 0x40 | header // 4, 0, header + len(payload), identification, fragment, 64,
        protocol, 0,
    )  # fmt: skip
    head += ip_address(source).packed + ip_address(destination).packed + options
    return head[:10] + checksum(head) + head[12:] + payload


def ipv6(source: str, destination: str, payload: bytes, protocol: int = 6) -> bytes:
    """An IPv6 packet; `payload` begins with the header that `protocol` names."""
    head = struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64)
    return head + ip_address(source).packed + ip_address(destination).packed + payload


def udp(payload: bytes, port: int, source_port: int = 50000) -> bytes:
    """A UDP datagram without a checksum."""
    return struct.pack("!HHHH", source_port, port, 8 + len(payload), 0) + payload


def fragments(packet: bytes, size: int) -> list[bytes]:
    """An IPv4 packet of `ipv4` in fragments of `size` bytes, a multiple of 8."""
    source, destination = (str(ip_address(packet[at : at + 4])) for at in (12, 16))
    payload = packet[20:]
    found = []
    for at in range(0, len(payload), size):
        more = 0x2000 if at + size < len(payload) else 0
        part = payload[at : at + size]
        found.append(
            ipv4(source, destination, part, packet[9], identification=7, fragment=more | at // 8)
        )
    return found


@dataclass
class Talk:
    """One TCP connection, on addresses of its own for each `number`."""

    number: int
    ports: tuple[int, int] = (40000, 80)
    version: int = 4
    wrap: Wrap = ether
    first: tuple[int, int] = (1000, 9000)  # initial sequence numbers
    frames: list[bytes] = field(default_factory=list)
    next: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Both sides begin one past their SYN."""
        self.next = [self.first[0] + 1, self.first[1] + 1]

    @property
    def addresses(self) -> tuple[str, str]:
        """Client and server."""
        high, low = divmod(self.number, 250)
        if self.version == 6:
            return f"2001:db8::{high:x}:{low:x}", "2001:db8:1::80"
        return f"10.1.{high}.{low + 1}", "10.2.0.80"

    def segment(  # noqa: PLR0913 - the fields of the header
        self,
        side: int,
        data: bytes = b"",
        flags: int = PSH | ACK,
        *,
        sequence: int | None = None,
        options: bytes = b"",
        valid: bool = True,
    ) -> bytes:
        """An IP packet with a segment at `sequence`, or at the side's next byte.

        `valid`: its checksum is right.
        """
        at = self.next[side] if sequence is None else sequence
        acknowledged = self.next[1 - side] if flags & ACK else 0
        tcp = _TCP.pack(
            self.ports[side], self.ports[1 - side], at & 0xFFFFFFFF, acknowledged & 0xFFFFFFFF,
            (20 + len(options)) // 4 << 4, flags, _WINDOW, 0, 0,
        )  # fmt: skip
        source, destination = self.addresses[side], self.addresses[1 - side]
        segment = tcp + options + data
        ends = ip_address(source).packed + ip_address(destination).packed
        right = checksum(ends + struct.pack("!HH", 6, len(segment)) + segment)
        segment = tcp[:16] + (right if valid else b"\xde\xad") + tcp[18:] + options + data
        packet = ipv4 if self.version == 4 else ipv6
        return packet(source, destination, segment)

    def put(self, packet: bytes) -> None:
        """An IP packet into the capture."""
        self.frames.append(self.wrap(packet))

    def open(self) -> None:
        """The handshake."""
        self.put(self.segment(CLIENT, flags=SYN, sequence=self.next[0] - 1))
        self.put(self.segment(SERVER, flags=SYN | ACK, sequence=self.next[1] - 1))
        self.put(self.segment(CLIENT, flags=ACK))

    def send(self, side: int, data: bytes, flags: int = PSH | ACK) -> None:
        """The next bytes of a side, as one segment."""
        self.put(self.segment(side, data, flags))
        self.next[side] += len(data)

    def at(self, side: int, offset: int, data: bytes) -> None:
        """Bytes at `offset` from the side's next one, which stays where it is."""
        self.put(self.segment(side, data, sequence=self.next[side] + offset))

    def skip(self, side: int, count: int) -> None:
        """Bytes that are not in the capture, or were sent with `at`."""
        self.next[side] += count

    def acknowledge(self, side: int) -> None:
        """An empty segment."""
        self.put(self.segment(side, flags=ACK))

    def close(self) -> None:
        """The server ends first, as after a response."""
        for side in (SERVER, CLIENT):
            self.put(self.segment(side, flags=FIN | ACK))
            self.next[side] += 1
        self.put(self.segment(SERVER, flags=ACK))


def write(path: Path, frames: Iterable[bytes], link_type: int = ETHERNET) -> None:
    """A capture file, a frame a millisecond."""
    with path.open("wb") as file:
        writer = dpkt.pcap.Writer(file, linktype=link_type, nano=False)
        for at, frame in enumerate(frames):
            writer.writepkt(frame, ts=1_700_000_000 + at / 1000)
