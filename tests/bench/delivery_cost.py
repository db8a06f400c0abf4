"""`make bench-delivery`: CPU time of a record through spool and producer, and producer alone.

Both ways run in turns in one process, against the broker in this process, whose own time and that
of all threads is in every figure; what the spool adds is the difference. The rate is that of one
core: the process is held to it.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from shipper.contract.record import EncodedRecord
from shipper.delivery import Backpressure, KafkaSink, MockBroker, Sink, SpooledSink, SpoolSettings

from .accounts_cost import account_us

_TOPIC: Final = "http.header.v1"
_COUNT: Final = 60_000
_ROUNDS: Final = 5
_SIZE: Final = 1024  # bytes of a record
_TURN: Final = 500  # records between two turns of the agent's loop
#: Records under way at most, either way, as where a broker keeps up. Beyond what the spool keeps at
#: hand (4 MB) they would go through its files: that is what an outage costs.
_UNDER_WAY: Final = 2_000
_RATE: Final = 5_000  # records a second at which the accounts' share is given
_AIM_US: Final = 5.0
_AIM_RATE: Final = 100_000

Making = Callable[[Path], Sink]


def records() -> list[EncodedRecord]:
    """Distinct records of one worker, incompressible for the most part."""
    headers = (("content-type", b"application/json"), ("schema-name", b"http.header.v1"))
    begin = "5d1c7a3e-6f1f-4c39-9d2b-0d7f0f0a1b2c-0-"
    return [
        EncodedRecord(
            _TOPIC,
            f"{begin}{number}".encode(),
            b'{"x":"' + os.urandom((_SIZE - 8) // 2).hex().encode() + b'"}',
            1_764_000_000_000 + number,
            headers,
            b"flow-%d" % (number % 100),
            number,
        )
        for number in range(_COUNT)
    ]


def through(sink: Sink, given: list[EncodedRecord]) -> tuple[float, float]:
    """µs of CPU and µs of wall time a record until all are acknowledged."""
    cpu, wall = time.process_time(), time.perf_counter()
    for number, record in enumerate(given, 1):
        while True:
            try:
                sink.submit(record)
            except Backpressure:
                sink.poll(0.005)
            else:
                break
        if not number % _TURN:
            sink.poll(0)
            while sink.in_flight > _UNDER_WAY:
                sink.poll(0.001)
    left = sink.flush(120)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    if left or sink.counters.acknowledged != len(given):
        raise SystemExit(f"bench-delivery: {left} records were not acknowledged")
    return cpu / len(given) * 1e6, wall / len(given) * 1e6


@contextmanager
def _ways(broker: MockBroker) -> Iterator[dict[str, Callable[[], Sink]]]:
    def producer() -> KafkaSink:
        return KafkaSink({"bootstrap.servers": broker.bootstrap}, log=lambda _level, _line: None)

    with tempfile.TemporaryDirectory(prefix="shipper-bench-") as folder:

        def spooled() -> SpooledSink:
            name = f"{time.monotonic_ns()}-0"
            settings = SpoolSettings(Path(folder), name)
            sink = SpooledSink(producer(), settings, log=lambda _level, _line: None)
            sink.accounted = True
            return sink

        yield {"producer alone": producer, "spool and producer": spooled}


def measure() -> dict[str, list[tuple[float, float]]]:
    """Each way in turns."""
    given = records()
    found: dict[str, list[tuple[float, float]]] = {}
    with MockBroker() as broker, _ways(broker) as ways:
        broker.create_topic(_TOPIC)
        for _ in range(_ROUNDS):
            for name, make in ways.items():
                sink = make()
                found.setdefault(name, []).append(through(sink, given))
                sink.close()
    return found


def main() -> int:
    """Print the table and the line; 1 when the spool costs more than is aimed at."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    found = measure()
    cpu = {name: statistics.median(each[0] for each in runs) for name, runs in found.items()}
    wall = {name: statistics.median(each[1] for each in runs) for name, runs in found.items()}
    pairs = zip(found["producer alone"], found["spool and producer"], strict=True)
    added = statistics.median(spool[0] - alone[0] for alone, spool in pairs)
    accounts = account_us() / _RATE
    table = Table(title=f"A record of {_SIZE} bytes to its acknowledgement, on one core")
    table.add_column("way")
    table.add_column("µs of CPU", justify="right")
    table.add_column("records a second", justify="right")
    for name in found:
        table.add_row(name, f"{cpu[name]:.1f}", f"{1e6 / wall[name]:,.0f}")
    table.add_row("the spool's part", f"{added:.1f}", "")
    table.add_row(f"the accounts' part at {_RATE:,} a second", f"{accounts:.2f}", "")
    console = Console()
    console.print(table)
    line = {
        "producer_us": round(cpu["producer alone"], 2),
        "spooled_us": round(cpu["spool and producer"], 2),
        "spool_us": round(added, 2),
        "accounts_us": round(accounts, 3),
        "records_per_second": round(1e6 / wall["spool and producer"]),
        "aim_us": _AIM_US,
        "aim_records_per_second": _AIM_RATE,
    }
    print(json.dumps(line))  # noqa: T201 - the line for a program
    return 0 if added + accounts <= _AIM_US else 1


if __name__ == "__main__":
    sys.exit(main())
