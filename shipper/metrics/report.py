"""What a worker tells the agent of itself about once a second: one snapshot of plain numbers.

All of it is of one moment between two turns of its loop, so that the equations of the ledger hold
in what is scraped. Nothing here is done for a single record.
"""

import os
import resource
import time
from pathlib import Path
from typing import Any, TypedDict

from shipper.attribution import Attributor
from shipper.delivery import KafkaSink, SpooledSink
from shipper.http import FACTS
from shipper.ledger import stages
from shipper.metrics.lag import Lag
from shipper.metrics.waiting import Waiting
from shipper.pipeline import Pipeline
from shipper.record import Stage

_PAGE = os.sysconf("SC_PAGE_SIZE")


class Report(TypedDict):
    """Totals since the start, and how things stand; sizes in bytes, times in seconds."""

    stages: dict[str, Stage]
    letters_lost: dict[str, int]
    attribution: dict[str, Any] | None  # `Attributor.totals`
    lag: dict[str, Any]  # `counts` and `sum` of a Lag
    connections: int
    held_bytes: int
    facts: dict[str, int]
    clock_steps: int
    cpu: float
    memory: int
    spool: dict[str, Any] | None
    kafka: dict[str, Any] | None


class Reporter:
    """Makes the reports of one worker; `kafka` is the part of its outputs that speaks to Kafka."""

    def __init__(
        self,
        pipeline: Pipeline,
        kafka: SpooledSink | KafkaSink | None,
        attributor: Attributor | None = None,
    ) -> None:
        """Has the pipeline measure the lag from now on."""
        self._pipeline = pipeline
        self._kafka = kafka
        self._attributor = attributor
        self._waiting = Waiting()
        self._lag = Lag()
        pipeline.measure = self._lag.timer

    def report(self, clock_steps: int) -> Report:
        """How it stands now."""
        pipeline, kafka = self._pipeline, self._kafka
        assembler = pipeline.assembler
        producer = kafka.kafka if isinstance(kafka, SpooledSink) else kafka
        return {
            "stages": stages(pipeline, kafka, exact=False),
            "letters_lost": dict(pipeline.letters_lost),
            "attribution": self._attributor.totals() if self._attributor is not None else None,
            "lag": {"counts": self._lag.counts, "sum": self._lag.sum},
            "connections": assembler.connections,
            "held_bytes": assembler.held_bytes,
            "facts": {fact: assembler.counters[fact] for fact in FACTS},
            "clock_steps": clock_steps,
            "cpu": _cpu(),
            "memory": _memory(),
            "spool": self._spool(kafka) if isinstance(kafka, SpooledSink) else None,
            "kafka": None if producer is None else _producer(producer),
        }

    def _spool(self, sink: SpooledSink) -> dict[str, Any]:
        now = time.monotonic()
        self._waiting.look(now, sink.counters.submitted, sink.in_flight)
        legacy = sink.legacy
        oldest = legacy.oldest
        left = 0.0 if oldest is None else max(0.0, time.time() - oldest)
        return {
            "bytes": sink.size,
            "limit": sink.limit,
            "takes_more": sink.takes_more,
            "oldest_age": max(self._waiting.age(now), left),
            "adopted": {
                "acknowledged": legacy.counters.acknowledged,
                "dead_lettered": legacy.counters.dead_lettered.total(),
            },
        }


def _producer(kafka: KafkaSink) -> dict[str, Any]:
    said = kafka.statistics
    told: dict[str, Any] = {
        "connected": said is not None and said.connected,
        "troubles": sorted(kafka.troubles),
        "refusals": sorted(kafka.refusals),
        "resent": kafka.counters.resent,
        "restarts": kafka.restarts,
    }
    if said is not None:
        told["statistics"] = {**said._asdict(), "brokers": [b._asdict() for b in said.brokers]}
    return told


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _memory() -> int:
    """Resident memory, proc_pid_statm(5)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
