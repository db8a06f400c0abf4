"""`python -m soak`: the agent under steady load, a real Kafka, and the agent's own numbers.

A table a person reads and one line of JSON. Exit code 0 if, after a warm-up, memory of agent and
worker grew by less than 5 %, every scrape added up, every request is one record, and the audit
finds the accounts complete.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Final

from brokers.kafka import Kafka
from metrics.running import Running, Samples, total
from rich.console import Console
from rich.table import Table

TOPICS: Final = ("http.header.v1", "http.header.ledger.v1", "http.header.dead.v1")
_AUDIT: Final = (sys.executable, "-m", "shipper", "audit", "--strict", "--json")
MOST_GROWTH: Final = 0.05
#: Seconds between two scrapes, and threads that ask.
_EVERY: Final = 2.0
_THREADS: Final = 4


@dataclass
class Course:
    """What was seen, scrape by scrape."""

    at: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    records: list[float] = field(default_factory=list)
    imbalances: int = 0
    full: float = 0.0

    def take(self, at: float, samples: Samples) -> None:
        """One scrape."""
        self.at.append(at)
        worker = total(samples, "shipper_worker_resident_memory_bytes")
        self.memory.append(worker + total(samples, "process_resident_memory_bytes"))
        worker = total(samples, "shipper_worker_cpu_seconds_total")
        self.cpu.append(worker + total(samples, "process_cpu_seconds_total"))
        self.records.append(total(samples, "shipper_stage_sent_total", stage="records"))
        self.imbalances += off(samples)
        used = total(samples, "shipper_ring_used_bytes") / total(samples, "shipper_ring_size_bytes")
        self.full = max(self.full, used)

    def growth(self) -> float:
        """From behind the warm-up, a fifth of the time, to the end: a tenth of the time each."""
        tenth = max(len(self.memory) // 10, 1)
        first = fmean(self.memory[2 * tenth : 3 * tenth])
        return fmean(self.memory[-tenth:]) / first - 1


def off(samples: Samples) -> int:
    """How many stages do not add up."""
    received = "shipper_stage_received_total"
    stages = {dict(labels)["stage"] for name, labels in samples if name == received}
    left = (
        total(samples, received, stage=stage)
        - total(samples, "shipper_stage_sent_total", stage=stage)
        - total(samples, "shipper_stage_held", stage=stage)
        - total(samples, "shipper_stage_discarded_total", stage=stage)
        for stage in stages
    )
    return sum(1 for by in left if by)


def soak(seconds: float, rate: float) -> dict[str, object]:
    """Load for so long; what came of it."""
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="shipper-soak-")))
        folder.chmod(0o755)
        kafka = held.enter_context(Kafka())
        for topic in TOPICS:
            kafka.create_topic(topic, partitions=3)
        bootstrap = str(kafka.client["bootstrap.servers"])
        world = Running(folder, bootstrap)
        held.callback(world.close)
        world.start({"ledger.interval": 10})
        course = _loaded(world, seconds, rate)
        sent = len(world.traffic.sent)
        world.counted(sent)
        numbered = int(total(world.asked.samples(), "shipper_stage_sent_total", stage="records"))
        code = world.agent.stop()
        audit = subprocess.run(
            [*_AUDIT, f"--bootstrap-servers={bootstrap}"],
            capture_output=True,
            text=True,
            check=False,
        )
    _show(course)
    passed = course.at[-1] - course.at[0]
    return {
        "seconds": round(seconds),
        "sent": sent,
        "records": numbered,
        "rate": round(sent / seconds),
        "memory_mb": round(course.memory[-1] / 1e6, 1),
        "growth": round(course.growth(), 4),
        "cpu": round((course.cpu[-1] - course.cpu[0]) / passed, 3),
        "ring": round(course.full, 3),
        "imbalances": course.imbalances,
        "audit": json.loads(audit.stdout)["verdict"] if audit.stdout else audit.stderr.strip(),
        "exit_code": code,
    }


def _loaded(world: Running, seconds: float, rate: float) -> Course:
    course = Course()
    with ExitStack() as flowing:
        for _ in range(_THREADS):
            flowing.enter_context(world.traffic.flowing(rate / _THREADS))
        begin = time.monotonic()
        while (now := time.monotonic() - begin) < seconds:
            course.take(now, world.asked.samples())
            time.sleep(_EVERY)
    return course


def _show(course: Course) -> None:
    table = Table(title="The agent under load")
    for name in ("second", "records", "MB, agent and worker", "CPU"):
        table.add_column(name, justify="right")
    step = max(len(course.at) // 10, 1)
    for there in range(step, len(course.at), step):
        here = there - step
        used = (course.cpu[there] - course.cpu[here]) / (course.at[there] - course.at[here])
        table.add_row(
            f"{course.at[there]:.0f}",
            f"{course.records[there]:.0f}",
            f"{course.memory[there] / 1e6:.1f}",
            f"{used:.2f}",
        )
    Console().print(table)


def main() -> int:
    """Run it and judge."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--rate", type=float, default=2000.0, help="exchanges a second")
    given = parser.parse_args()
    found = soak(given.seconds, given.rate)
    print(json.dumps(found))  # noqa: T201 - the line for a program
    well = (
        found["sent"] == found["records"]
        and float(str(found["growth"])) < MOST_GROWTH
        and (found["imbalances"], found["audit"], found["exit_code"]) == (0, "complete", 0)
        and float(str(found["rate"])) > given.rate * 0.9
    )
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
