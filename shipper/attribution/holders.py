"""Who holds the sockets at the two ends of a connection: what another source than paths tells."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from shipper.contract.exchange import Exchange


@dataclass(frozen=True, slots=True, eq=False)
class Holder:
    """A process that holds an end of connections.

    `cgroup` is the id of its cgroup (v2), `cgroup_file` the text of its /proc/PID/cgroup where it
    was read (on hosts with cgroup v1 it alone tells the container); `parts` are the record's
    `process` and `user` as far as they are known. One object stands for all connections of the
    process: it is equal to itself alone, and is the key of what is kept about it.
    """

    cgroup: int | None = None
    cgroup_file: str = ""
    parts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class Ends(NamedTuple):
    """The holders of both ends; None where an end is not on this host, or not known."""

    source: Holder | None = None
    destination: Holder | None = None


NOBODY: Final = Ends()


class Sockets(Protocol):
    """Tells who holds the ends of a connection."""

    def ends(self, exchange: Exchange) -> Ends:
        """The holders when the exchange took place, from memory: no system call, no waiting."""
        ...

    def refresh(self) -> None:
        """Do what takes time; called about once a second, from the thread of attribution."""
        ...

    def totals(self) -> dict[str, Any]:
        """`named`: exchanges whose process was told; `unnamed`: the others, by reason."""
        ...
