"""The models -> their JSON Schemas (2020-12), as published under `schemas/`.

Two of each: the closed one is what producers are held to. The open one is for consumers: it
bears fields and words that a later minor version adds, so that a consumer of 1.0 reads 1.1.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from pydantic import TypeAdapter

from shipper.record.model import alert, dead, ledger, record
from shipper.record.model.counterparts import ECS_VERSION, OTEL_VERSION, counterpart

Schema = dict[str, Any]


class Contract(NamedTuple):
    """What is published on one topic: one version of it."""

    name: str
    version: str
    adapter: TypeAdapter[Any]


RECORDS: Final = tuple(
    Contract(record.SCHEMA_NAME, version, adapter) for version, adapter in record.ADAPTERS.items()
)
#: The newest.
RECORD: Final = RECORDS[-1]
LEDGERS: Final = tuple(
    Contract(ledger.SCHEMA_NAME, version, adapter) for version, adapter in ledger.ADAPTERS.items()
)
LEDGER: Final = LEDGERS[-1]
DEAD: Final = Contract(dead.SCHEMA_NAME, dead.SCHEMA_VERSION, dead.ADAPTER)
ALERTS: Final = Contract(alert.SCHEMA_NAME, alert.SCHEMA_VERSION, alert.ADAPTER)
CONTRACTS: Final = (*RECORDS, *LEDGERS, DEAD, ALERTS)


def json_schema(contract: Contract = RECORD) -> Schema:
    """The closed schema that producers are held to.

    Beside title, description and example, every field says as `x-unit` (where it has one),
    `x-ecs` and `x-otel` (null where there is none) what it is elsewhere. A fixed value is an
    `enum` of one word, so that a second one widens it and changes no keyword.
    """
    generated = contract.adapter.json_schema()
    for name, field in fields(generated):
        unit, ecs, otel = counterpart(name)
        if unit is not None:
            field["x-unit"] = unit
        field |= {"x-ecs": ecs, "x-otel": otel}
        if "const" in field:
            field["enum"] = [field.pop("const")]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:shipper:{contract.name}:{contract.version}",
        **generated,
        "title": f"{contract.name} {contract.version}",
        "x-ecs-version": ECS_VERSION,
        "x-otel-version": OTEL_VERSION,
    }


def open_schema(contract: Contract = RECORD) -> Schema:
    """The schema that consumers read with: fields and words that it does not know are no fault."""
    schema: Schema = _opened(json_schema(contract))
    schema["$id"] += ":open"
    schema["title"] += " (open)"
    return schema


def registry_schema(contract: Contract = RECORD) -> Schema:
    """The closed schema as registries take it.

    It is declared as draft 7, whose keywords are all that is used here, and has no `$id`:
    Apicurio 3.3 compares no schema of 2020-12 ("could not determine version") and resolves no
    reference below an `$id` that is a URN.
    """
    schema = json_schema(contract)
    del schema["$id"]
    return schema | {"$schema": "http://json-schema.org/draft-07/schema#"}


def fields(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """(dotted name, schema) of each field, once: a part that several share at its first place."""
    yield from _fields(schema, schema.get("$defs", {}), "", set())


def _fields(
    part: Schema, parts: dict[str, Schema], prefix: str, seen: set[str]
) -> Iterator[tuple[str, Schema]]:
    for name, field in part["properties"].items():
        if "$ref" not in field:
            yield prefix + name, field
        reference = field.get("$ref") or field.get("items", {}).get("$ref")
        if reference is None or reference in seen:
            continue
        seen.add(reference)
        yield from _fields(parts[reference.rpartition("/")[2]], parts, f"{prefix}{name}.", seen)


def _opened(schema: Any) -> Any:  # noqa: ANN401 - any part of a JSON document
    """A schema, or any part of one, that holds to nothing which a minor version may widen."""
    if isinstance(schema, list):
        return [_opened(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    opened = {
        name: value if name in ("examples", "default") else _opened(value)
        for name, value in schema.items()
    }
    if opened.get("additionalProperties") is False:
        opened["additionalProperties"] = True
    if isinstance(opened.get("enum"), list):
        opened["x-known"] = opened.pop("enum")
    return opened
