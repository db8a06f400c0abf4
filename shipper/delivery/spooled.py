"""A sink with the spool in front of Kafka: what it takes stays on disk until Kafka has it.

Records go to the producer in their order, from memory as long as it keeps up and from the log's
files when it does not, so that an outage of days takes no memory. What dead incarnations left is
sent under its old ids beside our own.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from shipper.contract.record import EncodedRecord
from shipper.delivery.form import TopicForm
from shipper.delivery.kafka import KafkaSink
from shipper.delivery.legacy import Legacy
from shipper.delivery.lines import Lines
from shipper.delivery.sink import Backpressure, Counters, Full, Log, Settled
from shipper.delivery.spool import Backlog, Folder, Leftover, Lost, Tombstone
from shipper.delivery.spool import Log as SpoolLog

#: Gathered bytes that are not let wait for the next turn of the loop.
_COMMIT: Final = 1 << 19
#: Seconds between two tries to write to, or to read from, a disk that does not do it.
_RETRY_S: Final = 1.0
_FEWEST_SEGMENTS: Final = 8
#: Records of leftovers that go first in each turn, and that go when nothing of our own waits.
_SHARE: Final = 64
_ALL_THEIRS: Final = 2048


@dataclass(frozen=True, slots=True)
class SpoolSettings:
    """`name` is the worker's folder below `root`; sizes in bytes are its share, times in s.

    `form` is that of the records' topic now: what dead incarnations left is held to it.
    """

    root: Path
    name: str
    total_bytes: int = 1 << 30
    segment_bytes: int = 16 << 20
    sync_interval: float = 1.0
    when_full: Literal["block", "drop_oldest", "drop_newest"] = "block"
    memory_bytes: int = 32 << 20
    form: TopicForm | None = None


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
        self.folder = Folder.make(settings.root, settings.name)
        self.legacy = Legacy(settings.root, kafka, close_account, log, settings.form)
        #: Set when nothing remains to be said of this incarnation: its folder goes with `close`.
        self.accounted = False
        self._settings = settings
        self._segment_bytes = min(settings.segment_bytes, settings.total_bytes // _FEWEST_SEGMENTS)
        self._log = SpoolLog(
            self.folder,
            segment_bytes=self._segment_bytes,
            sync_each=settings.sync_interval == 0,
        )
        self._backlog = Backlog(self._log, self._unreadable)
        self._settled: dict[int, str | None] = {}  # by position, since the last look
        self._told: dict[int, Settled] = {}
        self._clock = clock
        self._lines = Lines(log, clock=clock)
        self._say = log
        self._room = 0  # bytes that may be gathered before somebody looks for room
        self._retry_at = self._read_at = self._sync_at = 0.0
        self._failing = False
        self._closed = False
        self._measure()

    @property
    def in_flight(self) -> int:
        """Messages accepted and not settled."""
        return self.counters.unsettled

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

    @property
    def limit(self) -> int:
        """Bytes that `size` may reach."""
        return self._settings.total_bytes

    @property
    def takes_more(self) -> bool:
        """Whether there is room for a file more, on a disk that is written to."""
        return not self._failing and self._room >= self._segment_bytes

    def submit(self, record: EncodedRecord, settled: Settled | None = None) -> None:
        """Accept one record. `Backpressure`: not now; `Full`: it is dropped, as configured."""
        log = self._log
        if log.unwritten + len(record.value) > self._room:
            self._make_room(len(record.value))
        if settled is not None:
            self._told[log.next_position] = settled
        log.append(record)
        self._backlog.add(record)
        self.counters.submitted += 1
        if log.unwritten >= _COMMIT:
            self._commit()

    def poll(self, timeout_s: float) -> int:
        """Write, hand on, serve reports; the number of records settled."""
        before = self.counters.unsettled
        self._turn()
        self.kafka.poll(timeout_s)
        self._look()
        return before - self.counters.unsettled

    def flush(self, timeout_s: float) -> int:
        """Press on for at most `timeout_s`; what is left then stays in the spool."""
        deadline = self._clock() + timeout_s
        while True:
            self._turn()
            left = deadline - self._clock()
            if left <= 0 or not self.counters.unsettled:
                return self.counters.unsettled
            if self.kafka.in_flight:
                self.kafka.flush(min(left, 0.1))
            else:
                self.kafka.poll(min(left, 0.1))
            self._look()

    def close(self) -> None:
        """Let go at once: what is not settled stays in the spool for whoever adopts it."""
        if self._closed:
            return
        self._closed = True
        self.kafka.close()
        self._look()
        self._backlog.close()
        self._commit()
        self._count_unwritten()
        try:
            self._log.close()
        except OSError as error:
            self._complain(error)
        self.legacy.close()
        if self.accounted and not self.counters.unsettled:
            self.folder.remove()
        else:
            self.folder.close()

    def _turn(self) -> None:
        self._look()
        self._commit()
        self.legacy.turn(_SHARE)
        if self._hand_on():
            self.legacy.turn(_ALL_THEIRS)
        self._log.mark()
        now = self._clock()
        if now >= self._sync_at:
            self._sync_at = now + self._settings.sync_interval
            try:
                self._log.sync()
            except OSError as error:
                self._complain(error)
        self._measure()

    def _measure(self) -> None:
        # A dead incarnation's leftovers may not take all: a little is always ours.
        least = 2 * self._segment_bytes
        room = max(self._settings.total_bytes - self.legacy.size, least) - self._log.size
        self._room = min(room, self._settings.memory_bytes) if self._failing else room

    def _make_room(self, size: int) -> None:
        self._log.relieve()
        self._commit()
        self._measure()
        # A record that is larger than all the room is taken when nothing else waits.
        while self._log.unwritten + size > self._room and not self._log.settled:
            if self._settings.when_full != "drop_oldest" or not self._drop_oldest():
                self._refuse("spool_unwritable" if self._failing else "spool_full")
            self._measure()

    def _refuse(self, reason: str) -> None:
        if self._settings.when_full == "block":
            self.counters.refused += 1
            raise Backpressure
        raise Full(reason)

    def _drop_oldest(self) -> bool:
        stone = self._log.drop_oldest(self._backlog.cursor)
        if stone is None:
            return False
        self._backlog.forget(stone)
        count = self._give_up(stone)
        self._lines.say(
            logging.ERROR, "full", f"the spool is full: {count} waiting records were given up"
        )
        if self._failing:  # there is room on the disk now
            self._retry_at = 0.0
            self._commit()
        return True

    def _give_up(self, stone: Tombstone) -> int:
        """Count what will never be sent."""
        if stone.following > stone.sequence:
            self.lost.add(stone.sequence, stone.following - 1, stone.reason)
        count = stone.end - stone.first
        self.counters.failed[stone.reason] += count
        for position in [each for each in self._told if stone.first <= each < stone.end]:
            self._told.pop(position)(stone.reason)
        return count

    def _unreadable(self, stone: Tombstone) -> None:
        count = self._give_up(stone)
        self._log.skip(stone)
        self._lines.say(
            logging.ERROR,
            "damage",
            f"{count} records in {self.folder.path} can't be read any more: check the disk",
        )

    def _commit(self) -> None:
        log = self._log
        if log.written == log.next_position:
            return
        if self._failing and self._clock() < self._retry_at and not self._closed:
            return
        before = log.unwritten
        try:
            log.commit()
        except OSError as error:
            self._complain(error)
            self._failing = True
            self._retry_at = self._clock() + _RETRY_S
        else:
            if self._failing:
                self._failing = False
                self._lines.forget("spool")
                self._say(logging.INFO, "the spool can be written again")
        self._backlog.shed(before - log.unwritten)
        self._measure()

    def _complain(self, error: OSError) -> None:
        self._lines.say(
            logging.ERROR,
            "spool",
            f"can't write to the spool {self.folder.path} ({error.strerror}): "
            "records are kept in memory as far as spool.memory_bytes allows; make room, "
            "or mend the disk",
        )

    def _count_unwritten(self) -> None:
        """What the disk does not take even at the end is lost."""
        count = sum(map(self._give_up, self._log.only_in_memory()))
        if count:
            self._say(logging.ERROR, f"{count} records that the disk did not take are lost")

    def _hand_on(self) -> bool:
        """Whether nothing waits any more."""
        if self._clock() < self._read_at:
            return False
        log, backlog = self._log, self._backlog
        # What the disk does not take goes from memory.
        end = log.next_position if self._failing else log.written
        try:
            backlog.hand_on(end, self.kafka.submit, self._settled.__setitem__)
        except Backpressure:
            return False
        except OSError as error:
            self._read_at = self._clock() + _RETRY_S
            self._lines.say(
                logging.ERROR,
                "read",
                f"can't read the spool {self.folder.path} ({error.strerror}): "
                "its records wait until it can be read",
            )
            return False
        return True

    def _look(self) -> None:
        """Count what was settled since the last look, and let the log go of it."""
        settled = self._settled
        if not settled:
            return
        self.counters.acknowledged += len(settled)
        if any(settled.values()):
            for reason in filter(None, settled.values()):
                self.counters.acknowledged -= 1
                self.counters.dead_lettered[reason] += 1
        if self._told:
            for position in self._told.keys() & settled.keys():
                self._told.pop(position)(settled[position])
        self._log.settle(settled)
        settled.clear()
