"""The document as OCSF HTTP Activity, in JSON: class 4002 of the Network Activity category.

What has no place there stands in `unmapped`, flat, under its dotted name. The tables are in
`ocsf_places`; here is how a document is led through them.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson

from shipper.record.encoders.ecs import json_object
from shipper.record.encoders.interface import Document
from shipper.record.encoders.ocsf_places import (
    ACTIVITIES,
    NEEDS,
    OCSF_VERSION,
    PLACES,
    VARIANTS,
    Place,
    known_method,
)

_CATEGORY: Final = 4
_CLASS: Final = 4002
_OTHER: Final = 99
_TCP: Final = 6


class Target(NamedTuple):
    """Steps to the object that takes a value, its name there, and as in `Place`."""

    steps: tuple[str, ...]
    name: str
    turn: Callable[[Any], Any] | None
    whole: bool


#: A tree like the document: what becomes of each field.
Plan = dict[str, "Plan | list[Target]"]


class OcsfEncoder:
    """OCSF HTTP Activity, UTF-8 JSON."""

    name: Final = "ocsf"
    content_type: Final = "application/json"
    schema_name: Final = "ocsf.http_activity"
    schema_version: Final = OCSF_VERSION
    whole: Final = False

    def encode(self, document: Document) -> bytes:
        """The event."""
        event = _fixed(document)
        _fill(event, document, _plan(*_shape(document)), "")
        _finish(event, document)
        return orjson.dumps(event)

    def decode(self, value: bytes) -> Document:
        """The fields that an event tells, by their names in a record."""
        event = json_object(value)
        if event.get("class_uid") != _CLASS:
            raise ValueError("it is no HTTP Activity")
        return _told(event)


def _fixed(document: Document) -> Document:
    """What every event says, and what the method decides."""
    method = document["http"].get("request", {}).get("method")
    activity = 0 if method is None else ACTIVITIES.get(method, _OTHER)
    name = "Unknown" if method is None else method.title() if activity != _OTHER else method
    kind = _CLASS * 100 + activity
    return {
        "activity_id": activity,
        "activity_name": name,
        "category_uid": _CATEGORY,
        "category_name": "Network Activity",
        "class_uid": _CLASS,
        "class_name": "HTTP Activity",
        "type_uid": kind,
        "type_name": f"HTTP Activity: {name if activity != _OTHER else 'Other'}",
        "severity_id": 1,
        "severity": "Informational",
        "metadata": {"version": OCSF_VERSION, "product": {}},
        "connection_info": {"direction_id": 0},
    }


def _finish(event: Document, document: Document) -> None:
    """What OCSF asks for beside the fields."""
    product = event["metadata"]["product"]
    product.setdefault("name", document["event"]["module"])
    if document["network"]["transport"] == "tcp":
        event["connection_info"]["protocol_num"] = _TCP
    profiles = [profile for profile, held in _PROFILES if held in event]
    if profiles:
        event["metadata"]["profiles"] = profiles
    if "device" in event:
        event["device"]["type_id"] = 0
    traffic = event.get("traffic", {})
    if len(traffic) > 1:
        traffic["bytes"] = traffic["bytes_in"] + traffic["bytes_out"]
    if "http_response" not in event:
        event.setdefault("http_request", {})  # one of both has to be there


#: Profiles, and the attribute of each that is used here.
_PROFILES: Final = (("host", "device"), ("trace", "trace"))


def _fill(event: Document, part: Document, plan: Plan, prefix: str) -> None:
    """Put each field of a part of the document where the plan says, else into `unmapped`."""
    for name, value in part.items():
        planned = plan.get(name)
        if isinstance(planned, dict):
            _fill(event, value, planned, f"{prefix}{name}.")
        elif planned is None or not _put(event, value, planned):
            _leave(event, f"{prefix}{name}", value)


def _put(event: Document, value: object, targets: Iterable[Target]) -> bool:
    """Whether one of the targets took it whole."""
    told = False
    for steps, name, turn, whole in targets:
        turned = value if turn is None else turn(value)
        if turned is not None:
            _at(event, steps)[name] = turned
            told = told or whole
    return told


def _at(event: Document, steps: Iterable[str]) -> Document:
    """The object at a place, made if it is not there."""
    for step in steps:
        event = event.setdefault(step, {})
    return event


def _leave(event: Document, name: str, value: object) -> None:
    if isinstance(value, dict):
        for inner, one in value.items():
            _leave(event, f"{name}.{inner}", one)
    else:
        event.setdefault("unmapped", {})[name] = value


def _shape(document: Document) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Which objects can't be made of a document, and which variants it is."""
    lacking = tuple(
        target for target, needs in _NEEDS if not any(_held(document, one) for one in needs)
    )
    variants = tuple(
        number
        for number, (has, lacks) in enumerate(_VARIANTS)
        if _held(document, has) and not any(_held(document, one) for one in lacks)
    )
    return lacking, variants


def _held(document: Document, steps: Iterable[str]) -> bool:
    part: Any = document
    for step in steps:
        part = part.get(step)
        if part is None:
            return False
    return True


def _steps(name: str) -> tuple[str, ...]:
    return tuple(name.split("."))


_NEEDS: Final = [(target, [_steps(need) for need in needs]) for target, needs in NEEDS.items()]
_VARIANTS: Final = [(_steps(one.has), [_steps(name) for name in one.lacks]) for one in VARIANTS]


@lru_cache(maxsize=64)
def _plan(lacking: tuple[str, ...], variants: tuple[int, ...]) -> Plan:
    """The places as a tree like the document, for documents of one shape."""
    places = dict(PLACES)
    for number in variants:
        places |= VARIANTS[number].places
    plan: Plan = {}
    for field, given in places.items():
        there = [place for place in given if not _inside(place.path, lacking)]
        if there:
            *path, name = field.split(".")
            part: Any = plan
            for step in path:
                part = part.setdefault(step, {})
            part[name] = [_target(place) for place in there]
    return plan


def _inside(path: str, objects: Iterable[str]) -> bool:
    return any(path.startswith(f"{one}.") for one in objects)


def _target(place: Place) -> Target:
    if place.path.startswith("unmapped."):
        steps, name = ["unmapped"], place.path.removeprefix("unmapped.")  # flat
    else:
        *steps, name = place.path.split(".")
    return Target(tuple(steps), name, place.turn, place.whole)


def _told(event: Document) -> Document:
    """The fields that stand unchanged in an event, and those of `unmapped`, which win."""
    told: Document = {}
    for field, places in PLACES.items():
        for place in places:
            same = place.turn is None or place.turn is known_method
            if same and (value := _value(event, place.path)) is not None:
                _set(told, field, value)
    for field, value in event.get("unmapped", {}).items():
        _set(told, field, value)
    return told


def _value(event: Document, path: str) -> object:
    part: Any = event
    for step in path.split("."):
        part = part.get(step) if isinstance(part, dict) else None
    return part


def _set(told: Document, field: str, value: object) -> None:
    *path, name = field.split(".")
    part = told
    for step in path:
        inner = part.setdefault(step, {})
        if not isinstance(inner, dict):
            return
        part = inner
    part[name] = value
