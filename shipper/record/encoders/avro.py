"""The document as Avro: one value of the schema of its version, with no header and no schema.

A reader takes the schema's version from the message's headers, or its id from the framing.
"""

from io import BytesIO
from typing import Any, Final

from fastavro import parse_schema, schemaless_reader, schemaless_writer

from shipper.record.avro import RENAMED, AvroForm, Convert, microseconds
from shipper.record.encoders.interface import Document
from shipper.record.model import SCHEMA_NAME
from shipper.record.schema import RECORDS


class AvroEncoder:
    """Avro's binary encoding (Avro specification 1.12, which names this content type)."""

    name: Final = "avro"
    content_type: Final = "avro/binary"
    schema_name: Final = SCHEMA_NAME
    whole: Final = True

    def __init__(self, schema_version: str) -> None:
        contract = next(one for one in RECORDS if one.version == schema_version)
        self.schema_version: Final = schema_version
        self._form = AvroForm(contract)
        self._schema: Any = parse_schema(self._form.schema)
        self._turn = _record(self._schema, {})

    def encode(self, document: Document) -> bytes:
        """The value."""
        out = BytesIO()
        schemaless_writer(out, self._schema, self._turn(document))
        return out.getvalue()

    def decode(self, value: bytes) -> Document:
        """The document; ValueError where the bytes are none of this version."""
        raw = BytesIO(value)
        try:
            found = schemaless_reader(raw, self._schema, None)
        except (EOFError, IndexError, UnicodeDecodeError, OverflowError) as error:
            raise ValueError(f"it is no Avro of {SCHEMA_NAME} {self.schema_version}") from error
        if raw.read(1) or not isinstance(found, dict):
            raise ValueError(f"it is no Avro of {SCHEMA_NAME} {self.schema_version}")
        return self._form.from_avro(found)


def _record(schema: Any, known: dict[str, Convert]) -> Convert:  # noqa: ANN401 - as fastavro gives it
    """What turns a part of a document into a record of this schema, as fastavro writes it fastest.

    Told the type of each optional value, fastavro does not try the value on every type of the
    union, which takes longer than to write it.
    """
    json_names = {avro: json for json, avro in RENAMED.items()}
    fields = [
        (json_names.get(field["name"], field["name"]), field["name"], _field(field["type"], known))
        for field in schema["fields"]
    ]

    def turn(part: Document) -> Document:
        return {
            avro_name: value if convert is None else convert(value)
            for name, avro_name, convert in fields
            if (value := part.get(name)) is not None
        }

    known[schema["name"]] = turn
    return turn


def _field(schema: Any, known: dict[str, Convert]) -> Convert | None:  # noqa: ANN401 - of any type
    """The same for the type of a field; None where the value stays as it is."""
    if isinstance(schema, list):
        kind = schema[1]
        name = kind if isinstance(kind, str) else kind.get("name", kind["type"])
        convert = _field(kind, known)
        if convert is None:
            return lambda value: (name, value)
        return lambda value: (name, convert(value))
    if isinstance(schema, str):
        return known.get(schema)
    if schema["type"] == "record":
        return _record(schema, known)
    return microseconds if schema.get("logicalType") == "timestamp-micros" else None
