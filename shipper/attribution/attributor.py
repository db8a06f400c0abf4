"""An exchange -> who took part in it; a count of those of whom nothing can be told, by reason."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from shipper.attribution.holders import NOBODY, Ends, Holder, Sockets
from shipper.attribution.host import Host, Reason
from shipper.attribution.parts import Part, merged
from shipper.attribution.paths import Place
from shipper.contract.attribution import Attribution, End
from shipper.contract.exchange import Connection, Exchange

#: Why neither container nor unit is told of the end that the view belongs to.
REASONS: Final = (
    "no_socket",  # neither end is known to be on this host (a mirror port, a router)
    "cgroup_absent",  # the kernel named no cgroup
    "cgroup_unseen",  # cgroups are not looked at: not wanted, or there are none to be seen
    "cgroup_unknown",  # none that can be seen has this id: gone too soon, or hidden from us
    "cgroup_root",  # it runs outside of every unit and container
    "cgroup_unnamed",  # its path says neither container nor unit
    "cgroup_mixed",  # a unit that may be the runtime's of a container, as cgroup v1 is in use
)

#: Connections differ in few ways; beyond this many something is odd, and memory is bounded.
_KEPT: Final = 8192

_Key = tuple[str | None, int | None, Ends]
_VIEWS: Final[Mapping[str | None, End]] = {"ingress": "destination", "egress": "source"}


class _Answer(NamedTuple):
    """What is told, and why nothing is told of the view's end ("" where something is)."""

    told: Attribution | None
    reason: str


class Attributor:
    """Answers for the exchanges of one worker, in its thread."""

    def __init__(self, host: Host, sockets: Sockets | None = None) -> None:
        """`sockets` tells of processes, and of the other end; without it paths alone tell."""
        self.attributed = 0  #: exchanges of whose view's end container or unit is told
        self.unattributed: Counter[str] = Counter()  #: the others, by one of REASONS
        self._host = host
        self._sockets = sockets
        self._kept: dict[_Key, _Answer] = {}
        self._version = -1

    def attribute(self, exchange: Exchange) -> Attribution | None:
        """Who took part; None where nothing is known of either end."""
        connection = exchange.connection
        ends = NOBODY if self._sockets is None else self._sockets.ends(exchange)
        if self._version != self._host.version or len(self._kept) >= _KEPT:
            self._version = self._host.version
            self._kept.clear()
        key = (connection.direction, connection.cgroup, ends)
        answer = self._kept.get(key)
        if answer is None:
            answer = self._kept[key] = self._answer(connection, ends)
        if answer.reason:
            self.unattributed[answer.reason] += 1
        else:
            self.attributed += 1
        return answer.told

    def totals(self) -> dict[str, Any]:
        """What became of the exchanges; together they are all that were asked about."""
        processes = self._sockets.totals() if self._sockets is not None else {}
        told = {"attributed": self.attributed, "unattributed": dict(self.unattributed)}
        return {**told, **processes}

    def close(self) -> None:
        """Nothing is looked up any more."""
        self._host.close()

    def _answer(self, connection: Connection, ends: Ends) -> _Answer:
        """What is told of such connections."""
        view = _VIEWS.get(connection.direction)
        if view is None:  # no socket hook saw it: the holders alone know what is here
            view = "source" if ends.destination is None else "destination"
            if ends == NOBODY:
                return _Answer(None, "no_socket")
        told: dict[End, dict[str, Part]] = {}
        reason = ""
        for end, holder in _both(ends):
            if holder is None and end != view:
                continue
            place = self._place(holder, connection.cgroup)
            if isinstance(place, str) and end == view:
                reason = place
            parts = {} if isinstance(place, str) else self._host.parts(place)
            if holder is not None:
                parts = merged(parts, holder.parts)
            if parts:
                told[end] = parts
        return _Answer(Attribution(view, told) if told else None, reason)

    def _place(self, holder: Holder | None, cgroup: int | None) -> Place | Reason:
        """Where who holds an end runs.

        The cgroup of a socket is that of who made it, and it may have been handed on since: it
        is what is left where nobody knows the holder.
        """
        if holder is None:
            return self._host.place_of_socket(cgroup)
        return self._host.place_of(holder)


def _both(ends: Ends) -> tuple[tuple[End, Holder | None], tuple[End, Holder | None]]:
    return ("source", ends.source), ("destination", ends.destination)
