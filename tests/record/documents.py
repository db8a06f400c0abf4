"""JSON Schema -> hypothesis strategies for documents that it describes, and ways to spoil one."""

from copy import deepcopy
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from hypothesis import strategies as st

from shipper.record.schema import Contract, Schema, fields, json_schema

Document = dict[str, Any]
Strategy = st.SearchStrategy[Any]

_MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(  # noqa: DTZ001 - UTC by what is written
    lambda moment: moment.isoformat(timespec="microseconds") + "Z"
)


def documents(contract: Contract) -> Strategy:
    """Valid documents: any optional part there or not, any text, numbers from end to end."""
    schema = json_schema(contract)
    return _object(schema, schema["$defs"])


def _object(schema: Schema, parts: dict[str, Schema]) -> Strategy:
    required = set(schema.get("required", ()))
    made = {name: _value(part, parts) for name, part in schema["properties"].items()}
    return st.fixed_dictionaries(
        {name: one for name, one in made.items() if name in required},
        optional={name: one for name, one in made.items() if name not in required},
    )


def _value(part: Schema, parts: dict[str, Schema]) -> Strategy:
    if "$ref" in part:
        return _object(parts[part["$ref"].rpartition("/")[2]], parts)
    if "enum" in part:
        return st.sampled_from(part["enum"])
    return _several(part, parts) if part.get("type") in ("array", "object") else _scalar(part)


def _scalar(part: Schema) -> Strategy:
    match part.get("type"):
        case "integer":
            return st.integers(part.get("minimum", -(2**63)), part.get("maximum", 2**63 - 1))
        case "number":
            return st.floats(
                part.get("exclusiveMinimum"),
                part.get("maximum"),
                exclude_min="exclusiveMinimum" in part,
                allow_nan=False,
                allow_infinity=False,
            )
        case "boolean":
            return st.booleans()
    return _text(part)


def _several(part: Schema, parts: dict[str, Schema]) -> Strategy:
    if part["type"] == "array":
        return st.lists(_value(part["items"], parts), min_size=part.get("minItems", 0), max_size=3)
    one = _value(part["additionalProperties"], parts)
    return st.dictionaries(st.text(max_size=5), one, max_size=2)


def _text(part: Schema) -> Strategy:
    if "anyOf" in part:
        return st.ip_addresses().map(_plain)
    if part.get("format") == "date-time":
        return _MOMENTS
    if "pattern" in part:
        return st.from_regex(
            part["pattern"].replace("$", r"\Z"), alphabet=st.characters(codec="utf-8")
        )
    return st.text(min_size=part.get("minLength", 0), max_size=8)


def _plain(address: IPv4Address | IPv6Address) -> str:
    return str(address)


def spoilt(contract: Contract) -> Strategy:
    """(what was done, document) with exactly one fault that a closed schema can see."""
    schema = json_schema(contract)
    return st.tuples(documents(contract), st.data()).map(lambda drawn: _spoil(schema, *drawn))


def _spoil(schema: Schema, document: Document, data: st.DataObject) -> tuple[str, Document]:
    document = deepcopy(document)
    places = [name for name, _ in fields(schema) if _holder(document, name) is not None]
    name = data.draw(st.sampled_from(places))
    holder, last = _holder(document, name), name.rpartition(".")[2]
    assert holder is not None
    fault = data.draw(st.sampled_from(["null", "wrong type", "unknown field"]))
    if fault == "unknown field":
        holder["novel"] = 1
    else:
        holder[last] = None if fault == "null" else [[{}]]
    return f"{fault} at {name}", document


def _holder(document: Document, name: str) -> Document | None:
    """The part of the document that holds, or may hold, the field; None if the part is absent."""
    part: Any = document
    for step in name.split(".")[:-1]:
        part = part.get(step) if isinstance(part, dict) else None
    return part if isinstance(part, dict) else None
