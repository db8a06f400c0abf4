"""A broker in this process, for the demo and the tests: librdkafka's mock cluster.

It listens on a port of its own on loopback and speaks the real protocol, without TLS and SASL;
what it keeps is in memory. A topic comes into being when it is first asked for.
"""

from confluent_kafka import KafkaException, Producer

from shipper.closing import Closing
from shipper.delivery.clientlog import client_logger
from shipper.errors import UnavailableError

_START_S = 10.0


class MockBroker(Closing):
    """One broker, from construction to `close`; `bootstrap` is its host:port."""

    def __init__(self) -> None:
        # The cluster lives as long as the client that holds it.
        self._holder: Producer | None = Producer(
            {"test.mock.num.brokers": 1, "logger": client_logger(lambda _level, _line: None)}
        )
        try:
            known = self._holder.list_topics(timeout=_START_S).brokers.values()
        except KafkaException as e:
            raise UnavailableError("the in-process Kafka broker does not start", str(e)) from None
        self.bootstrap = ",".join(f"{broker.host}:{broker.port}" for broker in known)

    def create_topic(self, name: str) -> int:
        """Make a topic with the mock's default partitions; how many they are."""
        if self._holder is None:
            raise UnavailableError("the in-process Kafka broker is closed")
        return len(self._holder.list_topics(name, timeout=_START_S).topics[name].partitions)

    def close(self) -> None:
        """End the broker and what it kept."""
        self._holder = None
