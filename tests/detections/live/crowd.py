"""A site's ordinary traffic without end: people, crawlers and programs, each with its own address.

What goes wrong every day goes wrong here as rarely as on a site that is well. Three services
besides the shop have a steady traffic of their own; one can begin to fail, another to be slow.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from detections.ordinary import KINDS
from detections.traffic import Seen

#: The services besides the shop: what is asked of each, every so many requests.
FAILING, SLOW, BUSY = "pay.example", "report.example", "feed.example"
_ASKED = {
    FAILING: "POST /api/v1/payments/{n}/capture 200",
    SLOW: "GET /api/v1/reports/{n} 200",
    BUSY: "GET /api/v1/events?after={n} 200",
}
_EVERY = 40
#: How many of each kind there are, and how much of the traffic is theirs.
_PEOPLE = (240, 20, 60)
_SHARES = (0.6, 0.1, 0.3)
_FAILS = 0.01
_MOST_AT_ONCE = 6
_SLOW_MS = 8000


@dataclass(frozen=True)
class _Visitor:
    """An address, its User-Agent, what it asks for, well or not, and what it sends besides."""

    address: str
    agent: str
    well: tuple[str, ...]
    badly: tuple[str, ...]
    headers: tuple[str, ...]


class Crowd:
    """Visits, one after the other; each is what one client asks on one connection."""

    def __init__(self, seed: int = 1) -> None:
        self._chance = random.Random(seed)
        self._kinds = [list(_visitors(kind, self._chance)) for kind in range(len(KINDS))]
        self._asked = 0
        #: Whether an outage has begun.
        self.failing = False
        self.slow = False

    def visits(self) -> Iterator[list[Seen]]:
        """Without end."""
        while True:
            for service in _ASKED:
                yield [self.of_service(service)]
            asked = 0
            while asked < _EVERY - len(_ASKED):
                visit = self._visit()
                asked += len(visit)
                yield visit

    def of_service(self, name: str) -> Seen:
        """One request to a service besides the shop."""
        self._asked += 1
        line = _ASKED[name].format(n=self._asked)
        if name == FAILING and self.failing:
            line = line.replace(" 200", " 503")
        late = name == SLOW and self.slow
        return Seen.read(
            {
                "request": line,
                "headers": (f"Host: {name}", "User-Agent: Go-http-client/1.1"),
                "client": f"10.2.3.{self._asked % 8 + 1}",
                "duration_ms": _SLOW_MS if late else self._chance.randint(5, 60),
            }
        )

    def _visit(self) -> list[Seen]:
        (kind,) = self._chance.choices(self._kinds, _SHARES)
        visitor = self._chance.choice(kind)
        many = self._chance.randint(1, _MOST_AT_ONCE)
        return [self._request(visitor) for _ in range(many)]

    def _request(self, visitor: _Visitor) -> Seen:
        lines = visitor.badly if self._chance.random() < _FAILS else visitor.well
        sent = tuple(one for one in visitor.headers if self._chance.random() < 0.8)
        return Seen.read(
            {
                "request": self._chance.choice(lines),
                "headers": ("Host: shop.example", f"User-Agent: {visitor.agent}", *sent),
                "client": visitor.address,
                "duration_ms": self._chance.randint(1, 200),
            }
        )


def _visitors(kind: int, chance: random.Random) -> Iterator[_Visitor]:
    lines, agents, headers = KINDS[kind]
    badly = tuple(line for line in lines if line.rpartition(" ")[2][0] in "45-")
    well = tuple(line for line in lines if line not in badly)
    for number in range(_PEOPLE[kind]):
        address = f"198.18.{kind}.{number + 1}"
        yield _Visitor(address, chance.choice(agents), well, badly or well, headers)
