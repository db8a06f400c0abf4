"""Frames of a mirror port: VLAN tags and tunnels in front, seen by a real interface."""

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import GRE, Dot1AD, Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

from shipper.capture import TUNNELS, CaptureSettings

from .netns import Network, cable
from .raw import Cable
from .watch import RING, Watch

_MIRRORED = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
_COLLECTOR = IP(src="10.99.0.77", dst="10.99.0.2")
_WRAPPED: dict[str, tuple[list[Packet], int]] = {
    "plain": ([], 0),
    "vlan": ([Dot1Q(vlan=5)], 5),
    "qinq": ([Dot1AD(vlan=100), Dot1Q(vlan=5)], 100 << 12 | 5),
    "two-vlans": ([Dot1Q(vlan=100), Dot1Q(vlan=5)], 100 << 12 | 5),
    "vxlan": ([_COLLECTOR, UDP(dport=4789), VXLAN(vni=7), _MIRRORED], 1 << 28 | 7),
    "vxlan-in-vlan": (
        [Dot1Q(vlan=9), _COLLECTOR, UDP(dport=4789), VXLAN(vni=7), _MIRRORED],
        1 << 28 | 7,
    ),
    "gre": ([_COLLECTOR, GRE(key_present=1, key=3)], 3 << 28 | 3),
}


def _exchange(port: int) -> list[Packet]:
    """A request and its response between two hosts that are not here."""
    there, back = IP(src="192.0.2.1", dst="192.0.2.2"), IP(src="192.0.2.2", dst="192.0.2.1")
    ask, answer = {"sport": port, "dport": 80}, {"sport": 80, "dport": port}
    request = b"GET /mirrored HTTP/1.1\r\nHost: a\r\n\r\n"
    response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"
    return [
        there / TCP(**ask, seq=9, flags="S"),
        back / TCP(**answer, seq=99, ack=10, flags="SA"),
        there / TCP(**ask, seq=10, ack=100, flags="PA") / Raw(request),
        back / TCP(**answer, seq=100, ack=10 + len(request), flags="PA") / Raw(response),
    ]


@pytest.mark.parametrize("name", _WRAPPED)
def test_mirrored(network: Network, name: str) -> None:
    """The exchange inside is told, with the inner addresses, in its own network."""
    route = cable(network)
    wire = Cable(route)
    with route.server.inside():
        watch = Watch(
            CaptureSettings(
                hook="interface", interfaces=("eth0",), ring_bytes=RING, decapsulate=TUNNELS
            )
        )
    layers, scope = _WRAPPED[name]
    for packet in _exchange(1234):
        wrapped = packet
        for layer in reversed(layers):
            wrapped = layer / wrapped
        wire.send(wrapped)
    watch.finish()
    wire.close()
    (exchange,) = watch.exchanges
    assert exchange.request
    assert exchange.response
    assert (exchange.request.target, exchange.response.status) == ("/mirrored", 200)
    connection = exchange.connection
    assert (connection.client_address, connection.client_port) == (bytes([192, 0, 2, 1]), 1234)
    assert (connection.scope or 0) == scope
