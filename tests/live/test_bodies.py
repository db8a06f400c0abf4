"""Bodies stay in the kernel: offloaded segments, uploads, chunks, losses; and what follows them."""

import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shipper.contract.exchange import Exchange

from .clients import url
from .conftest import StartNginx
from .netns import PORT, Namespace, Network, Route, cable, loopback, translated
from .nginx import MARKER
from .server import connect, everything, head, serving
from .watch import Watch, changed, header, ids, only, shared, watching

SIZE = 8 * 1024 * 1024 // len(MARKER) * len(MARKER)
CHUNKS = (1, 15, 16, 1460, 70_000, 300_000)


def _download(client: Namespace, host: str, port: int, *targets: str, more: str = "") -> None:
    """With one curl, and so over one connection."""
    words = [w for target in targets for w in ("-o", "/dev/null", url(host, port, target))]
    with client.inside():
        subprocess.run(["curl", "-sSg", *more.split(), *words], check=True, timeout=60)


def _sent(namespace: Namespace) -> int:
    """Packets that its devices have sent."""
    with namespace.inside():
        lines = Path("/proc/thread-self/net/dev").read_text().splitlines()[2:]
    return sum(int(line.partition(":")[2].split()[9]) for line in lines)


@pytest.fixture(autouse=True)
def _in_order() -> Iterator[None]:
    """Everything on one CPU: with two, a veth pair may deliver segments in another order.

    The kernel program then counts a lost place in a chunked body, as it should; disorder has tests
    of its own, and these are about what comes in order.
    """
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


def _whole(watch: Watch, count: int) -> list[Exchange]:
    """The exchanges, of which each is whole and none odd; and no byte of a body was let out."""
    assert len(watch.exchanges) == count
    assert [e.incomplete for e in watch.exchanges if e.incomplete] == []
    odd = {anomaly for e in watch.exchanges for anomaly in e.anomalies}
    assert odd <= {"missing_host"}  # some of these requests are as short as can be
    out = watch.header_bytes()
    assert b"BODY" not in out
    assert b"KERNEL" not in out
    return watch.exchanges


@pytest.mark.parametrize("route", [loopback, cable], ids=["loopback", "cable"])
@pytest.mark.parametrize("role", ["server", "client"])
def test_large_responses(
    network: Network,
    nginx: StartNginx,
    loaded: Watch,
    route: Callable[[Network], Route],
    role: str,
) -> None:
    """Sent by sendfile in segments of up to 64 KiB: the next message is found behind them."""
    made = route(network)
    nginx(made)
    with shared(loaded, only(PORT, roles=(role,))) as watch:
        for host, port in made.ask.values():
            _download(made.client, host, port, "/files/big", "/", "/files/big", "/files/page.html")
    told = _whole(watch, 8)
    sizes = [e.response.body_bytes for e in told if e.response]
    assert sizes == [SIZE, len(MARKER) + 1, SIZE, len(MARKER) + 8] * 2
    assert all(e.response and e.response.end for e in told)
    assert [e.number for e in told] == [0, 1, 2, 3] * 2
    # Far fewer packets than an Ethernet's frames would be: they were offloaded.
    assert _sent(made.server) < 4 * SIZE / 3000


def _take_upload(connection: socket.socket) -> None:
    """Read the whole request, then answer."""
    while text := head(connection):
        start, _, body = text.partition(b"\r\n\r\n")
        (size,) = re.findall(rb"(?i)content-length: (\d+)", start) or [b"0"]
        left = int(size) - len(body)
        while left:
            left -= len(connection.recv(min(left, 1 << 20)))
        connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok")


@pytest.mark.parametrize("version", [4, 6])
def test_large_uploads(
    network: Network, nginx: StartNginx, loaded: Watch, tmp_path: Path, version: int
) -> None:
    """As curl sends them, with Expect and without, and in chunks; a request follows each.

    nginx passes them on, and so has read all before it answers.
    """
    route = cable(network)
    behind = PORT + 10000
    nginx(route, more=f"location /upload {{ proxy_pass http://127.0.0.1:{behind}; }}")
    file = tmp_path / "upload"
    file.write_bytes(MARKER * (SIZE // len(MARKER)))
    host, port = route.ask[version]
    quiet = ["-sSg", "-o", "/dev/null"]
    with (
        serving(route.server, _take_upload, port=behind),
        shared(loaded, only(PORT)) as watch,
        route.client.inside(),
    ):
        for more in ([], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect:"]):
            upload = [*quiet, "-T", str(file), *more, url(host, port, "/upload")]
            after = [*quiet, url(host, port, "/none")]
            subprocess.run(["curl", *upload, "--next", *after], check=True, timeout=60)
    told = _whole(watch, 6)
    uploads = [e for e in told if e.request and e.request.method == "PUT"]
    assert [header(e.request, "transfer-encoding") for e in uploads] == ["", "chunked", ""]
    sizes = [e.request.body_bytes or 0 for e in uploads if e.request]
    assert sizes[0] == sizes[2] == SIZE
    assert sizes[1] > SIZE  # framing included
    assert [e.response.interim for e in uploads if e.response] == [(100,), (100,), ()]
    assert [e.response.status for e in told if e.response] == [201, 204] * 3
    assert all(e.request and e.request.end for e in told)


def _chunked(connection: socket.socket) -> None:
    """Answer every request with chunks of all sizes, and trailers."""
    while head(connection):
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
        )
        for size in CHUNKS:
            body = (MARKER * (size // len(MARKER) + 1))[:size]
            connection.sendall(b"%x;note=~\r\n%b\r\n" % (size, body))
        connection.sendall(b"0\r\nX-Sum: 12\r\n\r\n")


def test_chunked_responses(network: Network, loaded: Watch) -> None:
    """The end of one is the beginning of the next."""
    route = loopback(network)
    with serving(route.server, _chunked), shared(loaded, only(PORT)) as watch:
        _download(route.client, "127.0.0.1", PORT, "/a", "/b", "/c")
    told = _whole(watch, 3)
    assert [e.request.target for e in told if e.request] == ["/a", "/b", "/c"]
    sizes = {e.response.body_bytes for e in told if e.response}
    assert len(sizes) == 1
    assert all(size and size > sum(CHUNKS) for size in sizes)


def test_chunks_through_a_proxy(network: Network, nginx: StartNginx, loaded: Watch) -> None:
    """Both exchanges are told: nginx's own, and the one that it asks of the server behind."""
    route = loopback(network)
    behind = PORT + 10000
    passing = f"proxy_pass http://127.0.0.1:{behind}; proxy_http_version 1.1;"
    nginx(route, more=f"location /through {{ {passing} }}")
    with (
        serving(route.server, _chunked, port=behind),
        shared(loaded, only(PORT, behind)) as watch,
    ):
        _download(route.client, "127.0.0.1", PORT, "/through/1", "/", "/through/2")
    told = _whole(watch, 5)
    assert sorted((e.connection.server_port, e.request.target) for e in told if e.request) == [
        (PORT, "/"),
        (PORT, "/through/1"),
        (PORT, "/through/2"),
        (behind, "/through/1"),
        (behind, "/through/2"),
    ]


def test_a_body_that_ends_with_the_connection(network: Network, loaded: Watch) -> None:
    """HTTP/1.0: the length is known when the connection closes."""
    route = loopback(network)

    def talk(connection: socket.socket) -> None:
        head(connection)
        connection.sendall(b"HTTP/1.0 200 OK\r\nServer: old\r\n\r\n" + MARKER * 10_000)

    with serving(route.server, talk), shared(loaded, only(PORT)) as watch:
        _download(route.client, "127.0.0.1", PORT, "/", more="--http1.0")
    (told,) = _whole(watch, 1)
    assert told.response
    assert told.response.body_bytes == 10_000 * len(MARKER)


def test_pipelined_requests_in_one_segment(network: Network, loaded: Watch) -> None:
    """All of them are told, answered in order, HEAD among them."""
    route = loopback(network)

    def talk(connection: socket.socket) -> None:
        asked = b""
        while not asked.endswith(b"/last HTTP/1.1\r\n\r\n"):
            asked += connection.recv(65536)
        answers = []
        for line in asked.split(b"\r\n\r\n")[:-1]:
            body = b"" if line.startswith(b"HEAD") else MARKER
            answers.append(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(MARKER) + body)
        connection.sendall(b"".join(answers))

    methods = [b"GET", b"HEAD", b"DELETE", b"HEAD", b"GET"] * 4
    requests = [b"%b /%d HTTP/1.1\r\n\r\n" % (m, n) for n, m in enumerate(methods)]
    with (
        serving(route.server, talk),
        shared(loaded, only(PORT)) as watch,
        connect(route.client, "127.0.0.1", PORT) as client,
    ):
        client.sendall(b"".join(requests) + b"GET /last HTTP/1.1\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        everything(client)
    told = _whole(watch, len(methods) + 1)
    targets = [e.request.target for e in told if e.request]
    assert targets == [*(f"/{n}" for n in range(len(methods))), "/last"]
    assert [e.response.status for e in told if e.response] == [200] * (len(methods) + 1)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_header_blocks_in_small_pieces(network: Network, loaded: Watch, size: int) -> None:
    """A peer that sends a few bytes at a time, each in a packet of its own."""
    route = loopback(network)
    text = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(
        MARKER
    )

    def dribble(connection: socket.socket, data: bytes) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(data), size):
            connection.sendall(data[at : at + size])

    def talk(connection: socket.socket) -> None:
        while head(connection):
            dribble(connection, text + MARKER)

    with (
        serving(route.server, talk),
        shared(loaded, only(PORT)) as watch,
        connect(route.client, "127.0.0.1", PORT) as client,
    ):
        for n in range(3):
            dribble(client, b"GET /%d HTTP/1.1\r\nX-Request-Id: r%d\r\n\r\n" % (n, n))
            got = head(client)
            while not got.endswith(MARKER):
                got += client.recv(65536)
    told = _whole(watch, 3)
    assert ids(watch.told()) == ["r0", "r1", "r2"]
    assert {header(e.response, "content-type") for e in told} == {"text/plain"}
    assert {e.response.body_bytes for e in told if e.response} == {len(MARKER)}


@pytest.mark.parametrize("role", ["server", "client"])
def test_a_lossy_path(network: Network, nginx: StartNginx, role: str) -> None:
    """A router drops packets: holes and retransmissions, yet each exchange is told once."""
    route = translated(network)
    nginx(route)
    assert route.middle
    route.middle.nft(
        """
        table inet lossy {
          chain pass {
            type filter hook forward priority filter;
            meta l4proto tcp numgen random mod 100 < 2 drop
          }
        }
        """
    )
    host, port = route.ask[4]
    targets = ["/files/page.html", "/", "/files/big", "/missing"] * 12
    with watching(changed(only(PORT, port), roles=(role,))) as watch:
        _download(route.client, host, port, *targets)
    told = _whole(watch, len(targets))
    assert [e.request.target for e in told if e.request] == targets
    assert watch.counters["retransmitted"] + watch.counters["beyond_hole"] > 0


def test_a_header_block_longer_than_is_taken(network: Network, loaded: Watch) -> None:
    """It is cut at the limit and says so; the response is told as ever."""
    route = loopback(network)

    def talk(connection: socket.socket) -> None:
        head(connection)
        connection.sendall(b"HTTP/1.1 431 No\r\nContent-Length: 0\r\n\r\n")

    line = b"X-Long: " + b"v" * 4000 + b"\r\n"
    with (
        serving(route.server, talk),
        shared(loaded, only(PORT)) as watch,
        connect(route.client, "127.0.0.1", PORT) as client,
    ):
        client.sendall(b"GET /long HTTP/1.1\r\nX-Request-Id: long\r\n" + line * 6 + b"\r\n")
        head(client)
    (told,) = watch.exchanges
    assert told.request
    assert told.request.cut
    assert ids(watch.told()) == ["long"]
    assert told.response
    assert told.response.status == 431
    assert watch.counters["block_too_long"] == 1
    assert max(len(event.data) for event in watch.events) <= 16384
