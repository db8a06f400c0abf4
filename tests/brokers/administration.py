"""What an operator does to a cluster: topics, their settings, rights and users."""

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from functools import cached_property
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from shipper.delivery.errors import Setting

from .waiting import eventually

_PATIENCE_S = 30.0


class Administration:
    """Asks of a cluster that took effect when the call returns."""

    def __init__(self, settings: Mapping[str, Setting]) -> None:
        self._settings = {**settings, "log_level": 0}

    def create_topic(
        self, name: str, partitions: int = 1, *, replicas: int = -1, **config: object
    ) -> None:
        """Make a topic; `config` with `_` for `.`, as `max_message_bytes=1000`."""
        dotted = {key.replace("_", "."): str(value) for key, value in config.items()}
        topic = NewTopic(name, partitions, replicas, config=dotted)
        self._settle(self._admin.create_topics([topic]))
        eventually(lambda: self._led(name) == partitions, f"leaders of {name}", _PATIENCE_S)

    def delete_topic(self, name: str) -> None:
        """Remove a topic."""
        self._settle(self._admin.delete_topics([name]))
        eventually(lambda: self._led(name) == 0, f"no {name}", _PATIENCE_S)

    def alter_topic(self, name: str, **config: object) -> None:
        """Change settings of a topic; None takes one back to its default."""
        entries = [
            ConfigEntry(
                key.replace("_", "."),
                None if value is None else str(value),
                incremental_operation=AlterConfigOpType.DELETE
                if value is None
                else AlterConfigOpType.SET,
            )
            for key, value in config.items()
        ]
        resource = ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=entries)
        self._settle(self._admin.incremental_alter_configs([resource]))

    def allow(self, user: str, topic: str, *operations: str) -> None:
        """Give rights on a topic: `allow("shipper", "t", "WRITE", "DESCRIBE")`."""
        bindings = [_binding(user, topic, operation) for operation in operations]
        self._settle(self._admin.create_acls(bindings))
        filters = [_filter(user, topic, operation) for operation in operations]
        eventually(lambda: all(self._granted(each) for each in filters), "the right", _PATIENCE_S)

    def revoke(self, user: str, topic: str, *operations: str) -> None:
        """Take rights on a topic back."""
        filters = [_filter(user, topic, operation) for operation in operations]
        self._settle(self._admin.delete_acls(filters))
        eventually(lambda: not any(map(self._granted, filters)), "no right", _PATIENCE_S)

    def set_password(self, user: str, password: str) -> None:
        """Change or make a SCRAM-SHA-512 user."""
        how = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        change = UserScramCredentialUpsertion(user, how, password.encode())
        self._settle(self._admin.alter_user_scram_credentials([change]))

    def read(self, topic: str, *, wait_s: float = _PATIENCE_S) -> list[Message]:
        """All messages of a topic up to its present end, partition after partition."""
        consumer = Consumer({**self._settings, "group.id": "test", "enable.auto.commit": False})
        try:
            return list(_read(consumer, topic, wait_s))
        finally:
            consumer.close()

    def count(self, topic: str) -> int:
        """How many messages a topic holds, duplicates included."""
        return len(self.read(topic))

    @cached_property
    def _admin(self) -> AdminClient:
        # It has to live as long as what it promised.
        return AdminClient(dict(self._settings))

    def leader(self, topic: str, partition: int = 0) -> int:
        """The number of the node that leads a partition; -1 when none does."""
        known = self._admin.list_topics(topic, timeout=_PATIENCE_S).topics[topic].partitions
        return int(known[partition].leader)

    def _led(self, topic: str) -> int:
        """How many partitions of a topic have a leader."""
        found = self._admin.list_topics(timeout=_PATIENCE_S).topics.get(topic)
        return sum(p.leader >= 0 for p in found.partitions.values()) if found else 0

    def _granted(self, wanted: AclBindingFilter) -> bool:
        return bool(self._admin.describe_acls(wanted).result(_PATIENCE_S))

    @staticmethod
    def _settle(promised: Mapping[Any, Future[Any]]) -> None:
        for future in promised.values():
            future.result(_PATIENCE_S)


def _read(consumer: Consumer, topic: str, wait_s: float) -> Iterable[Message]:
    known = consumer.list_topics(topic, timeout=wait_s).topics[topic]
    if known.error is not None:
        raise KafkaException(known.error)
    ends = {}
    for number in known.partitions:
        first, end = consumer.get_watermark_offsets(TopicPartition(topic, number), wait_s)
        if end > first:
            ends[number] = end
    consumer.assign([TopicPartition(topic, number, 0) for number in ends])
    limit = time.monotonic() + wait_s
    while ends and time.monotonic() < limit:
        message = consumer.poll(0.2)
        if message is None:
            continue
        if message.error() is not None:
            raise KafkaException(message.error())
        yield message
        if (message.offset() or 0) + 1 >= ends.get(message.partition(), 0):
            ends.pop(message.partition(), None)
    if ends:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{topic} was not read whole"))


def _binding(user: str, topic: str, operation: str) -> AclBinding:
    return AclBinding(
        ResourceType.TOPIC,
        topic,
        ResourcePatternType.LITERAL,
        f"User:{user}",
        "*",
        AclOperation[operation],
        AclPermissionType.ALLOW,
    )


def _filter(user: str, topic: str, operation: str) -> AclBindingFilter:
    return AclBindingFilter(
        ResourceType.TOPIC,
        topic,
        ResourcePatternType.LITERAL,
        f"User:{user}",
        "*",
        AclOperation[operation],
        AclPermissionType.ALLOW,
    )
