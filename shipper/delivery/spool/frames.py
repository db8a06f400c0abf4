"""Records to frames of a log file and back: whatever stands between intact frames is skipped.

A frame, little-endian; lengths in bytes:

    0   4  mark             F5 53 50 4C
    4   4  length           of all that follows the checksum
    8   4  checksum         CRC-32 (zlib) of it
    12  8  position         counts the frames of one log from 0
    20  8  sequence         the record's; of an unnumbered one that of the next numbered record
    28  8  timestamp        ms since the epoch, as the message carries it
    36  2  envelope length
    38  2  key length
    40  2  partition length
    42  2  kind             1 numbered, 0 not
    44     envelope         JSON: [topic, [[header name, value as ISO-8859-1], ...]]
           key, partition key, value

The mark lets a reader find the next frame behind damage; the checksum says that it is one.
Knows no files.
"""

import json
import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from shipper.contract.record import UNNUMBERED, EncodedRecord

MARK: Final = b"\xf5SPL"
_HEAD: Final = struct.Struct("<4sII")
_BODY: Final = struct.Struct("<QQqHHHH")
#: No frame is longer (bytes); what says so is damaged.
LONGEST: Final = 8 << 20
OVERHEAD: Final = _HEAD.size + _BODY.size

Headers = tuple[tuple[str, bytes], ...]


class Frame(NamedTuple):
    """One record, where it stands in its log, and the sequence that comes next behind it."""

    position: int
    following: int
    record: EncodedRecord


class Damage(NamedTuple):
    """Bytes that are no frame; `torn` when they may be the beginning of one."""

    size: int
    torn: bool


class Encoder:
    """Makes frames. Records of one worker share topic and headers: they are encoded once."""

    def __init__(self) -> None:
        self._topic = ""
        self._headers: Headers = ()
        self._envelope = _envelope("", ())

    def encode(self, record: EncodedRecord, position: int, following: int) -> bytes:
        """The frame; `following` is the sequence that the next numbered record will have."""
        topic, key, value, timestamp, headers, partition, sequence = record
        if headers is not self._headers or topic is not self._topic:
            self._topic, self._headers = topic, headers
            self._envelope = _envelope(topic, headers)
        envelope = self._envelope
        numbered = sequence != UNNUMBERED
        fixed = _BODY.pack(
            position,
            sequence if numbered else following,
            timestamp,
            len(envelope),
            len(key),
            len(partition),
            numbered,
        )
        body = b"".join((fixed, envelope, key, partition, value))
        return _HEAD.pack(MARK, len(body), zlib.crc32(body)) + body


class Decoder:
    """Bytes of a file in any portions in, frames and damage out, in their order."""

    def __init__(self) -> None:
        self._buffer = b""
        self._skipped = 0
        self._envelopes: dict[bytes, tuple[str, Headers]] = {}

    def feed(self, data: bytes) -> Iterator[Frame | Damage]:
        """What the bytes complete."""
        self._buffer = self._buffer + data if self._buffer else data
        at = 0
        while (found := self._next(at)) is not None:
            frame, end = found
            if frame is None:
                self._skipped += end - at
            else:
                if self._skipped:
                    yield Damage(self._skipped, torn=False)
                    self._skipped = 0
                yield frame
            at = end
        self._buffer = self._buffer[at:]

    def end(self) -> Iterator[Frame | Damage]:
        """The file is over: what is left is no frame, but may hold some."""
        while self._buffer:
            # What looks like a frame that goes on behind the end may be damage with frames in it.
            following = self._buffer.find(MARK, 1)
            if following < 0:
                yield Damage(self._skipped + len(self._buffer), torn=not self._skipped)
                self._buffer, self._skipped = b"", 0
                return
            self._skipped += following
            rest, self._buffer = self._buffer[following:], b""
            yield from self.feed(rest)
        if self._skipped:
            yield Damage(self._skipped, torn=False)
            self._skipped = 0

    def _next(self, at: int) -> tuple[Frame | None, int] | None:
        """A frame, or None for what is none, and where it ends; None when more is needed."""
        buffer = self._buffer
        if len(buffer) - at < OVERHEAD:
            return None
        mark, length, checksum = _HEAD.unpack_from(buffer, at)
        if mark != MARK or not _BODY.size <= length <= LONGEST:
            return None, self._resume(at + 1)
        begin, end = at + _HEAD.size, at + _HEAD.size + length
        if end > len(buffer):
            return None
        body = buffer[begin:end]
        frame = self._frame(body) if zlib.crc32(body) == checksum else None
        return (frame, end) if frame is not None else (None, self._resume(at + 1))

    def _resume(self, at: int) -> int:
        found = self._buffer.find(MARK, at)
        return found if found >= 0 else max(at, len(self._buffer) - len(MARK) + 1)

    def _frame(self, body: bytes) -> Frame | None:
        position, sequence, timestamp, *lengths, numbered = _BODY.unpack_from(body)
        ends = [_BODY.size]
        for length in lengths:
            ends.append(ends[-1] + length)
        if ends[-1] > len(body):
            return None
        topic, headers = self._opened(body[ends[0] : ends[1]])
        record = EncodedRecord(
            topic,
            body[ends[1] : ends[2]],
            body[ends[3] :],
            timestamp,
            headers,
            body[ends[2] : ends[3]],
            sequence if numbered else UNNUMBERED,
        )
        return Frame(position, sequence + 1 if numbered else sequence, record)

    def _opened(self, envelope: bytes) -> tuple[str, Headers]:
        known = self._envelopes.get(envelope)
        if known is None:
            topic, pairs = json.loads(envelope)
            known = topic, tuple((name, value.encode("latin-1")) for name, value in pairs)
            self._envelopes[envelope] = known
        return known


def _envelope(topic: str, headers: Headers) -> bytes:
    pairs = [(name, value.decode("latin-1")) for name, value in headers]
    return json.dumps([topic, pairs], separators=(",", ":")).encode("ascii")
