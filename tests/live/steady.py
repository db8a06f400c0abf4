"""Clients that ask at an even pace for as long as they are wanted, over connections kept alive.

Each request has an id of its own. One client of all leaves its exchange open until `may_end`.
"""

import http.client
import socket
import threading
import time
from types import TracebackType
from typing import Self

from .netns import Namespace

_CLIENTS = 6
_PAUSE = 0.004
_EACH = 80  # requests of a connection
_ASKS = (
    ("GET", "/", b""),
    ("HEAD", "/files/page.html", b""),
    ("POST", "/created", b"z" * 5000),
    ("GET", "/missing?n=1&empty=", b""),
    ("GET", "/files/page.html", b""),
)


class Steady:
    """Asks from the namespace `at`, until left."""

    def __init__(self, at: Namespace, host: str, port: int) -> None:
        self._at = at
        self._to = (host, port)
        self._over = threading.Event()
        self.begun, self.may_end = threading.Event(), threading.Event()
        self._failed: list[BaseException] = []
        self.asked = [0] * (_CLIENTS + 1)
        self._threads = [
            threading.Thread(target=self._run, args=(number,)) for number in range(_CLIENTS)
        ]
        self._threads.append(threading.Thread(target=self._run_long))

    def __enter__(self) -> Self:
        """They begin."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """They end what they have begun."""
        self._over.set()
        self.may_end.set()
        for thread in self._threads:
            thread.join()
        if self._failed and error is None:
            raise self._failed[0]

    def _run(self, number: int) -> None:
        try:
            while not self._over.is_set():
                connection = self._connected()
                for _ in range(_EACH):
                    method, target, body = _ASKS[self.asked[number] % len(_ASKS)]
                    self._ask(connection, number, method, target, body)
                    if self._over.is_set():
                        break
                    time.sleep(_PAUSE)
                connection.close()
        except BaseException as error:  # noqa: BLE001 - told where it is waited for
            self._failed.append(error)

    def _run_long(self) -> None:
        """An answer too long for all buffers, of which the rest is read when it may end."""
        try:
            connection = self._connected()
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
            connection.request("GET", "/files/big", headers=self._headers(_CLIENTS))
            response = connection.getresponse()
            self.begun.set()
            self.may_end.wait()
            response.read()
            self.asked[_CLIENTS] += 1
            connection.close()
        except BaseException as error:  # noqa: BLE001 - told where it is waited for
            self._failed.append(error)

    def _connected(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(*self._to, timeout=60)
        with self._at.inside():
            connection.connect()
        return connection

    def _ask(
        self, connection: http.client.HTTPConnection, number: int, method: str, to: str, body: bytes
    ) -> None:
        connection.request(method, to, body or None, self._headers(number))
        connection.getresponse().read()
        self.asked[number] += 1

    def _headers(self, number: int) -> dict[str, str]:
        name = f"steady-{number}-{self.asked[number]}"
        return {"X-Request-Id": name, "User-Agent": f"steady/{number}"}
