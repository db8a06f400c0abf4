"""Records to an append-only log of segment files: what is written survives the process.

`append` only gathers; `commit` writes all of it at once. A segment goes when all its records are
settled. What can't be written stays gathered, and is written once the disk takes it again.
"""

import os
from collections import deque
from pathlib import Path
from typing import Final

from shipper.contract.record import UNNUMBERED, EncodedRecord
from shipper.delivery.spool.frames import Encoder
from shipper.delivery.spool.segments import Reader, Segment, segment_path
from shipper.delivery.spool.state import Marks
from shipper.delivery.spool.sync import Syncer
from shipper.delivery.spool.watermark import Watermark

_BATCH: Final = 1 << 20


class Log:
    """The log of one worker of one incarnation; it starts empty.

    `unwritten` counts the bytes gathered, `size` those on disk; positions below `written` are on
    disk.
    """

    def __init__(self, folder: Path, *, segment_bytes: int, sync_each: bool = False) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._sync_each = sync_each
        self._encoder = Encoder()
        self._gathered: deque[tuple[int, int, bytes]] = deque()
        self._file = -1
        self._syncer = Syncer()
        self._unsynced = False
        self._watermark = Watermark()
        self._following = 0  # the sequence of the next numbered record
        self.segments: list[Segment] = []
        self.next_position = 0
        self.written = 0
        self.unwritten = 0
        self.size = 0

    @property
    def marks(self) -> Marks:
        """How far the log has come."""
        return Marks(self._watermark.at, self.next_position, self._following)

    @property
    def settled_sequence(self) -> int:
        """All numbers below this are settled; a lower bound."""
        if self._watermark.at == self.next_position or not self.segments:
            return self._following
        return self.segments[0].sequence

    def append(self, record: EncodedRecord) -> int:
        """Gather one record; its position."""
        position = self.next_position
        following = self._following
        frame = self._encoder.encode(record, position, following)
        self._gathered.append((position, following, frame))
        self.unwritten += len(frame)
        self.next_position = position + 1
        if record.sequence != UNNUMBERED:
            self._following = record.sequence + 1
        return position

    def commit(self) -> None:
        """Write what was gathered. OSError leaves what is not written gathered."""
        while self._gathered:
            segment = self._segment()
            batch, size = [], 0
            for _, _, frame in self._gathered:
                batch.append(frame)
                size += len(frame)
                if size >= _BATCH or segment.size + size >= self._segment_bytes:
                    break
            # At an offset of our own: what a full disk took in part is written over.
            taken = os.pwrite(self._file, b"".join(batch), segment.size)
            self._unsynced = True
            if self._sync_each:
                os.fdatasync(self._file)
                self._unsynced = False
            for frame in batch:
                taken -= len(frame)
                if taken < 0:
                    break
                self._written(segment, len(frame))

    def sync(self) -> None:
        """Have what was written forced to the disk, without waiting. OSError of an earlier one."""
        if self._unsynced and self._file >= 0:
            self._unsynced = False
            self._syncer.submit(os.dup(self._file))
        self._syncer.check()

    def settle(self, position: int) -> None:
        """This record is done with; segments of which all are go."""
        self._watermark.settle(position)
        if self.segments and self.segments[0].end <= self._watermark.at:
            self._tidy()

    def drop_oldest(self, cursor: int) -> Segment | None:
        """Give up the oldest closed segment of which nothing at or behind `cursor` was taken."""
        for number, segment in enumerate(self.segments[:-1]):
            if segment.first >= cursor:
                segment.path.unlink(missing_ok=True)
                del self.segments[number]
                self.size -= segment.size
                self._watermark.settle_range(segment.first, segment.end)
                return segment
        return None

    def skip(self, first: int, end: int) -> None:
        """What stands at these positions can't be read: it is settled."""
        self._watermark.settle_range(first, end)
        self._tidy()

    def reader(self, position: int) -> Reader:
        """Frames from `position` on, as far as they are written."""
        return Reader(self.segments, position, growing=True)

    def close(self) -> None:
        """Force what is written to the disk and let go."""
        if self._file >= 0:
            self._syncer.submit(self._file)
            self._file = -1
        self._syncer.close()

    def _segment(self) -> Segment:
        """The one that is written to; a new one where that is full."""
        if self._file >= 0 and self.segments and self.segments[-1].size < self._segment_bytes:
            return self.segments[-1]
        if self._file >= 0:
            self._syncer.submit(self._file)
            self._file = -1
        position, following, _ = self._gathered[0]
        path = segment_path(self._folder, position, following)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._syncer.submit(os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        self.segments.append(Segment(path, position, following, position))
        self._tidy()
        return self.segments[-1]

    def _written(self, segment: Segment, size: int) -> None:
        position, _, _ = self._gathered.popleft()
        self.unwritten -= size
        segment.size += size
        self.size += size
        segment.end = self.written = position + 1

    def _tidy(self) -> None:
        """Remove segments of which all is settled, but for the one that is written to."""
        while len(self.segments) > 1 and self.segments[0].end <= self._watermark.at:
            segment = self.segments.pop(0)
            self.size -= segment.size
            segment.path.unlink(missing_ok=True)
