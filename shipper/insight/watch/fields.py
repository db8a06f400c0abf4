"""A record -> the values that rules name: fields by dotted path, and some that are made of them.

| name | field |
| --- | --- |
| `route` | `url.path` with numbers and ids folded |
| `service` | `service.name`, else `url.domain`, else where it went: `destination.ip`:`port` |
| `client` | `source.ip` |
| `host` | `host.name`, else `agent.id` |
| `method` | `http.request.method` |
| `status` | `http.response.status_code` |
| `user_agent` | `user_agent.original` |
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from shipper.insight.routes import route

Record = Mapping[str, Any]

_MS: Final = 1000
_LONGEST: Final = 256


def at(record: Record, path: tuple[str, ...]) -> Any:  # noqa: ANN401 - whatever JSON can say
    """The value at a path; None where there is none."""
    found: Any = record
    for name in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found


def _route(record: Record) -> str | None:
    path = at(record, ("url", "path"))
    return route(path) if isinstance(path, str) else None


def _service(record: Record) -> str | None:
    named = at(record, ("service", "name")) or at(record, ("url", "domain"))
    if named:
        return str(named)
    address, port = at(record, ("destination", "ip")), at(record, ("destination", "port"))
    return f"{address}:{port}" if address else None


def _host(record: Record) -> str | None:
    named = at(record, ("host", "name")) or at(record, ("agent", "id"))
    return str(named) if named else None


def _field(*path: str) -> Callable[[Record], Any]:
    return lambda record: at(record, path)


#: Short name -> what it is called in an alert's group, and how it is found.
_NAMED: Final[Mapping[str, tuple[str, Callable[[Record], Any]]]] = {
    "route": ("http.route", _route),
    "service": ("service.name", _service),
    "client": ("source.ip", _field("source", "ip")),
    "host": ("host.name", _host),
    "method": ("http.request.method", _field("http", "request", "method")),
    "status": ("http.response.status_code", _field("http", "response", "status_code")),
    "user_agent": ("user_agent.original", _field("user_agent", "original")),
}


def label(name: str) -> str:
    """What a field is called in an alert's group."""
    return _NAMED[name][0] if name in _NAMED else name


def reader(name: str) -> Callable[[Record], Any]:
    """What finds the values of a short name or a dotted path."""
    return _NAMED[name][1] if name in _NAMED else _field(*name.split("."))


def text(value: object) -> str:
    """A value as part of a group; `-` where there is none, long ones cut."""
    if value is None or value == "":
        return "-"
    said = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return said if len(said) <= _LONGEST else said[: _LONGEST - 1] + "…"


def time_ms(record: Record) -> int | None:
    """When it was over (ms since the epoch), since then it is published.

    A slow exchange counts where it ended; one without an end (an answer that never came) where
    it was given up. None for what has no readable time.
    """
    for path in (("event", "end"), ("event", "created"), ("@timestamp",)):
        stamp = at(record, path)
        if isinstance(stamp, str):
            try:
                return int(datetime.fromisoformat(stamp).timestamp() * _MS)
            except (ValueError, OverflowError):
                continue
    return None


def duration_s(record: Record) -> float | None:
    """How long it took (seconds); None where it had no answer."""
    found = at(record, ("event", "duration"))
    return found / 1e9 if isinstance(found, int) else None
