"""Records that must not go out as they are: their letter goes in their place."""

from functools import partial

from delivery.broker import FaultyBroker
from delivery.conftest import TOPIC, Said, record
from shipper.contract.record import UNNUMBERED, EncodedRecord
from shipper.delivery import Backpressure, KafkaSink, Options, Start, TopicReader
from shipper.delivery.errors import OTHER_FORM

DEAD = "http.header.dead.v1"


def letter(refused: EncodedRecord, reason: str, said: str) -> EncodedRecord:
    """A letter that says what it was told."""
    value = f"{reason}: {said}".encode()
    return refused._replace(topic=DEAD, value=value, sequence=UNNUMBERED)


def values(broker: FaultyBroker, topic: str) -> list[bytes]:
    """What is on a topic."""
    settings = {"bootstrap.servers": broker.bootstrap}
    with TopicReader(settings, topic, log=lambda *_: None, start=Start.BEGINNING) as reader:
        return sorted(message.value for message in reader.until_end())


def test_the_letter_goes_in_its_place(broker: FaultyBroker, said: Said) -> None:
    """The record's topic gets nothing of it; it is settled, counted and said with the reason."""
    broker.create_topic(DEAD)
    settled: list[str | None] = []
    settings = {"bootstrap.servers": broker.bootstrap}
    sink = KafkaSink(settings, log=said, options=Options(bury=letter))
    sink.bury(record(1), OTHER_FORM, "it is Avro", settled.append)
    assert sink.flush(10) == 0
    sink.close()
    assert values(broker, DEAD) == [b"other_form: it is Avro"]
    assert values(broker, TOPIC) == []
    assert settled == ["other_form"]
    assert sink.counters.dead_lettered == {"other_form": 1}
    assert sink.counters.unsettled == 0
    (line,) = said.loud()
    assert "(it is Avro)" in line
    assert line.endswith("it becomes a dead letter")


def test_without_letters_it_has_failed(broker: FaultyBroker, said: Said) -> None:
    """It does not go out all the same, and is not kept for ever."""
    settled: list[str | None] = []
    sink = KafkaSink({"bootstrap.servers": broker.bootstrap}, log=said)
    sink.bury(record(1), OTHER_FORM, "it is Avro", settled.append)
    assert (sink.in_flight, settled) == (0, ["other_form"])
    sink.close()
    assert sink.counters.failed == {"other_form": 1}
    assert values(broker, TOPIC) == []


def test_what_was_not_taken_leaves_no_trace(broker: FaultyBroker, said: Said) -> None:
    """A letter for which there is no room now says nothing of the record that comes after it."""
    broker.create_topic(DEAD)
    settings = {"bootstrap.servers": broker.bootstrap, "queue.buffering.max.messages": 1}
    sink = KafkaSink(settings, log=said, options=Options(bury=letter))
    _taken(sink, record(1))
    broker.down()
    for refused in (partial(sink.submit, letter(record(2), "invalid", "")), partial(_bury, sink)):
        try:
            refused()
        except Backpressure:
            continue
        raise AssertionError("there was room")
    broker.up()
    assert sink.flush(20) == 0
    _taken(sink, record(3))
    assert sink.flush(20) == 0
    sink.close()
    assert sink.counters.acknowledged == 2
    assert not sink.counters.dead_lettered


def _bury(sink: KafkaSink) -> None:
    sink.bury(record(2), OTHER_FORM, "it is Avro", lambda _: None)


def _taken(sink: KafkaSink, one: EncodedRecord) -> None:
    while True:
        try:
            sink.submit(one)
        except Backpressure:
            sink.poll(0.05)
        else:
            return
