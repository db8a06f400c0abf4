"""The models -> their Avro schemas, and documents -> the values that these describe, and back.

Avro's names are letters, digits and `_`, so `@timestamp` is `timestamp`; a moment is a
timestamp-micros, and what is absent from a document is null. Nothing else differs, and nothing is
lost on the way there and back. A list of words is a string: an Avro enum that grows is no longer
read by those who hold the shorter one. Source: Avro 1.12 specification.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from shipper.record.schema import Contract, Schema, json_schema

Convert = Callable[[Any], Any]

#: JSON name -> Avro name, of the only fields whose names differ.
RENAMED: Final = {"@timestamp": "timestamp"}

TIMESTAMP: Final = {"type": "long", "logicalType": "timestamp-micros"}

_PRIMITIVE: Final = {
    "string": "string",
    "integer": "long",
    "number": "double",
    "boolean": "boolean",
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def avro_schema(contract: Contract) -> Schema:
    """The schema of one version. Optional fields are unions of null, which is the default."""
    schema = json_schema(contract)
    return _Writer(schema["$defs"]).record(schema, "Document", namespace=contract.name)


class AvroForm:
    """Turns the documents of one version into what its Avro schema describes, and back."""

    def __init__(self, contract: Contract) -> None:
        self.schema = avro_schema(contract)
        schema = json_schema(contract)
        self._there = _Part(schema, schema["$defs"])

    def to_avro(self, document: dict[str, Any]) -> dict[str, Any]:
        """The value for an Avro writer; its timestamps are integers (µs since 1970).

        The document is a valid one. ValueError where a timestamp is no moment, as the 30th of
        February is none: its pattern can't tell.
        """
        return self._there.there(document)

    def from_avro(self, value: dict[str, Any]) -> dict[str, Any]:
        """The document; timestamps may be integers or what a reader made of them, datetimes."""
        return self._there.back(value)


class _Writer:
    """Writes one schema: every named type once, and then by its name."""

    def __init__(self, parts: dict[str, Schema]) -> None:
        self._parts = parts
        self._named: set[str] = set()

    def record(self, schema: Schema, name: str, **more: str) -> Schema:
        required = schema.get("required", ())
        return {
            "type": "record",
            "name": name,
            **more,
            "doc": schema.get("description", ""),
            "fields": [
                self._field(field, self._type(part), part, optional=field not in required)
                for field, part in schema["properties"].items()
            ],
        }

    def _field(self, name: str, kind: object, part: Schema, *, optional: bool) -> Schema:
        field: Schema = {"name": RENAMED.get(name, name)}
        if "description" in part:
            field["doc"] = part["description"]
        if optional:
            return field | {"type": ["null", kind], "default": None}
        return field | {"type": kind}

    def _type(self, part: Schema) -> object:
        if "$ref" in part:
            name = part["$ref"].rpartition("/")[2]
            if name in self._named:
                return name
            self._named.add(name)
            return self.record(self._parts[name], name)
        if part.get("format") == "date-time":
            return dict(TIMESTAMP)
        kind = part.get("type", "string")
        if kind == "array":
            return {"type": "array", "items": self._type(part["items"])}
        if kind == "object":
            return {"type": "map", "values": self._type(part["additionalProperties"])}
        return _PRIMITIVE[kind]


class _Part:
    """Turns one part of a document, both ways."""

    def __init__(self, schema: Schema, parts: dict[str, Schema]) -> None:
        self._fields: list[tuple[str, str, Convert | None, Convert | None]] = [
            (name, RENAMED.get(name, name), *_conversions(field, parts))
            for name, field in schema["properties"].items()
        ]

    def there(self, document: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, avro_name, convert, _ in self._fields:
            value = document.get(name)
            found[avro_name] = convert(value) if convert and value is not None else value
        return found

    def back(self, value: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, avro_name, _, convert in self._fields:
            if (one := value.get(avro_name)) is not None:
                found[name] = convert(one) if convert else one
        return found


def _conversions(field: Schema, parts: dict[str, Schema]) -> tuple[Convert | None, Convert | None]:
    """How a field's value is turned; None where it is the same in both."""
    if "$ref" in field:
        part = _Part(parts[field["$ref"].rpartition("/")[2]], parts)
        return part.there, part.back
    if field.get("format") == "date-time":
        return microseconds, _text
    if "$ref" in field.get("items", {}):
        one = _Part(parts[field["items"]["$ref"].rpartition("/")[2]], parts)
        return (
            lambda values: [one.there(value) for value in values],
            lambda values: [one.back(value) for value in values],
        )
    return None, None


def microseconds(text: str) -> int:
    """Of a timestamp, since 1970; ValueError where it is no moment."""
    return (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND


def _text(moment: datetime | int) -> str:
    if isinstance(moment, int):
        moment = _EPOCH + moment * _MICROSECOND
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
