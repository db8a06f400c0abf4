"""Reader, check and in-process broker."""

import pytest

from shipper.delivery.check import check_kafka
from shipper.delivery.consume import Start, TopicReader
from shipper.delivery.kafka import KafkaSink
from shipper.delivery.lines import Lines
from shipper.delivery.mock import MockBroker
from shipper.errors import UnavailableError

from .broker import FaultyBroker
from .conftest import TOPIC, Said, record

NOBODY = "127.0.0.1:9"


def publish(bootstrap: str, said: Said, *numbers: int) -> None:
    """Send some records."""
    sink = KafkaSink({"bootstrap.servers": bootstrap}, log=said)
    for number in numbers:
        sink.submit(record(number))
    assert sink.flush(10) == 0
    sink.close()


def test_follow_from_the_end_sees_only_what_comes(broker: FaultyBroker, said: Said) -> None:
    """What was there before is passed over; nothing after the construction is missed."""
    settings = {"bootstrap.servers": broker.bootstrap}
    publish(broker.bootstrap, said, 1, 2)
    with TopicReader(settings, TOPIC, log=said, start=Start.END) as reader:
        publish(broker.bootstrap, said, 3)
        got = next(message for message in reader.follow() if message is not None)
        assert got.key == record(3).key


def test_until_end_of_an_empty_topic(broker: FaultyBroker, said: Said) -> None:
    """Ends without a message."""
    settings = {"bootstrap.servers": broker.bootstrap}
    with TopicReader(settings, TOPIC, log=said, start=Start.BEGINNING) as reader:
        assert list(reader.until_end()) == []


def test_reader_without_broker_is_one_line(said: Said) -> None:
    """The cause and what to check."""
    with pytest.raises(UnavailableError) as error:
        TopicReader({"bootstrap.servers": NOBODY}, TOPIC, log=said, timeout_s=1)
    assert str(error.value) == (
        f"the connection to a Kafka broker failed ({NOBODY}/bootstrap: Connect to ipv4#{NOBODY} "
        "failed: Connection refused): check kafka.bootstrap.servers and the network"
    )


def test_reader_without_topic_is_one_line(broker: FaultyBroker, said: Said) -> None:
    """Asking does not create it."""
    with pytest.raises(UnavailableError) as error:
        TopicReader({"bootstrap.servers": broker.bootstrap}, "none", log=said, timeout_s=0.5)
    assert str(error.value) == (
        "the topic none is not there, or this user may not see it: "
        "create it, or grant DESCRIBE and READ on it"
    )


def test_check_finds_broker_and_topic(broker: FaultyBroker) -> None:
    """All is well."""
    found = check_kafka({"bootstrap.servers": broker.bootstrap}, TOPIC)
    assert found.broker.brokers == (broker.bootstrap,)
    topic = found.topics[TOPIC]
    assert (topic.there, topic.partitions, found.line) == (True, 1, "")


def test_check_without_topic(broker: FaultyBroker) -> None:
    """The broker is fine, the topic is not, and asking twice does not make it."""
    for _ in range(2):
        found = check_kafka({"bootstrap.servers": broker.bootstrap}, "none")
        assert found.broker.reachable
        assert found.line == (
            "the topic none is not there, or this user may not see it: "
            "make it (shipper topics create), or grant DESCRIBE and WRITE on it"
        )


def test_check_without_broker() -> None:
    """One line with the cause."""
    found = check_kafka({"bootstrap.servers": NOBODY}, TOPIC, timeout_s=1)
    assert not found.broker.reachable
    assert found.line == (
        f"the connection to a Kafka broker failed ({NOBODY}/bootstrap: Connect to ipv4#{NOBODY} "
        "failed: Connection refused): check kafka.bootstrap.servers and the network"
    )


def test_mock_broker_serves_a_whole_round(said: Said) -> None:
    """What the demo does: publish, then read to the end."""
    with MockBroker() as mock:
        assert mock.create_topic(TOPIC) > 0
        publish(mock.bootstrap, said, *range(20))
        settings = {"bootstrap.servers": mock.bootstrap}
        with TopicReader(settings, TOPIC, log=said, start=Start.BEGINNING) as reader:
            assert {m.key for m in reader.until_end()} == {record(n).key for n in range(20)}


def test_lines_are_rate_limited(said: Said) -> None:
    """The first at once, then one per interval with the number of those held back."""
    now = [0.0]
    lines = Lines(said, every_s=10, clock=lambda: now[0])
    for _ in range(3):
        lines.say(30, "a", "fault")
    lines.say(30, "b", "other fault")
    now[0] = 11
    lines.say(30, "a", "fault")
    assert said.loud() == ["fault", "other fault", "fault (2 more like this since)"]
