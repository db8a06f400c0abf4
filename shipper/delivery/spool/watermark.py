"""Positions that are settled in any order; below the watermark all are."""


class Watermark:
    """Memory is that of what is settled beyond the first that is not."""

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self._beyond: set[int] = set()
        self._ranges: dict[int, int] = {}

    def settle(self, position: int) -> None:
        """This one is settled; once more does no harm."""
        if position != self.at:
            if position > self.at:
                self._beyond.add(position)
            return
        self.at += 1
        if self._beyond or self._ranges:
            self._advance()

    def settle_range(self, first: int, end: int) -> None:
        """All from `first` to before `end` are settled."""
        if end > max(first, self.at):
            self._ranges[first] = max(end, self._ranges.get(first, 0))
            self._advance()

    def _advance(self) -> None:
        beyond = self._beyond
        moved = True
        while moved:
            moved = False
            while self.at in beyond:
                beyond.remove(self.at)
                self.at += 1
            for first, end in sorted(self._ranges.items()):
                if first <= self.at:
                    del self._ranges[first]
                    moved = moved or end > self.at
                    self.at = max(self.at, end)
        if not self._ranges:
            return
        self._beyond = {position for position in beyond if position > self.at}
