"""The log of an incarnation that is no more: what it left is read, what can't be read is named.

Files may be damaged, missing, twice there or in another order: what counts is which positions
were met, and which were not when all files are read.
"""

import errno
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from shipper.contract.record import EncodedRecord
from shipper.delivery.spool.extent import Extent, Extents
from shipper.delivery.spool.folder import Folder
from shipper.delivery.spool.frames import Damage, Frame
from shipper.delivery.spool.lost import Lost
from shipper.delivery.spool.segments import BAD_PLACE, Segment, found, frames, tombstones
from shipper.delivery.spool.state import Marks
from shipper.delivery.spool.watermark import Watermark

_UNREADABLE: Final = "spool_unreadable"


class Leftover:
    """Records from the watermark on.

    `damage` are the lines to say; `lost` has the numbers that will not come, `discarded` counts
    the messages, numbered or not, both by reason.
    """

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.marks = folder.state.marks
        self.segments = found(folder.path)
        self.size = sum(segment.size for segment in self.segments)
        self.lost = Lost()
        self.discarded: Counter[str] = Counter()
        self.damage: list[str] = []
        self.exhausted = False
        self._watermark = Watermark(self.marks.watermark)
        self._met = Extents()
        self._read: list[Segment] = []  # those that were read to their end
        for stone in tombstones(folder.path):
            self._met.add(Extent(*stone[:4]))
            self._give_up(Extent(*stone[:4]), stone.reason)
        if not folder.state.known and self.segments:
            self.damage.append(
                f"{folder.path}: its state can't be read: all that it holds is sent once more"
            )

    @property
    def settled(self) -> bool:
        """Whether all there was is settled."""
        return self.exhausted and self._watermark.at >= self.next_position

    @property
    def next_sequence(self) -> int:
        """What the next record of that incarnation would have had."""
        last = self._met.last
        return max(last.following if last else 0, self.marks.next_sequence)

    @property
    def next_position(self) -> int:
        """How many messages that incarnation had accepted, as far as is known."""
        last = self._met.last
        return max(last.end if last else 0, self.marks.next_position)

    def records(self) -> Iterator[tuple[int, EncodedRecord]]:
        """Each intact record with its position, once.

        Not `exhausted` afterwards means that a file can't be opened now: ask again later.
        """
        for segment in [each for each in self.segments if each not in self._read]:
            try:
                yield from self._records_of(segment)
            except OSError as error:
                self.damage.append(f"{segment.path}: {error.strerror}")
                if error.errno not in BAD_PLACE and error.errno != errno.ENOENT:
                    continue
            self._read.append(segment)
        if len(self._read) == len(self.segments):
            self._name_missing()
            self.exhausted = True

    def settle(self, position: int) -> None:
        """This record is done with."""
        self._watermark.settle((position,))

    def remember(self) -> None:
        """Keep the watermark where it survives us, and remove what lies below."""
        if self._watermark.at <= self.marks.watermark:
            return
        self.marks = Marks(
            self._watermark.at, self._sequence_at_least(), self.next_position, self.next_sequence
        )
        self.folder.state.mark(self.marks)
        gone = [segment for segment in self._read if segment.end <= self.marks.watermark]
        if gone:
            with suppress(OSError):
                os.fdatasync(self.folder.state.descriptor)
        for segment in gone:
            self._read.remove(segment)
            self.segments.remove(segment)
            self.size -= segment.size
            with suppress(OSError):
                segment.path.unlink()

    def close(self) -> None:
        """Let go: the next one adopts it again."""
        self.folder.close()

    def _records_of(self, segment: Segment) -> Iterator[tuple[int, EncodedRecord]]:
        skipped: list[Damage] = []
        for one in frames(segment.path):
            if isinstance(one, Damage):
                skipped.append(one)
                continue
            segment.end = max(segment.end, one.position + 1)
            fresh = self._met.add(_extent(one))
            if fresh and one.position >= self._watermark.at:
                yield one.position, one.record
        if skipped:
            size = sum(damage.size for damage in skipped)
            what = "a torn end" if skipped[0].torn else f"damage in {len(skipped)} places"
            self.damage.append(f"{segment.path}: {what}: {size} bytes are skipped")

    def _name_missing(self) -> None:
        """What was accepted, is not known to be settled, and was not met."""
        at, met = self._watermark.at, self._met
        sequence = self._settled_sequence()
        begin = met.before(at) or Extent(at, at, sequence, sequence)
        end = Extent(self.next_position, self.next_position, self.next_sequence, self.next_sequence)
        for gap in met.missing(begin, end):
            count = gap.end - gap.first
            first = max(gap.sequence, gap.following - count, sequence)
            if gap.first == 0 and not self.folder.state.known:
                count = max(0, gap.following - first)
            if count:
                self.damage.append(f"{self.folder.path}: {count} records can't be read any more")
            self._give_up(gap._replace(sequence=first), _UNREADABLE, count)

    def _sequence_at_least(self) -> int:
        """What the first numbered record behind the watermark has, or less."""
        if self._watermark.at >= self.next_position:
            return self.next_sequence
        unsettled = [segment.sequence for segment in self.segments if segment not in self._read]
        unsettled += [each.sequence for each in self._read if each.end > self._watermark.at]
        return max(self.marks.sequence, min(unsettled, default=0))

    def _settled_sequence(self) -> int:
        """All numbers below are settled; a lower bound.

        Without readable marks nobody knows what stood before the first frame: then what was
        settled when its owner last wrote its account down counts, and without that all of it.
        """
        if self.folder.state.known:
            return self.marks.sequence
        note: Any = self.folder.state.note
        try:
            return int(note["ledger"]["sequence"]["settled"])
        except (KeyError, TypeError, ValueError):
            pass
        first = self._met.first
        return 0 if first is None else first.sequence

    def _give_up(self, gap: Extent, reason: str, count: int | None = None) -> None:
        self._watermark.settle_range(gap.first, gap.end)
        count = gap.end - gap.first if count is None else count
        if count:
            self.discarded[reason] += count
        if gap.following > gap.sequence:
            self.lost.add(gap.sequence, gap.following - 1, reason)


def _extent(frame: Frame) -> Extent:
    return Extent(frame.position, frame.position + 1, frame.sequence, frame.following)
