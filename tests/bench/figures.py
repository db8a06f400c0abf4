"""What was measured of single loads in; the figures that are told out. No clock, no process.

A *load* is one demand on the server under the eyes of one watcher. Loads of the same demand and
watcher, one of each round, give a median; ratios are made within a round, so that what else
happened on the machine hits both sides, and then their median is taken.
"""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

#: Who the others are compared with.
OURS: Final = "shipper"
NOBODY: Final = "nobody"


@dataclass(frozen=True)
class Load:
    """One load; a figure that its watcher does not have is None."""

    watcher: str
    body: int
    rate: int  #: requests a second that were wanted
    sent_rate: float  #: and that were sent
    cores: float  #: that its processes took while requests came, on average
    served: int
    told: int | None  #: of these, how many the watcher told of; None: nobody watches
    partial: int  #: of those told, how many not whole
    repeated: int  #: ids that it told more than once
    cpu_s: float  #: of all its processes
    load_cpu_s: float  #: of server and clients
    broker_cpu_s: float
    memory_peak: int | None  #: bytes, from the load's begin; None: it has no process
    memory_end: int | None
    p50_ms: float  #: of the clients' requests
    p99_ms: float
    kernel_s: float | None = None
    start_s: float | None = None
    appended_p50_ms: float | None = None  #: from last packet to the broker's log
    appended_p99_ms: float | None = None
    acknowledged_p50_ms: float | None = None  #: and to the acknowledgement
    acknowledged_p99_ms: float | None = None
    counted_lost: int = 0  #: losses that it has counted itself

    @property
    def lost(self) -> int | None:
        """Requests that were served and that it did not tell of."""
        return None if self.told is None else self.served - self.told

    @property
    def cpu_ms(self) -> float | None:
        """Of its processes, for 1,000 exchanges that it told of."""
        return per_thousand(self.cpu_s, self.told)

    @property
    def kernel_ms(self) -> float | None:
        """Run time of its kernel programs, for 1,000 exchanges that were served."""
        return None if self.kernel_s is None else per_thousand(self.kernel_s, self.served)

    @property
    def load_ms(self) -> float | None:
        """CPU of server and clients for 1,000 requests, with what is done for a watcher in them."""
        return per_thousand(self.load_cpu_s, self.served)

    @property
    def broker_ms(self) -> float | None:
        """CPU of the broker for 1,000 exchanges."""
        return per_thousand(self.broker_cpu_s, self.told)

    @property
    def told_share(self) -> float | None:
        """Of what was served."""
        return None if self.told is None or not self.served else self.told / self.served


#: What of a load is told, each as the median of the rounds.
_TOLD: Final = (
    *("sent_rate", "told_share", "cpu_ms", "kernel_ms", "load_ms", "broker_ms", "cores"),
    *("memory_peak", "memory_end", "p50_ms", "p99_ms", "start_s"),
    *("appended_p50_ms", "appended_p99_ms", "acknowledged_p50_ms", "acknowledged_p99_ms"),
)
#: And what is added up.
_SUMMED: Final = ("served", "told", "partial", "repeated", "lost", "counted_lost")


def per_thousand(seconds: float, count: int | None) -> float | None:
    """Milliseconds for each thousand; None of none."""
    return seconds * 1e6 / count if count else None


def median(values: Iterable[float | None]) -> float | None:
    """Of those that are there; None of none."""
    there = [value for value in values if value is not None]
    return statistics.median(there) if there else None


def quantile(values: Sequence[float], share: float) -> float | None:
    """The least value that so large a share lies at or below (nearest rank); None of none."""
    ordered = sorted(values)
    rank = -int(-share * len(ordered) // 1)
    return ordered[max(rank, 1) - 1] if ordered else None


def from_buckets(buckets: Mapping[float, float], share: float) -> float | None:
    """The same of a histogram, upper bound -> how many at or below: straight lines in between."""
    ordered = sorted(buckets.items())
    if not ordered or not ordered[-1][1]:
        return None
    wanted = ordered[-1][1] * share
    low, below = 0.0, 0.0
    for bound, count in ordered:
        if count >= wanted:
            return (
                low
                if bound == float("inf")
                else low + (bound - low) * ((wanted - below) / (count - below))
            )
        low, below = bound, count
    return None


def cells(loads: Sequence[Load]) -> list[dict[str, Any]]:
    """One for each body, rate and watcher, in the order in which they first came."""
    found: dict[tuple[int, int, str], list[Load]] = {}
    for load in loads:
        found.setdefault((load.body, load.rate, load.watcher), []).append(load)
    told = []
    for (body, rate, watcher), rounds in found.items():
        ours = found.get((body, rate, OURS), [])
        bare = found.get((body, rate, NOBODY), [])
        told.append(
            {
                "body": body,
                "rate": rate,
                "watcher": watcher,
                "cpu_ratio": _ratio(rounds, ours, lambda load: load.cpu_ms),
                "load_ratio": _ratio(rounds, bare, lambda load: load.load_ms),
                **{name: rounded(median(getattr(one, name) for one in rounds)) for name in _TOLD},
                **{name: _sum(getattr(one, name) for one in rounds) for name in _SUMMED},
            }
        )
    return told


def _sum(values: Iterable[int | None]) -> int | None:
    there = [value for value in values if value is not None]
    return sum(there) if there else None


def _ratio(
    these: Sequence[Load], others: Sequence[Load], figure: Callable[[Load], float | None]
) -> float | None:
    pairs = ((figure(one), figure(other)) for one, other in zip(these, others, strict=False))
    return rounded(median(a / b for a, b in pairs if a is not None and b))


def rounded(value: float | None) -> float | None:
    """As many digits as anybody reads."""
    return None if value is None else float(f"{value:.4g}")


def plain(loads: Sequence[Load]) -> list[dict[str, Any]]:
    """Each load as it was measured."""
    return [
        {name: rounded(v) if isinstance(v, float) else v for name, v in asdict(load).items()}
        for load in loads
    ]
