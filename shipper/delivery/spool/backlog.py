"""The records of a log that were not handed on yet, in their order: from memory, or from its files.

Memory holds the youngest ones as far as it may; what is older is read back.
"""

from collections import deque
from collections.abc import Callable
from functools import partial

from shipper.contract.record import UNNUMBERED, EncodedRecord
from shipper.delivery.sink import Settled
from shipper.delivery.spool.frames import Frame
from shipper.delivery.spool.log import Log
from shipper.delivery.spool.segments import Reader, Tombstone

#: Bytes of records kept in memory although they could be read from the disk. Not final: where it is
#: small, tests see the way by the disk.
_AT_HAND = 4 << 20

Submit = Callable[[EncodedRecord, Settled], None]
#: Called with the position of a record and what became of it.
SettledAt = Callable[[int, str | None], None]


class Backlog:
    """`cursor` is the position that is handed on next; `add` takes what the log has appended."""

    def __init__(self, log: Log, unreadable: Callable[[Tombstone], None]) -> None:
        """`unreadable` is told of what was accepted and stands no longer on the disk."""
        self.cursor = 0
        self._log = log
        self._unreadable = unreadable
        self._queue: deque[EncodedRecord] = deque()
        self.add = self._queue.append
        self._begin = 0  # the position of the first record in memory
        self._bytes = 0  # of the records in memory: as many or fewer
        self._reader: Reader | None = None
        self._frame: Frame | None = None  # read, and not handed on yet
        self._dropped: dict[int, Tombstone] = {}
        self._following = 0  # the sequence at the cursor, when that is not in memory

    def hand_on(self, end: int, submit: Submit, settled: SettledAt) -> None:
        """Submit what stands before position `end`; what `submit` raises goes through.

        OSError where the disk can't be read now. Nothing is skipped then: call again later.
        """
        while self.cursor < end:
            if self.cursor == self._begin:
                self._from_memory(end, submit, settled)
            else:
                self._from_disk(submit, settled)

    def shed(self, more: int) -> None:
        """`more` bytes were written: keep in memory no more than may be."""
        self._bytes = self._bytes + more if self._queue else 0
        if self._bytes <= _AT_HAND:
            return
        self._bytes = sum(len(record.value) for record in self._queue)
        while self._bytes > _AT_HAND // 2 and self._begin < self._log.written:
            self._bytes -= len(self._pop().value)

    def forget(self, stone: Tombstone) -> None:
        """These are not handed on any more."""
        while self._begin < stone.end:
            self._pop()
        self._dropped[stone.first] = stone
        self._leave_disk()

    def close(self) -> None:
        """Let go of open files."""
        self._leave_disk()

    def _pop(self) -> EncodedRecord:
        """The first one in memory is read from the disk when its time comes."""
        if self._begin == self.cursor:
            self._following = self._sequence_in_memory()
        self._begin += 1
        return self._queue.popleft()

    def _sequence_in_memory(self) -> int:
        """That of the first numbered record in memory, or the next one to come."""
        numbers = (record.sequence for record in self._queue if record.sequence != UNNUMBERED)
        return next(numbers, self._log.marks.next_sequence)

    def _from_memory(self, end: int, submit: Submit, settled: SettledAt) -> None:
        queue, cursor = self._queue, self.cursor
        try:
            for cursor in range(cursor, end):  # noqa: B020 - it is where it came to
                submit(queue[0], partial(settled, cursor))
                queue.popleft()
            cursor = end
        finally:
            self.cursor = self._begin = cursor

    def _from_disk(self, submit: Submit, settled: SettledAt) -> None:
        if (stone := self._dropped.pop(self.cursor, None)) is not None:
            self._move(stone.end, stone.following)
            return
        if self._frame is None:
            if self._reader is None:
                self._reader = self._log.reader(self.cursor)
            self._frame = self._reader.next()
        frame = self._frame
        if frame is None or frame.position != self.cursor:
            self._miss(frame)
            return
        submit(frame.record, partial(settled, self.cursor))
        self._frame = None
        self._move(frame.position + 1, frame.following)

    def _miss(self, frame: Frame | None) -> None:
        """At the cursor nothing intact stands on the disk: up to what is known to come next."""
        ends = [(self._begin, self._sequence_in_memory())]
        ends += [(stone.first, stone.sequence) for stone in self._dropped.values()]
        if frame is not None:
            ends.append((frame.position, frame.sequence))
        end, following = min(each for each in ends if each[0] > self.cursor)
        first, sequence = self.cursor, self._following
        self._move(end, following)
        self._unreadable(Tombstone(first, end, sequence, following, "spool_unreadable"))

    def _move(self, cursor: int, following: int) -> None:
        self.cursor, self._following = cursor, following
        if cursor == self._begin:
            self._leave_disk()

    def _leave_disk(self) -> None:
        self._frame = None
        if self._reader is not None:
            self._reader.close()
            self._reader = None
