"""Writes pcap and pcapng by hand, for what no tool writes; and what tshark reads in a file."""

import struct
import subprocess
from decimal import Decimal
from pathlib import Path

from shipper.capture.capture_file import CaptureFile
from shipper.capture.container import Frame

CAPTURES = Path(__file__).parents[3] / "shared" / "captures"
END_OF_OPTIONS = (0, b"")
COMMENT, IF_NAME, IF_IPV6, IF_TSRESOL, IF_TSOFFSET, CUSTOM = 1, 2, 5, 9, 14, 2989


def read(path: Path) -> tuple[list[Frame], str | None]:
    """Every frame, and the damage."""
    with CaptureFile(path) as capture:
        return list(capture), capture.damage


def told_by_tshark(path: Path) -> list[tuple[int, int, int]]:
    """Time in ns, bytes captured and bytes on the wire of each frame."""
    fields = ("frame.time_epoch", "frame.cap_len", "frame.len")
    done = subprocess.run(
        ["tshark", "-n", "-r", str(path), "-T", "fields", *(a for f in fields for a in ("-e", f))],
        capture_output=True,
        text=True,
        check=False,
    )
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    return [(int(Decimal(time or 0) * 10**9), int(cap), int(size)) for time, cap, size in rows]


class Pcapng:
    """Blocks of a pcapng file in one byte order."""

    def __init__(self, order: str = "<") -> None:
        self.order = order
        self.bytes = b""

    def block(self, kind: int, body: bytes) -> "Pcapng":
        """Any block."""
        body += bytes(-len(body) % 4)
        length = struct.pack(f"{self.order}I", len(body) + 12)
        self.bytes += struct.pack(f"{self.order}I", kind) + length + body + length
        return self

    def options(self, *options: tuple[int, bytes]) -> bytes:
        """Options, each filled up to four bytes."""
        return b"".join(
            struct.pack(f"{self.order}HH", code, len(value)) + value + bytes(-len(value) % 4)
            for code, value in options
        )

    def section(self, *options: tuple[int, bytes], major: int = 1) -> "Pcapng":
        """A section header."""
        body = struct.pack(f"{self.order}IHHq", 0x1A2B3C4D, major, 0, -1)
        return self.block(0x0A0D0D0A, body + self.options(*options))

    def interface(
        self, link_type: int, *options: tuple[int, bytes], snap_length: int = 0
    ) -> "Pcapng":
        """An interface description."""
        head = struct.pack(f"{self.order}HHI", link_type, 0, snap_length)
        return self.block(1, head + self.options(*options))

    def packet(
        self,
        interface: int,
        ticks: int,
        data: bytes,
        *options: tuple[int, bytes],
        length: int | None = None,
        obsolete: bool = False,
    ) -> "Pcapng":
        """An enhanced packet block, or the obsolete one."""
        form = "HHIIII" if obsolete else "IIIII"
        first = (interface, 0) if obsolete else (interface,)
        head = struct.pack(
            self.order + form,
            *first,
            ticks >> 32,
            ticks & 0xFFFFFFFF,
            len(data),
            len(data) if length is None else length,
        )
        padded = data + bytes(-len(data) % 4)
        return self.block(2 if obsolete else 6, head + padded + self.options(*options))

    def simple(self, data: bytes, length: int | None = None) -> "Pcapng":
        """A simple packet block."""
        size = len(data) if length is None else length
        return self.block(3, struct.pack(f"{self.order}I", size) + data)

    def write(self, path: Path) -> Path:
        """The file."""
        path.write_bytes(self.bytes)
        return path


def pcap(order: str, magic: int, link_type: int, *records: tuple[int, int, bytes, int]) -> bytes:
    """A pcap file; records are seconds, fraction, data and length on the wire."""
    head = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 262144, link_type)
    return head + b"".join(
        struct.pack(f"{order}IIII", seconds, fraction, len(data), length) + data
        for seconds, fraction, data, length in records
    )
