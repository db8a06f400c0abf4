"""Real sockets that show the program one kind of packet at a time.

A cgroup is made for the benchmark, and the program is attached to that alone, to what comes *in*:
so it sees the packets that one end of a connection over loopback receives, and neither the answers
nor the acknowledgements of that end. One thread sends and receives in turn, so that every packet
is one segment. A connection brings its SYN, the ACK of the handshake, a FIN and the ACK of the
other FIN too; connections without data are measured beside the rest, and taken off.

The server's sockets are in the cgroup. The ring is read after each connection: nobody is woken,
as in an agent that keeps up.
"""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from bench import run_statistics
from bench.messages import BODY, BODY_BYTES, FOREIGN, REQUEST, REQUEST_3K, RESPONSE, UPLOAD
from bench.run_statistics import Runs
from shipper.capture import Kernel, loader, open_kernel
from shipper.capture.cgroups import find_root
from shipper.capture.settings import CaptureSettings

#: Requests of one connection: fewer than the program remembers unanswered.
REQUESTS = 30
#: A write that is acknowledged more than once.
DOWNLOAD_BYTES = 1 << 16


@contextlib.contextmanager
def own_cgroup() -> Iterator[Path]:
    """A cgroup below the root, without processes, removed at the end."""
    made = find_root().path / f"shipper-bench-{os.getpid()}"
    made.mkdir()
    try:
        yield made
    finally:
        made.rmdir()


class Traffic:
    """The program on a cgroup, and the sockets; each case gives the cost of one packet in ns."""

    def __init__(self, cgroup: Path, packets: int) -> None:
        """`packets` are those of one case and round, at least."""
        self._packets = packets
        settings = CaptureSettings(cgroup_root=str(cgroup), allow_private_cgroup=True)
        self._cgroup = cgroup
        self._kernel: Kernel = open_kernel(settings)
        self._kernel.detach()
        self._ring = self._kernel.ring()
        self._empty = run_statistics.empty_program()
        self._links = [
            run_statistics.link(program, cgroup, loader.CGROUP_INGRESS)
            for program in (self._kernel.program, self._empty)
        ]
        with self._inside():
            self._listener = socket.create_server(("127.0.0.1", 0))
            self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._datagrams.bind(("127.0.0.1", 0))
        self._bare = (0, 0.0)  # runs of a connection without data, and ns
        self._read_each = False
        self.cases: dict[str, Callable[[], float]] = {
            "empty program": self.empty,
            "not TCP": self.not_tcp,
            "TCP, not HTTP": lambda: self._spoken(FOREIGN),
            "body segment": lambda: self._spoken(BODY, first=UPLOAD),
            "pure ACK": self.acknowledgements,
            "350 B request": lambda: self._requests(REQUEST),
            "3 KB request": lambda: self._requests(REQUEST_3K),
            "350 B request, reader woken": self.woken,
            "350 B request and its response": self.exchanges,
        }

    def close(self) -> None:
        """Give up sockets and program."""
        self._listener.close()
        self._datagrams.close()
        self._ring.close()
        self._kernel.close()
        for descriptor in (*self._links, self._empty):
            os.close(descriptor)

    def round(self) -> dict[str, float]:
        """Each case once; the kernel lost nothing and knew every connection for what it was."""
        connections = 50
        bare = self._during(lambda: self._connections(connections))
        self._bare = (bare.number // connections, bare.time / connections)
        figures = {name: case() for name, case in self.cases.items()}
        counters = self._kernel.counters()
        if counters["ring_full"] or counters["server_late"]:
            raise RuntimeError("the program lost events or joined late: this is no usual traffic")
        return figures

    def empty(self) -> float:
        """What the statistics cost by themselves."""
        runs = run_statistics.during(self._empty, self._send_datagrams)
        return runs.time / runs.number

    def not_tcp(self) -> float:
        """UDP, which the program leaves at its first look."""
        runs = self._during(self._send_datagrams)
        return self._each(runs, self._packets)

    def acknowledgements(self) -> float:
        """Segments without data on a connection that is followed."""

        def work() -> None:
            with self._connected() as (client, server):
                client.send(REQUEST)
                server.recv(len(REQUEST))
                for _ in range(self._packets):
                    server.send(bytes(DOWNLOAD_BYTES))
                    client.recv(DOWNLOAD_BYTES, socket.MSG_WAITALL)

        runs = self._during(work)
        return self._each(runs, max(1, runs.number - self._bare[0]), connections=1)

    def woken(self) -> float:
        """Requests whose reader has read all that came before, and is woken by anything."""
        usual = self._kernel.settings
        self._kernel.apply(replace(usual, wake_bytes=1))
        self._read_each = True
        try:
            return self._requests(REQUEST)
        finally:
            self._kernel.apply(usual)
            self._read_each = False

    def exchanges(self) -> float:
        """Both directions: a request, and a response whose body is in the same segment."""
        link = run_statistics.link(self._kernel.program, self._cgroup, loader.CGROUP_EGRESS)
        number = -(-self._packets // REQUESTS)
        try:
            bare = self._during(lambda: self._connections(number))
            runs = self._during(lambda: self._connections(number, REQUESTS, answer=RESPONSE))
        finally:
            os.close(link)
        return (runs.time - bare.time) / (number * REQUESTS)

    def _requests(self, request: bytes) -> float:
        number = -(-self._packets // REQUESTS)
        runs = self._during(lambda: self._connections(number, REQUESTS, request))
        return self._each(runs, number * REQUESTS, connections=number)

    def _spoken(self, data: bytes, *, first: bytes = b"") -> float:
        def work() -> None:
            with self._connected() as (client, server):
                for part in (first, *([data] * self._packets)):
                    client.send(part)
                    server.recv(len(part), socket.MSG_WAITALL)

        return self._each(self._during(work), self._packets, connections=1)

    def _each(self, runs: Runs, packets: int, *, connections: int = 0) -> float:
        """The cost of one of `packets` packets, what opening and closing takes taken off."""
        others, cost = self._bare
        extra = runs.number - packets - connections * others
        if abs(extra) > max(2, packets // 20):
            raise RuntimeError(f"{runs.number} runs were counted where {packets} packets were sent")
        return (runs.time - connections * cost) / packets

    def _during(self, work: Callable[[], object]) -> Runs:
        return run_statistics.during(self._kernel.program, work)

    def _send_datagrams(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(self._datagrams.getsockname())
            for _ in range(self._packets):
                sender.send(BODY[:BODY_BYTES])
                self._datagrams.recv(BODY_BYTES)

    def _connections(
        self, number: int, requests: int = 0, request: bytes = REQUEST, *, answer: bytes = b""
    ) -> None:
        for _ in range(number):
            with self._connected() as (client, server):
                for _ in range(requests):
                    client.send(request)
                    server.recv(len(request), socket.MSG_WAITALL)
                    if self._read_each:
                        self._ring.drain()
                    if answer:
                        server.send(answer)
                        client.recv(len(answer), socket.MSG_WAITALL)

    @contextlib.contextmanager
    def _connected(self) -> Iterator[tuple[socket.socket, socket.socket]]:
        with socket.create_connection(self._listener.getsockname()) as client:
            server, _ = self._listener.accept()
            with server:
                for end in (client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                yield client, server
                client.close()
        self._ring.drain(1 << 20)

    @contextlib.contextmanager
    def _inside(self) -> Iterator[None]:
        """Sockets made meanwhile belong to the cgroup, and so do those that they accept."""
        home = self._cgroup.parent / own_place().lstrip("/")
        process = str(os.getpid())
        (self._cgroup / "cgroup.procs").write_text(process)
        try:
            yield
        finally:
            (home / "cgroup.procs").write_text(process)


def own_place() -> str:
    """Where this process is in the cgroup v2 hierarchy (cgroups(7))."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        number, _, rest = line.partition(":")
        if number == "0":
            return rest.partition(":")[2]
    raise RuntimeError("this process is in no cgroup v2")
