"""Samples -> counts and quantiles, which can be added up.

Quantiles come from DDSketch (Masson, Rim, Lee: "DDSketch: A Fast and Fully-Mergeable Quantile
Sketch with Relative-Error Guarantees", VLDB 2019): each is within ACCURACY of a duration that was
really seen at that rank. It is the relative error that matters of latencies, and merging
sketches loses nothing, so that windows are sums of their slices. Bounded by the durations that
a sample may have, a sketch has at most 1,300 bins.
"""

from collections.abc import Sequence
from statistics import median
from typing import Final, NamedTuple, Self

from ddsketch import DDSketch

from shipper.insight.top.sample import Sample

#: Relative error of a quantile.
ACCURACY: Final = 0.01
QUANTILES: Final = (0.5, 0.95, 0.99)
#: Fewer durations say nothing about what is usual.
_ENOUGH: Final = 20


class Figures(NamedTuple):
    """What a line shows; `by_class` counts no status, 1xx, 2xx, … 5xx; quantiles in seconds.

    `slower` is the 95th percentile as a multiple of what is usual; None where that is not known.
    """

    name: str
    requests: int
    per_second: float
    errors: int
    error_share: float
    p50: float | None
    p95: float | None
    p99: float | None
    by_class: tuple[int, ...]
    slower: float | None = None


class Tally:
    """What was counted under one name."""

    __slots__ = ("by_class", "errors", "requests", "sketch")

    def __init__(self) -> None:
        self.requests = 0
        self.errors = 0
        self.by_class = [0] * 6
        self.sketch: DDSketch | None = None  # most slices of most names have none

    def add(self, sample: Sample) -> None:
        """Count one sample, as many times as it stands for exchanges."""
        self.requests += sample.weight
        self.errors += sample.failed * sample.weight
        self.by_class[sample.status_class] += sample.weight
        if sample.seconds is not None:
            if self.sketch is None:
                self.sketch = DDSketch(ACCURACY)
            self.sketch.add(sample.seconds, sample.weight)

    def merge(self, other: Self) -> None:
        """Count all that `other` has counted; it stays as it is."""
        self.requests += other.requests
        self.errors += other.errors
        self.by_class = [a + b for a, b in zip(self.by_class, other.by_class, strict=True)]
        if other.sketch is not None:
            if self.sketch is None:
                self.sketch = DDSketch(ACCURACY)
            self.sketch.merge(other.sketch)

    def figures(self, name: str, span_s: float, before: Sequence["Tally"] = ()) -> Figures:
        """What `name` amounts to when this is what came in `span_s` seconds.

        What came `before` them, piece by piece, says what is usual.
        """
        p50, p95, p99 = (
            self.sketch.get_quantile_value(q) if self.sketch else None for q in QUANTILES
        )
        return Figures(
            name,
            self.requests,
            self.requests / span_s if span_s > 0 else 0.0,
            self.errors,
            self.errors / self.requests if self.requests else 0.0,
            p50,
            p95,
            p99,
            tuple(self.by_class),
            self._slower(before),
        )

    def _slower(self, before: Sequence["Tally"]) -> float | None:
        """Usual is the median of the pieces: a trouble that has begun among them is not."""
        now = self._telling()
        usual = [found for each in before if (found := each._telling())]  # noqa: SLF001 - our own
        return now / median(usual) if now is not None and usual else None

    def _telling(self) -> float | None:
        """The 95th percentile of enough durations."""
        if self.sketch is None or self.sketch.count < _ENOUGH:
            return None
        return self.sketch.get_quantile_value(QUANTILES[1])
