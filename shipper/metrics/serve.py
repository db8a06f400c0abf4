"""`/metrics`, `/healthz` and `/readyz`, answered by threads of the agent's own process.

Made after the workers are forked: they have neither these threads nor what is imported for them.
"""

import json
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from prometheus_client.exposition import choose_encoder

from shipper.delivery import Lines
from shipper.metrics.checks import Check, alive, hold, ready
from shipper.metrics.collect import registry
from shipper.metrics.vitals import Vitals

#: Who asks has this long (s) for its question, and so many may ask at once.
_PATIENCE: Final = 5.0
_MOST: Final = 16
#: Seconds between two tries to have a port that somebody else has.
_AGAIN: Final = 2.0

#: Told of what left a question without an answer.
Failed = Callable[[BaseException | None], None]


class Server:
    """Answers at `listen` (host:port) from `open` on; a port in use is waited for."""

    def __init__(self, listen: str, vitals: Vitals, log: logging.Logger) -> None:
        host, _, port = listen.rpartition(":")
        self._listen = listen
        self._address = host.strip("[]"), int(port)
        self._vitals = vitals
        self._lines = Lines(log.log, every_s=300.0)
        self._server: _Answering | None = None
        self._again_at = 0.0

    def open(self) -> None:
        """Begin, unless it was begun; to be called now and then."""
        now = time.monotonic()
        if self._server is not None or now < self._again_at:
            return
        self._again_at = now + _AGAIN
        try:
            self._server = _Answering(self._address, self._vitals, self._failed)
        except OSError as error:
            self._lines.say(
                logging.WARNING,
                "listen",
                f"metrics.listen: {self._listen} can't be had ({error.strerror}): no metrics "
                "and no health checks until it can",
            )

    def close(self) -> None:
        """Give up the port."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _failed(self, error: BaseException | None) -> None:
        self._lines.say(
            logging.ERROR,
            "question",
            f"metrics.listen: a question is left unanswered ({error!r}): please report it",
        )


class _Answering(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], vitals: Vitals, failed: Failed) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.vitals = vitals
        self._failed = failed
        self.registry = registry(vitals)
        self._free = threading.BoundedSemaphore(_MOST)
        super().__init__(address, _Handler)
        self._loop = threading.Thread(target=self.serve_forever, name="metrics", daemon=True)
        self._loop.start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        self._loop.join()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as above it
        """A thread for each that asks, as long as they are not too many."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """What runs in that thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401, ARG002
        """Who asked has gone: nothing that anybody has to know. Anything else is our mistake."""
        error = sys.exception()
        if not isinstance(error, OSError):
            self._failed(error)


class _Handler(BaseHTTPRequestHandler):
    server: _Answering
    timeout = _PATIENCE
    server_version = "shipper"
    sys_version = ""

    def do_GET(self) -> None:
        vitals, now = self.server.vitals, time.monotonic()
        match self.path.partition("?")[0]:
            case "/metrics":
                encode, kind = choose_encoder(self.headers.get("accept", ""))
                self._answer(HTTPStatus.OK, kind, encode(self.server.registry))
            case "/healthz":
                self._tell("alive", alive(vitals, now))
            case "/readyz":
                self._tell("ready", ready(vitals, now))
            case _:
                said = b"/metrics, /healthz and /readyz are here\n"
                self._answer(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", said)

    do_HEAD = do_GET  # noqa: N815 - the name says the method

    def _tell(self, what: str, checks: tuple[Check, ...]) -> None:
        vitals = self.server.vitals
        ok = hold(checks)
        body = {
            what: ok,
            "checks": {check.name: {"ok": check.ok, "said": check.said} for check in checks},
            "pid": vitals.pid,
            "version": vitals.build["version"],
            "reloads": {
                "applied": vitals.reloads.applied,
                "refused": vitals.reloads.refused,
                "said": vitals.reloads.said,
            },
        }
        status = HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE
        self._answer(status, "application/json", json.dumps(body).encode() + b"\n")

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name above
        """A scrape is no news."""
