"""10,000 requests: what is told equals what nginx wrote down, none missing and none invented.

And where clients do cut off what is under way: an exchange that only one of the two has as whole
is told as incomplete.
"""

import signal
import socket
import threading

import pytest

from shipper.capture import open_kernel
from shipper.contract.exchange import Exchange, Incomplete
from shipper.http import Assembler

from .conftest import StartNginx
from .netns import PORT, Network, cable, loopback
from .nginx import MARKER
from .running import eventually
from .server import connect, head, serving
from .watch import changed, header, only, told, watching
from .workload import Row, differences, run, start_wrk, truth


def _row(exchange: Exchange) -> Row:
    one = told(exchange)
    return Row(
        one.id,
        one.method,
        one.target,
        one.status,
        one.client,
        one.client_port,
        one.server,
        one.server_port,
        header(exchange.request, "user-agent"),
    )


@pytest.mark.parametrize("roles", [("server",), ("server", "client")], ids=["server", "both"])
def test_capture_tells_what_nginx_served(
    network: Network, nginx: StartNginx, roles: tuple[str, ...]
) -> None:
    """With wrk and curl, keep-alive and closed, IPv4 and IPv6, at the level of exchanges.

    With both roles the clients' views of the same 10,000 have to be joined with the server's.
    """
    route = cable(network)
    server = nginx(route)
    with watching(only(PORT, roles=roles)) as watch:
        rows = run(route, server)
    assert len(rows) == 10_000
    assert differences([_row(exchange) for exchange in watch.exchanges], rows) == []
    assert [e.incomplete for e in watch.exchanges if e.incomplete] == []
    assert [e.anomalies for e in watch.exchanges if e.anomalies] == []
    assert MARKER not in watch.header_bytes()
    assert not any(e.joined_late or e.resumed for e in watch.exchanges)
    assert watch.counters["place_lost"] == watch.counters["load_failed"] == 0


def test_requests_that_the_client_cut_off(network: Network, nginx: StartNginx) -> None:
    """When wrk ends in full flight: whole are the exchanges that nginx served, and no others."""
    route = cable(network)
    server = nginx(route)
    with watching(only(PORT)) as watch:
        with route.client.inside():
            wrk = start_wrk("cut", *route.ask[4], requests=1_000_000)
        eventually(lambda: server.lines() > 3000, "wrk has asked 3000 times")
        wrk.send_signal(signal.SIGINT)
        wrk.wait(30)
        served = {row.id: row for row in map(truth, server.stop())}
    part = {told(e).id for e in watch.exchanges if e.incomplete}
    ours = [_row(e) for e in watch.exchanges if not e.incomplete]
    assert differences(ours, [served[row.id] for row in ours if row.id in served]) == []
    assert set(served) <= {row.id for row in ours} | part
    assert len(ours) + len(part) == len(watch.exchanges)
    assert len(ours) > 3000


def test_a_request_that_was_given_up(network: Network, nginx: StartNginx) -> None:
    """The client hangs up before the answer: nginx says 499, and no response is told."""
    route = loopback(network)
    behind = PORT + 10000
    asked, answer = threading.Event(), threading.Event()

    def wait(connection: socket.socket) -> None:
        head(connection)
        asked.set()
        answer.wait(60)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    server = nginx(route, more=f"location /slow {{ proxy_pass http://127.0.0.1:{behind}; }}")
    with serving(route.server, wait, port=behind), watching(only(PORT)) as watch:
        with connect(route.client, "127.0.0.1", PORT) as client:
            client.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\nX-Request-Id: slow\r\n\r\n")
            assert asked.wait(60)
        eventually(lambda: server.lines() == 1, "nginx has seen that the client is gone")
        answer.set()
    assert [line["status"] for line in server.log()] == ["499"]
    (exchange,) = watch.exchanges
    assert told(exchange).id == "slow"
    assert exchange.response is None
    assert Incomplete.NO_RESPONSE in exchange.incomplete


def _echo(connection: socket.socket) -> None:
    """Answer with the id of the request."""
    while text := head(connection):
        name = text.split(b"X-Request-Id: ")[1].split(b"\r\n")[0]
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Echo: %b\r\nContent-Length: 0\r\n\r\n" % name)


def test_a_full_ring_is_counted_and_never_paired_across(network: Network) -> None:
    """Nobody reads for a while: the traffic passes, and what was lost puts no pair together."""
    route = loopback(network)
    kernel = open_kernel(changed(only(PORT), ring_bytes=4096))
    ring = kernel.ring()
    assembler = Assembler()
    exchanges: list[Exchange] = []
    try:
        with serving(route.server, _echo), connect(route.client, "127.0.0.1", PORT) as client:
            for number in range(300):
                client.sendall(b"GET / HTTP/1.1\r\nX-Request-Id: r%d\r\n\r\n" % number)
                assert head(client).startswith(b"HTTP/1.1 200")
                if number % 23 == 0:
                    for event in ring.drain():
                        exchanges += assembler.feed(event)
        for event in ring.drain():
            exchanges += assembler.feed(event)
        exchanges += assembler.close()
        lost = kernel.counters()["ring_full"]
    finally:
        ring.close()
        kernel.close()
    pairs = [(told(e).id, header(e.response, "x-echo")) for e in exchanges if not e.incomplete]
    assert lost > 100
    assert len(pairs) > 50
    assert [pair for pair in pairs if pair[0] != pair[1]] == []
    assert assembler.imbalance() == {}
