"""Evolution: every pair of versions is compatible, and a change that is not is refused.

The rules are not only asked for their verdict: for each change there is a document, and
jsonschema and fastavro show that a reader does, or doesn't, take it.
"""

import io
from copy import deepcopy
from itertools import combinations
from typing import Any

import fastavro
import pytest
from jsonschema import Draft202012Validator

from shipper.record.avro import avro_schema
from shipper.record.avro_compatibility import avro_changes
from shipper.record.compatibility import breaking, json_changes
from shipper.record.schema import CONTRACTS, RECORD, Contract, Schema, json_schema, open_schema

from . import regenerate
from .changes import BAD, GOOD

PAIRS = [
    (old, new) for old, new in combinations(CONTRACTS, 2) if old.name == new.name
]  # in the order of their versions


@pytest.mark.parametrize(("old", "new"), PAIRS, ids=lambda c: f"{c.name}-{c.version}")
def test_every_pair_of_versions_is_compatible(old: Contract, new: Contract) -> None:
    """JSON Schema BACKWARD, Avro FULL; between all pairs, so transitively."""
    found = json_changes(json_schema(old), json_schema(new))
    assert found
    assert breaking(found) == []
    found = avro_changes(avro_schema(old), avro_schema(new))
    assert found
    assert breaking(found) == []


def test_there_are_pairs() -> None:
    """What is compared is not nothing."""
    assert {(old.name, old.version, new.version) for old, new in PAIRS} == {
        ("http.header.v1", "1.0", "1.1"),
        ("http.header.v1", "1.0", "1.2"),
        ("http.header.v1", "1.1", "1.2"),
        ("http.header.ledger.v1", "1.0", "1.1"),
    }


def test_the_way_back_is_refused() -> None:
    """1.0 as the successor of 1.1 would not read its records: the check sees the direction."""
    old, new = PAIRS[0]
    found = breaking(json_changes(json_schema(new), json_schema(old)))
    assert {change.field for change in found} == {
        "shipper.response_version",
        "shipper.schema_version",
    }


def test_nothing_may_be_added_to_the_open_model() -> None:
    """That is why the closed one is what is held to, as registries see it."""
    old, new = PAIRS[0]
    (found,) = breaking(json_changes(open_schema(old), open_schema(new)))
    assert found.field == "shipper.response_version"


@pytest.mark.parametrize("name", BAD)
def test_a_bad_change_is_refused(name: str) -> None:
    """The check names the field; a record that was valid no longer is, as jsonschema sees it."""
    field, edit, show = BAD[name]
    old = json_schema(RECORD)
    new = deepcopy(old)
    edit(new)
    assert [change.field for change in breaking(json_changes(old, new))] == [field]
    document = regenerate.every_field(RECORD)
    show(document)
    Draft202012Validator(old).validate(document)
    assert not Draft202012Validator(new).is_valid(document)


@pytest.mark.parametrize("name", GOOD)
def test_a_good_change_is_accepted(name: str) -> None:
    """It is seen (words about a field aside), breaks nothing, and old records stay valid."""
    old = json_schema(RECORD)
    new = deepcopy(old)
    GOOD[name](new)
    found = json_changes(old, new)
    assert bool(found) is (name != "said otherwise")
    assert breaking(found) == []
    Draft202012Validator(new).validate(regenerate.every_field(RECORD))


def _record(*fields: Schema, name: str = "R") -> Schema:
    return {"type": "record", "name": name, "fields": list(fields)}


NULLABLE = ["null", "string"]
A: Schema = {"name": "a", "type": "long"}
B: Schema = {"name": "b", "type": NULLABLE, "default": None}
MICROS = {"type": "long", "logicalType": "timestamp-micros"}
INNER = _record(B, name="Inner")

# Old and new schema, a value of each, and whether it breaks.
AVRO: dict[str, tuple[Schema, Schema, Any, Any, bool]] = {
    "field with default added": (_record(A), _record(A, B), {"a": 1}, {"a": 1, "b": "x"}, False),
    "field with default removed": (_record(A, B), _record(A), {"a": 1, "b": "x"}, {"a": 1}, False),
    "part added": (
        _record(A),
        _record(A, {"name": "c", "type": ["null", INNER], "default": None}),
        {"a": 1},
        {"a": 1, "c": {"b": "x"}},
        False,
    ),
    "field in a part added": (
        _record(A, {"name": "c", "type": _record(A, name="Inner")}),
        _record(A, {"name": "c", "type": _record(A, B, name="Inner")}),
        {"a": 1, "c": {"a": 1}},
        {"a": 1, "c": {"a": 1, "b": "x"}},
        False,
    ),
    "field without default added": (
        _record(A),
        _record(A, B | {"name": "c"}, {"name": "d", "type": "long"}),
        {"a": 1},
        {"a": 1, "d": 2},
        True,
    ),
    "field without default removed": (
        _record(A, {"name": "d", "type": "long"}),
        _record(A),
        {"a": 1, "d": 2},
        {"a": 1},
        True,
    ),
    "type changed": (_record(A), _record(A | {"type": "boolean"}), {"a": 1}, {"a": True}, True),
    "long is double": (_record(A), _record(A | {"type": "double"}), {"a": 1}, {"a": 1.5}, True),
    "null allowed": (
        _record(A),
        _record(A | {"type": ["null", "long"]}),
        {"a": 1},
        {"a": None},
        True,
    ),
    "items changed": (
        _record({"name": "a", "type": {"type": "array", "items": "string"}}),
        _record({"name": "a", "type": {"type": "array", "items": "long"}}),
        {"a": ["x"]},
        {"a": [1]},
        True,
    ),
    "map is an array": (
        _record({"name": "a", "type": {"type": "map", "values": "string"}}),
        _record({"name": "a", "type": {"type": "array", "items": "string"}}),
        {"a": {"x": "y"}},
        {"a": ["x"]},
        True,
    ),
    "word added to an enum": (
        _record({"name": "a", "type": {"type": "enum", "name": "E", "symbols": ["X"]}}),
        _record({"name": "a", "type": {"type": "enum", "name": "E", "symbols": ["X", "Y"]}}),
        {"a": "X"},
        {"a": "Y"},
        True,
    ),
}


def _reads(reader: Schema, writer: Schema, value: object) -> bool:
    """Whether fastavro, with the reader's schema, takes what was written with the writer's."""
    raw = io.BytesIO()
    fastavro.schemaless_writer(raw, fastavro.parse_schema(deepcopy(writer)), value)
    raw.seek(0)
    try:
        fastavro.schemaless_reader(
            raw, fastavro.parse_schema(deepcopy(writer)), fastavro.parse_schema(deepcopy(reader))
        )
    except (fastavro.read.SchemaResolutionError, ValueError, TypeError):
        return False
    return True


@pytest.mark.parametrize("name", AVRO)
def test_avro_is_judged_as_fastavro_resolves_it(name: str) -> None:
    """Breaking means that one of the two does not read what the other wrote."""
    old, new, old_value, new_value, breaks = AVRO[name]
    found = avro_changes(old, new)
    assert bool(breaking(found)) is breaks
    both = _reads(new, old, old_value) and _reads(old, new, new_value)
    assert both is not breaks


def test_another_logical_type_is_refused() -> None:
    """A number that becomes a moment is read without complaint and means something else."""
    found = avro_changes(_record(A), _record(A | {"type": MICROS}))
    assert [change.field for change in breaking(found)] == ["a", "a"]


@pytest.mark.parametrize("name", ["added", "removed"])
def test_a_bad_change_of_the_record_is_refused_in_avro(name: str) -> None:
    """A field without a default, in the real schema, is refused whichever way it goes."""
    old = avro_schema(RECORD)
    new = deepcopy(old)
    new["fields"].append({"name": "novel", "type": "string"})
    pair = (old, new) if name == "added" else (new, old)
    assert [change.field for change in breaking(avro_changes(*pair))] == ["novel"]


def test_a_schema_is_compatible_with_itself() -> None:
    """Nothing changed, nothing found."""
    for contract in CONTRACTS:
        assert json_changes(json_schema(contract), json_schema(contract)) == []
        assert avro_changes(avro_schema(contract), avro_schema(contract)) == []
