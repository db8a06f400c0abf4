"""How the agent stands at this moment: the agent writes it, who asks over HTTP reads it."""

import os
import platform
import time
from dataclasses import dataclass
from typing import NamedTuple

from shipper import __version__
from shipper.capture import Kernel, Ring
from shipper.metrics.report import Report


class Told(NamedTuple):
    """What a worker said last, and when (s, the clock that does not jump)."""

    report: Report
    at: float


@dataclass(slots=True)
class Reloads:
    """What became of the reloads so far; `said` is the line about the last."""

    applied: int = 0
    refused: int = 0
    said: str = ""
    loaded_at: float = 0.0  #: when the configuration in force was loaded (s since the epoch)


class Vitals:
    """Written by one thread, each part in one step; the readers change nothing."""

    def __init__(self, kernel: Kernel, *, workers: int, to_kafka: bool) -> None:
        self.kernel = kernel
        self.workers = workers
        self.to_kafka = to_kafka
        self.rings: list[Ring] = [kernel.ring(number) for number in range(workers)]
        self.told: dict[int, Told] = {}
        self.attached = True
        self.flows: int | None = None  #: in the kernel's table, where that can be known
        self.beat = time.monotonic()  #: when the agent's loop came round last
        self.reloads = Reloads(loaded_at=time.time())
        self.pid = os.getpid()
        self.build = {
            "version": __version__,
            "python": platform.python_version(),
            "hook": kernel.settings.hook,
        }

    def take(self, worker: int, report: Report) -> None:
        """A worker has told how it stands."""
        self.told = {**self.told, worker: Told(report, time.monotonic())}

    def close(self) -> None:
        """Let go of the rings."""
        for ring in self.rings:
            ring.close()
        self.rings = []
