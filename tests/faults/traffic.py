"""Requests that are told apart for ever, and the moment of each."""

import itertools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nServer: fault-suite\r\n\r\nok"
_END = b"\r\n\r\n"


class Traffic:
    """A server on 127.0.0.1, and a client that asks it over one connection at a time.

    `sent` has each id that was answered with the wall-clock time (s) at which it was asked.
    """

    def __init__(self) -> None:
        self.sent: dict[str, float] = {}
        self._numbers = itertools.count()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def send(self, count: int, *, rate: float = 1000.0, header: str = "") -> None:
        """Ask `count` times, at most `rate` times a second, over a connection of its own."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            due = time.monotonic()
            for _ in range(count):
                self._ask(connection, header)
                due += 1 / rate
                if (wait := due - time.monotonic()) > 0:
                    time.sleep(wait)

    @contextmanager
    def flowing(self, rate: float = 300.0, *, each: int = 100, header: str = "") -> Iterator[None]:
        """Ask all the time, a new connection every `each` requests."""
        over = threading.Event()

        def ask() -> None:
            while not over.is_set():
                self.send(each, rate=rate, header=header)

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def close(self) -> None:
        """Serve no more."""
        self._listener.close()

    def _ask(self, connection: socket.socket, header: str) -> None:
        name = f"fault-{next(self._numbers)}"
        at = time.time()
        head = f"GET /{name} HTTP/1.1\r\nHost: fault.test\r\n{header}\r\n"
        connection.sendall(head.encode())
        answer = b""
        while len(answer) < len(_ANSWER):
            part = connection.recv(4096)
            if not part:
                return
            answer += part
        self.sent[name] = at

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    @staticmethod
    def _answer(connection: socket.socket) -> None:
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            waiting = b""
            try:
                while data := connection.recv(65536):
                    waiting += data
                    while _END in waiting:
                        _, waiting = waiting.split(_END, 1)
                        connection.sendall(_ANSWER)
            except OSError:
                return
