"""Processes of `shipper watch` that are killed, join or go in the middle of it; a real Kafka.

Whoever shares the work, the alerts are those of an undisturbed run, under the same ids, each once.
"""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from brokers.kafka import Kafka
from brokers.waiting import eventually

from .watching import BEGIN, Place, Record, record

_CLIENTS = 60
_MINUTES = 30
_SINGLE = 300
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


def single(first: int) -> Iterator[Record]:
    """A request each of many clients, which no rule minds."""
    for n in range(_SINGLE):
        yield record(first + n, BEGIN + n, source__ip=f"203.0.113.{n % 250}")


@pytest.fixture(scope="module")
def expected(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """What one process that nobody disturbs raises."""
    calm = Place(kafka, "calm", BUSY, tmp_path_factory.mktemp("calm"))
    calm.publish(bursts(_CLIENTS))
    calm.until_end()
    found = raised(calm)
    assert len(found) == 2 * _CLIENTS
    return found


def _shared(place: Place) -> bool:
    """Whether two processes read, each from partitions of its own."""
    return len(members := place.members()) == 2 and all(members.values())


def raised(place: Place) -> list[tuple[str, str]]:
    """Ids and states of all alerts."""
    return sorted((alert["event"]["id"], alert["alert"]["state"]) for alert in place.raised())


def test_a_killed_process_loses_and_doubles_no_alert(
    kafka: Kafka, tmp_path: Path, expected: list[tuple[str, str]]
) -> None:
    """Two processes share the work, and one is killed when some of it is done and some is not."""
    records = list(bursts(_CLIENTS))
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
    assert raised(killed) == expected


def test_a_process_that_joins_takes_its_share(
    kafka: Kafka, tmp_path: Path, expected: list[tuple[str, str]]
) -> None:
    """A second one comes when the first is in the middle; later the first goes, and it has all.

    The first is held up meanwhile, so that it can't be done before the other is there.
    """
    records = list(bursts(_CLIENTS))
    place = Place(kafka, "joined", BUSY, tmp_path)
    place.publish(records)
    with place.running() as first:
        eventually(lambda: place.read_up_to() > 0, "something is done", 60.0)
        first.send_signal(signal.SIGSTOP)
        assert place.read_up_to() < len(records)
        alone = place.members().keys()
        with place.running() as second:
            eventually(lambda: bool(place.members().keys() - alone), "the other comes", 60.0)
            first.send_signal(signal.SIGCONT)
            eventually(lambda: _shared(place), "both have partitions", 60.0)
            place.publish(single(len(records)))
            eventually(lambda: len(place.raised()) >= len(expected), "all alerts are there", 120.0)
            first.terminate()
            assert first.wait(30) == 0
            place.publish(single(2 * len(records)))
            eventually(lambda: place.read_up_to() >= len(records) + 2 * _SINGLE, "all read", 60.0)
            second.terminate()
            assert second.wait(30) == 0
    assert raised(place) == expected
    first_read, second_read = (line["records"] for line in place.said("known until"))
    assert first_read < len(records) + 2 * _SINGLE
    assert second_read >= _SINGLE
