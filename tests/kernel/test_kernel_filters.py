"""Filters that change while the program runs, and how full the flow table is."""

from collections.abc import Iterator
from ipaddress import ip_network

import pytest

from shipper.capture.settings import CaptureSettings, Rules
from shipper.contract.events import Flag, Kind

from .wire import Harness, headers, ipv4, loaded, tcp

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
INSIDE = ip_network("10.1.0.0/16")
OUTSIDE = ip_network("10.2.0.0/16")
NOWHERE = ip_network("10.3.0.0/16")


@pytest.fixture(scope="module")
def plain() -> Iterator[Harness]:
    """The replay build without filters."""
    yield from loaded(CaptureSettings(hook="replay"))


_ports = iter(range(20_000, 60_000))


def followed(kernel: Harness, server: str, port: int = 80) -> bool:
    """Whether a new connection to a server is."""
    ends = ("192.0.2.1", next(_ports)), (server, port)
    kernel.show(ipv4(ends[0][0], server, tcp(*ends, flags=2)))
    return headers(kernel.show(ipv4(ends[0][0], server, tcp(*ends, GET, sequence=1)))) == [GET]


def test_networks_and_ports_change(plain: Harness) -> None:
    """To rules, to others and to none: each time only what the last ones say is followed."""
    kernel = plain.kernel
    assert followed(plain, "10.1.0.1")
    kernel.refilter(Rules(networks=(INSIDE, OUTSIDE)), Rules(networks=(OUTSIDE,), ports=(81,)))
    assert followed(plain, "10.1.0.1")
    assert not followed(plain, "10.2.0.1")
    assert not followed(plain, "10.3.0.1")
    assert not followed(plain, "10.1.0.1", 81)
    kernel.refilter(Rules(networks=(OUTSIDE,), ports=(81,)), Rules(networks=(NOWHERE,)))
    assert not followed(plain, "10.1.0.1", 81)
    assert not followed(plain, "10.2.0.1")
    assert followed(plain, "10.2.0.1", 81)
    kernel.refilter(Rules(), Rules())
    assert followed(plain, "10.3.0.1")
    assert followed(plain, "10.1.0.1", 81)


def test_a_connection_that_both_rules_want_goes_on(plain: Harness) -> None:
    """It is neither ended nor joined late; one that is no longer wanted ends."""
    kernel = plain.kernel
    connection = plain.connection()
    server, _ = connection.server.address
    assert headers(connection.ask(GET)) == [GET]
    network = ip_network(f"{server}/32")
    kernel.refilter(Rules(networks=(network,)), Rules(networks=(NOWHERE,)))
    (event,) = connection.ask(GET)
    assert (event.data, event.flags & Flag.LATE) == (GET, 0)
    kernel.refilter(Rules(), Rules(networks=(network,)))
    (event,) = connection.ask(GET)
    assert event.kind == Kind.FLOW_END
    kernel.refilter(Rules(), Rules())


def test_the_flow_table_is_counted_entry_by_entry() -> None:
    """None at first, then one a connection; more than one portion of them."""
    for harness in loaded(CaptureSettings(hook="replay", flows=65536)):
        assert harness.kernel.flows() == 0
        for number in range(5000):
            ends = (f"10.{number >> 8}.{number & 255}.1", 4000), ("192.0.2.9", 80)
            harness.show(ipv4(ends[0][0], ends[1][0], tcp(*ends, flags=2)))
        assert harness.kernel.flows() == 5000
