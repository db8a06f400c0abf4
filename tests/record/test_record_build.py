"""What each kind of exchange becomes."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from shipper.contract.exchange import Connection, Exchange, Folded, Incomplete, Proxied, Response
from shipper.errors import ConfigError
from shipper.record import Identity, RecordRejected, RecordSettings
from shipper.record.model import RECORD_VERSIONS

from .record_exchanges import (
    BOOT,
    CREATED,
    IDENTITY,
    OFFSET,
    V4,
    V6,
    builder,
    exchange,
    request,
    response,
)

HOUR = 3_600_000_000_000


def document(whole: Exchange, settings: RecordSettings | None = None) -> dict[str, Any]:
    """The record as a consumer reads it."""
    made = builder(settings)
    read: dict[str, Any] = orjson.loads(made.encode(made.build(whole, OFFSET, CREATED), 7).value)
    return read


def hollow(value: object) -> bool:
    """Whether something in it is null or empty."""
    if isinstance(value, dict):
        return not value or any(hollow(inner) for inner in value.values())
    if isinstance(value, list):
        return not value or any(hollow(inner) for inner in value)
    return value is None


def test_times_and_durations() -> None:
    """Wall times by the offset, durations by the event's clock."""
    read = document(exchange())
    assert read["@timestamp"] == read["event"]["start"] == "2026-01-01T00:00:05.000000Z"
    assert read["event"]["end"] == "2026-01-01T00:00:05.001200Z"
    assert read["event"]["created"] == "2026-01-01T00:00:05.250000Z"
    assert read["event"]["duration"] == 1_200_000
    assert read["shipper"]["time_to_first_byte"] == 900_000


def test_sizes() -> None:
    """`bytes` is block and body; both are absent where the end was not seen."""
    http = document(exchange(None, response(body=None)))["http"]
    assert (http["request"]["bytes"], http["request"]["body"]) == (200, {"bytes": 0})
    assert "bytes" not in http["response"]
    assert "body" not in http["response"]


@pytest.mark.parametrize(
    ("status", "outcome"), [(200, "success"), (399, "success"), (400, "failure"), (503, "failure")]
)
def test_outcome(status: int, outcome: str) -> None:
    """By status."""
    assert document(exchange(None, response(status)))["event"]["outcome"] == outcome


def test_a_request_alone() -> None:
    """Nothing of the response is made up."""
    whole = Exchange(V4, request(), None, incomplete=(Incomplete.NO_RESPONSE,))
    read = document(whole)
    assert read["event"]["outcome"] == "unknown"
    assert not {"end", "duration"} & read["event"].keys()
    assert "response" not in read["http"]
    assert read["shipper"]["incomplete"] == ["no_response"]
    assert not hollow(read)


def test_a_response_alone() -> None:
    """Its first byte is the time, and there is no start."""
    whole = Exchange(V4, None, response(), incomplete=(Incomplete.NO_REQUEST,), joined_late=True)
    read = document(whole)
    assert read["@timestamp"] == "2026-01-01T00:00:05.000900Z"
    assert not {"start", "duration"} & read["event"].keys()
    assert not {"url", "user_agent"} & read.keys()
    assert read["shipper"]["joined_late"] is True
    assert not hollow(read)


def test_neither_is_rejected() -> None:
    """An exchange of nothing is no record."""
    with pytest.raises(RecordRejected, match="neither"):
        builder().build(Exchange(V4, None, None), OFFSET, CREATED)


@pytest.mark.parametrize(
    ("target", "host", "expected"),
    [
        (
            "/a?b=c",
            "Example.org:8080",
            {
                "original": "/a?b=c",
                "full": "http://example.org:8080/a?b=c",
                "path": "/a",
                "query": "b=c",
                "domain": "example.org",
                "scheme": "http",
                "port": 8080,
            },
        ),
        ("", "h", {"domain": "h", "scheme": "http"}),
        ("/", None, {"original": "/", "path": "/", "scheme": "http"}),
        ("/", "a b", {"original": "/", "path": "/", "scheme": "http"}),
        (
            "HTTPS://Other.org?x",
            "example.org",
            {
                "original": "HTTPS://Other.org?x",
                "full": "https://other.org?x",
                "query": "x",
                "domain": "other.org",
                "scheme": "https",
            },
        ),
        (
            "*",
            "[2001:DB8::1]:81",
            {
                "original": "*",
                "full": "http://[2001:db8::1]:81",
                "domain": "[2001:db8::1]",
                "scheme": "http",
                "port": 81,
            },
        ),
        (
            "a b",
            "example.org",
            {"original": "a b", "domain": "example.org", "scheme": "http"},
        ),
        (
            "/a#f?g",
            "h",
            {
                "original": "/a#f?g",
                "full": "http://h/a#f?g",
                "path": "/a",
                "domain": "h",
                "scheme": "http",
            },
        ),
    ],
)
def test_urls(target: str, host: str | None, expected: dict[str, str | int]) -> None:
    """The forms of a target (RFC 9112 section 3.2)."""
    assert document(exchange(request(target, host=host)))["url"] == expected


def test_connect_has_an_authority() -> None:
    """Authority-form has no scheme, path or URI."""
    read = document(exchange(request("H.org:443", method="CONNECT", host="x")))
    assert read["url"] == {"original": "H.org:443", "domain": "h.org", "port": 443}


def test_addresses_and_network() -> None:
    """Both families; IPv4 in IPv6 clothes is IPv4."""
    read = document(exchange(connection=V6))
    assert read["source"] == {"ip": "2001:db8::7", "port": 49152}
    assert read["network"]["type"] == "ipv6"
    mapped = bytes(10) + b"\xff\xff"
    clothed = replace(
        V4,
        client_address=mapped + V4.client_address,
        server_address=mapped + V4.server_address,
    )
    assert document(exchange(connection=clothed)) == document(exchange())


@pytest.mark.parametrize(
    ("networks", "word"),
    [
        ((), "ingress"),
        (("198.51.100.0/24",), "inbound"),
        (("192.0.2.0/24",), "outbound"),
        (("192.0.2.0/24", "198.51.100.0/24"), "internal"),
        (("2001:db8::/32",), "external"),
    ],
)
def test_direction(networks: tuple[str, ...], word: str) -> None:
    """Perimeter words only with internal networks."""
    read = document(exchange(), RecordSettings(internal_networks=networks))
    assert read["network"]["direction"] == word


def test_facts_of_the_capture() -> None:
    """What is not ECS stands under `shipper`."""
    whole = Exchange(
        replace(V4, hook="interface", interface=2, direction=None),
        replace(request(), cut=True),
        response(interim=(100, 103)),
        number=3,
        anomalies=("bare_lf",),
        resumed=True,
    )
    read = document(whole)
    assert read["shipper"] == {
        "schema_version": "1.0",
        "hook": "interface",
        "exchange_number": 3,
        "interface": 2,
        "time_to_first_byte": 900_000,
        "anomalies": ["bare_lf"],
        "truncated": ["request"],
        "interim": [100, 103],
        "resumed": True,
    }
    assert "direction" not in read["network"]


def test_the_number_is_given_in_encode() -> None:
    """Id, key and sequence agree; the message's other parts are as consumers need them."""
    made = builder()
    encoded = made.encode(made.build(exchange(), OFFSET, CREATED), 42)
    read = orjson.loads(encoded.value)
    assert encoded.key.decode() == read["event"]["id"] == f"{IDENTITY.ephemeral_id}-0-42"
    assert encoded.sequence == read["event"]["sequence"] == 42
    assert encoded.topic == "http.header.v1"
    assert encoded.timestamp_ms == (OFFSET + BOOT) // 1_000_000
    assert dict(encoded.headers) == {
        "content-type": b"application/json",
        "schema-name": b"http.header.v1",
        "schema-version": b"1.0",
    }


@pytest.mark.parametrize(
    ("offset", "replaced", "shown"),
    [
        (OFFSET + HOUR, False, "2026-01-01T01:00:05.000000Z"),
        (OFFSET + HOUR + 300_000_000, True, "2026-01-01T01:00:05.300000Z"),
        (0, False, "1970-01-01T00:00:05.000000Z"),
        (-2 * BOOT, True, "2026-01-01T00:00:05.250000Z"),
        (10**21, True, "2026-01-01T00:00:05.250000Z"),
    ],
)
def test_times_that_kafka_refuses(offset: int, replaced: bool, shown: str) -> None:  # noqa: FBT001 - a table of cases
    """The message carries the present instead and the record says so."""
    made = builder()
    record = made.build(exchange(), offset, CREATED)
    assert (record.timestamp_ms == CREATED // 1_000_000) is replaced
    assert ("timestamp_replaced" in record.document["shipper"]) is replaced
    assert record.document["@timestamp"] == shown


def test_an_unusual_version_is_no_reason_to_reject() -> None:
    """What was odd on the wire is recorded as it was."""
    whole = exchange(replace(request(), version="1.1x"))
    assert document(whole)["http"]["version"] == "1.1x"


def test_bytes_beyond_ascii_and_nul_survive() -> None:
    """Every byte of the wire is the code point of the same number."""
    every = "".join(map(chr, range(256)))
    read = document(exchange(request("/", ("User-Agent", every))))
    assert read["user_agent"]["original"] == every


def test_a_wrong_identity_is_refused_at_the_start() -> None:
    """What is the same in every record is validated once, before the first."""
    wrong = Identity(agent_id="a", ephemeral_id="no-uuid", worker=0, version="0.1.0")
    with pytest.raises(ConfigError, match=r"agent\.ephemeral_id: string_pattern_mismatch"):
        builder(None, wrong)


PROXIED = Proxied(2, bytes([203, 0, 113, 9]), 50000, bytes([203, 0, 113, 1]), 443)
TRUSTING = RecordSettings(trusted_proxies=("192.0.2.0/28", "2001:db8::/32"))


@pytest.mark.parametrize("connection", [V4, V6])
def test_a_trusted_proxy_names_the_client(connection: Connection) -> None:
    """`client` asked, `server` was asked; `source` stays the peer of the TCP connection."""
    plain = document(exchange(connection=connection), TRUSTING)
    read = document(exchange(connection=replace(connection, proxied=PROXIED)), TRUSTING)
    assert read["client"] == {"ip": "203.0.113.9", "port": 50000}
    assert read["server"] == {"ip": "203.0.113.1", "port": 443}
    assert read["source"] == plain["source"]
    assert read["network"] == plain["network"]
    assert read["related"]["ip"] == ["203.0.113.9", *plain["related"]["ip"], "203.0.113.1"]
    assert "anomalies" not in read["shipper"]


@pytest.mark.parametrize("settings", [RecordSettings(), RecordSettings(trusted_proxies=("::/0",))])
def test_a_proxy_that_is_not_trusted(settings: RecordSettings) -> None:
    """Whoever may connect may send the header: it is named and not believed."""
    whole = replace(exchange(connection=replace(V4, proxied=PROXIED)), anomalies=("bare_lf",))
    read = document(whole, settings)
    assert not {"client", "server"} & read.keys()
    assert read["shipper"]["anomalies"] == ["bare_lf", "untrusted_proxy_header"]
    assert "203.0.113" not in str(read)


def test_a_proxy_that_speaks_for_itself() -> None:
    """LOCAL, UNKNOWN and a Unix socket name no address: nothing is made up."""
    whole = exchange(connection=replace(V4, proxied=Proxied(1)))
    assert document(whole, TRUSTING) == document(exchange(), TRUSTING)


@pytest.mark.parametrize("body", [None, 99])
def test_an_answer_without_a_status(body: int | None) -> None:
    """HTTP/0.9: the status is absent, the outcome unknown, and no object is empty."""
    simple = Response("0.9", (), BOOT + 1, BOOT + 2, 0, body)
    read = document(exchange(replace(request(), version="0.9"), simple))
    assert read["http"]["version"] == "0.9"
    expected = {"bytes": 99, "body": {"bytes": 99}} if body else None
    assert read["http"].get("response") == expected
    assert read["event"]["outcome"] == "unknown"
    assert read["event"]["duration"] == 2
    assert not hollow(read)


@pytest.mark.parametrize("version", RECORD_VERSIONS)
def test_an_agent_stays_on_the_version_that_it_is_told(version: str) -> None:
    """The record, its message headers and its fields are of the version of the settings."""
    made = builder(RecordSettings(schema_version=version))
    older = exchange(second=replace(response(), version="1.0"))
    older.folded = Folded(3, BOOT + 2_000_000_000, 3_600_000)
    message = made.encode(made.build(older, OFFSET, CREATED), 0)
    own = orjson.loads(message.value)["shipper"]
    assert own["schema_version"] == version
    assert dict(message.headers)["schema-version"] == version.encode()
    assert own["fold_count"] == 3
    assert own.get("response_version") == (None if version == "1.0" else "1.0")
    assert own.get("fold_duration") == (3_600_000 if version == "1.2" else None)
    assert own.get("fold_last") == ("2026-01-01T00:00:07.000000Z" if version == "1.2" else None)


def test_an_unknown_schema_version_is_refused_at_the_start() -> None:
    """Nobody can read what has no schema."""
    with pytest.raises(ConfigError, match=r"no version 1\.7 .* there is 1\.0, 1\.1, 1\.2"):
        builder(RecordSettings(schema_version="1.7"))
