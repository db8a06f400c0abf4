"""A process of `shipper watch` that is killed in the middle of its work, with a real Kafka."""

from collections.abc import Iterator
from pathlib import Path

from brokers.kafka import Kafka
from brokers.waiting import eventually

from .watching import BEGIN, Place, Record, record

_CLIENTS = 60
_MINUTES = 30
BUSY = """
[[rule]]
id = "busy"
kind = "threshold"
by = ["client"]
measure = "count"
above = 30
window = "1m"
mute = "3m"
"""


def bursts(clients: int) -> Iterator[Record]:
    """Each client asks ten times a minute for half an hour, and 40 times more in one of them."""
    number = 0
    for client in range(clients):
        address = f"198.51.100.{client + 1}"
        busy = [BEGIN + 60 * (client % _MINUTES) + n for n in range(40)]
        steady = [BEGIN + 6 * n + 3 for n in range(10 * _MINUTES)]
        for at in (*busy, *steady):
            yield record(number, at, source__ip=address)
            number += 1


def test_a_killed_process_loses_and_doubles_no_alert(kafka: Kafka, tmp_path: Path) -> None:
    """Two processes share the work, and one is killed when some of it is done and some is not.

    The alerts are those of an undisturbed run, under the same ids, each once.
    """
    records = list(bursts(_CLIENTS))
    calm = Place(kafka, "calm", BUSY, tmp_path)
    calm.publish(records)
    expected = sorted((a["event"]["id"], a["alert"]["state"]) for a in calm.until_end())
    assert len(expected) == 2 * _CLIENTS

    killed = Place(kafka, "killed", BUSY, tmp_path)
    killed.publish(records)
    with killed.running() as first, killed.running() as second:
        eventually(lambda: killed.read_up_to() > 0, "something is done", 60.0)
        first.kill()
        first.wait()
        assert killed.read_up_to() < len(records)
        eventually(lambda: len(killed.raised()) >= len(expected), "all alerts are there", 120.0)
        second.terminate()
        assert second.wait(30) == 0
    assert sorted((a["event"]["id"], a["alert"]["state"]) for a in killed.raised()) == expected
