"""Reads capture files: pcap and pcapng, plain or gzipped, into timed frames.

The container is dpkt's business. What is readable of a damaged file is read, and the rest is said.
"""

import gzip
import zlib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

import dpkt

from shipper.errors import InputError

_GZIP = b"\x1f\x8b"
_MICROSECONDS = 1_000_000


class Frame(NamedTuple):
    """One captured frame; `time` is ns since the epoch, `link_type` as in the file."""

    time: int
    link_type: int
    data: bytes


class CaptureFile:
    """An open capture file. `damage` says, after reading, why reading stopped early."""

    def __init__(self, path: Path) -> None:
        """Open `path`; InputError when it is no capture file or can't be read."""
        self.path = path
        self.damage: str | None = None
        try:
            self._raw: BinaryIO = path.open("rb")
            magic = self._raw.read(2)
            self._raw.seek(0)
            if magic == _GZIP:
                self._raw = gzip.GzipFile(fileobj=self._raw)  # type: ignore[assignment]
            self._watched = _Watched(self._raw)
            self._reader = dpkt.pcap.UniversalReader(self._watched)
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror or error}") from error
        except (ValueError, dpkt.UnpackError, EOFError, zlib.error) as error:
            raise InputError(
                f"{path} is no capture file ({error or 'too short'})",
                "give a pcap or pcapng file, plain or gzipped",
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._raw.close()

    def _note_short_read(self) -> None:
        if self._watched.short:
            self.damage = f"{self.path} is damaged or cut off inside its last packet"

    def __iter__(self) -> Iterator[Frame]:
        link_type = self._reader.datalink()
        frames = iter(self._reader)
        while True:
            try:
                time, data = next(frames)
            except StopIteration:
                return
            except (dpkt.UnpackError, ValueError, EOFError, OSError, zlib.error) as error:
                self.damage = f"{self.path} is damaged or cut off ({error or 'too short'})"
                return
            self._note_short_read()
            yield Frame(_nanoseconds(time), link_type, data)


class _Watched:
    """A file that remembers a short read: dpkt takes the last packet as it comes."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self.short = False

    def read(self, size: int = -1) -> bytes:
        data = self._raw.read(size)
        self.short = 0 < len(data) < size
        return data

    def __getattr__(self, name: str) -> object:
        return getattr(self._raw, name)


def _nanoseconds(time: float | Decimal) -> int:
    """Exact: nanosecond files come as Decimal, others have no more than microseconds."""
    if isinstance(time, Decimal):
        return int(time * 1_000_000_000)
    return round(time * _MICROSECONDS) * 1000
