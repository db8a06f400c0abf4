"""A stack in; the same exchanges on framed topics out, as readers that ask the registry read them.

One agent frames ECS JSON, another Avro, both as Confluent's wire format has it. Of these readers
none is ours: confluent-kafka's deserializers, and Apicurio's AvroConverter in Kafka Connect's
worker.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from brokers.connect import FILE_SINK
from confluent_kafka import Message
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
from registries.converter import reads_confluents_avro

from shipper.config.topics import Encoding, topic_of

from .commands import shipper
from .count import ids
from .stack import Stack

_FRAMING: Final = "confluent"
#: Encoding -> what `shipper schema register` calls its schema.
_KINDS: dict[Encoding, str] = {"ecs": "closed", "avro": "avro"}
ENCODINGS = tuple(_KINDS)


def set_up(stack: Stack) -> None:
    """Topics, schemas, and a connector that reads the Avro."""
    for encoding, kind in _KINDS.items():
        topic = topic_of(encoding, _FRAMING)
        stack.kafka.create_topic(topic)
        words = ("--registry", stack.registry.url, "--kind", kind, "--kafka-topic", topic)
        shipper("schema", "register", "--json", *words)
    sink = {"connector.class": FILE_SINK, "file": str(_file(stack))}
    topic = topic_of("avro", _FRAMING)
    begin = {"topics": topic, "consumer.override.auto.offset.reset": "earliest"}
    stack.connect.put(topic, {**sink, **begin, **reads_confluents_avro(stack.registry.address)})


def settings(stack: Stack, encoding: Encoding) -> dict[str, object]:
    """What an agent that frames is told beside the usual."""
    return {
        "record.encoding": encoding,
        "kafka.framing": _FRAMING,
        "registry.url": stack.registry.url,
        "spool.path": stack.folder / f"spool-{encoding}",
    }


def told(stack: Stack) -> dict[str, Counter[str]]:
    """Reader -> id of a request -> how many keys of the topic tell of it."""
    client = SchemaRegistryClient({"url": stack.registry.url})
    return {
        "JSONDeserializer": _read(
            stack, "ecs", JSONDeserializer(None, schema_registry_client=client)
        ),
        "AvroDeserializer": _read(stack, "avro", AvroDeserializer(client)),
        "AvroConverter": Counter(_printed(_file(stack))),
    }


def _read(stack: Stack, encoding: Encoding, deserialize: Callable[..., Any]) -> Counter[str]:
    def document(message: Message) -> dict[str, Any]:
        context = SerializationContext(message.topic() or "", MessageField.VALUE)
        found: dict[str, Any] = deserialize(message.value(), context)
        return found

    messages = stack.kafka.read(topic_of(encoding, _FRAMING))
    return ids({message.key(): document(message) for message in messages}.values())


def _printed(file: Path) -> Iterator[str]:
    """The id of the request in each line that the file sink has written of a record."""
    with contextlib.suppress(FileNotFoundError):
        for line in file.read_text("utf-8").splitlines():
            yield line.partition("x-request-id=[")[2].partition("]")[0]


def _file(stack: Stack) -> Path:
    return stack.folder / "avro"
