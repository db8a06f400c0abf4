"""Counters of a process that watches -> lines about what its operator should mend."""

import logging
import time
from collections.abc import Callable
from typing import Final

from shipper import log
from shipper.insight.watch.shard import Counters

#: Between two lines about records that come late (s).
_EVERY_S: Final = 60.0


class Concerns:
    """Says what is new of them whenever it is told to look.

    `set_back` says by how much this host's clock is behind what it was (s).
    """

    def __init__(
        self,
        counters: Counters,
        set_back: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._counters = counters
        self._behind = set_back
        self._clock = clock
        self._late = 0
        self._late_at = -_EVERY_S
        self._crowds: set[str] = set()
        self._set_back = False

    def look(self, logger: logging.Logger) -> None:
        """Say it."""
        self._of_late_ones(logger)
        for rule in sorted(self._counters.crowds - self._crowds):
            self._crowds.add(rule)
            said = f"the rule {rule} has more groups than there is room for, others do not count"
            remedy = "raise groups, or count by something coarser"
            log.say(logger, "crowded", f"{said}: {remedy}", logging.WARNING, rule=rule)
        self._of_the_clock(logger)

    def _of_late_ones(self, logger: logging.Logger) -> None:
        late = self._counters.late - self._late
        if not late or self._clock() - self._late_at < _EVERY_S:
            return
        self._late, self._late_at = self._counters.late, self._clock()
        said = f"{late:,} parts of records came too late to count for a rule"
        remedy = "check the clocks of the hosts, or raise grace"
        log.say(logger, "late", f"{said}: {remedy}", logging.WARNING, late=late)

    def _of_the_clock(self, logger: logging.Logger) -> None:
        behind = self._behind()
        if behind and not self._set_back:
            said = f"this host's clock was set back by {behind:.0f} s: nothing is judged until then"
            log.say(logger, "clock_set_back", said, logging.WARNING, seconds=round(behind))
        self._set_back = behind > 0
