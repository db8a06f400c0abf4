"""Connectors of topics in other forms, and what converters in a real worker make of them.

A connector is its plain neighbour but for what the form asks. Converters are the real ones: Kafka's
own, Confluent's for Avro, and Apicurio's. Confluent's for JSON, and its newer ones that look for
GUIDs, are on no registry that is reached here; what Apicurio has for JSON reads JSON of its own
alone.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from brokers.connect import FILE_SINK, PRINTING_SINK, Connect, printed
from brokers.kafka import Kafka
from brokers.waiting import eventually
from confluent_kafka import Producer
from consumers.connector_keys import known
from consumers.connectors import standing_in, to_output, worker_settings
from registries.apicurio import Apicurio
from registries.converter import apicurios, plugins

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
#: Records that were Avro have a data stream of their own, and their `@timestamp` from the message.
STREAM = {
    "data.stream.dataset",
    "data.stream.prefix",
    "data.stream.timestamp.field",
    "data.streams.existing.index.template.name",
}
AVRO = [name for name in FRAMED if "-avro-" in name]
#: What Kafka's own converters read.
GUID = [name for name in FRAMED if name.endswith("-guid") and name not in AVRO]


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
    assert differ <= OWN | CONVERTER | schemaless | (STREAM if name in AVRO else set())
    if name not in GUID and "-cim" not in name:
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
    """A worker with the settings that config/ names, and converters that are not Kafka's."""
    settings = {**worker_settings(Path("/etc")), "plugin.path": str(plugins())}
    with Connect(kafka.inside, settings) as it:
        yield it


@pytest.fixture(scope="module")
def registry() -> Iterator[Apicurio]:
    """A registry in which an id of a schema is no id of its content."""
    with Apicurio() as it:
        # They are apart once two subjects share one.
        for subject in ("one", "other"):
            register(it, subject, "closed")
        yield it


@pytest.fixture(scope="module")
def avro(
    kafka: Kafka, registry: Apicurio, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, list[Json]]:
    """A topic with the golden records as Avro in Confluent's wire format; their documents."""
    topic = "http.header.connect.avro.v1"
    register(registry, topic, "avro")
    tmp = tmp_path_factory.mktemp("avro")
    return topic, written(kafka, tmp, registry.url, topic, ("avro", "confluent"))


def register(registry: Apicurio, topic: str, kind: str) -> None:
    """As an operator does."""
    words = ("--registry", registry.url, "--kind", kind, "--kafka-topic", topic)
    assert main(["schema", "register", *words]) == 0


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
    converters = set(other) & CONVERTER if name not in GUID else set()
    common = {key: value for key, value in other.items() if key not in converters}
    file = {"connector.class": FILE_SINK, "file": "/nowhere"}
    answer = connect.validate({**common, **file})
    assert not [key for key in other if key not in answer and key not in converters]
    assert {key: errors for key, errors in answer.items() if errors and key in common} == {}


@pytest.mark.parametrize("name", GUID)
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
    kafka: Kafka,
    connect: Connect,
    registry: Apicurio,
    avro: tuple[str, list[Json]],
    tmp_path: Path,
) -> None:
    """Kafka's ByteArrayConverter hands on the very bytes; Apicurio's AvroConverter reads them.

    Every value of every golden record comes out of the worker under its name.
    """
    (topic, sent), file = avro, tmp_path / "out"
    begin = {"topics": topic, "consumer.override.auto.offset.reset": "earliest"}
    bare = "org.apache.kafka.connect.converters.ByteArrayConverter"
    connect.put("bytes", {**begin, "connector.class": PRINTING_SINK, "value.converter": bare})
    sink = {"connector.class": FILE_SINK, "file": str(file)}
    connect.put("avro", {**begin, **sink, **apicurios(registry.address)})
    eventually(lambda: len(_lines(file)) == len(sent), "all came out", 60)
    eventually(lambda: len(_given(connect, "bytes")) == len(sent), "all were given", 60)
    given = [base64.b64decode(one["seqno"]) for one in _given(connect, "bytes")]
    assert given == [one.value() for one in kafka.read(topic)]
    form = AvroForm(RECORDS[0])
    for document, line in zip(sent, _lines(file), strict=True):
        for told in _told(form.to_avro(document)):
            assert told in line


@pytest.mark.parametrize("name", [name for name in AVRO if name.endswith("-confluent")])
def test_confluents_avro_converter(
    kafka: Kafka,
    connect: Connect,
    registry: Apicurio,
    avro: tuple[str, list[Json]],
    name: str,
) -> None:
    """Confluent's own, in the shipped configuration: what a sink makes of its values for a store.

    What the stores make of that is in tests/consumers. What is no framed Avro is a dead letter.
    """
    topic, sent = avro
    producer = Producer(kafka.inside)
    producer.produce(topic, b"{}", "unframed")
    assert producer.flush(30) == 0
    config = shipped(name)
    config = standing_in(name.partition("-")[0], config, to_output(config.get("transforms", "")))
    own = {"topics": topic, "value.converter.schema.registry.url": registry.url}
    own["errors.log.enable"] = "false"  # its lines would stand among those of the sink
    left_out = {key for key in CONVERTER if "basic.auth" in key}
    connect.put(name, {key: one for key, one in (config | own).items() if key not in left_out})
    eventually(lambda: len(_given(connect, name)) >= len(sent), "all were given", 60)
    given = _given(connect, name)
    assert [one["task"] for one in given] == [document["event"]["id"] for document in sent]
    messages = [one for one in kafka.read(topic) if one.key() != b"unframed"]
    form = AvroForm(RECORDS[0])
    for document, message, one in zip(sent, messages, given, strict=True):
        expected = {**form.to_avro(document), "@timestamp": message.timestamp()[1]}
        assert _present(json.loads(one["seqno"])) == _present(expected)
    dead = shipped(name)["errors.deadletterqueue.topic.name"]
    eventually(lambda: bool(kafka.count(dead)), "the other became a letter", 60)
    assert {letter.key() for letter in kafka.read(dead)} == {b"unframed"}
    assert set(connect.states(name)) == {"RUNNING"}


def _present(value: object) -> object:
    """The same without what is null, at any depth."""
    if isinstance(value, dict):
        return {name: _present(inner) for name, inner in value.items() if inner is not None}
    return value


def _told(value: object, name: str = "") -> Iterator[str]:
    """Every leaf of an Avro record as Connect prints it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _told(inner, key)
    elif isinstance(value, list):
        yield f"{name}=[{', '.join(map(str, value))}]"
    elif value is not None:
        yield f"{name}={str(value).lower() if isinstance(value, bool) else value}"


def _given(connect: Connect, connector: str) -> list[Json]:
    """What the printing sink of this connector was given."""
    lines = map(printed, connect.output.read_bytes().splitlines())
    return [one for one in lines if one and one["name"] == connector]


def _lines(file: Path) -> list[str]:
    return file.read_text("utf-8").splitlines() if file.exists() else []
