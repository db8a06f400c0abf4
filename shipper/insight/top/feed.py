"""Records -> what is counted of them: filtered, and everything that is none counted as such."""

import threading
import time
from contextlib import suppress

from shipper.errors import ShipperError
from shipper.insight.top.board import SETTLE_S, Board, Total
from shipper.insight.top.sample import Sample, sample
from shipper.insight.top.source import Records
from shipper.tail import Filters


class Feed:
    """The samples of a source, and what came of it."""

    def __init__(self, records: Records, filters: Filters) -> None:
        self.malformed = 0
        self.late = 0
        self.read_at = time.time()  # when the last record came
        self._records = records
        self._filters = filters

    def next(self) -> Sample | None:
        """The next sample; None when there is nothing to count now. `StopIteration` at the end."""
        record = next(self._records)
        if record is None:
            return None
        self.read_at = time.time()
        found = sample(record) if isinstance(record, dict) else None
        if found is None:
            self.malformed += 1
        elif isinstance(record, dict) and self._filters.admit(record):
            return found
        return None

    def collect(self, total: Total, begin: float, end: float | None) -> None:
        """Count what happened from `begin` on, until `end` if there is one, else all there is.

        A record is on its way for a moment, so reading goes on for a while after `end`.
        """
        with suppress(StopIteration):
            while end is None or time.time() < end + SETTLE_S:
                found = self.next()
                if found is None:
                    continue
                if begin <= found.end and (end is None or found.end < end):
                    total.add(found)
                else:
                    self.late += 1


class Background(threading.Thread):
    """Fills a board from a source, in a thread, until it is told to stop; `lock` guards both."""

    def __init__(self, feed: Feed, board: Board) -> None:
        super().__init__(name="top-feed", daemon=True)
        self.lock = threading.Lock()
        self.fault: Exception | None = None
        self.ended = False
        self._feed = feed
        self._board = board
        self._stopped = threading.Event()

    @property
    def read_at(self) -> float:
        """When the last record came (s since the epoch)."""
        return self._feed.read_at

    @property
    def malformed(self) -> int:
        """How many messages were no records."""
        return self._feed.malformed

    def run(self) -> None:
        """Read on until the end, a fault, or `stop`."""
        try:
            while not self._stopped.is_set():
                found = self._feed.next()
                if found is not None:
                    with self.lock:
                        self._board.add(found, time.time())
        except StopIteration:
            pass
        except ShipperError as error:
            self.fault = error
        self.ended = True

    def stop(self) -> None:
        """End the thread: a source says at least five times a second that there is nothing."""
        self._stopped.set()
        if self.is_alive():
            self.join(5.0)
