"""Processes in; what all of them and all that they start have cost, as the kernel accounts it.

A group is a cgroup of its own (cgroups(7)): its CPU time holds user and system time of every
process that is or was in it, children that have ended included, in microseconds. What the kernel
does for a process in interrupts is charged to whoever was interrupted, and in no group's figure.
"""

import contextlib
import time
from pathlib import Path
from typing import Final

from brokers.waiting import until_empty

_GONE_S: Final = 20.0
#: A group that takes less than this share of a core for so long has nothing left to do.
_QUIET_SHARE: Final = 0.05
_QUIET_S: Final = 0.5


class Group:
    """A cgroup below `parent`; what is adopted stays, and so do its children."""

    def __init__(self, parent: Path, name: str) -> None:
        self._path = parent / name
        self._path.mkdir()

    def adopt(self, *pids: int) -> None:
        """Take these processes in, best before they start others."""
        for pid in pids:
            (self._path / "cgroup.procs").write_text(str(pid))

    def pids(self) -> list[int]:
        """Who is in it now."""
        return [int(pid) for pid in (self._path / "cgroup.procs").read_text().split()]

    def cpu_s(self) -> float:
        """User and system time of all that was ever in it (s)."""
        return self._seconds("usage_usec")

    def user_s(self) -> float:
        """User time alone, which the kernel tells from system time by looking at each tick (s)."""
        return self._seconds("user_usec")

    def _seconds(self, name: str) -> float:
        lines = (self._path / "cpu.stat").read_text().splitlines()
        return int(dict(line.split() for line in lines)[name]) / 1e6

    def pss(self) -> int:
        """Bytes of memory, pages that several hold shared out among them (proc(5), Pss)."""
        return sum(map(_pss, self.pids()))

    def until_quiet(self, at_most_s: float) -> bool:
        """Wait until it has nothing left to do; False when it still had after so long."""
        end = time.monotonic() + at_most_s
        before, at = self.cpu_s(), time.monotonic()
        while time.monotonic() < end:
            time.sleep(_QUIET_S)
            used, now = self.cpu_s(), time.monotonic()
            if used - before < _QUIET_SHARE * (now - at):
                return True
            before, at = used, now
        return False

    def close(self) -> None:
        """Remove it, once all in it have ended."""
        until_empty(self._path, _GONE_S)
        self._path.rmdir()


def _pss(pid: int) -> int:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
