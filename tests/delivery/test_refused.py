"""What becomes of records that Kafka refuses, by every error it has for that."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from shipper.contract.record import UNNUMBERED, EncodedRecord
from shipper.delivery import recovery
from shipper.delivery.dead_file import DeadFile
from shipper.delivery.errors import Setting  # noqa: TC001
from shipper.delivery.guilty import NO_TIME, RETIMED
from shipper.delivery.kafka import KafkaSink
from shipper.delivery.options import Options

from .broker import PRODUCE, FaultyBroker
from .conftest import Said, record
from .test_kafka import PATIENCE_S, adds_up, read_all, submit

DEAD = "http.header.dead.v1"
RETRIED = [3, 5, 6, 7, 19, 20, 45, 47, 56]
OPERATORS = [29, 72, 89]
REFUSALS = [10, 18, 32, 44, 87]


def bury(refused: EncodedRecord, reason: str, said: str) -> EncodedRecord:
    """A letter that names its record, the reason and what Kafka said."""
    value = b"|".join([refused.value, reason.encode(), said.encode()])
    return EncodedRecord(DEAD, refused.key, value, refused.timestamp_ms, (), b"", UNNUMBERED)


def shorten(refused: EncodedRecord, limit: int) -> EncodedRecord:
    """The first bytes."""
    return refused._replace(value=refused.value[:limit])


@dataclass
class Fates:
    """Who was told what."""

    told: dict[int, list[str | None]] = field(default_factory=dict)

    def of(self, number: int) -> Callable[[str | None], None]:
        """What `submit` is given."""
        return self.told.setdefault(number, []).append


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for an operator waits shorter than it would."""
    monkeypatch.setattr(recovery, "PAUSE_S", 0.1)


def batch(
    broker: FaultyBroker, said: Said, *codes: int, options: Options, count: int = 4
) -> tuple[KafkaSink, Fates]:
    """One batch sent to a broker that gives these answers, then takes everything."""
    settings: dict[str, Setting] = {"bootstrap.servers": broker.bootstrap, "linger.ms": 100}
    sink, fates = KafkaSink(settings, log=said, options=options), Fates()
    submit(sink, record(99))
    assert sink.flush(PATIENCE_S) == 0
    broker.answer(PRODUCE, *codes)
    for number in range(count):
        sink.submit(record(number), fates.of(number))
    assert sink.flush(PATIENCE_S) == 0
    assert adds_up(sink)
    sink.close()
    return sink, fates


def numbers(broker: FaultyBroker, said: Said) -> list[bytes]:
    """The keys on the data topic, without the first, which came before the fault."""
    return [message.key for message in read_all(broker, said)][1:]


@pytest.mark.parametrize("code", [*RETRIED, *OPERATORS, *REFUSALS, 2, -138])
def test_an_error_of_a_batch_is_nobodys(broker: FaultyBroker, said: Said, code: int) -> None:
    """Whatever the error: all are sent again, in order, none twice, each told once."""
    sink, fates = batch(broker, said, code, options=Options(bury=bury, shorten=shorten))
    assert numbers(broker, said) == [record(n).key for n in range(4)]
    assert fates.told == {n: [None] for n in range(4)}
    assert sink.counters.acknowledged == 5
    assert not sink.counters.dead_lettered
    assert (sink.counters.shortened, sink.counters.retimed) == (0, 0)


@pytest.mark.parametrize(
    ("code", "reason"),
    [(10, "too_large"), (18, "too_large"), (44, "policy"), (87, "record_refused")],
)
def test_only_the_guilty_one_becomes_a_letter(
    broker: FaultyBroker, said: Said, code: int, reason: str
) -> None:
    """The batch, the four, the two and then the first alone are refused."""
    broker.create_topic(DEAD)
    sink, fates = batch(broker, said, *[code] * 4, options=Options(bury=bury))
    assert numbers(broker, said) == [record(n).key for n in range(1, 4)]
    assert fates.told == {0: [reason], 1: [None], 2: [None], 3: [None]}
    assert sink.counters.dead_lettered == {reason: 1}
    (letter,) = read_all(broker, said, DEAD)
    assert letter.key == record(0).key
    assert letter.value.startswith(record(0).value + b"|" + reason.encode() + b"|Broker: ")
    (line,) = said.loud()
    assert line.endswith("; it becomes a dead letter")


def test_a_record_too_large_is_shortened_first(broker: FaultyBroker, said: Said) -> None:
    """To a half, a quarter, until it is taken; it counts as acknowledged and shortened."""
    sink = KafkaSink(
        {"bootstrap.servers": broker.bootstrap},
        log=said,
        options=Options(bury=bury, shorten=shorten),
    )
    fates = Fates()
    large = record(0)._replace(value=b"x" * 3_000_000)
    submit(sink, record(99))
    assert sink.flush(PATIENCE_S) == 0
    broker.answer(PRODUCE, 10)
    sink.submit(large, fates.of(0))
    assert sink.flush(PATIENCE_S) == 0
    sink.close()
    assert fates.told == {0: [None]}
    assert (sink.counters.acknowledged, sink.counters.shortened) == (2, 1)
    # 1,500,000 is more than the client takes, 750,000 was refused by the broker.
    assert len(read_all(broker, said)[1].value) == 375_000
    assert "it is sent shortened" in said.loud()[0]


def test_a_record_that_is_always_too_large_ends_as_a_letter(
    broker: FaultyBroker, said: Said
) -> None:
    """Tries end at 4 KiB, and the letter has the record as it was."""
    broker.create_topic(DEAD)
    sink = KafkaSink(
        {"bootstrap.servers": broker.bootstrap},
        log=said,
        options=Options(bury=bury, shorten=shorten),
    )
    fates = Fates()
    large = record(0)._replace(value=b"x" * 20_000)
    submit(sink, record(99))
    assert sink.flush(PATIENCE_S) == 0
    broker.answer(PRODUCE, *[10] * 4)  # 20,000, 10,000, 5,000 and 4,096 bytes
    sink.submit(large, fates.of(0))
    assert sink.flush(PATIENCE_S) == 0
    sink.close()
    assert fates.told == {0: ["too_large"]}
    assert sink.counters.shortened == 0
    assert read_all(broker, said, DEAD)[0].value.startswith(large.value + b"|too_large")


def test_a_refused_time_becomes_the_present(broker: FaultyBroker, said: Said) -> None:
    """Of the guilty one alone; the others keep theirs. It is marked, counted and said."""
    before = int(time.time() * 1000)
    sink, fates = batch(broker, said, *[32] * 4, options=Options(bury=bury))
    assert fates.told == {n: [None] for n in range(4)}
    assert (sink.counters.acknowledged, sink.counters.retimed) == (5, 1)
    found = {message.key: message for message in read_all(broker, said)}
    assert before <= found[record(0).key].timestamp_ms <= int(time.time() * 1000)
    assert RETIMED in found[record(0).key].headers
    for number in range(1, 4):
        assert found[record(number).key].timestamp_ms == record(number).timestamp_ms
        assert RETIMED not in found[record(number).key].headers
    (line,) = said.loud()
    assert line.startswith("Kafka refuses a record's time (Broker: Invalid timestamp): check")
    assert line.endswith("; it is sent with the present time")


def test_a_refused_present_is_a_wrong_clock(broker: FaultyBroker, said: Said) -> None:
    """Then this record and all others go without a time, marked, until the clock may be right."""
    sink, fates = batch(broker, said, *[32] * 5, options=Options(bury=bury))
    assert fates.told == {n: [None] for n in range(4)}
    assert (sink.counters.acknowledged, sink.counters.retimed) == (5, 4)
    for message in read_all(broker, said)[1:]:
        assert message.timestamp_ms == NO_TIME
        assert RETIMED in message.headers
    assert [line for line in said.loud() if "clock" in line and "set it" in line]


@pytest.mark.parametrize("code", [3, 29])
def test_letters_that_kafka_does_not_take_go_to_the_file(
    broker: FaultyBroker, said: Said, tmp_path: Path, code: int
) -> None:
    """A dead topic that is missing or forbidden holds nobody up: said once, kept, counted."""
    broker.topic_error(DEAD, code)
    file = DeadFile(tmp_path / "dead.jsonl")
    began = time.monotonic()
    options = Options(bury=bury, keep=file.keep)
    # Two guilty ones: the first of each half of the four.
    answers = [44, 44, 44, 44]
    sink, fates = batch(broker, said, *answers, options=options)
    assert time.monotonic() - began < 5
    assert fates.told == {0: ["policy"], 1: [None], 2: [None], 3: [None]}
    assert sink.counters.dead_lettered == {"policy": 1}
    (kept,) = file.read()
    assert kept.letter.topic == DEAD
    assert kept.letter.key == record(0).key
    assert not sink.troubles
    assert [line for line in said.loud() if line.startswith(f"the dead topic {DEAD} can't be")]


def test_a_refused_letter_goes_to_the_file(
    broker: FaultyBroker, said: Said, tmp_path: Path
) -> None:
    """Such as one that is too large for the dead topic."""
    broker.create_topic(DEAD)
    file = DeadFile(tmp_path / "dead.jsonl")
    options = Options(bury=bury, keep=file.keep)
    sink, fates = batch(broker, said, 44, 10, options=options, count=1)
    assert fates.told == {0: ["policy"]}
    assert sink.counters.dead_lettered == {"policy": 1}
    assert [kept.letter.key for kept in file.read()] == [record(0).key]


def test_a_letter_waits_for_a_file_that_takes_nothing(broker: FaultyBroker, said: Said) -> None:
    """The record stays open, others go on, and it is settled when the file takes it."""
    broker.topic_error(DEAD, 3)
    full, kept = [True], []

    def keep(letter: EncodedRecord, why: str) -> bool:
        if full[0]:
            raise OSError(28, "No space left on device")
        kept.append((letter.key, why))
        return True

    options, fates = Options(bury=bury, keep=keep), Fates()
    sink = KafkaSink({"bootstrap.servers": broker.bootstrap}, log=said, options=options)
    submit(sink, record(99))
    assert sink.flush(PATIENCE_S) == 0
    broker.answer(PRODUCE, 44)
    sink.submit(record(0), fates.of(0))
    assert sink.flush(1) == 1
    submit(sink, record(1))
    assert sink.flush(1) == 1  # the second is acknowledged, the first waits
    assert sink.counters.acknowledged == 2
    assert fates.told == {0: []}
    full[0] = False
    assert sink.flush(PATIENCE_S) == 0
    assert fates.told == {0: ["policy"]}
    assert [key for key, _ in kept] == [record(0).key]
    assert sink.counters.dead_lettered == {"policy": 1}
    assert adds_up(sink)
    assert [line for line in said.loud() if "can't be written (No space left" in line]
    sink.close()


def test_a_letter_for_a_full_file_is_counted_as_failed(broker: FaultyBroker, said: Said) -> None:
    """It stands nowhere, so it is no dead letter."""
    broker.topic_error(DEAD, 3)
    options = Options(bury=bury, keep=lambda _letter, _why: False)
    sink, fates = batch(broker, said, 44, options=options, count=1)
    assert fates.told == {0: ["policy"]}
    assert (sink.counters.dead_lettered, sink.counters.failed) == ({}, {"policy": 1})


def test_only_what_is_on_its_way_overtakes_a_refused_batch(
    broker: FaultyBroker, said: Said
) -> None:
    """What was not sent yet is asked back, and follows the batch that is sent again."""
    settings: dict[str, Setting] = {
        "bootstrap.servers": broker.bootstrap,
        "batch.num.messages": 10,
        "max.in.flight.requests.per.connection": 1,
    }
    sink = KafkaSink(settings, log=said, options=Options(bury=bury))
    submit(sink, record(999))
    assert sink.flush(PATIENCE_S) == 0
    broker.slow(100)
    broker.answer(PRODUCE, 87)
    for number in range(200):
        sink.submit(record(number))
    while sink.counters.resent == 0:
        sink.poll(0.01)
    broker.slow(0)
    assert sink.flush(PATIENCE_S) == 0
    sink.close()
    found = [int(message.key.removeprefix(b"key-")) for message in read_all(broker, said)][1:]
    overtook = found[: found.index(0)]
    assert overtook == list(range(10, 10 + len(overtook)))
    assert len(overtook) <= 20
    assert found[len(overtook) :] == sorted(set(range(200)) - set(overtook))
