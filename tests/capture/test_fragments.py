"""Fragments: put together whatever their sizes and order, or discarded with a reason."""

import itertools
import random
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, fragment
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    fragment6,
)
from scapy.packet import Raw

from shipper.capture.fragments import BYTES, DATAGRAMS, Fragments
from shipper.capture.ip_header import parse

SECOND = 10**9
Make = Callable[..., bytes]


def payload(size: int) -> bytes:
    """Bytes that tell where they stand."""
    return b"".join(i.to_bytes(2) for i in range(size // 2))


def four(offset: int, data: bytes, *, more: bool, number: int = 7, options: int = 0) -> bytes:
    """A fragment of an IPv4 datagram of TCP; `offset` in bytes."""
    head = IP(
        src="10.1.2.3",
        dst="10.3.2.1",
        proto=6,
        id=number,
        flags="MF" if more else 0,
        frag=offset // 8,
        options=b"\x01" * options,
    )
    return bytes(head / Raw(data))


def six(offset: int, data: bytes, *, more: bool, number: int = 7) -> bytes:
    """The same of IPv6."""
    head = IPv6(src="fd00::1", dst="fd00::2") / IPv6ExtHdrHopByHop()
    cut = IPv6ExtHdrFragment(id=number, nh=6, m=int(more), offset=offset // 8)
    return bytes(head / cut / Raw(data))


def whole(version: int, data: bytes) -> bytes:
    """The datagram that these are fragments of."""
    if version == 4:
        return bytes(IP(src="10.1.2.3", dst="10.3.2.1", proto=6, id=7, chksum=0) / Raw(data))
    return bytes(IPv6(src="fd00::1", dst="fd00::2") / IPv6ExtHdrHopByHop(nh=6) / Raw(data))


class Harness:
    """Fragments that are accounted for."""

    def __init__(self, datagrams: int = DATAGRAMS, size: int = BYTES) -> None:
        self.counted: Counter[str] = Counter()
        self.fragments = Fragments(self.counted, datagrams, size)

    def add(self, packet: bytes, time: int = 0, scope: int = 0) -> bytes | None:
        """One fragment."""
        header = parse(packet)
        assert header
        assert header.fragment
        return self.fragments.add(packet, header, scope, header.fragment, time)

    def close(self) -> dict[str, int]:
        """What became of every fragment; it adds up."""
        self.fragments.close()
        counted = dict(self.counted)
        counted.pop("datagrams", None)
        assert counted.pop("fragments", 0) == sum(counted.values())
        return {name.removeprefix("fragments_"): count for name, count in counted.items()}


def without_checksum(packet: bytes) -> bytes:
    """An IPv4 header's checksum is that of the first fragment still; nobody looks at it again."""
    return packet if packet[0] >> 4 == 6 else packet[:10] + b"\0\0" + packet[12:]


@settings(deadline=None)
@given(
    version=st.sampled_from([4, 6]),
    cuts=st.sets(st.integers(3, 499)),  # the first holds a TCP header
    chance=st.randoms(use_true_random=False),
    copies=st.integers(0, 3),
)
def test_any_sizes_in_any_order(
    version: int, cuts: set[int], chance: random.Random, copies: int
) -> None:
    """The datagram comes with the fragment that completes it; copies in between change nothing."""
    data = payload(4010)
    make = four if version == 4 else six
    places = [0, *(cut * 8 for cut in sorted(cuts | {3})), len(data)]
    parts = [
        make(begin, data[begin:end], more=end < len(data))
        for begin, end in itertools.pairwise(places)
    ]
    chance.shuffle(parts)
    again = [parts[chance.randrange(len(parts) - 1)] for _ in range(copies)]
    harness = Harness()
    last = parts.pop()
    for part in sorted(parts + again, key=lambda _: chance.random()):
        assert harness.add(part) is None
    found = harness.add(last)
    assert found
    assert without_checksum(found) == whole(version, data)
    assert set(harness.close()) <= {"joined", "duplicate"}


@pytest.mark.parametrize("size", [512, 1480, 64])
def test_what_scapy_cuts(size: int) -> None:
    """Another maker of fragments, in both versions; the TCP segment comes back as it was."""
    segment = TCP(sport=1234, dport=80, flags="PA") / Raw(payload(3000))
    v4 = IP(src="10.1.2.3", dst="10.3.2.1", id=9) / segment
    v6 = IPv6(src="fd00::1", dst="fd00::2") / IPv6ExtHdrFragment() / IPv6ExtHdrDestOpt() / segment
    cut = [(v4, fragment(v4, fragsize=size)), (v6, fragment6(v6, size + 100))]
    for packet, parts in cut:
        harness = Harness()
        found = [harness.add(bytes(part)) for part in parts]
        assert len(parts) > 1
        assert found[:-1] == [None] * (len(parts) - 1)
        assert found[-1]
        header = parse(found[-1])
        assert header
        assert header.is_tcp
        expected = bytes(packet)[-len(segment) :]
        assert found[-1][header.transport :] == expected
        assert header.end == len(found[-1])


@pytest.mark.parametrize("make", [four, six])
@pytest.mark.parametrize(
    ("reason", "places"),
    [
        ("overlap", ((0, 80), (72, 160))),
        ("overlap", ((80, 160), (0, 88))),
        ("overlap", ((80, 160), (0, 240))),
        ("overlap", ((0, 80), (160, 240), (40, 200))),
        ("overlap", ((0, 80), (160, 240), (80, 160), (40, 120))),
        ("impossible_length", ((0, 80), (160, -200), (200, 240))),
        ("impossible_length", ((160, 240), (80, -200))),
        ("impossible_length", ((80, -160), (160, -240))),
        ("impossible_length", ((0, 80), (80, 80))),
        ("impossible_length", ((0, 80), (65520, 65544))),
    ],
)
def test_what_discards_a_datagram(
    make: Make,
    reason: str,
    places: tuple[tuple[int, int], ...],
) -> None:
    """As Linux does, in both versions: an overlap, or ends that deny one another.

    A negative end stands for the last fragment.
    """
    harness = Harness()
    data = payload(70_000)
    for begin, end in places:
        assert harness.add(make(begin, data[begin : abs(end)], more=end > 0)) is None
    assert harness.close() == {reason: len(places)}


def test_a_datagram_begins_anew_after_it_was_discarded() -> None:
    """The same identification, whole this time."""
    harness = Harness()
    data = payload(160)
    for begin, end in ((0, 80), (40, 120), (0, 80)):
        assert harness.add(four(begin, data[begin:end], more=True)) is None
    assert harness.add(four(80, data[80:], more=False))
    assert harness.close() == {"overlap": 2, "joined": 2}


def test_what_costs_the_fragment_alone() -> None:
    """A copy, an odd length in IPv6, a first fragment without the TCP header in IPv6."""
    harness = Harness()
    data = payload(160)
    harness.add(six(0, data[:16], more=True))
    harness.add(six(0, data[:79], more=True))
    harness.add(six(0, data[:80], more=True))
    harness.add(six(8, data[8:40], more=True))
    assert harness.add(six(80, data[80:], more=False))
    assert harness.close() == {"header_split": 1, "odd_length": 1, "duplicate": 1, "joined": 2}


def test_an_odd_length_in_ipv4_is_cut() -> None:
    """Linux takes the whole words of eight bytes."""
    harness = Harness()
    data = payload(160)
    harness.add(four(0, data[:85], more=True))
    found = harness.add(four(80, data[80:], more=False))
    assert found
    assert found[20:] == data


def test_datagrams_are_told_apart() -> None:
    """By identification, addresses and VLAN; IPv4's by protocol too."""
    harness = Harness()
    data = payload(160)
    first, second = four(0, data[:80], more=True), four(80, data[80:], more=False)
    udp = second[:9] + b"\x11" + second[10:]
    for other in (four(80, data[80:], more=False, number=8), udp, second[:19] + b"\x09" + data):
        assert harness.add(first) is None
        assert harness.add(other) is None
    assert harness.add(second, scope=5) is None
    assert harness.add(second)


@pytest.mark.parametrize(("make", "seconds"), [(four, 30), (six, 60)])
def test_time_is_the_captures(make: Make, seconds: int) -> None:
    """Half a minute for IPv4, a minute for IPv6, from the first fragment on."""
    data = payload(160)
    for late, expected in ((0, True), (1, False)):
        harness = Harness()
        harness.add(make(0, data[:80], more=True), 100 * SECOND)
        found = harness.add(make(80, data[80:], more=False), (100 + seconds) * SECOND + late)
        assert bool(found) == expected
        assert ("timed_out" in harness.close()) != expected


def test_a_clock_that_goes_back_discards_nothing() -> None:
    """Merged captures are not always in order."""
    harness = Harness()
    data = payload(160)
    harness.add(four(0, data[:80], more=True), 1000 * SECOND)
    assert harness.add(four(80, data[80:], more=False), 0)


def test_a_fragment_that_the_capture_cut_short() -> None:
    """Its datagram can't be whole any more."""
    harness = Harness()
    data = payload(160)
    harness.add(four(0, data[:80], more=True))
    harness.add(four(80, data[80:], more=False)[:-4])
    assert harness.close() == {"cut_short": 2}


def test_options_of_ipv4_are_those_of_the_first_fragment() -> None:
    """Later fragments need not repeat them (RFC 791)."""
    harness = Harness()
    data = payload(160)
    harness.add(four(80, data[80:], more=False))
    found = harness.add(four(0, data[:80], more=True, options=8))
    assert found
    header = parse(found)
    assert header
    assert (header.transport, header.end, header.fragment) == (28, 188, None)
    assert found[28:] == data


def test_memory_is_bounded() -> None:
    """Datagrams that are never finished: the oldest go first, by number and by bytes."""
    harness = Harness(datagrams=50, size=1 << 30)
    for number in range(200):
        harness.add(four(0, payload(80), more=True, number=number))
    assert harness.add(four(80, payload(80), more=False, number=199))
    assert harness.close() == {"no_room": 150, "joined": 2, "incomplete": 49}
    harness = Harness(datagrams=1000, size=100_000)
    for number in range(200):
        harness.add(four(0, payload(1024), more=True, number=number))
    assert harness.close() == {"incomplete": 78, "no_room": 122}


def test_a_datagram_longer_than_any_packet() -> None:
    """Each fragment may be possible, and the whole not: headers count too."""
    harness = Harness()
    data = payload(65536)
    for begin in range(0, 65528, 8192):
        end = min(begin + 8192, 65528)
        assert harness.add(four(begin, data[begin:end], more=end < 65528)) is None
    assert harness.close() == {"impossible_length": 8}


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 6), st.booleans(), st.booleans())))
def test_whatever_comes_is_accounted_for(fragments: list[tuple[int, int, bool, bool]]) -> None:
    """Nothing raises, what comes out has the right bytes, and every fragment has its fate."""
    harness = Harness()
    data = payload(400)
    for place, size, more, version in fragments:
        begin, end = place * 8, (place + size) * 8
        make = six if version else four
        part = make(begin, data[begin:end], more=more)
        header = parse(part)
        if not header or not header.fragment:
            continue
        found = harness.add(part)
        if found:
            header = parse(found)
            assert header
            assert data.startswith(found[header.transport :])
    harness.close()
