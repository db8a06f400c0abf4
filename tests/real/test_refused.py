"""Records that Kafka will not take, among others that it would: only the guilty one is affected.

What it is built on is shown first, with nothing of ours between the client and the broker: Kafka
refuses a batch as a whole, and the client's reports rarely tell which record was the reason.
"""

import time
from collections.abc import Iterator

import pytest
from brokers.kafka import Kafka
from confluent_kafka import KafkaError, Message, Producer

from shipper.contract.record import EncodedRecord
from shipper.delivery.errors import Setting

from .sending import PATIENCE_S, Said, Sending, arrived, keys, record, sink

TWO_HOURS_S = 7200
#: Longer than any host stands still between a record and the broker's look at its time.
HOUR_MS = 3_600_000
LIMIT = 2000
NO_TIME = -1
#: One batch of what is handed over at once, and as large as it looks.
ONE_BATCH: dict[str, Setting] = {"linger.ms": 300, "compression.type": "none"}


def reports(kafka: Kafka, *records: EncodedRecord) -> list[int]:
    """Kafka's code for each record of one batch; 0 when it was taken."""
    found: dict[bytes | None, int] = {}

    def note(error: KafkaError | None, message: Message) -> None:
        found[message.key()] = error.code() if error else 0

    producer = Producer({**kafka.client, **ONE_BATCH, "enable.idempotence": True})
    for each in records:
        producer.produce(
            each.topic, each.value, each.key or None, on_delivery=note, timestamp=each.timestamp_ms
        )
    assert producer.flush(PATIENCE_S) == 0
    return [found[each.key or None] for each in records]


def times(kafka: Kafka, topic: str) -> list[int]:
    """The times of the messages in a topic, ms since the epoch."""
    return [message.timestamp()[1] for message in kafka.read(topic)]


@pytest.fixture
def sending(plain: Kafka, said: Said) -> Iterator[Sending]:
    """A sink whose records share a batch."""
    with sink({**plain.client, **ONE_BATCH}, said) as it:
        yield it


def test_a_batch_is_refused_for_one_record_too_large(plain: Kafka, topic: str) -> None:
    """All reports are the same, and nothing of the batch is in the topic."""
    plain.create_topic(topic, max_message_bytes=LIMIT)
    batch = [record(n, topic, size=5000 if n == 1 else 20) for n in range(3)]
    assert reports(plain, *batch) == [KafkaError.MSG_SIZE_TOO_LARGE] * 3
    assert arrived(plain, topic) == []


def test_a_batch_is_refused_though_no_record_is_too_large(plain: Kafka, topic: str) -> None:
    """The topic's limit is for batches: small records are refused together."""
    plain.create_topic(topic, max_message_bytes=LIMIT)
    batch = [record(n, topic, size=300) for n in range(20)]
    assert reports(plain, *batch) == [KafkaError.MSG_SIZE_TOO_LARGE] * 20


def test_a_batch_is_refused_for_one_time_ahead(plain: Kafka, topic: str) -> None:
    """One is called by its name for all; of two, the batch's good ones are told apart."""
    plain.create_topic(topic)
    one = [record(n, topic, ahead_s=TWO_HOURS_S * (n == 1)) for n in range(3)]
    assert reports(plain, *one) == [KafkaError.INVALID_TIMESTAMP] * 3
    two = [record(n, topic, ahead_s=TWO_HOURS_S * (n > 0)) for n in range(3)]
    innocent, guilty = KafkaError._INVALID_DIFFERENT_RECORD, KafkaError.INVALID_RECORD
    assert reports(plain, *two) == [innocent, guilty, guilty]
    assert arrived(plain, topic) == []


def test_no_time_is_taken_whatever_the_clock_says(plain: Kafka, topic: str) -> None:
    """-1 passes the check, and that is what a consumer reads; 0 would be this host's time."""
    plain.create_topic(topic, message_timestamp_before_max_ms=HOUR_MS)
    batch = [record(n, topic)._replace(timestamp_ms=NO_TIME if n else 0) for n in range(3)]
    before = int(time.time() * 1000)
    assert reports(plain, *batch) == [0, 0, 0]
    first, *others = times(plain, topic)
    assert before <= first <= int(time.time() * 1000)
    assert others == [NO_TIME, NO_TIME]


def test_one_record_too_large_leaves_the_others(plain: Kafka, topic: str, sending: Sending) -> None:
    """The others of its batch arrive; it is counted once, under its reason."""
    plain.create_topic(topic, max_message_bytes=LIMIT)
    sending.submit(*(record(n, topic, size=5000 if n == 2 else 20) for n in range(5)))
    sending.settled(5)
    assert sorted(arrived(plain, topic)) == keys(0, 1, 3, 4)
    assert sending.sink.counters.acknowledged == 4
    assert sending.given_up() == {"too_large": 1}


def test_a_batch_too_large_is_sent_in_smaller_ones(
    plain: Kafka, topic: str, sending: Sending
) -> None:
    """None of the records is too large: all arrive, none twice."""
    plain.create_topic(topic, max_message_bytes=LIMIT)
    sending.submit(*(record(n, topic, size=300) for n in range(40)))
    sending.settled(40)
    assert sorted(arrived(plain, topic)) == sorted(keys(*range(40)))
    assert sending.given_up() == {}


def test_one_record_ahead_of_time_arrives_with_the_others(
    plain: Kafka, topic: str, sending: Sending
) -> None:
    """The others keep their times; its own falls back to one that Kafka takes. None is given up."""
    plain.create_topic(topic)
    records = [record(n, topic, ahead_s=TWO_HOURS_S * (n == 2)) for n in range(5)]
    sending.submit(*records)
    sending.settled(5)
    found = {m.key(): m.timestamp()[1] for m in plain.read(topic)}
    for number in (0, 1, 3, 4):
        assert found[records[number].key] == records[number].timestamp_ms
    assert found[records[2].key] < records[2].timestamp_ms
    assert sending.given_up() == {}
    assert sending.sink.counters.retimed == 1


def test_a_clock_two_hours_fast_loses_nothing(plain: Kafka, topic: str, sending: Sending) -> None:
    """Every record of the batch is ahead, and Kafka names none of them: all arrive."""
    plain.create_topic(topic)
    sending.submit(*(record(n, topic, ahead_s=TWO_HOURS_S) for n in range(20)))
    sending.settled(20)
    assert sorted(arrived(plain, topic)) == sorted(keys(*range(20)))
    assert sending.given_up() == {}
    assert sending.sink.counters.retimed == 20


def test_one_invalid_record_leaves_the_others(plain: Kafka, topic: str, sending: Sending) -> None:
    """A compacted topic takes no record without a key; the others of its batch arrive."""
    plain.create_topic(topic, cleanup_policy="compact")
    records = [record(n, topic) for n in range(5)]
    records[2] = records[2]._replace(key=None)  # type: ignore[arg-type]
    sending.submit(*records)
    sending.settled(5)
    assert sorted(arrived(plain, topic)) == keys(0, 1, 3, 4)
    assert sending.given_up() == {"record_refused": 1}
