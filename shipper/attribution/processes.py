"""The process that the kernel named with an exchange -> the holder of the connection's end.

What is known of a process is made once, the first time it is met, while it most likely lives:
later it may have ended, and what the kernel said is all there is. Files of /proc are believed only
if they are of the very process, which pid and start time tell; where the pids of /proc are not the
host's (an agent in a pid namespace of its own), they are not read.
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from shipper.attribution.boot_clock import BootClock
from shipper.attribution.holders import Ends, Holder
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
#: What `process` says of the executable of a pid that started at a tick of the clock, {} where it
#: has ended. Takes its time. OSError or ValueError: nobody knows.
Executables = Callable[[int, int], Part]


@dataclass(frozen=True, slots=True)
class ProcessSettings:
    """What is told of a process besides pid, name, start and user."""

    parents: bool = False
    #: how a command line is told; None: not at all
    command_line: Redact | None = None
    #: who is asked for the executable; None: nobody
    executables: Executables | None = None


class Processes:
    """Answers for the exchanges of one worker, in its thread."""

    def __init__(
        self,
        settings: ProcessSettings,
        procfs: Procfs,
        clock: BootClock,
        *,
        hurry: Callable[[], None] = lambda: None,
    ) -> None:
        """`hurry` has `refresh` called soon, by the thread of attribution."""
        self.named = 0  #: exchanges whose process is told
        self.unnamed: Counter[str] = Counter()  #: the others, by one of REASONS
        self._settings = settings
        self._procfs = procfs
        self._clock = clock
        self._hurry = hurry
        self._ends: dict[tuple[Owner | None, Owner | None, str | None], Ends] = {}
        self._holders: dict[Owner, Holder] = {}
        #: processes whose executable is to be asked for, by the thread of attribution
        self._asked: deque[Owner] = deque(maxlen=_KEPT)

    def ends(self, exchange: Exchange) -> Ends:
        """The holders of the end that this host's view belongs to, and of the other, if known."""
        owner = exchange.process
        if owner is None:
            self.unnamed[_reason(exchange)] += 1
        else:
            self.named += 1
        key = (owner, exchange.peer, exchange.connection.direction)
        return self._ends.get(key) or self._meet(*key)

    def refresh(self) -> None:
        """Keep up with the wall clock, and ask for the executables of who was met since."""
        self._clock.look()
        executables = self._settings.executables
        while self._asked and executables is not None:
            owner = self._asked.popleft()
            try:
                told = executables(owner.pid, self._procfs.tick(owner))
            except (OSError, ValueError):
                self._asked.clear()
                return
            if told:
                self._know_more(owner, told)

    def totals(self) -> dict[str, Any]:
        """What became of the exchanges; together they are all that were asked about."""
        return {"named": self.named, "unnamed": dict(self.unnamed)}

    def _meet(self, owner: Owner | None, peer: Owner | None, direction: str | None) -> Ends:
        if len(self._ends) >= _KEPT:
            self._ends.clear()
            self._holders.clear()
        one, other = self._held(owner), self._held(peer)
        ends = Ends(one, other) if direction == "egress" else Ends(other, one)
        self._ends[owner, peer, direction] = ends
        return ends

    def _held(self, owner: Owner | None) -> Holder | None:
        """One object for one process, whatever it is asked about."""
        if owner is None:
            return None
        holder = self._holders.get(owner)
        if holder is None:
            holder = self._holders[owner] = self._holder(owner)
            if owner.start and self._settings.executables is not None:
                self._asked.append(owner)
                self._hurry()
        return holder

    def _know_more(self, owner: Owner, told: Part) -> None:
        """A new object, because what is kept of the old one lacks it."""
        before = self._holders.get(owner)
        if before is None:
            return
        parts = {**before.parts, "process": {**before.parts["process"], **told}}
        self._holders[owner] = replace(before, parts=parts)
        self._ends.clear()

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
