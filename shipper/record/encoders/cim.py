"""The document as flat JSON under the names of Splunk's data model Web (CIM 6).

The fields are those that the add-on below config/splunk makes of a record while searching, with
the same values; here they stand in the event itself. Beside them: when it was, and `event_id`, by
which an event that was delivered twice is dropped. Everything else of the record is left out.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import orjson

from shipper.record.encoders.ecs import json_object
from shipper.record.encoders.interface import Document
from shipper.record.encoders.moments import NANOSECONDS_IN_MILLISECOND

_PLACES: Final = 3  # decimals of a duration in milliseconds


class Made(NamedTuple):
    """How one CIM field is made: of the first of these fields that a document has."""

    sources: tuple[str, ...]
    turn: Callable[[Any], Any] | None = None
    otherwise: str | None = None  #: what it is where the document has none of them


def _milliseconds(nanoseconds: int) -> float:
    return round(nanoseconds / NANOSECONDS_IN_MILLISECOND, _PLACES)


def _first(values: list[str]) -> str | None:
    return next(iter(values), None)


#: CIM's name -> how it is made. Splunk takes the time from the first field.
FIELDS: Final[dict[str, Made]] = {
    "timestamp": Made(("@timestamp",)),
    "event_id": Made(("event.id",)),
    "action": Made(("http.response.status_code",), lambda _: "allowed", "unknown"),
    "app": Made(("network.protocol",)),
    "bytes_in": Made(("http.request.bytes",)),
    "bytes_out": Made(("http.response.bytes",)),
    "dest": Made(("destination.ip",)),
    "dest_ip": Made(("destination.ip",)),
    "dest_port": Made(("destination.port",)),
    "duration": Made(("event.duration",), _milliseconds),
    "dvc": Made(("observer.hostname", "host.name")),
    "fold_count": Made(("shipper.fold_count",)),
    "http_content_type": Made(("http.response.headers.content-type",), _first),
    "http_method": Made(("http.request.method",)),
    "http_referrer": Made(("http.request.referrer",)),
    "http_user_agent": Made(("user_agent.original",)),
    "http_user_agent_length": Made(("user_agent.original",), len),
    "response_time": Made(("shipper.time_to_first_byte",), _milliseconds),
    "site": Made(("url.domain",)),
    "src": Made(("client.ip", "client.address", "source.ip")),
    "src_ip": Made(("source.ip",)),
    "src_port": Made(("source.port",)),
    "status": Made(("http.response.status_code",), str),
    "transport": Made(("network.transport",)),
    "uri_path": Made(("url.path",)),
    "uri_query": Made(("url.query",)),
    "url": Made(("url.full", "url.original")),
    "url_domain": Made(("url.domain",)),
    "url_length": Made(("url.full", "url.original"), len),
    "vendor_product": Made(("observer.product",), None, "shipper"),
}

Steps = tuple[str, ...]
_PLAN: Final = [
    (name, [tuple(source.split(".")) for source in made.sources], made.turn, made.otherwise)
    for name, made in FIELDS.items()
]


class CimEncoder:
    """Flat CIM Web fields, UTF-8 JSON."""

    name: Final = "cim"
    content_type: Final = "application/json"
    schema_name: Final = "splunk.cim.web"
    schema_version: Final = "6"
    whole: Final = False

    def encode(self, document: Document) -> bytes:
        """The event."""
        event: Document = {}
        for name, sources, turn, otherwise in _PLAN:
            value = next(
                (found for steps in sources if (found := _value(document, steps)) is not None),
                None,
            )
            if value is None:
                value = otherwise
            elif turn is not None:
                value = turn(value)
            if value is not None:
                event[name] = value
        if "bytes_in" in event and "bytes_out" in event:
            event["bytes"] = event["bytes_in"] + event["bytes_out"]
        return orjson.dumps(event)

    def decode(self, value: bytes) -> Document:
        """The fields that an event tells, by their names in a record."""
        event = json_object(value)
        if "event_id" not in event or "timestamp" not in event:
            raise ValueError("it is no event of ours")
        told: Document = {}
        for name, back in _BACK.items():
            if name in event:
                *path, last = FIELDS[name].sources[0].split(".")
                part = told
                for step in path:
                    part = part.setdefault(step, {})
                part[last] = back(event[name])
        return told


def _value(document: Document, steps: Steps) -> Any:  # noqa: ANN401 - of any field
    part: Any = document
    for step in steps:
        part = part.get(step)
        if part is None:
            return None
    return part


def _same(value: Any) -> Any:  # noqa: ANN401 - of any field
    return value


def _nanoseconds(milliseconds: float) -> int:
    return round(milliseconds * NANOSECONDS_IN_MILLISECOND)


#: Fields from which one of a record is told again.
_BACK: Final[dict[str, Callable[[Any], Any]]] = {
    **{
        name: _same
        for name, made in FIELDS.items()
        if made.turn is None and len(made.sources) == 1 and made.otherwise is None
    },
    "url": _same,
    "status": int,
    "duration": _nanoseconds,
    "response_time": _nanoseconds,
}
