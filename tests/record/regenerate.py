"""Writes what is generated from the model: schema, examples, field reference.

`.venv/bin/python tests/record/regenerate.py`; the tests say when it is due.
"""

from pathlib import Path

import orjson
from record_exchanges import CREATED, OFFSET, builder, examples

from shipper.record.reference import anomaly_table, field_table
from shipper.record.schema import json_schema

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "schemas" / "http.header.v1"
SCHEMA = SCHEMAS / "1.0.schema.json"
EXAMPLES = SCHEMAS / "examples"
REFERENCE = ROOT / "docs" / "records.md"

_PRETTY = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


def schema_text() -> bytes:
    """What the checked-in schema should be."""
    return orjson.dumps(json_schema(), option=_PRETTY)


def example_texts() -> dict[str, bytes]:
    """File name -> what the checked-in example should be."""
    texts = {}
    for number, (name, (settings, exchange)) in enumerate(examples().items()):
        made = builder(settings)
        encoded = made.encode(made.build(exchange, OFFSET, CREATED), number)
        texts[f"{name}.json"] = orjson.dumps(orjson.loads(encoded.value), option=_PRETTY)
    return texts


def reference_text(text: str) -> str:
    """The page `text` with its generated tables made anew."""
    tables = {"fields": field_table(json_schema()), "anomalies": anomaly_table()}
    for name, table in tables.items():
        before, begin, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- /{name} -->\n")
        text = f"{before}{begin}{table}\n{end}{after}"
    return text


def main() -> None:
    """Writes all of it."""
    EXAMPLES.mkdir(parents=True, exist_ok=True)
    SCHEMA.write_bytes(schema_text())
    for name, text in example_texts().items():
        (EXAMPLES / name).write_bytes(text)
    REFERENCE.write_text(reference_text(REFERENCE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
