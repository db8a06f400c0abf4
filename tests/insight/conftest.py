"""One broker for all tests of `shipper watch`: each has topics and groups of its own."""

from collections.abc import Iterator

import pytest
from brokers.kafka import Kafka


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """A real Kafka."""
    with Kafka() as it:
        yield it
