"""Cases of what carries an IP packet: links, tags, labels, tunnels, fragments."""

import struct
from collections.abc import Callable, Iterator
from ipaddress import ip_address

from .case import GET as REQUEST
from .case import OK as RESPONSE
from .packets import Talk, Wrap, ether, fragments, ipv4, ipv6, udp

_OUTER = "192.0.2.1", "192.0.2.2"
_OUTER_6 = "2001:db8:ffff::1", "2001:db8:ffff::2"
_V4, _V6 = b"\x08\x00", b"\x86\xdd"

#: An IP packet -> the frames that carry it.
Split = Callable[[bytes], list[bytes]]


def _kind(packet: bytes) -> bytes:
    return _V4 if packet[0] >> 4 == 4 else _V6


def _tagged(*tags: tuple[int, int]) -> Wrap:
    """VLAN tags: type and number each."""

    def wrap(packet: bytes) -> bytes:
        kinds = [kind for kind, _ in tags[1:]]
        inner = b"".join(
            struct.pack("!HH", number, kind)
            for (_, number), kind in zip(tags, [*kinds, int.from_bytes(_kind(packet))], strict=True)
        )
        return ether(inner + packet, tags[0][0])

    return wrap


def _labelled(*labels: int) -> Wrap:
    """MPLS labels (RFC 3032), the bottom one last."""

    def wrap(packet: bytes) -> bytes:
        stack = [label << 12 | 64 for label in labels]
        stack[-1] |= 0x100
        return ether(struct.pack(f"!{len(stack)}I", *stack) + packet, 0x8847)

    return wrap


def _pppoe(packet: bytes) -> bytes:
    protocol = b"\x00\x21" if packet[0] >> 4 == 4 else b"\x00\x57"
    return ether(struct.pack("!BBHH", 0x11, 0, 1, len(packet) + 2) + protocol + packet, 0x8864)


def _snap(packet: bytes) -> bytes:
    payload = b"\xaa\xaa\x03\0\0\0" + _kind(packet) + packet
    return ether(payload, len(payload))


def _padded(packet: bytes) -> bytes:
    return ether(packet + b"\xff" * 18)


def _in_ip(protocol: int, head: Callable[[bytes], bytes] = lambda _: b"") -> Wrap:
    """Behind `head`, in an outer IPv4 packet."""
    return lambda packet: ether(ipv4(*_OUTER, head(packet) + packet, protocol))


def _in_ipv6(protocol: int) -> Wrap:
    return lambda packet: ether(ipv6(*_OUTER_6, packet, protocol))


def _in_udp(port: int, head: Callable[[bytes], bytes]) -> Wrap:
    """Behind `head`, in a UDP datagram to `port`."""
    return lambda packet: ether(ipv4(*_OUTER, udp(head(packet) + packet, port), 17))


def _gre(flags: int, fields: bytes = b"") -> Callable[[bytes], bytes]:
    return lambda packet: flags.to_bytes(2) + _kind(packet) + fields


def _gre_ethernet(packet: bytes) -> bytes:
    return ether(ipv4(*_OUTER, b"\0\0\x65\x58" + ether(packet), 47))


def _erspan(packet: bytes) -> bytes:
    head = b"\x10\0\x88\xbe" + bytes(4) + b"\x10\x01\0\x01" + bytes(4)
    return ether(ipv4(*_OUTER, head + ether(packet), 47))


def _erspan_3(packet: bytes) -> bytes:
    head = b"\x10\0\x22\xeb" + bytes(4) + b"\x20\x01\0\x01" + bytes(8)
    return ether(ipv4(*_OUTER, head + ether(packet), 47))


def _erspan_1(packet: bytes) -> bytes:
    return ether(ipv4(*_OUTER, b"\0\0\x88\xbe" + ether(packet), 47))


def _vxlan(packet: bytes) -> bytes:
    return ether(ipv4(*_OUTER, udp(b"\x08\0\0\0\0\0\x01\0" + ether(packet), 4789), 17))


def _geneve(packet: bytes) -> bytes:
    head = b"\x02\0\x65\x58\0\0\x01\0" + b"\x01\x02\x03\x01abcd"
    return ether(ipv4(*_OUTER, udp(head + ether(packet), 6081), 17))


def _gtp(packet: bytes) -> bytes:
    head = struct.pack("!BBHI", 0x30, 255, len(packet), 7)
    return ether(ipv4(*_OUTER, udp(head + packet, 2152, 2152), 17))


def _in_fragments(size: int, order: slice = slice(None)) -> Split:
    """Data packets in fragments; others stay whole."""

    def split(packet: bytes) -> list[bytes]:
        parts = fragments(packet, size)[order] if len(packet) > 60 else [packet]
        return [ether(part) for part in parts]

    return split


def _in_fragments_6(packet: bytes) -> list[bytes]:
    if len(packet) < 80:
        return [ether(packet)]
    head, payload = packet[:40], packet[40:]
    parts = []
    for at in range(0, len(payload), 24):
        part = payload[at : at + 24]
        more = at + 24 < len(payload)
        extension = struct.pack("!BBHI", 6, 0, at | more, 99)
        length = (len(extension) + len(part)).to_bytes(2)
        parts.append(ether(head[:4] + length + b"\x2c" + head[7:] + extension + part))
    return parts


def _extended(packet: bytes) -> bytes:
    """IPv6 with hop-by-hop options and destination options."""
    head, payload = packet[:40], packet[40:]
    extensions = b"\x3c\0\x01\x04\0\0\0\0" + b"\x06\0\x01\x04\0\0\0\0"
    length = (len(extensions) + len(payload)).to_bytes(2)
    return ether(head[:4] + length + b"\0" + head[7:] + extensions + payload)


def _with_options(packet: bytes) -> bytes:
    source, destination = (str(ip_address(packet[at : at + 4])) for at in (12, 16))
    return ether(ipv4(source, destination, packet[20:], options=b"\x01\x01\x01\0"))


WRAPPED: tuple[tuple[str, Wrap, int], ...] = (
    ("plain", ether, 4),
    ("vlan", _tagged((0x8100, 7)), 4),
    ("vlan-ipv6", _tagged((0x8100, 7)), 6),
    ("vlan-priority-only", _tagged((0x8100, 0)), 4),
    ("qinq", _tagged((0x88A8, 7), (0x8100, 8)), 4),
    ("qinq-8100", _tagged((0x8100, 7), (0x8100, 8)), 4),
    ("qinq-9100", _tagged((0x9100, 7), (0x8100, 8)), 4),
    ("mpls", _labelled(16), 4),
    ("mpls-two", _labelled(16, 17), 4),
    ("mpls-ipv6", _labelled(16), 6),
    ("pppoe", _pppoe, 4),
    ("pppoe-ipv6", _pppoe, 6),
    ("snap", _snap, 4),
    ("padded", _padded, 4),
    ("ip-options", _with_options, 4),
    ("ipv6-extensions", _extended, 6),
    ("ip-in-ip", _in_ip(4), 4),
    ("6in4", _in_ip(41), 6),
    ("4in6", _in_ipv6(4), 4),
    ("6in6", _in_ipv6(41), 6),
    ("gre", _in_ip(47, _gre(0)), 4),
    ("gre-key", _in_ip(47, _gre(0x2000, b"\0\0\0\x07")), 4),
    ("gre-checksum-key-sequence", _in_ip(47, _gre(0xB000, bytes(12))), 4),
    ("gre-ipv6", _in_ip(47, _gre(0)), 6),
    ("gre-ethernet", _gre_ethernet, 4),
    ("erspan-1", _erspan_1, 4),
    ("erspan-2", _erspan, 4),
    ("erspan-3", _erspan_3, 4),
    ("vxlan", _vxlan, 4),
    ("geneve", _geneve, 4),
    ("gtp-u", _gtp, 4),
    ("teredo", _in_udp(3544, lambda _: b""), 6),
)

SPLIT: tuple[tuple[str, Split, int], ...] = (
    ("fragments", _in_fragments(32), 4),
    ("fragments-reversed", _in_fragments(32, slice(None, None, -1)), 4),
    ("fragments-8", _in_fragments(8), 4),
    ("fragments-ipv6", _in_fragments_6, 6),
)


def _linked(head: Callable[[bytes], bytes]) -> Wrap:
    return lambda packet: head(packet) + packet


#: Link types other than Ethernet: number in the file, and what stands in front of the packet.
LINKS: tuple[tuple[str, int, Wrap], ...] = (
    ("link-null", 0, _linked(lambda p: (2 if p[0] >> 4 == 4 else 30).to_bytes(4, "little"))),
    ("link-loop", 108, _linked(lambda p: (2 if p[0] >> 4 == 4 else 30).to_bytes(4))),
    ("link-raw", 101, _linked(lambda _: b"")),
    ("link-raw-ipv4", 228, _linked(lambda _: b"")),
    ("link-sll", 113, _linked(lambda p: b"\0\0\0\1\0\6" + bytes(8) + _kind(p))),
    ("link-sll2", 276, _linked(lambda p: _kind(p) + bytes(2) + b"\0\0\0\2\0\1\0\6" + bytes(8))),
    ("link-ppp", 9, _linked(lambda _: b"\xff\x03\0\x21")),
    ("link-ppp-hdlc", 50, _linked(lambda _: b"\xff\x03\0\x21")),
    ("link-cisco-hdlc", 104, _linked(lambda p: b"\x0f\0" + _kind(p))),
    (
        "link-wlan",
        105,
        _linked(lambda p: b"\x08\x01" + bytes(22) + b"\xaa\xaa\x03\0\0\0" + _kind(p)),
    ),
    (
        "link-radiotap",
        127,
        _linked(
            lambda p: b"\0\0\x08\0\0\0\0\0\x08\x01" + bytes(22) + b"\xaa\xaa\x03\0\0\0" + _kind(p)
        ),
    ),
)


def carried(number: int, wrap: Wrap, version: int = 4) -> list[bytes]:
    """One exchange, each packet in a frame of this kind."""
    talk = Talk(number, version=version, wrap=wrap)
    talk.open()
    talk.send(0, REQUEST)
    talk.send(1, RESPONSE)
    talk.close()
    return talk.frames


def split(number: int, parts: Split, version: int = 4) -> Iterator[bytes]:
    """One exchange, each packet in several frames."""
    for packet in carried(number, lambda packet: packet, version):
        yield from parts(packet)
