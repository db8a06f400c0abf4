"""Every capture, exchange by exchange and field by field, against another reader: tshark."""

import json
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from shipper import wiring
from shipper.config import Config
from shipper.contract.exchange import Exchange
from shipper.record import RecordBuilder

from . import ours, tshark
from .told import Connections, differences

CAPTURES = Path(__file__).parents[3] / "shared" / "captures"
NAMES = sorted(path.name for path in CAPTURES.glob("*.pcap"))

#: Of all exchanges, those that may be told differently without an anomaly named.
MOST_UNNAMED = 0.02


class Row(NamedTuple):
    """One field of one exchange in which we differ: both values, why, and the anomaly named.

    `at` is tshark's frame, or client port and number of an exchange that only we tell.
    """

    capture: str
    at: str
    field: str
    theirs: Any
    ours: Any
    odd: str
    why: str


_SIMPLE = (
    "RFC 1945 sections 3.1, 5 and 6: without a version it is HTTP/0.9; tshark tells no version"
)
_LAST = (
    "RFC 9112 sections 3 and 3.2: the version is the last word of the line, and a space before "
    "that belongs to the target; tshark ends the target at its first space"
)
_LOST = (
    "RFC 9293 section 3.4: request and response acknowledge all of each other, so they belong "
    "together whatever was lost before; tshark shows the response as bytes of the lost one"
)
_CR = "RFC 9112 section 2.2: a CR without LF ends no line; for tshark it does"

#: A row that no longer applies fails the test, as does a difference that has none.
DIFFERENCES = (
    Row(
        "http-09.pcap",
        "42960 #1",
        "exchange",
        None,
        "GET /zeek.html -> -",
        "simple_response",
        _SIMPLE,
    ),
    Row(
        "http-09.pcap",
        "42964 #1",
        "exchange",
        None,
        "POST /zeek.html -> -",
        "simple_response",
        _SIMPLE,
    ),
    Row("vlan-mpls.pcap", "37", "request_version", None, "0.9", "missing_version", _SIMPLE),
    Row("vlan-mpls.pcap", "37", "response_version", None, "0.9", "missing_version", _SIMPLE),
    Row(
        "http-connect.pcap",
        "4",
        "target",
        "mailin03.sul.t-online.de:25",
        "mailin03.sul.t-online.de:25 /",
        "target_with_spaces",
        _LAST,
    ),
    Row(
        "http-connect.pcap",
        "4",
        "request_version",
        "/ HTTP/1.0",
        "1.0",
        "target_with_spaces",
        _LAST,
    ),
    Row(
        "http-uri-spaces.pcap",
        "5",
        "target",
        "/uri",
        "/uri afterspace",
        "target_with_spaces",
        _LAST,
    ),
    Row(
        "http-uri-spaces.pcap",
        "5",
        "request_version",
        "afterspace HTTP/1.1",
        "1.1",
        "target_with_spaces",
        _LAST,
    ),
    Row(
        "http-evader-3.pcap",
        "4",
        "response_headers",
        (),
        (("Yet-another-header", "foo"),),
        "bare_cr",
        _CR,
    ),
    Row(
        "http-evader-6.pcap",
        "4",
        "response_headers",
        (
            ("Content-type", "application/octet-stream"),
            ("Content-disposition", 'attachment; filename="eicar.txt"'),
            ("Connection", "close"),
            ("Yet-another-header", "foo"),
            ("Content-length", "68"),
        ),
        (),
        "bare_cr",
        _CR,
    ),
    Row("http-gap-beyond-body.pcap", "22", "status", None, 200, "", _LOST),
    Row("http-gap-beyond-body.pcap", "22", "response_version", None, "1.0", "", _LOST),
    Row(
        "http-gap-beyond-body.pcap",
        "22",
        "response_headers",
        (),
        (
            ("Server", "Apache"),
            ("Connection", "close"),
            ("Content-Type", "text/html"),
            ("Content-Length", "12"),
        ),
        "",
        _LOST,
    ),
)


@cache
def read() -> dict[str, tuple[Connections, list[Exchange]]]:
    """Every capture by both readers, once a session."""
    assert NAMES, f"no capture files in {CAPTURES}: the folder beside the checkout is missing"
    paths = [CAPTURES / name for name in NAMES]
    with ThreadPoolExecutor(1) as beside:
        theirs = beside.map(tshark.exchanges, paths)
        return dict(zip(NAMES, zip(theirs, ours.read(*paths), strict=True), strict=True))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("root")
def test_tshark_agrees(name: str) -> None:
    """Method, target, versions, status, interim codes and headers in order, or a row says why."""
    theirs, mine = read()[name]
    found = {
        Row(name, one.at, one.field, one.theirs, one.ours, "", ""): one.odd
        for one in differences(theirs, ours.connections(mine))
    }
    rows = {row._replace(odd="", why=""): row for row in DIFFERENCES if row.capture == name}
    assert found.keys() == rows.keys(), "left: what differs now, right: the table"
    for key, row in rows.items():
        assert row.why
        assert not row.odd or row.odd in found[key]


@pytest.mark.usefixtures("root")
def test_few_exchanges_differ_unnamed() -> None:
    """What is told differently is odd and named so, but for at most 2 % of all exchanges."""
    total = sum(max(sum(map(len, theirs.values())), len(mine)) for theirs, mine in read().values())
    unnamed = {(row.capture, row.at) for row in DIFFERENCES if not row.odd}
    assert total > 100
    assert len(unnamed) <= total * MOST_UNNAMED


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("root")
def test_a_record_tells_its_exchange(name: str) -> None:
    """What was held against tshark is what a record shows, names of headers in order."""
    config = Config.model_validate(
        {"record": {"request_headers": "all", "response_headers": "all"}}
    )
    builder = RecordBuilder(
        wiring.record_settings(config), wiring.identity(config, str(uuid.UUID(int=0)), 0)
    )
    for exchange in read()[name][1]:
        record = json.loads(builder.encode(builder.build(exchange, 0, 0), 0).value)
        http, request, response = record["http"], exchange.request, exchange.response
        shown = [(record[end]["ip"], record[end]["port"]) for end in ("source", "destination")]
        assert shown == list(ours.ends_of(exchange))
        for message, part in ((request, "request"), (response, "response")):
            kept = http.get(part, {}).get("headers", {})
            names = [name for name, _ in message.headers] if message else []
            assert kept.get("@names", []) == names
        if request:
            assert http["request"]["method"] == request.method
            assert http.get("version") == request.version
            assert not request.target or record["url"]["original"]
            assert kept_values(http["request"], "host") == values(request.headers, "host")
            assert kept_values(http["request"], "user-agent") == values(
                request.headers, "user-agent"
            )
        if response:
            assert http["response"].get("status_code") == response.status


def kept_values(message: dict[str, Any], name: str) -> list[str]:
    """What a record keeps of the headers of this name."""
    found: list[str] = message.get("headers", {}).get(name, [])
    return found


def values(headers: Iterable[tuple[str, str]], name: str) -> list[str]:
    """What was sent in the headers of this name."""
    return [value for spelling, value in headers if spelling.lower() == name]
