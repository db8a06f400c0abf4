"""A Kafka that goes away in the middle of the work, for longer than a transaction may be open."""

import time
from pathlib import Path

from brokers.kafka import Kafka
from brokers.waiting import eventually

from .test_watch_crash import BUSY, bursts
from .watching import Place

#: Longer than Kafka lets a transaction be open, and a process of the group be silent.
_AWAY_S = 14.0
_CLIENTS = 20


def test_an_outage_is_ridden_out_and_told_once(kafka: Kafka, tmp_path: Path) -> None:
    """Every alert is raised once; two lines of the log tell of it, and none of the client's own."""
    place = Place(kafka, "away", BUSY, tmp_path)
    place.publish(bursts(_CLIENTS))
    with place.running() as process:
        eventually(lambda: place.read_up_to() > 0, "something is done", 60.0)
        kafka.stop()
        time.sleep(_AWAY_S)
        kafka.start()
        eventually(lambda: len(place.raised()) >= 2 * _CLIENTS, "all alerts are there", 120.0)
        assert process.poll() is None
        process.terminate()
        assert process.wait(30) == 0
    told = [line["event"] for line in place.said()]
    assert told == ["started", "kafka_away", "kafka_back", "stopped"], place.said()
    alerts = [(a["alert"]["group"]["source.ip"], a["alert"]["state"]) for a in place.raised()]
    assert len(alerts) == len(set(alerts)) == 2 * _CLIENTS
