"""Cuts a captured TCP packet into several, for BPF_PROG_TEST_RUN takes only about 3.4 KB.

Captures made with offloading hold segments of up to 64 KiB. The pieces are what the network would
have shown without it (RFC 9293): the same header, sequence numbers that go on, FIN on the last.
"""

from collections.abc import Iterator

#: One page less the kernel's head room and skb_shared_info is about 3.4 KB; kept well below.
LIMIT = 3000
_TCP = 6
_IPV4_MINIMUM = 20
_IPV6_HEADER = 40
_EXTENSIONS = frozenset({0, 43, 60})
_FIN_PSH = 0x09
_SYN = 0x02


def pieces(packet: bytes) -> Iterator[bytes]:
    """The packet itself if it is small enough or no TCP; else its pieces, in order."""
    if len(packet) <= LIMIT:
        yield packet
        return
    transport = _tcp_offset(packet)
    if transport is None or transport + 20 > len(packet):
        yield packet[:LIMIT]
        return
    payload = transport + (packet[transport + 12] >> 4) * 4
    sequence = int.from_bytes(packet[transport + 4 : transport + 8])
    flags = packet[transport + 13]
    sequence += bool(flags & _SYN)
    step = LIMIT - payload
    for at in range(payload, len(packet), step):
        last = at + step >= len(packet)
        head = bytearray(packet[:payload])
        head[transport + 4 : transport + 8] = ((sequence + at - payload) & 0xFFFFFFFF).to_bytes(4)
        head[transport + 13] = flags if last else flags & ~_FIN_PSH
        if at > payload:
            head[transport + 13] &= ~_SYN
        elif flags & _SYN:
            head[transport + 4 : transport + 8] = packet[transport + 4 : transport + 8]
        body = packet[at : at + step]
        if head[0] >> 4 == 4:  # noqa: PLR2004
            head[2:4] = (len(head) + len(body)).to_bytes(2)
        else:
            head[4:6] = (len(head) + len(body) - _IPV6_HEADER).to_bytes(2)
        yield bytes(head) + body


def _tcp_offset(packet: bytes) -> int | None:
    if packet[0] >> 4 == 4:  # noqa: PLR2004
        fragment = int.from_bytes(packet[6:8]) & 0x3FFF
        offset = (packet[0] & 0x0F) * 4
        return offset if packet[9] == _TCP and not fragment and offset >= _IPV4_MINIMUM else None
    kind, at = packet[6], _IPV6_HEADER
    while kind in _EXTENSIONS and at + 8 <= len(packet):
        kind, at = packet[at], at + (packet[at + 1] + 1) * 8
    return at if kind == _TCP else None
