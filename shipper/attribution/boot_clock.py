"""Moments of the boot-time clock -> texts of the wall clock, the same each time they are told."""

import time
from datetime import UTC, datetime
from typing import Final

_SECOND: Final = 1_000_000_000
#: What /proc tells of the moment a process started, and so what everybody else knows: a tick.
_TICK: Final = 10_000_000
#: Further than this the wall clock is not drawn by NTP: it was set.
_SET: Final = 500_000_000


class BootClock:
    """The wall clock against the boot-time clock, read once and again when it was set.

    A process has one start, whatever the clock's small corrections: it is a part of what the
    process is known by.
    """

    def __init__(self) -> None:
        self._offset = _offset()

    def look(self) -> None:
        """Notice that the wall clock was set."""
        offset = _offset()
        if abs(offset - self._offset) > _SET:
            self._offset = offset

    def text(self, boottime: int) -> str:
        """RFC 3339, UTC with microseconds, down to a tick of the kernel's; `boottime` in ns."""
        ticks = (boottime // _TICK * _TICK + self._offset) // _TICK
        seconds, rest = divmod(ticks * _TICK, _SECOND)
        moment = datetime.fromtimestamp(seconds, UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"


def _offset() -> int:
    return time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
