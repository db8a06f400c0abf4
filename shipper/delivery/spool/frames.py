"""Records to frames of a log file and back: whatever stands between intact frames is skipped.

A frame, little-endian; lengths in bytes:

    0   4  mark              F5 53 50 4C
    4   4  length            of the whole frame
    8   4  length again      all its bits turned round
    12  8  position          counts the frames of one log from 0
    20  8  sequence          the record's; of an unnumbered one that of the next numbered record
    28  8  timestamp         ms since the epoch, as the message carries it
    36  4  envelope length
    40  4  key length
    44  4  partition length
    48  4  kind              1 numbered, 0 not
    52     envelope          JSON: [topic, [[header name, value as ISO-8859-1], ...]]
           key, partition key, value
        4  checksum          CRC-32 (that of zlib) of all before

The mark lets a reader find the next frame behind damage, the second length keeps it from reading
far for one that is none, and the checksum says that it is one. Knows no files.
"""

import json
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from isal.isal_zlib import crc32

from shipper.contract.record import UNNUMBERED, EncodedRecord

MARK: Final = b"\xf5SPL"
_HEAD: Final = struct.Struct("<4sIIQQqIIII")
_LENGTHS: Final = struct.Struct("<II")
_CHECKSUM: Final = struct.Struct("<I")
_TURNED: Final = 0xFFFFFFFF
#: No frame is longer (bytes): what says so is damage, and such a record is not encoded.
LONGEST: Final = 64 << 20
OVERHEAD: Final = _HEAD.size + _CHECKSUM.size
#: Envelopes that are remembered decoded; a log has two or three.
_ENVELOPES: Final = 64

Headers = tuple[tuple[str, bytes], ...]


class Frame(NamedTuple):
    """One record, where it stands in its log, and the sequence that comes next behind it."""

    position: int
    following: int
    record: EncodedRecord

    @property
    def sequence(self) -> int:
        """The record's, or that of the next numbered one."""
        return self.following - (self.record.sequence != UNNUMBERED)


class Damage(NamedTuple):
    """Bytes that are no frame; `torn` when they are the beginning of one at the end of a file."""

    size: int
    torn: bool


class Encoder:
    """Makes frames. Records of one worker share topic and headers: they are encoded once."""

    def __init__(self) -> None:
        self._topic = ""
        self._headers: Headers = ()
        self._envelope = _envelope("", ())

    def encode(self, record: EncodedRecord, position: int, following: int) -> bytes:
        """The frame; `following` is the sequence that the next numbered record will have.

        ValueError for a record that is longer than any frame.
        """
        topic, key, value, timestamp, headers, partition, sequence = record
        if headers is not self._headers or topic is not self._topic:
            self._topic, self._headers = topic, headers
            self._envelope = _envelope(topic, headers)
        envelope = self._envelope
        numbered = sequence != UNNUMBERED
        length = OVERHEAD + len(envelope) + len(key) + len(partition) + len(value)
        if length > LONGEST:
            raise ValueError(f"a record of {length} bytes is longer than any frame")
        head = _HEAD.pack(
            MARK,
            length,
            length ^ _TURNED,
            position,
            sequence if numbered else following,
            timestamp,
            len(envelope),
            len(key),
            len(partition),
            numbered,
        )
        content = b"".join((head, envelope, key, partition, value))
        return content + _CHECKSUM.pack(crc32(content))


def place(frame: bytes) -> tuple[int, int, int]:
    """Position and sequence of an encoded frame, and the sequence that comes behind it."""
    head = _HEAD.unpack_from(frame)
    return head[3], head[4], head[4] + head[9]


class Decoder:
    """Bytes of a file in any portions in, frames and damage out, in their order."""

    def __init__(self) -> None:
        self._buffer = b""
        self._skipped = 0
        self._missing = 0  # bytes without which the frame at the buffer's begin is not whole
        self._portions: list[bytes] = []
        self._envelopes: dict[bytes, tuple[str, Headers] | None] = {}

    def feed(self, data: bytes) -> Iterator[Frame | Damage]:
        """What the bytes complete."""
        self._portions.append(data)
        self._missing -= len(data)
        if self._missing > 0:  # a long frame's portions are joined once
            return
        self._buffer += b"".join(self._portions)
        self._portions.clear()
        yield from self._frames()

    def end(self) -> Iterator[Frame | Damage]:
        """The file is over: what is left is no frame, but may hold some."""
        self._buffer += b"".join(self._portions)
        self._portions.clear()
        torn = not self._skipped and MARK.startswith(self._buffer[: len(MARK)])
        while self._buffer:
            # What looks like a frame that goes on behind the end may be damage with frames in it.
            following = self._resume(1)
            if following >= len(self._buffer) - len(MARK):
                following = len(self._buffer)
            self._skipped += following
            self._buffer = self._buffer[following:]
            for one in self._frames():
                torn = torn and not isinstance(one, Frame)
                yield one
        if self._skipped:
            yield Damage(self._skipped, torn=torn)
            self._skipped = 0
        self._missing = 0

    def _frames(self) -> Iterator[Frame | Damage]:
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

    def _next(self, at: int) -> tuple[Frame | None, int] | None:
        """A frame, or None for what is none, and where it ends; None when more is needed."""
        buffer = self._buffer
        left = len(buffer) - at
        if left < OVERHEAD:
            self._missing = OVERHEAD - left
            return None
        length, turned = _LENGTHS.unpack_from(buffer, at + len(MARK))
        if (
            not buffer.startswith(MARK, at)
            or length != turned ^ _TURNED
            or not OVERHEAD <= length <= LONGEST
        ):
            return None, self._resume(at + 1)
        if length > left:
            self._missing = length - left
            return None
        end = at + length
        content = buffer[at : end - _CHECKSUM.size]
        (checksum,) = _CHECKSUM.unpack_from(buffer, end - _CHECKSUM.size)
        frame = self._frame(content) if crc32(content) == checksum else None
        return (frame, end) if frame is not None else (None, self._resume(at + 1))

    def _resume(self, at: int) -> int:
        found = self._buffer.find(MARK, at)
        return found if found >= 0 else max(at, len(self._buffer) - len(MARK) + 1)

    def _frame(self, content: bytes) -> Frame | None:
        """What the checksum vouches for; None for what no encoder of ours has made."""
        _, _, _, position, sequence, timestamp, envelope, key, partition, kind = _HEAD.unpack_from(
            content
        )
        at_key = _HEAD.size + envelope
        at_partition = at_key + key
        at_value = at_partition + partition
        opened = self._opened(content[_HEAD.size : at_key])
        if at_value > len(content) or opened is None or kind > 1:
            return None
        topic, headers = opened
        record = EncodedRecord(
            topic,
            content[at_key:at_partition],
            content[at_value:],
            timestamp,
            headers,
            content[at_partition:at_value],
            sequence if kind else UNNUMBERED,
        )
        return Frame(position, sequence + kind, record)

    def _opened(self, envelope: bytes) -> tuple[str, Headers] | None:
        if envelope not in self._envelopes:
            if len(self._envelopes) >= _ENVELOPES:
                self._envelopes.clear()
            self._envelopes[envelope] = _opened(envelope)
        return self._envelopes[envelope]


def _envelope(topic: str, headers: Headers) -> bytes:
    pairs = [(name, value.decode("latin-1")) for name, value in headers]
    return json.dumps([topic, pairs], separators=(",", ":")).encode("ascii")


def _opened(envelope: bytes) -> tuple[str, Headers] | None:
    try:
        topic, pairs = json.loads(envelope)
        opened = topic, tuple((name, value.encode("latin-1")) for name, value in pairs)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    names = (topic, *(name for name, _ in opened[1]))
    return opened if all(isinstance(name, str) for name in names) else None
