"""Finds what an IP packet carries: RFC 791, RFC 8200, as far as `bpf/lib/packet.h` goes."""

from typing import NamedTuple

TCP = 6
IPV6_HEADER = 40
_IPV4_HEADER = 20
_FRAGMENT, _AUTHENTICATION, _ROUTING = 44, 51, 43
_EXTENSIONS = frozenset({0, _ROUTING, _FRAGMENT, _AUTHENTICATION, 60})
_MOST_EXTENSIONS = 8


class Fragment(NamedTuple):
    """`offset` in bytes; `named_at` is where the packet names what the fragment header replaces."""

    id: bytes
    offset: int
    more: bool
    named_at: int


class IpHeader(NamedTuple):
    """`end` is the packet's length by its own word, 0 when it doesn't say (offloading, jumbograms).

    `protocol` begins at `transport`; of a fragment it may be the middle that is there.
    """

    version: int
    end: int
    protocol: int
    transport: int
    fragment: Fragment | None = None
    routed: bool = False

    @property
    def is_tcp(self) -> bool:
        """Whether a TCP segment begins at `transport`."""
        return self.protocol == TCP and self.fragment is None


def parse(packet: bytes) -> IpHeader | None:
    """The header of an IP packet; None when it is cut off inside it, or malformed."""
    if not packet:
        return None
    return _ipv4(packet) if packet[0] >> 4 == 4 else _ipv6(packet)  # noqa: PLR2004 - a version


def _ipv4(packet: bytes) -> IpHeader | None:
    transport = (packet[0] & 0x0F) * 4
    if transport < _IPV4_HEADER or transport > len(packet):
        return None
    word = int.from_bytes(packet[6:8])
    fragment = None
    if word & 0x3FFF:
        fragment = Fragment(packet[4:6], (word & 0x1FFF) * 8, bool(word & 0x2000), 0)
    return IpHeader(4, int.from_bytes(packet[2:4]), packet[9], transport, fragment)


def _ipv6(packet: bytes) -> IpHeader | None:
    payload = int.from_bytes(packet[4:6])
    end = payload + IPV6_HEADER if payload else 0
    at, named_at, routed = IPV6_HEADER, 6, False
    for _ in range(_MOST_EXTENSIONS):
        if at > len(packet):
            return None
        kind = packet[named_at]
        if kind not in _EXTENSIONS or at + 8 > len(packet):
            break
        if kind == _FRAGMENT:
            word = int.from_bytes(packet[at + 2 : at + 4])
            # One that is neither followed nor preceded is whole (RFC 6946).
            if word & 0xFFF9:
                fragment = Fragment(
                    packet[at + 4 : at + 8], word & 0xFFF8, bool(word & 1), named_at
                )
                return IpHeader(6, end, packet[at], at + 8, fragment, routed)
            size = 8
        elif kind == _AUTHENTICATION:
            size = (packet[at + 1] + 2) * 4
        else:
            size = (packet[at + 1] + 1) * 8
            routed = routed or (kind == _ROUTING and packet[at + 3] > 0)
        named_at, at = at, at + size
    if at > len(packet):
        return None
    return IpHeader(6, end, packet[named_at], at, None, routed)
