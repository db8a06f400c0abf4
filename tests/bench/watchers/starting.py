"""Requests from before a watcher starts until it captures; the first of them that it saw."""

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Container
from typing import Final, Self

from bench.load import Site

_EVERY_S: Final = 0.01
_MORE_S: Final = 0.2


class Probes:
    """Asks one thing after the other, each over a connection of its own, while it is entered."""

    def __init__(self, site: Site, prefix: str, body: int) -> None:
        self.begin = time.monotonic()
        #: id -> seconds after the begin at which it was sent
        self.sent: dict[str, float] = {}
        self._site, self._prefix, self._body = site, prefix, body
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def first(self, told: Container[str]) -> float | None:
        """Seconds from the begin to the first that was told; None where none was."""
        return min((at for name, at in self.sent.items() if name in told), default=None)

    def more(self) -> None:
        """Let some more be asked: the watcher captures by now."""
        time.sleep(_MORE_S)

    def __enter__(self) -> Self:
        self.begin = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        with self._site.route.client.inside():
            for number in itertools.count():
                if self._over.wait(_EVERY_S):
                    return
                name = f"{self._prefix}-p-{number}"
                self.sent[name] = time.monotonic() - self.begin
                with contextlib.suppress(OSError):
                    self._one(name)

    def _one(self, name: str) -> None:
        target = f"/b{self._body}/{name}"
        with socket.create_connection(self._site.address, timeout=5) as connection:
            connection.sendall(
                f"GET {target} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n".encode()
            )
            while connection.recv(65536):
                pass
