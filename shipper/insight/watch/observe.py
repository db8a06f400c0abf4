"""A record -> what the rules want to know of it, by shard.

Groups are spread over a fixed number of shards, and a shard is what one process has to itself:
all that is known of a group lies in one place, and what has to be looked at when time passes is
found there. Rules with the same `by` meet in the same shard, in one message.
"""

from collections.abc import Iterator, Sequence
from typing import Final, TypedDict
from zlib import crc32

from shipper.insight.watch.fields import Record, at, time_ms
from shipper.insight.watch.watched import Watched

#: Fixed, because where a group's state lies follows from it.
SHARDS: Final = 16
#: Whoever writes to a shard has to find its partition the same way.
PARTITIONER: Final = "murmur2_random"

#: Rule, group, whether it matters, and what was measured.
Seen = tuple[str, list[str], bool, float | str | None]


class Observations(TypedDict):
    """What one record says to one shard: its id, its time (ms), and each rule's part."""

    shard: int
    id: str
    time: int
    seen: list[Seen]


class Observer:
    """Asks every rule about every record."""

    def __init__(self, rules: Sequence[Watched]) -> None:
        self._rules = rules

    def observations(self, record: Record) -> Iterator[Observations]:
        """One for each shard that has an interest."""
        event_id, time = at(record, ("event", "id")), time_ms(record)
        if not isinstance(event_id, str) or time is None:
            return
        shards: dict[int, list[Seen]] = {}
        for rule in self._rules:
            if not rule.concerns(record):
                continue
            group = rule.group(record)
            value = rule.measured(record) if rule.measured else None
            if rule.measured and value is None:
                continue
            place = shard(group[:-1] if rule.values else group)
            shards.setdefault(place, []).append((rule.id, list(group), rule.matters(record), value))
        for number, seen in shards.items():
            yield {"shard": number, "id": event_id, "time": time, "seen": seen}


def shard(group: Sequence[str]) -> int:
    """Where a group lives."""
    return crc32("\x1f".join(group).encode("utf-8", "surrogatepass")) % SHARDS
