"""What dead incarnations left in the spool: adopted, sent under its old ids, and then closed.

An incarnation is closed by its account: only when that is acknowledged too, its folder goes. What
was accepted under another configuration, in a form that its topic does not have now, becomes a
dead letter.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from shipper.contract.record import UNNUMBERED, EncodedRecord
from shipper.delivery import errors
from shipper.delivery.form import TopicForm
from shipper.delivery.kafka import KafkaSink
from shipper.delivery.sink import Backpressure, Counters, Log, Settled
from shipper.delivery.spool import Folder, Leftover, folders

#: Seconds between two looks at who has died, and at files that could not be opened.
_LOOK_S: Final = 60.0
#: Folders that are open at once: each takes descriptors.
_MOST: Final = 16


class _Adopted:
    """One folder on its way out."""

    def __init__(self, leftover: Leftover) -> None:
        self.leftover = leftover
        self.records: Iterator[tuple[int, EncodedRecord]] = leftover.records()
        self.held: tuple[int, EncodedRecord] | None = None
        self.account: EncodedRecord | None = None
        self.again_at = 0.0
        self.account_at = 0.0
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
        form: TopicForm | None = None,
    ) -> None:
        self.counters = Counters()
        self.incarnations = 0
        self._root = root
        self._kafka = kafka
        self._close_account = close_account
        self._log = log
        self._form = form
        self._adopted: list[_Adopted] = []
        self._found: list[Path] = []  # not looked into yet
        self._refused: dict[Path, str] = {}  # folders that can't be used, and what was said
        self._look_at = 0.0

    @property
    def size(self) -> int:
        """Bytes that those which were adopted take on the disk."""
        return sum(adopted.leftover.size for adopted in self._adopted)

    @property
    def oldest(self) -> float | None:
        """When the oldest file that waits was written last (s since the epoch); None: none does."""
        times = []
        for adopted in self._adopted:
            for segment in adopted.leftover.segments[:1]:
                with suppress(OSError):
                    times.append(segment.path.stat().st_mtime)
        return min(times, default=None)

    def turn(self, most: int) -> None:
        """Adopt, hand on as much as the producer takes, `most` records, and close what is done."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + _LOOK_S
            self._found = folders(self._root)
        while self._found and len(self._adopted) < _MOST:
            self._adopt(self._found.pop(0))
        for adopted in self._adopted:
            try:
                most -= self._hand_on(adopted, most)
            except Backpressure:
                most = 0
            self._speak(adopted.leftover)
            adopted.leftover.remember()
            if most <= 0:
                break
        for adopted in [one for one in self._adopted if one.closed]:
            self._adopted.remove(adopted)
            adopted.leftover.folder.remove()

    def close(self) -> None:
        """Let go of what is not done: the next agent adopts it again."""
        for adopted in self._adopted:
            adopted.leftover.remember()
            adopted.leftover.close()
        self._adopted.clear()

    def _adopt(self, path: Path) -> None:
        try:
            folder = Folder.open(path)
            if folder is None:
                return
            adopted = _Adopted(Leftover(folder))
        except FileNotFoundError:  # whoever had it is done with it
            return
        except OSError as error:
            self._refuse(path, error.strerror or str(error))
            return
        self._adopted.append(adopted)
        self.incarnations += 1
        size = adopted.leftover.size
        self._log(logging.INFO, f"adopted what {folder.name} left: {size} bytes")

    def _refuse(self, path: Path, why: str) -> None:
        if self._refused.get(path) != why:
            self._refused[path] = why
            self._log(
                logging.ERROR,
                f"{path}: what it holds is not sent ({why}): let agent.user own it, or remove it",
            )

    def _hand_on(self, adopted: _Adopted, most: int) -> int:
        """How many records the producer took."""
        leftover, count = adopted.leftover, 0
        while count < most and (waiting := adopted.held or self._next(adopted)) is not None:
            position, record = waiting
            self._submit(record, partial(self._settle, adopted, position))
            self.counters.submitted += 1
            count += 1
            adopted.held = None
        if leftover.settled and not adopted.closing:
            self._end(adopted)
        return count

    def _submit(self, record: EncodedRecord, settled: Settled) -> None:
        """Hand on what may go where it was meant to, else its letter."""
        numbered = record.sequence != UNNUMBERED
        why = self._form.differs(record) if self._form is not None and numbered else ""
        if why:
            self._kafka.bury(record, errors.OTHER_FORM, why, settled)
        else:
            self._kafka.submit(record, settled)

    def _next(self, adopted: _Adopted) -> tuple[int, EncodedRecord] | None:
        adopted.held = next(adopted.records, None)
        if adopted.held is None and not adopted.leftover.exhausted:
            # Some file could not be opened: that may pass.
            now = time.monotonic()
            if now >= adopted.again_at:
                if adopted.again_at:
                    adopted.records = adopted.leftover.records()
                    adopted.held = next(adopted.records, None)
                adopted.again_at = now + _LOOK_S
        return adopted.held

    def _end(self, adopted: _Adopted) -> None:
        """Everything is settled: say so, and go when that is settled too."""
        if adopted.account is None:
            adopted.account = self._close_account(adopted.leftover)
        if adopted.account is None:
            adopted.closed = True
            return

        def gone(reason: str | None) -> None:
            adopted.closed = reason is None
            adopted.closing = adopted.closed

        now = time.monotonic()
        if now < adopted.account_at:
            return
        adopted.closing = True
        try:
            self._kafka.offer(adopted.account, gone)
        except Backpressure:
            adopted.closing = False
            raise
        adopted.account_at = now + _LOOK_S

    def _settle(self, adopted: _Adopted, position: int, reason: str | None) -> None:
        if reason is None:
            self.counters.acknowledged += 1
        else:
            self.counters.dead_lettered[reason] += 1
        adopted.leftover.settle(position)

    def _speak(self, leftover: Leftover) -> None:
        for line in leftover.damage:
            self._log(logging.WARNING, line)
        leftover.damage.clear()
