"""Exchanges that are alike -> the first of them, which says how many it stands for.

The first opens a group; those that follow are counted in it, until its rule's window is over. Time
is the events' own clock, so that a capture file gives the same records each time.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from shipper.contract.attribution import Attribution
from shipper.contract.exchange import Exchange, Folded
from shipper.volume.rules import Rule

Key = tuple[object, ...]

#: Headers that have to be the same: who was asked, by which program, and on whose behalf.
_TELLING: Final = frozenset(("host", "user-agent", "forwarded", "x-forwarded-for", "x-real-ip"))


@dataclass(slots=True, eq=False)
class Group:
    """Exchanges that are alike: the first, how many by now, and when the window ends.

    `who` took part in the first: asked when it came, since processes end sooner than windows.
    """

    key: Key
    exchange: Exchange
    folded: Folded
    until: int  # ns, the events' clock
    who: Attribution | None = None


class Folds:
    """The groups of one worker that are open; `most` at once."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._now = 0
        self._groups: dict[Key, Group] = {}
        self._queues: dict[int, deque[Group]] = {}  # by window, each in the order of its ends

    def __len__(self) -> int:
        return len(self._groups)

    def joins(self, key: Key, exchange: Exchange) -> bool:
        """Whether a group was open in which it is counted now."""
        group = self._groups.get(key)
        if group is None:
            return False
        folded = group.folded
        folded.count += 1
        folded.last = max(folded.last, exchange.start)
        folded.duration += _duration(exchange)
        return True

    def open(self, key: Key, rule: Rule, exchange: Exchange) -> Group | None:
        """A group of which it is the first; None where too many are open."""
        if len(self._groups) >= self.most:
            return None
        folded = Folded(1, exchange.start, _duration(exchange))
        group = Group(key, exchange, folded, self._now + rule.window_ns)
        self._groups[key] = group
        self._queues.setdefault(rule.window_ns, deque()).append(group)
        return group

    def ended(self, now: int) -> Iterator[Group]:
        """It is `now` (ns): the groups whose window is over; they are open no more."""
        self._now = now
        for queue in self._queues.values():
            while queue and queue[0].until <= now:
                yield self._close(queue.popleft())

    def rest(self) -> Iterator[Group]:
        """All that are open, since nothing will follow."""
        for queue in self._queues.values():
            while queue:
                yield self._close(queue.popleft())

    def _close(self, group: Group) -> Group:
        del self._groups[group.key]
        if group.folded.count > 1:
            group.exchange.folded = group.folded
        return group


def alike(rule: Rule, exchange: Exchange) -> Key:
    """What exchanges of one group have in common.

    The target is the whole one: its query is where an attacker writes. The client's port is left
    out, as each connection has another; so is what lies in the messages: times, ids and sizes.
    """
    of, request, response = exchange.connection, exchange.request, exchange.response
    asked: Key = ()
    if request is not None:
        telling = [each for each in request.headers if each[0].lower() in _TELLING]
        asked = (request.method, request.target, *telling)
    return (
        rule.name,
        asked,
        None if response is None else response.status,
        of.client_address,
        of.server_address,
        of.server_port,
        of.direction,
        of.cgroup,
        of.interface,
        None if of.proxied is None else of.proxied.source,
        exchange.incomplete,
        exchange.anomalies,
        exchange.sampling_rate,
    )


def _duration(exchange: Exchange) -> int:
    """From its first byte to its last (ns); 0 where either was not seen."""
    request, response = exchange.request, exchange.response
    if request is None or response is None or response.end is None:
        return 0
    return max(0, response.end - request.start)
