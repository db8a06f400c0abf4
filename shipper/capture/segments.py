"""Makes packets fit for BPF_PROG_TEST_RUN, which takes only about 3.4 KB.

Captures made with offloading hold segments of up to 64 KiB. The pieces are what the network would
have shown without it (RFC 9293): the same header, sequence numbers that go on, FIN on the last.
Of a segment that the capture cut short the FIN is shown by itself, where it was: the bytes between
are missing, not unsent.
"""

from collections.abc import Iterator

from shipper.capture.ip_header import IPV6_HEADER, TCP, IpHeader, parse

#: One page less the kernel's head room and skb_shared_info is about 3.4 KB; kept well below.
LIMIT = 3000
_LONGEST_HEADERS = 1000
_TCP_HEADER = 20
_FIN, _SYN = 0x01, 0x02
_LAST_ONLY = 0x0D  # FIN, RST, PSH
_MODULUS = 1 << 32


def pieces(packet: bytes) -> Iterator[bytes]:
    """The packet itself, less padding, if it is small enough or no TCP; else its pieces."""
    header = parse(packet)
    if header and 0 < header.end < len(packet):
        packet = packet[: header.end]
    if not header or not header.is_tcp or header.transport + _TCP_HEADER > len(packet):
        yield packet[:LIMIT]
        return
    end_is_missing = header.end > len(packet) and packet[header.transport + 13] & _FIN
    if len(packet) > LIMIT or end_is_missing:
        yield from _cut(packet, header)
    else:
        yield packet


def _cut(packet: bytes, header: IpHeader) -> Iterator[bytes]:
    at = header.transport
    ip, tcp = packet[:at], packet[at : at + (packet[at + 12] >> 4) * 4]
    payload = packet[at + len(tcp) :]
    on_wire = max(header.end, len(packet)) - at - (tcp[12] >> 4) * 4
    if len(ip) > _LONGEST_HEADERS:
        # Extension headers that would leave no room: they say nothing about the segment.
        ip = ip[:6] + bytes([TCP]) + ip[7:IPV6_HEADER]
    sequence, flags = int.from_bytes(tcp[4:8]), tcp[13]
    step = LIMIT - len(ip) - len(tcp)
    first, last = 0, max(len(payload), 1)
    for begin in range(first, last, step):
        body = payload[begin : begin + step]
        now = flags if begin == first else flags & ~_SYN
        if begin + step < last or on_wire > len(payload):
            now &= ~_LAST_ONLY
        yield _piece(ip, tcp, sequence + _shift(flags, begin), now, body)
    if on_wire > len(payload):
        yield _piece(ip, tcp, sequence + _shift(flags, on_wire), flags & ~_SYN, b"")


def _shift(flags: int, begin: int) -> int:
    """How far the number of a piece lies behind that of its segment: SYN takes one too."""
    return begin + bool(flags & _SYN) if begin else 0


def _piece(ip: bytes, tcp: bytes, sequence: int, flags: int, body: bytes) -> bytes:
    if len(tcp) < (tcp[12] >> 4) * 4:
        # Options were cut off; without the rest of them the header says that it has none.
        tcp = tcp[:12] + bytes([_TCP_HEADER // 4 << 4]) + tcp[13:_TCP_HEADER]
    head = bytearray(ip + tcp)
    head[len(ip) + 4 : len(ip) + 8] = (sequence % _MODULUS).to_bytes(4)
    head[len(ip) + 13] = flags
    size = len(head) + len(body)
    if head[0] >> 4 == 4:  # noqa: PLR2004 - a version
        head[2:4] = size.to_bytes(2)
    else:
        head[4:6] = (size - IPV6_HEADER).to_bytes(2)
    return bytes(head) + body
