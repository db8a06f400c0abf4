"""Stock readers and a real registry: what the agent's delivery writes, whatever becomes of it.

Kafka 4.1 and Apicurio 3.3, which gives no GUIDs: for those a stand-in answers.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from brokers.kafka import Kafka
from confluent_kafka import Message
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
from registries.apicurio import Apicurio
from registries.stock import stock_client

from shipper import wiring
from shipper.cli import main
from shipper.contract.record import EncodedRecord
from shipper.errors import ConfigError
from shipper.record import AvroForm, DeadLetters
from shipper.record.schema import RECORDS
from shipper.registry import Registry

from .delivering import Delivering, Json, configured, delivered, golden, options
from .standin import StandIn

KINDS = {"ecs": "closed", "avro": "avro"}
_FORMS = {contract.version: AvroForm(contract) for contract in RECORDS}


@pytest.fixture(scope="module")
def apicurio() -> Iterator[Apicurio]:
    """A registry; the last test kills it."""
    with Apicurio() as it:
        yield it


@pytest.fixture
def topic(kafka: Kafka, request: pytest.FixtureRequest) -> str:
    """A topic of the test's own."""
    name = str(request.node.name).replace("[", ".").replace("]", "").replace(" ", "-")
    kafka.create_topic(name)
    return name


def register(url: str, topic: str, encoding: str = "ecs") -> None:
    """As an operator does."""
    arguments = ["--registry", url, "--kind", KINDS[encoding], "--kafka-topic", topic]
    assert main(["schema", "register", *arguments]) == 0


def stock(encoding: str, url: str, message: Message) -> Json:
    """What confluent-kafka's own deserializer makes of it, with the schema that wrote it."""
    client = stock_client(url)
    headers: Any = message.headers()
    context = SerializationContext(message.topic() or "", MessageField.VALUE, headers)
    if encoding == "ecs":
        document = JSONDeserializer(None, schema_registry_client=client)(message.value(), context)
    else:
        found: Any = AvroDeserializer(client)(message.value(), context)
        document = _FORMS[dict(headers)["schema-version"].decode()].from_avro(found)
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize("form", ["ecs 1.0", "ecs 1.1", "avro 1.0", "avro 1.1"])
def test_confluent(kafka: Kafka, apicurio: Apicurio, tmp_path: Path, topic: str, form: str) -> None:
    """Every golden record, as confluent-kafka's deserializers read it."""
    encoding, version = form.split()
    register(apicurio.url, topic, encoding)
    config = configured(
        tmp_path,
        kafka.inside["bootstrap.servers"],
        apicurio.url,
        kafka__framing="confluent",
        kafka__topic=topic,
        record__encoding=encoding,
        record__schema_version=version,
    )
    sent = delivered(config)
    messages = kafka.read(topic)
    assert [stock(encoding, apicurio.url, one) for one in messages] == sent
    assert len(messages) == len(golden(version)) > 0


@pytest.mark.parametrize("encoding", KINDS)
def test_guid(kafka: Kafka, tmp_path: Path, topic: str, encoding: str) -> None:
    """The same through the header: the value is the record as it is, the id is in no byte of it.

    A stand-in for a registry with GUIDs; the reader and what it asks of it are the real ones.
    """
    with StandIn() as registry:
        register(registry.url, topic, encoding)
        config = configured(
            tmp_path,
            kafka.inside["bootstrap.servers"],
            registry.url,
            kafka__framing="guid",
            kafka__topic=topic,
            record__encoding=encoding,
        )
        sent = delivered(config)
        messages = kafka.read(topic)
        assert [stock(encoding, registry.url, one) for one in messages] == sent
        assert any("/schemas/guids/" in path for _, path in registry.asked)
    if encoding == "ecs":
        assert [json.loads(one.value() or b"") for one in messages] == sent


def test_apicurio_gives_no_guid(apicurio: Apicurio, tmp_path: Path, topic: str) -> None:
    """`guid` is refused before anything is captured, and it is said what to set instead."""
    register(apicurio.url, topic)
    config = configured(
        tmp_path, "127.0.0.1:1", apicurio.url, kafka__framing="guid", kafka__topic=topic
    )
    with pytest.raises(ConfigError, match=r"gives no GUID.*set kafka\.framing = .confluent"):
        wiring.check_framing(config)


def test_kcat(kafka: Kafka, apicurio: Apicurio, tmp_path: Path, topic: str) -> None:
    """Debian's kcat, which knows no registry, unpacks magic byte, id and JSON."""
    register(apicurio.url, topic)
    servers = str(kafka.inside["bootstrap.servers"])
    config = configured(
        tmp_path, servers, apicurio.url, kafka__framing="confluent", kafka__topic=topic
    )
    sent = delivered(config)
    command = ["kcat", "-q", "-C", "-b", servers, "-t", topic, "-e", "-s", "value=>b i s"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    lines = [line.split(" ", 2) for line in said.splitlines()]
    assert [json.loads(line[2]) for line in lines] == sent
    found = wiring.asking(config)
    assert found is not None
    number = found.ask(wiring.schema(config)).id
    assert {(line[0], line[1]) for line in lines} == {("0", str(number))}


def test_a_subject_that_comes_later(
    kafka: Kafka, apicurio: Apicurio, tmp_path: Path, topic: str
) -> None:
    """It is said what to type, and records wait in the spool; once it is typed, they go."""
    servers = kafka.inside["bootstrap.servers"]
    form: Json = {"kafka__framing": "confluent", "kafka__topic": topic}
    config = configured(tmp_path, servers, apicurio.url, **form)
    with Delivering(config) as agent:
        agent.submit(*golden("1.0"))
        agent.hears(f"no subject {topic}-value: run `shipper schema register --registry ")
        assert agent.sink.counters.acknowledged == 0
        assert not kafka.read(topic)
        register(apicurio.url, topic)
        agent.delivered()
    assert [stock("ecs", apicurio.url, one) for one in kafka.read(topic)] == agent.sent


def test_a_subject_that_takes_another(
    kafka: Kafka, apicurio: Apicurio, tmp_path: Path, topic: str
) -> None:
    """What the subject has is not compatible with ours: told apart from one that is missing."""
    registry = Registry(apicurio.url)
    dialect = {"$schema": "http://json-schema.org/draft-07/schema#"}
    registry.register(f"{topic}-value", json.dumps({**dialect, "type": "string"}), "JSON")
    registry.set_compatibility(f"{topic}-value", "BACKWARD_TRANSITIVE")
    servers = kafka.inside["bootstrap.servers"]
    config = configured(
        tmp_path, servers, apicurio.url, kafka__framing="confluent", kafka__topic=topic
    )
    with Delivering(config) as agent:
        agent.submit(*golden("1.0"))
        agent.hears("and what it has is not compatible with that: give these records a topic")
        assert agent.sink.counters.acknowledged == 0
    assert not kafka.read(topic)


def test_dead_letters(
    kafka: Kafka, apicurio: Apicurio, tmp_path: Path, topic: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A letter holds the Avro record without its frame; sent again it is framed alike."""
    register(apicurio.url, topic, "avro")
    servers = kafka.inside["bootstrap.servers"]
    config = configured(
        tmp_path,
        servers,
        apicurio.url,
        kafka__framing="confluent",
        kafka__topic=topic,
        record__encoding="avro",
        kafka__dead_topic=f"{topic}.dead",
    )
    kafka.create_topic(f"{topic}.dead")
    with Delivering(config) as agent:
        agent.submit(*golden("1.0"))
        agent.delivered()
        written = kafka.read(topic)
        letter = _letter(agent, written[3])
        agent.sink.kafka.submit(letter)
        assert agent.sink.kafka.flush(30) == 0
    assert main(["dead-letters", "resend", "--all", "--json", *options(config)]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["acknowledged"] == 1
    again = kafka.read(topic)[-1]
    assert (again.key(), again.value()) == (written[3].key(), written[3].value())
    assert stock("avro", apicurio.url, again) == agent.sent[3]


def _letter(agent: Delivering, message: Message) -> EncodedRecord:
    """The letter about the record that came to be this message."""
    who = wiring.origin(agent.config, "bf8c6f4e-6d1f-4f5e-9a54-0b6a3a1c7f11", 0, 0)
    value = message.value() or b""
    headers: Any = message.headers()
    record = EncodedRecord(
        message.topic() or "",
        message.key() or b"",
        value[5:],
        message.timestamp()[1],
        tuple(headers),
        b"c",
        3,
    )
    letters = DeadLetters(who.settings, who.identity, now_ns=lambda: 1_767_225_600_000_000_000)
    return letters.letter(record, "policy", "refused")


def test_the_registry_is_killed(
    kafka: Kafka, apicurio: Apicurio, tmp_path: Path, topic: str
) -> None:
    """Records flow on under the id that is known, also after a restart; without a file they wait.

    It comes last: the registry is gone.
    """
    register(apicurio.url, topic)
    servers = kafka.inside["bootstrap.servers"]
    form: Json = {"kafka__framing": "confluent", "kafka__topic": topic, "registry__refresh": 1}
    config = configured(tmp_path, servers, apicurio.url, **form)
    with Delivering(config) as agent:
        agent.submit(*golden("1.0"))
        agent.delivered()
        apicurio.close()
        agent.hears("as known from before, serves on")
        agent.submit(*golden("1.0"))
        agent.delivered()
    with Delivering(config) as restarted:
        restarted.submit(*golden("1.0"))
        restarted.delivered()
    assert len({(one.value() or b"")[:5] for one in kafka.read(topic)}) == 1
    (tmp_path / "other").mkdir()
    bare = configured(tmp_path / "other", servers, apicurio.url, **form)
    before = len(kafka.read(topic))
    with Delivering(bare) as waiting:
        waiting.submit(*golden("1.0"))
        waiting.hears("its records wait in the meantime")
        assert waiting.sink.counters.acknowledged == 0
    assert len(kafka.read(topic)) == before
