"""The executable of a process -> its SHA-256, taken once for each file."""

import hashlib
import os
from collections import OrderedDict
from pathlib import Path
from typing import Final

#: Files that are larger have no digest: reading one takes no longer than a second or two.
_LARGEST: Final = 256 << 20
_KEPT: Final = 1024


class Digests:
    """Remembers what a file was: device, inode, size and times of change tell it from others."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[int, ...], str] = OrderedDict()

    def of(self, path: Path) -> str | None:
        """64 hexadecimal digits; None for a file that is too large. OSError where it is closed."""
        with path.open("rb") as file:
            stat = os.fstat(file.fileno())
            key = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
            if key in self._known:
                self._known.move_to_end(key)
            elif stat.st_size > _LARGEST:
                return None
            else:
                self._known[key] = hashlib.file_digest(file, "sha256").hexdigest()
                if len(self._known) > _KEPT:
                    self._known.popitem(last=False)
            return self._known[key]
