"""What was done, what was found of it and by whom, and what falls short."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from . import queries, seeds


@dataclass
class Account:
    """Figures of a run; alerts are counted by what they are about."""

    ordinary: int = 0  #: ordinary requests before the first attack
    background: int = 0  #: and beside the attacks
    seeded: int = 0  #: requests of attacks, bursts and surge
    records: int = 0  #: in the topic, each id once
    indexed: int = 0  #: in the store
    early: Counter[queries.Alert] = field(default_factory=Counter)  #: of monitors, before them
    stream_expected: set[seeds.Alert] = field(default_factory=set)
    stream: Counter[seeds.Alert] = field(default_factory=Counter)
    unproven: int = 0  #: alerts whose evidence names no record of the topic
    watched: int = 0  #: records that the watching processes read
    monitors_expected: set[queries.Alert] = field(default_factory=set)
    monitors: Counter[queries.Alert] = field(default_factory=Counter)
    found_expected: dict[str, set[str]] = field(default_factory=dict)
    #: Rule -> whose records its query finds, and how many.
    found: dict[str, Counter[str]] = field(default_factory=dict)
    panels: int = 0  #: whose answers are those of the records
    empty: list[str] = field(default_factory=list)  #: panels among them that show nothing
    late: int = 0  #: of the watchers: what came too late to count

    @property
    def false(self) -> int:
        """Alerts about nothing that was seeded, of both."""
        surplus = self.stream.keys() - self.stream_expected
        others = self.monitors.keys() - self.monitors_expected
        return len(surplus) + len(others) + self.early.total()

    @property
    def by_queries(self) -> int:
        """Attacks of one request that the queries find."""
        return sum(len(self.found[name].keys() & own) for name, own in self.found_expected.items())

    @property
    def single(self) -> int:
        """Attacks of one request, once for each rule that is to find it."""
        return sum(map(len, self.found_expected.values()))

    @property
    def line(self) -> dict[str, object]:
        """For a program."""
        return {
            "ok": not self.shortfalls(),
            "ordinary": self.ordinary + self.background,
            "false_alerts": self.false,
            "seeded": self.seeded,
            "stream": {
                "expected": len(self.stream_expected),
                "found_once": _once(self.stream, self.stream_expected),
            },
            "monitors": {
                "expected": len(self.monitors_expected),
                "found_once": _once(self.monitors, self.monitors_expected),
            },
            "queries": {"expected": self.single, "found": self.by_queries},
            "panels": self.panels,
        }

    def rows(self) -> list[tuple[str, str, object]]:
        """For a person: what, by whose count, how many."""
        return [
            ("ordinary requests before any attack", "the clients", self.ordinary),
            ("ordinary requests beside them", "the clients", self.background),
            ("requests of attacks and bursts", "the clients", self.seeded),
            ("records", "topic, by id", self.records),
            ("  read by those who watch", "shipper watch", self.watched),
            ("  too late for them", "shipper watch", self.late),
            ("  indexed", "OpenSearch", self.indexed),
            ("alerts that have to be raised", "seeds", len(self.stream_expected)),
            ("  raised, once", "topic", _once(self.stream, self.stream_expected)),
            ("monitors and groups that have to trigger", "seeds", len(self.monitors_expected)),
            ("  triggered, once", "OpenSearch", _once(self.monitors, self.monitors_expected)),
            ("attacks of one request, by rule", "seeds", self.single),
            ("  found by the converted query", "OpenSearch", self.by_queries),
            ("alerts about ordinary traffic", "both", self.false),
            ("panels whose numbers are the records'", "OpenSearch", self.panels),
            ("  that show nothing, rightly", "OpenSearch", len(self.empty)),
        ]

    def shortfalls(self) -> list[str]:
        """What is not as it has to be; empty when all is well."""
        asked = self.ordinary + self.background + self.seeded
        found = {name: set(clients) for name, clients in self.found.items()}
        repeated = {c for clients in self.found.values() for c, n in clients.items() if n > 1}
        checks = {
            f"each exchange is a record: {asked} and {self.records}": self.records == asked,
            "each record is indexed": self.indexed == self.records,
            "each record was read by one who watches": self.watched == self.records,
            **_differences("stream", self.stream, self.stream_expected),
            "each alert's evidence is in the topic": self.unproven == 0,
            "no monitor triggers before the attacks": not self.early,
            **_differences("monitors", self.monitors, self.monitors_expected),
            "each query finds its attacks, and nothing else": found == self.found_expected,
            "and finds each of them once": not repeated,
            "the panels show something": self.panels > 2 * len(self.empty),
        }
        return [what for what, holds in checks.items() if not holds]


def _once(found: Counter[Any], wanted: set[Any]) -> int:
    return sum(found[one] == 1 for one in wanted)


def _differences(who: str, found: Counter[Any], wanted: set[Any]) -> dict[str, bool]:
    missing = sorted(map(str, wanted - found.keys()))
    surplus = sorted(map(str, found.keys() - wanted))
    again = sorted(str(one) for one, n in found.items() if n > 1)
    return {
        f"{who}: not found: {', '.join(missing)}": not missing,
        f"{who}: found, but not seeded: {', '.join(surplus)}": not surplus,
        f"{who}: found more than once: {', '.join(again)}": not again,
    }
