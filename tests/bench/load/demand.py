"""How much is asked of the server, and what became of that, in the words of wrk."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SCRIPT: Final = Path(__file__).with_name("paced.lua")
#: One thread sends and takes many times the highest rate, and leaves the cores to others.
_THREADS: Final = 1
#: How much longer than planned a load may take that its server does not keep up with.
_PATIENCE: Final = 2.0


@dataclass(frozen=True)
class Demand:
    """Requests for bodies of `body` bytes, `rate` a second (0: as fast as answered)."""

    body: int
    rate: float
    seconds: float
    connections: int = 128
    #: how many at most, where there is no rate
    most: int = 1_000_000

    @property
    def requests(self) -> int:
        """How many in all."""
        return round(self.rate * self.seconds) if self.rate else self.most

    def command(self, url: str, prefix: str) -> list[str]:
        """What makes them, until it is interrupted; it prints an `Outcome` then."""
        patience = self.seconds * (_PATIENCE if self.rate else 1)
        words = (prefix, self.body, self.requests // _THREADS, self.rate / _THREADS, patience)
        wrk = ["wrk", "-t", _THREADS, "-c", self.connections, "-d", 600, "--timeout", 60]
        return [*map(str, wrk), "-s", str(_SCRIPT), url, "--", *map(str, words)]


@dataclass(frozen=True)
class Outcome:
    """What a load came to; latencies as the client saw them, from sending to the whole answer.

    They are corrected for requests that a slow answer kept from being sent (wrk does that).
    """

    sent: int
    answered: int
    #: from the first request to the last
    seconds: float
    failed: int
    p50_us: int
    p99_us: int

    @property
    def rate(self) -> float:
        """Requests a second, as they were really sent."""
        return self.sent / self.seconds

    @classmethod
    def read(cls, output: str) -> "Outcome":
        """From what the command printed; AssertionError with it when there is none."""
        lines = [line for line in output.splitlines() if line.startswith("{")]
        assert lines, f"wrk said nothing of its load: {output.strip()[-300:]}"
        return cls(**json.loads(lines[-1]))
