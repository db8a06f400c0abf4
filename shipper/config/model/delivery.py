"""The keys of where records go, and of where they wait on the way."""

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from shipper.config.model.section import Section
from shipper.config.secrets import SettingsTable
from shipper.config.topics import Framing
from shipper.config.values import Size
from shipper.errors import ConfigError

#: A name that Kafka takes for a topic.
Topic = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]


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
    schema_version: Literal["1.0", "1.1"] = Field(
        default="1.0",
        description="version of the schema that accounts are of; 1.1 says whose the exchanges were",
    )
