"""Sequence numbers of one worker: one bit for each, and ranges of those that are not there."""

from collections.abc import Iterable, Iterator
from typing import Final

#: Numbers of one block. Blocks are made as they are needed, so that a number that is far off (a
#: broken key) costs one block.
_BLOCK: Final = 1 << 16

#: Numbers first to last, both of them included.
Range = tuple[int, int]


class Numbers:
    """A set of numbers; `again` counts those that were added more than once."""

    def __init__(self) -> None:
        self.count = 0
        self.again = 0
        self._blocks: dict[int, bytearray] = {}

    def add(self, number: int) -> bool:
        """Whether it is new."""
        block = self._blocks.get(number >> 16)
        if block is None:
            block = self._blocks[number >> 16] = bytearray(_BLOCK // 8)
        place, bit = (number & 0xFFFF) >> 3, 1 << (number & 7)
        if block[place] & bit:
            self.again += 1
            return False
        block[place] |= bit
        self.count += 1
        return True

    def __contains__(self, number: int) -> bool:
        block = self._blocks.get(number >> 16)
        return block is not None and bool(block[(number & 0xFFFF) >> 3] & 1 << (number & 7))

    def present(self, first: int, end: int) -> list[Range]:
        """Ranges of the numbers from `first` to below `end` that are in the set, in order."""
        found: list[Range] = []
        for index in sorted(self._blocks):
            begin = index * _BLOCK
            if begin >= end or begin + _BLOCK <= first:
                continue
            bits = int.from_bytes(self._blocks[index], "little")
            for low, high in _runs(bits):
                at = (max(first, begin + low), min(end - 1, begin + high))
                if at[0] > at[1]:
                    continue
                if found and found[-1][1] + 1 == at[0]:
                    found[-1] = (found[-1][0], at[1])
                else:
                    found.append(at)
        return found

    def missing(self, first: int, end: int) -> list[Range]:
        """Ranges of the numbers from `first` to below `end` that are not in the set, in order."""
        return without([(first, end - 1)] if end > first else [], self.present(first, end))

    def within(self, first: int, end: int) -> int:
        """How many of the numbers from `first` to below `end` are in the set."""
        return size(self.present(first, end))


def _runs(bits: int) -> Iterator[Range]:
    """Runs of ones of a block, lowest first."""
    at = 0
    while bits:
        zeros = (bits & -bits).bit_length() - 1
        bits >>= zeros
        ones = (~bits & (bits + 1)).bit_length() - 1
        bits >>= ones
        yield at + zeros, at + zeros + ones - 1
        at += zeros + ones


def size(ranges: Iterable[Range]) -> int:
    """How many numbers ranges hold."""
    return sum(last - first + 1 for first, last in ranges)


def overlap(one: list[Range], other: list[Range]) -> list[Range]:
    """Numbers in both; each list is in order and without overlaps."""
    found = []
    i = j = 0
    while i < len(one) and j < len(other):
        first, last = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if first <= last:
            found.append((first, last))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return found


def without(one: list[Range], other: list[Range]) -> list[Range]:
    """Numbers in the first and not in the other; each list is in order and without overlaps."""
    found = []
    j = 0
    for first, last in one:
        at = first
        while j < len(other) and other[j][1] < at:
            j += 1
        k = j
        while k < len(other) and other[k][0] <= last:
            if other[k][0] > at:
                found.append((at, other[k][0] - 1))
            at = max(at, other[k][1] + 1)
            k += 1
        if at <= last:
            found.append((at, last))
    return found


def merged(ranges: Iterable[Range]) -> list[Range]:
    """The same numbers in order, without overlaps."""
    found: list[Range] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found
