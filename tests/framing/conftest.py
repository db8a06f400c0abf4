"""A broker that lives as long as the tests of this folder."""

from collections.abc import Iterator

import pytest
from brokers.kafka import Kafka


@pytest.fixture(scope="package")
def kafka() -> Iterator[Kafka]:
    """One broker."""
    with Kafka() as it:
        yield it
