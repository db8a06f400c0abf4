"""What the record room is told: plain data, read from no file here.

Header and parameter names are matched trimmed and case-folded; names with `*` or `?` are globs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

#: Shortest key that a keyed hash is taken with.
MINIMUM_KEY_BYTES: Final = 16

#: Written in place of what is masked.
MASK: Final = "***"


class Action(StrEnum):
    """What becomes of a value."""

    KEEP = "keep"
    MASK = "mask"  #: `***` stands in its place
    HASH = "hash"  #: `hmac:<key id>:<hex>`: equal values stay equal, under one key
    DROP = "drop"


class ClientIp(StrEnum):
    """What becomes of the client's address, wherever it occurs."""

    KEEP = "keep"
    TRUNCATE = "truncate"  #: to /24 and /48
    HASH = "hash"  #: to an address in fd00::/8 made of a keyed hash


DEFAULT_REQUEST_HEADERS: Final = (
    "accept",
    "accept-encoding",
    "accept-language",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "forwarded",
    "host",
    "if-modified-since",
    "if-none-match",
    "origin",
    "proxy-authorization",
    "range",
    "referer",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "te",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-amzn-trace-id",
    "x-api-key",
    "x-b3-spanid",
    "x-b3-traceid",
    "x-correlation-id",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
    "x-request-id",
    "x-requested-with",
)

DEFAULT_RESPONSE_HEADERS: Final = (
    "accept-ranges",
    "age",
    "alt-svc",
    "cache-control",
    "connection",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expires",
    "last-modified",
    "location",
    "retry-after",
    "server",
    "server-timing",
    "set-cookie",
    "strict-transport-security",
    "transfer-encoding",
    "upgrade",
    "vary",
    "via",
    "www-authenticate",
    "x-cache",
    "x-content-type-options",
    "x-correlation-id",
    "x-frame-options",
    "x-powered-by",
    "x-request-id",
)


@dataclass(frozen=True, slots=True)
class HeaderSettings:
    """Which headers are kept: names, globs, or `*` for all.

    `actions` decides a name's fate, whatever its looks, and lists it too; without one, a name
    that is or looks like a secret's gets `secret_action`. `names_limit` bounds how many
    different spellings are remembered and counted.
    """

    request: tuple[str, ...] = DEFAULT_REQUEST_HEADERS
    response: tuple[str, ...] = DEFAULT_RESPONSE_HEADERS
    actions: Mapping[str, Action] = field(default_factory=dict)
    secret_action: Action = Action.MASK
    names_limit: int = 2000


@dataclass(frozen=True, slots=True)
class PrivacySettings:
    """What becomes of secrets in URLs and of the client's address.

    `parameters` decides the fate of query parameters by name, before the built-in patterns,
    whose matches get `secret_action`. `path_patterns` are regular expressions; each of their
    groups (the whole match if there is none) is masked in every URL's path. `key` (at least 16
    bytes) and `key_id` serve everything that is hashed.
    """

    client_ip: ClientIp = ClientIp.KEEP
    parameters: Mapping[str, Action] = field(default_factory=dict)
    secret_action: Action = Action.MASK
    path_patterns: tuple[str, ...] = ()
    key: bytes = field(default=b"", repr=False)
    key_id: str = ""


@dataclass(frozen=True, slots=True)
class RecordSettings:
    """Everything that shapes a record.

    `internal_networks` (CIDRs) turn `network.direction` into the ECS perimeter words.
    `trusted_proxies` (CIDRs) are the peers whose PROXY protocol header is believed, and what they
    say in `client_headers`, the headers (lower case, the first one there counts) that they write.
    `maximum_ahead_ns` is how far an event's time may lie ahead of `event.created` before the
    message carries the latter (Kafka 4 refuses more than an hour). A record longer than
    `maximum_bytes` is shortened; `letter_maximum_bytes` bounds a dead letter, which holds a record
    as a JSON text, where each quote takes two bytes. `encoding` is the form that records go out in
    (`encoders.ENCODINGS`), `framing` what messages say that delivery puts around it,
    `message_headers` are further headers of theirs. `schema_version` is the version of the schema
    that the records are of, `ledger_version` that of the accounts; a newer program goes on writing
    them until it is told.
    """

    topic: str = "http.header.v1"
    ledger_topic: str = "http.header.ledger.v1"
    dead_topic: str = "http.header.dead.v1"
    dataset: str = "http.header"
    namespace: str = "default"
    encoding: str = "ecs"
    framing: str = "plain"
    schema_version: str = "1.0"
    ledger_version: str = "1.0"
    headers: HeaderSettings = field(default_factory=HeaderSettings)
    privacy: PrivacySettings = field(default_factory=PrivacySettings)
    internal_networks: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    client_headers: tuple[str, ...] = ()
    maximum_ahead_ns: int = 3_600_000_000_000
    maximum_bytes: int = 900_000
    letter_maximum_bytes: int = 2_000_000
    labels: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    message_headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """Who writes the records.

    `ephemeral_id` is a UUID in its canonical text form, new at every start (replay: made of the
    file's hash). Where a text is empty, the field is absent.
    """

    agent_id: str
    ephemeral_id: str
    worker: int
    version: str
    agent_type: str = "shipper"
    agent_name: str = ""
    host_id: str = ""
    host_name: str = ""
    observer_name: str = ""
    observer_type: str = "sensor"
    observer_vendor: str = "shipper"
    observer_product: str = "shipper"
