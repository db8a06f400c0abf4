"""Python servers for what nginx can't be told to do, in threads of this process."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

from .netns import PORT, Namespace


def listener(host: str, port: int) -> socket.socket:
    """A listening socket."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((host, port))
    made.listen(64)
    return made


@contextlib.contextmanager
def serving(
    namespace: Namespace,
    talk: Callable[[socket.socket], None],
    host: str = "127.0.0.1",
    port: int = PORT,
) -> Iterator[None]:
    """A server whose every connection is handed to `talk` in a thread of its own."""
    with namespace.inside():
        listening = listener(host, port)
    threads: list[threading.Thread] = []

    def one(connection: socket.socket) -> None:
        with connection, contextlib.suppress(ConnectionError):
            talk(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                thread = threading.Thread(target=one, args=(connection,), daemon=True)
                thread.start()
                threads.append(thread)

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        accepting.join(10)
        for thread in threads:
            thread.join(10)


def connect(namespace: Namespace, host: str, port: int) -> socket.socket:
    """A connected socket from inside a namespace."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with namespace.inside():
        made = socket.socket(family, socket.SOCK_STREAM)
    made.settimeout(30)
    made.connect((host, port))
    return made


def head(connection: socket.socket) -> bytes:
    """What the peer sends up to a blank line, at least; empty when it closed."""
    got = b""
    while b"\r\n\r\n" not in got:
        more = connection.recv(65536)
        if not more:
            return got
        got += more
    return got


def everything(connection: socket.socket) -> bytes:
    """What the peer sends until it closes."""
    parts = []
    while part := connection.recv(1 << 20):
        parts.append(part)
    return b"".join(parts)


def say_hello(connection: socket.socket) -> None:
    """Answer every request without a body on a connection that stays."""
    while head(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
