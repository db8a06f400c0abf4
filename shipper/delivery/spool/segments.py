"""The files of a log: their names, and their frames read from any position on."""

import itertools
import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shipper.delivery.spool.frames import Damage, Decoder, Frame

_PORTION: Final = 1 << 18
_SUFFIX: Final = ".log"


@dataclass(slots=True)
class Segment:
    """One file: from the frame at position `first` to before `end`, as far as is known.

    `sequence` is what the first numbered record in it has, or would have.
    """

    path: Path
    first: int
    sequence: int
    end: int
    size: int = 0


def segment_path(folder: Path, first: int, sequence: int) -> Path:
    """The name says what stands in it: it is known even when the file is damaged or gone."""
    return folder / f"{first:020d}-{sequence:020d}{_SUFFIX}"


def found(folder: Path) -> list[Segment]:
    """The segments of a log that is no longer written, in the order of their frames.

    A name that was changed is not believed: the frames themselves say where they belong.
    """
    segments = []
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        first, sequence = _named(path)
        with suppress(OSError):
            for frame in frames(path):
                if isinstance(frame, Frame):
                    numbered = frame.record.sequence >= 0
                    first, sequence = frame.position, frame.following - numbered
                    break
        size = 0
        with suppress(OSError):
            size = path.stat().st_size
        segments.append(Segment(path, first, sequence, first, size))
    segments.sort(key=lambda segment: segment.first)
    for segment, following in itertools.pairwise(segments):
        segment.end = following.first
    return segments


def _named(path: Path) -> tuple[int, int]:
    first, _, sequence = path.stem.partition("-")
    return (int(first), int(sequence)) if first.isdecimal() and sequence.isdecimal() else (0, 0)


def frames(path: Path) -> Iterator[Frame | Damage]:
    """A whole file; OSError where it can't be read."""
    decoder = Decoder()
    with path.open("rb", buffering=0) as file:
        while data := file.read(_PORTION):
            yield from decoder.feed(data)
    yield from decoder.end()


class Reader:
    """Frames from a position on, across segments; the last may still grow.

    `segments` is looked at whenever one is at its end: its owner may add some and take some away.
    """

    def __init__(self, segments: Sequence[Segment], position: int, *, growing: bool) -> None:
        self._segments = segments
        self._growing = growing
        self._ready: deque[Frame | Damage] = deque()
        self._decoder = Decoder()
        self._file = -1
        self._at = 0
        inside = [s for s in segments if s.first <= position]
        self._current = inside[-1] if inside else (segments[0] if segments else None)
        self._position = position

    def next(self) -> Frame | Damage | OSError | None:
        """The next frame at or behind the position, or what stands in its place; None at the end.

        An OSError is handed out, not raised: what its segment still held can't be read.
        """
        while True:
            while self._ready:
                one = self._ready.popleft()
                if not isinstance(one, Frame):
                    return one
                if one.position >= self._position:
                    self._position = one.position + 1
                    return one
            try:
                if not self._read():
                    return None
            except OSError as error:
                self._leave()
                return error

    def close(self) -> None:
        """Let go of the open file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _read(self) -> bool:
        if self._current is None:
            return False
        if self._file < 0:
            self._file = os.open(self._current.path, os.O_RDONLY | os.O_CLOEXEC)
            self._at, self._decoder = 0, Decoder()
        # What lies behind `size` of a growing log may be half of what is being written.
        limit = self._current.size - self._at if self._growing else _PORTION
        data = os.pread(self._file, min(_PORTION, limit), self._at) if limit > 0 else b""
        if data:
            self._at += len(data)
            self._ready.extend(self._decoder.feed(data))
            return True
        following = self._following()
        if following is None and self._growing:
            return False
        self._ready.extend(self._decoder.end())
        self._leave()
        return bool(self._ready) or self._current is not None

    def _leave(self) -> None:
        self.close()
        self._current = self._following()

    def _following(self) -> Segment | None:
        current = self._current
        if current is None:
            return None
        later = [segment for segment in self._segments if segment.first > current.first]
        return later[0] if later else None
