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
import sys
from collections.abc import Iterator
from typing import Final

from brokers.kafka import Kafka
from e2e.progress import Progress
from rich.table import Table

from . import run_statistics
from .carrying_out import Result, carry_out, command
from .figures import median, rounded
from .load import Demand, Group, Outcome, Site
from .load.programs import held_by
from .shown import number, rows
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
        before = held_by(pid) if pid else {}
        cpu = site.group.cpu_s()
        fixed = _load(site, f"{run}fixed", Demand(_BODY, rate, seconds))
        cpu = site.group.cpu_s() - cpu
        after = held_by(pid) if pid else {}
        full = _load(site, f"{run}full", Demand(_BODY, 0, seconds / 2))
    row: Row = {
        "throughput": fixed.rate,
        "p50_us": fixed.p50_us,
        "p99_us": fixed.p99_us,
        "failed": fixed.failed + full.failed,
        "cpu_us": cpu / fixed.answered * 1e6,
        "full_throughput": full.rate,
        "full_p99_us": full.p99_us,
    }
    for kind, told in after.items():
        runs = told.since(before[kind])
        if runs.number:
            row[f"{kind} runs"] = runs.number / fixed.answered
            row[f"{kind} ns"] = runs.time / runs.number
    return row


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
        figures = {name: median(one.get(name) for one, _ in pairs) for name in pairs[0][0]}
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


_NOTE: Final = (
    "Both ends of every connection are on this host, and each socket has its runs. Of filters on "
    "packet sockets the kernel keeps no statistics: what they cost is in the CPU of the service."
)
_COLUMNS: Final = (
    ("throughput", number("throughput_ratio", digits=3)),
    ("p99", number("p99_us_ratio", digits=3)),
    ("CPU", number("cpu_us_ratio", digits=3)),
    ("full speed:\nthroughput", number("full_throughput_ratio", digits=3)),
    ("\np99", number("full_p99_us_ratio", digits=3)),
    ("requests\na second", number("throughput", digits=0)),
    ("p50\nµs", number("p50_us", digits=0)),
    ("p99\nµs", number("p99_us", digits=0)),
    ("CPU µs\na request", number("cpu_us")),
    ("full speed\na second", number("full_throughput", digits=0)),
)
_PROGRAMS: Final = (
    ("runs\na request", number("runs")),
    ("ns\na run", number("ns", digits=0)),
    ("µs\na request", number("us", digits=2)),
)


def tables(result: Result) -> Iterator[Table]:
    """Ratios first, then what they are of."""
    title = "nginx: to that with nobody watching, then as measured"
    made = rows(title, ["watched by"], _COLUMNS)
    for way, figures in result["ways"].items():
        made.add_row(way, *(text(figures) for _, text in _COLUMNS))
    yield made
    made = rows("Kernel programs, at the fixed rate", ("watched by", "program"), _PROGRAMS)
    made.caption = _NOTE
    for way, figures in result["ways"].items():
        for kind in [name.removesuffix(" ns") for name in figures if name.endswith(" ns")]:
            runs, ns = figures[f"{kind} runs"], figures[f"{kind} ns"]
            program = {"runs": runs, "ns": ns, "us": runs * ns / 1000}
            made.add_row(way, kind, *(text(program) for _, text in _PROGRAMS))
    yield made


def _result(given: argparse.Namespace, progress: Progress) -> Result:
    ways = summary(measured(given.seconds, given.rate, given.rounds, progress))
    return {"ways": ways, "short": shortfalls(ways)}


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, store."""
    parser = command("bench-service", __doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each load")
    parser.add_argument("--rate", type=float, default=_RATE, help="requests a second")
    parser.add_argument("--rounds", type=int, default=8)
    return carry_out(parser, arguments, _result, tables, ("nginx", "wrk"))


if __name__ == "__main__":
    sys.exit(main())
