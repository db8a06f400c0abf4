"""Which partition a record goes to."""

import contextlib
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.contract.record import UNNUMBERED, EncodedRecord
from shipper.delivery.kafka import KafkaSink
from shipper.delivery.options import Options, PartitionBy
from shipper.delivery.partition import Partitions, PartitionUnknown, _KeyHash, murmur2
from shipper.delivery.sink import Backpressure

from .broker import FaultyBroker
from .conftest import Said, record
from .test_kafka import PATIENCE_S, read_all, submit


# Kafka's own: org.apache.kafka.common.utils.UtilsTest.testMurmur2
@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_hash_is_that_of_the_java_client(data: bytes, value: int) -> None:
    """Signed there, unsigned here."""
    assert murmur2(data) == value % (1 << 32)


@given(st.lists(st.binary(max_size=30), max_size=5), st.binary(max_size=40))
def test_the_shorter_way_has_the_same_hash(ends: list[bytes], begin: bytes) -> None:
    """Keys with one beginning, one after the other, of any length."""
    quick = _KeyHash()
    for end in ends:
        assert quick(begin + end) == murmur2(begin + end)


def placed(broker: FaultyBroker, said: Said, by: PartitionBy) -> dict[bytes, int]:
    """Where 400 records of 20 connections went, by key."""
    broker.create_topic("spread", 4)
    options = Options(partition_by=by)
    sink = KafkaSink({"bootstrap.servers": broker.bootstrap}, log=said, options=options)
    for number in range(400):
        key = b"connection %d" % (number % 20)
        submit(sink, record(number, "spread")._replace(partition_key=key))
    assert sink.flush(PATIENCE_S) == 0
    sink.close()
    return {message.key: message.partition for message in read_all(broker, said, "spread")}


def test_by_id_is_by_key(broker: FaultyBroker, said: Said) -> None:
    """Who joins by the key finds it where Java's client would have put it."""
    for key, partition in placed(broker, said, "id").items():
        assert partition == (murmur2(key) & 0x7FFFFFFF) % 4


def test_by_connection_keeps_one_together(broker: FaultyBroker, said: Said) -> None:
    """All records of a connection in one partition, the connections spread."""
    found = placed(broker, said, "connection")
    for number in range(20):
        mine = {found[record(n).key] for n in range(number, 400, 20)}
        assert mine == {(murmur2(b"connection %d" % number) & 0x7FFFFFFF) % 4}
    assert len(set(found.values())) == 4


def test_by_none_stays_for_a_while() -> None:
    """One partition for a second, then the one that chance picks."""
    now, picks = [0.0], iter([3, 1, 2])
    with FaultyBroker() as broker:
        broker.create_topic("t", 4)
        sink = KafkaSink({"bootstrap.servers": broker.bootstrap}, log=Said())
        producer = sink._client.producer
        places = Partitions("none", clock=lambda: now[0], chance=lambda _: next(picks))
        with pytest.raises(PartitionUnknown):
            places.of(record(0, "t"))
        while places.ask(producer, "t") is not None:
            pass
        found: Counter[int] = Counter()
        for step in range(30):
            now[0] = step / 10
            places.turn(producer)
            found[places.of(record(step, "t"))] += 1
        sink.close()
    assert found == {3: 10, 1: 10, 2: 10}


def test_what_is_no_record_waits_for_no_count(broker: FaultyBroker, said: Said) -> None:
    """An account or a letter to a topic nobody has asked for goes where its key says."""
    broker.create_topic("ledger", 4)
    sink = KafkaSink({"bootstrap.servers": broker.bootstrap}, log=said)
    account = EncodedRecord("ledger", b"the key", b"{}", 1, (), b"", UNNUMBERED)
    sink.submit(account)
    assert sink.flush(PATIENCE_S) == 0
    sink.close()
    (found,) = read_all(broker, said, "ledger")
    assert found.partition == (murmur2(b"the key") & 0x7FFFFFFF) % 4


def test_a_slow_way_to_the_broker_only_delays(broker: FaultyBroker, said: Said) -> None:
    """An answer that takes longer than one question may hold the worker up is still an answer."""
    broker.slow(600)
    sink = KafkaSink({"bootstrap.servers": broker.bootstrap}, log=said)
    end = time.monotonic() + 30
    while sink.counters.submitted < 1 and time.monotonic() < end:
        with contextlib.suppress(Backpressure):
            sink.submit(record(1))
        sink.poll(0.05)
    assert sink.flush(30) == 0
    assert sink.counters.acknowledged == 1
    sink.close()
