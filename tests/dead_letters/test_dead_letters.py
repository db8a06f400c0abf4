"""`shipper dead-letters` over a broker and a file: list, show, send again."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shipper.cli import main
from shipper.contract.record import EncodedRecord
from shipper.delivery import DeadFile, KafkaSink, MockBroker, Received, Start, TopicReader
from shipper.record import DeadLetters, Identity, RecordSettings, encoder_of

ROOT = Path(__file__).parents[2]
DEAD, DATA = "http.header.dead.v1", "http.header.v1"
AVRO = "http.header.avro.v1"
WHO = Identity("agent-1", "bf8c6f4e-6d1f-4f5e-9a54-0b6a3a1c7f11", 0, "0.1.0", host_name="web-1")
LETTERS = DeadLetters(RecordSettings(letter_maximum_bytes=3000), WHO, now_ns=time.time_ns)


def record(number: int, size: int = 2) -> EncodedRecord:
    """A record with everything that has to come back."""
    return EncodedRecord(
        DATA,
        f"{WHO.ephemeral_id}-0-{number}".encode(),
        json.dumps({"n": number, "text": 'a "é\x1b' * size}).encode(),
        1_767_225_600_000 + number,
        (("content-type", b"application/json"), ("raw", b"\xff\x00")),
        b"connection-1",
        number,
    )


@pytest.fixture
def broker() -> Iterator[MockBroker]:
    """A broker with two letters in its dead topic, one of them about what was never valid."""
    with MockBroker() as it:
        it.create_topic(DATA)
        it.create_topic(DEAD)
        sink = KafkaSink({"bootstrap.servers": it.bootstrap}, log=lambda _level, _line: None)
        sink.submit(LETTERS.letter(record(1), "too_large", "Message size too large"))
        sink.submit(LETTERS.rejected({"a": 1}, "http: missing", 0))
        assert sink.flush(10) == 0
        sink.close()
        yield it


@pytest.fixture
def file(tmp_path: Path) -> DeadFile:
    """The agent's file with two letters, one of which could not be kept whole."""
    made = DeadFile(tmp_path / "dead-letters.jsonl")
    made.keep(LETTERS.letter(record(2), "policy", "no"), "topic away")
    made.keep(LETTERS.letter(record(3, 900), "too_large", "no"), "topic away")
    return made


def shipper(broker: MockBroker | str, tmp_path: Path, *arguments: str) -> int:
    """`shipper dead-letters` on both; the exit code."""
    servers = broker if isinstance(broker, str) else broker.bootstrap
    where = ["--bootstrap-servers", servers, "--set", f"spool.path={tmp_path}"]
    return main(["dead-letters", *arguments, *where])


def messages(broker: MockBroker, topic: str = DATA) -> list[Received]:
    """What is on a topic."""
    with TopicReader(
        {"bootstrap.servers": broker.bootstrap},
        topic,
        log=lambda _level, _line: None,
        start=Start.BEGINNING,
    ) as reader:
        return list(reader.until_end())


def listed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The JSON lines that were printed."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.usefixtures("file")
def test_letters_of_both_places_are_listed(
    broker: MockBroker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Four letters, and which of them can't be sent again; a table for people."""
    assert shipper(broker, tmp_path, "list", "--json") == 0
    found = {(one["place"] == "file", one["reason"]): one for one in listed(capsys)}
    assert {place: one["unsendable"] for place, one in found.items()} == {
        (True, "policy"): "",
        (True, "too_large"): "only its beginning was kept",
        (False, "too_large"): "",
        (False, "invalid"): "it is no valid record",
    }
    one = found[False, "too_large"]
    assert (one["host"], one["topic"], one["bytes"]) == ("web-1", DATA, len(record(1).value))
    assert shipper(broker, tmp_path, "list") == 0
    shown = capsys.readouterr().out
    assert shown.count("web-1") == 4


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize(
    ("choice", "count"),
    [
        (["--reason", "too_large"], 2),
        (["--reason", "policy", "--reason", "invalid"], 2),
        (["--key", "*-0-2"], 1),
        (["--host", "web-*", "--only", "file"], 2),
        (["--host", "db-1"], 0),
        (["--only", "topic"], 2),
        (["--from", "-1h"], 4),
        (["--to", "-1h"], 0),
    ],
)
def test_letters_are_chosen(
    broker: MockBroker,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    choice: list[str],
    count: int,
) -> None:
    """By reason, key, host, time and place."""
    assert shipper(broker, tmp_path, "list", "--json", *choice) == 0
    assert len(listed(capsys)) == count


def test_one_is_shown_whole(
    broker: MockBroker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its record unfolded; nothing of it acts on a terminal."""
    assert shipper(broker, tmp_path, "show", "*-0-1") == 0
    shown = capsys.readouterr().out
    assert '"n": 1' in shown
    assert "Message size too large" in shown
    assert "\x1b" not in shown


def test_records_come_back_as_they_were(
    broker: MockBroker, file: DeadFile, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bytes, key, time and headers; the file forgets what Kafka has, and keeps the rest."""
    assert shipper(broker, tmp_path, "resend", "--all", "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["acknowledged"] == 2
    assert set(told["skipped"].values()) == {
        "it is no valid record",
        "only its beginning was kept",
    }
    assert told["failed"] == {}
    found = {message.key: message for message in messages(broker)}
    for number in (1, 2):
        sent, got = record(number), found[record(number).key]
        assert (got.value, got.timestamp_ms, got.headers) == (
            sent.value,
            sent.timestamp_ms,
            sent.headers,
        )
    assert len(found) == 2
    assert [kept.letter.key for kept in file.read()] == [record(3).key]


def test_a_record_that_is_no_text_comes_back_too(
    broker: MockBroker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Avro is shown as what it says, and sent again byte for byte."""
    avro = encoder_of("avro", "1.0")
    example = ROOT / "schemas" / "http.header.v1" / "examples" / "1.0" / "get.json"
    value = avro.encode(json.loads(example.read_bytes()))
    headers = (("content-type", b"avro/binary"), ("schema-version", b"1.0"))
    whole = record(5)._replace(topic=AVRO, value=value, headers=headers)
    broker.create_topic(AVRO)
    with pytest.raises(UnicodeDecodeError):
        value.decode()
    DeadFile(tmp_path / "dead-letters.jsonl").keep(LETTERS.letter(whole, "policy", "no"), "")
    assert shipper(broker, tmp_path, "show", "*-0-5") == 0
    assert '"original": "/search?q=shipper"' in capsys.readouterr().out
    assert shipper(broker, tmp_path, "resend", "*-0-5") == 0
    (found,) = messages(broker, AVRO)
    assert (found.value, found.headers) == (value, headers)


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ((("content-type", b"avro/binary"),), f"{DATA} as avro/binary, plain; {DATA} has {DATA}"),
        ((("framing", b"guid"),), f"{DATA} as application/json, guid; {DATA} has {DATA}"),
        (
            (("schema-name", b"splunk.cim.web"),),
            f"splunk.cim.web as application/json, plain; {DATA}",
        ),
    ],
)
def test_a_record_of_another_form_is_not_sent(
    broker: MockBroker,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    headers: tuple[tuple[str, bytes], ...],
    why: str,
) -> None:
    """Its topic has another one by now: it is said which, and what to set."""
    other = record(5)._replace(headers=headers)
    DeadFile(tmp_path / "dead-letters.jsonl").keep(LETTERS.letter(other, "policy", "no"), "")
    assert shipper(broker, tmp_path, "resend", "*-0-5") == 1
    said = capsys.readouterr().out
    assert f"not sent: it is {why}" in said
    assert "set kafka.topic, kafka.framing and record.encoding as they were then" in said
    assert messages(broker) == []


def test_a_record_of_two_letters_is_sent_once(
    broker: MockBroker, file: DeadFile, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One in the topic and one in the file; the file's leaves it."""
    file.keep(LETTERS.letter(record(1), "too_large", "again"), "topic away")
    assert shipper(broker, tmp_path, "resend", "--key", "*-0-1") == 0
    assert "1 sent again and acknowledged, 0 not" in capsys.readouterr().out
    assert len(messages(broker)) == 1
    assert [kept.letter.key for kept in file.read()] == [record(2).key, record(3).key]


def test_what_is_to_be_sent_has_to_be_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not all of it by a slip."""
    assert shipper("127.0.0.1:1", tmp_path, "resend") == 64
    assert "--all" in capsys.readouterr().err


def test_the_file_is_read_though_kafka_is_away(
    file: DeadFile, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its letters are listed, and 69 says that the topic's are not; none is sent, none leaves."""
    assert shipper("127.0.0.1:1", tmp_path, "list", "--json") == 69
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 2
    assert shown.err.count("\n") == 1
    assert (
        shipper("127.0.0.1:1", tmp_path, "resend", "--all", "--only", "file", "--timeout", "1") == 1
    )
    assert "no answer in time" in capsys.readouterr().out
    assert len(list(file.read())) == 2


def test_what_is_no_letter_is_counted(
    broker: MockBroker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Anybody may write to a topic."""
    sink = KafkaSink({"bootstrap.servers": broker.bootstrap}, log=lambda _level, _line: None)
    for value in (b"nothing", b"[]", b'{"dead":{"topic":1}}', b'{"@timestamp":"x","dead":7}'):
        sink.submit(EncodedRecord(DEAD, b"k", value, 1, (), b"", 0))
    assert sink.flush(10) == 0
    sink.close()
    assert shipper(broker, tmp_path, "list", "--json") == 0
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 2
    assert "4 messages were no letters" in shown.err
