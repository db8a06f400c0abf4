"""Every key, its default and what it allows.

The descriptions are the user's: docs/configuration.md and config/shipper.toml are tested against
them. A default of None means that the room which uses the key decides.
"""

from typing import Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from shipper.config.model.attribution import Attribution
from shipper.config.model.capture import Capture, Http, Match
from shipper.config.model.delivery import Kafka, Ledger, Registry, Spool
from shipper.config.model.record import Privacy, Record
from shipper.config.model.section import Section
from shipper.config.model.volume import Volume, VolumeRule
from shipper.config.topics import BINARY, WITH_SCHEMA, chosen_topic
from shipper.config.values import ListenAddress, Output, Several

__all__ = [
    "Agent",
    "Attribution",
    "Capture",
    "Config",
    "Http",
    "Kafka",
    "Ledger",
    "Match",
    "Metrics",
    "Privacy",
    "Record",
    "Registry",
    "Section",
    "Spool",
    "Volume",
    "VolumeRule",
    "keys",
    "tables",
]


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
    hand_over: str = Field(
        default="",
        description="folder in which the agent meets its successor; empty: it meets none",
    )
    hand_over_timeout: float = Field(
        default=30.0, ge=0, description="seconds for what is open to end when another goes on"
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
    attribution: Attribution = Attribution()
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
