"""What dead incarnations left in the spool: adopted, sent under its old ids, and then closed.

An incarnation is closed by its account: only when that is acknowledged too, its folder goes.
"""

import logging
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from shipper.contract.record import EncodedRecord
from shipper.delivery.kafka import KafkaSink
from shipper.delivery.sink import Backpressure, Counters, Log
from shipper.delivery.spool import Folder, Leftover

#: Seconds between two looks at who has died.
_LOOK_S: Final = 60.0


class _Adopted:
    """One folder on its way out."""

    def __init__(self, leftover: Leftover) -> None:
        self.leftover = leftover
        self.records: Iterator[tuple[int, EncodedRecord]] = leftover.records()
        self.held: tuple[int, EncodedRecord] | None = None
        self.account: EncodedRecord | None = None
        self.closing = False
        self.closed = False


class Legacy:
    """The leftovers below a spool's root. `counters` count their records, in all."""

    def __init__(
        self,
        root: Path,
        kafka: KafkaSink,
        close_account: Callable[[Leftover], EncodedRecord | None],
        log: Log,
    ) -> None:
        self.counters = Counters()
        self.incarnations = 0
        self._root = root
        self._kafka = kafka
        self._close_account = close_account
        self._log = log
        self._adopted: list[_Adopted] = []
        self._look_at = 0.0

    @property
    def size(self) -> int:
        """Bytes that they take on the disk."""
        return sum(adopted.leftover.size for adopted in self._adopted)

    def turn(self) -> None:
        """Adopt, hand on as much as the producer takes, and close what is done."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + _LOOK_S
            self._adopt()
        for adopted in self._adopted:
            try:
                self._hand_on(adopted)
            except Backpressure:
                break
            finally:
                self._speak(adopted.leftover)
                adopted.leftover.remember()
        for adopted in [one for one in self._adopted if one.closed]:
            self._adopted.remove(adopted)
            adopted.leftover.folder.remove()

    def close(self) -> None:
        """Let go of what is not done: the next agent adopts it again."""
        for adopted in self._adopted:
            adopted.leftover.remember()
            adopted.leftover.close()
        self._adopted.clear()

    def _adopt(self) -> None:
        for folder in Folder.adopt(self._root):
            adopted = _Adopted(Leftover(folder))
            self._adopted.append(adopted)
            self.incarnations += 1
            size = adopted.leftover.size
            self._log(logging.INFO, f"adopted what {folder.name} left: {size} bytes")

    def _hand_on(self, adopted: _Adopted) -> None:
        while not adopted.leftover.exhausted or adopted.held is not None:
            adopted.held = adopted.held or next(adopted.records, None)
            if adopted.held is None:
                break
            position, record = adopted.held
            self._kafka.submit(record, partial(self._settle, adopted, position))
            self.counters.submitted += 1
            adopted.held = None
        if adopted.leftover.settled and not adopted.closing:
            self._end(adopted)

    def _end(self, adopted: _Adopted) -> None:
        """Everything is settled: say so, and go when that is settled too."""
        if adopted.account is None:
            adopted.account = self._close_account(adopted.leftover)
        if adopted.account is None:
            adopted.closed = True
            return

        def gone(_: str | None) -> None:
            adopted.closed = True

        self._kafka.submit(adopted.account, gone)
        adopted.closing = True

    def _settle(self, adopted: _Adopted, position: int, reason: str | None) -> None:
        counts = adopted.leftover.counted
        if reason is None:
            self.counters.acknowledged += 1
            counts["acknowledged"] += 1
        else:
            self.counters.dead_lettered[reason] += 1
            counts["dead_lettered"] += 1
        adopted.leftover.settle(position)

    def _speak(self, leftover: Leftover) -> None:
        for line in leftover.damage:
            self._log(logging.WARNING, line)
        leftover.damage.clear()
