"""The published schemas and golden records, as the tests for consumers read them."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Json = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "schemas"
RECORD = "http.header.v1"
DEAD = "http.header.dead.v1"
LEDGER = "http.header.ledger.v1"

_NAME = re.compile(r"([0-9]+)\.([0-9]+)\.schema\.json")


def newest(contract: str) -> Json:
    """The schema of the newest version, the one that producers are held to."""
    versions = {
        (int(match[1]), int(match[2])): path
        for path in (SCHEMAS / contract).iterdir()
        if (match := _NAME.fullmatch(path.name))
    }
    schema: Json = json.loads(versions[max(versions)].read_text("utf-8"))
    return schema


def golden(contract: str = RECORD) -> list[Json]:
    """The examples of every version, each with an id of its own: some share one."""
    files = sorted((SCHEMAS / contract).glob("examples/**/*.json"))
    records: list[Json] = [json.loads(path.read_text("utf-8")) for path in files]
    for number, record in enumerate(records):
        record["event"]["id"] = f"{record['event']['id'].rpartition('-')[0]}-{number}"
    return records


def plain() -> Json:
    """The example of a plain GET, as in the oldest version; it is one of the golden records."""
    names = sorted(path for path in (SCHEMAS / RECORD).glob("examples/**/*.json"))
    return golden()[[path.stem for path in names].index("get")]


def key(record: Mapping[str, Any]) -> str:
    """The message's key, which becomes `_id`."""
    return str(record["event"]["id"])


def fields(record: Mapping[str, Any], prefix: str = "") -> Json:
    """Dotted name -> value, of one record; lists are values."""
    flat: Json = {}
    for name, value in record.items():
        if isinstance(value, dict):
            flat |= fields(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
