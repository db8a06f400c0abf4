"""Flat CIM fields: the same that the Splunk add-on makes of a record while searching."""

import json
from typing import Any

import pytest
from consumers.contracts import golden, plain
from consumers.spl import read, search
from consumers.test_splunk import BESIDE, CIM_WEB, DEFAULT, SOURCETYPE, made

from shipper.record.encoders.cim import FIELDS, CimEncoder

CIM = CimEncoder()


def event_of(record: dict[str, Any]) -> dict[str, Any]:
    """The event that goes out for it."""
    event: dict[str, Any] = json.loads(CIM.encode(record))
    return event


def searched(record: dict[str, Any]) -> dict[str, Any]:
    """What the add-on makes of the record itself."""
    props, transforms = read(DEFAULT / "props.conf"), read(DEFAULT / "transforms.conf")
    fields = search(json.dumps(record), props[SOURCETYPE], transforms)
    return {name: fields[name] for name in made() if name in fields}


@pytest.mark.parametrize("record", golden(), ids=lambda record: record["event"]["id"][-3:])
def test_a_golden_record_has_the_add_ons_fields(record: dict[str, Any]) -> None:
    """Each with the same value and no other, but for the time and the id of the record."""
    event = event_of(record)
    assert event.pop("timestamp") == record["@timestamp"]
    assert event.pop("event_id") == record["event"]["id"]
    assert event == searched(record)


def test_every_name_is_the_add_ons() -> None:
    """What the add-on makes is made, under names of CIM's model Web and a few beside it."""
    names = {*FIELDS, "bytes"}
    assert names == {*made(), "timestamp", "event_id"}
    assert names - set(CIM_WEB) == BESIDE | {"timestamp", "event_id"}


def test_the_event_is_flat_and_short() -> None:
    """No value is an object or a list, and a usual one stays far below Splunk's 10,000."""
    value = CIM.encode(plain())
    assert not any(isinstance(one, dict | list) for one in json.loads(value).values())
    assert len(value) < 1000


def test_splunk_finds_the_time_at_the_beginning() -> None:
    """It looks for a time where the event begins, unless it is told otherwise."""
    assert CIM.encode(plain()).startswith(b'{"timestamp":"2026-01-01T00:00:05.000000Z",')


def test_what_a_person_is_shown_comes_back() -> None:
    """The fields that `tail` prints and filters by."""
    record = plain()
    told = CIM.decode(CIM.encode(record))
    for part in ("source", "destination", "user_agent"):
        assert told[part] == record[part]
    assert told["@timestamp"] == record["@timestamp"]
    assert told["event"] == {name: record["event"][name] for name in ("id", "duration")}
    assert told["http"]["response"]["status_code"] == 200
    assert told["url"] == {
        name: record["url"][name] for name in ("full", "path", "query", "domain")
    }


@pytest.mark.parametrize("value", [b"{}", b"[]", b'{"status":"200"}', b"\xff"])
def test_what_is_no_event_is_said(value: bytes) -> None:
    """One kind of error, whatever it is."""
    with pytest.raises(ValueError, match=r"."):
        CIM.decode(value)
