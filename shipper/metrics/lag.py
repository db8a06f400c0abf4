"""How long records take from the last packet of their exchange to their acknowledgement.

A sample is taken of a batch of events, not of every record: what is measured costs the same on a
busy host as on a quiet one. It is one of the middle: the first of a batch have waited longest.
"""

import time
from bisect import bisect_left
from collections.abc import Callable
from typing import Final

from shipper.contract.exchange import Exchange

#: Upper bounds in seconds. Beyond what a network takes lie outages, of up to days.
BOUNDS: Final = (
    *(0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.075, 0.1),
    *(0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
    *(300.0, 1800.0, 7200.0, 86400.0),
)
_NANOSECOND: Final = 1e-9


def boot_time() -> int:
    """The clock of live events (ns)."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Lag:
    """A histogram: `counts[i]` values lie at or below `BOUNDS[i]`, the last above all of them."""

    def __init__(self, clock: Callable[[], int] = boot_time) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.sum = 0.0
        self._clock = clock

    def timer(self, exchange: Exchange) -> Callable[[str | None], None] | None:
        """What to call when the record is settled; None for an exchange that is not whole.

        Of those the end was waited for: that says nothing about delivery.
        """
        response = exchange.response
        if response is None or exchange.incomplete:
            return None
        last = response.end or response.start

        def settled(reason: str | None) -> None:
            if reason is None:
                self.observe((self._clock() - last) * _NANOSECOND)

        return settled

    def observe(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.sum += seconds
