"""What a log has to remember of itself beside its frames, in a file that outlives the process.

The file is memory-mapped: what was stored survives SIGKILL without a call to the kernel, and the
loss of power as far as the kernel has written it out. Everything stands in two slots that are
written in turn, each with a number and a checksum, so that a torn or stale one does no harm: an
older watermark only makes records be sent once more.

    0     64  marks, slot 0         number, watermark, its sequence, next position, next sequence,
                                    CRC-32 of these
    64    64  marks, slot 1
    4096  31K note, slot 0          number, length, CRC-32 of these and of the JSON, JSON
    36864 31K note, slot 1
"""

import errno
import json
import mmap
import os
import struct
import zlib
from pathlib import Path
from typing import Any, Final, NamedTuple

_MARKS: Final = struct.Struct("<QQQQQI")
_MARKS_BODY: Final = struct.Struct("<QQQQQ")
_NOTE: Final = struct.Struct("<QII")
_NOTE_BODY: Final = struct.Struct("<QI")
_MARKS_AT: Final = (0, 64)
_NOTES_AT: Final = (4096, 36864)
_SIZE: Final = 69632
#: Bytes of JSON that a note may have.
LONGEST_NOTE: Final = _NOTES_AT[1] - _NOTES_AT[0] - _NOTE.size


class Marks(NamedTuple):
    """How far a log has come.

    All positions below `watermark` are settled, and all numbers below `sequence`; `next_position`
    and `next_sequence` are what the next frame and the next numbered record will have.
    """

    watermark: int = 0
    sequence: int = 0
    next_position: int = 0
    next_sequence: int = 0


class State:
    """The file `state` of one log's folder; OSError where it can't be made or mapped."""

    def __init__(self, path: Path) -> None:
        #: Of the file, for who syncs it.
        self.descriptor = _opened(path)
        try:
            self._map = mmap.mmap(self.descriptor, _SIZE)
        except OSError:
            os.close(self.descriptor)
            raise
        self._marks_number, self.marks = self._read_marks()
        self._note_number, self.note = self._read_note()
        #: Whether marks were found; without them nothing is known of what is settled.
        self.known = self._marks_number > 0

    def mark(self, marks: Marks) -> None:
        """Remember how far the log has come."""
        self._marks_number += 1
        self.marks = marks
        body = _MARKS_BODY.pack(self._marks_number, *marks)
        at = _MARKS_AT[self._marks_number % 2]
        self._map[at : at + _MARKS.size] = body + zlib.crc32(body).to_bytes(4, "little")

    def write(self, note: dict[str, Any]) -> None:
        """Remember what the log's owner says of itself; ValueError if it is too long."""
        text = json.dumps(note, separators=(",", ":")).encode("ascii")
        if len(text) > LONGEST_NOTE:
            raise ValueError(f"a note of {len(text)} bytes is longer than {LONGEST_NOTE}")
        self._note_number += 1
        self.note = note
        checksum = _note_checksum(self._note_number, text)
        head = _NOTE.pack(self._note_number, len(text), checksum)
        at = _NOTES_AT[self._note_number % 2]
        self._map[at : at + len(head) + len(text)] = head + text

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()
        os.close(self.descriptor)

    def _read_marks(self) -> tuple[int, Marks]:
        best = (0, Marks())
        for at in _MARKS_AT:
            number, *marks, checksum = _MARKS.unpack_from(self._map, at)
            body = self._map[at : at + _MARKS_BODY.size]
            if number > best[0] and zlib.crc32(body) == checksum:
                best = (number, Marks(*marks))
        return best

    def _read_note(self) -> tuple[int, dict[str, Any]]:
        best: tuple[int, dict[str, Any]] = (0, {})
        for at in _NOTES_AT:
            number, length, checksum = _NOTE.unpack_from(self._map, at)
            if number <= best[0] or length > LONGEST_NOTE:
                continue
            text = self._map[at + _NOTE.size : at + _NOTE.size + length]
            if _note_checksum(number, text) == checksum:
                best = (number, json.loads(text))
        return best


def _note_checksum(number: int, text: bytes) -> int:
    return zlib.crc32(text, zlib.crc32(_NOTE_BODY.pack(number, len(text))))


def _opened(path: Path) -> int:
    """The descriptor of a file that is as long as it has to be, and can be read."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        # A page that the disk can't read would be SIGBUS later; room that is not there likewise.
        if len(_content(descriptor)) < _SIZE:
            os.posix_fallocate(descriptor, 0, _SIZE)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _content(descriptor: int) -> bytes:
    """What the file holds; nothing, and nothing is in the file any more, if it can't be read."""
    try:
        return os.pread(descriptor, _SIZE, 0)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        os.ftruncate(descriptor, 0)
        return b""
