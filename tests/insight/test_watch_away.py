"""A Kafka that goes away in the middle of the work, for longer than a transaction may be open."""

import time
from collections import Counter
from pathlib import Path

from brokers.kafka import Kafka
from brokers.waiting import eventually

from .test_watch_crash import BUSY, CLIENTS, bursts
from .watching import Place

#: Longer than Kafka lets a transaction be open, and a process of the group be silent.
_AWAY_S = 15.0


def test_an_outage_is_ridden_out_and_told_once(kafka: Kafka, tmp_path: Path) -> None:
    """Every alert is raised once; two lines of the log tell of it, and none of the client's own.

    While Kafka is away a process can be ended, and in order.
    """
    place = Place(kafka, "away", BUSY, tmp_path)
    place.publish(bursts())
    with place.running() as staying, place.running() as leaving:
        eventually(lambda: place.read_up_to() > 0, "something is done", 60.0)
        kafka.stop()
        time.sleep(_AWAY_S)
        leaving.terminate()
        assert leaving.wait(40) == 0
        kafka.start()
        eventually(lambda: len(place.raised()) >= 2 * CLIENTS, "all alerts are there", 120.0)
        assert staying.poll() is None
        staying.terminate()
        assert staying.wait(30) == 0
    told = Counter(line["event"] for line in place.said())
    assert told == {"started": 2, "kafka_away": 2, "kafka_back": 1, "stopped": 2}, place.said()
    alerts = [(a["alert"]["group"]["source.ip"], a["alert"]["state"]) for a in place.raised()]
    assert len(alerts) == len(set(alerts)) == 2 * CLIENTS
