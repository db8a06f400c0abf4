"""Forces files to the disk beside the thread that writes them: a slow disk delays nobody."""

import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple


class _Task(NamedTuple):
    descriptor: int
    keep: bool
    remove: Sequence[Path] = ()


class Syncer:
    """A thread that syncs the descriptors it is given."""

    def __init__(self) -> None:
        self._given: SimpleQueue[_Task | None] = SimpleQueue()
        self._failed: OSError | None = None
        self._thread: threading.Thread | None = None

    def submit(self, descriptor: int) -> None:
        """Sync and close this one; it is no longer the caller's."""
        self._put(_Task(descriptor, keep=False))

    def remove(self, paths: Sequence[Path], state: int) -> None:
        """Remove files once `state`, which stays the caller's, is synced."""
        self._put(_Task(state, keep=True, remove=paths))

    def check(self) -> None:
        """Raise the OSError of a sync that failed since the last call."""
        failed, self._failed = self._failed, None
        if failed is not None:
            raise failed

    def close(self) -> None:
        """Wait until all is done."""
        if self._thread is not None:
            self._given.put(None)
            self._thread.join()
            self._thread = None

    def _put(self, task: _Task) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="spool-sync", daemon=True)
            self._thread.start()
        self._given.put(task)

    def _run(self) -> None:
        while (task := self._given.get()) is not None:
            try:
                os.fdatasync(task.descriptor)
            except OSError as error:
                self._failed = error
            finally:
                if not task.keep:
                    os.close(task.descriptor)
            for path in task.remove:
                with suppress(OSError):
                    path.unlink()
