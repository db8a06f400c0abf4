"""`shipper tail`: lines, filters, and what a hostile peer sends."""

import argparse
import io
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from shipper.config import Config, load
from shipper.contract.record import EncodedRecord
from shipper.delivery.kafka import KafkaSink
from shipper.errors import UsageError
from shipper.record import ENCODINGS, encoder_of
from shipper.record.constant import message_headers
from shipper.tail import Filters, add_arguments, line, printable, run

from .broker import FaultyBroker
from .conftest import TOPIC, Said

GET = Path(__file__).parents[2] / "schemas" / "http.header.v1" / "examples" / "1.0" / "get.json"
RECORD: dict[str, Any] = {
    "@timestamp": "2024-01-01T00:00:00.123456789Z",
    "event": {"duration": 12_345_678},
    "http": {"request": {"method": "GET"}, "response": {"status_code": 404}},
    "url": {"domain": "example.org", "path": "/api/x", "query": "a=b"},
    "source": {"ip": "192.0.2.7"},
    "user_agent": {"original": "curl/8"},
}


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local time is UTC."""
    import time  # noqa: PLC0415 - only here

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def arguments(*given: str) -> argparse.Namespace:
    """A parsed command line."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(given)


def config(broker: FaultyBroker) -> Config:
    """Pointed at the broker."""
    return load(environ={}, flags={"kafka.bootstrap.servers": broker.bootstrap})


def publish(broker: FaultyBroker, *values: bytes) -> None:
    """Put raw values on the topic."""
    sink = KafkaSink({"bootstrap.servers": broker.bootstrap}, log=Said())
    for number, value in enumerate(values):
        sink.submit(EncodedRecord(TOPIC, b"k%d" % number, value, 0, (), b"", number))
    assert sink.flush(10) == 0
    sink.close()


def test_line() -> None:
    """Time, method, status, URL, client, duration, User-Agent."""
    assert line(RECORD).plain == (
        "00:00:00.123  GET     404 example.org/api/x?a=b  192.0.2.7  12.3 ms  curl/8"
    )


def test_line_of_nothing() -> None:
    """Every field may be absent or of a wrong kind."""
    assert line({}).plain == "-  -       --- -  -  -"
    assert (
        line({"http": 1, "url": [], "event": {"duration": "x"}}).plain == "-  -       --- -  -  -"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ümlaut", "plain ümlaut"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("a\r\nb", r"a\r\nb"),
        ("\x9b31m", r"\x9b31m"),
        ("\u202egnp", r"\u202egnp"),
    ],
)
def test_nothing_steers_the_terminal(text: str, shown: str) -> None:
    """Control, C1 and direction characters are shown as escapes."""
    assert printable(text) == shown
    assert line({"user_agent": {"original": text}}).plain.endswith(shown)


@pytest.mark.parametrize(
    ("given", "admitted"),
    [
        ([], True),
        (["--status", "4xx"], True),
        (["--status", "5xx,404"], True),
        (["--status", "400-403"], False),
        (["--method", "post,get"], True),
        (["--method", "POST"], False),
        (["--path-prefix", "/api"], True),
        (["--path-prefix", "/b"], False),
        (["--host", "*.org"], True),
        (["--host", "example.com"], False),
        (["--client", "192.0.2.0/24"], True),
        (["--client", "2001:db8::/32"], False),
        (["--status", "404", "--method", "POST"], False),
    ],
)
def test_filters(given: list[str], admitted: bool) -> None:  # noqa: FBT001 - the expected answer
    """One of each kind has to fit."""
    assert Filters.of(arguments(*given)).admit(RECORD) is admitted
    assert Filters.of(arguments(*given)).admit({}) is (given == [])


@pytest.mark.parametrize(
    ("given", "said_so"),
    [
        (["--status", "abc"], "--status abc: no status: as in 5xx, 404 or 400-499"),
        (
            ["--status", "500-400"],
            "--status 500-400: the range ends before it begins: as in 400-499",
        ),
        (
            ["--client", "me"],
            "--client me: no address or network: as in 192.0.2.7 or 2001:db8::/32",
        ),
    ],
)
def test_wrong_filter_is_one_line(given: list[str], said_so: str) -> None:
    """Before anything is read."""
    with pytest.raises(UsageError) as error:
        Filters.of(arguments(*given))
    assert str(error.value) == said_so


def test_run_shows_what_fits_and_counts_what_is_no_record(
    broker: FaultyBroker, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the topic to lines; a malformed message is no traceback."""
    publish(broker, json.dumps(RECORD).encode(), b"\x00garbage", b"[1]", b"{}")
    args = arguments("--from-beginning", "--until-end", "--status", "404")
    assert run(args, config(broker)) == 0
    out, err = capsys.readouterr()
    assert out == line(RECORD).plain + "\n"
    assert err == (
        f"shipper: 2 messages on {TOPIC} were no records (the last: partition 0, offset 2)\n"
    )


def test_every_form_of_a_record_is_the_same_line(
    broker: FaultyBroker, capsys: pytest.CaptureFixture[str]
) -> None:
    """Told apart by the headers of the message; with Confluent's prefix before it, too."""
    document = orjson.loads(GET.read_bytes())
    sink = KafkaSink({"bootstrap.servers": broker.bootstrap}, log=Said())
    for number, encoding in enumerate(ENCODINGS):
        encoder = encoder_of(encoding, "1.0")
        headers = message_headers(encoder.schema_name, encoder.schema_version, encoder.content_type)
        value = encoder.encode(document)
        for prefix in (b"", struct.pack(">BI", 0, 77)):
            whole = EncodedRecord(TOPIC, b"k", prefix + value, 0, headers, b"", number)
            sink.submit(whole)
    assert sink.flush(10) == 0
    sink.close()
    given = ("--from-beginning", "--until-end", "--path-prefix", "/search", "--status", "2xx")
    assert run(arguments(*given), config(broker)) == 0
    lines = capsys.readouterr().out.splitlines()
    # APIPark's lines tell neither host nor query, and whole milliseconds.
    less = "00:00:05.000  GET     200 /search  192.0.2.7  1.0 ms  curl/7.88.1"
    told = {name: less if name == "apipark" else line(document).plain for name in ENCODINGS}
    assert lines == [told[name] for name in ENCODINGS for _ in range(2)]
    assert run(arguments(*given, "--json"), config(broker)) == 0
    shown = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert shown.count(document) == 4  # ECS as it is, and Avro as what it says
    assert sum(one.get("class_uid") == 4002 for one in shown) == 1


def test_run_json_is_the_same_record_and_harmless(
    broker: FaultyBroker, capsys: pytest.CaptureFixture[str]
) -> None:
    """Raw C1 characters inside JSON texts leave as escapes; the record is unchanged."""
    record = {"user_agent": {"original": "\x9b31m\u202e ü"}}
    publish(broker, json.dumps(record, ensure_ascii=False).encode())
    assert run(arguments("--from-beginning", "--count", "1", "--json"), config(broker)) == 0
    out = capsys.readouterr().out
    assert json.loads(out) == record
    assert out.strip().isprintable()


def test_colour_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal gets colour unless NO_COLOR is set; a pipe never does."""
    from rich.console import Console  # noqa: PLC0415 - only here

    monkeypatch.setenv("TERM", "xterm-256color")
    for no_color, coloured in (("", True), ("1", False)):
        monkeypatch.setenv("NO_COLOR", no_color)
        out = io.StringIO()
        Console(file=out, force_terminal=True, width=40).print(
            line(RECORD), no_wrap=True, overflow="ellipsis", crop=True
        )
        assert ("\x1b[33m404" in out.getvalue()) is coloured
        assert "…" in out.getvalue()
