"""Connectors of the framed topics: each is its plain neighbour but for what the framing asks.

Confluent's converters are on no registry that is reached here, nor is another for that format:
shown is what Kafka's own converters read, and that every key is one.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from brokers.connect import FILE_SINK, Connect
from brokers.kafka import Kafka
from brokers.waiting import eventually
from consumers.connector_keys import known

from shipper.config.topics import FORMS
from shipper.registry import form_of

from .delivering import Delivering, configured, golden
from .standin import StandIn

FOLDER = Path(__file__).parents[2] / "config" / "connect"
FRAMED = sorted(path.stem for path in FOLDER.glob("*-*.json"))
#: Of Confluent's converters: AbstractKafkaSchemaSerDeConfig and SchemaRegistryClientConfig of
#: confluentinc/schema-registry.
CONVERTER = {
    "value.converter",
    "value.converter.schema.registry.url",
    "value.converter.basic.auth.credentials.source",
    "value.converter.basic.auth.user.info",
}
OWN = {"topics", "splunk.sources", "errors.deadletterqueue.topic.name"}


def shipped(name: str) -> dict[str, str]:
    """A configuration as it is checked in."""
    config: dict[str, str] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return config


@pytest.mark.parametrize("name", FRAMED)
def test_like_its_plain_neighbour(name: str) -> None:
    """Nothing else differs, so that what is tested of the plain one holds for it."""
    plain, framed = shipped(name.partition("-")[0]), shipped(name)
    differ = {key for key in {*plain, *framed} if plain.get(key) != framed.get(key)}
    schemaless = {"value.converter.schemas.enable"}
    assert differ <= OWN | CONVERTER | schemaless
    if "-confluent" in name:
        assert set(framed) >= CONVERTER
        assert framed["value.converter"].startswith("io.confluent.connect.")
    else:  # with the id in a header, a value is the JSON that it is in the plain topic
        assert not differ & (CONVERTER | schemaless)


def test_framings_share_no_topic() -> None:
    """Neither the records' nor one for what could not be read, and each is that of its form."""
    every = {path.stem: shipped(path.stem) for path in FOLDER.glob("*.json")}
    for name, config in every.items():
        encoding, framing = FORMS[config["topics"]]
        form = [word for word in (encoding, framing) if word not in {"ecs", "plain"}]
        assert name.split("-")[1:] == form
        dead = ".".join(["http.header", name.partition("-")[0], *form, "dead"])
        assert config["errors.deadletterqueue.topic.name"] == dead


@pytest.fixture(scope="module")
def connect(kafka: Kafka) -> Iterator[Connect]:
    """A worker that lets a connector say where to begin."""
    with Connect(kafka.inside, {"connector.client.config.override.policy": "All"}) as it:
        yield it


@pytest.mark.parametrize("name", FRAMED)
def test_every_key_is_known(connect: Connect, name: str) -> None:
    """The framework's by the worker's word, the vendor's and the converter's by their lists."""
    vendor = name.partition("-")[0]
    config = shipped(name)
    other = {key: value for key, value in config.items() if not known(vendor, key)}
    converters = {key for key in other if key in CONVERTER and "confluent" in name}
    common = {key: value for key, value in other.items() if key not in converters}
    file = {"connector.class": FILE_SINK, "file": "/nowhere"}
    answer = connect.validate({**common, **file})
    assert not [key for key in other if key not in answer and key not in converters]
    assert {key: errors for key, errors in answer.items() if errors and key in common} == {}


@pytest.mark.parametrize("name", [name for name in FRAMED if name.endswith("-guid")])
def test_connects_own_converters_read_guid(
    kafka: Kafka, connect: Connect, tmp_path: Path, name: str
) -> None:
    """What the agent writes with the id in a header, as the shipped configuration reads it."""
    topic = f"{name}.v1"
    kafka.create_topic(topic)
    with StandIn() as registry:
        form = form_of("http.header.v1", "1.0", "application/json")
        assert form is not None
        registry.has(f"{topic}-value", form.text, form.kind)
        servers = kafka.inside["bootstrap.servers"]
        where = {"kafka__framing": "guid", "kafka__topic": topic}
        with Delivering(configured(tmp_path, servers, registry.url, **where)) as agent:
            agent.submit(*golden("1.0"))
            agent.delivered()
    config = shipped(name)
    kept = {key: value for key, value in config.items() if not known(name.partition("-")[0], key)}
    file = tmp_path / "out"
    sink = {"connector.class": FILE_SINK, "file": str(file), "topics": topic}
    one_broker = {"errors.deadletterqueue.topic.replication.factor": "1"}
    connect.put(topic, {**kept, **sink, **one_broker})
    eventually(lambda: _lines(file) == len(agent.sent), "all came out", 60)
    for document, line in zip(agent.sent, file.read_text("utf-8").splitlines(), strict=True):
        assert document["event"]["id"] in line
    if "splunk" in name:
        lines = file.read_text("utf-8").splitlines()
        assert [json.loads(line) for line in lines] == agent.sent


def _lines(file: Path) -> int:
    return len(file.read_text("utf-8").splitlines()) if file.exists() else 0
