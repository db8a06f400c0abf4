"""Frames: back as they were, whatever happens to the bytes between them."""

import time
import zlib
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.conftest import record
from shipper.contract.record import UNNUMBERED, EncodedRecord
from shipper.delivery.spool import Damage, Decoder, Encoder, Frame
from shipper.delivery.spool.frames import LONGEST, MARK, OVERHEAD, place

_POOL = [
    record(n)._replace(
        value=value,
        key=b"%d" % n,
        sequence=n if n % 5 else UNNUMBERED,
        headers=headers,
        topic=topic,
    )
    for n, (value, headers, topic) in enumerate(
        (value, headers, topic)
        for value in (b"", b"{}", MARK, MARK * 3 + b"\0" * 80, b"v" * 300)
        for headers in ((), (("a", b"\xff\x00"), ("ä", b"")))
        for topic in ("t", "http.header.v1")
    )
]
_RECORDS = st.lists(st.sampled_from(_POOL), max_size=12)


def written(records: Iterable[EncodedRecord], first: int = 0) -> list[tuple[bytes, Frame]]:
    """Their frames, as bytes and as they should come back."""
    encoder, following, made = Encoder(), 0, []
    for position, each in enumerate(records, first):
        frame = encoder.encode(each, position, following)
        numbered = each.sequence != UNNUMBERED
        assert place(frame)[:2] == (position, each.sequence if numbered else following)
        following = each.sequence + 1 if numbered else following
        made.append((frame, Frame(position, following, each)))
    return made


def read(data: bytes, portions: Iterable[int] = ()) -> list[Frame | Damage]:
    """What a decoder makes of bytes that come in portions of these sizes."""
    decoder, at = Decoder(), 0
    found: list[Frame | Damage] = []
    for size in portions:
        found += decoder.feed(data[at : at + size])
        at += size
    found += decoder.feed(data[at:])
    return [*found, *decoder.end()]


def whole(data: bytes, found: list[Frame | Damage]) -> list[Frame]:
    """The frames; with the damage they account for every byte."""
    frames = [one for one in found if isinstance(one, Frame)]
    size = sum(len(Encoder().encode(one.record, one.position, one.following)) for one in frames)
    assert size + sum(one.size for one in found if isinstance(one, Damage)) == len(data)
    return frames


_ANY = st.builds(
    EncodedRecord,
    st.text(max_size=9),
    st.binary(max_size=40),
    st.binary(max_size=2000),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.lists(st.tuples(st.text(max_size=5), st.binary(max_size=9)), max_size=3).map(tuple),
    st.binary(max_size=40),
    st.integers(UNNUMBERED, (1 << 63) - 1),
)


@given(st.lists(_ANY, max_size=8), st.lists(st.integers(0, 700), max_size=30))
def test_any_record_comes_back(records: list[EncodedRecord], portions: list[int]) -> None:
    """Whatever is in them, and in whatever portions they are read."""
    made = written(records)
    data = b"".join(frame for frame, _ in made)
    assert read(data, portions) == [frame for _, frame in made]


@given(_RECORDS, st.integers(0, 1 << 20), st.lists(st.integers(1, 90), max_size=40))
def test_a_torn_end(records: list[EncodedRecord], cut: int, portions: list[int]) -> None:
    """Cut anywhere, all whole frames are there, and the rest is called torn."""
    made = written(records)
    data = b"".join(frame for frame, _ in made)
    data = data[: cut % (len(data) + 1)]
    inside, size = [], 0
    for raw, frame in made:
        if size + len(raw) > len(data):
            break
        size += len(raw)
        inside.append(frame)
    torn = [Damage(len(data) - size, torn=True)] if size < len(data) else []
    assert read(data, portions) == [*inside, *torn]


@given(_RECORDS, st.data())
@settings(max_examples=300)
def test_damage_costs_only_what_it_hits(records: list[EncodedRecord], data: st.DataObject) -> None:
    """Bits turned, ranges written over or cut out, bytes pushed in: all other frames come once."""
    made = written(records)
    raw = b"".join(frame for frame, _ in made)
    first = data.draw(st.integers(0, len(raw)))
    last = data.draw(st.integers(first, min(len(raw), first + data.draw(st.integers(0, 400)))))
    new = data.draw(st.one_of(st.just(b""), st.binary(max_size=60), st.just(MARK * 9)))
    bad = raw[:first] + new + raw[last:]
    found = read(bad, data.draw(st.lists(st.integers(1, 200), max_size=20)))
    intact = [frame for bytes_of, frame in made if bytes_of in bad]
    assert whole(bad, found) == intact


@given(_RECORDS.filter(bool), st.data())
def test_any_bit(records: list[EncodedRecord], data: st.DataObject) -> None:
    """One bit turned costs its frame and no other."""
    made = written(records)
    raw = bytearray(b"".join(frame for frame, _ in made))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= 1 << data.draw(st.integers(0, 7))
    expected, size = [], 0
    for whole_frame, frame in made:
        if not size <= at < size + len(whole_frame):
            expected.append(frame)
        size += len(whole_frame)
    assert whole(bytes(raw), read(bytes(raw))) == expected


@given(_RECORDS, _RECORDS, st.binary(max_size=70))
def test_files_one_behind_the_other(
    one: list[EncodedRecord], other: list[EncodedRecord], between: bytes
) -> None:
    """Whatever two files and rubbish between them: both are read whole."""
    made = [*written(one), *written(other, 900)]
    halves = (b"".join(raw for raw, _ in written(one)), b"".join(r for r, _ in written(other, 900)))
    found = read(between.join(halves))
    assert whole(between.join(halves), found) == [frame for _, frame in made]


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_no_bytes_are_an_error(noise: bytes, envelope: bytes) -> None:
    """Not even a frame whose checksum is right and whose content nobody has written."""
    assert all(isinstance(one, Damage) for one in read(noise))
    frame = bytearray(written([record(1)])[0][0])
    real = b'["http.header.v1"'
    at = frame.index(real)
    frame[at : at + len(envelope[:16])] = envelope[:16]
    frame[-4:] = zlib.crc32(frame[:-4]).to_bytes(4, "little")
    assert len(read(bytes(frame))) == 1


def test_a_big_damaged_file_takes_no_time() -> None:
    """16 MB of frames with broken heads, of heads alone, of marks, or of zeros: seconds at most."""
    frame = written([record(1)._replace(value=b"x" * 900)])[0][0]
    count = (16 << 20) // len(frame)
    longer = bytearray(frame)
    longer[4:8] = (LONGEST - 1).to_bytes(4, "little")
    bodiless = frame[:OVERHEAD]
    for bad in (bytes(longer) * count, bodiless * count * 8, MARK * (4 << 20), bytes(16 << 20)):
        began = time.process_time()
        found = read(bad, [1 << 18] * 80)
        assert time.process_time() - began < 8
        assert whole(bad, found) == []


def test_too_long_a_record() -> None:
    """What no reader would believe is not written."""
    with pytest.raises(ValueError, match="longer than any frame"):
        Encoder().encode(record(1)._replace(value=bytes(LONGEST)), 0, 0)
