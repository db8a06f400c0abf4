"""A TCP client that puts its segments on the cable as it likes, and frames of any kind."""

import itertools
import json
import random
import socket
import time
from collections.abc import Iterable

from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from .netns import PORT, Namespace, Route, run

#: of nobody: so that no kernel answers for it
ADDRESS = "10.99.0.77"
_ETH_P_ALL = 3
_ports = itertools.count(20000)


def hardware_address(namespace: Namespace, device: str = "eth0") -> str:
    """The device's."""
    (link,) = json.loads(run("ip", "-n", namespace.name, "-j", "link", "show", device))
    return str(link["address"])


class Cable:
    """The client's end of a cable, without its kernel's TCP."""

    def __init__(self, route: Route) -> None:
        self._ours, self._theirs = hardware_address(route.client), hardware_address(route.server)
        route.server.ip("neigh", "replace", ADDRESS, "dev", "eth0", "lladdr", self._ours)
        with route.client.inside():
            self._socket = socket.socket(
                socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL)
            )
            self._socket.bind(("eth0", _ETH_P_ALL))
            self._socket.settimeout(0.01)

    def send(self, packet: Packet) -> None:
        """One frame around this packet, checksums filled in."""
        self._socket.send(bytes(Ether(src=self._ours, dst=self._theirs) / packet))

    def receive(self) -> Packet | None:
        """The next TCP packet for the address, if there is one at the moment."""
        try:
            frame = Ether(self._socket.recv(1 << 16))
        except TimeoutError:
            return None
        return frame if IP in frame and TCP in frame and frame[IP].dst == ADDRESS else None

    def close(self) -> None:
        """Let go of the cable."""
        self._socket.close()


class Client:
    """One connection to nginx."""

    def __init__(self, cable: Cable, server: str) -> None:
        self._cable = cable
        self._ends = IP(src=ADDRESS, dst=server)
        self.port = next(_ports)
        self.first = random.Random(self.port).randrange(1 << 32)  # of the stream's bytes
        self.received = bytearray()
        self._sent = 0  # bytes of the stream, the furthest one
        self._acknowledged = 0
        self._closed = False
        self._send(b"", self.first - 1, "S")
        answer = self._await_segment()
        self._acknowledged = (answer[TCP].seq + 1) % (1 << 32)
        self._send(b"", self.first, "A")

    def send(self, segments: Iterable[tuple[int, bytes]]) -> None:
        """Segments by where in the stream they begin, in this order."""
        for at, data in segments:
            self._sent = max(self._sent, at + len(data))
            self._send(data, self.first + at, "PA")
            self._take(0)

    def until(self, answers: int, marker: bytes = b"HTTP/1.1 ") -> None:
        """Wait for this many answers."""
        deadline = time.monotonic() + 10
        while self.received.count(marker) < answers:
            self._take(0.05)
            assert time.monotonic() < deadline, bytes(self.received)

    def close(self, at: int) -> None:
        """FIN behind the stream's last byte."""
        self._send(b"", self.first + at, "FA")
        deadline = time.monotonic() + 10
        while not self._closed:
            self._take(0.05)
            assert time.monotonic() < deadline, "nginx did not close"

    def _send(self, data: bytes, sequence: int, flags: str) -> None:
        segment = TCP(
            sport=self.port,
            dport=PORT,
            seq=sequence % (1 << 32),
            ack=self._acknowledged,
            flags=flags,
            window=65535,
        )
        self._cable.send(self._ends / segment / Raw(data) if data else self._ends / segment)

    def _await_segment(self) -> Packet:
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            packet = self._cable.receive()
            if packet is not None and packet[TCP].dport == self.port:
                return packet
        msg = "nginx's end did not answer"
        raise AssertionError(msg)

    def _take(self, seconds: float) -> None:
        """What the server sent, acknowledged."""
        deadline = time.monotonic() + seconds
        while (packet := self._cable.receive()) is not None or time.monotonic() < deadline:
            if packet is None or packet[TCP].dport != self.port:
                continue
            data = bytes(packet[TCP].payload)[: packet[IP].len - 20 - packet[TCP].dataofs * 4]
            if packet[TCP].seq == self._acknowledged:
                self.received += data
                self._acknowledged = (self._acknowledged + len(data)) % (1 << 32)
                if packet[TCP].flags.F:
                    self._closed = True
                    self._acknowledged = (self._acknowledged + 1) % (1 << 32)
            if data or packet[TCP].flags.F:
                self._send(b"", self.first + self._sent, "A")
