"""A sink with the spool in front of Kafka: what it takes stays on disk until Kafka has it.

Records go to the producer in their order, from memory as long as it keeps up and from the log's
files when it does not, so that an outage of days takes no memory. What dead incarnations left is
sent under its old ids whenever there is nothing of our own.
"""

import logging
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Literal

from shipper.contract.record import UNNUMBERED, EncodedRecord
from shipper.delivery.kafka import KafkaSink
from shipper.delivery.legacy import Legacy
from shipper.delivery.lines import Lines
from shipper.delivery.sink import Backpressure, Counters, Full, Log, Settled
from shipper.delivery.spool import Folder, Frame, Leftover, Lost, Reader
from shipper.delivery.spool import Log as SpoolLog

#: Bytes of records kept in memory although they could be read from the disk.
_AT_HAND: Final = 4 << 20
#: Gathered bytes that are not let wait for the next turn of the loop.
_COMMIT: Final = 1 << 19
#: Seconds between two tries to write to a disk that takes nothing.
_RETRY_S: Final = 1.0
_FEWEST_SEGMENTS: Final = 8


@dataclass(frozen=True, slots=True)
class SpoolSettings:
    """`name` is the worker's folder below `root`; sizes in bytes are its share, times in s."""

    root: Path
    name: str
    total_bytes: int = 1 << 30
    segment_bytes: int = 16 << 20
    sync_interval: float = 1.0
    when_full: Literal["block", "drop_oldest", "drop_newest"] = "block"
    memory_bytes: int = 32 << 20


class SpooledSink:
    """Accepts into a log, hands to Kafka, lets go when Kafka has acknowledged.

    `counters` count what was accepted here; `kafka.counters` what was handed on, leftovers of
    dead incarnations included (`legacy`). ConfigError where the spool can't be made.
    """

    def __init__(
        self,
        kafka: KafkaSink,
        settings: SpoolSettings,
        *,
        log: Log,
        close_account: Callable[[Leftover], EncodedRecord | None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`close_account` makes the account of an incarnation whose last record is settled."""
        self.kafka = kafka
        self.counters = Counters()
        self.lost = Lost()
        self.letters_lost: Counter[str] = Counter()
        self.folder = Folder.make(settings.root, settings.name)
        self.legacy = Legacy(settings.root, kafka, close_account, log)
        #: Set when nothing remains to be said of this incarnation: its folder goes with `close`.
        self.accounted = False
        self._settings = settings
        self._segment_bytes = min(settings.segment_bytes, settings.total_bytes // _FEWEST_SEGMENTS)
        self._log = SpoolLog(
            self.folder.path,
            segment_bytes=self._segment_bytes,
            sync_each=settings.sync_interval == 0,
        )
        self._clock = clock
        self._lines = Lines(log, clock=clock)
        self._say = log
        self._queue: deque[tuple[int, EncodedRecord, Settled | None]] = deque()
        self._at_hand = 0
        self._cursor = 0  # the position that is handed on next
        self._reader: Reader | None = None
        self._held: tuple[int, EncodedRecord, Settled | None] | None = None
        self._read_up_to = 0  # the sequence behind the last record read from the disk
        self._retry_at = 0.0
        self._failing = False
        self._sync_at = 0.0
        self._closed = False

    @property
    def in_flight(self) -> int:
        """Messages accepted and not settled."""
        return self.counters.unsettled

    @property
    def handed(self) -> int:
        """Messages that were handed to the producer."""
        return self._cursor - self.lost.counts.total() - self.letters_lost.total()

    @property
    def next_sequence(self) -> int:
        """The number that the next record will have."""
        return self._log.marks.next_sequence

    @property
    def settled_sequence(self) -> int:
        """All numbers below are settled; a lower bound."""
        return self._log.settled_sequence

    @property
    def size(self) -> int:
        """Bytes on disk and waiting for it, leftovers included."""
        return self._log.size + self._log.unwritten + self.legacy.size

    def submit(self, record: EncodedRecord, settled: Settled | None = None) -> None:
        """Accept one record. `Backpressure`: not now; `Full`: it is dropped, as configured."""
        self._make_room(len(record.value))
        position = self._log.append(record)
        self._queue.append((position, record, settled))
        self._at_hand += len(record.value)
        self.counters.submitted += 1
        if self._log.unwritten >= _COMMIT:
            self._commit()

    def poll(self, timeout_s: float) -> int:
        """Write, hand on, serve reports; the number of records settled."""
        before = self.counters.unsettled
        self._turn()
        self.kafka.poll(timeout_s)
        return before - self.counters.unsettled

    def flush(self, timeout_s: float) -> int:
        """Press on for at most `timeout_s`; what is left then stays in the spool."""
        deadline = self._clock() + timeout_s
        while True:
            self._turn()
            left = deadline - self._clock()
            if left <= 0 or not self.kafka.in_flight:
                return self.counters.unsettled
            self.kafka.flush(min(left, 0.1))

    def close(self) -> None:
        """Let go at once: what is not settled stays in the spool for whoever adopts it."""
        if self._closed:
            return
        self._closed = True
        self.kafka.close()
        self._commit()
        self._log.close()
        self.folder.state.mark(self._log.marks)
        self.legacy.close()
        if self.accounted and not self.counters.unsettled:
            self.folder.remove()
        else:
            self.folder.close()

    def _turn(self) -> None:
        self._commit()
        self._hand_on()
        if not self._queue and self._held is None:
            self.legacy.turn()
        self.folder.state.mark(self._log.marks)
        now = self._clock()
        if now >= self._sync_at:
            self._sync_at = now + self._settings.sync_interval
            try:
                self._log.sync()
            except OSError as error:
                self._complain(error)

    def _make_room(self, size: int) -> None:
        settings = self._settings
        if self._failing and self._log.unwritten + size > settings.memory_bytes:
            self._refuse("spool_unwritable")
        # A dead incarnation's leftovers may not take all: a little is always ours.
        room = max(settings.total_bytes - self.legacy.size, 2 * self._segment_bytes)
        while self._log.size + self._log.unwritten + size > room:
            if settings.when_full != "drop_oldest" or not self._drop_oldest():
                self._refuse("spool_full")

    def _refuse(self, reason: str) -> None:
        if self._settings.when_full == "block":
            self.counters.refused += 1
            raise Backpressure
        raise Full(reason)

    def _drop_oldest(self) -> bool:
        cursor = self._cursor if self._held is None else self._held[0]
        segment = self._log.drop_oldest(max(cursor, self._cursor))
        if segment is None:
            return False
        following = next(s for s in self._log.segments if s.first >= segment.end)
        numbered = following.sequence - segment.sequence
        letters = segment.end - segment.first - numbered
        if numbered:
            self.lost.add(segment.sequence, following.sequence - 1, "spool_full")
            self.counters.failed["spool_full"] += numbered
        if letters:
            self.letters_lost["spool_full"] += letters
            self.counters.failed["spool_full"] += letters
        self._lines.say(
            logging.ERROR,
            "full",
            f"the spool is full: {segment.end - segment.first} waiting records were given up",
        )
        self._forget(segment.first, segment.end)
        return True

    def _forget(self, first: int, end: int) -> None:
        """These positions are gone: they are not handed on any more."""
        while self._queue and self._queue[0][0] < end:
            _, record, _ = self._queue.popleft()
            self._at_hand -= len(record.value)
        if first == self._cursor:
            self._cursor = end
        self._leave_reader()

    def _commit(self) -> None:
        if self._log.written == self._log.next_position:
            return
        if self._failing and self._clock() < self._retry_at and not self._closed:
            return
        try:
            self._log.commit()
        except OSError as error:
            self._complain(error)
            self._failing = True
            self._retry_at = self._clock() + _RETRY_S
            return
        if self._failing:
            self._failing = False
            self._lines.forget("spool")
            self._say(logging.INFO, "the spool can be written again")
        while self._at_hand > _AT_HAND and self._queue[0][0] < self._log.written:
            _, record, settled = self._queue[0]
            if settled is not None:
                break
            self._queue.popleft()
            self._at_hand -= len(record.value)

    def _complain(self, error: OSError) -> None:
        self._lines.say(
            logging.ERROR,
            "spool",
            f"can't write to the spool {self.folder.path} ({error.strerror}): "
            "records are kept in memory as far as spool.memory_bytes allows; make room, "
            "or mend the disk",
        )

    def _hand_on(self) -> None:
        submit = self.kafka.submit
        while (waiting := self._held or self._next()) is not None:
            position, record, settled = waiting
            try:
                submit(record, partial(self._settle, position, settled))
            except Backpressure:
                self._held = waiting
                return
            self._held = None

    def _next(self) -> tuple[int, EncodedRecord, Settled | None] | None:
        queue = self._queue
        if queue and queue[0][0] == self._cursor:
            if self._cursor >= self._log.written and not self._failing:
                return None
            waiting = queue.popleft()
            self._at_hand -= len(waiting[1].value)
            self._cursor += 1
            return waiting
        begin = queue[0][0] if queue else self._log.next_position
        return self._read(begin) if self._cursor < begin else None

    def _read(self, until: int) -> tuple[int, EncodedRecord, Settled | None] | None:
        """The record at the cursor from disk, which has all of them up to `until`."""
        if self._reader is None:
            self._reader = self._log.reader(self._cursor)
        while True:
            one = self._reader.next()
            if isinstance(one, Frame) and one.position < until:
                if one.position > self._cursor:
                    sequence = one.following - (one.record.sequence != UNNUMBERED)
                    self._unreadable(one.position, sequence)
                self._cursor = one.position + 1
                self._read_up_to = one.following
                if self._cursor >= until:
                    self._leave_reader()
                return one.position, one.record, None
            if isinstance(one, OSError):
                self._lines.say(
                    logging.ERROR, "read", f"can't read the spool ({one.strerror}): mend the disk"
                )
            elif one is None or isinstance(one, Frame):
                following = self._queue[0][1].sequence if self._queue else self.next_sequence
                self._unreadable(until, max(following, self._read_up_to))
                self._leave_reader()
                return None

    def _unreadable(self, end: int, following: int) -> None:
        """From the cursor to before `end` nothing intact stands on the disk."""
        count = end - self._cursor
        numbered = min(count, max(0, following - self._read_up_to))
        if numbered:
            self.lost.add(following - numbered, following - 1, "spool_unreadable")
        if count > numbered:
            self.letters_lost["spool_unreadable"] += count - numbered
        self.counters.failed["spool_unreadable"] += count
        self._lines.say(
            logging.ERROR,
            "damage",
            f"{count} records in {self.folder.path} can't be read any more: check the disk",
        )
        self._log.skip(self._cursor, end)
        self._cursor = end

    def _leave_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _settle(self, position: int, settled: Settled | None, reason: str | None) -> None:
        if reason is None:
            self.counters.acknowledged += 1
        else:
            self.counters.dead_lettered[reason] += 1
        self._log.settle(position)
        if settled is not None:
            settled(reason)
