"""A group that was away for longer than the topic keeps its records, with a real Kafka."""

import time
from collections.abc import Iterator
from pathlib import Path

from brokers.kafka import Kafka
from brokers.waiting import eventually
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from .watching import Place, Record, record

_RULES = """
grace = "1s"
[[rule]]
id = "busy"
kind = "threshold"
by = ["client"]
measure = "count"
above = 10
window = "2s"
mute = "2s"
"""
_BURST = 50


def burst(number: int, client: str) -> Iterator[Record]:
    """One client asks far too often, now."""
    for n in range(_BURST):
        yield record(number + n, time.time(), source__ip=client)


def delete(kafka: Kafka, topic: str) -> None:
    """All that a topic holds, as Kafka does by itself when it is old."""
    consumer = Consumer({**kafka.inside, "group.id": "ends"})
    partitions = consumer.list_topics(topic).topics[topic].partitions
    ends = [
        TopicPartition(topic, one, consumer.get_watermark_offsets(TopicPartition(topic, one))[1])
        for one in partitions
    ]
    consumer.close()
    admin = AdminClient(kafka.inside)
    for done in admin.delete_records(ends).values():
        done.result(timeout=60)


def test_what_is_gone_is_said_and_it_goes_on(kafka: Kafka, tmp_path: Path) -> None:
    """An error in the log for each partition; what comes from now on is watched again."""
    place = Place(kafka, "deleted", _RULES, tmp_path)
    with place.running() as first:
        place.publish(burst(0, "198.51.100.1"))
        eventually(lambda: "198.51.100.1" in clients(place), "the first alert", 60.0)
        first.terminate()
        assert first.wait(30) == 0
    place.publish(burst(1000, "198.51.100.2"))
    delete(kafka, place.records)
    with place.running() as second:
        eventually(lambda: len(place.said("watching")) > 1, "it runs", 60.0)
        place.publish(burst(2000, "198.51.100.3"))
        eventually(lambda: "198.51.100.3" in clients(place), "the next alert", 60.0)
        second.terminate()
        assert second.wait(30) == 0
    assert "198.51.100.2" not in clients(place)
    lines = place.said("was deleted before it was read")
    assert {line["message"].partition(":")[0] for line in lines} == {
        f"{place.records}[{partition}]" for partition in range(3)
    }
    assert {line["level"] for line in lines} == {"error"}
    assert [line for line in place.said() if line["level"] == "error"] == lines


def clients(place: Place) -> set[str]:
    """Whom alerts are about."""
    return {alert["alert"]["group"]["source.ip"] for alert in place.raised()}
