"""Tunnels that mirror ports use: opened where that is set, each a flow of its own.

The packets are scapy's, which knows the formats from elsewhere.
"""

from collections.abc import Callable, Iterator

import pytest
from scapy.contrib.erspan import ERSPAN_II, ERSPAN_III, ERSPAN_PlatformSpecific
from scapy.contrib.geneve import GENEVE
from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import GRE, Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

from shipper.capture.settings import TUNNELS, CaptureSettings

from .wire import Harness, headers, load, loaded

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
OUTER = IP(src="198.51.100.1", dst="198.51.100.2")
OUTER6 = IPv6(src="2001:db8::1", dst="2001:db8::2")
ETHER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")

#: each tunnel, by the setting that opens it, around an inner IP packet
TUNNELLED: dict[str, tuple[str | None, Callable[[Packet], Packet]]] = {
    "vxlan": ("vxlan", lambda inner: OUTER / UDP(dport=4789) / VXLAN(vni=7) / ETHER / inner),
    "vxlan6": ("vxlan", lambda inner: OUTER6 / UDP(dport=4789) / VXLAN(vni=7) / ETHER / inner),
    "vxlan-vlan": (
        "vxlan",
        lambda inner: OUTER / UDP(dport=4789) / VXLAN(vni=7) / ETHER / Dot1Q(vlan=5) / inner,
    ),
    "geneve": (
        "geneve",
        lambda inner: OUTER / UDP(dport=6081) / GENEVE(vni=9, proto=0x6558) / ETHER / inner,
    ),
    "geneve-options": (
        "geneve",
        lambda inner: (
            OUTER
            / UDP(dport=6081)
            / Raw(b"\x02\x00\x65\x58\x00\x00\x09\x00" + bytes(8))
            / ETHER
            / inner
        ),
    ),
    "gre": ("gre", lambda inner: OUTER / GRE() / inner),
    "gre-key": (
        "gre",
        lambda inner: (
            OUTER
            / GRE(key_present=1, key=6, seqnum_present=1, sequence_number=1, chksum_present=1)
            / inner
        ),
    ),
    "gre-bridged": ("gre", lambda inner: OUTER / GRE(proto=0x6558) / ETHER / inner),
    "erspan-1": ("gre", lambda inner: OUTER / GRE(proto=0x88BE) / ETHER / inner),
    "erspan-2": (
        "gre",
        lambda inner: (
            OUTER / GRE(proto=0x88BE, seqnum_present=1) / ERSPAN_II(session_id=3) / ETHER / inner
        ),
    ),
    "erspan-3": (
        "gre",
        lambda inner: (
            OUTER / GRE(proto=0x22EB, seqnum_present=1) / ERSPAN_III(session_id=3) / ETHER / inner
        ),
    ),
    "erspan-3-platform": (
        "gre",
        lambda inner: (
            OUTER
            / GRE(proto=0x22EB, seqnum_present=1)
            / ERSPAN_III(session_id=3, o=1)
            / ERSPAN_PlatformSpecific()
            / ETHER
            / inner
        ),
    ),
    "ip-in-ip": ("ipip", lambda inner: OUTER / inner),
    "ip-in-ip6": ("ipip", lambda inner: OUTER6 / inner),
    "gtp": ("gtp", lambda inner: OUTER / UDP(dport=2152) / GTP_U_Header(teid=7) / inner),
    "gtp-sequence": (
        "gtp",
        lambda inner: OUTER / UDP(dport=2152) / GTP_U_Header(teid=7, S=1, seq=9) / inner,
    ),
    "gtp-extension": (
        "gtp",
        lambda inner: (
            OUTER / UDP(dport=2152) / GTP_U_Header(teid=7) / GTPPDUSessionContainer(QFI=9) / inner
        ),
    ),
    "twice": (
        None,
        lambda inner: OUTER / GRE() / OUTER / UDP(dport=4789) / VXLAN(vni=1) / ETHER / inner,
    ),
}


def packets(name: str, inner: Packet, port: int) -> list[bytes]:
    """A SYN and a request in this tunnel."""
    wrap = TUNNELLED[name][1]
    first = inner / TCP(sport=port, dport=80, seq=1, flags="S")
    request = inner / TCP(sport=port, dport=80, seq=2, flags="PA") / Raw(GET)
    return [bytes(wrap(first)), bytes(wrap(request))]


@pytest.fixture(scope="module")
def opening() -> Iterator[Harness]:
    """The replay build that opens every tunnel."""
    yield from loaded(CaptureSettings(hook="replay", decapsulate=TUNNELS))


@pytest.mark.parametrize("name", TUNNELLED)
def test_opened(opening: Harness, name: str) -> None:
    """The request inside, IPv4 or IPv6, with the inner addresses."""
    port = 1000 + list(TUNNELLED).index(name)
    for inner, ends in (
        (IP(src="10.9.0.1", dst="10.9.0.2"), bytes([10, 9, 0, 1])),
        (IPv6(src="2001:db8:9::1", dst="2001:db8:9::2"), b"\0\1"),
    ):
        first, request = packets(name, inner, port)
        assert opening.show(first) == []
        (event,) = opening.show(request)
        assert event.data == GET
        assert event.source.endswith(ends)
        assert (event.source_port, event.destination_port) == (port, 80)


@pytest.mark.parametrize("name", TUNNELLED)
def test_closed_unless_set(kernel: Harness, name: str) -> None:
    """By default nothing inside is looked at."""
    for packet in packets(name, IP(src="10.9.0.1", dst="10.9.0.2"), 2000):
        assert kernel.show(packet) == []


def test_each_setting_opens_its_own() -> None:
    """A setting opens one kind of tunnel and no other."""
    for setting in TUNNELS:
        harness = load(CaptureSettings(hook="replay", decapsulate=(setting,)))
        try:
            for number, (name, (by, _)) in enumerate(TUNNELLED.items()):
                shown = packets(name, IP(src="10.9.0.1", dst="10.9.0.2"), 3000 + number)
                events = [event for packet in shown for event in harness.show(packet)]
                assert headers(events) == ([GET] if by == setting else []), (setting, name)
        finally:
            harness.close()


@pytest.mark.parametrize(
    ("ports", "head"),
    [
        ((40000, 3544), b""),
        ((3544, 40000), b""),
        ((3544, 40000), b"\0\0" + bytes(6)),  # origin indication
        ((40000, 3544), b"\0\1\2\3" + b"idkey" + bytes(9)),  # authentication
        ((3544, 40000), b"\0\1\0\0" + bytes(9) + b"\0\0" + bytes(6)),
    ],
)
def test_teredo(opening: Harness, ports: tuple[int, int], head: bytes) -> None:
    """RFC 4380 sections 5.1.1 and 5.2.8: IPv6 behind either, both or none of its headers."""
    inner = IPv6(src="2001:0:1::1", dst="2001:db8:9::2")
    outer = OUTER / UDP(sport=ports[0], dport=ports[1])
    port = 5000 + len(head) + ports[0] % 100
    opening.show(bytes(outer / Raw(head) / inner / TCP(sport=port, dport=80, seq=1, flags="S")))
    request = inner / TCP(sport=port, dport=80, seq=2, flags="PA") / Raw(GET)
    assert headers(opening.show(bytes(outer / Raw(head) / request))) == [GET]


def test_both_directions_of_gtp_are_one_flow(opening: Harness) -> None:
    """Each has a tunnel number of its own."""
    client, server = {"src": "10.6.0.1", "dst": "10.6.0.2"}, {"src": "10.6.0.2", "dst": "10.6.0.1"}
    ask = IP(**client) / TCP(sport=9, dport=80, seq=2, flags="PA") / Raw(GET)
    answer = IP(**server) / TCP(sport=80, dport=9, seq=7, ack=2 + len(GET), flags="PA")
    answer /= Raw(b"HTTP/1.1 204 No Content\r\n\r\n")
    flows = {
        opening.show(bytes(OUTER / UDP(dport=2152) / GTP_U_Header(teid=teid) / packet))[0].flow
        for teid, packet in enumerate((ask, answer), 1)
    }
    assert len(flows) == 1


def test_networks_are_told_apart(opening: Harness) -> None:
    """The same addresses and ports in two virtual networks are two connections."""
    flows = set()
    for vni in (1, 2):
        inner = IP(src="10.8.0.1", dst="10.8.0.2")
        outer = OUTER / UDP(dport=4789) / VXLAN(vni=vni) / ETHER
        opening.show(bytes(outer / inner / TCP(sport=9, dport=80, seq=1, flags="S")))
        tcp = TCP(sport=9, dport=80, seq=2, flags="PA")
        (event,) = opening.show(bytes(outer / inner / tcp / Raw(GET)))
        flows.add((event.flow, event.scope))
    assert len(flows) == 2


def test_a_header_cut_off_is_no_harm(opening: Harness) -> None:
    """Every prefix of every tunnel packet: nothing, or the request."""
    for name in TUNNELLED:
        _, request = packets(name, IP(src="10.7.0.1", dst="10.7.0.2"), 4000)
        for length in range(40, len(request)):  # the kernel refuses less than an IP header
            opening.show(request[:length])
