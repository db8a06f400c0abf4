"""A group in; how much memory it held meanwhile."""

import threading
from typing import Final, Self

from .accounts import Group

_EVERY_S: Final = 0.25


class Memory:
    """Looks at a group's memory now and then, for as long as it is entered (bytes)."""

    def __init__(self, group: Group) -> None:
        self.peak = self.end = 0
        self._group = group
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._take()

    def _look(self) -> None:
        while not self._over.wait(_EVERY_S):
            self._take()

    def _take(self) -> None:
        self.end = self._group.pss()
        self.peak = max(self.peak, self.end)
