"""OCSF: every record is an HTTP Activity as OCSF asks for it, and tells what the record told."""

from copy import deepcopy
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shipper.record.encoders.ocsf import OcsfEncoder
from shipper.record.encoders.ocsf_places import ACTIVITIES, NEEDS, PLACES, VARIANTS
from shipper.record.reference import leaves
from shipper.record.schema import RECORD, RECORDS, json_schema

from . import ocsf_requirements, regenerate
from .documents import documents

OCSF = OcsfEncoder()
GOLDEN = {
    f"{contract.version}-{path.stem}": path
    for contract in RECORDS
    for path in sorted(regenerate.example_folder(contract).iterdir())
}
every_golden = pytest.mark.parametrize("name", GOLDEN)


def golden(name: str) -> dict[str, Any]:
    """A checked-in record."""
    document: dict[str, Any] = orjson.loads(GOLDEN[name].read_bytes())
    return document


def event_of(document: dict[str, Any]) -> dict[str, Any]:
    """The event that goes out for it."""
    event: dict[str, Any] = orjson.loads(OCSF.encode(document))
    return event


@every_golden
def test_a_golden_record_is_what_ocsf_asks_for(name: str) -> None:
    """By OCSF's own list; and the three numbers that name the kind of event fit together."""
    event = event_of(golden(name))
    assert ocsf_requirements.faults(event) == []
    assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
    assert event["class_uid"] == 4002
    assert event["category_uid"] == event["class_uid"] // 1000


@every_golden
def test_a_word_beside_a_number_is_its_caption(name: str) -> None:
    """OCSF: the word is the number's caption, and the source's own only where that is Other."""
    event = event_of(golden(name))
    pairs = 0
    for number, word, captions in ocsf_requirements.siblings(event):
        pairs += 1
        assert word == captions[str(number)] or number == 99, (number, word)
    assert pairs >= 6


@given(data=st.data())
@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ],
)
def test_whatever_a_record_holds_is_what_ocsf_asks_for(data: st.DataObject) -> None:
    """Any optional part there or not, any text and any number."""
    document = data.draw(documents(RECORD))
    before = deepcopy(document)
    event = event_of(document)
    assert document == before
    assert ocsf_requirements.faults(event) == []
    OCSF.decode(OCSF.encode(document))


WRITTEN = event_of(golden("1.1-every_field"))


@pytest.mark.parametrize(
    "place", [p for p in ocsf_requirements.required() if p[0] in WRITTEN], ids=".".join
)
def test_what_is_required_is_missed(place: tuple[str, ...]) -> None:
    """An event that lacks any one of the required attributes is none: the list is asked."""
    event = deepcopy(WRITTEN)
    part = event
    for step in place[:-1]:
        part = part[step]
    del part[place[-1]]
    assert any("required" in fault for fault in ocsf_requirements.faults(event))


def test_one_side_of_the_exchange_has_to_be_there() -> None:
    """The class's own rule; and where nothing is known of either, an empty request stands."""
    event = deepcopy(WRITTEN)
    del event["http_request"], event["http_response"]
    assert ocsf_requirements.faults(event) != []
    document = golden("1.1-no_request")
    del document["http"]["response"]
    assert event_of(document)["http_request"] == {}
    assert ocsf_requirements.faults(event_of(document)) == []


def test_a_folded_exchange_is_an_aggregate() -> None:
    """OCSF: a count, and a period from the first to the latest; the first's own end is no part."""
    event = event_of(golden("1.2-folded"))
    assert event["count"] == 12
    assert (event["start_time"], event["end_time"]) == (1767225605000, 1767225660000)
    assert "duration" not in event
    assert event["unmapped"]["event.duration"] == 1200000
    assert event["unmapped"]["shipper.fold_duration"] == 14400000
    assert "count" not in event_of(golden("1.2-get"))


def test_the_plain_exchange() -> None:
    """Every attribute of a GET that is not in `unmapped`, by hand."""
    event = event_of(golden("1.0-get"))
    del event["unmapped"]
    assert event == {
        "activity_id": 3,
        "activity_name": "Get",
        "app_protocol_name": "http",
        "category_name": "Network Activity",
        "category_uid": 4,
        "class_name": "HTTP Activity",
        "class_uid": 4002,
        "connection_info": {
            "community_uid": "1:S5JBZ3XwRLqeewZ3mTKe5BYS75I=",
            "direction": "Inbound",
            "direction_id": 1,
            "protocol_name": "tcp",
            "protocol_num": 6,
            "protocol_ver_id": 4,
        },
        "device": {"hostname": "web-1", "type_id": 0, "uid": "5f2d0c3b9f1a4e0e"},
        "dst_endpoint": {"ip": "198.51.100.4", "port": 80},
        "duration": 1,
        "end_time": 1767225605001,
        "http_request": {
            "body_length": 0,
            "http_headers": [
                {"name": "host", "value": "Example.org"},
                {"name": "user-agent", "value": "curl/7.88.1"},
                {"name": "accept", "value": "*/*"},
            ],
            "http_method": "GET",
            "length": 200,
            "url": {
                "hostname": "example.org",
                "path": "/search",
                "query_string": "q=shipper",
                "scheme": "http",
                "url_string": "http://example.org/search?q=shipper",
            },
            "user_agent": "curl/7.88.1",
            "version": "1.1",
        },
        "http_response": {
            "body_length": 887,
            "code": 200,
            "content_type": "text/html",
            "http_headers": [
                {"name": "server", "value": "nginx"},
                {"name": "content-type", "value": "text/html"},
            ],
            "latency": 0,
            "length": 987,
        },
        "metadata": {
            "log_name": "http.header",
            "log_provider": "shipper",
            "log_version": "1.0",
            "logged_time": 1767225605250,
            "original_time": "2026-01-01T00:00:05.000000Z",
            "product": {"name": "shipper", "vendor_name": "shipper", "version": "0.1.0"},
            "profiles": ["host"],
            "sequence": 0,
            "uid": "bf8c6f4e-6d1f-4f5e-9a54-0b6a3a1c7f11-0-0",
            "version": "1.8.0",
        },
        "severity": "Informational",
        "severity_id": 1,
        "src_endpoint": {"ip": "192.0.2.7", "port": 49152},
        "start_time": 1767225605000,
        "status": "Success",
        "status_code": "200",
        "status_id": 1,
        "time": 1767225605000,
        "traffic": {"bytes": 1187, "bytes_in": 987, "bytes_out": 200},
        "type_name": "HTTP Activity: Get",
        "type_uid": 400203,
    }


@every_golden
def test_nothing_of_a_record_is_lost(name: str) -> None:
    """Each field stands whole in its place, or in `unmapped` under its own name."""
    document = golden(name)
    event = event_of(document)
    places = {**PLACES, **(VARIANTS[0].places if "ip" in document.get("client", {}) else {})}
    for field, value in flat(document).items():
        told = [
            held(event, place.path) == (value if place.turn is None else place.turn(value))
            for place in places.get(field, ())
            if place.whole
        ]
        assert any(told) or event["unmapped"][field] == value, field


def flat(document: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted name -> value; what has a place as a whole is not taken apart."""
    found: dict[str, Any] = {}
    for name, value in document.items():
        dotted = f"{prefix}{name}"
        if isinstance(value, dict) and dotted not in PLACES:
            found |= flat(value, f"{dotted}.")
        else:
            found[dotted] = value
    return found


def held(event: dict[str, Any], path: str) -> object:
    """What stands at a place; None if nothing does."""
    part: Any = event
    for step in path.split("."):
        part = part.get(step) if isinstance(part, dict) else None
    return part


@pytest.mark.parametrize("method", ["PROPFIND", "get", "M-SEARCH", "CONNECT", "PATCH", None])
def test_the_method_is_the_activity(method: str | None) -> None:
    """Methods are told apart by case; one that OCSF has no number for is named."""
    document = golden("1.1-get")
    document["http"]["request"]["method"] = method
    if method is None:
        del document["http"]["request"]
    event = event_of(document)
    assert ocsf_requirements.faults(event) == []
    known = method in ACTIVITIES
    assert event["activity_id"] == (0 if method is None else ACTIVITIES.get(method, 99))
    assert (event["activity_name"] == method) is (not known and method is not None)
    assert event.get("http_request", {}).get("http_method") == (method if known else None)
    assert event["unmapped"].get("http.request.method") == (None if known else method)


def test_behind_a_proxy_the_client_is_the_source() -> None:
    """The other end of the connection is its proxy."""
    document = golden("1.0-behind_a_proxy")
    event = event_of(document)
    assert event["src_endpoint"]["ip"] == document["client"]["ip"] == "203.0.113.9"
    assert event["src_endpoint"]["proxy_endpoint"]["ip"] == document["source"]["ip"]
    assert event["dst_endpoint"]["ip"] == document["destination"]["ip"]


def test_what_a_person_is_shown_comes_back() -> None:
    """The fields that `tail` prints and filters by."""
    document = golden("1.0-get")
    told = OCSF.decode(OCSF.encode(document))
    for part in ("url", "user_agent", "source", "destination"):
        assert told[part] == document[part]
    assert told["@timestamp"] == document["@timestamp"]
    assert told["event"]["duration"] == document["event"]["duration"]
    assert told["http"]["request"]["method"] == "GET"
    assert told["http"]["response"]["status_code"] == 200
    document["http"]["request"]["method"] = "PROPFIND"
    assert OCSF.decode(OCSF.encode(document))["http"]["request"]["method"] == "PROPFIND"


def test_every_name_of_the_tables_is_a_field() -> None:
    """A field that is renamed in the model must not fall out of its place unseen."""
    known = {name for name, _, _ in leaves(json_schema(RECORD))}
    tables = [PLACES, *(variant.places for variant in VARIANTS)]
    named = {field for table in tables for field in table}
    named |= {variant.has for variant in VARIANTS}
    named |= {field for variant in VARIANTS for field in variant.lacks}
    named |= {field for needs in NEEDS.values() for field in needs} - {"http.request"}
    assert named <= known
