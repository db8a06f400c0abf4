"""Which positions of a log were met, in whatever order, and which are missing between them."""

from bisect import bisect_right
from typing import NamedTuple


class Extent(NamedTuple):
    """Positions from `first` to before `end`; what stands behind the last has `following`."""

    first: int
    end: int
    sequence: int  # of the first numbered record from `first` on
    following: int


class Extents:
    """Ranges that were met, apart from one another and in their order."""

    def __init__(self) -> None:
        self._all: list[Extent] = []
        self._at = 0  # the one that grew last

    def add(self, extent: Extent) -> bool:
        """Add one; False, and nothing changes, where its first position was met before."""
        extents, at = self._all, self._at
        if not (at < len(extents) and extents[at].end == extent.first):
            at = bisect_right(extents, extent.first, key=_first) - 1
            if at >= 0 and extent.first < extents[at].end:
                return False
        if at >= 0 and extents[at].end == extent.first:
            extent = Extent(extents[at].first, extent.end, extents[at].sequence, extent.following)
            extents[at] = extent
        else:
            at += 1
            extents.insert(at, extent)
        self._at = at
        self._swallow(at)
        return True

    def missing(self, begin: Extent, end: Extent) -> list[Extent]:
        """What was not met behind `begin` and before `end`."""
        gaps, last = [], begin
        for extent in (*self._all, end):
            if extent.first > last.end:
                gaps.append(Extent(last.end, extent.first, last.following, extent.sequence))
            if extent.end > last.end:
                last = extent
        return gaps

    @property
    def first(self) -> Extent | None:
        """The first one."""
        return self._all[0] if self._all else None

    @property
    def last(self) -> Extent | None:
        """The last one."""
        return self._all[-1] if self._all else None

    def before(self, position: int) -> Extent | None:
        """The one that holds what comes directly before this position."""
        number = bisect_right(self._all, position - 1, key=_first) - 1
        if number >= 0 and self._all[number].end >= position:
            return self._all[number]
        return None

    def _swallow(self, at: int) -> None:
        """The next one may touch this by now."""
        while at + 1 < len(self._all) and self._all[at + 1].first <= self._all[at].end:
            one, other = self._all[at], self._all.pop(at + 1)
            if other.end > one.end:
                self._all[at] = Extent(one.first, other.end, one.sequence, other.following)


def _first(extent: Extent) -> int:
    return extent.first
