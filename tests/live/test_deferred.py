"""A server that is woken by data alone (TCP_DEFER_ACCEPT, Apache's default) loses nothing."""

import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from shipper.capture import CaptureSettings, Rules

from .server import head
from .watch import Watch, watching

CONNECTIONS = 20
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def _answer(connection: socket.socket) -> None:
    with connection:
        while head(connection):
            connection.sendall(_ANSWER)


@contextmanager
def _deferring(host: str) -> Iterator[int]:
    """A server on loopback whose first data completes each handshake; its port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 60)
    listening.bind((host, 0))
    listening.listen(CONNECTIONS)

    def accept() -> None:
        for _ in range(CONNECTIONS):
            connection, _address = listening.accept()
            threading.Thread(target=_answer, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    with listening:
        yield listening.getsockname()[1]


def _ask(host: str, port: int, sizes: tuple[int, ...]) -> None:
    """All connections are open before any speaks: the listener shows the first data of each."""
    clients = [socket.create_connection((host, port), 10) for _ in range(CONNECTIONS)]
    for (index, client), size in itertools.product(enumerate(clients), sizes):
        start = b"GET /%d/%d HTTP/1.1\r\nHost: h\r\n" % (index, size)
        client.sendall(start + b"X-Filler: %s\r\n\r\n" % (b"x" * size))
        assert head(client)
    for client in clients:
        client.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_first_request_is_its_connections_own(host: str) -> None:
    """Every exchange whole and in its place, also where the first block fills many segments."""
    sizes = (10, 5000, 100)
    with _deferring(host) as port:
        settings = CaptureSettings(include=Rules(ports=(port,)))
        with watching(settings) as watch:
            _ask(host, port, sizes)
            told = _finished(watch)
    assert sorted(told) == sorted(
        f"/{number}/{size}" for number in range(CONNECTIONS) for size in sizes
    )
    assert {e.number for e in watch.exchanges} == {0, 1, 2}
    assert not any(e.incomplete or e.joined_late or e.resumed for e in watch.exchanges)
    # Not `state_missing`: that counts connections of the whole host, before the filters.
    assert watch.counters["server_late"] == 0
    assert watch.counters["server_http1"] == CONNECTIONS


def _finished(watch: Watch) -> list[str]:
    return [e.request.target for e in watch.finish() if e.request]
