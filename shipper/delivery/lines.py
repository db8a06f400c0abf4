"""One line a fault, not a line a record."""

import time
from collections.abc import Callable

from shipper.delivery.sink import Log


class Lines:
    """Passes on the first line about a matter; the next one only after `every_s` seconds.

    What was held back in between is counted and said with the next line.
    """

    def __init__(
        self, log: Log, every_s: float = 30.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._log = log
        self._every_s = every_s
        self._clock = clock
        self._said: dict[str, float] = {}
        self._held: dict[str, int] = {}

    def say(self, level: int, matter: str, line: str) -> None:
        """Log `line` unless a line about the same `matter` was logged lately."""
        now = self._clock()
        last = self._said.get(matter)
        if last is not None and now - last < self._every_s:
            self._held[matter] = self._held.get(matter, 0) + 1
            return
        self._said[matter] = now
        held = self._held.pop(matter, 0)
        self._log(level, f"{line} ({held} more like this since)" if held else line)

    def forget(self, matter: str) -> None:
        """The matter is over: the next line about it is news again."""
        self._said.pop(matter, None)
        self._held.pop(matter, None)
