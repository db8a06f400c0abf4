"""What OCSF asks of an HTTP Activity, as its own server exports it -> a judge of events.

The list comes with the package ocsf-json-schema: https://schema.ocsf.io/1.8.0/export/v2/schema,
of OCSF 1.8.0. It is a closed one: an attribute that the class does not have is a fault too.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from shipper.record.encoders.ocsf_places import OCSF_VERSION

PROFILES = ["host", "trace"]


@cache
def _exported(version: str) -> dict[str, Any]:
    exported: dict[str, Any] = get_ocsf_schema(version)
    return exported


@cache
def requirements(version: str = OCSF_VERSION) -> dict[str, Any]:
    """The class with the profiles that are used, as JSON Schema."""
    source = OcsfJsonSchemaEmbedded(_exported(version))
    schema: dict[str, Any] = source.get_class_schema("http_activity", PROFILES)
    return schema


@cache
def judge(version: str = OCSF_VERSION) -> Draft202012Validator:
    """Says what is wrong with an event."""
    return Draft202012Validator(requirements(version))


def faults(event: dict[str, Any]) -> list[str]:
    """Each fault with its place; none for an event as OCSF wants it."""
    return [f"{error.json_path}: {error.message[:200]}" for error in judge().iter_errors(event)]


def siblings(event: dict[str, Any]) -> Iterator[tuple[int, str, dict[str, str]]]:
    """(number, word, caption of each number) of the pairs such as status_id and status."""
    schema = _exported(OCSF_VERSION)
    yield from _siblings(event, schema["classes"]["http_activity"], schema["objects"])


def _siblings(
    part: dict[str, Any], kind: dict[str, Any], objects: dict[str, Any]
) -> Iterator[tuple[int, str, dict[str, str]]]:
    for name, attribute in kind["attributes"].items():
        held = part.get(name)
        if isinstance(held, dict) and name != "unmapped":
            yield from _siblings(held, objects[attribute["object_type"]], objects)
        elif held is not None and attribute.get("sibling") in part:
            captions = {number: one["caption"] for number, one in attribute["enum"].items()}
            yield held, part[attribute["sibling"]], captions


def required(version: str = OCSF_VERSION) -> list[tuple[str, ...]]:
    """The place of every required attribute of the class and of the objects directly in it."""
    schema = requirements(version)
    places: list[tuple[str, ...]] = [(name,) for name in schema["required"]]
    for name, part in schema["properties"].items():
        if "$ref" in part:
            inner = schema["$defs"][part["$ref"].rpartition("/")[2]]
            places += [(name, one) for one in inner.get("required", ())]
    return places
