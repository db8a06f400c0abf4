"""Coverage: every connection is classed by its first bytes, at each end that is on this host."""

import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from shipper.capture.layout import COUNTERS

from .netns import PORT, Network, loopback
from .server import connect, everything, head, say_hello, serving
from .watch import Watch, only, shared, watching

_CLASSES = ("http1", "http2", "tls", "other", "late")
Talk = Callable[[socket.socket], None]


def _counted(counters: dict[str, int]) -> dict[str, int]:
    """The classes that were seen, client's and server's ends."""
    names = [f"{role}_{kind}" for role in ("server", "client") for kind in _CLASSES]
    assert set(names) <= set(COUNTERS)
    return {name: counters[name] for name in names if counters[name]}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate and its key in one file."""
    at = tmp_path_factory.mktemp("tls") / "both.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=live"
    subprocess.run(
        ["openssl", *words.split(), "-keyout", str(at), "-out", f"{at}.crt"],
        check=True,
        capture_output=True,
    )
    with at.open("a") as both:
        both.write(Path(f"{at}.crt").read_text())
    return at


def test_tls(network: Network, loaded: Watch, certificate: Path) -> None:
    """HTTP inside TLS is not read, and is counted as TLS once at each end."""
    route = loopback(network)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE

    def talk(connection: socket.socket) -> None:
        with server.wrap_socket(connection, server_side=True) as inner:
            say_hello(inner)

    both = only(PORT, roles=("server", "client"))
    with serving(route.server, talk), shared(loaded, both) as watch:
        for _ in range(3):
            plain = connect(route.client, "127.0.0.1", PORT)
            with client.wrap_socket(plain) as inner:
                inner.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                assert head(inner)
    assert _counted(watch.counters) == {"server_tls": 3, "client_tls": 3}
    assert watch.exchanges == []
    assert watch.events == []


def _swallow(connection: socket.socket) -> None:
    everything(connection)


def _banner(connection: socket.socket) -> None:
    connection.sendall(b"220 mail.example ESMTP ready\r\n")
    everything(connection)


@pytest.mark.parametrize(
    ("first", "server", "kind"),
    [
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9), _swallow, "http2"),
        (b"\x00\x01\x02 something else altogether\r\n\r\n", _swallow, "other"),
        (b"EHLO client.example\r\n", _banner, "other"),
        (b"OPTIONS rtsp://a.example/stream RTSP/1.0\r\nCSeq: 1\r\n\r\n", _swallow, "other"),
        (b"GETAWAY 12 times\r\nno: http\r\n\r\n", _swallow, "other"),
    ],
    ids=["preface", "binary", "server-first", "rtsp", "resembling"],
)
def test_what_is_not_http1(
    network: Network, loaded: Watch, first: bytes, server: Talk, kind: str
) -> None:
    """Counted as what it is, once at each end, and not a byte of it is told."""
    route = loopback(network)
    with (
        serving(route.server, server),
        shared(loaded, only(PORT, roles=("server", "client"))) as watch,
        connect(route.client, "127.0.0.1", PORT) as client,
    ):
        if server is _banner:
            client.recv(100)
        client.sendall(first)
        client.shutdown(socket.SHUT_WR)
        everything(client)
    assert _counted(watch.counters) == {f"server_{kind}": 1, f"client_{kind}": 1}
    assert watch.exchanges == []
    assert watch.events == []


def test_joined_late(network: Network) -> None:
    """Opened before: a start line makes it readable, anything else is counted as late."""
    route = loopback(network)
    with (
        serving(route.server, say_hello),
        connect(route.client, "127.0.0.1", PORT) as http,
        serving(route.server, _swallow, port=PORT + 10000),
        connect(route.client, "127.0.0.1", PORT + 10000) as upload,
    ):
        http.sendall(b"GET /before HTTP/1.1\r\nX-Request-Id: before\r\n\r\n")
        head(http)
        upload.sendall(b"POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\nfirst half")
        # Whatever was under way is behind before the program is there.
        with watching(only(PORT, PORT + 10000)) as watch:
            http.sendall(b"GET /after HTTP/1.1\r\nX-Request-Id: after\r\n\r\n")
            head(http)
            upload.sendall(b"~SECOND~HALF~" * 100)
            upload.shutdown(socket.SHUT_WR)
            everything(upload)
    assert [(one.id, one.target, one.status) for one in watch.told()] == [("after", "/after", 200)]
    assert [e.joined_late for e in watch.exchanges] == [True]
    counted = _counted(watch.counters)
    assert counted == {"server_http1": 1, "client_http1": 1, "server_late": 1, "client_late": 1}
    assert b"SECOND" not in watch.header_bytes()


def test_http1_is_counted_once_a_connection(network: Network, loaded: Watch) -> None:
    """However many exchanges it carries."""
    route = loopback(network)
    with serving(route.server, say_hello), shared(loaded, only(PORT)) as watch:
        for _ in range(2):
            with connect(route.client, "127.0.0.1", PORT) as client:
                for _ in range(5):
                    client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    head(client)
    assert len(watch.exchanges) == 10
    assert _counted(watch.counters) == {"server_http1": 2, "client_http1": 2}
