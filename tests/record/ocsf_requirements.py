"""What OCSF asks of an HTTP Activity, as its own server exports it -> a judge of events.

The list comes with the package ocsf-json-schema: https://schema.ocsf.io/1.8.0/export/v2/schema,
of OCSF 1.8.0. It is a closed one: an attribute that the class does not have is a fault too.
"""

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from shipper.record.encoders.ocsf_places import OCSF_VERSION

PROFILES = ["host", "trace"]


@cache
def requirements(version: str = OCSF_VERSION) -> dict[str, Any]:
    """The class with the profiles that are used, as JSON Schema."""
    source = OcsfJsonSchemaEmbedded(get_ocsf_schema(version))
    schema: dict[str, Any] = source.get_class_schema("http_activity", PROFILES)
    return schema


@cache
def judge(version: str = OCSF_VERSION) -> Draft202012Validator:
    """Says what is wrong with an event."""
    return Draft202012Validator(requirements(version))


def faults(event: dict[str, Any]) -> list[str]:
    """Each fault with its place; none for an event as OCSF wants it."""
    return [f"{error.json_path}: {error.message[:200]}" for error in judge().iter_errors(event)]


def required(version: str = OCSF_VERSION) -> list[tuple[str, ...]]:
    """The place of every required attribute of the class and of the objects directly in it."""
    schema = requirements(version)
    places: list[tuple[str, ...]] = [(name,) for name in schema["required"]]
    for name, part in schema["properties"].items():
        if "$ref" in part:
            inner = schema["$defs"][part["$ref"].rpartition("/")[2]]
            places += [(name, one) for one in inner.get("required", ())]
    return places
