"""Which flows are followed: ports, networks, cgroups, own sockets and sinks, on live traffic."""

import socket
import subprocess
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from shipper.capture import CaptureSettings, Rules, find_root

from .clients import Ask, curl, url
from .netns import PORT, Network, Route, cable, loopback
from .server import connect, head, say_hello, serving
from .watch import RING, Told, Watch, changed, ids, only, shared, watching

OTHER = PORT + 10000
_SO_COOKIE = 57


def _ask(route: Route, port: int, name: str, host: str = "127.0.0.1") -> None:
    curl(route.client, host, port, [Ask(name)])


def _of_run(watch: Watch, names: set[str]) -> list[Told]:
    return [one for one in watch.told() if one.id in names]


@pytest.mark.parametrize("kind", ["include", "exclude"])
def test_ports(network: Network, loaded: Watch, kind: str) -> None:
    """Only the included ones; all but the excluded ones. Both can be changed while it runs."""
    route = loopback(network)
    with (
        serving(route.server, say_hello, port=PORT),
        serving(route.server, say_hello, port=OTHER),
    ):
        settings = CaptureSettings(ring_bytes=RING)
        with shared(loaded, changed(settings, **{kind: Rules(ports=(PORT,))})) as watch:
            _ask(route, PORT, "first")
            _ask(route, OTHER, "second")
            watch.kernel.apply(changed(settings, **{kind: Rules(ports=(OTHER,))}))
            _ask(route, PORT, "third")
            _ask(route, OTHER, "fourth")
    wanted = ["first", "fourth"] if kind == "include" else ["second", "third"]
    assert ids(_of_run(watch, {"first", "second", "third", "fourth"})) == sorted(wanted)
    assert watch.counters["flows_filtered"] >= 4  # both ends of the two that were left out


@pytest.mark.parametrize("kind", ["include", "exclude"])
def test_a_port_turned_off_and_on_under_an_open_connection(
    network: Network, loaded: Watch, kind: str
) -> None:
    """A filter change reaches connections that are open: what comes after it follows it."""
    route = loopback(network)
    on = only(PORT)
    off = (
        only(OTHER)
        if kind == "include"
        else changed(on, include=Rules(), exclude=Rules(ports=(PORT,)))
    )
    with (
        serving(route.server, say_hello),
        shared(loaded, on) as watch,
        connect(route.client, "127.0.0.1", PORT) as client,
    ):
        for number, settings in enumerate([on, off, on]):
            watch.kernel.apply(settings)
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Request-Id: turn-%d\r\n\r\n" % number)
            head(client)
    assert ids(_of_run(watch, {f"turn-{n}" for n in range(3)})) == ["turn-0", "turn-2"]


@pytest.mark.parametrize(
    ("rules", "wanted"),
    [
        (Rules(networks=(ip_network("10.99.0.0/30"), ip_network("fd99::8/125"))), ["v4"]),
        (Rules(networks=(ip_network("fd99::2/128"), ip_network("10.99.0.128/25"))), ["v6"]),
    ],
    ids=["v4-net", "v6-host"],
)
def test_networks_included(network: Network, rules: Rules, wanted: list[str]) -> None:
    """One end in one of the networks is enough."""
    route = cable(network)
    with (
        serving(route.server, say_hello, "10.99.0.2"),
        serving(route.server, say_hello, "fd99::2"),
        watching(CaptureSettings(ring_bytes=RING, include=rules)) as watch,
    ):
        _ask(route, PORT, "v4", "10.99.0.2")
        _ask(route, PORT, "v6", "fd99::2")
    assert ids(_of_run(watch, {"v4", "v6"})) == wanted


def test_a_network_excluded_from_an_included_port(network: Network) -> None:
    """Exclusion wins."""
    route = cable(network)
    settings = changed(only(PORT), exclude=Rules(networks=(ip_network("10.99.0.1/32"),)))
    with (
        serving(route.server, say_hello, "10.99.0.2"),
        serving(route.server, say_hello, "fd99::2"),
        watching(settings) as watch,
    ):
        _ask(route, PORT, "v4", "10.99.0.2")
        _ask(route, PORT, "v6", "fd99::2")
    assert ids(watch.told()) == ["v6"]


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """A cgroup with one below it, below the root."""
    made = find_root().path / f"shlive-{PORT}"
    inner = made / "pod"
    inner.mkdir(parents=True)
    try:
        yield inner
    finally:
        inner.rmdir()
        made.rmdir()


def _curl_within(cgroup: Path, route: Route, name: str) -> None:
    script = 'echo $$ > "$1/cgroup.procs" && shift && exec "$@"'
    command = ["curl", "-sS", "-o", "/dev/null", "-H", f"X-Request-Id: {name}"]
    with route.client.inside():
        subprocess.run(
            ["sh", "-c", script, "sh", str(cgroup), *command, url("127.0.0.1", PORT)],
            check=True,
            timeout=30,
        )


@pytest.mark.parametrize(("kind", "level"), [("include", "parent"), ("exclude", "itself")])
def test_cgroups(network: Network, cgroup: Path, kind: str, level: str) -> None:
    """A rule holds for the cgroup of the socket and for everything below it."""
    route = loopback(network)
    rule = cgroup if level == "itself" else cgroup.parent
    name = "/" + str(rule.relative_to(find_root().path))
    settings = changed(only(PORT), roles=("client",))
    rules = Rules(ports=(PORT,) if kind == "include" else (), cgroups=(name,))
    with (
        serving(route.server, say_hello),
        watching(changed(settings, **{kind: rules})) as watch,
    ):
        _curl_within(cgroup, route, "inside")
        _ask(route, PORT, "outside")
    assert ids(watch.told()) == (["inside"] if kind == "include" else ["outside"])
    if kind == "include":
        within = {e.connection.cgroup for e in watch.exchanges}
        assert within == {cgroup.stat().st_ino}


def test_own_sockets_are_left_out_and_counted(network: Network, loaded: Watch) -> None:
    """By cookie: another socket with the same peer is told."""
    route = loopback(network)
    with (
        serving(route.server, say_hello),
        shared(loaded, only(PORT, roles=("client",))) as watch,
    ):
        for name in ("own", "others"):
            with route.client.inside():
                client = socket.socket()
            with client:
                if name == "own":
                    cookie = client.getsockopt(socket.SOL_SOCKET, _SO_COOKIE, 8)
                    watch.kernel.own_sockets([int.from_bytes(cookie, "little")])
                client.connect(("127.0.0.1", PORT))
                for _ in range(2):
                    client.sendall(b"GET / HTTP/1.1\r\nX-Request-Id: %s\r\n\r\n" % name.encode())
                    head(client)
    assert [one.id for one in watch.told()] == ["others", "others"]
    assert watch.counters["flows_own"] == 1


def test_sinks_are_left_out_and_counted(network: Network) -> None:
    """By address and port, at both ends."""
    route = cable(network)
    settings = only(PORT, OTHER, sinks=((ip_address("10.99.0.2"), PORT),))
    with (
        serving(route.server, say_hello, "10.99.0.2", PORT),
        serving(route.server, say_hello, "10.99.0.2", OTHER),
        serving(route.server, say_hello, "fd99::2", PORT),
        watching(settings) as watch,
    ):
        _ask(route, PORT, "sink", "10.99.0.2")
        _ask(route, OTHER, "other-port", "10.99.0.2")
        _ask(route, PORT, "other-address", "fd99::2")
    assert ids(watch.told()) == ["other-address", "other-port"]
    assert watch.counters["flows_sink"] == 2  # the client's socket and the server's
