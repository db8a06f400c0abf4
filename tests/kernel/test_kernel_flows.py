"""Which flows are followed, what their first bytes make of them, and what is counted."""

import re
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from shipper.capture.settings import CaptureSettings, Rules
from shipper.contract.events import Direction, Flag, Hook, Kind

from .wire import Harness, headers, ipv4, load, loaded, tcp

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"
SMALL = CaptureSettings(
    hook="replay",
    ring_bytes=4096,
    exclude=Rules(networks=(ip_network("192.168.7.0/24"), ip_network("2001:db8:7::/48"))),
    sinks=((ip_address("192.168.9.9"), 9092),),
)


@pytest.fixture(scope="module")
def filtering() -> Iterator[Harness]:
    """The replay build with rules for networks and sinks, and a ring of one page."""
    yield from loaded(SMALL)


@pytest.fixture(scope="module")
def interface() -> Iterator[Harness]:
    """The interface build, which sees a test-run's packets come in."""
    yield from loaded(CaptureSettings(hook="interface", interfaces=("lo",)))


@pytest.mark.parametrize(
    ("first", "name"),
    [
        (GET, "server_http1"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "server_http2"),
        (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(20), "server_tls"),
        (b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n", "server_other"),
        (b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", "server_other"),
        (b"OPTIONS sip:a@b SIP/2.0\r\n\r\n", "server_other"),
    ],
)
def test_coverage(kernel: Harness, first: bytes, name: str) -> None:
    """Each connection is classed once by its first bytes."""
    connection = kernel.connection()
    before = kernel.counters()
    for _ in range(3):
        connection.ask(first)
    connection.answer(b"what is no status line either")
    counted = kernel.counted(before)
    assert counted[name] == 1
    assert (
        sum(counted.get(other, 0) for other in counted if re.match("(server|client)_", other)) == 1
    )


def test_coverage_of_late_tls(kernel: Harness) -> None:
    """A TLS connection joined late is known by its records, not by its handshake."""
    connection = kernel.connection(handshake=False)
    before = kernel.counters()
    connection.ask(b"\x17\x03\x03\0\x20" + bytes(32))
    assert kernel.counted(before)["server_tls"] == 1


def test_preface_split(kernel: Harness) -> None:
    """HTTP/2's preface in pieces is still HTTP/2."""
    connection = kernel.connection()
    before = kernel.counters()
    connection.ask(b"PR")
    connection.ask(b"I * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert kernel.counted(before)["server_http2"] == 1


def test_ports(filtering: Harness) -> None:
    """Include and exclude ports, changed while running; exclusion wins."""
    plain = filtering.kernel.settings

    def seen(port: int) -> bool:
        return bool(filtering.connection(server_port=port).ask(GET))

    try:
        filtering.kernel.apply(replace(plain, include=Rules(ports=(81, 82))))
        assert [seen(port) for port in (80, 81, 82)] == [False, True, True]
        ports = Rules(ports=(82,), networks=plain.exclude.networks)
        filtering.kernel.apply(replace(plain, include=Rules(ports=(81, 82)), exclude=ports))
        assert [seen(port) for port in (80, 81, 82)] == [False, True, False]
        filtering.kernel.apply(replace(plain, exclude=ports))
        assert [seen(port) for port in (80, 81, 82)] == [True, True, False]
    finally:
        filtering.kernel.apply(plain)


def test_a_filter_that_changes_under_a_flow(filtering: Harness) -> None:
    """A flow filtered out ends at its next packet; one that comes in is joined late."""
    plain = filtering.kernel.settings
    connection = filtering.connection(server_port=83)
    connection.ask(GET)
    try:
        filtering.kernel.apply(
            replace(plain, exclude=Rules(ports=(83,), networks=plain.exclude.networks))
        )
        (event,) = connection.answer(OK)
        assert event.kind == Kind.FLOW_END
        assert connection.ask(GET) == []
    finally:
        filtering.kernel.apply(plain)
    (event,) = connection.ask(GET)
    assert event.flags & Flag.LATE


@pytest.mark.parametrize(
    ("client", "server", "followed"),
    [
        ("192.168.7.1", "192.168.8.1", False),
        ("192.168.8.1", "192.168.7.255", False),
        ("192.168.8.2", "192.168.8.1", True),
    ],
)
def test_networks(filtering: Harness, client: str, server: str, followed: bool) -> None:  # noqa: FBT001
    """A flow with either end in an excluded network is not followed, and counted."""
    before = filtering.counters()
    ends = (client, 4000), (server, 80)
    filtering.show(ipv4(client, server, tcp(*ends, flags=2)))
    events = filtering.show(ipv4(client, server, tcp(*ends, GET, sequence=1)))
    assert headers(events) == ([GET] if followed else [])
    assert filtering.counted(before).get("flows_filtered", 0) == (not followed)


def test_sinks(filtering: Harness) -> None:
    """Connections to a sink are left out, and counted; other ports of its host are not."""
    before = filtering.counters()
    for port in (9092, 9093):
        ends = ("192.168.9.1", 4000), ("192.168.9.9", port)
        filtering.show(ipv4(ends[0][0], ends[1][0], tcp(*ends, flags=2)))
        events = filtering.show(ipv4(ends[0][0], ends[1][0], tcp(*ends, GET, sequence=1)))
        assert bool(events) == (port == 9093)
    assert filtering.counted(before)["flows_sink"] == 1


def test_full_ring(filtering: Harness) -> None:
    """Events without room are counted, and the next start line of each side says so."""
    connection = filtering.connection()
    before = filtering.counters()
    shown = 0
    while "ring_full" not in filtering.counted(before):
        filtering.show_unread(connection.build(connection.client, GET))
        connection.client.sequence += len(GET)
        shown += 1
    events = filtering.drain()
    assert len(events) == shown - 1
    (event,) = connection.ask(GET)
    assert event.flags & Flag.RESUMED
    (event,) = connection.ask(GET)
    assert not event.flags & Flag.RESUMED
    (event,) = connection.answer(OK)
    assert event.flags & Flag.RESUMED


def test_server_role(interface: Harness) -> None:
    """Packets that come in and ask make this host a server; ones that answer make it a client."""
    served, asked = interface.connection(), interface.connection()
    (event,) = served.ask(GET)
    assert (event.hook, event.direction) == (Hook.INTERFACE, Direction.INGRESS)
    before = interface.counters()
    assert asked.answer(OK) == []
    assert interface.counted(before)["flows_role"] == 1


def test_client_role(interface: Harness) -> None:
    """The other way round, changed while running."""
    plain = interface.kernel.settings
    try:
        interface.kernel.apply(replace(plain, roles=("client",)))
        served, asked = interface.connection(), interface.connection()
        assert served.ask(GET) == []
        assert headers(asked.answer(OK)) == [OK[:-2]]
        interface.kernel.apply(replace(plain, roles=("server", "client")))
        served, asked = interface.connection(), interface.connection()
        assert headers(served.ask(GET)) == [GET]
        assert headers(asked.answer(OK)) == [OK[:-2]]
    finally:
        interface.kernel.apply(plain)


def test_flow_table_keeps_the_newest() -> None:
    """A table with room for few: more connections than it holds come late, and are counted."""
    harness = load(CaptureSettings(hook="replay", flows=64))
    try:
        connections = [harness.connection() for _ in range(400)]
        events = [event for connection in connections for event in connection.ask(GET)]
        counters = harness.counters()
        assert len(headers(events)) == 400
        late = sum(bool(event.flags & Flag.LATE) for event in events)
        assert late == counters["state_missing"] > 300
    finally:
        harness.close()


def test_counters_agree_with_the_events(kernel: Harness) -> None:
    """For one connection: packets, events by kind, flows and coverage, and nothing else."""
    before = kernel.counters()
    connection = kernel.connection()
    connection.ask(GET)
    connection.answer(OK[:-1])
    connection.answer(OK[-1:])
    connection.finish(connection.client)
    connection.finish(connection.server)
    assert kernel.counted(before) == {
        "packets": 3,
        "events_header": 2,
        "events_message_end": 1,
        "events_flow_end": 1,
        "flows_created": 1,
        "server_http1": 1,
    }
    assert len(connection.events) == 4


def test_bounded_loops_do_the_same() -> None:
    """The build for kernels without `may_goto` gives the same bytes."""
    harness = load(CaptureSettings(hook="replay", bounded_loops=True))
    try:
        block = b"GET / HTTP/1.1\r\n" + b"X-Header: value\r\n" * 400 + b"Y: " + b"b" * 3000
        block += b"\r\nContent-Length: 5\r\n\r\n"
        connection = harness.connection()
        assert b"".join(headers(connection.ask(block + b"hello" + GET))) == block + GET
        body = b"5;e\r\nhello\r\n" * 30 + b"0\r\n\r\n"
        answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert headers(connection.answer(answer + body + OK)) == [answer, OK[:-2]]
        assert all(exchange.incomplete == () for exchange in connection.exchanges())
    finally:
        harness.close()
