"""The ledger: what one worker has made of everything that it saw, in running totals."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Required

from pydantic import ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

from shipper.record.model.event import Ecs
from shipper.record.model.origin import Agent, Host
from shipper.record.model.scalars import Count, Timestamp, Word, about
from shipper.record.model.versions import DOCUMENT, at

SCHEMA_NAME: Final = "http.header.ledger.v1"
#: The versions of the account, oldest first; what came later than 1.0 says `since`.
LEDGER_VERSIONS: Final = ("1.0", "1.1")
DATASET: Final = "http.header.ledger"

#: The stages in the order in which things pass them.
STAGES: Final = ("events", "blocks", "messages", "exchanges", "records", "spool", "delivery")

_UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_EPHEMERAL = "bf8c6f4e-6d1f-4f5e-9a54-0b6a3a1c7f11"
_WHEN = "2026-01-01T00:00:00.000000Z"

Reason = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]{0,63}$")]
Counts = dict[str, Count]


class LedgerEvent(TypedDict, total=False):
    """The account as an event."""

    id: Required[
        Annotated[
            str,
            Field(pattern=r"^[0-9a-f-]{36}-[0-9]+-ledger-[0-9]+$"),
            about("Account id", "The key of the message.", f"{_EPHEMERAL}-0-ledger-3"),
        ]
    ]
    sequence: Required[
        Annotated[Count, about("Sequence", "Counts the accounts of this worker from 0.", 3)]
    ]
    created: Required[Annotated[Timestamp, about("Created", "When it was written.", _WHEN)]]
    kind: Required[Annotated[Literal["metric"], about("Kind", "ECS, first level.", "metric")]]
    dataset: Required[Annotated[Word, about("Dataset", "As in `data_stream.dataset`.", DATASET)]]
    module: Required[Annotated[Word, about("Module", "What produced it.", "shipper")]]


class LedgerStream(TypedDict, total=False):
    """The data stream that the account belongs to."""

    type: Required[
        Annotated[Literal["metrics"], about("Data stream type", "ECS's kind.", "metrics")]
    ]
    dataset: Required[Annotated[Word, about("Data stream dataset", "Middle part.", DATASET)]]
    namespace: Required[
        Annotated[Word, about("Data stream namespace", "Chosen by the operator.", "default")]
    ]


class Sequence(TypedDict, total=False):
    """The numbers given to records."""

    next: Required[Annotated[Count, about("Next number", "The numbers below it were given.", 1000)]]
    settled: Required[
        Annotated[
            Count,
            about(
                "Settled",
                "Every record below it is acknowledged, dead-lettered or counted as lost.",
                990,
            ),
        ]
    ]


class Lost(TypedDict, total=False):
    """Numbers that will not come, and why."""

    first: Required[Annotated[Count, about("First", "The first number.", 17)]]
    last: Required[Annotated[Count, about("Last", "The last number, itself lost.", 19)]]
    reason: Required[Annotated[Reason, about("Reason", "What became of them.", "spool_full")]]


#: The time in which nobody looked. The functional form, because "from" is no identifier.
Unobserved = TypedDict(
    "Unobserved",
    {
        "from": Required[
            Annotated[Timestamp, about("Unobserved from", "The last sign of life.", _WHEN)]
        ],
        "until": Required[
            Annotated[Timestamp, about("Unobserved until", "Start of who closes it.", _WHEN)]
        ],
    },
    total=False,
)
Unobserved.__doc__ = "The time in which nobody looked."
Unobserved.__pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[attr-defined]

#: What came into one stage and what became of it: in = out + held + sum(discarded).
Stage = TypedDict(
    "Stage",
    {
        "unit": Required[Annotated[Word, about("Unit", "What is counted.", "records")]],
        "in": Required[Annotated[Count, about("In", "Came in.", 1000)]],
        "out": Required[Annotated[Count, about("Out", "Went on to the next stage.", 990)]],
        "held": Required[Annotated[Count, about("Held", "Are still here.", 7)]],
        "discarded": Required[
            Annotated[
                Counts,
                about("Discarded", "Went no further, by reason.", {"spool_full": 3}),
            ]
        ],
    },
    total=False,
)
Stage.__doc__ = "What came into one stage and what became of it: in = out + held + discarded."
Stage.__pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[attr-defined]


class Stages(TypedDict, total=False):
    """Each stage that this account knows of; one closed by a later start may know the last only."""

    events: Stage
    blocks: Stage
    messages: Stage
    exchanges: Stage
    records: Stage
    spool: Stage
    delivery: Stage


class Coverage(TypedDict, total=False):
    """Connections by what they spoke; only HTTP/1 was read."""

    http1: Annotated[Count, about("HTTP/1", "Connections that were read.", 40)]
    http2: Annotated[Count, about("HTTP/2", "Connections that were not read.", 2)]
    tls: Annotated[Count, about("TLS", "Connections that were not read.", 7)]
    other: Annotated[Count, about("Other", "Connections that were not read.", 1)]
    late: Annotated[Count, about("Late", "Connections older than the capture.", 3)]


class Attributed(TypedDict, total=False):
    """Exchanges by whether it is told whose they are; each of the two adds up to `records.in`."""

    attributed: Required[
        Annotated[
            Count,
            about("Attributed", "Exchanges whose container or unit is told.", 970, since="1.1"),
        ]
    ]
    unattributed: Required[
        Annotated[
            Counts,
            about(
                "Unattributed",
                "The others, by reason.",
                {"cgroup_root": 20, "no_socket": 10},
                since="1.1",
            ),
        ]
    ]
    named: Annotated[
        Count,
        about(
            "Named",
            "Exchanges whose process is told; absent where none is asked for.",
            960,
            since="1.1",
        ),
    ]
    unnamed: Annotated[
        Counts,
        about(
            "Unnamed", "The others, by reason.", {"not_local": 10, "unanswered": 30}, since="1.1"
        ),
    ]


class Ledger(TypedDict, total=False):
    """The account: running totals since the start of this worker, never reset."""

    worker: Required[Annotated[Count, about("Worker", "Number of the worker.", 0)]]
    workers: Required[Annotated[int, Field(ge=1), about("Workers", "How many this agent has.", 1)]]
    state: Required[
        Annotated[
            Literal["running", "stopped", "closed"],
            about(
                "State",
                "`running`; `stopped`: its last, by itself; `closed`: its last, written by a later "
                "start for one that died or left records in its spool.",
                "running",
            ),
        ]
    ]
    started: Required[Annotated[Timestamp, about("Started", "When capture began.", _WHEN)]]
    until: Required[
        Annotated[Timestamp, about("Until", "The totals are those of this moment.", _WHEN)]
    ]
    interval: Required[
        Annotated[float, Field(gt=0), about("Interval", "Seconds until the next account.", 60.0)]
    ]
    clean: Annotated[bool, about("Clean", "Whether it ended in order (last account).", True)]  # noqa: FBT003 - an example
    closed_by: Annotated[
        str, Field(pattern=_UUID), about("Closed by", "Ephemeral id of who closed it.", _EPHEMERAL)
    ]
    unobserved: Unobserved
    sequence: Required[Sequence]
    lost: Annotated[
        list[Lost],
        about(
            "Lost",
            "Numbers that will not come, in merged ranges.",
            [{"first": 17, "last": 19, "reason": "spool_full"}],
        ),
    ]
    stages: Required[Stages]
    kernel: Annotated[
        Counts,
        about(
            "Kernel counters",
            "Of the agent as a whole: the same in the accounts of all its workers.",
            {"packets": 123456, "ring_full": 0},
        ),
    ]
    coverage: Coverage
    clock_steps: Annotated[Count, about("Clock steps", "How often the wall clock was set.", 0)]
    resent: Annotated[Count, about("Resent", "Records handed to a new producer once more.", 0)]
    adopted: Annotated[
        Counts,
        about(
            "Adopted",
            "Records of earlier incarnations found in the spool, by what became of them.",
            {"acknowledged": 12},
        ),
    ]
    attribution: Annotated[
        Attributed,
        about("Attribution", "Whose exchanges they were, where that is asked.", since="1.1"),
    ]


# The functional form, because "@timestamp" is no identifier.
LedgerDocument = TypedDict(
    "LedgerDocument",
    {
        "@timestamp": Required[
            Annotated[Timestamp, about("Time", "The same as `ledger.until`.", _WHEN)]
        ],
        "ecs": Required[Ecs],
        "event": Required[LedgerEvent],
        "agent": Required[Agent],
        "host": Host,
        "data_stream": Required[LedgerStream],
        "ledger": Required[Ledger],
    },
    total=False,
)
LedgerDocument.__doc__ = "What one worker has made of everything that it saw."
LedgerDocument.__pydantic_config__ = DOCUMENT  # type: ignore[attr-defined]

#: The model of each version.
ADAPTERS: Final[Mapping[str, TypeAdapter[Any]]] = {
    version: TypeAdapter(at(LedgerDocument, version)) for version in LEDGER_VERSIONS
}
#: What an account may say in each version.
FIELDS: Final[Mapping[str, frozenset[str]]] = {
    version: frozenset(at(Ledger, version).__annotations__) for version in LEDGER_VERSIONS
}
