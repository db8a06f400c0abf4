"""Positions that are settled in any order; below the watermark all are."""

from collections.abc import Iterable


class Watermark:
    """Memory is that of what is settled beyond the first that is not."""

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self._beyond: set[int] = set()
        self._ranges: dict[int, int] = {}

    def settle(self, positions: Iterable[int]) -> None:
        """These are settled; once more does no harm."""
        at, beyond = self.at, self._beyond
        for position in positions:
            if position == at:
                at += 1
            elif position > at:
                beyond.add(position)
        self.at = at
        if beyond or self._ranges:
            self._advance()

    def settle_range(self, first: int, end: int) -> None:
        """All from `first` to before `end` are settled."""
        if end > max(first, self.at):
            self._ranges[first] = max(end, self._ranges.get(first, 0))
            self._advance()

    def open(self, first: int, end: int) -> list[int]:
        """The positions from `first` to before `end` that are not settled."""
        ranges = self._ranges.items()
        return [
            position
            for position in range(max(first, self.at), end)
            if position not in self._beyond
            and not any(begin <= position < behind for begin, behind in ranges)
        ]

    def _advance(self) -> None:
        beyond = self._beyond
        while True:
            begin = self.at
            while self.at in beyond:
                beyond.remove(self.at)
                self.at += 1
            for first in [first for first in self._ranges if first <= self.at]:
                end = self._ranges.pop(first)
                if end > self.at:
                    self._pass(end)
            if self.at == begin:
                return

    def _pass(self, end: int) -> None:
        if self._beyond:
            self._beyond -= {position for position in self._beyond if position < end}
        self.at = end
