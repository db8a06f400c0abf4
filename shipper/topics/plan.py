"""The configuration and a few wishes -> the four topics and the least rights, as plain data."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from shipper.config import Config
from shipper.delivery import Right, Topic

#: Compressed by the producer; what its topic says does not matter then.
_PRODUCER: Final = "producer"
_DAY_MS: Final = 86_400_000
#: Beside the record: key, headers, the batch around it.
_ENVELOPE: Final = 100_000
#: Kafka's own default. The limit is one of batches, and producers fill them to a million bytes
#: however short the records are.
_BATCH: Final = 1_048_588
#: A dead letter holds a record as a JSON text, where each quote takes two bytes.
_LETTER: Final = 2
_SAFE_REPLICAS: Final = 3


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the operator chooses; times in ms, -1 keeps for ever.

    `replication` None takes three, or as many as there are brokers.
    """

    partitions: int = 6
    replication: int | None = None
    retention_ms: int = 7 * _DAY_MS
    account_retention_ms: int = 30 * _DAY_MS
    agents: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to be there."""

    topics: tuple[Topic, ...]
    rights: tuple[Right, ...]


def plan(config: Config, wishes: Wishes, brokers: int = _SAFE_REPLICAS) -> Plan:
    """The topics as configured, in a cluster of so many brokers."""
    kafka = config.kafka
    replication = wishes.replication or min(_SAFE_REPLICAS, max(1, brokers))
    longest = config.record.max_bytes + _ENVELOPE
    largest = max(_BATCH, longest)

    def topic(name: str, partitions: int, retention_ms: int, largest: int) -> Topic:
        settings = {
            "cleanup.policy": "delete",
            "retention.ms": str(retention_ms),
            "compression.type": _PRODUCER,
            "min.insync.replicas": str(max(1, replication - 1)),
            "max.message.bytes": str(largest),
        }
        return Topic(name, partitions, replication, settings)

    kept = wishes.account_retention_ms
    topics = (
        topic(kafka.topic, wishes.partitions, wishes.retention_ms, largest),
        topic(kafka.ledger_topic, 1, kept, largest),
        topic(kafka.dead_topic, 1, kept, max(_BATCH, longest * _LETTER + _ENVELOPE)),
        topic(kafka.alerts_topic, 1, kept, largest),
    )
    return Plan(topics, tuple(_rights(config, topics, wishes)))


def _rights(config: Config, topics: Iterable[Topic], wishes: Wishes) -> Iterable[Right]:
    """WRITE holds DESCRIBE, and idempotent writing since Kafka 2.8; READ holds DESCRIBE.

    Nobody joins a consumer group, so none needs a right to one.
    """
    written = (config.kafka.topic, config.kafka.ledger_topic, config.kafka.dead_topic)
    for agent in wishes.agents:
        yield from (Right(agent, name, "WRITE") for name in written)
    for reader in wishes.readers:
        yield from (Right(reader, topic.name, "READ") for topic in topics)


def principal(text: str) -> str:
    """`shipper` -> `User:shipper`; one with a kind stays as it is."""
    return text if ":" in text else f"User:{text}"


def commands(made: Plan, servers: str) -> list[str]:
    """The same for Kafka's own tools, a line each."""
    where = f"--bootstrap-server {shlex.quote(servers or 'BROKER:9092')}"
    lines = []
    for topic in made.topics:
        settings = " ".join(f"--config {name}={value}" for name, value in topic.config.items())
        lines.append(
            f"kafka-topics.sh {where} --create --if-not-exists --topic {topic.name} "
            f"--partitions {topic.partitions} --replication-factor {topic.replication} {settings}"
        )
    lines += [
        f"kafka-acls.sh {where} --add --allow-principal {shlex.quote(right.principal)} "
        f"--operation {right.operation.title()} --topic {right.topic}"
        for right in made.rights
    ]
    return lines
