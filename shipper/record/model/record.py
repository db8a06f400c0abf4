"""The record as a whole."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Required

from pydantic import ConfigDict, TypeAdapter
from typing_extensions import TypedDict

from shipper.record.model.event import DataStream, Ecs, Event, Related, Span, Trace, Transaction
from shipper.record.model.network import Client, Destination, Network, Server, Source, Tls
from shipper.record.model.origin import (
    Agent,
    Container,
    Host,
    Kubernetes,
    Observer,
    Orchestrator,
    Process,
    Service,
    User,
)
from shipper.record.model.own import Shipper
from shipper.record.model.scalars import Labels, Timestamp, Word, about
from shipper.record.model.versions import RECORD_VERSIONS, at
from shipper.record.model.web import Http, Url, UserAgent

SCHEMA_NAME: Final = "http.header.v1"

# The functional form, because "@timestamp" is no identifier. The parts without a configuration
# of their own are held to this one.
RecordDocument = TypedDict(
    "RecordDocument",
    {
        "@timestamp": Required[
            Annotated[
                Timestamp,
                about(
                    "Event time",
                    "First byte of the request; of the response if there is no request. "
                    "UTC, microseconds.",
                    "2026-01-01T00:00:00.000000Z",
                ),
            ]
        ],
        "event": Required[Event],
        "data_stream": Required[DataStream],
        "ecs": Required[Ecs],
        "agent": Required[Agent],
        "host": Host,
        "observer": Observer,
        "source": Required[Source],
        "destination": Required[Destination],
        "client": Client,
        "server": Server,
        "network": Required[Network],
        "http": Required[Http],
        "url": Url,
        "user_agent": UserAgent,
        "related": Related,
        "tls": Tls,
        "trace": Trace,
        "span": Span,
        "transaction": Transaction,
        "container": Container,
        "orchestrator": Orchestrator,
        "kubernetes": Kubernetes,
        "process": Process,
        "user": User,
        "service": Service,
        "labels": Annotated[Labels, about("Labels", "The operator's own.", {"env": "prod"})],
        "tags": Annotated[list[Word], about("Tags", "The operator's own.", ["edge"])],
        "shipper": Required[Shipper],
    },
    total=False,
)
RecordDocument.__doc__ = "One HTTP exchange."
RecordDocument.__pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[attr-defined]

#: The model of each version.
ADAPTERS: Final[Mapping[str, TypeAdapter[Any]]] = {
    version: TypeAdapter(at(RecordDocument, version)) for version in RECORD_VERSIONS
}

#: The newest, which takes the records of all versions.
ADAPTER: Final = ADAPTERS[RECORD_VERSIONS[-1]]

#: The parts that are the same in every record of an agent.
CONSTANT: Final = ("data_stream", "ecs", "agent", "host", "observer", "labels", "tags")


def _closed(name: str, keys: Iterable[str], version: str) -> TypeAdapter[Any]:
    """An adapter for some of the record's parts, of the same types and as strict."""
    annotations = at(RecordDocument, version).__annotations__
    part = TypedDict(name, {key: annotations[key] for key in keys}, total=False)  # type: ignore[misc]
    part.__pydantic_config__ = RecordDocument.__pydantic_config__  # type: ignore[attr-defined]
    return TypeAdapter(part)


#: The parts that say who holds an end of the connection: validated once for all its exchanges.
PARTICIPANT: Final = ("container", "kubernetes", "process", "user", "service")

# The same fields in parts: what stays the same needs to be validated once only.
CONSTANT_ADAPTERS: Final = {
    version: _closed("ConstantParts", CONSTANT, version) for version in RECORD_VERSIONS
}
VARIABLE_ADAPTERS: Final = {
    version: _closed(
        "VariableParts",
        [key for key in RecordDocument.__annotations__ if key not in CONSTANT],
        version,
    )
    for version in RECORD_VERSIONS
}
PARTICIPANT_ADAPTERS: Final = {
    version: _closed("Participant", PARTICIPANT, version) for version in RECORD_VERSIONS
}
