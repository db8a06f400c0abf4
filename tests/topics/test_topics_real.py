"""`shipper topics` against a real Kafka with log-in and ACLs: make, check, and what rights give."""

import json
import time
from collections.abc import Iterator, Mapping

import pytest
from brokers.kafka import Kafka
from brokers.security import scram

from shipper.cli import main
from shipper.contract.record import EncodedRecord
from shipper.delivery import Backpressure, KafkaSink, Start, TopicReader
from shipper.delivery.admin import TopicAdmin
from shipper.delivery.errors import Setting
from shipper.errors import UnavailableError

AGENT, READER = "agent", "reader"
NAMES = (
    "http.header.v1", "http.header.ledger.v1", "http.header.dead.v1", "http.header.alerts.v1",
)  # fmt: skip


@pytest.fixture(scope="module")
def kafka() -> Iterator[Kafka]:
    """A broker that lets in two users, who may do nothing yet; its inside may do everything."""
    with Kafka(security=scram({AGENT: "a-secret", READER: "r-secret"})) as it:
        yield it


def shipper(settings: Mapping[str, Setting], *arguments: str) -> int:
    """`shipper topics` with these settings of the client; the exit code."""
    pairs = [
        part for name, value in settings.items() for part in ("--set", f"kafka.{name}={value}")
    ]
    return main(["topics", *arguments, *pairs])


def user(kafka: Kafka, name: str) -> dict[str, Setting]:
    """How a user logs in."""
    return {**kafka.client, "sasl.username": name, "sasl.password": f"{name[0]}-secret"}


PRINCIPALS = ("--agent-principal", AGENT, "--reader-principal", READER)


def test_the_topics_are_made_once_and_checked(
    kafka: Kafka, capsys: pytest.CaptureFixture[str]
) -> None:
    """Missing before, as planned after, and a second `create` finds them there."""
    assert shipper(kafka.inside, "check", *PRINCIPALS) == 1
    assert capsys.readouterr().out.count("is not there: run `shipper topics create`") == 4
    for made in (True, False):
        assert shipper(kafka.inside, "create", "--json", *PRINCIPALS) == 0
        done = json.loads(capsys.readouterr().out)["done"]
        assert len(done) == 4 + 3 + 4
        assert {one["created"] for one in done} == {made}
    assert shipper(kafka.inside, "check", *PRINCIPALS) == 0
    assert "as planned" in capsys.readouterr().out
    there = TopicAdmin(kafka.inside).topics(NAMES)
    assert there["http.header.v1"].partitions == 6
    assert there["http.header.dead.v1"].config["max.message.bytes"] == "2100000"
    _what_the_rights_give(kafka)
    _what_was_altered_is_told_and_left(kafka, capsys)


def _what_the_rights_give(kafka: Kafka) -> None:
    """The agent writes its three topics, the reader reads all and writes none."""
    agent, reader = user(kafka, AGENT), user(kafka, READER)
    assert [_writes(agent, name) for name in NAMES] == [True, True, True, False]
    assert [_writes(reader, name) for name in NAMES] == [False] * 4
    assert [_reads(reader, name) for name in NAMES] == [1, 1, 1, 0]
    for name in NAMES:
        with pytest.raises(UnavailableError):
            _reads(agent, name)


def _writes(settings: Mapping[str, Setting], topic: str) -> bool:
    """Whether Kafka takes a record of this user within a few seconds."""
    sink = KafkaSink({**settings, "linger.ms": 0}, log=lambda _level, _line: None)
    now = time.time_ns() // 1_000_000
    deadline = time.monotonic() + 4.0
    while time.monotonic() < deadline:
        try:
            sink.submit(EncodedRecord(topic, b"k", b"{}", now, (), b"", 0))
            break
        except Backpressure:
            sink.poll(0.1)
    sink.flush(max(0.0, deadline - time.monotonic()))
    taken = sink.counters.acknowledged
    sink.close()
    return taken == 1


def _reads(settings: Mapping[str, Setting], topic: str) -> int:
    with TopicReader(
        settings, topic, log=lambda _level, _line: None, start=Start.BEGINNING, timeout_s=3.0
    ) as reader:
        return len(list(reader.until_end(5.0)))


def _what_was_altered_is_told_and_left(kafka: Kafka, capsys: pytest.CaptureFixture[str]) -> None:
    """`create` changes nothing that is there."""
    kafka.alter_topic("http.header.v1", retention_ms=1000)
    assert shipper(kafka.inside, "create") == 0
    capsys.readouterr()
    assert shipper(kafka.inside, "check", "--json") == 1
    (found,) = json.loads(capsys.readouterr().out)["differences"]
    assert found["said"].startswith("retention.ms is 1000")


def test_a_user_without_rights_is_told_so(kafka: Kafka, capsys: pytest.CaptureFixture[str]) -> None:
    """One line with what to do, and 69; nothing is made."""
    assert shipper(user(kafka, AGENT), "create", "--topic", "other.v1") == 69
    said = capsys.readouterr().err
    assert "may not" in said
    assert "topics plan --commands" in said
    assert "other.v1" not in TopicAdmin(kafka.inside).topics(["other.v1"])
