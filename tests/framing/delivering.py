"""A configuration in; golden records delivered as the agent's worker delivers them.

The record room encodes them, the spool keeps them, the look-up asks: all as `shipper run` has it,
without a kernel.
"""

import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shipper import wiring
from shipper.closing import Closing
from shipper.config import Config, load
from shipper.delivery import SpooledSink
from shipper.record import Record, RecordBuilder

EXAMPLES = Path(__file__).parents[2] / "schemas" / "http.header.v1" / "examples"
PATIENCE_S = 60.0

Json = dict[str, Any]


def golden(version: str) -> list[Json]:
    """The examples of one version."""
    paths = sorted((EXAMPLES / version).glob("*.json"))
    return [json.loads(path.read_text("utf-8")) for path in paths]


def configured(tmp: Path, servers: object, registry: str, **more: object) -> Config:
    """A configuration with a spool of its own; `more` has `__` where a key has a dot."""
    flags = {name.replace("__", "."): value for name, value in more.items()}
    flags |= {"kafka.bootstrap.servers": servers, "registry.url": registry}
    flags |= {"spool.path": str(tmp / "spool"), "kafka.linger.ms": 1}
    (tmp / "spool").mkdir(exist_ok=True)
    return load(environ={}, flags=flags, default_path=tmp / "none")


def options(config: Config) -> list[str]:
    """The same configuration for a command of `shipper`."""
    kafka, record = config.kafka, config.record
    said = {
        "kafka.bootstrap.servers": kafka.settings["bootstrap.servers"],
        "kafka.topic": kafka.topic,
        "kafka.dead_topic": kafka.dead_topic,
        "kafka.ledger_topic": kafka.ledger_topic,
        "kafka.framing": kafka.framing,
        "record.encoding": record.encoding,
        "record.schema_version": record.schema_version,
        "registry.url": config.registry.url,
        "spool.path": config.spool.path,
    }
    return [part for name, value in said.items() for part in ("--set", f"{name}={value}")]


class Delivering(Closing):
    """One worker's delivery; `said` has its log, `sent` the documents in the order of numbers."""

    def __init__(self, config: Config) -> None:
        self.said: list[str] = []
        self.sent: list[Json] = []
        self.config = config
        self.who = wiring.origin(config, str(uuid.uuid4()), 0, time.time_ns())
        self._builder = RecordBuilder(self.who.settings, self.who.identity)
        outputs = wiring.outputs(config, self.who, lambda _, line: self.said.append(line))
        assert isinstance(outputs.kafka, SpooledSink)
        self.sink = outputs.kafka

    def submit(self, *documents: Json) -> None:
        """Into the spool, each under the next number."""
        for document in documents:
            number = len(self.sent)
            record = Record(json.loads(json.dumps(document)), time.time_ns() // 1_000_000, b"c")
            self.sink.submit(self._builder.encode(record, number))
            self.sent.append(record.document)

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Go on until it holds."""
        end = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < end, f"not {what}: {self.said} {self.sink.counters}"
            self.sink.poll(0.05)

    def delivered(self) -> None:
        """Go on until all is acknowledged, and nothing was lost on the way."""
        self.until(lambda: self.sink.counters.acknowledged == len(self.sent), "all acknowledged")
        assert not self.sink.counters.failed
        assert not self.sink.counters.dead_lettered

    def hears(self, words: str) -> None:
        """Go on until this is said."""
        self.until(lambda: any(words in line for line in self.said), f"said: {words}")

    def close(self) -> None:
        """End as the worker does: what is not acknowledged stays in the spool."""
        self.sink.close()


def delivered(config: Config) -> list[Json]:
    """Every golden record of the configured version, acknowledged; their documents in order."""
    with Delivering(config) as agent:
        agent.submit(*golden(config.record.schema_version))
        agent.delivered()
    return agent.sent
