"""Two Avro schemas -> what changed from one to the other, and what of it breaks a reader.

Each is a reader of what the other wrote: FULL, and held between every pair of versions
FULL_TRANSITIVE. The rules are the specification's (Avro 1.12, "Schema Resolution"): what a reader
has and the writer lacks needs a default, and the types have to match or be promoted. All names
are of one namespace, as they are in what is published here.
"""

from collections.abc import Iterator
from typing import Any, Final

from shipper.record.compatibility import Change
from shipper.record.schema import Schema

#: Writer's type -> the types of a reader that it is promoted to.
_PROMOTED: Final = {
    "int": {"long", "float", "double"},
    "long": {"float", "double"},
    "float": {"double"},
    "string": {"bytes"},
    "bytes": {"string"},
}

#: Where a type that holds others says which.
_INSIDE: Final = {"array": "items", "map": "values"}


def avro_changes(old: Schema, new: Schema) -> list[Change]:
    """What changed between two Avro schemas; it breaks if either can't read the other's values."""
    changes = [*_came_and_went(old, new)]
    for reader, writer, who in ((new, old, "new reads old"), (old, new, "old reads new")):
        resolution = _Resolution(_named(reader), _named(writer))
        changes += [
            Change(field, f"{what} ({who})", breaks=True)
            for field, what in resolution.faults("", reader, writer)
        ]
    return changes


class _Resolution:
    """Finds where a reader can't resolve what a writer wrote."""

    def __init__(self, readers: dict[str, Schema], writers: dict[str, Schema]) -> None:
        self._readers, self._writers = readers, writers
        self._under_way: set[tuple[str, str]] = set()

    def faults(self, field: str, reader: Any, writer: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - Avro's types are texts, lists and dicts
        """(field, what is wrong), for each place that does not resolve."""
        reader, writer = _meant(reader, self._readers), _meant(writer, self._writers)
        if isinstance(writer, list):
            for branch in writer:
                yield from self.faults(field, reader, branch)
        elif isinstance(reader, list):
            if all(any(True for _ in self.faults(field, one, writer)) for one in reader):
                yield field, f"no branch takes {_kind(writer)}"
        elif _kind(reader) == _kind(writer):
            yield from self._same_kind(field, reader, writer)
        elif _kind(reader) not in _PROMOTED.get(_kind(writer), ()):
            yield field, f"{_kind(writer)} is not read as {_kind(reader)}"

    def _same_kind(self, field: str, reader: Any, writer: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
        kind = _kind(reader)
        if kind == "record":
            yield from self._record(field, reader, writer)
        elif kind in _INSIDE:
            inner = _INSIDE[kind]
            yield from self.faults(f"{field}[]", reader[inner], writer[inner])
        elif _logical(reader) != _logical(writer):
            yield field, f"{_logical(writer)} is read as {_logical(reader)}"
        elif kind == "enum" and "default" not in reader:
            for word in writer["symbols"]:
                if word not in reader["symbols"]:
                    yield field, f"the word {word} is unknown"

    def _record(self, field: str, reader: Schema, writer: Schema) -> Iterator[tuple[str, str]]:
        names = reader["name"], writer["name"]
        if names in self._under_way:
            return
        if names[0] != names[1]:
            yield field, f"record {names[1]} is called {names[0]}"
        self._under_way.add(names)
        written = {one["name"]: one for one in writer["fields"]}
        for one in reader["fields"]:
            place = f"{field}.{one['name']}" if field else one["name"]
            if one["name"] in written:
                yield from self.faults(place, one["type"], written[one["name"]]["type"])
            elif "default" not in one:
                yield place, "is not written and has no default"
        self._under_way.discard(names)


def _meant(schema: Any, named: dict[str, Schema]) -> Any:  # noqa: ANN401
    """What a name stands for; any other type is itself."""
    return named.get(schema, schema) if isinstance(schema, str) else schema


def _kind(schema: Any) -> str:  # noqa: ANN401
    return str(schema["type"] if isinstance(schema, dict) else schema)


def _logical(schema: Any) -> str | None:  # noqa: ANN401
    return schema.get("logicalType") if isinstance(schema, dict) else None


def _named(schema: Any) -> dict[str, Schema]:  # noqa: ANN401
    """The records of a schema by their names."""
    found: dict[str, Schema] = {}
    for part in schema if isinstance(schema, list) else [schema]:
        if not isinstance(part, dict):
            continue
        if "name" in part:
            found[part["name"]] = part
        for inner in (
            *(one["type"] for one in part.get("fields", ())),
            part.get("items"),
            part.get("values"),
        ):
            found |= _named(inner)
    return found


def _came_and_went(old: Schema, new: Schema) -> Iterator[Change]:
    """The fields that came and went, which by themselves break nobody."""
    before, after = _paths(old), _paths(new)
    yield from (Change(name, "added", breaks=False) for name in after if name not in before)
    yield from (Change(name, "removed", breaks=False) for name in before if name not in after)


def _paths(schema: Schema) -> list[str]:
    """`part.field` of every field of every record in a schema."""
    return [
        f"{name}.{one['name']}"
        for name, part in _named(schema).items()
        for one in part.get("fields", ())
    ]
