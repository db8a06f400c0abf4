"""A running store in; the same with what config/ ships for it, as far as its core takes it.

What is tested is what is checked in, read back from the files. The cores that the vendors publish
for tests lack plugins, so a little is left out. `LACKS` says what, and test_stores.py shows
that each core refuses just that: a core that learns it makes the test fail, and the entry goes.
"""

import json
from collections.abc import Iterator
from typing import Any

from stores.store import Store

from .contracts import ROOT

Json = dict[str, Any]

#: Store -> what its core lacks -> what it says to it.
LACKS = {
    "elasticsearch": {
        "_component_template/logs-http.header@mappings": "The mapper type [wildcard]",
        "_component_template/logs-http.header.avro@mappings": "The mapper type [wildcard]",
        "_component_template/logs-http.header@settings": "unknown setting [index.lifecycle.name]",
        "_ingest/pipeline/logs-http.header@pipeline": "No processor type exists with name [geoip]",
        "_ilm/policy/http.header": "no handler found",
    },
    "opensearch": {"_plugins/_ism/policies/http.header": "no handler found"},
}
_FIRST = "_component_template"
_THEN = "_index_template"


def shipped(store: Store) -> dict[str, Json]:
    """API path -> body, of every file that is installed."""
    folder = ROOT / "config" / store.distribution.name
    return {
        str(path.relative_to(folder).with_suffix("")): json.loads(path.read_text("utf-8"))
        for path in sorted(folder.glob("_*/**/*.json"))
    }


def query(store: Store, name: str) -> Json:
    """A shipped query without its time range: golden records are older than that."""
    path = ROOT / "config" / store.distribution.name / "queries" / f"{name}.json"
    body: Json = json.loads(path.read_text("utf-8"))
    body.pop("query")
    return body


def install(store: Store) -> None:
    """Everything, in the order of docs/consumers.md."""
    files = shipped(store)
    for folder in (_FIRST, "_ingest/pipeline", _THEN):
        for path, body in files.items():
            if path.startswith(folder) and (taken := _taken(store, path, body)):
                store.put(f"/{path}", taken)


def _taken(store: Store, path: str, body: Json) -> Json:
    """What the core takes of it; nothing where it takes nothing."""
    if store.distribution.name == "opensearch":
        return body
    if path.startswith("_ingest"):
        return {}
    text = json.dumps(body).replace('"type": "wildcard"', '"type": "keyword"')
    taken: Json = json.loads(text)
    taken.get("template", {}).get("settings", {}).get("index", {}).pop("lifecycle", None)
    return taken


def types(properties: Json, prefix: str = "") -> Iterator[tuple[str, str]]:
    """(dotted name, type) of every field of a mapping."""
    for name, field in properties.items():
        if "properties" in field:
            yield from types(field["properties"], f"{prefix}{name}.")
        else:
            yield prefix + name, field["type"]
