"""From a captured frame to its IP packet: what the hooks show live, taken from a file.

Link types are those of the capture formats (https://www.tcpdump.org/linktypes.html).
"""

from typing import NamedTuple

NULL, ETHERNET, RAW_BSD, LOOP, LINUX_SLL, RAW, IPV4, IPV6, LINUX_SLL2 = (
    0, 1, 12, 108, 113, 101, 228, 229, 276,
)  # fmt: skip
_RAW_TYPES = frozenset({RAW_BSD, 14, RAW, IPV4, IPV6})
_VLAN_TYPES = frozenset({0x8100, 0x88A8, 0x9100})
_MPLS_TYPES = frozenset({0x8847, 0x8848})
_PPPOE_SESSION = 0x8864
_IP_TYPES = frozenset({0x0800, 0x86DD})
_PPP_IP = frozenset({0x0021, 0x0057})


class Packet(NamedTuple):
    """An IP packet (bytes from its IP header on) and the VLAN it was seen in (0: none)."""

    data: bytes
    vlan: int


KNOWN = _RAW_TYPES | {NULL, ETHERNET, LOOP, LINUX_SLL, LINUX_SLL2}


def ip_packet(link_type: int, frame: bytes) -> Packet | None:
    """The IP packet inside a frame; None when it holds something else or is cut off before it."""
    if link_type == ETHERNET:
        return _by_ether_type(frame, 12)
    if link_type == LINUX_SLL:
        return _by_ether_type(frame, 14)
    if link_type == LINUX_SLL2:
        kind = int.from_bytes(frame[0:2])
        return _checked(frame[20:], 0) if kind in _IP_TYPES else None
    if link_type in (NULL, LOOP):
        return _checked(frame[4:], 0)
    return _checked(frame, 0)


def _by_ether_type(frame: bytes, at: int) -> Packet | None:
    """`at` is where the EtherType stands; tags and labels in front of the packet are taken off."""
    vlan = 0
    kind = int.from_bytes(frame[at : at + 2])
    at += 2
    while kind in _VLAN_TYPES:
        vlan = int.from_bytes(frame[at : at + 2]) & 0x0FFF
        kind = int.from_bytes(frame[at + 2 : at + 4])
        at += 4
    if kind in _MPLS_TYPES:
        while at + 4 <= len(frame):
            bottom = frame[at + 2] & 1
            at += 4
            if bottom:
                return _checked(frame[at:], vlan)
        return None
    if kind == _PPPOE_SESSION:
        if int.from_bytes(frame[at + 6 : at + 8]) not in _PPP_IP:
            return None
        return _checked(frame[at + 8 :], vlan)
    return _checked(frame[at:], vlan) if kind in _IP_TYPES else None


def _checked(data: bytes, vlan: int) -> Packet | None:
    return Packet(data, vlan) if data and data[0] >> 4 in (4, 6) else None
