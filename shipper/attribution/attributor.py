"""An exchange -> who took part in it; a count of those of whom nothing can be told, by reason."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from shipper.attribution.holders import NOBODY, Ends, Holder, Sockets
from shipper.attribution.host import Host
from shipper.attribution.parts import Part, merged
from shipper.contract.attribution import Attribution, End
from shipper.contract.exchange import Connection, Exchange

#: Why nothing is told about the end that the view belongs to.
REASONS: Final = (
    "no_socket",  # neither end is known to be on this host (a mirror port, a router)
    "cgroup_absent",  # the kernel named no cgroup
    "cgroup_unknown",  # none that can be seen has this id: gone too soon, or hidden from us
    "cgroup_root",  # it runs outside of every unit and container
    "cgroup_unnamed",  # its path says neither container nor unit
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
        self.attributed = 0  #: exchanges of whose view's end something is told
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
            parts = self._end(holder, connection.cgroup if end == view else None)
            if not isinstance(parts, str):
                told[end] = parts
            elif end == view:
                reason = parts
        return _Answer(Attribution(view, told) if told else None, reason)

    def _end(self, holder: Holder | None, cgroup: int | None) -> dict[str, Part] | str:
        """The parts of one end, or why there are none.

        The socket's cgroup is that of who made it; who holds it knows better.
        """
        if holder is None:
            place = self._host.place(cgroup)
            return place if isinstance(place, str) else self._host.parts(place)
        place = self._host.place_of(holder)
        parts = {} if isinstance(place, str) else self._host.parts(place)
        parts = merged(parts, holder.parts)
        return parts or str(place)


def _both(ends: Ends) -> tuple[tuple[End, Holder | None], tuple[End, Holder | None]]:
    return ("source", ends.source), ("destination", ends.destination)
