"""Tells which segments no receiver would have taken: their checksum is wrong.

A decoy with a wrong checksum is dropped by its receiver and must not be believed here. But what a
host with offloading captures of itself has no right checksum either, for the network card puts it
in, and packets that were merged on reception have none any more. So a segment is refused only when

- its checksum is wrong: neither right nor the sum of the pseudo header alone, which is what Linux
  and Windows leave for the card to complete and what Linux writes into merged packets;
- it is no longer than an Ethernet packet (a longer one was merged or not yet cut), unless it came
  in fragments;
- the same side of the same connection has shown a right one, on its SYN or on data. (Resets and
  bare acknowledgements are no evidence: a kernel computes some of them itself.)

RFC 1071: the one's complement sum of 16-bit words is the number they form, modulo 65535.
"""

from collections import OrderedDict

from shipper.capture.ip_header import TCP, IpHeader

#: Sides of connections remembered; the longest unused is forgotten first.
SIDES = 1 << 16
_V4 = 4
_LONGEST = 1500
_TCP_HEADER = 20
_SYN, _RST = 0x02, 0x04
_MODULUS = 0xFFFF


def ipv4_header_is_right(packet: bytes, header: IpHeader) -> bool:
    """RFC 791 section 3.1."""
    return int.from_bytes(packet[: header.transport]) % _MODULUS == 0


def _addresses(packet: bytes, header: IpHeader) -> bytes:
    return packet[12:20] if header.version == _V4 else packet[8:40]


def tcp_sums(packet: bytes, header: IpHeader, end: int) -> tuple[int, int]:
    """The sum over pseudo header and segment, zero when right; and of the pseudo header alone."""
    segment = packet[header.transport : end]
    pseudo = int.from_bytes(_addresses(packet, header)) + TCP + len(segment)
    words = int.from_bytes(segment) << 8 * (len(segment) % 2)
    return (pseudo + words) % _MODULUS, pseudo % _MODULUS


class Checksums:
    """What each side has shown. A function of the packets given to it, in their order."""

    def __init__(self, sides: int = SIDES) -> None:
        """Nothing has been seen."""
        self._most = sides
        self._right: OrderedDict[tuple[int, bytes], None] = OrderedDict()

    def refuses(
        self, packet: bytes, header: IpHeader, scope: int, *, rebuilt: bool = False
    ) -> str | None:
        """Why this packet is to be left out; None when it is to be taken.

        `scope` as in `Packet`. `rebuilt`: it was put together from fragments, whose own headers
        have been looked at.
        """
        end = header.end or len(packet)
        if end > len(packet):
            return None  # cut short: nobody can tell
        short = end <= _LONGEST
        if header.version == _V4 and header.end and not rebuilt:
            # The same card may compute one protocol's and leave another's: so each by itself.
            side = scope, packet[9:10] + packet[12:20]
            right = ipv4_header_is_right(packet, header)
            if self._refused(side, right=right, evidence=True) and short:
                return "bad_ip_checksum"
        if header.is_tcp and not header.routed and header.transport + _TCP_HEADER <= end:
            total, left = tcp_sums(packet, header, end)
            at = header.transport
            data_at = at + (packet[at + 12] >> 4) * 4
            flags = packet[at + 13]
            side = scope, _addresses(packet, header) + packet[at : at + 4]
            evidence = bool(flags & _SYN) or (data_at < end and not flags & _RST)
            if self._refused(side, right=not total, evidence=evidence) and (short or rebuilt):
                found = int.from_bytes(packet[at + 16 : at + 18]) % _MODULUS
                return None if found == left else "bad_tcp_checksum"
        return None

    def _refused(self, side: tuple[int, bytes], *, right: bool, evidence: bool) -> bool:
        """Whether it is wrong although this side has shown right ones; notes the right ones."""
        known = side in self._right
        if known:
            self._right.move_to_end(side)
        elif right and evidence:
            self._right[side] = None
            if len(self._right) > self._most:
                self._right.popitem(last=False)
        return known and not right
