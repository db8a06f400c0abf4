"""The connectors' configurations in a real Kafka Connect worker.

The vendors' plugins are on no registry that is reached here, so Kafka's own FileStreamSink stands
for what they do at the end. What comes before is the same code in either case: converters,
transforms, error handling, dead letters. Not shown: what a vendor's task does with a record.
"""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from brokers.connect import Connect
from brokers.kafka import Kafka
from brokers.waiting import eventually
from confluent_kafka import Producer

from .connector_keys import KNOWN, known
from .connectors import shipped, standing_in, to_file, worker_settings
from .contracts import golden, key

CONNECTORS = sorted(KNOWN)
#: Each connector and what its converters can't read; to Splunk's any bytes are a text.
MALFORMED = {"elasticsearch": b'{"cut": ', "opensearch": b"\x00\x00\x00\x00\x07framed"}
_NAMES = (f"http.header.test{number}" for number in itertools.count())
_PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def kafka() -> Iterator[Kafka]:
    """One broker."""
    with Kafka() as running:
        yield running


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the worker may read secrets."""
    return tmp_path_factory.mktemp("secrets")


@pytest.fixture(scope="module")
def connect(kafka: Kafka, secrets: Path) -> Iterator[Connect]:
    """A worker with the settings that config/ names."""
    with Connect(kafka.inside, worker_settings(secrets)) as running:
        yield running


def written(kafka: Kafka, values: list[tuple[str, bytes]]) -> str:
    """A topic of its own with these (key, value)."""
    topic = next(_NAMES)
    kafka.create_topic(topic)
    producer = Producer({**kafka.inside, "linger.ms": 0})
    for name, value in values:
        producer.produce(topic, value, name, headers=[("schema", b"http.header.v1")])
    assert producer.flush(_PATIENCE_S) == 0
    return topic


@pytest.mark.parametrize("connector", CONNECTORS)
def test_every_key_is_known(connect: Connect, connector: str, tmp_path: Path) -> None:
    """Each key is the vendor's, by its documentation, or the framework's, which takes its value."""
    config = shipped(connector)
    common = standing_in(connector, config, to_file(tmp_path / "x"))
    answer = connect.validate(common)
    unknown = [name for name in config if not known(connector, name) and name not in answer]
    assert not unknown, KNOWN[connector].source
    assert {name: errors for name, errors in answer.items() if errors and name in common} == {}


@pytest.mark.parametrize("connector", CONNECTORS)
def test_a_misspelled_key_is_seen(connect: Connect, connector: str, tmp_path: Path) -> None:
    """The check above does refuse: no vendor has the key and the framework does not name it."""
    answer = connect.validate(standing_in(connector, shipped(connector), to_file(tmp_path / "x")))
    for name in ("behavior.on.malformed.document", "splunk.hec.ack.enable", "errors.tolerence"):
        assert not known(connector, name)
        assert name not in answer


@pytest.mark.parametrize("connector", CONNECTORS)
def test_what_the_notes_ask_for(connector: str) -> None:
    """Keys stay keys, one bad record stops nothing, no secret stands in the file."""
    config = shipped(connector)
    assert config["key.converter"].endswith(".StringConverter")
    assert config["errors.tolerance"] == "all"
    assert config["errors.deadletterqueue.topic.name"] == f"http.header.{connector}.dead"
    assert config["errors.log.include.messages"] == "false"
    for name, value in config.items():
        if name.endswith(("password", "token", "username")):
            assert value.startswith("${file:/etc/kafka-connect/"), name


@pytest.mark.parametrize("connector", sorted(MALFORMED))
def test_records_pass_and_a_malformed_one_steps_aside(
    kafka: Kafka, connect: Connect, connector: str, tmp_path: Path
) -> None:
    """What comes before and after a malformed record comes out; that one is a dead letter."""
    records = golden()
    values = [(key(record), json.dumps(record).encode()) for record in records]
    middle = len(values) // 2
    bad = ("bad", MALFORMED[connector])
    topic = written(kafka, [*values[:middle], bad, *values[middle:]])
    file = tmp_path / "out"
    dead = f"{topic}.dead"
    config = standing_in(connector, shipped(connector), to_file(file))
    changed = {"topics": topic, "errors.deadletterqueue.topic.name": dead}
    connect.put(topic, {**config, **changed})
    eventually(lambda: _lines(file) == len(records), "all records came out", _PATIENCE_S)
    for record, line in zip(records, file.read_text().splitlines(), strict=True):
        assert f"id={key(record)}" in line
    (letter,) = kafka.read(dead)
    assert (letter.key(), letter.value()) == (b"bad", MALFORMED[connector])
    headers = dict(letter.headers() or [])
    assert headers["schema"] == b"http.header.v1"
    assert headers["__connect.errors.topic"] == topic.encode()
    assert headers["__connect.errors.stage"] == b"VALUE_CONVERTER"
    assert set(connect.states(topic)) == {"RUNNING"}


def test_splunk_gets_the_very_bytes(kafka: Kafka, connect: Connect, tmp_path: Path) -> None:
    """A record reaches Splunk's task as the text that it is, in order."""
    records = golden()
    values = [json.dumps(record, ensure_ascii=False) for record in records]
    pairs = [(key(r), value.encode()) for r, value in zip(records, values, strict=True)]
    topic = written(kafka, pairs)
    file = tmp_path / "out"
    config = standing_in("splunk", shipped("splunk"), to_file(file))
    connect.put(topic, {**config, "topics": topic})
    eventually(lambda: _lines(file) == len(records), "all records came out", _PATIENCE_S)
    assert file.read_text("utf-8").splitlines() == values


def test_opensearch_streams_end_in_the_namespace(
    kafka: Kafka, connect: Connect, tmp_path: Path
) -> None:
    """Aiven's sink writes to <prefix>-<topic>: the topic's name is the namespace by then."""
    topic = written(kafka, [("k", b'{"a": 1}')])
    file = tmp_path / "out"
    config = standing_in("opensearch", shipped("opensearch"), to_file(file))
    show = {
        "transforms": f"{config['transforms']},show",
        "transforms.show.type": "org.apache.kafka.connect.transforms.InsertField$Value",
        "transforms.show.topic.field": "topic",
    }
    connect.put(topic, {**config, **show, "topics": topic})
    eventually(lambda: _lines(file) == 1, "the record came out", _PATIENCE_S)
    assert "topic=default" in file.read_text()
    assert shipped("opensearch")["data.stream.prefix"] == "logs-http.header"


def test_secrets_come_from_files(
    kafka: Kafka, connect: Connect, secrets: Path, tmp_path: Path
) -> None:
    """${file:...} is read by the worker, as the shipped configurations have it."""
    file = tmp_path / "out"
    (secrets / "splunk.properties").write_text(f"token={file}\n")
    token = shipped("splunk")["splunk.hec.token"].replace("/etc/kafka-connect", str(secrets))
    topic = written(kafka, [("k", b"value")])
    config = standing_in("splunk", shipped("splunk"), to_file(file))
    connect.put(topic, {**config, "topics": topic, "file": token})
    eventually(lambda: _lines(file) == 1, "the record came out", _PATIENCE_S)


def _lines(file: Path) -> int:
    return len(file.read_text().splitlines()) if file.exists() else 0
