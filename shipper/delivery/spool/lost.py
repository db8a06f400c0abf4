"""Numbers that will never come, with the reason: ranges, merged where they touch."""

from collections import Counter
from typing import Final

#: More ranges are not kept (an account has to hold them): beyond, what comes is told as one with
#: the last, and with what lies between.
_MOST: Final = 4096


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
            touches = why == reason and begin <= first <= end + 1
            if touches or len(self.ranges) >= _MOST:
                self.ranges[-1] = (min(begin, first), max(end, last), why)
                return
        self.ranges.append((first, last, reason))

    def documents(self) -> list[dict[str, object]]:
        """As the account shows them."""
        return [{"first": a, "last": b, "reason": why} for a, b, why in self.ranges]
