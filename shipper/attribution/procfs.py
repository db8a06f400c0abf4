"""Files of /proc that everybody may read, of a process that pid and start time name (proc(5))."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from shipper.contract.events import Owner

_SECOND: Final = 1_000_000_000
_START: Final = 19  # field 22, counted behind the name, which may hold spaces
#: linux/proc_ns.h: PROC_PID_INIT_INO
_HOST: Final = 0xEFFFFFFC
#: of a command line, in bytes
_LONGEST: Final = 4096


class Procfs:
    """The /proc that is mounted here."""

    def __init__(self, root: Path = Path("/proc")) -> None:
        """Nothing is read of one that shows another pid namespace than the host's."""
        self._root = root
        self._ticks = os.sysconf("SC_CLK_TCK")
        self._hosts = False
        with suppress(OSError):
            self._hosts = (root / "self/ns/pid").stat().st_ino == _HOST
        self._mixed = version_1_in_use(root)

    def command_line(self, owner: Owner) -> list[str]:
        """The words it was started with; none where they can't be known any more."""
        text = self._read(owner, "cmdline")
        return text.rstrip("\0").split("\0") if text.strip("\0") else []

    def cgroups(self, owner: Owner) -> str:
        """Its cgroups, where the host has those of version 1; "" where its id says all."""
        return self._read(owner, "cgroup") if self._mixed else ""

    def tick(self, owner: Owner) -> int:
        """When it started, as field 22 of its stat says it: ticks of the clock since boot."""
        return owner.start * self._ticks // _SECOND

    def _read(self, owner: Owner, name: str) -> str:
        """A file of the very process: it is still the one when it has been read."""
        if not self._hosts or not owner.start:
            return ""
        folder = self._root / str(owner.pid)
        try:
            with (folder / name).open("rb") as file:
                text = file.read(_LONGEST)
        except OSError:
            return ""
        return text.decode("latin-1") if self._is(owner, folder) else ""

    def _is(self, owner: Owner, folder: Path) -> bool:
        try:
            return started(folder) == self.tick(owner)
        except OSError:
            return False


def started(folder: Path) -> int:
    """When the process of this folder of /proc started: ticks of the clock since boot. OSError."""
    return int((folder / "stat").read_bytes().rpartition(b")")[2].split()[_START])


def version_1_in_use(root: Path = Path("/proc")) -> bool:
    """Whether there are hierarchies of cgroups besides that of version 2 (cgroups(7))."""
    try:
        return (root / "self/cgroup").read_text().count("\n") > 1
    except OSError:
        return False
