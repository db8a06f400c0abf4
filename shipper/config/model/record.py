"""The keys of what stands in a record, and of what never does."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, PlainValidator, SecretStr, field_validator, model_validator

from shipper.config.model.section import Section
from shipper.config.topics import Encoding
from shipper.config.values import Cidr, Pattern, Several, Table
from shipper.errors import ConfigError

_SHORTEST_KEY = 16


def _names(given: object) -> Literal["all"] | tuple[str, ...] | None:
    """`default`, `all`, or names, which may be given as text."""
    if given is None or given == "default":
        return None
    if given == "all":
        return "all"
    parts = given.split(",") if isinstance(given, str) else given
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise ValueError('a list of names, "all" or "default" is needed')
    return tuple(part.strip().lower() for part in parts if part.strip())


#: Header names in lower case, "all", or None for the record room's own list ("default").
HeaderNames = Annotated[Literal["all"] | tuple[str, ...] | None, PlainValidator(_names)]

#: Headers of a message that are not the operator's to set.
_TAKEN = frozenset({"content-type", "schema-name", "schema-version", "framing"})
_TAKEN |= {"timestamp-replaced", "__value_schema_id"}


class Record(Section):
    """What stands in a record."""

    request_headers: HeaderNames = Field(
        default=None, description="request headers kept: names, `all` or `default`"
    )
    response_headers: HeaderNames = Field(
        default=None, description="response headers kept: names, `all` or `default`"
    )
    namespace: str = Field(
        default="default",
        pattern=r"^[a-z0-9_.]{1,100}$",
        description="`data_stream.namespace`: lower case letters, digits, `_` and `.`",
    )
    encoding: Encoding = Field(
        default="ecs",
        description="form of a record: `ecs` (JSON), `avro` (Kafka only), `ocsf` (JSON, HTTP "
        "Activity), `cim` (flat JSON, Splunk's names), `apipark` (flat JSON, APIPark's log)",
    )
    schema_version: Literal["1.0", "1.1", "1.2"] = Field(
        default="1.0",
        description="version of the schema that records are of; a newer program keeps to it until "
        "this is raised",
    )
    host_name: str = Field(default="", description="`host.name`; empty: this host's")
    host_id: str = Field(default="", description="`host.id`; empty: the machine id")
    internal_networks: Several[Cidr] = Field(
        default=(),
        description="networks inside the perimeter; enables inbound, outbound, internal ...",
    )
    trusted_proxies: Several[Cidr] = Field(
        default=(),
        description="networks of the proxies whose PROXY protocol header gives `client.*`",
    )
    client_headers: Several[Literal["forwarded", "x-forwarded-for", "x-real-ip"]] = Field(
        default=(),
        description="headers in which the trusted proxies write whom they were asked by: "
        "`forwarded`, `x-forwarded-for`, `x-real-ip`; the first one there gives `client.*`",
    )
    max_bytes: int = Field(
        default=900_000,
        ge=4096,
        description="bytes of a record; a longer one has its longest header values cut",
    )
    max_ahead: float = Field(
        default=3000.0,
        gt=0,
        description="seconds that a record's time may lie ahead before the message carries the "
        "present (Kafka takes at most 3600)",
    )
    message_headers: Table[str] = Field(
        default_factory=dict,
        description="further headers of each record's message, as `splunk.header.index` for HEC",
    )

    @field_validator("message_headers")
    @classmethod
    def _not_taken(cls, headers: dict[str, str]) -> dict[str, str]:
        if taken := sorted(_TAKEN & headers.keys()):
            raise ValueError(f"{', '.join(taken)}: every message has that already")
        return headers


class Privacy(Section):
    """What never leaves this host as it is."""

    client_ip: Literal["keep", "truncate", "hash"] = Field(
        default="keep",
        description="client addresses: `keep`, `truncate` (/24, /48) or keyed `hash`",
    )
    headers: Table[Literal["drop", "mask", "hash", "keep"]] = Field(
        default_factory=dict,
        description="per header name (`*` and `?` match any) `drop`, `mask`, `hash` or `keep`",
    )
    secrets: Literal["mask", "drop", "hash"] = Field(
        default="mask", description="what becomes of a secret that no other key names"
    )
    query: Several[str] = Field(
        default=(), description="names of further query parameters to mask; `*` and `?` match any"
    )
    paths: Several[Pattern] = Field(
        default=(), description="regular expressions of path parts to mask"
    )
    hash_key: SecretStr = Field(
        default=SecretStr(""), description="key of keyed hashes, at least 16 characters (secret)"
    )
    hash_key_file: str = Field(default="", description="file that holds the key instead")
    hash_key_id: str = Field(default="", description="name of the key, written beside every hash")

    @field_validator("headers")
    @classmethod
    def _fold(cls, headers: dict[str, str]) -> dict[str, str]:
        return {name.strip().lower(): action for name, action in headers.items()}

    @model_validator(mode="after")
    def _key_where_needed(self) -> Self:
        key = self.hash_key.get_secret_value()
        if key and self.hash_key_file:
            raise ValueError("hash_key and hash_key_file exclude each other")
        if key and len(key) < _SHORTEST_KEY:
            raise ValueError(f"hash_key is too short: at least {_SHORTEST_KEY} characters")
        hashed = "hash" in {self.client_ip, self.secrets, *self.headers.values()}
        if hashed and not key and not self.hash_key_file:
            raise ValueError("hashing needs hash_key or hash_key_file")
        return self

    def read_hash_key(self) -> bytes | None:
        """The key, read from its file if it stands there; None when there is none."""
        if not self.hash_key_file:
            return self.hash_key.get_secret_value().encode() or None
        try:
            key = Path(self.hash_key_file).read_bytes().strip()
        except OSError as e:
            raise ConfigError(
                f"privacy.hash_key_file: can't read {self.hash_key_file} ({e.strerror})",
                "give a file that this user may read",
            ) from None
        if len(key) < _SHORTEST_KEY:
            raise ConfigError(
                f"privacy.hash_key_file: the key in {self.hash_key_file} is too short",
                f"at least {_SHORTEST_KEY} bytes, as from `openssl rand -hex 32`",
            )
        return key
