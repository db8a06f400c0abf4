"""The models' JSON Schemas and the anomalies -> the generated tables below docs/."""

import json
from collections.abc import Iterable, Iterator

from shipper.record.anomalies import ANOMALIES
from shipper.record.avro import RENAMED
from shipper.record.encoders.cim import FIELDS
from shipper.record.encoders.ocsf_places import PLACES, VARIANTS
from shipper.record.schema import Contract, Schema, fields, json_schema

# The parts of a side are those at the root once more.
_REPEATED = ("shipper.source.", "shipper.destination.")


def leaves(schema: Schema) -> Iterator[tuple[str, Schema, bool]]:
    """(dotted name, schema, whether it is in every record) of each field, in the model's order."""
    yield from _leaves(schema, schema["$defs"], "", whole=True)


def _leaves(
    part: Schema, parts: dict[str, Schema], prefix: str, *, whole: bool
) -> Iterator[tuple[str, Schema, bool]]:
    required = set(part.get("required", ()))
    for name, field in part["properties"].items():
        always = whole and name in required
        reference = field.get("$ref")
        if reference is None:
            yield prefix + name, field, always
        else:
            inner = parts[reference.rpartition("/")[2]]
            yield from _leaves(inner, parts, f"{prefix}{name}.", whole=always)


def field_table(schema: Schema) -> str:
    """A table of all fields."""
    rows = [
        "| field | type | | what it is | unit | ECS | OpenTelemetry | example |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, field, always in leaves(schema):
        if name.startswith(_REPEATED):
            continue
        title, description = field["title"], field["description"]
        meaning = description if description.startswith(title) else f"{title}: {description}"
        if "x-since" in field:
            meaning += f" Since version {field['x-since']}."
        example = json.dumps(field["examples"][0]) if field.get("examples") else ""
        rows.append(
            f"| `{name}` | {_type(field)} | {'always' if always else ''} | {_cell(meaning)} "
            f"| {_code(field.get('x-unit'))} | {_ecs(name, field)} | {_code(field['x-otel'])} "
            f"| {_code(example)} |"
        )
    return "\n".join(rows)


def avro_table(contracts: Iterable[Contract]) -> str:
    """A table of the fields that are another thing in Avro than in JSON."""
    rows = ["| field | in JSON | field in Avro | in Avro |", "| --- | --- | --- | --- |"]
    found: dict[str, str] = {}
    for contract in contracts:
        for name, field in fields(json_schema(contract)):
            *path, last = name.split(".")
            avro_name = ".".join([*path, RENAMED.get(last, last)])
            if field.get("format") == "date-time":
                found[name] = f"| `{name}` | text, RFC 3339 | `{avro_name}` | timestamp-micros |"
            elif avro_name != name:
                found[name] = f"| `{name}` | as it is | `{avro_name}` | the same |"
    return "\n".join([*rows, *found.values()])


def encoding_table(contract: Contract) -> str:
    """A table of where each field stands in OCSF and in CIM, without those that have no place."""
    rows = ["| field | in OCSF | in CIM |", "| --- | --- | --- |"]
    for name, _, _ in leaves(json_schema(contract)):
        ocsf = [f"`{place.path}`" for place in PLACES.get(name, ())]
        for variant in VARIANTS:
            ocsf += [f"`{place.path}` ({variant.when})" for place in variant.places.get(name, ())]
        cim = [f"`{to}`" for to, made in FIELDS.items() if _made_of(made.sources, name)]
        if ocsf or cim:
            rows.append(f"| `{name}` | {', '.join(ocsf)} | {', '.join(cim)} |")
    return "\n".join(rows)


def _made_of(sources: Iterable[str], name: str) -> bool:
    return any(f"{source}.".startswith(f"{name}.") for source in sources)


def anomaly_table() -> str:
    """A table of the anomalies."""
    rows = ["| name | what was seen | source |", "| --- | --- | --- |"]
    rows += [f"| `{name}` | {a.meaning} | {a.source} |" for name, a in ANOMALIES.items()]
    return "\n".join(rows)


def _type(field: Schema) -> str:
    if "anyOf" in field:
        return "ip"
    if "$ref" in field:
        return "objects"
    if field.get("format") == "date-time":
        return "date"
    kind = str(field.get("type", "string"))
    if kind == "array":
        return f"list of {_type(field['items'])}"
    if kind == "object":
        return "map of lists" if "array" in str(field["additionalProperties"]) else "map"
    return {"integer": "long", "number": "float"}.get(kind, kind)


def _code(text: str | None) -> str:
    return f"`{_cell(text)}`" if text else ""


def _ecs(name: str, field: Schema) -> str:
    """`yes` where the field is ECS's own; else the ECS field that says the same, if any."""
    return "yes" if field["x-ecs"] == name else _code(field["x-ecs"])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
