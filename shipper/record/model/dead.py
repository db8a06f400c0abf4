"""The dead letter: a record that could not be published as it was, whole, with the reason."""

from typing import Annotated, Any, Final, Literal, Required

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from shipper.record.model.event import DataStream, Ecs
from shipper.record.model.origin import Agent, Host
from shipper.record.model.scalars import Count, Timestamp, Word, about
from shipper.record.model.versions import DOCUMENT

SCHEMA_NAME: Final = "http.header.dead.v1"
SCHEMA_VERSION: Final = "1.0"
DATASET: Final = "http.header.dead"

_ID = "bf8c6f4e-6d1f-4f5e-9a54-0b6a3a1c7f11-0-17"
_WHEN = "2026-01-01T00:00:00.000000Z"


class DeadEvent(TypedDict, total=False):
    """The letter as an event."""

    id: Required[
        Annotated[
            str,
            about(
                "Letter id",
                "That of the record, or `<ephemeral id>-<worker>-rejected-<n>` for one that never "
                "got a number. The key of the message.",
                _ID,
            ),
        ]
    ]
    created: Required[Annotated[Timestamp, about("Created", "When it was written.", _WHEN)]]
    kind: Required[
        Annotated[Literal["pipeline_error"], about("Kind", "ECS, first level.", "pipeline_error")]
    ]
    dataset: Required[Annotated[Word, about("Dataset", "As in `data_stream.dataset`.", DATASET)]]
    module: Required[Annotated[Word, about("Module", "What produced it.", "shipper")]]


class Error(TypedDict, total=False):
    """Why."""

    type: Required[Annotated[Word, about("Reason", "By its short name.", "too_large")]]
    message: Annotated[
        Word,
        about("Message", "What Kafka or the validation said.", "Broker: Message size too large"),
    ]


class Dead(TypedDict, total=False):
    """The record as it would have gone out."""

    topic: Required[Annotated[Word, about("Topic", "Where it was to go.", "http.header.v1")]]
    key: Required[Annotated[str, about("Key", "The key it had.", _ID)]]
    sequence: Annotated[Count, about("Sequence", "Its number; absent if it got none.", 17)]
    timestamp_ms: Required[
        Annotated[int, about("Message time", "The timestamp that it had (ms).", 1767225600000)]
    ]
    headers: Required[
        Annotated[
            dict[str, str],
            about("Headers", "Its message headers.", {"content-type": "application/json"}),
        ]
    ]
    partition_key: Required[
        Annotated[str, about("Partition key", "Names its connection; may be empty.", "b-0-beef")]
    ]
    original: Required[
        Annotated[
            str,
            about("Original", "The record's bytes as text; redacted already.", '{"event":{}}'),
        ]
    ]
    original_bytes: Required[
        Annotated[Count, about("Original bytes", "How long the record was.", 1432)]
    ]
    truncated: Annotated[
        Literal[True],
        about("Truncated", "`original` is only its beginning; it can't be sent again.", True),  # noqa: FBT003 - an example
    ]


# The functional form, because "@timestamp" is no identifier.
DeadDocument = TypedDict(
    "DeadDocument",
    {
        "@timestamp": Required[
            Annotated[Timestamp, about("Time", "The same as `event.created`.", _WHEN)]
        ],
        "ecs": Required[Ecs],
        "event": Required[DeadEvent],
        "error": Required[Error],
        "agent": Required[Agent],
        "host": Host,
        "data_stream": Required[DataStream],
        "dead": Required[Dead],
    },
    total=False,
)
DeadDocument.__doc__ = "A record that could not be published as it was."
DeadDocument.__pydantic_config__ = DOCUMENT  # type: ignore[attr-defined]

ADAPTER: Final[TypeAdapter[Any]] = TypeAdapter(DeadDocument)
