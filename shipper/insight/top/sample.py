"""A record -> what is counted of it.

A record counts in each dimension under one name. Names come from peers: none holds what a
terminal would act on, and none is longer than LONGEST.
"""

from datetime import datetime
from enum import IntEnum
from typing import Any, Final, NamedTuple

from shipper.insight.routes import route
from shipper.tail import printable

LONGEST: Final = 160
#: Durations in seconds that a sketch is given: its bins are bounded by their ratio.
_SHORTEST_S: Final = 1e-6
_LONGEST_S: Final = 86_400.0
_NS: Final = 1e9
_SERVER_ERROR: Final = 500


class Dimension(IntEnum):
    """What records are counted by; the value is the place in `Sample.names`."""

    ROUTES = 0
    CLIENTS = 1
    USER_AGENTS = 2
    HOSTS = 3


class Sample(NamedTuple):
    """What is counted of one record.

    `end` is when the exchange ended (s since the epoch): a slow one belongs to the moment in which
    it was known to be slow. `status_class` is 1 to 5, or 0 without a status. `seconds` is its
    duration, where known. `failed`: a status of 500 and more, or a request that nobody answered.
    `weight` is how many exchanges it stands for: of folded ones, `end` is when the latest began,
    and `seconds` their mean.
    """

    end: float
    names: tuple[str, str, str, str]
    status_class: int
    failed: bool
    seconds: float | None
    weight: int = 1


def sample(record: dict[str, Any]) -> Sample | None:
    """What to count of a record, whatever it holds; None if it is none."""
    event, own = _part(record, "event"), _part(record, "shipper")
    try:
        moment = (
            own.get("fold_last") or event.get("end") or event.get("created") or record["@timestamp"]
        )
        end = datetime.fromisoformat(moment).timestamp()
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    status = _part(record, "http", "response").get("status_code")
    status = status if isinstance(status, int) else 0
    weight = _weight(own)
    duration = event.get("duration")
    if isinstance(together := own.get("fold_duration"), int):
        duration = together // weight
    return Sample(
        end,
        (
            _route(record),
            _shown(_part(record, "client").get("ip") or _part(record, "source").get("ip")),
            _shown(_part(record, "user_agent").get("original")),
            _shown(_part(record, "url").get("domain")),
        ),
        status // 100 if 100 <= status < 600 else 0,  # noqa: PLR2004 - RFC 9110 section 15
        status >= _SERVER_ERROR or "no_response" in own.get("incomplete", ()),
        min(max(duration / _NS, _SHORTEST_S), _LONGEST_S) if isinstance(duration, int) else None,
        weight,
    )


def _weight(own: dict[str, Any]) -> int:
    count = own.get("fold_count")
    return count if isinstance(count, int) and count > 0 else 1


def _route(record: dict[str, Any]) -> str:
    """`GET /users/{id}`; what has no path is named by what it asked for instead."""
    url = _part(record, "url")
    method = _part(record, "http", "request").get("method")
    if method is None:
        return "(request not seen)"
    path = url.get("path")
    return _shown(f"{method} {route(path) if isinstance(path, str) else _target(url)}")


def _target(url: dict[str, Any]) -> str:
    if "domain" in url and "port" in url:
        return f"{url['domain']}:{url['port']}"
    return str(url.get("original") or url.get("domain") or "-")


def _shown(text: object) -> str:
    return printable(text[:LONGEST])[:LONGEST] if isinstance(text, str) and text else "-"


def _part(record: dict[str, Any], *path: str) -> dict[str, Any]:
    found: object = record
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}
