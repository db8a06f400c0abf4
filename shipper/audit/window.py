"""What time is judged."""

from dataclasses import dataclass


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
