"""The alert: a rule that held for a group of records in a window of time."""

from typing import Annotated, Any, Final, Literal, Required

from pydantic import ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

from shipper.record.model.event import DataStream, Ecs
from shipper.record.model.origin import Agent, Host
from shipper.record.model.scalars import Count, Labels, Timestamp, Word, about
from shipper.record.model.versions import DOCUMENT

SCHEMA_NAME: Final = "http.header.alerts.v1"
SCHEMA_VERSION: Final = "1.0"
DATASET: Final = "http.header.alerts"

_WHEN = "2026-01-01T00:00:00.000000Z"


class AlertEvent(TypedDict, total=False):
    """The alert as an event."""

    id: Required[
        Annotated[
            Word,
            about(
                "Alert id",
                "Made of rule, group and window, so that the same alert has the same id however "
                "often it is raised. The key of the message.",
                "b7c4b0f3a1d2",
            ),
        ]
    ]
    created: Required[Annotated[Timestamp, about("Created", "When it was raised.", _WHEN)]]
    kind: Required[Annotated[Literal["alert"], about("Kind", "ECS, first level.", "alert")]]
    severity: Required[
        Annotated[
            int,
            Field(ge=0, le=100),
            about("Severity", "0 to 100; `alert.severity` says it in a word.", 73),
        ]
    ]
    dataset: Required[Annotated[Word, about("Dataset", "As in `data_stream.dataset`.", DATASET)]]
    module: Required[Annotated[Word, about("Module", "What produced it.", "shipper")]]


class Rule(TypedDict, total=False):
    """The rule that held."""

    id: Required[Annotated[Word, about("Rule id", "Stays the same.", "burst-5xx")]]
    name: Required[Annotated[Word, about("Rule name", "For people.", "Burst of server errors")]]
    version: Annotated[Word, about("Rule version", "Of its text.", "1")]
    category: Annotated[Word, about("Rule category", "What kind it is.", "threshold")]
    description: Annotated[Word, about("Rule", "What it looks for.", "More than 5 % fail.")]
    reference: Annotated[Word, about("Reference", "Where more is said.", "https://example.org/r")]


#: The time that was looked at. The functional form, because "from" is no identifier.
Window = TypedDict(
    "Window",
    {
        "from": Required[Annotated[Timestamp, about("Window from", "Its first moment.", _WHEN)]],
        "until": Required[Annotated[Timestamp, about("Window until", "Its end.", _WHEN)]],
    },
    total=False,
)
Window.__doc__ = "The time that was looked at."
Window.__pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[attr-defined]


class Alert(TypedDict, total=False):
    """What was found."""

    state: Required[
        Annotated[
            Literal["firing", "resolved"],
            about("State", "`resolved` is said once, under the same id.", "firing"),
        ]
    ]
    severity: Required[
        Annotated[
            Literal["info", "low", "medium", "high", "critical"],
            about("Severity", "In a word.", "high"),
        ]
    ]
    group: Required[
        Annotated[
            Labels,
            about("Group", "Field names and the values shared by the records.", {"url.path": "/"}),
        ]
    ]
    window: Required[Window]
    value: Annotated[float, about("Value", "What was measured.", 0.31)]
    threshold: Annotated[float, about("Threshold", "What it was held against.", 0.05)]
    evidence: Required[
        Annotated[
            list[Word],
            Field(max_length=100),
            about(
                "Evidence",
                "`event.id` of records that the rule held for, at most 100.",
                ["bf8c6f4e-6d1f-4f5e-9a54-0b6a3a1c7f11-0-17"],
            ),
        ]
    ]
    evidence_total: Required[
        Annotated[Count, about("Evidence, total", "How many records there were.", 412)]
    ]


# The functional form, because "@timestamp" is no identifier.
AlertDocument = TypedDict(
    "AlertDocument",
    {
        "@timestamp": Required[
            Annotated[Timestamp, about("Time", "When the rule began to hold.", _WHEN)]
        ],
        "message": Required[
            Annotated[Word, about("Message", "The alert in one line.", "31 % of GET / fail")]
        ],
        "ecs": Required[Ecs],
        "event": Required[AlertEvent],
        "rule": Required[Rule],
        "agent": Required[Agent],
        "host": Host,
        "data_stream": Required[DataStream],
        "alert": Required[Alert],
        "labels": Annotated[Labels, about("Labels", "The operator's own.", {"env": "prod"})],
        "tags": Annotated[list[Word], about("Tags", "The operator's own.", ["edge"])],
    },
    total=False,
)
AlertDocument.__doc__ = "A rule that held for a group of records in a window of time."
AlertDocument.__pydantic_config__ = DOCUMENT  # type: ignore[attr-defined]

ADAPTER: Final[TypeAdapter[Any]] = TypeAdapter(AlertDocument)
