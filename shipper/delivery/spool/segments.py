"""The files of a log: their names, their frames, and those of a growing log from a position on."""

import errno
import os
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from shipper.delivery.spool.frames import Damage, Decoder, Frame

_PORTION: Final = 1 << 18
_PAGE: Final = 4096
_SEGMENT: Final = ".log"
_TOMBSTONE: Final = ".lost"
#: What the disk says of a place that it can't read any more; anything else may pass.
BAD_PLACE: Final = frozenset({errno.EIO, errno.EBADMSG, errno.EUCLEAN, errno.ENODATA})


@dataclass(slots=True)
class Segment:
    """One file: from the frame at position `first` to before `end`, as far as is known.

    `sequence` is what the first numbered record in it has, or would have; `following` what the
    first one behind it has.
    """

    path: Path
    first: int
    sequence: int
    end: int
    following: int
    size: int = 0


class Tombstone(NamedTuple):
    """Stands in the place of messages that the log's owner has given up, so that it is known."""

    first: int
    end: int
    sequence: int
    following: int
    reason: str

    def path(self, folder: Path) -> Path:
        """Its file, which is empty: the name says all."""
        numbers = "-".join(f"{number:020d}" for number in self[:4])
        return folder / f"{numbers}.{self.reason}{_TOMBSTONE}"


def segment_path(folder: Path, first: int, sequence: int) -> Path:
    """The name says what stands in it: it is known even when the file is damaged."""
    return folder / f"{first:020d}-{sequence:020d}{_SEGMENT}"


def found(folder: Path) -> list[Segment]:
    """The segments of a log that is no longer written, in the order of their frames.

    A name that was changed is not believed: the frames themselves say where they belong.
    """
    segments = []
    for path in sorted(folder.glob(f"*{_SEGMENT}")):
        first, sequence = _named(path)
        size = 0
        with suppress(OSError):
            size = path.stat().st_size
            with closing(frames(path)) as inside:
                for one in inside:
                    if isinstance(one, Frame):
                        first, sequence = one.position, one.sequence
                        break
        segments.append(Segment(path, first, sequence, first, sequence, size))
    segments.sort(key=lambda segment: segment.first)
    return segments


def tombstones(folder: Path) -> list[Tombstone]:
    """Those of a log, in their order; one that lies inside another is left out."""
    stones: list[Tombstone] = []
    for path in folder.glob(f"*{_TOMBSTONE}"):
        numbers, _, reason = path.stem.partition(".")
        parts = numbers.split("-")
        if len(parts) == 4 and all(map(str.isdecimal, parts)) and reason:  # noqa: PLR2004
            first, end, sequence, following = map(int, parts)
            stones.append(Tombstone(first, end, sequence, following, reason))
    stones.sort(key=lambda stone: (stone.first, -stone.end))
    kept: list[Tombstone] = []
    for stone in stones:
        if stone.end > (kept[-1].end if kept else stone.first):
            kept.append(stone)
    return kept


def _named(path: Path) -> tuple[int, int]:
    first, _, sequence = path.stem.partition("-")
    return (int(first), int(sequence)) if first.isdecimal() and sequence.isdecimal() else (0, 0)


def frames(path: Path) -> Generator[Frame | Damage, None, None]:
    """A whole file, but for what the disk can't read; OSError where it can't be opened."""
    decoder = Decoder()
    at = 0
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while data := _portion(file, at, _PORTION):
            at += len(data)
            yield from decoder.feed(data)
    finally:
        os.close(file)
    yield from decoder.end()


def _portion(file: int, at: int, size: int) -> bytes:
    """At most `size` bytes from offset `at`; a page that the disk can't read comes as zeros."""
    try:
        return os.pread(file, size, at)
    except OSError as error:
        if error.errno not in BAD_PLACE:
            raise
        page = min(size, _PAGE - at % _PAGE, max(os.fstat(file).st_size - at, 0))
        return _portion(file, at, page) if size > page else bytes(page)


class Reader:
    """Frames of a log that is still written, from a position on, across its segments.

    `segments` is looked at whenever one is at its end: its owner may add some and take some away.
    """

    def __init__(self, segments: Sequence[Segment], position: int) -> None:
        self._segments = segments
        self._ready: deque[Frame | Damage] = deque()
        self._decoder = Decoder()
        self._file = -1
        self._at = 0
        inside = [segment for segment in segments if segment.first <= position]
        self._current = inside[-1] if inside else (segments[0] if segments else None)
        self._position = position

    def next(self) -> Frame | None:
        """The next intact frame at or behind the position; None where nothing more is written.

        OSError where a file can't be read now; the next call tries again.
        """
        while True:
            while self._ready:
                one = self._ready.popleft()
                if isinstance(one, Frame) and one.position >= self._position:
                    self._position = one.position + 1
                    return one
            if not self._read():
                return None

    def close(self) -> None:
        """Let go of the open file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _read(self) -> bool:
        """Whether there was more to read."""
        current = self._current
        if current is None:
            return False
        if self._file < 0:
            try:
                self._file = os.open(current.path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return self._leave()
            self._at, self._decoder = 0, Decoder()
        # What lies behind `size` may be half of what is being written.
        size = min(_PORTION, current.size - self._at)
        if size > 0 and (data := _portion(self._file, self._at, size)):
            self._at += len(data)
            self._ready.extend(self._decoder.feed(data))
            return True
        # `size` counts whole frames: what the decoder still holds is damage, perhaps with some.
        self._ready.extend(self._decoder.end())
        if current is self._segments[-1]:
            return bool(self._ready)
        return self._leave()

    def _leave(self) -> bool:
        self.close()
        first = self._current.first if self._current else 0
        later = [segment for segment in self._segments if segment.first > first]
        self._current = later[0] if later else None
        return bool(self._ready) or self._current is not None
