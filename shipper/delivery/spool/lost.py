"""Numbers that will never come, with the reason: ranges, merged where they touch."""

from collections import Counter
from typing import Final

#: More ranges are not kept: beyond, neighbours are told as one with what lies between.
_MOST: Final = 256


class Lost:
    """Ranges of sequence numbers, both ends included."""

    def __init__(self) -> None:
        self.ranges: list[tuple[int, int, str]] = []
        self.counts: Counter[str] = Counter()

    def add(self, first: int, last: int, reason: str) -> None:
        """These are lost."""
        self.counts[reason] += last - first + 1
        if self.ranges:
            begin, end, why = self.ranges[-1]
            full = len(self.ranges) >= _MOST
            if why == reason and (end + 1 == first or full):
                self.ranges[-1] = (begin, last, reason)
                return
        self.ranges.append((first, last, reason))

    def documents(self) -> list[dict[str, object]]:
        """As the account shows them."""
        return [{"first": a, "last": b, "reason": why} for a, b, why in self.ranges]
