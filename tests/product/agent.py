"""A running `shipper run`, seen from outside, and something that it sees."""

import http.client
import json
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

READY_S = 60
END_S = 30


class Agent:
    """The process, and what it said until it was ready."""

    def __init__(self, command: Sequence[str], output: Path, port: int) -> None:
        self.output = output
        self.process = subprocess.Popen(
            [*command, "run", "--output", f"file:{output}",
             "--set", f"capture.include.ports={port}", "--set", "agent.log_format=json"],
            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, cwd="/",
        )  # fmt: skip
        self.said: list[str] = []
        ready = threading.Event()
        self._reader = threading.Thread(target=self._listen, args=(ready,), daemon=True)
        self._reader.start()
        if not ready.wait(READY_S) or self.process.poll() is not None:
            self.process.kill()
            raise AssertionError(f"the agent did not start: {self.said}")

    def _listen(self, ready: threading.Event) -> None:
        for line in self.process.stderr or ():
            self.said.append(line.rstrip())
            if '"event": "ready"' in line:
                ready.set()
        ready.set()

    @property
    def pids(self) -> list[int]:
        """The agent and its workers."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Signal it; the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(END_S)
        self._reader.join(5)
        return code

    def records(self) -> list[dict[str, Any]]:
        """What it wrote."""
        return [json.loads(line) for line in self.output.read_text().splitlines()]


class _Hello(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_args: object) -> None:
        """Nothing."""


@contextmanager
def serving() -> Iterator[int]:
    """A server on 127.0.0.1; its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hello)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def ask(port: int, path: str) -> None:
    """One GET over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    connection.getresponse().read()
    connection.close()
