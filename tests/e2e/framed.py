"""A stack in; the same exchanges on framed topics out, as readers that ask the registry read them.

One agent frames ECS JSON, another Avro, both as Confluent's wire format has it. Of these readers
none is ours: confluent-kafka's deserializers, and Confluent's AvroConverter in Kafka Connect's
worker, behind which the Avro comes into the store.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import Message
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
from consumers.connectors import shipped, standing_in, to_output
from registries.stock import stock_client

from shipper.config.topics import Encoding, topic_of

from .commands import shipper
from .count import MOST, ids
from .stack import AVRO_CONNECTOR, AVRO_STREAM, FILES, Stack

_FRAMING: Final = "confluent"
#: Encoding -> what `shipper schema register` calls its schema.
_KINDS: dict[Encoding, str] = {"ecs": "closed", "avro": "avro"}
ENCODINGS = tuple(_KINDS)


def set_up(stack: Stack) -> None:
    """Topics, schemas, and the connector that brings the Avro into the store."""
    for encoding, kind in _KINDS.items():
        topic = topic_of(encoding, _FRAMING)
        stack.kafka.create_topic(topic)
        words = ("--registry", stack.registry.url, "--kind", kind, "--kafka-topic", topic)
        shipper("schema", "register", "--json", *words)
    config = shipped(FILES[AVRO_CONNECTOR])
    config = standing_in("opensearch", config, to_output(config["transforms"]))
    for secret in [name for name in config if "basic.auth" in name]:
        del config[secret]
    config["value.converter.schema.registry.url"] = stack.registry.url
    stack.connect.put(AVRO_CONNECTOR, config)


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
    client = stock_client(stack.registry.url)
    return {
        "JSONDeserializer": _read(
            stack, "ecs", JSONDeserializer(None, schema_registry_client=client)
        ),
        "AvroDeserializer": _read(stack, "avro", AvroDeserializer(client)),
        "AvroConverter, indexed": _indexed(stack),
    }


def _read(stack: Stack, encoding: Encoding, deserialize: Callable[..., Any]) -> Counter[str]:
    def document(message: Message) -> dict[str, Any]:
        context = SerializationContext(message.topic() or "", MessageField.VALUE)
        found: dict[str, Any] = deserialize(message.value(), context)
        return found

    messages = stack.kafka.read(topic_of(encoding, _FRAMING))
    return ids({message.key(): document(message) for message in messages}.values())


def _indexed(stack: Stack) -> Counter[str]:
    hits = stack.store.search(AVRO_STREAM, {"size": MOST})["hits"]["hits"]
    return ids(one["_source"] for one in hits)
