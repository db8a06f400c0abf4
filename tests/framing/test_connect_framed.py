"""Connectors of topics in other forms, and what converters in a real worker make of them.

A connector is its plain neighbour but for what the form asks. Confluent's converters are on no
registry that is reached here: shown is what Kafka's own read and, of Confluent's wire format,
Apicurio's for Avro. What that has for JSON reads JSON of its own alone.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from brokers.connect import FILE_SINK, PRINTING_SINK, Connect, printed
from brokers.kafka import Kafka
from brokers.waiting import eventually
from consumers.connector_keys import known
from registries.apicurio import Apicurio
from registries.converter import plugins, reads_confluents_avro

from shipper.cli import main
from shipper.config.topics import FORMS, Encoding, Framing
from shipper.record import AvroForm
from shipper.record.schema import RECORDS
from shipper.registry import form_of

from .delivering import Json, configured, delivered
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
OWN = {"topics", "splunk.sources", "splunk.sourcetypes", "errors.deadletterqueue.topic.name"}


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
    else:  # a value is JSON or a text, as it is in the plain topic
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
    """A worker that lets a connector say where to begin, with Apicurio's converters."""
    settings = {
        "connector.client.config.override.policy": "All",
        "plugin.path": str(plugins()),
    }
    with Connect(kafka.inside, settings) as it:
        yield it


def written(
    kafka: Kafka, tmp: Path, url: str, topic: str, form: tuple[Encoding, Framing]
) -> list[Json]:
    """A new topic with the golden records as the agent delivers them; their documents."""
    kafka.create_topic(topic)
    encoding, framing = form
    more: Json = {"record__encoding": encoding, "kafka__framing": framing, "kafka__topic": topic}
    return delivered(configured(tmp, kafka.inside["bootstrap.servers"], url, **more))


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
    with StandIn() as registry:
        form = form_of("http.header.v1", "1.0", "application/json")
        assert form is not None
        registry.has(f"{topic}-value", form.text, form.kind)
        sent = written(kafka, tmp_path, registry.url, topic, ("ecs", "guid"))
    config = shipped(name)
    kept = {key: value for key, value in config.items() if not known(name.partition("-")[0], key)}
    file = tmp_path / "out"
    sink = {"connector.class": FILE_SINK, "file": str(file), "topics": topic}
    one_broker = {"errors.deadletterqueue.topic.replication.factor": "1"}
    connect.put(topic, {**kept, **sink, **one_broker})
    eventually(lambda: len(_lines(file)) == len(sent), "all came out", 60)
    for document, line in zip(sent, _lines(file), strict=True):
        assert document["event"]["id"] in line
    if "splunk" in name:
        assert [json.loads(line) for line in _lines(file)] == sent


def test_bytes_and_avro_of_confluents_wire_format(
    kafka: Kafka, connect: Connect, tmp_path: Path
) -> None:
    """Kafka's ByteArrayConverter hands on the very bytes; Apicurio's AvroConverter reads them.

    Every value of every golden record comes out of the worker under its name.
    """
    topic, file = "http.header.connect.avro.v1", tmp_path / "out"
    with Apicurio() as registry:
        # Its numbers of schemas and of their contents are apart once two subjects share one.
        for subject, kind in (("one", "closed"), ("other", "closed"), (topic, "avro")):
            words = ("--registry", registry.url, "--kind", kind, "--kafka-topic", subject)
            assert main(["schema", "register", *words]) == 0
        sent = written(kafka, tmp_path, registry.url, topic, ("avro", "confluent"))
        begin = {"topics": topic, "consumer.override.auto.offset.reset": "earliest"}
        bare = "org.apache.kafka.connect.converters.ByteArrayConverter"
        connect.put("bytes", {**begin, "connector.class": PRINTING_SINK, "value.converter": bare})
        sink = {"connector.class": FILE_SINK, "file": str(file)}
        connect.put("avro", {**begin, **sink, **reads_confluents_avro(registry.address)})
        eventually(lambda: len(_lines(file)) == len(sent), "all came out", 60)
        eventually(lambda: len(_given(connect, topic)) == len(sent), "all were given", 60)
    assert _given(connect, topic) == [one.value() for one in kafka.read(topic)]
    avro = AvroForm(RECORDS[0])
    for document, line in zip(sent, _lines(file), strict=True):
        for told in _told(avro.to_avro(document)):
            assert told in line


def _told(value: object, name: str = "") -> Iterator[str]:
    """Every leaf of an Avro record as Connect prints it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _told(inner, key)
    elif isinstance(value, list):
        yield f"{name}=[{', '.join(map(str, value))}]"
    elif value is not None:
        yield f"{name}={str(value).lower() if isinstance(value, bool) else value}"


def _given(connect: Connect, topic: str) -> list[bytes]:
    """The values that the printing sink was given of a topic."""
    lines = map(printed, connect.output.read_bytes().splitlines())
    return [base64.b64decode(one["seqno"]) for one in lines if one and one["topic"] == topic]


def _lines(file: Path) -> list[str]:
    return file.read_text("utf-8").splitlines() if file.exists() else []
