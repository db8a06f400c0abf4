"""A record as a line of APIPark's log: the fields that its driver reads, in its table's lengths."""

from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.config import load

from .lines import BODIES, COLUMNS, FIELDS, GOLDEN, line

GET = GOLDEN["1.1-get"]

every_record = pytest.mark.parametrize("document", GOLDEN.values(), ids=GOLDEN)


def changed(**parts: dict[str, Any]) -> dict[str, Any]:
    """A golden record with other parts."""
    return {**GET, **{name: {**GET.get(name, {}), **part} for name, part in parts.items()}}


@every_record
def test_every_record_has_every_field_as_text(document: dict[str, Any]) -> None:
    """Go reads strings; what is no string would fail there, what is missing would be empty."""
    found = line(document)
    assert found.keys() >= FIELDS | BODIES
    assert {type(value) for value in found.values()} == {str}
    assert {found[name] for name in BODIES} == {""}
    for name, longest in COLUMNS.items():
        assert len(found[name]) <= longest, name


@every_record
def test_fields_say_what_the_record_says(document: dict[str, Any]) -> None:
    """Status, method, time and address, as its driver parses them."""
    found = line(document)
    assert found["event_id"] == document["event"]["id"]
    moment = datetime.fromisoformat(document["@timestamp"])
    assert int(found["msec"]) == moment.timestamp() * 1000 // 1
    assert found["request_method"] == document["http"].get("request", {}).get("method", "")
    status = document["http"].get("response", {}).get("status_code")
    assert found["status"] == ("" if status is None else str(status))
    duration = document["event"].get("duration")
    assert found["request_time"] == ("" if duration is None else str(duration // 1_000_000))
    assert found["request_uri"] == document.get("url", {}).get("original", "")[:255]


def test_ids_are_unique_and_repeat() -> None:
    """A line that comes twice is one row; two records never are."""
    lines = [line({**GET, "event": {**GET["event"], "id": f"agent-0-{n}"}}) for n in range(1000)]
    assert len({found["request_id"] for found in lines}) == 1000
    assert line(GET)["request_id"] == line(GET)["request_id"]


@given(value=st.text(st.characters(max_codepoint=255), max_size=40))
def test_headers_are_a_query_of_bytes(value: str) -> None:
    """As Go's `url.ParseQuery` takes it: names as Go spells them, each byte of a value."""
    headers = {"@names": ["x-AB"], "x-ab": [value, "second"], "accept": ["*/*"]}
    request = {**GET["http"]["request"], "headers": headers}
    found = line(changed(http={"request": request}))
    pairs = parse_qsl(found["request_header"], keep_blank_values=True, encoding="latin-1")
    assert pairs == [("Accept", "*/*"), ("X-Ab", value), ("X-Ab", "second")]


def test_authorization_stays_masked() -> None:
    """Even where the operator keeps the header."""
    request = {**GET["http"]["request"], "headers": {"authorization": ["Bearer abcdef"]}}
    assert line(changed(http={"request": request}))["authorization"] == "***"
    request = {**GET["http"]["request"], "headers": {}}
    assert line(changed(http={"request": request}))["authorization"] == ""


@pytest.mark.parametrize(
    ("path", "interface"),
    [
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/v1/chat/completions/more", "/v1/chat/completions"),
        ("/users/4711/orders", "/users"),
        ("/4711", "/"),
        ("", "/"),
        ("/v1beta/models/gemini-2.5-pro:generateContent", "/v1beta/models"),
        ("/api/" + "x" * 50, "/api/" + "x" * 31),
    ],
)
def test_the_interface_is_named_by_the_words_of_its_path(path: str, interface: str) -> None:
    """Few enough to be counted by."""
    assert line(changed(url={"path": path}))["api"] == interface


def test_it_has_a_topic_of_its_own() -> None:
    """The configuration's word is all that is needed."""
    config = load(environ={}, flags={"record.encoding": "apipark"})
    assert config.kafka.topic == "http.header.apipark.v1"
