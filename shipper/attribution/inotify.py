"""inotify(7): directories that come and go below those watched."""

import ctypes
import os
import struct
from pathlib import Path
from typing import Final, NamedTuple

from shipper.errors import UnavailableError

CREATED: Final = 0x00000100
DELETED: Final = 0x00000200
OVERFLOWED: Final = 0x00004000
IGNORED: Final = 0x00008000
_ONLY_DIRECTORY: Final = 0x01000000
_IS_DIRECTORY: Final = 0x40000000
_HEAD: Final = struct.Struct("=iIII")
#: Some 80 changes: what is done for them at once stays short.
_BUFFER: Final = 4 << 10


class Change(NamedTuple):
    """What happened to a directory `name` in the one watched as `watch`."""

    watch: int
    what: int
    name: str


class Inotify:
    """One inotify instance that looks at directories alone."""

    def __init__(self) -> None:
        """UnavailableError where the user has all the instances that he may have."""
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor: int = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor < 0:
            why = os.strerror(ctypes.get_errno())
            raise UnavailableError(
                f"no inotify instance ({why})", "raise fs.inotify.max_user_instances"
            )

    def fileno(self) -> int:
        """Readable when something has changed."""
        return self._descriptor

    def watch(self, path: Path) -> int:
        """The number of the watch on `path`; OSError where it is gone or there are too many."""
        mask = CREATED | DELETED | _ONLY_DIRECTORY
        number: int = self._libc.inotify_add_watch(self._descriptor, os.fsencode(path), mask)
        if number < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(path))
        return number

    def changes(self) -> list[Change]:
        """What has changed since, the oldest first and not all of many; does not wait."""
        try:
            data = os.read(self._descriptor, _BUFFER)
        except BlockingIOError:
            return []
        found: list[Change] = []
        at = 0
        while at < len(data):
            watch, mask, _, length = _HEAD.unpack_from(data, at)
            at += _HEAD.size
            name = os.fsdecode(data[at : at + length].rstrip(b"\0"))
            at += length
            if mask & (_IS_DIRECTORY | OVERFLOWED | IGNORED):
                found.append(Change(watch, mask, name))
        return found

    def close(self) -> None:
        """All watches go with it."""
        os.close(self._descriptor)
