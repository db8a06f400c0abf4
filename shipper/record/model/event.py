"""What the record says of itself: event, data stream, ECS version, related values, traces."""

from typing import Annotated, Literal, Required

from pydantic import Field
from typing_extensions import TypedDict

from shipper.record.model.scalars import Count, Ip, Timestamp, Word, about

Category = Literal["network", "web"]
# What ECS expects of the categories network and web together.
Type = Literal[
    "access", "allowed", "connection", "denied", "end", "error", "info", "protocol", "start"
]


class Event(TypedDict, total=False):
    """The exchange as an event."""

    id: Required[
        Annotated[
            str,
            Field(pattern=r"^[0-9a-f-]{36}-[0-9]+-[0-9]+$"),
            about(
                "Event id",
                "Ephemeral id of the agent, worker, sequence. The key of the message.",
                "bf8c6f4e-6d1f-4f5e-9a54-0b6a3a1c7f11-0-17",
            ),
        ]
    ]
    sequence: Required[
        Annotated[Count, about("Sequence", "Without holes per agent start and worker.", 17)]
    ]
    created: Required[
        Annotated[
            Timestamp, about("Created", "When the record was made.", "2026-01-01T00:00:00.250000Z")
        ]
    ]
    start: Annotated[
        Timestamp,
        about("Start", "First byte of the request, where seen.", "2026-01-01T00:00:00.000000Z"),
    ]
    end: Annotated[
        Timestamp,
        about("End", "Last byte of the response, where seen.", "2026-01-01T00:00:00.001200Z"),
    ]
    duration: Annotated[
        Count, about("Duration", "From start to end, by the event's clock (ns).", 1200000)
    ]
    kind: Required[
        Annotated[Literal["event"], about("Kind", "ECS categorization, first level.", "event")]
    ]
    category: Required[
        Annotated[
            list[Category],
            Field(min_length=1),
            about("Category", "ECS categorization, second level.", ["network", "web"]),
        ]
    ]
    type: Required[
        Annotated[
            list[Type],
            Field(min_length=1),
            about("Type", "ECS categorization, third level.", ["access", "connection", "protocol"]),
        ]
    ]
    outcome: Required[
        Annotated[
            Literal["success", "failure", "unknown"],
            about(
                "Outcome",
                "`success` below status 400, `failure` from 400 on, else `unknown`.",
                "success",
            ),
        ]
    ]
    dataset: Required[
        Annotated[
            Word, about("Dataset", "The dataset, as in `data_stream.dataset`.", "http.header")
        ]
    ]
    module: Required[Annotated[Word, about("Module", "What produced the event.", "shipper")]]


class DataStream(TypedDict, total=False):
    """The data stream that the record belongs to."""

    type: Required[
        Annotated[Literal["logs"], about("Data stream type", "ECS's kind of data stream.", "logs")]
    ]
    dataset: Required[
        Annotated[
            str,
            Field(pattern=r'^[^\\/*?"<>| ,#:A-Z-]{1,100}$'),
            about(
                "Data stream dataset", "The middle part of the data stream's name.", "http.header"
            ),
        ]
    ]
    namespace: Required[
        Annotated[
            str,
            Field(pattern=r'^[^\\/*?"<>| ,#:A-Z-]{1,100}$'),
            about(
                "Data stream namespace",
                "The last part of the data stream's name, chosen by the operator.",
                "default",
            ),
        ]
    ]


class Ecs(TypedDict, total=False):
    """Elastic Common Schema."""

    version: Required[
        Annotated[
            Literal["8.17.0"], about("ECS version", "The version whose names are used.", "8.17.0")
        ]
    ]


class Related(TypedDict, total=False):
    """Values to pivot on, wherever they stand."""

    ip: Annotated[
        list[Ip],
        about(
            "Related addresses",
            "Every address of the record, client's first.",
            ["192.0.2.7", "198.51.100.4"],
        ),
    ]
    hosts: Annotated[
        list[Word],
        about("Related hosts", "Every host name of the record.", ["example.org", "web-1"]),
    ]


class Trace(TypedDict, total=False):
    """The distributed trace."""

    id: Required[
        Annotated[
            Word, about("Trace id", "The id of the trace.", "0af7651916cd43dd8448eb211c80319c")
        ]
    ]


class Span(TypedDict, total=False):
    """The span."""

    id: Required[Annotated[Word, about("Span id", "The id of the span.", "b7ad6b7169203331")]]


class Transaction(TypedDict, total=False):
    """The transaction."""

    id: Required[
        Annotated[Word, about("Transaction id", "The id of the transaction.", "00f067aa0ba902b7")]
    ]
