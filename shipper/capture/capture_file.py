"""Reads capture files: pcap and pcapng, plain or gzipped, into timed frames.

What is readable of a damaged file is read, and the rest is said.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from shipper.capture import inflated
from shipper.capture.container import DamageError, Frame, Stream
from shipper.closing import Closing
from shipper.errors import InputError

if TYPE_CHECKING:
    from shipper.capture.pcap import PcapReader
    from shipper.capture.pcapng import PcapngReader

_REMEDY = "give a pcap or pcapng file, plain or gzipped"


class CaptureFile(Closing):
    """An open capture file. `damage` says, after reading, what could not be read and why."""

    def __init__(self, path: Path) -> None:
        """Open `path`; InputError when it is no capture file or can't be read."""
        self.path = path
        self.damage: str | None = None
        self._inflated: inflated.Inflated | None = None
        try:
            self._raw: BinaryIO = path.open("rb")
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror or error}") from error
        try:
            self._reader = self._recognise()
        except OSError as error:
            self._raw.close()
            raise InputError(f"cannot read {path}: {error.strerror or error}") from error
        except DamageError as error:
            self._raw.close()
            raise InputError(f"{path} is no capture file ({error})", _REMEDY) from error

    def _recognise(self) -> "PcapReader | PcapngReader":
        # Here, because they bring dpkt along: 3 MB that an agent, who reads no file, is spared.
        from shipper.capture import pcap, pcapng  # noqa: PLC0415

        start = self._raw.read(len(inflated.MAGIC))
        self._raw.seek(0)
        if start == inflated.MAGIC:
            self._inflated = inflated.Inflated(self._raw)
        stream = Stream(self._inflated or self._raw)
        magic = stream.exactly(4)
        if magic == pcapng.MAGIC:
            return pcapng.PcapngReader(magic, stream)
        if magic in pcap.MAGICS:
            return pcap.PcapReader(magic, stream)
        raise DamageError("it begins like none")

    def close(self) -> None:
        """Close the file."""
        self._raw.close()

    def __iter__(self) -> Iterator[Frame]:
        """Frames in the order of the file."""
        read = 0
        reason = None
        try:
            for frame in self._reader:
                read += 1
                yield frame
        except (DamageError, OSError) as error:
            reason = f"{error}"
        # A gzip stream may also be damaged exactly between two packets, or behind the last.
        reason = (self._inflated and self._inflated.damage) or reason
        if reason:
            self.damage = f"{self.path} is damaged or cut off behind packet {read} ({reason})"
        elif self._reader.damage:
            self.damage = f"{self.path} is damaged: {self._reader.damage}"
