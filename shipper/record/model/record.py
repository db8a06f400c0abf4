"""The record as a whole."""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Final, Literal, Required

from pydantic import TypeAdapter
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
from shipper.record.model.partial import only
from shipper.record.model.scalars import Labels, Timestamp, Word, about
from shipper.record.model.versions import DOCUMENT, RECORD_VERSIONS, at
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
RecordDocument.__pydantic_config__ = DOCUMENT  # type: ignore[attr-defined]

#: The model of each version.
ADAPTERS: Final[Mapping[str, TypeAdapter[Any]]] = {
    version: TypeAdapter(at(RecordDocument, version)) for version in RECORD_VERSIONS
}

#: The newest, which takes the records of all versions.
ADAPTER: Final = ADAPTERS[RECORD_VERSIONS[-1]]

#: Fields of a record, by dotted names, as they are validated at different times: once what is the
#: same in every record of an agent,
CONSTANT: Final = frozenset(("data_stream", "ecs", "agent", "host", "observer", "labels", "tags"))
#: once for all exchanges of a connection who holds an end of it,
PARTICIPANT: Final = frozenset(("container", "kubernetes", "process", "user", "service"))
#: once what many have from their connection, their header blocks and the settings,
SHARED: Final = frozenset(
    """
    source destination network client server related user_agent trace span transaction
    event.id event.sequence event.kind event.category event.type event.outcome event.dataset
    event.module
    http.request.headers http.response.headers
    shipper.schema_version shipper.hook shipper.interface shipper.privacy
    """.split()  # noqa: SIM905 - one a line would fill a page
)
#: and each time what an exchange has for itself.
FRESH: Final = frozenset(
    """
    @timestamp event.created event.start event.end event.duration event.outcome url client
    http.version http.request.method http.request.referrer http.request.bytes http.request.body
    http.response.status_code http.response.bytes http.response.body
    shipper.exchange_number shipper.time_to_first_byte shipper.incomplete shipper.anomalies
    shipper.truncated shipper.interim shipper.response_version shipper.joined_late shipper.resumed
    shipper.timestamp_replaced shipper.sampling_rate shipper.fold_count
    shipper.fold_last shipper.fold_duration
    """.split()  # noqa: SIM905
)


@cache
def adapter_of(names: frozenset[str], version: str) -> TypeAdapter[Any]:
    """The model of these fields in a version: of the same types as the whole, and as strict.

    What FRESH does not name is not refused but left out: to look for it would take two fifths of
    the time, and it enters no record either way.
    """
    extra: Literal["forbid", "ignore"] = "ignore" if names is FRESH else "forbid"
    return TypeAdapter(only(at(RecordDocument, version), names, extra))
