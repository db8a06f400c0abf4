"""Servers that say who answered: pid and name of the process that read the request.

python -m attribution_process.servers KIND PORT: prints a line once it listens. Each answer ends its
connection. What the process is called is set here, so that the kernel has something to tell.
"""

import ctypes
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Final

_PR_SET_NAME: Final = 15
_PR_SET_PDEATHSIG: Final = 1
_CHILDREN: Final = 4
_libc = ctypes.CDLL(None, use_errno=True)


def name_this(name: str) -> None:
    """Call this thread so; the first thread's name is the process's."""
    _libc.prctl(_PR_SET_NAME, name.encode())


def serve(connection: socket.socket, name: str) -> None:
    """Read one request, and answer with who did."""
    with connection:
        seen = b""
        while b"\r\n\r\n" not in seen:
            part = connection.recv(65536)
            if not part:
                return
            seen += part
        connection.sendall(
            f"HTTP/1.1 200 OK\r\nX-Pid: {os.getpid()}\r\nX-Name: {name}\r\n"
            "Content-Length: 2\r\nConnection: close\r\n\r\nok".encode()
        )


def accept_all(listener: socket.socket, name: str) -> None:
    """Serve whoever comes, until the end."""
    while True:
        serve(listener.accept()[0], name)


def prefork(listener: socket.socket) -> None:
    """Four children accept on one socket."""
    for number in range(_CHILDREN):
        _child(f"child-{number}", lambda name: accept_all(listener, name))


def threads(listener: socket.socket) -> None:
    """Each connection has a thread, which has a name of its own."""
    name_this("threaded")
    for number in range(1 << 30):
        connection = listener.accept()[0]

        def work(taken: socket.socket = connection, number: int = number) -> None:
            name_this(f"thread-{number % 100}")
            serve(taken, "threaded")

        threading.Thread(target=work, daemon=True).start()


def handed(listener: socket.socket) -> None:
    """The socket is handed to another process, which alone accepts."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    listening = listener.fileno()

    def heir(name: str) -> None:
        os.close(listening)
        ours.close()
        accept_all(_received(theirs), name)

    _child("heir", heir)
    _send(ours, listening)


def split(listener: socket.socket) -> None:
    """One process accepts, another one is handed each connection and reads."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)

    def reader(name: str) -> None:
        while True:
            serve(_received(theirs), name)

    _child("reader", reader)
    name_this("acceptor")
    while True:
        with listener.accept()[0] as connection:
            _send(ours, connection.fileno())


def _child(name: str, life: Callable[[str], None]) -> None:
    if os.fork() == 0:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        name_this(name)
        life(name)


def _send(channel: socket.socket, descriptor: int) -> None:
    socket.send_fds(channel, [b"x"], [descriptor])


def _received(channel: socket.socket) -> socket.socket:
    _, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
    return socket.socket(fileno=descriptors[0])


KINDS: Final = {"prefork": prefork, "threads": threads, "handed": handed, "split": split}


def main() -> None:
    """Serve until killed."""
    kind, port = sys.argv[1:]
    with socket.create_server(("127.0.0.1", int(port)), backlog=512) as listener:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        KINDS[kind](listener)
        signal.pause()


if __name__ == "__main__":
    main()
