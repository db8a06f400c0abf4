"""Two JSON Schemas -> what changed from one to the other, and what of it breaks a reader.

The reader has the new schema and the documents are of the old one: BACKWARD, and held between
every pair of versions BACKWARD_TRANSITIVE. The rules are the registries' for closed models
(Confluent, "JSON Schema compatibility rules"): an optional field may come and a list of words may
grow; a field may not go, become required, or hold less than before. To an open model nothing may
be added: its documents may have held anything under that name. A keyword that is not understood
here breaks as soon as it changes.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from shipper.record.schema import Schema


class Change(NamedTuple):
    """One difference. `breaks` says whether a reader fails on it."""

    field: str
    what: str
    breaks: bool


#: What says nothing of what is valid. `format` is one by the standard's default.
_ANNOTATIONS: Final = frozenset({"title", "description", "examples", "format", "$id", "$schema"})

_COMPARED: Final = frozenset(
    {"$ref", "$defs", "type", "enum", "properties", "required", "additionalProperties", "items"}
)

#: Keyword -> 1 where a greater value takes more, -1 where it takes less.
_BOUNDS: Final = {
    "maximum": 1,
    "exclusiveMaximum": 1,
    "maxLength": 1,
    "maxItems": 1,
    "maxProperties": 1,
    "minimum": -1,
    "exclusiveMinimum": -1,
    "minLength": -1,
    "minItems": -1,
    "minProperties": -1,
}


def breaking(changes: list[Change]) -> list[Change]:
    """Those that a reader fails on."""
    return [change for change in changes if change.breaks]


def json_changes(old: Schema, new: Schema) -> list[Change]:
    """What changed between two JSON Schemas, for a reader with the new one of old documents."""
    return list(_Json(old.get("$defs", {}), new.get("$defs", {})).compare("", old, new))


class _Json:
    def __init__(self, old_parts: dict[str, Schema], new_parts: dict[str, Schema]) -> None:
        self._old_parts, self._new_parts = old_parts, new_parts
        self._under_way: set[tuple[str, str]] = set()

    def compare(self, field: str, old: Schema, new: Schema) -> Iterator[Change]:
        references = (old.get("$ref", ""), new.get("$ref", ""))
        if references != ("", ""):
            if references in self._under_way:  # it holds itself
                return
            self._under_way.add(references)
            old = _resolved(old, self._old_parts)
            new = _resolved(new, self._new_parts)
        yield from _types(field, old, new)
        yield from _words(field, old, new)
        yield from self._properties(field, old, new)
        yield from _openness(field, old, new)
        for keyword in ("items", "additionalProperties"):
            if isinstance(old.get(keyword), dict) and isinstance(new.get(keyword), dict):
                yield from self.compare(f"{field}[]", old[keyword], new[keyword])
        yield from _others(field, old, new)
        self._under_way.discard(references)

    def _properties(self, field: str, old: Schema, new: Schema) -> Iterator[Change]:
        before, after = old.get("properties", {}), new.get("properties", {})
        must_before, must_after = set(old.get("required", ())), set(new.get("required", ()))
        prefix = f"{field}." if field else ""
        for name in dict.fromkeys([*before, *after]):
            place = prefix + name
            if name not in after:
                closed = new.get("additionalProperties") is False
                yield Change(place, "removed", breaks=closed)
            elif name not in before:
                yield self._added(place, name, old, required=name in must_after)
            else:
                if name in must_after - must_before:
                    yield Change(place, "is required now", breaks=True)
                elif name in must_before - must_after:
                    yield Change(place, "is optional now", breaks=False)
                yield from self.compare(place, before[name], after[name])

    @staticmethod
    def _added(place: str, name: str, old: Schema, *, required: bool) -> Change:
        if required:
            return Change(place, "added, and required", breaks=True)
        if old.get("additionalProperties") is not False:
            # Documents may have held anything under this name.
            return Change(place, f"added ({name}) to an open model", breaks=True)
        return Change(place, "added, optional", breaks=False)


def _resolved(schema: Schema, parts: dict[str, Schema]) -> Schema:
    reference = schema.get("$ref")
    return schema if reference is None else parts[reference.rpartition("/")[2]]


def _types(field: str, old: Schema, new: Schema) -> Iterator[Change]:
    before, after = old.get("type"), new.get("type")
    if before == after:
        return
    wider = after is None or (before, after) == ("integer", "number")
    yield Change(field, f"type {before} is {after} now", breaks=not wider)


def _words(field: str, old: Schema, new: Schema) -> Iterator[Change]:
    before = old["enum"] if "enum" in old else [old["const"]] if "const" in old else None
    after = new["enum"] if "enum" in new else [new["const"]] if "const" in new else None
    if before == after:
        return
    if before is None or after is None:
        what = "takes any value now" if after is None else "takes only listed values now"
        yield Change(field, what, breaks=before is None)
        return
    for word in after:
        if word not in before:
            yield Change(field, f"takes {word!r} too", breaks=False)
    for word in before:
        if word not in after:
            yield Change(field, f"takes {word!r} no longer", breaks=True)


def _openness(field: str, old: Schema, new: Schema) -> Iterator[Change]:
    before, after = old.get("additionalProperties", True), new.get("additionalProperties", True)
    if before == after or (isinstance(before, dict) and isinstance(after, dict)):
        return
    wider = after is True or before is False
    yield Change(field, "other fields: " + ("more" if wider else "fewer"), breaks=not wider)


def _others(field: str, old: Schema, new: Schema) -> Iterator[Change]:
    for keyword in sorted(old.keys() | new.keys()):
        before, after = old.get(keyword), new.get(keyword)
        known = keyword in _COMPARED or keyword in _ANNOTATIONS or keyword == "const"
        if before == after or known or keyword.startswith("x-"):
            continue
        if after is None:
            yield Change(field, f"{keyword} {before} is gone", breaks=False)
        elif keyword in _BOUNDS and before is not None:
            wider = (after - before) * _BOUNDS[keyword] > 0
            yield Change(field, f"{keyword} {before} is {after} now", breaks=not wider)
        else:
            yield Change(field, f"{keyword} is {after} now", breaks=True)
