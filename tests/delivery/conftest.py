"""The broker, records, and a log that remembers."""

from collections.abc import Iterator

import pytest

from shipper.contract.record import EncodedRecord

from .broker import FaultyBroker

TOPIC = "http.header.v1"


class Said(list[tuple[int, str]]):
    """A log: call it with a level and a line."""

    def __call__(self, level: int, line: str) -> None:
        """Remember a line."""
        self.append((level, line))

    def loud(self, level: int = 30) -> list[str]:
        """The lines at this level or above."""
        return [line for at, line in self if at >= level]


def record(number: int, topic: str = TOPIC) -> EncodedRecord:
    """One record like no other."""
    return EncodedRecord(
        topic=topic,
        key=b"key-%d" % number,
        value=b'{"n":%d}' % number,
        timestamp_ms=1_700_000_000_000 + number,
        headers=(("content-type", b"application/json"), ("n", b"%d" % number)),
        partition_key=b"c",
        sequence=number,
    )


@pytest.fixture
def broker() -> Iterator[FaultyBroker]:
    """A broker with the topic."""
    with FaultyBroker() as it:
        it.create_topic(TOPIC)
        yield it


@pytest.fixture
def said() -> Said:
    """What was logged."""
    return Said()
