"""From packets to segments: options, extension headers, fragments, padding, what is no TCP."""

import pytest

from shipper.capture.link_layer import ETHERNET, ip_packet
from shipper.capture.segments import LIMIT, pieces
from shipper.contract.events import Direction, Hook

from .wire import ACK, SYN, Connection, Harness, headers, ipv4, ipv6, tcp

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
CLIENT4, SERVER4 = "172.16.0.1", "172.16.0.2"
CLIENT6, SERVER6 = "2001:db8:f::1", "2001:db8:f::2"


def four(port: int, data: bytes, options: bytes = b"", flags: int = 0x10) -> bytes:
    """A TCP segment between the IPv4 hosts; the stream begins at 1."""
    ends = (CLIENT4, port), (SERVER4, 80)
    return tcp(*ends, data, sequence=not flags & SYN, flags=flags, options=options)


def six(port: int, data: bytes, flags: int = 0x10) -> bytes:
    """The same between the IPv6 hosts."""
    return tcp((CLIENT6, port), (SERVER6, 80), data, sequence=not flags & SYN, flags=flags)


@pytest.mark.parametrize("words", [0, 1, 10])
def test_ipv4_and_tcp_options(kernel: Harness, words: int) -> None:
    """Options of both headers, up to 40 bytes each, are passed over."""
    options, port = bytes([1]) * 4 * words, 1000 + words
    kernel.show(ipv4(CLIENT4, SERVER4, four(port, b"", options, SYN), options=options))
    (event,) = kernel.show(ipv4(CLIENT4, SERVER4, four(port, GET, options), options=options))
    assert event.data == GET
    assert event.source == bytes(10) + b"\xff\xff" + bytes([172, 16, 0, 1])
    assert (event.source_port, event.destination_port) == (port, 80)
    assert (event.hook, event.direction) == (Hook.REPLAY, Direction.UNKNOWN)


@pytest.mark.parametrize(
    ("number", "extensions"),
    [
        (1, ((0, b"\0" + bytes(6)),)),
        (2, ((0, b"\1" + bytes(14)), (60, b"\0" + bytes(6)), (43, b"\0" + bytes(6)))),
        (3, ((51, b"\4" + bytes(22)),)),
        (4, ((44, b"\0\0\0\0\0\0\1"),)),
    ],
)
def test_ipv6_extension_headers(
    kernel: Harness, number: int, extensions: tuple[tuple[int, bytes], ...]
) -> None:
    """Hop-by-hop, destination options, routing, authentication, and an atomic fragment."""
    port = 2000 + number
    kernel.show(ipv6(CLIENT6, SERVER6, six(port, b"", SYN), extensions=extensions))
    assert headers(kernel.show(ipv6(CLIENT6, SERVER6, six(port, GET), extensions=extensions))) == [
        GET
    ]


def test_too_many_extension_headers_are_counted(kernel: Harness) -> None:
    """A chain that does not end soon is given up."""
    before = kernel.counters()
    chain = ((60, b"\0" + bytes(6)),) * 9
    assert kernel.show(ipv6(CLIENT6, SERVER6, six(2100, GET), extensions=chain)) == []
    assert kernel.counted(before) == {"parse_given_up": 1}


@pytest.mark.parametrize("fragment", [0x2000, 0x0001, 0x2001])
def test_ipv4_fragments_are_counted(kernel: Harness, fragment: int) -> None:
    """Neither the first nor a later fragment of TCP is read."""
    before = kernel.counters()
    assert kernel.show(ipv4(CLIENT4, SERVER4, four(3000, GET), fragment=fragment)) == []
    assert kernel.counted(before) == {"fragments": 1}


def test_ipv6_fragments_are_counted(kernel: Harness) -> None:
    """The same in a fragment header."""
    before = kernel.counters()
    for where in (b"\0\x01", b"\x01\0"):
        extension = (44, b"\0" + where + bytes(4))
        assert kernel.show(ipv6(CLIENT6, SERVER6, six(3001, GET), extensions=(extension,))) == []
    assert kernel.counted(before) == {"fragments": 2}


@pytest.mark.parametrize("version", [4, 6])
def test_ethernet_padding_is_no_payload(kernel: Harness, version: int) -> None:
    """A short frame is filled up; the IP header says where the packet ends."""
    port, padding = 3100, b"GET / xxxxx"
    for data, flags in ((b"", SYN), (b"", ACK), (GET, ACK)):
        before = kernel.counters()
        if version == 4:
            packet = ipv4(CLIENT4, SERVER4, four(port, data, flags=flags), padding=padding)
        else:
            packet = ipv6(CLIENT6, SERVER6, six(port, data, flags), padding=padding)
        assert headers(kernel.show(packet)) == [GET] * bool(data)
        assert kernel.counted(before).get("packets", 0) == bool(data)


def test_other_protocols_cost_nothing(kernel: Harness) -> None:
    """UDP, and packets too short for their headers: nothing is counted, nothing read."""
    before = kernel.counters()
    kernel.show(ipv4(CLIENT4, SERVER4, four(3200, GET), protocol=17))
    kernel.show(ipv4(CLIENT4, SERVER4, four(3200, GET)[:12]))
    kernel.show(ipv4(CLIENT4, SERVER4, four(3200, GET)[:12] + b"\x10" + bytes(7)))
    assert kernel.counted(before) == {}


def test_vlans_are_different_flows(kernel: Harness) -> None:
    """The same addresses and ports in two VLANs at once."""
    for vlan in (1, 2):
        kernel.show(ipv4(CLIENT4, SERVER4, four(3300, b"", flags=SYN)), vlan)
    flows = {
        (event.flow, event.scope)
        for vlan in (1, 2)
        for event in kernel.show(ipv4(CLIENT4, SERVER4, four(3300, GET)), vlan)
    }
    assert {scope for _, scope in flows} == {1, 2}
    assert len({flow for flow, _ in flows}) == 2


def test_large_segments_are_cut_for_the_test_run(connection: Connection) -> None:
    """A 40 KB segment of a capture comes out as one block and one end, as its pieces would."""
    request = b"POST / HTTP/1.1\r\nContent-Length: 30000\r\nX: " + b"a" * 9000 + b"\r\n\r\n"
    packet = connection.build(connection.client, request + b"b" * 30000 + GET)
    parts = list(pieces(packet))
    assert all(len(part) <= LIMIT for part in parts)
    events = [event for part in parts for event in connection.harness.show(part)]
    assert b"".join(headers(events)) == request + GET


def test_tags_in_front_of_the_packet() -> None:
    """VLAN, QinQ, MPLS and PPPoE are taken off a frame; both tags are its scope."""
    packet = ipv4(CLIENT4, SERVER4, four(1, GET))
    addresses = bytes(12)
    for tags, vlan in (
        (b"\x08\0", 0),
        (b"\x81\0\x20\x05\x08\0", 5),
        (b"\x88\xa8\0\x01\x81\0\0\x02\x08\0", 1 << 12 | 2),
        (b"\x88\x47\0\0\x10\x40\0\0\x11\x40", 0),
        (b"\x88\x64\x11\0\0\x01\0\x2a\0\x21", 0),
    ):
        assert ip_packet(ETHERNET, addresses + tags + packet) == (packet, vlan), tags
