"""KafkaSink against librdkafka's Kafka-protocol listener, with its faults."""

import time

import pytest

from shipper.contract.record import EncodedRecord
from shipper.delivery.consume import Received, Start, TopicReader
from shipper.delivery.errors import Setting
from shipper.delivery.kafka import KafkaSink
from shipper.delivery.settings import producer_settings
from shipper.delivery.sink import Backpressure
from shipper.errors import ConfigError

from .broker import INIT_PRODUCER_ID, PRODUCE, FaultyBroker
from .conftest import TOPIC, Said, record

PATIENCE_S = 20.0


def submit(sink: KafkaSink, *records: EncodedRecord) -> None:
    """Submit as the agent does: poll and try again at `Backpressure`."""
    deadline = time.monotonic() + PATIENCE_S
    for each in records:
        while True:
            try:
                sink.submit(each)
                break
            except Backpressure:
                assert time.monotonic() < deadline
                sink.poll(0.01)


def read_all(broker: FaultyBroker, said: Said, topic: str = TOPIC) -> list[Received]:
    """What stands in the topic."""
    settings = {"bootstrap.servers": broker.bootstrap}
    with TopicReader(settings, topic, log=said, start=Start.BEGINNING) as reader:
        return list(reader.until_end())


def adds_up(sink: KafkaSink) -> bool:
    """The equation, `in_flight` taken from the sink's table."""
    return sink.counters.unsettled == sink.in_flight


def test_what_is_sent_arrives_whole(broker: FaultyBroker, said: Said) -> None:
    """Key, value, time and headers; and all is acknowledged."""
    sink = KafkaSink({"bootstrap.servers": broker.bootstrap}, log=said)
    submit(sink, *map(record, range(100)))
    assert sink.flush(PATIENCE_S) == 0
    assert (sink.counters.submitted, sink.counters.acknowledged) == (100, 100)
    assert adds_up(sink)
    sink.close()
    for number, got in enumerate(read_all(broker, said)):
        sent = record(number)
        assert got[:4] == (sent.headers, sent.key, sent.value, sent.timestamp_ms)
    assert said.loud() == []


def test_full_queue_pushes_back_and_loses_nothing(broker: FaultyBroker, said: Said) -> None:
    """A small queue refuses; the caller's retries bring every record in, once."""
    settings: dict[str, Setting] = {
        "bootstrap.servers": broker.bootstrap,
        "queue.buffering.max.messages": 10,
    }
    sink = KafkaSink(settings, log=said)
    submit(sink, *map(record, range(500)))
    assert sink.flush(PATIENCE_S) == 0
    assert sink.counters.refused > 0
    assert sink.counters.acknowledged == 500
    sink.close()
    assert [m.key for m in read_all(broker, said)] == [record(n).key for n in range(500)]


def test_broker_away_then_back_loses_nothing(broker: FaultyBroker, said: Said) -> None:
    """Said in one line while it is away, and once when it is back."""
    sink = KafkaSink({"bootstrap.servers": broker.bootstrap}, log=said)
    submit(sink, *map(record, range(10)))
    assert sink.flush(PATIENCE_S) == 0
    broker.down()
    submit(sink, *map(record, range(10, 60)))
    assert sink.flush(1.5) == 50
    assert adds_up(sink)
    broker.up()
    assert sink.flush(PATIENCE_S) == 0
    sink.close()
    assert [m.key for m in read_all(broker, said)] == [record(n).key for n in range(60)]
    lines = said.loud(20)
    assert len(lines) == 2
    assert lines[0].startswith("no Kafka broker answers (")
    assert lines[0].endswith("): check kafka.bootstrap.servers and the network; trying on")
    assert lines[1] == "Kafka acknowledges records again"


def test_broker_absent_at_start(broker: FaultyBroker, said: Said) -> None:
    """An edge host boots before its network: no error; records wait, and are delivered later."""
    broker.down()
    sink = KafkaSink({"bootstrap.servers": broker.bootstrap}, log=said)
    began = time.monotonic()
    while sink.troubles != {"brokers_down"}:
        with pytest.raises(Backpressure):
            sink.submit(record(1))
        sink.poll(0.05)
        assert time.monotonic() - began < PATIENCE_S
    broker.up()
    submit(sink, record(1))
    assert sink.flush(PATIENCE_S) == 0
    assert not sink.troubles
    sink.close()


def test_close_is_prompt_and_accounts(broker: FaultyBroker, said: Said) -> None:
    """With no broker `close` returns at once and counts what is left; nobody is called back."""
    sink = KafkaSink({"bootstrap.servers": broker.bootstrap}, log=said)
    submit(sink, record(9))
    sink.flush(PATIENCE_S)
    broker.down()
    reports: list[str | None] = []
    for number in range(3):
        sink.submit(record(number), reports.append)
    began = time.monotonic()
    sink.close()
    sink.close()
    assert time.monotonic() - began < 1
    assert sink.counters.failed == {"closed": 3}
    assert reports == []
    assert adds_up(sink)


# Error codes of the protocol: kafka.apache.org/protocol#protocol_error_codes
@pytest.mark.parametrize("code", [2, 6, 7, 9, 19, 20, 29, 56, 45, 47, 59])
def test_mendable_errors_lose_nothing(broker: FaultyBroker, said: Said, code: int) -> None:
    """Retried by the client, sent again by us, or sent by a new producer: all arrive."""
    sink = KafkaSink({"bootstrap.servers": broker.bootstrap}, log=said)
    submit(sink, *map(record, range(3)))
    assert sink.flush(PATIENCE_S) == 0
    broker.answer(PRODUCE, code)
    submit(sink, *map(record, range(3, 9)))
    assert sink.flush(PATIENCE_S) == 0
    assert sink.counters.acknowledged == 9
    assert adds_up(sink)
    sink.close()
    assert {m.key for m in read_all(broker, said)} == {record(n).key for n in range(9)}


@pytest.mark.parametrize(
    ("code", "reason"),
    [(10, "too_large"), (18, "too_large"), (44, "policy"), (87, "record_refused")],
)
def test_what_kafka_never_takes_fails_with_a_reason(
    broker: FaultyBroker, said: Said, code: int, reason: str
) -> None:
    """Counted by reason, one line, and the sink goes on."""
    sink = KafkaSink({"bootstrap.servers": broker.bootstrap}, log=said)
    reports: list[str | None] = []
    sink.submit(record(1), reports.append)
    sink.flush(PATIENCE_S)
    broker.answer(PRODUCE, code)
    sink.submit(record(2), reports.append)
    sink.flush(PATIENCE_S)
    sink.submit(record(3), reports.append)
    assert sink.flush(PATIENCE_S) == 0
    assert reports == [None, reason, None]
    assert sink.counters.failed == {reason: 1}
    assert sink.counters.acknowledged == 2
    assert len(said.loud()) == 1
    sink.close()


def test_fatal_error_starts_a_new_producer(broker: FaultyBroker, said: Said) -> None:
    """The right to write idempotently comes late: two producers fail, the third delivers."""
    broker.answer(INIT_PRODUCER_ID, 31, 31)
    sink = KafkaSink({"bootstrap.servers": broker.bootstrap}, log=said)
    submit(sink, *map(record, range(5)))
    assert sink.flush(PATIENCE_S) == 0
    assert sink.restarts == 2
    assert sink.counters.acknowledged == 5
    sink.close()
    assert [m.key for m in read_all(broker, said)] == [record(n).key for n in range(5)]


def test_topic_missing_then_created(broker: FaultyBroker, said: Said) -> None:
    """Said with the topic's name; records wait outside until it is there."""
    broker.topic_error("late", 3)
    settings: dict[str, Setting] = {
        "bootstrap.servers": broker.bootstrap,
        "topic.metadata.propagation.max.ms": 200,
    }
    sink = KafkaSink(settings, log=said)
    for _ in range(3):
        with pytest.raises(Backpressure):
            sink.submit(record(0, "late"))
        sink.poll(0.6)
    broker.topic_error("late", 0)
    submit(sink, *(record(n, "late") for n in range(5)))
    assert sink.flush(PATIENCE_S) == 0
    sink.close()
    assert said.loud() == [
        (
            "the topic is not there (topic late: Broker: Unknown topic or partition): "
            "create it; records are kept and sent again"
        )
    ]


def test_too_large_for_the_client(broker: FaultyBroker, said: Said) -> None:
    """Refused by `produce` itself: taken, and failed with a reason."""
    sink = KafkaSink({"bootstrap.servers": broker.bootstrap}, log=said)
    sink.submit(record(1)._replace(value=b"x" * 2_000_000))
    assert sink.counters.failed == {"too_large": 1}
    assert adds_up(sink)
    sink.close()


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (
            {},
            (
                "kafka.bootstrap.servers is not set: give host:port of a broker, "
                "as in --set kafka.bootstrap.servers=kafka.example:9092"
            ),
        ),
        (
            {"bootstrap.servers": "a:1", "ssl.ca.locaton": "/x"},
            "kafka.ssl.ca.locaton is no setting of librdkafka: did you mean kafka.ssl.ca.location?",
        ),
        (
            {"bootstrap.servers": "a:1", "linger.ms": "soon"},
            (
                "kafka.linger.ms has a value that librdkafka does not take: "
                "librdkafka's CONFIGURATION.md says which it takes"
            ),
        ),
        (
            {
                "bootstrap.servers": "a:1",
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "PLAIN",
                "sasl.password": "geheim",
            },
            (
                "the Kafka client refuses its settings (sasl.username and sasl.password must be "
                "set): mend them below kafka"
            ),
        ),
    ],
)
def test_invalid_settings_are_one_line(said: Said, settings: dict[str, Setting], line: str) -> None:
    """What librdkafka refuses names the key."""
    with pytest.raises(ConfigError) as error:
        KafkaSink(settings, log=said)
    assert str(error.value) == line


@pytest.mark.parametrize(
    ("given", "level"),
    [
        ({}, 1),
        ({"compression.codec": "lz4"}, None),
        ({"compression.type": "gzip", "compression.level": 6}, 6),
        ({"compression.level": 9}, 9),
    ],
)
def test_a_level_of_compression_is_for_zstd(
    said: Said, given: dict[str, Setting], level: int | None
) -> None:
    """Of another kind it would be another measure: it stays librdkafka's own."""
    assert producer_settings(given, said).get("compression.level") == level


def test_weaker_settings_are_taken_with_a_warning(broker: FaultyBroker, said: Said) -> None:
    """The operator's will counts, loudly; an alias is the setting it stands for."""
    settings: dict[str, Setting] = {
        "bootstrap.servers": broker.bootstrap,
        "request.required.acks": 1,
        "delivery.timeout.ms": 5000,
    }
    KafkaSink(settings, log=said).close()
    assert said.loud() == [
        "kafka.acks = 1 weakens delivery: a record can be lost with the broker that took it",
        (
            "kafka.enable.idempotence = False weakens delivery: "
            "records can arrive twice or out of order"
        ),
        "kafka.message.timeout.ms = 5000 weakens delivery: records are given up after that time",
    ]
