"""Harness: bytes as a file of the spool, whole and in portions; the first says how large those are.

What holds whatever the bytes are: nothing is raised; frames and damage account for every byte;
the portions make no difference; a frame that is found is, encoded again, the bytes that stand in
the file; and what is cut off the end costs no frame before it. A second byte above 127 makes the
checksums right, so that what only stands behind a checksum is reached too.
"""

import json
import struct
import zlib

from shipper.contract.record import UNNUMBERED
from shipper.delivery.spool.frames import MARK, OVERHEAD, Damage, Decoder, Encoder, Frame

LONGEST = 1200
_U32 = struct.Struct("<I")


def check(data: bytes) -> None:
    """Raise AssertionError, or what the decoder raised."""
    size, mended, raw = data[:1] or b"\0", data[1:2] > b"\x7f", data[2:]
    if mended:
        raw = _mended(raw)
    found = _read(raw, len(raw) + 1)
    assert found == _read(raw, size[0] + 1)
    frames = [one for one in found if isinstance(one, Frame)]
    damage = [one for one in found if isinstance(one, Damage)]
    assert not any(one.torn for one in damage[:-1])
    at = covered = 0
    for frame in frames:
        length, at = _stands(raw, frame, at)
        covered += length
    assert covered + sum(one.size for one in damage) == len(raw)
    shorter = [one for one in _read(raw[:-1], 64) if isinstance(one, Frame)]
    assert shorter[: len(frames) - 1] == frames[:-1]


def _read(raw: bytes, portion: int) -> list[Frame | Damage]:
    decoder = Decoder()
    found: list[Frame | Damage] = []
    for at in range(0, len(raw), portion):
        found += decoder.feed(raw[at : at + portion])
    return [*found, *decoder.end()]


def _stands(raw: bytes, frame: Frame, at: int) -> tuple[int, int]:
    """The length of a frame, and where it ends in the bytes behind `at`."""
    record = frame.record
    encoded = Encoder().encode(record, frame.position, frame.following)
    found = raw.find(encoded, at)
    if found >= 0:
        return len(encoded), found + len(encoded)
    # Its envelope may be other JSON that says the same: all else is what it is.
    found = raw.index(MARK, at)
    while True:
        (length,) = _U32.unpack_from(raw, found + len(MARK))
        (envelope,) = _U32.unpack_from(raw, found + 36)
        rest = record.key + record.partition_key + record.value
        behind = raw[found + 52 + envelope : found + length - 4]
        if length == OVERHEAD + envelope + len(rest) and behind == rest:
            topic, headers = json.loads(raw[found + 52 : found + 52 + envelope])
            assert topic == record.topic
            assert len(headers) == len(record.headers)
            assert record.sequence in {UNNUMBERED, frame.following - 1}
            return length, found + length
        found = raw.index(MARK, found + 1)


def _mended(raw: bytes) -> bytes:
    """The same with lengths and checksums that fit, frame behind frame, as far as there are any."""
    made, at = bytearray(raw), 0
    while (at := made.find(MARK, at)) >= 0 and at + OVERHEAD <= len(made):
        following = made.find(MARK, at + 1)
        end = following if following >= at + OVERHEAD else len(made)
        length = end - at
        made[at + 4 : at + 12] = _U32.pack(length) + _U32.pack(length ^ 0xFFFFFFFF)
        made[end - 4 : end] = _U32.pack(zlib.crc32(made[at : end - 4]))
        at = end
    return bytes(made)
