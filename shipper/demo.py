"""`shipper demo`: the whole way on this machine, with everything it needs in one process.

An in-process Kafka broker, a small HTTP server and a client that asks it over loopback; beside
them the agent, started as a user would start it. What arrives at Kafka is shown as it arrives.

The three counts at the end come from three places that know nothing of each other: the client
that sent the requests, the file that the agent wrote, and the consumer of the topic. Each counts
distinct request ids.
"""

import argparse
import http.client
import json
import os
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from typing import Any, Self

import orjson
from rich.console import Console
from rich.text import Text

from shipper.closing import Closing
from shipper.delivery import MockBroker, Received, Start, TopicReader
from shipper.errors import ShipperError, UnavailableError
from shipper.tail import Cells, cells, printable

_TOPIC = "http.header.v1"
_READY_S = 60.0  # bcc compiles in 2 s; a loaded machine may take longer
_END_S = 20.0
_ARRIVAL_S = 5.0  # from the agent's end until the last record has to be there
_PAUSE_S = 0.08  # between two requests, so that a person sees them come
_ROUNDS = 6
_HOSTS = ("127.0.0.1", "::1")
_ID = "x-request-id"

#: One round, at each address: the first four share a connection, the last closes its own.
_KEPT = (("GET", "/"), ("POST", "/orders"), ("HEAD", "/products/7"), ("GET", "/missing"))
_CLOSED = (("GET", "/products/7?size=L"), ("GET", "/broken"))

_WIDE = 110  # columns from which the User-Agent fits as well


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`shipper demo` has no options: it configures itself."""
    parser.description = (
        "Starts a Kafka broker, an HTTP server and the agent on this machine, sends requests over "
        "loopback, and shows the records as they come out of Kafka. Needs root, ends by itself; "
        "the last line counts what was requested, captured and delivered."
    )


def run(_args: argparse.Namespace) -> int:
    """Run the demo; 0 only if every request became a delivered record."""
    signal.signal(signal.SIGTERM, _stop)
    with ExitStack() as stack:
        addresses = [stack.enter_context(_server(host)) for host in _HOSTS if _usable(host)]
        print(
            f"Starting an HTTP server, a Kafka broker and the agent on this machine.\n"
            f"Then {_total(len(addresses))} requests go over loopback; "
            "what comes out of Kafka is shown as it comes:\n",
            flush=True,
        )
        broker = stack.enter_context(MockBroker())
        broker.create_topic(_TOPIC)
        reader = stack.enter_context(
            TopicReader(
                # Fetched often, so that the rows come one by one.
                {"bootstrap.servers": broker.bootstrap, "fetch.wait.max.ms": "20"},
                _TOPIC,
                log=lambda _level, _line: None,
                start=Start.BEGINNING,
            )
        )
        agent = stack.enter_context(_Agent(broker.bootstrap, [port for _, port in addresses]))
        agent.await_ready()
        client = stack.enter_context(_Client(addresses))
        table = _Table()
        while client.is_alive():
            table.show(reader.read())
        client.check()
        agent.stop(lambda: table.show(reader.read()))
        _read_rest(reader, table, client.requested)
        return _settle(client.requested, agent.captured(), table.delivered, agent.coverage)


def _stop(number: int, _frame: FrameType | None) -> None:
    """SIGTERM ends the demo in order, the agent first."""
    raise SystemExit(128 + number)


def _total(addresses: int) -> int:
    return addresses * _ROUNDS * (len(_KEPT) + 1)


def _read_rest(reader: TopicReader, table: "_Table", wanted: set[str]) -> None:
    """The agent has flushed and ended: what it delivered is in the topic."""
    deadline = time.monotonic() + _ARRIVAL_S
    while not wanted <= table.delivered and time.monotonic() < deadline:
        table.show(reader.read())


def _settle(requested: set[str], captured: set[str], delivered: set[str], coverage: str) -> int:
    """Compare the three accounts, say what is missing, and print the last line."""
    if coverage:
        print(f"\nThe agent says of its {coverage}.")
    for name, ids in (("captured", captured), ("delivered", delivered)):
        if missing := requested - ids:
            print(f"shipper: {len(missing)} requests were not {name}", file=sys.stderr)
        if invented := ids - requested:
            print(f"shipper: {len(invented)} {name} ids were never requested", file=sys.stderr)
    counts = {
        "requested": len(requested),
        "captured": len(captured),
        "delivered": len(delivered),
        "lost": len(requested - delivered),
    }
    sys.stderr.flush()
    print(json.dumps(counts), flush=True)
    return 0 if requested and requested == captured == delivered else 1


class _Handler(BaseHTTPRequestHandler):
    """A shop with little on offer."""

    protocol_version = "HTTP/1.1"
    server_version = "demo"
    timeout = 10

    def do_GET(self) -> None:
        """Answer by path: 200, 404 or 500."""
        path = self.path.partition("?")[0]
        status = {"/missing": 404, "/broken": 500}.get(path, 200)
        self._answer(status, f"{status} {path}\n".encode())

    def do_HEAD(self) -> None:
        """A Content-Length, and no body."""
        self.do_GET()

    def do_POST(self) -> None:
        """Take an order."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(201, b"ordered\n")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Nothing: the table is the log."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Bind without the name look-up of the standard library, which may ask a resolver."""
        socketserver.TCPServer.server_bind(self)


class _Server6(_Server):
    address_family = socket.AF_INET6


@contextmanager
def _server(host: str) -> Iterator[tuple[str, int]]:
    """A server on a free port; its address."""
    server = (_Server6 if ":" in host else _Server)((host, 0), _Handler)
    threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
    try:
        yield host, server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def _usable(host: str) -> bool:
    """Whether loopback has this address: IPv6 may be switched off."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with suppress(OSError), socket.socket(family) as probe:
        probe.bind((host, 0))
        return True
    print(f"shipper: {host} is not available here: the demo goes without", file=sys.stderr)
    return False


class _Client(Closing, threading.Thread):
    """Asks, and remembers the id of each request that was answered."""

    def __init__(self, addresses: list[tuple[str, int]]) -> None:
        super().__init__(daemon=True)
        self.requested: set[str] = set()
        self._addresses = addresses
        self._stopped = threading.Event()
        self._fault: Exception | None = None

    def run(self) -> None:
        """Every round at every address, until all are done or one fails."""
        try:
            for number in range(_ROUNDS):
                for host, port in self._addresses:
                    self._round(number, host, port)
        except (OSError, http.client.HTTPException) as error:
            self._fault = error

    def check(self) -> None:
        """Raise if a request was not answered."""
        if self._fault is not None:
            raise UnavailableError("the demo's own HTTP server did not answer", str(self._fault))

    def _round(self, number: int, host: str, port: int) -> None:
        """Some requests over a connection that is kept, and one over one that is not."""
        kept = http.client.HTTPConnection(host, port, timeout=10)
        for method, path in _KEPT:
            self._ask(kept, method, path)
        kept.close()
        closed = http.client.HTTPConnection(host, port, timeout=10)
        self._ask(closed, *_CLOSED[number % len(_CLOSED)], Connection="close")

    def _ask(
        self, connection: http.client.HTTPConnection, method: str, path: str, **extra: str
    ) -> None:
        if self._stopped.is_set():
            return
        name = str(uuid.uuid4())
        headers = {_ID: name, "User-Agent": "shipper-demo", **extra}
        body = b'{"product": 7}' if method == "POST" else None
        connection.request(method, path, body=body, headers=headers)
        connection.getresponse().read()
        self.requested.add(name)
        self._stopped.wait(_PAUSE_S)

    def __enter__(self) -> Self:
        self.start()
        return self

    def close(self) -> None:
        """Ask no more."""
        self._stopped.set()
        self.join(1.0)


class _Agent(Closing):
    """`shipper run` as a process of its own, and what it says on standard error."""

    def __init__(self, bootstrap: str, ports: list[int]) -> None:
        self.coverage = ""
        self._folder = Path(tempfile.mkdtemp(prefix="shipper-demo-"))
        # The agent gives up root, and looks after its file from then on as somebody else.
        self._folder.chmod(0o755)
        self._records = self._folder / "records.jsonl"
        configuration = self._folder / "shipper.toml"
        configuration.write_text(_configuration(bootstrap, ports, self._records))
        # What is set in this environment for a real agent would win over the file.
        environ = {k: v for k, v in os.environ.items() if not k.startswith("SHIPPER_")}
        self._process = subprocess.Popen(  # noqa: S603 - this very program
            [sys.executable, "-m", "shipper", "run", "--config", str(configuration)],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="backslashreplace",
        )
        self._last: deque[str] = deque(maxlen=1)
        self._ready = threading.Event()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def await_ready(self) -> None:
        """Until it captures; the agent's own error line when it ends instead."""
        deadline = time.monotonic() + _READY_S
        while not self._ready.wait(0.05):
            if self._process.poll() is not None:
                raise self._failure()
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"the agent was not ready within {_READY_S:.0f} s", self._said()
                )

    def stop(self, meanwhile: Callable[[], None]) -> None:
        """End it in order, doing `meanwhile` until it has ended."""
        self._process.terminate()
        deadline = time.monotonic() + _END_S
        while self._process.poll() is None and time.monotonic() < deadline:
            meanwhile()
        if self._process.poll() is None:
            raise UnavailableError(f"the agent did not end within {_END_S:.0f} s", self._said())
        if self._process.returncode != 0:
            raise self._failure()
        self._listener.join(1.0)

    def captured(self) -> set[str]:
        """Request ids in the file that the agent wrote."""
        with self._records.open("rb") as lines:
            return {name for line in lines if (name := _request_id(orjson.loads(line)))}

    def _listen(self) -> None:
        for line in self._process.stderr or ():
            self._heed(line.strip())

    def _heed(self, line: str) -> None:
        try:
            said = json.loads(line)
        except ValueError:
            self._last.append(line.removeprefix("shipper: "))
            return
        match said:
            case {"event": "ready"}:
                self._ready.set()
            case {"event": "coverage", "message": str(message)}:
                self.coverage = message
            case {"level": "warning" | "error" | "critical", "message": str(message)}:
                self._last.append(message)
                print(f"agent: {printable(message)}", file=sys.stderr)

    def _said(self) -> str:
        return printable(self._last[0]) if self._last else "it said nothing"

    def _failure(self) -> ShipperError:
        self._listener.join(1.0)
        code = self._process.wait()
        error = ShipperError(self._said() if self._last else f"the agent ended with code {code}")
        error.exit_code = code if code > 0 else 1
        return error

    def close(self) -> None:
        """End the process, and remove what it kept."""
        if self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_S)
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def _configuration(bootstrap: str, ports: list[int], records: Path) -> str:
    """What `shipper run` reads; JSON's texts and lists are TOML's too."""
    return f"""\
output = {json.dumps(["kafka", f"file:{records}"])}

[kafka]
topic = {json.dumps(_TOPIC)}
bootstrap.servers = {json.dumps(bootstrap)}

[spool]
path = {json.dumps(str(records.parent / "spool"))}
[metrics]
listen = ""

[capture.include]
ports = {json.dumps(ports)}

[record]
request_headers = {json.dumps([_ID, "host", "user-agent"])}

[agent]
log_format = "json"
"""


def _request_id(record: dict[str, Any]) -> str:
    match record:
        case {"http": {"request": {"headers": {"x-request-id": [str(name)]}}}}:
            return name
    return ""


class _Table:
    """Records as rows of fixed columns, one at a time, and the ids they carried."""

    def __init__(self) -> None:
        self.delivered: set[str] = set()
        self._console = Console(highlight=False, markup=False, emoji=False)
        self._wide = not self._console.is_terminal or self._console.width >= _WIDE
        heading = Cells(
            "TIME", "METHOD", "STATUS", "URL", "CLIENT", "TOOK", "USER AGENT", status_style="bold"
        )
        self._row(heading, "bold")

    def show(self, message: Received | None) -> None:
        """One row, if there is a message."""
        if message is None:
            return
        record = orjson.loads(message.value)
        if name := _request_id(record):
            self.delivered.add(name)
        self._row(cells(record), "")

    def _row(self, shown: Cells, style: str) -> None:
        row = Text(f"{shown.time:<12}  {shown.method:<6}  ", style)
        row.append(f"{shown.status:<6}", shown.status_style)
        row.append(f"  {shown.url:<28}  {shown.client:<9}  {shown.took:>8}")
        if self._wide:
            row.append(f"  {shown.user_agent}", "dim")
        if self._console.is_terminal:
            self._console.print(row, no_wrap=True, overflow="ellipsis", crop=True)
        else:
            print(row.plain, flush=True)
