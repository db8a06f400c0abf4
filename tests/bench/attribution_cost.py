"""What it costs to know whose a connection is, and how many are: `make bench-attribution` (root).

In the kernel: ns a run of the programs that note owners, and what asking their table adds to the
packets of an exchange; with and without in turns, so that what else happens hits both. In user
space: CPU time that attribution adds to an exchange on its way to an encoded record, by exchanges
of one process again and again, as a server's are; and what it adds to those of an agent at 10,000
exchanges a second. At last 2,000 processes that each ask once, compared with what they say of
themselves.

The last line is one JSON object. The exit code is 1 when an aim is missed, 2 when a case could not
be measured.
"""

import argparse
import contextlib
import http.client
import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from attribution_process.asking import curl, told, wrong
from live.watch import only, watching
from record.record_exchanges import CREATED, OFFSET, builder, exchange
from rich.console import Console
from rich.table import Table

from bench import run_statistics
from bench.attribution_rate import Found, at_rate
from bench.kernel_traffic import own_cgroup, own_place
from shipper.attribution import Attributor, BootClock, Host, Processes, ProcessSettings, Procfs
from shipper.capture import Kernel, find_root, open_kernel
from shipper.contract.events import Owner
from shipper.errors import ShipperError
from shipper.log import set_up

#: of those named, per cent; wrong ones; and user time of an exchange, ns, alone and at a rate
AIMS = {"named": 99.0, "wrong": 0, "user": 3000, "user_at_rate": 3000}
_USER = "user time of an exchange"
_PROGRAMS = ("owner_connect4", "owner_read", "owner_state")

Figures = dict[str, float]


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        """Nothing."""


def _ask(port: int, connections: int, requests: int) -> None:
    for _ in range(connections):
        asked = http.client.HTTPConnection("127.0.0.1", port)
        for _ in range(requests):
            asked.request("GET", "/")
            asked.getresponse().read()
        asked.close()


def _runs(kernel: Kernel, work: Callable[[], object]) -> dict[str, run_statistics.Runs]:
    """What some work had each program run."""
    there = {name: fd for name, fd in kernel.descriptors.items() if name in {*_PROGRAMS, "program"}}
    before = {name: run_statistics.of(fd) for name, fd in there.items()}
    work()
    return {name: run_statistics.of(fd).since(before[name]) for name, fd in there.items()}


def _round(kernel: Kernel, port: int, count: int) -> Figures:
    """Ns a run of each program, and of the packets of one exchange."""
    ring = kernel.ring()
    many = _runs(kernel, lambda: _ask(port, 1, count))
    new = _runs(kernel, lambda: _ask(port, count, 1))
    while ring.drain():
        pass
    ring.close()
    found = {"packets of an exchange": many["program"].time / count}
    if "owner_read" not in many:
        return found
    known = many["owner_read"].time / max(1, many["owner_read"].number)
    return found | {
        "read, known": known,
        "read, of a new connection": new["owner_read"].time / max(1, new["owner_read"].number),
        "connect": new["owner_connect4"].time / max(1, new["owner_connect4"].number),
        "change of state": new["owner_state"].time / max(1, new["owner_state"].number),
    }


@contextlib.contextmanager
def _alone() -> Iterator[Path]:
    """This process in a cgroup of its own: the programs on it see no packet of anybody else."""
    root = find_root().path
    home = root / own_place().lstrip("/") / "cgroup.procs"
    with own_cgroup() as made:
        (made / "cgroup.procs").write_text(str(os.getpid()))
        try:
            yield made
        finally:
            home.write_text(str(os.getpid()))


def in_kernel(rounds: int, count: int) -> Figures:
    """Medians of the rounds."""
    with _alone() as cgroup:
        return _in_kernel(cgroup, rounds, count)


def _in_kernel(cgroup: Path, rounds: int, count: int) -> Figures:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Quiet)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    port = server.server_address[1]
    measured: dict[str, list[float]] = {}
    with run_statistics.switched_on():
        for _ in range(rounds):
            for owners in (True, False):
                # One after the other: two at once would each run on all packets.
                own = {"cgroup_root": str(cgroup), "allow_private_cgroup": True}
                kernel = open_kernel(only(port, owners=owners, **own))
                try:
                    for name, value in _round(kernel, port, count).items():
                        label = name if owners else f"{name}, without"
                        measured.setdefault(label, []).append(value)
                finally:
                    kernel.close()
    server.shutdown()
    server.server_close()
    return {name: statistics.median(values) for name, values in measured.items()}


def in_user_space(count: int) -> Figures:
    """Ns of CPU time that attribution adds to an exchange on its way to an encoded record."""
    owner = Owner(1, 1, os.getpid(), 0, 0, 1, "server", "init")
    plain, owned = exchange(), replace(exchange(), process=owner)
    processes = Processes(ProcessSettings(), Procfs(), BootClock())
    attribute = Attributor(Host(None, log=set_up("error", "json")), processes).attribute
    records = builder()

    def without() -> None:
        records.encode(records.build(plain, OFFSET, CREATED), 0)

    def within() -> None:
        records.encode(records.build(owned, OFFSET, CREATED, attribute(owned)), 0)

    best = {without: float("inf"), within: float("inf")}
    for _ in range(9):
        for work, least in best.items():
            before = time.process_time_ns()
            for _ in range(count):
                work()
            best[work] = min(least, (time.process_time_ns() - before) / count)
    return {"a record without": best[without], "user": best[within] - best[without]}


def short_lived(times: int) -> Figures:
    """Processes that ask once: how many were told, named, and named wrongly."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Quiet)
    server.request_queue_size = 512
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    port = server.server_address[1]
    with watching(only(port, roles=("client",))) as watch:
        curl(port, times)
        watch.pause()
    server.shutdown()
    server.server_close()
    named = [each for each in watch.exchanges if told(each) is not None]
    return {
        "asked": times,
        "named": 100 * len(named) / times,
        "wrong": len(wrong(named, asking=True)),
    }


def rate_table(found: Found) -> Table:
    """What an exchange costs at a rate, with attribution and without."""
    made = Table("of an exchange", title_justify="left")
    share = f"{100 * found.told_share:.1f} % told of"
    made.title = f"at {found.rate:,.0f} exchanges a second, {share}"
    for name in ("with, ns", "without", "on top, median"):
        made.add_column(name, justify="right")
    costs = (found.within, found.without, found.on_top)
    for name, *values in zip(
        ("user time", "user and system time", "the kernel's programs"), *costs, strict=True
    ):
        made.add_row(name, *(f"{value:,.0f}" for value in values))
    return made


def table(figures: Figures) -> Table:
    """The figures for a person."""
    made = Table("what", title="whose connection it is", title_justify="left")
    made.add_column("ns, median", justify="right")
    made.add_column("aim: at most", justify="right")
    for name, value in figures.items():
        if name not in {"asked", "named", "wrong", "user_at_rate"}:
            aim = str(AIMS["user"]) if name == "user" else ""
            made.add_row(_USER if name == "user" else name, f"{value:.0f}", aim)
    return made


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench-attribution", description="the cost of owners")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--exchanges", type=int, default=1000, help="of a case in a round")
    parser.add_argument("--rate", type=float, default=10_000, help="exchanges a second")
    parser.add_argument("--seconds", type=float, default=5.0, help="of that rate, in a round")
    parser.add_argument("--processes", type=int, default=2000, help="that live for one request")
    given = parser.parse_args(arguments)
    if os.geteuid() != 0:
        print("bench-attribution: this loads kernel programs: run it as root", file=sys.stderr)  # noqa: T201 - for a person
        return 2
    try:
        figures = in_kernel(max(1, given.rounds), max(50, given.exchanges))
        figures |= in_user_space(5_000) | short_lived(max(1, given.processes))
        with run_statistics.switched_on():
            found = at_rate(given.rate, given.seconds, max(1, given.rounds))
    except (AssertionError, OSError, RuntimeError, ShipperError) as error:
        print(f"bench-attribution: a case could not be measured: {error}", file=sys.stderr)  # noqa: T201 - for a person
        return 2
    figures["user_at_rate"] = found.on_top.user
    short = [
        *(["named"] if figures["named"] < AIMS["named"] else []),
        *(name for name in ("wrong", "user", "user_at_rate") if figures[name] > AIMS[name]),
    ]
    console = Console()
    console.print(table(figures))
    console.print(rate_table(found))
    console.print(
        f"{figures['asked']:.0f} processes of one request each: {figures['named']:.2f} % named, "
        f"{figures['wrong']:.0f} wrongly"
    )
    rounded = {name: round(value, 2) for name, value in figures.items()}
    told = {"figures": rounded, "at_rate": found.rounded(), "aims": AIMS, "short": short}
    print(json.dumps(told))  # noqa: T201 - likewise
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
