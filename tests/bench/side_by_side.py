"""`make bench`: what an exchange costs the agent, and those that Debian has for the same traffic.

nginx behind a veth answers requests at a fixed rate; each watcher in turn is started, sees one
load, and is stopped, and so through all demands and rounds, so that what else happens on the
machine hits all of them. Which requests each has told of is held against nginx's log, by id.

Two tables and one line of JSON, which is also stored. The exit code is 1 where the agent falls
short of its aims, 2 when nothing could be measured.
"""

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

from brokers.kafka import Kafka
from e2e.progress import Progress

from shipper.errors import ShipperError

from . import machine, run_statistics
from .aims import shortfalls
from .figures import Load, cells, plain
from .load import Demand, Group, Site
from .shown import show
from .storing import store
from .watched import watched
from .watchers import Agent, Httpry, Nobody, Tcpflow, Tshark, Watcher

_BODIES: Final = (200, 100_000)
_RATES: Final = (2_000, 5_000, 10_000)
_SECONDS: Final = 4.0
_ROUNDS: Final = 2
_PACKAGES: Final = ("nginx", "wrk", "httpry", "tcpflow", "tshark")
_NOTE: Final = """\
CPU ms: of all its processes, user and system. kernel: run time of its kernel program, which is in
the load's too. load: nginx and wrk, with what the kernel does for a watcher while it handles their
packets. ack: last packet of an exchange to Kafka's acknowledgement of its record."""
Making = Callable[[], Watcher]


def measured(given: argparse.Namespace, progress: Progress) -> list[Load]:
    """Every watcher under every demand, round after round."""
    loads: list[Load] = []
    with contextlib.ExitStack() as ends:
        with progress.step("Server and broker"):
            site = ends.enter_context(Site(*given.bodies))
            making, broker = ends.enter_context(_watchers(site, given.watchers))
            ends.enter_context(run_statistics.switched_on())
        for turn in range(given.rounds):
            for body in given.bodies:
                for rate in given.rates:
                    demand = Demand(body, rate, given.seconds)
                    with progress.step(f"Round {turn + 1}: {body:,} B at {rate:,} a second"):
                        for make in making.values():
                            run = f"r{len(loads)}"
                            loads.append(watched(site, make(), demand, run, broker))
    return loads


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


def result(given: argparse.Namespace, where: dict[str, Any], loads: list[Load]) -> dict[str, Any]:
    """What is stored, and printed for a program."""
    found = cells(loads)
    return {
        "machine": where,
        "form": {"seconds": given.seconds, "rounds": given.rounds},
        "cells": found,
        "short": shortfalls(found),
        "loads": plain(loads),
    }


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, store."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="of each load")
    parser.add_argument("--rates", type=_numbers, default=list(_RATES), help="exchanges a second")
    parser.add_argument("--bodies", type=_numbers, default=list(_BODIES), help="bytes")
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    names = ["nobody", "shipper", "httpry", "tcpflow", "tshark"]
    parser.add_argument("--watchers", nargs="+", choices=names, default=names)
    given = parser.parse_args(arguments)
    full = given == parser.parse_args([])
    where = machine.described(*_PACKAGES)
    try:
        loads = measured(given, Progress())
    except (AssertionError, OSError, ShipperError) as error:
        sys.stderr.write(f"\nbench: {error}\n")
        return 2
    found = result(given, where, loads)
    show(found["cells"], [_NOTE], found["short"])
    sys.stdout.write(f"stored as {store('agent', found, full=full)}\n{json.dumps(found)}\n")
    return 1 if found["short"] else 0


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.replace(",", " ").split()]


if __name__ == "__main__":
    sys.exit(main())
