"""What one packet costs in the kernel program, in ns: `make bench-kernel` (root).

Every round measures every case once, one after the other, so that what else happens on the
machine hits all of them; of the rounds the median and the least are told. What a run is, and what
the figures hold besides the program, says `bench.run_statistics`; what is sent, the two modules
that send it.

The last line is one JSON object. The exit code is 1 when a median of the live figures is above
its aim, 2 when a case could not be measured.
"""

import argparse
import json
import os
import statistics
import sys

from rich.console import Console
from rich.table import Table

from bench import run_statistics
from bench.kernel_test_runs import TestRuns
from bench.kernel_traffic import Traffic, own_cgroup
from shipper.errors import ShipperError

#: ns, of the median on real sockets
AIMS = {"not TCP": 200, "TCP, not HTTP": 200, "body segment": 200, "350 B request": 1200}

Rounds = list[dict[str, float]]


def measured(rounds: int, packets: int) -> tuple[Rounds, Rounds]:
    """The figures of each round: on real sockets, and by test-run."""
    live: Rounds = []
    shown: Rounds = []
    with run_statistics.switched_on(), own_cgroup() as cgroup:
        traffic = Traffic(cgroup, packets)
        try:
            test_runs = TestRuns(packets)
            try:
                for _ in range(rounds):
                    live.append(traffic.round())
                    shown.append(test_runs.round())
            finally:
                test_runs.close()
        finally:
            traffic.close()
    return live, shown


def summary(rounds: Rounds) -> dict[str, dict[str, int]]:
    """Median and least of each case, whole ns."""
    return {
        name: {
            "median": round(statistics.median(each[name] for each in rounds)),
            "least": round(min(each[name] for each in rounds)),
        }
        for name in rounds[0]
    }


def table(live: dict[str, dict[str, int]], shown: dict[str, dict[str, int]], rounds: int) -> Table:
    """The figures for a person."""
    made = Table("packet", title=f"ns per packet, {rounds} rounds", title_justify="left")
    for column in ("sockets: median", "least", "test-run: median", "least", "aim: below"):
        made.add_column(column, justify="right")
    for name, figures in live.items():
        other = shown.get(name, {"median": "", "least": ""})
        cells = (*figures.values(), *other.values(), AIMS.get(name, ""))
        made.add_row(name, *map(str, cells))
    return made


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench-kernel", description="ns per packet in the kernel")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--packets", type=int, default=1200, help="of a case in a round, at least")
    given = parser.parse_args(arguments)
    if os.geteuid() != 0:
        print("bench-kernel: this loads the kernel program: run it as root", file=sys.stderr)  # noqa: T201 - for a person
        return 2
    try:
        live, shown = map(summary, measured(max(1, given.rounds), max(60, given.packets)))
    except (OSError, RuntimeError, ShipperError) as error:
        print(f"bench-kernel: a case could not be measured: {error}", file=sys.stderr)  # noqa: T201 - for a person
        return 2
    short = [name for name, aim in AIMS.items() if live[name]["median"] >= aim]
    Console().print(table(live, shown, given.rounds))
    print(json.dumps({"sockets": live, "test_run": shown, "aims": AIMS, "short": short}))  # noqa: T201 - likewise
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
