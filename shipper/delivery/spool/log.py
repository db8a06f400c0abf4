"""Records to an append-only log of segment files: what is written survives the process.

`append` only gathers; `commit` writes all of it at once. A segment goes when all its records are
settled. What can't be written stays gathered, and is written once the disk takes it again.
"""

import os
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from shipper.contract.record import UNNUMBERED, EncodedRecord
from shipper.delivery.spool.folder import Folder
from shipper.delivery.spool.frames import Encoder, place
from shipper.delivery.spool.segments import Reader, Segment, Tombstone, segment_path
from shipper.delivery.spool.state import Marks
from shipper.delivery.spool.sync import Syncer
from shipper.delivery.spool.watermark import Watermark

_BATCH: Final = 1 << 20


class Log:
    """The log of one worker of one incarnation; it starts empty.

    `unwritten` counts the bytes gathered, `size` those on disk; positions below `written` are on
    disk or settled.
    """

    def __init__(self, folder: Folder, *, segment_bytes: int, sync_each: bool = False) -> None:
        self._folder = folder.path
        self._state = folder.state
        self._segment_bytes = segment_bytes
        self._sync_each = sync_each
        self._encode = Encoder().encode
        self._gathered: list[bytes] = []
        self._file = -1
        self._syncer = Syncer()
        self._unsynced = False
        self._taken = 0  # bytes of the last write that the disk took
        self._watermark = Watermark()
        self._following = 0  # the sequence of the next numbered record
        self._letters: deque[int] = deque()  # the positions of unnumbered messages
        self._stone: Tombstone | None = None  # the last one
        self.segments: list[Segment] = []
        self.next_position = 0
        self.written = 0
        self.unwritten = 0
        self.size = 0

    @property
    def marks(self) -> Marks:
        """How far the log has come."""
        return Marks(self._watermark.at, self.settled_sequence, self.next_position, self._following)

    @property
    def settled(self) -> bool:
        """Whether nothing waits."""
        return self._watermark.at == self.next_position

    @property
    def settled_sequence(self) -> int:
        """All numbers below this are settled."""
        at, letters = self._watermark.at, self._letters
        while letters and letters[0] < at:
            letters.popleft()
        # Numbers have no holes, and so they count back from the end.
        return self._following - (self.next_position - at - len(letters))

    def append(self, record: EncodedRecord) -> None:
        """Gather one record. ValueError for one that is longer than any frame."""
        position = self.next_position
        frame = self._encode(record, position, self._following)
        self._gathered.append(frame)
        self.unwritten += len(frame)
        self.next_position = position + 1
        if record.sequence == UNNUMBERED:
            self._letters.append(position)
        else:
            self._following = record.sequence + 1

    def commit(self) -> None:
        """Write what was gathered. OSError leaves what is not written gathered."""
        while self._gathered:
            segment = self._segment()
            count, size = self._batch(segment)
            data = b"".join(self._gathered[:count])
            error = self._write(data, segment.size)
            while size > self._taken:
                count -= 1
                size -= len(self._gathered[count])
            self._written(segment, count, size)
            if error is not None:
                raise error

    def sync(self) -> None:
        """Have what was written forced to the disk, without waiting. OSError of an earlier one."""
        if self._unsynced and self._file >= 0:
            self._unsynced = False
            self._syncer.submit(os.dup(self._file))
            self._syncer.remove((), self._state.descriptor)
        self._syncer.check()

    def mark(self) -> None:
        """Remember how far the log has come."""
        self._state.mark(self.marks)

    def settle(self, positions: Iterable[int]) -> None:
        """These records are done with; segments of which all are go."""
        self._watermark.settle(positions)
        self._tidy()

    def drop_oldest(self, cursor: int) -> Tombstone | None:
        """Give up the oldest closed segment that lies at or behind `cursor` as a whole."""
        for number, segment in enumerate(self.segments[:-1]):
            if segment.first >= cursor:
                stone = Tombstone(
                    segment.first, segment.end, segment.sequence, segment.following, "spool_full"
                )
                self._bury(stone, segment.path)
                del self.segments[number]
                self.size -= segment.size
                return stone
        return None

    def skip(self, stone: Tombstone) -> None:
        """What stood at these positions can't be read any more."""
        self._bury(stone, None)
        self._tidy()

    def relieve(self) -> None:
        """Let go of what was settled before the disk took it."""
        count = min(self._watermark.at, self.next_position) - self.written
        if count <= 0:
            return
        self._leave_segment()
        self.unwritten -= sum(map(len, self._gathered[:count]))
        del self._gathered[:count]
        self.written += count

    def only_in_memory(self) -> list[Tombstone]:
        """What is neither settled nor on the disk, each by itself."""
        places = [(self.written + n, *place(frame)[1:]) for n, frame in enumerate(self._gathered)]
        unsettled = set(self._watermark.open(self.written, self.next_position))
        return [
            Tombstone(position, position + 1, sequence, following, "spool_unwritable")
            for position, sequence, following in places
            if position in unsettled
        ]

    def reader(self, position: int) -> Reader:
        """Frames from `position` on, as far as they are written."""
        return Reader(self.segments, position)

    def close(self) -> None:
        """Force what is written to the disk and let go. OSError of a sync that failed."""
        self.mark()
        if self._file >= 0:
            self._syncer.submit(self._file)
            self._file = -1
            self._syncer.remove((), self._state.descriptor)
        self._syncer.close()
        self._syncer.check()

    def _segment(self) -> Segment:
        """The one that is written to; a new one where that is full."""
        if self._file >= 0 and self.segments[-1].size < self._segment_bytes:
            return self.segments[-1]
        if self._file >= 0:
            self._syncer.submit(self._file)
            self._file = -1
        position, sequence, _ = place(self._gathered[0])
        path = segment_path(self._folder, position, sequence)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.segments.append(Segment(path, position, sequence, position, sequence))
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        if self._sync_each:
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        else:
            self._syncer.submit(folder)
        self._tidy()
        return self.segments[-1]

    def _leave_segment(self) -> None:
        """The next frame does not follow the last one written: it begins a file."""
        if self._file < 0:
            return
        segment = self.segments[-1]
        with suppress(OSError):  # half of a frame may stand there
            os.ftruncate(self._file, segment.size)
        self._syncer.submit(self._file)
        self._file = -1
        if segment.end == segment.first:
            self.segments.pop()
            segment.path.unlink(missing_ok=True)

    def _batch(self, segment: Segment) -> tuple[int, int]:
        """How many of the gathered frames are written next, and their bytes."""
        room = min(_BATCH, self._segment_bytes - segment.size)
        if self.unwritten <= room:
            return len(self._gathered), self.unwritten
        count = size = 0
        while size < room:
            size += len(self._gathered[count])
            count += 1
        return count, size

    def _write(self, data: bytes, at: int) -> OSError | None:
        """Write at an offset of our own: what a full disk took in part is written over later."""
        self._taken = 0
        self._unsynced = True
        try:
            while self._taken < len(data):
                rest = memoryview(data)[self._taken :] if self._taken else data
                self._taken += os.pwrite(self._file, rest, at + self._taken)
            if self._sync_each:
                os.fdatasync(self._file)
                self._unsynced = False
        except OSError as error:
            if self._sync_each:
                self._taken = 0  # nobody knows what is on the disk
            return error
        return None

    def _written(self, segment: Segment, count: int, size: int) -> None:
        if not count:
            return
        segment.following = place(self._gathered[count - 1])[2]
        del self._gathered[:count]
        self.unwritten -= size
        self.size += size
        segment.size += size
        self.written += count
        segment.end = self.written

    def _bury(self, stone: Tombstone, path: Path | None) -> None:
        """Set up a tombstone, of the file if there is one; neighbours become one."""
        last = self._stone
        if last and last.end == stone.first and last.reason == stone.reason:
            stone = stone._replace(first=last.first, sequence=last.sequence)
        else:
            last = None
        self._watermark.settle_range(stone.first, stone.end)
        self._stone = stone
        try:
            if path is not None:
                path.rename(stone.path(self._folder))
                os.truncate(stone.path(self._folder), 0)
            else:
                stone.path(self._folder).touch(0o600)
            if last is not None:
                last.path(self._folder).unlink()
        except OSError:  # without a stone their gap is found all the same
            if path is not None:
                path.unlink(missing_ok=True)

    def _tidy(self) -> None:
        """Remove segments of which all is settled, but for the one that is written to."""
        gone = []
        while len(self.segments) > 1 and self.segments[0].end <= self._watermark.at:
            segment = self.segments.pop(0)
            self.size -= segment.size
            gone.append(segment.path)
        if gone:
            # The mark has to be on the disk before: else their records would seem to be lost.
            self.mark()
            self._syncer.remove(gone, self._state.descriptor)
