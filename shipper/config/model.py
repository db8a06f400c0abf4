"""Every key, its default and what it allows.

The descriptions are the user's: docs/configuration.md and config/shipper.toml are tested against
them. A default of None means that the room which uses the key decides.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from shipper.config.secrets import SettingsTable
from shipper.config.topics import BINARY, WITH_SCHEMA, Encoding, Framing, chosen_topic
from shipper.config.values import (
    AbsolutePath,
    Cidr,
    HostPort,
    ListenAddress,
    Output,
    Pattern,
    Port,
    RingBytes,
    Several,
    Size,
    StatusOrClass,
    Table,
)
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

#: A name that Kafka takes for a topic.
Topic = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]


class Section(BaseModel):
    """A frozen table that knows all its keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True
    )


class Match(Section):
    """Connections, by any of these."""

    ports: Several[Port] = Field(default=(), description="server ports")
    cidrs: Several[Cidr] = Field(default=(), description="networks of either end")
    cgroups: Several[AbsolutePath] = Field(
        default=(), description="cgroup paths below the cgroup root"
    )


class Capture(Section):
    """What of the host's traffic is read, and how."""

    hook: Literal["cgroup", "interface"] = Field(
        default="cgroup",
        description="`cgroup`: the sockets of this host and its containers; "
        "`interface`: packets on network interfaces (mirror ports, routers, bridges)",
    )
    interfaces: Several[str] = Field(
        default=("all",), description='interface names, or `["all"]`; with hook `interface`'
    )
    cgroup_root: str = Field(default="", description="cgroup v2 root; empty: found by itself")
    allow_private_cgroup: bool = Field(
        default=False, description="go on although only a container's own cgroup root is visible"
    )
    roles: Several[Literal["server", "client"]] = Field(
        default=("server",),
        min_length=1,
        description="`server`: exchanges that this host answers; `client`: those it asks for",
    )
    include: Match = Field(default=Match(), description="only these connections; empty: all")
    exclude: Match = Field(default=Match(), description="never these connections")
    sinks: Several[HostPort] = Field(
        default=(),
        description="host:port never captured; brokers and registry are added by themselves",
    )
    exclude_own: bool = Field(
        default=True,
        description="leave out the agent's own connections: to where it ships, and of who asks it",
    )
    decapsulate: Several[Literal["vxlan", "geneve", "gre", "ipip"]] = Field(
        default=(),
        description="tunnels that are opened, with hook `interface`: `vxlan`, `geneve`, `gre` "
        "(ERSPAN too), `ipip`; replay opens them all",
    )
    flow_table: int = Field(
        default=65536, ge=256, le=1 << 24, description="connections followed at once"
    )
    reorder_table: int = Field(
        default=128,
        ge=16,
        le=65536,
        description="directions that may wait at once for an overdue segment; 19 KB each",
    )
    ring_bytes: RingBytes = Field(
        default=4 << 20,
        description="size of each ring from kernel to agent; a power of two, as in `4MiB`",
    )
    workers: int = Field(default=1, ge=1, le=8, description="rings, each with a worker process")
    max_block: int = Field(
        default=16384,
        ge=256,
        le=16384,
        description="bytes taken of a header block; the rest is cut",
    )


class Http(Section):
    """How exchanges are put together."""

    response_timeout: float = Field(
        default=30.0, gt=0, description="seconds until a request counts as unanswered"
    )
    idle_timeout: float = Field(
        default=300.0, gt=0, description="seconds until a silent connection is forgotten"
    )
    max_connections: int = Field(default=65536, ge=1, description="connections assembled at once")
    max_pending: int = Field(
        default=128, ge=1, description="requests of one connection that wait for their response"
    )
    max_held: Size = Field(
        default=128 << 20,
        ge=1 << 20,
        description="memory of what is in no exchange yet; beyond it the longest silent is told "
        "as it is",
    )


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
    schema_version: Literal["1.0", "1.1"] = Field(
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


class Kafka(Section):
    """Where records are published. What is not named here is a setting of librdkafka."""

    topic: str = Field(
        default="",
        pattern=r"^[a-zA-Z0-9._-]{0,249}$",
        description="topic of the records; empty: `http.header.v1`, with `ecs` and `plain`, else "
        "`http.header[.ENCODING][.FRAMING].v1`",
    )
    framing: Framing = Field(
        default="plain",
        description="what stands around a record: `plain` (nothing), `confluent` (the schema's id "
        "before it), `guid` (the schema's GUID in a header); the latter two need `registry.url`",
    )
    ledger_topic: Topic = Field(
        default="http.header.ledger.v1", description="topic of the accounts that `audit` reads"
    )
    dead_topic: Topic = Field(
        default="http.header.dead.v1", description="topic of what could not be published as it was"
    )
    alerts_topic: Topic = Field(default="http.header.alerts.v1", description="topic of alerts")
    partition_by: Literal["id", "connection", "none"] = Field(
        default="id",
        description="which records share a partition: `id` spreads them, `connection` keeps the "
        "order of each connection, `none` fills one partition for a while after the other",
    )
    settings: SettingsTable = Field(
        default_factory=SettingsTable, description="librdkafka's settings by dotted name"
    )

    @property
    def bootstrap_servers(self) -> tuple[str, ...]:
        """The brokers given as host:port, the port added where it is missing."""
        given = str(self.settings.get("bootstrap.servers", ""))
        parts = [part.strip().rpartition("://")[2] for part in given.split(",") if part.strip()]
        return tuple(p if p.rpartition(":")[2].isdecimal() else f"{p}:9092" for p in parts)


class Registry(Section):
    """The schema registry, for the framings that need one."""

    url: str = Field(
        default="",
        description="address of a schema registry with Confluent's API, as in "
        "`https://registry.example:8081`; empty: none",
    )
    user: str = Field(default="", description="user to ask as; empty: nobody")
    password: SecretStr = Field(default=SecretStr(""), description="its password (secret)")
    password_file: str = Field(default="", description="file that holds the password instead")
    ca: str = Field(
        default="", description="file of certificates to trust; empty: those of the system"
    )
    refresh: float = Field(default=300.0, ge=1, description="seconds between two look-ups")
    auto_register: bool = Field(
        default=False,
        description="register the schema where the registry lacks it; without it the agent says "
        "so, and records wait in the spool",
    )
    timeout: float = Field(default=10.0, gt=0, description="seconds to wait for an answer")

    @model_validator(mode="after")
    def _sound(self) -> Self:
        # No value is quoted: a user and a password may stand in it.
        parts = urlsplit(self.url)
        if self.url and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("the url has to be http(s)://HOST:PORT")
        _ = parts.port  # ValueError for one that is none
        if "@" in parts.netloc:
            raise ValueError(
                "the url holds a user: give registry.user and registry.password instead"
            )
        if self.password.get_secret_value() and self.password_file:
            raise ValueError("password and password_file exclude each other")
        return self

    @property
    def address(self) -> str:
        """Where it listens, as host:port."""
        parts = urlsplit(self.url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"

    def read_password(self) -> str:
        """The password, read from its file if it stands there; "" when there is none."""
        if not self.password_file:
            return self.password.get_secret_value()
        try:
            return Path(self.password_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as e:
            why = e.strerror if isinstance(e, OSError) else "it is not UTF-8"
            raise ConfigError(
                f"registry.password_file: can't read {self.password_file} ({why})",
                "give a file that this user may read",
            ) from None


class Spool(Section):
    """Where records wait on disk until Kafka has acknowledged them."""

    path: str = Field(
        default="/var/lib/shipper/spool",
        description="folder of the spool; empty: none, and what an end leaves unsent is lost",
    )
    total_bytes: Size = Field(
        default=1 << 30, ge=1 << 20, description="most bytes on disk, all workers together"
    )
    segment_bytes: Size = Field(
        default=16 << 20, ge=1 << 16, description="bytes after which a new file is begun"
    )
    sync_interval: float = Field(
        default=1.0,
        ge=0,
        description="seconds after which what was written is forced to the disk; what is younger "
        "can be lost with the power (0: with every write)",
    )
    when_full: Literal["block", "drop_oldest", "drop_newest"] = Field(
        default="block",
        description="`block` lets the kernel's ring fill, `drop_oldest` gives up what waited "
        "longest, `drop_newest` what comes; each loss is counted",
    )
    memory_bytes: Size = Field(
        default=32 << 20,
        ge=0,
        description="bytes kept in memory while the disk takes nothing",
    )

    @model_validator(mode="after")
    def _holds_segments(self) -> Self:
        if self.total_bytes < 2 * self.segment_bytes:
            raise ValueError("total_bytes must be at least twice segment_bytes")
        return self


class Ledger(Section):
    """The accounts that the agent publishes beside the records."""

    interval: float = Field(
        default=60.0, ge=1, description="seconds between two accounts of a worker"
    )


class VolumeRule(Section):
    """What becomes of the exchanges that match everything given here; of a list, any will do."""

    name: str = Field(pattern=r"^[a-z0-9_]{1,40}$")
    action: Literal["drop", "keep", "sample"]
    one_in: int = Field(default=1, ge=1, le=65536)
    hosts: Several[str] = ()
    paths: Several[str] = ()
    methods: Several[str] = ()
    statuses: Several[StatusOrClass] = ()
    clients: Several[Cidr] = ()
    user_agents: Several[str] = ()
    directions: Several[Literal["ingress", "egress"]] = ()

    @model_validator(mode="after")
    def _one_in_many(self) -> Self:
        if (self.action == "sample") != (self.one_in > 1):
            raise ValueError(f"{self.name}: one_in, of at least 2, is what sample needs, and alone")
        return self


class Volume(Section):
    """How much of what is seen becomes records."""

    rules: tuple[VolumeRule, ...] = Field(
        default=(),
        description="rules that drop, keep or sample exchanges, as `[[volume.rules]]`; the first "
        "that matches decides",
    )
    keep_failures: bool = Field(
        default=True,
        description="keep what failed (status 400 and above), was odd or is not whole, whatever "
        "the rules say",
    )

    @field_validator("rules")
    @classmethod
    def _names_once(cls, rules: tuple[VolumeRule, ...]) -> tuple[VolumeRule, ...]:
        if len({rule.name for rule in rules}) != len(rules):
            raise ValueError("two rules have the same name")
        return rules

    max_per_client_per_second: float = Field(
        default=0.0,
        ge=0,
        description="exchanges a second of one client address that become records; each worker "
        "counts for itself; 0: no bound",
    )
    max_exchanges_per_second: float = Field(
        default=0.0,
        ge=0,
        description="exchanges a second that become records, all workers together; 0: no bound",
    )
    max_cpu: float = Field(
        default=0.0,
        ge=0,
        description="CPUs that the workers may take, as in 0.5; above, exchanges are left out "
        "(0: no bound)",
    )


class Metrics(Section):
    """Numbers for Prometheus, and answers to health checks."""

    listen: ListenAddress = Field(
        default="127.0.0.1:9464",
        description="host:port of `/metrics`, `/healthz` and `/readyz`; empty: none",
    )


class Agent(Section):
    """How the agent itself runs."""

    user: str = Field(
        default="nobody", min_length=1, description="user to become once programs are loaded"
    )
    shutdown_timeout: float = Field(
        default=10.0, ge=0, description="seconds to deliver what is left when stopping"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="`debug`, `info`, `warning` or `error`"
    )
    log_format: Literal["auto", "text", "json"] = Field(
        default="auto", description="`text`, `json`, or `auto`: text on a terminal"
    )


class Config(Section):
    """The whole configuration."""

    output: Several[Output] = Field(
        default=("kafka",), min_length=1, description="`kafka`, `stdout`, `file:PATH`, or several"
    )
    capture: Capture = Capture()
    http: Http = Http()
    record: Record = Record()
    privacy: Privacy = Privacy()
    kafka: Kafka = Kafka()
    registry: Registry = Registry()
    spool: Spool = Spool()
    ledger: Ledger = Ledger()
    volume: Volume = Volume()
    metrics: Metrics = Metrics()
    agent: Agent = Agent()

    @field_validator("kafka")
    @classmethod
    def _topic_of_the_form(cls, kafka: Kafka, info: ValidationInfo) -> Kafka:
        record = info.data.get("record")
        if record is None:  # its own fault is told
            return kafka
        topic = chosen_topic(kafka.topic, record.encoding, kafka.framing)
        return kafka.model_copy(update={"topic": topic})

    @model_validator(mode="after")
    def _each_output_once(self) -> Self:
        if len(set(self.output)) != len(self.output):
            raise ValueError("output names the same place twice")
        return self

    @model_validator(mode="after")
    def _outputs_take_the_encoding(self) -> Self:
        others = [output for output in self.output if output != "kafka"]
        if others and self.record.encoding in BINARY:
            raise ValueError(
                f'output "{others[0]}" takes lines of text, and record.encoding '
                f'"{self.record.encoding}" is none: it goes to kafka alone'
            )
        return self

    @model_validator(mode="after")
    def _framing_has_a_schema(self) -> Self:
        framing, encoding = self.kafka.framing, self.record.encoding
        if framing == "plain":
            return self
        if encoding not in WITH_SCHEMA:
            raise ValueError(
                f'kafka.framing "{framing}" names a schema, and record.encoding "{encoding}" has '
                f"none of ours: take plain, or one of {', '.join(WITH_SCHEMA)}"
            )
        if not self.registry.url:
            raise ValueError(f'kafka.framing "{framing}" needs registry.url')
        return self


def keys(section: type[Section] = Config, prefix: str = "") -> dict[str, Any]:
    """Every key as a dotted name with pydantic's description of it; for tests and suggestions."""
    found: dict[str, Any] = {}
    for name, info in section.model_fields.items():
        dotted = f"{prefix}{name}"
        if isinstance(info.annotation, type) and issubclass(info.annotation, Section):
            found.update(keys(info.annotation, f"{dotted}."))
        elif dotted != "kafka.settings":
            found[dotted] = info
    return found


def tables(section: type[Section] = Config, prefix: str = "") -> list[str]:
    """Every table as a dotted name."""
    found = []
    for name, info in section.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, Section):
            found += [f"{prefix}{name}", *tables(info.annotation, f"{prefix}{name}.")]
    return found
