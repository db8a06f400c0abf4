"""Containers: every frame with its interface's link type, its time and its length on the wire."""

import gzip
import random
import struct
import subprocess
import sys
import tracemalloc
import zlib
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shipper.errors import InputError

from .containers import (
    CAPTURES,
    COMMENT,
    CUSTOM,
    END_OF_OPTIONS,
    IF_IPV6,
    IF_NAME,
    IF_TSOFFSET,
    IF_TSRESOL,
    Pcapng,
    pcap,
    read,
    told_by_tshark,
)

ETHERNET, NULL, RAW = 1, 0, 101
OF_ETHERNET = CAPTURES / "http-pipelining.pcap"
OF_NULL = CAPTURES / "http-uri-spaces.pcap"
PACKET = bytes(range(60))
SECOND = 10**9


def editcap(*arguments: str | Path) -> None:
    """Run editcap."""
    subprocess.run(["editcap", *map(str, arguments)], check=True, capture_output=True)


def same_as_tshark(path: Path) -> None:
    """Times, captured bytes and lengths agree, and nothing is damaged."""
    frames, damage = read(path)
    assert damage is None
    assert frames
    assert [(f.time, len(f.data), f.length) for f in frames] == told_by_tshark(path)


@pytest.mark.parametrize("form", ["pcap", "nsecpcap", "modpcap", "pcapng"])
@pytest.mark.parametrize("arguments", [(), ("-s", "70"), ("-t", "0.123456789")])
def test_what_editcap_writes(tmp_path: Path, form: str, arguments: tuple[str, ...]) -> None:
    """Each container, cut to 70 bytes a packet, and with nanoseconds."""
    path = tmp_path / "capture"
    editcap("-F", form, *arguments, OF_ETHERNET, path)
    same_as_tshark(path)


def test_files_of_several_link_types_merged(tmp_path: Path) -> None:
    """Mergecap gives each file's packets an interface of their own, and sorts them by time."""
    path = tmp_path / "merged.pcapng"
    later = tmp_path / "later.pcap"
    # Into the middle of the other file.
    shift = read(OF_ETHERNET)[0][20].time // SECOND - read(OF_NULL)[0][0].time // SECOND
    editcap("-t", str(shift), OF_NULL, later)
    subprocess.run(["mergecap", "-w", str(path), str(OF_ETHERNET), str(later)], check=True)
    same_as_tshark(path)
    kinds = [frame.link_type for frame in read(path)[0]]
    assert kinds.count(NULL) == len(read(OF_NULL)[0])
    assert kinds.count(ETHERNET) == len(read(OF_ETHERNET)[0])
    assert kinds != sorted(kinds)
    assert kinds != sorted(kinds, reverse=True)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "ns"), [(0xA1B2C3D4, 1000), (0xA1B23C4D, 1)])
def test_pcap_in_both_byte_orders(tmp_path: Path, order: str, magic: int, ns: int) -> None:
    """To the microsecond and to the nanosecond, with a link type whose upper bits say more."""
    path = tmp_path / "a.pcap"
    records = [(1_700_000_000, 999_999, PACKET, 60), (1_700_000_001, 7, PACKET[:40], 1500)]
    path.write_bytes(pcap(order, magic, ETHERNET | 0x24000000, *records))
    frames, damage = read(path)
    assert damage is None
    assert [(f.time, f.link_type, f.data, f.length) for f in frames] == [
        (seconds * SECOND + fraction * ns, ETHERNET, data, length)
        for seconds, fraction, data, length in records
    ]


@pytest.mark.parametrize("order", ["<", ">"])
def test_each_interface_has_its_own_clock(tmp_path: Path, order: str) -> None:
    """Resolutions by powers of ten and of two, and an offset, as tshark reads them."""
    file = Pcapng(order).section()
    ticks = {0: 1_700_000_001, 3: 1_700_000_002_003, 9: 1_700_000_003_000_000_004}
    ticks |= {0x80 | 10: 1_700_000_005 << 10 | 512, 0x80 | 20: 1_700_000_006 << 20 | 1}
    for resolution in ticks:
        file.interface(ETHERNET, (IF_TSRESOL, bytes([resolution])), END_OF_OPTIONS)
    file.interface(RAW, (IF_TSOFFSET, struct.pack(f"{order}q", 1_600_000_000)))
    for index, count in enumerate(ticks.values()):
        file.packet(index, count, PACKET)
    file.packet(len(ticks), 100_000_000_000_007, PACKET)
    path = file.write(tmp_path / "clocks.pcapng")
    same_as_tshark(path)
    frames, _ = read(path)
    assert frames[-1].time == 1_700_000_000_000_007_000
    assert frames[2].time == 1_700_000_003_000_000_004
    assert [frame.link_type for frame in frames] == [ETHERNET] * len(ticks) + [RAW]


def test_sections_of_both_byte_orders_and_every_kind_of_packet(tmp_path: Path) -> None:
    """Interfaces begin anew with a section; what is not a packet is passed over."""
    parts = []
    for order, link_type in (("<", ETHERNET), (">", RAW)):
        file = Pcapng(order).section((COMMENT, b"\xff\xfe no UTF-8"), (4, b"a tool"))
        file.interface(
            link_type,
            (IF_NAME, b"eth0"),
            (IF_IPV6, bytes(17)),
            (CUSTOM, b"\0\0\x7d\xd9abc"),
            END_OF_OPTIONS,
            snap_length=50,
        )
        secrets = struct.pack(f"{order}II", 0x544C534B, 5) + b"# TLS"
        file.block(0x0000000A, secrets).block(0xB0B, bytes(70_000)).block(5, bytes(12))
        file.packet(0, 1_700_000_000_000_000, PACKET[:50], (COMMENT, b"\xc3"), length=60)
        file.packet(0, 1_700_000_000_000_001, PACKET[:33], obsolete=True)
        file.simple(PACKET[:50], 60).simple(PACKET[:31])
        parts.append(file.bytes)
    path = tmp_path / "sections.pcapng"
    path.write_bytes(b"".join(parts))
    frames, damage = read(path)
    assert damage is None
    assert [(f.link_type, len(f.data), f.length) for f in frames] == [
        (link_type, *sizes)
        for link_type in (ETHERNET, RAW)
        for sizes in ((50, 60), (33, 33), (50, 60), (31, 31))
    ]
    assert [f[1:] for f in told_by_tshark(path)] == [f[1:] for f in told_sizes(frames)]
    assert frames[2].time == frames[3].time == frames[1].time == 1_700_000_000_000_001_000


def told_sizes(frames: list) -> list[tuple[int, int, int]]:  # type: ignore[type-arg]
    """Frames as tshark tells them."""
    return [(f.time, len(f.data), f.length) for f in frames]


def test_a_broken_block_costs_itself_alone(tmp_path: Path) -> None:
    """Later interfaces keep their numbers, later packets are read, and the damage is said."""
    file = Pcapng().section()
    file.interface(ETHERNET, (IF_TSRESOL, b"\x06\x06"))  # one byte is right
    file.interface(RAW)
    file.packet(0, 1, PACKET).packet(1, 2, PACKET).packet(7, 3, PACKET)
    file.block(6, struct.pack("<IIIII", 1, 0, 4, 4000, 4000) + PACKET)
    file.block(6, bytes(8)).packet(1, 5, PACKET)
    frames, damage = read(file.write(tmp_path / "broken.pcapng"))
    assert [(f.link_type, f.time) for f in frames] == [(RAW, 2000), (RAW, 5000)]
    assert damage
    assert "makes no sense" in damage


@pytest.mark.parametrize(
    ("resolution", "ticks", "time"),
    [(0, (1 << 64) - 1, (1 << 63) - 1), (0xFF, (1 << 64) - 1, 0), (127, 5, 0)],
)
def test_times_beyond_all_sense(tmp_path: Path, resolution: int, ticks: int, time: int) -> None:
    """They are moved to the ends of what a time can be."""
    file = Pcapng().section().interface(RAW, (IF_TSRESOL, bytes([resolution])))
    frames, _ = read(file.packet(0, ticks, PACKET).write(tmp_path / "a.pcapng"))
    assert [frame.time for frame in frames] == [time]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (pcap("<", 0xA1B2C3D4, 1, (0, 0, PACKET, 60)) + b"\xff" * 16, "can't be"),
        (Pcapng().section().bytes + struct.pack("<II", 6, 8) + bytes(40), "can't be"),
        (Pcapng().section().bytes + struct.pack("<II", 6, 18) + bytes(40), "can't be"),
        (
            Pcapng().section().bytes + struct.pack("<II", 99, 1 << 31) + bytes(40),
            "it ends 40 bytes later",
        ),
        (Pcapng().section().bytes + struct.pack("<III", 99, 12, 13), "lengths differ"),
        (Pcapng().section().bytes + Pcapng().section(major=2).bytes, "version 2"),
        (Pcapng().section().bytes + Pcapng().bytes + b"\x0a\x0d\x0d\x0a" + bytes(28), "byte order"),
    ],
)
def test_what_can_not_be_gone_on_from(tmp_path: Path, content: bytes, problem: str) -> None:
    """Reading stops, and says where and why."""
    path = tmp_path / "damaged"
    path.write_bytes(content)
    frames, damage = read(path)
    assert damage
    assert problem in damage
    assert f"behind packet {len(frames)} " in damage


@cache
def whole_file(kind: str) -> bytes:
    """A file of a few hundred frames: two interfaces in the pcapng, two members in the gzip."""
    plain = OF_NULL.read_bytes()
    if kind == "pcap":
        return plain
    file = Pcapng(">").section().interface(ETHERNET).interface(RAW, (IF_TSRESOL, b"\x09"))
    for number in range(40):
        file.packet(number % 2, number, PACKET[: number + 1], (COMMENT, b"x"))
        if number % 10 == 0:
            file.block(99, bytes(20))
    if kind == "pcapng":
        return file.bytes
    return gzip.compress(plain[:1000], mtime=0) + gzip.compress(plain[1000:], mtime=0)


def read_bytes(folder: Path, content: bytes) -> tuple[list, str | None]:  # type: ignore[type-arg]
    """The frames of a file of this content; one that is refused has none."""
    path = folder / "part"
    path.write_bytes(content)
    try:
        return read(path)
    except InputError as error:
        return [], str(error)


@pytest.mark.parametrize("kind", ["pcap", "pcapng", "gzip"])
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_the_beginning_of_a_file_is_the_beginning_of_its_frames(
    tmp_path: Path, kind: str, data: st.DataObject
) -> None:
    """Wherever a file is cut: the frames up to there, and a word about the cut.

    Nothing is said only where nobody could know: between two blocks.
    """
    content = whole_file(kind)
    frames, damage = read_bytes(tmp_path, content)
    assert damage is None
    cut = data.draw(st.integers(0, len(content) - 1))
    some, said = read_bytes(tmp_path, content[:cut])
    assert some == frames[: len(some)]
    if not said:
        # A member of the gzip ends within a packet here: each of its cuts is to be noticed.
        assert kind != "gzip"
        again, _ = read_bytes(tmp_path, content[:cut] + content[cut:])
        more, said_of_more = read_bytes(tmp_path, content[: cut + 1])
        assert (again, more) == (frames, some)
        assert said_of_more


@pytest.mark.parametrize("kind", ["pcap", "pcapng", "gzip"])
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 1 << 32))
def test_garbage_in_a_file_is_never_a_traceback(tmp_path: Path, kind: str, seed: int) -> None:
    """What stands in front of the garbage is read as if there were none."""
    chance = random.Random(seed)
    content = whole_file(kind)
    frames, _ = read_bytes(tmp_path, content)
    at = chance.randrange(len(content))
    garbage = chance.randbytes(chance.choice((1, 4, 16, 200)))
    before, _ = read_bytes(tmp_path, content[:at])
    found, _ = read_bytes(tmp_path, content[:at] + garbage + content[at + len(garbage) :])
    assert found[: len(before)] == before == frames[: len(before)]


def test_a_gzip_file_is_read_up_to_the_byte(tmp_path: Path) -> None:
    """Not only up to the last buffer that was whole."""
    content = whole_file("pcap")
    packed = gzip.compress(content, compresslevel=0)
    half = read_bytes(tmp_path, content[: len(content) // 2])[0]
    found, damage = read_bytes(tmp_path, packed[: len(packed) // 2 + 20])
    assert len(found) >= len(half) > 3
    assert damage
    assert "gzip stream is cut off" in damage


def test_memory_does_not_grow_with_what_was_packed(tmp_path: Path) -> None:
    """A block of 200 MB of zeros in 200 KB of gzip is passed over piece by piece."""
    size = 200 << 20
    packer = zlib.compressobj(wbits=31)
    head = Pcapng().section().interface(RAW).bytes + struct.pack("<II", 99, size + 12)
    packed = [packer.compress(head)]
    packed += [packer.compress(bytes(1 << 20)) for _ in range(200)]
    tail = struct.pack("<I", size + 12) + Pcapng().packet(0, 7, PACKET).bytes
    packed += [packer.compress(tail), packer.flush()]
    path = tmp_path / "bomb.pcapng.gz"
    path.write_bytes(b"".join(packed))
    tracemalloc.start()
    frames, damage = read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert ([frame.data for frame in frames], damage) == ([PACKET], None)
    assert peak < 2 << 20


def test_the_agent_brings_no_reader_of_capture_files() -> None:
    """Nor the library that they need: it is memory that an edge host does not have to spare."""
    code = "import sys, shipper.agent; sys.exit('dpkt' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
