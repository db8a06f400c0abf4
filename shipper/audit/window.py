"""What time is judged."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from shipper.errors import UsageError

_UNITS_MS: Final = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


@dataclass(slots=True)
class Window:
    """From `begin` to `end` (ms since the epoch); None is everything on that side.

    `floor` is the time before which records were deleted for their age, learnt while reading;
    `now` is the present.
    """

    begin: int | None
    end: int | None
    now: int
    floor: int | None = None

    @property
    def first(self) -> int | None:
        """From when on numbers are judged."""
        known = [time for time in (self.begin, self.floor) if time is not None]
        return max(known, default=None)

    @property
    def last(self) -> int:
        """Until when silence is looked for."""
        return self.now if self.end is None else min(self.end, self.now)

    def holds(self, time: int) -> bool:
        """Whether a moment lies in it."""
        return (self.begin is None or time >= self.begin) and (self.end is None or time <= self.end)


def moment(text: str, now: int, option: str) -> int:
    """RFC 3339, or so long ago as in -2h -> ms since the epoch. Raises UsageError."""
    ago = re.fullmatch(r"-(\d+)([smhd])", text)
    if ago is not None:
        return now - int(ago[1]) * _UNITS_MS[ago[2]]
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text}: no time", "as in 2026-01-31T12:00:00Z or -2h") from None
    aware = found if found.tzinfo else found.astimezone()
    return round(aware.timestamp() * 1000)


def length(text: str, option: str) -> int:
    """A length of time as in 10m -> ms. Raises UsageError."""
    found = re.fullmatch(r"(\d+)([smhd])", text)
    if found is None:
        raise UsageError(f"{option} {text}: no length of time", "as in 10m")
    return int(found[1]) * _UNITS_MS[found[2]]


def text(milliseconds: int) -> str:
    """RFC 3339, UTC, as precise as it is."""
    moment_ = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment_.isoformat(timespec="milliseconds").replace("+00:00", "Z")
