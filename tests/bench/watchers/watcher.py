"""What every watcher does, and what it tells in the end."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from bench.load import Group, Site


@dataclass(frozen=True)
class Told:
    """What is known once a watcher has ended; what it has no figure for is None."""

    #: id -> how often it was told
    ids: Counter[str] = field(default_factory=Counter)
    #: of these, what was not told whole
    partial: set[str] = field(default_factory=set)
    #: run time of kernel programs under the load (s)
    kernel_s: float | None = None
    #: from an exchange's last packet to its record in the broker's log, each (ms)
    appended_ms: list[float] = field(default_factory=list)
    #: upper bound -> how many were acknowledged so long after their last packet, or sooner
    acknowledged_ms: dict[float, float] = field(default_factory=dict)
    #: losses that the watcher itself has counted, by reason
    counted: dict[str, int] = field(default_factory=dict)


class Watcher(Protocol):
    """One that watches; the methods are called in this order, each once."""

    name: str

    def start(self, site: Site, group: Group, run: str) -> None:
        """Begin, with all processes in the group; returns when it captures."""

    def loaded(self) -> None:
        """The load begins."""

    def settled(self) -> None:
        """The load is over, and the watcher has nothing left to do."""

    def stop(self) -> Told:
        """End in order, so that all is told."""

    def close(self) -> None:
        """End, if it runs, and forget what it made."""


class Nobody:
    """Nobody watches: what the load takes by itself."""

    name = "nobody"

    def start(self, site: Site, group: Group, run: str) -> None:
        """Nothing."""

    def loaded(self) -> None:
        """Nothing."""

    def settled(self) -> None:
        """Nothing."""

    def stop(self) -> Told:
        """Nothing."""
        return Told()

    def close(self) -> None:
        """Nothing."""
