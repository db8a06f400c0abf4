"""What the program keeps is bounded by its settings, however many connections there are."""

import ctypes
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from shipper.capture.loader import bpf
from shipper.capture.settings import CaptureSettings

from .wire import ACK, SYN, Connection, Harness, headers, ipv4, loaded, tcp

_MAP_BY_ID, _INFO = 14, 15  # BPF_MAP_GET_FD_BY_ID, BPF_OBJ_GET_INFO_BY_FD (linux/bpf.h)

TABLE = 1024
FLOWS = 20_000
HOLDS = 64


@pytest.fixture(scope="module")
def small() -> Iterator[Harness]:
    """The program with room for few flows."""
    yield from loaded(CaptureSettings(hook="replay", flows=TABLE, holds=HOLDS))


def memory(harness: Harness) -> dict[int, int]:
    """Bytes that each map of the program takes, as the kernel accounts for them, by its id."""
    numbers = (ctypes.c_uint32 * 64)()
    found = struct.pack("=II8sIIQQQII", 0, 0, b"", 0, 0, 0, 0, 0, 0, len(numbers))
    info = ctypes.create_string_buffer(found + struct.pack("=Q", ctypes.addressof(numbers)))
    bpf(_INFO, struct.pack("=IIQ", harness.kernel.program, 64, ctypes.addressof(info)))
    (count,) = struct.unpack_from("=I", info, 52)
    return {number: _memory(number) for number in numbers[:count]}


def _memory(number: int) -> int:
    descriptor = bpf(_MAP_BY_ID, struct.pack("=III", number, 0, 0))
    try:
        lines = Path(f"/proc/self/fdinfo/{descriptor}").read_text().splitlines()
    finally:
        os.close(descriptor)
    return int(dict(line.split(":\t", 1) for line in lines)["memlock"])


def test_more_connections_than_the_table_holds(small: Harness) -> None:
    """20,000 connections that all stop inside a request, and room for 1,024.

    Every new one is followed, the maps take what they took, and what comes of a connection that
    had to go is counted, not guessed at.
    """
    before, counters = memory(small), small.counters()
    assert sum(before.values()) > TABLE * 256
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


def test_more_segments_out_of_order_than_are_held(small: Harness) -> None:
    """Connections with a hole beyond those that segments are held for: each of the rest counts."""
    before, counters = memory(small), small.counters()
    connections = [small.connection() for _ in range(4 * HOLDS)]
    for connection in connections:
        connection.ask(b"GET / HTTP/1.1\r\n")
        connection.packet(connection.client, b"b" * 1000, at=connection.client.sequence + 500)
    assert memory(small) == before
    filled = [headers(connection.ask(b"X: " + b"x" * 497)) for connection in connections]
    assert sum(data[1:] == [b"b" * 1000] for data in filled) == HOLDS
    assert small.counted(counters)["held_lost"] == 3 * HOLDS
