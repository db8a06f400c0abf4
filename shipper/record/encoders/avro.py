"""The document as Avro: one value of the schema of its version, with no header and no schema.

A reader takes the schema's version from the message's headers, or its id from the framing.
"""

from io import BytesIO
from typing import Final

from fastavro import parse_schema, schemaless_reader, schemaless_writer

from shipper.record.avro import AvroForm
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
        self._schema = parse_schema(self._form.schema)

    def encode(self, document: Document) -> bytes:
        """The value."""
        out = BytesIO()
        schemaless_writer(out, self._schema, self._form.to_avro(document))
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
