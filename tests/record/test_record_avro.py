"""Avro: legal names, nothing lost, and the same documents as the model and the JSON Schema."""

import io
import re
from datetime import UTC, datetime
from itertools import combinations
from typing import Any

import fastavro
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from shipper.record.avro import AvroForm, avro_schema
from shipper.record.faults import first_fault
from shipper.record.schema import CONTRACTS, RECORDS, Contract, json_schema, open_schema

from . import regenerate
from .documents import documents, spoilt

FORMS = {contract: AvroForm(contract) for contract in CONTRACTS}
PARSED = {contract: fastavro.parse_schema(form.schema) for contract, form in FORMS.items()}
CLOSED = {
    contract: Draft202012Validator(
        json_schema(contract), format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    for contract in CONTRACTS
}
OPEN = {
    contract: Draft202012Validator(
        open_schema(contract), format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    for contract in CONTRACTS
}
every_contract = pytest.mark.parametrize(
    "contract", CONTRACTS, ids=lambda contract: f"{contract.name}-{contract.version}"
)
# Records have 200 fields: drawing one takes longer than hypothesis expects of an input.
thorough = settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ],
)


def written(contract: Contract, document: dict[str, Any]) -> bytes:
    """The document as Avro, by fastavro's writer at its strictest."""
    out = io.BytesIO()
    value = FORMS[contract].to_avro(document)
    fastavro.schemaless_writer(out, PARSED[contract], value, strict=True)
    return out.getvalue()


def read(contract: Contract, raw: bytes, reader: Contract | None = None) -> dict[str, Any]:
    """The document again, read as `reader` knows it."""
    schema = PARSED[reader or contract]
    value = fastavro.schemaless_reader(io.BytesIO(raw), PARSED[contract], schema)
    assert isinstance(value, dict)
    return FORMS[reader or contract].from_avro(value)


@every_contract
@given(data=st.data())
@thorough
def test_model_json_schema_and_avro_take_the_same_documents(
    contract: Contract, data: st.DataObject
) -> None:
    """Whatever is drawn from the schema is valid in all three, and comes back whole from Avro."""
    document = data.draw(documents(contract))
    assert contract.adapter.validate_python(document) == document
    CLOSED[contract].validate(orjson.loads(orjson.dumps(document)))
    assert read(contract, written(contract, document)) == document
    assert FORMS[contract].from_avro(FORMS[contract].to_avro(document)) == document


@every_contract
@given(data=st.data())
@thorough
def test_model_and_json_schema_refuse_the_same_documents(
    contract: Contract, data: st.DataObject
) -> None:
    """One null, one wrong type or one unknown field anywhere is refused by both.

    What `shipper schema check` says of it is what the schemas say, the open one included.
    """
    fault, document = data.draw(spoilt(contract))
    assert not CLOSED[contract].is_valid(document), fault
    with pytest.raises(ValidationError):
        contract.adapter.validate_python(document)
    assert first_fault(document, contract) is not None
    assert (first_fault(document, contract, opened=True) is None) is OPEN[contract].is_valid(
        document
    ), fault


@every_contract
def test_golden_documents_pass_through_avro(contract: Contract) -> None:
    """Each example comes back as it was."""
    for path in regenerate.example_folder(contract).iterdir():
        document = orjson.loads(path.read_bytes())
        assert read(contract, written(contract, document)) == document, path.name


def test_each_version_reads_the_avro_of_the_others() -> None:
    """By fastavro's schema resolution: what a reader doesn't know is left out, no more."""
    for earlier, later in combinations(RECORDS, 2):
        document = regenerate.every_field(later)
        first = regenerate.every_field(earlier)
        own = {name: document["shipper"][name] for name in first["shipper"]}
        assert read(later, written(later, document), reader=earlier) == {**first, "shipper": own}
        assert read(earlier, written(earlier, first), reader=later) == first


@every_contract
def test_every_avro_name_is_legal(contract: Contract) -> None:
    """Letters, digits and underscores (Avro specification, Names); each type is named once."""
    names, fields = _names(avro_schema(contract))
    assert len(names) == len(set(names)) > 3
    for name in [*names, *fields]:
        assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name), name
    assert "timestamp" in fields


def _names(schema: object) -> tuple[list[str], list[str]]:
    """The names of the records in a schema, and of their fields."""
    records: list[str] = []
    fields: list[str] = []
    for part in schema if isinstance(schema, list) else [schema]:
        if not isinstance(part, dict):
            continue
        if part["type"] == "record":
            records.append(part["name"])
            fields += [field["name"] for field in part["fields"]]
        inner = [field["type"] for field in part.get("fields", ())]
        inner += [
            part[key]
            for key in ("items", "values", "type")
            if isinstance(part.get(key), (dict, list))
        ]
        for one in inner:
            more = _names(one)
            records += more[0]
            fields += more[1]
    return records, fields


def test_a_moment_is_a_timestamp_in_microseconds() -> None:
    """Readers get a moment, not a text; `@timestamp` is called timestamp."""
    contract = RECORDS[0]
    document = regenerate.every_field(contract)
    document["@timestamp"] = "2026-02-03T04:05:06.000007Z"
    raw = io.BytesIO(written(contract, document))
    value = fastavro.schemaless_reader(raw, PARSED[contract])
    assert isinstance(value, dict)
    assert value["timestamp"] == datetime(2026, 2, 3, 4, 5, 6, 7, tzinfo=UTC)


def test_a_text_that_is_no_moment_is_refused() -> None:
    """The pattern takes the 30th of February, Avro can't."""
    contract = RECORDS[0]
    document = regenerate.every_field(contract) | {"@timestamp": "2026-02-30T00:00:00.000000Z"}
    assert contract.adapter.validate_python(document)
    with pytest.raises(ValueError, match="day"):
        FORMS[contract].to_avro(document)


@every_contract
def test_avro_refuses_what_has_no_place_in_it(contract: Contract) -> None:
    """The writer takes no document that lacks a required field."""
    document = regenerate.every_field(contract)
    del document["@timestamp"]
    with pytest.raises((TypeError, ValueError)):
        written(contract, document)
