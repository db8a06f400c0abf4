"""`make bench-workers`: what a second worker adds, how flows spread, and the order in a connection.

On a machine whose cores server, clients and broker share with the workers, a load as large as two
workers manage leaves them no cores. So the workers are held (SIGSTOP) while nginx answers as fast
as it can and the rings fill, and let go once it is over: then they have the machine to themselves,
but for the broker, where there is one. Told are exchanges a second until the last is written or
acknowledged, and exchanges for each second of the workers' CPU, which no neighbour changes: two
workers that cost each exchange as much as one does take twice as many, where each has a core.

A table, and one line of JSON, which is also stored. The exit code is 1 where a second worker adds
less than is aimed at, flows are spread unevenly, or order in a connection is not kept; 2 when
nothing could be measured.
"""

import argparse
import contextlib
import os
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from brokers.kafka import Kafka
from confluent_kafka import Consumer, TopicPartition
from e2e.progress import Progress
from rich.table import Table

from .carrying_out import Result, carry_out, command
from .figures import median, rounded
from .load import Demand, Group, Site
from .shown import number, ratio, rows, share
from .watchers import Agent

#: What two workers do, as a multiple of what one does; records to a file, so that nothing but
#: the workers wants the two cores.
AIM: Final = 1.7
#: The least share of the exchanges that either of two workers gets, of many connections.
LEAST_SHARE: Final = 0.4
_BODY: Final = 200
_CONNECTIONS: Final = 512
#: Where records go, and number of workers.
Way = tuple[str, int]
_WAYS: Final[tuple[Way, ...]] = (("file", 1), ("file", 2), ("kafka", 1), ("kafka", 2))
_PATIENCE_S: Final = 120.0
#: Seconds between two looks at how far they are.
_LOOK_S: Final = 0.02

_SETTINGS: Final[dict[str, object]] = {
    # Room for all that gathers while the workers are held.
    "capture.ring_bytes": "128MiB",
    "kafka.partition_by": "connection",
}

Row = dict[str, float | None]


class Lines:
    """How many lines a file has."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._lines = 0

    def count(self) -> int:
        """Now."""
        self._lines += self._file.read().count(b"\n")
        return self._lines


class Topic:
    """How many messages a topic of three partitions has."""

    def __init__(self, kafka: Kafka, name: str) -> None:
        self._consumer = Consumer({**kafka.inside, "group.id": "bench", "log_level": 0})
        self._partitions = [TopicPartition(name, number) for number in range(3)]

    def count(self) -> int:
        """Now, as the broker tells it."""
        ends = (self._consumer.get_watermark_offsets(one, 10) for one in self._partitions)
        return sum(end for _, end in ends)


def measured(exchanges: int, rounds: int, progress: Progress) -> list[dict[Way, Row]]:
    """Each output and number of workers in each round."""
    found: list[dict[Way, Row]] = []
    with contextlib.ExitStack() as ends:
        with progress.step("Server and broker"):
            site = ends.enter_context(Site(_BODY))
            kafka = ends.enter_context(Kafka())
        for turn in range(rounds):
            with progress.step(f"Round {turn + 1} of {rounds}"):
                rows = {way: _backlog(site, kafka, way, exchanges, turn) for way in _WAYS}
            found.append(rows)
    return found


def _backlog(site: Site, kafka: Kafka, way: Way, count: int, turn: int) -> Row:
    """How fast what has gathered is worked off."""
    output, workers = way
    run = f"w{turn}{output}{workers}"
    path = site.folder / f"{run}.jsonl"
    settings = {**_SETTINGS, "capture.workers": workers}
    agent = Agent(kafka, settings | ({} if output == "kafka" else {"output": f"file:{path}"}))
    group = Group(site.host, run)
    try:
        agent.start(site, group, run)
        progress = Topic(kafka, agent.topic) if output == "kafka" else Lines(path)
        _ask(site, f"{run}before", count // 10)
        group.until_quiet(10)
        with _held(agent.process.process.pid):
            _ask(site, run, count)
            before, cpu = progress.count(), group.cpu_s()
        begin = time.monotonic()
        _until(lambda: progress.count() >= before + count)
        wall, cpu = time.monotonic() - begin, group.cpu_s() - cpu
        agent.process.stop()
        order = _order(agent, run) if output == "kafka" else {}
    finally:
        agent.close()
        group.close()
        path.unlink(missing_ok=True)
    return {"rate": count / wall, "cpu_rate": count / cpu, "cores": cpu / wall, **order}


@contextlib.contextmanager
def _held(pid: int) -> Iterator[None]:
    """The workers of an agent do nothing meanwhile."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for child in children:
        os.kill(int(child), signal.SIGSTOP)
    try:
        yield
    finally:
        for child in children:
            os.kill(int(child), signal.SIGCONT)


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not holds():
        assert time.monotonic() < end, "the workers have not worked off what had gathered"
        time.sleep(_LOOK_S)


def _ask(site: Site, run: str, count: int) -> None:
    demand = Demand(_BODY, 0, _PATIENCE_S, connections=_CONNECTIONS, most=count)
    with site.requests(run, demand) as requests:
        answered = requests.wait()
    assert answered == count, f"nginx answered {answered} of {count}"


def _order(agent: Agent, run: str) -> Row:
    """How evenly the workers share, and what of order is not kept."""
    shares: Counter[str] = Counter()
    connections: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for name, _, record in agent.records():
        if name.startswith(f"{run}-"):
            worker = record["event"]["id"].split("-")[-2]
            shares[worker] += 1
            connections[record["source"]["port"]].append((worker, int(name.rpartition("-")[2])))
    disordered = sum(told != sorted(told) for told in connections.values())
    return {
        "least_share": min(shares.values()) / shares.total(),
        "most_share": max(shares.values()) / shares.total(),
        "connections": len(connections),
        "disordered": disordered,
        "shared_connections": sum(len({w for w, _ in told}) > 1 for told in connections.values()),
    }


def summary(rounds: list[dict[Way, Row]]) -> dict[str, dict[str, Row]]:
    """Output -> number of workers -> medians; ratios to one worker of the same round."""
    told: dict[str, dict[str, Row]] = {}
    for output, workers in rounds[0]:
        pairs = [(each[output, workers], each[output, 1]) for each in rounds]
        row = {name: median(one[name] for one, _ in pairs) for name in pairs[0][0]}
        row["rate_ratio"] = median(_ratio(one["rate"], alone["rate"]) for one, alone in pairs)
        costs = (_ratio(one["cpu_rate"], alone["cpu_rate"]) for one, alone in pairs)
        row["own_cores_ratio"] = median(cost * workers for cost in costs if cost)
        told.setdefault(output, {})[str(workers)] = {k: rounded(v) for k, v in row.items()}
    return told


def _ratio(one: float | None, alone: float | None) -> float | None:
    return one / alone if one is not None and alone else None


def shortfalls(told: dict[str, dict[str, Row]]) -> list[str]:
    """In words, what two workers miss."""
    two, shipped = told["file"]["2"], told["kafka"]["2"]
    short = []
    if (two["rate_ratio"] or 0) < AIM:
        short.append(f"two workers do {two['rate_ratio']} times what one does, aim {AIM}")
    if (shipped["least_share"] or 0) < LEAST_SHARE:
        short.append(f"one of two workers has {shipped['least_share']} of the exchanges")
    short += [
        f"{what}: {shipped[what]:.0f} of {shipped['connections']:.0f} connections"
        for what in ("disordered", "shared_connections")
        if shipped[what]
    ]
    return short


_COLUMNS: Final = (
    ("to one\nworker", ratio("rate_ratio")),
    ("each on\nits own core", ratio("own_cores_ratio")),
    ("exchanges\na second", number("rate", digits=0)),
    ("a CPU\nsecond", number("cpu_rate", digits=0)),
    ("cores", number("cores", digits=2)),
    ("least\nshare", share("least_share")),
    ("connections", number("connections", digits=0)),
    ("out of\norder", number("disordered", digits=0)),
    ("of several\nworkers", number("shared_connections", digits=0)),
)


def tables(result: Result) -> Iterator[Table]:
    """Ratios first, then what they are of."""
    made = rows("What had gathered in the rings, worked off", ("records to", "workers"), _COLUMNS)
    for output, by_workers in result["to"].items():
        for workers, row in by_workers.items():
            made.add_row(output, workers, *(text(row) for _, text in _COLUMNS))
    yield made


def _result(given: argparse.Namespace, progress: Progress) -> Result:
    told = summary(measured(given.exchanges, given.rounds, progress))
    return {"to": told, "short": shortfalls(told)}


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, store."""
    parser = command("bench-workers", __doc__)
    parser.add_argument("--exchanges", type=int, default=60_000, help="that gather")
    parser.add_argument("--rounds", type=int, default=5)
    return carry_out(parser, arguments, _result, tables, ("nginx", "wrk"))


if __name__ == "__main__":
    sys.exit(main())
