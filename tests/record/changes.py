"""Changes of the records' JSON Schema that break those who read, and others that don't."""

from collections.abc import Callable
from typing import Any

from shipper.record.schema import Schema

Edit = Callable[[Schema], object]


def _part(schema: Schema, name: str) -> Schema:
    part: Schema = schema["$defs"][name]["properties"]
    return part


# What a careless hand might do to the schema of records, where, and a place in a record.
BAD: dict[str, tuple[str, Edit, Callable[[Any], object]]] = {
    "field removed": (
        "network.vlan.id",
        lambda s: [_part(s, "Vlan").pop("id"), s["$defs"]["Vlan"].pop("required")],
        lambda d: d,
    ),
    "field required": (
        "event.start",
        lambda s: s["$defs"]["Event"]["required"].append("start"),
        lambda d: d["event"].pop("start"),
    ),
    "required field added": (
        "url.novel",
        lambda s: [
            _part(s, "Url").update(novel={"type": "string"}),
            s["$defs"]["Url"].update(required=["novel"]),
        ],
        lambda d: d,
    ),
    "type changed": (
        "source.port",
        lambda s: _part(s, "Source")["port"].update(type="string"),
        lambda d: d,
    ),
    "word removed": (
        "shipper.hook",
        lambda s: _part(s, "Shipper")["hook"]["enum"].remove("cgroup"),
        lambda d: d["shipper"].update(hook="cgroup"),
    ),
    "words listed": (
        "http.version",
        lambda s: _part(s, "Http")["version"].update(enum=["1.0", "1.1"]),
        lambda d: d["http"].update(version="0.9"),
    ),
    "maximum lowered": (
        "http.response.status_code",
        lambda s: _part(s, "HttpResponse")["status_code"].update(maximum=599),
        lambda d: d["http"]["response"].update(status_code=999),
    ),
    "minimum raised": (
        "client.port",
        lambda s: _part(s, "Client")["port"].update(minimum=1),
        lambda d: d["client"].update(port=0),
    ),
    "pattern added": (
        "url.path",
        lambda s: _part(s, "Url")["path"].update(pattern="^/"),
        lambda d: d["url"].update(path="novel"),
    ),
    "items narrowed": (
        "related.hosts[]",
        lambda s: _part(s, "Related")["hosts"]["items"].update(minLength=5),
        lambda d: d["related"].update(hosts=["a"]),
    ),
    "map narrowed": (
        "labels[]",
        lambda s: s["properties"]["labels"]["additionalProperties"].update(type="integer"),
        lambda d: d,
    ),
    "keyword unknown here": (
        "event.outcome",
        lambda s: _part(s, "Event")["outcome"].update({"not": {"enum": ["failure"]}}),
        lambda d: d["event"].update(outcome="failure"),
    ),
}

GOOD: dict[str, Edit] = {
    "optional field added": lambda s: _part(s, "Url").update(novel={"type": "string"}),
    "optional part added": lambda s: [
        s["$defs"].update(
            Novel={"type": "object", "properties": {}, "additionalProperties": False}
        ),
        _part(s, "Url").update(novel={"$ref": "#/$defs/Novel"}),
    ],
    "word added": lambda s: _part(s, "Shipper")["hook"]["enum"].append("novel"),
    "words no longer listed": lambda s: _part(s, "Shipper")["hook"].pop("enum"),
    "field optional": lambda s: s["$defs"]["Source"]["required"].remove("port"),
    "maximum raised": lambda s: _part(s, "Source")["port"].update(maximum=70000),
    "pattern gone": lambda s: _part(s, "Event")["id"].pop("pattern"),
    "integer is number": lambda s: _part(s, "Source")["port"].update(type="number"),
    "opened": lambda s: s["$defs"]["Url"].update(additionalProperties=True),
    "said otherwise": lambda s: _part(s, "Url")["path"].update(title="Way", description="It."),
}
