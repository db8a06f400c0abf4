"""What was counted where, and what falls short."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Account:
    """Figures of a run, each from whoever knows; `ids` are those of the requests."""

    asked: Counter[str] = field(default_factory=Counter)  #: ids that nginx wrote down
    told: Counter[str] = field(default_factory=Counter)  #: ids in the topic, one a key
    indexed: Counter[str] = field(default_factory=Counter)  #: ids in the data stream
    captured: int = 0  #: by the agents' accounts
    messages: int = 0  #: in the topic, repetitions included
    valid: int = 0  #: of them under the registered schema
    schema_ids: set[int] = field(default_factory=set)
    changed: int = 0  #: documents that are not the message's value
    given: int = 0  #: records that the sink's task was given
    refused: int = 0  #: of them those that the store had already
    dead: int = 0  #: the connector's dead letters
    audit: str = ""
    idle_s: float = 0.0
    idle: int = 0  #: records while nobody asked anything
    requests: int = 0  #: HTTP requests of the writer to the store
    fed_back: int = 0  #: records of these once `capture.sinks` does not name the store
    asked_framed: Counter[str] = field(default_factory=Counter)  #: ids while agents framed
    framed: dict[str, Counter[str]] = field(default_factory=dict)  #: what each reader read of them

    @property
    def line(self) -> dict[str, int]:
        """For a program."""
        return {
            "captured": self.captured,
            "in_topic": self.told.total(),
            "indexed": self.indexed.total(),
            "schema_id": min(self.schema_ids, default=0),
        }

    def rows(self) -> list[tuple[str, str, object]]:
        """For a person: what, by whose count, how many."""
        schema = ", ".join(map(str, sorted(self.schema_ids)))
        return [
            ("exchanges", "nginx's log", self.asked.total()),
            ("captured", "the agents' accounts", self.captured),
            ("messages", "topic", self.messages),
            (f"  valid under schema {schema}", "registry, jsonschema", self.valid),
            ("  exchanges", "topic, by key", self.told.total()),
            ("given to the sink", "Kafka Connect", self.given),
            ("  refused: there already", "OpenSearch", self.refused),
            ("  dead letters", "topic", self.dead),
            ("indexed", "data stream", self.indexed.total()),
            ("audit", "shipper audit", self.audit),
            (f"records in {self.idle_s:.0f} s without requests", "topic", self.idle),
            ("HTTP requests to the store", "the writer", self.requests),
            ("  records of them without capture.sinks", "topic", self.fed_back),
            ("exchanges for the framed topics", "nginx's log", self.asked_framed.total()),
            *((f"  read by {who}", "registry", ids.total()) for who, ids in self.framed.items()),
        ]

    def shortfalls(self) -> list[str]:
        """What is not as it has to be; empty when all is well."""
        asked = self.asked.total()
        checks = {
            "each request has an id of its own": set(self.asked.values()) == {1},
            "captured what was asked": self.captured == asked,
            "each exchange is in the topic, once by key": self.told == self.asked,
            "each exchange is in the data stream, once": self.indexed == self.asked,
            "documents are the messages' values": self.changed == 0,
            "every message is valid": self.valid == self.messages,
            "one schema": len(self.schema_ids) == 1,
            "Kafka has messages twice": self.messages > asked,
            "the sink has each message at least twice": self.given >= 2 * self.messages,
            "all but the first of a key were refused": self.given - self.refused == asked,
            "no dead letters": self.dead == 0,
            "the audit explains all": self.audit in ("complete", "explained"),
            "idle stays idle": self.idle == 0,
            "without capture.sinks it does not": self.fed_back > 0,
            "each reader of framed topics read each exchange, once": bool(self.framed)
            and all(ids == self.asked_framed for ids in self.framed.values()),
        }
        return [what for what, holds in checks.items() if not holds]
