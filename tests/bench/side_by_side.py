"""`make bench`: what an exchange costs the agent, and those that Debian has for the same traffic.

nginx behind a veth answers requests at a fixed rate; each watcher in turn is started, sees one
load, and is stopped, and so through all demands and rounds, so that what else happens on the
machine hits all of them. Which requests each has told of is held against nginx's log, by id.

Two tables and one line of JSON, which is also stored. The exit code is 1 where the agent falls
short of its aims, 2 when nothing could be measured.
"""

import argparse
import contextlib
import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any, Final

from brokers.kafka import Kafka
from e2e.progress import Progress
from rich.table import Table

from . import run_statistics
from .aims import shortfalls
from .carrying_out import Result, carry_out, command
from .figures import OURS, Load, cells, plain
from .load import Demand, Group, Site
from .shown import Column, number, ratio, rows, share, size
from .watched import watched
from .watchers import Agent, Httpry, Nobody, Tcpflow, Tshark, Watcher

_BODIES: Final = (200, 100_000)
#: In between, for a chart of cost against size.
_SIZES: Final = (10_000,)
_RATES: Final = (2_000, 5_000, 10_000)
_SECONDS: Final = 4.0
_ROUNDS: Final = 2
#: A broker that has just begun compiles its own program for so long, and the first records of all
#: waited half a second for it.
_WARM_S: Final = 8.0
_PACKAGES: Final = ("nginx", "wrk", "httpry", "tcpflow", "tshark")
_NOTE: Final = (
    "CPU: user and system time of all its processes for 1,000 exchanges that it told of. kernel: "
    "run time of its kernel programs, which is in the load's too. load: nginx and wrk, with what "
    "the kernel does for a watcher while it handles their packets. sent: requests a second, where "
    "the server kept up. ack: last packet of an exchange to Kafka's acknowledgement of its record."
)
_BESIDE: Final[Sequence[Column]] = (
    ("CPU, to ours", ratio("cpu_ratio")),
    ("told of", share("told_share")),
    ("load's CPU, to that with nobody", ratio("load_ratio")),
)
_MEASURED: Final[Sequence[Column]] = (
    ("CPU\nms", number("cpu_ms")),
    ("kernel\nms", number("kernel_ms")),
    ("load\nms", number("load_ms")),
    ("broker\nms", number("broker_ms")),
    ("cores", number("cores", digits=2)),
    ("sent\na second", number("sent_rate", digits=0)),
    ("lost", number("lost", digits=0)),
    ("most\nMB", number("memory_peak", scale=1e-6)),
    ("at the end\nMB", number("memory_end", scale=1e-6)),
    ("start\ns", number("start_s", digits=2)),
    ("ack p50\nms", number("acknowledged_p50_ms", digits=0)),
    ("ack p99\nms", number("acknowledged_p99_ms", digits=0)),
)

Making = Callable[[], Watcher]


def measured(given: argparse.Namespace, progress: Progress) -> list[Load]:
    """Every watcher under every demand, round after round."""
    loads: list[Load] = []
    with contextlib.ExitStack() as ends:
        with progress.step("Server and broker"):
            site = ends.enter_context(Site(*given.bodies, *given.sizes))
            making, broker = ends.enter_context(_watchers(site, given.watchers))
            ends.enter_context(run_statistics.switched_on())
        demands = list(_demands(given))
        if OURS in making and demands:
            with progress.step("The broker warms up"):
                body, rate = max(demands, key=itemgetter(1))
                watched(site, making[OURS](), Demand(body, rate, _WARM_S), "warm", broker)
        for turn in range(given.rounds):
            for body, rate in demands:
                demand = Demand(body, rate, given.seconds)
                with progress.step(f"Round {turn + 1}: {size(body)} at {rate:,} a second"):
                    for make in making.values():
                        run = f"r{len(loads)}"
                        loads.append(watched(site, make(), demand, run, broker))
    return loads


def _demands(given: argparse.Namespace) -> Iterator[tuple[int, int]]:
    """Body and rate."""
    yield from itertools.product(given.bodies, given.rates)
    yield from itertools.product(given.sizes, given.rates and [min(given.rates)])


@contextlib.contextmanager
def _watchers(site: Site, names: list[str]) -> Iterator[tuple[dict[str, Making], Group]]:
    """How to make each that was asked for, and the broker's processes."""
    kinds: dict[str, Making] = {
        "nobody": Nobody,
        "httpry": Httpry,
        "tcpflow": Tcpflow,
        "tshark": Tshark,
    }
    broker = site.group_of("broker")
    with contextlib.ExitStack() as ends:
        if "shipper" in names:
            kafka = ends.enter_context(Kafka())
            broker.adopt(kafka.node().pid or 0)
            kinds["shipper"] = lambda: Agent(kafka)
        yield {name: kinds[name] for name in names}, broker


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, store."""
    parser = command("bench", __doc__)
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="of each load")
    parser.add_argument("--rates", type=_numbers, default=_RATES, help="exchanges a second")
    parser.add_argument("--bodies", type=_numbers, default=_BODIES, help="bytes")
    parser.add_argument("--sizes", type=_numbers, default=_SIZES, help="more, at the least rate")
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    names = ["nobody", "shipper", "httpry", "tcpflow", "tshark"]
    parser.add_argument("--watchers", nargs="+", choices=names, default=names)
    return carry_out(parser, arguments, _result, tables, _PACKAGES)


def _result(given: argparse.Namespace, progress: Progress) -> Result:
    loads = measured(given, progress)
    found = cells(loads)
    return {"cells": found, "short": shortfalls(found), "loads": plain(loads)}


def tables(result: Result) -> Iterator[Table]:
    """One with the ratios, one with what was measured."""
    yield _table("Beside the agent, load by load", result["cells"], _BESIDE)
    measures = _table("As measured, medians", result["cells"], _MEASURED)
    measures.caption = _NOTE
    yield measures


def _table(title: str, found: list[dict[str, Any]], columns: Sequence[Column]) -> Table:
    made = rows(title, ("body", "rate", "watcher"), columns)
    for _, group in itertools.groupby(found, lambda cell: (cell["body"], cell["rate"])):
        made.add_section()
        for cell in group:
            about = (size(cell["body"]), f"{cell['rate']:,}", str(cell["watcher"]))
            style = "bold" if cell["watcher"] == OURS else None
            made.add_row(*about, *(text(cell) for _, text in columns), style=style)
    return made


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.replace(",", " ").split())


if __name__ == "__main__":
    sys.exit(main())
