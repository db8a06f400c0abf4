"""`shipper audit` over a broker: what it reads, prints and returns."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from agents import FIRST, SECOND, Worker, identity

from shipper.audit.reading import source
from shipper.cli import main
from shipper.contract.record import EncodedRecord
from shipper.delivery import KafkaSink, MockBroker

LEDGER, DEAD, DATA = "http.header.ledger.v1", "http.header.dead.v1", "http.header.v1"


@pytest.fixture
def broker() -> Iterator[MockBroker]:
    """A broker with the topics."""
    with MockBroker() as it:
        for topic in (LEDGER, DEAD, DATA):
            it.create_topic(topic)
        yield it


def publish(broker: MockBroker, *messages: EncodedRecord) -> None:
    """Put messages on their topics."""
    sink = KafkaSink({"bootstrap.servers": broker.bootstrap}, log=lambda _level, _line: None)
    for message in messages:
        sink.submit(message)
    assert sink.flush(20) == 0
    sink.close()


def audit(
    broker: MockBroker, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, dict[str, Any]]:
    """Exit code and the JSON object."""
    capsys.readouterr()
    code = main(["audit", "--bootstrap-servers", broker.bootstrap, "--json", *arguments])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, found


def now() -> int:
    """The present in ms."""
    return time.time_ns() // 1_000_000


def test_a_complete_topic(broker: MockBroker, capsys: pytest.CaptureFixture[str]) -> None:
    """Two workers with 3,000 records each, over all partitions; 0, strictly too."""
    begin = now() - 120_000
    for number in (0, 1):
        worker = Worker(identity(worker=number), begin, workers=2)
        publish(broker, *(worker.record(n, begin + n) for n in range(3000)))
        publish(broker, worker.account(begin + 60_000, 3000, state="stopped"))
    code, found = audit(broker, capsys, "--strict")
    assert (code, found["verdict"]) == (0, "complete")
    assert (found["expected"], found["found"], found["duplicates"]) == (6000, 6000, 0)
    assert main(["audit", "--bootstrap-servers", broker.bootstrap]) == 0
    shown = capsys.readouterr().out
    assert "complete: 6000 of 6000 records are in the topic" in shown
    assert "web-1" in shown


def test_records_in_two_topics(broker: MockBroker, capsys: pytest.CaptureFixture[str]) -> None:
    """One worker's records before a change of the topic and after it are complete together."""
    begin, other = now() - 120_000, "another.v1"
    broker.create_topic(other)
    worker = Worker(started=begin)
    publish(broker, *(worker.record(n, begin + n) for n in range(600)))
    later = (worker.record(n, begin + n) for n in range(600, 1000))
    publish(broker, *(record._replace(topic=other) for record in later))
    publish(broker, worker.account(begin + 60_000, 1000, state="stopped"))
    both = ("--topic", other, "--also-topic", DATA)
    for words, code, found in (((), 1, 600), (both[:2], 1, 400), (both, 0, 1000)):
        told = audit(broker, capsys, *words)
        assert (told[0], told[1]["expected"], told[1]["found"]) == (code, 1000, found)


def test_what_is_missing_has_its_reason(
    broker: MockBroker, capsys: pytest.CaptureFixture[str]
) -> None:
    """A letter, a range that the ledger lost, a duplicate; loud, and 1 only where it is strict."""
    begin = now() - 120_000
    worker = Worker(started=begin)
    there = [n for n in range(100) if n not in {5, 10, 11, 12}]
    publish(broker, *(worker.record(n, begin) for n in [*there, 7]), worker.letter(5))
    lost = [{"first": 10, "last": 12, "reason": "spool_full"}]
    publish(broker, worker.account(begin + 60_000, 100, state="stopped", lost=lost))
    code, found = audit(broker, capsys)
    assert (code, found["verdict"]) == (0, "explained")
    assert found["losses"] == {"spool_full": 3, "too_large": 1}
    assert found["duplicates"] == 1
    (reported,) = found["hosts"][0]["incarnations"][0]["workers"]
    assert reported["twice"] == [7]
    assert [(gap["first"], gap["last"], gap["fate"]) for gap in reported["missing"]] == [
        (5, 5, "dead_letter"),
        (10, 12, "lost"),
    ]
    assert audit(broker, capsys, "--strict")[0] == 1
    assert main(["audit", "--bootstrap-servers", broker.bootstrap]) == 0
    shown = capsys.readouterr()
    assert "10 to 12 (3) lost: spool_full" in shown.out
    assert "shipper: counted losses: 3 spool_full, 1 too_large" in shown.err


def test_what_is_missing_without_one_is_1(
    broker: MockBroker, capsys: pytest.CaptureFixture[str]
) -> None:
    """And it is named."""
    begin = now() - 120_000
    worker = Worker(started=begin)
    publish(broker, *(worker.record(n, begin) for n in range(99)))
    publish(broker, worker.account(begin + 60_000, 100, state="stopped"))
    assert main(["audit", "--bootstrap-servers", broker.bootstrap]) == 1
    shown = capsys.readouterr().out
    assert "99 UNEXPLAINED" in shown
    assert "unexplained: 99 of 100 records" in shown


def test_hosts_are_chosen(broker: MockBroker, capsys: pytest.CaptureFixture[str]) -> None:
    """By name and by agent id; the other's gap is not told of."""
    begin = now() - 3_600_000
    whole = Worker(identity(host="web-1"), begin)
    broken = Worker(identity(SECOND, host="db-1"), begin)
    publish(broker, *(whole.record(n, begin) for n in range(20)))
    publish(broker, *(broken.record(n, begin) for n in range(1, 20)))
    publish(
        broker,
        whole.account(begin + 120_000, 20, state="stopped"),
        broken.account(begin + 120_000, 20, state="stopped"),
    )
    assert audit(broker, capsys)[0] == 1
    for chosen in ("web-*", "agent-of-web-1"):
        code, found = audit(broker, capsys, "--host", chosen)
        assert (code, [host["name"] for host in found["hosts"]]) == (0, ["web-1"])
    assert audit(broker, capsys, "--host", "nobody")[1]["hosts"] == []


def test_what_is_no_message_of_ours_is_counted(
    broker: MockBroker, capsys: pytest.CaptureFixture[str]
) -> None:
    """Anybody may write to a topic; terminal sequences do not pass."""
    odd = EncodedRecord(DATA, b"\x1b[2J", b"{}", now(), (), b"", 0)
    publish(broker, odd, odd._replace(topic=LEDGER), odd._replace(topic=DEAD))
    worker = Worker(identity(host="evil\x1b[2J"), now() - 90_000)
    publish(broker, worker.account(now(), 0, state="stopped"))
    code, found = audit(broker, capsys)
    assert code == 0
    assert found["malformed"] == {LEDGER: 1, DEAD: 1, DATA: 1}
    assert main(["audit", "--bootstrap-servers", broker.bootstrap]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "1 messages on http.header.v1 could not be read" in shown


def test_a_broker_that_is_away_is_69(capsys: pytest.CaptureFixture[str]) -> None:
    """In one line."""
    assert main(["audit", "--bootstrap-servers", "127.0.0.1:1"]) == 69
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "wrong",
    [["--from", "yesterday"], ["--to", "x"], ["--margin", "1"], ["--from", "-1h", "--to", "-2h"]],
)
def test_times_that_make_no_sense_are_refused(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line."""
    assert main(["audit", "--bootstrap-servers", "127.0.0.1:1", *wrong]) == 64
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("key", "found"),
    [
        (f"{FIRST}-0-17", ((FIRST, 0), 17)),
        (f"{FIRST}-3-0", ((FIRST, 3), 0)),
        (f"{FIRST}-0-ledger-3", None),
        ("short-0-1", None),
        (f"{FIRST}-0-", None),
        (f"{FIRST}--1", None),
        ("é" * 18 + "-0-1", None),
        ("", None),
    ],
)
def test_keys(key: str, found: object) -> None:
    """Uuid, worker, number; nothing else counts as one."""
    assert source(key.encode()) == found
