"""A contract's JSON Schema in; the mappings of an index out, for Elasticsearch or OpenSearch.

Types are those of ECS 8.17, as far as a JSON Schema tells them: addresses are `ip`, times `date`,
whole numbers `long`, texts `keyword` with ECS's limit of 1024, and those that ECS calls `wildcard`
are named here. ECS's `constant_keyword` for data_stream.* is left out: it would refuse records of
one namespace in the stream of another.
"""

from collections.abc import Mapping
from typing import Any

from shipper.record.avro import RENAMED

Json = dict[str, Any]

#: What each store calls a map of texts whose keys are nobody's to know beforehand.
MAP_TYPES = {"elasticsearch": "flattened", "opensearch": "flat_object"}

#: https://www.elastic.co/guide/en/ecs/8.17/ecs-field-reference.html
_WILDCARD = frozenset({"url.full", "url.original", "url.path", "process.command_line"})
_LONG_TEXT = frozenset({"error.message"})
#: ECS, `multi-field`.
_ALSO_TEXT = frozenset({"user_agent.original"})

#: Characters of a `wildcard`. Lucene takes terms of 32766 bytes, and OpenSearch refuses a record
#: with a longer one; our texts are ISO-8859-1, so a character has at most two in UTF-8.
_LONGEST = 16383

_KEYWORD: Json = {"type": "keyword", "ignore_above": 1024}
_KEPT_ONLY: Json = {"type": "keyword", "index": False, "doc_values": False}
_MICROSECONDS: Json = {"type": "long", "meta": {"unit": "micros"}}
#: A letter's original may be as long as a record: kept, shown, not searched.
_NOT_SEARCHED = frozenset({"dead.original"})


class Mapper:
    """Turns one schema into properties for one store."""

    def __init__(self, store: str, schema: Json) -> None:
        self._map = MAP_TYPES[store]
        self._schema = schema

    def properties(self) -> Json:
        """Of the whole record."""
        return self._properties(self._schema, "")

    def _properties(self, part: Json, prefix: str) -> Json:
        return {
            name: self._field(field, prefix + name) for name, field in part["properties"].items()
        }

    def _field(self, field: Json, name: str) -> Json:
        if "$ref" in field:
            inner = self._schema["$defs"][field["$ref"].rpartition("/")[2]]
            return {"properties": self._properties(inner, f"{name}.")}
        if field.get("type") == "array":
            return self._field(field["items"], name)  # one or many is the same to both stores
        if field.get("type") == "object":
            return self._mapped(field)
        return _leaf(field, name)

    def _mapped(self, field: Json) -> Json:
        if field["additionalProperties"].get("type") == "integer":
            # Counters: their names are ours, so few, and sums are wanted.
            return {"type": "object", "dynamic": True}
        limits = {"ignore_above": 1024} if self._map == "flattened" else {}
        return {"type": self._map, **limits}


def _leaf(field: Json, name: str) -> Json:
    kind = str(field.get("type", "string"))
    if kind in _NUMBERS:
        return {"type": _NUMBERS[kind]}
    formats = {field.get("format"), *(one.get("format") for one in field.get("anyOf", ()))}
    if "date-time" in formats:
        return {"type": "date"}
    if {"ipv4", "ipv6"} & formats:
        return {"type": "ip"}
    if name in _WILDCARD:
        return {"type": "wildcard", "ignore_above": _LONGEST}
    return _text(name)


_NUMBERS = {"integer": "long", "number": "float", "boolean": "boolean"}


def _text(name: str) -> Json:
    if name in _NOT_SEARCHED:
        return dict(_KEPT_ONLY)
    if name in _LONG_TEXT:
        return {"type": "text"}
    if name in _ALSO_TEXT:
        return {**_KEYWORD, "fields": {"text": {"type": "text"}}}
    return dict(_KEYWORD)


def as_avro(properties: Json) -> Json:
    """The same for documents that were Avro: a moment is a number there, of microseconds.

    But for `@timestamp`: Avro has no such name, and the sinks add it, from the message's time.
    """
    added = {name: properties[name] for name in RENAMED}
    renamed = {RENAMED.get(name, name): field for name, field in properties.items()}
    return {**added, **_moments_as_numbers(renamed)}


def _moments_as_numbers(properties: Json) -> Json:
    found: Json = {}
    for name, field in properties.items():
        if "properties" in field:
            found[name] = {"properties": _moments_as_numbers(field["properties"])}
        else:
            found[name] = dict(_MICROSECONDS) if field["type"] == "date" else field
    return found


def enriched() -> Json:
    """Properties of what the optional ingest pipeline adds; ECS geo, as and user_agent."""
    names = ("city_name", "continent_name", "country_iso_code", "country_name")
    regions = ("region_iso_code", "region_name")
    geo = {name: dict(_KEYWORD) for name in (*names, *regions)}
    place: Json = {
        "geo": {"properties": {**geo, "location": {"type": "geo_point"}}},
        "as": {
            "properties": {
                "number": {"type": "long"},
                "organization": {"properties": {"name": dict(_KEYWORD)}},
            }
        },
    }
    system = {name: dict(_KEYWORD) for name in ("full", "name", "version")}
    agent: Json = {
        "name": dict(_KEYWORD),
        "version": dict(_KEYWORD),
        "device": {"properties": {"name": dict(_KEYWORD)}},
        "os": {"properties": system},
    }
    sides = {side: {"properties": place} for side in ("source", "destination", "client")}
    return {**sides, "user_agent": {"properties": agent}}


def merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> Json:
    """Both, the second laid into the first."""
    both = dict(first)
    for name, value in second.items():
        old = both.get(name)
        both[name] = merged(old, value) if isinstance(old, dict) else value
    return both
