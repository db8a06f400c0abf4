"""Replay joins fragments as this kernel does: the same datagrams from the same fragments."""

import itertools
import random
import socket
from collections import Counter

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment
from scapy.packet import Packet, Raw

from shipper.capture.fragments import Fragments
from shipper.capture.ip_header import parse

from .netns import Network

_PORT = 4444
_SIZE = 120
_LOOPBACK = {4: "127.0.0.1", 6: "::1"}
_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}

#: begin and end in units of eight bytes, and whether more follow
Cut = tuple[int, int, bool]


def _fragment(version: int, data: bytes, number: int, cut: Cut) -> bytes:
    begin, end, more = cut
    address = _LOOPBACK[version]
    part = Raw(data[begin * 8 : end * 8])
    if version == 4:
        flags = "MF" if more else 0
        head: Packet = IP(src=address, dst=address, proto=17, id=number, flags=flags, frag=begin)
    else:
        fragment = IPv6ExtHdrFragment(nh=17, id=number, offset=begin, m=int(more))
        head = IPv6(src=address, dst=address) / fragment
    return bytes(head / part)


def _cuts(chance: random.Random) -> list[Cut]:
    """A datagram in some fragments in some order; mostly with one or two more that don't belong."""
    last = _SIZE // 8
    places = sorted({0, last, *(chance.randrange(1, last) for _ in range(chance.randrange(1, 5)))})
    cuts = [(begin, end, end != last) for begin, end in itertools.pairwise(places)]
    for _ in range(chance.choice((0, 1, 1, 2))):
        begin = chance.randrange(last)
        end = chance.randrange(begin + 1, last + 1)
        cuts.append(chance.choice(((begin, end, end != last), (begin, end, chance.random() < 0.8))))
    if chance.random() < 0.3:
        cuts.append(chance.choice(cuts))
    if chance.random() < 0.7:
        chance.shuffle(cuts)
    return cuts


@pytest.mark.parametrize("version", [4, 6])
def test_replay_joins_what_the_kernel_joins(network: Network, version: int) -> None:
    """Random fragments: all in any order, copies, overlaps and ends that deny one another."""
    chance = random.Random(version)
    address = _LOOPBACK[version]
    with network.namespace("frag").inside():
        receiver = socket.socket(_FAMILY[version], socket.SOCK_DGRAM)
        sender = socket.socket(_FAMILY[version], socket.SOCK_RAW, socket.IPPROTO_RAW)
    verdicts: Counter[tuple[bool, bool]] = Counter()
    with receiver, sender:
        receiver.bind((address, _PORT))
        receiver.settimeout(10)
        for number in range(1, 1500):
            head = IP if version == 4 else IPv6
            text = b"%d" % number
            whole = head(src=address, dst=address) / UDP(sport=9, dport=_PORT)
            data = bytes(whole / Raw(text.ljust(_SIZE - 8)))[-_SIZE:]
            cuts = _cuts(chance)
            parts = [_fragment(version, data, number, cut) for cut in cuts]
            fragments, ours = Fragments(Counter()), 0
            for part in parts:
                sender.sendto(part, (address, 0))
                header = parse(part)
                assert header
                found: bytes | None = part  # one that is the whole datagram is no fragment
                if header.fragment:
                    found = fragments.add(part, header, 0, header.fragment, 0)
                ours += found is not None and found.endswith(data)
            receiver.sendto(b"end", receiver.getsockname()[:2])
            theirs = 0
            while receiver.recv(1000) != b"end":
                theirs += 1
            assert ours == theirs, (number, cuts)
            verdicts[len(cuts) > 3, bool(ours)] += 1
    assert all(
        verdicts[several, joined] > 50 for several in (True, False) for joined in (True, False)
    )
