"""`shipper audit`: is everything that the agents numbered in the topic, and if not, why.

It reads the ledger, the dead letters and the records, and says per host and start of its agent:
complete, or which numbers are missing with the ledger's reason for each; duplicates, hosts that
fell silent, time in which nobody looked, and what was looked at but could not be read (coverage).
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from shipper.audit import reading
from shipper.audit.reading import Reading
from shipper.audit.report import Report, report
from shipper.audit.show import as_json, losses_line, show
from shipper.audit.window import Window
from shipper.config import Config
from shipper.errors import UsageError
from shipper.moments import length, moment, take_ages

_UNEXPLAINED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `shipper audit`."""
    parser.description = (
        "Is everything that the agents numbered in the topic, and if not, why. Exit codes: 0 "
        "complete, or each loss has its counted reason; 1 something is missing without one, or an "
        "equation of the ledger does not hold; 69 Kafka can't be read."
    )
    take_ages(parser)
    parser.add_argument(
        "--from",
        dest="begin",
        metavar="TIME",
        help="judge what was numbered after this: RFC 3339, or -2h (default: everything)",
    )
    parser.add_argument("--to", dest="end", metavar="TIME", help="and before this (default: now)")
    parser.add_argument(
        "--host",
        action="append",
        default=[],
        metavar="NAME",
        help="only this host: its agent's id or its name, as in web-* (repeatable)",
    )
    parser.add_argument(
        "--also-topic",
        action="append",
        default=[],
        metavar="NAME",
        help="records are here too, as before a change of kafka.topic (repeatable)",
    )
    parser.add_argument(
        "--margin",
        default="10m",
        metavar="TIME",
        help="how much before --from is read too: at least two intervals of the ledger (10m)",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="exit code 1 also for counted losses, dead letters, silence and unobserved time",
    )
    parser.add_argument("--json", action="store_true", help="one object, for programs")


def run(arguments: argparse.Namespace, config: Config) -> int:
    """Read, judge and tell; the exit code."""
    now = time.time_ns() // 1_000_000
    window = Window(
        None if arguments.begin is None else moment(arguments.begin, now, "--from"),
        None if arguments.end is None else moment(arguments.end, now, "--to"),
        now,
    )
    if window.begin is not None and window.begin >= window.last:
        raise UsageError("--from lies behind --to", "turn them round")
    margin = length(arguments.margin, "--margin")
    with _progress() as told:
        chosen = tuple(arguments.host), tuple(arguments.also_topic)
        evidence = Reading(config, window, margin, told, *chosen)
        found = report(evidence.all(), window, evidence.malformed)
    if arguments.json:
        print(json.dumps(as_json(found)))
    else:
        show(found, Console(highlight=False, markup=False, emoji=False))
    return _tell(found, strict=arguments.strict)


def _tell(found: Report, *, strict: bool) -> int:
    """The loud line, where there is cause for one, and the exit code."""
    if not found.hosts and not found.unaccounted:
        print("shipper: the ledger holds no account of such a host and time", file=sys.stderr)
    if line := losses_line(found):
        print(f"shipper: {line}", file=sys.stderr)
    failed = found.verdict == "unexplained" or (strict and not found.strictly)
    return _UNEXPLAINED if failed else 0


@contextmanager
def _progress() -> Iterator[reading.Progress]:
    """A bar a topic on a terminal's standard error, else nothing."""
    console = Console(stderr=True)
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    tasks = {}

    def told(topic: str, read: int, total: int) -> None:
        if topic not in tasks:
            tasks[topic] = bars.add_task(topic, total=total)
        bars.update(tasks[topic], completed=read, total=total)

    with bars:
        yield told
