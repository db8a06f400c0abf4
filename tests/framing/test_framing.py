"""What stands around a record, byte by byte, and what becomes of one that can't have it yet."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.schema_registry import (
    header_schema_id_serializer,
    prefix_schema_id_serializer,
)
from confluent_kafka.schema_registry.serde import SchemaId as ClientsSchemaId
from confluent_kafka.serialization import MessageField, SerializationContext
from hypothesis import given
from hypothesis import strategies as st

from shipper.contract.record import EncodedRecord
from shipper.delivery import (
    Backpressure,
    Framing,
    KafkaSink,
    MockBroker,
    Options,
    Received,
    SchemaId,
    SchemaName,
    Start,
    TopicReader,
)
from shipper.delivery.framing import Kind

from .delivering import Delivering, configured, golden

TOPIC = "framed.v1"
HEADERS = (
    ("content-type", b"application/json"),
    ("schema-name", b"http.header.v1"),
    ("schema-version", b"1.0"),
)
NAME = SchemaName("http.header.v1", "1.0", "application/json")

ClientsHeader = tuple[str, str | bytes | None]


def record(number: int = 0, topic: str = TOPIC, value: bytes = b"{}") -> EncodedRecord:
    """A record as the record room hands it over."""
    return EncodedRecord(topic, b"key-%d" % number, value, 1_767_225_600_000, HEADERS, b"c", number)


def as_the_client(kind: Kind, value: bytes, known: SchemaId) -> tuple[bytes, list[ClientsHeader]]:
    """Value and headers as confluent-kafka's own serializers make them."""
    guid = None if known.guid is None else str(uuid.UUID(bytes=known.guid))
    schema_id = ClientsSchemaId("JSON", known.number, guid)
    headers: list[ClientsHeader] = list(HEADERS)
    context = SerializationContext(TOPIC, MessageField.VALUE, headers)
    write = {"confluent": prefix_schema_id_serializer, "guid": header_schema_id_serializer}[kind]
    return write(value, context, schema_id), headers


@pytest.mark.parametrize("kind", ["confluent", "guid"])
@given(number=st.integers(0, 2**31 - 1), guid=st.uuids(), value=st.binary(max_size=64))
def test_as_the_client_writes_it(kind: Kind, number: int, guid: uuid.UUID, value: bytes) -> None:
    """Any id, any GUID, any value: the bytes are those of confluent-kafka's own serializer."""
    known = SchemaId(number, guid.bytes)
    framed = Framing(kind, TOPIC, lambda _: known)(record(value=value))
    assert (framed.value, list(framed.headers)) == as_the_client(kind, value, known)
    assert framed._replace(value=value, headers=HEADERS) == record(value=value)


@pytest.mark.parametrize("kind", ["confluent", "guid"])
def test_the_records_topic_alone(kind: Kind) -> None:
    """What goes to another topic, as an account or a letter, is not touched, nor asked about."""
    asked: list[SchemaName] = []
    framing = Framing(kind, TOPIC, asked.append)
    for topic in ("http.header.v1", "http.header.ledger.v1", "http.header.dead.v1"):
        assert framing(record(topic=topic)) is not None
        assert framing(record(topic=topic)) == record(topic=topic)
    assert not asked


def test_a_record_names_its_schema() -> None:
    """By its text headers; a mark that was put on later, as of another time, changes nothing."""
    ids = {NAME: SchemaId(7), NAME._replace(version="1.1"): SchemaId(8)}
    framing = Framing("confluent", TOPIC, ids.get)
    marked = (*HEADERS, ("timestamp-replaced", b"true"))
    later = (*HEADERS[:2], ("schema-version", b"1.1"))
    for headers, number in ((HEADERS, 7), (marked, 7), (later, 8), (HEADERS, 7)):
        assert framing(record()._replace(headers=headers)).value == b"\0\0\0\0%c{}" % number


@pytest.mark.parametrize(("kind", "known"), [("confluent", None), ("guid", None), ("guid", 7)])
def test_not_yet(kind: Kind, known: int | None) -> None:
    """Without an id, and for `guid` without a GUID, nothing goes out: it is a full queue."""
    found = None if known is None else SchemaId(known)
    with pytest.raises(BufferError):
        Framing(kind, TOPIC, lambda _: found)(record())


@pytest.fixture
def broker() -> Iterator[MockBroker]:
    """A broker with the topics of records and accounts."""
    with MockBroker() as it:
        it.create_topic(TOPIC)
        it.create_topic("http.header.ledger.v1")
        yield it


def read(broker: MockBroker, topic: str) -> list[Received]:
    """What is on a topic."""
    settings = {"bootstrap.servers": broker.bootstrap}
    with TopicReader(settings, topic, log=lambda *_: None, start=Start.BEGINNING) as reader:
        return list(reader.until_end())


def test_further_headers_only_when_told(broker: MockBroker, tmp_path: Path) -> None:
    """The Splunk sink would take some of them for HEC's fields: by default there are none."""
    for told in ("", "splunk.header.index=web"):
        where = {"kafka__topic": TOPIC, "record__message_headers": told}
        with Delivering(configured(tmp_path, broker.bootstrap, "", **where)) as agent:
            agent.submit(*golden("1.0")[:1])
            agent.delivered()
    found = [message.headers for message in read(broker, TOPIC)]
    by_default, with_more = sorted(found, key=len)  # they may lie in two partitions
    assert by_default == HEADERS
    assert with_more == (*HEADERS, ("splunk.header.index", b"web"))


def test_the_sink_waits_for_the_id(broker: MockBroker) -> None:
    """No id: the sink takes nothing, and loses nothing; with it the same records go, framed.

    An account beside them goes all the while, as it is.
    """
    ids: dict[SchemaName, SchemaId] = {}
    options = Options(framing=Framing("confluent", TOPIC, ids.get))
    sink = KafkaSink({"bootstrap.servers": broker.bootstrap}, log=lambda *_: None, options=options)
    settled: list[str | None] = []
    try:
        while True:  # the first answers are about partitions
            with pytest.raises(Backpressure):
                sink.submit(record(1))
            sink.poll(0.05)
            if sink.counters.refused > 3:
                break
        account = record(-1, "http.header.ledger.v1", b"[]")
        sink.offer(account, settled.append)
        assert sink.flush(10) == 0
        assert settled == [None]
        ids[NAME] = SchemaId(258)
        for number in (1, 2):
            sink.submit(record(number), settled.append)
        assert sink.flush(10) == 0
    finally:
        sink.close()
    assert settled == [None] * 3
    assert [(m.key, m.value) for m in read(broker, TOPIC)] == [
        (b"key-1", b"\0\0\0\x01\x02{}"),
        (b"key-2", b"\0\0\0\x01\x02{}"),
    ]
    assert [m.value for m in read(broker, "http.header.ledger.v1")] == [b"[]"]
