"""IP fragments: both hooks see the whole datagrams that the kernel makes of them."""

from pathlib import Path

import pytest

from shipper.capture import CaptureSettings

from .clients import Ask, curl
from .conftest import StartNginx
from .netns import PORT, Namespace, Network, Route, translated
from .watch import RING, Watch, ids, only, shared

_MTU = 600


def _narrow(network: Network) -> Route:
    """A router whose way to the server is narrower than the client is told.

    The client's packets may be cut (no "don't fragment"), and its segments are as long as what the
    server's end announces.
    """
    route = translated(network)
    assert route.middle
    route.middle.ip("link", "set", "to-s", "mtu", str(_MTU))
    with route.client.inside():
        Path("/proc/sys/net/ipv4/ip_no_pmtu_disc").write_text("1")
    return route


def _cut(router: Namespace) -> int:
    """How many fragments a router has made: /proc/net/snmp."""
    with router.inside():
        text = Path("/proc/thread-self/net/snmp").read_text()
    names, values = (line.split() for line in text.splitlines() if line.startswith("Ip:"))
    return int(dict(zip(names, values, strict=True))["FragCreates"])


def _asks() -> list[Ask]:
    """A header block of several packets, a body of several, and small ones in between."""
    return [
        Ask("small"),
        Ask("long-header", agent="a" * 4000),
        Ask("long-body", "POST", "/created", body="x" * 5000),
        Ask("both", "POST", "/created", agent="b" * 3000, body="y" * 3000),
        Ask("small-again"),
    ]


@pytest.mark.parametrize(
    ("where", "interface"),
    [("server", "eth0"), ("server", "all"), ("middle", "to-s"), ("middle", "all")],
)
def test_fragments_come_as_whole_datagrams(
    network: Network, nginx: StartNginx, where: str, interface: str
) -> None:
    """On one interface and on all; received, and as a router sends them."""
    route = _narrow(network)
    nginx(route)
    assert route.middle
    with (route.server if where == "server" else route.middle).inside():
        watch = Watch(CaptureSettings(hook="interface", interfaces=(interface,), ring_bytes=RING))
    asks = _asks()
    curl(route.client, *route.ask[4], asks)
    watch.finish()
    assert _cut(route.middle) > 10
    assert ids(watch.told()) == sorted(ask.id for ask in asks)
    assert [e.incomplete for e in watch.exchanges if e.incomplete] == []
    assert [e.anomalies for e in watch.exchanges if e.anomalies] == []
    assert watch.counters["fragments"] == 0


def test_sockets_get_whole_datagrams(loaded: Watch, network: Network, nginx: StartNginx) -> None:
    """By the cgroup hook nothing has to be done: the stack joins fragments before."""
    route = _narrow(network)
    nginx(route)
    assert route.middle
    asks = _asks()
    with shared(loaded, only(PORT)) as watch:
        curl(route.client, *route.ask[4], asks)
    assert _cut(route.middle) > 10
    assert ids(watch.told()) == sorted(ask.id for ask in asks)
    assert [e.incomplete for e in watch.exchanges if e.incomplete] == []
    assert watch.counters["fragments"] == 0


def test_an_interface_that_is_down_can_be_listened_on(network: Network, nginx: StartNginx) -> None:
    """It may come up later."""
    route = _narrow(network)
    nginx(route)
    server = route.server
    server.ip("link", "set", "eth0", "down")
    with server.inside():
        watch = Watch(CaptureSettings(hook="interface", interfaces=("eth0",), ring_bytes=RING))
    server.ip("link", "set", "eth0", "up")
    server.ip("route", "replace", "default", "via", "10.99.2.1")
    curl(route.client, *route.ask[4], [Ask("later")])
    watch.finish()
    assert ids(watch.told()) == ["later"]


def test_two_captures_are_two_groups(network: Network, nginx: StartNginx) -> None:
    """Neither takes packets from the other; but fragments they share: each is joined once."""
    route = translated(network)
    nginx(route)
    settings = CaptureSettings(hook="interface", interfaces=("eth0",), ring_bytes=RING)
    with route.server.inside():
        watches = [Watch(settings), Watch(settings)]
    asks = _asks()
    curl(route.client, *route.ask[4], asks)
    for watch in watches:
        watch.finish()
        assert ids(watch.told()) == sorted(ask.id for ask in asks)
