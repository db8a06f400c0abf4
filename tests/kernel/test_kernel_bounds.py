"""What the program keeps is bounded by its settings, however many connections there are."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shipper.capture.settings import CaptureSettings

from .wire import ACK, SYN, Connection, Harness, headers, ipv4, loaded, tcp

TABLE = 1024
FLOWS = 20_000


@pytest.fixture(scope="module")
def small() -> Iterator[Harness]:
    """The program with room for few flows."""
    yield from loaded(CaptureSettings(hook="replay", flows=TABLE))


def memory(harness: Harness) -> dict[str, int]:
    """Bytes that each map of the program takes, as the kernel accounts for them."""
    taken = {}
    for name, descriptor in harness.kernel.descriptors.items():
        lines = Path(f"/proc/self/fdinfo/{descriptor}").read_text().splitlines()
        values = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        if "map_type" in values:
            taken[name] = int(values["memlock"])
    return taken


def test_more_connections_than_the_table_holds(small: Harness) -> None:
    """20,000 connections that all stop inside a request, and room for 1,024.

    Every new one is followed, the maps take what they took, and what comes of a connection that
    had to go is counted, not guessed at.
    """
    before, counters = memory(small), small.counters()
    assert before["flows"] > 0
    connections: list[Connection] = []
    for number in range(FLOWS):
        connection = small.connection()
        begun = b"GET /%d HTTP/1.1\r\nHost: a.exa" % number
        assert headers(connection.ask(begun)) == [begun]
        connections = [*connections[:1], connection]
    assert memory(small) == before
    assert small.counted(counters) == {
        "packets": FLOWS,
        "events_header": FLOWS,
        "flows_created": FLOWS,
        "server_http1": FLOWS,
    }
    first, last = connections
    assert headers(last.ask(b"mple\r\n\r\n")) == [b"mple\r\n\r\n"]
    counters = small.counters()
    assert first.ask(b"mple\r\nCookie: secret\r\n\r\n") == []
    assert small.counted(counters)["state_missing"] == 1


def test_half_open_connections(small: Harness) -> None:
    """A flood of SYNs takes the room of the silent, not of a connection that is heard of."""
    before = memory(small)
    connection = small.connection()
    assert headers(connection.ask(b"GET / HTTP/1.1\r\n")) == [b"GET / HTTP/1.1\r\n"]
    for number in range(FLOWS):
        source = (f"10.200.{number // 250 % 250}.{number % 250 + 1}", 1024 + number % 60000)
        segment = tcp(source, ("10.201.0.1", 80), flags=SYN, sequence=number)
        small.show(ipv4(source[0], "10.201.0.1", segment))
        if number % 100 == 0:
            connection.packet(connection.server, flags=ACK)
    assert memory(small) == before
    assert headers(connection.ask(b"Host: a\r\n\r\n")) == [b"Host: a\r\n\r\n"]
