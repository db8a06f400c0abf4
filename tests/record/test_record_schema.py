"""The published contract: schema, examples and reference are what the model says."""

import re
from typing import Any

import orjson
import pytest
import regenerate
from pydantic import ValidationError

from shipper.record.anomalies import ANOMALIES
from shipper.record.model.record import ADAPTER
from shipper.record.reference import leaves
from shipper.record.schema import json_schema


def test_the_schema_is_current() -> None:
    """`tests/record/regenerate.py` writes it."""
    assert regenerate.SCHEMA.read_bytes() == regenerate.schema_text()


def test_the_examples_are_current_and_valid() -> None:
    """Each golden record is what is built today, and validates."""
    texts = regenerate.example_texts()
    found = {path.name: path.read_bytes() for path in regenerate.EXAMPLES.iterdir()}
    assert found == texts
    for text in found.values():
        record = orjson.loads(text)
        assert ADAPTER.validate_python(record) == record


def test_the_reference_is_current() -> None:
    """The tables of docs/records.md are generated."""
    text = regenerate.REFERENCE.read_text("utf-8")
    assert text == regenerate.reference_text(text)


def test_every_anomaly_is_documented() -> None:
    """Each name that is given stands in `shipper/record/anomalies.py`, and no other does."""
    sources = [*(regenerate.ROOT / "shipper" / "http").glob("*.py")]
    sources.append(regenerate.ROOT / "shipper" / "record" / "build.py")
    texts = [source.read_text("utf-8") for source in sources]
    pattern = r'(?:\.append\(|[_.]note\((?:anomalies, )?\[?|\(message, \[)"([a-z0-9_]+)"'
    given = {name for text in texts for name in re.findall(pattern, text)}
    assert given == ANOMALIES.keys()


def test_every_field_says_what_it_is() -> None:
    """Title, description and, but for the two sides, an example."""
    for name, field, _ in leaves(json_schema()):
        assert field["title"], name
        assert field["description"], name
        assert field["examples"], name


def full() -> dict[str, Any]:
    """A record with every field there is, made of the fields' examples."""
    record: dict[str, Any] = {}
    for name, field, _ in leaves(json_schema()):
        *path, last = name.split(".") if name != "@timestamp" else [name]
        part = record
        for step in path:
            part = part.setdefault(step, {})
        part[last] = field["examples"][0]
    return record


def test_a_record_of_all_fields_is_valid() -> None:
    """Each example validates, the parts that nothing fills yet included."""
    record = full()
    assert ADAPTER.validate_python(record) == record


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("source", "ip", "192.0.2.256"),
        ("source", "ip", "fe80::1%eth0"),
        ("source", "port", 65536),
        ("source", "port", "80"),
        ("source", "port", None),
        ("source", "extra", 1),
        ("event", "duration", -1),
        ("event", "duration", 2**63),
        ("event", "outcome", "good"),
        ("event", "created", "2026-01-01 00:00:00"),
        ("event", "category", ["webb"]),
        ("shipper", "interim", [200]),
        ("shipper", "anomalies", ["Bare LF"]),
        ("related", "ip", ["nowhere"]),
    ],
)
def test_what_is_wrong_is_refused(part: str, field: str, value: object) -> None:
    """The model is closed, strict and knows its ranges."""
    record = full()
    record[part][field] = value
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(record)


@pytest.mark.parametrize(("status", "fine"), [(99, False), (100, True), (999, True), (1000, False)])
def test_status_codes_have_three_digits(status: int, fine: bool) -> None:  # noqa: FBT001 - a table of cases
    """Whatever three digits the wire had."""
    record = full()
    record["http"]["response"]["status_code"] = status
    if fine:
        ADAPTER.validate_python(record)
    else:
        with pytest.raises(ValidationError):
            ADAPTER.validate_python(record)
