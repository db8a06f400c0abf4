"""What correlation rules are to find and what not: groups on both sides of each threshold.

Each correlation has a client or host of its own that reaches its threshold within its time span,
one that stays below it, and one that has as many, but over a longer time.
"""

from collections.abc import Iterator

from .traffic import Seen

#: Correlation -> the one group that it finds.
FOUND = {
    "burst_server_errors": "down.example",
    "burst_refused_logins": "203.0.113.101",
    "scan_not_found": "203.0.113.111",
    "burst_rate_limited": "203.0.113.121",
    "user_agent_rotation": "203.0.113.131",
}


def bursts() -> Iterator[Seen]:
    """All of them, at most ten minutes long, in no order."""
    yield from _server_errors("down.example", 20, over_s=50)
    yield from _server_errors("shaky.example", 19, over_s=50)
    yield from _server_errors("slow.example", 40, over_s=590)
    yield from _many("203.0.113.101", "POST /login 401", 30, over_s=250)
    yield from _many("203.0.113.102", "POST /login 401", 29, over_s=250)
    yield from _many("203.0.113.103", "POST /login 403", 40, over_s=590)
    yield from _many("203.0.113.111", "GET /wordlist/{n} 404", 30, over_s=250)
    yield from _many("203.0.113.112", "GET /favicon.ico 404", 60, over_s=250)
    yield from _many("203.0.113.121", "GET /api 429", 100, over_s=250)
    yield from _many("203.0.113.122", "GET /api 429", 99, over_s=250)
    yield from _many("203.0.113.131", "GET / 200", 25, over_s=500, agents=25)
    yield from _many("203.0.113.132", "GET / 200", 60, over_s=500, agents=24)


def _server_errors(host: str, count: int, *, over_s: float) -> Iterator[Seen]:
    for n in range(count):
        headers = (f"Host: {host}", "User-Agent: curl/8.5.0")
        client = f"192.0.2.{n + 1}"
        yield Seen("GET /", 500 + n % 4, client, headers, at=_at(n, count, over_s))


def _many(client: str, line: str, count: int, *, over_s: float, agents: int = 1) -> Iterator[Seen]:
    for n in range(count):
        request, _, status = line.format(n=n).rpartition(" ")
        headers = ("Host: shop.example", f"User-Agent: agent/{n % agents}")
        yield Seen(request, int(status), client, headers, at=_at(n, count, over_s))


def _at(n: int, count: int, over_s: float) -> float:
    """The last of them is the last second of the ten minutes."""
    return 600 - over_s + over_s * (n + 1) / count
