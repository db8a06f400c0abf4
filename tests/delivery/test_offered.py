"""What no record waits for: accounts, and letters about what never was a record."""

import time

from shipper.contract.record import UNNUMBERED, EncodedRecord
from shipper.delivery import KafkaSink, Options

from .broker import PRODUCE, FaultyBroker
from .conftest import Said, record

LEDGER = "http.header.ledger.v1"
UNKNOWN_TOPIC = 3
FORBIDDEN = 29


def account(topic: str = LEDGER) -> EncodedRecord:
    """A message that is no record."""
    return record(0, topic)._replace(sequence=UNNUMBERED)


def sink(broker: FaultyBroker, said: Said, options: Options | None = None) -> KafkaSink:
    """A sink that knows early that a topic is missing."""
    settings = {
        "bootstrap.servers": broker.bootstrap,
        "topic.metadata.propagation.max.ms": 100,
        "linger.ms": 1,
    }
    return KafkaSink(settings, log=said, options=options or Options())


def test_a_missing_ledger_topic_holds_no_record_up(broker: FaultyBroker, said: Said) -> None:
    """The account fails with the reason and is said; records go on at once."""
    broker.topic_error(LEDGER, UNKNOWN_TOPIC)
    kafka = sink(broker, said)
    reasons: list[str | None] = []
    kafka.submit(record(1))
    kafka.offer(account(), reasons.append)
    end = time.monotonic() + 20
    while not reasons and time.monotonic() < end:
        kafka.poll(0.05)
    assert reasons == ["unknown_topic"]
    kafka.submit(record(2))  # no Backpressure
    assert kafka.flush(10) == 0
    assert kafka.counters.acknowledged == 2
    assert kafka.counters.failed == {"unknown_topic": 1}
    assert any(LEDGER in line for line in said.loud())
    kafka.close()


def test_an_account_that_is_refused_is_let_go(broker: FaultyBroker, said: Said) -> None:
    """No right: said, counted, and not tried again."""
    broker.create_topic(LEDGER)
    kafka = sink(broker, said)
    reasons: list[str | None] = []
    broker.answer(PRODUCE, FORBIDDEN)
    kafka.offer(account(), reasons.append)
    assert kafka.flush(10) == 0
    assert reasons == ["topic_authorization"]
    kafka.submit(record(1))
    assert kafka.flush(10) == 0
    assert kafka.counters.acknowledged == 1
    kafka.close()


def test_a_letter_of_its_own_goes_to_the_file_where_there_is_no_dead_topic(
    broker: FaultyBroker, said: Said
) -> None:
    """A document that never validated is kept, and records don't wait for that."""
    dead = "http.header.dead.v1"
    broker.topic_error(dead, UNKNOWN_TOPIC)
    kept: list[EncodedRecord] = []

    def keep(letter: EncodedRecord, _why: str) -> bool:
        kept.append(letter)
        return True

    kafka = sink(broker, said, Options(keep=keep))
    reasons: list[str | None] = []
    kafka.submit(account(dead), reasons.append)
    kafka.submit(record(1))
    end = time.monotonic() + 20
    while kafka.in_flight and time.monotonic() < end:
        kafka.poll(0.05)
    assert [letter.topic for letter in kept] == [dead]
    assert reasons == ["invalid"]
    assert kafka.counters.dead_lettered == {"invalid": 1}
    assert kafka.counters.acknowledged == 1
    kafka.close()


def test_a_letter_of_its_own_is_acknowledged_as_a_letter(broker: FaultyBroker, said: Said) -> None:
    """It counts as dead-lettered, not as a record that arrived."""
    broker.create_topic("http.header.dead.v1")
    kafka = sink(broker, said)
    reasons: list[str | None] = []
    kafka.submit(account("http.header.dead.v1"), reasons.append)
    assert kafka.flush(10) == 0
    assert reasons == ["invalid"]
    assert kafka.counters.dead_lettered == {"invalid": 1}
    kafka.close()
