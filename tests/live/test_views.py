"""The cgroup hook and whose view is told: loopback, a cable, a bridge, NAT; one role and both.

Traffic runs once, with three captures side by side, which also shows that they don't disturb each
other. nginx's log says what the server saw, curl what the client did.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from .clients import Ask, curl, several
from .netns import PORT, PUBLIC_PORT, Network, Route, bridge, cable, loopback, translated
from .nginx import Nginx
from .watch import Told, Watch, only, watching

ROUTES: dict[str, Callable[[Network], Route]] = {
    "loopback": loopback,
    "cable": cable,
    "bridge": bridge,
    "nat": translated,
}
VIEWS = {"server": ("server",), "client": ("client",), "both": ("server", "client")}


class Scene(NamedTuple):
    """All that happened."""

    captures: dict[str, Watch]
    #: by route: as the server sees it, and as the client does
    truth: dict[str, tuple[set[Told], set[Told]]]


def _truth(
    route: Route, version: int, asks: list[Ask], said: list[tuple[int, int]], nginx: Nginx
) -> tuple[set[Told], set[Told]]:
    log = nginx.log_with(*(ask.id for ask in asks))
    served, asked = set(), set()
    for ask, (port, status) in zip(asks, said, strict=True):
        line = log[ask.id]
        assert int(line["status"]) == status
        served.add(
            Told(
                ask.id,
                ask.method,
                ask.target,
                status,
                line["remote_addr"],
                int(line["remote_port"]),
                line["server_addr"],
                int(line["server_port"]),
            )
        )
        client = "10.99.1.2" if version == 4 else "fd99:1::2"
        if route.ask == {v: (a, PORT) for v, a in route.listen.items()}:
            client = route.seen[version]
        asked.add(Told(ask.id, ask.method, ask.target, status, client, port, *route.ask[version]))
    return served, asked


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Four routes, both IP versions, three captures."""
    at = tmp_path_factory.mktemp("views")
    with contextlib.ExitStack() as over:
        network = Network()
        over.callback(network.close)
        captures = {
            name: over.enter_context(watching(only(PORT, PUBLIC_PORT, roles=roles)))
            for name, roles in VIEWS.items()
        }
        truth: dict[str, tuple[set[Told], set[Told]]] = {}
        for name, build in ROUTES.items():
            route = build(network)
            with route.server.inside():
                nginx = Nginx(Path(at / name), list(route.listen.values()), PORT)
            over.callback(nginx.close)
            served: set[Told] = set()
            asked: set[Told] = set()
            for version, (host, port) in route.ask.items():
                asks = several(f"{name}-{version}")
                said = curl(route.client, host, port, asks)
                views = _truth(route, version, asks, said, nginx)
                served |= views[0]
                asked |= views[1]
            truth[name] = served, asked
        for capture in captures.values():
            capture.finish()
        yield Scene(captures, truth)


def _of(scene: Scene, view: str, route: str) -> list[Told]:
    return [one for one in scene.captures[view].told() if one.id.startswith(f"{route}-")]


@pytest.mark.parametrize("route", ROUTES)
def test_the_server_tells_each_exchange_once(scene: Scene, route: str) -> None:
    """As its socket sees it: behind NAT, the address the router gave the client."""
    seen = _of(scene, "server", route)
    assert set(seen) == scene.truth[route][0]
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("route", ROUTES)
def test_the_client_tells_each_exchange_once(scene: Scene, route: str) -> None:
    """As its socket sees it: before NAT, the address it asked for."""
    seen = _of(scene, "client", route)
    assert set(seen) == scene.truth[route][1]
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("route", ROUTES)
def test_with_both_roles_the_server_view_wins(scene: Scene, route: str) -> None:
    """Both ends are here: one record, joined by what NAT preserves."""
    seen = _of(scene, "both", route)
    assert set(seen) == scene.truth[route][0]
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_incomplete_or_odd(scene: Scene, view: str) -> None:
    """Ordinary traffic: no exchange lacks a half, and says who spoke on which side."""
    capture = scene.captures[view]
    direction = "egress" if view == "client" else "ingress"
    told = [e for e in capture.finish() if e.connection.direction]
    assert [e.incomplete for e in told if e.incomplete] == []
    assert [e.anomalies for e in told if e.anomalies] == []
    assert {e.connection.direction for e in told} == {direction}
    assert not any(e.joined_late or e.resumed for e in told)


def test_distinct_request_ids_are_as_many_as_were_asked(scene: Scene) -> None:
    """No id is missing and none is told twice, over all routes."""
    asked = {one.id for served, _ in scene.truth.values() for one in served}
    assert len(asked) == len(ROUTES) * 2 * len(several(""))
    for capture in scene.captures.values():
        told = [one.id for one in capture.told()]
        assert sorted(told) == sorted(asked)


def test_twins_are_counted(scene: Scene) -> None:
    """Each connection had one silent end: twice told apart, by role or as a twin."""
    connections = {
        (one.client, one.client_port, one.server_port)
        for served, _ in scene.truth.values()
        for one in served
    }
    assert scene.captures["server"].counters["flows_role"] == len(connections)
    assert scene.captures["client"].counters["flows_role"] == len(connections)
    assert scene.captures["both"].counters["flows_twin"] == len(connections)
    assert scene.captures["both"].counters["flows_role"] == 0
