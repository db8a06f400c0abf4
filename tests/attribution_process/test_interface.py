"""Packets have no cookie: a socket is found by its two ends, in this network namespace alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from live.netns import Network, cable
from live.nginx import Nginx
from live.watch import Watch, only, shared, watching

from .asking import curl, wrong
from .conftest import PORT, Serve

_ASKED = 20


@pytest.fixture(scope="module")
def loaded() -> Iterator[Watch]:
    """A capture of the loopback device."""
    with watching(only(PORT, hook="interface", interfaces=("lo",))) as watch:
        yield watch


@pytest.mark.parametrize("kind", ["prefork", "split"])
def test_the_process_that_reads_is_named(loaded: Watch, serve: Serve, kind: str) -> None:
    """Both ends are here, and the story is the server's."""
    serve(kind)
    with shared(loaded, only(PORT, hook="interface", interfaces=("lo",))) as watch:
        curl(PORT, _ASKED)
    assert len(watch.exchanges) == _ASKED
    assert wrong(watch.exchanges, asking=False) == []


def test_a_client_is_named_before_it_reads(tmp_path: Path) -> None:
    """What goes out over a cable is a client's story, known from connect() on; in IPv4 and IPv6."""
    network = Network()
    try:
        route = cable(network)
        with route.server.inside():
            server = Nginx(tmp_path / "nginx", list(route.listen.values()), PORT)
        settings = only(PORT, hook="interface", interfaces=("eth0",), roles=("client",))
        try:
            with route.client.inside(), watching(settings) as watch:
                for version in (4, 6):
                    curl(PORT, _ASKED, host=route.ask[version][0])
                watch.pause()
        finally:
            server.close()
    finally:
        network.close()
    assert len(watch.exchanges) == 2 * _ASKED
    assert wrong(watch.exchanges, asking=True) == []
