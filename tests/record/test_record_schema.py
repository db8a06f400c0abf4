"""The published contract: schema, examples and reference are what the model says."""

import hashlib
import re
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from shipper.record.anomalies import ANOMALIES
from shipper.record.model.counterparts import UNITLESS, counterpart
from shipper.record.model.record import ADAPTER
from shipper.record.model.versions import ordered
from shipper.record.reference import leaves
from shipper.record.schema import (
    CONTRACTS,
    LEDGERS,
    RECORD,
    RECORDS,
    Contract,
    fields,
    json_schema,
    open_schema,
)

from . import regenerate
from .regenerate import every_field

every_contract = pytest.mark.parametrize(
    "contract", CONTRACTS, ids=lambda c: f"{c.name}-{c.version}"
)


@every_contract
def test_the_schemas_are_current(contract: Contract) -> None:
    """`python -m record.regenerate` in `tests/` writes them."""
    for path, text in regenerate.schema_texts(contract).items():
        assert path.read_bytes() == text, path


@every_contract
def test_the_examples_are_current_and_valid(contract: Contract) -> None:
    """Each golden document is what is built today, and validates."""
    texts = regenerate.example_texts(contract)
    folder = regenerate.example_folder(contract)
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert found == texts
    assert found
    for text in found.values():
        document = orjson.loads(text)
        assert contract.adapter.validate_python(document) == document


@pytest.mark.parametrize("page", regenerate.REFERENCES)
def test_the_reference_is_current(page: str) -> None:
    """The tables of the pages are generated."""
    text = (regenerate.ROOT / "docs" / page).read_text("utf-8")
    assert text == regenerate.reference_text(page, text)
    assert all(f"<!-- {name} -->" in text for name in regenerate.REFERENCES[page])


def test_every_anomaly_is_documented() -> None:
    """Each name that is given stands in `shipper/record/anomalies.py`, and no other does."""
    sources = [*(regenerate.ROOT / "shipper" / "http").glob("*.py")]
    sources.append(regenerate.ROOT / "shipper" / "record" / "ends.py")
    texts = [source.read_text("utf-8") for source in sources]
    pattern = r'(?:\.append\(|[_.]note\((?:anomalies, )?\[?|\(message, \[)"([a-z0-9_]+)"'
    given = {name for text in texts for name in re.findall(pattern, text)}
    assert given == ANOMALIES.keys()


@every_contract
def test_every_field_says_what_it_is(contract: Contract) -> None:
    """Title, description and, but for the two sides, an example."""
    for name, field, _ in leaves(json_schema(contract)):
        assert field["title"], name
        assert field["description"], name
        assert field["examples"], name


@every_contract
def test_every_field_says_what_it_is_elsewhere(contract: Contract) -> None:
    """ECS and OpenTelemetry: a name, or none on purpose; those at ECS's places are ECS's."""
    found = list(fields(json_schema(contract)))
    assert found
    for name, field in found:
        assert {"title", "description", "x-ecs", "x-otel"} <= field.keys(), name
        for key in ("x-ecs", "x-otel"):
            assert field[key] is None or re.fullmatch(r"[@a-z0-9_.]+", field[key]), name


@every_contract
def test_every_number_has_a_unit_or_measures_nothing(contract: Contract) -> None:
    """Bytes, nanoseconds, things; or it is listed as one that names or orders."""
    numbers = {
        name: field.get("x-unit")
        for name, field in fields(json_schema(contract))
        if {"integer", "number"} & {field.get("type"), _item_type(field)}
    }
    assert numbers
    assert {name for name, unit in numbers.items() if unit is None} == UNITLESS & numbers.keys()


def _item_type(field: dict[str, Any]) -> object:
    """The type of what a list or a map holds."""
    items = field.get("items") or field.get("additionalProperties") or {}
    return items.get("type")


def test_a_field_that_nobody_placed_is_refused() -> None:
    """A new field brings its counterparts along, or no schema is made."""
    with pytest.raises(KeyError, match=r"event\.novel"):
        counterpart("event.novel")


@every_contract
def test_the_open_schema_takes_what_a_later_version_adds(contract: Contract) -> None:
    """Another field at any place, another word, and all that the closed one takes; no more."""
    closed = Draft202012Validator(json_schema(contract))
    opened = Draft202012Validator(open_schema(contract))
    Draft202012Validator.check_schema(closed.schema)
    Draft202012Validator.check_schema(opened.schema)
    document = every_field(contract)
    closed.validate(document)
    opened.validate(document)
    document["agent"]["novel"] = {"a": 1}
    document["event"]["kind"] = "novel"
    opened.validate(document)
    assert {error.validator for error in closed.iter_errors(document)} == {
        "additionalProperties",
        "enum",
    }
    document["event"]["id"] = 17
    assert [error.json_path for error in opened.iter_errors(document)] == ["$.event.id"]


@every_contract
def test_a_document_of_all_fields_is_valid(contract: Contract) -> None:
    """Each example validates, the parts that nothing fills yet included."""
    document = every_field(contract)
    assert contract.adapter.validate_python(document) == document


@every_contract
def test_every_part_is_closed_and_strict(contract: Contract) -> None:
    """No part takes a field that it does not know, and no number in quotes."""
    schema = json_schema(contract)
    for part in [schema, *schema["$defs"].values()]:
        assert part["additionalProperties"] is False
    document = every_field(contract)
    document["agent"]["extra"] = 1
    with pytest.raises(ValidationError):
        contract.adapter.validate_python(document)


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
    record = every_field(RECORD)
    record[part][field] = value
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(record)


@pytest.mark.parametrize(("status", "fine"), [(99, False), (100, True), (999, True), (1000, False)])
def test_status_codes_have_three_digits(status: int, fine: bool) -> None:  # noqa: FBT001 - a table of cases
    """Whatever three digits the wire had."""
    record = every_field(RECORD)
    record["http"]["response"]["status_code"] = status
    if fine:
        ADAPTER.validate_python(record)
    else:
        with pytest.raises(ValidationError):
            ADAPTER.validate_python(record)


def test_an_earlier_version_is_the_newest_without_what_came_later() -> None:
    """The models of all versions are one model, less the fields that say `since`."""
    names = {
        contract.version: {name for name, _ in fields(json_schema(contract))}
        for contract in RECORDS
    }
    said = {name: field.get("x-since", "1.0") for name, field in fields(json_schema(RECORD))}
    later = {name: since for name, since in said.items() if since != "1.0"}
    assert later == {
        "shipper.response_version": "1.1",
        "shipper.fold_last": "1.2",
        "shipper.fold_duration": "1.2",
    }
    for version, there in names.items():
        assert there == {n for n, since in said.items() if ordered(since) <= ordered(version)}


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda c: f"{c.name}-{c.version}")
def test_every_later_version_reads_the_golden_documents(contract: Contract) -> None:
    """What was once published stays readable: by the models and by both schemas."""
    documents = [
        orjson.loads(path.read_bytes()) for path in regenerate.example_folder(contract).iterdir()
    ]
    assert len(documents) >= (12 if contract.version == "1.0" and contract in RECORDS else 2)
    later = [
        other
        for other in CONTRACTS
        if other.name == contract.name and ordered(other.version) >= ordered(contract.version)
    ]
    assert contract in later
    for reader in later:
        closed = Draft202012Validator(json_schema(reader))
        for document in documents:
            assert reader.adapter.validate_python(document) == document
            closed.validate(document)


def test_consumers_of_each_version_read_the_golden_records_of_all() -> None:
    """With the open schema an earlier reader takes a later record; with the closed one not all."""
    folders = [regenerate.example_folder(contract) for contract in RECORDS]
    documents = [orjson.loads(path.read_bytes()) for f in folders for path in f.iterdir()]
    for contract in RECORDS:
        opened = Draft202012Validator(open_schema(contract))
        for document in documents:
            opened.validate(document)
    first = Draft202012Validator(json_schema(RECORDS[0]))
    assert not all(first.is_valid(document) for document in documents)


def test_golden_records_show_every_field() -> None:
    """Each field of each version is in at least one of its examples."""
    for contract in CONTRACTS:
        shown: set[str] = set()
        for path in regenerate.example_folder(contract).iterdir():
            document = orjson.loads(path.read_bytes())
            for name, _, _ in leaves(json_schema(contract)):
                if _at(document, name) is not None:
                    shown.add(name)
        assert shown == {name for name, _, _ in leaves(json_schema(contract))}


def _at(document: object, name: str) -> object:
    """The value at a dotted name, None where there is none."""
    for step in [name] if name == "@timestamp" else name.split("."):
        document = document.get(step) if isinstance(document, dict) else None
    return document


# What is valid under each version, words about it aside. A version that is out in
# the world stays as it is: what is to change comes with the next one.
FROZEN = {
    "http.header.v1 1.0": "bff83597998bc7d05b8b1bd64531d6db9fb760f0de5093fe39e368fab002d318",
    "http.header.v1 1.1": "fd2526195823b01b1fcb10f2042ae39bb9797e8e1a2abe01a4dd4400cb40f73c",
    "http.header.v1 1.2": "7ede39292162873e19bb5430c8265f419af42219a6454623c263111a22402c7e",
    "http.header.ledger.v1 1.0": "36133ed7318237f8c64476e1bb7c5af95fccb15affde8da7331e97794a4b4b4e",
    "http.header.ledger.v1 1.1": "545968aab5e058edad15f39b67cbc2beacb932bc66e87299c86d6145faef19af",
}


def _bare(part: Any) -> Any:  # noqa: ANN401 - any part of a JSON document
    """A schema without what only explains it."""
    if isinstance(part, list):
        return [_bare(one) for one in part]
    if not isinstance(part, dict):
        return part
    return {
        key: _bare(value)
        for key, value in part.items()
        # A field may be called "description": then what stands there is a schema.
        if isinstance(value, dict) or not key.startswith(("x-", "title", "description", "examples"))
    }


@pytest.mark.parametrize("contract", [*RECORDS, *LEDGERS], ids=lambda c: f"{c.name}-{c.version}")
def test_a_published_version_stays_as_it_is(contract: Contract) -> None:
    """An agent that is told to stay on a version writes what that version always was."""
    text = orjson.dumps(_bare(json_schema(contract)), option=orjson.OPT_SORT_KEYS)
    assert hashlib.sha256(text).hexdigest() == FROZEN[f"{contract.name} {contract.version}"]
