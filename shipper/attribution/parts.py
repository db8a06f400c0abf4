"""What is known of one end of a connection -> the parts of a record that say it."""

import re
from collections.abc import Mapping
from typing import Any, Final

from shipper.attribution.paths import Place

#: The API server's UIDs. A static pod's path has the hash of its manifest instead, under which
#: no API knows it.
_UID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Part = dict[str, Any]


def place_parts(place: Place) -> dict[str, Part]:
    """What the place alone says."""
    parts: dict[str, Part] = {}
    if place.container:
        parts["container"] = {"id": place.container}
        if place.runtime:
            parts["container"]["runtime"] = place.runtime
    if _UID.fullmatch(place.pod):
        parts["kubernetes"] = {"pod": {"uid": place.pod}}
    if place.service:
        parts["service"] = {"name": place.service}
    return parts


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> Part:
    """Both, part by part; where both say something, `other` is right. Neither is changed."""
    made = dict(one)
    for name, value in other.items():
        before = made.get(name)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            made[name] = merged(before, value)
        else:
            made[name] = value
    return made
