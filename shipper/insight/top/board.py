"""Samples -> what was counted in the last seconds or minutes, in bounded memory.

A window is a ring of SLICES slices and moves on by one of them, so that nothing has to be taken
out of a count again. A sample goes by its own time, not by when it was read: what a topic holds
up after a fault is not shown as if it happened now. What came in the longest window before the one
that is shown is what is usual.

Of each dimension LIMIT names are kept in windows, TOTAL_LIMIT in a total. Twice as many may come;
then those with the fewest requests in the longest window are folded into OTHER, in every slice,
so that sums stay right.
"""

import math
from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

from shipper.insight.top.sample import Dimension, Sample
from shipper.insight.top.tally import Figures, Tally

SLICES: Final = 10
LIMIT: Final = 50
TOTAL_LIMIT: Final = 500
OTHER: Final = "(others)"
#: Lengths of the windows in seconds.
WINDOWS: Final = (10, 60, 300, 900)
#: For how many seconds requests are counted second by second.
HISTORY_S: Final = 120
#: A record is on its way for a moment: the windows end that long ago, in seconds.
SETTLE_S: Final = 1

#: Of so many seconds samples may come in any order before they are handed to the rings.
_FRESH_SECONDS: Final = 16

_Slice = tuple[dict[str, Tally], ...]  # one for each dimension


class View(NamedTuple):
    """A dimension in a window: the sum, and a line for each name."""

    span_s: float
    total: Figures
    lines: list[Figures]


class _Ring:
    """The slices of one window."""

    def __init__(self, width_s: float) -> None:
        self.width_s = width_s
        self.slices: dict[int, _Slice] = {}

    def at(self, end: float) -> _Slice:
        """The slice that a moment belongs to; a new one takes the place of what is too old."""
        number = int(end // self.width_s)
        if number not in self.slices:
            oldest = max(self.slices, default=number) - SLICES - 1
            for passed in [each for each in self.slices if each < oldest]:
                del self.slices[passed]
            self.slices[number] = _empty()
        return self.slices[number]

    def window(self, until: float) -> tuple[float, list[_Slice]]:
        """The window that ends at `until`: when it begins, and its slices."""
        # One that ends inside a slice has it for its last; at a slice's edge, the one before.
        end = math.ceil(until / self.width_s)
        wanted = range(end - SLICES, end)
        return wanted.start * self.width_s, [self.slices[n] for n in wanted if n in self.slices]

    def before(self, end: float) -> list[_Slice]:
        """The slices that are over by then."""
        return [each for n, each in self.slices.items() if (n + 1) * self.width_s <= end]


class Board:
    """What was counted, by dimension and name, in windows that end at the present.

    Times are seconds since the epoch; `started` is when counting began. Not for several threads
    at once.
    """

    def __init__(self, started: float, *, windows: tuple[int, ...] = WINDOWS) -> None:
        self.windows = windows
        self.late = 0  # samples that ended before any window
        self._started = started
        self._rings = tuple(_Ring(seconds / SLICES) for seconds in windows)
        self._fresh: dict[int, _Slice] = {}  # by second: what no ring has yet
        self._names: tuple[set[str], ...] = tuple(set() for _ in Dimension)
        self._seconds: Counter[int] = Counter()

    def add(self, sample: Sample, now: float) -> None:
        """Count a sample that was read at `now`."""
        end = min(sample.end, now)  # a host whose clock is ahead
        if end < now - SETTLE_S - self.windows[-1]:
            self.late += 1
            return
        second = int(end)
        self._seconds[second] += sample.weight
        if second not in self._fresh:
            if len(self._fresh) >= _FRESH_SECONDS:
                self._settle(now)
            self._fresh[second] = _empty()
        for dimension, name in zip(Dimension, sample.names, strict=True):
            self._admit(dimension, name)
            tallies = self._fresh[second][dimension]
            tally = tallies.get(name)
            if tally is None:
                tally = tallies[name] = Tally()
            tally.add(sample)

    def view(self, seconds: int, dimension: Dimension, now: float) -> View:
        """What came in the window of `seconds`, the lines in no order."""
        until = int(now) - SETTLE_S
        self._settle(now)
        begin, slices = self._rings[self.windows.index(seconds)].window(until)
        lines: dict[str, Tally] = {}
        for each in slices:
            _merge(lines, each[dimension])
        before = [each[dimension] for each in self._rings[-1].before(begin)]
        return _view(lines, until - max(begin, self._started), before)

    def history(self, now: float) -> list[int]:
        """Requests of each of the last HISTORY_S seconds, the oldest first."""
        until = int(now) - SETTLE_S
        for second in [second for second in self._seconds if second < until - HISTORY_S]:
            del self._seconds[second]
        return [self._seconds[second] for second in range(until - HISTORY_S, until)]

    def _settle(self, now: float) -> None:
        """Hand what is fresh to every ring: merging seconds costs less than counting four times."""
        for second, fresh in self._fresh.items():
            for ring, seconds in zip(self._rings, self.windows, strict=True):
                if second >= now - SETTLE_S - seconds - 1:
                    for tallies, more in zip(ring.at(second), fresh, strict=True):
                        _merge(tallies, more)
        self._fresh.clear()

    def _admit(self, dimension: Dimension, name: str) -> None:
        known = self._names[dimension]
        if name not in known:
            if len(known) >= 2 * LIMIT:
                self._fold(dimension)
            known.add(name)

    def _fold(self, dimension: Dimension) -> None:
        fresh = list(self._fresh.values())
        longest = [*self._rings[-1].slices.values(), *fresh]
        kept = _most_frequent((each[dimension] for each in longest), LIMIT)
        for slices in (fresh, *(ring.slices.values() for ring in self._rings)):
            for each in slices:
                _fold(each[dimension], kept)
        self._names[dimension].intersection_update(kept)


class Total:
    """What was counted from first to last, by dimension and name, bounded in the same way."""

    def __init__(self) -> None:
        self.first: float | None = None  # when the earliest exchange ended
        self.last: float | None = None
        self._tallies = _empty()

    def add(self, sample: Sample) -> None:
        """Count a sample."""
        self.first = sample.end if self.first is None else min(self.first, sample.end)
        self.last = sample.end if self.last is None else max(self.last, sample.end)
        for tallies, name in zip(self._tallies, sample.names, strict=True):
            if name not in tallies and len(tallies) > 2 * TOTAL_LIMIT:
                _fold(tallies, _most_frequent([tallies], TOTAL_LIMIT))
            tallies.setdefault(name, Tally()).add(sample)

    def view(self, dimension: Dimension, span_s: float) -> View:
        """All that was counted, as what came in `span_s` seconds."""
        tallies = self._tallies[dimension]
        _fold(tallies, _most_frequent([tallies], TOTAL_LIMIT))
        return _view(tallies, span_s, [])


def _empty() -> _Slice:
    return tuple({} for _ in Dimension)


def _merge(into: dict[str, Tally], more: dict[str, Tally]) -> None:
    for name, tally in more.items():
        into.setdefault(name, Tally()).merge(tally)


def _most_frequent(slices: Iterable[dict[str, Tally]], limit: int) -> set[str]:
    """The names to keep."""
    counted: Counter[str] = Counter()
    for tallies in slices:
        counted.update({name: tally.requests for name, tally in tallies.items()})
    del counted[OTHER]
    return {name for name, _ in counted.most_common(limit)}


def _fold(tallies: dict[str, Tally], kept: set[str]) -> None:
    """Make all names but `kept` one."""
    for name in [name for name in tallies if name not in kept and name != OTHER]:
        tallies.setdefault(OTHER, Tally()).merge(tallies.pop(name))


def _view(tallies: dict[str, Tally], span_s: float, before: list[dict[str, Tally]]) -> View:
    total = Tally()
    for tally in tallies.values():
        total.merge(tally)
    span = max(span_s, 0.0)
    lines = [
        tally.figures(name, span, [each[name] for each in before if name in each])
        for name, tally in tallies.items()
    ]
    return View(span, total.figures("", span), lines)
