"""Writes what is generated from the models: schemas, examples, field references.

`PYTHONPATH=tests .venv/bin/python -m record.regenerate`; the tests say when it is due.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from shipper.record.avro import avro_schema
from shipper.record.reference import (
    anomaly_table,
    avro_table,
    encoding_table,
    field_table,
    leaves,
)
from shipper.record.schema import (
    CONTRACTS,
    DEAD,
    LEDGER,
    RECORD,
    RECORDS,
    Contract,
    json_schema,
    open_schema,
)

from . import record_accounts
from .record_exchanges import CREATED, EXAMPLES, OFFSET, builder

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "schemas"
REFERENCES = {
    "records.md": {
        "fields": lambda: field_table(json_schema(RECORD)),
        "anomalies": anomaly_table,
    },
    "schemas.md": {"avro": lambda: avro_table(CONTRACTS)},
    "encodings.md": {"encodings": lambda: encoding_table(RECORD)},
    "ledger.md": {
        "ledger": lambda: field_table(json_schema(LEDGER)),
        "dead": lambda: field_table(json_schema(DEAD)),
    },
}

_PRETTY = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


def schema_texts(contract: Contract) -> dict[Path, bytes]:
    """Where each schema of a version is checked in -> what it should be."""
    folder, version = SCHEMAS / contract.name, contract.version
    return {
        folder / f"{version}.schema.json": orjson.dumps(json_schema(contract), option=_PRETTY),
        folder / f"{version}.open.schema.json": orjson.dumps(open_schema(contract), option=_PRETTY),
        folder / f"{version}.avsc": orjson.dumps(avro_schema(contract), option=_PRETTY),
    }


def example_folder(contract: Contract) -> Path:
    """Where the examples are checked in."""
    return SCHEMAS / contract.name / "examples" / contract.version


def every_field(contract: Contract) -> dict[str, Any]:
    """A document with every field there is, made of the fields' examples."""
    document: dict[str, Any] = {}
    for name, field, _ in leaves(json_schema(contract)):
        *path, last = name.split(".") if name != "@timestamp" else [name]
        part = document
        for step in path:
            part = part.setdefault(step, {})
        part[last] = field["examples"][0]
    if "shipper" in document:
        document["shipper"]["schema_version"] = contract.version
    return document


def _records(version: str) -> dict[str, bytes]:
    """Name -> message value."""
    values = {}
    for number, (name, (settings, exchange)) in enumerate(EXAMPLES[version]().items()):
        made = builder(replace(settings, schema_version=version))
        values[name] = made.encode(made.build(exchange, OFFSET, CREATED), number).value
    return values


def example_texts(contract: Contract) -> dict[str, bytes]:
    """File name -> what the checked-in example should be."""
    values = (
        _records(contract.version)
        if contract in RECORDS
        else record_accounts.examples()[contract.name, contract.version]
    )
    values["every_field"] = orjson.dumps(every_field(contract))
    return {
        f"{name}.json": orjson.dumps(orjson.loads(value), option=_PRETTY)
        for name, value in values.items()
    }


def reference_text(page: str, text: str) -> str:
    """The text of a page of docs/ with its generated tables made anew."""
    for name, table in REFERENCES[page].items():
        before, begin, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- /{name} -->\n")
        text = f"{before}{begin}{table()}\n{end}{after}"
    return text


def main() -> None:
    """Writes all of it."""
    for contract in CONTRACTS:
        folder = example_folder(contract)
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in schema_texts(contract).items():
            path.write_bytes(text)
        for name, text in example_texts(contract).items():
            (folder / name).write_bytes(text)
    for page in REFERENCES:
        path = ROOT / "docs" / page
        path.write_text(reference_text(page, path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
