"""Segments in any order on a real connection: nginx's TCP and ours come to the same requests."""

import itertools
import random

import pytest

from shipper.capture import CaptureSettings

from .conftest import StartNginx
from .netns import PORT, Network, cable
from .raw import ADDRESS, Cable, Client
from .watch import RING, Watch, only, shared

_CONNECTIONS = 60


def _stream(number: int) -> tuple[bytes, list[str]]:
    """Requests of one connection, pipelined, and their ids."""
    ids = [f"{number}-{part}" for part in range(3)]
    head = "Host: nginx\r\nUser-Agent: raw\r\nX-Request-Id: "
    body = "GET /empty HTTP/1.1\r\nHost: no\r\n\r\n"
    stream = (
        f"GET /empty?{ids[0]} HTTP/1.1\r\n{head}{ids[0]}\r\n\r\n"
        f"POST /created HTTP/1.1\r\n{head}{ids[1]}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        f"POST /none HTTP/1.1\r\n{head}{ids[2]}\r\nTransfer-Encoding: chunked\r\n\r\n"
        f"5\r\nGET /\r\n{len(body):x}\r\n{body}\r\n0\r\n\r\n"
    )
    return stream.encode(), ids


def _segments(generator: random.Random, stream: bytes) -> list[tuple[int, bytes]]:
    """The stream cut, shuffled, and some of it sent twice with other borders."""
    cuts = sorted(generator.sample(range(1, len(stream)), generator.randrange(2, 12)))
    borders = [0, *cuts, len(stream)]
    segments = [(a, stream[a:b]) for a, b in itertools.pairwise(borders)]
    for _ in range(generator.randrange(3)):
        a = generator.randrange(len(stream))
        segments.append((a, stream[a : a + generator.randrange(1, 200)]))
    generator.shuffle(segments)
    return segments


@pytest.mark.parametrize("hook", ["cgroup", "interface"])
def test_any_order(loaded: Watch, network: Network, nginx: StartNginx, hook: str) -> None:
    """Cut, shuffled, repeated with other borders: what is told is what nginx has served."""
    route = cable(network)
    server = nginx(route)
    wire = Cable(route)
    generator = random.Random(20)
    expected: list[str] = []

    def talk() -> None:
        for number in range(_CONNECTIONS):
            stream, ids = _stream(number)
            client = Client(wire, route.listen[4])
            client.send(_segments(generator, stream))
            client.until(len(ids))
            client.close(len(stream))
            expected.extend(ids)

    if hook == "cgroup":
        with shared(loaded, only(PORT)) as watch:
            talk()
    else:
        with route.server.inside():
            settings = CaptureSettings(hook="interface", interfaces=("eth0",), ring_bytes=RING)
            watch = Watch(settings)
        talk()
        watch.finish()
    wire.close()
    served = [(line["http_x_request_id"], int(line["status"])) for line in server.stop()]
    assert [served_id for served_id, _ in served] == expected
    told = [
        (dict(e.request.headers)["X-Request-Id"], e.response.status)
        for e in watch.exchanges
        if e.request and e.response
    ]
    assert sorted(told) == sorted(served)
    assert [e.incomplete for e in watch.exchanges if e.incomplete] == []
    assert {anomaly for e in watch.exchanges for anomaly in e.anomalies} == set()
    assert {e.connection.client_address for e in watch.exchanges} == {
        bytes(int(part) for part in ADDRESS.split("."))
    }
    assert watch.counters["held"] > _CONNECTIONS
    assert watch.counters["place_lost"] == 0
