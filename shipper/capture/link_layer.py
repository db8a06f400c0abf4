"""From a captured frame to its IP packet: what the hooks show live, taken from a file.

Link types are those of the capture formats (https://www.tcpdump.org/linktypes.html).
"""

from collections.abc import Callable
from typing import Final, Literal, NamedTuple

NULL, ETHERNET, PPP, RAW_BSD, RAW_OPENBSD, PPP_HDLC, PPP_ETHER = 0, 1, 9, 12, 14, 50, 51
RAW, C_HDLC, IEEE802_11, LOOP, LINUX_SLL, RADIOTAP = 101, 104, 105, 108, 113, 127
IPV4, IPV6, NFLOG, LINUX_SLL2 = 228, 229, 239, 276

_VLAN_TYPES = frozenset({0x8100, 0x88A8, 0x9100})
_MPLS_TYPES = frozenset({0x8847, 0x8848})
_PPPOE_SESSION = 0x8864
_IP_TYPES = frozenset({0x0800, 0x86DD})
_LONGEST_802_3 = 1500  # up to here the field is a length (IEEE 802.3), and LLC follows
_SNAP = b"\xaa\xaa\x03\0\0\0"
_PPP_IP = frozenset({0x0021, 0x0057})
_PPP_ADDRESS = b"\xff\x03"
_CISCO_ADDRESSES = frozenset({b"\x0f\0", b"\x8f\0"})
_NFLOG_PAYLOAD = 9
_BYTE_ORDERS: Final = ("little", "big")
_WLAN_KIND, _WLAN_DATA, _WLAN_EMPTY = 0x0F, 0x08, 0x40
_WLAN_BOTH_WAYS, _WLAN_PROTECTED, _WLAN_ORDER = 0x03, 0x40, 0x80
_WLAN_HEADER = 24
_WLAN_AGGREGATE = 0x80
_TAG = 0x0FFF
_TWO_TAGS = 0xFFFFFF


class Packet(NamedTuple):
    """An IP packet (bytes from its IP header on, perhaps cut short) and where it was seen.

    `scope` tells VLANs apart: 0 none, else the id; with several tags the id of the last but one is
    multiplied by 4096, and that of the last added.
    """

    data: bytes
    scope: int


def ip_packet(link_type: int, frame: bytes) -> Packet | None:
    """The IP packet inside a frame of a KNOWN link type.

    None when it holds something else, or is cut off before it.
    """
    return _READERS[link_type](frame)


def _checked(data: bytes, scope: int = 0) -> Packet | None:
    return Packet(data, scope) if data and data[0] >> 4 in (4, 6) else None


def _ethernet(frame: bytes) -> Packet | None:
    return _payload(int.from_bytes(frame[12:14]), frame, 14)


def _sll(frame: bytes) -> Packet | None:
    return _payload(int.from_bytes(frame[14:16]), frame, 16)


def _sll2(frame: bytes) -> Packet | None:
    return _payload(int.from_bytes(frame[0:2]), frame, 20)


def _payload(kind: int, frame: bytes, at: int) -> Packet | None:
    """What an EtherType announces at `at`; tags and labels in front of the packet are taken off."""
    scope = 0
    while kind in _VLAN_TYPES:
        scope = (scope << 12 | int.from_bytes(frame[at : at + 2]) & _TAG) & _TWO_TAGS
        kind = int.from_bytes(frame[at + 2 : at + 4])
        at += 4
    if kind <= _LONGEST_802_3 and frame[at : at + 6] == _SNAP:
        kind = int.from_bytes(frame[at + 6 : at + 8])
        at += 8
    if kind in _MPLS_TYPES:
        return _below_labels(frame, at, scope)
    if kind == _PPPOE_SESSION:
        return _pppoe(frame[at:], scope)
    return _checked(frame[at:], scope) if kind in _IP_TYPES else None


def _below_labels(frame: bytes, at: int, scope: int) -> Packet | None:
    """RFC 3032: labels up to the one that says it is the last."""
    while at + 4 <= len(frame):
        bottom = frame[at + 2] & 1
        at += 4
        if bottom:
            return _checked(frame[at:], scope)
    return None


def _pppoe(frame: bytes, scope: int = 0) -> Packet | None:
    """RFC 2516: six bytes of header, then PPP; what is padding the IP header knows."""
    return _ppp(frame[6:], scope)


def _ppp(frame: bytes, scope: int = 0) -> Packet | None:
    """RFC 1661, with the address and control bytes of RFC 1662 or without.

    A protocol may be compressed to one byte: then that byte is odd.
    """
    at = len(_PPP_ADDRESS) if frame.startswith(_PPP_ADDRESS) else 0
    size = 1 if frame[at : at + 1] and frame[at] & 1 else 2
    if int.from_bytes(frame[at : at + size]) not in _PPP_IP:
        return None
    return _checked(frame[at + size :], scope)


def _hdlc(frame: bytes) -> Packet | None:
    """PPP in HDLC framing, or Cisco's HDLC, which says an EtherType."""
    if frame[:2] in _CISCO_ADDRESSES:
        return _payload(int.from_bytes(frame[2:4]), frame, 4)
    return _ppp(frame)


def _loopback(frame: bytes) -> Packet | None:
    """BSD's: four bytes of address family, in either byte order; the packet itself knows it too."""
    return _checked(frame[4:])


def _radiotap(frame: bytes) -> Packet | None:
    """What the card said of the frame comes first, and says how long it is (radiotap.org)."""
    return _wlan(frame[int.from_bytes(frame[2:4], "little") :])


def _wlan(frame: bytes) -> Packet | None:
    """IEEE 802.11-2020 section 9.3.2.1: a data frame that is not encrypted, then LLC.

    Several packets in one frame (A-MSDU) are not taken apart.
    """
    if len(frame) < _WLAN_HEADER or frame[0] & _WLAN_KIND != _WLAN_DATA:
        return None
    if frame[0] & _WLAN_EMPTY or frame[1] & _WLAN_PROTECTED:
        return None
    at = _WLAN_HEADER
    if frame[1] & _WLAN_BOTH_WAYS == _WLAN_BOTH_WAYS:
        at += 6  # a fourth address: between two access points
    if frame[0] & 0x80:  # with quality of service
        if frame[at : at + 1] and frame[at] & _WLAN_AGGREGATE:
            return None
        at += 2 + (4 if frame[1] & _WLAN_ORDER else 0)
    return _payload(0, frame, at)


def _nflog(frame: bytes) -> Packet | None:
    """A log of netfilter's: attributes in the byte order of the host that captured.

    Which that was the file does not always say; the right one is where the lengths add up.
    """
    for order in _BYTE_ORDERS:
        payload = _nflog_payload(frame, order)
        if payload is not None:
            return _checked(payload)
    return None


def _nflog_payload(frame: bytes, order: Literal["little", "big"]) -> bytes | None:
    """None when the attributes, read in this order, do not lead to a payload."""
    at = 4
    while at + 4 <= len(frame):
        size = int.from_bytes(frame[at : at + 2], order)
        kind = int.from_bytes(frame[at + 2 : at + 4], order) & 0x7FFF
        if size < 4:  # noqa: PLR2004 - the four that were just read
            return None
        if kind == _NFLOG_PAYLOAD:
            return frame[at + 4 : at + size]
        at += (size + 3) // 4 * 4
    return None


def _raw(frame: bytes) -> Packet | None:
    return _checked(frame)


_READERS: dict[int, Callable[[bytes], Packet | None]] = {
    NULL: _loopback,
    ETHERNET: _ethernet,
    PPP: _ppp,
    RAW_BSD: _raw,
    RAW_OPENBSD: _raw,
    PPP_HDLC: _hdlc,
    PPP_ETHER: _pppoe,
    RAW: _raw,
    C_HDLC: _hdlc,
    IEEE802_11: _wlan,
    RADIOTAP: _radiotap,
    LOOP: _loopback,
    LINUX_SLL: _sll,
    IPV4: _raw,
    IPV6: _raw,
    NFLOG: _nflog,
    LINUX_SLL2: _sll2,
}
KNOWN = frozenset(_READERS)
