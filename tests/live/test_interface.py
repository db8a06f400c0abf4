"""The interface hook: packets as devices show them, each exchange from one device only."""

from dataclasses import replace
from pathlib import Path

import pytest

from shipper.capture import CaptureSettings

from .clients import curl, several
from .conftest import StartNginx
from .netns import PORT, Namespace, Network, Route, bridge, cable, loopback, translated
from .watch import RING, Told, Watch


def _settings(*interfaces: str) -> CaptureSettings:
    return CaptureSettings(hook="interface", interfaces=interfaces, ring_bytes=RING)


def _watch(where: Namespace, *interfaces: str) -> Watch:
    """A capture on the devices of a namespace; it ends with `finish`."""
    with where.inside():
        return Watch(_settings(*interfaces))


def _index(where: Namespace, device: str) -> int:
    with where.inside():
        return int(Path(f"/proc/net/dev_snmp6/{device}").read_text().split()[1])


def _talk(route: Route) -> list[str]:
    asked = []
    for version, (host, port) in route.ask.items():
        asks = several(f"v{version}")
        curl(route.client, host, port, asks)
        asked += [ask.id for ask in asks]
    return sorted(asked)


def _once(watch: Watch, asked: list[str]) -> list[Told]:
    watch.finish()
    told = watch.told()
    assert sorted(one.id for one in told) == asked
    assert [e.incomplete for e in watch.exchanges if e.incomplete] == []
    assert [e.anomalies for e in watch.exchanges if e.anomalies] == []
    return told


def test_loopback_shows_each_exchange_once(network: Network, nginx: StartNginx) -> None:
    """The device shows each packet twice, out and in; one of the two is taken."""
    route = loopback(network)
    nginx(route)
    watch = _watch(route.client, "lo")
    asked = _talk(route)
    told = _once(watch, asked)
    assert {(one.client, one.server) for one in told} == {(a, a) for a in route.listen.values()}


@pytest.mark.parametrize("end", ["client", "server"])
def test_a_cable_shows_each_exchange_once(network: Network, nginx: StartNginx, end: str) -> None:
    """Either end of a veth pair, with the direction that this end knows."""
    route = cable(network)
    nginx(route)
    watch = _watch(route.client if end == "client" else route.server, "eth0")
    if end == "client":
        watch.kernel.apply(replace(watch.kernel.settings, roles=("client",)))
    asked = _talk(route)
    told = _once(watch, asked)
    assert {(one.client, one.server) for one in told} == {
        (route.seen[v], route.listen[v]) for v in route.listen
    }
    directions = {e.connection.direction for e in watch.exchanges}
    assert directions == {"egress" if end == "client" else "ingress"}


@pytest.mark.parametrize("devices", [("all",), ("to-c", "br0", "to-s"), ("to-c",), ("to-s",)])
def test_a_bridge_shows_each_exchange_once(
    network: Network, nginx: StartNginx, devices: tuple[str, ...]
) -> None:
    """Cable, bridge and cable show the same packets: a flow belongs to the first of them."""
    route = bridge(network)
    nginx(route)
    assert route.middle
    watch = _watch(route.middle, *devices)
    asked = _talk(route)
    _once(watch, asked)
    seen = {e.connection.interface for e in watch.exchanges}
    if len(devices) == 1 and devices != ("all",):
        assert seen == {_index(route.middle, devices[0])}
    else:
        assert watch.counters["other_interface"] > 0


@pytest.mark.parametrize("device", ["to-c", "to-s"])
def test_a_router_shows_each_exchange_as_its_device_does(
    network: Network, nginx: StartNginx, device: str
) -> None:
    """Before the translation of addresses on one side of it, after it on the other."""
    route = translated(network)
    nginx(route)
    assert route.middle
    watch = _watch(route.middle, device)
    asked = _talk(route)
    told = _once(watch, asked)
    servers = {(one.server, one.server_port) for one in told}
    if device == "to-c":
        assert servers == set(route.ask.values())
    else:
        assert servers == {(address, PORT) for address in route.listen.values()}
        assert {one.client for one in told} == set(route.seen.values())


@pytest.mark.parametrize("devices", [("to-c", "to-s"), ("all",)])
def test_a_router_that_shows_both_sides_tells_each_exchange_once(
    network: Network, nginx: StartNginx, devices: tuple[str, ...]
) -> None:
    """Other addresses on each side, joined by sequence numbers and bytes: the first view tells."""
    route = translated(network)
    nginx(route)
    assert route.middle
    watch = _watch(route.middle, *devices)
    asked = _talk(route)
    told = _once(watch, asked)
    assert {(one.server, one.server_port) for one in told} == set(route.ask.values())
    assert watch.counters["flows_twin"] > 0
