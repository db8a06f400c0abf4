"""Where each field of a record stands in an OCSF HTTP Activity, and when.

Source: OCSF 1.8.0, class http_activity (4002) with the profiles host and trace. A field that has
no line here has no place there; it goes to `unmapped` under its own name, as one that stands here
does where its object lacks what OCSF requires of it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from shipper.record.encoders.moments import milliseconds, whole_milliseconds

OCSF_VERSION: Final = "1.8.0"


class Place(NamedTuple):
    """One place of a field: `path` in dots; `turn` gives the value, None for one not taken.

    `whole` tells whether the value says all that the field said; if no place of a field does, the
    field stands in `unmapped` as well.
    """

    path: str
    turn: Callable[[Any], Any] | None = None
    whole: bool = True


#: The methods that OCSF has a number for.
ACTIVITIES: Final = {
    "CONNECT": 1,
    "DELETE": 2,
    "GET": 3,
    "HEAD": 4,
    "OPTIONS": 5,
    "POST": 6,
    "PUT": 7,
    "TRACE": 8,
    "PATCH": 9,
}
#: ECS's word -> OCSF's direction_id and direction.
DIRECTIONS: Final = {
    "inbound": (1, "Inbound"),
    "ingress": (1, "Inbound"),
    "outbound": (2, "Outbound"),
    "egress": (2, "Outbound"),
    "internal": (3, "Lateral"),
    "external": (99, "external"),
}
STATUSES: Final = {"success": (1, "Success"), "failure": (2, "Failure"), "unknown": (0, "Unknown")}


def known_method(method: str) -> str | None:
    """The method, if OCSF knows it."""
    return method if method in ACTIVITIES else None


def _headers(held: dict[str, list[str]]) -> list[dict[str, str]] | None:
    told = [
        {"name": name, "value": value}
        for name, values in held.items()
        if name != "@names"
        for value in values
    ]
    return told or None


def _spellings(held: dict[str, list[str]]) -> list[str] | None:
    return held.get("@names")


def _content_type(held: dict[str, list[str]]) -> str | None:
    return next(iter(held.get("content-type", ())), None)


def _pairs(labels: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in labels.items()]


#: Where a trusted proxy named the client, that is the source, and the other end is its proxy.
_BEHIND_A_PROXY: Final = {
    "client.ip": (Place("src_endpoint.ip"),),
    "client.port": (Place("src_endpoint.port"),),
    "client.domain": (Place("src_endpoint.hostname"),),
    "source.ip": (Place("src_endpoint.proxy_endpoint.ip"),),
    "source.port": (Place("src_endpoint.proxy_endpoint.port"),),
    "source.domain": (Place("src_endpoint.proxy_endpoint.hostname"),),
}

#: Dotted name of a field -> its places.
PLACES: Final[dict[str, tuple[Place, ...]]] = {
    "@timestamp": (Place("time", milliseconds), Place("metadata.original_time")),
    "event.id": (Place("metadata.uid"),),
    "event.sequence": (Place("metadata.sequence"),),
    "event.created": (Place("metadata.logged_time", milliseconds, whole=False),),
    "event.start": (Place("start_time", milliseconds, whole=False),),
    "event.end": (Place("end_time", milliseconds, whole=False),),
    "event.duration": (Place("duration", whole_milliseconds, whole=False),),
    "event.outcome": (
        Place("status_id", lambda word: STATUSES[word][0]),
        Place("status", lambda word: STATUSES[word][1]),
    ),
    "event.dataset": (Place("metadata.log_name"),),
    "event.module": (Place("metadata.log_provider"),),
    "host.name": (Place("device.hostname"),),
    "host.id": (Place("device.uid"),),
    "observer.product": (Place("metadata.product.name"),),
    "observer.vendor": (Place("metadata.product.vendor_name"),),
    "observer.version": (Place("metadata.product.version"),),
    "source.ip": (Place("src_endpoint.ip"),),
    "source.port": (Place("src_endpoint.port"),),
    "source.domain": (Place("src_endpoint.hostname"),),
    "destination.ip": (Place("dst_endpoint.ip"),),
    "destination.port": (Place("dst_endpoint.port"),),
    "destination.domain": (Place("dst_endpoint.hostname"),),
    "network.transport": (Place("connection_info.protocol_name"),),
    "network.type": (Place("connection_info.protocol_ver_id", {"ipv4": 4, "ipv6": 6}.get),),
    "network.protocol": (Place("app_protocol_name"),),
    "network.direction": (
        Place("connection_info.direction_id", lambda word: DIRECTIONS[word][0], whole=False),
        Place("connection_info.direction", lambda word: DIRECTIONS[word][1], whole=False),
    ),
    "network.community_id": (Place("connection_info.community_uid"),),
    "http.version": (Place("http_request.version"),),
    "http.request.method": (Place("http_request.http_method", known_method),),
    "http.request.referrer": (Place("http_request.referrer"),),
    "http.request.bytes": (Place("http_request.length"), Place("traffic.bytes_out")),
    "http.request.body.bytes": (Place("http_request.body_length"),),
    "http.request.headers": (
        Place("http_request.http_headers", _headers),
        Place("unmapped.http.request.headers.@names", _spellings),
    ),
    "http.response.status_code": (Place("http_response.code"), Place("status_code", str)),
    "http.response.bytes": (Place("http_response.length"), Place("traffic.bytes_in")),
    "http.response.body.bytes": (Place("http_response.body_length"),),
    "http.response.headers": (
        Place("http_response.http_headers", _headers),
        Place("http_response.content_type", _content_type),
        Place("unmapped.http.response.headers.@names", _spellings),
    ),
    "url.full": (Place("http_request.url.url_string"),),
    "url.scheme": (Place("http_request.url.scheme"),),
    "url.domain": (Place("http_request.url.hostname"),),
    "url.port": (Place("http_request.url.port"),),
    "url.path": (Place("http_request.url.path"),),
    "url.query": (Place("http_request.url.query_string"),),
    "user_agent.original": (Place("http_request.user_agent"),),
    "tls.version": (Place("tls.version"),),
    "tls.cipher": (Place("tls.cipher"),),
    "tls.client.server_name": (Place("tls.sni"),),
    "trace.id": (Place("trace.uid"),),
    "labels": (Place("metadata.tags", _pairs),),
    "tags": (Place("metadata.labels"),),
    "shipper.schema_version": (Place("metadata.log_version"),),
    "shipper.time_to_first_byte": (
        Place("http_response.latency", whole_milliseconds, whole=False),
    ),
    "shipper.fold_count": (Place("count"),),
    "shipper.truncated": (Place("metadata.is_truncated", bool, whole=False),),
    "shipper.shortened": (Place("metadata.is_truncated", bool, whole=False),),
}

#: An OCSF object -> the fields of which a document must have one, else it would not be valid.
NEEDS: Final = {
    "http_request": ("http.request",),
    "http_request.url": ("url.full", "url.path", "url.original"),
    "http_response": ("http.response.status_code",),
    "device": ("host.name", "host.id"),
    "tls": ("tls.version",),
}


class Variant(NamedTuple):
    """Places that fields have instead in a document that `has` a field and lacks all of `lacks`.

    `when` says the same to a person.
    """

    when: str
    has: str
    lacks: tuple[str, ...]
    places: Mapping[str, tuple[Place, ...]]


VARIANTS: Final = (
    Variant("behind a trusted proxy", "client.ip", (), _BEHIND_A_PROXY),
    # The target of a CONNECT, or one that is no URL: it is all that there is.
    Variant(
        "without full and path",
        "url.original",
        ("url.full", "url.path"),
        {"url.original": (Place("http_request.url.url_string", whole=False),)},
    ),
    # A period is over when the latest began; what the first took is no duration of it.
    Variant(
        "folded",
        "shipper.fold_last",
        (),
        {
            "shipper.fold_last": (Place("end_time", milliseconds, whole=False),),
            "event.end": (),
            "event.duration": (),
        },
    ),
)
