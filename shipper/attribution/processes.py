"""The process that the kernel named with an exchange -> the holder of the connection's end.

What is known of a process is made once, the first time it is met, while it most likely lives:
later it may have ended, and what the kernel said is all there is. Files of /proc are believed only
if they are of the very process, which pid and start time tell; where the pids of /proc are not the
host's (an agent in a pid namespace of its own), they are not read.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shipper.attribution.boot_clock import BootClock
from shipper.attribution.holders import NOBODY, Ends, Holder
from shipper.attribution.procfs import Procfs
from shipper.contract.events import Owner
from shipper.contract.exchange import Exchange

#: Why no process is told.
REASONS: Final = (
    "not_local",  # neither end is known to be on this host
    "unanswered",  # a server's: it is who reads, and that is known once it answers
    "older_connection",  # joined late, by a process that has not been seen reading since
    "not_noted",  # no hook saw whose socket it is
)

#: Processes remembered; beyond it all are met anew.
_KEPT: Final = 8192

Part = dict[str, Any]
#: A command line without its secrets, of its words.
Redact = Callable[[Sequence[str]], str]


@dataclass(frozen=True, slots=True)
class ProcessSettings:
    """What is told of a process besides pid, name, start and user."""

    parents: bool = False
    #: how a command line is told; None: not at all
    command_line: Redact | None = None


class Processes:
    """Answers for the exchanges of one worker, in its thread."""

    def __init__(self, settings: ProcessSettings, procfs: Procfs, clock: BootClock) -> None:
        self.named = 0  #: exchanges whose process is told
        self.unnamed: Counter[str] = Counter()  #: the others, by one of REASONS
        self._settings = settings
        self._procfs = procfs
        self._clock = clock
        self._ends: dict[tuple[Owner, str | None], Ends] = {}

    def ends(self, exchange: Exchange) -> Ends:
        """The holder of the end that the kernel named; it stands at the view's end."""
        owner = exchange.process
        if owner is None:
            self.unnamed[_reason(exchange)] += 1
            return NOBODY
        self.named += 1
        key = (owner, exchange.connection.direction)
        return self._ends.get(key) or self._meet(key)

    def refresh(self) -> None:
        """Keep up with the wall clock."""
        self._clock.look()

    def totals(self) -> dict[str, Any]:
        """What became of the exchanges; together they are all that were asked about."""
        return {"named": self.named, "unnamed": dict(self.unnamed)}

    def _meet(self, key: tuple[Owner, str | None]) -> Ends:
        if len(self._ends) >= _KEPT:
            self._ends.clear()
        owner, direction = key
        # The same object for both roles: it stands for the process.
        other = self._ends.get((owner, "egress" if direction == "ingress" else "ingress"))
        holder = (other.source or other.destination if other else None) or self._holder(owner)
        ends = Ends(source=holder) if direction == "egress" else Ends(destination=holder)
        self._ends[key] = ends
        return ends

    def _holder(self, owner: Owner) -> Holder:
        process: Part = {"pid": owner.pid}
        if owner.vpid:
            process["vpid"] = owner.vpid
        if owner.name:
            process["name"] = owner.name
        if owner.start:
            process["start"] = self._clock.text(owner.start)
        if self._settings.parents and owner.parent:
            process["parent"] = {"pid": owner.parent}
            if owner.parent_name:
                process["parent"]["name"] = owner.parent_name
        redact = self._settings.command_line
        if redact is not None and (words := self._procfs.command_line(owner)):
            process["command_line"] = redact(words)
        return Holder(
            cgroup=owner.cgroup or None,
            cgroup_file=self._procfs.cgroups(owner),
            parts={"process": process, "user": {"id": str(owner.user)}},
        )


def _reason(exchange: Exchange) -> str:
    """Why there is no process."""
    if exchange.connection.direction is None:
        return "not_local"
    if exchange.connection.direction == "ingress" and exchange.response is None:
        return "unanswered"
    return "older_connection" if exchange.joined_late else "not_noted"
