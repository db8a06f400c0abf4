"""Forces files to the disk beside the thread that writes them: a slow disk delays nobody."""

import os
import threading
from queue import SimpleQueue


class Syncer:
    """A thread that syncs the descriptors it is given, and closes them."""

    def __init__(self) -> None:
        self._given: SimpleQueue[int] = SimpleQueue()
        self._failed: OSError | None = None
        self._thread: threading.Thread | None = None

    def submit(self, descriptor: int) -> None:
        """Sync and close this one; it is no longer the caller's."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="spool-sync", daemon=True)
            self._thread.start()
        self._given.put(descriptor)

    def check(self) -> None:
        """Raise the OSError of a sync that failed since the last call."""
        failed, self._failed = self._failed, None
        if failed is not None:
            raise failed

    def close(self) -> None:
        """Wait until all are synced."""
        if self._thread is not None:
            self._given.put(-1)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while (descriptor := self._given.get()) >= 0:
            try:
                os.fdatasync(descriptor)
            except OSError as error:
                self._failed = error
            finally:
                os.close(descriptor)
