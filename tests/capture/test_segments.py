"""Cutting packets for the test run: the same bytes at the same sequence numbers."""

from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.layers.ipsec import AH
from scapy.packet import Packet, Raw

from shipper.capture.segments import LIMIT, pieces

FIN, SYN, RST, PSH, ACK, URG = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
MODULUS = 1 << 32
FOUR = IP(src="10.1.2.3", dst="10.3.2.1", id=7)
SIX = IPv6(src="fd00::1", dst="fd00::2")
HEADS: tuple[Packet, ...] = (
    FOUR,
    IP(src="10.1.2.3", dst="10.3.2.1", options=b"\x01" * 40),
    SIX,
    SIX / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt(),
    SIX / IPv6ExtHdrRouting(),
    SIX / IPv6ExtHdrFragment(id=5),
    SIX / AH(nh=6, icv=b"\x05" * 12, payloadlen=4),
)


class Seen(NamedTuple):
    """What a receiver sees in one piece."""

    begin: int
    data: bytes
    flags: int


def seen(piece: bytes) -> Seen:
    """A piece, read by another reader; its lengths must be those it says."""
    packet = IP(piece) if piece[0] >> 4 == 4 else IPv6(piece)
    said = packet.len if packet.version == 4 else packet.plen + 40
    assert said == len(piece) <= LIMIT
    # scapy looks into no authentication header.
    segment = TCP(bytes(packet[AH].payload)) if AH in packet else packet[TCP]
    return Seen(segment.seq, bytes(segment.payload), int(segment.flags))


@settings(deadline=None)
@given(
    head=st.sampled_from(HEADS),
    size=st.integers(0, 50_000),
    flags=st.sets(st.sampled_from([FIN, SYN, RST, PSH, URG])),
    sequence=st.one_of(st.integers(0, MODULUS - 1), st.integers(MODULUS - 40_000, MODULUS - 1)),
    options=st.integers(0, 10),
    padding=st.integers(0, 6),
)
def test_pieces_are_the_segment(  # noqa: PLR0913 - what a segment may vary in
    *,
    head: Packet,
    size: int,
    flags: set[int],
    sequence: int,
    options: int,
    padding: int,
) -> None:
    """Bytes and sequence numbers, SYN first, FIN and RST last; padding is no part of it."""
    payload = bytes(i * 7 % 251 for i in range(size))
    all_flags = sum(flags) | ACK
    segment = TCP(seq=sequence, flags=all_flags, dataofs=5 + options) / Raw(b"\x01" * 4 * options)
    packet = bytes(head / segment / Raw(payload)) + bytes(padding)
    found = [seen(piece) for piece in pieces(packet)]
    stream = b""
    for index, piece in enumerate(found):
        syn = bool(all_flags & SYN)
        shift = len(stream) + (syn if stream else 0)
        assert piece.begin == (sequence + shift) % MODULUS
        last = index + 1 == len(found)
        expected = all_flags & ~(SYN if index else 0) & ~(0 if last else FIN | RST | PSH)
        assert piece.flags == expected
        stream += piece.data
    assert stream == payload
    assert (len(found) == 1) == (len(packet) - padding <= LIMIT)


@settings(deadline=None)
@given(
    head=st.sampled_from(HEADS),
    size=st.integers(1, 20_000),
    kept=st.integers(0, 20_000),
    flags=st.sampled_from([ACK, ACK | FIN, ACK | SYN]),
)
def test_a_segment_that_was_cut_short_ends_where_it_did(
    head: Packet, size: int, kept: int, flags: int
) -> None:
    """The bytes that are there, at their place; FIN behind those that are not."""
    payload = bytes(i * 7 % 251 for i in range(size))
    whole = bytes(head / TCP(seq=1000, flags=flags) / Raw(payload))
    headers = len(whole) - size
    packet = whole[: headers + min(kept, size - 1)]
    if len(packet) <= LIMIT and not flags & FIN:
        assert list(pieces(packet)) == [packet]
        return
    found = [seen(piece) for piece in pieces(packet)]
    assert b"".join(piece.data for piece in found) == packet[headers:]
    ends = [piece for piece in found if piece.flags & FIN]
    assert ends == [Seen(1000 + size, b"", flags)] * bool(flags & FIN)


@pytest.mark.parametrize("kept", [0, 1, 19])
def test_options_that_were_cut_short(kept: int) -> None:
    """A header that ends within its options: the FIN is still where it was."""
    segment = TCP(seq=1000, flags="FA", dataofs=10) / Raw(b"\x01" * 20 + b"x" * 500)
    packet = bytes(FOUR / segment)[: 40 + kept]
    assert [seen(piece) for piece in pieces(packet)] == [
        Seen(1000, b"", ACK),
        Seen(1500, b"", ACK | FIN),
    ]


def test_extension_headers_that_leave_no_room() -> None:
    """They are taken off: what they say is not about the segment."""
    option = b"\x1e\xfe" + bytes(254)
    last = bytes([6, 255, *option * 7, 0x1E, 252]) + bytes(252)
    others = b"".join(bytes([60]) + last[1:] for _ in range(2))
    segment = bytes(TCP(seq=9, flags="A") / Raw(b"y" * 400))
    packet = bytes(IPv6(src="fd00::1", dst="fd00::2", nh=60) / Raw(others + last + segment))
    assert len(packet) > LIMIT
    assert [seen(piece) for piece in pieces(packet)] == [Seen(9, b"y" * 400, ACK)]


@pytest.mark.parametrize(
    "packet",
    [
        bytes(FOUR / UDP() / Raw(bytes(5000))),
        bytes(IP(flags="MF") / TCP() / Raw(bytes(5000))),
        bytes(SIX / IPv6ExtHdrFragment(m=1) / TCP() / Raw(bytes(5000))),
        bytes(FOUR / TCP())[:33],
        b"\x4f" + bytes(20),
        b"\x60",
    ],
)
def test_what_is_no_segment(packet: bytes) -> None:
    """As much as the test run takes: the program itself knows what it is."""
    assert list(pieces(packet)) == [packet[:LIMIT]]


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=200), st.integers(0, 9000))
def test_any_bytes_come_out_in_some_pieces(head: bytes, size: int) -> None:
    """Nothing raises, and nothing is longer than the test run takes."""
    for first in (b"\x45", b"\x60", b""):
        for piece in pieces(first + head + bytes(size)):
            assert 0 < len(piece) <= LIMIT
