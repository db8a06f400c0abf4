"""What is not ECS: everything under `shipper.*`."""

from typing import Annotated, Literal, Required

from pydantic import Field
from typing_extensions import TypedDict

from shipper.record.model.origin import Container, Kubernetes, Process, Service, User
from shipper.record.model.scalars import Count, Timestamp, Word, about
from shipper.record.model.versions import RecordVersion


class Side(TypedDict, total=False):
    """Who one end of the connection is, where both ends are on this host."""

    container: Container
    kubernetes: Kubernetes
    process: Process
    service: Service
    user: User


class Privacy(TypedDict, total=False):
    """What was done to the client's address."""

    client_ip: Required[
        Annotated[
            Literal["truncate", "hash"],
            about("Client address", "Absent where it was kept as it is.", "truncate"),
        ]
    ]
    key_id: Annotated[Word, about("Key id", "Which key it was hashed with.", "k1")]


class Shipper(TypedDict, total=False):
    """Facts about the capture and the record itself."""

    schema_version: Required[
        Annotated[RecordVersion, about("Schema version", "Of this record.", "1.0")]
    ]
    hook: Required[
        Annotated[
            Literal["cgroup", "interface", "replay"],
            about("Hook", "Which hook saw the packets.", "cgroup"),
        ]
    ]
    exchange_number: Required[
        Annotated[Count, about("Exchange number", "Counts from 0 in its connection.", 0)]
    ]
    interface: Annotated[Count, about("Interface", "Index of the interface, where known.", 2)]
    time_to_first_byte: Annotated[
        Count,
        about(
            "Time to first byte",
            "From the first byte of the request to the first of the final response (ns).",
            850000,
        ),
    ]
    incomplete: Annotated[
        list[
            Literal[
                "no_response",
                "no_request",
                "request_cut_off",
                "response_cut_off",
                "request_gap",
                "response_gap",
            ]
        ],
        about("Incomplete", "Why the exchange is not whole.", ["no_response"]),
    ]
    anomalies: Annotated[
        list[Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,63}$")]],
        about("Anomalies", "What was odd on the wire, by name.", ["bare_lf"]),
    ]
    truncated: Annotated[
        list[Literal["request", "response"]],
        about("Truncated", "Whose header block is longer than is taken.", ["request"]),
    ]
    interim: Annotated[
        list[Annotated[int, Field(ge=100, le=199)]],
        about("Interim responses", "The 1xx codes before the final response.", [100]),
    ]
    response_version: Annotated[
        Word,
        about(
            "Response version",
            "HTTP version of the response, where a request was seen too: `http.version` is the "
            "request's, and servers answer with their own.",
            "1.0",
            since="1.1",
        ),
    ]
    joined_late: Annotated[
        Literal[True], about("Joined late", "The connection was older than the capture.", True)  # noqa: FBT003 - an example
    ]
    resumed: Annotated[
        Literal[True],
        about(
            "Resumed",
            "Bytes were lost before this: a start line gave the place back, or the pair is likely.",
            True,  # noqa: FBT003 - an example
        ),
    ]
    timestamp_replaced: Annotated[
        Literal[True],
        about(
            "Timestamp replaced",
            "The event's time is none that Kafka takes; the message carries event.created.",
            True,  # noqa: FBT003 - an example
        ),
    ]
    shortened: Annotated[
        list[Word],
        about(
            "Shortened",
            "The fields that were cut because the record was too long, longest values first.",
            ["http.request.headers.cookie"],
        ),
    ]
    sampling_rate: Annotated[
        float,
        Field(gt=0, le=1),
        about("Sampling rate", "Share of exchanges that become records, below 1.", 0.1),
    ]
    fold_count: Annotated[
        Count, about("Fold count", "How many equal exchanges this record stands for.", 12)
    ]
    fold_last: Annotated[
        Timestamp,
        about(
            "Fold last",
            "First byte of the latest of them; `@timestamp` is that of the first.",
            "2026-01-01T00:00:59.000000Z",
            since="1.2",
        ),
    ]
    fold_duration: Annotated[
        Count,
        about(
            "Fold duration",
            "Sum of the durations of all of them (ns); `event.duration` is that of the first.",
            14400000,
            since="1.2",
        ),
    ]
    privacy: Privacy
    source: Annotated[Side, about("Source side", "Who the source is, if it is local too.")]
    destination: Annotated[
        Side, about("Destination side", "Who the destination is, if it is local too.")
    ]
