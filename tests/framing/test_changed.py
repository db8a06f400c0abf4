"""The form of records is changed while the spool still holds some of the form before."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest
from brokers.kafka import Kafka
from confluent_kafka import Message

from shipper import wiring
from shipper.cli import main
from shipper.config import Config
from shipper.config.topics import Encoding, Framing
from shipper.registry import form_of

from .delivering import Delivering, configured, golden, options
from .standin import StandIn

AWAY = "127.0.0.1:1"
GOLDEN = golden("1.0")


class Form(NamedTuple):
    """What is configured: `topic` is the end of a topic's name."""

    encoding: Encoding
    framing: Framing
    topic: str

    def config(self, tmp: Path, servers: object, registry: StandIn, name: str) -> Config:
        """It, with a schema that is registered."""
        config = configured(
            tmp,
            servers,
            registry.url,
            kafka__framing=self.framing,
            kafka__topic=f"{name}.{self.topic}",
            kafka__dead_topic=f"{name}.dead",
            record__encoding=self.encoding,
        )
        form = form_of(*wiring.schema(config))
        if form is not None:
            registry.has(f"{config.kafka.topic}-value", form.text, form.kind)
        return config

    def has(self, message: Message) -> bool:
        """Whether a message is of this form, by its bytes."""
        value, headers = message.value() or b"", dict(message.headers() or [])
        inner = value[5:] if self.framing == "confluent" else value
        prefixed = value[:5] == b"\0\0\1\x86\xa0"  # the stand-in's first id, 100,000
        avro = not inner.startswith(b"{")
        return (
            prefixed == (self.framing == "confluent")
            and ("__value_schema_id" in headers) == (self.framing == "guid")
            and avro == (self.encoding == "avro")
        )


PLAIN, FRAMED = Form("ecs", "plain", "a"), Form("ecs", "confluent", "a")
AVRO = Form("avro", "confluent", "a")


class Change(NamedTuple):
    """Two configurations, and whether what was accepted under the first goes under the second."""

    before: Form
    now: Form
    goes: bool

    def __str__(self) -> str:
        return "-to-".join(".".join(form) for form in self[:2])


CHANGES = [
    Change(FRAMED, PLAIN._replace(topic="b"), goes=False),
    Change(FRAMED, FRAMED._replace(topic="b"), goes=False),
    Change(PLAIN, FRAMED._replace(topic="b"), goes=True),
    Change(PLAIN, FRAMED, goes=False),
    Change(FRAMED, PLAIN, goes=False),
    Change(FRAMED, Form("ecs", "guid", "a"), goes=False),
    Change(PLAIN, Form("avro", "plain", "a"), goes=False),
    Change(AVRO, FRAMED, goes=False),
    Change(FRAMED, FRAMED, goes=True),
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_no_topic_has_two_forms(kafka: Kafka, tmp_path: Path, change: Change) -> None:
    """What the spool kept goes where it was accepted for in the form of then, or is a letter.

    The letters, sent again under the configuration of then, come to be what they were meant to.
    """
    before, now, goes = change
    name, count = f"changed.{change}", len(GOLDEN)
    for end in ("a", "b", "dead"):
        kafka.create_topic(f"{name}.{end}")
    servers = kafka.inside["bootstrap.servers"]
    with StandIn() as registry:
        with Delivering(before.config(tmp_path, AWAY, registry, name)) as earlier:
            earlier.submit(*GOLDEN)
            earlier.sink.poll(0)
        registry.stored.clear()  # so that each schema has the first id
        with Delivering(now.config(tmp_path, servers, registry, name)) as agent:
            agent.submit(*GOLDEN)
            agent.delivered()
            left = agent.sink.legacy.counters
            agent.until(lambda: left.submitted == count and not left.unsettled, "all sent")
        assert left.dead_lettered == ({} if goes else {"other_form": count})
        letters = [json.loads(one.value() or b"") for one in kafka.read(f"{name}.dead")]
        assert [one["error"]["type"] for one in letters] == ([] if goes else ["other_form"] * count)
        there = {end: kafka.read(f"{name}.{end}") for end in "ab"}
        assert all(map(now.has, there[now.topic]))
        assert sum(map(len, there.values())) == count * (1 + goes)
        if now.topic != before.topic:
            registry.stored.clear()
            then = before.config(tmp_path, servers, registry, name)
            if not goes:
                assert main(["dead-letters", "resend", "--all", *options(then)]) == 0
            arrived = kafka.read(then.kafka.topic)
            assert len(arrived) == count
            assert all(map(before.has, arrived))
