"""`shipper audit` against a real Kafka: ranges of time, and what was deleted for its age."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from agents import Worker
from brokers.kafka import Kafka
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from shipper.cli import main
from shipper.contract.record import EncodedRecord
from shipper.delivery import KafkaSink

HOUR, MINUTE = 3_600_000, 60_000
TOPICS = ("http.header.ledger.v1", "http.header.dead.v1", "http.header.v1")


@pytest.fixture
def kafka() -> Iterator[Kafka]:
    """A broker with the topics."""
    with Kafka() as it:
        for topic in TOPICS:
            it.create_topic(topic)
        yield it


def publish(kafka: Kafka, *messages: EncodedRecord) -> None:
    """Put messages on their topics."""
    sink = KafkaSink(dict(kafka.client), log=lambda _level, _line: None)
    for message in messages:
        sink.submit(message)
    assert sink.flush(20) == 0
    sink.close()


def audit(
    kafka: Kafka, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, dict[str, Any]]:
    """Exit code and the JSON object."""
    capsys.readouterr()
    servers = str(kafka.client["bootstrap.servers"])
    code = main(["audit", "--bootstrap-servers", servers, "--json", *arguments])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, found


def test_times_and_deletion(kafka: Kafka, capsys: pytest.CaptureFixture[str]) -> None:
    """An agent of three hours, 60 records an hour, an account every ten minutes; one is missing."""
    now = time.time_ns() // 1_000_000
    begin = now - 3 * HOUR
    worker = Worker(started=begin)
    for minute in range(180):
        if minute % 10 == 0:
            publish(kafka, worker.account(begin + minute * MINUTE, minute))
    publish(kafka, worker.account(now, 180, state="stopped"))
    # One that is late: it stands behind what is younger.
    numbers = [n for n in range(180) if n not in (15, 70)] + [70]
    publish(kafka, *(worker.record(n, begin + n * MINUTE) for n in numbers))
    code, found = audit(kafka, capsys)
    assert (code, found["expected"], found["unexplained"]) == (1, 180, 1)
    code, found = audit(kafka, capsys, "--from", "-125m", "--to=-65m", "--margin", "20m")
    assert (code, found["expected"], found["found"]) == (0, 60, 60)
    _delete_before(kafka, 100)
    code, found = audit(kafka, capsys)
    # Record 70 is the topic's last and shows no gap; what was judged begins after the deleted.
    assert code == 0
    assert 60 <= found["expected"] == found["found"] <= 70


def _delete_before(kafka: Kafka, offset: int) -> None:
    admin = AdminClient(dict(kafka.inside))
    (future,) = admin.delete_records([TopicPartition(TOPICS[2], 0, offset)]).values()
    future.result(20)
