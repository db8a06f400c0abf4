"""What is done to the site, each by a client of its own; and who has to find it, once.

Every request of the cases that a rule is to find is sent; groups reach the thresholds of the
correlations; and the site itself fails, becomes slow, is asked for more than ever, and at last
for nothing at all.
"""

from collections.abc import Iterator
from dataclasses import replace

from detections.cases import hits
from detections.ruleset import correlations, rules
from detections.traffic import Seen

from .crowd import BUSY, FAILING, SLOW, Crowd

#: Rule's name or id, and the group's values: what an alert is about.
Alert = tuple[str, tuple[str, ...]]
_SHOP = "shop.example"
#: Where the cases' clients have their addresses when they don't need one of another kind.
_CASES = "203.0.113.{}"
_GUESSER, _WORDLIST, _GREEDY, _ROTATING = (f"198.51.100.{n}" for n in (101, 111, 121, 131))
_SURGE = 700
#: A method that the shop did not know.
_UNHEARD = ("TRACE", "TRACK", "G@T")


def attacks() -> list[Seen]:
    """One request each, every one from an address of its own."""
    return [seen for seen, _ in _attacks()]


def bursts() -> list[list[Seen]]:
    """Several clients, each of which asks one thing after the other."""
    return [
        [_from(_GUESSER, f"POST /login?try={n} 401") for n in range(45)],
        [_from(_WORDLIST, f"GET /wordlist/{n} 404") for n in range(60)],
        [_from(_GREEDY, "GET /api/v1/orders 429") for _ in range(150)],
        [_from(_ROTATING, "GET / 200", f"agent/{n}") for n in range(40)],
    ]


def surge(crowd: Crowd) -> Iterator[Seen]:
    """Far more of what one service is always asked."""
    for _ in range(_SURGE):
        yield crowd.of_service(BUSY)


def single() -> dict[str, set[str]]:
    """Rule -> the clients whose one request it has to find."""
    found: dict[str, set[str]] = {name: set() for name in rules()}
    for seen, names in _attacks():
        for name in names:
            found[name].add(seen.client)
    return found


def counted() -> dict[str, str]:
    """Correlation -> the one group that it has to find."""
    groups = {
        "burst_refused_logins": _GUESSER,
        "scan_not_found": _WORDLIST,
        "burst_rate_limited": _GREEDY,
        "user_agent_rotation": _ROTATING,
        "burst_server_errors": FAILING,
    }
    assert set(groups) == set(correlations())
    return groups


def by_stream() -> set[Alert]:
    """All alerts that `shipper watch` has to raise with the rules of config/."""
    ids = {name: str(rule.id) for name, rule in rules().items()}
    ids |= {name: str(counting.id) for name, (_, counting) in correlations().items()}
    return {
        *((ids[name], (client,)) for name, clients in single().items() for client in clients),
        *((ids[name], (group,)) for name, group in counted().items()),
        ("errors-by-route", (FAILING, "/api/v1/payments/{id}/capture")),
        ("slow-route", (SLOW, "/api/v1/reports/{id}")),
        ("latency-of-route", (SLOW, "/api/v1/reports/{id}")),
        ("rate-of-service", (BUSY,)),
        *of_the_end(),
        *(("new-method", (_SHOP, method)) for method in _UNHEARD),
    }


def of_the_end() -> set[Alert]:
    """Those of them that are raised when nobody asks anything any more."""
    return {("rate-of-service", (service,)) for service in (FAILING, SLOW, _SHOP)}


def _attacks() -> Iterator[tuple[Seen, frozenset[str]]]:
    """The cases' own requests, and the rules that find each."""
    addresses = iter(range(1, 255))
    for seen, names in hits():
        usual = seen.client == Seen("").client
        yield (replace(seen, client=_CASES.format(next(addresses))) if usual else seen), names


def _from(client: str, line: str, agent: str = "python-requests/2.32.3") -> Seen:
    headers = (f"Host: {_SHOP}", f"User-Agent: {agent}")
    return Seen.read({"request": line, "client": client, "headers": headers})
