"""The log of an incarnation that is no more: what it left is read, what can't be read is named."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from shipper.contract.record import EncodedRecord
from shipper.delivery.spool.folder import Folder
from shipper.delivery.spool.frames import Damage, Frame
from shipper.delivery.spool.lost import Lost
from shipper.delivery.spool.segments import Reader, found
from shipper.delivery.spool.state import Marks
from shipper.delivery.spool.watermark import Watermark

_UNREADABLE: Final = "spool_unreadable"


class Leftover:
    """Records in their order, from the watermark on.

    `damage` are the lines to say; `lost` has the numbers that can't be read any more.
    """

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.marks = folder.state.marks
        self.segments = found(folder.path)
        self.size = sum(segment.size for segment in self.segments)
        self.lost = Lost()
        self.damage: list[str] = []
        self.counted: Counter[str] = Counter()
        self.exhausted = False
        self._watermark = Watermark(self.marks.watermark)
        self._reader = Reader(self.segments, self.marks.watermark, growing=False)
        self._expected = self.marks.watermark
        self._unread = 0
        self._sequence: int | None = None  # that the next numbered record should have

    @property
    def settled(self) -> bool:
        """Whether all there was is settled."""
        return self.exhausted and self._watermark.at >= self._expected

    @property
    def next_sequence(self) -> int:
        """What the next record of that incarnation would have had."""
        return max(self._sequence or 0, self.marks.next_sequence)

    @property
    def next_position(self) -> int:
        """How many messages that incarnation had accepted, as far as is known."""
        return max(self._expected, self.marks.next_position)

    @property
    def unreadable(self) -> Counter[str]:
        """Messages that were accepted and can't be read, by reason; numbered or not."""
        return Counter({_UNREADABLE: self._unread}) if self._unread else Counter()

    def records(self) -> Iterator[tuple[int, EncodedRecord]]:
        """Each intact record with its position, once."""
        while (one := self._reader.next()) is not None:
            if isinstance(one, Frame):
                if one.position < self._expected:
                    continue
                self._missing(one.position, one.following - (one.record.sequence >= 0))
                self._expected = one.position + 1
                self._sequence = one.following
                self.counted["records"] += 1
                yield one.position, one.record
            elif isinstance(one, Damage):
                self._damaged(one)
            else:
                self.damage.append(f"{self.folder.path}: {one.strerror}")
        self._missing(self.marks.next_position, self.marks.next_sequence)
        self._reader.close()
        self.exhausted = True

    def settle(self, position: int) -> None:
        """This record is done with."""
        self._watermark.settle(position)
        at = self._watermark.at
        while len(self.segments) > 1 and self.segments[1].first <= at:
            segment = self.segments.pop(0)
            self.size -= segment.size
            segment.path.unlink(missing_ok=True)

    def remember(self) -> None:
        """Keep the watermark where it survives us."""
        if self._watermark.at > self.marks.watermark:
            self.marks = Marks(self._watermark.at, self.marks.next_position, self.next_sequence)
            self.folder.state.mark(self.marks)

    def close(self) -> None:
        """Let go: the next one adopts it again."""
        self._reader.close()
        self.folder.close()

    def _missing(self, position: int, sequence: int) -> None:
        """Between what was expected and this there is nothing."""
        if position <= self._expected:
            return
        count = position - self._expected
        self._unread += count
        self._watermark.settle_range(self._expected, position)
        self._expected = position
        begin = self._sequence
        if begin is None:  # nothing was read before it: at most one number a frame
            begin = max(0, sequence - count)
        if sequence > begin:
            self.lost.add(begin, sequence - 1, _UNREADABLE)
        self.damage.append(f"{self.folder.path}: {count} records can't be read any more")

    def _damaged(self, damage: Damage) -> None:
        what = "a torn end" if damage.torn else "damage"
        self.damage.append(f"{self.folder.path}: {what} of {damage.size} bytes is skipped")
