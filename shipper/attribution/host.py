"""What is known of this host: its cgroups and the names that go with them, kept by one thread.

The thread sleeps until a cgroup comes or goes, somebody is in a hurry, or a second is over.
"""

import itertools
import logging
import os
import select
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from shipper.attribution.cgroups import Cgroups
from shipper.attribution.holders import Holder
from shipper.attribution.names import Names, Source
from shipper.attribution.parts import Part, merged, place_parts
from shipper.attribution.paths import NOWHERE, Place, place, place_of_process
from shipper.attribution.procfs import version_1_in_use

#: Seconds between two looks at what tells nothing by itself.
_INTERVAL: Final = 1.0

Reason = str


class Host:
    """Places by cgroup, and what is to be said of them."""

    def __init__(
        self,
        root: Path | None,
        sources: Sequence[Source] = (),
        *,
        log: logging.Logger,
        patience: float = 0.05,
    ) -> None:
        """Reads the cgroups below `root`, where there is one. UnavailableError: no inotify.

        `sources` know names. An answer takes no longer than about `patience`, in seconds.
        """
        self.version = 0  #: another one when an earlier answer may be another now
        self._versions = itertools.count(1)
        self._names = Names(sources, changed=self._changed, log=log, patience=patience)
        self._patience = patience
        self._said = False
        self._mixed = version_1_in_use()
        self._log = log
        self._cgroups = Cgroups(root, self._came) if root is not None else None
        if self._cgroups is not None:
            self._cgroups.read()
        self._refreshers: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._wake = -1
        self._ending = False

    def start(self, *refreshers: Callable[[], None]) -> None:
        """Keep it up to date from now on; `refreshers` are called about once a second, or sooner.

        After the last fork: a thread does not come along.
        """
        self._refreshers += refreshers
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._thread = threading.Thread(target=self._run, name="attribution", daemon=True)
        self._thread.start()
        self._names.start()

    def hurry(self) -> None:
        """Have the refreshers called now; only between `start` and `close`."""
        os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        """The thread ends; what is known stays."""
        if self._thread is not None:
            self._ending = True
            os.eventfd_write(self._wake, 1)
            self._thread.join()
            self._thread = None
            os.close(self._wake)
            self._names.close()
        if self._cgroups is not None:
            self._cgroups.close()

    def place(self, cgroup: int | None) -> Place | Reason:
        """The place of a cgroup, or why there is none."""
        if self._cgroups is None:
            return "cgroup_unseen"
        if cgroup is None:
            return "cgroup_absent"
        path = self._cgroups.known.get(cgroup) or self._new(self._cgroups, cgroup)
        return "cgroup_unknown" if path is None else _named(path)

    def place_of_socket(self, cgroup: int | None) -> Place | Reason:
        """The place of whoever made a socket in this cgroup, where nobody knows who holds it.

        Where a part of the cgroups is of version 1, a unit may be the container runtime's own.
        """
        found = self.place(cgroup)
        if self._mixed and isinstance(found, Place) and not found.container:
            return "cgroup_mixed"
        return found

    def place_of(self, holder: Holder) -> Place | Reason:
        """The place of who holds a socket; what its own file says is more."""
        if not holder.cgroup_file or self._cgroups is None:
            return self.place(holder.cgroup)
        found = place_of_process(holder.cgroup_file)
        return "cgroup_unnamed" if found == NOWHERE else found

    def parts(self, of: Place) -> dict[str, Part]:
        """What is to be said of a place."""
        names = self._names.of(of) if of.container or of.pod else {}
        return merged(names, place_parts(of))

    def _new(self, cgroups: Cgroups, cgroup: int) -> str | None:
        """The path of a cgroup that has come just now, before the thread has looked."""
        deadline = time.monotonic() + self._patience
        if self._lock.acquire(timeout=self._patience):
            try:
                while cgroup not in cgroups.known and time.monotonic() < deadline:
                    if not cgroups.refresh():
                        break
            finally:
                self._lock.release()
        return cgroups.known.get(cgroup)

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        if self._cgroups is not None:
            poll.register(self._cgroups, select.POLLIN)
        while True:
            ready = [descriptor for descriptor, _ in poll.poll(_INTERVAL * 1000)]
            if self._wake in ready:
                os.eventfd_read(self._wake)
                if self._ending:
                    return
            if self._cgroups is not None:
                if self._cgroups.fileno() in ready:
                    self._take_in(self._cgroups)
                elif not ready and self._cgroups.unwatched:
                    self._look_again(self._cgroups)
            for refresh in self._refreshers:
                refresh()

    def _take_in(self, cgroups: Cgroups) -> None:
        """What has come and gone; the lock is held for a short while at a time."""
        while True:
            with self._lock:
                if not cgroups.refresh():
                    break
        if cgroups.missed:
            with self._lock:
                cgroups.read()
        self._changed()

    def _look_again(self, cgroups: Cgroups) -> None:
        """Not every change is told: too many cgroups for the watches that a user may have."""
        if not self._said:
            self._said = True
            self._log.warning(
                "%d cgroups can't be watched, and are looked at once a second: "
                "raise fs.inotify.max_user_watches",
                cgroups.unwatched,
            )
        before = len(cgroups.known)
        with self._lock:
            cgroups.read()
        if len(cgroups.known) != before:
            self._changed()

    def _changed(self) -> None:
        self.version = next(self._versions)

    def _came(self, path: str) -> None:
        """Its names are asked for before its first exchange is told."""
        found = place(path)
        if found.container or found.pod:
            self._names.expect(found)


def _named(path: str) -> Place | Reason:
    if path == "/":
        return "cgroup_root"
    found = place(path)
    return "cgroup_unnamed" if found == NOWHERE else found
