"""`make bench-service`: what the observed service notices of the agent.

wrk asks nginx behind a veth, once at a fixed rate and once as fast as it is answered, with nobody
watching, with the agent on the host's sockets (the default hook, records to a real Kafka on the
same cores) and with the agent on the server's interface (records to a file), in turns: every
figure is one of its round, beside that with nobody in the same round; the median of these is told.

A table, and one line of JSON, which is also stored. The exit code is 1 where the default hook costs
the service more than is aimed at, 2 when nothing could be measured.
"""

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator
from typing import Any, Final

from brokers.kafka import Kafka
from e2e.progress import Progress
from rich.console import Console
from rich.table import Table

from shipper.errors import ShipperError

from . import machine, run_statistics
from .figures import median, rounded
from .load import Demand, Group, Outcome, Site
from .load.programs import held_by
from .shown import number
from .storing import store
from .watchers import Agent, Nobody, OnInterface

#: The service keeps at least, and its slowest answers take at most, this share of what they did.
LEAST_THROUGHPUT: Final = 0.95
MOST_P99: Final = 1.05
_BODY: Final = 200
_RATE: Final = 5_000
_DEFAULT: Final = "cgroup"
_WAYS: Final = ("nobody", _DEFAULT, "interface")
_COMPARED: Final = ("throughput", "p99_us", "cpu_us", "full_throughput", "full_p99_us")

#: Figures of one watcher in one round; None: it has no such figure.
Row = dict[str, float | None]
Rounds = list[dict[str, Row]]


def measured(seconds: float, rate: float, rounds: int, progress: Progress) -> Rounds:
    """Each way in each round; every other round the other way round."""
    found: Rounds = []
    with contextlib.ExitStack() as ends:
        with progress.step("Server and broker"):
            site = ends.enter_context(Site(_BODY))
            kafka = ends.enter_context(Kafka())
            ends.enter_context(run_statistics.switched_on())
        for turn in range(rounds):
            with progress.step(f"Round {turn + 1} of {rounds}"):
                watchers = (Nobody(), Agent(kafka, name=_DEFAULT), OnInterface())
                rows = {
                    one.name: _phase(site, one, seconds, rate, f"s{turn}{one.name}")
                    for one in (watchers if turn % 2 else reversed(watchers))
                }
            found.append(rows)
    return found


def _phase(
    site: Site, watcher: Nobody | Agent | OnInterface, seconds: float, rate: float, run: str
) -> Row:
    with _watching(site, watcher, run):
        pid = None if isinstance(watcher, Nobody) else watcher.process.process.pid
        _load(site, f"{run}before", Demand(_BODY, rate, 0.5))
        before = held_by(pid) if pid else run_statistics.Runs(0, 0)
        cpu = site.group.cpu_s()
        fixed = _load(site, f"{run}fixed", Demand(_BODY, rate, seconds))
        cpu = site.group.cpu_s() - cpu
        runs = held_by(pid).since(before) if pid else before
        full = _load(site, f"{run}full", Demand(_BODY, 0, seconds / 2))
    return {
        "throughput": fixed.rate,
        "p50_us": fixed.p50_us,
        "p99_us": fixed.p99_us,
        "failed": fixed.failed + full.failed,
        "cpu_us": cpu / fixed.answered * 1e6,
        "full_throughput": full.rate,
        "full_p99_us": full.p99_us,
        # Of filters on packet sockets the kernel keeps no statistics: their cost is in the CPU's.
        "hook_runs": runs.number / fixed.answered if runs.number else None,
        "hook_ns": runs.time / runs.number if runs.number else None,
        "hook_us": runs.time / fixed.answered / 1000 if runs.number else None,
    }


@contextlib.contextmanager
def _watching(site: Site, watcher: Nobody | Agent | OnInterface, run: str) -> Iterator[None]:
    group = Group(site.host, run)
    try:
        watcher.start(site, group, run)
        yield
        watcher.stop()
    finally:
        watcher.close()
        group.close()


def _load(site: Site, prefix: str, demand: Demand) -> Outcome:
    with site.requests(prefix, demand) as requests:
        requests.wait()
    return requests.finished


def summary(rounds: Rounds) -> dict[str, Row]:
    """Of each way the median of each figure, and of its ratio to that with nobody."""
    told: dict[str, Row] = {}
    for way in _WAYS:
        pairs = [(each[way], each["nobody"]) for each in rounds]
        ratios = {
            f"{name}_ratio": median(_ratio(one[name], bare[name]) for one, bare in pairs)
            for name in _COMPARED
        }
        figures = {name: median(one[name] for one, _ in pairs) for name in pairs[0][0]}
        told[way] = {name: rounded(value) for name, value in (ratios | figures).items()}
    return told


def _ratio(one: float | None, bare: float | None) -> float | None:
    return one / bare if one is not None and bare else None


def shortfalls(told: dict[str, Row]) -> list[str]:
    """In words, what the default hook takes too much of."""
    throughput, p99 = (told[_DEFAULT][f"{name}_ratio"] for name in ("throughput", "p99_us"))
    short = []
    if throughput is None or throughput < LEAST_THROUGHPUT:
        short.append(f"throughput {throughput}, aim {LEAST_THROUGHPUT}")
    if p99 is None or p99 > MOST_P99:
        short.append(f"p99 latency {p99}, aim {MOST_P99}")
    return short


_COLUMNS: Final = {
    "throughput": ("throughput_ratio", 3),
    "p99": ("p99_us_ratio", 3),
    "CPU": ("cpu_us_ratio", 3),
    "at full speed:\nthroughput": ("full_throughput_ratio", 3),
    "p99 ": ("full_p99_us_ratio", 3),
    "requests\na second": ("throughput", 0),
    "p50\nµs": ("p50_us", 0),
    "p99\nµs": ("p99_us", 0),
    "CPU µs\na request": ("cpu_us", 1),
    "full speed\na second": ("full_throughput", 0),
    "program's\nruns": ("hook_runs", 1),
    "ns\na run": ("hook_ns", 0),
    "µs\na request": ("hook_us", 2),
}


def _show(told: dict[str, Row], rate: float, short: list[str]) -> None:
    table = Table(
        title=f"nginx at {rate:,.0f} requests a second: to that with nobody, then as measured"
    )
    table.add_column("watched by", no_wrap=True)
    for name in _COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for way, figures in told.items():
        cells = (number(name, digits=digits)(figures) for name, digits in _COLUMNS.values())
        table.add_row(way, *cells)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 160
    console.print(table)
    for what in short:
        console.print(f"falls short: {what}", markup=False)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, store."""
    parser = argparse.ArgumentParser(prog="bench-service", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each load")
    parser.add_argument("--rate", type=float, default=_RATE, help="requests a second")
    parser.add_argument("--rounds", type=int, default=8)
    given = parser.parse_args(arguments)
    full = given == parser.parse_args([])
    where = machine.described("nginx", "wrk")
    try:
        rounds = measured(given.seconds, given.rate, given.rounds, Progress())
    except (AssertionError, OSError, ShipperError) as error:
        sys.stderr.write(f"\nbench-service: {error}\n")
        return 2
    told = summary(rounds)
    short = shortfalls(told)
    found: dict[str, Any] = {"machine": where, "form": vars(given), "ways": told, "short": short}
    _show(told, given.rate, short)
    sys.stdout.write(f"stored as {store('service', found, full=full)}\n{json.dumps(found)}\n")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
