"""What the rooms have counted -> the accounts that a worker publishes beside its records.

The stages and their equations are those of docs/ledger.md. What a dead incarnation had counted
comes from the note that it kept in its spool; whoever adopts that closes its account.
"""

import copy
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from shipper.contract.record import EncodedRecord
from shipper.delivery import KafkaSink, Leftover, SpooledSink
from shipper.http import BLOCK_FATES, EVENTS_DISCARDED, EVENTS_USED
from shipper.pipeline import Pipeline
from shipper.record import (
    Identity,
    Ledger,
    LedgerBuilder,
    RecordRejected,
    RecordSettings,
    Stage,
    timestamp,
)

_UNREADABLE: Final = "spool_unreadable"


@dataclass(frozen=True, slots=True)
class Observed:
    """What the accounts can't ask the pipeline, at one moment.

    `kernel` and `coverage` are of the agent as a whole; `attribution` is what became of the
    exchanges of this worker (`Attributor.totals`), None where nobody attributes.
    """

    kernel: Mapping[str, int]
    coverage: Mapping[str, int]
    clock_steps: int
    now_ns: int  # wall clock
    attribution: Mapping[str, Any] | None = None


class Accounts:
    """The accounts of one worker, in their order.

    `sink` is what speaks to Kafka; without a spool it is the producer itself.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        sink: SpooledSink | KafkaSink,
        origin: "Origin",
    ) -> None:
        self._pipeline = pipeline
        self._sink = sink
        self._origin = origin
        self._builder = LedgerBuilder(origin.settings, origin.identity)
        self._number = 0

    def next(self, seen: Observed, state: str) -> EncodedRecord:
        """The next account; `state` is `running` or `stopped`."""
        number, self._number = self._number, self._number + 1
        return self._builder.build(self._ledger(seen, state, exact=True), number, seen.now_ns)

    def note(self, seen: Observed, *, clean: bool) -> dict[str, Any]:
        """The same for the spool, from which `closing` makes the last account of a dead one."""
        state = "stopped" if clean else "running"
        ledger = self._ledger(seen, state, exact=False)
        ledger.pop("lost", None)  # it may be long, and is read from the spool itself
        return {
            "identity": asdict(self._origin.identity),
            "ledger": ledger,
            "number": self._number,
        }

    def _ledger(self, seen: Observed, state: str, *, exact: bool) -> Ledger:
        origin, pipeline, sink = self._origin, self._pipeline, self._sink
        kafka = sink.kafka if isinstance(sink, SpooledSink) else sink
        ledger: Ledger = {
            "worker": origin.identity.worker,
            "workers": origin.workers,
            "state": state,  # type: ignore[typeddict-item]  # one of the model's, from above
            "started": timestamp(origin.started_ns),
            "until": timestamp(seen.now_ns),
            "interval": origin.interval,
            "sequence": {"next": pipeline.sequence, "settled": self._settled()},
            "stages": stages(pipeline, sink, exact=exact),  # type: ignore[typeddict-item]
            "kernel": {name: count for name, count in seen.kernel.items() if count},
            "coverage": dict(seen.coverage),  # type: ignore[typeddict-item]
            "clock_steps": seen.clock_steps,
            "resent": kafka.counters.resent,
        }
        if state == "stopped":
            ledger["clean"] = True
        if seen.attribution is not None:
            ledger["attribution"] = dict(seen.attribution)  # type: ignore[typeddict-item]
        if isinstance(sink, SpooledSink):
            _spool(ledger, sink)
        return self._builder.told(ledger)

    def _settled(self) -> int:
        sink = self._sink
        if isinstance(sink, SpooledSink):
            return sink.settled_sequence
        return max(0, self._pipeline.sequence - sink.in_flight)


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose accounts they are."""

    settings: RecordSettings
    identity: Identity
    workers: int
    started_ns: int
    interval: float


def closing(leftover: Leftover, by: Origin) -> EncodedRecord | None:
    """The last account of an incarnation that is no more; None where it left no usable note."""
    note = copy.deepcopy(leftover.folder.state.note)
    try:
        return _closing(note, leftover, by)
    except (KeyError, TypeError, ValueError, AttributeError, RecordRejected):
        return None  # none was left, or by another version


def _closing(note: dict[str, Any], leftover: Leftover, by: Origin) -> EncodedRecord:
    identity = Identity(**note["identity"])
    ledger: Ledger = note["ledger"]
    clean = ledger["state"] == "stopped"
    told, end = ledger["sequence"]["next"], leftover.next_sequence
    if told > end:  # the note is younger than what it wrote last: that was only in memory
        leftover.lost.add(end, told - 1, _UNREADABLE)
        end = told
    ledger["state"] = "closed"
    ledger["clean"] = clean
    ledger["closed_by"] = by.identity.ephemeral_id
    ledger["sequence"] = {"next": end, "settled": end}
    # What it had given up itself stands on tombstones, which are younger than the note.
    ledger.pop("lost", None)
    if leftover.lost.ranges:
        ledger["lost"] = leftover.lost.documents()  # type: ignore[typeddict-item]
    if not clean:
        ledger["unobserved"] = {"from": ledger["until"], "until": timestamp(by.started_ns)}
    _close_spool(ledger, leftover)
    # One account may have been published after the note.
    number = int(note["number"]) + 1
    builder = LedgerBuilder(by.settings, identity)
    return builder.build(builder.told(ledger), number, by.started_ns)


def _close_spool(ledger: Ledger, leftover: Leftover) -> None:
    """Nothing is held any more: what was is settled now, or can't be read."""
    stage = ledger["stages"].get("spool")
    if stage is None:
        return
    discarded = stage["discarded"] = dict(leftover.discarded)
    never_written = stage["in"] - leftover.next_position
    if never_written > 0:
        discarded[_UNREADABLE] = discarded.get(_UNREADABLE, 0) + never_written
    stage["in"] = max(stage["in"], leftover.next_position)
    stage["out"] = stage["in"] - sum(discarded.values())
    stage["held"] = 0


def _spool(ledger: Ledger, sink: SpooledSink) -> None:
    if sink.lost.ranges:
        ledger["lost"] = sink.lost.documents()  # type: ignore[typeddict-item]
    legacy = sink.legacy
    if legacy.incarnations:
        ledger["adopted"] = {
            "incarnations": legacy.incarnations,
            "handed": legacy.counters.submitted,
            "acknowledged": legacy.counters.acknowledged,
            "dead_lettered": legacy.counters.dead_lettered.total(),
        }


def stages(
    pipeline: Pipeline, kafka: SpooledSink | KafkaSink | None, *, exact: bool
) -> dict[str, Stage]:
    """How every stage stands, by its name; without Kafka, delivery is the other output's."""
    found = {**_assembly(pipeline, exact=exact), "records": _records(pipeline)}
    if isinstance(kafka, SpooledSink):
        found["spool"] = _spooled(kafka)
    sink = kafka.kafka if isinstance(kafka, SpooledSink) else kafka or pipeline.sink
    counters = sink.counters
    found["delivery"] = _stage(
        "messages",
        counters.submitted,
        counters.acknowledged,
        sink.in_flight,
        counters.dead_lettered + counters.failed,
    )
    return found


def _spooled(sink: SpooledSink) -> Stage:
    counters = sink.counters
    return _stage(
        "messages",
        counters.submitted,
        counters.acknowledged + counters.dead_lettered.total(),
        sink.in_flight,
        counters.failed,
    )


def _assembly(pipeline: Pipeline, *, exact: bool) -> dict[str, Stage]:
    """`exact` counts what is held, connection by connection; else it is what is left over."""
    counted = pipeline.assembler.counters
    events = {name: counted[name] for name in EVENTS_DISCARDED}
    used = sum(counted[name] for name in EVENTS_USED)
    blocks = {name: counted[name] for name in BLOCK_FATES if name != "messages"}
    told = counted["messages_paired"] + counted["messages_alone"] + counted["messages_interim"]
    twins = {"messages_twin": counted["messages_twin"]}
    held = counted["messages"] - told - counted["messages_twin"]
    if exact:
        held = pipeline.assembler.held_messages()
    return {
        "events": _stage("events", counted["events"], used, 0, events),
        "blocks": _stage("blocks", counted["blocks"], counted["messages"], 0, blocks),
        "messages": _stage("messages", counted["messages"], told, held, twins),
        "exchanges": _stage(
            "exchanges",
            counted["exchanges"],
            pipeline.exchanges,
            pipeline.pending,
            pipeline.left_out,
        ),
    }


def _records(pipeline: Pipeline) -> Stage:
    return _stage(
        "records",
        pipeline.exchanges,
        pipeline.sequence,
        pipeline.held,
        {**pipeline.rejected, **pipeline.lost},
    )


def _stage(unit: str, entered: int, left: int, held: int, discarded: Mapping[str, int]) -> Stage:
    return {
        "unit": unit,
        "in": entered,
        "out": left,
        "held": held,
        "discarded": {reason: count for reason, count in discarded.items() if count},
    }
