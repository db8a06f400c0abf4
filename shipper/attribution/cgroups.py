"""The id of a cgroup -> its path, kept up to date while cgroups come and go.

The id is the inode number of its directory (kernfs, 64 bits with a generation), so that one which
is gone is never given again: what was known of it stays true, and is kept for the records that
are still to be written.
"""

import os
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final

from shipper.attribution.inotify import CREATED, DELETED, IGNORED, OVERFLOWED, Inotify

#: cgroups remembered after they have gone
_GONE: Final = 8192


class Cgroups:
    """The tree below one cgroup v2 directory.

    `known` is read from other threads while one calls `refresh`: a dict's look-up sees the state
    before or after a change, and an entry never changes its meaning.
    """

    def __init__(self, root: Path, came: Callable[[str], None] = lambda _path: None) -> None:
        """Nothing is read yet; `came` is called with the path of each cgroup as it is met.

        UnavailableError where the kernel gives no inotify instance.
        """
        self.known: dict[int, str] = {}
        self.unwatched = 0  #: directories whose changes are not told: too many watches
        self.missed = False  #: changes were not told: `read` is due
        self._root = root
        self._came = came
        self._inotify = Inotify()
        self._watched: dict[int, str] = {}
        self._ids: dict[str, int] = {}
        self._gone: OrderedDict[int, None] = OrderedDict()

    def fileno(self) -> int:
        """Readable when `refresh` has something to do."""
        return self._inotify.fileno()

    def read(self) -> None:
        """Look at the whole tree: at the start, and where changes were not told."""
        before = dict(self._ids)
        self._ids.clear()
        self.unwatched = 0
        self.missed = False
        self._enter("")
        for path, number in before.items():
            if self._ids.get(path) != number:
                self._forget(number)

    def refresh(self) -> bool:
        """Take in some of what has changed since; False when there was nothing."""
        changes = self._inotify.changes()
        for change in changes:
            if change.what & OVERFLOWED:
                self.missed = True
            elif change.what & IGNORED:
                self._watched.pop(change.watch, None)
            elif (parent := self._watched.get(change.watch)) is not None:
                path = f"{parent}/{change.name}"
                if change.what & CREATED:
                    self._enter(path)
                elif change.what & DELETED and (number := self._ids.pop(path, None)):
                    self._forget(number)
        return bool(changes)

    def close(self) -> None:
        """Nothing is told any more; what is known stays."""
        self._inotify.close()

    def _enter(self, path: str) -> None:
        """Take in a directory and all below it.

        Watched first, then listed: what comes between the two is told, and found twice at most.
        """
        at = Path(f"{self._root}{path}")
        try:
            self._watched[self._inotify.watch(at)] = path
        except FileNotFoundError:
            return
        except OSError:
            self.unwatched += 1
        try:
            number = at.stat().st_ino
            with os.scandir(at) as entries:
                below = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            return  # gone, or closed to us
        self._ids[path] = number
        self._gone.pop(number, None)
        if number not in self.known:
            self.known[number] = path or "/"
            self._came(path)
        for name in below:
            self._enter(f"{path}/{name}")

    def _forget(self, number: int) -> None:
        """It is gone: remembered for a while, because its last exchanges come late."""
        self._gone[number] = None
        while len(self._gone) > _GONE:
            oldest, _ = self._gone.popitem(last=False)
            self.known.pop(oldest, None)
